package enumerate

import (
	"fmt"
	"slices"
	"time"

	"vksprobe/tls/hello"
)

// protocols is what steers the questions about ALPN.
type protocols struct {
	named []string
}

// start queues the first wave.
func (s *scan) start() {
	if s.target.Transport == QUIC {
		s.startQUIC()
		return
	}
	if s.target.Transport == UDP {
		s.begin() // nothing but hellos
		return
	}
	s.stage(func() {
		s.begin()
		s.session()
	}, s.drown)
}

// drown asks for SSL 2.0, once. A hello of that kind is often met by silence,
// which says more when the server is known to answer others.
func (s *scan) drown() {
	if s.drowned {
		return
	}
	s.drowned = true
	s.ask(&ask{question: AskFlaw, detail: DROWN, first: hello.SSL2ClientHello(kindsSSL2, random(16)),
		until: func(f *hello.Flight) bool { return f.SSL2 != nil }, wait: 2 * time.Second, then: s.note2})
}

// begin asks for the versions, and all else when they are known.
func (s *scan) begin() {
	var forward, backward, legacy *answer
	s.stage(func() {
		if !s.small {
			s.beginModern()
		}
		s.beginClassic(&forward, &backward)
		s.ask(&ask{question: AskSuites, hello: s.classic(hello.TLS11, likelyLegacy, groups12), until: complete, then: func(r *answer) { s.note(r); legacy = r }})
	}, func() {
		if !s.small {
			s.goOnModern()
		}
		s.goOnClassic(forward, backward, legacy)
		s.extras()
	})
}

func (s *scan) note2(r *answer) {
	if r.SSL2 != nil {
		s.of(hello.SSL20)
	}
}

// usual is a hello that the server has answered, of the highest version.
func (s *scan) usual() *hello.ClientHello {
	switch {
	case s.has(hello.TLS12):
		return s.classic(hello.TLS12, s.of(hello.TLS12).suites, groups12)
	case s.has(hello.TLS13):
		return s.modern(s.of(hello.TLS13).suites, groups13)
	}
	for v := hello.TLS11; v >= hello.SSL30; v-- {
		if s.has(v) {
			return s.classic(v, s.of(v).suites, groups12)
		}
	}
	return nil
}

// extras asks for what one known hello is enough for, once.
func (s *scan) extras() {
	if s.usual() == nil || s.extra {
		return
	}
	s.extra = true
	s.names()
	if s.target.Transport == QUIC {
		s.applications(applicationsQUIC)
	} else {
		s.applications(applications)
	}
	s.tolerance()
	if !s.target.Transport.datagrams() {
		s.drown()
		s.sessions()
		s.flaws()
	}
}

// without returns a copy of a hello without an extension.
func without(c *hello.ClientHello, typ uint16) *hello.ClientHello {
	d := *c
	d.Extensions = slices.DeleteFunc(slices.Clone(c.Extensions), func(e hello.Extension) bool { return e.Type == typ })
	return &d
}

// unknownName is one that no server has (RFC 6761).
const unknownName = "no-such-name.invalid"

// names asks with no server name and with an unknown one. In TLS 1.3 the
// certificate is seen only behind the encryption.
func (s *scan) names() {
	if s.target.Host == "" {
		return
	}
	base, until := s.usual(), complete
	var shares []hello.Share
	if base == nil {
		return
	}
	if !s.has(hello.TLS12) && s.has(hello.TLS13) {
		base, shares = s.readable()
		until = decrypted
	}
	s.ask(&ask{question: AskName, detail: "none", hello: without(base, hello.ExtServerName), shares: shares, until: until, then: s.note},
		&ask{question: AskName, detail: "unknown", hello: base.With(hello.ServerName(unknownName)), shares: shares, until: until, then: s.note})
}

// shares returns key shares that the server takes in TLS 1.3.
func (s *scan) shares() []hello.Share {
	v := s.of(hello.TLS13)
	var out []hello.Share
	for _, x := range s.share {
		if slices.Contains(v.groups, x.Group) {
			out = append(out, x)
		}
	}
	for _, g := range v.groups {
		if len(out) == 0 && hello.CanShare(g) {
			if x, err := hello.NewShare(g, cryptoRandom); err == nil {
				out = append(out, x)
			}
		}
	}
	return out
}

// readable makes a hello of TLS 1.3 whose handshake can be decrypted: with a
// share of each group that it offers.
func (s *scan) readable() (*hello.ClientHello, []hello.Share) {
	shares := s.shares()
	var groups []uint16
	for _, x := range shares {
		groups = append(groups, x.Group)
	}
	return s.modern(both(suites13, s.of(hello.TLS13).suites), groups, shares...), shares
}

// applications asks for application protocols until none is chosen any more.
func (s *scan) applications(list []string) {
	left := slices.DeleteFunc(slices.Clone(list), func(p string) bool { return slices.Contains(s.named, p) })
	base, until := s.usual(), complete
	if len(left) == 0 || base == nil {
		return
	}
	var shares []hello.Share
	if !s.has(hello.TLS12) && s.has(hello.TLS13) {
		base, shares = s.readable()
		until = decrypted
	}
	s.ask(&ask{question: AskALPN, hello: base.With(hello.ALPN(left...)), shares: shares, until: until, then: func(r *answer) {
		s.note(r)
		if p := r.Protocol(); p != "" && slices.Contains(left, p) {
			s.named = append(s.named, p)
			s.applications(left)
		}
	}})
}

