package chain

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// key is a SubjectPublicKeyInfo.
type key struct {
	family   string // as norms speak of it: "RSA", "ECDSA", …
	name     string // of the algorithm, or its OID
	curve    string
	explicit bool
	bits     int
	n, e     *big.Int // of RSA
	public   any      // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey or *point; nil if signatures cannot be checked with it
}

func (k key) exponent() string {
	switch {
	case k.e == nil:
		return ""
	case k.e.BitLen() > 64:
		return "large"
	}
	return k.e.String()
}

// algorithms of keys (RFC 3279, 4055, 5480, 8410, 9881, 9909 and others).
var keyAlgorithms = map[string]struct{ family, name string }{
	"1.2.840.113549.1.1.1":    {"RSA", "rsaEncryption"},
	"1.2.840.113549.1.1.7":    {"RSA", "id-RSAES-OAEP"},
	"1.2.840.113549.1.1.10":   {"RSA", "id-RSASSA-PSS"},
	"1.2.840.10045.2.1":       {"ECDSA", "id-ecPublicKey"},
	"1.3.132.1.12":            {"ECDH", "id-ecDH"},
	"1.3.132.1.13":            {"ECDH", "id-ecMQV"},
	"1.3.101.110":             {"ECDH", "id-X25519"},
	"1.3.101.111":             {"ECDH", "id-X448"},
	"1.3.101.112":             {"EdDSA", "id-Ed25519"},
	"1.3.101.113":             {"EdDSA", "id-Ed448"},
	"1.2.840.10040.4.1":       {"DSA", "id-dsa"},
	"1.2.840.10046.2.1":       {"DH", "dhpublicnumber"},
	"1.2.840.113549.1.3.1":    {"DH", "dhKeyAgreement"},
	"2.16.840.1.101.3.4.3.17": {"ML-DSA", "id-ml-dsa-44"},
	"2.16.840.1.101.3.4.3.18": {"ML-DSA", "id-ml-dsa-65"},
	"2.16.840.1.101.3.4.3.19": {"ML-DSA", "id-ml-dsa-87"},
	"2.16.840.1.101.3.4.3.20": {"SLH-DSA", "id-slh-dsa-sha2-128s"},
	"2.16.840.1.101.3.4.3.21": {"SLH-DSA", "id-slh-dsa-sha2-128f"},
	"2.16.840.1.101.3.4.3.22": {"SLH-DSA", "id-slh-dsa-sha2-192s"},
	"2.16.840.1.101.3.4.3.23": {"SLH-DSA", "id-slh-dsa-sha2-192f"},
	"2.16.840.1.101.3.4.3.24": {"SLH-DSA", "id-slh-dsa-sha2-256s"},
	"2.16.840.1.101.3.4.3.25": {"SLH-DSA", "id-slh-dsa-sha2-256f"},
	"2.16.840.1.101.3.4.3.26": {"SLH-DSA", "id-slh-dsa-shake-128s"},
	"2.16.840.1.101.3.4.3.27": {"SLH-DSA", "id-slh-dsa-shake-128f"},
	"2.16.840.1.101.3.4.3.28": {"SLH-DSA", "id-slh-dsa-shake-192s"},
	"2.16.840.1.101.3.4.3.29": {"SLH-DSA", "id-slh-dsa-shake-192f"},
	"2.16.840.1.101.3.4.3.30": {"SLH-DSA", "id-slh-dsa-shake-256s"},
	"2.16.840.1.101.3.4.3.31": {"SLH-DSA", "id-slh-dsa-shake-256f"},
	"1.2.643.2.2.19":          {"GOST", "id-GostR3410-2001"},
	"1.2.643.7.1.1.1.1":       {"GOST", "id-tc26-gost3410-12-256"},
	"1.2.643.7.1.1.1.2":       {"GOST", "id-tc26-gost3410-12-512"},
}

