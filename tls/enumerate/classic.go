package enumerate

import (
	"slices"

	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
)

// The questions about SSL 3.0 to TLS 1.2, where the ServerHello names the
// suite and the ServerKeyExchange the group and the signature.

// maxSuites is how many suites a hello offers at most: some servers do not
// take more than 128, others look only at the first.
const maxSuites = 110

// maxSmall is how many suites a small hello offers: with its few extensions it
// stays below 256 bytes.
const maxSmall = 40

// classic makes a hello of a version below TLS 1.3.
func (s *scan) classic(version uint16, suites, groups []uint16) *hello.ClientHello {
	c := &hello.ClientHello{Version: s.wire(version), Random: random(32), CipherSuites: suites, Compression: []byte{1, 0}}
	schemes := schemes
	if s.small {
		if usual := both(groups, groups12[:8]); len(usual) > 0 {
			groups = usual
		}
		groups, schemes = groups[:min(len(groups), 8)], schemes[:9]
	}
	if version == hello.SSL30 { // knows no extensions
		c.CipherSuites = append(slices.Clone(suites), hello.SCSVRenegotiation)
		return c
	}
	if s.target.Host != "" {
		c.Extensions = append(c.Extensions, hello.ServerName(s.target.Host))
	}
	c.Extensions = append(c.Extensions, hello.ECPointFormats(), hello.Values(hello.ExtSupportedGroups, groups))
	if version == hello.TLS12 {
		c.Extensions = append(c.Extensions, hello.Values(hello.ExtSignatureAlgorithms, schemes))
	}
	if s.small {
		c.Extensions = append(c.Extensions, hello.RenegotiationInfo(nil))
		return c
	}
	if s.target.Transport == UDP {
		c.Extensions = append(c.Extensions, hello.UseSRTP(srtpProfiles...))
	}
	c.Extensions = append(c.Extensions, hello.StatusRequest(), hello.Empty(hello.ExtSCT), hello.Empty(hello.ExtExtendedMasterSecret), hello.Empty(hello.ExtEncryptThenMAC),
		hello.Empty(hello.ExtSessionTicket), hello.Heartbeat(), hello.Empty(hello.ExtTruncatedHMAC), hello.Empty(hello.ExtNextProtocol), hello.RenegotiationInfo(nil))
	return c
}

// pad keeps a hello clear of 256 to 511 bytes, which some load balancers take
// for SSL 2.0 (RFC 7685).
func pad(c *hello.ClientHello) *hello.ClientHello {
	if n := len(c.Marshal()); n > 255 && n < 512 && c.Extensions != nil {
		return c.With(hello.Padding(max(512-n-4, 1)))
	}
	return c
}

// refine finds out which suites of a set a version has: one question for all;
// where there is one, the likely ones of the rest one by one and the others at
// once again.
func (s *scan) refine(version uint16, set []uint16) {
	if len(set) == 0 {
		return
	}
	most := maxSuites
	if s.small {
		most = maxSmall
	}
	if n := (len(set) + most - 1) / most; n > 1 {
		for part := range n {
			s.refine(version, set[part*len(set)/n:(part+1)*len(set)/n])
		}
		return
	}
	s.ask(&ask{question: AskSuites, hello: s.offer(version, set), until: complete, then: func(r *answer) {
		s.note(r)
		if r.verdict != granted || s.versionOf(r.Flight) != version || !slices.Contains(set, r.Chosen().CipherSuite) {
			return
		}
		s.split(version, r.Chosen().CipherSuite, set)
	}})
}

// split goes on where a suite of a set was found.
func (s *scan) split(version, found uint16, set []uint16) {
	var near, rest []uint16
	for _, suite := range minus(set, s.of(version).suites) {
		switch {
		case alike(found, suite):
			s.refine(version, []uint16{suite})
		case !usual(found) && related(found, suite):
			near = append(near, suite)
		default:
			rest = append(rest, suite)
		}
	}
	s.refine(version, near)
	s.refine(version, rest)
}

// beginClassic asks with the popular suites, in one order and in the other.
func (s *scan) beginClassic(forward, backward **answer) {
	first, second := s.classic(hello.TLS12, popular, groups12), s.classic(hello.TLS12, reversed(popular), reversed(groups12))
	if s.small {
		first.CipherSuites, second.CipherSuites = popular[:maxSmall], reversed(popular)[:maxSmall]
	} else {
		first, second = first.With(hello.ALPN(applications...)), second.With(hello.ALPN(reversed(applications)...))
	}
	s.ask(&ask{question: AskSuites, hello: first, until: complete, then: func(r *answer) { s.note(r); *forward = r }},
		&ask{question: AskSuites, hello: second, until: complete, then: func(r *answer) { s.note(r); *backward = r }})
}

