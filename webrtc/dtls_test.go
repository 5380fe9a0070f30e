package webrtc

import (
	"archive/zip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/cryptobyte"

	"vksprobe/probe/netlog"
)

// serverHelloBody writes a ServerHello with the given extensions.
func serverHelloBody(random byte, suite uint16, extensions map[uint16][]byte) []byte {
	var b cryptobyte.Builder
	b.AddUint16(0xFEFD)
	for range 32 {
		b.AddUint8(random)
	}
	b.AddUint8(0)
	b.AddUint16(suite)
	b.AddUint8(0)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, id := range keys(extensions) {
			b.AddUint16(id)
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(extensions[id]) })
		}
	})
	return b.BytesOrPanic()
}

func clientHelloBody() []byte {
	var b cryptobyte.Builder
	b.AddUint16(0xFEFD)
	b.AddBytes(make([]byte, 32))
	b.AddUint8(0)
	b.AddUint8(0)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(0xC02B) })
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint8(0) })
	return b.BytesOrPanic()
}

// record wraps a part of a handshake message into a record of its own.
func dtlsRecord(kind uint8, seq uint16, body []byte, from, to int) []byte {
	var b cryptobyte.Builder
	b.AddUint8(recordHandshake)
	b.AddUint16(0xFEFD)
	b.AddBytes(make([]byte, 8))
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(kind)
		b.AddUint24(uint32(len(body)))
		b.AddUint16(seq)
		b.AddUint24(uint32(from))
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(body[from:to]) })
	})
	return b.BytesOrPanic()
}

func TestHandshake(t *testing.T) {
	srtp := map[uint16][]byte{14: {0, 2, 0, 8, 0}}
	v13 := map[uint16][]byte{43: {0xFE, 0xFC}}
	chosen := serverHelloBody(7, 0xC02C, srtp)
	retry := serverHelloBody(0, 0x1301, v13)
	copy(retry[2:], retryRandom())
	type packet struct {
		sent bool
		data []byte
	}
	ch, all := clientHelloBody(), len(chosen)
	for name, c := range map[string]struct {
		packets []packet
		server  hello
		role    string
	}{
		"1.2":                        {[]packet{{true, dtlsRecord(clientHello, 0, ch, 0, len(ch))}, {false, dtlsRecord(serverHello, 0, chosen, 0, all)}}, hello{seen: true, version: 0xFEFD, suite: 0xC02C, srtp: 8}, "client"},
		"1.3":                        {[]packet{{false, dtlsRecord(clientHello, 0, ch, 0, len(ch))}, {true, dtlsRecord(serverHello, 0, serverHelloBody(1, 0x1301, v13), 0, len(serverHelloBody(1, 0x1301, v13)))}}, hello{seen: true, sent: true, version: 0xFEFC, suite: 0x1301}, "server"},
		"fragments in any order":     {[]packet{{false, dtlsRecord(serverHello, 1, chosen, 20, all)}, {false, dtlsRecord(serverHello, 1, chosen, 0, 25)}}, hello{seen: true, version: 0xFEFD, suite: 0xC02C, srtp: 8}, "client"},
		"two records":                {[]packet{{false, append(dtlsRecord(serverHello, 1, chosen, 0, 30), dtlsRecord(serverHello, 1, chosen, 30, all)...)}}, hello{seen: true, version: 0xFEFD, suite: 0xC02C, srtp: 8}, "client"},
		"fragments of two messages":  {[]packet{{false, dtlsRecord(serverHello, 1, chosen, 0, 30)}, {false, dtlsRecord(serverHello, 2, chosen, 30, all)}}, hello{}, ""},
		"a hole":                     {[]packet{{false, dtlsRecord(serverHello, 1, chosen, 0, 30)}, {false, dtlsRecord(serverHello, 1, chosen, 31, all)}}, hello{}, ""},
		"retry only":                 {[]packet{{false, dtlsRecord(serverHello, 0, retry, 0, len(retry))}}, hello{}, ""},
		"only the client was heard":  {[]packet{{false, dtlsRecord(clientHello, 0, ch, 0, len(ch))}}, hello{}, "server"},
		"encrypted records are left": {[]packet{{false, append([]byte{recordHandshake, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0}, 0, 1, 2)}}, hello{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var h handshake
			for _, p := range c.packets {
				h.read(p.data, p.sent)
			}
			if diff := cmp.Diff(c.server, h.server, cmp.AllowUnexported(hello{})); diff != "" {
				t.Errorf("ServerHello (-want +got):\n%s", diff)
			}
			if got := h.role(); got != c.role {
				t.Errorf("role %q, want %q", got, c.role)
			}
		})
	}
}

// A message must not be believed before its last byte is there, nor cost
// more memory than the bound.
func TestHandshakeCut(t *testing.T) {
	body := serverHelloBody(7, 0xC02C, map[uint16][]byte{14: {0, 2, 0, 7, 0}})
	whole := dtlsRecord(serverHello, 0, body, 0, len(body))
	for n := range whole {
		var h handshake
		if h.read(whole[:n], false); h.server.seen {
			t.Errorf("a ServerHello was read from %d of %d bytes", n, len(whole))
		}
	}
	huge := dtlsRecord(serverHello, 0, make([]byte, maxHello+1), 0, 10)
	var h handshake
	if h.read(huge, false); len(h.pending) != 0 {
		t.Error("a message above the bound is kept")
	}
}

func FuzzHandshake(f *testing.F) {
	body := serverHelloBody(7, 0xC02C, map[uint16][]byte{14: {0, 2, 0, 7, 0}})
	f.Add(dtlsRecord(serverHello, 0, body, 0, len(body)), true)
	f.Add(dtlsRecord(clientHello, 0, clientHelloBody(), 3, 9), false)
	f.Fuzz(func(t *testing.T, b []byte, sent bool) {
		var h handshake
		h.read(b, sent)
		h.read(b, !sent)
		if len(h.pending) > 4 {
			t.Errorf("%d messages are kept", len(h.pending))
		}
		if h.server.seen && h.role() == "" {
			t.Error("a ServerHello without a role")
		}
	})
}

// FuzzDatagram feeds datagrams of a recorded meeting, and worse, to the whole
// of the packet reading.
func FuzzDatagram(f *testing.F) {
	z, err := zip.OpenReader(recording)
	if err != nil {
		f.Fatal(err)
	}
	defer z.Close()
	log, err := z.Open("p1/netlog.json")
	if err != nil {
		f.Fatal(err)
	}
	defer log.Close()
	seen := map[kind]int{}
	if _, err := netlog.Read(f.Context(), log, netlog.Handler{Datagram: func(d *netlog.Datagram) {
		if k := demux(d.Payload); seen[k] < 4 {
			seen[k]++
			f.Add(append([]byte(nil), d.Payload...), d.Sent)
		}
	}}); err != nil {
		f.Fatal(err)
	}
	if len(seen) < 5 {
		f.Fatalf("the recording has only the kinds %v", seen)
	}
	f.Fuzz(func(t *testing.T, b []byte, sent bool) {
		p := &packets{flows: map[pair]*flow{}}
		first := check(0)
		for _, d := range []*netlog.Datagram{first, {Sent: sent, Payload: b, Length: len(b), Local: first.Local, Remote: first.Remote}} {
			p.datagram(d)
		}
		f := p.order[0]
		if sum := f.STUN + f.DTLS + f.RTPSent + f.RTPReceived + f.RTCP + f.Other + f.Relayed; sum < f.Sent+f.Received || f.Sent+f.Received != 2 {
			t.Errorf("%d datagrams are %d things", f.Sent+f.Received, sum)
		}
	})
}
