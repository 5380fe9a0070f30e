package enumerate

import (
	"testing"
)

// TestKnownPrimes computes the primes; one wrong digit of a constant and they
// would be none.
func TestKnownPrimes(t *testing.T) {
	e, pi := constants()
	for _, f := range families {
		p := f.prime(e, pi)
		if p.BitLen() != int(f.bits) {
			t.Errorf("%s has %d bits", f.name, p.BitLen())
		}
		if f.bits <= 3072 && isSafe(p.Bytes()) != Yes || !p.ProbablyPrime(0) {
			t.Errorf("%s is no safe prime", f.name)
		}
		if name, safe := knownPrime(p.Bytes()); name != f.name+" ("+f.source+")" || safe != Yes {
			t.Errorf("%s is known as %q", f.name, name)
		}
	}
	if name, safe := knownPrime([]byte{23}); name != "" || safe != Unknown {
		t.Errorf("23 is known as %q", name)
	}
	if isSafe([]byte{23}) != Yes || isSafe([]byte{13}) != No || isSafe([]byte{21}) != No {
		t.Error("safe primes are not told")
	}
}
