package turn_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"vksprobe/probe"
	"vksprobe/webrtc/turn"
)

// A script answers a request as it likes.
type script func(req *stun.Message, write func([]byte))

// serve runs a scripted server over UDP and TCP at one port and returns its
// URL for one of them.
func serve(t *testing.T, transport string, answer script) string {
	t.Helper()
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	if transport == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		wg.Go(func() {
			for buf := make([]byte, 1<<16); ; {
				n, from, err := c.ReadFrom(buf)
				if err != nil {
					return
				}
				m := stun.New()
				if stun.Decode(buf[:n], m) == nil {
					answer(m, func(b []byte) { c.WriteTo(b, from) })
				}
			}
		})
		return "turn:" + c.LocalAddr().String() + "?transport=udp"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); l.Close() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { c.Close() })
			wg.Go(func() {
				defer stop()
				defer c.Close()
				for {
					head := make([]byte, 20)
					if _, err := io.ReadFull(c, head); err != nil {
						return
					}
					rest := make([]byte, binary.BigEndian.Uint16(head[2:]))
					if _, err := io.ReadFull(c, rest); err != nil {
						return
					}
					m := stun.New()
					if stun.Decode(append(head, rest...), m) == nil {
						answer(m, func(b []byte) { c.Write(b) })
					}
				}
			})
		}
	})
	return "turn:" + l.Addr().String() + "?transport=tcp"
}

// reply builds a response to a request.
func reply(req *stun.Message, class stun.MessageClass, set ...stun.Setter) []byte {
	m := stun.New()
	m.TransactionID = req.TransactionID
	m.SetType(stun.NewType(req.Type.Method, class))
	m.WriteHeader()
	for _, s := range set {
		if err := s.AddTo(m); err != nil {
			panic(err)
		}
	}
	return m.Raw
}

type raw struct {
	attr  stun.AttrType
	value []byte
}

func (r raw) AddTo(m *stun.Message) error { m.Add(r.attr, r.value); return nil }

type relayed netip.AddrPort

func (r relayed) AddTo(m *stun.Message) error {
	a := netip.AddrPort(r)
	x := stun.XORMappedAddress{IP: a.Addr().AsSlice(), Port: int(a.Port())}
	return x.AddToAs(m, stun.AttrXORRelayedAddress)
}

const (
	success = stun.ClassSuccessResponse
	refusal = stun.ClassErrorResponse
)

func errorCode(c stun.ErrorCode) stun.Setter {
	return stun.ErrorCodeAttribute{Code: c, Reason: []byte("no")}
}

func lifetime(seconds uint32) stun.Setter {
	return raw{stun.AttrLifetime, binary.BigEndian.AppendUint32(nil, seconds)}
}

func challenge(req *stun.Message, nonce string) []byte {
	return reply(req, refusal, errorCode(401), stun.NewRealm("lab"), stun.NewNonce(nonce))
}

func signed(req *stun.Message) bool { return req.Contains(stun.AttrMessageIntegrity) }

var four, six = relayed(netip.MustParseAddrPort("192.0.2.1:50000")), relayed(netip.MustParseAddrPort("[2001:db8::1]:50000"))

// easy grants everything to who comes with any credentials.
func easy(req *stun.Message, write func([]byte)) {
	switch {
	case req.Type.Method == stun.MethodBinding:
		write(reply(req, success, &stun.XORMappedAddress{IP: net.IPv4(192, 0, 2, 9), Port: 9}, stun.NewSoftware("easy")))
	case !signed(req):
		write(challenge(req, "always the same"))
	case req.Type.Method == stun.MethodAllocate:
		if v, err := req.Get(stun.AttrRequestedAddressFamily); err == nil && v[0] == 2 {
			write(reply(req, success, six, lifetime(600)))
		} else if _, err := req.Get(0x8000); err == nil {
			write(reply(req, success, four, six, lifetime(600)))
		} else {
			write(reply(req, success, four, lifetime(600)))
		}
	default:
		write(reply(req, success))
	}
}

