package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/tls"
	"vksprobe/tls/chain"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/norm"
)

// TLS prints what was found out about a server: first what is wrong, then
// what it offers.
func TLS(w io.Writer, target string, offers []tls.Offered, r *norm.Report, differences []enumerate.Difference, lang string) {
	p := &tlsPrinter{w: w, lang: lang}
	p.line("%s", target)
	if len(offers) == 0 {
		p.line("  %s", p.say("nicht erreichbar", "could not be asked"))
		return
	}
	p.flaws(offers)
	if r != nil {
		for _, n := range r.Norms {
			p.norm(r.Day, n)
		}
		p.conflicts(r.Conflicts)
	}
	p.differences(differences)
	for _, o := range offers {
		p.offer(o)
	}
	p.line("")
}

type tlsPrinter struct {
	w    io.Writer
	lang string
}

// line prints one line. Every string in it may come from a server.
func (p *tlsPrinter) line(format string, values ...any) {
	for i, v := range values {
		if s, ok := v.(string); ok {
			values[i] = printable(s)
		}
	}
	fmt.Fprintf(p.w, format+"\n", values...)
}

func (p *tlsPrinter) say(de, en string) string { return probe.Text{DE: de, EN: en}.In(p.lang) }

// flaws prints the flaws that are there.
func (p *tlsPrinter) flaws(offers []tls.Offered) {
	where := map[string][]string{}
	for _, o := range offers {
		for name, state := range o.Flaws {
			if state == enumerate.Yes {
				where[name] = append(where[name], o.Address)
			}
		}
	}
	if len(where) == 0 {
		return
	}
	p.line("\n  %s", p.say("SCHWACHSTELLEN", "FLAWS"))
	for _, name := range slices.Sorted(keys(where)) {
		at := ""
		if len(where[name]) < len(offers) {
			at = "  (" + strings.Join(where[name], ", ") + ")"
		}
		p.line("    %-16s %s%s", cmp.Or(flawNames[name], name), flawTexts[name].In(p.lang), at)
	}
}

// norm prints what a norm says, the gravest first.
func (p *tlsPrinter) norm(day string, n norm.Judged) {
	p.line("\n  %s %s %s", n.Norm, p.say("am", "on"), day)
	byClass := map[norm.Class][]norm.Assessment{}
	bad := map[uint16]bool{} // versions that should not be there, whatever they offer
	for _, a := range n.Assessments {
		if a.Mechanism.Kind == norm.Version && !a.Class.Permits() {
			bad[a.Mechanism.Code] = true
		}
	}
	for _, a := range n.Assessments {
		if a.Class == norm.NotListed && (a.Mechanism.Kind == norm.Feature || a.Mechanism.Kind == norm.Certificate || bad[a.Mechanism.Version]) {
			continue // a silence that says nothing here
		}
		byClass[a.Class] = append(byClass[a.Class], a)
	}
	fine := 0
	for _, class := range slices.Backward(norm.Classes()) {
		all := byClass[class]
		if len(all) == 0 {
			continue
		}
		if class == norm.Required || class == norm.Listed {
			fine += len(all)
			continue
		}
		p.line("    %s", classTexts[class].In(p.lang))
		for _, g := range grouped(all) {
			p.line("      %-52s %s", g.name, g.where(p))
		}
	}
	if fine > 0 {
		p.line("    %s: %d", p.say("aufgeführt und gültig", "listed and valid"), fine)
	}
	for i, e := range n.Ending {
		if i == 0 {
			p.line("    %s", p.say("als Nächstes läuft aus", "expires next"))
		}
		if i == 2 {
			break
		}
		p.line("      %s %d: %s", p.say("Ende", "end of"), e.Year, strings.Join(rowNames(e.Rows), ", "))
	}
}

// spoken is the same mechanism in several versions.
type spoken struct {
	name     string
	versions []string
	first    norm.Assessment
}

func grouped(all []norm.Assessment) (out []spoken) {
	for _, a := range all {
		name := a.Mechanism.Name
		if a.Mechanism.Kind == norm.Key {
			name = fmt.Sprintf("%s %d bit", a.Mechanism.Name, a.Mechanism.Bits)
		}
		i := slices.IndexFunc(out, func(g spoken) bool { return g.name == name })
		if i < 0 {
			i = len(out)
			out = append(out, spoken{name: name, first: a})
		}
		if v := versionShort(a.Mechanism.Version); v != "" && !slices.Contains(out[i].versions, v) {
			out[i].versions = append(out[i].versions, v)
		}
	}
	return out
}

