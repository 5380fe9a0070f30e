package dtls

import (
	"slices"

	"golang.org/x/crypto/cryptobyte"

	"vksprobe/tls/hello"
)

// A verdict is what the answer to a hello means.
type verdict int

const (
	unsure  verdict = iota // nothing was said
	granted                // the server chose
	refused                // it refused by a fatal alert
)

// A reading is what one exchange shows.
type reading struct {
	theirs *hello.ClientHello // the first hello of a far end that is the client
	flight *hello.Flight      // the handshake, whoever is the client
	cookie bool               // a HelloVerifyRequest was sent by the server
	chain  [][]byte           // certificates of the far end

	// of a far end that is the server
	verdict verdict
	chosen  [dimensions]uint16 // 0: not to be seen
	srtp    bool               // there is an answer to use_srtp
}

// lists are what our hello offered.
func (r *reading) lists() (all [dimensions][]uint16) {
	c := r.flight.ClientHello
	if c == nil {
		return all
	}
	all = [dimensions][]uint16{c.CipherSuites, c.List16(hello.ExtSupportedGroups), c.List16(hello.ExtSignatureAlgorithms), nil}
	if data, ok := c.Extension(hello.ExtUseSRTP); ok {
		all[profiles] = offered(data)
	}
	return all
}

// took is what the server chose of a list of ours; 0 if nothing of it. Some
// servers take what was not offered.
func (r *reading) took(d dimension) uint16 {
	if r.verdict != granted || !slices.Contains(r.lists()[d], r.chosen[d]) {
		return 0
	}
	return r.chosen[d]
}

// offered lists the profiles of a use_srtp extension.
func offered(data []byte) (list []uint16) {
	s := cryptobyte.String(data)
	var all cryptobyte.String
	s.ReadUint16LengthPrefixed(&all) // none, if it is broken
	for code := uint16(0); all.ReadUint16(&code); {
		list = append(list, code)
	}
	return list
}

// A direction is what one side has said.
type direction struct {
	datagrams hello.Datagrams
	records   []byte
}

func (d *direction) read(datagram []byte) []byte {
	if len(d.records) > maxBytes {
		return nil
	}
	out := d.datagrams.Read(datagram)
	d.records = append(d.records, out...)
	return out
}

// A listener reads an exchange while it goes on, or afterwards.
type listener struct {
	out, in direction
	flight  hello.Flight // as long as we are the client
}

func (l *listener) hear(c Chunk) {
	if c.Sent {
		l.flight.Sent(l.out.read(c.Data))
	} else {
		l.flight.Received(l.in.read(c.Data))
	}
}

// begun reports whether the far end has sent a ClientHello.
func (l *listener) begun() bool {
	return slices.ContainsFunc(messages(l.in.records), func(m message) bool { return m.typ == hello.TypeClientHello })
}

// read reads an exchange again.
func (x *Exchange) read() *reading {
	var l listener
	for _, c := range x.Chunks {
		l.hear(c)
	}
	return l.reading()
}

func (l *listener) reading() *reading {
	r := &reading{flight: &l.flight}
	received := messages(l.in.records)
	for _, m := range received {
		if m.typ == hello.TypeClientHello {
			if c, err := hello.ParseClientHello(m.body); err == nil && r.theirs == nil {
				r.theirs = c
			}
		}
	}
	if r.theirs != nil {
		r.asServer(l, received)
		return r
	}
	_, r.cookie = hello.VerifyCookie(l.in.records)
	f := r.flight
	for _, c := range f.Certificates {
		r.chain = append(r.chain, c.DER)
	}
	switch h := f.Chosen(); {
	case h != nil:
		r.verdict = granted
		r.chosen = [dimensions]uint16{h.CipherSuite, f.Group(), f.SignatureScheme(), 0}
		if data, ok := f.Extension(hello.ExtUseSRTP); ok {
			r.chosen[profiles], r.srtp = profile(data)
		}
	case f.Alert != nil && f.Alert.Fatal && f.Alert.Description != alertUserCanceled:
		r.verdict = refused
	}
	return r
}

// asServer reads a handshake in which the far end is the client.
func (r *reading) asServer(l *listener, received []message) {
	r.flight = &hello.Flight{}
	r.flight.Sent(l.in.records)
	r.flight.Received(l.out.records)
	_, r.cookie = hello.VerifyCookie(l.out.records)
	for _, m := range received {
		if m.typ != hello.TypeCertificate || r.chain != nil {
			continue
		}
		entries, _ := hello.ParseCertificate(m.body, r.flight.Version()) // those before what is broken
		for _, e := range entries {
			r.chain = append(r.chain, e.DER)
		}
	}
}

// profile reads the answer to use_srtp.
func profile(data []byte) (code uint16, ok bool) {
	if list := offered(data); len(list) > 0 {
		return list[0], true
	}
	return 0, false
}

// A message is a handshake message in the clear.
type message struct {
	typ  byte
	body []byte
}

// messages lists the handshake messages in records of TLS that Datagrams has
// made. A message longer than a record is left out.
func messages(records []byte) (all []message) {
	s := cryptobyte.String(records)
	for !s.Empty() {
		var content uint8
		var version uint16
		var body cryptobyte.String
		if !s.ReadUint8(&content) || !s.ReadUint16(&version) || !s.ReadUint16LengthPrefixed(&body) {
			return all
		}
		if content != hello.ContentHandshake {
			continue
		}
		var m message
		var text cryptobyte.String
		if body.ReadUint8(&m.typ) && body.ReadUint24LengthPrefixed(&text) {
			m.body = text
			all = append(all, m)
		}
	}
	return all
}

// alertUserCanceled is what we end a handshake with that was only a question.
const alertUserCanceled = 90
