package chain

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

//go:generate ./testdata/generate.sh

// today is the date of most tests.
var today = time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// spec is a certificate to be forged: everything that can be wrong with one can
// be said.
type spec struct {
	version         int
	serial          []byte
	outer, inner    []byte // AlgorithmIdentifiers
	issuer, subject []byte
	from, to        time.Time
	spki            []byte
	extensions      []extension
	broken          bool   // the signature
	tail            []byte // behind the certificate
}

func (s *spec) set(id string, critical bool, value []byte) {
	s.drop(id)
	s.extensions = append(s.extensions, extension{id, critical, value})
}

func (s *spec) drop(id string) {
	s.extensions = slices.DeleteFunc(s.extensions, func(e extension) bool { return e.id == id })
}

func element(tag asn1.Tag, content ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, c := range content {
			b.AddBytes(c)
		}
	})
	return b.BytesOrPanic()
}

func oidElement(dotted string) []byte {
	id := must(x509.ParseOID(dotted))
	return element(asn1.OBJECT_IDENTIFIER, must(id.MarshalBinary()))
}

func algorithm(dotted string, params ...[]byte) []byte {
	return element(asn1.SEQUENCE, append([][]byte{oidElement(dotted)}, params...)...)
}

func distinguished(pairs ...string) []byte {
	var rdns [][]byte
	for i := 0; i < len(pairs); i += 2 {
		rdns = append(rdns, element(asn1.SET, element(asn1.SEQUENCE, oidElement(pairs[i]), element(asn1.UTF8String, []byte(pairs[i+1])))))
	}
	return element(asn1.SEQUENCE, rdns...)
}

func dnsNames(names ...string) []byte {
	var all [][]byte
	for _, n := range names {
		all = append(all, element(asn1.Tag(dnsName).ContextSpecific(), []byte(n)))
	}
	return element(asn1.SEQUENCE, all...)
}

func integer(content ...byte) []byte { return element(asn1.INTEGER, content) }

// usage is a KeyUsage with the given bits of the first octet.
func usage(bits byte) []byte { return element(asn1.BIT_STRING, []byte{0, bits}) }

func extended(ids ...string) []byte {
	var all [][]byte
	for _, id := range ids {
		all = append(all, oidElement(id))
	}
	return element(asn1.SEQUENCE, all...)
}

func url(tag asn1.Tag, s string) []byte { return element(tag.ContextSpecific(), []byte(s)) }

func authorityInfo(ocsp string) []byte {
	return element(asn1.SEQUENCE, element(asn1.SEQUENCE, oidElement("1.3.6.1.5.5.7.48.1"), url(uriName, ocsp)))
}

func crlPoints(urls ...string) []byte {
	var points [][]byte
	for _, u := range urls {
		points = append(points, element(asn1.SEQUENCE, element(asn1.Tag(0).Constructed().ContextSpecific(),
			element(asn1.Tag(0).Constructed().ContextSpecific(), url(uriName, u)))))
	}
	return element(asn1.SEQUENCE, points...)
}

// tbs writes the TBSCertificate.
func (s *spec) tbs() []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if s.version > 1 {
			b.AddASN1(asn1.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(s.version - 1)) })
		}
		b.AddBytes(integer(s.serial...))
		b.AddBytes(s.inner)
		b.AddBytes(s.issuer)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, t := range []time.Time{s.from, s.to} {
				if t.Year() < 2050 {
					b.AddASN1UTCTime(t)
				} else {
					b.AddASN1GeneralizedTime(t)
				}
			}
		})
		b.AddBytes(s.subject)
		b.AddBytes(s.spki)
		if len(s.extensions) > 0 {
			b.AddASN1(asn1.Tag(3).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					for _, e := range s.extensions {
						b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddBytes(oidElement(e.id))
							if e.critical {
								b.AddASN1Boolean(true)
							}
							b.AddASN1OctetString(e.value)
						})
					}
				})
			})
		}
	})
	return b.BytesOrPanic()
}

// sign makes the certificate.
func (s *spec) sign(k *ecdsa.PrivateKey) []byte {
	tbs := s.tbs()
	hash := readSignature(s.outer).hash
	if hash == 0 {
		hash = crypto.SHA256
	}
	sum := digest(hash, tbs)
	if s.broken {
		sum[0] ^= 1
	}
	sig := must(ecdsa.SignASN1(rand.Reader, k, sum))
	return append(element(asn1.SEQUENCE, tbs, s.outer, element(asn1.BIT_STRING, append([]byte{0}, sig...))), s.tail...)
}

