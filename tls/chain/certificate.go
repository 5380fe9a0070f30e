package chain

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"vksprobe/tls/hello/iana"
)

// Certificate is what an X.509 certificate says. Bounds: at most 100 names and
// 20 of any other list are shown, strings are cut at 256 bytes.
type Certificate struct {
	SHA256  string `json:"sha256"`            // of the DER, hex
	Size    int    `json:"size"`              // bytes of the DER
	Error   string `json:"error,omitempty"`   // why it was not read to the end; fields after the fault are empty
	Refused string `json:"refused,omitempty"` // why crypto/x509 refuses it, though it may be read here
	Role    Role   `json:"role"`

	Version    int    `json:"version,omitempty"` // 1 to 3
	Serial     string `json:"serial,omitempty"`  // hex, with "-" if negative
	Subject    string `json:"subject"`           // RFC 4514
	Issuer     string `json:"issuer"`
	CommonName string `json:"common_name,omitempty"` // the last of the subject
	// Organization is that of the issuer, by which authorities are known.
	Organization string `json:"issuer_organization,omitempty"`

	NotBefore    time.Time `json:"not_before,omitzero"`
	NotAfter     time.Time `json:"not_after,omitzero"`
	LifetimeDays int       `json:"lifetime_days,omitempty"` // both ends included, begun days count (CA/B BR 6.3.2)

	Names      []string `json:"names,omitempty"` // subjectAltName: DNS names and addresses as they stand there
	NamesCount int      `json:"names_count"`     // of all, with those not listed
	Wildcards  bool     `json:"wildcards"`       // a DNS name, or a common name of subject or issuer, has "*"

	Key           string `json:"key"`                   // "RSA", "ECDSA", "EdDSA", "DSA", "DH", "ECDH", "ML-DSA", "SLH-DSA", "SM2", "GOST", or "unknown"
	KeyType       string `json:"key_type"`              // as the field names it: "rsaEncryption", "id-RSASSA-PSS", "id-ecPublicKey", "id-Ed25519", …, or an OID
	Curve         string `json:"curve,omitempty"`       // by the IANA name of the group: "secp256r1", "brainpoolP256r1"; an OID if it has none
	Explicit      bool   `json:"explicit_curve"`        // the curve is written out; Curve names it if the parameters are those of a known one
	Bits          int    `json:"bits,omitempty"`        // of the modulus, of the order of the curve, of the field of EdDSA
	Exponent      string `json:"exponent,omitempty"`    // of RSA, decimal; "large" above 64 bits
	SPKI          string `json:"spki_sha256,omitempty"` // of the SubjectPublicKeyInfo, hex
	SubjectKeyID  string `json:"subject_key_id,omitempty"`
	AuthorityKey  string `json:"authority_key_id,omitempty"`
	SignatureName string `json:"signature"`                  // "sha256WithRSAEncryption", "ecdsa-with-SHA384", "rsassaPss SHA-256", …, or an OID
	SignatureCode uint16 `json:"signature_code,omitempty"`   // the TLS SignatureScheme that comes closest; 0 if none does
	Scheme        string `json:"signature_scheme,omitempty"` // its IANA name
	// SignatureGraded is false where nobody relies on the signature: that of
	// a root on itself is shown for information.
	SignatureGraded bool  `json:"signature_graded"`
	SelfSigned      State `json:"self_signed"`
	SignatureValid  State `json:"signature_valid"` // by the issuer's key, if the issuer is at hand

	CA               bool     `json:"ca"`
	BasicConstraints bool     `json:"basic_constraints"` // the extension is there
	PathLength       *int     `json:"path_length,omitempty"`
	KeyUsage         []string `json:"key_usage"` // "digitalSignature", …; null without the extension
	KeyUsageCritical bool     `json:"key_usage_critical"`
	ExtendedKeyUsage []string `json:"extended_key_usage,omitempty"` // "serverAuth", …, or an OID
	OCSP             []string `json:"ocsp,omitempty"`               // URLs
	Issuers          []string `json:"issuer_urls,omitempty"`
	CRL              []string `json:"crl,omitempty"`
	MustStaple       bool     `json:"must_staple"` // TLS feature status_request (RFC 7633)
	Policies         []string `json:"policies,omitempty"`
	Validation       string   `json:"validation,omitempty"` // "DV", "OV", "IV" or "EV" by the CA/Browser Forum's policies
	EmbeddedSCTs     int      `json:"embedded_scts"`
	Extensions       []string `json:"extensions,omitempty"`       // OIDs in order
	UnknownCritical  []string `json:"unknown_critical,omitempty"` // OIDs of critical extensions that are not understood
}

// Role is the place of a certificate in its chain.
type Role string

