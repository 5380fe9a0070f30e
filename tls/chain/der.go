package chain

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// certificate is a certificate while it is looked at. Raw fields are whole
// elements with tag and length.
type certificate struct {
	der     []byte
	sha256  [32]byte
	err     error             // of our own reading
	x       *x509.Certificate // for verification; nil if the standard library refuses it, unless for its curve alone
	refused error             // why it does

	tbs           []byte
	version       int
	serial        []byte // content of the INTEGER; nil if not read
	inner         []byte // AlgorithmIdentifier in the TBSCertificate
	issuer        []byte
	subject       []byte
	issuerName    name
	subjectName   name
	notBefore     time.Time
	notAfter      time.Time
	spki          []byte
	key           key
	extensions    []extension
	outer         []byte // AlgorithmIdentifier beside the signature
	signature     signature
	signatureBits []byte

	names         []altName
	hasNames      bool // there is a subjectAltName
	ca            bool
	constrained   bool
	pathLength    int // -1: none
	hasUsage      bool
	keyUsage      []string
	usageCritical bool
	hasPurposes   bool
	purposes      []string
	ocsp          []string
	issuers       []string
	crl           []string
	mustStaple    bool
	policies      []string
	subjectKey    []byte
	authorityKey  []byte
	scts          []byte // SignedCertificateTimestampList
}

type extension struct {
	id       string
	critical bool
	value    []byte
}

// altName is one GeneralName.
type altName struct {
	kind uint8  // context tag
	text string // DNS name as it stands there, or address
	ip   netip.Addr
}

// Context tags of GeneralName (RFC 5280 section 4.2.1.6).
const (
	dnsName = 2
	uriName = 6
	address = 7
)

// OIDs of extensions.
const (
	oidSubjectKeyID     = "2.5.29.14"
	oidKeyUsage         = "2.5.29.15"
	oidAltName          = "2.5.29.17"
	oidConstraints      = "2.5.29.19"
	oidNameConstraints  = "2.5.29.30"
	oidCRL              = "2.5.29.31"
	oidPolicies         = "2.5.29.32"
	oidPolicyMappings   = "2.5.29.33"
	oidAuthorityKeyID   = "2.5.29.35"
	oidPolicyLimits     = "2.5.29.36"
	oidExtendedKeyUsage = "2.5.29.37"
	oidInhibitAnyPolicy = "2.5.29.54"
	oidAuthorityInfo    = "1.3.6.1.5.5.7.1.1"
	oidTLSFeature       = "1.3.6.1.5.5.7.1.24"
	oidSCTs             = "1.3.6.1.4.1.11129.2.4.2"
	oidPoison           = "1.3.6.1.4.1.11129.2.4.3"
)

var (
	errCertificate = errors.New("not a DER certificate")
	errTrailing    = errors.New("data after the certificate")
)

// read takes the certificate apart and keeps what was read when it fails.
func (c *certificate) read() error {
	c.pathLength = -1
	in := cryptobyte.String(c.der)
	var outer, tbs cryptobyte.String
	var element cryptobyte.String
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !outer.ReadASN1Element(&element, asn1.SEQUENCE) {
		return errCertificate
	}
	c.tbs = element
	// What stands behind the TBSCertificate is read first: it is there even
	// if a field inside is broken.
	var algorithm cryptobyte.String
	var errs []error
	if outer.ReadASN1Element(&algorithm, asn1.SEQUENCE) {
		c.outer = algorithm
		c.signature = readSignature(algorithm)
		if !outer.ReadASN1BitStringAsBytes(&c.signatureBits) || !outer.Empty() {
			errs = append(errs, errors.New("signature is not a bit string"))
		}
	} else {
		errs = append(errs, errors.New("no signature algorithm"))
	}
	if !in.Empty() {
		errs = append(errs, errTrailing)
	}
	if !element.ReadASN1(&tbs, asn1.SEQUENCE) {
		return errCertificate
	}
	return errors.Join(append([]error{c.readTBS(tbs)}, errs...)...)
}

