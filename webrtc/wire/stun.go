package wire

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pion/stun/v4"

	"vksprobe/probe/netlog"
)

// STUN is what the STUN messages of a Path said, those of TURN included.
type STUN struct {
	Messages   map[string]Traffic // by method and class: "Binding request"
	Attributes map[uint16]int64   // messages with the attribute
	Errors     []STUNError        // each kind once, in order of appearance

	LocalUfrags, RemoteUfrags []string         // ICE user fragments of the checks
	Software, LocalSoftware   []string         // SOFTWARE of the far end and of our own
	Mapped                    []netip.AddrPort // what the far end said our address was
	Alternates                []netip.AddrPort // ALTERNATE-SERVER of the far end
	Controlling, Controlled   bool             // the ICE role of the local side; both after a conflict
	Nominated                 netlog.Stamp     // the first USE-CANDIDATE

	Integrity, IntegritySHA256 int64 // messages with MESSAGE-INTEGRITY of that kind

	Requests, Answered int64         // by the local side; a request that is repeated counts once
	FastestAnswer      time.Duration // 0 if there was none

	pending []transaction // the last ones, without an answer yet
}

// A STUNError is an error response.
type STUNError struct {
	Sent   bool
	Method string // "Allocate"
	Code   int    // 401, 438, …
	Reason string // as the sender wrote it
	Count  int64
	First  netlog.Stamp
}

// A transaction is a request that waits for its answer.
type transaction struct {
	id    [stun.TransactionIDSize]byte
	sent  bool
	stamp netlog.Stamp

	// Of TURN.
	allocation  *Allocation
	channel     *Channel
	permissions []netip.Addr
	signed      bool
}

// Bounds on what one Path remembers of STUN.
const (
	maxPending  = 64
	maxNames    = 16
	maxErrors   = 32
	maxKinds    = 64
	maxMapped   = 16
	maxRelaying = 32 // allocations
)

// stun reads a message and returns what was relayed in it.
func (p *Path) stun(d *Decoder, g *netlog.Datagram, m *message) relayed {
	if p.STUN == nil {
		p.STUN = &STUN{Messages: map[string]Traffic{}, Attributes: map[uint16]int64{}}
	}
	s := p.STUN
	kind := m.kind.String()
	if t, ok := s.Messages[kind]; ok || len(s.Messages) < maxKinds {
		t.add(g.Sent, g.Length)
		s.Messages[kind] = t
	}
	for _, a := range m.attributes {
		if _, ok := s.Attributes[uint16(a.kind)]; ok || len(s.Attributes) < 2*maxKinds {
			s.Attributes[uint16(a.kind)]++
		}
	}
	software := &s.Software
	if g.Sent {
		software = &s.LocalSoftware
	}
	d.name(p, software, m.text(stun.AttrSoftware))
	if m.has(stun.AttrMessageIntegrity) {
		s.Integrity++
	}
	if m.has(stun.AttrMessageIntegritySHA256) {
		s.IntegritySHA256++
	}
	// Chromium may send its handshake inside connectivity checks.
	if early := m.get(stun.AttrDtlsInStun); len(early) > 0 {
		inside := *g
		inside.Payload, inside.Length = early, len(early)
		p.dtls(d, &inside)
	}
	switch m.kind.Class {
	case stun.ClassRequest:
		p.request(d, g, m)
	case stun.ClassSuccessResponse, stun.ClassErrorResponse:
		p.response(d, g, m)
	case stun.ClassIndication:
		if m.kind.Method == stun.MethodSend || m.kind.Method == stun.MethodData {
			return p.indication(g, m)
		}
	}
	return relayed{}
}

// name remembers a text once.
func (d *Decoder) name(p *Path, list *[]string, text string) {
	if text == "" || slices.Contains(*list, text) {
		return
	}
	if len(*list) >= maxNames {
		d.capture.Dropped.Messages++
		return
	}
	if d.keep(p, len(text)) {
		*list = append(*list, strings.Clone(text))
	}
}

