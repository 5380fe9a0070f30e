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
		found := hosts{}
		for o, h := range Contact.In(c.Facts) {
			if h.Party != Third || !o.Phase.BeforeJoining() || consented(c, o.Phase) || onlyConfigured(h) {
				continue
			}
			p := found.add(o, append(slices.Clone(h.Mechanisms), extent(h))...)
			p.sure = p.sure || len(h.Disagreements) == 0
		}
		if len(found) == 0 {
			return clean(c, probe.Prejoin, probe.Text{DE: "In diesem Lauf wurde vor dem Beitritt kein Dritter kontaktiert.", EN: "In this run no third party was contacted before joining."})
		}
		return found.findings(c, func(p *per) probe.Text {
			has := func(m string) bool { return slices.Contains(p.notes, m) }
			how := slices.DeleteFunc(slices.Clone(p.notes), func(m string) bool { return m == connected || m == tried || m == asked })
			as := ""
			if len(how) > 0 {
				as = " (" + strings.Join(how, ", ") + ")"
			}
			switch {
			case !p.sure:
				return probe.Text{
					DE: sentence("Die Seite forderte vor dem Beitritt etwas von diesem Host eines Dritten an%s; das Netzwerkprotokoll des Browsers enthält jedoch keinen Verkehr mit ihm.", as),
					EN: sentence("The page requested something from this host of a third party before joining%s, but the browser's network log holds no traffic with it.", as),
				}
			case has(connected):
				return probe.Text{
					DE: sentence("Der Host eines Dritten wurde vor dem Beitritt kontaktiert%s.", as),
					EN: sentence("The host of a third party was contacted before joining%s.", as),
				}
			case has(tried):
				return probe.Text{
					DE: sentence("Vor dem Beitritt wurde versucht, den Host eines Dritten zu kontaktieren%s; eine Antwort kam in diesem Lauf nicht.", as),
					EN: sentence("An attempt was made to contact the host of a third party before joining%s; no answer came in this run.", as),
				}
			}
			return probe.Text{
				DE: sentence("Vor dem Beitritt wurde der Name des Hosts eines Dritten im DNS erfragt%s; kontaktiert wurde er in diesem Lauf nicht.", as),
				EN: sentence("The name of a third party's host was looked up in the DNS before joining%s; it was not contacted in this run.", as),
			}
		})
	},
})

// onlyConfigured reports whether a host was only named as an ICE server and
// got no packet.
func onlyConfigured(h HostContact) bool {
	return len(h.Transports) == 0 && h.Requests == 0 && !slices.Contains(h.Sources, "cdp")
}

// How far a contact went.
const (
	connected = "connected"
	tried     = "tried"
	asked     = "asked"
)

func extent(h HostContact) string {
	switch {
	case h.Connected:
		return connected
	case slices.Equal(h.Transports, []string{"dns"}) && h.Requests == 0:
		return asked
	}
	return tried
}