func login(url string) turn.Server {
	return turn.Server{URL: url, Username: "me", Credential: "secret"}
}

func TestEasy(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			f, transcript := ask(t, login(serve(t, transport, easy)), options())
			if f.Software != "easy" || f.Doors[0].Mapped != "192.0.2.9:9" || f.Realm != "lab" {
				t.Errorf("software %q, doors %+v, realm %q", f.Software, f.Doors, f.Realm)
			}
			if f.Password.State != turn.No || f.Nonce.MadeUp.State != turn.No || f.Nonce.Fresh != turn.No {
				t.Errorf("password %+v, nonce %+v", f.Password, f.Nonce)
			}
			if f.Dual.Works.State != turn.Yes || !slices.Equal(f.Dual.Families, []string{"IPv4", "IPv6"}) || f.IPv6.Works.State != turn.Yes {
				t.Errorf("dual %+v, IPv6 %+v", f.Dual, f.IPv6)
			}
			got := verdicts(t, transcript)
			if got["turn.authentication"] != probe.Fail || got["turn.relay-to-private"] != probe.Fail {
				t.Errorf("verdicts: %v", got)
			}
		})
	}
}

// A credential that is accepted after its end is told from one that never
// ends.
func TestEverlasting(t *testing.T) {
	t.Parallel()
	url := serve(t, "udp", easy)
	o := options()
	o.Wait = 10 * time.Second
	for name, c := range map[string]struct {
		user    string
		limited turn.State
		after   turn.State
		verdict probe.Verdict
	}{
		"ends while we wait": {fmt.Sprintf("%d:me", time.Now().Add(time.Second).Unix()), turn.Yes, turn.Yes, probe.Fail},
		"behind the name":    {"me:1600000000", turn.Yes, turn.Yes, probe.Fail},
		"ended long ago":     {"1600000000", turn.Yes, turn.Yes, probe.Fail},
		"a year":             {"me:2026", turn.No, turn.Unknown, probe.Review},
		"a number":           {"123456789012", turn.No, turn.Unknown, probe.Review},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, transcript := ask(t, turn.Server{URL: url, Username: c.user, Credential: "secret"}, o)
			if f.Credential.TimeLimited != c.limited || f.Credential.After.State != c.after {
				t.Errorf("%+v", f.Credential)
			}
			if got := verdicts(t, transcript)["turn.credential-lifetime"]; got != c.verdict {
				t.Errorf("the verdict is %s", got)
			}
		})
	}
}

// Whatever a server answers, the check ends, and nothing is made of it that
// was not said.
func TestHostile(t *testing.T) {
	t.Parallel()
	junk := bytes.Repeat([]byte{0xff}, 1200)
	stray := func(req *stun.Message) []byte {
		other := stun.New()
		other.TransactionID = stun.NewTransactionID()
		other.Type = req.Type
		return reply(other, success, &stun.XORMappedAddress{IP: net.IPv4(192, 0, 2, 66), Port: 66})
	}
	for name, c := range map[string]struct {
		answer  script
		failure probe.Failure
	}{
		"silence": {func(*stun.Message, func([]byte)) {}, probe.Timeout},
		"garbage": {func(_ *stun.Message, write func([]byte)) { write(junk) }, probe.NotRecognised},
		"endless": {func(req *stun.Message, write func([]byte)) {
			for range 500 {
				write(stray(req))
			}
		}, probe.NotRecognised},
		"wrong transaction": {func(req *stun.Message, write func([]byte)) { write(stray(req)) }, probe.NotRecognised},
		"echo":              {func(req *stun.Message, write func([]byte)) { write(req.Raw) }, probe.NotRecognised},
		"announces more": {func(req *stun.Message, write func([]byte)) {
			b := reply(req, success)
			binary.BigEndian.PutUint16(b[2:], 0xfffc)
			write(b)
		}, probe.NotRecognised},
	} {
		for _, transport := range []string{"udp", "tcp"} {
			t.Run(name+" over "+transport, func(t *testing.T) {
				t.Parallel()
				o := options()
				o.Timeout, o.RTO = 150*time.Millisecond, 20*time.Millisecond
				f, transcript := ask(t, login(serve(t, transport, c.answer)), o)
				d, want := f.Doors[0], c.failure
				if len(transcript[0].Received) == 0 {
					want = probe.Timeout // this machine is too busy to answer in time
				}
				if d.Reachable.State != turn.No || d.Reachable.Failure != want {
					t.Errorf("reachable: %+v, want no, %s", d.Reachable, want)
				}
				if d.Mapped != "" || f.Open.State == turn.Yes || len(f.Peers) > 0 {
					t.Errorf("made of nothing: %+v", f)
				}
				for _, x := range transcript {
					size := 0
					for _, b := range x.Received {
						size += len(b)
					}
					if x.Times > 7 || len(x.Received) > 64 || size > 200<<10 {
						t.Errorf("exchange %d: sent %d times, received %d messages of %d bytes", x.N, x.Times, len(x.Received), size)
					}
				}
			})
		}
	}
}

