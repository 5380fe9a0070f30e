package wire

import (
	"bytes"

	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"golang.org/x/crypto/cryptobyte"

	"vksprobe/probe/netlog"
)

// Types of handshake messages.
const (
	typeClientHello        = byte(handshake.TypeClientHello)
	typeServerHello        = byte(handshake.TypeServerHello)
	typeHelloVerifyRequest = byte(handshake.TypeHelloVerifyRequest)
	typeCertificate        = byte(handshake.TypeCertificate)
	typeServerKeyExchange  = byte(handshake.TypeServerKeyExchange)
	typeCertificateRequest = byte(handshake.TypeCertificateRequest)
	typeServerHelloDone    = byte(handshake.TypeServerHelloDone)
	typeCertificateVerify  = byte(handshake.TypeCertificateVerify)
	typeClientKeyExchange  = byte(handshake.TypeClientKeyExchange)
)

// A Handshake is one DTLS handshake, as far as it is not encrypted. Of DTLS
// 1.3 these are the hellos. Retransmissions are counted, but change nothing.
type Handshake struct {
	Client      bool         // the local side is the client
	First, Last netlog.Stamp // of the messages in the clear
	Chosen      netlog.Stamp // when the ServerHello was complete

	ClientHello *ClientHello // the last one; nil if none was complete
	Hellos      int          // ClientHellos: two after a cookie or a retry
	Verify      bool         // the server asked for a cookie with a HelloVerifyRequest
	Retry       *ServerHello // HelloRetryRequest
	ServerHello *ServerHello

	// Up to DTLS 1.2.
	ServerCertificates, ClientCertificates []Certificate
	Request                                *CertificateRequest
	KeyExchange                            *KeyExchange
	ClientSignature                        uint16 // scheme of the client's CertificateVerify, DTLS 1.2

	ClientFinished, ServerFinished netlog.Stamp // the first record that shows it; zero if there was none
	Alerts                         []Alert      // in the clear

	Fragmented int64 // messages that came in parts
	Repeated   int64 // fragments that brought nothing new
	Incomplete int   // messages of which parts are missing

	sided    bool // Client is known, and not only a guess
	random   []byte
	messages []*assembly
}

// A KeyExchange is a ServerKeyExchange. Fields that the suite does not have
// are zero.
type KeyExchange struct {
	Group           uint16 // of ECDHE
	PrimeBits       int    // of DHE
	SignatureScheme uint16 // DTLS 1.2
}

// An Alert in the clear. Those that end a connection are encrypted.
type Alert struct {
	Sent        bool
	Fatal       bool
	Description uint8
	Stamp       netlog.Stamp
}

// maxAlerts bounds the alerts of a handshake.
const maxAlerts = 16

// Version is the version that was agreed on; 0 if none is known.
func (h *Handshake) Version() uint16 {
	switch {
	case h.ServerHello != nil:
		return h.ServerHello.Version()
	case h.Retry != nil:
		return h.Retry.Version()
	}
	return 0
}

// CipherSuite is the suite that was agreed on; 0 if none is known.
func (h *Handshake) CipherSuite() uint16 {
	if h.ServerHello == nil {
		return 0
	}
	return h.ServerHello.CipherSuite
}

// Group is the group of the key exchange; 0 if none is known.
func (h *Handshake) Group() uint16 {
	if h.ServerHello != nil {
		if group := h.ServerHello.Group(); group != 0 {
			return group
		}
	}
	if h.KeyExchange != nil {
		return h.KeyExchange.Group
	}
	return 0
}

// SRTPProfile is what the server chose; 0 if it chose none or, in DTLS 1.3,
// encrypted its choice.
func (h *Handshake) SRTPProfile() uint16 {
	if h.ServerHello == nil {
		return 0
	}
	s := cryptobyte.String(find(h.ServerHello.Extensions, extUseSRTP))
	var profiles cryptobyte.String
	var profile uint16
	if !s.ReadUint16LengthPrefixed(&profiles) || !profiles.ReadUint16(&profile) {
		return 0
	}
	return profile
}

// MKI reports whether a side uses master key identifiers, which RFC 8827
// forbids.
func (h *Handshake) MKI() bool {
	var c, s []byte
	if h.ClientHello != nil {
		c = find(h.ClientHello.Extensions, extUseSRTP)
	}
	if h.ServerHello != nil {
		s = find(h.ServerHello.Extensions, extUseSRTP)
	}
	for _, data := range [][]byte{c, s} {
		in := cryptobyte.String(data)
		var profiles, mki cryptobyte.String
		if in.ReadUint16LengthPrefixed(&profiles) && in.ReadUint8LengthPrefixed(&mki) && len(mki) > 0 {
			return true
		}
	}
	return false
}

// ExtendedMasterSecret reports whether both sides use it, RFC 7627. DTLS 1.3
// has no need of it.
func (h *Handshake) ExtendedMasterSecret() bool {
	return h.ServerHello != nil && has(h.ServerHello.Extensions, extExtendedMaster)
}

// Certificates returns the chain of the local or of the far side.
func (h *Handshake) Certificates(local bool) []Certificate {
	if local == h.Client {
		return h.ClientCertificates
	}
	return h.ServerCertificates
}

