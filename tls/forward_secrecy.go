package tls

import (
	"vksprobe/probe"
	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
	"vksprobe/tls/norm"
)

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
		DE: "Cipher-Suites mit RSA-Schlüsseltransport (TLS_RSA_…) und statischem (EC)DH entfernen und ECDHE-Suites anbieten. nginx: ssl_ciphers ECDHE+AESGCM; Apache: SSLCipherSuite ECDHE+AESGCM; coturn: cipher-list=\"ECDHE+AESGCM\".",
		EN: "Remove cipher suites with RSA key transport (TLS_RSA_…) and static (EC)DH, and offer ECDHE suites. nginx: ssl_ciphers ECDHE+AESGCM; Apache: SSLCipherSuite ECDHE+AESGCM; coturn: cipher-list=\"ECDHE+AESGCM\".",
	},
	Needs: measured,
	Check: func(c *probe.Case) []probe.Finding {
		return perHost(c, func(s *server) judgement {
			var static, strange []string
			count := 0
			for _, m := range s.mechanisms(norm.CipherSuite) {
				count++
				if yes, known := forwardSecret(m.Version, m.Code); !known {
					strange = append(strange, m.Name)
				} else if !yes {
					static = append(static, m.Name+" ("+versionShort(m.Version)+")")
				}
			}
			switch {
			case count == 0:
				return nothing
			case s.hand != nil && len(strange) > 0:
				return judgement{verdict: probe.Review, detail: both("Die Cipher-Suite %s ist dem Programm unbekannt.", "The cipher suite %s is not known to this program.", s.hand.CipherSuite)}
			case s.hand != nil && len(static) > 0:
				return judgement{verdict: probe.Fail, detail: both("Ausgehandelt wurde %s; der Schlüsselaustausch ist nicht flüchtig.", "%s was negotiated; its key exchange is not ephemeral.", s.hand.CipherSuite)}
			case s.hand != nil:
				return judgement{verdict: probe.Pass, detail: both("%s mit %s tauscht flüchtige Schlüssel aus.", "%s with %s exchanges ephemeral keys.", s.hand.Version, s.hand.CipherSuite)}
			case len(static) > 0:
				return judgement{verdict: probe.Fail, detail: both("Ohne flüchtigen Schlüsselaustausch angeboten: %s.", "Offered without an ephemeral key exchange: %s.", listed(static))}
			case len(strange) > 0:
				return judgement{verdict: probe.Review, detail: both("Dem Programm unbekannte Suites: %s.", "Suites that are not known to this program: %s.", listed(strange))}
			}
			return judgement{verdict: probe.Pass, detail: both("Mit flüchtigem Schlüsselaustausch: alle angebotenen Suites (%d).", "With an ephemeral key exchange: all suites that are offered (%d).", count)}.
				unsure(s.openSuites(), "Suites ohne sichere Antwort: %d.", "Suites without a certain answer: %d.")
		})
	},
})

// forwardSecret says whether a suite's key exchange is ephemeral; known is
// false for a suite that has no name here.
func forwardSecret(version, code uint16) (yes, known bool) {
	if version == hello.TLS13 || version == hello.DTLS13 {
		return true, true
	}
	if version == hello.SSL20 {
		return false, true // RSA key transport only
	}
	suite, ok := iana.Suite(code)
	return suite.ForwardSecret || suite.Authentication == "anon", ok && !suite.Signal
}