// The right answer is found among wrong ones.
func TestAmong(t *testing.T) {
	t.Parallel()
	url := serve(t, "udp", func(req *stun.Message, write func([]byte)) {
		write([]byte("hello"))
		easy(&stun.Message{Type: req.Type, TransactionID: stun.NewTransactionID()}, write)
		easy(req, write)
	})
	f, transcript := ask(t, turn.Server{URL: url}, options())
	if f.Doors[0].Mapped != "192.0.2.9:9" || transcript[0].Answer != 3 {
		t.Errorf("%+v of %d", transcript[0].Answer, len(transcript[0].Received))
	}
}

// A server that calls every nonce stale is not asked forever.
func TestStale(t *testing.T) {
	t.Parallel()
	var n int
	url := serve(t, "udp", func(req *stun.Message, write func([]byte)) {
		n++
		nonce := stun.NewNonce(strings.Repeat("n", 1+n%50))
		switch {
		case !signed(req):
			easy(req, write)
		default:
			write(reply(req, refusal, errorCode(438), stun.NewRealm("lab"), nonce))
		}
	})
	f, transcript := ask(t, login(url), options())
	if f.Credential.Accepted.State != turn.Unknown || f.Credential.Accepted.Code != 438 || f.Nonce.Stale == 0 {
		t.Errorf("%+v, %+v", f.Credential, f.Nonce)
	}
	if len(transcript) > 30 {
		t.Errorf("%d exchanges", len(transcript))
	}
}

// What bears a wrong integrity is not believed.
func TestForged(t *testing.T) {
	t.Parallel()
	url := serve(t, "udp", func(req *stun.Message, write func([]byte)) {
		if !signed(req) {
			easy(req, write)
			return
		}
		write(reply(req, success, four, lifetime(600), stun.NewLongTermIntegrity("other", "lab", "key")))
	})
	var f turn.Facts
	var transcript turn.Transcript
	o := options()
	wrong := func(x turn.Exchange) bool { return x.Integrity == "wrong" }
	for o.Timeout = 100 * time.Millisecond; o.Timeout < 10*time.Second; o.Timeout *= 2 { // a busy machine needs more
		if f, transcript = ask(t, login(url), o); slices.ContainsFunc(transcript, wrong) {
			break
		}
	}
	if f.Credential.Accepted.State != turn.Unknown || f.Allocation.Works.State != turn.Unknown || f.Cost.Allocations != 0 {
		t.Errorf("%+v, %+v", f.Credential, f.Allocation)
	}
	if !slices.ContainsFunc(transcript, wrong) {
		t.Error("no exchange says so")
	}
}