func (p *Path) request(d *Decoder, g *netlog.Datagram, m *message) {
	s := p.STUN
	again := slices.IndexFunc(s.pending, func(t transaction) bool { return t.id == m.id && t.sent == g.Sent })
	if again >= 0 {
		return
	}
	if g.Sent {
		s.Requests++
	}
	t := transaction{id: m.id, sent: g.Sent, stamp: g.Stamp,
		signed: m.has(stun.AttrMessageIntegrity) || m.has(stun.AttrMessageIntegritySHA256)}
	if m.kind.Method == stun.MethodBinding {
		p.check(d, g, m)
	} else {
		p.turn(d, g, m, &t)
	}
	if len(s.pending) >= maxPending {
		s.pending = slices.Delete(s.pending, 0, maxPending/4)
	}
	s.pending = append(s.pending, t)
}

// check reads a Binding request, which with a user name is a check of ICE: the
// name is "receiver:sender" (RFC 8445 section 7.2.2).
func (p *Path) check(d *Decoder, g *netlog.Datagram, m *message) {
	s := p.STUN
	receiver, sender, ok := strings.Cut(m.text(stun.AttrUsername), ":")
	if !ok {
		return
	}
	local, remote := sender, receiver
	if !g.Sent {
		local, remote = receiver, sender
	}
	d.name(p, &s.LocalUfrags, local)
	d.name(p, &s.RemoteUfrags, remote)
	if m.has(stun.AttrICEControlling) == g.Sent && (m.has(stun.AttrICEControlling) || m.has(stun.AttrICEControlled)) {
		s.Controlling = true
	} else if m.has(stun.AttrICEControlling) || m.has(stun.AttrICEControlled) {
		s.Controlled = true
	}
	if m.has(stun.AttrUseCandidate) && s.Nominated.Time.IsZero() {
		s.Nominated = g.Stamp
	}
}

func (p *Path) response(d *Decoder, g *netlog.Datagram, m *message) {
	s := p.STUN
	code, reason, failed := m.code()
	if failed {
		p.fail(d, g, m.kind.Method.String(), code, reason)
	}
	if !g.Sent {
		for _, a := range m.addresses(stun.AttrXORMappedAddress) {
			addressOnce(&s.Mapped, a)
		}
		for _, a := range m.addresses(stun.AttrAlternateServer) {
			addressOnce(&s.Alternates, a)
		}
	}
	if realm := m.text(stun.AttrRealm); realm != "" && m.kind.Method != stun.MethodBinding {
		d.name(p, &p.relay(!g.Sent).Realms, realm)
	}
	at := slices.IndexFunc(s.pending, func(t transaction) bool { return t.id == m.id && t.sent != g.Sent })
	if at < 0 {
		return
	}
	t := s.pending[at]
	s.pending = slices.Delete(s.pending, at, at+1)
	if t.sent {
		s.Answered++
		if took := g.Time.Sub(t.stamp.Time); took > 0 && (s.FastestAnswer == 0 || took < s.FastestAnswer) {
			s.FastestAnswer = took
		}
	}
	p.answer(g, m, &t, code)
}

// fail counts an error response.
func (p *Path) fail(d *Decoder, g *netlog.Datagram, method string, code int, reason string) {
	s := p.STUN
	i := slices.IndexFunc(s.Errors, func(e STUNError) bool { return e.Sent == g.Sent && e.Method == method && e.Code == code })
	if i < 0 {
		if len(s.Errors) >= maxErrors || !d.keep(p, len(reason)) {
			return
		}
		i = len(s.Errors)
		s.Errors = append(s.Errors, STUNError{Sent: g.Sent, Method: method, Code: code, Reason: reason, First: g.Stamp})
	}
	s.Errors[i].Count++
}

func addressOnce(list *[]netip.AddrPort, a netip.AddrPort) {
	if len(*list) < maxMapped && !slices.Contains(*list, a) {
		*list = append(*list, a)
	}
}

func uint16Of(b []byte) (uint16, bool) {
	if len(b) < 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(b), true
}
