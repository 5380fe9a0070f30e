package enumerate

import (
	"fmt"
	"slices"
	"time"

	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
)

// quiet is how long nothing has to come for it to count as nothing: a
// few round trips.
func (s *scan) quiet() time.Duration { return max(150*time.Millisecond, 4*s.roundTrip()) }

// silence is until when an answer has to come in the middle of a conversation
// for there to be none: longer where the server is slow, or this machine.
func (s *scan) silence() time.Time {
	return time.Now().Add(min(max(time.Second, s.quiet(), 3*s.pool.slowest()), s.options.Timeout))
}

// resumeModern asks whether a ticket of TLS 1.3 is taken, with a key exchange
// and without.
func (s *scan) resumeModern(session *answer) {
	if session == nil || session.verdict != granted || len(session.Tickets) == 0 {
		return
	}
	f := session.Flight
	psk, err := f.Resumption(f.Tickets[0])
	if err != nil {
		return
	}
	suites := []uint16{psk.CipherSuite}
	share := slices.DeleteFunc(slices.Clone(f.Shares), func(x hello.Share) bool { return x.Group != f.Group() })
	for detail, modes := range map[string][]byte{"psk": {1}, "psk_ke": {0}} {
		h := s.modern(suites, []uint16{f.Group()}, share...).With(hello.PSKModes(modes...))
		offer, err := psk.Offer(h, 100)
		if err != nil {
			return
		}
		s.ask(&ask{question: AskResumption, detail: detail, hello: offer, shares: share, psk: &psk, until: decrypted, then: s.note})
	}
}

// moreModern asks for what needs a handshake of its own in TLS 1.3.
func (s *scan) moreModern() {
	h, share := s.readable()
	h = h.With(hello.Extension{Type: hello.ExtCompressCertificate, Data: []byte{2, 0, 1}})
	s.ask(&ask{question: AskTolerance, detail: "compression", hello: h, shares: share, until: decrypted, then: s.note})
}

// sessions completes handshakes of the highest version up to TLS 1.2: twice
// to have a session id and a ticket, whose use is then asked for.
func (s *scan) sessions() {
	var at uint16
	for _, v := range []uint16{hello.TLS12, hello.TLS11, hello.TLS10} {
		if s.has(v) {
			at = v
			break
		}
	}
	if at == 0 {
		return
	}
	suites := slices.DeleteFunc(slices.Clone(s.of(at).suites), func(x uint16) bool { return !hello.CanFinish(x) })
	if len(suites) == 0 {
		return
	}
	base := s.classic(at, suites, groups12).With(hello.Values(hello.ExtSupportedGroups, groupsShared))
	base = without(without(base, hello.ExtTruncatedHMAC), hello.ExtNextProtocol)
	base.Compression = nil
	for _, by := range []string{"ticket", "id"} {
		first := base
		if by == "id" {
			first = without(base, hello.ExtSessionTicket)
		}
		s.ask(&ask{question: AskSession, detail: by, hello: first, secret: random(32), until: complete, talk: s.finishClassic, then: func(r *answer) {
			s.note(r)
			session, err := r.Established()
			if err != nil || by == "ticket" && len(session.Ticket) == 0 || by == "id" && len(session.ID) == 0 {
				return
			}
			again := *first
			again.Random, again.CipherSuites = random(32), []uint16{session.CipherSuite}
			if by == "ticket" {
				again.SessionID = random(32)
			}
			s.ask(&ask{question: AskResumption, detail: by, hello: session.Offer(&again), session: session, until: complete, then: s.note})
			if by == "ticket" {
				again.SessionID = random(16) // the flaw is about shorter ones
				s.ask(&ask{question: AskFlaw, detail: Ticketbleed, hello: session.Offer(&again), session: session, until: complete})
			}
		}})
	}
	s.ask(&ask{question: AskRenegotiate, hello: base, secret: random(32), until: complete, talk: func(c *conversation) error {
		if err := s.finishClassic(c); err != nil || !c.flight.Complete {
			return err
		}
		_, secure := c.flight.ServerHello.Extension(hello.ExtRenegotiationInfo)
		second := *base
		second.Random = random(32)
		records, err := c.flight.Renegotiate(&second, secure)
		if err != nil {
			return nil
		}
		if err := c.send(records); err != nil {
			return err
		}
		c.conn.SetReadDeadline(s.silence())
		c.read(func(f *hello.Flight) bool { return f.Again != nil && f.Again.ServerHello != nil || len(f.Warnings) > 0 })
		return nil
	}, then: s.note})
}

// finishClassic completes a handshake up to TLS 1.2.
func (s *scan) finishClassic(c *conversation) error {
	finish, err := c.flight.Finish()
	if err != nil {
		return nil // a suite that this program cannot complete
	}
	if err := c.send(finish); err != nil {
		return err
	}
	return c.read(func(f *hello.Flight) bool { return f.Complete })
}

