package geo

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
	"time"
)

//go:embed sites.txt
var sitesText string

// sites is the country of each site name.
var sites = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(sitesText) {
		if words := strings.Fields(line); len(words) > 1 && words[0] != "#" {
			for _, site := range words[1:] {
				all[site] = words[0]
			}
		}
	}
	return all
})

// Hint is what a response says of the server that gave it. It is the server's
// own word, and the next visitor may be answered elsewhere.
type Hint struct {
	Header  string `json:"header"`            // in lower case
	Value   string `json:"value"`             // the part that says it
	Network string `json:"network"`           // of a CDN: "Cloudflare"
	Site    string `json:"site,omitempty"`    // IATA code of an airport near to it
	Country string `json:"country,omitempty"` // ISO 3166-1 alpha-2 of the site
}

// marks are the headers that say something. The first group is the site's
// code, or the country where that is what the network writes.
var marks = []struct {
	header, network string
	value           *regexp.Regexp
	isCountry       bool
}{
	{"cf-ray", "Cloudflare", regexp.MustCompile(`^[0-9a-f]{16,20}-([A-Z]{3})$`), false},
	{"x-amz-cf-pop", "Amazon CloudFront", regexp.MustCompile(`^([A-Z]{3})[0-9]+(?:-[A-Z][0-9]+)?$`), false},
	{"x-served-by", "Fastly", regexp.MustCompile(`cache-[a-z]{3,6}-?[0-9a-z-]*-([A-Z]{3})$`), false}, // the last of several
	{"x-msedge-ref", "Microsoft Azure Front Door", regexp.MustCompile(`Ref B: ([A-Z]{3})[0-9A-Z]+`), false},
	{"x-vercel-id", "Vercel", regexp.MustCompile(`^([a-z]{3})[0-9]::`), false},
	{"fly-request-id", "Fly.io", regexp.MustCompile(`^[0-9A-Z]{26}-([a-z]{3})$`), false},
	{"x-77-pop", "CDN77", regexp.MustCompile(`^[a-z]+([A-Z]{2})$`), true},
	{"server", "bunny.net", regexp.MustCompile(`^BunnyCDN-([A-Z]{2})[0-9]*-[0-9]+$`), true},
	{"server", "Cloudflare", regexp.MustCompile(`^cloudflare$()`), false},
	{"server", "Akamai", regexp.MustCompile(`^AkamaiGHost$()`), false},
	{"akamai-grn", "Akamai", regexp.MustCompile(`^[0-9a-f.]{10,60}$()`), false},
	{"via", "Amazon CloudFront", regexp.MustCompile(`[0-9a-f]{32}\.cloudfront\.net \(CloudFront\)$()`), false},
	{"x-fastly-request-id", "Fastly", regexp.MustCompile(`^[0-9a-f]{40}$()`), false},
	{"x-azure-ref", "Microsoft Azure Front Door", regexp.MustCompile(`^[0-9A-Za-z+/=-]{20,120}$()`), false},
}

// maxHeader bounds the value of a header that is looked at, in bytes.
const maxHeader = 1 << 10

// Edge reads a header of a response. It is false for headers that say nothing
// of the server.
func Edge(header, value string) (Hint, bool) {
	header, value = strings.ToLower(header), strings.TrimSpace(value)
	if len(value) > maxHeader {
		return Hint{}, false
	}
	for _, m := range marks {
		if m.header != header {
			continue
		}
		found := m.value.FindStringSubmatch(value)
		if found == nil {
			continue
		}
		h := Hint{Header: header, Network: m.network, Value: found[0]}
		switch code := strings.ToUpper(found[1]); {
		case m.isCountry:
			h.Country = country(code)
		case code != "":
			h.Site, h.Country = code, sites()[code]
		}
		if h.Site == "" && h.Country == "" {
			h.Value = m.network // the rest is a number of the request
		}
		return h, true
	}
	return Hint{}, false
}

// kmPerMillisecond is how far light comes in glass.
const kmPerMillisecond = 200

// Within bounds how far away a server can be, in kilometres, that answered
// after a round trip. It bounds nothing if the answer came from something in
// between, such as a proxy.
func Within(roundTrip time.Duration) int {
	return int(roundTrip.Seconds() * 1000 / 2 * kmPerMillisecond)
}
