package webrtc

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	"golang.org/x/crypto/cryptobyte"

	"vksprobe/probe/netlog"
	"vksprobe/webrtc/wire"
)

var start = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// at returns a datagram between fixed addresses, seconds after start.
func at(seconds float64, sent bool, payload []byte) *netlog.Datagram {
	return &netlog.Datagram{Stamp: netlog.Stamp{Time: start.Add(time.Duration(seconds * float64(time.Second))), Event: 1}, Sent: sent,
		Local: netip.MustParseAddrPort("127.0.0.1:5000"), Remote: netip.MustParseAddrPort("127.0.0.2:6000"), Length: len(payload), Payload: payload}
}

// message builds a STUN message.
func stunMessage(t *testing.T, kind stun.MessageType, setters ...stun.Setter) []byte {
	t.Helper()
	m, err := stun.Build(append([]stun.Setter{stun.TransactionID, kind}, setters...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func rtpPacket(t *testing.T, ssrc uint32, level int, size int) []byte {
	t.Helper()
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SSRC: ssrc}, Payload: make([]byte, size)}
	if level >= 0 {
		if err := p.SetExtension(1, []byte{byte(level)}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type attribute struct {
	kind  stun.AttrType
	value []byte
}

func (a attribute) AddTo(m *stun.Message) error { m.Add(a.kind, a.value); return nil }

type peerAddress netip.AddrPort

func (a peerAddress) AddTo(m *stun.Message) error {
	p := netip.AddrPort(a)
	return stun.XORMappedAddress{IP: net.IP(p.Addr().AsSlice()), Port: int(p.Port())}.AddToAs(m, stun.AttrXORPeerAddress)
}

func TestDemultiplex(t *testing.T) {
	quicShort := append([]byte{0x41, 0, 0, 4}, make([]byte, 20)...)
	dns := append([]byte{0x90, 0x7f, 1, 0}, make([]byte, 20)...)
	p := packetsOf(

		at(0, false, rtpPacket(t, 1, -1, 9)), // before any check: may be anything
		check(0),
		at(1, true, rtpPacket(t, 1, 127, 9)),
		at(1.01, true, rtpPacket(t, 1, 30, 9)),
		at(2, false, rtpPacket(t, 2, -1, 9)),
		at(2, false, []byte{0x80, 200, 0, 1, 0, 0, 0, 0}),
		at(2, false, clientHello()),
		at(2, false, []byte{0xC0, 1, 2, 3}),
		at(3, false, nil),
	)
	f := p.order[0]
	want := Packets{Participant: 1, Transport: "udp", Local: "127.0.0.1:5000", Remote: "127.0.0.2:6000", Sent: 3, Received: 6, SentBytes: f.SentBytes, ReceivedBytes: f.ReceivedBytes,
		STUN: 1, DTLS: 1, RTPSent: 2, RTPReceived: 1, RTCP: 1, Other: 3, First: start, Last: start.Add(3 * time.Second), DTLSRole: "server"}
	if diff := cmp.Diff(want, f.Packets); diff != "" {
		t.Errorf("flow (-want +got):\n%s", diff)
	}
	i := slices.IndexFunc(f.wire.Streams, func(s *wire.Stream) bool { return s.SSRC == 1 && s.Sent })
	if i < 0 {
		t.Fatal("no stream was sent")
	}
	s := f.wire.Streams[i]
	if got, want := sentIn(s, start, start.Add(time.Hour)), (sum{packets: 2, bytes: 18, loud: 2}); got != want {
		t.Errorf("stream: %+v, want %+v", got, want)
	}
	if got := sentIn(s, start.Add(1050*time.Millisecond), start.Add(time.Hour)); got.packets != 0 {
		t.Errorf("packets before the stretch of time are counted: %+v", got)
	}
	if other := packetsOf(at(0, true, quicShort), at(0, true, dns), at(0, true, dns)); len(other.order) != 0 {
		t.Errorf("QUIC and DNS were taken for WebRTC: %+v", other.order[0].Packets)
	}
}

// packetsOf reads datagrams as those of participant 1.
func packetsOf(all ...*netlog.Datagram) *packets {
	d := wire.New(bucketSize)
	for _, g := range all {
		d.Datagram(g)
	}
	p := &packets{participant: 1, path: "p1/netlog.json"}
	p.take(d.Capture())
	return p
}

func TestRelay(t *testing.T) {
	peer := netip.MustParseAddrPort("192.0.2.7:7000")
	inside := stunMessage(t, stun.BindingRequest, stun.NewUsername("theirs:mine"))
	channel := func(b []byte) []byte { return append([]byte{0x40, 1, byte(len(b) >> 8), byte(len(b))}, b...) }
	p := packetsOf(
		at(0, true, channel(rtpPacket(t, 1, -1, 9))), // no such channel yet
		at(0, true, stunMessage(t, stun.NewType(stun.MethodSend, stun.ClassIndication), peerAddress(peer), attribute{stun.AttrData, inside})),
		at(0, true, stunMessage(t, stun.NewType(stun.MethodChannelBind, stun.ClassRequest), peerAddress(peer), attribute{stun.AttrChannelNumber, []byte{0x40, 1, 0, 0}})),
		at(1, true, channel(rtpPacket(t, 1, -1, 9))),
		at(1, true, append(channel(rtpPacket(t, 1, -1, 9)), 0, 0)), // padded
		at(1, false, channel(rtpPacket(t, 2, -1, 9))),
		at(2, false, stunMessage(t, stun.NewType(stun.MethodData, stun.ClassIndication), peerAddress(peer), attribute{stun.AttrData, clientHello()})),
	)
	if len(p.order) != 2 {
		t.Fatalf("%d flows, want the one to the relay and the one inside", len(p.order))
	}
	inner := p.order[1]
	want := Packets{Participant: 1, Transport: "udp", Local: "127.0.0.1:5000", Remote: "192.0.2.7:7000", Relay: "127.0.0.2:6000", Sent: 3, Received: 2, SentBytes: inner.SentBytes, ReceivedBytes: inner.ReceivedBytes,
		STUN: 1, DTLS: 1, RTPSent: 2, RTPReceived: 1, First: start, Last: start.Add(2 * time.Second), DTLSRole: "server"}
	if diff := cmp.Diff(want, inner.Packets); diff != "" {
		t.Errorf("inner flow (-want +got):\n%s", diff)
	}
	if p.order[0].Relayed != 5 {
		t.Errorf("the relay carried %d packets, want 5", p.order[0].Relayed)
	}
	if got := p.of(map[string]bool{"mine": true}, nil); len(got) != 1 || got[0] != inner {
		t.Errorf("the connection's flows are %v", got)
	}
}

// check is an ICE check that the browser with fragment "mine" sends.
func check(seconds float64) *netlog.Datagram {
	m := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("theirs:mine"))
	return at(seconds, true, m.Raw)
}

// clientHello is a record with the smallest ClientHello.
func clientHello() []byte {
	var body cryptobyte.Builder
	body.AddUint16(0xFEFD)
	body.AddBytes(make([]byte, 34)) // random, session, cookie
	body.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(0xC02B) })
	body.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint8(0) })
	message := body.BytesOrPanic()
	var b cryptobyte.Builder
	b.AddUint8(22)
	b.AddUint16(0xFEFD)
	b.AddBytes(make([]byte, 8))
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(1)
		b.AddUint24(uint32(len(message)))
		b.AddUint16(0)
		b.AddUint24(0)
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(message) })
	})
	return b.BytesOrPanic()
}
