package quic

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"hash"
	"slices"
	"testing"

	"vksprobe/tls/hello"
)

func sha256Of() hash.Hash { return sha256.New() }
func sha384Of() hash.Hash { return sha512.New384() }

func config(c tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c}, NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS13}
}

// TestHandshake completes handshakes with servers of all kinds, and reads them
// again from what passed.
func TestHandshake(t *testing.T) {
	small, large := certificate(t, 0), certificate(t, 12000)
	for _, c := range []struct {
		name   string
		server server
		groups []uint16
		more   []hello.Extension
		client uint32
	}{
		{"version 1", server{config: config(small)}, []uint16{29}, nil, Version1},
		{"version 2", server{config: config(small), versions: []uint32{Version2}}, []uint16{29}, nil, Version2},
		{"retry", server{config: config(small), retry: true}, []uint16{29}, nil, Version1},
		{"retry in version 2", server{config: config(small), retry: true, versions: []uint32{Version2}}, []uint16{23}, nil, Version2},
		{"hello of three datagrams", server{config: config(small)}, []uint16{29}, []hello.Extension{hello.Padding(2500)}, Version1},
		{"chain beyond the limit", server{config: config(large)}, []uint16{29}, nil, Version1},
		{"hello retry request", server{config: config(small)}, nil, nil, Version1},
		{"both retries", server{config: config(large), retry: true}, nil, []hello.Extension{hello.Padding(1200)}, Version1},
		{"client certificate", server{config: &tls.Config{Certificates: []tls.Certificate{small}, NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert}}, []uint16{29}, nil, Version1},
		{"tickets", server{config: config(small), tickets: true}, []uint16{29}, nil, Version1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.server.versions == nil {
				c.server.versions = []uint32{Version1}
			}
			first, shares := clientHello(t, c.groups, c.more...)
			x := newSession(t, c.client, &c.server, shares)
			x.say(first.Marshal())
			if f := x.flight; f.Retry != nil {
				share, err := hello.NewShare(f.Group(), bytes.NewReader(make([]byte, 1000)))
				if err != nil {
					t.Fatal(err)
				}
				f.Shares = append(f.Shares, share)
				x.say(first.With(hello.KeyShares(share)).Marshal())
			}
			x.finish()
			if !c.server.complete {
				t.Error("the server has not completed the handshake")
			}
			x.send(x.client.Goodbye(x.flight.Traffic()))
			if !c.server.closed {
				t.Error("the server has not heard that the connection ends")
			}
			again, f := x.replay()
			for name, side := range map[string]struct {
				r *Reader
				f *hello.Flight
			}{"live": {&x.client.Reader, x.flight}, "again": {again, f}} {
				r, f := side.r, side.f
				if f.Broken != nil || !f.Complete || len(f.Certificates) != 1 || !bytes.Equal(f.Certificates[0].DER, c.server.config.Certificates[0].Certificate[0]) ||
					f.Protocol() != "h3" || f.SignatureScheme() != 0x0403 {
					t.Errorf("%s: broken %v, complete %v, %d certificates, ALPN %q", name, f.Broken, f.Complete, len(f.Certificates), f.Protocol())
				}
				if r.Version != c.client || r.Retried != c.server.retry || !r.Confirmed || r.Closed != nil || r.Negotiated != nil {
					t.Errorf("%s: version %s, retried %v, confirmed %v, closed %v", name, VersionName(r.Version), r.Retried, r.Confirmed, r.Closed)
				}
				data, _ := f.Extension(hello.ExtQUICParameters)
				parameters, ok := ParseParameters(data)
				if !ok || !r.Bound(parameters) {
					t.Errorf("%s: parameters %+v %v do not fit %q %q %q", name, parameters, ok, r.Original(), r.Source(), r.RetrySource())
				}
				i := slices.IndexFunc(parameters, func(p Parameter) bool { return p.Name == "max_idle_timeout" })
				if i < 0 || parameters[i].Value != "100" {
					t.Errorf("%s: parameters %+v", name, parameters)
				}
				if f.Request != nil != (c.name == "client certificate") {
					t.Errorf("%s: request %v", name, f.Request)
				}
				if want := c.server.tickets; want != (len(f.Tickets) == 1 && f.Tickets[0].MaxEarlyData > 0) {
					t.Errorf("%s: tickets %+v", name, f.Tickets)
				}
			}
		})
	}
}