func (c *certificate) readTBS(tbs cryptobyte.String) error {
	version := 0
	if !tbs.ReadOptionalASN1Integer(&version, asn1.Tag(0).Constructed().ContextSpecific(), 0) {
		return errors.New("version is not a number")
	}
	if version < 0 || version > 1<<16 {
		return errors.New("version is out of range")
	}
	c.version = version + 1
	var serial, inner, issuer, validity, subject, spki cryptobyte.String
	if !tbs.ReadASN1(&serial, asn1.INTEGER) || len(serial) == 0 {
		return errors.New("no serial number")
	}
	c.serial = serial
	if !tbs.ReadASN1Element(&inner, asn1.SEQUENCE) {
		return errors.New("no signature algorithm inside")
	}
	c.inner = inner
	if !tbs.ReadASN1Element(&issuer, asn1.SEQUENCE) {
		return errors.New("no issuer")
	}
	c.issuer, c.issuerName = issuer, readName(issuer)
	if !tbs.ReadASN1(&validity, asn1.SEQUENCE) {
		return errors.New("no validity")
	}
	var errs []error
	var ok1, ok2 bool
	c.notBefore, ok1 = readTime(&validity)
	c.notAfter, ok2 = readTime(&validity)
	if !ok1 || !ok2 {
		errs = append(errs, errors.New("a date of the validity cannot be read"))
	}
	if !tbs.ReadASN1Element(&subject, asn1.SEQUENCE) {
		return errors.Join(append(errs, errors.New("no subject"))...)
	}
	c.subject, c.subjectName = subject, readName(subject)
	if !tbs.ReadASN1Element(&spki, asn1.SEQUENCE) {
		return errors.Join(append(errs, errors.New("no public key"))...)
	}
	c.spki = spki
	var err error
	if c.key, err = readKey(spki); err != nil {
		errs = append(errs, err)
	}
	for n := range 2 { // issuerUniqueID, subjectUniqueID: obsolete
		if !tbs.SkipOptionalASN1(asn1.Tag(1 + n).ContextSpecific()) {
			return errors.Join(append(errs, errors.New("a unique identifier cannot be read"))...)
		}
	}
	var wrapped, list cryptobyte.String
	var present bool
	if !tbs.ReadOptionalASN1(&wrapped, &present, asn1.Tag(3).Constructed().ContextSpecific()) {
		return errors.Join(append(errs, errors.New("extensions cannot be read"))...)
	}
	if present {
		if !wrapped.ReadASN1(&list, asn1.SEQUENCE) {
			return errors.Join(append(errs, errors.New("extensions are not a sequence"))...)
		}
		errs = append(errs, c.readExtensions(list))
	}
	if !tbs.Empty() {
		errs = append(errs, errors.New("data after the extensions"))
	}
	return errors.Join(errs...)
}

func (c *certificate) readExtensions(list cryptobyte.String) error {
	var errs []error
	for !list.Empty() {
		var one, id, value cryptobyte.String
		var critical bool
		if !list.ReadASN1(&one, asn1.SEQUENCE) || !one.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) ||
			one.PeekASN1Tag(asn1.BOOLEAN) && !one.ReadASN1Boolean(&critical) ||
			!one.ReadASN1(&value, asn1.OCTET_STRING) {
			return errors.Join(append(errs, errors.New("an extension cannot be read"))...)
		}
		e := extension{oid(id), critical, value}
		if slices.ContainsFunc(c.extensions, func(f extension) bool { return f.id == e.id }) {
			if len(errs) < maxList {
				errs = append(errs, fmt.Errorf("extension %s is there twice", clip(e.id)))
			}
		} else if !c.readExtension(e) && len(errs) < maxList {
			errs = append(errs, fmt.Errorf("extension %s cannot be read", clip(e.id)))
		}
		if len(c.extensions) == maxExtensions {
			return errors.Join(append(errs, errors.New("more extensions than are read"))...)
		}
		c.extensions = append(c.extensions, e)
	}
	return errors.Join(errs...)
}

// maxExtensions bounds the extensions of one certificate.
const maxExtensions = 200

