package chain

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFlawless(t *testing.T) {
	c := newWorld().read()
	if len(c.Findings) != 0 {
		t.Errorf("findings about a flawless chain: %+v", c.Findings)
	}
	if c.Trusted != Yes || c.Public != Yes || c.NameMatches != Yes || c.TimeValid != Yes || c.Order != InOrder || c.Incomplete != No || c.RootIncluded || c.Staple != No {
		t.Errorf("%+v", c)
	}
	if len(c.Path) != 3 || c.Path[0].Sent != 0 || c.Path[1].Sent != 1 || c.Path[2].Sent != -1 {
		t.Errorf("path %+v", c.Path)
	}
	leaf := c.Certificates[0]
	if leaf.Role != Leaf || c.Certificates[1].Role != Intermediate || leaf.LifetimeDays != 45 || leaf.Validation != "DV" || leaf.EmbeddedSCTs != 2 ||
		leaf.SignatureValid != Yes || leaf.SelfSigned != No || leaf.Scheme != "ecdsa_secp256r1_sha256" || leaf.Organization != "Let's Encrypt" {
		t.Errorf("leaf %+v", leaf)
	}
	if c.Certificates[1].SignatureValid != Yes {
		t.Error("the root on the path was not used to check the authority")
	}
	// The JSON is a contract: it must survive being read again.
	data := must(json.Marshal(c))
	var again Chain
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(must(json.Marshal(again)), data) {
		t.Error("JSON changes when it is read again")
	}
}

// The same bytes give the same facts, and the ID is about nothing but them.
func TestIdentity(t *testing.T) {
	s, o := newWorld().sent()
	a, b := Read(s, o), Read(s, o)
	if !bytes.Equal(must(json.Marshal(a)), must(json.Marshal(b))) {
		t.Error("two readings differ")
	}
	o.Date, s.Name = today.AddDate(1, 0, 0), "other.example.org"
	if Read(s, o).ID != a.ID {
		t.Error("the ID depends on the date or the name")
	}
	slices.Reverse(s.DER)
	if Read(s, o).ID == a.ID {
		t.Error("the ID does not depend on the order")
	}
}

