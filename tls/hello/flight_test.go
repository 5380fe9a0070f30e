package hello

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"
)

func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"}, DNSNames: []string{"lab.test"}, NotAfter: time.Now().Add(time.Hour)}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, OCSPStaple: []byte("staple"), SignedCertificateTimestamps: [][]byte{[]byte("sct")}}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// basic is a hello that any server of TLS 1.2 or 1.3 answers.
func basic(shares ...Share) *ClientHello {
	random := make([]byte, 32)
	rand.Read(random)
	return &ClientHello{Version: TLS12, Random: random, SessionID: bytes.Repeat([]byte{7}, 32), CipherSuites: []uint16{0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F},
		Extensions: []Extension{ServerName("lab.test"), Values(ExtSupportedGroups, []uint16{x25519, secp256r1, secp384r1, secp521r1, x25519MLKEM768, secp256r1MLKEM768, secp384r1MLKEM1024}),
			ECPointFormats(), Values(ExtSignatureAlgorithms, []uint16{0x0403, 0x0804, 0x0401}), ALPN("h2", "http/1.1"), StatusRequest(), Empty(ExtSCT),
			SupportedVersions(TLS13, TLS12), PSKModes(1, 0), KeyShares(shares...)}}
}

// a session is a connection to a server of the standard library.
type session struct {
	net.Conn
	f      *Flight
	t      testing.TB
	chunks []chunk
}

type chunk struct {
	sent bool
	data []byte
}

func dial(t testing.TB, config *tls.Config) *session {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer l.Close()
		server, err := l.Accept()
		if err != nil {
			return
		}
		defer server.Close()
		server.SetDeadline(time.Now().Add(10 * time.Second))
		conn := tls.Server(server, config)
		if conn.Handshake() == nil {
			conn.Write([]byte("x"))
			io.Copy(io.Discard, conn)
		}
	}()
	client := must(net.Dial("tcp", l.Addr().String()))
	t.Cleanup(func() { client.Close(); <-done })
	client.SetDeadline(time.Now().Add(10 * time.Second))
	return &session{Conn: client, f: &Flight{}, t: t}
}

func (s *session) send(b []byte) {
	s.t.Helper()
	s.f.Sent(b)
	s.chunks = append(s.chunks, chunk{true, b})
	if _, err := s.Write(b); err != nil {
		s.t.Fatal(err)
	}
}

// until reads, a few bytes at a time, until something is there or the server
// has closed.
func (s *session) until(done func() bool) {
	buf := make([]byte, 77)
	for !done() {
		n, err := s.Read(buf)
		s.f.Received(buf[:n])
		s.chunks = append(s.chunks, chunk{data: bytes.Clone(buf[:n])})
		if err != nil {
			return
		}
	}
}

func TestTLS13(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{"http/1.1"}}
	for _, group := range []uint16{x25519, secp256r1, secp384r1, secp521r1, x25519MLKEM768, secp256r1MLKEM768, secp384r1MLKEM1024} {
		config := config.Clone()
		config.CurvePreferences = []tls.CurveID{tls.CurveID(group)}
		s := dial(t, config)
		share := must(NewShare(group, rand.Reader))
		s.f.Shares = []Share{share}
		s.send(Records(ContentHandshake, TLS10, basic(share).Marshal()))
		s.until(func() bool { return s.f.Done })
		f := s.f
		if f.Broken != nil || !f.Done || f.Version() != TLS13 || f.Group() != group || f.Protocol() != "http/1.1" || f.SignatureScheme() != 0x0403 ||
			len(f.Certificates) != 1 || string(f.Certificates[0].OCSP) != "staple" || len(f.Certificates[0].SCTs) == 0 {
			t.Fatalf("group %d: %v %+v", group, f.Broken, f)
		}
		s.send(must(f.Finish()))
		s.until(func() bool { return f.Application > 0 })
		if len(f.Tickets) != 1 || f.Tickets[0].Lifetime == 0 || f.Application != 1 {
			t.Fatalf("group %d: tickets %v, %v", group, f.Tickets, f.Broken)
		}

		psk := must(f.Resumption(f.Tickets[0]))
		again := dial(t, config)
		again.f.Shares, again.f.PSK = []Share{share}, &psk
		offer := must(psk.Offer(basic(share), 1000))
		again.send(Records(ContentHandshake, TLS10, offer.Marshal()))
		again.until(func() bool { return again.f.Done })
		if _, ok := again.f.ServerHello.Extension(ExtPreSharedKey); !ok || !again.f.Done || len(again.f.Certificates) != 0 {
			t.Errorf("group %d: not resumed: %v", group, again.f.Broken)
		}
	}
}