// Attributes may be as large as a message lets them.
func TestHuge(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("\x00\x1b[31mA", 5000)
	for _, transport := range []string{"udp", "tcp"} {
		url := serve(t, transport, func(req *stun.Message, write func([]byte)) {
			write(reply(req, refusal, errorCode(401), raw{stun.AttrRealm, []byte(big)}, raw{stun.AttrNonce, []byte(big[:20000])}, raw{stun.AttrSoftware, []byte("soft\nware")}))
		})
		f, _ := ask(t, login(url), options())
		if len(f.Realm) > 256 || strings.ContainsAny(f.Realm+f.Software, "\x00\x1b\n") || f.Software != "software" {
			t.Errorf("realm of %d bytes, software %q", len(f.Realm), f.Software)
		}
		if transport == "udp" && (len(f.Amplifies) != 2 || f.Amplifies[0].Ratio < 500) {
			t.Errorf("%+v", f.Amplifies)
		}
	}
}

// Further forms of answers.
func TestForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer script
		right  func(turn.Facts) bool
	}{
		"401 without a realm": {func(req *stun.Message, write func([]byte)) { write(reply(req, refusal, errorCode(401))) },
			func(f turn.Facts) bool { return f.Challenge.State == turn.No && f.Open.State == turn.No }},
		"try alternate": {func(req *stun.Message, write func([]byte)) {
			a := stun.AlternateServer{IP: net.IPv4(192, 0, 2, 7), Port: 3478}
			write(reply(req, refusal, errorCode(300), &a))
		}, func(f turn.Facts) bool { return f.Alternate == "192.0.2.7:3478" && f.Open.State == turn.Unknown }},
		"quota": {func(req *stun.Message, write func([]byte)) { write(reply(req, refusal, errorCode(486))) },
			func(f turn.Facts) bool {
				return f.Open.State == turn.Unknown && f.Open.Code == 486 && f.Challenge.State == turn.Unknown
			}},
		"other address": {func(req *stun.Message, write func([]byte)) {
			o := stun.MappedAddress{IP: net.IPv4(192, 0, 2, 8), Port: 3479}
			m := stun.New()
			o.AddToAs(m, stun.AttrOtherAddress)
			write(reply(req, success, raw{stun.AttrOtherAddress, m.Attributes[0].Value}))
		}, func(f turn.Facts) bool {
			return f.Doors[0].OtherAddress == "192.0.2.8:3479" && f.Open.State == turn.Yes
		}},
		"one family of two": {func(req *stun.Message, write func([]byte)) {
			if !signed(req) {
				easy(req, write)
				return
			}
			write(reply(req, success, four, lifetime(600), raw{0x8001, []byte{2, 0, 4, 40, 'n', 'o', 'n', 'e'}}))
		}, func(f turn.Facts) bool {
			return f.Dual.Works.State == turn.No && f.Dual.Works.Code == 440 && f.IPv6.Works.State == turn.No
		}},
		"malformed addresses": {func(req *stun.Message, write func([]byte)) {
			write(reply(req, success, raw{stun.AttrXORMappedAddress, []byte{0, 2, 1}}, raw{stun.AttrXORRelayedAddress, []byte{0, 2, 0, 0, 1, 2, 3, 4}}, raw{stun.AttrLifetime, []byte{1}}))
		}, func(f turn.Facts) bool { return f.Doors[0].Mapped == "" && len(f.Allocation.Relayed) == 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := ask(t, login(serve(t, "udp", c.answer)), options())
			if !c.right(f) {
				t.Errorf("%+v", f)
			}
		})
	}
}

// Nothing is sent where the caller does not let us, and no other host is asked
// than the one that was named.
func TestScope(t *testing.T) {
	t.Parallel()
	o := options()
	var asked []string
	o.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
		asked = append(asked, network+" "+address)
		return nil, errors.New("out of scope")
	}
	f, transcript := ask(t, turn.Server{URL: "turn:turn.example.org"}, o)
	if want := []string{"udp turn.example.org:3478", "tcp turn.example.org:3478", "tcp turn.example.org:5349"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q", asked)
	}
	for _, x := range transcript {
		if len(x.Sent) > 0 || x.Failure == "" {
			t.Errorf("%+v", x)
		}
	}
	if f.Doors[0].Reachable.State != turn.Unknown {
		t.Errorf("%+v", f.Doors[0])
	}
}

