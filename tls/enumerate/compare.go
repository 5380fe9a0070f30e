package enumerate

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// A Difference is a fact that holds for some addresses of a name and not for
// the others.
type Difference struct {
	Fact string   `json:"fact"` // "TLS 1.0", "TLS 1.2 TLS_RSA_WITH_AES_128_CBC_SHA", "certificate ab12…"
	At   []string `json:"at"`   // addresses where it holds
	Not  []string `json:"not"`  // addresses where it does not
}

// Compare finds what addresses of one name do not have in common. What is
// unknown at one of them is no difference.
func Compare(offers []Offer) []Difference {
	var order []string
	holds := map[string]map[string]State{}
	note := func(fact, address string, s State) {
		if holds[fact] == nil {
			holds[fact] = map[string]State{}
			order = append(order, fact)
		}
		holds[fact][address] = s
	}
	unknown := map[string]bool{} // facts that are open at some address
	for _, o := range offers {
		for _, v := range o.Versions {
			note(v.Name, o.Address, v.State)
			for _, s := range v.Suites {
				note(v.Name+" "+s.Name, o.Address, Yes)
			}
			for _, s := range v.SuitesUnknown {
				unknown[v.Name+" "+s.Name] = true
			}
			for _, g := range v.Groups {
				note(v.Name+" "+g.Name, o.Address, Yes)
			}
			for _, s := range v.SignatureSchemes {
				note(v.Name+" "+s.Name, o.Address, Yes)
			}
		}
		for _, c := range o.Chains {
			if slices.Contains(c.Names, "host") && len(c.DER) > 0 {
				sum := sha256.Sum256(c.DER[0])
				note("certificate "+hex.EncodeToString(sum[:]), o.Address, Yes)
			}
		}
		for _, states := range []map[string]State{o.Features, o.Flaws} {
			for name, s := range states {
				note(name, o.Address, s)
			}
		}
	}
	slices.Sort(order)
	var out []Difference
	for _, fact := range order {
		d := Difference{Fact: fact}
		for _, o := range offers {
			switch holds[fact][o.Address] {
			case Yes:
				d.At = append(d.At, o.Address)
			case No, "":
				d.Not = append(d.Not, o.Address)
			case Unknown:
				unknown[fact] = true
			}
		}
		if len(d.At) > 0 && len(d.Not) > 0 && !unknown[fact] {
			out = append(out, d)
		}
	}
	return out
}