// keys that all forged chains share.
type labKeys struct {
	root, ca, leaf *ecdsa.PrivateKey
	logs           []*ecdsa.PrivateKey
}

var labKey = sync.OnceValue(func() (k labKeys) {
	fresh := func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }
	k.root, k.ca, k.leaf = fresh(), fresh(), fresh()
	for range 3 {
		k.logs = append(k.logs, fresh())
	}
	return k
})

func spkiOf(public any) []byte { return must(x509.MarshalPKIXPublicKey(public)) }

// world is a chain before it is made, with what is known of it.
type world struct {
	root, ca, leaf spec
	scts           int  // embedded timestamps, by as many logs
	spoil          bool // the timestamps
	order          []string
	stapled        [][]byte
	tls            [][]byte
	name           string
	o              Options
	more           map[string][]byte // further certificates by name
	mutate         func(made map[string][]byte)
}

const ecdsaSHA256 = "1.2.840.10045.4.3.2"

// newWorld is a flawless, publicly trusted chain.
func newWorld() *world {
	k := labKey()
	rootName, caName := distinguished("2.5.4.10", "Test Roots", "2.5.4.3", "Test Root"), distinguished("2.5.4.6", "DE", "2.5.4.10", "Let's Encrypt", "2.5.4.3", "Test CA")
	id := func(p *ecdsa.PrivateKey) []byte {
		sum := sha256.Sum256(spkiOf(&p.PublicKey))
		return sum[:20]
	}
	ski := func(p *ecdsa.PrivateKey) []byte { return element(asn1.OCTET_STRING, id(p)) }
	aki := func(p *ecdsa.PrivateKey) []byte {
		return element(asn1.SEQUENCE, element(asn1.Tag(0).ContextSpecific(), id(p)))
	}
	a := algorithm(ecdsaSHA256)
	serial := func(b byte) []byte { return append([]byte{0x42, b}, make([]byte, 14)...) }
	w := &world{scts: 2, order: []string{"leaf", "ca"}, name: "host.example.org", more: map[string][]byte{}}
	w.root = spec{version: 3, serial: serial(1), outer: a, inner: a, issuer: rootName, subject: rootName, spki: spkiOf(&k.root.PublicKey),
		from: today.AddDate(-5, 0, 0), to: today.AddDate(10, 0, 0), extensions: []extension{
			{oidConstraints, true, element(asn1.SEQUENCE, element(asn1.BOOLEAN, []byte{0xff}))}, {oidKeyUsage, true, usage(0x06)}, {oidSubjectKeyID, false, ski(k.root)}}}
	w.ca = spec{version: 3, serial: serial(2), outer: a, inner: a, issuer: rootName, subject: caName, spki: spkiOf(&k.ca.PublicKey),
		from: today.AddDate(-1, 0, 0), to: today.AddDate(3, 0, 0), extensions: []extension{
			{oidConstraints, true, element(asn1.SEQUENCE, element(asn1.BOOLEAN, []byte{0xff}), integer(0))}, {oidKeyUsage, true, usage(0x86)},
			{oidSubjectKeyID, false, ski(k.ca)}, {oidAuthorityKeyID, false, aki(k.root)}, {oidCRL, false, crlPoints("http://crl.example.org/root.crl")},
			{oidExtendedKeyUsage, false, extended("1.3.6.1.5.5.7.3.1")}}}
	w.leaf = spec{version: 3, serial: serial(3), outer: a, inner: a, issuer: caName, subject: distinguished("2.5.4.3", "host.example.org"), spki: spkiOf(&k.leaf.PublicKey),
		from: today.AddDate(0, 0, -10), to: today.AddDate(0, 0, -10).Add(45*24*time.Hour - time.Second), extensions: []extension{
			{oidKeyUsage, true, usage(0x80)}, {oidExtendedKeyUsage, false, extended("1.3.6.1.5.5.7.3.1")}, {oidConstraints, true, element(asn1.SEQUENCE)},
			{oidAuthorityKeyID, false, aki(k.ca)}, {oidAltName, false, dnsNames("host.example.org", "example.org")},
			{oidAuthorityInfo, false, authorityInfo("http://ocsp.example.org/")}, {oidCRL, false, crlPoints("http://crl.example.org/ca.crl")},
			{oidPolicies, false, element(asn1.SEQUENCE, element(asn1.SEQUENCE, oidElement("2.23.140.1.2.1")))}}}
	w.o = Options{Date: today, Public: true, Logs: labLogs()}
	return w
}

