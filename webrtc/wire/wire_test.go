package wire

import (
	"archive/zip"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"

	"vksprobe/probe/netlog"
)

var (
	begin = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	here  = netip.MustParseAddrPort("192.0.2.1:5000")
	there = netip.MustParseAddrPort("198.51.100.7:3478")
)

// A tape holds datagrams in the order in which they passed.
type tape struct {
	mu   sync.Mutex
	list []netlog.Datagram
}

func (t *tape) add(sent bool, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := int64(len(t.list))
	t.list = append(t.list, netlog.Datagram{Stamp: netlog.Stamp{Time: begin.Add(time.Duration(n) * time.Millisecond), Event: n + 1, Byte: 100 * n},
		Sent: sent, Local: here, Remote: there, Length: len(b), Payload: slices.Clone(b)})
}

// all returns what is on the tape.
func (t *tape) all() []netlog.Datagram {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.list)
}

func decode(all []netlog.Datagram) *Capture {
	d := New(100 * time.Millisecond)
	for _, g := range all {
		d.Datagram(&g)
	}
	return d.Capture()
}

// recording is a conference that Chromium recorded: an echo test within the
// page (DTLS 1.3), a pion server without a relay and one behind TURN over UDP.
const recording = "../testdata/meeting.zip"

// recorded returns the datagrams of the recording.
func recorded(tb testing.TB) (all []netlog.Datagram) {
	tb.Helper()
	openRecording(tb, func(r io.Reader) {
		_, err := netlog.Read(tb.Context(), r, netlog.Handler{Datagram: func(g *netlog.Datagram) {
			c := *g
			c.Payload = slices.Clone(g.Payload)
			all = append(all, c)
		}})
		if err != nil {
			tb.Fatal(err)
		}
	})
	return all
}

func openRecording(tb testing.TB, read func(io.Reader)) {
	tb.Helper()
	z, err := zip.OpenReader(recording)
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	f, err := z.Open("p1/netlog.json")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	read(f)
}

// check holds what is true of every Capture.
func check(tb testing.TB, d *Decoder) {
	tb.Helper()
	c := d.Capture()
	streams, buckets, held := 0, 0, 0
	for _, p := range c.Paths {
		var sum int64
		for _, t := range []Traffic{p.STUNTraffic, p.DTLSTraffic, p.RTPTraffic, p.RTCPTraffic, p.RelayedTraffic, p.ZRTP, p.Other} {
			sum += t.Packets()
		}
		if sum != p.Total.Packets() || sum == 0 {
			tb.Errorf("%s: %d packets are %d things", p.Remote, p.Total.Packets(), sum)
		}
		if p.WebRTC() && p.STUN == nil && len(p.Handshakes) == 0 {
			tb.Errorf("%s is WebRTC for no reason", p.Remote)
		}
		for _, h := range p.Handshakes {
			if h.ServerHello != nil && h.Version() == 0 || h.Incomplete < 0 {
				tb.Errorf("%s: a strange handshake %+v", p.Remote, h)
			}
		}
		streams, held = streams+len(p.Streams), held+p.held
		for _, s := range p.Streams {
			buckets += len(s.Buckets)
			var in int64
			for i, b := range s.Buckets {
				in += b.Packets
				if i > 0 && !s.Buckets[i-1].Start.Before(b.Start) || b.Min > b.Max || b.First > b.Last {
					tb.Errorf("%s: bucket %d of %X is out of order: %+v", p.Remote, i, s.SSRC, b)
				}
			}
			if in > s.Packets || s.Lost < 0 || s.Repeated+s.Reordered > s.Packets {
				tb.Errorf("%s: stream %+v has %d packets in its buckets", p.Remote, s, in)
			}
		}
	}
	l := d.limits
	if len(c.Paths) > l.paths || streams > l.streams || streams != d.streams || buckets > l.buckets || buckets != d.buckets || held > l.held || held != d.held || len(d.flows) > l.flows || d.buffered > maxBuffered {
		tb.Errorf("bounds: %d paths, %d streams (%d), %d buckets (%d), %d bytes held (%d), %d flows, %d buffered", len(c.Paths), streams, d.streams, buckets, d.buckets, held, d.held, len(d.flows), d.buffered)
	}
}

