package remedy

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"sync"

	"vksprobe/probe"
	"vksprobe/tls/hello/iana"
	"vksprobe/tls/norm"
)

// openSSL has the names of suites by OpenSSL 3.0, as "openssl ciphers -stdname"
// says them.
//
//go:generate go test -run TestOpenSSLNames -update .
//go:embed openssl.csv
var openSSL string

// openSSLNames maps IANA's names of suites to OpenSSL's.
var openSSLNames = sync.OnceValue(func() map[string]string {
	rows, err := csv.NewReader(strings.NewReader(openSSL)).ReadAll()
	if err != nil {
		panic(err) // embedded
	}
	names := map[string]string{}
	for _, row := range rows[1:] {
		names[row[0]] = row[1]
	}
	return names
})

// A curve is a group that OpenSSL takes by its IANA name.
type curve struct {
	code         uint16
	since        Library
	tls12, tls13 bool // where OpenSSL uses it when it is in its list
}

// curves are the groups with elliptic curves, and hybrids, that OpenSSL has.
var curves = []curve{
	{code: 23, tls12: true, tls13: true}, {code: 24, tls12: true, tls13: true}, {code: 25, tls12: true, tls13: true},
	{code: 29, tls12: true, tls13: true}, {code: 30, tls12: true, tls13: true},
	{code: 26, tls12: true}, {code: 27, tls12: true}, {code: 28, tls12: true},
	{code: 31, tls13: true, since: Library{3, 2}}, {code: 32, tls13: true, since: Library{3, 2}}, {code: 33, tls13: true, since: Library{3, 2}},
	{code: 4587, tls13: true, since: Library{3, 5}}, {code: 4588, tls13: true, since: Library{3, 5}}, {code: 4589, tls13: true, since: Library{3, 5}},
}

// has reports whether a version is at least another.
func (l Library) has(since Library) bool {
	return l.Major > since.Major || l.Major == since.Major && l.Minor >= since.Minor
}

// groups lists the groups of a profile. OpenSSL has one list for all versions,
// so a group must be permitted wherever it would be used.
func (c *Choice) groups(p norm.Profile, library Library) (list []string) {
	permitted := map[uint16][]uint16{tls12: norm.Codes(p.Of(norm.Group, tls12)), tls13: norm.Codes(p.Of(norm.Group, tls13))}
	for _, choice := range p.Of(norm.Group, 0) {
		code := choice.Mechanism.Code
		at := slices.IndexFunc(curves, func(g curve) bool { return g.code == code })
		if at < 0 {
			continue
		}
		in12, in13 := c.TLS12 && curves[at].tls12, c.TLS13 && curves[at].tls13
		name := iana.GroupName(code)
		if !library.has(curves[at].since) || !in12 && !in13 || slices.Contains(list, name) ||
			in12 && !slices.Contains(permitted[tls12], code) || in13 && !slices.Contains(permitted[tls13], code) {
			continue
		}
		list = append(list, name)
		if edwards := code == 29 || code == 30; !edwards && curves[at].since == (Library{}) && c.Curve == "" {
			c.Curve = strings.Replace(name, "secp256r1", "prime256v1", 1)
		}
	}
	return list
}

// signatures lists the signature schemes of a profile, none where the norm
// has no list. DSA is left out: nobody has such certificates.
func (c *Choice) signatures(p norm.Profile, library Library) (list []string) {
	permitted := map[uint16][]uint16{}
	for v, enabled := range map[uint16]bool{tls12: c.TLS12, tls13: c.TLS13} {
		if enabled {
			permitted[v] = norm.Codes(p.Of(norm.SignatureScheme, v))
		}
	}
	for _, choice := range p.Of(norm.SignatureScheme, 0) {
		code := choice.Mechanism.Code
		name := iana.SignatureSchemeName(code)
		pkcs1, brainpool := strings.HasPrefix(name, "rsa_pkcs1"), strings.Contains(name, "brainpool")
		_, scheme := iana.SignatureSchemes.Lookup(uint32(code))
		switch in12, used := slices.Contains(permitted[tls12], code), slices.Contains(permitted[tls13], code); {
		case slices.Contains(list, name), !scheme, brainpool && !library.has(Library{3, 2}):
			continue
		// where a list has it, OpenSSL uses it in every version that has it
		case c.TLS12 && !in12 && !brainpool, c.TLS13 && !used && !pkcs1 && !strings.Contains(name, "sha1"):
			continue
		}
		c.PKCS1 = c.PKCS1 || pkcs1
		list = append(list, name)
	}
	return list
}

