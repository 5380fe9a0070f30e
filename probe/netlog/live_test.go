package netlog_test

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe/netlog"
)

// found is everything that Read hands over.
type found struct {
	Log       *netlog.Log
	Sockets   []*netlog.Socket
	Lookups   []*netlog.Lookup
	Requests  []*netlog.Request
	QUIC      []*netlog.QUICSession
	Datagrams []netlog.Datagram // without payload
	Payload   int               // bytes of payload in all datagrams
}

func (f *found) handler() netlog.Handler {
	return netlog.Handler{
		Socket:  func(s *netlog.Socket) { f.Sockets = append(f.Sockets, s) },
		Lookup:  func(l *netlog.Lookup) { f.Lookups = append(f.Lookups, l) },
		Request: func(r *netlog.Request) { f.Requests = append(f.Requests, r) },
		QUIC:    func(q *netlog.QUICSession) { f.QUIC = append(f.QUIC, q) },
		Datagram: func(d *netlog.Datagram) {
			f.Payload += len(d.Payload)
			c := *d
			c.Payload = nil
			f.Datagrams = append(f.Datagrams, c)
		},
	}
}

func readFile(t *testing.T, path string) *found {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all found
	all.Log, err = netlog.Read(context.Background(), f, all.handler())
	if err != nil {
		t.Fatal(err)
	}
	return &all
}

// request returns the only request of a URL that begins so.
func (f *found) request(t *testing.T, url string) *netlog.Request {
	t.Helper()
	var all []*netlog.Request
	for _, r := range f.Requests {
		if strings.HasPrefix(r.URL, url) {
			all = append(all, r)
		}
	}
	if len(all) != 1 {
		t.Fatalf("%d requests for %s, want 1", len(all), url)
	}
	return all[0]
}

func (f *found) socket(t *testing.T, id int64) *netlog.Socket {
	t.Helper()
	i := slices.IndexFunc(f.Sockets, func(s *netlog.Socket) bool { return s.ID == id })
	if i < 0 {
		t.Fatalf("no socket %d", id)
	}
	return f.Sockets[i]
}

