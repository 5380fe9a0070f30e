package hello

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"crypto"
	"crypto/sha256"
	"crypto/sha512"
)

// rsaCertificate is made once; keys of RSA take their time.
var rsaCertificate = sync.OnceValue(func() tls.Certificate { return signed(must(rsa.GenerateKey(rand.Reader, 2048))) })

var ecdsaCertificate = sync.OnceValue(func() tls.Certificate {
	return signed(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
})

func signed(key crypto.Signer) tls.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"}, DNSNames: []string{"lab.test"}, NotAfter: time.Now().Add(time.Hour)}
	return tls.Certificate{Certificate: [][]byte{must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))}, PrivateKey: key}
}

// old is a hello for one suite and group of at most the version.
func old(version, suite, group uint16) *ClientHello {
	random := make([]byte, 32)
	rand.Read(random)
	return &ClientHello{Version: version, Random: random, CipherSuites: []uint16{suite, SCSVRenegotiation},
		Extensions: []Extension{ServerName("lab.test"), Values(ExtSupportedGroups, []uint16{group}), ECPointFormats(), Empty(ExtSessionTicket), Empty(ExtExtendedMasterSecret),
			Values(ExtSignatureAlgorithms, []uint16{0x0403, 0x0804, 0x0401, 0x0501, 0x0601, 0x0201, 0x0203})}}
}

// handshake goes through a whole handshake and reads a byte of application
// data.
func (s *session) handshake(c *ClientHello) {
	s.t.Helper()
	f := s.f
	if f.Secret == nil {
		f.Secret = []byte("secret")
	}
	s.send(Records(ContentHandshake, TLS10, c.Marshal()))
	s.until(func() bool { return f.Done || f.Complete || f.Broken != nil })
	s.send(must(f.Finish()))
	s.until(func() bool { return f.Complete && f.Application > 0 || f.Broken != nil })
}

// again reads what a connection carried into another Flight.
func (s *session) again() *Flight {
	f := &Flight{Shares: s.f.Shares, PSK: s.f.PSK, Secret: s.f.Secret, Session: s.f.Session}
	for _, c := range s.chunks {
		if c.sent {
			f.Sent(c.data)
		} else {
			f.Received(c.data)
		}
	}
	return f
}

// shown is what the exported fields of a Flight hold.
func shown(f *Flight) string {
	open := *f
	open.Broken = nil
	return fmt.Sprintf("%s\nbroken: %v", must(json.MarshalIndent(open, "", " ")), f.Broken)
}

func TestCompleteHandshakes(t *testing.T) {
	var suites []*tls.CipherSuite
	suites = append(append(suites, tls.CipherSuites()...), tls.InsecureCipherSuites()...)
	for _, version := range []uint16{TLS10, TLS11, TLS12} {
		for _, suite := range suites {
			if !slices.Contains(suite.SupportedVersions, version) {
				continue
			}
			t.Run(VersionName(version)+" "+suite.Name, func(t *testing.T) {
				certificate := ecdsaCertificate()
				if !bytes.Contains([]byte(suite.Name), []byte("ECDSA")) {
					certificate = rsaCertificate()
				}
				if !CanFinish(suite.ID) {
					t.Fatal("not known")
				}
				config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite.ID}}
				for _, group := range []uint16{x25519, secp256r1, secp384r1, secp521r1} {
					if group != x25519 && suite.ID != tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA {
						continue
					}
					s := dial(t, config)
					s.handshake(old(version, suite.ID, group))
					f := s.f
					if f.Broken != nil || f.Alert != nil || !f.Complete || f.Resumed || f.Application != 1 || len(f.Tickets) != 1 || f.Version() != version {
						t.Fatalf("group %d: %v\n%s", group, f.Broken, shown(f))
					}
					if name := f.Tickets[0].Ticket; len(name) < 16 {
						t.Errorf("a ticket of %d bytes", len(name))
					}
					if got, want := shown(s.again()), shown(f); got != want {
						t.Errorf("read again:\n%s\nat first:\n%s", got, want)
					}
					if splits, known := f.Splits(); version != TLS10 && known || splits {
						t.Errorf("splits %v, known %v", splits, known)
					}
				}
			})
		}
	}
}

func TestClientCertificateWanted(t *testing.T) {
	for _, version := range []uint16{TLS10, TLS12} {
		config := &tls.Config{Certificates: []tls.Certificate{rsaCertificate()}, MinVersion: version, MaxVersion: version, ClientAuth: tls.RequestClientCert}
		s := dial(t, config)
		s.handshake(old(version, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, x25519))
		if !s.f.Complete || s.f.Request == nil || s.f.Application != 1 {
			t.Errorf("%s: %v\n%s", VersionName(version), s.f.Broken, shown(s.f))
		}
		config.ClientAuth = tls.RequireAnyClientCert
		s = dial(t, config)
		s.handshake(old(version, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, x25519))
		if s.f.Complete || s.f.Alert == nil {
			t.Errorf("%s: complete without the certificate that is required", VersionName(version))
		}
	}
}

