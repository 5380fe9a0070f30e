package chain

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

// rsaModuli are by bits; making them takes time.
var rsaModuli = map[int]func() *big.Int{
	1024: sync.OnceValue(func() *big.Int { return modulus(1024) }),
	2048: sync.OnceValue(func() *big.Int { return modulus(2048) }),
	3000: sync.OnceValue(func() *big.Int { return modulus(3000) }),
}

// rocaModulus is made as RSALib did: each prime is kM + (65537^a mod M), with M
// the product of the first 39 primes for keys of 512 to 960 bits.
var rocaModulus = sync.OnceValue(func() *big.Int {
	m := big.NewInt(1)
	for p := int64(2); p <= 167; p++ {
		if big.NewInt(p).ProbablyPrime(0) {
			m.Mul(m, big.NewInt(p))
		}
	}
	prime := func() *big.Int {
		for {
			k := must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 37)))
			a := must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 62)))
			p := k.Mul(k, m)
			p.Add(p, new(big.Int).Exp(big.NewInt(65537), a, m))
			if p.BitLen() == 256 && p.Bit(254) == 1 && p.ProbablyPrime(10) {
				return p
			}
		}
	}
	return new(big.Int).Mul(prime(), prime())
})

// closeModulus has two neighbouring primes.
var closeModulus = sync.OnceValue(func() *big.Int {
	p := must(rand.Prime(rand.Reader, 1024))
	q := new(big.Int).Add(p, big.NewInt(2))
	for !q.ProbablyPrime(10) {
		q.Add(q, big.NewInt(2))
	}
	return q.Mul(q, p)
})

func rsaKeyOf(bits, e int) func(*world) {
	return func(w *world) { w.leaf.spki = rsaSPKI(rsaModuli[bits](), e) }
}

func curveKey(dotted string, point []byte) func(*world) {
	return func(w *world) {
		w.leaf.spki = element(asn1.SEQUENCE, algorithm("1.2.840.10045.2.1", oidElement(dotted)), element(asn1.BIT_STRING, append([]byte{0}, point...)))
	}
}

// otherKey is a key of an algorithm that nobody checks.
func otherKey(dotted string, params ...[]byte) func(*world) {
	return func(w *world) {
		w.leaf.spki = element(asn1.SEQUENCE, algorithm(dotted, params...), element(asn1.BIT_STRING, []byte{0, 1, 2, 3}))
	}
}

func signedWith(dotted string, params ...[]byte) func(*world) {
	return func(w *world) { w.leaf.outer = algorithm(dotted, params...); w.leaf.inner = w.leaf.outer }
}

func validFor(days int, from time.Time) func(*world) {
	return func(w *world) {
		w.leaf.from, w.leaf.to = from, from.Add(time.Duration(days)*24*time.Hour-time.Second)
		w.o.Date, w.scts = from.AddDate(0, 0, 1), 3
		w.ca.from, w.ca.to = from.AddDate(-1, 0, 0), from.AddDate(9, 0, 0)
		w.root.from, w.root.to = from.AddDate(-1, 0, 0), from.AddDate(9, 0, 0)
	}
}

func dateIs(t time.Time) func(*world) { return func(w *world) { w.o.Date = t } }

func named(names ...string) func(*world) {
	return func(w *world) { w.leaf.set(oidAltName, false, dnsNames(names...)) }
}

func addressed(ip string) func(*world) {
	return func(w *world) {
		w.leaf.set(oidAltName, false, element(asn1.SEQUENCE, element(asn1.Tag(dnsName).ContextSpecific(), []byte("host.example.org")),
			element(asn1.Tag(address).ContextSpecific(), netip.MustParseAddr(ip).AsSlice())))
	}
}

func sends(order ...string) func(*world) { return func(w *world) { w.order = order } }

func leafSet(id string, critical bool, value []byte) func(*world) {
	return func(w *world) { w.leaf.set(id, critical, value) }
}

func caSet(id string, critical bool, value []byte) func(*world) {
	return func(w *world) { w.ca.set(id, critical, value) }
}

func leafDrop(ids ...string) func(*world) {
	return func(w *world) {
		for _, id := range ids {
			w.leaf.drop(id)
		}
	}
}

func serial(b ...byte) func(*world) { return func(w *world) { w.leaf.serial = b } }

// both applies several changes.
func both(changes ...func(*world)) func(*world) {
	return func(w *world) {
		for _, f := range changes {
			f(w)
		}
	}
}

