package chain

import (
	"crypto/elliptic"
	"math/big"
	"sync"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// curve is y² = x³ + ax + b over a prime field. The standard library has no
// brainpool curves, which the BSI recommends; so that chains with them are not
// all unknown, their signatures are checked here. Only public values go in:
// nothing has to be hidden by constant time.
type curve struct{ p, a, b, gx, gy, n *big.Int }

// point is a public key on a curve.
type point struct {
	*curve
	x, y *big.Int
}

// curves by IANA name: those that explicit parameters are compared with.
var curves = sync.OnceValue(func() map[string]*curve {
	all := map[string]*curve{}
	for _, std := range []struct {
		name string
		elliptic.Curve
	}{{"secp224r1", elliptic.P224()}, {"secp256r1", elliptic.P256()}, {"secp384r1", elliptic.P384()}, {"secp521r1", elliptic.P521()}} {
		p := std.Params()
		all[std.name] = &curve{p.P, new(big.Int).Sub(p.P, big.NewInt(3)), p.B, p.Gx, p.Gy, p.N}
	}
	for name, hex := range brainpool {
		var v [6]*big.Int
		for i := range v {
			v[i], _ = new(big.Int).SetString(hex[i], 16)
		}
		all[name] = &curve{v[0], v[1], v[2], v[3], v[4], v[5]}
	}
	return all
})

// brainpool are p, a, b, x and y of the base point, and q of RFC 5639 section 3.
var brainpool = map[string][6]string{
	"brainpoolP256r1": {
		"A9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377",
		"7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9",
		"26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6",
		"8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262",
		"547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997",
		"A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7",
	},
	"brainpoolP384r1": {
		"8CB91E82A3386D280F5D6F7E50E641DF152F7109ED5456B412B1DA197FB71123ACD3A729901D1A71874700133107EC53",
		"7BC382C63D8C150C3C72080ACE05AFA0C2BEA28E4FB22787139165EFBA91F90F8AA5814A503AD4EB04A8C7DD22CE2826",
		"04A8C7DD22CE28268B39B55416F0447C2FB77DE107DCD2A62E880EA53EEB62D57CB4390295DBC9943AB78696FA504C11",
		"1D1C64F068CF45FFA2A63A81B7C13F6B8847A3E77EF14FE3DB7FCAFE0CBD10E8E826E03436D646AAEF87B2E247D4AF1E",
		"8ABE1D7520F9C2A45CB1EB8E95CFD55262B70B29FEEC5864E19C054FF99129280E4646217791811142820341263C5315",
		"8CB91E82A3386D280F5D6F7E50E641DF152F7109ED5456B31F166E6CAC0425A7CF3AB6AF6B7FC3103B883202E9046565",
	},
	"brainpoolP512r1": {
		"AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA703308717D4D9B009BC66842AECDA12AE6A380E62881FF2F2D82C68528AA6056583A48F3",
		"7830A3318B603B89E2327145AC234CC594CBDD8D3DF91610A83441CAEA9863BC2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A72BF2C7B9E7C1AC4D77FC94CA",
		"3DF91610A83441CAEA9863BC2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A72BF2C7B9E7C1AC4D77FC94CADC083E67984050B75EBAE5DD2809BD638016F723",
		"81AEE4BDD82ED9645A21322E9C4C6A9385ED9F70B5D916C1B43B62EEF4D0098EFF3B1F78E2D0D48D50D1687B93B97D5F7C6D5047406A5E688B352209BCB9F822",
		"7DDE385D566332ECC0EABFA9CF7822FDF209F70024A57B1AA000C55B881F8111B2DCDE494A5F485E5BCA4BD88A2763AED1CA2B2FA8F0540678CD1E0F3AD80892",
		"AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA70330870553E5C414CA92619418661197FAC10471DB1D381085DDADDB58796829CA90069",
	},
}

// point reads an encoded point (SEC 1 section 2.3.4); nil if it is none.
func (c *curve) point(b []byte) *point {
	size := (c.p.BitLen() + 7) / 8
	switch {
	case len(b) == 1+2*size && b[0] == 4:
		q := &point{c, number(b[1 : 1+size]), number(b[1+size:])}
		if q.x.Cmp(c.p) < 0 && q.y.Cmp(c.p) < 0 && c.square(q.x).Cmp(q.times(q.y, q.y)) == 0 {
			return q
		}
	case len(b) == 1+size && (b[0] == 2 || b[0] == 3):
		x := number(b[1:])
		if x.Cmp(c.p) >= 0 {
			return nil
		}
		y := new(big.Int).ModSqrt(c.square(x), c.p)
		if y == nil {
			return nil
		}
		if y.Bit(0) != uint(b[0]&1) {
			y.Sub(c.p, y)
		}
		return &point{c, x, y}
	}
	return nil
}

// bytes encodes the point without compression.
func (q *point) bytes() []byte {
	size := (q.p.BitLen() + 7) / 8
	b := make([]byte, 1+2*size)
	b[0] = 4
	q.x.FillBytes(b[1 : 1+size])
	q.y.FillBytes(b[1+size:])
	return b
}

// square is x³ + ax + b.
func (c *curve) square(x *big.Int) *big.Int {
	y := c.times(x, c.times(x, x))
	y.Add(y, c.times(c.a, x)).Add(y, c.b)
	return y.Mod(y, c.p)
}

func (c *curve) times(a, b *big.Int) *big.Int {
	z := new(big.Int).Mul(a, b)
	return z.Mod(z, c.p)
}

// add adds two points; nil is the point at infinity.
func (c *curve) add(p, q *point) *point {
	switch {
	case p == nil:
		return q
	case q == nil:
		return p
	}
	var slope *big.Int
	if p.x.Cmp(q.x) == 0 {
		if p.y.Cmp(q.y) != 0 || p.y.Sign() == 0 {
			return nil
		}
		slope = c.times(p.x, p.x)
		slope.Mul(slope, big.NewInt(3)).Add(slope, c.a)
		slope = c.times(slope, new(big.Int).ModInverse(new(big.Int).Lsh(p.y, 1), c.p))
	} else {
		dx := new(big.Int).Sub(q.x, p.x)
		dx.Mod(dx, c.p)
		slope = c.times(new(big.Int).Sub(q.y, p.y), dx.ModInverse(dx, c.p))
	}
	x := c.times(slope, slope)
	x.Sub(x, p.x).Sub(x, q.x).Mod(x, c.p)
	y := new(big.Int).Sub(p.x, x)
	y = c.times(slope, y)
	y.Sub(y, p.y).Mod(y, c.p)
	return &point{c, x, y}
}

// verify checks an ECDSA signature (SEC 1 section 4.1.4) of a digest.
func (q *point) verify(digest, signature []byte) bool {
	var pair cryptobyte.String
	r, s := new(big.Int), new(big.Int)
	in := cryptobyte.String(signature)
	if !in.ReadASN1(&pair, asn1.SEQUENCE) || !in.Empty() || !pair.ReadASN1Integer(r) || !pair.ReadASN1Integer(s) || !pair.Empty() ||
		r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(q.n) >= 0 || s.Cmp(q.n) >= 0 {
		return false
	}
	e := number(digest)
	if excess := len(digest)*8 - q.n.BitLen(); excess > 0 {
		e.Rsh(e, uint(excess))
	}
	w := new(big.Int).ModInverse(s, q.n)
	u1, u2 := e.Mul(e, w), new(big.Int).Mul(r, w)
	u1.Mod(u1, q.n)
	u2.Mod(u2, q.n)
	g := &point{q.curve, q.gx, q.gy}
	both := q.add(g, q)
	var sum *point
	for i := max(u1.BitLen(), u2.BitLen()) - 1; i >= 0; i-- {
		sum = q.add(sum, sum)
		switch {
		case u1.Bit(i) == 1 && u2.Bit(i) == 1:
			sum = q.add(sum, both)
		case u1.Bit(i) == 1:
			sum = q.add(sum, g)
		case u2.Bit(i) == 1:
			sum = q.add(sum, q)
		}
	}
	return sum != nil && new(big.Int).Mod(sum.x, q.n).Cmp(r) == 0
}