// What is read here agrees with the standard library on every certificate of
// the system and on some of each kind that it can make.
func TestAgreesWithLibrary(t *testing.T) {
	var all [][]byte
	rest, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		t.Log("no certificates of the system to compare with:", err)
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		all = append(all, block.Bytes)
	}
	p256, p384 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	for _, k := range []struct {
		public, private any
		algorithm       x509.SignatureAlgorithm
	}{{&p256.PublicKey, p256, 0}, {&p384.PublicKey, p384, 0}, {ed.Public(), ed, 0}, {&rsaKey.PublicKey, rsaKey, x509.SHA512WithRSA}, {&rsaKey.PublicKey, rsaKey, x509.SHA384WithRSAPSS}} {
		template := &x509.Certificate{SerialNumber: big.NewInt(0x80FF), Subject: pkix.Name{CommonName: `a,b+"c" <d>; #`, Organization: []string{"Ärzte", "x=y"}, Country: []string{"DE"}},
			NotBefore: today, NotAfter: today.AddDate(30, 0, 0), DNSNames: []string{"a.example.org", "*.b.example.org"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1), net.ParseIP("2001:db8::1")},
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageDecipherOnly, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageAny}, SignatureAlgorithm: k.algorithm,
			BasicConstraintsValid: true, IsCA: true, MaxPathLen: 3, OCSPServer: []string{"http://o.example.org/"}, IssuingCertificateURL: []string{"http://i.example.org/"},
			CRLDistributionPoints: []string{"http://c.example.org/1", "http://c.example.org/2"}, SubjectKeyId: []byte{1, 2, 3}}
		all = append(all, must(x509.CreateCertificate(rand.Reader, template, template, k.public, k.private)))
	}
	for _, der := range all {
		x, err := x509.ParseCertificate(der)
		if err != nil {
			continue
		}
		c := Read(Sent{DER: [][]byte{der}}, Options{Date: today, Roots: x509.NewCertPool()}).Certificates[0]
		name := x.Subject.String()
		if c.Error != "" || c.Refused != "" {
			t.Errorf("%s: %s %s", name, c.Error, c.Refused)
		}
		serial := hex.EncodeToString(x.SerialNumber.Bytes())
		if c.Serial != serial && (c.Serial != "00" || serial != "") || !c.NotBefore.Equal(x.NotBefore) || !c.NotAfter.Equal(x.NotAfter) || c.Version != x.Version {
			t.Errorf("%s: serial %s, want %s; %v to %v, version %d", name, c.Serial, serial, c.NotBefore, c.NotAfter, c.Version)
		}
		if c.CommonName != x.Subject.CommonName {
			t.Errorf("common name %q, want %q", c.CommonName, x.Subject.CommonName)
		}
		var sequence pkix.RDNSequence
		if _, err := asn1.Unmarshal(x.RawSubject, &sequence); err != nil {
			t.Fatal(err)
		}
		if want := sequence.String(); !strings.Contains(want, "#") && c.Subject != want && clip(want) == want {
			t.Errorf("subject %q, want %q", c.Subject, want)
		}
		if k, bits := family(x); k != c.Key || bits != c.Bits {
			t.Errorf("%s: %s %d, want %s %d", name, c.Key, c.Bits, k, bits)
		}
		if c.CA != x.IsCA || c.BasicConstraints != x.BasicConstraintsValid || (c.PathLength != nil) != (x.MaxPathLen > 0 || x.MaxPathLenZero) {
			t.Errorf("%s: CA %v %v %v", name, c.CA, c.BasicConstraints, c.PathLength)
		}
		if usages(x.KeyUsage) != strings.Join(c.KeyUsage, " ") || len(x.ExtKeyUsage)+len(x.UnknownExtKeyUsage) != len(c.ExtendedKeyUsage) {
			t.Errorf("%s: usage %v %v", name, c.KeyUsage, c.ExtendedKeyUsage)
		}
		if !slices.Equal(c.CRL, x.CRLDistributionPoints) || !slices.Equal(c.OCSP, x.OCSPServer) || !slices.Equal(c.Issuers, x.IssuingCertificateURL) {
			t.Errorf("%s: URLs %v %v %v", name, c.CRL, c.OCSP, c.Issuers)
		}
		if c.NamesCount != len(x.DNSNames)+len(x.IPAddresses) || c.SubjectKeyID != hex.EncodeToString(x.SubjectKeyId) || c.AuthorityKey != hex.EncodeToString(x.AuthorityKeyId) {
			t.Errorf("%s: names %v, key ids %s %s", name, c.Names, c.SubjectKeyID, c.AuthorityKey)
		}
		if len(c.Policies) != len(x.Policies) {
			t.Errorf("%s: policies %v", name, c.Policies)
		}
		if c.SelfSigned != Yes {
			t.Errorf("%s: self-signed %s with %s", name, c.SelfSigned, c.SignatureName)
		}
	}
	if len(all) < 5 {
		t.Errorf("only %d certificates", len(all))
	}
}

func family(x *x509.Certificate) (string, int) {
	switch k := x.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		return "ECDSA", k.Params().BitSize
	case ed25519.PublicKey:
		return "EdDSA", 256
	}
	return "unknown", 0
}

func usages(u x509.KeyUsage) string {
	var list []string
	for i, n := range keyUsages {
		if u&(1<<i) != 0 {
			list = append(list, n)
		}
	}
	return strings.Join(list, " ")
}