func mustStaple(w *world) {
	w.leaf.set(oidTLSFeature, false, element(asn1.SEQUENCE, integer(5)))
}

// selfSigned has the server be its own root.
func selfSigned(w *world) {
	w.order, w.scts = []string{"leaf"}, 0
	w.leaf.issuer, w.leaf.subject = distinguished("2.5.4.3", "host.example.org"), distinguished("2.5.4.3", "host.example.org")
	w.leaf.drop(oidAuthorityKeyID)
	w.mutate = func(made map[string][]byte) { made["leaf"] = w.leaf.sign(labKey().leaf) }
}

// staple adds a response with a status and a week of validity from the day.
func staple(status int, from time.Time) func(*world) {
	return func(w *world) {
		// The serial numbers do not depend on the timestamps.
		ca := must(x509.ParseCertificate(w.ca.sign(labKey().root)))
		raw := must(ocsp.CreateResponse(ca, ca, ocsp.Response{Status: status, SerialNumber: new(big.Int).SetBytes(w.leaf.serial), ThisUpdate: from, NextUpdate: from.AddDate(0, 0, 7),
			RevokedAt: from.AddDate(0, 0, -1), RevocationReason: ocsp.KeyCompromise}, labKey().ca))
		w.stapled = append(w.stapled, raw)
	}
}

