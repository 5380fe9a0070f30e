package hello

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// openssl starts a server that answers requests for pages, on one connection
// after the other, and returns its address.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	file := filepath.Join(t.TempDir(), "server.pem")
	c := rsaCertificate()
	keyAndCertificate := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(c.PrivateKey))})
	keyAndCertificate = append(keyAndCertificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})...)
	if err := os.WriteFile(file, keyAndCertificate, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"s_server", "-accept", "127.0.0.1:0", "-cert", file, "-key", file, "-www", "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"}, args...)...)
	out := must(cmd.StdoutPipe())
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "ACCEPT "); ok {
			go func() {
				for lines.Scan() {
				}
			}()
			return address
		}
	}
	t.Skipf("this openssl cannot serve like that: %s", complaint.String())
	return ""
}

func connect(t *testing.T, address string) *session {
	t.Helper()
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	client.SetDeadline(time.Now().Add(10 * time.Second))
	return &session{Conn: client, f: &Flight{Secret: []byte(t.Name())}, t: t}
}

// fetch goes through a handshake and asks for a page.
func (s *session) fetch(c *ClientHello) {
	s.t.Helper()
	f := s.f
	s.send(Records(ContentHandshake, TLS10, c.Marshal()))
	s.until(func() bool { return f.Done || f.Complete || f.Broken != nil || f.Alert != nil })
	last, err := f.Finish()
	if err != nil {
		s.t.Fatalf("%v; broken: %v, alert: %v", err, f.Broken, f.Alert)
	}
	s.send(last)
	s.until(func() bool { return f.Complete || f.Broken != nil || f.Alert != nil })
	s.send(must(f.Seal(ContentApplicationData, []byte("GET / HTTP/1.0\r\n\r\n"))))
	s.until(func() bool { return f.Application > 1000 || f.Broken != nil || f.Alert != nil })
	s.Close()
	if !f.Complete || f.Broken != nil || f.Application <= 1000 {
		s.t.Fatalf("broken: %v\n%s", f.Broken, shown(f))
	}
	if got, want := shown(s.again()), shown(f); got != want {
		s.t.Errorf("read again:\n%s\nat first:\n%s", got, want)
	}
}

func TestOpenSSLSuites(t *testing.T) {
	address := openssl(t)
	tests := []struct {
		suite uint16
		since uint16
	}{
		{0x0002, TLS10}, {0x000A, TLS10}, {0x0016, TLS10}, {0x002F, TLS10}, {0x0033, TLS10}, {0x0034, TLS10}, {0x0039, TLS10}, {0x003B, TLS12}, {0x003C, TLS12}, {0x003D, TLS12},
		{0x0067, TLS12}, {0x006B, TLS12}, {0x009D, TLS12}, {0x009E, TLS12}, {0x009F, TLS12}, {0xC014, TLS10}, {0xC018, TLS10}, {0xC028, TLS12}, {0xC030, TLS12},
		{0xCCA8, TLS12}, {0xCCAA, TLS12},
	}
	for _, test := range tests {
		for _, version := range []uint16{TLS10, TLS11, TLS12} {
			if version < test.since {
				continue
			}
			for _, extended := range []bool{true, false} {
				c := old(version, test.suite, x25519).With(Empty(ExtEncryptThenMAC))
				if !extended {
					c.Extensions = slices.DeleteFunc(c.Extensions, func(e Extension) bool { return e.Type == ExtEncryptThenMAC || e.Type == ExtExtendedMasterSecret })
				}
				// Some builds of OpenSSL are without a suite.
				look := connect(t, address)
				look.send(Records(ContentHandshake, TLS10, c.Marshal()))
				look.until(func() bool { return look.f.Done || look.f.Alert != nil })
				look.Close()
				if !look.f.Done {
					t.Logf("%s, suite %04X: openssl does not offer it", VersionName(version), test.suite)
					continue
				}
				s := connect(t, address)
				s.fetch(c)
				_, etm := s.f.Extension(ExtEncryptThenMAC)
				_, ems := s.f.Extension(ExtExtendedMasterSecret)
				suite, _ := suite12Of(test.suite)
				if ems != extended || etm != (extended && suite.bulk.aead == nil) {
					t.Errorf("%s, suite %04X: etm %v, ems %v", VersionName(version), test.suite, etm, ems)
				}
				if splits, known := s.f.Splits(); known != (version == TLS10 && suite.bulk.block != nil) || splits != known {
					t.Errorf("%s, suite %04X: splits %v, known %v, pieces %v", VersionName(version), test.suite, splits, known, s.f.Pieces)
				}
			}
		}
	}
}

func TestOpenSSLSplitsNot(t *testing.T) {
	s := connect(t, openssl(t, "-bugs"))
	s.fetch(old(TLS10, 0xC014, x25519))
	if splits, known := s.f.Splits(); splits || !known {
		t.Errorf("splits %v, known %v, pieces %v", splits, known, s.f.Pieces)
	}
}

