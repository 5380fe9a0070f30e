package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vksprobe/probe"
	"vksprobe/tls"
	"vksprobe/tls/chain"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
	"vksprobe/tls/norm"
)

// How much the HTML view shows of offers.
const (
	maxServers    = 300 // rows of the overview
	maxOffers     = 12  // addresses that are told in full
	maxIssues     = 30  // of one server
	maxMechanisms = 120 // rows of one table
	maxOpposed    = 40  // mechanisms on which norms disagree
)

// A served is everything that is known of one server: a name and port, or an
// address, with all its addresses.
type served struct {
	Subject     string
	Anchor      string
	Issues      []issue // the gravest first
	IssuesLeft  int
	Fail        int
	Review      int
	Unknown     int
	Versions    []string
	Ends        time.Time // the first end of a certificate's validity
	Offers      []*offered
	Differences []enumerate.Difference
	Detailed    bool
}

// An issue is a finding about a server that somebody has to look at.
type issue struct {
	probe.Finding
	Anchor string // of the rule's place among the findings
	Brief  probe.Text
}

// An offered is what one address offers.
type offered struct {
	tls.Offered
	Place     string
	Versions  []versionOffer
	Refused   []string // versions
	Open      []string // versions without a certain answer
	Norms     []normView
	Conflicts []conflictView
	Left      int // conflicts that are not shown
	Chains    []chainView
	Features  []stateRow
	Flaws     []stateRow
	Cites     cites
	Spoken    []string // versions of QUIC
}

// A versionOffer is one protocol version.
type versionOffer struct {
	Name       string
	Verdict    graded
	Suites     []graded
	SuitesLeft int
	Order      probe.Text
	Unknown    int
	Groups     []graded
	Schemes    []graded
	GroupOrder probe.Text
}

// A graded is a mechanism with the guideline's word.
type graded struct {
	Code  string
	Name  string
	Class norm.Class
	Until string
	Place string // section and table
	Tone  string // pass, review, unknown or fail

	Weak  []probe.Text // what is known to be wrong with a suite
	Worst norm.Class   // the gravest word of other norms that object, if one does
	By    []string     // those norms
}

// A normView is what one norm says of the whole.
type normView struct {
	Name    string
	Counts  [4]int // objects, ends this year or tolerated or announced, silent, permits
	Objects []probe.Text
	Missing []probe.Text
}

// A conflictView is a mechanism on which norms disagree.
type conflictView struct {
	Name  probe.Text
	Cells []graded // one for each norm
}

// A chainView is a chain with what is to be said about it.
type chainView struct {
	chain.Chain
	Presented enumerate.Presented
	Lints     []lintView
}

type lintView struct {
	chain.Finding
	Text probe.Text
	Tone string
}

// A stateRow is a feature or flaw.
type stateRow struct {
	Name  probe.Text
	State enumerate.State
	Text  probe.Text
	Tone  string
}

// tone says how a class is to be shown.
func tone(c norm.Class) string {
	switch c {
	case norm.Required, norm.Listed:
		return "pass"
	case norm.Expiring, norm.Announced, norm.PhaseOut, norm.Expired:
		return "review"
	case norm.NotListed:
		return "unknown"
	}
	return "fail"
}

