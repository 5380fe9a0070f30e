package wire

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/dtls/v3"
	curves "github.com/pion/dtls/v3/pkg/crypto/elliptic"
	"golang.org/x/crypto/cryptobyte"

	"vksprobe/fixtures/certificate"
	"vksprobe/probe/netlog"
)

// A taped socket writes down what passes.
type taped struct {
	net.PacketConn
	tape *tape
}

func (c taped) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(b)
	if err == nil {
		c.tape.add(false, b[:n])
	}
	return n, from, err
}

func (c taped) WriteTo(b []byte, to net.Addr) (int, error) {
	c.tape.add(true, b)
	return c.PacketConn.WriteTo(b, to)
}

func listen(t *testing.T) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func must[K crypto.Signer](k K, err error) crypto.Signer {
	if err != nil {
		panic(err)
	}
	return k
}

// shake lets two ends of pion shake hands and returns what the client's
// socket saw.
func shake(t *testing.T, client []dtls.ClientOption, server []dtls.ServerOption) *tape {
	t.Helper()
	tp := &tape{}
	near, far := listen(t), listen(t)
	done := make(chan error, 1)
	go func() {
		s, err := dtls.ServerWithOptions(far, near.LocalAddr(), server...)
		if err == nil {
			if err = s.HandshakeContext(t.Context()); err == nil {
				_, err = s.Read(make([]byte, 100))
			}
		}
		done <- err
	}()
	c, err := dtls.ClientWithOptions(taped{near, tp}, far.LocalAddr(), client...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("data")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return tp
}

// What pion was told to do is what is read, by the client as by the server, in
// order or not.
func TestHandshakes(t *testing.T) {
	p256, p384 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	modulus := must(rsa.GenerateKey(rand.Reader, 2048))
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		suite    dtls.CipherSuiteID
		key      crypto.Signer
		profiles []dtls.SRTPProtectionProfile // of the server
		curve    curves.Curve
		master   dtls.ExtendedMasterSecretType
		skip     bool // no cookie
		mtu      int
		mki      bool
		want     string
	}{
		"default":   {dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, p256, []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}, curves.X25519, dtls.RequestExtendedMasterSecret, false, 0, false, "0001 x001D sig0403 ECDSA 256 P-256 master cookie"},
		"gcm":       {dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, p384, []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM}, curves.P384, dtls.RequestExtendedMasterSecret, true, 0, false, "0008 x0018 sig0403 ECDSA 384 P-384 master"},
		"rsa":       {dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, modulus, []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM}, curves.P256, dtls.RequestExtendedMasterSecret, false, 0, false, "0007 x0017 sig0401 RSA 2048 master cookie"},
		"fragments": {dtls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, modulus, []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_32}, curves.X25519, dtls.RequestExtendedMasterSecret, false, 200, false, "0002 x001D sig0401 RSA 2048 master cookie fragments"},
		"ed25519":   {dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, edwards, []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}, curves.X25519, dtls.RequestExtendedMasterSecret, false, 0, false, "0001 x001D sig0807 Ed25519 256 master cookie"},
		"no master": {dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, p256, []dtls.SRTPProtectionProfile{dtls.SRTP_NULL_HMAC_SHA1_80}, curves.X25519, dtls.DisableExtendedMasterSecret, true, 0, false, "0005 x001D sig0403 ECDSA 256 P-256"},
		"no srtp":   {dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, p256, nil, curves.X25519, dtls.RequestExtendedMasterSecret, true, 0, false, "0000 x001D sig0403 ECDSA 256 P-256 master"},
		"mki":       {dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, p256, []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}, curves.X25519, dtls.RequestExtendedMasterSecret, true, 0, true, "0001 x001D sig0403 ECDSA 256 P-256 master mki"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs, err := certificate.New("far.test", c.key)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := certificate.New("near.test", p256)
			if err != nil {
				t.Fatal(err)
			}
			offer := c.profiles
			if len(offer) > 0 {
				offer = append([]dtls.SRTPProtectionProfile{dtls.SRTP_AES256_CM_SHA1_80}, c.profiles...)
			}
			both := []dtls.Option{dtls.WithInsecureSkipVerify(true), dtls.WithCipherSuites(c.suite), dtls.WithExtendedMasterSecret(c.master), dtls.WithEllipticCurves(c.curve)}
			if c.mtu > 0 {
				both = append(both, dtls.WithMTU(c.mtu))
			}
			if c.mki {
				both = append(both, dtls.WithSRTPMasterKeyIdentifier([]byte{1}))
			}
			client := []dtls.ClientOption{dtls.WithCertificates(ours.TLS)}
			server := []dtls.ServerOption{dtls.WithCertificates(theirs.TLS), dtls.WithInsecureSkipVerifyHello(c.skip), dtls.WithClientAuth(dtls.RequireAnyClientCert)}
			if len(offer) > 0 {
				client, server = append(client, dtls.WithSRTPProtectionProfiles(offer...)), append(server, dtls.WithSRTPProtectionProfiles(c.profiles...))
			}
			for _, o := range both {
				client, server = append(client, o), append(server, o)
			}
			all := shake(t, client, server).all()
			mirrored := slices.Clone(all)
			for i := range mirrored {
				mirrored[i].Sent = !mirrored[i].Sent
			}
			backwards := slices.Clone(all)
			slices.Reverse(backwards)
			// ICE sends over one pair of addresses and receives over another, or
			// over one after the other.
			oneWay, turns := slices.Clone(all), slices.Clone(all)
			for i := range all {
				if all[i].Sent {
					oneWay[i].Socket = 2
				}
				turns[i].Socket = int64(1 + i%3)
			}
			for side, packets := range map[string][]netlog.Datagram{"client": all, "server": mirrored, "client, backwards": backwards, "client, one way": oneWay, "client, by turns": turns} {
				paths := decode(packets).Paths
				joined := Join(paths)
				if len(joined) != 1 || joined[0].ServerHello == nil {
					t.Fatalf("%s: %d handshakes", side, len(joined))
				}
				p, h := paths[0], joined[0]
				if alone := p.Handshake(); len(paths) == 1 && (len(p.Handshakes) != 1 || alone.Version() != h.Version() || alone.SRTPProfile() != h.SRTPProfile() || alone.Fragmented != h.Fragmented || len(alone.ClientCertificates) != len(h.ClientCertificates)) {
					t.Errorf("%s: joined %+v, alone %+v", side, h, alone)
				}
				if len(paths) > 1 {
					p.Records = nil
				}
				x := h.ServerCertificates[0]
				got := fmt.Sprintf("%04X x%04X sig%04X %s %d %s", h.SRTPProfile(), h.Group(), h.KeyExchange.SignatureScheme, x.Key, x.Bits, x.Curve)
				for word, is := range map[string]bool{" master": h.ExtendedMasterSecret(), " cookie": h.Verify, " fragments": h.Fragmented > 0, " mki": h.MKI()} {
					if is != strings.Contains(c.want, word) {
						t.Errorf("%s:%s is %v", side, word, is)
					}
				}
				if !strings.HasPrefix(strings.Join(strings.Fields(c.want), " ")+" ", strings.Join(strings.Fields(got), " ")+" ") {
					t.Errorf("%s: %s, want %s", side, got, c.want)
				}
				if h.Client != strings.HasPrefix(side, "client") || h.Version() != DTLS12 || h.CipherSuite() != uint16(c.suite) || h.Request == nil || h.Incomplete != 0 || len(p.Malformed) > 0 {
					t.Errorf("%s: %+v %v", side, h, p.Malformed)
				}
				sum := sha256.Sum256(theirs.TLS.Certificate[0])
				if print, _ := x.Fingerprint("SHA-256"); print != "sha-256 "+strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":") || !x.SelfSigned || x.Name != "far.test" {
					t.Errorf("%s: certificate %+v, %s", side, x, print)
				}
				if mine := h.Certificates(h.Client); len(mine) != 1 || mine[0].Name != "near.test" {
					t.Errorf("%s: the client's certificate is %+v", side, mine)
				}
				if side != "client, backwards" && (h.ClientFinished.Time.IsZero() || h.ServerFinished.Time.IsZero()) {
					t.Errorf("%s: the handshake did not end", side)
				}
				var profiles []uint16
				for _, p := range offer {
					profiles = append(profiles, uint16(p))
				}
				if !slices.Equal(h.ClientHello.SRTPProfiles(), profiles) {
					t.Errorf("%s: offered %v, want %v", side, h.ClientHello.SRTPProfiles(), profiles)
				}
				if p.Records == nil {
					continue
				}
				if data := p.Records.Encrypted[23]; data.Packets() != 1 {
					t.Errorf("%s: %d records of data", side, data.Packets())
				}
			}
		})
	}
}