func (g spoken) where(p *tlsPrinter) string {
	text := strings.Join(g.versions, " ")
	if g.first.Section != "" && g.first.Section != norm.Unverified {
		text = strings.TrimSpace(text + "  " + p.say("Abschnitt ", "section ") + g.first.Section)
	}
	if g.first.Until.Year != 0 {
		text += p.say(", bis ", ", until ") + g.first.Until.String()
	}
	return text
}

func rowNames(rows []norm.Row) []string {
	var out []string
	for _, r := range rows {
		if name := cmp.Or(r.Name, strings.Join(r.Match, " ")); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if n := len(out) - 6; n > 0 {
		out = append(out[:6], fmt.Sprintf("… (+%d)", n))
	}
	return out
}

// conflicts prints where norms are opposed.
func (p *tlsPrinter) conflicts(all []norm.Conflict) {
	first := true
	for _, c := range all {
		if !c.Opposed {
			continue
		}
		if first {
			p.line("\n  %s", p.say("DIE NORMEN WIDERSPRECHEN SICH", "THE NORMS DISAGREE"))
			first = false
		}
		p.line("    %s", mechanismWord(c.Mechanism).In(p.lang))
		for _, s := range c.Sides {
			p.line("      %s: %s", s.Norm, classTexts[s.Class].In(p.lang))
		}
	}
}

func (p *tlsPrinter) differences(all []enumerate.Difference) {
	if len(all) == 0 {
		return
	}
	p.line("\n  %s", p.say("DIE ADRESSEN UNTERSCHEIDEN SICH", "THE ADDRESSES DIFFER"))
	for _, d := range all {
		p.line("    %-52s %s, %s %s", factWord(d.Fact).In(p.lang), strings.Join(d.At, " "), p.say("nicht", "not"), strings.Join(d.Not, " "))
	}
}

// offer prints what one address offers.
func (p *tlsPrinter) offer(o tls.Offered) {
	p.line("\n  %s", o.Address)
	p.quic(o.QUIC)
	for _, v := range o.Versions {
		if v.State != enumerate.Yes {
			continue
		}
		order := ""
		switch {
		case v.SuitePreference == enumerate.Server && v.SuitesOrdered:
			order = p.say(" (Reihenfolge des Servers)", " (in the server's order)")
		case v.SuitePreference == enumerate.Client:
			order = p.say(" (der Client entscheidet)", " (the client decides)")
		}
		p.line("    %s%s", v.Name, order)
		for _, s := range v.Suites {
			p.line("      %04X  %s", s.Code, s.Name)
		}
		if len(v.SuitesUnknown) > 0 {
			p.line("      %s", fmt.Sprintf(p.say("Suites ohne sichere Antwort: %d", "suites without a certain answer: %d"), len(v.SuitesUnknown)))
		}
		p.names(p.say("Gruppen", "groups"), v.Groups)
		p.names(p.say("Signaturen", "signatures"), v.SignatureSchemes)
	}
	for i, c := range o.Certificates {
		p.chain(c, o.Chains[i].Names)
	}
	for _, d := range o.DH {
		p.line("    DH %d bit %s", d.Bits, d.Known)
	}
	if len(o.Protocols) > 0 {
		p.line("    ALPN %s", strings.Join(o.Protocols, ", "))
	}
	var yes []string
	for _, name := range slices.Sorted(keys(o.Features)) {
		if o.Features[name] == enumerate.Yes {
			yes = append(yes, tls.FeatureName(name).In(p.lang))
		}
	}
	p.wrapped("    ", strings.Join(yes, ", "))
	if c := o.Cost; c != nil {
		p.line("    %s", fmt.Sprintf(p.say("%d Verbindungen in %.2f s, Umlaufzeit %s", "%d connections in %.2f s, round trip %s"), c.Connections, c.Duration.Seconds(), c.RoundTrip.Round(100*time.Microsecond)))
	}
}

// quic prints what a server shows of QUIC.
func (p *tlsPrinter) quic(q *enumerate.QUICOffer) {
	if q == nil || len(q.Versions)+len(q.Spoken) == 0 {
		return
	}
	names := func(all []enumerate.QUICVersion) string {
		var list []string
		for _, v := range all {
			list = append(list, v.Name)
		}
		return strings.Join(list, ", ")
	}
	var facts []string
	if len(q.Spoken) > 0 {
		facts = append(facts, names(q.Spoken))
	} else {
		facts = append(facts, p.say("kein QUIC v1 oder v2", "neither QUIC v1 nor v2"))
	}
	if len(q.Versions) > 0 {
		facts = append(facts, p.say("genannt werden ", "named are ")+names(q.Versions))
	}
	if q.Retry == enumerate.Yes {
		facts = append(facts, p.say("prüft Adressen durch Retry", "validates addresses by Retry"))
	}
	if q.Bound == enumerate.No {
		facts = append(facts, p.say("die Verbindungskennungen sind nicht an den Handschlag gebunden", "the connection IDs are not bound to the handshake"))
	}
	p.wrapped("    ", strings.Join(facts, "; "))
	var parameters []string
	for _, x := range q.Parameters {
		text := x.Name
		if x.Value != "" {
			text += "=" + x.Value[:min(len(x.Value), 80)]
		}
		parameters = append(parameters, text)
	}
	if len(parameters) > 0 {
		p.wrapped("      ", p.say("Transportparameter: ", "transport parameters: ")+strings.Join(parameters, ", "))
	}
}

// chain prints a chain with what is to be said about it.
func (p *tlsPrinter) chain(c chain.Chain, asked []string) {
	if len(c.Certificates) == 0 {
		return
	}
	leaf := c.Certificates[0]
	key := strings.TrimSpace(fmt.Sprintf("%s %d %s", leaf.Key, leaf.Bits, leaf.Curve))
	state := p.say("vertrauenswürdig", "trusted")
	if c.Trusted != chain.Yes {
		state = p.say("nicht vertrauenswürdig", "not trusted")
		if c.Trusted == chain.Unknown {
			state = p.say("Vertrauen offen", "trust unknown")
		}
	}
	if !slices.Contains(asked, "host") {
		state += p.say(", nur ohne oder mit unbekanntem Namen", ", only without or with an unknown name")
	}
	p.line("    %s: %s, %s %s, %s", p.say("Zertifikat", "certificate"), leaf.Subject, key, leaf.SignatureName, state)
	p.line("      %s %s – %s, %s", p.say("gültig", "valid"), leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly), fmt.Sprintf(p.say("Kette aus %d", "chain of %d"), len(c.Certificates)))
	for _, f := range c.Findings {
		if f.Severity == chain.Error || f.Severity == chain.Warning {
			lint, _ := chain.Lookup(f.Code)
			kind, text := p.say("Warnung", "warning"), lint.Text.In(p.lang)
			if f.Severity == chain.Error {
				kind = p.say("Fehler", "error")
			}
			if why, ok := tls.TrustReason(chain.Reason(f.Detail)); ok {
				text += " " + why.In(p.lang)
			} else if f.Detail != "" {
				text += " (" + f.Detail + ")"
			}
			p.line("      %s: %s", kind, text)
		}
	}
}

