package quic

import (
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"vksprobe/tls/hello"
)

// FuzzDatagram reads whole datagrams of both sides.
func FuzzDatagram(f *testing.F) {
	for name := range sampleVersions {
		for _, packet := range []string{"client-initial", "server-initial", "retry", "chacha20"} {
			f.Add(sample(f, name, packet))
		}
	}
	f.Add([]byte{0x80, 0, 0, 0, 0, 0, 8, 0x83, 0x94, 0xC8, 0xF0, 0x3E, 0x51, 0x57, 0x08, 0, 0, 0, 1, 0x1A, 0x2A, 0x3A, 0x4A})
	first := sample(f, "v1", "client-initial")
	f.Fuzz(func(t *testing.T, datagram []byte) {
		var r Reader
		r.Sent(datagram, nil)
		r.Received(datagram)
		r.Records(nil)
		c := NewClient(Version1, unhex(t, sampleID))
		c.Say(hello.Message(hello.TypeClientHello, make([]byte, 300)), nil)
		c.Sent(first, nil)
		for range 3 {
			c.Received(datagram)
			c.Records(nil)
		}
		check(t, c)
	})
}

// FuzzFrames reads frames that were sealed as they should be.
func FuzzFrames(f *testing.F) {
	f.Add(append(cryptoFrame(0, hello.Message(hello.TypeServerHello, make([]byte, 40))), 0, 0, 1))
	f.Add(ackFrame(ranges{{9, 9}, {5, 7}, {1, 2}}))
	f.Add([]byte{frameAckECN, 5, 0, 0, 5, 1, 1, 1, framePing, frameHandshakeDone})
	f.Add([]byte{frameClose, 0x41, 0x78, 6, 3, 'b', 'y', 'e'})
	f.Add([]byte{frameNewConnectionID, 1, 0, 4, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, frameNewToken, 1, 7})
	f.Add([]byte{0x0F, 3, 0, 1, 'x', 0x04, 1, 2, 3, 0x11, 1, 2, framePathChallenge, 1, 2, 3, 4, 5, 6, 7, 8, 0x31, 1, 'd', 0x08, 3, 'y'})
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) == 0 || len(payload) > 1<<13 {
			return
		}
		for s := cryptobyte.String(payload); !s.Empty(); {
			before := len(s)
			if _, ok := readFrame(&s); !ok {
				break
			}
			if len(s) >= before {
				t.Fatal("a frame of no length")
			}
		}
		c := NewClient(Version1, unhex(t, sampleID))
		c.Say(hello.Message(hello.TypeClientHello, make([]byte, 300)), nil)
		length := numberSize + len(payload) + tagSize
		head := []byte{0xC3, 0, 0, 0, 1, 0, 1, 's', 0, 0x40 | byte(length>>8), byte(length), 0, 0, 0, 7}
		c.Received(c.level[initialPacket].theirs.seal(head, 7, payload))
		var flight hello.Flight
		flight.Received(c.Records(nil))
		if len(c.level[initialPacket].theyNumbers) != 1 {
			t.Fatal("the packet was not opened")
		}
		check(t, c)
	})
}

// check has a client say what it may have to say.
func check(t *testing.T, c *Client) {
	if len(c.waiting) > maxWaiting || c.held > maxHeld || c.Closed != nil && len(c.Closed.Reason) > maxReason || len(c.token) > maxToken {
		t.Error("more is kept than there should be")
	}
	all := append(c.Again(nil), c.Acknowledge(nil), c.Goodbye(nil))
	for _, d := range all {
		if d != nil && len(d) != DatagramSize {
			t.Errorf("a datagram of %d bytes", len(d))
		}
		h, ok := parseHeader(d, 0)
		if d != nil && (!ok || h.kind != initialPacket) {
			t.Errorf("a datagram that cannot be read: % x", d[:40])
		}
	}
}

func FuzzParameters(f *testing.F) {
	f.Add(ClientParameters())
	f.Add([]byte{0, 4, 1, 2, 3, 4, 1, 2, 0x40, 100, 13, 41})
	f.Add(append([]byte{13, 25, 192, 0, 2, 1, 1, 0xBB}, make([]byte, 19)...))
	f.Add([]byte{17, 8, 0, 0, 0, 1, 0x6B, 0x33, 0x43, 0xCF, 0x5B, 1, 0, 0x6A, 0xB2, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		all, _ := ParseParameters(data)
		if len(all) > maxParameters {
			t.Errorf("%d parameters", len(all))
		}
		new(Reader).Bound(all)
	})
}

// TestParameters reads the values that are no numbers.
func TestParameters(t *testing.T) {
	data := append([]byte{13, 41, 192, 0, 2, 1, 1, 0xBB}, unhex(t, "20010db8000000000000000000000001"+"01bb"+"00"+"0102030405060708090a0b0c0d0e0f10")...)
	data = append(data, 17, 8, 0, 0, 0, 1, 0x6B, 0x33, 0x43, 0xCF, 27, 1, 7, 0x41, 0x00, 1, 7, 2, 1, 7, 12, 0)
	want := []Parameter{{ID: 13, Name: "preferred_address", Value: "192.0.2.1:443 [2001:db8::1]:443"}, {ID: 17, Name: "version_information", Value: "0x00000001 0x6b3343cf"},
		{ID: 27, Name: "reserved", Value: "07"}, {ID: 256, Name: "0x100", Value: "07"}, {ID: 2, Name: "stateless_reset_token", Value: "07"}, {ID: 12, Name: "disable_active_migration"}}
	got, ok := ParseParameters(data)
	if !ok || len(got) != len(want) {
		t.Fatalf("%+v %v", got, ok)
	}
	for i, p := range got {
		if p.Data = nil; p.ID != want[i].ID || p.Name != want[i].Name || p.Value != want[i].Value {
			t.Errorf("%+v, want %+v", p, want[i])
		}
	}
	if _, ok := ParseParameters(data[:len(data)-1]); ok {
		t.Error("what is cut off is taken for whole")
	}
}

func TestVersionNames(t *testing.T) {
	for v, want := range map[uint32]string{Version1: "QUIC v1", Version2: "QUIC v2", 0xFF00001D: "draft-29", 0x51303530: "Google Q050", 0x1A2A3A4A: "reserved 0x1A2A3A4A",
		0x709A50C4: "QUIC v2 draft", 0x51414141: "0x51414141", 0xFACEB002: "0xFACEB002"} {
		if got := VersionName(v); got != want {
			t.Errorf("%08X: %q, want %q", v, got, want)
		}
	}
	if v := Reserved(0xDEADBEEF); !IsReserved(v) {
		t.Errorf("%08X is not reserved", v)
	}
}
