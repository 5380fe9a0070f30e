package tracking

import (
	"vksprobe/probe"
	"vksprobe/tracking/geo"
)

var _ = Rules.Add(&probe.Rule{
	ID: "tracking.third-country",
	Title: probe.Text{
		DE: "Kein kontaktierter Host steht in einem Drittland oder gehört dorthin",
		EN: "No contacted host stands in a third country or belongs there",
	},
	Why: probe.Text{
		DE: "Wer einen Host betreibt, erfährt mindestens die IP-Adresse und den Zeitpunkt der Teilnahme. Untersteht er dem Recht eines Drittlandes, können Behörden dort Zugriff verlangen; eine Übermittlung dorthin braucht die Voraussetzungen des Kapitels V der DS-GVO.",
		EN: "Whoever runs a host learns at least the IP address and the time of participation. If a third country's law applies to it, authorities there may demand access, and a transfer there needs what Chapter V of the GDPR demands.",
	},
	Sources: []probe.Source{
		{Doc: "DS-GVO", Edition: "Verordnung (EU) 2016/679", Section: "Art. 44 Satz 1, Art. 45, 46 und 49", URL: "https://eur-lex.europa.eu/eli/reg/2016/679/oj",
			Quote: "Jedwede Übermittlung personenbezogener Daten, die bereits verarbeitet werden oder nach ihrer Übermittlung an ein Drittland oder eine internationale Organisation verarbeitet werden sollen, ist nur zulässig, wenn der Verantwortliche und der Auftragsverarbeiter die in diesem Kapitel niedergelegten Bedingungen einhalten und auch die sonstigen Bestimmungen dieser Verordnung eingehalten werden; …"},
		thirdCountry, adequate},
	Criteria: []string{"LEGAL-04"},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Klären, ob personenbezogene Daten an den Host gehen und wer sie dort erhält. Entweder den Dienst durch einen im EWR ersetzen oder die Grundlage nach Art. 45, 46 oder 49 DS-GVO belegen (bei Empfängern in den USA: Eintrag in der DPF-Liste mit Datum des Abrufs, sonst Standardvertragsklauseln (EU) 2021/914 mit Folgenabschätzung).",
		EN: "Settle whether personal data go to the host and who receives them there. Either replace the service by one in the EEA, or prove the basis under Art. 45, 46 or 49 GDPR (for recipients in the United States: the entry on the DPF list with the date of the look-up, otherwise standard contractual clauses (EU) 2021/914 with an assessment).",
	},
	Needs:  []string{Contact.Name, Place.Name},
	Phases: []probe.Phase{probe.Landing, probe.Prejoin, probe.InMeeting},
	Check: func(c *probe.Case) []probe.Finding {
		var out []probe.Finding
		open := false
		for _, v := range visits(c) {
			f := probe.Finding{Subject: "host:" + v.Host, Verdict: probe.Review, Observations: v.ids, Detail: Exposure(v.HostPlace, c.Date)}
			switch class, _ := ClassOf(v.HostPlace, c.Date); class {
			case geo.Local, geo.EEA:
				continue
			case geo.Adequacy:
				f.Verdict = probe.Pass
			case geo.NoDecision:
				f.Severity = probe.High
			case geo.Conditional, geo.Undetermined:
				f.Severity = probe.Low
			}
			if !v.sure {
				f.Detail.DE += " Das Netzwerkprotokoll des Browsers enthält keinen Verkehr mit dem Host."
				f.Detail.EN += " The browser's network log holds no traffic with the host."
			}
			open = open || f.Verdict == probe.Review
			out = append(out, f)
		}
		if open {
			return out
		}
		return append(out, clean(c, probe.InMeeting, probe.Text{
			DE: "Für keinen Host, der in diesem Lauf kontaktiert wurde, weist etwas auf ein Drittland ohne Angemessenheitsbeschluss hin. Standorte und Betreiber stammen aus den Daten, die in den Beobachtungen genannt sind.",
			EN: "For no host that was contacted in this run does anything point to a third country without an adequacy decision. Places and operators come from the data that the observations name.",
		})...)
	},
})