// What the standard library cannot read is described all the same, and verified
// where this package knows how.
func TestForeignKeys(t *testing.T) {
	for _, test := range []struct {
		file            string
		at              int
		key, kind       string
		curve           string
		bits            int
		explicit        bool
		signature       string
		scheme          string
		self            State
		valid           State
		trusted         State
		reason          Reason
		refused, native bool
	}{
		{"brainpool.pem", 0, "ECDSA", "id-ecPublicKey", "brainpoolP256r1", 256, false, "ecdsa-with-SHA384", "ecdsa_brainpoolP384r1tls13_sha384", No, Yes, Unknown, Unsupported, true, false},
		{"brainpool.pem", 1, "ECDSA", "id-ecPublicKey", "brainpoolP384r1", 384, false, "ecdsa-with-SHA512", "ecdsa_brainpoolP512r1tls13_sha512", No, Yes, Unknown, Unsupported, true, false},
		{"brainpool.pem", 2, "ECDSA", "id-ecPublicKey", "brainpoolP512r1", 512, false, "ecdsa-with-SHA512", "ecdsa_brainpoolP512r1tls13_sha512", Yes, Yes, Unknown, Unsupported, true, false},
		{"pss.pem", 0, "RSA", "id-RSASSA-PSS", "", 2048, false, "rsassaPss SHA-256", "rsa_pss_pss_sha256", No, Yes, No, UnknownAuthority, false, false},
		{"salt.pem", 0, "RSA", "rsaEncryption", "", 2048, false, "rsassaPss SHA-384 (MGF1 SHA-384, salt 20)", "rsa_pss_rsae_sha384", Yes, Yes, No, SelfSigned, false, true},
		{"ed448.pem", 0, "EdDSA", "id-Ed448", "ed448", 448, false, "id-Ed448", "ed448", No, Unknown, Unknown, Unsupported, false, false},
		{"explicit-p256.pem", 0, "ECDSA", "id-ecPublicKey", "secp256r1", 256, true, "ecdsa-with-SHA256", "ecdsa_secp256r1_sha256", Yes, Yes, No, SelfSigned, true, false},
		{"explicit-brainpool.pem", 0, "ECDSA", "id-ecPublicKey", "brainpoolP256r1", 256, true, "ecdsa-with-SHA256", "ecdsa_brainpoolP256r1tls13_sha256", Yes, Yes, No, SelfSigned, true, false},
		{"secp256k1.pem", 0, "ECDSA", "id-ecPublicKey", "secp256k1", 256, false, "ecdsa-with-SHA256", "ecdsa_secp256r1_sha256", Unknown, Unknown, No, SelfSigned, true, false},
		{"dsa.pem", 0, "DSA", "id-dsa", "", 2048, false, "dsa-with-sha256", "", Unknown, Unknown, No, SelfSigned, false, false},
		{"md5.pem", 0, "RSA", "rsaEncryption", "", 1024, false, "md5WithRSAEncryption", "", No, Yes, No, InsecureSignature, false, true},
		{"sha1.pem", 0, "ECDSA", "id-ecPublicKey", "secp192r1", 192, false, "sha1WithRSAEncryption", "rsa_pkcs1_sha1", No, Yes, No, InsecureSignature, true, true},
	} {
		c := Read(Sent{DER: bundle(test.file), Name: "host.example.org"}, Options{Date: today, Roots: x509.NewCertPool()})
		x := c.Certificates[test.at]
		if x.Error != "" || x.Key != test.key || x.KeyType != test.kind || x.Curve != test.curve || x.Bits != test.bits || x.Explicit != test.explicit {
			t.Errorf("%s %d: key %+v", test.file, test.at, x)
		}
		if x.SignatureName != test.signature || test.scheme != "" && x.Scheme != test.scheme || x.SelfSigned != test.self || x.SignatureValid != test.valid {
			t.Errorf("%s %d: signature %q %q, self-signed %s, valid %s", test.file, test.at, x.SignatureName, x.Scheme, x.SelfSigned, x.SignatureValid)
		}
		if c.Trusted != test.trusted || c.TrustReason != test.reason {
			t.Errorf("%s: trusted %s: %s %s", test.file, c.Trusted, c.TrustReason, c.TrustDetail)
		}
		if (x.Refused != "") != test.refused {
			t.Errorf("%s %d: refused %q", test.file, test.at, x.Refused)
		}
		if c.Order != InOrder {
			t.Errorf("%s: %s", test.file, c.Order)
		}
	}
}