// servers arranges the offers of a report: those with the gravest violations
// first.
func (p *page) servers(facts *probe.Facts) {
	bySubject := map[string]*served{}
	full := map[*served][]tls.Offered{}
	for o, offer := range tls.Offer.In(facts) {
		s := bySubject[o.Subject]
		if s == nil {
			s = &served{Subject: o.Subject}
			bySubject[o.Subject] = s
			p.Servers = append(p.Servers, s)
		}
		s.Offers = append(s.Offers, &offered{Offered: offer, Place: place(offer), Cites: cites{List: []cite{{ID: o.ID}}}})
		full[s] = append(full[s], offer)
		for _, v := range offer.Versions {
			if v.State == enumerate.Yes {
				s.Versions = union(s.Versions, v.Name)
			}
		}
		for _, c := range offer.Certificates {
			if len(c.Certificates) > 0 && (s.Ends.IsZero() || c.Certificates[0].NotAfter.Before(s.Ends)) {
				s.Ends = c.Certificates[0].NotAfter
			}
		}
	}
	p.issues(bySubject)
	worst := func(s *served) int {
		g := -1
		for _, i := range s.Issues {
			if i.Verdict == probe.Fail {
				g = max(g, gravity(i.Severity))
			}
		}
		return g
	}
	slices.SortStableFunc(p.Servers, func(a, b *served) int {
		return cmp.Or(cmp.Compare(worst(b), worst(a)), cmp.Compare(b.Fail, a.Fail), cmp.Compare(b.Review, a.Review), cmp.Compare(a.Subject, b.Subject))
	})
	p.ServersLeft = max(0, len(p.Servers)-maxServers)
	p.Servers = p.Servers[:len(p.Servers)-p.ServersLeft]
	norms := compared(p.Date)
	for _, n := range norms {
		p.Norms = append(p.Norms, n.Document+" "+n.Edition)
	}
	shown := 0
	for i, s := range p.Servers {
		s.Anchor = fmt.Sprintf("server-%d", i+1)
		if shown+len(s.Offers) > maxOffers && shown > 0 {
			p.Undetailed++
			continue
		}
		s.Detailed = true
		var offers []enumerate.Offer
		for n, o := range s.Offers[:min(len(s.Offers), maxOffers)] {
			shown++
			o.Cites = p.cite([]string{o.Cites.List[0].ID})
			o.describe(norms, p.Date)
			offers = append(offers, full[s][n].Offer)
		}
		s.Offers = s.Offers[:min(len(s.Offers), maxOffers)]
		s.Differences = enumerate.Compare(offers)
		if n := len(s.Differences); n > maxIssues {
			s.Differences = s.Differences[:maxIssues]
		}
	}
}

// place is the address of an offer with what was spoken before.
func place(o tls.Offered) string {
	words := []string{o.Address}
	if o.Transport != "" && o.Transport != "tcp" {
		words = append(words, strings.ToUpper(o.Transport))
	}
	if o.StartTLS != "" {
		words = append(words, "STARTTLS "+o.StartTLS)
	}
	return strings.Join(words, ", ")
}

// issues hands the findings that somebody has to look at to their servers.
func (p *page) issues(servers map[string]*served) {
	for _, section := range p.Verdicts {
		if section.Verdict == probe.Pass || section.Verdict == probe.NotApplicable {
			continue
		}
		for _, g := range section.Groups {
			if !strings.HasPrefix(g.Rule.ID, "tls.") {
				continue
			}
			for _, f := range p.Report.Findings {
				s := servers[f.Subject]
				if s == nil || f.Rule != g.Rule.ID || f.Verdict != section.Verdict {
					continue
				}
				switch f.Verdict {
				case probe.Fail:
					s.Fail++
				case probe.Review:
					s.Review++
				default:
					s.Unknown++
				}
				if len(s.Issues) == maxIssues {
					s.IssuesLeft++
					continue
				}
				s.Issues = append(s.Issues, issue{f, g.Anchor, probe.Text{DE: brief(f.Detail.DE), EN: brief(f.Detail.EN)}})
			}
		}
	}
	for _, s := range servers {
		slices.SortStableFunc(s.Issues, func(a, b issue) int {
			return cmp.Or(cmp.Compare(slices.Index(urgency(), a.Verdict), slices.Index(urgency(), b.Verdict)), graver(a.Finding, b.Finding))
		})
	}
}

// brief is the first sentence of a detail, or as much of it as fits.
func brief(s string) string {
	const long = 150
	if i := strings.Index(s, ". "); i > 0 && utf8.RuneCountInString(s[:i]) < long {
		return s[:i+1]
	}
	return cut(s, long)
}

// weaknesses says what is known to be wrong with a suite.
func weaknesses(code uint16) (all []probe.Text) {
	s, ok := iana.Suite(code)
	if !ok || s.KeyExchange == "" {
		return nil
	}
	for _, w := range []struct {
		there  bool
		de, en string
	}{
		{s.Cipher == "NULL", "ohne Verschlüsselung", "no encryption"},
		{s.Authentication == "anon", "ohne Zertifikat", "no certificate"},
		{s.Export, "Exportstärke", "export strength"},
		{s.Cipher == "RC4", "RC4", "RC4"},
		{s.Block == 64 && !s.Export, "64-Bit-Blöcke", "64-bit blocks"},
		{!s.ForwardSecret && s.Authentication != "anon", "ohne PFS", "no PFS"},
	} {
		if w.there {
			all = append(all, probe.Text{DE: w.de, EN: w.en})
		}
	}
	return all
}

