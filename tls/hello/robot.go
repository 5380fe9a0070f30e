package hello

import (
	"errors"
	"fmt"
	"math/big"
)

// A PKCS1Padding is how a ClientKeyExchange is made that asks a server whether it
// tells good blocks of PKCS #1 v1.5 from bad ones (Bleichenbacher 1998, again
// in 2017 as ROBOT). A sound server behaves alike for all (RFC 5246 section
// 7.4.7.1).
type PKCS1Padding string

// The paddings: the first is sound, the others have one fault each.
const (
	PaddingSound   PKCS1Padding = "sound"
	PaddingBegin   PKCS1Padding = "begin"   // 41 17 or 00 17 in place of 00 02
	PaddingZero    PKCS1Padding = "zero"    // no 00 that ends the padding
	PaddingPlace   PKCS1Padding = "place"   // the 00 where the secret is too short then
	PaddingVersion PKCS1Padding = "version" // a version in the secret that is not the hello's
)

// PKCS1Paddings returns all of them, the sound one first.
func PKCS1Paddings() []PKCS1Padding {
	return []PKCS1Padding{PaddingSound, PaddingBegin, PaddingZero, PaddingPlace, PaddingVersion}
}

// Oracle returns a ClientKeyExchange for an RSA suite with a padding and, if
// rest is set, a ChangeCipherSpec and a record that no keys decrypt. The
// handshake cannot be completed, whatever the padding: only whether the server
// says so in one way or in two is of interest.
func (f *Flight) Oracle(padding PKCS1Padding, rest bool) ([]byte, error) {
	if !f.Done || f.ServerHello == nil || f.KeyExchange != nil || len(f.Certificates) == 0 {
		return nil, errors.New("no server that waits for an encrypted secret")
	}
	n, e, err := rsaKey(f.Certificates[0].DER)
	if err != nil {
		return nil, err
	}
	size := (n.BitLen() + 7) / 8
	if size < 48+11+2 || n.BitLen() > maxModulus {
		return nil, fmt.Errorf("a modulus of %d bits", n.BitLen())
	}
	block := f.make("oracle", size)
	for i := range block {
		block[i] |= 1 // not zero
	}
	block[0], block[1] = 0, 2
	end := size - 49
	block[end] = 0
	version := f.ClientHello.Version
	block[end+1], block[end+2] = byte(version>>8), byte(version)
	switch padding {
	case PaddingBegin:
		block[1] = 0x17
		if n.BitLen()%8 == 0 { // else it would not be below the modulus
			block[0] = 0x41
		}
	case PaddingZero:
		block[end] = 0x11
	case PaddingPlace:
		block[end], block[size-2] = 0x11, 0
	case PaddingVersion:
		block[end+1], block[end+2] = 2, 2
	}
	ciphertext := new(big.Int).Exp(new(big.Int).SetBytes(block), e, n).FillBytes(make([]byte, size))
	body := ciphertext
	at := f.ServerHello.Version()
	if at > SSL30 { // which has no length there
		body = append([]byte{byte(size >> 8), byte(size)}, ciphertext...)
	}
	var messages []byte
	if f.Request != nil {
		messages = Message(TypeCertificate, []byte{0, 0, 0})
	}
	out := Records(ContentHandshake, at, append(messages, Message(TypeClientKeyExchange, body)...))
	if rest {
		out = append(out, Records(ContentChangeCipherSpec, at, []byte{1})...)
		out = append(out, Records(ContentHandshake, at, f.make("finished", 64))...)
	}
	return out, nil
}