// A root that the library knows and brainpool below it: the library cannot go
// that way, this package can.
func TestTrustThroughBrainpool(t *testing.T) {
	chain := bundle("mixed.pem")
	roots := x509.NewCertPool()
	roots.AddCert(must(x509.ParseCertificate(chain[2])))
	s := Sent{DER: chain[:2], Name: "host.example.org"}
	c := Read(s, Options{Date: today, Roots: roots})
	if c.Trusted != Yes || len(c.Path) != 3 || c.TimeValid != Yes || c.NameMatches != Yes || c.Incomplete != No {
		t.Errorf("trusted %s (%s): %+v", c.Trusted, c.TrustReason, c.Path)
	}
	if c := Read(s, Options{Date: today, Roots: x509.NewCertPool()}); c.Trusted != Unknown || c.TrustReason != Unsupported {
		t.Errorf("without the root: %s %s", c.Trusted, c.TrustReason)
	}
	if c := Read(s, Options{Date: today.AddDate(20, 0, 0), Roots: roots}); c.Trusted != Yes || c.TimeValid != No {
		t.Errorf("after its end: trusted %s, valid %s", c.Trusted, c.TimeValid)
	}
	// A forged signature on the way.
	forged := bytes.Clone(chain[0])
	forged[len(forged)-1] ^= 1
	if c := Read(Sent{DER: [][]byte{forged, chain[1]}}, Options{Date: today, Roots: roots}); c.Trusted == Yes {
		t.Error("a forged leaf is trusted")
	}
	for _, file := range []string{"brainpool.pem", "mixed.pem", "pss.pem", "ed448.pem", "explicit-brainpool.pem"} {
		for i, der := range bundle(file) {
			bad := bytes.Clone(der)
			bad[len(bad)-1] ^= 1
			whole := bundle(file)
			whole[i] = bad
			for _, x := range Read(Sent{DER: whole}, Options{Date: today, Roots: roots}).Certificates {
				if x.SHA256 == Read(Sent{DER: [][]byte{bad}}, Options{}).Certificates[0].SHA256 && x.SignatureValid == Yes {
					t.Errorf("%s %d: a forged signature is valid", file, i)
				}
			}
		}
	}
	// Roots with RSASSA-PSS keys the library accepts, but cannot verify with.
	pss := bundle("pss.pem")
	roots = x509.NewCertPool()
	roots.AddCert(must(x509.ParseCertificate(pss[1])))
	if c := Read(Sent{DER: pss, Name: "host.example.org"}, Options{Date: today, Roots: roots}); c.Trusted != Yes {
		t.Errorf("a root with an RSASSA-PSS key: %s %s %s", c.Trusted, c.TrustReason, c.TrustDetail)
	}
}

func TestOrder(t *testing.T) {
	for _, test := range []struct {
		sent       []string
		order      Order
		duplicates []int
		extra      []int
		root       bool
		incomplete State
		trusted    State
		roles      []Role
	}{
		{[]string{"leaf", "ca"}, InOrder, nil, nil, false, No, Yes, []Role{Leaf, Intermediate}},
		{[]string{"leaf", "ca", "root"}, InOrder, nil, nil, true, No, Yes, []Role{Leaf, Intermediate, Root}},
		{[]string{"leaf", "root", "ca"}, OutOfOrder, nil, nil, true, No, Yes, []Role{Leaf, Root, Intermediate}},
		{[]string{"leaf"}, InOrder, nil, nil, false, Yes, No, []Role{Leaf}},
		{[]string{"leaf", "root"}, WithExtra, nil, []int{1}, true, Yes, No, []Role{Leaf, Root}},
		{[]string{"leaf", "leaf", "ca"}, WithExtra, []int{1}, nil, false, No, Yes, []Role{Leaf, Superfluous, Intermediate}},
		{[]string{"leaf", "ca", "other"}, WithExtra, nil, []int{2}, false, No, Yes, []Role{Leaf, Intermediate, Superfluous}},
		{[]string{"leaf", "other", "ca"}, WithExtra, nil, []int{1}, false, No, Yes, []Role{Leaf, Superfluous, Intermediate}},
		{[]string{"ca", "leaf"}, OutOfOrder, nil, []int{1}, false, No, Yes, []Role{Leaf, Superfluous}},
		{nil, NoOrder, nil, nil, false, Unknown, Unknown, nil},
	} {
		w := newWorld()
		other := w.ca
		other.subject = distinguished("2.5.4.3", "Other CA")
		other.serial = []byte{7, 7, 7, 7, 7, 7, 7, 7, 7}
		w.more["other"] = other.sign(labKey().root)
		w.order = test.sent
		c := w.read()
		if c.Order != test.order || !slices.Equal(c.Duplicates, test.duplicates) || !slices.Equal(c.Extra, test.extra) || c.RootIncluded != test.root || c.Incomplete != test.incomplete || c.Trusted != test.trusted {
			t.Errorf("%v: %s, duplicates %v, extra %v, root %v, incomplete %s, trusted %s", test.sent, c.Order, c.Duplicates, c.Extra, c.RootIncluded, c.Incomplete, c.Trusted)
		}
		var roles []Role
		for _, x := range c.Certificates {
			roles = append(roles, x.Role)
		}
		if !slices.Equal(roles, test.roles) {
			t.Errorf("%v: roles %v", test.sent, roles)
		}
	}
}

