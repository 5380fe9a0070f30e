package vks

import "vksprobe/probe"

var _ = Rules.Add(&probe.Rule{
	ID:    "vks.recording-shown",
	Title: probe.Text{DE: "Eine laufende Aufzeichnung ist für die Teilnehmer erkennbar", EN: "Participants can see that they are being recorded"},
	Why: probe.Text{
		DE: "Wer nicht weiß, dass er aufgezeichnet wird, kann weder widersprechen noch gehen. Eine heimliche Aufzeichnung des gesprochenen Wortes kann strafbar sein.",
		EN: "Who does not know that he is being recorded can neither object nor leave. Recording the spoken word in secret may be a crime."},
	Sources: []probe.Source{
		{Doc: "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung", Edition: "August 2021", Section: "Zu BigBlueButton (BBB), Aufnahmemöglichkeit",
			Quote: "Da dies für die Teilnehmer nicht ersichtlich ist, führt das zur Unrechtmäßigkeit der Verarbeitung und widerspricht dem Grundsatz der Datenminimierung."},
		{Doc: "Verordnung (EU) 2016/679 (DS-GVO)", Section: "Art. 5 Abs. 1 Buchst. a, Art. 13", URL: "https://eur-lex.europa.eu/eli/reg/2016/679/oj"},
	},
	Criteria: []string{"REC-01"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Die Anzeige der Aufzeichnung nicht ausblenden (Jitsi: config.js, hideRecordingLabel entfernen; BigBlueButton: eigenes Stylesheet und Erweiterungen prüfen) und vor der Aufzeichnung fragen lassen (Jitsi: config.js, recordings.requireConsent=true; BigBlueButton: bbb-web.properties, notifyRecordingIsOn=true). Wo nicht aufgezeichnet werden soll, die Aufzeichnung ganz abschalten (BigBlueButton: bbb-web.properties, disableRecordingDefault=true).",
		EN: "Do not hide the sign of recording (Jitsi: config.js, remove hideRecordingLabel; BigBlueButton: look into the stylesheet and extensions) and let the client ask before it records (Jitsi: config.js, recordings.requireConsent=true; BigBlueButton: bbb-web.properties, notifyRecordingIsOn=true). Where nothing is to be recorded, switch recording off (BigBlueButton: bbb-web.properties, disableRecordingDefault=true)."},
	Needs:  []string{probe.TargetFact.Name},
	Phases: []probe.Phase{probe.InMeeting},
	Check: func(c *probe.Case) []probe.Finding {
		var runs, shown, asked, looked []string
		for o, m := range Inside.In(c.Facts) {
			yes := func(b *bool) bool { return b != nil && *b }
			if yes(m.Recording) {
				runs = append(runs, o.ID)
			}
			if yes(m.RecordingShown) {
				shown = append(shown, o.ID)
			}
			if yes(m.RecordingAsked) {
				asked = append(asked, o.ID)
			}
			if m.RecordingShown != nil {
				looked = append(looked, o.ID)
			}
		}
		f := probe.Finding{Subject: "recording", Observations: runs}
		switch {
		case len(runs) == 0:
			return nil // nothing that the server told says that it records
		case len(shown) > 0:
			f.Verdict, f.Observations = probe.Pass, append(f.Observations, shown...)
			f.Detail = probe.Text{DE: "Der Server zeichnet auf, und die Seite zeigt es an.", EN: "The server records, and the page shows it."}
		case len(asked) > 0:
			f.Verdict, f.Observations = probe.Pass, append(f.Observations, asked...)
			f.Detail = probe.Text{DE: "Der Server zeichnet auf, und die Seite fragt vorher nach der Einwilligung.", EN: "The server records, and the page asks for consent first."}
		case len(looked) == 0:
			f.Verdict = probe.Unknown
			f.Detail = probe.Text{DE: "Der Server zeichnet auf; ob die Seite es anzeigt, war nicht zu sehen.", EN: "The server records; whether the page shows it could not be seen."}
		default:
			f.Verdict, f.Observations = probe.Fail, append(f.Observations, looked...)
			f.Detail = probe.Text{
				DE: "Der Server teilt dem Client mit, dass aufgezeichnet wird; auf der Seite war während der ganzen Teilnahme nichts davon zu sehen.",
				EN: "The server tells the client that it records; nothing of it was to be seen on the page at any time."}
		}
		return []probe.Finding{f}
	},
})