// An allocation is ended even when the check is interrupted.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	released := make(chan struct{}, 10)
	url := serve(t, "udp", func(req *stun.Message, write func([]byte)) {
		switch req.Type.Method {
		case stun.MethodCreatePermission:
			cancel()
			return
		case stun.MethodRefresh:
			released <- struct{}{}
		}
		easy(req, write)
	})
	transcript, err := turn.Check(ctx, login(url), options())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	select {
	case <-released:
	default:
		t.Error("the allocation was left behind")
	}
	f := turn.Read(transcript)
	if f.Cost.Released != 1 || f.Cost.Allocations != 1 {
		t.Errorf("%+v", f.Cost)
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	var asked []string
	o := options()
	o.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
		asked = append(asked, network+" "+address)
		return nil, errors.New("not now")
	}
	for url, want := range map[string]string{
		"turns:example.org":                    "tcp example.org:5349, udp example.org:5349",
		"turns:example.org:443?transport=tcp":  "tcp example.org:443",
		"turn:192.0.2.1:3478?transport=udp":    "udp 192.0.2.1:3478, tcp 192.0.2.1:5349",
		"stun:[2001:db8::1]":                   "udp [2001:db8::1]:3478, tcp [2001:db8::1]:3478",
		"STUN:example.org:19302":               "udp example.org:19302, tcp example.org:19302",
		"turn:example.org:5349?transport=tcp":  "tcp example.org:5349",
		"http://example.org":                   "",
		"turn:":                                "",
		"turn:example.org:0":                   "",
		"turn:example.org:x":                   "",
		"turn:user@example.org":                "",
		"turn:2001:db8::1:3478:99999":          "",
		"stun:example.org?transport=udp":       "",
		"turn:example.org?transport=sctp":      "",
		"turn:example.org/path?transport=sctp": "",
	} {
		asked = nil
		_, err := turn.Check(t.Context(), turn.Server{URL: url}, o)
		if got := strings.Join(asked, ", "); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: asked for %q, want %q; %v", url, got, want, err)
		}
	}
	if _, err := turn.Check(t.Context(), turn.Server{URL: "turn:example.org", Username: "alone"}, o); err == nil || strings.Contains(err.Error(), "alone") {
		t.Errorf("a user name without a credential: %v", err)
	}
}

// What a server that is slow to answer sends is not compared with one request
// of several.
func TestSlowAmplifier(t *testing.T) {
	t.Parallel()
	asked := map[stun.Method]int{}
	url := serve(t, "udp", func(req *stun.Message, write func([]byte)) {
		if asked[req.Type.Method]++; asked[req.Type.Method] < 3 { // lost
			return
		}
		write(reply(req, refusal, errorCode(401), stun.NewRealm("lab"), stun.NewNonce("n"), raw{stun.AttrSoftware, make([]byte, 300)}))
	})
	o := options()
	o.RTO = 10 * time.Millisecond
	f, transcript := ask(t, turn.Server{URL: url}, o)
	if f.Challenge.State != turn.Yes {
		t.Fatalf("%+v", f.Challenge)
	}
	for _, a := range f.Amplifies {
		if x := transcript[a.Exchange-1]; x.Times != 1 || a.Sent != len(x.Sent) {
			t.Errorf("%+v of a request that was sent %d times", a, x.Times)
		}
	}
	if slices.ContainsFunc(f.Amplifies, func(a turn.Amplification) bool { return a.Request == "Binding" }) {
		t.Errorf("%+v", f.Amplifies)
	}
}

// Behind an alert somebody is there, but whether it is a STUN server is not
// known.
func TestAlert(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 1<<12))
			c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) // handshake_failure
			c.Close()
		}
	}()
	f, transcript := ask(t, login("turns:"+l.Addr().String()+"?transport=tcp"), options())
	if d := f.Doors[0]; d.Reachable.State != turn.Unknown || d.Reachable.Failure != probe.TLSAlert {
		t.Errorf("%+v", d)
	}
	if v := verdicts(t, transcript)["turn.tls-offered"]; v != probe.Unknown {
		t.Errorf("the verdict is %s", v)
	}
}
