package hello

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"
)

// Each padding is what it says, and the rest of the block is as it should be.
func TestOracle(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	list := append([]byte{0, byte((len(der) + 3) >> 8), byte(len(der) + 3), 0, byte(len(der) >> 8), byte(len(der))}, der...)
	for _, p := range PKCS1Paddings() {
		for _, rest := range []bool{true, false} {
			f := answered(0x002F, nil, Message(TypeCertificate, list))
			f.Secret = []byte("secret")
			out, err := f.Oracle(p, rest)
			if err != nil {
				t.Fatal(err)
			}
			const head = 5 + 4 + 2
			m := new(big.Int).Exp(new(big.Int).SetBytes(out[head:head+128]), key.D, key.N).FillBytes(make([]byte, 128))
			sound := m[0] == 0 && m[1] == 2 && bytes.IndexByte(m[2:], 0) == 128-49-2 && bytes.Equal(m[80:82], []byte{3, 3})
			if sound != (p == PaddingSound) {
				t.Errorf("%s: % x", p, m)
			}
			if more := len(out) > head+128; more != rest {
				t.Errorf("%s: %d bytes", p, len(out))
			}
			if f.Sent(out); f.Broken != nil {
				t.Errorf("%s: %v", p, f.Broken)
			}
		}
	}
	if _, err := answered(0x002F, nil).Oracle(PaddingSound, true); err == nil {
		t.Error("encrypted for nobody")
	}
}