// goOnClassic asks what is left of TLS 1.2, its order, and then the versions
// below, which are likely to be like it.
func (s *scan) goOnClassic(forward, backward, legacy *answer) {
	if forward.verdict == unsure && !s.hasAnswered() {
		s.tryFew()
		return
	}
	s.stage(func() {
		s.stage(func() { s.older(legacy) }, s.fallback)
		s.stage(func() {
			for _, class := range chunks {
				set := class
				if v := s.versions[hello.TLS12]; v != nil {
					set = minus(class, v.suites)
				} else if len(both(class, popular)) > 0 {
					continue // refused already
				}
				s.refine(hello.TLS12, set)
			}
		}, func() {
			s.rest()
			s.rank(hello.TLS12)
		})
	}, func() {
		s.stage(s.legacy, func() {
			if !s.target.Transport.datagrams() {
				s.splitting()
			}
			if s.options.Deep && s.target.Transport != UDP {
				s.oracle()
			}
		})
		s.extras()
	})
	switch {
	case s.has(hello.TLS12):
		s.groupsClassic(forward, backward)
		s.schemesClassic(forward, backward)
	case !s.small && !saysVersion(forward):
		s.tryFew()
	}
}

// saysVersion reports whether a hello was refused because of its version.
func saysVersion(r *answer) bool {
	return r.Alert != nil && r.Alert.Description == alertProtocolVersion
}

// tryFew asks once more with a small hello, which servers answer that do not
// tolerate long ones or extensions that they do not know. If one does, all is
// asked again in that way.
func (s *scan) tryFew() {
	s.small = true
	h := s.classic(hello.TLS12, popular[:min(len(popular), maxSmall)], groups12)
	s.small = false
	s.ask(&ask{question: AskTolerance, detail: "small", hello: h, until: complete, then: func(r *answer) {
		s.note(r)
		if r.verdict == granted && !s.small {
			s.small = true
			s.begin()
		}
	}})
}

// older finds out which versions below TLS 1.2 there are, from the answer to
// the hello that offered the highest of them.
func (s *scan) older(r *answer) {
	if r.verdict != granted {
		if !saysVersion(r) {
			s.refineLegacy(hello.TLS11, unlikelyLegacy)
		}
		return
	}
	if s.target.Transport == UDP {
		return // there is only one
	}
	for v := r.Version() - 1; v >= hello.SSL30 && r.Version() > hello.SSL30; v-- {
		s.ask(&ask{question: AskSuites, hello: s.classic(v, likelyLegacy, groups12), until: complete, then: func(r *answer) {
			s.note(r)
			if r.verdict != granted && !saysVersion(r) {
				s.refineLegacy(v, unlikelyLegacy)
			}
		}})
	}
}

// refineLegacy asks for rare suites where the common ones were refused. A
// lower version may answer.
func (s *scan) refineLegacy(version uint16, set []uint16) {
	s.ask(&ask{question: AskSuites, hello: s.classic(version, set, groups12), until: complete, then: func(r *answer) { s.note(r) }})
}

// legacy enumerates the versions below TLS 1.2. The suites that they share with
// the version above are likely, and in its order. So that list is asked for
// from each place on; if the server has them all and keeps to its order, each
// answer proves one suite and its place at once.
func (s *scan) legacy() {
	for _, v := range []uint16{hello.TLS11, hello.TLS10, hello.SSL30} {
		if !s.has(v) {
			continue
		}
		all := slices.Concat(likelyLegacy, unlikelyLegacy)
		expected := both(s.expectedOrder(v), all)
		s.stage(func() {
			if len(expected) == 0 {
				s.refine(v, minus(likelyLegacy, s.of(v).suites))
				s.refine(v, unlikelyLegacy)
				return
			}
			s.refine(v, minus(all, expected))
			if s.clientDecides() {
				for _, suite := range minus(expected, s.of(v).suites) {
					s.refine(v, []uint16{suite})
				}
				return
			}
			for i := range expected { // our order is the other way round, so that the server's shows
				s.ask(&ask{question: AskSuites, hello: s.classic(v, reversed(expected[i:]), groups12), until: complete, then: s.note})
			}
		}, func() {
			s.stage(func() { // the expected ones that never were the best of a list
				for _, suite := range minus(expected, s.of(v).suites) {
					s.refine(v, []uint16{suite})
				}
			}, func() {
				s.legacyGroups(v)
				s.rank(v)
			})
		})
	}
}