// What Chromium and pion said to each other, by the account of those who
// recorded them.
func TestRecorded(t *testing.T) {
	d := New(100 * time.Millisecond)
	openRecording(t, func(r io.Reader) {
		if _, err := d.NetLog(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	})
	check(t, d)
	type path struct {
		Remote, Relay   string
		Client          bool
		Version, Group  uint16
		Suite           string
		Offer, Versions []uint16
		Shares          []uint16
		Profile         uint16
		Master          bool
		Server, Browser string // certificates
		Sent, Received  bool   // RTP
		Levels          bool
	}
	var got []path
	var relays []TURN
	for _, p := range d.Capture().Paths {
		if p.TURN != nil && len(p.TURN.Channels) > 0 {
			r := *p.TURN
			r.bound = nil
			relays = append(relays, r)
		}
		h := p.Handshake()
		if h == nil || h.ServerHello == nil {
			continue
		}
		x := path{Remote: p.Remote.Addr().String(), Client: h.Client, Version: h.Version(), Group: h.Group(), Suite: SuiteName(h.CipherSuite()),
			Offer: h.ClientHello.SRTPProfiles(), Versions: h.ClientHello.Versions(), Shares: h.ClientHello.KeyShares(), Profile: h.SRTPProfile(), Master: h.ExtendedMasterSecret(),
			Sent: p.RTPTraffic.Sent.Packets > 0, Received: p.RTPTraffic.Received.Packets > 0}
		if p.Relay.IsValid() {
			x.Relay = p.Relay.Addr().String()
		}
		for _, c := range h.Certificates(false) {
			x.Server += fmt.Sprint(c.Key, " ", c.Curve, " ", c.Signature)
		}
		for _, c := range h.Certificates(true) {
			x.Browser += fmt.Sprint(c.Key, " ", c.Curve, " ", c.Signature)
		}
		got = append(got, x)
		if len(p.Malformed) > 0 || h.Incomplete > 0 || len(h.Alerts) > 0 {
			t.Errorf("%s: %v, %d incomplete, %v", p.Remote, p.Malformed, h.Incomplete, h.Alerts)
		}
	}
	chromium, pion := []uint16{1, 8, 7}, []uint16{8, 7, 1}
	const ecdsa = "ECDSA P-256 ECDSA-SHA256"
	v13, shares := []uint16{DTLS13, DTLS12}, []uint16{0x11EC, 0x001D}
	want := []path{
		{Remote: "192.0.2.2", Client: true, Version: DTLS13, Group: 0x11EC, Suite: "TLS_AES_128_GCM_SHA256", Offer: chromium, Versions: v13, Shares: shares, Received: true},
		{Remote: "192.0.2.2", Version: DTLS13, Group: 0x11EC, Suite: "TLS_AES_128_GCM_SHA256", Offer: chromium, Versions: v13, Shares: shares, Sent: true},
		{Remote: "127.0.0.1", Version: DTLS12, Group: 0x001D, Suite: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Offer: pion, Versions: []uint16{DTLS12}, Profile: 1, Master: true, Server: ecdsa, Browser: ecdsa, Sent: true},
		{Remote: "127.0.0.1", Relay: "127.0.0.8", Version: DTLS12, Group: 0x001D, Suite: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Offer: pion, Versions: []uint16{DTLS12}, Profile: 1, Master: true, Server: ecdsa, Browser: ecdsa},
	}
	// Which side of the echo test is recorded first is left to the browser.
	slices.SortStableFunc(got, func(a, b path) int {
		if a.Version == DTLS13 && b.Version == DTLS13 && a.Client != b.Client && a.Client {
			return -1
		}
		return 0
	})
	for i := range want[:2] { // so is who of them sent first
		if i < len(got) {
			want[i].Client, want[i].Sent, want[i].Received = got[i].Client, got[i].Sent, got[i].Received
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if len(relays) != 1 || !relays[0].Client || !slices.Equal(relays[0].Realms, []string{"test"}) || len(relays[0].Allocations) != 1 {
		t.Fatalf("relays: %+v", relays)
	}
	a := relays[0].Allocations[0]
	if a.Protocol != 17 || a.Code != 0 || !a.Signed || a.Lifetime != 10*time.Minute || a.Relayed.Addr().String() != "127.0.0.8" || !relays[0].Channels[0].Granted {
		t.Errorf("allocation: %+v", a)
	}
}

// The order in which packets are recorded, or that some came twice, changes
// nothing of what a handshake shows.
func TestReordered(t *testing.T) {
	all := recorded(t)
	summary := func(all []netlog.Datagram) map[string]string {
		out := map[string]string{}
		for _, p := range decode(all).Paths {
			for _, h := range p.Handshakes {
				if h.ServerHello != nil {
					out[fmt.Sprint(p.Socket, p.Remote, p.Relay)] = fmt.Sprintf("%x %x %x %x %v %d %d", h.Version(), h.CipherSuite(), h.Group(), h.SRTPProfile(), h.Client, len(h.ServerCertificates), len(h.ClientCertificates))
				}
			}
		}
		return out
	}
	want := summary(all)
	if len(want) < 4 {
		t.Fatalf("only %v", want)
	}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		mixed := slices.Clone(all)
		for i := range mixed {
			// Not farther than the network would, and bindings stay before data.
			if j := min(len(mixed)-1, i+r.IntN(4)); demux(mixed[i].Payload) == kindDTLS && demux(mixed[j].Payload) == kindDTLS {
				mixed[i], mixed[j] = mixed[j], mixed[i]
			}
			if r.IntN(4) == 0 {
				mixed = append(mixed, mixed[i])
			}
		}
		if diff := cmp.Diff(want, summary(mixed)); diff != "" {
			t.Errorf("seed %d (-in order +reordered):\n%s", seed, diff)
		}
	}
}

// Wherever packets are cut, they are counted and nothing is made up.
func TestCut(t *testing.T) {
	all := recorded(t)
	whole := decode(all)
	for _, n := range []int{0, 1, 4, 12, 13, 20, 28, 60, 200} {
		cut := slices.Clone(all)
		for i := range cut {
			cut[i].Payload = cut[i].Payload[:min(n, len(cut[i].Payload))]
		}
		d := New(100 * time.Millisecond)
		for i := range cut {
			d.Datagram(&cut[i])
		}
		check(t, d)
		c := d.Capture()
		if n == 0 && len(c.Paths) > 0 && c.Paths[0].Unread == 0 {
			t.Error("packets without payload were read")
		}
		outer := func(c *Capture) (n int64) {
			for _, p := range c.Paths {
				if !p.Relay.IsValid() {
					n += p.Total.Sent.Bytes + p.Total.Received.Bytes
				}
			}
			return n
		}
		if c.Packets != whole.Packets || outer(c) != outer(whole) {
			t.Errorf("cut at %d: %+v, whole %+v", n, c.Packets, whole.Packets)
		}
		for _, p := range c.Paths {
			for _, h := range p.Handshakes {
				if n < 60 && (h.ClientHello != nil || h.ServerHello != nil) {
					t.Errorf("a hello was read from %d bytes", n)
				}
			}
			// RTP headers are whole within 60 bytes, so sizes are those of the wire.
			if n == 60 {
				for _, s := range p.Streams {
					if s.Sent && s.Bytes == 0 {
						t.Errorf("%s: no sizes of %X", p.Remote, s.SSRC)
					}
				}
			}
		}
	}
}

func TestSTUN(t *testing.T) {
	build := func(setters ...stun.Setter) []byte {
		return stun.MustBuild(append([]stun.Setter{stun.TransactionID}, setters...)...).Raw
	}
	request := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("far:near"), raw{stun.AttrICEControlling, make([]byte, 8)}, raw{stun.AttrUseCandidate, nil}, stun.NewShortTermIntegrity("x"), stun.Fingerprint)
	mapped := stun.MustBuild(stun.NewTransactionIDSetter(request.TransactionID), stun.BindingSuccess, &stun.XORMappedAddress{IP: []byte{203, 0, 113, 9}, Port: 777}, stun.NewSoftware("Coturn-4.6 \x1b[31m'x'"))
	other := stun.MustBuild(stun.TransactionID, stun.BindingSuccess, &stun.MappedAddress{IP: []byte{1, 2, 3, 4}, Port: 5})
	var tp tape
	tp.add(true, request.Raw)
	tp.add(true, request.Raw) // again
	tp.add(false, mapped.Raw)
	tp.add(false, other.Raw)
	tp.add(false, build(stun.BindingError, stun.ErrorCodeAttribute{Code: 487, Reason: []byte("Role\x00 Conflict")}))
	tp.add(true, build(stun.BindingRequest)[:19])
	tp.add(true, append(build(stun.BindingRequest), 1, 2))
	bad := build(stun.BindingRequest, stun.NewSoftware("abc"))
	bad[22], bad[23] = 0xFF, 0xFF
	tp.add(true, bad)
	tp.add(true, append([]byte{0, 1, 0, 0}, make([]byte, 16)...))
	c := decode(tp.all())
	p := c.Paths[0]
	s := p.STUN
	if diff := cmp.Diff(Tally{STUNCut: 1, STUNLength: 1, STUNAttribute: 1, STUNCookie: 1}, p.Malformed); diff != "" {
		t.Errorf("malformed (-want +got):\n%s", diff)
	}
	if !slices.Equal(s.LocalUfrags, []string{"near"}) || !slices.Equal(s.RemoteUfrags, []string{"far"}) || !s.Controlling || s.Controlled || s.Nominated.Event != 1 || s.Integrity != 2 {
		t.Errorf("check: %+v", s)
	}
	if !slices.Equal(s.Mapped, []netip.AddrPort{netip.MustParseAddrPort("203.0.113.9:777")}) || !slices.Equal(s.Software, []string{"Coturn-4.6 [31m'x'"}) {
		t.Errorf("answer: %v %q", s.Mapped, s.Software)
	}
	if len(s.Errors) != 1 || s.Errors[0].Code != 487 || s.Errors[0].Reason != "Role Conflict" || s.Errors[0].Sent {
		t.Errorf("errors: %+v", s.Errors)
	}
	if s.Requests != 3 || s.Answered != 1 || s.FastestAnswer != 2*time.Millisecond || s.Messages["Binding request"].Sent.Packets != 4 {
		t.Errorf("%d requests, %d answered in %s, %v", s.Requests, s.Answered, s.FastestAnswer, s.Messages)
	}
}

// raw is an attribute of any content.
type raw struct {
	kind  stun.AttrType
	value []byte
}

func (a raw) AddTo(m *stun.Message) error { m.Add(a.kind, a.value); return nil }

// packet builds an RTP packet.
func packet(t testing.TB, h rtp.Header, size int, extensions map[uint8][]byte) []byte {
	t.Helper()
	h.Version = 2
	for _, id := range slices.Sorted(func(yield func(uint8) bool) {
		for id := range extensions {
			if !yield(id) {
				return
			}
		}
	}) {
		if err := h.SetExtension(id, extensions[id]); err != nil {
			t.Fatal(err)
		}
	}
	b, err := (&rtp.Packet{Header: h, Payload: make([]byte, size)}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRTP(t *testing.T) {
	var tp tape
	tp.add(true, stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw)
	send := func(at time.Duration, h rtp.Header, size int, x map[uint8][]byte) {
		tp.add(true, packet(t, h, size, x))
		tp.list[len(tp.list)-1].Time = begin.Add(at)
	}
	sound := func(level byte) map[uint8][]byte { return map[uint8][]byte{1: {level}, 3: {1, 2}} }
	send(0, rtp.Header{SSRC: 7, PayloadType: 111, SequenceNumber: 65534, Timestamp: 0, Marker: true}, 20, sound(0x80|30))
	send(20*time.Millisecond, rtp.Header{SSRC: 7, PayloadType: 111, SequenceNumber: 65535, Timestamp: 960}, 13, sound(127))
	send(40*time.Millisecond, rtp.Header{SSRC: 7, PayloadType: 111, SequenceNumber: 1, Timestamp: 2880}, 13, sound(127)) // 0 is late
	send(60*time.Millisecond, rtp.Header{SSRC: 7, PayloadType: 111, SequenceNumber: 0, Timestamp: 1920}, 13, sound(127))
	send(80*time.Millisecond, rtp.Header{SSRC: 7, PayloadType: 111, SequenceNumber: 0, Timestamp: 1920}, 13, sound(127)) // again
	send(2100*time.Millisecond, rtp.Header{SSRC: 7, PayloadType: 111, SequenceNumber: 5, Timestamp: 4800}, 13, nil)      // 2 to 4 are lost
	c := decode(tp.all())
	s := c.Paths[0].Streams[0]
	if s.SSRC != 7 || !s.Sent || s.Packets != 6 || s.Bytes != 85 || s.Lost != 3 || s.Repeated != 1 || s.Reordered != 1 || s.Pauses != 1 || s.LongestPause != 2020*time.Millisecond {
		t.Errorf("stream: %+v", s)
	}
	if diff := cmp.Diff([]PayloadType{{Number: 111, Packets: 6, Bytes: 85, Marked: 1, Min: 13, Max: 20}}, s.PayloadTypes); diff != "" {
		t.Errorf("payload types (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Extension{{ID: 1, Packets: 5, Min: 1, Max: 1}, {ID: 3, Packets: 5, Min: 2, Max: 2}}, s.Extensions); diff != "" {
		t.Errorf("extensions (-want +got):\n%s", diff)
	}
	if len(s.Buckets) != 2 || s.Buckets[0].Packets != 5 || s.Buckets[1].Start != begin.Add(2100*time.Millisecond) {
		t.Fatalf("buckets: %+v", s.Buckets)
	}
	b := s.Buckets[0]
	if l, ok := b.Level(1); !ok || l != (Level{Packets: 5, Silent: 4, Voice: 1, Loudest: 30}) {
		t.Errorf("level: %+v", l)
	}
	if _, ok := b.Level(3); ok {
		t.Error("an extension of two bytes is taken for a level")
	}
	if b.Sizes[SizeClass(13)] != 4 || b.Min != 13 || b.Max != 20 || b.Last != 80*time.Millisecond {
		t.Errorf("bucket: %+v", b)
	}
}

func TestRTCP(t *testing.T) {
	sender := []byte{0x80, 200, 0, 6, 0, 0, 0, 9}
	sender = append(sender, make([]byte, 20)...)
	sdes := []byte{0x81, 202, 0, 4, 0, 0, 0, 9, 1, 8, 'l', 'a', 'p', 't', 'o', 'p', '-', '7', 0, 0}
	var tp tape
	tp.add(true, slices.Concat(sender, sdes))
	tp.add(false, append(slices.Concat(sender, sdes), make([]byte, 14)...)) // SRTCP: with index and tag
	tp.add(false, []byte{0x80, 201, 0, 1, 0})
	p := decode(tp.all()).Paths[0]
	r := p.RTCP
	if r == nil || !slices.Equal(r.CNAMEs, []string{"laptop-7"}) || r.Clear.Packets() != 1 || r.Types[200].Packets() != 2 || !slices.Equal(r.Senders, []uint32{9}) || p.Malformed[RTCPHeader] != 1 || p.EarlyRTCP.Packets() != 2 {
		t.Errorf("rtcp: %+v %v", r, p.Malformed)
	}
}

// However much a stranger sends, only so much is remembered, and the rest is
// counted.
func TestBounds(t *testing.T) {
	d := New(time.Millisecond)
	d.limits = limits{paths: 8, streams: 8, buckets: 16, flows: 4, held: 4096, ssrcs: 4, channels: 4}
	r := rand.New(rand.NewPCG(1, 2))
	binding := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	hello := func() []byte { // fragments of messages that never end
		b := make([]byte, 25, 200)
		b[0], b[1], b[2], b[11], b[12] = 22, 0xFE, 0xFD, 0, 112
		b[13], b[15], b[18] = byte(1+r.IntN(14)), 0x40, byte(r.IntN(256))
		b[20], b[21] = byte(r.IntN(32)), byte(r.IntN(256))
		b[24] = 100
		return append(b, make([]byte, 100)...)
	}
	for i := range 20000 {
		remote := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 9)
		if i%3 > 0 {
			remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(i % 4)}), 9)
		}
		b := binding
		switch i % 5 {
		case 1:
			b = packet(t, rtp.Header{SSRC: uint32(r.Uint64N(64)), SequenceNumber: uint16(i)}, 10, nil)
		case 2, 3:
			b = hello()
		case 4:
			b = stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodChannelBind, stun.ClassRequest), stun.NewUsername(fmt.Sprint("user ", i)),
				raw{stun.AttrChannelNumber, []byte{0x40, byte(i), 0, 0}}, raw{stun.AttrXORPeerAddress, []byte{0, 1, byte(i), 1, 2, 3, 4, byte(i)}}).Raw
		}
		d.Datagram(&netlog.Datagram{Stamp: netlog.Stamp{Time: begin.Add(time.Duration(i) * time.Millisecond)}, Sent: i%2 == 0, Local: here, Remote: remote, Length: len(b), Payload: b})
		d.Stream(&Chunk{Stamp: netlog.Stamp{Time: begin}, Local: here, Remote: remote, Payload: binding[:1+i%20]})
		if i%1000 == 0 {
			check(t, d)
		}
	}
	check(t, d)
	if x := d.Capture().Dropped; x.Paths == 0 || x.Streams == 0 || x.Buckets == 0 || x.Messages == 0 || x.Flows == 0 {
		t.Errorf("nothing was dropped: %+v", x)
	}
	if got := d.Capture().Packets.Packets(); got < 20000 {
		t.Errorf("%d packets were counted", got)
	}
}
