package webrtc

import "vksprobe/probe"

var _ = Rules.Add(&probe.Rule{
	ID:    "webrtc.no-sdes",
	Title: probe.Text{DE: "Medienschlüssel werden nicht in der Signalisierung übertragen (kein SDES)", EN: "Media keys are not sent in the signalling (no SDES)"},
	Why: probe.Text{
		DE: "Bei SDES (RFC 4568) steht der Schlüssel für Bild und Ton im Klartext in der Sitzungsbeschreibung. Jeder Server, der sie weiterreicht oder protokolliert, kann die Konferenz damit entschlüsseln, auch nachträglich.",
		EN: "With SDES (RFC 4568) the key of picture and sound stands in the session description. Every server that passes it on or logs it can decrypt the meeting, even later."},
	Sources: []probe.Source{
		{Doc: "RFC 8827", Edition: "January 2021", Section: "6.5", URL: "https://www.rfc-editor.org/rfc/rfc8827"},
		stateOfTheArt(),
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Im Medienserver und im Vermittlungsserver SDES abschalten und ausschließlich DTLS-SRTP verwenden.",
		EN: "Switch SDES off in the media and signalling servers and use DTLS-SRTP only."},
	Needs: []string{Connection.Name},
	Check: perConnection(true, func(p Peer) *probe.Finding {
		switch {
		case p.SDES:
			return finding(probe.Fail, "Eine Sitzungsbeschreibung enthielt eine Zeile „a=crypto“ mit einem Medienschlüssel.",
				"A session description contained an “a=crypto” line with a media key.")
		case !p.Described:
			return nil
		}
		return finding(probe.Pass, "Keine der gesehenen Sitzungsbeschreibungen enthielt einen Medienschlüssel.",
			"None of the session descriptions that were seen contained a media key.")
	}),
})
