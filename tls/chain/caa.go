package chain

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Authorization is what CAA records say about who may issue (RFC 8659).
// Authorities look at them when they issue, so records that do not name the
// issuer of a certificate prove no mistake: they may be newer than it.
type Authorization struct {
	Records   []CAARecord `json:"records,omitempty"`
	Issue     []string    `json:"issue,omitempty"`            // domains of authorities that may issue; [";"] if nobody may
	Wildcard  []string    `json:"issuewild,omitempty"`        // that may issue wildcards; as Issue if there is no issuewild
	Contact   []string    `json:"iodef,omitempty"`            // where violations are reported
	Critical  []string    `json:"unknown_critical,omitempty"` // properties marked critical that are not understood: no authority may issue
	Restricts bool        `json:"restricts"`                  // not every authority may issue
	Issuer    string      `json:"issuer_domain,omitempty"`    // domain by which the issuer of the certificate is known in CAA
	Allows    State       `json:"allows_issuer"`              // would the records let the issuer issue this certificate
	Reason    string      `json:"reason,omitempty"`           // why that is not known
}

// CAARecord is one record taken apart.
type CAARecord struct {
	Record string `json:"record"` // as given
	Flags  uint8  `json:"flags"`
	Tag    string `json:"tag"`
	Value  string `json:"value"`
	Error  string `json:"error,omitempty"` // why it cannot be read; it is then left aside
}

// maxRecords bounds the records of each kind that are read.
const maxRecords = 100

// CAA holds the records against a chain. The records are the relevant set of
// RFC 8659 section 3, found by the caller by climbing the tree, in the form of
// zone files: `0 issue "letsencrypt.org; validationmethods=dns-01"`, or in that
// of RFC 3597.
func CAA(records []string, c Chain) Authorization {
	a := Authorization{Allows: Unknown}
	wild := false
	for n, text := range records {
		if n == maxRecords {
			break
		}
		r := readCAA(text)
		a.Records = append(a.Records, r)
		if r.Error != "" {
			continue
		}
		domain, _, _ := strings.Cut(r.Value, ";")
		domain = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(domain), "."))
		if domain == "" {
			domain = ";" // nobody
		}
		switch strings.ToLower(r.Tag) {
		case "issue":
			a.Issue = append(a.Issue, domain)
		case "issuewild":
			wild = true
			a.Wildcard = append(a.Wildcard, domain)
		case "iodef":
			a.Contact = append(a.Contact, r.Value)
		case "issuemail", "issuevmc", "contactemail", "contactphone":
		default:
			if r.Flags&0x80 != 0 {
				a.Critical = append(a.Critical, r.Tag)
			}
		}
	}
	if !wild {
		a.Wildcard = a.Issue
	}
	a.judge(c)
	return a
}

func (a *Authorization) judge(c Chain) {
	a.Restricts = len(a.Issue) > 0 || len(a.Wildcard) > 0 || len(a.Critical) > 0
	if len(c.Certificates) == 0 {
		a.Reason = "no certificate"
		return
	}
	leaf := c.Certificates[0]
	allowed := a.Issue
	if wildcardOnly(leaf, c.Asked) {
		allowed = a.Wildcard
	}
	domains := issuerDomains(leaf.Organization)
	if len(domains) > 0 {
		a.Issuer = domains[0]
	}
	switch {
	case len(a.Critical) > 0:
		a.Allows = No
	case len(allowed) == 0:
		a.Allows = Yes
	case !slices.ContainsFunc(allowed, func(d string) bool { return d != ";" }):
		a.Allows = No
	case len(domains) == 0:
		a.Reason = "it is not known by which domain the issuer is named in CAA"
	default:
		a.Allows = state(slices.ContainsFunc(domains, func(d string) bool { return slices.Contains(allowed, d) }))
	}
}

// wildcardOnly reports whether a certificate is for the name only by a
// wildcard.
func wildcardOnly(leaf Certificate, asked string) bool {
	c := certificate{}
	for _, n := range leaf.Names {
		c.names = append(c.names, altName{kind: dnsName, text: n})
	}
	_, wildcard := c.covers(asked)
	return wildcard
}

