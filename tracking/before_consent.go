package tracking

import (
	"slices"
	"strings"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID: "tracking.third-party-before-consent",
	Title: probe.Text{
		DE: "Vor dem Beitritt und ohne Einwilligung werden keine Dritten kontaktiert",
		EN: "No third party is contacted before joining and without consent",
	},
	Why: probe.Text{
		DE: "Wer kontaktiert wird, erfährt mindestens die IP-Adresse und den Zeitpunkt der Teilnahme, bevor die teilnehmende Person etwas entscheiden konnte.",
		EN: "Whoever is contacted learns at least the IP address and the time of participation, before the participant could decide anything.",
	},
	Sources: []probe.Source{noAccess, telemetry,
		{Doc: "DS-GVO", Section: "Art. 5 Abs. 1 lit. c, Art. 6 Abs. 1, Art. 25"}},
	Criteria: []string{"THIRD-01", "META-02"},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Skripte, Schriften, Bilder und Frames vom eigenen Server ausliefern und Dienste Dritter erst nach einer Einwilligung laden.",
		EN: "Serve scripts, fonts, images and frames from the own server, and load services of third parties only after consent.",
	},
	Needs:  []string{Contact.Name, probe.TargetFact.Name},
	Phases: []probe.Phase{probe.Landing, probe.Prejoin},
	Check: func(c *probe.Case) []probe.Finding {
		hosts := map[string]*per{}
		for o, h := range Contact.In(c.Facts) {
			if h.Party != Third || !o.Phase.BeforeJoining() || consented(c, o.Phase) || onlyConfigured(h) {
				continue
			}
			p := hosts[o.Subject]
			if p == nil {
				p = &per{}
				hosts[o.Subject] = p
			}
			p.cite(o.ID)
			for _, m := range append(slices.Clone(h.Mechanisms), attempt(h)) {
				if m != "" && !slices.Contains(p.notes, m) {
					p.notes = append(p.notes, m)
				}
			}
		}
		if len(hosts) == 0 {
			return clean(c, probe.Text{DE: "In diesem Lauf wurde vor dem Beitritt kein Dritter kontaktiert.", EN: "In this run no third party was contacted before joining."})
		}
		return perHost(hosts, foreign(c), func(p *per) probe.Text {
			slices.Sort(p.notes)
			how := strings.Join(p.notes, ", ")
			return probe.Text{
				DE: sentence("Der Host eines Dritten wurde vor dem Beitritt kontaktiert (%s).", how),
				EN: sentence("The host of a third party was contacted before joining (%s).", how),
			}
		})
	},
})

// onlyConfigured reports whether a host was only named as an ICE server and
// got no packet.
func onlyConfigured(h HostContact) bool {
	return len(h.Transports) == 0 && h.Requests == 0 && !slices.Contains(h.Sources, "cdp")
}

// attempt says if a contact was no more than that.
func attempt(h HostContact) string {
	switch {
	case h.Connected:
		return ""
	case slices.Equal(h.Transports, []string{"dns"}) && h.Requests == 0:
		return "DNS"
	}
	return "attempt"
}
