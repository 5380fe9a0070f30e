package tracking

import (
	"strings"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID: "tracking.meeting-link",
	Title: probe.Text{
		DE: "Der Einladungslink wird nicht an Dritte übermittelt",
		EN: "The meeting link is not sent to third parties",
	},
	Why: probe.Text{
		DE: "Der Link ist oft der einzige Schlüssel zur Konferenz. Wer ihn erhält, kann teilnehmen und erfährt, wer wann mit wem spricht.",
		EN: "The link is often the only key to the conference. Whoever receives it can take part and learns who talks to whom and when.",
	},
	Sources:  []probe.Source{linkSecret, noAccess, {Doc: "DS-GVO", Section: "Art. 5 Abs. 1 lit. f, Art. 32"}},
	Criteria: []string{"THIRD-01", "META-01"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Referrer-Policy: no-referrer (oder same-origin) setzen und dafür sorgen, dass Analyse- und Fehlerdienste die Adresse der Seite ohne Raum und Parameter erhalten oder entfallen.",
		EN: "Set Referrer-Policy: no-referrer (or same-origin), and make sure that analytics and error services get the page's address without room and parameters, or drop them.",
	},
	Needs:  []string{Contact.Name, probe.TargetFact.Name},
	Phases: []probe.Phase{probe.Landing, probe.Prejoin, probe.InMeeting},
	Check: func(c *probe.Case) []probe.Finding {
		found := hosts{}
		for o, l := range Leak.In(c.Facts) {
			if l.Party != Third && l.Party != Unclear || l.What != "link" && l.What != "room" {
				continue
			}
			p := found.add(o, l.Where+"/"+l.Form)
			p.sure = p.sure || !l.Weak
			p.unclear = l.Party == Unclear
		}
		if len(found) == 0 {
			return clean(c, probe.InMeeting, probe.Text{
				DE: "In diesem Lauf wurde der Link in keiner lesbaren Übermittlung an Dritte gefunden.",
				EN: "In this run the link was not found in anything readable that was sent to third parties.",
			})
		}
		return found.findings(c, func(p *per) probe.Text {
			where := strings.Join(p.notes, ", ")
			if !p.sure {
				return probe.Text{
					DE: sentence("An diesen Host wurde ein Wert übermittelt, der dem Raum gleicht (Fundstelle/Schreibweise: %s). Der Raumname ist jedoch so kurz oder alltäglich, dass die Übereinstimmung Zufall sein kann.", where),
					EN: sentence("A value that equals the room was sent to this host (place/form: %s). The room's name is so short or common, however, that this may be chance.", where),
				}
			}
			if p.unclear {
				return probe.Text{
					DE: sentence("Der Link oder der Raum wurde an diese Adresse übermittelt, von der nicht zu erkennen ist, wem sie gehört (Fundstelle/Schreibweise: %s).", where),
					EN: sentence("The link or the room was sent to this address, which does not show whose it is (place/form: %s).", where),
				}
			}
			return probe.Text{
				DE: sentence("Der Link oder der Raum wurde an diesen Host übermittelt (Fundstelle/Schreibweise: %s).", where),
				EN: sentence("The link or the room was sent to this host (place/form: %s).", where),
			}
		})
	},
})