func TestOpenSSLSessionID(t *testing.T) {
	address := openssl(t, "-no_ticket")
	for _, version := range []uint16{TLS10, TLS12} {
		first := connect(t, address)
		first.fetch(old(version, 0xC014, x25519))
		session := must(first.f.Established())
		if len(session.ID) != 32 || len(session.Ticket) != 0 {
			t.Fatalf("%+v", session)
		}
		s := connect(t, address)
		s.f.Session = session
		s.fetch(session.Offer(old(version, 0xC014, x25519)))
		if !s.f.Resumed || !bytes.Equal(s.f.ServerHello.SessionID, session.ID) {
			t.Error("not resumed")
		}
		// One that the server does not know.
		session.ID = bytes.Repeat([]byte{1}, 32)
		s = connect(t, address)
		s.f.Session = session
		s.fetch(session.Offer(old(version, 0xC014, x25519)))
		if s.f.Resumed {
			t.Error("resumed")
		}
	}
}

func TestOpenSSLTicket(t *testing.T) {
	address := openssl(t)
	first := connect(t, address)
	first.fetch(old(TLS12, 0xC014, x25519))
	session := must(first.f.Established())
	for range 2 { // a ticket that was taken may be followed by a new one
		c := old(TLS12, 0xC014, x25519)
		c.SessionID = []byte("sixteen bytes ID")
		s := connect(t, address)
		s.f.Session = session
		s.fetch(session.Offer(c))
		if !s.f.Resumed || s.f.Bleed() != nil {
			t.Fatal("not resumed")
		}
		again := must(s.f.Established())
		if len(again.Ticket) < 16 || !bytes.Equal(again.Ticket[:16], session.Ticket[:16]) {
			t.Error("the key of the tickets has another name")
		}
		session = again
	}
}

func TestOpenSSLRenegotiation(t *testing.T) {
	const warning = 100
	tests := []struct {
		args             []string
		secure, answered bool
	}{
		{[]string{"-client_renegotiation"}, true, true},
		{[]string{"-client_renegotiation", "-legacy_renegotiation"}, false, true},
		{[]string{"-client_renegotiation"}, false, false},
		{nil, true, false},
		{nil, false, false},
	}
	for _, test := range tests {
		address := openssl(t, slices.Concat(test.args, []string{"-state"})...)
		for _, version := range []uint16{TLS10, TLS12} {
			s := connect(t, address)
			c := old(version, 0xC014, x25519)
			if !test.secure { // or it is not an insecure one
				c.CipherSuites = c.CipherSuites[:1]
			}
			s.send(Records(ContentHandshake, TLS10, c.Marshal()))
			s.until(func() bool { return s.f.Done })
			s.send(must(s.f.Finish()))
			s.until(func() bool { return s.f.Complete })
			s.send(must(s.f.Renegotiate(c, test.secure)))
			s.until(func() bool {
				return s.f.Again != nil && s.f.Again.Done || len(s.f.Warnings) > 0 || s.f.Alert != nil || s.f.Broken != nil
			})
			s.Close()
			if s.f.Broken != nil || s.f.Again == nil {
				t.Fatalf("%v, %s: %v", test, VersionName(version), s.f.Broken)
			}
			refused := slices.Contains(s.f.Warnings, Alert{Description: warning}) || s.f.Alert != nil
			if answered := s.f.Again.Done; answered != test.answered || refused == answered || s.f.Bound() != (answered && test.secure) {
				t.Errorf("%v, %s: answered %v, bound %v, warnings %v, alert %v", test, VersionName(version), answered, s.f.Bound(), s.f.Warnings, s.f.Alert)
			}
			t.Logf("%v %s: warnings %v, alert %v", test, VersionName(version), s.f.Warnings, s.f.Alert)
			if got, want := shown(s.again()), shown(s.f); got != want {
				t.Errorf("read again:\n%s\nat first:\n%s", got, want)
			}
		}
	}
}

func TestOpenSSLApplicationTLS13(t *testing.T) {
	s := connect(t, openssl(t))
	f, c := everything()
	s.f = f
	s.fetch(c)
	if f.Version() != TLS13 || len(f.Tickets) == 0 {
		t.Error(shown(f))
	}
}

func TestOpenSSLEarlyCCS(t *testing.T) {
	s := connect(t, openssl(t))
	s.send(Records(ContentHandshake, TLS10, old(TLS12, 0xC014, x25519).Marshal()))
	s.until(func() bool { return s.f.Done })
	s.send(Records(ContentChangeCipherSpec, TLS12, []byte{1}))
	s.until(func() bool { return s.f.Alert != nil })
	if accepted, decided := s.f.EarlyCCS(); accepted || !decided {
		t.Errorf("accepted %v, decided %v: %v", accepted, decided, s.f.Alert)
	}
}