func (c *certificate) readExtension(e extension) bool {
	v := cryptobyte.String(e.value)
	switch e.id {
	case oidAltName:
		c.hasNames = true
		return c.readAltNames(v)
	case oidConstraints:
		c.constrained = true
		var s cryptobyte.String
		if !v.ReadASN1(&s, asn1.SEQUENCE) || s.PeekASN1Tag(asn1.BOOLEAN) && !s.ReadASN1Boolean(&c.ca) {
			return false
		}
		var n int
		if s.PeekASN1Tag(asn1.INTEGER) {
			if !s.ReadASN1Integer(&n) || n < 0 {
				return false
			}
			c.pathLength = n
		}
		return s.Empty() && v.Empty()
	case oidKeyUsage:
		c.hasUsage, c.usageCritical, c.keyUsage = true, e.critical, []string{}
		return c.readUsage(v)
	case oidExtendedKeyUsage:
		c.hasPurposes = true
		var s cryptobyte.String
		if !v.ReadASN1(&s, asn1.SEQUENCE) {
			return false
		}
		for !s.Empty() {
			var id cryptobyte.String
			if !s.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) {
				return false
			}
			p := oid(id)
			if known, ok := purposes[p]; ok {
				p = known
			}
			if len(c.purposes) < maxExtensions {
				c.purposes = append(c.purposes, p)
			}
		}
		return true
	case oidAuthorityInfo:
		return c.readAuthorityInfo(v)
	case oidCRL:
		return c.readCRLPoints(v)
	case oidPolicies:
		var s, policy, id cryptobyte.String
		if !v.ReadASN1(&s, asn1.SEQUENCE) {
			return false
		}
		for !s.Empty() {
			if !s.ReadASN1(&policy, asn1.SEQUENCE) || !policy.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) {
				return false
			}
			if len(c.policies) < maxExtensions {
				c.policies = append(c.policies, oid(id))
			}
		}
		return true
	case oidTLSFeature:
		var s cryptobyte.String
		if !v.ReadASN1(&s, asn1.SEQUENCE) {
			return false
		}
		for !s.Empty() {
			var n int64
			if !s.ReadASN1Integer(&n) {
				return false
			}
			const statusRequest = 5
			c.mustStaple = c.mustStaple || n == statusRequest
		}
		return true
	case oidSubjectKeyID:
		var id cryptobyte.String
		ok := v.ReadASN1(&id, asn1.OCTET_STRING)
		c.subjectKey = id
		return ok
	case oidAuthorityKeyID:
		var s, id cryptobyte.String
		var present bool
		if !v.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadOptionalASN1(&id, &present, asn1.Tag(0).ContextSpecific()) {
			return false
		}
		c.authorityKey = id
		return true
	case oidSCTs:
		var list cryptobyte.String
		ok := v.ReadASN1(&list, asn1.OCTET_STRING) && v.Empty()
		c.scts = list
		return ok
	}
	return true
}

func (c *certificate) readAltNames(v cryptobyte.String) bool {
	var s cryptobyte.String
	if !v.ReadASN1(&s, asn1.SEQUENCE) {
		return false
	}
	good := true
	for !s.Empty() {
		var value cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1(&value, &tag) {
			return false
		}
		kind := uint8(tag) & 0x1f
		n := altName{kind: kind}
		switch {
		case uint8(tag)&0xC0 != 0x80: // not context specific: not a GeneralName
			good = false
			continue
		case kind == dnsName:
			n.text = printable(string(value))
		case kind == address:
			ip, ok := netip.AddrFromSlice(value)
			if !ok {
				good = false
				n.text = "#" + short(value)
				break
			}
			n.ip, n.text = ip.Unmap(), ip.Unmap().String()
		}
		c.names = append(c.names, n)
	}
	return good
}

func (c *certificate) readUsage(v cryptobyte.String) bool {
	var s cryptobyte.String
	if !v.ReadASN1(&s, asn1.BIT_STRING) || len(s) < 1 || len(s) > 3 {
		return false
	}
	for i, n := range keyUsages {
		if at := 1 + i/8; at < len(s) && s[at]&(0x80>>(i%8)) != 0 {
			c.keyUsage = append(c.keyUsage, n)
		}
	}
	return true
}

func (c *certificate) readAuthorityInfo(v cryptobyte.String) bool {
	var s cryptobyte.String
	if !v.ReadASN1(&s, asn1.SEQUENCE) {
		return false
	}
	for !s.Empty() {
		var one, id, location cryptobyte.String
		var tag asn1.Tag
		if !s.ReadASN1(&one, asn1.SEQUENCE) || !one.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) || !one.ReadAnyASN1(&location, &tag) {
			return false
		}
		if tag != asn1.Tag(uriName).ContextSpecific() {
			continue
		}
		switch url := printable(string(location)); {
		case oid(id) == "1.3.6.1.5.5.7.48.1" && len(c.ocsp) < maxExtensions:
			c.ocsp = append(c.ocsp, url)
		case oid(id) == "1.3.6.1.5.5.7.48.2" && len(c.issuers) < maxExtensions:
			c.issuers = append(c.issuers, url)
		}
	}
	return true
}

