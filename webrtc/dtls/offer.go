package dtls

import (
	"crypto/rand"
	"slices"
	"strings"

	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
)

// A dimension is one of the lists in a hello of which the server chooses.
type dimension int

const (
	suites dimension = iota
	groups
	schemes
	profiles
	dimensions
)

// An offer is what a hello of ours says.
type offer struct {
	version uint16 // the only one; 0 for all
	lists   [dimensions][]uint16
	without string // an extension that is left out
}

// versions are those of DTLS, the highest first.
var versions = []uint16{hello.DTLS13, hello.DTLS12, hello.DTLS10}

// all13 and all12 are everything that there is to choose from, with DTLS 1.3
// and before it. The weakest stand first: who follows our order shows the
// worst that it accepts, and whoever chooses something better does so because
// it wants to.
var (
	all13 = [dimensions][]uint16{suites13(), groups13, schemes12, profilesAll()}
	all12 = [dimensions][]uint16{suites12(), slices.Concat(groups12, groups13), schemes12, profilesAll()}
)

var (
	// of at most 160 bits, then binary curves, then those of 192 bits and more,
	// Brainpool and, last, what RFC 8422 has left
	groups12 = []uint16{16, 17, 15, 1, 2, 3, 18, 19, 20, 21, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 22, 26, 27, 28}
	groups13 = []uint16{256, 257, 258, 259, 260, 31, 32, 33, 25, 24, 23, 30, 29, 0x11EB, 0x11EC, 0x11ED}
	// in the order of their hashes: MD5, SHA-1, SHA-224, SHA-256, …
	schemes12 = []uint16{0x0101, 0x0201, 0x0202, 0x0203, 0x0301, 0x0302, 0x0303, 0x0402, 0x0502, 0x0602, 0x0401, 0x0501, 0x0601,
		0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x081A, 0x081B, 0x081C, 0x0807, 0x0808}
)

// suites12 lists the suites that a server with a certificate, or with none,
// may have before DTLS 1.3.
func suites12() []uint16 {
	return listSuites(func(s iana.CipherSuite) bool {
		return s.MinVersion < hello.TLS13 && s.DTLS && slices.Contains([]string{"RSA", "DHE", "ECDHE"}, s.KeyExchange) &&
			slices.Contains([]string{"RSA", "DSS", "ECDSA", "anon"}, s.Authentication)
	})
}

func suites13() []uint16 {
	return listSuites(func(s iana.CipherSuite) bool { return s.MinVersion >= hello.TLS13 })
}

func listSuites(has func(iana.CipherSuite) bool) (all []uint16) {
	for _, s := range iana.CipherSuites {
		if !s.Signal && !s.Unregistered && has(s) {
			all = append(all, s.Code)
		}
	}
	slices.SortStableFunc(all, func(a, b uint16) int { return strength(a) - strength(b) })
	return all
}

// strength ranks suites, the weakest lowest.
func strength(code uint16) int {
	s, _ := iana.Suite(code)
	rank := 0
	for _, good := range []bool{s.Cipher != "NULL", s.Authentication != "anon", !s.Export && s.Bits >= 112, s.Block != 64, s.ForwardSecret || s.MinVersion >= hello.TLS13,
		s.AEAD, s.Mode != iana.CCM8, s.Bits >= 256} {
		rank *= 2
		if good {
			rank++
		}
	}
	return rank
}

// profilesAll lists the profiles of the registry, those without encryption
// first and those with a short tag next.
func profilesAll() (all []uint16) {
	rank := func(code uint16) int {
		name := iana.SRTPProfileName(code)
		return slices.IndexFunc([]string{"NULL", "_32", "_80", ""}, func(part string) bool { return strings.Contains(name, part) })
	}
	for _, e := range iana.SRTPProfiles {
		all = append(all, uint16(e.Code))
	}
	slices.SortStableFunc(all, func(a, b uint16) int { return rank(a) - rank(b) })
	return all
}

// everything is what there is to choose from in a version; 0 means all.
func everything(version uint16) offer {
	o := offer{version: version, lists: all12}
	switch version {
	case 0:
		o.lists[suites] = slices.Concat(all12[suites], all13[suites])
	case hello.DTLS13:
		o.lists = all13
	}
	return o
}

// with returns the offer with another list.
func (o offer) with(d dimension, list []uint16) offer {
	o.lists[d] = list
	return o
}

// hello makes a ClientHello. It fits into one datagram, because some servers
// take no fragments there.
func (o offer) hello() *hello.ClientHello {
	c := &hello.ClientHello{Version: hello.DTLS12, Random: make([]byte, 32), CipherSuites: o.lists[suites]}
	rand.Read(c.Random) // never fails
	add := func(e hello.Extension) { c.Extensions = append(c.Extensions, e) }
	add(hello.Values(hello.ExtSupportedGroups, o.lists[groups]))
	add(hello.ECPointFormats())
	if o.version == hello.DTLS10 {
		c.Version = hello.DTLS10
	} else {
		add(hello.Values(hello.ExtSignatureAlgorithms, o.lists[schemes]))
	}
	if o.without != withoutSRTP {
		add(hello.UseSRTP(o.lists[profiles]...))
	}
	if o.version != hello.DTLS13 {
		if o.without != withoutEMS {
			add(hello.Empty(hello.ExtExtendedMasterSecret))
		}
		add(hello.RenegotiationInfo(nil))
		add(hello.Empty(hello.ExtEncryptThenMAC))
		add(hello.Empty(hello.ExtSessionTicket))
		add(hello.Heartbeat())
	}
	offered := []uint16{o.version}
	if o.version == 0 {
		offered = versions
	}
	if offered[0] == hello.DTLS13 {
		add(hello.SupportedVersions(offered...))
		var shares []hello.Share // where there is none, a retry names the group
		if slices.Contains(o.lists[groups], x25519) {
			if share, err := hello.NewShare(x25519, rand.Reader); err == nil {
				shares = append(shares, share)
			}
		}
		add(hello.KeyShares(shares...))
	}
	return c
}

// x25519 is the group whose shares are sent unasked.
const x25519 = 29

// without returns the list without some codes.
func without(list, some []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(list), func(c uint16) bool { return slices.Contains(some, c) })
}