// TestLive compares what the log of a real browser says with what the servers
// at the other ends of its connections saw.
func TestLive(t *testing.T) {
	l := newLab(t)
	f := readFile(t, l.record(t, "/", false, ""))
	l.mu.Lock()
	defer l.mu.Unlock()

	if g := f.Log; g.Truncated || g.Malformed != 0 || g.Dropped != 0 || g.Mode != "Everything" || g.Missing != nil {
		t.Errorf("log truncated=%v malformed=%d dropped=%d mode=%q missing=%q", g.Truncated, g.Malformed, g.Dropped, g.Mode, g.Missing)
	}
	t.Logf("%d events, %d sockets, %d datagrams, %d requests, %d lookups", f.Log.Events, len(f.Sockets), len(f.Datagrams), len(f.Requests), len(f.Lookups))

	t.Run("tcp", func(t *testing.T) {
		connected, cancelled := 0, 0
		for _, s := range f.Sockets {
			if s.Network != "tcp" || s.NetError == -102 {
				continue
			}
			if !s.Local.IsValid() {
				// The browser lost interest while it connected; the system
				// may have finished that without it.
				cancelled++
				if s.Sent != 0 || s.Received != 0 || len(s.Attempts) == 0 {
					t.Errorf("socket without a connection: %+v", s)
				}
				continue
			}
			connected++
			c := l.conns[s.Local.String()]
			if c == nil {
				t.Errorf("no server saw %v to %v", s.Local, s.Remote)
				continue
			}
			if s.Remote.String() != c.Local || s.Sent != c.Received {
				t.Errorf("%v: sent %d bytes to %v, the server %s received %d", s.Local, s.Sent, s.Remote, c.Local, c.Received)
			}
			// The browser closes without reading the server's last alert and
			// last frame of HTTP/2, together some 60 bytes, and from a
			// connection that it opened in vain it may read nothing.
			if d := c.Sent - s.Received; d < 0 || len(s.Owners) > 0 && d > 100 {
				t.Errorf("%v: received %d bytes, the server sent %d", s.Local, s.Received, c.Sent)
			}
		}
		if unseen := len(l.conns) - connected; unseen < 0 || unseen > cancelled || connected < 10 {
			t.Errorf("%d connections and %d cancelled ones in the log, servers saw %d", connected, cancelled, len(l.conns))
		}
	})

	t.Run("tls", func(t *testing.T) {
		type want struct {
			Version, ALPN, Name, Inner string
			Cipher, Group, Signature   uint16
			CertError, NetError        int
			ECH                        bool
		}
		leaf := l.cert.Certificate[0]
		for url, w := range map[string]want{
			"https://meet.lab.test:" + port(l.tls13) + "/data": {Version: "TLS 1.3", ALPN: "h2", Name: "meet.lab.test", Cipher: 0x1301, Group: 4588, Signature: 0x0403},
			"https://old.lab.test:" + port(l.tls12) + "/data":  {Version: "TLS 1.2", ALPN: "http/1.1", Name: "old.lab.test", Cipher: 0xc02b, Group: 29, Signature: 0x0403},
			"https://bad.lab.test":                             {Name: "bad.lab.test", CertError: -202, NetError: -202},
			"https://dumb.lab.test":                            {Name: "dumb.lab.test", NetError: -107},
			"https://ech.lab.test":                             {Version: "TLS 1.3", ALPN: "h2", Name: "public.lab.test", Inner: "ech.lab.test", Cipher: 0x1301, Group: 4588, Signature: 0x0403, ECH: true},
			"wss://ws.lab.test":                                {Version: "TLS 1.3", ALPN: "http/1.1", Name: "ws.lab.test", Cipher: 0x1301, Group: 4588, Signature: 0x0403},
		} {
			r := f.request(t, url)
			s := f.socket(t, r.Socket)
			if s.TLS == nil {
				t.Errorf("%s: no handshake", url)
				continue
			}
			g := s.TLS
			got := want{g.Version, g.ALPN, g.ServerName, g.InnerServerName, g.CipherSuite, g.Group, g.SignatureAlgorithm, g.CertError, g.NetError, g.ECH}
			if d := cmp.Diff(w, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", url, d)
			}
			if !slices.Contains(s.Owners, r.ID) || s.Annotation == 0 {
				t.Errorf("%s: socket %d belongs to %v, annotation %d", url, s.ID, s.Owners, s.Annotation)
			}
			if scheme := "https" + r.URL[strings.Index(r.URL, ":"):]; s.Group == "" || !strings.HasPrefix(scheme, s.Group+"/") {
				t.Errorf("%s: group %q", url, s.Group)
			}
			cert := leaf
			if w.CertError != 0 {
				cert = l.other.Certificate[0]
			}
			if w.NetError != -107 && (len(g.Certificates) != 1 || string(g.Certificates[0]) != string(cert)) {
				t.Errorf("%s: not the server's certificate", url)
			}
			var types []uint8
			for _, m := range g.Messages {
				if n := len(m.Bytes); n < 4 || m.Bytes[0] != m.Type || n != 4+int(m.Bytes[1])<<16+int(m.Bytes[2])<<8+int(m.Bytes[3]) {
					t.Errorf("%s: message of type %d has %d bytes", url, m.Type, n)
				}
				types = append(types, m.Type)
			}
			if len(types) == 0 || types[0] != 1 || !g.Messages[0].Sent || w.NetError != -107 && !g.Resumed && !slices.Contains(types, 11) {
				t.Errorf("%s: handshake messages %v", url, types)
			}
		}
	})

	t.Run("refused", func(t *testing.T) {
		r := f.request(t, "https://closed.lab.test")
		s := f.socket(t, r.Socket)
		if len(s.Attempts) != 1 || s.Attempts[0].Address.String() != l.closed || s.Attempts[0].NetError != -102 || s.NetError != -102 || s.Sent != 0 {
			t.Errorf("socket %+v", s)
		}
		if r.NetError != -102 || !slices.Contains(s.Owners, r.ID) {
			t.Errorf("request %d ended with %d, the socket belongs to %v", r.ID, r.NetError, s.Owners)
		}
	})

	t.Run("requests", func(t *testing.T) {
		if r := f.request(t, "https://meet.lab.test:"+port(l.tls13)+"/echo"); r.Sent != 5000 || r.Received != 5000 || r.Method != "POST" || r.Status != 200 || r.Background() {
			t.Errorf("echo: %+v", r)
		}
		hop := f.request(t, "https://hop.lab.test")
		if len(hop.Redirects) != 1 || !strings.HasPrefix(hop.Redirects[0], "https://old.lab.test") || hop.Received != 7 || hop.Status != 200 {
			t.Errorf("redirect: %+v", hop)
		}
		through := 0
		for _, s := range f.Sockets {
			if slices.Contains(s.Owners, hop.ID) {
				through++
			}
		}
		if through != 2 {
			t.Errorf("the redirected request used %d sockets, want 2", through)
		}
		if r := f.request(t, "wss://ws.lab.test"); !r.WebSocket || r.Sent != 1000 || r.Received != 1000 || r.Status != 101 || r.NetError != 0 {
			t.Errorf("WebSocket: %+v", r)
		}
		if r := f.request(t, "https://nowhere.lab.test"); r.NetError != -105 || r.Socket != 0 {
			t.Errorf("unresolvable: %+v", r)
		}
		if r := f.request(t, "https://meet.lab.test:"+port(l.tls13)+"/done"); r.Initiator != "https://meet.lab.test:"+port(l.tls13) || !slices.ContainsFunc(r.Headers, func(h string) bool { return h == ":path: /done" }) {
			t.Errorf("initiator %q, headers %q", r.Initiator, r.Headers)
		}
		for _, r := range f.Requests {
			if r.Method == "" {
				continue // given up before it started; nothing says who asked
			}
			if own := strings.HasPrefix(r.URL, "https://"+l.doh) || strings.HasPrefix(r.URL, "http://127.0.0.1:9/"); own != r.Background() {
				t.Errorf("%s: background is %v, initiator %q, isolation %q, annotation %d", r.URL, r.Background(), r.Initiator, r.Isolation, r.Annotation)
			}
		}
	})

	t.Run("lookups", func(t *testing.T) { checkLookups(t, f, true) })

	t.Run("datagrams", func(t *testing.T) {
		if f.Payload == 0 || len(l.stun) == 0 {
			t.Fatal("no datagrams")
		}
		sent := map[string]int{}
		bytes := map[int64][2]int64{}
		for _, d := range f.Datagrams {
			if d.Sent && d.Remote.String() == l.stunAddr {
				sent[d.Local.String()]++
			}
			n := bytes[d.Socket]
			if d.Sent {
				n[0] += int64(d.Length)
			} else {
				n[1] += int64(d.Length)
			}
			bytes[d.Socket] = n
		}
		if d := cmp.Diff(l.stun, sent); d != "" {
			t.Errorf("STUN requests by the browser's address (-server +log):\n%s", d)
		}
		webrtc := 0
		for _, s := range f.Sockets {
			if s.Network == "udp" && bytes[s.ID] != [2]int64{s.Sent, s.Received} {
				t.Errorf("socket %d: %d sent, %d received, its datagrams have %v", s.ID, s.Sent, s.Received, bytes[s.ID])
			}
			if s.Network == "udp" && s.Opener == "" && s.Sent > 0 {
				webrtc++
			}
		}
		if webrtc < 2 {
			t.Errorf("%d sockets of WebRTC sent anything, want two or more", webrtc)
		}
		total := 0
		for _, d := range f.Datagrams {
			total += d.Length
		}
		if total != f.Payload {
			t.Errorf("datagrams have %d bytes and %d of payload", total, f.Payload)
		}
	})

	t.Run("quic", func(t *testing.T) {
		r := f.request(t, "https://quic.lab.test")
		i := slices.IndexFunc(f.QUIC, func(q *netlog.QUICSession) bool { return q.ID == r.QUIC })
		if i < 0 {
			t.Fatalf("no session %d", r.QUIC)
		}
		q := f.QUIC[i]
		if q.Remote.String() != l.quic || q.Host != "quic.lab.test" || q.ALPN != "h3" || q.Version != "RFCv1" ||
			len(q.Certificates) != 1 || string(q.Certificates[0]) != string(l.cert.Certificate[0]) {
			t.Errorf("session %+v", q)
		}
		if r.Status != 200 || r.Received != 2 || l.quicRequests < 1 {
			t.Errorf("status %d with %d bytes, the server saw %d requests", r.Status, r.Received, l.quicRequests)
		}
		wt := slices.IndexFunc(f.QUIC, func(q *netlog.QUICSession) bool {
			return len(q.WebTransport) == 1 && q.WebTransport[0] == "https://quic.lab.test:"+port(l.quic)+"/wt"
		})
		if wt < 0 || f.QUIC[wt].Remote.String() != l.quic || f.QUIC[wt].Received == 0 {
			t.Error("no WebTransport session with packets")
		}
		for _, q := range f.QUIC {
			s := slices.IndexFunc(f.Sockets, func(s *netlog.Socket) bool { return s.Network == "udp" && s.Local == q.Local && s.Remote == q.Remote })
			if s < 0 || f.Sockets[s].Group != "https://quic.lab.test:"+port(l.quic) {
				t.Errorf("no UDP socket of session %d with its group", q.ID)
			}
		}
	})
}