// namedCurves are curves by OID with their IANA name and the bits of their
// order.
var namedCurves = map[string]struct {
	name string
	bits int
}{
	"1.2.840.10045.3.1.1":   {"secp192r1", 192},
	"1.2.840.10045.3.1.7":   {"secp256r1", 256},
	"1.3.132.0.6":           {"secp112r1", 112},
	"1.3.132.0.28":          {"secp128r1", 128},
	"1.3.132.0.8":           {"secp160r1", 161},
	"1.3.132.0.9":           {"secp160k1", 161},
	"1.3.132.0.30":          {"secp160r2", 161},
	"1.3.132.0.31":          {"secp192k1", 192},
	"1.3.132.0.32":          {"secp224k1", 225},
	"1.3.132.0.33":          {"secp224r1", 224},
	"1.3.132.0.10":          {"secp256k1", 256},
	"1.3.132.0.34":          {"secp384r1", 384},
	"1.3.132.0.35":          {"secp521r1", 521},
	"1.3.132.0.1":           {"sect163k1", 163},
	"1.3.132.0.15":          {"sect163r2", 163},
	"1.3.132.0.26":          {"sect233k1", 232},
	"1.3.132.0.27":          {"sect233r1", 233},
	"1.3.132.0.16":          {"sect283k1", 281},
	"1.3.132.0.17":          {"sect283r1", 282},
	"1.3.132.0.36":          {"sect409k1", 407},
	"1.3.132.0.37":          {"sect409r1", 409},
	"1.3.132.0.38":          {"sect571k1", 570},
	"1.3.132.0.39":          {"sect571r1", 570},
	"1.3.36.3.3.2.8.1.1.1":  {"brainpoolP160r1", 160},
	"1.3.36.3.3.2.8.1.1.3":  {"brainpoolP192r1", 192},
	"1.3.36.3.3.2.8.1.1.5":  {"brainpoolP224r1", 224},
	"1.3.36.3.3.2.8.1.1.7":  {"brainpoolP256r1", 256},
	"1.3.36.3.3.2.8.1.1.8":  {"brainpoolP256t1", 256},
	"1.3.36.3.3.2.8.1.1.9":  {"brainpoolP320r1", 320},
	"1.3.36.3.3.2.8.1.1.11": {"brainpoolP384r1", 384},
	"1.3.36.3.3.2.8.1.1.12": {"brainpoolP384t1", 384},
	"1.3.36.3.3.2.8.1.1.13": {"brainpoolP512r1", 512},
	"1.3.36.3.3.2.8.1.1.14": {"brainpoolP512t1", 512},
	"1.2.156.10197.1.301":   {"curveSM2", 256},
}

// readKey reads a SubjectPublicKeyInfo. The family is set even if the key
// itself cannot be read.
func readKey(spki []byte) (key, error) {
	var k key
	var outer, algorithm, id cryptobyte.String
	var public []byte
	in := cryptobyte.String(spki)
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !outer.ReadASN1(&algorithm, asn1.SEQUENCE) || !algorithm.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) {
		return key{family: "unknown"}, errors.New("the public key has no algorithm")
	}
	k.family, k.name = "unknown", clip(oid(id))
	if a, ok := keyAlgorithms[k.name]; ok {
		k.family, k.name = a.family, a.name
	}
	if !outer.ReadASN1BitStringAsBytes(&public) {
		return k, errors.New("the public key is not a bit string")
	}
	switch {
	case k.family == "RSA":
		return k, k.readRSA(public)
	case k.name == "id-ecPublicKey", k.family == "ECDH" && len(algorithm) > 0:
		return k, k.readCurve(algorithm, public)
	case k.name == "id-Ed25519":
		k.curve, k.bits = "ed25519", 256
		if len(public) != ed25519.PublicKeySize {
			return k, errors.New("an Ed25519 key has 32 bytes")
		}
		k.public = ed25519.PublicKey(public)
	case k.name == "id-Ed448":
		k.curve, k.bits = "ed448", 448
	case k.name == "id-X25519":
		k.curve, k.bits = "x25519", 256
	case k.name == "id-X448":
		k.curve, k.bits = "x448", 448
	case k.family == "DSA", k.family == "DH":
		var params cryptobyte.String
		p := new(big.Int)
		if algorithm.Empty() {
			return k, nil // inherited from the issuer (RFC 3279 section 2.3.2)
		}
		if !algorithm.ReadASN1(&params, asn1.SEQUENCE) || !params.ReadASN1Integer(p) || p.Sign() < 0 {
			return k, errors.New("the parameters of the public key cannot be read")
		}
		k.bits = p.BitLen()
	}
	return k, nil
}

