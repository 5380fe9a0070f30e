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
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// exchange says what the ServerKeyExchange of a suite looks like.
type exchange struct {
	way    string
	hint   bool // begins with a PSK identity hint
	signed bool
}

func suiteOf(code uint16) exchange {
	name := suiteNames[code]
	kx, _, _ := strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	e := exchange{hint: strings.Contains(kx, "PSK"), signed: !strings.Contains(kx, "PSK") && !strings.Contains(kx, "anon")}
	switch {
	case strings.HasPrefix(kx, "ECDHE_") || kx == "ECDH_anon":
		e.way = exchangeECDHE
	case strings.HasPrefix(kx, "DHE_") || kx == "DH_anon" || kx == "DH_anon_EXPORT":
		e.way = exchangeDHE
	case kx == "RSA_EXPORT" || kx == "RSA_EXPORT1024":
		e.way = exchangeRSA
	}
	return e
}

var suiteNames = map[uint16]string{
	0x0002: "TLS_RSA_WITH_NULL_SHA", 0x0004: "TLS_RSA_WITH_RC4_128_MD5", 0x0005: "TLS_RSA_WITH_RC4_128_SHA", 0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
	0x0016: "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", 0x0018: "TLS_DH_anon_WITH_RC4_128_MD5", 0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
	0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", 0x0034: "TLS_DH_anon_WITH_AES_128_CBC_SHA", 0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
	0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", 0x003B: "TLS_RSA_WITH_NULL_SHA256", 0x003C: "TLS_RSA_WITH_AES_128_CBC_SHA256", 0x003D: "TLS_RSA_WITH_AES_256_CBC_SHA256",
	0x0067: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", 0x006B: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
	0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256", 0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384", 0x009E: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", 0x009F: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
	0xC007: "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", 0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
	0xC011: "TLS_ECDHE_RSA_WITH_RC4_128_SHA", 0xC012: "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", 0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
	0xC018: "TLS_ECDH_anon_WITH_AES_128_CBC_SHA",
	0xC023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", 0xC024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", 0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", 0xC028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
	0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
	0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCAA: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}

// suite12 is a cipher suite of TLS 1.0 to 1.2 that a client without
// certificate can complete a handshake with.
type suite12 struct {
	way  string // exchangeRSA means the key of the certificate
	bulk bulk
	mac  func() hash.Hash // nil of an AEAD
	prf  func() hash.Hash // of TLS 1.2
}

// bulk is the cipher of a suite: an AEAD with what is mixed to its nonce, a
// block cipher for CBC or, with neither, RC4 or NULL.
type bulk struct {
	key, iv, explicit int // lengths
	aead              func(key []byte) (cipher.AEAD, error)
	block             func(key []byte) (cipher.Block, error)
}

// bulks are the ciphers by their names in the registry.
var bulks = map[string]bulk{
	"AES_128_GCM":       {key: 16, iv: 4, explicit: 8, aead: gcm},
	"AES_256_GCM":       {key: 32, iv: 4, explicit: 8, aead: gcm},
	"CHACHA20_POLY1305": {key: 32, iv: 12, aead: chacha20poly1305.New},
	"AES_128_CBC":       {key: 16, iv: 16, block: aes.NewCipher},
	"AES_256_CBC":       {key: 32, iv: 16, block: aes.NewCipher},
	"3DES_EDE_CBC":      {key: 24, iv: 8, block: des.NewTripleDESCipher},
	"DES_CBC":           {key: 8, iv: 8, block: des.NewCipher},
	"RC4_128":           {key: 16},
	"NULL":              {},
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

// suite12Of reads the properties of a suite off its name.
func suite12Of(code uint16) (s suite12, ok bool) {
	kx, rest, _ := strings.Cut(strings.TrimPrefix(suiteNames[code], "TLS_"), "_WITH_")
	at := strings.LastIndexByte(rest, '_')
	e := suiteOf(code)
	if at < 0 || e.hint || e.way == exchangeRSA || e.way == "" && kx != "RSA" {
		return s, false
	}
	s.way = e.way
	if kx == "RSA" {
		s.way = exchangeRSA
	}
	mac, known := hashes[rest[at+1:]]
	if s.bulk, ok = bulks[rest[:at]]; !ok || !known {
		return s, false
	}
	s.prf = sha256.New
	if rest[at+1:] == "SHA384" {
		s.prf = sha512.New384
	}
	if s.bulk.aead == nil {
		s.mac = mac
	}
	return s, true
}

// CanFinish reports whether [Flight.Finish] knows the suite: those of TLS
// 1.3 with GCM or ChaCha20, and before that what needs no certificate or
// shared key of ours, with AES, ChaCha20, DES, 3DES, RC4 or NULL.
func CanFinish(suite uint16) bool {
	_, ok := suite12Of(suite)
	_, err := suite13Of(suite)
	return ok || err == nil
}
