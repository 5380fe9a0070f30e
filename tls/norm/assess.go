package norm

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
)

// A Class is what a norm says about a mechanism on a day, in the one
// vocabulary for all norms; see the package comment.
type Class string

// The classes.
const (
	Required       Class = "required"        // demanded
	Listed         Class = "listed"          // recommended or allowed, and the year, if there is one, lies ahead
	Expiring       Class = "listed_expiring" // recommended or demanded, and the year of the day is the last
	Expired        Class = "expired"         // was recommended or demanded, and the year has passed
	Announced      Class = "announced"       // the norm says that it is going to list it
	PhaseOut       Class = "phase_out"       // tolerated, to be replaced
	NotListed      Class = "not_listed"      // no statement
	NotRecommended Class = "not_recommended" // named as not recommended
	Insufficient   Class = "insufficient"    // falls short of a level or a minimum that the norm sets
	Forbidden      Class = "forbidden"       // must not be offered
)

// Classes returns all classes.
func Classes() []Class {
	return []Class{Required, Listed, Expiring, Expired, Announced, PhaseOut, NotListed, NotRecommended, Insufficient, Forbidden}
}

// Permits says whether a server that offers the mechanism on that day keeps
// within the norm's positive list. False is not a violation: it covers
// silence, too.
func (c Class) Permits() bool { return known(c, Required, Listed, Expiring) }

// Objects says whether the norm speaks against offering the mechanism. Both
// Permits and Objects are false where it says nothing, or only announces.
func (c Class) Objects() bool {
	return known(c, Expired, PhaseOut, NotRecommended, Insufficient, Forbidden)
}

// class maps a word, without regard to a year; "" is an unknown word.
func (s Says) class() Class {
	switch s {
	case SaysRequired:
		return Required
	case SaysRecommended, SaysGood, SaysSufficient, SaysAllowed:
		return Listed
	case SaysAnnounced:
		return Announced
	case SaysPhaseOut, SaysLegacy:
		return PhaseOut
	case SaysNotRecommended:
		return NotRecommended
	case SaysInsufficient, SaysBelowMinimum:
		return Insufficient
	case SaysForbidden:
		return Forbidden
	case SaysNotListed:
		return NotListed
	}
	return ""
}

// Class says what the row means on a day.
func (r Row) Class(day time.Time) Class {
	c := r.Says.class()
	switch {
	case r.Until.Year == 0 || day.Year() < r.Until.Year:
		return c
	case day.Year() == r.Until.Year:
		return Expiring
	}
	return Expired
}

// An Assessment is a norm's answer to one mechanism on one day.
type Assessment struct {
	Norm       string      `json:"norm"`          // Key of the norm that was asked
	Via        string      `json:"via,omitempty"` // Key of the norm that it follows, if that one answered
	Mechanism  Mechanism   `json:"mechanism"`
	Class      Class       `json:"class"`
	Says       Says        `json:"says,omitempty"` // the document's own word; "" if no row fits
	Row        string      `json:"row,omitempty"`  // id of the row; "" if none fits
	Until      Until       `json:"until,omitzero"`
	Section    string      `json:"section,omitempty"`
	Table      string      `json:"table,omitempty"`
	Conditions []Condition `json:"conditions,omitempty"` // the caller decides whether they hold
	Sources    []Source    `json:"sources,omitempty"`
	Certainty  Certainty   `json:"certainty"`
	Analogy    bool        `json:"analogy,omitempty"` // the norm does not speak of DTLS; its words on TLS were applied
	Detail     probe.Text  `json:"detail"`
}

// Assess judges one mechanism on a day.
func (n *Norm) Assess(m Mechanism, day time.Time) Assessment {
	answering := n
	r, analogy := n.row(m)
	if r == nil && n.Follows != nil {
		answering = n.Follows
		r, analogy = answering.row(m)
	}
	a := Assessment{Norm: n.Key(), Mechanism: m, Class: NotListed, Certainty: Medium, Analogy: analogy && r != nil}
	if answering != n {
		a.Via = answering.Key()
	}
	if answering.Quality == Primary {
		a.Certainty = High // that something is missing was seen in the document itself
	}
	if r != nil {
		a.Class, a.Says, a.Row, a.Until = r.Class(day), r.Says, r.ID, r.Until
		a.Section, a.Table, a.Certainty = r.Section, r.Table, r.Certainty
		for _, key := range r.Conditions {
			a.Conditions = append(a.Conditions, Condition{key, answering.conditions[key]})
		}
		for _, key := range r.Sources {
			a.Sources = append(a.Sources, answering.sources[key])
		}
	}
	a.Detail = answering.detail(a, r)
	return a
}