// flaws asks for flaws that can be told without harm.
func (s *scan) flaws() {
	var at uint16
	for _, v := range []uint16{hello.TLS12, hello.TLS11, hello.TLS10, hello.SSL30} {
		if s.has(v) {
			at = v
			break
		}
	}
	if at == 0 {
		return
	}
	base := s.classic(at, s.of(at).suites, groups12)
	done := func(f *hello.Flight) bool { return f.Done }
	s.ask(&ask{question: AskFlaw, detail: EarlyCCS, hello: base, until: done, once: true, talk: func(c *conversation) error {
		early := hello.Records(hello.ContentChangeCipherSpec, at, []byte{1})
		if err := c.send(append(early, early...)); err != nil {
			return nil // already closed
		}
		c.conn.SetReadDeadline(s.silence())
		c.read(func(*hello.Flight) bool { return false })
		return nil
	}})
	s.ask(&ask{question: AskFlaw, detail: Heartbleed, hello: base, until: done, once: true, talk: func(c *conversation) error {
		if _, ok := c.flight.Extension(hello.ExtHeartbeat); !ok {
			return nil
		}
		payload := []byte("vksprobe")
		request, err := c.flight.Seal(hello.ContentHeartbeat, hello.HeartbeatRequest(uint16(len(payload)+16), payload, nil))
		if err != nil {
			return nil
		}
		if err := c.send(request); err != nil {
			return nil
		}
		c.conn.SetReadDeadline(s.silence())
		c.read(func(f *hello.Flight) bool { return len(f.Heartbeats) > 0 })
		return nil
	}})
}

// robotRounds is how often each padding is tried; a difference counts only if
// it is the same each time.
const robotRounds = 3

// oracle asks whether the server tells paddings of PKCS #1 v1.5 apart: with a
// whole second flight, and with its first message alone.
func (s *scan) oracle() {
	for _, v := range []uint16{hello.TLS12, hello.TLS11, hello.TLS10, hello.SSL30} {
		suites := slices.DeleteFunc(slices.Clone(s.of(v).suites), func(code uint16) bool {
			suite, _ := iana.Suite(code)
			return suite.KeyExchange != "RSA" || suite.Export
		})
		if len(suites) == 0 {
			continue
		}
		base := s.classic(v, suites, groups12)
		for _, rest := range []bool{true, false} {
			for _, padding := range slices.Repeat(hello.PKCS1Paddings(), robotRounds) {
				s.ask(&ask{question: AskFlaw, detail: robotDetail(padding, rest), hello: base, secret: random(32), until: complete, talk: func(c *conversation) error {
					b, err := c.flight.Oracle(padding, rest)
					if err != nil || c.send(b) != nil {
						return err
					}
					c.conn.SetReadDeadline(s.silence())
					return c.read(func(*hello.Flight) bool { return false })
				}})
			}
		}
		return
	}
}

// robotDetail names a question about ROBOT: "robot/zero/all".
func robotDetail(padding hello.PKCS1Padding, rest bool) string {
	if rest {
		return ROBOT + "/" + string(padding) + "/all"
	}
	return ROBOT + "/" + string(padding) + "/first"
}

// readOracle notes how the server reacted to a padding. What was not so far
// that it could react is left out.
func (d *derivation) readOracle(e *Exchange, f *hello.Flight) {
	if !f.Done || len(e.Chunks) == 0 {
		return
	}
	reaction := string(e.Failure)
	if f.Alert != nil {
		reaction = fmt.Sprint(f.Alert.Description)
	}
	d.oracle[e.Detail] = append(d.oracle[e.Detail], reaction)
}

// robot compares the reactions: a server has the flaw if it reacts to each
// padding in the same way each time, and to one of them not as to the others.
func (d *derivation) robot() {
	if len(d.oracle) == 0 {
		return
	}
	state := No
	for _, rest := range []bool{true, false} {
		steady, kinds := true, map[string]bool{}
		for _, p := range hello.PKCS1Paddings() {
			seen := d.oracle[robotDetail(p, rest)]
			steady = steady && len(seen) >= robotRounds && len(slices.Compact(slices.Clone(seen))) == 1
			for _, r := range seen {
				kinds[r] = true
			}
		}
		switch {
		case steady && len(kinds) > 1:
			d.flaws[ROBOT] = Yes
			return
		case !steady:
			state = Unknown
		}
	}
	d.flaws[ROBOT] = state
}

// earlyCCS judges the exchange for CVE-2014-0224.
func (d *derivation) earlyCCS(f *hello.Flight) {
	if accepted, decided := f.EarlyCCS(); decided && f.Done {
		learn(d.flaws, EarlyCCS, accepted)
	}
}

// heartbleed judges the exchange for CVE-2014-0160: an answer to a request
// that says more than it has is the flaw.
func (d *derivation) heartbleed(f *hello.Flight) {
	if _, ok := f.Extension(hello.ExtHeartbeat); f.ServerHello != nil {
		learn(d.flaws, Heartbleed, ok && len(f.Heartbeats) > 0)
	}
}

// ssl2 notes the cipher kinds of SSL 2.0 and the certificate.
func (d *derivation) ssl2(f *hello.Flight) {
	d.certificates(f)
	for _, k := range f.SSL2.Kinds {
		if !slices.Contains(d.kinds, k) {
			d.kinds = append(d.kinds, k)
		}
	}
}

// renegotiation notes whether the server let the client renegotiate.
func (d *derivation) renegotiation(f *hello.Flight) {
	if f.Complete {
		learn(d.features, ClientRenegotiation, f.Again != nil && f.Again.ServerHello != nil)
	}
}

// greaseECH is an encrypted_client_hello extension that means nothing (RFC
// 9849 section 6.2); a server that knows ECH answers it with its keys.
func greaseECH() hello.Extension {
	data := []byte{0, 0, 1, 0, 1, random(1)[0], 0, 32}
	data = append(data, random(32)...)
	data = append(data, 0, 144)
	return hello.Extension{Type: hello.ExtECH, Data: append(data, random(144)...)}
}
