package dtls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"strings"
	"time"
)

// An Identity is what a session description says about who will come: ICE
// credentials and a certificate. Each join has one of its own.
type Identity struct {
	Ufrag       string // of ICE
	Password    string // of ICE, a secret while the session lasts
	Fingerprint string // "sha-256 AB:CD:…", of Certificate
	Certificate tls.Certificate
}

// NewIdentity makes an identity with a self-signed certificate of the kind
// that browsers have: ECDSA with P-256 (RFC 8827 section 6.5).
func NewIdentity() (*Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return newIdentity(key)
}

func newIdentity(key crypto.Signer) (*Identity, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(30 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &Identity{Ufrag: rand.Text()[:8], Password: rand.Text(), Fingerprint: "sha-256 " + digest(der),
		Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}

// digest is a fingerprint of RFC 8122 without the name of its hash, SHA-256.
func digest(der []byte) string {
	sum := sha256.Sum256(der)
	var b strings.Builder
	for i, c := range sum {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{c})))
	}
	return b.String()
}