// row returns the first row that fits, nil if there is none. A norm that does
// not speak of DTLS is asked about TLS of the same generation; analogy says
// that this happened.
func (n *Norm) row(m Mechanism) (r *Row, analogy bool) {
	if !n.DTLS && m.Kind != Version {
		tls, dtls := map[uint16]uint16{0xFEFF: 0x0302, 0xFEFD: 0x0303, 0xFEFC: 0x0304}[m.Version]
		if analogy = dtls; dtls {
			m.Version = tls
		}
	}
	i := slices.IndexFunc(n.Rows, func(r Row) bool { return r.fits(m) })
	if i < 0 {
		return nil, analogy
	}
	return &n.Rows[i], analogy
}

// fits says whether the row speaks of the mechanism.
func (r *Row) fits(m Mechanism) bool {
	if r.Kind != m.Kind || r.Use != "" && r.Use != m.Use {
		return false
	}
	if (r.Min > 0 || r.Max > 0) && m.Bits == 0 || m.Bits < r.Min || r.Max > 0 && m.Bits > r.Max {
		return false
	}
	if m.Kind != Version && m.Version != 0 && len(r.Versions) > 0 && !slices.ContainsFunc(r.Versions, func(name string) bool {
		code, _ := versionCode(name)
		return code == m.Version
	}) {
		return false
	}
	if r.Code != nil {
		return uint16(*r.Code) == m.Code
	}
	if len(r.Match) == 0 {
		return r.Name == m.Name
	}
	return matches(r.Match, m.Name) && !matches(r.Except, m.Name)
}

// matches says whether one of the patterns fits a name.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name) // patterns are checked when they are loaded
		return ok
	})
}

// detail puts an answer into words.
func (n *Norm) detail(a Assessment, r *Row) probe.Text {
	cite := probe.Text{DE: n.Document + ", Ausgabe " + n.Edition, EN: n.Document + ", edition " + n.Edition}
	if appendix, ok := strings.CutPrefix(a.Section, "App. "); ok {
		cite.DE += ", Anhang " + appendix
		cite.EN += ", appendix " + appendix
	} else if a.Section != "" && a.Section != Unverified {
		cite.DE += ", Abschnitt " + a.Section
		cite.EN += ", section " + a.Section
	}
	if a.Table != "" {
		cite.DE += ", Tabelle " + a.Table
		cite.EN += ", table " + a.Table
	}
	name := a.Mechanism.Name
	if name == "" {
		name = fmt.Sprintf("0x%04X", a.Mechanism.Code)
	}
	named := probe.Text{DE: name, EN: name}
	if a.Mechanism.Bits != 0 && a.Mechanism.Kind == Key {
		named.DE += fmt.Sprintf(" (%d Bit)", a.Mechanism.Bits)
		named.EN += fmt.Sprintf(" (%d bits)", a.Mechanism.Bits)
	}
	t := n.sentence(a, r)
	fill := func(s, name, cite string) string {
		return strings.NewReplacer("{name}", name, "{bits}", fmt.Sprint(a.Mechanism.Bits), "{year}", fmt.Sprint(a.Until.Year),
			"{cite}", cite, "{document}", n.Document, "{edition}", n.Edition).Replace(s)
	}
	t = probe.Text{DE: fill(t.DE, named.DE, cite.DE), EN: fill(t.EN, named.EN, cite.EN)}
	if a.Class.Permits() && len(a.Conditions) > 0 {
		var de, en []string
		for _, c := range a.Conditions {
			de, en = append(de, c.DE), append(en, c.EN)
		}
		t.DE += " Bedingung: " + strings.Join(de, "; ") + "."
		t.EN += " Condition: " + strings.Join(en, "; ") + "."
	}
	if a.Analogy {
		t.DE += " Das Dokument erwähnt DTLS nicht; seine Aussagen zu TLS sind hier sinngemäß übertragen."
		t.EN += " The document does not mention DTLS; what it says about TLS is applied here by analogy."
	}
	return t
}

