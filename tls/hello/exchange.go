package hello

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxModulus bounds, in bits, the numbers that a server can make us reckon
// with.
const maxModulus = 16384

// exchanged is our side of a key exchange before TLS 1.3.
type exchanged struct {
	message   []byte // ClientKeyExchange, header and all
	premaster []byte
}

// made returns bytes that a client would pick at random: always the same ones
// for one purpose and Flight.
type made struct {
	secret  []byte
	purpose string
	n       byte
	left    []byte
}

func (m *made) Read(b []byte) (int, error) {
	if len(m.left) == 0 {
		h := hmac.New(sha256.New, m.secret)
		io.WriteString(h, m.purpose)
		h.Write([]byte{m.n})
		m.n, m.left = m.n+1, h.Sum(nil)
	}
	n := copy(b, m.left)
	m.left = m.left[n:]
	return n, nil
}

func (f *Flight) make(purpose string, n int) []byte {
	b := make([]byte, n)
	io.ReadFull(&made{secret: f.Secret, purpose: purpose}, b)
	return b
}

// exchange makes our key exchange from what the server has sent and Secret.
func (f *Flight) exchange() (*exchanged, error) {
	if f.exchanged != nil {
		return f.exchanged, nil
	}
	suite, ok := suite12Of(f.ServerHello.CipherSuite)
	switch {
	case f.ClientHello == nil:
		return nil, errHello
	case len(f.Secret) == 0:
		return nil, errors.New("there is no secret to make a key from")
	case !ok:
		return nil, fmt.Errorf("cipher suite 0x%04X is not one that this package can finish", f.ServerHello.CipherSuite)
	}
	var premaster, body []byte
	var err error
	switch suite.way {
	case exchangeRSA:
		premaster, body, err = f.encryptedPremaster()
	case exchangeDHE:
		premaster, body, err = f.diffieHellman()
	default:
		premaster, body, err = f.ellipticDiffieHellman()
	}
	if err != nil {
		return nil, fmt.Errorf("key exchange: %w", err)
	}
	f.exchanged = &exchanged{Message(TypeClientKeyExchange, body), premaster}
	return f.exchanged, nil
}

func (f *Flight) ellipticDiffieHellman() (premaster, body []byte, err error) {
	k := f.KeyExchange
	if k == nil || k.Explicit {
		return nil, nil, errors.ErrUnsupported
	}
	if group, ok := kemOf(k.Group); !ok || group.bits != 0 {
		return nil, nil, fmt.Errorf("group %d: %w", k.Group, errors.ErrUnsupported)
	}
	share, err := NewShare(k.Group, &made{secret: f.Secret, purpose: "ECDHE"})
	if err != nil {
		return nil, nil, err
	}
	premaster, err = share.secret(k.Public)
	return premaster, append([]byte{byte(len(share.Public))}, share.Public...), err
}

func (f *Flight) diffieHellman() (premaster, body []byte, err error) {
	k := f.KeyExchange
	if k == nil {
		return nil, nil, errMalformed
	}
	p := new(big.Int).SetBytes(k.Prime)
	if p.BitLen() < 2 || p.BitLen() > maxModulus {
		return nil, nil, fmt.Errorf("a prime of %d bits", p.BitLen())
	}
	number := func(b []byte) *big.Int { n := new(big.Int).SetBytes(b); return n.Mod(n, p) }
	x := new(big.Int).SetBytes(f.make("DHE", 32)) // short, as RFC 7919 section 5.2 allows
	premaster = new(big.Int).Exp(number(k.Public), x, p).Bytes()
	public := new(big.Int).Exp(number(k.Generator), x, p).Bytes()
	return premaster, append([]byte{byte(len(public) >> 8), byte(len(public))}, public...), nil
}

// encryptedPremaster encrypts by PKCS #1 v1.5 as the standard library would,
// but can do it again, and with keys of any size.
func (f *Flight) encryptedPremaster() (premaster, body []byte, err error) {
	if len(f.Certificates) == 0 {
		return nil, nil, errors.New("no certificate")
	}
	n, e, err := rsaKey(f.Certificates[0].DER)
	if err != nil {
		return nil, nil, err
	}
	size := (n.BitLen() + 7) / 8
	premaster = f.make("RSA", 48)
	version := f.ClientHello.Version
	premaster[0], premaster[1] = byte(version>>8), byte(version)
	if size < len(premaster)+11 || n.BitLen() > maxModulus {
		return nil, nil, fmt.Errorf("a modulus of %d bits", n.BitLen())
	}
	padding := f.make("PKCS #1", size-len(premaster)-3)
	for i := range padding {
		padding[i] |= 1 // not zero
	}
	block := append(append([]byte{0, 2}, padding...), 0)
	m := new(big.Int).SetBytes(append(block, premaster...))
	ciphertext := m.Exp(m, e, n).FillBytes(make([]byte, size))
	return premaster, append([]byte{byte(size >> 8), byte(size)}, ciphertext...), nil
}

// rsaKey finds the RSA key in a certificate, however odd the rest of it is.
func rsaKey(der []byte) (n, e *big.Int, err error) {
	s := cryptobyte.String(der)
	var certificate, tbs, info, bits, key cryptobyte.String
	n, e = new(big.Int), new(big.Int)
	if !s.ReadASN1(&certificate, asn1.SEQUENCE) || !certificate.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) || !tbs.SkipASN1(asn1.INTEGER) {
		return nil, nil, errMalformed
	}
	for range 4 { // signature, issuer, validity, subject
		if !tbs.SkipASN1(asn1.SEQUENCE) {
			return nil, nil, errMalformed
		}
	}
	var algorithm cryptobyte.String
	if !tbs.ReadASN1(&info, asn1.SEQUENCE) || !info.ReadASN1(&algorithm, asn1.SEQUENCE) || !info.ReadASN1(&bits, asn1.BIT_STRING) || !bits.Skip(1) ||
		!bits.ReadASN1(&key, asn1.SEQUENCE) || !key.ReadASN1Integer(n) || !key.ReadASN1Integer(e) {
		return nil, nil, fmt.Errorf("not an RSA key: %w", errMalformed)
	}
	if n.Sign() <= 0 || e.Sign() <= 0 || e.BitLen() > 64 {
		return nil, nil, fmt.Errorf("not an RSA key: %w", errMalformed)
	}
	return n, e, nil
}