func TestTrustApart(t *testing.T) {
	for name, test := range map[string]struct {
		change                     func(*world)
		trusted, named, valid, pub State
		reason                     Reason
	}{
		"expired":         {func(w *world) { w.o.Date = today.AddDate(1, 0, 0) }, Yes, Yes, No, Yes, ""},
		"not yet":         {func(w *world) { w.o.Date = today.AddDate(0, 0, -11) }, Yes, Yes, No, Yes, ""},
		"long after":      {func(w *world) { w.o.Date = today.AddDate(30, 0, 0) }, Yes, Yes, No, Yes, ""},
		"no date":         {func(w *world) { w.o.Date = time.Time{} }, Yes, Yes, Unknown, Yes, ""},
		"other name":      {func(w *world) { w.name = "www.example.com" }, Yes, No, Yes, Yes, ""},
		"no name":         {func(w *world) { w.name = "" }, Yes, Unknown, Yes, Yes, ""},
		"private root":    {func(w *world) { w.o.Public = false }, Yes, Yes, Yes, Unknown, ""},
		"unknown root":    {func(w *world) { w.o.Roots = x509.NewCertPool() }, No, Yes, Yes, No, UnknownAuthority},
		"forged leaf":     {func(w *world) { w.leaf.broken = true }, No, Yes, Yes, No, UnknownAuthority},
		"for clients":     {func(w *world) { w.leaf.set(oidExtendedKeyUsage, false, extended("1.3.6.1.5.5.7.3.2")) }, No, Yes, Yes, No, Purpose},
		"no authority":    {func(w *world) { w.ca.set(oidConstraints, true, []byte{0x30, 0}) }, No, Yes, Yes, No, NotAuthority},
		"critical":        {func(w *world) { w.leaf.set("1.2.3.4", true, []byte{5, 0}) }, No, Yes, Yes, No, CriticalExtension},
		"CA of no time":   {func(w *world) { w.ca.from, w.ca.to = today.AddDate(-9, 0, 0), today.AddDate(-8, 0, 0) }, No, Yes, No, No, OutsideValidity},
		"junk":            {func(w *world) { w.mutate = func(m map[string][]byte) { m["leaf"] = []byte("junk") } }, Unknown, Unknown, Unknown, Unknown, Unreadable},
		"negative serial": {func(w *world) { w.leaf.serial = []byte{0x80, 1, 2, 3, 4, 5, 6, 7, 8} }, Yes, Yes, Yes, Yes, ""},
	} {
		w := newWorld()
		test.change(w)
		c := w.read()
		if c.Trusted != test.trusted || c.NameMatches != test.named || c.TimeValid != test.valid || c.Public != test.pub || c.TrustReason != test.reason {
			t.Errorf("%s: trusted %s (%s: %s), named %s, valid %s, public %s", name, c.Trusted, c.TrustReason, c.TrustDetail, c.NameMatches, c.TimeValid, c.Public)
		}
	}
}

