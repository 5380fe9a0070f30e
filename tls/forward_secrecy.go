package tls

import "vksprobe/probe"

var _ = Rules.Add(&probe.Rule{
	ID: "tls.forward-secrecy",
	Title: probe.Text{
		DE: "Verbindungen verwenden einen flüchtigen Schlüsselaustausch (Perfect Forward Secrecy)",
		EN: "Connections use an ephemeral key exchange (perfect forward secrecy)",
	},
	Why: probe.Text{
		DE: "Ohne flüchtige Schlüssel kann, wer heute mitschneidet und später den Serverschlüssel erlangt, alle aufgezeichneten Verbindungen nachträglich entschlüsseln.",
		EN: "Without ephemeral keys, whoever records today and obtains the server's key later can decrypt every recorded connection.",
	},
	Sources: []probe.Source{
		{Doc: "RFC 9325 (BCP 195)", Edition: "November 2022", Section: "4.1", Quote: "Implementations SHOULD NOT negotiate cipher suites based on RSA key transport, a.k.a. \"static RSA\".", URL: "https://www.rfc-editor.org/rfc/rfc9325"},
		{Doc: "RFC 10015", Edition: "July 2026"},
		{Doc: "BSI Mindeststandard zur Verwendung von Transport Layer Security", Edition: "2.4, Mai 2023"},
		{Doc: "BSI Mindeststandard TLS", Edition: "Entwurf, 23. April 2026", Section: "VER.2", Quote: "TLS 1.3 (oder TLS 1.2 mit PFS)"},
		guidance,
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Cipher-Suites mit RSA-Schlüsseltransport (TLS_RSA_…) und statischem (EC)DH entfernen und ECDHE-Suites anbieten.",
		EN: "Remove cipher suites with RSA key transport (TLS_RSA_…) and static (EC)DH, and offer ECDHE suites.",
	},
	Needs: []string{Handshake.Name},
	Check: func(c *probe.Case) []probe.Finding {
		return perHost(c, func(n Negotiated) judgement {
			yes, known := forwardSecret(n)
			switch {
			case !known:
				return judgement{probe.Review, both("Die Cipher-Suite %s ist dem Programm unbekannt.", "The cipher suite %s is not known to this program.", n.CipherSuite)}
			case yes:
				return judgement{probe.Pass, both("%s mit %s tauscht flüchtige Schlüssel aus.", "%s with %s exchanges ephemeral keys.", n.Version, n.CipherSuite)}
			}
			return judgement{probe.Fail, both("Ausgehandelt wurde %s; der Schlüsselaustausch ist nicht flüchtig.", "%s was negotiated; its key exchange is not ephemeral.", n.CipherSuite)}
		})
	},
})
