package tracking

import (
	"slices"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID: "tracking.ice-server-third-party",
	Title: probe.Text{
		DE: "STUN- und TURN-Server gehören zum Betreiber",
		EN: "STUN and TURN servers belong to the operator",
	},
	Why: probe.Text{
		DE: "Ein STUN-Server erfährt die IP-Adresse und den Zeitpunkt der Teilnahme; ein TURN-Server leitet zusätzlich den gesamten (verschlüsselten) Medienstrom weiter.",
		EN: "A STUN server learns the IP address and the time of participation; a TURN server moreover relays the whole (encrypted) media stream.",
	},
	Sources:  []probe.Source{noAccess, {Doc: "RFC 8489", Edition: "February 2020", Section: "3", URL: "https://www.rfc-editor.org/rfc/rfc8489"}},
	Criteria: []string{"THIRD-01"},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Einen eigenen STUN-/TURN-Server (etwa coturn) betreiben und voreingestellte Server Dritter ausdrücklich entfernen; manche Clients ergänzen sie von sich aus.",
		EN: "Run an own STUN/TURN server (coturn, for example) and remove preset servers of third parties expressly; some clients add them by themselves.",
	},
	Needs:  []string{Contact.Name, probe.TargetFact.Name},
	Phases: []probe.Phase{probe.Landing, probe.Prejoin, probe.InMeeting},
	Check: func(c *probe.Case) []probe.Finding {
		found := hosts{}
		for o, h := range Contact.In(c.Facts) {
			if h.Party != Third && h.Party != Unclear || !slices.Contains(h.Mechanisms, "ice_server") {
				continue
			}
			p := found.add(o, append(slices.Clone(h.Transports), h.Mechanisms...)...)
			p.sure = true
			p.unclear = h.Party == Unclear
		}
		if len(found) == 0 {
			return clean(c, probe.InMeeting, probe.Text{
				DE: "In diesem Lauf war kein STUN- oder TURN-Server eines Dritten eingestellt.",
				EN: "In this run no STUN or TURN server of a third party was configured.",
			})
		}
		return found.findings(c, func(p *per) probe.Text {
			packets := slices.Contains(p.notes, "udp") || slices.Contains(p.notes, "tcp")
			switch {
			case p.unclear:
				return probe.Text{
					DE: "Ein STUN- oder TURN-Server ist nur mit seiner Adresse bekannt; wem er gehört, ist daraus nicht zu erkennen.",
					EN: "A STUN or TURN server is known by its address only, which does not show whose it is.",
				}
			case packets && slices.Contains(p.notes, "turn_server"):
				return probe.Text{DE: "Der TURN-Server eines Dritten ist eingestellt und wurde kontaktiert.", EN: "A third party's TURN server is configured and was contacted."}
			case packets:
				return probe.Text{DE: "Der STUN-Server eines Dritten ist eingestellt und wurde kontaktiert.", EN: "A third party's STUN server is configured and was contacted."}
			}
			return probe.Text{
				DE: "Der STUN- oder TURN-Server eines Dritten ist eingestellt; Pakete an ihn wurden in diesem Lauf nicht gesehen.",
				EN: "A third party's STUN or TURN server is configured; no packets to it were seen in this run.",
			}
		})
	},
})
