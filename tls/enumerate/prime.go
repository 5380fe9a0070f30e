package enumerate

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"sync"
)

// A family is a prime of the form p = 2^n - 2^(n-64) + ([2^(n-130) c] + k) 2^64 - 1, where
// c is π in RFC 2409 and RFC 3526 and e in RFC 7919. All are safe primes.
type family struct {
	name, source string
	bits         uint
	e            bool
	k            int64
}

var families = []family{
	{"Oakley group 1", "RFC 2409", 768, false, 149686},
	{"Oakley group 2", "RFC 2409", 1024, false, 129093},
	{"modp1536", "RFC 3526", 1536, false, 741804},
	{"modp2048", "RFC 3526", 2048, false, 124476},
	{"modp3072", "RFC 3526", 3072, false, 1690314},
	{"modp4096", "RFC 3526", 4096, false, 240904},
	{"modp6144", "RFC 3526", 6144, false, 929484},
	{"modp8192", "RFC 3526", 8192, false, 4743158},
	{"ffdhe2048", "RFC 7919", 2048, true, 560316},
	{"ffdhe3072", "RFC 7919", 3072, true, 2625351},
	{"ffdhe4096", "RFC 7919", 4096, true, 5736041},
	{"ffdhe6144", "RFC 7919", 6144, true, 15705020},
	{"ffdhe8192", "RFC 7919", 8192, true, 10965728},
}

// known maps the SHA-256 of a prime to its name.
var known = sync.OnceValue(func() map[string]string {
	e, pi := constants()
	out := map[string]string{}
	for _, f := range families {
		sum := sha256.Sum256(f.prime(e, pi).Bytes())
		out[hex.EncodeToString(sum[:])] = f.name + " (" + f.source + ")"
	}
	return out
})

func (f family) prime(e, pi *big.Int) *big.Int {
	c := pi
	if f.e {
		c = e
	}
	one := big.NewInt(1)
	p := new(big.Int).Rsh(c, precision-(f.bits-130))
	p.Add(p, big.NewInt(f.k)).Lsh(p, 64)
	return p.Add(p, new(big.Int).Lsh(one, f.bits)).Sub(p, new(big.Int).Lsh(one, f.bits-64)).Sub(p, one)
}

// precision of e and π, in bits after the point.
const precision = 8192

// constants returns e and π times 2^precision.
func constants() (e, pi *big.Int) {
	const guarded = precision + 64
	one := new(big.Int).Lsh(big.NewInt(1), guarded)
	e = new(big.Int)
	for term, n := new(big.Int).Set(one), int64(1); term.Sign() > 0; n++ {
		e.Add(e, term)
		term = new(big.Int).Quo(term, big.NewInt(n))
	}
	// Machin: π = 16 arctan(1/5) - 4 arctan(1/239)
	arctan := func(x int64) *big.Int {
		sum := new(big.Int)
		power := new(big.Int).Quo(one, big.NewInt(x))
		for n := int64(1); power.Sign() > 0; n += 2 {
			term := new(big.Int).Quo(power, big.NewInt(n))
			if n%4 == 3 {
				term.Neg(term)
			}
			sum.Add(sum, term)
			power.Quo(power, big.NewInt(x*x))
		}
		return sum
	}
	pi = new(big.Int).Lsh(arctan(5), 4)
	pi.Sub(pi, new(big.Int).Lsh(arctan(239), 2))
	return e.Rsh(e, 64), pi.Rsh(pi, 64)
}

// knownPrime names a prime that many servers share, "ffdhe2048 (RFC 7919)".
// For others the name is empty and safe unknown.
func knownPrime(p []byte) (name string, safe State) {
	sum := sha256.Sum256(p)
	if name = known()[hex.EncodeToString(sum[:])]; name == "" {
		return "", Unknown
	}
	return name, Yes
}
