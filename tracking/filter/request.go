package filter

import (
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Type is a set of kinds of request.
type Type uint16

// The kinds that rules tell apart. Popup is no request of a page; rules that
// want it match nothing here.
const (
	Document Type = 1 << iota
	Subdocument
	Script
	Stylesheet
	Image
	Font
	Media
	Object
	XHR // fetch as well
	Ping
	WebSocket
	Other
	popup

	defaultTypes = Subdocument | Script | Stylesheet | Image | Font | Media | Object | XHR | Ping | WebSocket | Other
)

// typeOptions names the types as rules do.
var typeOptions = map[string]Type{
	"document": Document, "doc": Document, "subdocument": Subdocument, "frame": Subdocument, "script": Script,
	"stylesheet": Stylesheet, "css": Stylesheet, "image": Image, "font": Font, "media": Media,
	"object": Object, "object-subrequest": Object, "xmlhttprequest": XHR, "xhr": XHR, "ping": Ping, "beacon": Ping,
	"websocket": WebSocket, "other": Other, "popup": popup, "popunder": popup, "all": defaultTypes | Document | popup,
}

// TypeOf is the type that a browser's name for a request stands for: a
// resource type of the DevTools protocol, "XHR", or a destination of the Fetch
// standard, "iframe". What has no counterpart is Other.
func TypeOf(name string) Type {
	switch lower(name) {
	case "document":
		return Document
	case "iframe", "frame", "fencedframe", "subframe", "prefetch-frame":
		return Subdocument
	case "script", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet":
		return Script
	case "stylesheet", "style", "xslt":
		return Stylesheet
	case "image":
		return Image
	case "font":
		return Font
	case "media", "audio", "video", "track", "texttrack", "av":
		return Media
	case "object", "embed":
		return Object
	case "xhr", "fetch", "eventsource":
		return XHR
	case "ping", "beacon":
		return Ping
	case "websocket":
		return WebSocket
	}
	return Other
}

// String names the type as rules do.
func (t Type) String() string {
	switch t {
	case Document:
		return "document"
	case Subdocument:
		return "subdocument"
	case Script:
		return "script"
	case Stylesheet:
		return "stylesheet"
	case Image:
		return "image"
	case Font:
		return "font"
	case Media:
		return "media"
	case Object:
		return "object"
	case XHR:
		return "xmlhttprequest"
	case Ping:
		return "ping"
	case WebSocket:
		return "websocket"
	}
	return "other"
}

// Request is a request to be matched. It must not be used by two goroutines at
// once.
type Request struct {
	Type   Type
	Method string // in lower case, "" if unknown

	url, low   string // as given and in lower case
	start, end int    // of the host
	host       string
	document   string // host, "" if unknown
	third      int8   // memory of isThird: 0 is not known yet
}

// maxURL bounds what of a URL is looked at, in bytes.
const maxURL = 32 << 10

// NewRequest prepares the request for a URL, made by the document on a host.
// Without a host of the document no rule fits that asks for one, or for the
// party. It is false for what is no URL of a host, such as "data:…".
func NewRequest(link, document string, t Type) (*Request, bool) {
	if len(link) > maxURL {
		link = link[:maxURL]
	}
	scheme := strings.Index(link, "://")
	if scheme <= 0 {
		return nil, false
	}
	r := &Request{Type: t, url: link, start: scheme + 3, document: strings.TrimSuffix(lower(document), ".")}
	r.end = len(link)
	if i := strings.IndexAny(link[r.start:], "/?#\\"); i >= 0 {
		r.end = r.start + i
	}
	if i := strings.LastIndexByte(link[r.start:r.end], '@'); i >= 0 {
		r.start += i + 1
	}
	if i := strings.LastIndexByte(link[r.start:r.end], ':'); i >= 0 && !strings.HasSuffix(link[:r.end], "]") {
		r.end = r.start + i
	}
	if strings.HasSuffix(link[r.start:r.end], ".") { // the same host in the DNS
		r.url = link[:r.end-1] + link[r.end:]
		r.end--
	}
	r.low = lower(r.url)
	r.host = r.low[r.start:r.end]
	return r, r.host != ""
}

// Host is the host of the URL in lower case, without a port.
func (r *Request) Host() string { return r.host }

func (r *Request) isThird() bool {
	if r.third == 0 {
		r.third = -1
		if registrable(r.host) != registrable(r.document) {
			r.third = 1
		}
	}
	return r.third > 0
}

// registrable is the registrable domain of a host; the host itself if it has
// none.
func registrable(host string) string {
	if d, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil && !isAddress(host) {
		return d
	}
	return host
}

func isAddress(host string) bool {
	if host == "" || host[len(host)-1] > '9' && host[len(host)-1] != ']' {
		return false
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// within reports whether a host is a domain or below it. "example.*" stands
// for the name under every public suffix.
func within(host, domain string) bool {
	if name, ok := strings.CutSuffix(domain, ".*"); ok {
		suffix, _ := publicsuffix.PublicSuffix(host)
		base, ok := strings.CutSuffix(host, "."+suffix)
		return ok && (base == name || strings.HasSuffix(base, "."+name))
	}
	return strings.HasSuffix(host, domain) && (len(host) == len(domain) || host[len(host)-len(domain)-1] == '.')
}

func withinAny(host string, domains []string) bool {
	for _, d := range domains {
		if within(host, d) {
			return true
		}
	}
	return false
}
