package probe

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Source is what a rule rests on, quoted exactly and with its edition.
type Source struct {
	Doc     string `json:"doc"`               // "RFC 8827", "BSI TR-02102-2"
	Edition string `json:"edition,omitempty"` // "2026-01", "August 2021"
	Section string `json:"section,omitempty"` // "6.5"
	Quote   string `json:"quote,omitempty"`   // the sentence itself, in the language of the document
	URL     string `json:"url,omitempty"`
}

// A Rule judges one requirement.
type Rule struct {
	ID       string   // "media.camera-prejoin"
	Title    Text     // what is required, as a statement that can be true or false
	Why      Text     // why it matters to the people in the meeting
	Sources  []Source // first the one that carries the rule
	Criteria []string // ids of the guidance's criteria this rule serves: "DEF-01"
	Severity Severity // of a violation
	Remedy   Text     // what an operator does about a violation

	// Effective and Until bound the dates at which the rule can be applied;
	// zero means no bound.
	Effective, Until time.Time

	// Needs names the kinds of observation without which nothing can be said.
	// If one of them has no successful observation the verdict is Unknown. An
	// entry may name alternatives, "tls.offer/v1|tls.handshake/v1", of which
	// one is enough.
	Needs []string

	// Active says that the rule judges answers to questions of our own. Where
	// nobody was asked, not even in vain, it has nothing to say; who is out of
	// scope was not asked.
	Active bool

	// Phases must have been lived through to their end, or skipped on the way
	// to a later one, by participant 1 before "not seen" may count: until
	// then a Pass becomes Unknown.
	Phases []Phase

	// Check returns one finding per subject. It fills Subject, Verdict, Detail
	// and Observations; the rest is filled by Judge. No findings mean that
	// the rule does not apply.
	Check func(*Case) []Finding
}

// A Case is what a rule decides on.
type Case struct {
	*Facts
	Date time.Time // the date for which the judgement holds
}

// A Finding is the verdict of one rule on one subject.
type Finding struct {
	Rule         string   `json:"rule"`
	Subject      string   `json:"subject"`
	Verdict      Verdict  `json:"verdict"`
	Severity     Severity `json:"severity"`
	Title        Text     `json:"title"`
	Detail       Text     `json:"detail"`
	Observations []string `json:"observations,omitempty"` // ids; every pass and every fail has some
	Remedy       *Text    `json:"remedy,omitempty"`       // only with fail and review
}

// A Set is a collection of rules that is filled while the program starts and
// read afterwards.
type Set struct{ rules []*Rule }

// Add registers a rule: var _ = Rules.Add(&probe.Rule{…}). It panics when the
// rule is not whole or its id is taken, because that is a bug.
func (s *Set) Add(r *Rule) *Rule {
	if err := r.check(); err != nil {
		panic(fmt.Sprintf("rule %q: %v", r.ID, err))
	}
	for _, other := range s.rules {
		if other.ID == r.ID {
			panic(fmt.Sprintf("rule %q is registered twice", r.ID))
		}
	}
	s.rules = append(s.rules, r)
	return r
}

func (r *Rule) check() error {
	whole := func(t Text) bool { return t.DE != "" && t.EN != "" }
	switch {
	case r.ID == "" || strings.ToLower(r.ID) != r.ID:
		return errors.New("id is empty or not lower case")
	case !whole(r.Title) || !whole(r.Why) || !whole(r.Remedy):
		return errors.New("title, why and remedy need both languages")
	case len(r.Sources) == 0:
		return errors.New("no source")
	case r.Severity == "" || r.Check == nil || len(r.Needs) == 0:
		return errors.New("severity, needs and check are required")
	}
	return nil
}

// Rules returns the rules of the sets in order of their ids.
func Rules(sets ...*Set) []*Rule {
	var all []*Rule
	for _, s := range sets {
		all = append(all, s.rules...)
	}
	slices.SortFunc(all, func(a, b *Rule) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Judge applies the rules to the facts as of the given date. The findings are
// in order of rule id and subject. An error means that observations could not
// be read; the findings are then not to be used.
func Judge(f *Facts, date time.Time, rules []*Rule) ([]Finding, error) {
	var out []Finding
	c := &Case{Facts: f, Date: date}
	for _, r := range rules {
		findings := r.judge(c)
		slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(a.Subject, b.Subject) })
		out = append(out, findings...)
	}
	return out, errors.Join(f.unreadable...)
}