func TestTicketResumed(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{rsaCertificate()}, MinVersion: TLS10, MaxVersion: TLS12, CipherSuites: []uint16{0xC013, 0xC02F}}
	for version, suite := range map[uint16]uint16{TLS10: 0xC013, TLS12: 0xC02F} {
		first := dial(t, config)
		first.handshake(old(version, suite, x25519))
		session := must(first.f.Established())
		if len(session.ID) != 0 || !bytes.Equal(session.Ticket, first.f.Tickets[0].Ticket) || !session.Extended || len(session.Master) != 48 {
			t.Fatalf("%+v", session)
		}
		s := dial(t, config)
		s.f.Session = session
		c := old(version, suite, x25519)
		c.SessionID = []byte("a")
		s.handshake(session.Offer(c))
		f := s.f
		if f.Broken != nil || !f.Resumed || !f.Complete || f.Done || f.Application != 1 || string(f.ServerHello.SessionID) != "a" || f.Bleed() != nil {
			t.Fatalf("not resumed: %v\n%s", f.Broken, shown(f))
		}
		if got, want := shown(s.again()), shown(f); got != want {
			t.Errorf("read again:\n%s\nat first:\n%s", got, want)
		}
		later := must(f.Established())
		if !bytes.Equal(later.Master, session.Master) || len(later.Ticket) == 0 {
			t.Errorf("%+v", later)
		}

		// Without the master secret it is still plain that it was resumed.
		s.f.Session = nil
		if blind := s.again(); !blind.Resumed || blind.Complete || blind.Broken != nil {
			t.Errorf("%v\n%s", blind.Broken, shown(blind))
		}
		// With another one the server's Finished cannot be decrypted.
		s.f.Session = &Session{Version: session.Version, CipherSuite: session.CipherSuite, Master: make([]byte, 48)}
		if wrong := s.again(); wrong.Complete || wrong.Broken == nil {
			t.Error("complete with a wrong master secret")
		}
	}
}

func TestWrongFinished(t *testing.T) {
	s := dial(t, &tls.Config{Certificates: []tls.Certificate{rsaCertificate()}, MaxVersion: TLS12})
	s.handshake(old(TLS12, 0xC02F, x25519))
	// What the server says is replaced by a Finished over another transcript,
	// in a record that can be decrypted.
	f := &Flight{Secret: s.f.Secret}
	for _, c := range s.chunks {
		switch {
		case c.sent:
			f.Sent(c.data)
		case !f.hidden:
			f.Received(c.data)
		}
	}
	if f.keys == nil || f.ChangeCipherSpec {
		t.Fatal("no keys")
	}
	f.Received(Records(ContentChangeCipherSpec, TLS12, []byte{1}))
	f.Received(f.keys.server.clone().seal(ContentHandshake, Message(TypeFinished, make([]byte, 12))))
	if f.Complete || f.Broken != ErrFinished {
		t.Errorf("%v %v", f.Complete, f.Broken)
	}
}

func TestRenegotiationRefused(t *testing.T) {
	for _, version := range []uint16{TLS10, TLS12} {
		config := &tls.Config{Certificates: []tls.Certificate{rsaCertificate()}, MinVersion: version, MaxVersion: version}
		s := dial(t, config)
		c := old(version, 0xC014, x25519)
		s.handshake(c)
		s.send(must(s.f.Renegotiate(c, true)))
		s.until(func() bool { return false })
		if s.f.Broken != nil || s.f.Again == nil || s.f.Again.ServerHello != nil || s.f.Alert == nil {
			t.Errorf("%s: %v\n%s", VersionName(version), s.f.Broken, shown(s.f))
		}
	}
}

// The vectors for TLS 1.2 were published on the mailing list of the TLS
// working group (https://www.ietf.org/mail-archive/web/tls/current/msg03416.html),
// those for TLS 1.0 are from the tests of the Go standard library, which got
// them from GnuTLS.
func TestPRF(t *testing.T) {
	tests := []struct {
		prf                       prf
		secret, label, seed, want string
	}{
		{prf{sha256.New}, "9bbe436ba940f017b17652849a71db35", "test label", "a0ba9f936cda311827a6f796ffd5198c",
			"e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"},
		{prf{sha512.New384}, "b80b733d6ceefcdc71566ea48e5567df", "test label", "cd665cf6a8447dd6ff8b27555edb7465",
			"7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703d73e56f"},
		{prfOf(TLS10, suite12{}), "0302cac83ad4b1db3b9ab49ad05957de2a504a634a386fc600889321e1a971f57479466830ac3e6f468e87f5385fa0c5", "master secret",
			"4ae66303755184a3917fcb44880605fcc53baa01912b22ed94473fc69cebd558" + "4ae663020ec16e6bb5130be918cfcafd4d765979a3136a5d50c593446e4e44db",
			"3d851bab6e5556e959a16bc36d66cfae32f672bfa9ecdef6096cbb1b23472df1da63dbbd9827606413221d149ed08ceb"},
		{prfOf(TLS11, suite12{}), "3d851bab6e5556e959a16bc36d66cfae32f672bfa9ecdef6096cbb1b23472df1da63dbbd9827606413221d149ed08ceb", "key expansion",
			"4ae663020ec16e6bb5130be918cfcafd4d765979a3136a5d50c593446e4e44db" + "4ae66303755184a3917fcb44880605fcc53baa01912b22ed94473fc69cebd558",
			"805aaa19b3d2c0a0759a4b6c9959890e08480119" + "2d22f9fe519c075c16448305ceee209fc24ad109" + "d50b5771244f850cd8117a9ccafe2cf1" + "e076e33206b30507a85c32855acd0919"},
	}
	for _, test := range tests {
		secret, seed, want := must(hex.DecodeString(test.secret)), must(hex.DecodeString(test.seed)), must(hex.DecodeString(test.want))
		if got := test.prf.expand(secret, test.label, seed, len(want)); !bytes.Equal(got, want) {
			t.Errorf("%s: %x", test.label, got)
		}
	}
	// A secret of odd length: the halves overlap.
	odd := prfOf(TLS10, suite12{})
	if a, b := odd.expand([]byte{1, 2, 3}, "", nil, 8), odd.expand([]byte{1, 2, 4}, "", nil, 8); bytes.Equal(a, b) {
		t.Error("the last byte does not count")
	}
}