func (c *certificate) readCRLPoints(v cryptobyte.String) bool {
	var s cryptobyte.String
	if !v.ReadASN1(&s, asn1.SEQUENCE) {
		return false
	}
	for !s.Empty() {
		var point, wrapped, full cryptobyte.String
		var present bool
		if !s.ReadASN1(&point, asn1.SEQUENCE) || !point.ReadOptionalASN1(&wrapped, &present, asn1.Tag(0).Constructed().ContextSpecific()) {
			return false
		}
		if !present || !wrapped.ReadASN1(&full, asn1.Tag(0).Constructed().ContextSpecific()) {
			continue // nameRelativeToCRLIssuer, which nobody uses
		}
		for !full.Empty() {
			var location cryptobyte.String
			var tag asn1.Tag
			if !full.ReadAnyASN1(&location, &tag) {
				return false
			}
			if tag == asn1.Tag(uriName).ContextSpecific() && len(c.crl) < maxExtensions {
				c.crl = append(c.crl, printable(string(location)))
			}
		}
	}
	return true
}

// readTime reads a Time of RFC 5280 section 4.1.2.5.
func readTime(s *cryptobyte.String) (time.Time, bool) {
	var t time.Time
	if s.PeekASN1Tag(asn1.UTCTime) {
		return t, s.ReadASN1UTCTime(&t)
	}
	if s.PeekASN1Tag(asn1.GeneralizedTime) {
		ok := s.ReadASN1GeneralizedTime(&t)
		return t.UTC(), ok
	}
	var any cryptobyte.String
	var tag asn1.Tag
	s.ReadAnyASN1(&any, &tag)
	return t, false
}

// library asks the standard library to read the certificate, too.
func (c *certificate) library() {
	c.x, c.refused = x509.ParseCertificate(c.der)
	if c.refused != nil && c.err == nil && (c.key.family == "ECDSA" || c.key.family == "SM2") {
		c.x = c.graft()
	}
}

// graft has the standard library read a certificate that it refuses for its
// curve: with a key in place that it knows, all else is read with its strict
// rules. The result is the certificate as it was sent, without a key, so that
// its own signature can be verified by its issuer, and nothing with it. It is
// nil if the curve was not the only reason.
func (c *certificate) graft() *x509.Certificate {
	p256 := curves()["secp256r1"]
	var stock cryptobyte.Builder
	stock.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier([]int{1, 2, 840, 10045, 2, 1})
			b.AddASN1ObjectIdentifier([]int{1, 2, 840, 10045, 3, 1, 7})
		})
		b.AddASN1BitString((&point{p256, p256.gx, p256.gy}).bytes())
	})
	spki := stock.BytesOrPanic() // constants
	in := cryptobyte.String(c.tbs)
	var fields cryptobyte.String
	if !in.ReadASN1(&fields, asn1.SEQUENCE) {
		return nil
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for !fields.Empty() {
				var element cryptobyte.String
				var tag asn1.Tag
				if !fields.ReadAnyASN1Element(&element, &tag) {
					b.SetError(errCertificate)
					return
				}
				if &element[0] == &c.spki[0] {
					element = spki
				}
				b.AddBytes(element)
			}
		})
		b.AddBytes(c.outer)
		b.AddASN1BitString(c.signatureBits)
	})
	der, err := b.Bytes()
	if err != nil {
		return nil
	}
	x, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	x.Raw, x.RawTBSCertificate, x.RawSubjectPublicKeyInfo = c.der, c.tbs, c.spki
	x.PublicKey, x.PublicKeyAlgorithm = nil, x509.UnknownPublicKeyAlgorithm
	return x
}

// selfIssued reports whether subject and issuer are the same name.
func (c *certificate) selfIssued() bool {
	return len(c.subject) > 2 && bytes.Equal(c.subject, c.issuer)
}

func (c *certificate) negative() bool { return len(c.serial) > 0 && c.serial[0]&0x80 != 0 }

// magnitude is the serial number without sign octets; of a negative one the
// octets as they stand.
func (c *certificate) magnitude() []byte {
	if c.negative() {
		return c.serial
	}
	return bytes.TrimLeft(c.serial, "\x00")
}

func (c *certificate) serialText() string {
	if c.serial == nil {
		return ""
	}
	if c.negative() {
		// two's complement of what stands there
		b := bytes.Clone(c.serial)
		if len(b) > 64 {
			b = b[:64]
		}
		for i := range b {
			b[i] = ^b[i]
		}
		for i := len(b) - 1; i >= 0; i-- {
			if b[i]++; b[i] != 0 {
				break
			}
		}
		return "-" + hex.EncodeToString(b)
	}
	m := c.magnitude()
	if len(m) == 0 {
		return "00"
	}
	return short(m)
}

// lifetime is in days. Both ends belong to the validity, and "any amount
// greater than this, including fractional seconds and/or leap seconds, shall
// represent an additional day" (CA/B BR 6.3.2).
func (c *certificate) lifetime() int {
	if c.notBefore.IsZero() || c.notAfter.IsZero() || !c.notAfter.After(c.notBefore) {
		return 0
	}
	const day = 24 * 60 * 60
	return int((c.notAfter.Unix() - c.notBefore.Unix() + 1 + day - 1) / day)
}