func checkLookups(t *testing.T, f *found, secure bool) {
	t.Helper()
	// Chromium may look a name up several times, and each type that WebRTC
	// asks for is a lookup of its own: what counts is all of them together.
	byHost := map[string]*netlog.Lookup{}
	for _, l := range f.Lookups {
		all := byHost[l.Host]
		if all == nil || all.NetError != 0 && l.NetError == 0 {
			one := *l
			if all != nil {
				one.Answers = slices.Concat(all.Answers, l.Answers)
			}
			byHost[l.Host] = &one
			continue
		}
		all.Answers = append(all.Answers, l.Answers...)
	}
	for host, ip := range map[string]string{"meet.lab.test": "127.0.0.2", "stun.lab.test": "127.0.0.8", "quic.lab.test": "127.0.0.9"} {
		l := byHost[host]
		if l == nil || l.NetError != 0 || l.Secure != secure {
			t.Errorf("%s: %+v", host, l)
			continue
		}
		if !slices.ContainsFunc(l.Answers, func(a netlog.Answer) bool {
			return a.Name == host && a.Type == "A" && slices.Equal(a.Addresses, []netip.Addr{netip.MustParseAddr(ip)})
		}) {
			for _, a := range l.Answers {
				t.Logf("%s %s %s %v", a.Name, a.Type, a.Alias, a.Addresses)
			}
			t.Errorf("%s: no answer with %s", host, ip)
		}
	}
	if l := byHost["nowhere.lab.test"]; l == nil || l.NetError != -105 || len(l.Answers) != 0 {
		t.Errorf("nowhere.lab.test: %+v", l)
	}
	alias := byHost["alias.lab.test"]
	if alias == nil {
		t.Fatal("alias.lab.test was not looked up")
	}
	cnames := 0
	for _, a := range alias.Answers {
		if a.Type == "CNAME" && a.Name == "alias.lab.test" && a.Alias == "old.lab.test" {
			cnames++
		}
	}
	if cnames == 0 || !slices.ContainsFunc(alias.Answers, func(a netlog.Answer) bool { return a.Name == "old.lab.test" && a.Type == "A" }) {
		t.Errorf("alias.lab.test: %+v", alias.Answers)
	}
}