// Every rule of the closed list is broken by one chain and kept by another one,
// which is the flawless one or comes close to breaking it.
func TestEveryRule(t *testing.T) {
	yesterday := today.AddDate(0, 0, -1)
	year := time.Date(2026, 3, 14, 0, 0, 0, 0, time.UTC)
	cases := map[Code]struct{ fail, pass func(*world) }{
		"rsa_below_2048":       {rsaKeyOf(1024, 65537), rsaKeyOf(2048, 65537)},
		"rsa_below_3000":       {rsaKeyOf(2048, 65537), rsaKeyOf(3000, 65537)},
		"ecdsa_below_250":      {curveKey("1.3.132.0.33", nil), curveKey("1.3.36.3.3.2.8.1.1.7", nil)},
		"explicit_curve":       {func(w *world) { w.mutate = swapLeaf("explicit-p256.pem") }, func(w *world) { w.mutate = swapLeaf("secp256k1.pem") }},
		"dsa_key":              {otherKey("1.2.840.10040.4.1", element(asn1.SEQUENCE, integer(1, 0, 0))), otherKey("1.2.840.10046.2.1", element(asn1.SEQUENCE, integer(1, 0, 0)))},
		"rsa_exponent_invalid": {rsaKeyOf(2048, 1), rsaKeyOf(2048, 3)},
		"rsa_exponent_small":   {rsaKeyOf(2048, 3), rsaKeyOf(2048, 65537)},
		"rsa_small_factor": {func(w *world) {
			w.leaf.spki = rsaSPKI(new(big.Int).Mul(rsaModuli[2048](), big.NewInt(751)), 65537)
		}, func(w *world) { w.leaf.spki = rsaSPKI(new(big.Int).Mul(rsaModuli[2048](), big.NewInt(757)), 65537) }},
		"rsa_close_primes": {func(w *world) { w.leaf.spki = rsaSPKI(closeModulus(), 65537) }, rsaKeyOf(2048, 65537)},
		"roca":             {func(w *world) { w.leaf.spki = rsaSPKI(rocaModulus(), 65537) }, rsaKeyOf(1024, 65537)},
		"shared_key":       {func(w *world) { w.leaf.spki = w.ca.spki }, func(w *world) { w.order = []string{"leaf", "ca", "ca"} }},

		"signature_md5":        {signedWith("1.2.840.113549.1.1.4"), signedWith("1.2.840.10045.4.1")},
		"signature_sha1":       {signedWith("1.2.840.10045.4.1"), signedWith("1.2.840.10045.4.3.3")},
		"signature_not_listed": {signedWith("1.3.101.112"), signedWith("1.2.840.113549.1.1.11")},
		"signature_parameters": {func(w *world) { w.mutate = lowerSalt }, signedWith("1.2.840.10045.4.3.3")},
		"signature_mismatch":   {func(w *world) { w.leaf.inner = algorithm("1.2.840.10045.4.3.3") }, signedWith("1.2.840.10045.4.3.3")},
		"signature_invalid":    {func(w *world) { w.leaf.broken = true }, signedWith("1.2.840.10045.4.3.4")},

		"expired":                     {dateIs(today.AddDate(0, 0, 35)), dateIs(today.AddDate(0, 0, 34))},
		"not_yet_valid":               {dateIs(today.AddDate(0, 0, -11)), dateIs(today.AddDate(0, 0, -10))},
		"expires_soon":                {dateIs(today.AddDate(0, 0, 30)), dateIs(today.AddDate(0, 0, 20))},
		"validity_reversed":           {func(w *world) { w.leaf.to = w.leaf.from.Add(-time.Second) }, func(w *world) { w.leaf.to = w.leaf.from }},
		"lifetime_too_long":           {validFor(399, year), validFor(398, year)},
		"lifetime_limit_ahead":        {validFor(200, year.AddDate(0, 0, 1)), validFor(47, year.AddDate(0, 0, 1))},
		"lifetime_three_years":        {validFor(1200, year), validFor(1095, year)},
		"san_missing":                 {leafDrop(oidAltName), named("host.example.org")},
		"cn_not_in_san":               {named("example.org"), named("HOST.example.org")},
		"name_mismatch":               {func(w *world) { w.name = "other.example.org" }, func(w *world) { w.name = "EXAMPLE.org." }},
		"wildcard":                    {named("host.example.org", "*.example.org"), named("host.example.org")},
		"wildcard_misplaced":          {named("host.example.org", "h*.example.org"), named("host.example.org", "*.example.org")},
		"internal_name":               {named("host.example.org", "server.local"), named("host.example.org", "local.example.org")},
		"internal_address":            {addressed("10.0.0.1"), addressed("192.1.2.3")},
		"name_syntax":                 {named("host.example.org", "a_b.example.org"), named("host.example.org", "*.xn--b-1.example.org")},
		"key_usage_missing":           {leafDrop(oidKeyUsage), leafSet(oidKeyUsage, false, usage(0x80))},
		"key_usage_not_critical":      {leafSet(oidKeyUsage, false, usage(0x80)), leafDrop(oidKeyUsage)},
		"key_usage_unfit":             {leafSet(oidKeyUsage, true, usage(0x20)), leafSet(oidKeyUsage, true, usage(0xA0))},
		"leaf_signs_certificates":     {leafSet(oidKeyUsage, true, usage(0x84)), leafSet(oidKeyUsage, true, usage(0x88))},
		"eku_missing":                 {leafDrop(oidExtendedKeyUsage), leafSet(oidExtendedKeyUsage, false, extended("1.3.6.1.5.5.7.3.2"))},
		"eku_no_server_auth":          {leafSet(oidExtendedKeyUsage, false, extended("1.3.6.1.5.5.7.3.2")), leafSet(oidExtendedKeyUsage, false, extended("1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"))},
		"eku_any":                     {leafSet(oidExtendedKeyUsage, false, extended("2.5.29.37.0")), leafDrop(oidExtendedKeyUsage)},
		"ca_as_leaf":                  {leafSet(oidConstraints, true, element(asn1.SEQUENCE, element(asn1.BOOLEAN, []byte{0xff}))), leafDrop(oidConstraints)},
		"ca_flag_missing":             {caSet(oidConstraints, true, element(asn1.SEQUENCE)), sends("leaf", "ca", "root")},
		"ca_constraints_not_critical": {caSet(oidConstraints, false, element(asn1.SEQUENCE, element(asn1.BOOLEAN, []byte{0xff}))), sends("leaf", "ca", "root")},
		"ca_key_usage":                {caSet(oidKeyUsage, true, usage(0x80)), caSet(oidKeyUsage, true, usage(0x04))},
		"path_length_exceeded":        {underneath(0), underneath(1)},
		"malformed":                   {leafSet(oidConstraints, true, []byte("junk")), leafSet("1.2.3.4", false, []byte("junk"))},
		"refused_by_parser":           {serial(0x80, 1, 2, 3, 4, 5, 6, 7, 8), func(w *world) { w.mutate = swapLeaf("brainpool.pem") }},
		"version_not_3":               {func(w *world) { w.leaf.version, w.leaf.extensions, w.scts = 1, nil, 0 }, sends("leaf", "ca", "root")},
		"serial_not_positive":         {serial(0), serial(0, 0x80, 1, 2, 3, 4, 5, 6)},
		"serial_too_long":             {serial(bytes.Repeat([]byte{1}, 21)...), serial(bytes.Repeat([]byte{1}, 20)...)},
		"serial_too_short":            {serial(1, 2, 3), serial(1, 2, 3, 4, 5, 6, 7, 8)},
		"issuer_empty":                {func(w *world) { w.leaf.issuer = element(asn1.SEQUENCE) }, func(w *world) { w.leaf.subject = element(asn1.SEQUENCE) }},
		"unknown_critical":            {leafSet("1.2.3.4", true, []byte{5, 0}), leafSet("1.2.3.4", false, []byte{5, 0})},
		"precertificate":              {leafSet(oidPoison, true, []byte{5, 0}), sends("leaf", "ca", "root")},
		"revocation_pointer_missing":  {leafDrop(oidAuthorityInfo, oidCRL), leafDrop(oidAuthorityInfo)},
		"authority_key_missing":       {leafDrop(oidAuthorityKeyID), sends("leaf", "ca", "root")},
		"subject_key_missing":         {func(w *world) { w.ca.drop(oidSubjectKeyID) }, leafDrop(oidSubjectKeyID)},

		"chain_out_of_order":  {sends("leaf", "root", "ca"), sends("leaf", "ca", "root")},
		"chain_extra":         {both(stranger, sends("leaf", "ca", "stranger")), sends("leaf", "ca", "root")},
		"chain_duplicate":     {sends("leaf", "ca", "ca"), sends("leaf", "ca", "root")},
		"chain_incomplete":    {sends("leaf"), sends("leaf", "root", "ca")},
		"chain_root_included": {sends("leaf", "ca", "root"), sends("leaf", "ca")},
		"chain_too_long": {func(w *world) { w.order = append(w.order, slices.Repeat([]string{"ca"}, maxCertificates)...) },
			func(w *world) { w.order = append(w.order, slices.Repeat([]string{"ca"}, maxCertificates-2)...) }},
		"self_signed": {selfSigned, func(w *world) { w.o.Roots = x509.NewCertPool() }},
		"untrusted":   {func(w *world) { w.o.Roots = x509.NewCertPool() }, selfSigned},

		"must_staple_unstapled": {mustStaple, both(mustStaple, staple(ocsp.Good, yesterday))},
		"staple_unusable":       {staple(ocsp.Good, today.AddDate(0, 0, -8)), staple(ocsp.Good, yesterday)},
		"revoked":               {staple(ocsp.Revoked, yesterday), staple(ocsp.Good, yesterday)},
		"sct_missing":           {func(w *world) { w.scts = 0 }, func(w *world) { w.scts = 1 }},
		"sct_too_few":           {both(validFor(198, year.AddDate(0, 0, 2)), func(w *world) { w.scts = 2 }), both(validFor(180, year.AddDate(0, 0, 2)), func(w *world) { w.scts = 2 })},
		"sct_invalid":           {func(w *world) { w.spoil = true }, func(w *world) { w.o.Logs = nil }},
	}
	severities := []Severity{Info, Notice, Warning, Error}
	for _, l := range Lints() {
		test, ok := cases[l.Code]
		if !ok || test.fail == nil || test.pass == nil {
			t.Errorf("%s has no failing and passing case", l.Code)
			continue
		}
		delete(cases, l.Code)
		if l.Text.DE == "" || l.Text.EN == "" || len(l.Sources) == 0 || !slices.Contains(severities, l.Severity) {
			t.Errorf("%s is incomplete: %+v", l.Code, l)
		}
		if same, ok := Lookup(l.Code); !ok || same.Text != l.Text {
			t.Errorf("%s cannot be looked up", l.Code)
		}
		bad, good := newWorld(), newWorld()
		test.fail(bad)
		test.pass(good)
		if c := bad.read(); !has(c, l.Code) {
			t.Errorf("%s: not found in a chain that breaks it; found %v", l.Code, codes(c))
		}
		if c := good.read(); has(c, l.Code) {
			t.Errorf("%s: found in a chain that keeps it: %v", l.Code, codes(c))
		}
	}
	for code := range cases {
		t.Errorf("there is no rule %s", code)
	}
	if _, ok := Lookup("no_such"); ok {
		t.Error("a rule that is not there was found")
	}
}