// finish notes a record that only who has finished can send.
func (h *Handshake) finish(g *netlog.Datagram) {
	at := &h.ServerFinished
	if g.Sent == h.Client {
		at = &h.ClientFinished
	}
	if at.Time.IsZero() {
		*at = g.Stamp
	}
}

func (h *Handshake) alert(g *netlog.Datagram, body []byte) {
	if len(h.Alerts) < maxAlerts {
		h.Alerts = append(h.Alerts, Alert{Sent: g.Sent, Fatal: body[0] == 2, Description: body[1], Stamp: g.Stamp})
	}
}

// sentByClient tells the types of messages that only a client sends, and
// whether the type says so.
func sentByClient(typ byte) (client, ok bool) {
	switch typ {
	case typeClientHello, typeClientKeyExchange, typeCertificateVerify:
		return true, true
	case typeServerHello, typeHelloVerifyRequest, typeServerKeyExchange, typeCertificateRequest, typeServerHelloDone:
		return false, true
	}
	return false, false
}

// fragment enters a part of a handshake message.
func (p *Path) fragment(d *Decoder, g *netlog.Datagram, f fragment) {
	h := p.handshakeOf(d, g, f)
	if h == nil {
		d.capture.Dropped.Messages++
		return
	}
	if h.First.Time.IsZero() {
		h.First = g.Stamp
	}
	h.Last = g.Stamp
	m := h.assembly(g.Sent, f)
	if m == nil {
		d.capture.Dropped.Messages++
		return
	}
	if m.length != int(f.length) {
		p.Malformed.add(DTLSConflict)
		return
	}
	was := m.complete()
	fresh, agrees := m.add(f, func(n int) bool { return d.keep(p, n) })
	if !agrees {
		p.Malformed.add(DTLSConflict)
	}
	if fresh == 0 && (was || f.length > 0) {
		h.Repeated++
	}
	if m.complete() && !was {
		if !f.whole {
			h.Fragmented++
		}
		p.message(h, m, g)
	}
}

// handshakeOf returns the handshake that a fragment belongs to. A ClientHello
// from the other side or with another random begins a new one. It returns nil
// if there are too many.
func (p *Path) handshakeOf(d *Decoder, g *netlog.Datagram, f fragment) *Handshake {
	h := p.handshake()
	client, known := sentByClient(f.typ)
	var random []byte
	if f.typ == typeClientHello && f.offset == 0 && len(f.part) >= 34 {
		random = f.part[2:34]
	}
	begins := h == nil || f.typ == typeClientHello &&
		(h.sided && h.Client != g.Sent || random != nil && h.random != nil && !bytes.Equal(random, h.random))
	if !begins {
		if known && !h.sided {
			h.Client, h.sided = g.Sent == client, true
		}
		if h.random == nil {
			h.random = bytes.Clone(random)
		}
		return h
	}
	if len(p.Handshakes) >= maxHandshakes {
		return nil
	}
	if h != nil {
		p.abandon(d, h)
	}
	h = &Handshake{Client: g.Sent == client || !known, sided: known, random: bytes.Clone(random)}
	p.Handshakes = append(p.Handshakes, h)
	return h
}

// message reads a complete message. Those that depend on the ServerHello wait
// for it.
func (p *Path) message(h *Handshake, m *assembly, g *netlog.Datagram) {
	ok := true
	switch m.typ {
	case typeClientHello:
		var c *ClientHello
		if c, ok = clientHello(m.body()); c != nil {
			h.Hellos++
			h.ClientHello = c
		}
		m.read = true
	case typeServerHello:
		var s *ServerHello
		s, ok = serverHello(m.body())
		switch {
		case s == nil:
		case s.Retry:
			h.Retry = s
		case h.ServerHello == nil:
			h.ServerHello, h.Chosen = s, g.Stamp
		}
		m.read = true
	case typeHelloVerifyRequest:
		h.Verify, m.read = true, true
	}
	if !ok {
		p.Malformed.add(DTLSMessage)
	}
	if h.ServerHello == nil {
		return
	}
	for _, m := range h.messages {
		if m.complete() && !m.read {
			m.read = true
			if !h.follow(m) {
				p.Malformed.add(DTLSMessage)
			}
		}
	}
}

// follow reads a message behind the ServerHello and reports whether it is
// sound.
func (h *Handshake) follow(m *assembly) (ok bool) {
	version := h.Version()
	switch m.typ {
	case typeCertificate:
		list := &h.ServerCertificates
		if m.sent == h.Client {
			list = &h.ClientCertificates
		}
		*list, ok = certificates(m.body())
		return ok
	case typeServerKeyExchange:
		h.KeyExchange, ok = keyExchange(m.body(), h.CipherSuite(), version)
		return ok
	case typeCertificateRequest:
		h.Request, ok = certificateRequest(m.body(), version)
		return ok
	case typeCertificateVerify:
		in := cryptobyte.String(m.body())
		return version != DTLS12 || in.ReadUint16(&h.ClientSignature)
	}
	return true
}
