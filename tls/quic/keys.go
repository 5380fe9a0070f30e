package quic

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"

	"vksprobe/tls/hello"
)

// constants are what versions differ in beside the types of packets.
type constants struct {
	salt       string // of the Initial secret
	key        string // labels
	iv         string
	hp         string
	retryKey   string
	retryNonce string
}

// constantsOf returns those of RFC 9001 or, for version 2, of RFC 9369
// section 3.3. A version that is not known has those of version 1: whoever
// does not know it either does not read that far.
func constantsOf(version uint32) constants {
	if version == Version2 {
		return constants{
			"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
			"quicv2 key", "quicv2 iv", "quicv2 hp",
			"\x8f\xb4\xb0\x1b\x56\xac\x48\xe2\x60\xfb\xcb\xce\xad\x7c\xcc\x92", "\xd8\x69\x69\xbc\x2d\x7c\x6d\x99\x90\xef\xb0\x4a"}
	}
	return constants{
		"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
		"quic key", "quic iv", "quic hp",
		"\xbe\x0c\x69\x0b\x9f\x66\x57\x5a\x1d\x76\x6b\x54\xe3\x68\xc8\x4e", "\x46\x15\x99\xd3\x5d\x63\x2b\xf2\x23\x98\x25\xbb"}
}

// keys protect the packets of one side at one level.
type keys struct {
	aead cipher.AEAD
	iv   []byte
	mask func(sample []byte) []byte // of header protection, 5 bytes
}

const (
	sampleSize = 16
	tagSize    = 16
)

// initialKeys derives the keys of Initial packets (RFC 9001 section 5.2).
func initialKeys(version uint32, destination []byte) (client, server *keys) {
	secret, err := hkdf.Extract(sha256.New, destination, []byte(constantsOf(version).salt))
	if err != nil {
		panic(err) // only in FIPS mode, with lengths that are not ours
	}
	of := func(label string) *keys {
		k, err := packetKeys(version, 0x1301, sha256.New, hello.ExpandLabel(sha256.New, secret, label, sha256.Size))
		if err != nil {
			panic(err) // a suite of ours
		}
		return k
	}
	return of("client in"), of("server in")
}

// packetKeys derives keys from a secret of TLS (RFC 9001 section 5.1).
func packetKeys(version uint32, suite uint16, h func() hash.Hash, secret []byte) (*keys, error) {
	c := constantsOf(version)
	size := 32
	switch suite {
	case 0x1301:
		size = 16
	case 0x1302, 0x1303:
	default:
		return nil, fmt.Errorf("no packet protection for cipher suite 0x%04X", suite)
	}
	key, hp := hello.ExpandLabel(h, secret, c.key, size), hello.ExpandLabel(h, secret, c.hp, size)
	k := &keys{iv: hello.ExpandLabel(h, secret, c.iv, 12)}
	if suite == 0x1303 {
		k.mask = func(sample []byte) []byte { return chachaMask(hp, sample) }
		var err error
		k.aead, err = chacha20poly1305.New(key)
		return k, err
	}
	block, err := aes.NewCipher(hp)
	if err != nil {
		return nil, err
	}
	k.mask = func(sample []byte) []byte {
		out := make([]byte, sampleSize)
		block.Encrypt(out, sample)
		return out[:5]
	}
	k.aead, err = gcm(key)
	return k, err
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// chachaMask is the mask of RFC 9001 section 5.4.4.
func chachaMask(key, sample []byte) []byte {
	c, err := chacha20.NewUnauthenticatedCipher(key, sample[4:])
	if err != nil {
		panic(err) // lengths of ours
	}
	c.SetCounter(binary.LittleEndian.Uint32(sample))
	mask := make([]byte, 5)
	c.XORKeyStream(mask, mask)
	return mask
}

// nonce is that of a packet.
func (k *keys) nonce(number uint64) []byte {
	n := make([]byte, len(k.iv))
	binary.BigEndian.PutUint64(n[len(n)-8:], number)
	for i, b := range k.iv {
		n[i] ^= b
	}
	return n
}

// retryTag returns the integrity tag of a Retry packet that answers a
// connection ID (RFC 9001 section 5.8); packet is without the tag.
func retryTag(version uint32, original, packet []byte) []byte {
	c := constantsOf(version)
	aead, err := gcm([]byte(c.retryKey))
	if err != nil {
		panic(err) // a key of ours
	}
	pseudo := append([]byte{byte(len(original))}, original...)
	return aead.Seal(nil, []byte(c.retryNonce), nil, append(pseudo, packet...))
}