// caaDomains are the domains by which authorities say that they are named in
// CAA records, by the beginning of the organisation in their certificates. From
// the certification practice statements that the CCADB collects; general
// knowledge as of 2026, not exhaustive: an issuer that is missing gives unknown.
var caaDomains = []struct {
	organization string
	domains      []string
}{
	{"Let's Encrypt", []string{"letsencrypt.org"}},
	{"ISRG", []string{"letsencrypt.org"}},
	{"Internet Security Research Group", []string{"letsencrypt.org"}},
	{"Google Trust Services", []string{"pki.goog"}},
	{"DigiCert", []string{"digicert.com", "www.digicert.com", "symantec.com", "geotrust.com", "rapidssl.com", "thawte.com", "digitalcertvalidation.com"}},
	{"GeoTrust", []string{"digicert.com", "geotrust.com"}},
	{"Sectigo", []string{"sectigo.com", "comodo.com", "comodoca.com", "usertrust.com", "trust-provider.com"}},
	{"ZeroSSL", []string{"sectigo.com", "zerossl.com"}},
	{"GlobalSign", []string{"globalsign.com"}},
	{"Amazon", []string{"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"}},
	{"GoDaddy", []string{"godaddy.com", "starfieldtech.com"}},
	{"Starfield", []string{"starfieldtech.com", "godaddy.com"}},
	{"Entrust", []string{"entrust.net", "affirmtrust.com"}},
	{"IdenTrust", []string{"identrust.com"}},
	{"Deutsche Telekom Security", []string{"telesec.de", "t-systems.com"}},
	{"T-Systems", []string{"telesec.de", "t-systems.com"}},
	{"D-Trust", []string{"d-trust.net", "dtrust.de", "d-trust.de", "dtrust.net"}},
	{"SwissSign", []string{"swisssign.com", "swisssign.net"}},
	{"QuoVadis", []string{"quovadisglobal.com", "digicert.com"}},
	{"Buypass", []string{"buypass.com", "buypass.no"}},
	{"Actalis", []string{"actalis.it"}},
	{"Certum", []string{"certum.pl", "certum.eu"}},
	{"Asseco", []string{"certum.pl", "certum.eu"}},
	{"Unizeto", []string{"certum.pl", "certum.eu"}},
	{"Hellenic Academic", []string{"harica.gr"}},
	{"GEANT", []string{"harica.gr", "sectigo.com"}},
	{"SSL Corp", []string{"ssl.com"}},
	{"Microsoft", []string{"microsoft.com"}},
	{"Apple", []string{"pki.apple.com"}},
}

func issuerDomains(organization string) []string {
	fold := func(s string) string {
		return strings.ToLower(strings.NewReplacer("’", "'", "Hellenic Academic and Research", "Hellenic Academic").Replace(s))
	}
	for _, a := range caaDomains {
		if strings.HasPrefix(fold(organization), fold(a.organization)) {
			return a.domains
		}
	}
	return nil
}

func readCAA(text string) CAARecord {
	r := CAARecord{Record: clip(printable(text))}
	var err error
	if generic, ok := strings.CutPrefix(strings.TrimSpace(text), `\#`); ok {
		err = r.readGeneric(generic)
	} else {
		err = r.readText(text)
	}
	r.Tag, r.Value = clip(printable(r.Tag)), clip(printable(r.Value))
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

var errCAA = errors.New("not a CAA record")

func (r *CAARecord) readText(text string) error {
	fields := strings.TrimSpace(text)
	flags, rest := field(fields)
	n, err := strconv.ParseUint(flags, 10, 8)
	if err != nil {
		return fmt.Errorf("%w: flags %q", errCAA, clip(printable(flags)))
	}
	r.Flags = uint8(n)
	r.Tag, rest = field(rest)
	if !validTag(r.Tag) {
		return fmt.Errorf("%w: tag %q", errCAA, clip(printable(r.Tag)))
	}
	value, ok := characterString(rest)
	if !ok || strings.TrimSpace(rest) == "" {
		return fmt.Errorf("%w: value", errCAA)
	}
	r.Value = value
	return nil
}

// readGeneric reads the form of RFC 3597: length and octets in hexadecimal.
func (r *CAARecord) readGeneric(text string) error {
	length, digits := field(text)
	n, err := strconv.ParseUint(length, 10, 16)
	b, err2 := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil || err2 != nil || int(n) != len(b) || len(b) < 2 || len(b) < 2+int(b[1]) {
		return errCAA
	}
	r.Flags, r.Tag, r.Value = b[0], string(b[2:2+int(b[1])]), string(b[2+int(b[1]):])
	if !validTag(r.Tag) {
		return fmt.Errorf("%w: tag", errCAA)
	}
	return nil
}

func validTag(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}

// field cuts off the first word.
func field(s string) (first, rest string) {
	s = strings.TrimLeft(s, " \t")
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], strings.TrimLeft(s[i:], " \t")
	}
	return s, ""
}

// characterString reads the form of RFC 1035 section 5.1: quoted or not, with
// \X and \DDD.
func characterString(s string) (string, bool) {
	s = strings.TrimSpace(s)
	quoted := len(s) >= 1 && s[0] == '"'
	if quoted {
		if len(s) < 2 || s[len(s)-1] != '"' {
			return "", false
		}
		s = s[1 : len(s)-1]
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+3 < len(s) && digits(s[i+1:i+4]):
			n, err := strconv.ParseUint(s[i+1:i+4], 10, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(n))
			i += 3
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '\\', c == '"', !quoted && (c == ' ' || c == '\t'):
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

func digits(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
}
