package chain

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

func TestDirectoryStrings(t *testing.T) {
	for _, test := range []struct {
		tag  asn1.Tag
		in   string
		want string
	}{
		{asn1.UTF8String, "Köln", "Köln"},
		{asn1.PrintableString, "Koeln", "Koeln"},
		{asn1.T61String, "K\xf6ln", "Köln"},
		{asn1.T61String, "Köln", "Köln"},
		{30, "\x00K\x00\xf6\xd8\x3d\xde\x00\x00", "Kö😀"},
		{28, "\x00\x00\x00K\x00\x01\xf6\x00\x00\x11\x00\x00", "K😀\ufffd"},
		{28, "\xff\xff\xff\xff", "\ufffd"},
	} {
		if got := directoryString(cryptobyte.String(test.in), test.tag); got != test.want {
			t.Errorf("tag %d: %q, want %q", test.tag, got, test.want)
		}
	}
	for in, want := range map[string]string{
		" a ": `\ a\ `, "#1": `\#1`, `a,b+c"d\e<f>g;h`: `a\,b\+c\"d\\e\<f\>g\;h`, "a\x00b": `a\00b`, "a\xffb": `a\FFb`, "a\u202eb": `a\E2\80\AEb`, "ö": "ö", "\ufffd": "\ufffd", "": "",
	} {
		if got := escape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Every algorithm of keys is told by its name, also those that nobody can
// verify with yet.
func TestKeyAlgorithms(t *testing.T) {
	for dotted, want := range keyAlgorithms {
		w := newWorld()
		otherKey(dotted, oidElement("1.2.840.10045.3.1.1"))(w) // secp192r1, for those that take a curve
		x := w.read().Certificates[0]
		if x.Key != want.family || x.KeyType != want.name {
			t.Errorf("%s: %s %s", dotted, x.Key, x.KeyType)
		}
		if x.LifetimeDays != 45 || x.SPKI == "" || len(x.Names) == 0 {
			t.Errorf("%s: the certificate was not read to the end: %+v", dotted, x)
		}
	}
	for dotted, want := range signatureAlgorithms {
		w := newWorld()
		signedWith(dotted)(w)
		x := w.read().Certificates[0]
		if x.SignatureName != want.name || x.SignatureCode != want.code || (x.Scheme == "") != (want.code == 0) {
			t.Errorf("%s: %s %04X %s", dotted, x.SignatureName, x.SignatureCode, x.Scheme)
		}
	}
	w := newWorld()
	otherKey("1.2.3.4.5")(w)
	signedWith("1.2.3.4.6")(w)
	if x := w.read().Certificates[0]; x.Key != "unknown" || x.KeyType != "1.2.3.4.5" || x.SignatureName != "1.2.3.4.6" || x.SignatureCode != 0 {
		t.Errorf("%+v", x)
	}
	w = newWorld()
	curveKey("1.2.156.10197.1.301", nil)(w)
	if x := w.read().Certificates[0]; x.Key != "SM2" || x.Curve != "curveSM2" {
		t.Errorf("%+v", x)
	}
}

func TestPoints(t *testing.T) {
	for name, c := range curves() {
		g := &point{c, c.gx, c.gy}
		if q := c.point(g.bytes()); q == nil || q.x.Cmp(c.gx) != 0 {
			t.Errorf("%s: the base point is not on the curve", name)
		}
		size := (c.p.BitLen() + 7) / 8
		compressed := append([]byte{2 + byte(c.gy.Bit(0))}, g.bytes()[1:1+size]...)
		if q := c.point(compressed); q == nil || q.y.Cmp(c.gy) != 0 {
			t.Errorf("%s: the compressed base point is another one", name)
		}
		compressed[0] ^= 1
		if q := c.point(compressed); q == nil || c.add(q, g) != nil {
			t.Errorf("%s: a point and its negative are not nothing", name)
		}
		off := g.bytes()
		off[len(off)-1] ^= 1
		for _, bad := range [][]byte{nil, {0}, {4}, off, g.bytes()[:size], append(g.bytes(), 0), append([]byte{2}, c.p.Bytes()...)} {
			if c.point(bad) != nil {
				t.Errorf("%s: %x is a point", name, bad)
			}
		}
		// The order of the base point is n: (n-1)G = -G.
		var sum *point
		n := new(big.Int).Sub(c.n, big.NewInt(1))
		for i := n.BitLen() - 1; i >= 0; i-- {
			if sum = c.add(sum, sum); n.Bit(i) == 1 {
				sum = c.add(sum, g)
			}
		}
		if sum == nil || sum.x.Cmp(c.gx) != 0 || sum.y.Cmp(c.gy) == 0 {
			t.Errorf("%s: n is not the order", name)
		}
	}
	// A compressed key of a curve that the library has.
	k := labKey().leaf
	x, y := new(big.Int).SetBytes(must(k.PublicKey.Bytes())[1:33]), must(k.PublicKey.Bytes())[64]
	w := newWorld()
	curveKey("1.2.840.10045.3.1.7", append([]byte{2 + y&1}, x.FillBytes(make([]byte, 32))...))(w)
	selfSigned(w)
	if c := w.read().Certificates[0]; c.SelfSigned != Yes || c.Error != "" {
		t.Errorf("compressed: %s %s", c.SelfSigned, c.Error)
	}
	for _, curve := range []string{"1.2.840.10045.3.1.7", "1.3.36.3.3.2.8.1.1.7"} {
		w := newWorld()
		curveKey(curve, append([]byte{4}, make([]byte, 64)...))(w)
		if c := w.read().Certificates[0]; !strings.Contains(c.Error, "not a point") || len(c.Names) == 0 {
			t.Errorf("%s: %q", curve, c.Error)
		}
	}
}

// Signatures that are out of range are refused and not computed with.
func TestECDSARange(t *testing.T) {
	c := curves()["brainpoolP256r1"]
	q := &point{c, c.gx, c.gy}
	pair := func(r, s *big.Int) []byte {
		var b cryptobyte.Builder
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1BigInt(r); b.AddASN1BigInt(s) })
		return b.BytesOrPanic()
	}
	zero, one := new(big.Int), big.NewInt(1)
	for _, sig := range [][]byte{nil, {0x30, 0}, pair(zero, one), pair(one, zero), pair(c.n, one), pair(one, c.n), pair(new(big.Int).Neg(one), one), append(pair(one, one), 0)} {
		if q.verify(make([]byte, 32), sig) {
			t.Errorf("%x is valid", sig)
		}
	}
}