// clientDecides reports whether the order of the client counts in TLS 1.2.
func (s *scan) clientDecides() bool {
	v := s.versions[hello.TLS12]
	return v != nil && v.order.preference(v.suites, isChaCha20) == Client
}

// legacyGroups asks for the groups of a version below TLS 1.2: those of TLS 1.2
// from each place on, as with the suites, and the others at once.
func (s *scan) legacyGroups(v uint16) {
	var suites []uint16
	for _, x := range s.of(v).suites {
		if slices.Contains(ecdheRSA, x) || slices.Contains(ecdheECDSA, x) {
			suites = append(suites, x)
		}
	}
	if len(suites) == 0 {
		return
	}
	var expected []uint16
	if s.has(hello.TLS12) {
		expected = both(groups12, s.of(hello.TLS12).groups)
		s.of(hello.TLS12).wanted.sort(expected, true)
	}
	s.stage(func() {
		for i := range expected {
			s.bundle(v, suites, nil, reversed(expected[i:]))
		}
		s.bundle(v, suites, nil, minus(groups12, expected))
	}, func() {
		for _, g := range minus(expected, s.of(v).groups) {
			s.bundle(v, suites, nil, []uint16{g})
		}
		if len(expected) > 1 && s.of(v).wanted.preference(expected, nil) == UnknownPreference {
			s.ask(&ask{question: AskGroups, hello: s.classic(v, suites, expected), until: complete, then: s.note})
		}
	})
}

// expectedOrder lists the suites of the version above of which most is known,
// best first.
func (s *scan) expectedOrder(v uint16) (list []uint16) {
	for above := v + 1; above <= hello.TLS12; above++ {
		if s.has(above) && len(s.of(above).suites) > len(list) {
			list = s.guess(above)
		}
	}
	return list
}

// groupsClassic asks for groups with suites of ECDHE. A certificate with an
// RSA key does not tie the groups to its own.
func (s *scan) groupsClassic(forward, backward *answer) {
	suites, pin := s.forGroups(forward, backward)
	if suites == nil {
		// none of the first answers was ECDHE; perhaps there is none
		s.ask(&ask{question: AskGroups, hello: s.classic(hello.TLS12, ecdheRSA, groups12), until: complete, then: func(r *answer) {
			s.note(r)
			if r.verdict == granted && r.KeyExchange != nil {
				s.bundles(ecdheRSA, nil)
				return
			}
			s.ask(&ask{question: AskGroups, hello: s.classic(hello.TLS12, ecdheECDSA, groups12), until: complete, then: func(r *answer) {
				s.note(r)
				if r.verdict == granted {
					s.bundles(ecdheECDSA, curves(r))
				}
			}})
		}})
	} else {
		s.bundles(suites, pin)
	}
	s.finiteFields(ffdhe)
}

// forGroups picks suites to ask for groups with, from answers that have shown
// them.
func (s *scan) forGroups(answers ...*answer) (suites, pin []uint16) {
	for _, r := range answers {
		if r.verdict == granted && s.versionOf(r.Flight) == hello.TLS12 && slices.Contains(ecdheRSA, r.Chosen().CipherSuite) {
			return ecdheRSA, nil
		}
	}
	return nil, nil
}

func (s *scan) bundles(suites, pin []uint16) {
	s.grouped = true
	for _, bundle := range bundles12 {
		s.bundle(hello.TLS12, suites, pin, minus(bundle, s.of(hello.TLS12).groups))
	}
}

// bundle asks for groups of a version; pin are groups that the certificate
// needs.
func (s *scan) bundle(v uint16, suites, pin, bundle []uint16) {
	if len(bundle) == 0 {
		return
	}
	h := s.classic(v, suites, append(slices.Clone(bundle), minus(pin, bundle)...))
	s.ask(&ask{question: AskGroups, hello: h, until: complete, then: func(r *answer) {
		s.note(r)
		if r.verdict != granted || !slices.Contains(bundle, r.Group()) {
			return
		}
		if v == hello.TLS12 || len(both(bundle, s.of(hello.TLS12).groups)) == 0 {
			for _, g := range minus(bundle, []uint16{r.Group()}) {
				s.bundle(v, suites, pin, []uint16{g})
			}
		}
	}})
}

