package tls

import (
	"slices"
	"strings"

	"vksprobe/probe"
	"vksprobe/tls/hello"
	"vksprobe/tls/norm"
	"vksprobe/tls/tr02102"
)

// pkcs1 are the code points of RSA PKCS #1 v1.5 with SHA-2, which have a rule
// of their own.
var pkcs1 = []uint16{0x0401, 0x0501, 0x0601}

var _ = Rules.Add(&probe.Rule{
	ID: "tls.signature-scheme",
	Title: probe.Text{
		DE: "Der Server signiert den Handshake mit Verfahren, die in der BSI TR-02102-2 aufgeführt sind",
		EN: "The server signs the handshake with schemes that are listed in BSI TR-02102-2",
	},
	Why: probe.Text{
		DE: "Mit dieser Signatur weist sich der Server aus. Wer sie fälschen kann, gibt sich für ihn aus.",
		EN: "This signature is how the server proves who it is. Whoever can forge it can pose as the server.",
	},
	Sources: []probe.Source{
		{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.3.3, 3.4.3, Tabellen 7, 8 und 11"},
		{Doc: "RFC 9155", Edition: "December 2021", URL: "https://www.rfc-editor.org/rfc/rfc9155"},
		guidance,
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Info,
	Remedy: probe.Text{
		DE: "SHA-1, SHA-224 und MD5 abschalten. OpenSSL, Apache und nginx (ssl_conf_command): SignatureAlgorithms ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384.",
		EN: "Switch SHA-1, SHA-224 and MD5 off. OpenSSL, Apache and nginx (ssl_conf_command): SignatureAlgorithms ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384.",
	},
	Needs: measured,
	Check: func(c *probe.Case) []probe.Finding {
		return perHost(c, func(s *server) judgement {
			var rest []norm.Mechanism
			var broken []string
			ours := 0
			for _, m := range s.mechanisms(norm.SignatureScheme) {
				switch {
				case slices.Contains(pkcs1, m.Code):
					ours++
				case m.Version >= hello.TLS12 && brokenHash(m.Code):
					broken = append(broken, m.Name)
				default:
					rest = append(rest, m)
				}
			}
			j := s.assessed(probe.Text{DE: "Verfahren", EN: "schemes"}, rest)
			if j == nothing && ours > 0 {
				j = judgement{verdict: probe.Pass, detail: both("Signiert wird nur mit RSA nach PKCS#1 v1.5 und SHA-2; dazu gibt es eine eigene Regel.", "Only RSA by PKCS#1 v1.5 with SHA-2 is used; that has a rule of its own.")}
			}
			if len(broken) > 0 {
				slices.Sort(broken)
				j = judgement{verdict: probe.Fail, severity: probe.Low,
					detail: plus(both("Auf Wunsch signiert der Server mit gebrochenen Hashfunktionen, was RFC 9155 untersagt: %s.", "When asked, the server signs with broken hash functions, which RFC 9155 forbids: %s.", listed(slices.Compact(broken))), j.detail)}
			}
			return j
		})
	},
})

// brokenHash tells signature schemes of TLS 1.2 with MD5 or SHA-1.
func brokenHash(code uint16) bool { return code>>8 == 1 || code>>8 == 2 }

var _ = Rules.Add(&probe.Rule{
	ID: "tls.rsa-pkcs1",
	Title: probe.Text{
		DE: "Signaturen mit RSA folgen RSASSA-PSS statt PKCS#1 v1.5",
		EN: "Signatures with RSA follow RSASSA-PSS instead of PKCS#1 v1.5",
	},
	Why: probe.Text{
		DE: "Die Empfehlung des BSI für Signaturen nach PKCS#1 v1.5 endete mit dem Jahr 2025. Gebrochen ist das Verfahren nicht: Praktische Angriffe auf korrekt geprüfte Signaturen mit ausreichend langem Schlüssel sind nicht bekannt. Betroffen sind nahezu alle öffentlich anerkannten Zertifikate von RSA-Zertifizierungsstellen; es ist eine Frage der Planung, kein Notfall. Die Signatur einer Zertifizierungsstelle kann der Betreiber nicht ändern, wohl aber die Kette wählen. Die Selbstsignatur einer Wurzel prüfen Clients nicht; sie bleibt außer Betracht.",
		EN: "The BSI's recommendation for signatures by PKCS#1 v1.5 ended with the year 2025. The mechanism is not broken: no practical attack is known on correctly verified signatures with keys of sufficient length. Nearly all publicly trusted certificates by RSA authorities are concerned; it is a matter of planning, not an emergency. The operator cannot change the signature of an authority, but can choose the chain. The self-signature of a root is not checked by clients and is left aside.",
	},
	Sources: []probe.Source{
		{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.3.3, 3.4.3, Tabellen 7, 8 und 12"},
		{Doc: "RFC 8446", Edition: "August 2018", Section: "4.2.3", URL: "https://www.rfc-editor.org/rfc/rfc8446"},
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Info,
	Remedy: probe.Text{
		DE: "Beim nächsten Wechsel ein ECDSA-Zertifikat aus einer Kette verwenden, die durchgängig mit ECDSA signiert ist (bei Let's Encrypt die Kette bis ISRG Root X2). Bis dahin die Abweichung dokumentieren. Für den Handshake in TLS 1.2 genügt RSA-PSS: SignatureAlgorithms RSA-PSS+SHA256:RSA-PSS+SHA384.",
		EN: "At the next renewal use an ECDSA certificate from a chain that is signed with ECDSA throughout (with Let's Encrypt the chain up to ISRG Root X2). Document the deviation until then. For the handshake in TLS 1.2, RSA-PSS is enough: SignatureAlgorithms RSA-PSS+SHA256:RSA-PSS+SHA384.",
	},
	Needs: measured,
	Check: func(c *probe.Case) []probe.Finding {
		return perHost(c, func(s *server) judgement {
			j := judgement{verdict: probe.Pass}
			rsa, still := false, false
			expired := map[norm.Kind][]string{}
			var last norm.Assessment
			for _, m := range append(s.mechanisms(norm.SignatureScheme), s.signatures()...) {
				rsa = rsa || strings.Contains(strings.ToLower(m.Name), "rsa")
				if !slices.Contains(pkcs1, m.Code) {
					continue
				}
				if a := s.guide.Assess(m, s.date); a.Class == norm.Listed {
					still = true
				} else if last = a; !slices.Contains(expired[m.Kind], m.Name) {
					expired[m.Kind] = append(expired[m.Kind], m.Name)
				}
			}
			if names := expired[norm.SignatureScheme]; len(names) > 0 {
				j.detail = both("Handshake in TLS 1.2: %s.", "Handshake in TLS 1.2: %s.", listed(names))
			}
			if names := expired[norm.CertificateSignature]; len(names) > 0 {
				j.detail = plus(j.detail, both("Zertifikate der Kette: %s.", "Certificates of the chain: %s.", listed(names)))
			}
			if last.Class == norm.Expiring {
				j.verdict = probe.Review
				j.detail = plus(j.detail, both("Die Empfehlung endet mit dem Jahr %s (%s, Ausgabe %s).", "The recommendation ends with the year %s (%s, edition %s).", last.Until, s.guide.Document, s.guide.Edition))
			} else if last.Class != "" {
				j.verdict = probe.Review
				j.detail = plus(j.detail, both("Die Empfehlung endete mit dem Jahr %s (%s, Ausgabe %s).", "The recommendation ended with the year %s (%s, edition %s).", last.Until, s.guide.Document, s.guide.Edition))
			}
			switch {
			case j.verdict == probe.Pass && !rsa:
				return nothing
			case j.verdict == probe.Pass && still:
				j.detail = both("Signaturen nach PKCS#1 v1.5 kommen vor; am Bewertungsdatum gilt ihre Empfehlung.", "There are signatures by PKCS#1 v1.5; on the date of judgement they are recommended.")
			case j.verdict == probe.Pass:
				j.detail = both("RSA-Signaturen folgen RSASSA-PSS.", "RSA signatures follow RSASSA-PSS.")
			}
			return j
		})
	},
})
