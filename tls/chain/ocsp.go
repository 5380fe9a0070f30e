package chain

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

// Revocation is what one source says about one certificate.
type Revocation struct {
	Certificate int    `json:"certificate"` // index as sent; -1 if it is about none of them
	Method      Method `json:"method"`
	URL         string `json:"url,omitempty"`
	Status      string `json:"status,omitempty"` // what the source says: "good", "revoked", "unknown"
	Revoked     State  `json:"revoked"`          // what follows from it; No and Yes only if the signature is valid
	Reason      string `json:"reason,omitempty"` // why it is unknown, one of the Revocation… constants
	Detail      string `json:"detail,omitempty"` // the same in words
	Signature   State  `json:"signature_valid"`  // by the issuer, or by a responder that it has authorised
	Fresh       State  `json:"fresh"`            // the date lies between this and next update

	Responder  string    `json:"responder,omitempty"` // name or key hash
	ThisUpdate time.Time `json:"this_update,omitzero"`
	NextUpdate time.Time `json:"next_update,omitzero"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	Why        string    `json:"revocation_reason,omitempty"` // CRLReason of RFC 5280
}

// Method says where a Revocation comes from.
type Method string

// The methods.
const (
	Stapled    Method = "ocsp_stapled"
	OCSPMethod Method = "ocsp"
	CRLMethod  Method = "crl"
)

// Why a revocation status is unknown.
const (
	RevocationMalformed    = "malformed"    // the answer cannot be read
	RevocationRefused      = "refused"      // the responder answers with an error
	RevocationOther        = "other"        // the answer is about another certificate
	RevocationSignature    = "signature"    // the signature is not valid
	RevocationUnauthorized = "unauthorized" // signed by somebody whom the issuer has not authorised
	RevocationStale        = "stale"        // too old or not yet valid at the date
	RevocationNoDate       = "no_date"      // there is no date to hold it against
	RevocationNoIssuer     = "no_issuer"    // the issuer's certificate is not at hand
	RevocationUnsupported  = "unsupported"  // signed with an algorithm that is not known here
	RevocationNotKnown     = "not_known"    // the responder does not know the certificate
	RevocationNoSource     = "no_source"    // the certificate names neither OCSP nor CRL
	RevocationFetch        = "fetch"        // could not be fetched
	RevocationScope        = "scope"        // the CRL does not cover the certificate
)

// crlReasons by number (RFC 5280 section 5.3.1).
var crlReasons = map[int]string{0: "unspecified", 1: "keyCompromise", 2: "cACompromise", 3: "affiliationChanged", 4: "superseded",
	5: "cessationOfOperation", 6: "certificateHold", 8: "removeFromCRL", 9: "privilegeWithdrawn", 10: "aACompromise"}

func (t *study) describeStaples(c *Chain) {
	c.Staple = No
	if len(t.certs) == 0 {
		c.Staple = Unknown
	}
	for n, raw := range t.sent.Stapled {
		if n == maxStaples {
			break
		}
		r := t.staple(raw)
		if r.Certificate == 0 {
			c.Staple = Yes
		}
		if !slices.Contains(c.Revocation, r) {
			c.Revocation = append(c.Revocation, r)
		}
	}
}

// staple finds the certificate that a stapled response is about.
func (t *study) staple(raw []byte) Revocation {
	if len(raw) > maxStaple {
		return Revocation{Certificate: -1, Method: Stapled, Revoked: Unknown, Signature: Unknown, Fresh: Unknown, Reason: RevocationMalformed, Detail: "too large"}
	}
	b, err := readBasic(raw)
	if err == nil {
		for i := range t.certs {
			if b.about(t.certs[i], t.issuerOf(i)) {
				return t.answer(raw, b, i, Stapled)
			}
		}
		return Revocation{Certificate: -1, Method: Stapled, Revoked: Unknown, Signature: Unknown, Fresh: Unknown, Reason: RevocationOther}
	}
	return unreadable(err, 0, Stapled)
}

func unreadable(err error, i int, m Method) Revocation {
	r := Revocation{Certificate: i, Method: m, Revoked: Unknown, Signature: Unknown, Fresh: Unknown, Reason: RevocationMalformed, Detail: clip(err.Error())}
	if refused, ok := errors.AsType[ocsp.ResponseError](err); ok {
		r.Reason, r.Detail = RevocationRefused, refused.Status.String()
	}
	return r
}

// answer judges an OCSP response about the certificate at index i.
func (t *study) answer(raw []byte, b *basic, i int, m Method) Revocation {
	r := Revocation{Certificate: i, Method: m, Revoked: Unknown, Fresh: Unknown}
	r.Signature, r.Reason = b.verify(t.issuerOf(i), t.Date)
	response, err := ocsp.ParseResponseForCert(raw, bySerial(t.certs[i]), nil)
	if err != nil {
		// All parts were there, so it is the certificate of the responder or
		// its signature that the library does not like.
		r.Detail = clip(printable(err.Error()))
		if r.Reason == "" {
			r.Reason = RevocationUnsupported
		}
		return r
	}
	r.ThisUpdate, r.NextUpdate = response.ThisUpdate.UTC(), response.NextUpdate.UTC()
	if response.NextUpdate.IsZero() {
		r.NextUpdate = time.Time{}
	}
	if len(response.RawResponderName) > 0 {
		r.Responder = readName(response.RawResponderName).text
	} else {
		r.Responder = short(response.ResponderKeyHash)
	}
	switch response.Status {
	case ocsp.Good:
		r.Status = "good"
	case ocsp.Revoked:
		r.Status, r.RevokedAt, r.Why = "revoked", response.RevokedAt.UTC(), crlReasons[response.RevocationReason]
	default:
		r.Status = "unknown"
	}
	r.Fresh = fresh(t.Date, r.ThisUpdate, r.NextUpdate)
	r.conclude(t.Date)
	return r
}

// conclude draws the conclusion. An old answer that a certificate is revoked
// still holds, an old one that it is good does not.
func (r *Revocation) conclude(date time.Time) {
	switch {
	case r.Signature == No && r.Reason == "":
		r.Reason = RevocationSignature
	case r.Signature != Yes:
	case r.Status == "revoked":
		r.Revoked = Yes
	case r.Status == "unknown":
		r.Reason = RevocationNotKnown
	case r.Fresh == Yes:
		r.Revoked = No
	case date.IsZero():
		r.Reason = RevocationNoDate
	default:
		r.Reason = RevocationStale
	}
}

func fresh(date, this, next time.Time) State {
	switch {
	case date.IsZero():
		return Unknown
	case date.Before(this), !next.IsZero() && date.After(next):
		return No
	case next.IsZero():
		return Unknown // newer answers are always to be had (RFC 6960 section 2.4)
	}
	return Yes
}

// basic is a BasicOCSPResponse (RFC 6960 section 4.2.1) as far as the library
// does not show it: which certificates of which issuer it is about, and how it
// is signed.
type basic struct {
	tbs       []byte
	signature signature
	bits      []byte
	certs     [][]byte
	ids       []certID
}

type certID struct {
	hash      crypto.Hash
	name, key []byte
	serial    []byte
}

const oidBasicOCSP = "1.3.6.1.5.5.7.48.1.1"

var errOCSP = errors.New("not an OCSP response")

func readBasic(raw []byte) (*basic, error) {
	in := cryptobyte.String(raw)
	var outer, wrapped, bytesOf, id, octets, response, tbs, algorithm cryptobyte.String
	var status int
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1Enum(&status) {
		return nil, errOCSP
	}
	if status != 0 {
		return nil, ocsp.ResponseError{Status: ocsp.ResponseStatus(status)}
	}
	if !outer.ReadASN1(&wrapped, asn1.Tag(0).Constructed().ContextSpecific()) || !wrapped.ReadASN1(&bytesOf, asn1.SEQUENCE) ||
		!bytesOf.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) || oid(id) != oidBasicOCSP || !bytesOf.ReadASN1(&octets, asn1.OCTET_STRING) ||
		!octets.ReadASN1(&response, asn1.SEQUENCE) || !response.ReadASN1Element(&tbs, asn1.SEQUENCE) || !response.ReadASN1Element(&algorithm, asn1.SEQUENCE) {
		return nil, errOCSP
	}
	b := &basic{tbs: tbs, signature: readSignature(algorithm)}
	var list cryptobyte.String
	var present bool
	if !response.ReadASN1BitStringAsBytes(&b.bits) || !response.ReadOptionalASN1(&list, &present, asn1.Tag(0).Constructed().ContextSpecific()) {
		return nil, errOCSP
	}
	if present {
		var all, one cryptobyte.String
		if !list.ReadASN1(&all, asn1.SEQUENCE) {
			return nil, errOCSP
		}
		for !all.Empty() && len(b.certs) < 10 {
			if !all.ReadASN1Element(&one, asn1.SEQUENCE) {
				return nil, errOCSP
			}
			b.certs = append(b.certs, one)
		}
	}
	return b, b.readIDs(tbs)
}

func (b *basic) readIDs(element cryptobyte.String) error {
	var tbs, responder, produced, responses cryptobyte.String
	var tag asn1.Tag
	if !element.ReadASN1(&tbs, asn1.SEQUENCE) || !tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) ||
		!tbs.ReadAnyASN1(&responder, &tag) || !tbs.ReadASN1(&produced, asn1.GeneralizedTime) || !tbs.ReadASN1(&responses, asn1.SEQUENCE) {
		return errOCSP
	}
	for !responses.Empty() && len(b.ids) < maxList {
		var single, id, algorithm, hash, name, key, serial cryptobyte.String
		if !responses.ReadASN1(&single, asn1.SEQUENCE) || !single.ReadASN1(&id, asn1.SEQUENCE) || !id.ReadASN1(&algorithm, asn1.SEQUENCE) ||
			!algorithm.ReadASN1(&hash, asn1.OBJECT_IDENTIFIER) || !id.ReadASN1(&name, asn1.OCTET_STRING) || !id.ReadASN1(&key, asn1.OCTET_STRING) ||
			!id.ReadASN1(&serial, asn1.INTEGER) {
			return errOCSP
		}
		b.ids = append(b.ids, certID{hashes[oid(hash)], name, key, serial})
	}
	return nil
}

// about reports whether the response is about a certificate: the serial number
// must fit, and name and key of the issuer, as serial numbers are only unique
// within one.
func (b *basic) about(c, issuer *certificate) bool {
	found := false
	for _, id := range b.ids {
		if len(c.serial) == 0 || !bytes.Equal(id.serial, c.serial) {
			continue
		}
		if found {
			return false // the library goes by the serial number alone and might take the other one
		}
		if id.hash == 0 || !bytes.Equal(digest(id.hash, c.issuer), id.name) ||
			issuer != nil && !bytes.Equal(digest(id.hash, publicBits(issuer.spki)), id.key) {
			return false
		}
		found = true
	}
	return found
}

func digest(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// publicBits is the content of the subjectPublicKey.
func publicBits(spki []byte) []byte {
	in := cryptobyte.String(spki)
	var outer cryptobyte.String
	var bits []byte
	if in.ReadASN1(&outer, asn1.SEQUENCE) && outer.SkipASN1(asn1.SEQUENCE) && outer.ReadASN1BitStringAsBytes(&bits) {
		return bits
	}
	return nil
}

// verify checks who signed the response: the issuer, or a responder with a
// certificate for that purpose which the issuer signed (RFC 6960 section
// 4.2.2.2).
func (b *basic) verify(issuer *certificate, date time.Time) (State, string) {
	if issuer == nil {
		return Unknown, RevocationNoIssuer
	}
	direct := b.signature.verify(issuer.key, b.tbs, b.bits)
	if direct == Yes {
		return Yes, ""
	}
	for _, der := range b.certs {
		if len(der) > maxDER {
			continue
		}
		responder := parse(der)
		if responder.err != nil || responder.tbs == nil {
			continue
		}
		switch b.signature.verify(responder.key, b.tbs, b.bits) {
		case No:
			continue
		case Unknown:
			return Unknown, RevocationUnsupported
		}
		if !bytes.Equal(responder.issuer, issuer.subject) || !slices.Contains(responder.purposes, "OCSPSigning") ||
			!date.IsZero() && (date.Before(responder.notBefore) || date.After(responder.notAfter)) {
			return No, RevocationUnauthorized
		}
		switch responder.signature.verify(issuer.key, responder.tbs, responder.signatureBits) {
		case Yes:
			return Yes, ""
		case Unknown:
			return Unknown, RevocationUnsupported
		}
		return No, RevocationUnauthorized
	}
	if direct == Unknown {
		return Unknown, RevocationUnsupported
	}
	return No, RevocationSignature
}

// bySerial is a certificate with nothing but the serial number, by which the
// library looks for the part of a response.
func bySerial(c *certificate) *x509.Certificate {
	return &x509.Certificate{SerialNumber: c.serialNumber()}
}

// serialNumber is the serial number with its sign.
func (c *certificate) serialNumber() *big.Int {
	n := new(big.Int).SetBytes(c.serial)
	if c.negative() {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(c.serial))))
	}
	return n
}

// OCSPRequest is the request for the status of a certificate, as it is sent to
// a responder (RFC 6960 section 4.1; SHA-1 as RFC 5019 has it). Both are DER;
// they need not be such that the standard library can read them.
func OCSPRequest(certificate, issuer []byte) ([]byte, error) {
	c, ca := parse(certificate), parse(issuer)
	return c.request(ca)
}

func (c *certificate) request(issuer *certificate) ([]byte, error) {
	key := publicBits(issuer.spki)
	if c.issuer == nil || len(c.serial) == 0 || key == nil {
		return nil, errors.New("certificate or issuer cannot be read")
	}
	q := ocsp.Request{HashAlgorithm: crypto.SHA1, IssuerNameHash: digest(crypto.SHA1, c.issuer), IssuerKeyHash: digest(crypto.SHA1, key), SerialNumber: c.serialNumber()}
	return q.Marshal()
}

// web reports whether a URL is one that can be fetched.
func web(url string) bool {
	l := strings.ToLower(url)
	return strings.HasPrefix(l, "http://") || strings.HasPrefix(l, "https://")
}
