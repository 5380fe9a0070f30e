package starttls

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vksprobe/fixtures/tlslab"
)

// TestLab upgrades connections to the servers of the lab, prosody among them,
// and shakes hands.
func TestLab(t *testing.T) {
	lab := tlslab.New(tlslab.Options{})
	for _, name := range tlslab.Names() {
		if !strings.HasPrefix(name, "starttls-") && !strings.HasPrefix(name, "prosody-") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := lab.Start(t.Context(), name)
			if errors.Is(err, tlslab.ErrMissing) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			c, err := Dial(t.Context(), nil, "tcp", s.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(10 * time.Second))
			if err := Upgrade(t.Context(), c, s.StartTLS, s.SNI); err != nil {
				t.Fatal(err)
			}
			if err := tls.Client(c, &tls.Config{RootCAs: s.Roots, ServerName: s.SNI}).Handshake(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAnswers plays servers that do not go on to TLS.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		protocol, says string
		want           error
	}{
		{"smtp", "220 hello\r\n250-me\r\n250 SIZE\r\n", ErrNotOffered},
		{"smtp", "421 too many connections\r\n", ErrLater},
		{"smtp", "220 hello\r\n250-me\r\n250 STARTTLS\r\n454 not now\r\n", ErrLater},
		{"smtp", "SSH-2.0-OpenSSH\r\n", ErrProtocol},
		{"smtp", "220 hello\r\n", io.EOF},
		{"imap", "* OK ready\r\na1 BAD what\r\n", ErrNotOffered},
		{"imap", "* BYE\r\n", ErrNotOffered},
		{"imap", "HTTP/1.1 400 Bad Request\r\n", ErrProtocol},
		{"pop3", "+OK\r\n-ERR no\r\n", ErrNotOffered},
		{"ftp", "220 x\r\n502 no\r\n", ErrNotOffered},
		{"postgresql", "N", ErrNotOffered},
		{"postgresql", "E", ErrProtocol},
		{"postgresql", "Sx", ErrProtocol},
		{"ldap", "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00", ErrNotOffered},
		{"ldap", "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x33\x04\x00\x04\x00", ErrLater},
		{"ldap", "HTTP", ErrProtocol},
		{"xmpp-client", "<stream:stream><stream:features></stream:features>", ErrNotOffered},
		{"xmpp-client", "<stream:stream><stream:error><host-unknown/></stream:error>", ErrNotOffered},
		{"xmpp-server", "<stream:stream><failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", ErrNotOffered},
		{"xmpp-client", "220 hello\r\n", ErrProtocol},
		{"xmpp-client", "<" + strings.Repeat("x", maxAnswer+10), ErrProtocol},
	} {
		client, server := net.Pipe()
		go io.Copy(io.Discard, server)
		go func() { // in pieces, so that no answer comes whole
			for _, part := range strings.SplitAfter(c.says, "\n") {
				io.WriteString(server, part)
			}
			server.Close()
		}()
		if err := Upgrade(t.Context(), client, c.protocol, "example.org"); !errors.Is(err, c.want) {
			t.Errorf("%s %.40q: %v, want %v", c.protocol, c.says, err, c.want)
		}
		client.Close()
	}
}

func TestRefused(t *testing.T) {
	for _, c := range [][2]string{{"gopher", "example.org"}, {"xmpp-client", "a' b"}} {
		if err := Upgrade(t.Context(), nil, c[0], c[1]); err == nil {
			t.Errorf("%q is accepted", c)
		}
	}
	client, _ := net.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := Upgrade(ctx, client, "imap", "example.org"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent server: %v", err)
	}
}

// TestProxies goes through proxies of the test.
func TestProxies(t *testing.T) {
	target := listen(t, func(c net.Conn) { io.WriteString(c, "hello") })
	tunnel := func(c net.Conn, address string) {
		if address != "names.invalid:7" && address != target {
			return
		}
		out, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer out.Close()
		io.Copy(c, out)
	}
	web := listen(t, func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		if r.Header.Get("Proxy-Authorization") != "Basic dTpw" {
			io.WriteString(c, "HTTP/1.1 407 Who are you\r\n\r\n")
			return
		}
		io.WriteString(c, "HTTP/1.1 200 Here you are\r\n\r\n")
		tunnel(c, r.Host)
	})
	socks := listen(t, func(c net.Conn) {
		buf := make([]byte, 300)
		io.ReadFull(c, buf[:2])
		io.ReadFull(c, buf[:buf[1]])
		c.Write([]byte{5, 0})
		io.ReadFull(c, buf[:4])
		address := ""
		switch buf[3] {
		case 1:
			io.ReadFull(c, buf[:6])
			address = net.IP(buf[:4]).String()
			address = net.JoinHostPort(address, target[strings.LastIndexByte(target, ':')+1:])
		case 3:
			io.ReadFull(c, buf[:1])
			n := buf[0]
			io.ReadFull(c, buf[:int(n)+2])
			address = string(buf[:n]) + ":7"
		}
		c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		tunnel(c, address)
	})
	for _, c := range []struct {
		proxy, address string
		ok             bool
	}{
		{"http://u:p@" + web, "names.invalid:7", true}, {"http://u:wrong@" + web, target, false}, {"http://" + target, target, false},
		{"socks5://" + socks, target, true}, {"socks5h://" + socks, "names.invalid:7", true}, {"gopher://" + socks, target, false},
	} {
		u, err := url.Parse(c.proxy)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := Dial(t.Context(), u, "tcp", c.address)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.proxy, err)
		}
		if err != nil {
			if strings.Contains(err.Error(), "wrong") {
				t.Error("the password is in the error")
			}
			continue
		}
		if got, _ := io.ReadAll(conn); string(got) != "hello" {
			t.Errorf("%s: %q", c.proxy, got)
		}
		conn.Close()
	}
}

func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
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
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return l.Addr().String()
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte("220-a\r\n220 b\r\n"))
	f.Add([]byte("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"))
	f.Add([]byte("<stream:stream><proceed/>"))
	f.Fuzz(func(t *testing.T, got []byte) {
		for _, p := range protocols {
			for _, s := range p.steps {
				s.heard(got)
			}
		}
	})
}