func codes(c Chain) string {
	var list []string
	for _, f := range c.Findings {
		list = append(list, string(f.Code)+"("+f.Detail+")")
	}
	return strings.Join(list, " ")
}

// swapLeaf sends a certificate of testdata instead.
func swapLeaf(file string) func(map[string][]byte) {
	return func(made map[string][]byte) { made["leaf"] = bundle(file)[0] }
}

// lowerSalt sends a leaf with RSASSA-PSS and the default salt of 20 bytes.
func lowerSalt(made map[string][]byte) {
	w := newWorld()
	hash := element(asn1.SEQUENCE, oidElement("2.16.840.1.101.3.4.2.1"))
	context := func(n uint8, b []byte) []byte { return element(asn1.Tag(n).Constructed().ContextSpecific(), b) }
	w.leaf.outer = algorithm(oidPSS, element(asn1.SEQUENCE, context(0, hash), context(1, algorithm("1.2.840.113549.1.1.8", hash))))
	w.leaf.inner = w.leaf.outer
	made["leaf"] = w.leaf.sign(labKey().ca)
}

// stranger is a certificate that does not belong to the chain.
func stranger(w *world) {
	s := newWorld().leaf
	s.subject, s.issuer = distinguished("2.5.4.3", "stranger.example.org"), distinguished("2.5.4.3", "Strange CA")
	w.more["stranger"] = s.sign(labKey().logs[0])
}