// compared lists the norms that are set side by side: the guideline of the
// day, and the newest edition of the others. Of Mozilla's profiles it is the
// one for general use.
func compared(day time.Time) []*norm.Norm {
	guide := tls.Guideline(day)
	out := []*norm.Norm{guide}
	for _, n := range norm.Builtin().All() {
		if n.ID == guide.ID || n.ID == "mozilla-modern" {
			continue
		}
		if last := len(out) - 1; out[last].ID == n.ID {
			out[last] = n
		} else {
			out = append(out, n)
		}
	}
	return out
}

// describe grades an offer.
func (o *offered) describe(norms []*norm.Norm, day time.Time) {
	guide := norms[0]
	grade := func(m norm.Mechanism) graded {
		a := guide.Assess(m, day)
		g := graded{Code: fmt.Sprintf("%04X", m.Code), Name: m.Name, Class: a.Class, Until: a.Until.String(), Tone: tone(a.Class)}
		if a.Class == norm.NotListed {
			return g
		}
		if a.Section != norm.Unverified {
			g.Place = a.Section
		}
		if a.Table != "" {
			g.Place += " · T" + a.Table
		}
		return g
	}
	list := func(kind norm.Kind, version uint16, all []enumerate.Named) (out []graded) {
		for _, n := range all[:min(len(all), maxMechanisms)] {
			m := norm.Mechanism{Kind: kind, Code: n.Code, Name: n.Name, Version: version}
			g := grade(m)
			if kind == norm.CipherSuite {
				g.Weak = weaknesses(n.Code)
				g.Worst, g.By = objection(norms[1:], m, day)
			}
			out = append(out, g)
		}
		return out
	}
	for _, v := range o.Offered.Versions {
		switch v.State {
		case enumerate.No:
			o.Refused = append(o.Refused, v.Name)
			continue
		case enumerate.Yes:
		default:
			o.Open = append(o.Open, v.Name)
			continue
		}
		w := versionOffer{Name: v.Name, Verdict: grade(norm.Mechanism{Kind: norm.Version, Code: v.Code, Name: v.Name}), Unknown: len(v.SuitesUnknown),
			Suites: list(norm.CipherSuite, v.Code, v.Suites), SuitesLeft: max(0, len(v.Suites)-maxMechanisms), Order: orderWord(v),
			Groups: list(norm.Group, v.Code, v.Groups), Schemes: list(norm.SignatureScheme, v.Code, v.SignatureSchemes)}
		if v.GroupPreference == enumerate.Server && len(v.Groups) > 1 {
			w.GroupOrder = probe.Text{DE: "Der Server wählt.", EN: "The server chooses."}
		} else if v.GroupPreference == enumerate.Client && len(v.Groups) > 1 {
			w.GroupOrder = probe.Text{DE: "Der Client wählt.", EN: "The client chooses."}
		}
		o.Versions = append(o.Versions, w)
	}
	if q := o.QUIC; q != nil {
		for _, v := range q.Spoken {
			o.Spoken = append(o.Spoken, v.Name)
		}
	}
	o.compare(norms, day)
	for i, c := range o.Certificates {
		w := chainView{Chain: c}
		if i < len(o.Offered.Chains) {
			w.Presented = o.Offered.Chains[i]
		}
		for _, f := range c.Findings {
			if lint, ok := chain.Lookup(f.Code); ok && f.Severity != chain.Info {
				if why, ok := tls.TrustReason(chain.Reason(f.Detail)); ok {
					lint.Text = probe.Text{DE: lint.Text.DE + " " + why.DE, EN: lint.Text.EN + " " + why.EN}
					f.Detail = ""
				}
				w.Lints = append(w.Lints, lintView{f, lint.Text, map[chain.Severity]string{chain.Error: "fail", chain.Warning: "review"}[f.Severity]})
			}
		}
		slices.SortStableFunc(w.Lints, func(a, b lintView) int {
			rank := []string{"fail", "review", ""}
			return cmp.Compare(slices.Index(rank, a.Tone), slices.Index(rank, b.Tone))
		})
		w.Lints = w.Lints[:min(len(w.Lints), maxIssues)]
		w.Certificates = w.Certificates[:min(len(w.Certificates), maxList)]
		o.Chains = append(o.Chains, w)
	}
	for _, name := range slices.Sorted(keys(o.Offered.Features)) {
		o.Features = append(o.Features, stateRow{Name: tls.FeatureName(name), State: o.Offered.Features[name], Tone: featureTone(guide, name, o.Offered.Features[name], day)})
	}
	for _, name := range slices.Sorted(keys(flawTexts)) {
		row := stateRow{Name: same(flawNames[name]), State: cmp.Or(o.Offered.Flaws[name], enumerate.Unknown), Text: flawTexts[name]}
		row.Tone = map[enumerate.State]string{enumerate.Yes: "fail", enumerate.No: "pass"}[row.State]
		o.Flaws = append(o.Flaws, row)
	}
	tones := []string{"fail", "unknown", "pass", ""}
	slices.SortStableFunc(o.Features, func(a, b stateRow) int {
		return cmp.Or(cmp.Compare(slices.Index(tones, a.Tone), slices.Index(tones, b.Tone)), strings.Compare(a.Name.DE, b.Name.DE))
	})
	rank := []enumerate.State{enumerate.Yes, enumerate.Unknown, enumerate.No}
	slices.SortStableFunc(o.Flaws, func(a, b stateRow) int {
		return cmp.Compare(slices.Index(rank, a.State), slices.Index(rank, b.State))
	})
}

