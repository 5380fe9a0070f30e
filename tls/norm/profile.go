package norm

import (
	"slices"
	"time"
)

// A Choice is a mechanism that a server may offer.
type Choice struct {
	Assessment
	Min int // least length of a key in bits
}

// A Profile is a norm read as a requirement: what a server may offer on a day
// to keep within the norm's positive list, and what it has to leave out.
type Profile struct {
	Norm    *Norm
	Day     time.Time
	Choices []Choice     // permitted, in the order of the norm; one per mechanism and protocol version
	Avoid   []Assessment // features and properties that the norm objects to
}

// Profile reads the norm as a requirement. Families of which the norm gives
// only a pattern are not in it: what may be offered is listed one by one.
func (n *Norm) Profile(day time.Time) Profile {
	p := Profile{Norm: n, Day: day}
	seen := map[Mechanism]bool{}
	for _, r := range n.allRows() {
		if len(r.Match) > 0 {
			continue
		}
		versions := []uint16{0}
		if r.Kind != Version && len(r.Versions) > 0 {
			versions = nil
			for _, name := range r.Versions {
				code, _ := versionCode(name)
				versions = append(versions, code)
			}
		}
		for _, v := range versions {
			m := Mechanism{Kind: r.Kind, Name: r.Name, Version: v, Use: r.Use, Bits: r.Min}
			if r.Code != nil {
				m.Code = uint16(*r.Code)
			}
			if m.Bits == 0 {
				m.Bits = r.Max
			}
			if seen[m] {
				continue
			}
			seen[m] = true
			switch a := n.Assess(m, day); {
			case a.Class.Permits():
				p.Choices = append(p.Choices, Choice{a, r.Min})
			case a.Class.Objects() && (r.Kind == Feature || r.Kind == Certificate):
				p.Avoid = append(p.Avoid, a)
			}
		}
	}
	return p
}

// Of returns the choices of a kind that may be used with a protocol version; 0
// stands for any. Cipher suites and groups of a version that is itself not
// permitted are left out.
func (p Profile) Of(kind Kind, version uint16) []Choice {
	var out []Choice
	for _, c := range p.Choices {
		m := c.Mechanism
		if m.Kind != kind || version != 0 && m.Version != 0 && m.Version != version {
			continue
		}
		if (kind == CipherSuite || kind == Group) && m.Version != 0 && !p.Permits(Mechanism{Kind: Version, Code: m.Version}) {
			continue
		}
		out = append(out, c)
	}
	return out
}

// Permits says whether a mechanism keeps within the profile.
func (p Profile) Permits(m Mechanism) bool {
	return p.Norm.Assess(m, p.Day).Class.Permits()
}

// Codes returns the code points of choices, each once, in their order.
func Codes(choices []Choice) []uint16 {
	var out []uint16
	for _, c := range choices {
		if !slices.Contains(out, c.Mechanism.Code) {
			out = append(out, c.Mechanism.Code)
		}
	}
	return out
}
