package tls

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/norm"
	"vksprobe/tls/tr02102"
)

// measured is what rules need of which both kinds serve: what a server offers,
// or at least what it agreed on with the browser.
var measured = []string{Offer.Name + "|" + Handshake.Name}

// Guideline returns BSI TR-02102-2 in the newest edition that was published by
// a day; before the first edition that is built in, that one.
func Guideline(day time.Time) *norm.Norm {
	var found *norm.Norm
	for _, n := range norm.Builtin().All() { // editions ascend
		if n.ID == tr02102.ID && (found == nil || cmp.Or(n.Published, n.Edition+"-31") <= day.Format(time.DateOnly)) {
			found = n
		}
	}
	return found
}

// A server is what one observation shows of a server: what it offers, or what
// one handshake of the browser agreed on. One of offer and hand is set.
type server struct {
	observation probe.Observation
	offer       *Offered
	hand        *Negotiated
	date        time.Time  // of judgement
	guide       *norm.Norm // the guideline as of that date
}

// judgement is what a rule says about one server. A rule that has nothing to
// say returns the zero judgement, whose detail is empty.
type judgement struct {
	verdict  probe.Verdict
	detail   probe.Text
	severity probe.Severity // "" is that of the rule
}

// nothing is the judgement of a rule that does not apply.
var nothing judgement

// unknown is the judgement where the measurement did not answer.
func unknown(de, en string, values ...any) judgement {
	return judgement{verdict: probe.Unknown, detail: both(de, en, values...)}
}

// both is one sentence pattern in both languages with the same values. A value
// that is a probe.Text goes in in its language.
func both(de, en string, values ...any) probe.Text {
	in := func(lang string) []any {
		out := slices.Clone(values)
		for i, v := range out {
			if t, ok := v.(probe.Text); ok {
				out[i] = t.In(lang)
			}
		}
		return out
	}
	return probe.Text{DE: fmt.Sprintf(de, in("de")...), EN: fmt.Sprintf(en, in("en")...)}
}

// plus joins sentences.
func plus(a, b probe.Text) probe.Text {
	return probe.Text{DE: strings.TrimSpace(a.DE + " " + b.DE), EN: strings.TrimSpace(a.EN + " " + b.EN)}
}

// listed joins names: "a, b and c", at most a dozen.
func listed(names []string) probe.Text {
	const most = 12
	if n := len(names); n > most {
		t := strings.Join(names[:most], ", ")
		return both("%s und %d weitere", "%s and %d more", t, n-most)
	} else if n > 1 {
		return both("%s und %s", "%s and %s", strings.Join(names[:n-1], ", "), names[n-1])
	}
	return probe.Text{DE: strings.Join(names, ""), EN: strings.Join(names, "")}
}

// perHost judges every server and gives one finding per subject: the gravest
// judgement, citing every observation with it. Offers come before handshakes
// of the browser, whose words are used only where no offer says the same.
// Where a name has several addresses, the detail says which of them it is
// about.
func perHost(c *probe.Case, judge func(*server) judgement) []probe.Finding {
	type said struct {
		judgement
		*server
	}
	subjects := map[string][]said{}
	guide := Guideline(c.Date)
	note := func(s *server) {
		s.date, s.guide = c.Date, guide
		if j := judge(s); j.detail != (probe.Text{}) {
			subjects[s.observation.Subject] = append(subjects[s.observation.Subject], said{j, s})
		}
	}
	for o, offer := range Offer.In(c.Facts) {
		note(&server{observation: o, offer: &offer})
	}
	for o, n := range Handshake.In(c.Facts) {
		if !n.Background && (o.Failure == "" || o.Failure == probe.TLSCertificate) {
			note(&server{observation: o, hand: &n})
		}
	}
	var out []probe.Finding
	for subject, all := range subjects {
		offers := 0
		for _, x := range all {
			if x.offer != nil {
				offers++
			}
		}
		worst := slices.MaxFunc(all, func(a, b said) int { return cmp.Compare(rank(a.verdict), rank(b.verdict)) }).verdict
		f := probe.Finding{Subject: subject, Verdict: worst}
		var texts []probe.Text
		where := map[probe.Text][]string{}
		for _, x := range all {
			if x.verdict != worst {
				continue
			}
			if gravity(x.severity) > gravity(f.Severity) {
				f.Severity = x.severity
			}
			if len(f.Observations) < maxCited {
				f.Observations = append(f.Observations, x.observation.ID)
			}
			if x.hand != nil && len(texts) > 0 && where[texts[0]] != nil {
				continue
			}
			if !slices.Contains(texts, x.detail) {
				texts = append(texts, x.detail)
			}
			if x.offer != nil {
				where[x.detail] = append(where[x.detail], x.offer.place())
			}
		}
		if len(where) == 0 {
			texts = texts[:1]
		}
		for i, t := range texts {
			if i == maxTexts {
				break
			}
			if n := len(where[t]); n > 0 && n < offers {
				at := listed(where[t])
				t = probe.Text{DE: at.DE + ": " + t.DE, EN: at.EN + ": " + t.EN}
			}
			f.Detail = plus(f.Detail, t)
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b probe.Finding) int { return cmp.Compare(a.Subject, b.Subject) })
	return out
}

