package webrtc

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// description is what matters of all session descriptions that one end of a
// connection has given.
type description struct {
	fingerprint  string   // of the latest description, the one with the strongest hash
	ufrags       []string // ICE user fragments, the latest last
	fingerprints []string // "sha-256 AB:CD:…", the latest last
	levels       uint16   // bit n: header extension n carries the audio level of RFC 6464
	sdes         bool
	streams      map[uint32]string // kind of the primary stream with this SSRC
	codecs       map[uint8]string  // "opus/48000/2" by payload type
	candidates   []Candidate
}

// Bounds on the attributes that are kept of one end. An ICE restart gives a
// new user fragment; the latest are enough to tell whose packets are whose.
const (
	maxFragments = 8
	maxSSRCs     = 64
	maxSections  = 32
)

// read adds a session description and returns what is to be told of it. It
// looks for single attributes only, so that what a browser would reject is
// seen as well.
func (d *description) read(sdp string) (told Description) {
	kind, repairs := "", map[string]bool{}
	section := func() *Section {
		if len(told.Sections) == 0 {
			return &Section{} // before the first one
		}
		return &told.Sections[len(told.Sections)-1]
	}
	strongest := -1
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		if m, ok := strings.CutPrefix(line, "m="); ok {
			kind, _, _ = strings.Cut(m, " ")
			if f := strings.Fields(m); len(f) > 2 && len(told.Sections) < maxSections {
				told.Sections = append(told.Sections, Section{Kind: clip(f[0], 16), Protocol: clip(f[2], 32), Rejected: f[1] == "0"})
			}
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "a=ice-ufrag":
			d.ufrags = latest(d.ufrags, clip(value, 256))
		case "a=fingerprint":
			hash, digest, ok := strings.Cut(strings.TrimSpace(value), " ")
			if ok {
				print := clip(strings.ToLower(hash)+" "+strings.ToUpper(digest), 256)
				d.fingerprints = latest(d.fingerprints, print)
				told.Fingerprints = once(told.Fingerprints, print)
				if n := slices.Index([]string{"md2", "md5", "sha-1", "sha-224", "sha-256", "sha-384", "sha-512"}, strings.ToLower(hash)); n >= strongest {
					strongest, d.fingerprint = n, print
				}
			}
		case "a=ssrc-group":
			if f := strings.Fields(value); len(f) == 3 && f[0] != "SIM" {
				repairs[f[2]] = true // FID, FEC-FR: the second repeats the first
			}
		case "a=ssrc":
			id, _, _ := strings.Cut(value, " ")
			n, err := strconv.ParseUint(id, 10, 32)
			if err == nil && !repairs[id] && (kind == "audio" || kind == "video") && len(d.streams) < maxSSRCs {
				if d.streams == nil {
					d.streams = map[uint32]string{}
				}
				d.streams[uint32(n)] = kind
			}
		case "a=crypto":
			d.sdes = true
			if f := strings.Fields(value); len(f) > 1 { // "1 AES_CM_128_HMAC_SHA1_80 inline:…"
				told.Crypto = once(told.Crypto, clip(f[1], 64))
			}
		case "a=setup":
			told.Setup = once(told.Setup, clip(value, 16))
		case "a=ice-lite":
			told.Lite = true
		case "a=mid":
			section().MID = clip(value, 32)
		case "a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive":
			section().Direction = name[2:]
		case "a=rtpmap":
			number, codec, _ := strings.Cut(value, " ")
			if n, err := strconv.ParseUint(number, 10, 7); err == nil {
				if d.codecs == nil {
					d.codecs = map[uint8]string{}
				}
				d.codecs[uint8(n)] = clip(codec, 64)
			}
		case "a=candidate":
			if c, ok := parseCandidate(line); ok {
				d.candidate(c)
			}
		case "a=extmap":
			id, uri, _ := strings.Cut(value, " ")
			id, _, _ = strings.Cut(id, "/")
			if strings.HasPrefix(uri, "urn:ietf:params:rtp-hdrext:ssrc-audio-level") {
				// Larger ids do not fit into a one-byte header.
				if n := slices.Index([]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"}, id); n >= 0 {
					d.levels |= 2 << n
				}
			}
		}
	}
	return told
}

// candidate adds a candidate once.
func (d *description) candidate(c Candidate) {
	if len(d.candidates) < maxCandidates && !slices.Contains(d.candidates, c) {
		d.candidates = append(d.candidates, c)
	}
}

// once adds s to a short list unless it is there.
func once(all []string, s string) []string {
	if len(all) >= maxFragments || slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// latest moves s to the end of a bounded list without doubles.
func latest(all []string, s string) []string {
	all = slices.DeleteFunc(all, func(x string) bool { return x == s })
	if len(all) >= maxFragments {
		all = all[1:]
	}
	return append(all, s)
}

// last returns the last element or "".
func last(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// parseCandidate reads "candidate:… 1 udp 2122194687 192.0.2.1 5000 typ host …".
func parseCandidate(s string) (Candidate, bool) {
	f := strings.Fields(strings.TrimPrefix(strings.TrimPrefix(s, "a="), "candidate:"))
	if len(f) < 8 || f[6] != "typ" {
		return Candidate{}, false
	}
	return Candidate{Type: clip(f[7], 16), Protocol: clip(strings.ToLower(f[2]), 16), Address: clip(net.JoinHostPort(f[4], f[5]), 128)}, true
}
