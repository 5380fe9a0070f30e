package hello

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/cryptobyte"
)

// suite13 is a cipher suite of TLS 1.3.
type suite13 struct {
	key  int // length
	hash func() hash.Hash
	aead func(key []byte) (cipher.AEAD, error)
}

func suite13Of(code uint16) (suite13, error) {
	switch code {
	case 0x1301:
		return suite13{16, sha256.New, gcm}, nil
	case 0x1302:
		return suite13{32, sha512.New384, gcm}, nil
	case 0x1303:
		return suite13{32, sha256.New, chacha20poly1305.New}, nil
	}
	return suite13{}, fmt.Errorf("cipher suite 0x%04X is not one that this package can decrypt", code)
}

// expandLabel is HKDF-Expand-Label of RFC 8446 section 7.1.
func expandLabel(h func() hash.Hash, secret []byte, label string, context []byte, length int) []byte {
	var b cryptobyte.Builder
	b.AddUint16(uint16(length))
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("tls13 " + label)) })
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(context) })
	out, err := hkdf.Expand(h, secret, string(b.BytesOrPanic()), length)
	if err != nil {
		panic(err) // a length of ours
	}
	return out
}

func extract(h func() hash.Hash, secret, salt []byte) []byte {
	out, err := hkdf.Extract(h, secret, salt)
	if err != nil {
		panic(err) // only in FIPS mode, with lengths that are not ours
	}
	return out
}

// A protection opens and seals the records of one direction and epoch.
type protection struct {
	aead cipher.AEAD
	iv   []byte
	next uint64
}

func (s suite13) protect(secret []byte) (*protection, error) {
	aead, err := s.aead(expandLabel(s.hash, secret, "key", nil, s.key))
	if err != nil {
		return nil, err
	}
	return &protection{aead: aead, iv: expandLabel(s.hash, secret, "iv", nil, aead.NonceSize())}, nil
}

func (p *protection) nonce() []byte {
	nonce := make([]byte, len(p.iv))
	binary.BigEndian.PutUint64(nonce[len(nonce)-8:], p.next)
	for i, b := range p.iv {
		nonce[i] ^= b
	}
	p.next++
	return nonce
}

// open returns the content type and content of a record.
func (p *protection) open(header, ciphertext []byte) (content byte, plain []byte, err error) {
	plain, err = p.aead.Open(nil, p.nonce(), ciphertext, header)
	if err != nil {
		p.next-- // a record that is not ours does not count
		return 0, nil, err
	}
	for i := len(plain) - 1; i >= 0; i-- {
		if plain[i] != 0 {
			return plain[i], plain[:i], nil
		}
	}
	return 0, nil, errMalformed
}

// seal returns a whole record.
func (p *protection) seal(content byte, plain []byte) []byte {
	n := len(plain) + 1 + p.aead.Overhead()
	header := []byte{ContentApplicationData, 3, 3, byte(n >> 8), byte(n)}
	nonce := p.nonce()
	p.next--
	return p.aead.Seal(header, nonce, append(plain[:len(plain):len(plain)], content), header[:5])
}

func (p *protection) clone() protector { q := *p; return &q }

// secrets13 is the key schedule of one TLS 1.3 handshake (RFC 8446 section
// 7.1), as far as a client can follow it.
type secrets13 struct {
	suite            suite13
	handshake        []byte
	client, server   []byte // handshake traffic
	applicationInput []byte // derived secret from which the master secret is extracted
}

// derive is Derive-Secret of RFC 8446 section 7.1.
func (s suite13) derive(secret []byte, label string, transcript []byte) []byte {
	h := s.hash()
	h.Write(transcript)
	return expandLabel(s.hash, secret, label, h.Sum(nil), h.Size())
}

// schedule13 computes the secrets after a ServerHello. The pre-shared key and
// the shared secret may each be nil; transcript runs up to the ServerHello.
func schedule13(suite suite13, psk, shared, transcript []byte) secrets13 {
	zero := make([]byte, suite.hash().Size())
	if psk == nil {
		psk = zero
	}
	if shared == nil {
		shared = zero
	}
	early := extract(suite.hash, psk, nil)
	handshake := extract(suite.hash, shared, suite.derive(early, "derived", nil))
	return secrets13{suite: suite, handshake: handshake,
		client: suite.derive(handshake, "c hs traffic", transcript), server: suite.derive(handshake, "s hs traffic", transcript),
		applicationInput: suite.derive(handshake, "derived", nil)}
}

// master returns the master secret.
func (s secrets13) master() []byte {
	return extract(s.suite.hash, make([]byte, s.suite.hash().Size()), s.applicationInput)
}

// finished returns the verify_data of a Finished (RFC 8446 section 4.4.4).
func (s suite13) finished(secret, transcript []byte) []byte {
	h := s.hash()
	h.Write(transcript)
	key := expandLabel(s.hash, secret, "finished", nil, h.Size())
	mac := hmac.New(s.hash, key)
	mac.Write(h.Sum(nil))
	return mac.Sum(nil)
}

// A PSK is a pre-shared key that a ticket stands for (RFC 8446 section
// 4.6.1).
type PSK struct {
	Identity     []byte
	Key          []byte
	AgeAdd       uint32
	CipherSuite  uint16
	MaxEarlyData uint32
}

// Offer adds a pre_shared_key extension with its binder to a hello. The age
// is that of the ticket in milliseconds.
func (p PSK) Offer(c *ClientHello, age uint32) (*ClientHello, error) {
	suite, err := suite13Of(p.CipherSuite)
	if err != nil {
		return nil, err
	}
	size := suite.hash().Size()
	build := func(binder []byte) Extension {
		return extension(ExtPreSharedKey, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(p.Identity) })
				b.AddUint32(age + p.AgeAdd)
			})
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(binder) })
			})
		})
	}
	if _, ok := c.Extension(ExtPreSharedKey); ok {
		return nil, errors.New("the hello has a pre-shared key")
	}
	message := c.With(build(make([]byte, size))).Marshal()
	truncated := message[:len(message)-2-1-size] // without the list of binders
	early := extract(suite.hash, p.Key, nil)
	binder := suite.finished(suite.derive(early, "res binder", nil), truncated)
	return c.With(build(binder)), nil
}