// TestResumption resumes by a ticket.
func TestResumption(t *testing.T) {
	c := config(certificate(t, 0))
	first, shares := clientHello(t, []uint16{29})
	x := newSession(t, Version1, &server{config: c, versions: []uint32{Version1}, tickets: true}, shares)
	x.say(first.Marshal())
	x.finish()
	if len(x.flight.Tickets) == 0 {
		t.Fatal("no ticket")
	}
	psk, err := x.flight.Resumption(x.flight.Tickets[0])
	if err != nil {
		t.Fatal(err)
	}
	second, err := psk.Offer(first, 100)
	if err != nil {
		t.Fatal(err)
	}
	y := newSession(t, Version1, &server{config: c, versions: []uint32{Version1}}, shares)
	y.flight.PSK = &psk
	y.say(second.Marshal())
	if _, ok := y.flight.ServerHello.Extension(hello.ExtPreSharedKey); !ok || !y.flight.Complete || len(y.flight.Certificates) > 0 {
		t.Errorf("not resumed: complete %v, %d certificates", y.flight.Complete, len(y.flight.Certificates))
	}
}

// TestLoss loses one datagram of the server; the client then makes it repeat
// what it said.
func TestLoss(t *testing.T) {
	c := config(certificate(t, 3000))
	for lost := 1; lost <= 3; lost++ {
		s := &server{config: c, versions: []uint32{Version1}, lose: func(n int) bool { return n == lost }}
		first, shares := clientHello(t, []uint16{29}, hello.Padding(1000))
		x := newSession(t, Version1, s, shares)
		x.say(first.Marshal())
		if x.flight.Complete {
			t.Fatalf("datagram %d was not lost", lost)
		}
		x.send(x.client.Again(x.flight.Traffic())...)
		if x.flight.Broken != nil || !x.flight.Complete {
			t.Fatalf("after datagram %d was lost: complete %v, broken %v", lost, x.flight.Complete, x.flight.Broken)
		}
		s.count, s.lose = 0, func(int) bool { return true } // and HANDSHAKE_DONE
		x.finish()
		if s.lose = nil; x.client.Confirmed {
			t.Fatal("nothing was lost")
		}
		if x.send(x.client.Again(x.flight.Traffic())...); !x.client.Confirmed {
			t.Error("the handshake was not confirmed")
		}
	}
}

// TestAlert reads a refusal.
func TestAlert(t *testing.T) {
	c := config(certificate(t, 0))
	c.NextProtos = []string{"doq"}
	first, shares := clientHello(t, []uint16{29})
	x := newSession(t, Version1, &server{config: c, versions: []uint32{Version1}}, shares)
	x.say(first.Marshal())
	_, f := x.replay()
	for _, f := range []*hello.Flight{x.flight, f} {
		if f.Alert == nil || f.Alert.Description != 120 || !f.Alert.Fatal {
			t.Errorf("alert %+v", f.Alert)
		}
	}
	if x.client.Closed == nil || x.client.Closed.Code != 0x100+120 {
		t.Errorf("closed %+v", x.client.Closed)
	}
}

func TestVersionNegotiation(t *testing.T) {
	for _, version := range []uint32{Version2, Reserved(0x12345678)} {
		first, _ := clientHello(t, []uint16{29})
		x := newSession(t, version, &server{config: config(certificate(t, 0)), versions: []uint32{0x1A2A3A4A, Version1, 0xFF00001D}}, nil)
		x.say(first.Marshal())
		r, f := x.replay()
		for _, r := range []*Reader{&x.client.Reader, r} {
			if !slices.Equal(r.Negotiated, []uint32{0x1A2A3A4A, Version1, 0xFF00001D}) || r.Version != version {
				t.Errorf("negotiated %X for %X", r.Negotiated, r.Version)
			}
		}
		if f.ClientHello == nil || f.ClientHello.ServerName() != serverName {
			t.Error("the hello cannot be read again")
		}
	}
}

