package enumerate

import (
	"slices"
	"time"

	"vksprobe/tls/hello"
	"vksprobe/tls/quic"
)

// The questions about TLS 1.3.
//
// With no key share at all a server names its group in a HelloRetryRequest:
// suites and groups cost one round trip and nobody any computation.

// modern makes a hello of TLS 1.3.
func (s *scan) modern(suites, groups []uint16, shares ...hello.Share) *hello.ClientHello {
	c := &hello.ClientHello{Version: s.wire(hello.TLS12), Random: random(32), SessionID: random(32), CipherSuites: suites}
	if s.target.Transport.datagrams() {
		c.SessionID = nil // RFC 9147 section 5, RFC 9001 section 8.4
	}
	if s.target.Host != "" {
		c.Extensions = append(c.Extensions, hello.ServerName(s.target.Host))
	}
	c.Extensions = append(c.Extensions,
		hello.Values(hello.ExtSupportedGroups, groups), hello.Values(hello.ExtSignatureAlgorithms, schemes),
		hello.StatusRequest(), hello.Empty(hello.ExtSCT), hello.SupportedVersions(s.wire(hello.TLS13)), hello.PSKModes(1, 0), hello.KeyShares(shares...))
	if s.target.Transport == QUIC {
		c.Extensions = append(c.Extensions, hello.ALPN(applicationsQUIC...), hello.Extension{Type: hello.ExtQUICParameters, Data: quic.ClientParameters()})
	}
	return c
}

// session asks for a complete handshake, and then for what it allows.
func (s *scan) session() {
	full := s.modern(slices.Concat(suites13, suites13Rare), groups13, s.share...).With(greaseECH())
	if s.target.Transport != QUIC {
		full = full.With(hello.ALPN(applications...)).With(hello.Heartbeat())
	}
	s.ask(&ask{question: AskSession, hello: full, shares: s.share, until: decrypted, talk: s.finishModern, then: func(r *answer) {
		s.note(r)
		s.resumeModern(r)
	}})
}

// beginModern asks with no key share.
func (s *scan) beginModern() {
	s.ask(&ask{question: AskOrder, hello: s.modern(suites13, groups13), then: s.note})
}

// finishModern follows a HelloRetryRequest if there was one, completes the
// handshake and waits for tickets.
func (s *scan) finishModern(c *conversation) error {
	f := c.flight
	if f.Retry != nil && f.ServerHello == nil {
		if !hello.CanShare(f.Group()) {
			return nil
		}
		share, err := hello.NewShare(f.Group(), cryptoRandom)
		if err != nil {
			return err
		}
		c.ex.Shares = append(slices.Clone(c.ex.Shares), share)
		f.Shares = c.ex.Shares
		second := f.ClientHello.With(hello.KeyShares(share))
		if cookie := f.Retry.Cookie(); cookie != nil {
			second = second.With(hello.Cookie(cookie))
		}
		if err := c.send(hello.Records(hello.ContentHandshake, hello.TLS12, second.Marshal())); err != nil {
			return err
		}
		if err := c.read(func(f *hello.Flight) bool { return f.Done }); err != nil {
			return err
		}
	}
	if !f.Done {
		return nil
	}
	finish, err := s.finish(f)
	if err != nil {
		return nil // a suite that cannot be decrypted
	}
	if err := c.send(finish); err != nil {
		return err
	}
	// Tickets come with no request; after this long none comes any more.
	c.conn.SetReadDeadline(time.Now().Add(max(100*time.Millisecond, 3*s.roundTrip())))
	c.read(func(f *hello.Flight) bool { return len(f.Tickets) >= 2 || f.Application > 0 })
	return nil
}

// goOnModern asks what is left once the first answers are there.
func (s *scan) goOnModern() {
	if !s.has(hello.TLS13) {
		return
	}
	v := s.of(hello.TLS13)
	s.stage(func() { // the other order, the usual suites one at a time, and the rare ones at once
		s.ask(&ask{question: AskOrder, hello: s.modern(reversed(suites13), reversed(groups13)), then: s.note})
		for _, suite := range minus(suites13, v.suites) {
			s.refine(hello.TLS13, []uint16{suite})
		}
		s.refine(hello.TLS13, minus(suites13Rare, v.suites))
	}, func() { s.rank(hello.TLS13) })
	if len(both(v.groups, groupsShared)) > 0 {
		s.signModern()
	}
	s.stage(func() {
		for _, bundle := range bundles13 {
			s.groupsModern(minus(bundle, v.groups))
		}
	}, s.signModern)
}

// groupsModern asks for groups of TLS 1.3, the rest one by one if there is
// one among them.
func (s *scan) groupsModern(bundle []uint16) {
	if len(bundle) == 0 {
		return
	}
	s.ask(&ask{question: AskGroups, hello: s.modern(s.of(hello.TLS13).suites, bundle), then: func(r *answer) {
		s.note(r)
		if r.verdict != granted || r.Group() == 0 {
			return
		}
		for _, g := range minus(bundle, []uint16{r.Group()}) {
			s.groupsModern([]uint16{g})
		}
	}})
}

// signModern asks for what needs a readable handshake, once.
func (s *scan) signModern() {
	if s.has(hello.TLS13) && !s.signing {
		s.signing = true
		s.schemesModern()
		s.moreModern()
	}
}

// schemesModern asks for signature schemes, each with a key share so that the
// server has to sign.
func (s *scan) schemesModern() {
	v := s.of(hello.TLS13)
	base, share := s.readable()
	if len(share) == 0 {
		return
	}
	one := func(list []uint16) {
		if len(list) == 0 {
			return
		}
		var then func(r *answer)
		put := func(list []uint16) {
			h := base.With(hello.Values(hello.ExtSignatureAlgorithms, list)).With(hello.Values(hello.ExtSignatureAlgsCert, schemes))
			s.ask(&ask{question: AskSignatures, hello: h, shares: share, until: decrypted, then: then})
		}
		rest := list
		then = func(r *answer) {
			s.note(r)
			if x := r.SignatureScheme(); r.verdict == granted && slices.Contains(rest, x) && len(rest) > 1 {
				rest = minus(rest, []uint16{x})
				put(rest)
			}
		}
		put(list)
	}
	for _, scheme := range minus(schemes13, v.schemes) {
		one([]uint16{scheme})
	}
	one(minus(schemes13Rare, v.schemes))
}
