package chain

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
)

// Code names a lint. The list is closed: see Lints.
type Code string

// Severity says how much a lint matters.
type Severity string

// The severities, from the lightest to the gravest.
const (
	Info    Severity = "info"    // worth knowing, nothing to do
	Notice  Severity = "notice"  // a norm or good practice asks for more
	Warning Severity = "warning" // wrong, though most clients will connect
	Error   Severity = "error"   // clients refuse, or the security is gone
)

// Lint is one rule about certificates and chains.
type Lint struct {
	Code     Code       `json:"code"`
	Severity Severity   `json:"severity"`
	Text     probe.Text `json:"text"`
	Sources  []string   `json:"sources"` // document and section; BR is CA/B Forum TLS Baseline Requirements of May 2026
}

// Finding is a lint that applies.
type Finding struct {
	Code        Code     `json:"code"`
	Severity    Severity `json:"severity"`
	Certificate int      `json:"certificate"`      // index; -1 if it is about the chain
	Detail      string   `json:"detail,omitempty"` // what was found, in no particular language: a value, an OID, a date
}

// Lints lists all rules in order.
func Lints() []Lint {
	list := make([]Lint, 0, len(rules))
	for _, r := range rules {
		list = append(list, Lint{r.Code, r.Severity, r.Text, slices.Clone(r.Sources)})
	}
	return list
}

// Lookup finds a rule by its code.
func Lookup(code Code) (Lint, bool) {
	for _, r := range rules {
		if r.Code == code {
			return Lint{r.Code, r.Severity, r.Text, slices.Clone(r.Sources)}, true
		}
	}
	return Lint{}, false
}

// rule is a lint with what it looks at. The check returns whether the lint
// applies, and what was found.
type rule struct {
	Lint
	scope scope
	check func(item) (bool, string)
}

// scope says which certificates a rule looks at.
type scope int

const (
	ofAll     scope = iota
	ofLeaf          // the server's own
	ofIssuers       // authorities among those sent, the root included
	ofSigned        // those whose signature somebody relies on
	ofChain         // once, with the leaf
)

// item is what a rule looks at.
type item struct {
	t *study
	c *Chain
	i int
	x *certificate
	f *Certificate
}

// maxFindings bounds the findings about one chain.
const maxFindings = 500

func (t *study) lint(c *Chain) []Finding {
	if len(t.certs) == 0 {
		return nil
	}
	var found []Finding
	for _, r := range rules {
		for i := range t.certs {
			it := item{t, c, i, t.certs[i], &c.Certificates[i]}
			if !r.scope.covers(it) {
				continue
			}
			if hit, detail := r.check(it); hit && len(found) < maxFindings {
				f := Finding{Code: r.Code, Severity: r.Severity, Certificate: i, Detail: clip(detail)}
				if r.scope == ofChain {
					f.Certificate = -1
				}
				found = append(found, f)
			}
		}
	}
	return found
}

func (s scope) covers(it item) bool {
	switch s {
	case ofLeaf, ofChain:
		return it.i == 0
	case ofIssuers:
		return it.i > 0 && (it.f.Role == Intermediate || it.f.Role == Root)
	case ofSigned:
		return it.f.SignatureGraded
	}
	return true
}

func is(b bool) (bool, string) { return b, "" }

// limits are the greatest lifetimes of BR 6.3.2, in days, by the day of issue.
var limits = []struct {
	from time.Time
	days int
}{
	{time.Date(2020, 9, 1, 0, 0, 0, 0, time.UTC), 398},
	{time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC), 200},
	{time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC), 100},
	{time.Date(2029, 3, 15, 0, 0, 0, 0, time.UTC), 47},
}