// TestForged has answers that others than the server may send, and a server
// that breaks the rules: none of them may change what a client does.
func TestForged(t *testing.T) {
	first, _ := clientHello(t, []uint16{29})
	fresh := func() *Client {
		c := NewClient(Version1, []byte("original"))
		c.Say(first.Marshal(), nil)
		return c
	}
	negotiation := func(id string, versions ...uint32) []byte {
		b := append([]byte{0x80, 0, 0, 0, 0, 0, byte(len(id))}, id...)
		for _, v := range versions {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		return b
	}
	retry := func(source string, token []byte, original string) []byte {
		b := append([]byte{0xF0, 0, 0, 0, 1, 0, byte(len(source))}, source...)
		b = append(b, token...)
		return append(b, retryTag(Version1, []byte(original), b)...)
	}
	_, initial := initialKeys(Version1, []byte("original"))
	sealed := func(destination, source string, frames []byte) []byte {
		b := append([]byte{0xC3, 0, 0, 0, 1, byte(len(destination))}, destination...)
		b = append(append(b, byte(len(source))), source...)
		length := numberSize + len(frames) + tagSize
		b = append(b, 0, 0x40|byte(length>>8), byte(length), 0, 0, 0, 0)
		return initial.seal(b, 0, frames)
	}
	for name, datagram := range map[string][]byte{
		"negotiation for another connection": negotiation("another", Version2),
		"negotiation with our version":       negotiation("original", Version1, Version2),
		"negotiation of nothing":             negotiation("original"),
		"retry for another connection":       retry("server", []byte("token"), "another"),
		"retry without token":                retry("server", nil, "original"),
		"retry with the same ID":             retry("original", []byte("token"), "original"),
		"retry with a huge token":            retry("server", make([]byte, 1100), "original"),
		"packet for another":                 sealed("another", "server", closeFrame()),
		"close by another key":               append([]byte{0xC3, 0, 0, 0, 1, 0, 0, 0, 0x40, 40}, make([]byte, 40)...),
		"unknown frame":                      sealed("", "server", append([]byte{0x3F, 0, 0, 0}, closeFrame()...)),
		"crypto far ahead":                   sealed("", "server", cryptoFrame(1<<29, []byte("data"))),
		"crypto beyond the packet":           sealed("", "server", []byte{frameCrypto, 0, 0x7F, 0xFF, 1, 2, 3}),
		"endless acknowledgement":            sealed("", "server", []byte{frameAck, 0, 0, 0xBF, 0xFF, 0xFF, 0xFF, 1}),
		"nothing":                            {},
		"a reset":                            append([]byte{0x41}, make([]byte, 40)...),
	} {
		c := fresh()
		c.Received(datagram)
		if records := c.Records(nil); len(records) > 0 || c.Negotiated != nil || c.Retried || c.Closed != nil {
			t.Errorf("%s: records %x, negotiated %X, retried %v, closed %v", name, records, c.Negotiated, c.Retried, c.Closed)
		}
		for _, d := range [][]byte{c.Acknowledge(nil), c.Goodbye(nil), c.Again(nil)[0]} {
			if len(d) > 0 && len(d) < DatagramSize {
				t.Errorf("%s: a datagram of %d bytes", name, len(d))
			}
		}
	}
	t.Run("true ones", func(t *testing.T) { // else the above proves nothing
		c := fresh()
		if c.Received(negotiation("original", Version2)); c.Records(nil) != nil || c.Negotiated == nil {
			t.Error("Version Negotiation is not read")
		}
		c = fresh()
		if c.Received(retry("server", []byte("token"), "original")); c.Records(nil) != nil || !c.Retried {
			t.Error("Retry is not read")
		}
		if c.Received(retry("third", []byte("token"), "original")); c.Records(nil) != nil || string(c.destination) != "server" {
			t.Error("a second Retry is taken")
		}
		c = fresh()
		if c.Received(sealed("", "server", closeFrame())); c.Records(nil) != nil || c.Closed == nil || string(c.Source()) != "server" {
			t.Error("a close is not read")
		}
		if c.Received(negotiation("original", Version2)); c.Records(nil) != nil || c.Negotiated != nil {
			t.Error("Version Negotiation is taken after a packet of the server")
		}
	})
}

// TestBounded floods a client with packets whose keys it never gets.
func TestBounded(t *testing.T) {
	c := NewClient(Version1, []byte("original"))
	packet := append([]byte{0xE3, 0, 0, 0, 1, 0, 0, 0x50, 0x00}, make([]byte, 0x1000)...)
	for range 1000 {
		c.Received(packet)
		c.Records(nil)
	}
	if len(c.waiting) > maxWaiting || c.held > maxHeld {
		t.Errorf("%d packets of %d bytes are kept", len(c.waiting), c.held)
	}
}

// TestCrowded has the greatest token, connection ID and acknowledgement that a
// server can make a client write.
func TestCrowded(t *testing.T) {
	c := NewClient(Version1, make([]byte, maxID))
	c.token = make([]byte, maxToken)
	l := &c.level[initialPacket]
	for n := range uint64(20) {
		l.theyNumbers.add(1<<40 + n<<32)
	}
	l.due = true
	all := c.Say(hello.Message(hello.TypeClientHello, make([]byte, 1000)), nil)
	if l.due = true; len(all) < 2 {
		t.Fatalf("%d datagrams", len(all))
	}
	for _, d := range append(all, c.Acknowledge(nil), c.Goodbye(nil)) {
		if len(d) != DatagramSize {
			t.Errorf("a datagram of %d bytes", len(d))
		}
	}
}