// Bounds of one finding.
const (
	maxCited = 20 // observations
	maxTexts = 4  // details that differ between addresses
)

// place is the address of an offer, with the transport if it is not TCP.
func (o *Offered) place() string {
	if o.Transport == "tcp" || o.Transport == "" {
		return o.Address
	}
	return o.Address + " (" + o.Transport + ")"
}

// rank orders verdicts from harmless to grave.
func rank(v probe.Verdict) int {
	return slices.Index([]probe.Verdict{probe.NotApplicable, probe.Pass, probe.Unknown, probe.Review, probe.Fail}, v)
}

// gravity orders severities; the empty one is the least.
func gravity(s probe.Severity) int {
	return slices.Index([]probe.Severity{probe.Info, probe.Low, probe.Medium, probe.High}, s)
}

// offered is what rules need that judge offers alone.
var offered = []string{Offer.Name}

// perOffer judges offers alone.
func perOffer(c *probe.Case, judge func(*server) judgement) []probe.Finding {
	return perHost(c, func(s *server) judgement {
		if !s.answered() {
			return nothing
		}
		return judge(s)
	})
}

// asked reports whether any server was asked by handshakes of our own.
func asked(c *probe.Case) bool {
	for range Offer.In(c.Facts) {
		return true
	}
	return false
}

// notAsked is the finding of a rule that handshakes of the browser can violate,
// but not satisfy, where there was no offer.
func notAsked() probe.Finding {
	return probe.Finding{Verdict: probe.NotApplicable, Detail: probe.Text{
		DE: "In dieser Messung wurde kein Server mit eigenen Handshakes befragt. Was der Browser ausgehandelt hat, sagt darüber nichts.",
		EN: "No server was asked by handshakes of our own in this measurement. What the browser negotiated does not tell."}}
}

// answered reports whether an offer shows at least one version. Of a server
// that did not come to a handshake only tls.version speaks.
func (s *server) answered() bool {
	return s.offer != nil && slices.ContainsFunc(s.offer.Versions, func(v enumerate.Version) bool { return v.State == enumerate.Yes })
}

// version returns what is known of a version; its state is Unknown if it was
// not asked for.
func (s *server) version(code uint16) enumerate.Version {
	for _, v := range s.offer.Versions {
		if v.Code == code {
			return v
		}
	}
	return enumerate.Version{Code: code, State: enumerate.Unknown}
}

// speaks reports whether an offer has one of the versions.
func (s *server) speaks(codes ...uint16) bool {
	return s.offer != nil && slices.ContainsFunc(codes, func(c uint16) bool { return s.version(c).State == enumerate.Yes })
}

// feature is the state of a feature of an offer.
func (s *server) feature(name string) enumerate.State {
	return cmp.Or(s.offer.Features[name], enumerate.Unknown)
}

// mechanisms lists what was offered or negotiated of some kinds.
func (s *server) mechanisms(kinds ...norm.Kind) []norm.Mechanism {
	var all []norm.Mechanism
	if s.offer != nil {
		all = Mechanisms(*s.offer)
	} else {
		all = s.hand.mechanisms()
	}
	return slices.DeleteFunc(all, func(m norm.Mechanism) bool { return m.Absent || !slices.Contains(kinds, m.Kind) })
}

// mechanisms puts a handshake of the browser in the words of package norm.
func (n *Negotiated) mechanisms() []norm.Mechanism {
	if n.VersionCode == 0 {
		return nil
	}
	all := []norm.Mechanism{{Kind: norm.Version, Code: n.VersionCode, Name: n.Version}}
	if n.CipherSuiteCode != 0 {
		all = append(all, norm.Mechanism{Kind: norm.CipherSuite, Code: n.CipherSuiteCode, Name: n.CipherSuite, Version: n.VersionCode})
	}
	if n.GroupCode != 0 {
		all = append(all, norm.Mechanism{Kind: norm.Group, Code: n.GroupCode, Name: n.Group, Version: n.VersionCode})
	}
	if n.SignatureCode != 0 {
		all = append(all, norm.Mechanism{Kind: norm.SignatureScheme, Code: n.SignatureCode, Name: n.SignatureAlgorithm, Version: n.VersionCode})
	}
	return all
}

