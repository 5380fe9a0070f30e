package hello

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"errors"
	"fmt"
	"io"
)

// Groups whose shares we can make (IANA registry "TLS Supported Groups").
const (
	secp256r1          uint16 = 23
	secp384r1          uint16 = 24
	secp521r1          uint16 = 25
	x25519             uint16 = 29
	secp256r1MLKEM768  uint16 = 0x11EB
	x25519MLKEM768     uint16 = 0x11EC
	secp384r1MLKEM1024 uint16 = 0x11ED
)

// A Share is a key share of ours. Private is what a transcript has to keep so
// that the handshake can be read again; it protects nothing else.
type Share struct {
	Group   uint16
	Public  []byte
	Private []byte // for a hybrid, the ML-KEM seed and then the scalar
}

// kem says how a group is put together.
type kem struct {
	curve    ecdh.Curve
	bits     int  // of ML-KEM: 768, 1024, or 0 for none
	curveOne bool // the curve's part stands first (RFC 10024)
}

func kemOf(group uint16) (kem, bool) {
	switch group {
	case secp256r1:
		return kem{curve: ecdh.P256()}, true
	case secp384r1:
		return kem{curve: ecdh.P384()}, true
	case secp521r1:
		return kem{curve: ecdh.P521()}, true
	case x25519:
		return kem{curve: ecdh.X25519()}, true
	case x25519MLKEM768:
		return kem{ecdh.X25519(), 768, false}, true
	case secp256r1MLKEM768:
		return kem{ecdh.P256(), 768, true}, true
	case secp384r1MLKEM1024:
		return kem{ecdh.P384(), 1024, true}, true
	}
	return kem{}, false
}

// CanShare reports whether NewShare knows the group.
func CanShare(group uint16) bool {
	_, ok := kemOf(group)
	return ok
}

// NewShare makes a key share from a source of random bytes.
func NewShare(group uint16, random io.Reader) (Share, error) {
	k, ok := kemOf(group)
	if !ok {
		return Share{}, fmt.Errorf("no key shares for group %d", group)
	}
	private, err := newPrivateKey(k.curve, random)
	if err != nil {
		return Share{}, err
	}
	s := Share{Group: group, Private: private.Bytes(), Public: private.PublicKey().Bytes()}
	if k.bits == 0 {
		return s, nil
	}
	seed := make([]byte, mlkem.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return Share{}, err
	}
	public, err := encapsulationKey(k.bits, seed)
	if err != nil {
		return Share{}, err
	}
	s.Private = append(seed, s.Private...)
	if k.curveOne {
		s.Public = append(s.Public, public...)
	} else {
		s.Public = append(public, s.Public...)
	}
	return s, nil
}

// newPrivateKey makes a key of the bytes of random, which the standard library
// would no longer look at, so that a share can be made again.
func newPrivateKey(curve ecdh.Curve, random io.Reader) (*ecdh.PrivateKey, error) {
	size := map[ecdh.Curve]int{ecdh.P384(): 48, ecdh.P521(): 66}[curve]
	b := make([]byte, max(size, 32))
	for try := 0; ; try++ {
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, err
		}
		if curve == ecdh.P521() {
			b[0] &= 1
		}
		// All but one in 2³² numbers are below the order.
		if key, err := curve.NewPrivateKey(b); err == nil || try == 8 {
			return key, err
		}
	}
}

func encapsulationKey(bits int, seed []byte) ([]byte, error) {
	if bits == 768 {
		key, err := mlkem.NewDecapsulationKey768(seed)
		if err != nil {
			return nil, err
		}
		return key.EncapsulationKey().Bytes(), nil
	}
	key, err := mlkem.NewDecapsulationKey1024(seed)
	if err != nil {
		return nil, err
	}
	return key.EncapsulationKey().Bytes(), nil
}

// secret returns the shared secret with a server's share.
func (s Share) secret(peer []byte) ([]byte, error) {
	k, ok := kemOf(s.Group)
	if !ok {
		return nil, fmt.Errorf("no key shares for group %d", s.Group)
	}
	private, classical := s.Private, peer
	var seed, ciphertext []byte
	if k.bits != 0 {
		size := map[int]int{768: mlkem.CiphertextSize768, 1024: mlkem.CiphertextSize1024}[k.bits]
		if len(private) < mlkem.SeedSize || len(peer) < size {
			return nil, errMalformed
		}
		seed, private = private[:mlkem.SeedSize], private[mlkem.SeedSize:]
		if k.curveOne {
			classical, ciphertext = peer[:len(peer)-size], peer[len(peer)-size:]
		} else {
			ciphertext, classical = peer[:size], peer[size:]
		}
	}
	key, err := k.curve.NewPrivateKey(private)
	if err != nil {
		return nil, err
	}
	public, err := k.curve.NewPublicKey(classical)
	if err != nil {
		return nil, err
	}
	shared, err := key.ECDH(public)
	if err != nil || k.bits == 0 {
		return shared, err
	}
	quantum, err := decapsulate(k.bits, seed, ciphertext)
	if k.curveOne {
		return append(shared, quantum...), err
	}
	return append(quantum, shared...), err
}

func decapsulate(bits int, seed, ciphertext []byte) ([]byte, error) {
	switch bits {
	case 768:
		key, err := mlkem.NewDecapsulationKey768(seed)
		if err != nil {
			return nil, err
		}
		return key.Decapsulate(ciphertext)
	case 1024:
		key, err := mlkem.NewDecapsulationKey1024(seed)
		if err != nil {
			return nil, err
		}
		return key.Decapsulate(ciphertext)
	}
	return nil, errors.ErrUnsupported
}
