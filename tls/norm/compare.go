package norm

import (
	"cmp"
	"slices"
	"time"
)

// A Report sets several norms side by side over what one server offers.
type Report struct {
	Day       string     `json:"day"` // "2026-11-23"
	Norms     []Judged   `json:"norms"`
	Conflicts []Conflict `json:"conflicts,omitempty"`
}

// Judged is what one norm says about everything that was offered.
type Judged struct {
	Norm        string        `json:"norm"` // its Key
	Count       map[Class]int `json:"count"`
	Assessments []Assessment  `json:"assessments"`
	Missing     []Gap         `json:"missing,omitempty"` // demanded or recommended, and not there
	Ending      []Ending      `json:"ending,omitempty"`  // what expires next of what is offered
}

// A Conflict is a mechanism on which norms do not agree.
type Conflict struct {
	Mechanism Mechanism    `json:"mechanism"`
	Opposed   bool         `json:"opposed"` // one norm permits it and another objects; otherwise one speaks where another is silent
	Sides     []Assessment `json:"sides"`   // of the norms that speak, and of those that give a list and are silent
}

// Compare judges a set of mechanisms by several norms. Mechanisms marked
// Absent are not judged; they count for Missing.
func Compare(offered []Mechanism, day time.Time, norms ...*Norm) Report {
	report := Report{Day: day.Format(time.DateOnly)}
	for _, n := range norms {
		j := Judged{Norm: n.Key(), Count: map[Class]int{}, Missing: n.Missing(offered, day), Ending: n.Ending(offered, day)}
		for _, m := range offered {
			if !m.Absent {
				a := n.Assess(m, day)
				j.Count[a.Class]++
				j.Assessments = append(j.Assessments, a)
			}
		}
		report.Norms = append(report.Norms, j)
	}
	index := -1
	for _, m := range offered {
		if m.Absent {
			continue
		}
		index++
		c := Conflict{Mechanism: m}
		var permits, objects, silent bool
		for i, n := range norms {
			a := report.Norms[i].Assessments[index]
			if !a.Class.Permits() && !a.Class.Objects() && !n.lists(m.Kind) {
				continue
			}
			c.Sides = append(c.Sides, a)
			permits = permits || a.Class.Permits()
			objects = objects || a.Class.Objects()
			silent = silent || !a.Class.Permits() && !a.Class.Objects()
		}
		if c.Opposed = permits && objects; c.Opposed || permits && silent {
			report.Conflicts = append(report.Conflicts, c)
		}
	}
	return report
}

// lists says whether silence of the norm about a kind means something.
func (n *Norm) lists(k Kind) bool {
	return slices.Contains(n.Lists, k) || n.Follows != nil && n.Follows.lists(k)
}

// An Ending is a year with which statements of a norm end.
type Ending struct {
	Year int   `json:"year"`
	Rows []Row `json:"rows"`
}

// Ending returns what of a norm expires on or after a day, by year. With a nil
// offer it speaks of the whole norm, otherwise only of rows that judge
// something in the offer.
func (n *Norm) Ending(offered []Mechanism, day time.Time) []Ending {
	var rows []Row
	if offered == nil {
		rows = n.allRows()
	} else {
		seen := map[string]bool{}
		for _, m := range offered {
			r, _ := n.row(m)
			if r == nil && n.Follows != nil {
				r, _ = n.Follows.row(m)
			}
			if r != nil && !m.Absent && !seen[r.ID] {
				seen[r.ID] = true
				rows = append(rows, *r)
			}
		}
	}
	byYear := map[int][]Row{}
	for _, r := range rows {
		if r.Until.Year >= day.Year() {
			byYear[r.Until.Year] = append(byYear[r.Until.Year], r)
		}
	}
	var out []Ending
	for year, rows := range byYear {
		out = append(out, Ending{year, rows})
	}
	slices.SortFunc(out, func(a, b Ending) int { return cmp.Compare(a.Year, b.Year) })
	return out
}

// allRows returns the rows of the norm and those of the norm it follows.
func (n *Norm) allRows() []Row {
	if n.Follows == nil {
		return n.Rows
	}
	return slices.Concat(n.Rows, n.Follows.Rows)
}

// A Gap is something that a norm demands or recommends and that is not there.
type Gap struct {
	Class Class `json:"class"` // Required or Listed; Expiring if it is the last year
	Rows  []Row `json:"rows"`  // more than one if they are alternatives
}

// Missing returns what the norm demands and the offer does not contain.
// Versions, suites, groups and schemes are taken to be enumerated: one that is
// required and not in the offer is missing, unless its protocol version is not
// offered at all or nothing of its kind is in the offer. Features and
// properties are missing only if the offer says so by Absent, and then if they
// are recommended, too.
func (n *Norm) Missing(offered []Mechanism, day time.Time) []Gap {
	kinds := map[Kind]bool{}
	versions := map[uint16]bool{}
	for _, m := range offered {
		kinds[m.Kind] = kinds[m.Kind] || !m.Absent
		if m.Kind == Version && !m.Absent {
			versions[m.Code] = true
		}
	}
	var gaps []Gap
	alternatives := map[string]int{} // index in gaps
	met := map[string]bool{}
	for _, r := range n.allRows() {
		class := r.Class(day)
		if !class.Permits() || len(r.Match) > 0 || r.Kind == Version && r.Code == nil {
			continue
		}
		there := slices.ContainsFunc(offered, func(m Mechanism) bool { return !m.Absent && r.fits(m) })
		switch r.Kind {
		case Version, CipherSuite, Group, SignatureScheme:
			if r.Kind == Version && !sameTransport(uint16(*r.Code), versions) {
				continue
			}
			if r.Says != SaysRequired || !kinds[r.Kind] || kinds[Version] && r.Kind != Version && !r.spoken(versions) {
				continue
			}
		case Feature, Certificate:
			if !slices.ContainsFunc(offered, func(m Mechanism) bool { return m.Absent && r.fits(m) }) {
				continue
			}
		default:
			continue
		}
		if r.OneOf != "" {
			met[r.OneOf] = met[r.OneOf] || there
			if i, ok := alternatives[r.OneOf]; ok {
				gaps[i].Rows = append(gaps[i].Rows, r)
				continue
			}
			alternatives[r.OneOf] = len(gaps)
		} else if there {
			continue
		}
		gaps = append(gaps, Gap{class, []Row{r}})
	}
	return slices.DeleteFunc(gaps, func(g Gap) bool { return g.Rows[0].OneOf != "" && met[g.Rows[0].OneOf] })
}

// spoken says whether one of the row's protocol versions is among the codes.
func (r *Row) spoken(versions map[uint16]bool) bool {
	return len(r.Versions) == 0 || slices.ContainsFunc(r.Versions, func(name string) bool {
		code, _ := versionCode(name)
		return versions[code]
	})
}

// sameTransport says whether a version is of a family, TLS or DTLS, of which
// anything is among the codes.
func sameTransport(version uint16, codes map[uint16]bool) bool {
	for code := range codes {
		if (code >= 0xFE00) == (version >= 0xFE00) {
			return true
		}
	}
	return false
}