// objection is the gravest word of norms that object to a mechanism, and which
// of them use it.
func objection(norms []*norm.Norm, m norm.Mechanism, day time.Time) (worst norm.Class, by []string) {
	order := norm.Classes()
	for _, n := range norms {
		a := n.Assess(m, day)
		if !a.Class.Objects() || a.Via != "" {
			continue
		}
		switch c := cmp.Compare(slices.Index(order, a.Class), slices.Index(order, worst)); {
		case worst == "" || c > 0:
			worst, by = a.Class, []string{n.Document}
		case c == 0:
			by = append(by, n.Document)
		}
	}
	return worst, by
}

// featureTone says whether the guideline has a word on a feature as it is.
func featureTone(n *norm.Norm, name string, state enumerate.State, day time.Time) string {
	switch a := n.Assess(norm.Mechanism{Kind: norm.Feature, Name: name}, day); {
	case state == enumerate.Unknown:
		return "unknown"
	case a.Class.Objects() && state == enumerate.Yes, a.Class.Permits() && state == enumerate.No:
		return "fail"
	case a.Class.Objects(), a.Class.Permits():
		return "pass"
	}
	return ""
}

// orderWord says in which order the suites of a version stand.
func orderWord(v enumerate.Version) probe.Text {
	switch {
	case len(v.Suites) < 2:
		return probe.Text{}
	case v.SuitePreference == enumerate.Server && v.SuitesOrdered && v.ChaCha20ByClient:
		return probe.Text{DE: "In der Reihenfolge des Servers; wer ChaCha20 voranstellt, bekommt es.", EN: "In the server’s order; whoever puts ChaCha20 first gets it."}
	case v.SuitePreference == enumerate.Server && v.SuitesOrdered:
		return probe.Text{DE: "In der Reihenfolge des Servers.", EN: "In the server’s order."}
	case v.SuitePreference == enumerate.Server:
		return probe.Text{DE: "Der Server entscheidet; seine Reihenfolge ist nicht in allem erwiesen.", EN: "The server decides; its order is not proven throughout."}
	case v.SuitePreference == enumerate.Client:
		return probe.Text{DE: "Der Client entscheidet.", EN: "The client decides."}
	case v.SuitePreference == enumerate.Mixed:
		return probe.Text{DE: "Teils entscheidet der Server, teils der Client.", EN: "Partly the server decides, partly the client."}
	}
	return probe.Text{DE: "Wer entscheidet, ist nicht bekannt.", EN: "It is not known who decides."}
}

