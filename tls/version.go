package tls

import (
	"fmt"
	"slices"
	"strings"

	"vksprobe/probe"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello"
	"vksprobe/tls/norm"
	"vksprobe/tls/tr02102"
)

// outdated are the versions that must not be offered.
var outdated = []uint16{hello.SSL20, hello.SSL30, hello.TLS10, hello.TLS11, hello.DTLS10}

var _ = Rules.Add(&probe.Rule{
	ID: "tls.version",
	Title: probe.Text{
		DE: "Verbindungen werden mit TLS 1.2 oder TLS 1.3 geschützt; ältere Versionen werden nicht angeboten",
		EN: "Connections are protected by TLS 1.2 or TLS 1.3; older versions are not offered",
	},
	Why: probe.Text{
		DE: "Ältere Protokollversionen haben bekannte Schwächen. Wer die Verbindung abhört oder verändert, kann Zugangsdaten, Namen und Inhalte der Konferenz erlangen.",
		EN: "Older protocol versions have known weaknesses. Whoever listens to or alters the connection may obtain credentials, names and content of the conference.",
	},
	Sources: []probe.Source{
		{Doc: "RFC 8996 (BCP 195)", Edition: "March 2021", Section: "4", Quote: "TLS 1.0 MUST NOT be used.", URL: "https://www.rfc-editor.org/rfc/rfc8996"},
		{Doc: "RFC 7568", Edition: "June 2015", Section: "3", Quote: "SSLv3 MUST NOT be used.", URL: "https://www.rfc-editor.org/rfc/rfc7568"},
		{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.2"},
		{Doc: "BSI Mindeststandard TLS", Edition: "Entwurf, 23. April 2026", Section: "VER.2.1"},
		guidance,
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "TLS 1.0 und TLS 1.1 auf dem Server abschalten. nginx: ssl_protocols TLSv1.2 TLSv1.3; Apache: SSLProtocol -all +TLSv1.2 +TLSv1.3; HAProxy: ssl-default-bind-options ssl-min-ver TLSv1.2; coturn: no-tlsv1, no-tlsv1_1.",
		EN: "Switch TLS 1.0 and TLS 1.1 off on the server. nginx: ssl_protocols TLSv1.2 TLSv1.3; Apache: SSLProtocol -all +TLSv1.2 +TLSv1.3; HAProxy: ssl-default-bind-options ssl-min-ver TLSv1.2; coturn: no-tlsv1, no-tlsv1_1.",
	},
	Needs: measured,
	Check: func(c *probe.Case) []probe.Finding { return perHost(c, judgeVersions) },
})

func judgeVersions(s *server) judgement {
	if s.hand != nil {
		return negotiatedVersion(s)
	}
	var bad, good, refused, open []string
	expired := false
	for _, v := range s.offer.Versions {
		switch a := s.guide.Assess(norm.Mechanism{Kind: norm.Version, Code: v.Code, Name: v.Name}, s.date); {
		case v.State == enumerate.Yes && slices.Contains(outdated, v.Code):
			bad = append(bad, v.Name)
		case v.State == enumerate.Yes && a.Until.Year != 0:
			good = append(good, fmt.Sprintf("%s (%s)", v.Name, a.Until))
			expired = expired || a.Class == norm.Expired
		case v.State == enumerate.Yes:
			good = append(good, v.Name)
		case v.State == enumerate.No:
			refused = append(refused, v.Name)
		}
	}
	wanted := outdated[:4]
	if s.offer.Transport == "udp" {
		wanted = outdated[4:]
	} else if s.offer.Transport == "quic" {
		wanted = nil // QUIC has nothing below TLS 1.3 (RFC 9001 section 4.2)
	}
	for _, code := range wanted {
		if s.version(code).State == enumerate.Unknown {
			open = append(open, hello.VersionName(code))
		}
	}
	var fine probe.Text
	if len(good) > 0 {
		fine = both("Außerdem: %s.", "Besides: %s.", listed(good))
	}
	switch {
	case len(bad) > 0:
		return judgement{verdict: probe.Fail, detail: plus(both("Angeboten wird %s.", "The server offers %s.", listed(bad)), fine)}
	case len(good) == 0:
		return unknown("An %s kam kein Handshake zustande; über die Versionen ist nichts bekannt.", "There was no handshake with %s; nothing is known about its versions.", s.offer.place())
	case len(open) > 0:
		return unknown("Angeboten wird %s. Ob auch %s angeboten wird, blieb ohne sichere Antwort.", "The server offers %s. Whether it offers %s, too, was left without a certain answer.", listed(good), listed(open))
	}
	t := both("Angeboten wird nur %s; in Klammern das letzte Jahr der Empfehlung durch die %s, Ausgabe %s.", "The server offers only %s; in brackets the last year of the recommendation by %s, edition %s.", listed(good), s.guide.Document, s.guide.Edition)
	if !strings.Contains(strings.Join(good, ""), "(") {
		t = both("Angeboten wird nur %s.", "The server offers only %s.", listed(good))
	}
	if len(refused) > 0 {
		t = plus(t, both("Abgelehnt: %s.", "Refused: %s.", listed(refused)))
	}
	if expired {
		return judgement{verdict: probe.Fail, detail: t}
	}
	return judgement{verdict: probe.Pass, detail: t}
}

func negotiatedVersion(s *server) judgement {
	n := s.hand
	switch a := s.guide.Assess(norm.Mechanism{Kind: norm.Version, Code: n.VersionCode, Name: n.Version}, s.date); {
	case n.VersionCode == 0:
		return nothing
	case slices.Contains(outdated, n.VersionCode):
		return judgement{verdict: probe.Fail, detail: both("Ausgehandelt wurde %s.", "%s was negotiated.", n.Version)}
	case a.Class == norm.Expired:
		return judgement{verdict: verdict(a), detail: both("Ausgehandelt wurde %s; die Empfehlung der %s galt bis Ende %s.", "%s was negotiated; the recommendation by %s held until the end of %s.", n.Version, s.guide.Document, a.Until)}
	case a.Class.Permits() && a.Until.Year == 0:
		return judgement{verdict: probe.Pass, detail: both("Ausgehandelt wurde %s.", "%s was negotiated.", n.Version)}
	case a.Class.Permits():
		return judgement{verdict: probe.Pass, detail: both("Ausgehandelt wurde %s (nach %s, Ausgabe %s, empfohlen bis %s).", "%s was negotiated (recommended by %s, edition %s, until %s).", n.Version, s.guide.Document, s.guide.Edition, a.Until)}
	}
	return judgement{verdict: probe.Review, detail: both("Ausgehandelt wurde die unbekannte Version %s.", "The unknown version %s was negotiated.", n.Version)}
}

var _ = Rules.Add(&probe.Rule{
	ID: "tls.version-1-3",
	Title: probe.Text{
		DE: "TLS 1.3 wird angeboten",
		EN: "TLS 1.3 is offered",
	},
	Why: probe.Text{
		DE: "TLS 1.3 verschlüsselt mehr vom Verbindungsaufbau, hat nur noch Verfahren mit Forward Secrecy und ist die einzige Version, für die es einen quantensicheren Schlüsselaustausch gibt. TLS 1.2 empfiehlt das BSI nur noch bis Ende 2031.",
		EN: "TLS 1.3 encrypts more of the handshake, has only mechanisms with forward secrecy, and is the only version with a quantum-safe key exchange. The BSI recommends TLS 1.2 only until the end of 2031.",
	},
	Sources: []probe.Source{
		{Doc: "RFC 9325 (BCP 195)", Edition: "November 2022", Section: "3.1.1", Quote: "Implementations SHOULD support TLS 1.3 [RFC8446] and, if implemented, MUST prefer to negotiate TLS 1.3 over earlier versions of TLS.", URL: "https://www.rfc-editor.org/rfc/rfc9325"},
		{Doc: "BSI Mindeststandard TLS", Edition: "Entwurf, 23. April 2026", Section: "BES.1.1"},
		{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.2, Tabelle 2"},
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "TLS 1.3 einschalten. nginx: ssl_protocols TLSv1.2 TLSv1.3; Apache: SSLProtocol -all +TLSv1.2 +TLSv1.3. Voraussetzung ist OpenSSL ab 1.1.1.",
		EN: "Switch TLS 1.3 on. nginx: ssl_protocols TLSv1.2 TLSv1.3; Apache: SSLProtocol -all +TLSv1.2 +TLSv1.3. This takes OpenSSL 1.1.1 or later.",
	},
	Needs: measured,
	Check: func(c *probe.Case) []probe.Finding {
		return perHost(c, func(s *server) judgement {
			switch {
			case s.hand != nil && s.hand.VersionCode == hello.TLS13:
				return judgement{verdict: probe.Pass, detail: both("Ausgehandelt wurde TLS 1.3.", "TLS 1.3 was negotiated.")}
			case s.hand != nil && s.hand.VersionCode != 0:
				return judgement{verdict: probe.Review, detail: both("Der Browser bot TLS 1.3 an, ausgehandelt wurde %s.", "The browser offered TLS 1.3, and %s was negotiated.", s.hand.Version)}
			case s.hand != nil || !s.answered():
				return nothing
			}
			modern := uint16(hello.TLS13)
			if s.offer.Transport == "udp" {
				modern = hello.DTLS13
			}
			switch name := hello.VersionName(modern); s.version(modern).State {
			case enumerate.Yes:
				return judgement{verdict: probe.Pass, detail: both("%s wird angeboten.", "%s is offered.", name)}
			case enumerate.No:
				return judgement{verdict: probe.Review, detail: both("%s wird nicht angeboten.", "%s is not offered.", name)}
			default:
				return unknown("Ob %s angeboten wird, blieb ohne sichere Antwort.", "Whether %s is offered was left without a certain answer.", name)
			}
		})
	},
})

// guidance is the supervisory authority's demand for transport encryption.
var guidance = probe.Source{Doc: "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung", Edition: "Stand August 2021", Section: "Verschlüsselung",
	Quote: "Für die Übertragung von Videokonferenzdaten ist mindestens eine Transportverschlüsselung entsprechend den einschlägigen Technischen Richtlinien des BSI erforderlich."}