// leftOut counts the suites that a norm permits and a configuration has not.
type leftOut struct {
	conditional, expiring, unauthenticated, static, dhe int
	unknown                                             []string
}

// takes decides on a suite of TLS 1.2.
func (l *leftOut) takes(choice norm.Choice, suite iana.CipherSuite) bool {
	switch {
	case suite.Authentication != "RSA" && suite.Authentication != "ECDSA":
		l.unauthenticated++
	case !suite.ForwardSecret:
		l.static++
	case suite.KeyExchange != "ECDHE":
		l.dhe++
	case choice.Class == norm.Expiring:
		l.expiring++
	case len(choice.Conditions) > 0:
		l.conditional++
	default:
		return true
	}
	return false
}

// notes tells what was left out and why.
func (l *leftOut) notes() (notes []probe.Text) {
	add := func(n int, de, en string) {
		if n > 0 {
			notes = append(notes, probe.Text{DE: fmt.Sprintf("Weggelassen, obwohl zulässig: %d Cipher-Suites "+de, n), EN: fmt.Sprintf("Left out although permitted: %d cipher suites "+en, n)})
		}
	}
	add(l.dhe, "mit DHE: Sie brauchen eigene Parameter und sind langsam, und alle Clients können ECDHE.", "with DHE: they need parameters of their own and are slow, and every client has ECDHE.")
	add(l.conditional, "mit CBC: Sie sind nur unter einer Bedingung zulässig (Encrypt-then-MAC), die ein Server nicht erzwingen kann.", "with CBC: they are permitted only on a condition (encrypt-then-MAC) that a server cannot enforce.")
	add(l.static, "ohne Forward Secrecy.", "without forward secrecy.")
	add(l.expiring, "deren Frist in diesem Jahr endet.", "whose period ends this year.")
	add(l.unauthenticated, "mit DSA oder Pre-Shared Keys: Ein öffentlicher Server hat beides nicht.", "with DSA or pre-shared keys: a public server has neither.")
	if len(l.unknown) > 0 {
		notes = append(notes, probe.Text{DE: "OpenSSL kennt nicht: " + strings.Join(l.unknown, ", "), EN: "OpenSSL does not know: " + strings.Join(l.unknown, ", ")})
	}
	return notes
}

// keys tells which certificates the norm wants.
func (c *Choice) keys(p norm.Profile) (notes []probe.Text) {
	var de, en []string
	for _, choice := range p.Of(norm.Key, 0) {
		if m := choice.Mechanism; m.Use != norm.ForExchange && m.Name != "DSA" && choice.Min > 0 {
			de = append(de, fmt.Sprintf("%s ab %d Bit", m.Name, choice.Min))
			en = append(en, fmt.Sprintf("%s of %d bits or more", m.Name, choice.Min))
		}
	}
	if len(de) > 0 {
		notes = append(notes, probe.Text{DE: "Der Schlüssel des Zertifikats muss passen: " + strings.Join(de, " oder ") + ".", EN: "The certificate's key has to fit: " + strings.Join(en, " or ") + "."})
	}
	if c.TLS12 && c.Signatures != "" && !c.PKCS1 && strings.Contains(c.Ciphers, "RSA") {
		notes = append(notes, probe.Text{
			DE: "Mit einem RSA-Schlüssel werden nur noch PSS-Signaturen geleistet; Clients mit TLS 1.2, die PSS nicht können, verbinden sich dann nicht mehr. Ein ECDSA-Schlüssel hat diese Grenze nicht.",
			EN: "With an RSA key only PSS signatures are made; clients of TLS 1.2 that do not know PSS no longer connect. An ECDSA key has no such limit.",
		})
	}
	return notes
}