// fallback asks with TLS_FALLBACK_SCSV in a version below the highest.
func (s *scan) fallback() {
	if s.target.Transport.datagrams() {
		return
	}
	var versions []uint16
	for _, v := range []uint16{hello.TLS13, hello.TLS12, hello.TLS11, hello.TLS10, hello.SSL30} {
		if s.has(v) {
			versions = append(versions, v)
		}
	}
	if len(versions) == 0 || versions[0] == hello.SSL30 {
		return
	}
	v, suites := versions[0]-1, popular
	if len(versions) > 1 {
		v = versions[1]
		suites = s.of(v).suites
	}
	s.ask(&ask{question: AskFallback, hello: s.classic(v, append(slices.Clone(suites), hello.SCSVFallback), groups12), then: s.note})
}

// unknownExtension has not been assigned.
const unknownExtension = 0x5678

// tolerance asks whether the server ignores what it does not know: reserved
// values (RFC 8701), a version from the future, a hello of several kilobytes.
func (s *scan) tolerance() {
	base := s.usual()
	if base == nil {
		return
	}
	grease := *base
	grease.CipherSuites = append([]uint16{hello.GREASE(2)}, base.CipherSuites...)
	odd := grease.With(hello.Empty(hello.GREASE(4)))
	if groups := base.List16(hello.ExtSupportedGroups); groups != nil {
		odd = odd.With(hello.Values(hello.ExtSupportedGroups, append([]uint16{hello.GREASE(6)}, groups...)))
	}
	if offers := base.Offers(); offers[0] == s.wire(hello.TLS13) {
		odd = odd.With(hello.SupportedVersions(hello.GREASE(8), s.wire(hello.TLS13)))
	}
	s.ask(&ask{question: AskTolerance, detail: "grease", hello: pad(odd), then: s.note},
		&ask{question: AskTolerance, detail: "large", hello: base.With(hello.Padding(4096)), then: s.note},
		&ask{question: AskTolerance, detail: "extension", hello: pad(base.With(hello.Empty(unknownExtension))), then: s.note})
	if middle := without(base, hello.ExtPadding); !s.small && s.target.Transport != QUIC {
		if n := len(middle.Marshal()); n < 256 {
			middle = middle.With(hello.Padding(300 - n))
		}
		if len(middle.Marshal()) < 512 {
			s.ask(&ask{question: AskTolerance, detail: "middle", hello: middle, then: s.note})
		}
	}
	if !s.small {
		c := *base
		c.CipherSuites = append(slices.Clone(base.CipherSuites), minus(slices.Concat(classes...), base.CipherSuites)...)[:130]
		s.ask(&ask{question: AskTolerance, detail: "suites", hello: &c, then: s.note})
	}
	if s.has(hello.TLS12) && !s.has(hello.TLS13) {
		s.ask(&ask{question: AskTolerance, detail: "versions", hello: pad(base.With(hello.SupportedVersions(s.wire(hello.TLS13), s.wire(hello.TLS12)))), then: s.note})
	}
}

// rank proves the server's order of suites, in rounds.
func (s *scan) rank(v uint16) {
	if !s.has(v) {
		return
	}
	asked := false
	s.stage(func() { asked = s.order(v) }, func() {
		if asked {
			s.rank(v)
		}
	})
}

// order asks for the list of suites from each place on whose next neighbour is
// not proven to be behind it; it reports whether there was one. Ours is the
// other way round, so that the server's order shows.
func (s *scan) order(v uint16) bool {
	k := s.of(v)
	list := s.guess(v)
	if k.rounds > 2*len(list) {
		return false
	}
	k.rounds++
	if k.order.preference(list, isChaCha20) == Client {
		return s.confirmClient(v, list)
	}
	asked := false
	server := k.order.preference(list, isChaCha20) == Server
	// once it is known that clients decide on ChaCha20, what stands on both
	// sides of it are neighbours
	others := slices.DeleteFunc(slices.Clone(list), isChaCha20)
	for _, list := range [][]uint16{list, others} {
		for i := 0; i+1 < len(list); i++ {
			a, b := list[i], list[i+1]
			if k.order.decided(a, b, server) {
				continue
			}
			rest := list[i:min(len(list), i+maxSuites)]
			key := fmt.Sprint(slices.Sorted(slices.Values(rest)))
			asked = true
			switch {
			case !k.asked[key] && (k.rounds == 1 || server):
				s.ask(&ask{question: AskOrder, hello: s.offer(v, reversed(rest)), then: s.note})
				k.asked[key] = true
			case k.rounds == 1:
			case k.order[[2]uint16{b, a}].leading:
				s.ask(&ask{question: AskOrder, hello: s.offer(v, []uint16{a, b}), then: s.note})
			default:
				s.ask(&ask{question: AskOrder, hello: s.offer(v, []uint16{b, a}), then: s.note})
			}
		}
		if len(others) == len(list) || k.rounds == 1 {
			break
		}
	}
	return asked
}

// confirmClient asks about a few neighbours both ways, where so far the
// client's order counted.
func (s *scan) confirmClient(v uint16, list []uint16) bool {
	k := s.of(v)
	asked := 0
	list = slices.DeleteFunc(slices.Clone(list), isChaCha20)
	for i := 0; i+1 < len(list) && asked < 2 && k.rounds <= 2; i++ {
		if pair := list[i : i+2]; !k.order.decided(pair[0], pair[1], false) {
			asked++
			s.ask(&ask{question: AskOrder, hello: s.offer(v, pair), then: s.note}, &ask{question: AskOrder, hello: s.offer(v, reversed(pair)), then: s.note})
		}
	}
	return asked > 0
}

// offer makes a hello that offers some suites of a version.
func (s *scan) offer(v uint16, suites []uint16) *hello.ClientHello {
	if v == hello.TLS13 {
		return s.modern(suites, groups13)
	}
	return s.classic(v, suites, groups12)
}
