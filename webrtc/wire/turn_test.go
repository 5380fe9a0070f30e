package wire

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"vksprobe/probe/netlog"
)

// A chunked connection writes down the bytes that pass.
type chunked struct {
	net.Conn
	mu   *sync.Mutex
	list *[]Chunk
}

func (c chunked) note(sent bool, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int64(len(*c.list))
	*c.list = append(*c.list, Chunk{Stamp: netlog.Stamp{Time: begin.Add(time.Duration(n) * time.Millisecond), Event: n + 1}, Sent: sent, Local: here, Remote: there, Payload: slices.Clone(b)})
}

func (c chunked) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.note(false, b[:n])
	return n, err
}

func (c chunked) Write(b []byte) (int, error) {
	c.note(true, b)
	return c.Conn.Write(b)
}

// relay runs a TURN server over UDP and TCP on loopback.
func relay(t *testing.T) (udp, tcp string) {
	t.Helper()
	u := listen(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	generator := func() turn.RelayAddressGenerator {
		return &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	}
	s, err := turn.NewServer(turn.ServerConfig{Realm: "wire.test", LoggerFactory: logging.NewDefaultLoggerFactory(),
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, a.Realm, "pass"), a.Username == "alice"
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: u, RelayAddressGenerator: generator()}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: l, RelayAddressGenerator: generator()}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return u.LocalAddr().String(), l.Addr().String()
}