func TestRetry(t *testing.T) {
	s := dial(t, &tls.Config{Certificates: []tls.Certificate{certificate(t)}, ClientAuth: tls.RequestClientCert})
	first := basic()
	s.send(Records(ContentHandshake, TLS10, first.Marshal()))
	s.until(func() bool { return s.f.Retry != nil })
	if s.f.Retry == nil || s.f.Version() != TLS13 || s.f.Group() == 0 || s.f.Chosen().CipherSuite>>8 != 0x13 {
		t.Fatalf("no retry: %v", s.f.Broken)
	}
	share := must(NewShare(s.f.Group(), rand.Reader))
	s.f.Shares = []Share{share}
	s.send(Records(ContentHandshake, TLS12, first.With(KeyShares(share)).Marshal()))
	s.until(func() bool { return s.f.Done })
	if s.f.Broken != nil || !s.f.Done || s.f.Request == nil || !slices.Contains(s.f.Request.SignatureSchemes, 0x0804) {
		t.Fatalf("after the retry: %v", s.f.Broken)
	}
	s.send(must(s.f.Finish()))
	s.until(func() bool { return s.f.Application > 0 })
	if s.f.Application == 0 {
		t.Errorf("the server did not accept our Finished: %v %v", s.f.Alert, s.f.Broken)
	}
}

func TestTLS12(t *testing.T) {
	s := dial(t, &tls.Config{Certificates: []tls.Certificate{certificate(t)}, MaxVersion: tls.VersionTLS12})
	s.send(Records(ContentHandshake, TLS10, basic().Marshal()))
	s.until(func() bool { return s.f.Done })
	f := s.f
	if !f.Done || f.Version() != TLS12 || f.KeyExchange == nil || f.Group() != x25519 || f.SignatureScheme() != 0x0403 || string(f.OCSP) != "staple" || len(f.Certificates) != 1 {
		t.Fatalf("%v %+v", f.Broken, f)
	}
	if _, ok := f.Extension(ExtSCT); !ok {
		t.Error("no timestamps")
	}
}

func TestAlert(t *testing.T) {
	s := dial(t, &tls.Config{Certificates: []tls.Certificate{certificate(t)}, MinVersion: tls.VersionTLS13})
	c := basic()
	c.Extensions = slices.DeleteFunc(c.Extensions, func(e Extension) bool { return e.Type == ExtSupportedVersions })
	s.send(Records(ContentHandshake, TLS10, c.Marshal()))
	s.until(func() bool { return s.f.Alert != nil })
	if s.f.Alert == nil || s.f.Alert.Description != 70 || s.f.Version() != 0 {
		t.Errorf("%+v", s.f.Alert)
	}
}

func TestClientHelloAgain(t *testing.T) {
	c := basic(must(NewShare(x25519, rand.Reader)))
	got, err := ParseClientHello(c.Marshal()[4:])
	if err != nil || got.ServerName() != "lab.test" || !slices.Equal(got.Offers(), []uint16{TLS13, TLS12}) ||
		!slices.Equal(got.List16(ExtSignatureAlgorithms), []uint16{0x0403, 0x0804, 0x0401}) || !slices.Equal(got.CipherSuites, c.CipherSuites) {
		t.Errorf("%v %+v", err, got)
	}
	if !bytes.Equal(got.Marshal(), c.Marshal()) {
		t.Error("parsed and marshalled, the hello is another")
	}
	d := &ClientHello{Version: DTLS12, Random: make([]byte, 32), Cookie: []byte("cookie"), CipherSuites: []uint16{1}, Compression: []byte{1, 0}}
	if got, err := ParseClientHello(d.Marshal()[4:]); err != nil || string(got.Cookie) != "cookie" || got.Extensions != nil || len(got.Compression) != 2 {
		t.Errorf("%v %+v", err, got)
	}
}

func TestSSL2(t *testing.T) {
	f := &Flight{}
	f.Sent(SSL2ClientHello([]uint32{0x010080, 0x0700C0}, make([]byte, 16)))
	answer := []byte{0x80, 0, 4, 0, 1, 0, 2, 0, 3, 0, 6, 0, 16, 'd', 'e', 'r', 1, 0, 0x80, 7, 0, 0xC0}
	answer = append(answer, make([]byte, 16)...)
	answer[1] = byte(len(answer) - 2)
	for _, b := range answer {
		f.Received([]byte{b})
	}
	if f.SSL2 == nil || f.Version() != SSL20 || !slices.Equal(f.SSL2.Kinds, []uint32{0x010080, 0x0700C0}) || string(f.SSL2.Certificate) != "der" {
		t.Errorf("%v %+v", f.Broken, f.SSL2)
	}
}