// finiteFields asks for the groups of RFC 7919, one after the other: each
// costs the server a computation, and a server with parameters of its own
// shows that at the first.
func (s *scan) finiteFields(groups []uint16) {
	if len(groups) == 0 {
		return
	}
	s.ask(&ask{question: AskGroups, hello: s.classic(hello.TLS12, dhe, groups[:1]), until: complete, then: func(r *answer) {
		s.note(r)
		if r.verdict != granted || r.KeyExchange == nil {
			return
		}
		if name, _ := knownPrime(r.KeyExchange.Prime); name == "ffdhe2048" || groups[0] != ffdhe[0] {
			s.finiteFields(groups[1:])
		}
	}})
}

// schemesClassic asks for signature schemes one at a time, with suites that
// are signed in the way that fits.
func (s *scan) schemesClassic(answers ...*answer) {
	for _, kind := range []struct{ suites, schemes, rare []uint16 }{
		{slices.Concat(ecdheRSA, dheRSA), schemesRSA, schemesRSARare},
		{ecdheECDSA, schemesECDSA, schemesECDSARare},
	} {
		one := func() {
			s.signed = append(s.signed, kind.suites...)
			known := s.of(hello.TLS12).schemes
			for _, scheme := range minus(kind.schemes, known) {
				s.scheme(kind.suites, []uint16{scheme})
			}
			s.scheme(kind.suites, minus(kind.rare, known))
		}
		if slices.ContainsFunc(answers, func(r *answer) bool {
			return r.verdict == granted && s.versionOf(r.Flight) == hello.TLS12 && slices.Contains(kind.suites, r.Chosen().CipherSuite)
		}) {
			one()
			continue
		}
		s.ask(&ask{question: AskSuites, hello: s.classic(hello.TLS12, kind.suites, groups12), until: complete, then: func(r *answer) {
			s.note(r)
			if r.verdict == granted && s.versionOf(r.Flight) == hello.TLS12 {
				one()
			}
		}})
	}
}

// scheme asks for signature schemes, and for the rest if there is one among
// them.
func (s *scan) scheme(suites, list []uint16) {
	if len(list) == 0 {
		return
	}
	h := s.classic(hello.TLS12, suites, groups12).With(hello.Values(hello.ExtSignatureAlgorithms, list))
	if !s.small {
		h = h.With(hello.Values(hello.ExtSignatureAlgsCert, schemes)) // not to be refused because of the certificate
	}
	s.ask(&ask{question: AskSignatures, hello: h, until: complete, then: func(r *answer) {
		s.note(r)
		if x := r.SignatureScheme(); r.verdict == granted && slices.Contains(list, x) {
			s.scheme(suites, minus(list, []uint16{x}))
		}
	}})
}

// rest asks for groups and signature schemes with suites that are not among
// the usual ones.
func (s *scan) rest() {
	if !s.has(hello.TLS12) {
		return
	}
	var ecdhe []uint16
	by := map[string][]uint16{}
	for _, code := range s.of(hello.TLS12).suites {
		suite, _ := iana.Suite(code)
		if suite.KeyExchange == "ECDHE" {
			ecdhe = append(ecdhe, code)
		}
		if isSigned(suite) {
			by[suite.Authentication] = append(by[suite.Authentication], code)
		}
	}
	if !s.grouped && len(ecdhe) > 0 {
		s.bundles(ecdhe, []uint16{23, 24, 25})
		for _, groups := range [][]uint16{groups12, reversed(groups12)} {
			s.ask(&ask{question: AskGroups, hello: s.classic(hello.TLS12, ecdhe, groups), until: complete, then: s.note})
		}
	}
	for auth, list := range map[string][]uint16{"RSA": slices.Concat(schemesRSA, schemesRSARare), "ECDSA": slices.Concat(schemesECDSA, schemesECDSARare), "DSS": schemesDSS} {
		if suites := by[auth]; len(suites) > 0 && len(both(suites, s.signed)) == 0 {
			for _, scheme := range list {
				s.scheme(suites, []uint16{scheme})
			}
		}
	}
}