// converse allocates a relay over conn and lets two RTP packets pass each way.
func converse(t *testing.T, server string, conn net.PacketConn) (relayed, peer netip.AddrPort) {
	t.Helper()
	c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: server, STUNServerAddr: server, Conn: conn, Username: "alice", Password: "pass", LoggerFactory: logging.NewDefaultLoggerFactory()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	r, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	far := listen(t)
	b := make([]byte, 1500)
	media := append([]byte{0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7}, make([]byte, 29)...)
	for range 2 {
		if _, err := r.WriteTo(media, far.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		n, from, err := far.ReadFrom(b)
		if err != nil || !bytes.Equal(b[:n], media) {
			t.Fatal(n, err)
		}
		if _, err := far.WriteTo(media, from); err != nil {
			t.Fatal(err)
		}
		if _, _, err := r.ReadFrom(b); err != nil {
			t.Fatal(err)
		}
	}
	relayed = netip.MustParseAddrPort(r.LocalAddr().String())
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return relayed, netip.MustParseAddrPort(far.LocalAddr().String())
}

// checkRelay holds a Capture against what passed.
func checkRelay(t *testing.T, c *Capture, transport Transport, relayed, peer netip.AddrPort) {
	t.Helper()
	if len(c.Paths) != 2 {
		t.Fatalf("%d paths", len(c.Paths))
	}
	outer, inner := c.Paths[0], c.Paths[1]
	r := outer.TURN
	if r == nil || !r.Client || !slices.Equal(r.Realms, []string{"wire.test"}) || !slices.Equal(r.Usernames, []string{"alice"}) || len(r.Allocations) != 1 || len(outer.Malformed)+len(inner.Malformed)+len(c.Malformed) > 0 {
		t.Fatalf("relay %+v, %v %v %v", r, outer.Malformed, inner.Malformed, c.Malformed)
	}
	a := r.Allocations[0]
	if a.Relayed != relayed || !a.Mapped.IsValid() || a.Lifetime != 10*time.Minute || a.Protocol != 17 || !a.Signed || a.Code != 0 {
		t.Errorf("allocation %+v, relayed %s", a, relayed)
	}
	if len(r.Permissions) != 1 || r.Permissions[0].Peer != peer.Addr() || !r.Permissions[0].Granted {
		t.Errorf("permissions %+v", r.Permissions)
	}
	if len(outer.STUN.Errors) != 1 || outer.STUN.Errors[0].Code != 401 || outer.STUN.Errors[0].Method != "Allocate" {
		t.Errorf("errors %+v", outer.STUN.Errors)
	}
	if inner.Remote != peer || inner.Relay != there || inner.Transport != transport || inner.RTPTraffic.Sent.Packets != 2 || inner.RTPTraffic.Received.Packets != 2 || outer.RelayedTraffic.Packets() != 4 {
		t.Errorf("inner path %s over %s: %+v", inner.Remote, inner.Relay, inner.RTPTraffic)
	}
	if s := inner.Streams; len(s) != 2 || s[0].SSRC != 7 || s[0].Bytes != 2*29 {
		t.Errorf("streams %+v", s)
	}
}

func TestTURN(t *testing.T) {
	udp, tcp := relay(t)
	t.Run("udp", func(t *testing.T) {
		tp := &tape{}
		relayed, peer := converse(t, udp, taped{listen(t), tp})
		checkRelay(t, decode(tp.all()), UDP, relayed, peer)
	})
	t.Run("tcp", func(t *testing.T) {
		conn, err := net.Dial("tcp4", tcp)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var list []Chunk
		relayed, peer := converse(t, tcp, turn.NewSTUNConn(chunked{conn, &mu, &list}))
		mu.Lock()
		defer mu.Unlock()
		// The pieces in which bytes come mean nothing.
		for _, size := range []int{1 << 20, 1, 3, 7, 100} {
			d := New(time.Second)
			for _, c := range list {
				for len(c.Payload) > 0 {
					piece := c
					piece.Payload = c.Payload[:min(size, len(c.Payload))]
					c.Payload = c.Payload[len(piece.Payload):]
					piece.Inside = size == 7
					d.Stream(&piece)
				}
			}
			check(t, d)
			want := TCP
			if size == 7 {
				want = TLS
			}
			checkRelay(t, d.Capture(), want, relayed, peer)
		}
	})
}

// Refusals, an end, and a credential that is secret are told apart.
func TestTURNMessages(t *testing.T) {
	var tp tape
	ask := func(method stun.Method, answer func(*stun.Message), attributes ...stun.Setter) {
		q := stun.MustBuild(append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest), stun.NewUsername("1700:bob"), stun.NewRealm("r")}, attributes...)...)
		q.Add(stun.AttrMessageIntegrity, make([]byte, 20))
		tp.add(true, q.Raw)
		if answer == nil {
			return
		}
		a := stun.MustBuild(stun.NewTransactionIDSetter(q.TransactionID), stun.NewType(method, stun.ClassSuccessResponse))
		answer(a)
		a.WriteHeader()
		tp.add(false, a.Raw)
	}
	refuse := func(code int) func(*stun.Message) {
		return func(m *stun.Message) {
			m.SetType(stun.NewType(m.Type.Method, stun.ClassErrorResponse))
			m.Add(stun.AttrErrorCode, []byte{0, 0, byte(code / 100), byte(code % 100)})
		}
	}
	lifetime := func(n byte) raw { return raw{stun.AttrLifetime, []byte{0, 0, 0, n}} }
	ask(stun.MethodAllocate, refuse(486), raw{stun.AttrRequestedTransport, []byte{6, 0, 0, 0}}, raw{stun.AttrRequestedAddressFamily, []byte{2, 0, 0, 0}}, lifetime(99))
	ask(stun.MethodAllocate, func(m *stun.Message) {
		m.Add(stun.AttrLifetime, []byte{0, 0, 1, 0})
		m.Add(stun.AttrSoftware, []byte("srv"))
	})
	ask(stun.MethodCreatePermission, refuse(403), raw{stun.AttrXORPeerAddress, []byte{0, 1, 0x21, 0x13, 0x5E, 0x12, 0xA4, 0x43}})
	ask(stun.MethodChannelBind, refuse(403), raw{stun.AttrXORPeerAddress, []byte{0, 1, 0x21, 0x13, 0x5E, 0x12, 0xA4, 0x43}}, raw{stun.AttrChannelNumber, []byte{0x40, 7, 0, 0}})
	ask(stun.MethodRefresh, func(m *stun.Message) { m.Add(stun.AttrLifetime, []byte{0, 0, 1, 0}) }, lifetime(250))
	ask(stun.MethodRefresh, func(m *stun.Message) { m.Add(stun.AttrLifetime, []byte{0, 0, 0, 0}) }, lifetime(0))
	ask(stun.MethodCreatePermission, nil, raw{stun.AttrXORPeerAddress, []byte{0, 1, 0, 0, 1, 2, 3, 4}})
	p := decode(tp.all()).Paths[0]
	r := p.TURN
	if len(r.Allocations) != 2 || r.Allocations[0].Code != 486 || r.Allocations[0].Protocol != 6 || r.Allocations[0].Family != 2 || r.Allocations[0].Wanted != 99*time.Second {
		t.Fatalf("allocations %+v", r.Allocations[0])
	}
	if a := r.Allocations[1]; a.Code != 0 || a.Lifetime != 256*time.Second || a.Refreshed != 1 || a.Released.Event != 12 {
		t.Errorf("allocation %+v", a)
	}
	if a := r.Permissions; len(a) != 2 || a[0].Granted || a[0].Code != 403 || a[0].Peer.String() != "127.0.0.1" || a[1].Granted || a[1].Code != 0 {
		t.Errorf("permissions %+v", a)
	}
	if c := r.Channels; len(c) != 1 || c[0].Number != 0x4007 || c[0].Granted || c[0].Code != 403 || c[0].Peer != netip.MustParseAddrPort("127.0.0.1:1") {
		t.Errorf("channels %+v", c)
	}
	if !slices.Equal(r.Usernames, []string{"1700:bob"}) || !slices.Equal(p.STUN.Software, []string{"srv"}) {
		t.Errorf("%v %v", r.Usernames, p.STUN.Software)
	}
}

