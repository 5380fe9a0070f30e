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
}

// Bounds on the attributes that are kept of one end. An ICE restart gives a
// new user fragment; the latest are enough to tell whose packets are whose.
const (
	maxFragments = 8
	maxSSRCs     = 64
)

// read adds a session description. It looks for single attributes only, so
// that what a browser would reject is seen as well.
func (d *description) read(sdp string) {
	kind, repairs := "", map[string]bool{}
	strongest := -1
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		if m, ok := strings.CutPrefix(line, "m="); ok {
			kind, _, _ = strings.Cut(m, " ")
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