// TestLivePlainDNS has Chromium ask a resolver over UDP, with its own code and
// with the C library's.
func TestLivePlainDNS(t *testing.T) {
	t.Run("own", func(t *testing.T) {
		f := readFile(t, newLab(t).record(t, "/", true, ""))
		checkLookups(t, f, false)
		asked := 0
		for _, s := range f.Sockets {
			if s.Network == "udp" && s.Remote == netip.MustParseAddrPort("127.0.0.54:53") && s.Opener == "DNS_TRANSACTION" && s.Sent > 0 {
				asked++
			}
		}
		if asked < 10 {
			t.Errorf("%d sockets to the resolver, want at least one per name", asked)
		}
	})
	t.Run("system", func(t *testing.T) {
		lab := newLab(t)
		f := readFile(t, lab.record(t, "/", true, ",AsyncDns"))
		if len(lab.stun) == 0 {
			t.Error("the browser did not find the STUN server")
		}
		for _, l := range f.Lookups {
			t.Log(l.Host, l.Answers, l.NetError)
		}
		i := slices.IndexFunc(f.Lookups, func(l *netlog.Lookup) bool { return l.Host == "ws.lab.test" })
		if i < 0 || len(f.Lookups[i].Answers) != 1 || f.Lookups[i].Answers[0].Type != "SYSTEM" ||
			!slices.Equal(f.Lookups[i].Answers[0].Addresses, []netip.Addr{netip.MustParseAddr("127.0.0.7")}) {
			for _, l := range f.Lookups {
				t.Logf("%+v", l)
			}
			t.Error("ws.lab.test was not answered by the system")
		}
	})
}