// ICE over TCP has a length before each packet, RFC 4571.
func TestFramed(t *testing.T) {
	var stream []byte
	count := 0
	for _, g := range recorded(t) {
		if g.Remote.Addr().String() == "127.0.0.1" && g.Sent {
			stream = append(stream, byte(len(g.Payload)>>8), byte(len(g.Payload)))
			stream = append(stream, g.Payload...)
			count++
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	d := New(time.Second)
	for len(stream) > 0 {
		n := min(len(stream), 1+r.IntN(3000))
		d.Stream(&Chunk{Stamp: netlog.Stamp{Time: begin}, Sent: true, Local: here, Remote: there, Payload: stream[:n]})
		stream = stream[n:]
	}
	check(t, d)
	if c := d.Capture(); len(c.Paths) != 1 || c.Paths[0].Transport != TCP || c.Packets.Sent.Packets != int64(count) || count < 500 || len(c.Malformed) > 0 {
		t.Errorf("%d of %d frames, %v", c.Packets.Sent.Packets, count, c.Malformed)
	}
}

// A stream that carries something else, or loses bytes, is no source of
// packets that never were.
func TestStreamOther(t *testing.T) {
	d := New(time.Second)
	say := func(port uint16, gap bool, b []byte) {
		d.Stream(&Chunk{Stamp: netlog.Stamp{Time: begin}, Sent: true, Local: netip.AddrPortFrom(here.Addr(), port), Remote: there, Gap: gap, Payload: b})
	}
	say(1, false, []byte("GET / HTTP/1.1\r\n\r\n"))
	say(2, false, []byte{22, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3})
	binding := func() []byte {
		return []byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	}
	say(3, false, binding()[:15])
	say(3, true, binding())
	say(3, false, []byte{200, 1, 2, 3, 4, 5})
	say(3, false, binding())
	c := d.Capture()
	if c.Opaque != 2 || c.Packets.Packets() != 2 || c.Malformed[StreamLost] != 1 || c.Malformed[StreamStep] != 1 {
		t.Errorf("%d opaque, %d packets, %v", c.Opaque, c.Packets.Packets(), c.Malformed)
	}
	check(t, d)
}