// sentence chooses the pattern of the first sentence.
func (n *Norm) sentence(a Assessment, r *Row) probe.Text {
	if r != nil && r.Text != "" {
		if t, ok := n.texts[r.Text+"/"+string(a.Class)]; ok {
			return t
		}
		if t, ok := n.texts[r.Text]; ok {
			return t
		}
	}
	word := favourable(a.Says)
	switch a.Class {
	case Required, Listed:
		switch {
		case a.Until.Year == 0:
			return probe.Text{DE: "{name} ist " + word.DE + " ({cite}).", EN: "{name} is " + word.EN + " ({cite})."}
		case a.Until.Plus:
			return probe.Text{DE: "{name} ist bis Ende {year} " + word.DE + "; eine Verlängerung ist möglich ({cite}).", EN: "{name} is " + word.EN + " until the end of {year}, and the period may be extended ({cite})."}
		}
		return probe.Text{DE: "{name} ist bis Ende {year} " + word.DE + " ({cite}).", EN: "{name} is " + word.EN + " until the end of {year} ({cite})."}
	case Expiring:
		return probe.Text{DE: "{name} ist nur noch bis Ende {year} " + word.DE + " ({cite}). Der Ersatz ist jetzt einzuplanen.", EN: "{name} is " + word.EN + " only until the end of {year} ({cite}). Its replacement has to be planned now."}
	case Expired:
		t := probe.Text{DE: "{name} war bis Ende {year} " + word.DE + "; dieser Zeitraum ist abgelaufen ({cite}).", EN: "{name} was " + word.EN + " until the end of {year}; that period has ended ({cite})."}
		if a.Until.Plus {
			t.DE += " Ob eine neuere Ausgabe ihn verlängert hat, ist zu prüfen."
			t.EN += " A newer edition may have extended it."
		}
		return t
	case Announced:
		return probe.Text{DE: "{name} ist als künftige Empfehlung angekündigt, aber noch nicht aufgeführt ({cite}).", EN: "{name} is announced as a future recommendation, but not yet listed ({cite})."}
	case PhaseOut:
		return probe.Text{DE: "{name} wird nur noch übergangsweise geduldet und soll ersetzt werden ({cite}).", EN: "{name} is tolerated for a transition only and is to be replaced ({cite})."}
	case NotRecommended:
		return probe.Text{DE: "{name} wird ausdrücklich nicht empfohlen ({cite}).", EN: "{name} is expressly not recommended ({cite})."}
	case Insufficient:
		return probe.Text{DE: "{name} bleibt hinter dem zurück, was {document} verlangt ({cite}).", EN: "{name} falls short of what {document} asks for ({cite})."}
	case Forbidden:
		return probe.Text{DE: "{name} darf nicht angeboten oder ausgewählt werden ({cite}).", EN: "{name} must not be offered or selected ({cite})."}
	}
	if !n.DTLS && a.Mechanism.Kind == Version && strings.HasPrefix(a.Mechanism.Name, "DTLS") {
		return probe.Text{DE: "{document} erwähnt DTLS nicht und trifft zu {name} keine Aussage ({cite}).", EN: "{document} does not mention DTLS and makes no statement on {name} ({cite})."}
	}
	return probe.Text{DE: "{name} ist nicht aufgeführt ({cite}). Das ist keine Aussage über die Sicherheit.", EN: "{name} is not listed ({cite}). That is no statement about its security."}
}

// favourable is a favourable word in both languages, to follow "is" or "was".
func favourable(s Says) probe.Text {
	switch s {
	case SaysRequired:
		return probe.Text{DE: "vorgeschrieben", EN: "required"}
	case SaysGood:
		return probe.Text{DE: "als „gut“ eingestuft", EN: "graded “good”"}
	case SaysSufficient:
		return probe.Text{DE: "als „ausreichend“ eingestuft", EN: "graded “sufficient”"}
	case SaysAllowed:
		return probe.Text{DE: "zulässig", EN: "allowed"}
	}
	return probe.Text{DE: "empfohlen", EN: "recommended"}
}
