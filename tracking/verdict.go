package tracking

import (
	"cmp"
	"fmt"
	"slices"

	"vksprobe/probe"
)

// foreign is the verdict on something that a third party got. It is a
// violation only if the operator's own domains were declared, because only
// then everything else is foreign for sure.
func foreign(c *probe.Case) probe.Verdict {
	for _, t := range probe.TargetFact.In(c.Facts) {
		if len(t.Own) > 0 {
			return probe.Fail
		}
	}
	return probe.Review
}

// hint completes the detail of a Review by foreign.
func hint(v probe.Verdict, detail probe.Text) probe.Text {
	if v == probe.Review {
		detail.DE += " Ob der Host zum Betreiber gehört, ist zu klären; seine weiteren Domains lassen sich mit -own angeben."
		detail.EN += " Whether the host belongs to the operator has to be settled; further domains of the operator can be declared with -own."
	}
	return detail
}

// hosts collects what a rule finds, by subject.
type hosts map[string]*per

// per is what was found about one host.
type per struct {
	finding probe.Finding
	notes   []string
	sure    bool // at least one observation is certain
	unclear bool // the host is known by its address only
}

// add cites an observation of its subject, with notes on how it came about.
func (all hosts) add(o probe.Observation, notes ...string) *per {
	h := all[o.Subject]
	if h == nil {
		h = &per{}
		all[o.Subject] = h
	}
	if len(h.finding.Observations) < maxCited {
		h.finding.Observations = append(h.finding.Observations, o.ID)
	}
	for _, n := range notes {
		if !slices.Contains(h.notes, n) {
			h.notes = append(h.notes, n)
		}
	}
	slices.Sort(h.notes)
	return h
}

// findings writes one finding per host. What is not sure is left to a person.
func (all hosts) findings(c *probe.Case, detail func(*per) probe.Text) []probe.Finding {
	v := foreign(c)
	var out []probe.Finding
	for subject, h := range all {
		f := h.finding
		f.Subject, f.Verdict = subject, v
		f.Detail = hint(v, detail(h))
		if !h.sure || h.unclear {
			f.Verdict = probe.Review
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b probe.Finding) int { return cmp.Compare(a.Subject, b.Subject) })
	return out
}

// maxCited bounds the observations that one finding cites.
const maxCited = 20

// clean is the pass of a rule that found nothing up to the end of a phase: it
// rests on everything that was contacted instead. Evidence with a gap before
// that end carries no pass.
func clean(c *probe.Case, last probe.Phase, detail probe.Text) []probe.Finding {
	f := probe.Finding{Subject: "scan", Verdict: probe.Pass, Detail: detail}
	for _, o := range c.All {
		if o.Kind == Contact.Name && o.Failure != "" && !last.Before(o.Phase) {
			f.Verdict = probe.Unknown
			f.Detail.DE += " Die Aufzeichnung ist jedoch unvollständig (" + o.Subject + "); nicht Gesehenes kann geschehen sein."
			f.Detail.EN += " The recording is incomplete, however (" + o.Subject + "); what was not seen may have happened."
			f.Observations = append(f.Observations, o.ID)
			break
		}
	}
	for o := range Contact.In(c.Facts) {
		if len(f.Observations) < maxCited {
			f.Observations = append(f.Observations, o.ID)
		}
	}
	return []probe.Finding{f}
}

// consented reports whether a consent banner was accepted before a phase.
func consented(c *probe.Case, p probe.Phase) bool {
	accepted := false
	for _, t := range probe.TargetFact.In(c.Facts) {
		accepted = t.Consent == "accept"
	}
	if !accepted || p.Before(probe.Consent) {
		return false
	}
	for _, s := range probe.PhaseSpan.In(c.Facts) {
		if s.Phase == probe.Consent {
			return true
		}
	}
	return false
}

func sentence(format string, values ...any) string { return fmt.Sprintf(format, values...) }

// The sentences of the supervisory authority that these rules rest on.
var (
	noAccess = probe.Source{Doc: "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung", Edition: "Stand August 2021", Section: "Verschlüsselung",
		Quote: "… sicherzustellen, dass der Hersteller und andere Dritte keinen Zugriff auf die verarbeiteten Daten erhalten, auch nicht auf einzelne Teile wie Nutzungsdaten."}
	telemetry = probe.Source{Doc: "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung", Edition: "Stand August 2021", Section: "Metadaten, Telemetrie- und Diagnosedaten",
		Quote: "Dafür ist jeweils eine Rechtsgrundlage nach Artikel 6 Absatz 1 DS-GVO nötig und Verantwortliche müssen in der Lage sein, ihrer Rechenschaftspflicht nach Artikel 5 Absatz 2 nachzukommen."}
	linkSecret = probe.Source{Doc: "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung", Edition: "Stand August 2021", Section: "Nutzerauthentifizierung",
		Quote: "Die Übergabe des Links muss die Vertraulichkeit auf angemessenem Niveau wahren."}
	thirdCountry = probe.Source{Doc: "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung", Edition: "Stand August 2021", Section: "VKS per Online Dienst",
		Quote: "Bei Datenübermittlungen in die USA oder andere Drittstaaten sind die Anforderungen des Kapitels V der DS-GVO einzuhalten."}
	adequate = probe.Source{Doc: "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung", Edition: "Stand August 2021", Section: "Drittstaaten-Transfer",
		Quote: "Für manche Drittländer hat die EU-Kommission beschlossen, dass dort ein angemessenes Datenschutzniveau vorliegt. Dann sind für die Zulässigkeit des Datenexports keine weiteren Bedingungen zu erfüllen (Art. 45 DS-GVO)."}
	ownPurposes = probe.Source{Doc: "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung", Edition: "Stand August 2021", Section: "Auftragsverarbeitung mit Auftragsverarbeitungsvertrag",
		Quote: "Behält sich der Anbieter die Datenverarbeitung zu eigenen Zwecken vor (z.B. Verarbeitung von personenbezogenen Daten zum Nutzerverhalten, Einsatz von Analysetools, Tracking zu Werbezwecken), so verlässt er die Rolle des Auftragsverarbeiters und wird insoweit selbst Verantwortlicher."}
	terminal = probe.Source{Doc: "TDDDG", Edition: "in Kraft seit 14. Mai 2024", Section: "§ 25 Abs. 1 Satz 1", URL: "https://www.gesetze-im-internet.de/ttdsg/__25.html",
		Quote: "Die Speicherung von Informationen in der Endeinrichtung des Endnutzers oder der Zugriff auf Informationen, die bereits in der Endeinrichtung gespeichert sind, sind nur zulässig, wenn der Endnutzer auf der Grundlage von klaren und umfassenden Informationen eingewilligt hat."}
)