// tooLong says by which limit a certificate lives too long: the one that held
// when it was issued or, if ahead is set, the first later one that a successor
// with the same lifetime would break.
func (it item) tooLong(ahead bool) (hit bool, detail string) {
	if it.c.Public != Yes || it.f.NotBefore.IsZero() {
		return false, ""
	}
	for _, l := range limits {
		later, over := l.from.After(it.f.NotBefore), it.f.LifetimeDays > l.days
		text := fmt.Sprintf("%d > %d (%s)", it.f.LifetimeDays, l.days, l.from.Format(time.DateOnly))
		switch {
		case ahead && later && over:
			return true, text
		case !ahead && !later:
			hit, detail = over, text // the last one counts
		}
	}
	return hit, detail
}

// listed are the signature schemes that some table of TR-02102-2 or of its
// editions since 2024 names for certificates (bsi.md §1.6).
var listed = []uint16{0x0401, 0x0501, 0x0601, 0x0402, 0x0502, 0x0602, 0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x081A, 0x081B, 0x081C}

// specialNames are suffixes that are in no public DNS (RFC 6761, RFC 6762,
// RFC 8375, ICANN's .internal) or that are only used inside of networks.
var specialNames = []string{"local", "localhost", "localdomain", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa", "test", "example", "invalid"}

func internalName(s string) bool {
	s = hostName(strings.TrimPrefix(s, "*."))
	return s != "" && (!strings.Contains(s, ".") || slices.ContainsFunc(specialNames, func(z string) bool { return strings.HasSuffix(s, "."+z) }))
}

func internalAddress(ip netip.Addr) bool {
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() ||
		ip.Is4() && (ip.As4()[0] == 100 && ip.As4()[1]&0xC0 == 64 || ip.As4()[0] >= 240)
}

// nameFault says what is wrong with a DNS name in a certificate.
func nameFault(s string) bool {
	if s == "" || len(s) > 253 || strings.HasSuffix(s, ".") || strings.HasPrefix(s, ".") {
		return true
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(s, "*."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, func(r rune) bool {
			return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-'
		}) {
			return true
		}
	}
	return false
}

// firstName finds an alternative name with a property.
func (it item) firstName(kind uint8, bad func(altName) bool) (bool, string) {
	for _, n := range it.x.names {
		if n.kind == kind && bad(n) {
			return true, n.text
		}
	}
	return false, ""
}

func (it item) critical(id string) bool {
	return slices.ContainsFunc(it.x.extensions, func(e extension) bool { return e.id == id && e.critical })
}

// rsa gives the modulus where tests of it are affordable.
func (it item) rsa(bad func() (bool, string)) (bool, string) {
	if it.x.key.n == nil || it.x.key.bits > maxRSA || it.t.duplicate(it.i) {
		return false, ""
	}
	return bad()
}

// shares finds a certificate of somebody else with the same key.
func (it item) shares() (bool, string) {
	for n, other := range it.t.certs[:it.i] {
		if len(it.x.spki) > 0 && bytes.Equal(other.spki, it.x.spki) && !bytes.Equal(other.subject, it.x.subject) {
			return true, fmt.Sprintf("%d", n)
		}
	}
	return false, ""
}

// unfit says why the key usage does not let a server prove itself: all of
// today's cipher suites sign with the key.
func (it item) unfit() (bool, string) {
	return it.x.hasUsage && !slices.Contains(it.x.keyUsage, "digitalSignature"), strings.Join(it.x.keyUsage, " ")
}

// staples judges the stapled responses for the leaf.
func (it item) staples(bad func(Revocation) bool) (bool, string) {
	for _, r := range it.c.Revocation {
		if bad(r) {
			return true, strings.TrimSpace(r.Reason + " " + r.Detail)
		}
	}
	return false, ""
}

// timestamps counts what can stand for the policy of browsers: distinct logs
// whose timestamps are not known to be invalid.
func (it item) timestamps() int {
	logs := map[string]bool{}
	for _, s := range it.c.SCTs {
		if s.State != Invalid {
			logs[s.LogID] = true
		}
	}
	return len(logs)
}