func (p *tlsPrinter) names(title string, all []enumerate.Named) {
	if len(all) == 0 {
		return
	}
	var list []string
	for _, n := range all {
		list = append(list, n.Name)
	}
	p.wrapped("      ", title+": "+strings.Join(list, ", "))
}

func (p *tlsPrinter) wrapped(indent, text string) {
	line := indent
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > 88 && line != indent {
			p.line("%s", strings.TrimRight(line, " "))
			line = indent + "  "
		}
		line += word + " "
	}
	if strings.TrimSpace(line) != "" {
		p.line("%s", strings.TrimRight(line, " "))
	}
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// versionShort is "1.2" of TLS 1.2.
func versionShort(v uint16) string {
	switch {
	case v == 0:
		return ""
	case v == 0x0300:
		return "SSL3"
	case v == 0x0002:
		return "SSL2"
	case v>>8 == 3:
		return fmt.Sprintf("1.%d", v&0xFF-1)
	}
	return map[uint16]string{0xFEFF: "DTLS 1.0", 0xFEFD: "DTLS 1.2", 0xFEFC: "DTLS 1.3"}[v]
}

// printable makes what a server or a user wrote safe for a terminal, on one
// line.
func printable(s string) string {
	return string(inert([]byte(strings.NewReplacer("\n", " ", "\t", " ").Replace(s))))
}