// The roles.
const (
	Leaf         Role = "leaf" // the first one, whatever it is
	Intermediate Role = "intermediate"
	Root         Role = "root"  // issued to itself
	Superfluous  Role = "extra" // on no way from the leaf up, or sent before
)

// parse reads a certificate as far as it can be read.
func parse(der []byte) *certificate {
	sum := sha256.Sum256(der)
	c := &certificate{der: der, sha256: sum}
	if len(der) > maxDER {
		c.err = fmt.Errorf("%d bytes are more than are read of a certificate", len(der))
		return c
	}
	c.err = c.read()
	c.library()
	return c
}

func (t *study) facts(i int, c *certificate) Certificate {
	f := Certificate{SHA256: hex.EncodeToString(c.sha256[:]), Size: len(c.der), Role: t.role(i), Key: "unknown", SelfSigned: Unknown, SignatureValid: Unknown}
	if c.err != nil {
		f.Error = clip(c.err.Error())
	}
	if c.refused != nil {
		f.Refused = clip(c.refused.Error())
	}
	f.Version, f.Serial = c.version, c.serialText()
	f.Subject, f.Issuer, f.CommonName, f.Organization = c.subjectName.text, c.issuerName.text, c.subjectName.common, c.issuerName.organization
	f.NotBefore, f.NotAfter, f.LifetimeDays = c.notBefore, c.notAfter, c.lifetime()
	for _, n := range c.names {
		if n.kind == dnsName || n.kind == address {
			f.NamesCount++
			if len(f.Names) < maxNames {
				f.Names = append(f.Names, clip(n.text))
			}
		}
	}
	f.Wildcards = c.wildcard()
	if c.spki != nil {
		spki := sha256.Sum256(c.spki)
		f.SPKI = hex.EncodeToString(spki[:])
	}
	if c.key.family != "" {
		f.Key, f.KeyType, f.Curve, f.Explicit, f.Bits, f.Exponent = c.key.family, c.key.name, c.key.curve, c.key.explicit, c.key.bits, c.key.exponent()
	}
	f.SubjectKeyID, f.AuthorityKey = short(c.subjectKey), short(c.authorityKey)
	f.SignatureName = c.signature.name
	issuer := t.issuerOf(i)
	f.SignatureCode = c.signature.scheme(issuer)
	if f.SignatureCode != 0 {
		f.Scheme = iana.SignatureSchemeName(f.SignatureCode)
	}
	f.SelfSigned = No
	if c.selfIssued() {
		f.SelfSigned = t.signed(i, i)
	}
	f.SignatureGraded = c.signature.name != "" && f.SelfSigned != Yes && f.Role != Root
	if issuer != nil {
		f.SignatureValid = t.check(i, issuer)
	}
	f.CA, f.BasicConstraints = c.ca, c.constrained
	if c.pathLength >= 0 {
		n := c.pathLength
		f.PathLength = &n
	}
	f.KeyUsage, f.KeyUsageCritical = c.keyUsage, c.usageCritical
	f.ExtendedKeyUsage = bounded(c.purposes)
	f.OCSP, f.Issuers, f.CRL = bounded(c.ocsp), bounded(c.issuers), bounded(c.crl)
	f.MustStaple = c.mustStaple
	f.Policies, f.Validation = bounded(c.policies), c.validation()
	f.EmbeddedSCTs = len(splitSCTs(c.scts))
	for _, e := range c.extensions {
		if len(f.Extensions) < 2*maxList {
			f.Extensions = append(f.Extensions, clip(e.id))
		}
	}
	f.UnknownCritical = bounded(c.unknownCritical())
	return f
}

// bounded cuts a list and its strings.
func bounded(list []string) []string {
	var out []string
	for _, s := range list {
		if len(out) == maxList {
			break
		}
		out = append(out, clip(s))
	}
	return out
}

// short is the hex form of a key identifier, which may be of any length.
func short(id []byte) string {
	if len(id) > 64 {
		id = id[:64]
	}
	return hex.EncodeToString(id)
}

// Properties says which of the properties that norms ask for the certificate
// has, by the names that tls/norm uses. It is nil if the certificate could not
// be read to the end, as nothing is then known to be missing.
func (c Certificate) Properties() map[string]bool {
	if c.Error != "" {
		return nil
	}
	return map[string]bool{
		"key_usage":                c.KeyUsage != nil,
		"key_usage_critical":       c.KeyUsageCritical,
		"extended_key_usage":       len(c.ExtendedKeyUsage) > 0,
		"subject_alt_name":         c.NamesCount > 0,
		"wildcard_name":            c.Wildcards,
		"authority_key_identifier": c.AuthorityKey != "",
		"revocation_pointer":       len(c.OCSP) > 0 || len(c.CRL) > 0,
	}
}
