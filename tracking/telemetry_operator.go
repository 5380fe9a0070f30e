package tracking

import (
	"fmt"
	"strings"

	"vksprobe/probe"
	"vksprobe/tracking/geo"
)

var _ = Rules.Add(&probe.Rule{
	ID: "tracking.telemetry-operator",
	Title: probe.Text{
		DE: "Kein bekannter Dienst für Telemetrie, Analyse oder Werbung wird kontaktiert",
		EN: "No known service for telemetry, analytics or advertising is contacted",
	},
	Why: probe.Text{
		DE: "Solche Dienste erhalten laufend, was Teilnehmende tun: welche Schaltflächen sie drücken, wie gut ihre Verbindung ist, welches Gerät sie haben. Tracker-Listen kennen gerade die Dienste der Konferenzanbieter oft nicht.",
		EN: "Such services continually get what participants do: which buttons they press, how good their connection is, what device they have. Lists of trackers often do not know the very services of conference providers.",
	},
	Sources: []probe.Source{telemetry, ownPurposes, terminal,
		{Doc: "DS-GVO", Edition: "Verordnung (EU) 2016/679", Section: "Art. 5 Abs. 1 lit. c und Abs. 2, Art. 6 Abs. 1, Art. 25 und 28", URL: "https://eur-lex.europa.eu/eli/reg/2016/679/oj"}},
	Criteria: []string{"META-02", "META-03"},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Die Übermittlung von Telemetrie- und Diagnosedaten abschalten oder auf das Erforderliche begrenzen. Was bleibt, im Vertrag zur Auftragsverarbeitung und in der Datenschutzerklärung nennen und die Rechtsgrundlage belegen.",
		EN: "Switch the sending of telemetry and diagnostic data off, or limit it to what is needed. Name what remains in the processing agreement and the privacy notice, and prove its legal basis.",
	},
	Needs:  []string{Contact.Name, Place.Name, probe.TargetFact.Name},
	Phases: []probe.Phase{probe.Landing, probe.Prejoin, probe.InMeeting},
	Check: func(c *probe.Case) []probe.Finding {
		var out []probe.Finding
		urls := map[string][]ListedRequest{}
		cited := map[string][]string{}
		for o, r := range Listed.In(c.Facts) {
			if r.Category != "" {
				urls[r.Host] = append(urls[r.Host], r)
				cited[r.Host] = append(cited[r.Host], o.ID)
			}
		}
		for _, v := range visits(c) {
			var found []geo.Service
			if v.Service != nil && v.Service.Tracking != "no" {
				found = append(found, *v.Service)
			}
			for _, r := range urls[v.Host] {
				found = append(found, geo.Service{Category: r.Category, Tracking: r.Tracking, By: r.Rule})
			}
			if len(found) == 0 || v.Operator == nil {
				continue
			}
			out = append(out, telemetryFinding(c, v, found, cited[v.Host]))
		}
		if len(out) == 0 {
			return clean(c, probe.InMeeting, probe.Text{
				DE: "In diesem Lauf wurde kein Dienst kontaktiert, den die Tabelle der Betreiber als Telemetrie, Analyse, Werbung oder Ähnliches führt. Sie kennt nicht jeden.",
				EN: "In this run no service was contacted that the table of operators has as telemetry, analytics, advertising or the like. It does not know every one.",
			})
		}
		return out
	},
})

// telemetryFinding is about one host. Whether its service is needed and
// agreed on shows in contracts, not on the wire, so a person decides.
func telemetryFinding(c *probe.Case, v *visit, found []geo.Service, cited []string) probe.Finding {
	f := probe.Finding{Subject: "host:" + v.Host, Verdict: probe.Review, Severity: probe.Low}
	for _, id := range append(append([]string{v.ids[0]}, cited...), v.ids[1:]...) {
		if len(f.Observations) < maxCited {
			f.Observations = append(f.Observations, id)
		}
	}
	var l lines
	var de, en, by []string
	sure := false
	for _, s := range found {
		t := CategoryName(s.Category)
		de, en, by = append(de, t.DE), append(en, t.EN), append(by, s.By)
		sure = sure || s.Tracking == "yes"
	}
	if sure {
		f.Severity = probe.Medium
	}
	l.say(fmt.Sprintf("Kontaktiert wurde ein Dienst von %s für: %s.", v.Operator.Name, joined(de)), fmt.Sprintf("A service of %s was contacted, for: %s.", v.Operator.Name, joined(en)))
	if !sure {
		l.say("Ob er Teilnehmende beobachtet, hängt von seiner Einstellung ab.", "Whether it observes participants depends on how it is configured.")
	}
	before := false
	for _, p := range v.phases {
		before = before || !consented(c, p)
	}
	if before {
		l.say("Eine Einwilligung lag dabei nicht vor.", "There was no consent to it.")
	} else {
		l.say("Das geschah nach der Einwilligung.", "That happened after consent.")
	}
	if v.Party == First {
		l.say("Der Host gehört zum Anbieter der Konferenz selbst; zu prüfen ist, ob er die Daten zu eigenen Zwecken verarbeitet.", "The host is the conference provider's own; to be checked is whether it processes the data for purposes of its own.")
	}
	table := strings.TrimPrefix(dated(v.Data, "table of operators"), ", ")
	l.say(fmt.Sprintf("Quelle: Tabelle der Betreiber, Stand %s (%s).", table, joined(by)), fmt.Sprintf("Source: table of operators, %s (%s).", table, joined(by)))
	f.Detail = l.text()
	return f
}