// dtlsRecord wraps a part of a handshake message into a record of its own.
func dtlsRecord(kind byte, seq uint16, body []byte, from, to int) []byte {
	var b cryptobyte.Builder
	b.AddUint8(contentHandshake)
	b.AddUint16(DTLS12)
	b.AddBytes(make([]byte, 8))
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(kind)
		b.AddUint24(uint32(len(body)))
		b.AddUint16(seq)
		b.AddUint24(uint32(from))
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(body[from:to]) })
	})
	return b.BytesOrPanic()
}

// helloOf writes a ServerHello with the given extensions.
func helloOf(random byte, suite uint16, extensions ...HelloExtension) []byte {
	var b cryptobyte.Builder
	b.AddUint16(DTLS12)
	for range 32 {
		b.AddUint8(random)
	}
	b.AddUint8(0)
	b.AddUint16(suite)
	b.AddUint8(0)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, e := range extensions {
			b.AddUint16(e.Type)
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(e.Data) })
		}
	})
	return b.BytesOrPanic()
}

func TestFragments(t *testing.T) {
	chosen := helloOf(7, 0xC02C, HelloExtension{extUseSRTP, []byte{0, 2, 0, 8, 0}})
	retry := helloOf(0, 0x1301, HelloExtension{extVersions, []byte{0xFE, 0xFC}}, HelloExtension{extKeyShare, []byte{0x11, 0xEC}})
	copy(retry[2:], retryRandom())
	v13 := helloOf(1, 0x1302, HelloExtension{extVersions, []byte{0xFE, 0xFC}}, HelloExtension{extKeyShare, []byte{0x11, 0xEC, 0, 1, 9}})
	all := len(chosen)
	sh := func(seq uint16, from, to int) []byte { return dtlsRecord(typeServerHello, seq, chosen, from, to) }
	twisted := slices.Clone(sh(0, 20, all))
	twisted[len(twisted)-2] ^= 1
	for name, c := range map[string]struct {
		packets [][]byte
		want    string // of the ServerHello
		bad     Tally
	}{
		"in order":          {[][]byte{sh(0, 0, 25), sh(0, 25, all)}, "FEFD C02C 0008", nil},
		"any order":         {[][]byte{sh(0, 20, all), sh(0, 0, 25)}, "FEFD C02C 0008", nil},
		"pieces":            {[][]byte{sh(0, 40, all), sh(0, 10, 20), sh(0, 30, 45), sh(0, 0, 12), sh(0, 5, 35)}, "FEFD C02C 0008", nil},
		"one packet":        {[][]byte{slices.Concat(sh(0, 0, 30), sh(0, 30, all))}, "FEFD C02C 0008", nil},
		"two messages":      {[][]byte{sh(1, 0, 30), sh(2, 30, all)}, "", nil},
		"a hole":            {[][]byte{sh(0, 0, 30), sh(0, 31, all)}, "", nil},
		"the first counts":  {[][]byte{sh(0, 0, all), dtlsRecord(typeServerHello, 0, helloOf(9, 0xC009), 0, 20)}, "FEFD C02C 0008", Tally{DTLSConflict: 1}},
		"contradictory":     {[][]byte{sh(0, 0, 40), sh(0, 40, all), twisted}, "FEFD C02C 0008", Tally{DTLSConflict: 1}},
		"1.3":               {[][]byte{dtlsRecord(typeServerHello, 0, v13, 0, len(v13))}, "FEFC 1302 0000 11EC", nil},
		"retry, then 1.3":   {[][]byte{dtlsRecord(typeServerHello, 0, retry, 0, len(retry)), dtlsRecord(typeServerHello, 1, v13, 0, len(v13))}, "FEFC 1302 0000 11EC", nil},
		"retry only":        {[][]byte{dtlsRecord(typeServerHello, 0, retry, 0, len(retry))}, "", nil},
		"encrypted records": {[][]byte{append([]byte{contentHandshake, 0xFE, 0xFD, 0, 1}, make([]byte, 8)...)}, "", nil},
		"a lie":             {[][]byte{dtlsRecord(typeServerHello, 0, make([]byte, maxMessage+1), 0, 9)}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var tp tape
			for _, b := range c.packets {
				tp.add(false, b)
			}
			d := New(1)
			for _, g := range tp.all() {
				d.Datagram(&g)
			}
			check(t, d)
			p := d.Capture().Paths[0]
			got := ""
			if h := p.Handshake(); h != nil && h.ServerHello != nil {
				got = fmt.Sprintf("%04X %04X %04X", h.Version(), h.CipherSuite(), h.SRTPProfile())
				if h.Group() != 0 {
					got += fmt.Sprintf(" %04X", h.Group())
				}
				if !h.Client {
					t.Error("who is answered is the client")
				}
			}
			if got != c.want {
				t.Errorf("read %q, want %q", got, c.want)
			}
			if diff := cmp.Diff(c.bad, p.Malformed); diff != "" {
				t.Errorf("malformed (-want +got):\n%s", diff)
			}
		})
	}
	// A message must not be believed before its last byte is there.
	whole := sh(0, 0, all)
	for n := range whole {
		var tp tape
		tp.add(false, whole[:n])
		for _, p := range decode(tp.all()).Paths {
			if h := p.Handshake(); h != nil && h.ServerHello != nil {
				t.Errorf("a ServerHello was read from %d of %d bytes", n, len(whole))
			}
		}
	}
}

func TestCertificate(t *testing.T) {
	c, err := certificate.New("a\x1bb", must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)))
	if err != nil {
		t.Fatal(err)
	}
	x := ParseCertificate(c.TLS.Certificate[0])
	if x.Key != "ECDSA" || x.Bits != 521 || x.Curve != "P-521" || strings.ContainsRune(x.Name, 0x1b) || !x.SelfSigned || x.NotAfter.Sub(x.NotBefore).Hours() != 25 {
		t.Errorf("%+v", x)
	}
	for _, hash := range []string{"md5", "sha-1", "sha-224", "sha-256", "sha-384", "sha-512"} {
		if print, ok := x.Fingerprint(hash); !ok || !strings.HasPrefix(print, hash+" ") {
			t.Errorf("%s: %q", hash, print)
		}
	}
	if _, ok := x.Fingerprint("md2"); ok {
		t.Error("md2 is computed")
	}
	if y := ParseCertificate([]byte("no certificate")); y.Key != "" || len(y.DER) == 0 {
		t.Errorf("%+v", y)
	}
}
