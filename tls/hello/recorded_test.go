package hello

import (
	"bytes"
	"crypto/ecdh"
	"crypto/tls"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var record = flag.Bool("record", false, "record the seeds of FuzzFlight anew")

// everything is the hello of the recordings. Nothing in it is random, nor in
// the Flight that goes with it.
func everything() (*Flight, *ClientHello) {
	private := bytes.Repeat([]byte{1}, 32)
	share := Share{Group: x25519, Private: private, Public: must(ecdh.X25519().NewPrivateKey(private)).PublicKey().Bytes()}
	f := &Flight{Shares: []Share{share}, Secret: []byte("secret"), Session: &Session{Version: TLS12, CipherSuite: 0xC02B, Master: bytes.Repeat([]byte{2}, 48)}}
	return f, &ClientHello{Version: TLS12, Random: bytes.Repeat([]byte{3}, 32), SessionID: bytes.Repeat([]byte{4}, 32),
		CipherSuites: []uint16{0x1301, 0xC02B, 0xC02F, 0xC009, 0xC012, 0xC013, 0x009E, 0x0033, 0x002F, 0xCCA9, SCSVRenegotiation},
		Extensions: []Extension{ServerName("lab.test"), Values(ExtSupportedGroups, []uint16{x25519, secp256r1}), ECPointFormats(),
			Values(ExtSignatureAlgorithms, []uint16{0x0403, 0x0804, 0x0401, 0x0201, 0x0203}), ALPN("http/1.1"), StatusRequest(), Empty(ExtSessionTicket),
			Empty(ExtExtendedMasterSecret), Empty(ExtEncryptThenMAC), SupportedVersions(TLS13, TLS12, TLS11, TLS10), PSKModes(1), KeyShares(share)}}
}

// converse goes through a handshake and offers another one. It gives what the
// client says and takes the server's records until there are no more.
func converse(f *Flight, c *ClientHello, give func([]byte), take func() []byte) {
	say := func(b []byte) { f.Sent(b); give(b) }
	say(Records(ContentHandshake, TLS10, c.Marshal()))
	finished, renegotiated := false, false
	for b := take(); b != nil; b = take() {
		f.Received(b)
		if !finished {
			if last, err := f.Finish(); err == nil {
				say(last)
				finished = true
			}
		}
		if finished && !renegotiated {
			if second, err := f.Renegotiate(c, true); err == nil {
				say(second)
				renegotiated = true
			}
		}
	}
}

// cut gives the records in b one by one, and what is no whole record at last.
func cut(b []byte) func() []byte {
	return func() (next []byte) {
		n := len(b)
		if n == 0 {
			return nil
		}
		if n >= 5 {
			n = min(n, 5+int(b[3])<<8+int(b[4]))
		}
		next, b = b[:n], b[n:]
		return next
	}
}

// The recordings are the seeds of FuzzFlight that have names.
var recordings = []struct {
	name     string
	version  uint16
	suite    uint16
	answered bool // the second hello
	serve    func(t *testing.T) *session
}{
	{"tls13", TLS13, 0x1301, false, func(t *testing.T) *session {
		return dial(t, &tls.Config{Certificates: []tls.Certificate{ecdsaCertificate()}})
	}},
	{"tls12-gcm", TLS12, 0xC02B, false, func(t *testing.T) *session {
		return dial(t, &tls.Config{Certificates: []tls.Certificate{ecdsaCertificate()}, MaxVersion: TLS12})
	}},
	{"tls12-rsa", TLS12, 0x002F, false, func(t *testing.T) *session {
		return dial(t, &tls.Config{Certificates: []tls.Certificate{rsaCertificate()}, MaxVersion: TLS12, CipherSuites: []uint16{0x002F}})
	}},
	{"tls11-3des-request", TLS11, 0xC012, false, func(t *testing.T) *session {
		return dial(t, &tls.Config{Certificates: []tls.Certificate{rsaCertificate()}, MinVersion: TLS10, MaxVersion: TLS11, CipherSuites: []uint16{0xC012}, ClientAuth: tls.RequestClientCert})
	}},
	{"tls10-cbc", TLS10, 0xC009, false, func(t *testing.T) *session {
		return dial(t, &tls.Config{Certificates: []tls.Certificate{ecdsaCertificate()}, MinVersion: TLS10, MaxVersion: TLS10})
	}},
	{"tls12-dhe-renegotiated", TLS12, 0x0033, true, func(t *testing.T) *session {
		return connect(t, openssl(t, "-tls1_2", "-cipher", "DHE-RSA-AES128-SHA:@SECLEVEL=0", "-client_renegotiation"))
	}},
}

func recordingFile(name string) string {
	return filepath.Join("testdata", "fuzz", "FuzzFlight", name)
}

func recording(t testing.TB, name string) []byte {
	t.Helper()
	text := string(must(os.ReadFile(recordingFile(name))))
	line := strings.Split(text, "\n")[1]
	return []byte(must(strconv.Unquote(strings.TrimSuffix(strings.TrimPrefix(line, "[]byte("), ")"))))
}

// The seeds have to lead behind the encryption, or the fuzzing does not
// either.
func TestRecordings(t *testing.T) {
	for _, r := range recordings {
		t.Run(r.name, func(t *testing.T) {
			if *record {
				s := r.serve(t)
				f, c := everything()
				var received []byte
				converse(f, c, func(b []byte) { must(s.Write(b)) }, func() []byte {
					b := make([]byte, 5)
					if f.Application > 0 && f.Again == nil || f.Alert != nil || f.Again != nil && f.Again.Done {
						return nil
					}
					if n, _ := s.Read(b); n < 5 {
						return nil
					}
					body := make([]byte, int(b[3])<<8|int(b[4]))
					for at := 0; at < len(body); {
						at += must(s.Read(body[at:]))
					}
					received = append(received, append(b, body...)...)
					return append(b, body...)
				})
				if err := os.WriteFile(recordingFile(r.name), fmt.Appendf(nil, "go test fuzz v1\n[]byte(%+q)\nbool(false)\n", received), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			f, c := everything()
			converse(f, c, func([]byte) {}, cut(recording(t, r.name)))
			if f.Broken != nil || !f.Complete || f.Version() != r.version || f.ServerHello.CipherSuite != r.suite || f.Again != nil && f.Again.Done != r.answered || r.answered && f.Again == nil {
				t.Errorf("broken: %v\n%s", f.Broken, shown(f))
			}
			if r.version != TLS13 && !r.answered && (f.Alert == nil || f.Again == nil) {
				t.Errorf("no answer to the second hello: %s", shown(f))
			}
		})
	}
}

// abbreviated is what a server says that takes the session of everything.
func abbreviated() []byte {
	f, c := everything()
	f.Sent(Records(ContentHandshake, TLS10, c.Marshal()))
	body := append([]byte{3, 3}, bytes.Repeat([]byte{5}, 32)...)
	body = append(body, 1, 4, 0xC0, 0x2B, 0)
	out := Records(ContentHandshake, TLS12, Message(TypeServerHello, body))
	out = append(out, Records(ContentHandshake, TLS12, Message(TypeNewSessionTicket, []byte{0, 0, 1, 0, 0, 3, 1, 2, 3}))...)
	f.Received(out)
	change := Records(ContentChangeCipherSpec, TLS12, []byte{1})
	f.Received(change)
	out = append(out, change...)
	return append(out, f.reader.seal(ContentHandshake, Message(TypeFinished, f.keys.verifyData("server", f.transcript)))...)
}

func TestAbbreviated(t *testing.T) {
	f, c := everything()
	var said [][]byte
	converse(f, c, func(b []byte) { said = append(said, b) }, cut(abbreviated()))
	if f.Broken != nil || !f.Complete || !f.Resumed || len(f.Tickets) != 1 || len(said) != 3 {
		t.Errorf("%v, said %d times\n%s", f.Broken, len(said), shown(f))
	}
	if f.clientVerify == nil || bytes.Equal(f.clientVerify, f.serverVerify) || f.Again == nil {
		t.Error("our own Finished was not read")
	}
}

func FuzzFlight(f *testing.F) {
	f.Add([]byte{22, 3, 3, 0, 4, 14, 0, 0, 0}, false)
	f.Add([]byte{21, 3, 3, 0, 2, 2, 40}, false)
	f.Add([]byte{0x80, 3, 4, 0, 1}, true)
	f.Add(abbreviated(), false)
	f.Fuzz(func(t *testing.T, received []byte, ssl2 bool) {
		fl, c := everything()
		if ssl2 {
			fl.Sent(SSL2ClientHello([]uint32{1}, nil))
			half := len(received) / 2
			fl.Received(received[:half])
			fl.Received(received[half:])
		} else {
			converse(fl, c, func([]byte) {}, cut(received))
		}
		ask(fl)
		if fl.kept > maxKept {
			t.Error("too much is kept")
		}
	})
}

// ask calls what only answers.
func ask(f *Flight) {
	f.Version()
	f.Group()
	f.SignatureScheme()
	f.Protocol()
	f.Bleed()
	f.Bound()
	f.EarlyCCS()
	f.Splits()
	f.Established()
	if f.ServerHello != nil {
		f.ServerHello.Downgrade()
	}
	for _, t := range f.Tickets {
		f.Resumption(t)
	}
}

// FuzzSealed lets a server say what it wants behind the encryption: after so
// many records of a recording comes one with this content.
func FuzzSealed(f *testing.F) {
	for i := range byte(len(recordings)) {
		f.Add(i, byte(2), ContentHandshake, Message(TypeEncryptedExtensions, []byte{0, 0}))
		f.Add(i, byte(200), ContentHandshake, Message(TypeServerHello, make([]byte, 40)))
		f.Add(i, byte(200), ContentAlert, []byte{1, 100})
		f.Add(i, byte(200), ContentChangeCipherSpec, []byte{1})
		f.Add(i, byte(200), ContentHeartbeat, []byte{2, 0, 0})
		f.Add(i, byte(200), ContentHandshake, Message(TypeHelloRequest, nil))
		f.Add(i, byte(4), ContentHandshake, Message(TypeFinished, make([]byte, 12)))
	}
	f.Fuzz(func(t *testing.T, which, after, content byte, plain []byte) {
		fl, c := everything()
		next := cut(recording(t, recordings[int(which)%len(recordings)].name))
		converse(fl, c, func([]byte) {}, func() []byte {
			if after == 0 {
				return nil
			}
			after--
			return next()
		})
		if fl.reader != nil {
			fl.Received(sealAll(fl.reader, content, plain))
		} else if fl.keys != nil {
			fl.Received(Records(ContentChangeCipherSpec, TLS12, []byte{1}))
			fl.Received(sealAll(fl.keys.server, content, plain))
		}
		ask(fl)
	})
}