// verdict turns the guideline's answer into one of ours. What it does not
// list, or will list, or lists for the last year, is left to a person; so is
// what has expired, if its period was one that may be extended.
func verdict(a norm.Assessment) probe.Verdict {
	switch a.Class {
	case norm.Required, norm.Listed:
		return probe.Pass
	case norm.Expiring, norm.Announced, norm.NotListed, norm.PhaseOut:
		return probe.Review
	case norm.Expired:
		if a.Until.Plus {
			return probe.Review
		}
	}
	return probe.Fail
}

// classWords introduce the names of what a class holds.
var classWords = map[norm.Class]probe.Text{
	norm.Forbidden:      {DE: "Untersagt", EN: "Forbidden"},
	norm.Insufficient:   {DE: "Unzureichend", EN: "Insufficient"},
	norm.NotRecommended: {DE: "Ausdrücklich nicht empfohlen", EN: "Expressly not recommended"},
	norm.Expired:        {DE: "Empfehlung ausgelaufen", EN: "Recommendation expired"},
	norm.PhaseOut:       {DE: "Nur übergangsweise geduldet", EN: "Tolerated for a transition only"},
	norm.Expiring:       {DE: "Nur noch bis zum Ende dieses Jahres empfohlen", EN: "Recommended only until the end of this year"},
	norm.NotListed:      {DE: "Nicht aufgeführt, also ohne Aussage der Richtlinie", EN: "Not listed, so without a statement of the guideline"},
	norm.Announced:      {DE: "Als künftige Empfehlung angekündigt", EN: "Announced as a future recommendation"},
}

// assessed judges mechanisms of one sort by the guideline. A single one of the
// browser is told in the norm's own sentence, an offer class by class, the
// gravest first. Mechanisms under versions that the guideline objects to are
// left to the rule about versions, unless it objects to themselves.
func (s *server) assessed(what probe.Text, all []norm.Mechanism) judgement {
	if len(all) == 0 {
		return nothing
	}
	if s.hand != nil {
		a := s.guide.Assess(all[0], s.date)
		return judgement{verdict: verdict(a), detail: plus(both("Ausgehandelt wurde %s.", "%s was negotiated.", a.Mechanism.Name), a.Detail)}
	}
	names := map[norm.Class][]string{}
	years := map[string]int{}
	j := judgement{verdict: probe.Pass}
	count := 0
	for _, m := range all {
		a := s.guide.Assess(m, s.date)
		if !a.Class.Objects() && m.Version != 0 && s.guide.Assess(norm.Mechanism{Kind: norm.Version, Code: m.Version}, s.date).Class.Objects() {
			continue
		}
		if a.Class == norm.Listed || a.Class == norm.Required {
			years[a.Until.String()]++
			count++
			continue
		}
		if v := verdict(a); rank(v) > rank(j.verdict) {
			j.verdict = v
		}
		name := m.Name
		if short := versionShort(m.Version); short != "" {
			name += " (" + short + ")"
		}
		if !slices.Contains(names[a.Class], name) {
			names[a.Class] = append(names[a.Class], name)
		}
	}
	for _, class := range slices.Backward(norm.Classes()) {
		if len(names[class]) > 0 {
			j.detail = plus(j.detail, both("%s: %s.", "%s: %s.", classWords[class], listed(names[class])))
		}
	}
	var until probe.Text
	for i, year := range slices.Sorted(keys(years)) {
		t := both("%d bis %s", "%d until %s", years[year], year)
		if year == "" {
			t = both("%d ohne Jahr", "%d without a year", years[year])
		}
		if i > 0 {
			until.DE, until.EN = until.DE+", ", until.EN+", "
		}
		until.DE, until.EN = until.DE+t.DE, until.EN+t.EN
	}
	switch {
	case count == 0 && len(names) == 0:
		return nothing
	case count == 0:
		j.detail = plus(j.detail, both("Aufgeführt ist nichts davon: %s.", "None of it is listed: %s.", what))
	default:
		j.detail = plus(j.detail, both("Aufgeführt und gültig (%s): %s.", "Listed and valid (%s): %s.", what, until))
	}
	return j
}

// unsure lowers a pass where something was left without an answer.
func (j judgement) unsure(open int, de, en string) judgement {
	if open == 0 {
		return j
	}
	if j.verdict == probe.Pass {
		j.verdict = probe.Unknown
	}
	j.detail = plus(j.detail, both(de, en, open))
	return j
}

// versionShort is "1.2" of TLS 1.2 and the whole name of other protocols.
func versionShort(v uint16) string {
	switch {
	case v == 0:
		return ""
	case v>>8 == 3 && v > 0x0300:
		return fmt.Sprintf("1.%d", v&0xFF-1)
	}
	return map[uint16]string{0x0002: "SSL 2.0", 0x0300: "SSL 3.0", 0xFEFF: "DTLS 1.0", 0xFEFD: "DTLS 1.2", 0xFEFC: "DTLS 1.3"}[v]
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