// compare sets the norms side by side.
func (o *offered) compare(norms []*norm.Norm, day time.Time) {
	r := norm.Compare(tls.Mechanisms(o.Offered), day, norms...)
	for i, j := range r.Norms {
		v := normView{Name: norms[i].Document + " " + norms[i].Edition}
		telling := slices.Clone(j.Assessments) // Conflicts below rest on the order
		slices.SortStableFunc(telling, func(a, b norm.Assessment) int { return cmp.Compare(weight(a.Mechanism.Kind), weight(b.Mechanism.Kind)) })
		for _, a := range telling {
			switch {
			case a.Class == norm.Expiring, a.Class == norm.PhaseOut, a.Class == norm.Announced:
				v.Counts[1]++
			case a.Class.Objects():
				v.Counts[0]++
				v.Objects = union(v.Objects, mechanismWord(a.Mechanism))
			case a.Class == norm.NotListed:
				v.Counts[2]++
			default:
				v.Counts[3]++
			}
		}
		for _, g := range j.Missing {
			if g.Class == norm.Required {
				var t probe.Text
				for n, r := range g.Rows {
					w := mechanismWord(norm.Mechanism{Kind: r.Kind, Name: cmp.Or(r.Name, strings.Join(r.Match, " "))})
					if n > 0 {
						t.DE, t.EN = t.DE+" / ", t.EN+" / "
					}
					t.DE, t.EN = t.DE+w.DE, t.EN+w.EN
				}
				v.Missing = append(v.Missing, t)
			}
		}
		o.Norms = append(o.Norms, v)
	}
	for _, c := range r.Conflicts {
		if !c.Opposed {
			continue
		}
		if len(o.Conflicts) == maxOpposed {
			o.Left++
			continue
		}
		row := conflictView{Name: mechanismWord(c.Mechanism), Cells: make([]graded, len(norms))}
		for _, side := range c.Sides {
			at := slices.IndexFunc(norms, func(n *norm.Norm) bool { return n.Key() == side.Norm })
			row.Cells[at] = graded{Class: side.Class, Until: side.Until.String(), Tone: tone(side.Class)}
		}
		o.Conflicts = append(o.Conflicts, row)
	}
}

// mechanismWord names a mechanism with its version or length.
func mechanismWord(m norm.Mechanism) probe.Text {
	switch {
	case m.Kind == norm.Key && m.Bits > 0:
		return probe.Text{DE: fmt.Sprintf("%s %d Bit", m.Name, m.Bits), EN: fmt.Sprintf("%s %d bits", m.Name, m.Bits)}
	case m.Kind == norm.Certificate:
		t := propertyWord(m.Name)
		if m.Bits > 0 {
			t = probe.Text{DE: fmt.Sprintf("%s (%d)", t.DE, m.Bits), EN: fmt.Sprintf("%s (%d)", t.EN, m.Bits)}
		}
		return t
	case m.Kind == norm.CertificateSignature:
		return same(m.Name + " (X.509)")
	case m.Kind == norm.Feature:
		return tls.FeatureName(m.Name)
	case m.Version != 0:
		return same(m.Name + " (" + strings.TrimPrefix(hello.VersionName(m.Version), "TLS ") + ")")
	}
	return same(m.Name)
}

// weight orders what norms object to, the most telling first.
func weight(k norm.Kind) int {
	order := []norm.Kind{norm.Version, norm.Key, norm.Feature, norm.Certificate, norm.CertificateSignature}
	if i := slices.Index(order, k); i >= 0 {
		return i
	}
	return len(order)
}

// propertyWord names a property of a certificate.
func propertyWord(name string) probe.Text {
	switch name {
	case "lifetime_days":
		return probe.Text{DE: "Laufzeit des Zertifikats in Tagen", EN: "lifetime of the certificate in days"}
	case "wildcard_name":
		return probe.Text{DE: "Platzhalter im Namen", EN: "wildcard in a name"}
	case "key_usage":
		return probe.Text{DE: "keyUsage im Zertifikat", EN: "keyUsage in the certificate"}
	case "key_usage_critical":
		return probe.Text{DE: "kritisches keyUsage im Zertifikat", EN: "critical keyUsage in the certificate"}
	case "extended_key_usage":
		return probe.Text{DE: "extKeyUsage im Zertifikat", EN: "extKeyUsage in the certificate"}
	case "subject_alt_name":
		return probe.Text{DE: "subjectAltName im Zertifikat", EN: "subjectAltName in the certificate"}
	case "authority_key_identifier":
		return probe.Text{DE: "authorityKeyIdentifier im Zertifikat", EN: "authorityKeyIdentifier in the certificate"}
	case "revocation_pointer":
		return probe.Text{DE: "Sperrliste oder OCSP-Adresse im Zertifikat", EN: "CRL or OCSP address in the certificate"}
	}
	return same(name)
}