// classTexts name the classes of norms.
var classTexts = map[norm.Class]probe.Text{
	norm.Required:       {DE: "verlangt", EN: "required"},
	norm.Listed:         {DE: "aufgeführt und gültig", EN: "listed and valid"},
	norm.Expiring:       {DE: "läuft mit diesem Jahr aus", EN: "expires with this year"},
	norm.Expired:        {DE: "Empfehlung ausgelaufen", EN: "recommendation expired"},
	norm.Announced:      {DE: "angekündigt", EN: "announced"},
	norm.PhaseOut:       {DE: "auslaufen lassen", EN: "to be phased out"},
	norm.NotListed:      {DE: "nicht aufgeführt (keine Aussage)", EN: "not listed (no statement)"},
	norm.NotRecommended: {DE: "nicht empfohlen", EN: "not recommended"},
	norm.Insufficient:   {DE: "unzureichend", EN: "insufficient"},
	norm.Forbidden:      {DE: "untersagt", EN: "forbidden"},
}

// flawTexts say what a flaw means, in a few words.
var flawTexts = map[string]probe.Text{
	enumerate.Heartbleed:   {DE: "der Server gibt Speicherinhalte preis (CVE-2014-0160)", EN: "the server gives away its memory (CVE-2014-0160)"},
	enumerate.EarlyCCS:     {DE: "Schlüssel lassen sich von Dritten bestimmen (CVE-2014-0224)", EN: "others can set the keys (CVE-2014-0224)"},
	enumerate.Ticketbleed:  {DE: "der Server gibt Speicherinhalte preis (CVE-2016-9244)", EN: "the server gives away its memory (CVE-2016-9244)"},
	enumerate.ROBOT:        {DE: "RSA-Schlüsseltransport lässt sich entschlüsseln (CVE-2017-13099)", EN: "RSA key transport can be decrypted (CVE-2017-13099)"},
	enumerate.DROWN:        {DE: "SSL 2.0 (CVE-2016-0800)", EN: "SSL 2.0 (CVE-2016-0800)"},
	enumerate.LOGJAM:       {DE: "DHE mit höchstens 1024 Bit oder in Exportstärke (CVE-2015-4000)", EN: "DHE with at most 1024 bits or of export strength (CVE-2015-4000)"},
	enumerate.FREAK:        {DE: "RSA in Exportstärke (CVE-2015-0204)", EN: "RSA of export strength (CVE-2015-0204)"},
	enumerate.SWEET32:      {DE: "Blöcke von 64 Bit (CVE-2016-2183)", EN: "blocks of 64 bits (CVE-2016-2183)"},
	enumerate.POODLE:       {DE: "SSL 3.0 mit CBC (CVE-2014-3566)", EN: "SSL 3.0 with CBC (CVE-2014-3566)"},
	enumerate.BEAST:        {DE: "TLS 1.0 oder SSL 3.0 mit CBC (CVE-2011-3389)", EN: "TLS 1.0 or SSL 3.0 with CBC (CVE-2011-3389)"},
	enumerate.RC4:          {DE: "RC4 (RFC 7465)", EN: "RC4 (RFC 7465)"},
	enumerate.CRIME:        {DE: "Kompression (CVE-2012-4929)", EN: "compression (CVE-2012-4929)"},
	enumerate.Anonymous:    {DE: "Suites ohne Zertifikat", EN: "suites without a certificate"},
	enumerate.NullCipher:   {DE: "Suites ohne Verschlüsselung", EN: "suites without encryption"},
	enumerate.ExportCipher: {DE: "Suites in Exportstärke", EN: "suites of export strength"},
	enumerate.UnsafePrime:  {DE: "DHE mit einem Modul, das keine sichere Primzahl ist", EN: "DHE modulo a number that is no safe prime"},
}
