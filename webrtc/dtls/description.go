package dtls

import (
	"slices"
	"strings"
)

// A Setup is a value of the attribute "setup" (RFC 4145, RFC 8842): who
// begins the DTLS handshake.
type Setup string

// The setups that a join is made with.
const (
	Active  Setup = "active"  // we are the DTLS client; the server chooses
	Passive Setup = "passive" // we are the DTLS server; the far end offers
)

// A Description is what a session description of the far end says about the
// way to it. Of several media descriptions the first counts: where they are
// bundled, and all that matters are, they say the same.
type Description struct {
	Offer        bool     // it was an offer, and ours the answer
	Lite         bool     // the far end is ICE-lite
	Ufrag        string   // of ICE
	Password     string   // of ICE
	Setup        string   // as it was given
	Fingerprints []string // "sha-256 AB:CD:…", hashes in lower case, digests in upper
	Candidates   []string // without "candidate:"
}

// Bounds on what is kept of a description.
const (
	maxCandidates   = 64
	maxFingerprints = 8
	maxValue        = 512
)

// ParseDescription reads a session description. What it does not say is
// empty.
func ParseDescription(sdp string, offer bool) Description {
	d := Description{Offer: offer}
	first := func(to *string, value string) {
		if *to == "" && len(value) <= maxValue {
			*to = value
		}
	}
	for line := range strings.Lines(sdp) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch name {
		case "a=ice-lite":
			d.Lite = true
		case "a=ice-ufrag":
			first(&d.Ufrag, value)
		case "a=ice-pwd":
			first(&d.Password, value)
		case "a=setup":
			first(&d.Setup, value)
		case "a=fingerprint":
			hash, digest, ok := strings.Cut(strings.TrimSpace(value), " ")
			f := strings.ToLower(hash) + " " + strings.ToUpper(digest)
			if ok && len(f) <= maxValue && len(d.Fingerprints) < maxFingerprints && !slices.Contains(d.Fingerprints, f) {
				d.Fingerprints = append(d.Fingerprints, f)
			}
		case "a=candidate":
			d.candidate(value)
		}
	}
	return d
}

func (d *Description) candidate(c string) {
	if len(c) <= maxValue && len(d.Candidates) < maxCandidates && !slices.Contains(d.Candidates, c) {
		d.Candidates = append(d.Candidates, c)
	}
}

// Substitute puts our identity in place of the one in a session description
// that a browser has made, and takes the candidates out: ICE finds ours by
// their packets. All else, such as codecs and streams, stays as it is.
func Substitute(sdp string, id *Identity, setup Setup) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		text := strings.TrimRight(line, "\r\n")
		end := line[len(text):]
		name, _, _ := strings.Cut(text, ":")
		switch name {
		case "a=ice-ufrag":
			text = "a=ice-ufrag:" + id.Ufrag
		case "a=ice-pwd":
			text = "a=ice-pwd:" + id.Password
		case "a=fingerprint":
			text = "a=fingerprint:" + id.Fingerprint
		case "a=setup":
			text = "a=setup:" + string(setup)
		case "a=candidate", "a=end-of-candidates":
			continue
		}
		b.WriteString(text)
		b.WriteString(end)
	}
	return b.String()
}