// factWord names a fact of which addresses differ.
func factWord(fact string) probe.Text {
	if sum, ok := strings.CutPrefix(fact, "certificate "); ok {
		return probe.Text{DE: "Zertifikat " + cut(sum, 12), EN: "certificate " + cut(sum, 12)}
	}
	return tls.FeatureName(fact)
}

// answerWord is yes, no or unknown.
func answerWord(s enumerate.State) probe.Text {
	switch s {
	case enumerate.Yes:
		return probe.Text{DE: "ja", EN: "yes"}
	case enumerate.No:
		return probe.Text{DE: "nein", EN: "no"}
	}
	return probe.Text{DE: "offen", EN: "open"}
}

// trustWord says whether a chain is trusted.
func trustWord(s chain.State) probe.Text {
	switch s {
	case chain.Yes:
		return probe.Text{DE: "vertrauenswürdig", EN: "trusted"}
	case chain.No:
		return probe.Text{DE: "nicht vertrauenswürdig", EN: "not trusted"}
	}
	return probe.Text{DE: "Vertrauen offen", EN: "trust unknown"}
}

// roleWord is the place of a certificate in its chain.
func roleWord(r chain.Role) probe.Text {
	switch r {
	case chain.Leaf:
		return probe.Text{DE: "Server", EN: "Server"}
	case chain.Intermediate:
		return probe.Text{DE: "Zwischenstelle", EN: "Intermediate"}
	case chain.Root:
		return probe.Text{DE: "Wurzel", EN: "Root"}
	case chain.Superfluous:
		return probe.Text{DE: "überzählig", EN: "Extra"}
	}
	return same(string(r))
}

// askedWord says for which server name a chain was sent.
func askedWord(name string) probe.Text {
	switch name {
	case "host":
		return probe.Text{DE: "für den Namen des Servers", EN: "for the server’s name"}
	case "none":
		return probe.Text{DE: "ohne Namen", EN: "without a name"}
	case "unknown":
		return probe.Text{DE: "für einen unbekannten Namen", EN: "for an unknown name"}
	}
	return same(name)
}

// classShort is a class in a narrow column.
func classShort(c norm.Class) probe.Text {
	switch c {
	case norm.Required:
		return probe.Text{DE: "verlangt", EN: "required"}
	case norm.Listed:
		return probe.Text{DE: "aufgeführt", EN: "listed"}
	case norm.Expiring:
		return probe.Text{DE: "läuft aus", EN: "expiring"}
	case norm.Expired:
		return probe.Text{DE: "ausgelaufen", EN: "expired"}
	case norm.Announced:
		return probe.Text{DE: "angekündigt", EN: "announced"}
	case norm.PhaseOut:
		return probe.Text{DE: "nur noch geduldet", EN: "phase out"}
	case norm.NotListed:
		return probe.Text{DE: "nicht aufgeführt", EN: "not listed"}
	case norm.NotRecommended:
		return probe.Text{DE: "nicht empfohlen", EN: "not recommended"}
	case norm.Insufficient:
		return probe.Text{DE: "unzureichend", EN: "insufficient"}
	case norm.Forbidden:
		return probe.Text{DE: "untersagt", EN: "forbidden"}
	}
	return same("–")
}

// flawNames are the names by which flaws are known.
var flawNames = map[string]string{
	enumerate.Heartbleed: "Heartbleed", enumerate.EarlyCCS: "CCS Injection", enumerate.Ticketbleed: "Ticketbleed", enumerate.ROBOT: "ROBOT", enumerate.DROWN: "DROWN",
	enumerate.LOGJAM: "LOGJAM", enumerate.FREAK: "FREAK", enumerate.SWEET32: "SWEET32", enumerate.POODLE: "POODLE", enumerate.BEAST: "BEAST", enumerate.RC4: "RC4", enumerate.CRIME: "CRIME",
	enumerate.Anonymous: "anonymous", enumerate.NullCipher: "NULL", enumerate.ExportCipher: "EXPORT", enumerate.UnsafePrime: "unsafe prime",
}