func (k *key) readRSA(public []byte) error {
	in := cryptobyte.String(public)
	var pair cryptobyte.String
	n, e := new(big.Int), new(big.Int)
	if !in.ReadASN1(&pair, asn1.SEQUENCE) || !pair.ReadASN1Integer(n) || !pair.ReadASN1Integer(e) {
		return errors.New("modulus and exponent of the RSA key cannot be read")
	}
	if n.Sign() <= 0 || e.Sign() <= 0 {
		return errors.New("modulus or exponent of the RSA key is not positive")
	}
	k.n, k.e, k.bits = n, e, n.BitLen()
	if k.bits <= maxRSA && e.BitLen() < 32 {
		k.public = &rsa.PublicKey{N: n, E: int(e.Int64())}
	}
	return nil
}

// readCurve reads the parameters of RFC 3279 section 2.3.5 and the point.
func (k *key) readCurve(params cryptobyte.String, public []byte) error {
	var id cryptobyte.String
	switch {
	case params.PeekASN1Tag(asn1.OBJECT_IDENTIFIER):
		params.ReadASN1(&id, asn1.OBJECT_IDENTIFIER)
		k.curve = clip(oid(id))
		if c, ok := namedCurves[k.curve]; ok {
			k.curve, k.bits = c.name, c.bits
		}
		if k.curve == "curveSM2" {
			k.family = "SM2"
		}
	case params.PeekASN1Tag(asn1.SEQUENCE):
		k.explicit = true
		if err := k.readExplicit(params); err != nil {
			return err
		}
	default:
		return errors.New("the curve of the public key is not named")
	}
	return k.readPoint(public)
}

func (k *key) readExplicit(params cryptobyte.String) error {
	var s, field, kind, curve, base cryptobyte.String
	var a, b cryptobyte.String
	var version int64
	p, order := new(big.Int), new(big.Int)
	if !params.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1Integer(&version) || !s.ReadASN1(&field, asn1.SEQUENCE) || !field.ReadASN1(&kind, asn1.OBJECT_IDENTIFIER) {
		return errors.New("the parameters of the curve cannot be read")
	}
	const primeField = "1.2.840.10045.1.1"
	prime := oid(kind) == primeField
	if prime && !field.ReadASN1Integer(p) || !s.ReadASN1(&curve, asn1.SEQUENCE) || !curve.ReadASN1(&a, asn1.OCTET_STRING) || !curve.ReadASN1(&b, asn1.OCTET_STRING) ||
		!s.ReadASN1(&base, asn1.OCTET_STRING) || !s.ReadASN1Integer(order) || order.Sign() <= 0 {
		return errors.New("the parameters of the curve cannot be read")
	}
	k.bits = order.BitLen()
	if !prime {
		return nil
	}
	for name, c := range curves() {
		size := (c.p.BitLen() + 7) / 8
		if c.p.Cmp(p) == 0 && c.n.Cmp(order) == 0 && c.a.Cmp(number(a)) == 0 && c.b.Cmp(number(b)) == 0 &&
			len(base) > size && base[0] >= 2 && base[0] <= 4 && c.gx.Cmp(number(base[1:1+size])) == 0 {
			// The sign of a compressed base point is not looked at: with
			// the other one the name would be wrong and no signature fits.
			k.curve = name
		}
	}
	return nil
}

func number(b []byte) *big.Int { return new(big.Int).SetBytes(b) }

// readPoint makes a key that signatures can be checked with, where the curve
// is known here.
func (k *key) readPoint(public []byte) error {
	if k.family == "ECDH" {
		return nil
	}
	var standard elliptic.Curve
	switch k.curve {
	case "secp224r1":
		standard = elliptic.P224()
	case "secp256r1":
		standard = elliptic.P256()
	case "secp384r1":
		standard = elliptic.P384()
	case "secp521r1":
		standard = elliptic.P521()
	}
	c, known := curves()[k.curve]
	if !known {
		return nil
	}
	q := c.point(public)
	if q == nil {
		return fmt.Errorf("the public key is not a point on %s", k.curve)
	}
	k.public = q
	if standard != nil {
		var err error
		k.public, err = ecdsa.ParseUncompressedPublicKey(standard, q.bytes())
		return err
	}
	return nil
}
