package wire

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

// A Certificate as it was sent in a handshake. Those of WebRTC are self-signed
// and bound to the session by a fingerprint in its description.
type Certificate struct {
	DER                 []byte
	Key                 string // "ECDSA", "RSA", "Ed25519"; "" if the certificate cannot be parsed
	Bits                int    // of the key
	Curve               string // of ECDSA: "P-256"
	Signature           string // algorithm: "ECDSA-SHA256"
	Name                string // common name of the subject
	NotBefore, NotAfter time.Time
	SelfSigned          bool // issuer and subject are the same
}

// maxChain bounds the certificates of one side that are kept.
const maxChain = 10

// ParseCertificate reads a certificate as far as it can.
func ParseCertificate(der []byte) Certificate {
	c := Certificate{DER: der}
	x, err := x509.ParseCertificate(der)
	if err != nil {
		return c
	}
	c.NotBefore, c.NotAfter = x.NotBefore, x.NotAfter
	c.Signature = x.SignatureAlgorithm.String()
	c.Name = printable([]byte(x.Subject.CommonName))
	c.SelfSigned = string(x.RawIssuer) == string(x.RawSubject)
	switch k := x.PublicKey.(type) {
	case *ecdsa.PublicKey:
		c.Key, c.Bits, c.Curve = "ECDSA", k.Curve.Params().BitSize, k.Curve.Params().Name
	case *rsa.PublicKey:
		c.Key, c.Bits = "RSA", k.N.BitLen()
	case ed25519.PublicKey:
		c.Key, c.Bits = "Ed25519", 256
	default:
		c.Key = x.PublicKeyAlgorithm.String()
	}
	return c
}

// Fingerprint returns the fingerprint of a certificate as session descriptions
// write it, RFC 8122: "sha-256 AB:CD:…". Ok is false of a hash that the RFC
// does not name or nobody uses: it knows md5, sha-1, sha-224, sha-256, sha-384
// and sha-512.
func (c Certificate) Fingerprint(hash string) (text string, ok bool) {
	var sum []byte
	hash = strings.ToLower(hash)
	switch hash {
	case "md5":
		s := md5.Sum(c.DER)
		sum = s[:]
	case "sha-1":
		s := sha1.Sum(c.DER)
		sum = s[:]
	case "sha-224":
		s := sha256.Sum224(c.DER)
		sum = s[:]
	case "sha-256":
		s := sha256.Sum256(c.DER)
		sum = s[:]
	case "sha-384":
		s := sha512.Sum384(c.DER)
		sum = s[:]
	case "sha-512":
		s := sha512.Sum512(c.DER)
		sum = s[:]
	default:
		return "", false
	}
	return hash + " " + strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"), true
}
