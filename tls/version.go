package tls

import (
	"fmt"

	"vksprobe/probe"
	"vksprobe/tls/norm"
	"vksprobe/tls/tr02102"
)

// bsi is the guideline in its newest edition.
var bsi = func() *norm.Norm {
	n, ok := norm.Builtin().Get(tr02102.ID + "/" + tr02102.Edition)
	if !ok {
		panic("no edition " + tr02102.Edition) // built in: a bug
	}
	return n
}()

// both is one sentence pattern in both languages with the same values.
func both(de, en string, values ...any) probe.Text {
	return probe.Text{DE: fmt.Sprintf(de, values...), EN: fmt.Sprintf(en, values...)}
}

var _ = Rules.Add(&probe.Rule{
	ID: "tls.version",
	Title: probe.Text{
		DE: "Verbindungen werden mit TLS 1.2 oder TLS 1.3 geschützt",
		EN: "Connections are protected by TLS 1.2 or TLS 1.3",
	},
	Why: probe.Text{
		DE: "Ältere Protokollversionen haben bekannte Schwächen. Wer die Verbindung abhört oder verändert, kann Zugangsdaten, Namen und Inhalte der Konferenz erlangen.",
		EN: "Older protocol versions have known weaknesses. Whoever listens to or alters the connection may obtain credentials, names and content of the conference.",
	},
	Sources: []probe.Source{
		{Doc: "RFC 8996", Edition: "March 2021", Section: "4", Quote: "TLS 1.0 MUST NOT be used.", URL: "https://www.rfc-editor.org/rfc/rfc8996"},
		{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.2"},
		guidance,
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "TLS 1.0 und TLS 1.1 auf dem Server abschalten; in nginx: ssl_protocols TLSv1.2 TLSv1.3;",
		EN: "Switch TLS 1.0 and TLS 1.1 off on the server; in nginx: ssl_protocols TLSv1.2 TLSv1.3;",
	},
	Needs: []string{Handshake.Name},
	Check: func(c *probe.Case) []probe.Finding {
		return perHost(c, func(n Negotiated) judgement {
			if n.VersionCode < 0x0303 {
				return judgement{probe.Fail, both("Ausgehandelt wurde %s.", "%s was negotiated.", n.Version)}
			}
			switch a := bsi.Assess(norm.Mechanism{Kind: norm.Version, Code: n.VersionCode, Name: n.Version}, c.Date); a.Class {
			case norm.Expired:
				return judgement{probe.Review, both("Ausgehandelt wurde %s; die Empfehlung der "+tr02102.Doc+" galt bis Ende %s.",
					"%s was negotiated; "+tr02102.Doc+" recommended it until the end of %s.", n.Version, a.Until)}
			case norm.Listed, norm.Expiring:
				return judgement{probe.Pass, both("Ausgehandelt wurde %s (nach "+tr02102.Doc+", Ausgabe "+tr02102.Edition+", empfohlen bis %s).",
					"%s was negotiated (recommended by "+tr02102.Doc+", edition "+tr02102.Edition+", until %s).", n.Version, a.Until)}
			}
			return judgement{probe.Review, both("Ausgehandelt wurde die unbekannte Version %s.", "The unknown version %s was negotiated.", n.Version)}
		})
	},
})

// guidance is the supervisory authority's demand for transport encryption.
var guidance = probe.Source{Doc: "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung", Edition: "Stand August 2021", Section: "Verschlüsselung",
	Quote: "Für die Übertragung von Videokonferenzdaten ist mindestens eine Transportverschlüsselung entsprechend den einschlägigen Technischen Richtlinien des BSI erforderlich."}
