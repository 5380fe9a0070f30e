package chain

import (
	"math/big"
	"sync"
)

// residues are the powers of 65537 modulo small primes: the exponent by value,
// and the order of 65537.
type residues struct {
	prime int64
	order int64
	log   []int64 // -1 where the value is no power
}

// rocaPrimes are the odd primes up to 167, which divide the number M of every
// key length that was affected.
var rocaPrimes = sync.OnceValue(func() (all []residues) {
	for p := int64(3); p <= 167; p += 2 {
		if !big.NewInt(p).ProbablyPrime(0) {
			continue
		}
		r := residues{prime: p, log: make([]int64, p)}
		for i := range r.log {
			r.log[i] = -1
		}
		for v := int64(1); r.log[v] < 0; v = v * (65537 % p) % p {
			r.log[v] = r.order
			r.order++
		}
		all = append(all, r)
	}
	return all
})

// roca tells the moduli of Infineon's RSALib (CVE-2017-15361; Nemec, Sys,
// Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, CCS 2017). Its
// primes are kM + (65537^a mod M), so the modulus is a power of 65537 modulo M.
// Such a power exists if it exists modulo each prime and the exponents agree,
// which a random modulus meets with a probability far below one in 2^27.
func roca(n *big.Int) bool {
	exponent, order := big.NewInt(0), big.NewInt(1)
	for _, r := range rocaPrimes() {
		rest := new(big.Int).Mod(n, big.NewInt(r.prime)).Int64()
		log := r.log[rest]
		if log < 0 {
			return false
		}
		// Exponents x ≡ exponent (order) and x ≡ log (r.order) must have a
		// common solution.
		step := big.NewInt(r.order)
		common := new(big.Int).GCD(nil, nil, order, step)
		gap := new(big.Int).Sub(big.NewInt(log), exponent)
		if new(big.Int).Mod(gap, common).Sign() != 0 {
			return false
		}
		reduced := new(big.Int).Div(step, common)
		times := new(big.Int).Div(gap, common)
		if reduced.Cmp(big.NewInt(1)) > 0 {
			inverse := new(big.Int).ModInverse(new(big.Int).Div(order, common), reduced)
			times.Mul(times, inverse).Mod(times, reduced)
			exponent.Add(exponent, times.Mul(times, order))
		}
		order.Mul(order, reduced)
		exponent.Mod(exponent, order)
	}
	return true
}

// smallFactor finds a prime factor below 752 (CA/B BR 6.1.6), or 0.
func smallFactor(n *big.Int) int64 {
	for p := int64(2); p < 752; p++ {
		if new(big.Int).Mod(n, big.NewInt(p)).Sign() == 0 {
			return p // the smallest divisor is a prime
		}
	}
	return 0
}

// closePrimes reports whether Fermat's method factors the modulus in a hundred
// rounds (CVE-2022-26320).
func closePrimes(n *big.Int) bool {
	if n.Bit(0) == 0 {
		return false
	}
	a := new(big.Int).Sqrt(n)
	if new(big.Int).Mul(a, a).Cmp(n) < 0 {
		a.Add(a, big.NewInt(1))
	}
	b := new(big.Int).Mul(a, a)
	b.Sub(b, n)
	for range 100 {
		// Squares end in one of twelve of the 64 patterns of six bits, which
		// saves most of the roots.
		const squares = uint64(1<<0 | 1<<1 | 1<<4 | 1<<9 | 1<<16 | 1<<17 | 1<<25 | 1<<33 | 1<<36 | 1<<41 | 1<<49 | 1<<57)
		var low big.Word
		if words := b.Bits(); len(words) > 0 {
			low = words[0] & 63
		}
		if squares>>low&1 == 1 {
			if root := new(big.Int).Sqrt(b); root.Mul(root, root).Cmp(b) == 0 {
				return true
			}
		}
		// (a+1)² - n = a² - n + 2a + 1
		b.Add(b, a).Add(b, a).Add(b, big.NewInt(1))
		a.Add(a, big.NewInt(1))
	}
	return false
}