// underneath puts an authority between CA and leaf; the CA allows n of them.
func underneath(n byte) func(*world) {
	return func(w *world) {
		k := labKey()
		w.ca.set(oidConstraints, true, element(asn1.SEQUENCE, element(asn1.BOOLEAN, []byte{0xff}), integer(n)))
		sub := newWorld().ca
		sub.issuer, sub.subject, sub.spki = w.ca.subject, distinguished("2.5.4.3", "Sub CA"), spkiOf(&k.logs[2].PublicKey)
		sub.drop(oidSubjectKeyID)
		sub.drop(oidAuthorityKeyID)
		w.more["sub"] = sub.sign(k.ca)
		w.leaf.issuer = sub.subject
		w.leaf.drop(oidAuthorityKeyID)
		w.scts = 0
		w.order = []string{"leaf", "sub", "ca"}
		w.mutate = func(made map[string][]byte) { made["leaf"] = w.leaf.sign(k.logs[2]) }
	}
}

// Rules about what browsers trust say nothing about private chains.
func TestPublicRules(t *testing.T) {
	for _, change := range []func(*world){validFor(1000, time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)), func(w *world) { w.scts = 0 }} {
		w := newWorld()
		change(w)
		w.o.Public = false
		for _, code := range []Code{"lifetime_too_long", "lifetime_limit_ahead", "sct_missing", "sct_too_few"} {
			if c := w.read(); has(c, code) {
				t.Errorf("%s about a private chain", code)
			}
		}
	}
}

func TestLifetimes(t *testing.T) {
	for _, test := range []struct {
		issued string
		days   int
		long   string
		ahead  string
	}{
		{"2026-03-14", 398, "", "398 > 200 (2026-03-15)"},
		{"2026-03-14", 399, "399 > 398 (2020-09-01)", "399 > 200 (2026-03-15)"},
		{"2026-03-15", 200, "", "200 > 100 (2027-03-15)"},
		{"2026-03-15", 201, "201 > 200 (2026-03-15)", "201 > 100 (2027-03-15)"},
		{"2026-03-15", 90, "", "90 > 47 (2029-03-15)"},
		{"2027-03-15", 101, "101 > 100 (2027-03-15)", "101 > 47 (2029-03-15)"},
		{"2029-03-15", 47, "", ""},
		{"2029-03-15", 48, "48 > 47 (2029-03-15)", ""},
		{"2026-03-15", 47, "", ""},
	} {
		w := newWorld()
		validFor(test.days, must(time.Parse(time.DateOnly, test.issued)))(w)
		c := w.read()
		detail := func(code Code) string {
			for _, f := range c.Findings {
				if f.Code == code {
					return f.Detail
				}
			}
			return ""
		}
		if long, ahead := detail("lifetime_too_long"), detail("lifetime_limit_ahead"); long != test.long || ahead != test.ahead {
			t.Errorf("%s, %d days: %q %q", test.issued, test.days, long, ahead)
		}
	}
}

func TestROCA(t *testing.T) {
	if !roca(rocaModulus()) {
		t.Error("a key of RSALib is not found")
	}
	for range 2000 {
		n := must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 512)))
		if n.SetBit(n, 0, 1); roca(n) {
			t.Fatalf("%x is taken for a key of RSALib", n)
		}
	}
}