func TestDates(t *testing.T) {
	w := newWorld()
	w.leaf.to = time.Date(2051, 2, 3, 4, 5, 6, 0, time.UTC) // GeneralizedTime
	if c := w.read().Certificates[0]; !c.NotAfter.Equal(w.leaf.to) || c.NotAfter.Location() != time.UTC {
		t.Errorf("%v", c.NotAfter)
	}
	der := newWorld().make()["leaf"]
	at := strings.Index(string(der), "\x17\x0d")
	der[at+4] = 'x'
	c := Read(Sent{DER: [][]byte{der}}, Options{Date: today}).Certificates[0]
	if c.Error == "" || c.LifetimeDays != 0 || len(c.Names) == 0 || c.NotAfter.IsZero() {
		t.Errorf("%+v", c)
	}
}

func TestProperties(t *testing.T) {
	p := newWorld().read().Certificates[0].Properties()
	for name, want := range map[string]bool{"key_usage": true, "key_usage_critical": true, "extended_key_usage": true, "subject_alt_name": true, "wildcard_name": false, "authority_key_identifier": true, "revocation_pointer": true} {
		if got, ok := p[name]; !ok || got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	w := newWorld()
	w.leaf.extensions, w.scts = nil, 0
	for name, got := range w.read().Certificates[0].Properties() {
		if got {
			t.Errorf("%s without extensions", name)
		}
	}
	if (Certificate{Error: "x"}).Properties() != nil {
		t.Error("properties of an unreadable certificate")
	}
	// The names are those that norms have rows for.
	data := must(os.ReadFile("../norm/data/bsi-tr-03116-4.json")) // read as text: this package does not import norm
	for _, name := range []string{"wildcard_name", "key_usage_critical", "revocation_pointer", "extended_key_usage"} {
		if !strings.Contains(string(data), `"`+name+`"`) {
			t.Errorf("no norm speaks of %s", name)
		}
	}
}

// An empty chain is a chain.
func TestNothing(t *testing.T) {
	c := Read(Sent{}, Options{})
	if c.Trusted != Unknown || c.TrustReason != NothingSent || c.NameMatches != Unknown || c.TimeValid != Unknown || c.Staple != Unknown || c.Order != NoOrder || len(c.Findings) != 0 {
		t.Errorf("%+v", c)
	}
	if !strings.Contains(string(must(json.Marshal(c))), `"certificates":[]`) {
		t.Error("certificates are not a list")
	}
}

func BenchmarkRead(b *testing.B) {
	s, o := newWorld().sent()
	for b.Loop() {
		Read(s, o)
	}
}

func BenchmarkReadBrainpool(b *testing.B) {
	s := Sent{DER: bundle("brainpool.pem"), Name: "host.example.org"}
	o := Options{Date: today, Roots: x509.NewCertPool()}
	for b.Loop() {
		Read(s, o)
	}
}

func BenchmarkROCA(b *testing.B) {
	n := must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 4096)))
	for b.Loop() {
		roca(n)
		closePrimes(n)
		smallFactor(n)
	}
}
