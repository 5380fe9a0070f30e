package hello

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"

	"vksprobe/tls/hello/iana"
)

// exchange says what the ServerKeyExchange of a suite looks like.
type exchange struct {
	way    string
	hint   bool // begins with a PSK identity hint
	signed bool
}

func suiteOf(code uint16) exchange {
	s, _ := iana.Suite(code)
	e := exchange{hint: s.Authentication == "PSK"}
	switch s.Authentication {
	case "RSA", "DSS", "ECDSA":
		e.signed = true
	}
	switch {
	case s.KeyExchange == "ECDHE":
		e.way = exchangeECDHE
	case s.KeyExchange == "DHE":
		e.way = exchangeDHE
	case s.KeyExchange == "RSA" && s.Export:
		e.way = exchangeRSA
	}
	return e
}

// suite12 is a cipher suite of TLS 1.0 to 1.2 that a client without
// certificate can complete a handshake with.
type suite12 struct {
	way  string // exchangeRSA means the key of the certificate
	bulk bulk
	mac  func() hash.Hash // nil of an AEAD
	prf  func() hash.Hash // of TLS 1.2
}

// bulk is the cipher of a suite: an AEAD with the fixed part of its nonce, a
// block cipher for CBC or, with neither, RC4 or NULL.
type bulk struct {
	key, iv, explicit int // lengths; explicit is that of the nonce in a record
	aead              func(key []byte) (cipher.AEAD, error)
	block             func(key []byte) (cipher.Block, error)
}

// algorithm is what makes up a bulk in the registry.
type algorithm struct {
	cipher string
	mode   iana.Mode
	bits   int
}

// bulks are the ciphers that there is code for.
var bulks = map[algorithm]bulk{
	{"AES", iana.GCM, 128}:           {key: 16, iv: 4, explicit: 8, aead: gcm},
	{"AES", iana.GCM, 256}:           {key: 32, iv: 4, explicit: 8, aead: gcm},
	{"CHACHA20", iana.Poly1305, 256}: {key: 32, iv: 12, aead: chacha20poly1305.New},
	{"AES", iana.CBC, 128}:           {key: 16, iv: 16, block: aes.NewCipher},
	{"AES", iana.CBC, 256}:           {key: 32, iv: 16, block: aes.NewCipher},
	{"3DES", iana.CBC, 168}:          {key: 24, iv: 8, block: des.NewTripleDESCipher},
	{"DES", iana.CBC, 56}:            {key: 8, iv: 8, block: des.NewCipher},
	{"RC4", "", 128}:                 {key: 16},
	{"NULL", "", 0}:                  {},
}

var hashes = map[string]func() hash.Hash{"MD5": md5.New, "SHA": sha1.New, "SHA256": sha256.New, "SHA384": sha512.New384}

// gcm is AES in the mode of most suites.
func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// suite12Of returns a suite that can be finished. Those that IANA never had
// are left out: their names hide other constructions.
func suite12Of(code uint16) (suite12, bool) {
	r, ok := iana.Suite(code)
	bulk, known := bulks[algorithm{r.Cipher, r.Mode, r.Bits}]
	s := suite12{way: suiteOf(code).way, bulk: bulk, mac: hashes[r.MAC], prf: hashes[r.Hash]}
	if r.KeyExchange == "RSA" {
		s.way = exchangeRSA
	}
	ok = ok && known && s.way != "" && s.prf != nil && r.AEAD == (s.mac == nil) && r.Authentication != "PSK" && !r.Export && !r.Unregistered
	return s, ok
}

// CanFinish reports whether [Flight.Finish] knows the suite: those of TLS
// 1.3 with GCM or ChaCha20, and before that what needs no certificate or
// shared key of ours, with AES in CBC or GCM, ChaCha20, DES, 3DES, RC4 or
// NULL.
func CanFinish(suite uint16) bool {
	_, ok := suite12Of(suite)
	_, err := suite13Of(suite)
	return ok || err == nil
}