func labLogs() Logs {
	logs := Logs{}
	for i, k := range labKey().logs {
		if err := logs.Add(spkiOf(&k.PublicKey), Log{Name: []string{"one", "two", "three"}[i], Operator: "test", State: "usable"}); err != nil {
			panic(err)
		}
	}
	return logs
}

// logTimestamp is what a log makes of an entry, written by RFC 6962 section 3.2
// and not by the code under test.
func logTimestamp(k *ecdsa.PrivateKey, at time.Time, entryType byte, entry []byte, spoil bool) []byte {
	var signed []byte
	signed = append(signed, 0, 0)
	millis := uint64(at.UnixMilli())
	var clock []byte
	for i := 7; i >= 0; i-- {
		clock = append(clock, byte(millis>>(8*i)))
	}
	signed = append(signed, clock...)
	signed = append(signed, 0, entryType)
	signed = append(signed, entry...)
	signed = append(signed, 0, 0) // no extensions
	sum := sha256.Sum256(signed)
	if spoil {
		sum[5] ^= 8
	}
	sig := must(ecdsa.SignASN1(rand.Reader, k, sum[:]))
	id := sha256.Sum256(spkiOf(&k.PublicKey))
	sct := append([]byte{0}, id[:]...)
	sct = append(sct, clock...)
	sct = append(sct, 0, 0, 4, 3, byte(len(sig)>>8), byte(len(sig)))
	return append(sct, sig...)
}

func prefix24(b []byte) []byte {
	return append([]byte{byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)
}

func prefix16(b []byte) []byte { return append([]byte{byte(len(b) >> 8), byte(len(b))}, b...) }

func sctList(scts ...[]byte) []byte {
	var all []byte
	for _, s := range scts {
		all = append(all, prefix16(s)...)
	}
	return prefix16(all)
}

func (w *world) make() map[string][]byte {
	k := labKey()
	made := map[string][]byte{"root": w.root.sign(k.root), "ca": w.ca.sign(k.root)}
	leaf := w.leaf
	if w.scts > 0 {
		issuer := sha256.Sum256(w.ca.spki)
		entry := append(issuer[:], prefix24(leaf.tbs())...)
		var scts [][]byte
		for i := range w.scts {
			scts = append(scts, logTimestamp(k.logs[i], w.leaf.from, 1, entry, w.spoil))
		}
		leaf.extensions = slices.Insert(slices.Clone(leaf.extensions), 2, extension{oidSCTs, false, element(asn1.OCTET_STRING, sctList(scts...))})
	}
	made["leaf"] = leaf.sign(k.ca)
	for name, der := range w.more {
		made[name] = der
	}
	if w.mutate != nil {
		w.mutate(made)
	}
	return made
}

// sent is the chain as it is sent, and the options with the root.
func (w *world) sent() (Sent, Options) {
	made := w.make()
	s := Sent{Stapled: w.stapled, SCTs: w.tls, Name: w.name}
	for _, name := range w.order {
		s.DER = append(s.DER, made[name])
	}
	o := w.o
	if o.Roots == nil {
		o.Roots = x509.NewCertPool()
		if root, err := x509.ParseCertificate(made["root"]); err == nil {
			o.Roots.AddCert(root)
		}
	}
	return s, o
}

func (w *world) read() Chain { return Read(w.sent()) }

func has(c Chain, code Code) bool {
	return slices.ContainsFunc(c.Findings, func(f Finding) bool { return f.Code == code })
}

// bundle reads a file of testdata.
func bundle(name string) (ders [][]byte) {
	rest := must(os.ReadFile("testdata/" + name))
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return ders
		}
		ders = append(ders, block.Bytes)
	}
}

// modulus is an RSA modulus of the given length.
func modulus(bits int) *big.Int {
	for {
		n := new(big.Int).Mul(must(rand.Prime(rand.Reader, bits/2)), must(rand.Prime(rand.Reader, bits-bits/2)))
		if n.BitLen() == bits {
			return n
		}
	}
}

func rsaSPKI(n *big.Int, e int) []byte { return spkiOf(&rsa.PublicKey{N: n, E: e}) }

// newPool holds the root of the test chains.
func newPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(must(x509.ParseCertificate(newWorld().root.sign(labKey().root))))
	return pool
}