func TestNames(t *testing.T) {
	c := &certificate{names: []altName{{kind: dnsName, text: "Example.ORG"}, {kind: dnsName, text: "*.wild.example.org"}, {kind: dnsName, text: "w*.part.example.org"}, {kind: dnsName, text: "192.0.2.7"}}}
	for _, ip := range []string{"192.0.2.1", "2001:db8::1"} {
		x := must(x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.ParseIP(ip)}}, &x509.Certificate{}, &labKey().leaf.PublicKey, labKey().leaf))
		c.names = append(c.names, parse(x).names...)
	}
	for name, want := range map[string][2]bool{
		"example.org": {true, false}, "EXAMPLE.org.": {true, false}, "a.example.org": {false, false}, "a.wild.example.org": {true, true}, "wild.example.org": {false, false},
		"a.b.wild.example.org": {false, false}, "w1.part.example.org": {false, false}, "192.0.2.1": {true, false}, "192.0.2.7": {false, false}, "[2001:db8::1]": {true, false},
		"2001:db8:0::1": {true, false}, "::ffff:192.0.2.1": {true, false}, "": {false, false}, "*.wild.example.org": {false, true}, ".wild.example.org": {false, false},
	} {
		if name == "*.wild.example.org" || name == ".wild.example.org" {
			continue // no one asks for these
		}
		if m, w := c.covers(name); m != want[0] || w != want[1] {
			t.Errorf("%q: %v %v", name, m, w)
		}
	}
}

// The signature of a root on itself is shown and not graded.
func TestRootsAreNotGraded(t *testing.T) {
	w := newWorld()
	w.order = []string{"leaf", "ca", "root"}
	w.root.outer, w.root.inner = algorithm("1.2.840.10045.4.1"), algorithm("1.2.840.10045.4.1") // SHA-1
	c := w.read()
	root := c.Certificates[2]
	if root.SignatureGraded || root.SignatureName != "ecdsa-with-SHA1" {
		t.Errorf("root %+v", root)
	}
	if has(c, "signature_sha1") {
		t.Error("the signature of a root is graded")
	}
	if !c.Certificates[0].SignatureGraded || !c.Certificates[1].SignatureGraded {
		t.Error("leaf and authority are not graded")
	}
}

// What stands before a fault is kept.
func TestBrokenFields(t *testing.T) {
	der := newWorld().make()["leaf"]
	c := parse(der)
	at := bytes.Index(der, c.spki)
	bad := bytes.Clone(der)
	bad[at] = 0x31 // a SET where the key should be
	x := Read(Sent{DER: [][]byte{bad}}, Options{Date: today}).Certificates[0]
	if x.Error == "" || x.Subject != "CN=host.example.org" || x.LifetimeDays != 45 || x.Serial == "" || x.SignatureName != "ecdsa-with-SHA256" {
		t.Errorf("%+v", x)
	}
	if x := Read(Sent{DER: [][]byte{{}, nil, []byte("x"), bytes.Repeat([]byte{0x30}, 300)}}, Options{Date: today}).Certificates; len(x) != 4 || x[0].Error == "" || x[0].Key != "unknown" {
		t.Errorf("%+v", x)
	}
	large := append(bytes.Clone(der), make([]byte, maxDER)...)
	if x := Read(Sent{DER: [][]byte{large}}, Options{Date: today}).Certificates[0]; x.Error == "" || x.Size != len(large) || x.Subject != "" {
		t.Errorf("%+v", x)
	}
}

// Names of strangers must not reach a terminal as they are.
func TestStrings(t *testing.T) {
	w := newWorld()
	w.leaf.subject = distinguished("2.5.4.3", "a\x1b[31m\u202eb\xff,", "2.5.4.10", strings.Repeat("ö", 400))
	w.leaf.set(oidAltName, false, dnsNames("h\x1b[0m\xfe.example.org"))
	c := w.read()
	for _, s := range []string{c.Certificates[0].Subject, c.Certificates[0].CommonName, c.Certificates[0].Names[0]} {
		if strings.ContainsAny(s, "\x1b\u202e") || !json.Valid(must(json.Marshal(s))) || len(s) > maxText+3 {
			t.Errorf("%q", s)
		}
	}
}