func (r *Rule) judge(c *Case) []Finding {
	var findings []Finding
	switch missing, failures := c.missing(r.Needs); {
	case r.Active && !c.asked(r.Needs):
		findings = []Finding{{Verdict: NotApplicable, Detail: Text{
			DE: "Danach wurde kein Server gefragt; das geschieht nur auf Verlangen.", EN: "No server was asked for this; that is done on demand only."}}}
	case !r.Effective.IsZero() && c.Date.Before(r.Effective), !r.Until.IsZero() && c.Date.After(r.Until):
		findings = []Finding{{Verdict: NotApplicable, Detail: Text{
			DE: "Die Regel gilt zum Bewertungsdatum nicht.", EN: "The rule is not in force on the date of judgement."}}}
	case len(missing) > 0:
		de, en := "Nicht gemessen: ", "Not measured: "
		what := strings.ReplaceAll(strings.Join(missing, ", "), "|", " / ")
		if len(failures) > 0 {
			what += " (" + strings.Join(failures, ", ") + ")"
		}
		findings = []Finding{{Verdict: Unknown, Detail: Text{DE: de + what + ".", EN: en + what + "."}}}
	default:
		findings = r.Check(c)
		if len(findings) == 0 {
			findings = []Finding{{Verdict: NotApplicable, Detail: Text{
				DE: "Nichts beobachtet, worauf die Regel anzuwenden wäre.", EN: "Nothing was observed to which the rule applies."}}}
		}
	}
	open := c.unfinished(r.Phases)
	for i := range findings {
		fd := &findings[i]
		fd.Rule, fd.Title, fd.Severity = r.ID, r.Title, cmp.Or(fd.Severity, r.Severity)
		if fd.Subject == "" {
			fd.Subject = "scan"
		}
		if fd.Verdict == Pass && open != "" {
			fd.Verdict = Unknown
			fd.Detail.DE += " Die Phase „" + string(open) + "“ wurde jedoch nicht bis zu ihrem Ende beobachtet."
			fd.Detail.EN += " The phase “" + string(open) + "” was not observed to its end, however."
		}
		if (fd.Verdict == Fail || fd.Verdict == Review) && fd.Remedy == nil {
			fd.Remedy = &r.Remedy
		}
	}
	return findings
}

// asked reports whether anybody was asked for one of the kinds, if in vain.
func (c *Case) asked(kinds []string) bool {
	for k := range strings.SplitSeq(strings.Join(kinds, "|"), "|") {
		if slices.ContainsFunc(c.byKind[k], func(o Observation) bool { return o.Failure != OutOfScope }) {
			return true
		}
	}
	return false
}

// missing returns the kinds that have no successful observation, and the
// failures that were observed instead.
func (c *Case) missing(kinds []string) (missing, failures []string) {
	for _, need := range kinds {
		ok := false
		for k := range strings.SplitSeq(need, "|") {
			for _, o := range c.byKind[k] {
				if o.Failure == "" {
					ok = true
				} else if !slices.Contains(failures, string(o.Failure)) {
					failures = append(failures, string(o.Failure))
				}
			}
		}
		if !ok {
			missing = append(missing, need)
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	if len(failures) == 0 {
		for _, o := range c.byKind[WalkEnd.Name] {
			if o.Failure != "" && !slices.Contains(failures, string(o.Failure)) {
				failures = append(failures, string(o.Failure))
			}
		}
	}
	return missing, failures
}

// unfinished returns the first of the phases that participant 1 neither lived
// through nor skipped, "" if there is none.
func (c *Case) unfinished(phases []Phase) Phase {
	for _, p := range phases {
		done := false
		for _, s := range PhaseSpan.In(c.Facts) {
			done = done || s.Participant == 1 && (s.Phase == p && s.Complete || p.Before(s.Phase))
		}
		if !done {
			return p
		}
	}
	return ""
}