func (c *certificate) wildcard() bool {
	return strings.Contains(c.subjectName.common, "*") || strings.Contains(c.issuerName.common, "*") ||
		slices.ContainsFunc(c.names, func(n altName) bool { return n.kind == dnsName && strings.Contains(n.text, "*") })
}

func (c *certificate) validation() string {
	for _, p := range c.policies {
		if v, ok := validations[p]; ok {
			return v
		}
	}
	return ""
}

// claimsPublic tells certificates that were made to be trusted by browsers:
// they name a policy of the CA/Browser Forum or were logged.
func (c *certificate) claimsPublic() bool { return c.validation() != "" || len(c.scts) > 0 }

func (c *certificate) has(id string) bool {
	return slices.ContainsFunc(c.extensions, func(e extension) bool { return e.id == id })
}

func (c *certificate) unknownCritical() (list []string) {
	for _, e := range c.extensions {
		if _, known := understood[e.id]; e.critical && !known {
			list = append(list, e.id)
		}
	}
	return list
}

// name is a distinguished name.
type name struct {
	text         string // RFC 4514, the last first
	common       string // the last common name
	organization string // the last organisation
}

// readName reads a Name as far as it goes.
func readName(element []byte) name {
	var n name
	var sequence cryptobyte.String
	in := cryptobyte.String(element)
	if !in.ReadASN1(&sequence, asn1.SEQUENCE) {
		return n
	}
	var parts []string
	for !sequence.Empty() && len(parts) < maxExtensions {
		var set cryptobyte.String
		if !sequence.ReadASN1(&set, asn1.SET) {
			break
		}
		var values []string
		for !set.Empty() && len(values) < maxList {
			var one, id, value cryptobyte.String
			var tag asn1.Tag
			if !set.ReadASN1(&one, asn1.SEQUENCE) || !one.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) || !one.ReadAnyASN1(&value, &tag) {
				break
			}
			kind := oid(id)
			text := directoryString(value, tag)
			switch kind {
			case "2.5.4.3":
				n.common = clip(printable(text))
			case "2.5.4.10":
				n.organization = clip(printable(text))
			}
			if short, ok := attributes[kind]; ok {
				kind = short
			}
			values = append(values, kind+"="+escape(text))
		}
		parts = append(parts, strings.Join(values, "+"))
	}
	slices.Reverse(parts)
	n.text = clip(strings.Join(parts, ","))
	return n
}

// directoryString decodes the string types that occur in names.
func directoryString(v cryptobyte.String, tag asn1.Tag) string {
	if len(v) > 4*maxText {
		v = v[:4*maxText]
	}
	switch tag {
	case 30: // BMPString
		var u []uint16
		for len(v) >= 2 {
			u = append(u, uint16(v[0])<<8|uint16(v[1]))
			v = v[2:]
		}
		return string(utf16.Decode(u))
	case 28: // UniversalString
		var b strings.Builder
		for len(v) >= 4 {
			b.WriteRune(rune(v[0])<<24 | rune(v[1])<<16 | rune(v[2])<<8 | rune(v[3]))
			v = v[4:]
		}
		return b.String()
	case asn1.T61String:
		if !utf8.Valid(v) { // in practice Latin-1
			var b strings.Builder
			for _, c := range v {
				b.WriteRune(rune(c))
			}
			return b.String()
		}
	}
	return string(v)
}

// escape writes a value as RFC 4514 section 2.4 wants it. Control characters
// and what is no UTF-8 become hexadecimal, so that no name can steer a
// terminal.
func escape(s string) string {
	var b strings.Builder
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size <= 1, hidden(r):
			for _, c := range []byte(s[i : i+size]) {
				fmt.Fprintf(&b, "\\%02X", c)
			}
		case strings.ContainsRune(`,+"\<>;`, r), i == 0 && (r == '#' || r == ' '), i == len(s)-1 && r == ' ':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hidden tells characters that show nothing or change how text is shown.
func hidden(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f || r == 0xfeff
}

// printable replaces what cannot be shown.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if hidden(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// clip cuts a string at a character.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// oid writes the content of an OBJECT IDENTIFIER with dots.
func oid(content []byte) string {
	var id x509.OID
	if len(content) > 64 || id.UnmarshalBinary(content) != nil {
		return "#" + short(content)
	}
	return id.String()
}
