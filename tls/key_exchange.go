package tls

import (
	"fmt"
	"slices"
	"strings"

	"vksprobe/probe"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello/iana"
	"vksprobe/tls/norm"
	"vksprobe/tls/tr02102"
)

var _ = Rules.Add(&probe.Rule{
	ID: "tls.group",
	Title: probe.Text{
		DE: "Die Gruppen des Schlüsselaustauschs sind in der BSI TR-02102-2 aufgeführt",
		EN: "The groups of the key exchange are listed in BSI TR-02102-2",
	},
	Why: probe.Text{
		DE: "Aus der Gruppe folgt, wie schwer die Sitzungsschlüssel zu berechnen sind. Die Aufsichtsbehörde verweist dafür auf die Technische Richtlinie. X25519 und X448 nennt sie nicht und trifft dazu keine Aussage; nach ihrem Abschnitt 1 folgt daraus nicht, dass das BSI sie für unsicher hält. Sie sind in RFC 7748 standardisiert, praktische Angriffe sind nicht bekannt, und andere Normen empfehlen sie. Auch X25519MLKEM768 nennt sie nicht; dieser Hybrid schützt aufgezeichnete Verbindungen vor einer späteren Entschlüsselung mit Quantencomputern, und ihn allein wegen der fehlenden Nennung abzuschalten wäre ein Rückschritt.",
		EN: "The group decides how hard it is to compute the session keys. The supervisory authority refers to the technical guideline for that. The guideline does not name X25519 and X448 and makes no statement on them; by its section 1 it does not follow that the BSI considers them insecure. They are standardised in RFC 7748, no practical attack is known, and other norms recommend them. X25519MLKEM768 is not named either; this hybrid protects recorded connections from later decryption by quantum computers, and to switch it off merely because it is not named would be a step back.",
	},
	Sources: []probe.Source{
		{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.3.2, 3.4.2, Tabellen 6 und 10"},
		{Doc: tr02102.Doc, Edition: "2024-01", Section: "1", Quote: "mechanisms which are not listed are not necessarily considered by the BSI to be insecure"},
		guidance,
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Info,
	Remedy: probe.Text{
		DE: "Aufgeführte Gruppen anbieten und voranstellen, neben den Hybriden gegen Quantencomputer. nginx: ssl_ecdh_curve secp384r1:secp256r1; Apache: SSLOpenSSLConfCmd Groups secp384r1:secp256r1; OpenSSL: Groups = secp384r1:secp256r1. Wer X25519 beibehält, dokumentiert die Abweichung.",
		EN: "Offer listed groups and put them first, beside the hybrids against quantum computers. nginx: ssl_ecdh_curve secp384r1:secp256r1; Apache: SSLOpenSSLConfCmd Groups secp384r1:secp256r1; OpenSSL: Groups = secp384r1:secp256r1. Whoever keeps X25519 documents the deviation.",
	},
	Needs: measured,
	Check: func(c *probe.Case) []probe.Finding {
		return perHost(c, func(s *server) judgement {
			j := s.assessed(probe.Text{DE: "Gruppen", EN: "groups"}, s.mechanisms(norm.Group))
			if j.verdict == probe.Fail {
				j.severity = probe.Medium
			}
			return j
		})
	},
})

var _ = Rules.Add(&probe.Rule{
	ID: "tls.dh-parameters",
	Title: probe.Text{
		DE: "Diffie-Hellman über endlichen Körpern verwendet sichere Primzahlen von mindestens 3000 Bit",
		EN: "Finite-field Diffie-Hellman uses safe primes of at least 3000 bits",
	},
	Why: probe.Text{
		DE: "Kurze oder ungeeignete Primzahlen erlauben es, Sitzungsschlüssel zu berechnen. Für Primzahlen von 1024 Bit, die sich viele Server teilen, ist das staatlichen Angreifern zuzutrauen.",
		EN: "Short or unfit primes allow session keys to be computed. For primes of 1024 bits that many servers share this is within the reach of states.",
	},
	Sources: []probe.Source{
		{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.6.1, Tabelle 14"},
		{Doc: "RFC 9325 (BCP 195)", Edition: "November 2022", Section: "4.5", URL: "https://www.rfc-editor.org/rfc/rfc9325"},
		{Doc: "RFC 7919", Edition: "August 2016", URL: "https://www.rfc-editor.org/rfc/rfc7919"},
		{Doc: "RFC 10015", Edition: "July 2026"},
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "DHE-Suites abschalten: RFC 10015 untersagt sie in TLS 1.2, und ECDHE ersetzt sie. Wer sie noch braucht, verwendet ffdhe3072 oder ffdhe4096 (RFC 7919). nginx: ssl_dhparam mit der Gruppe ffdhe3072, oder weglassen; Apache: SSLOpenSSLConfCmd DHParameters.",
		EN: "Switch DHE suites off: RFC 10015 forbids them in TLS 1.2, and ECDHE takes their place. Where they are still needed, use ffdhe3072 or ffdhe4096 (RFC 7919). nginx: ssl_dhparam with the group ffdhe3072, or leave it out; Apache: SSLOpenSSLConfCmd DHParameters.",
	},
	Needs: offered, Active: true,
	Check: func(c *probe.Case) []probe.Finding {
		return perOffer(c, func(s *server) judgement {
			j := judgement{verdict: probe.Pass}
			var each []string
			for _, p := range s.offer.DH {
				name := fmt.Sprintf("%d Bit", p.Bits)
				if p.Known != "" {
					name += " (" + p.Known + ")"
				}
				if !slices.Contains(each, name) {
					each = append(each, name)
				}
				a := s.guide.Assess(norm.Mechanism{Kind: norm.Key, Name: "DH", Bits: p.Bits, Use: norm.ForExchange}, s.date)
				switch {
				case p.Bits < 2048, p.Safe == enumerate.No:
					j = judgement{verdict: probe.Fail, severity: probe.High}
				case rank(verdict(a)) > rank(j.verdict):
					j.verdict = verdict(a)
				case p.Safe != enumerate.Yes && j.verdict == probe.Pass:
					j.verdict = probe.Unknown
				}
			}
			if len(each) == 0 {
				if s.offersSuite(func(c iana.CipherSuite) bool { return c.KeyExchange == "DHE" }) {
					return unknown("DHE wird angeboten; die Primzahl wurde nicht beobachtet.", "DHE is offered; the prime was not observed.")
				}
				return nothing
			}
			t := listed(each)
			t.EN = strings.ReplaceAll(t.EN, " Bit", " bits")
			j.detail = both("Verwendet werden Primzahlen von %s.", "Primes of %s are used.", t)
			if slices.ContainsFunc(s.offer.DH, func(p enumerate.DHParameters) bool { return p.Safe == enumerate.No }) {
				j.detail = plus(j.detail, both("Eine davon ist keine sichere Primzahl.", "One of them is no safe prime."))
			}
			if slices.ContainsFunc(s.offer.DH, func(p enumerate.DHParameters) bool { return p.Safe == enumerate.Unknown }) {
				j.detail = plus(j.detail, both("Ob alle sicher sind, ließ sich nicht feststellen.", "Whether all of them are safe could not be told."))
			}
			return j
		})
	},
})

// offersSuite reports whether an offer has a suite of which something holds.
func (s *server) offersSuite(match func(iana.CipherSuite) bool) bool { return len(s.suites(match)) > 0 }

// suites lists the suites of a server of which something holds, with their
// versions.
func (s *server) suites(match func(iana.CipherSuite) bool) (names []string) {
	for _, m := range s.mechanisms(norm.CipherSuite) {
		if suite, ok := iana.Suite(m.Code); ok && match(suite) {
			names = append(names, m.Name+" ("+versionShort(m.Version)+")")
		}
	}
	return names
}

var _ = Rules.Add(featureRule(probe.Rule{
	ID: "tls.ephemeral-key-reuse",
	Title: probe.Text{
		DE: "Flüchtige Schlüssel werden nur für eine Verbindung verwendet",
		EN: "Ephemeral keys are used for one connection only",
	},
	Why: probe.Text{
		DE: "Wer flüchtige Schlüssel wiederverwendet, gibt die Forward Secrecy teilweise auf und erleichtert Angriffe wie Raccoon.",
		EN: "Reusing ephemeral keys gives up part of the forward secrecy and helps attacks such as Raccoon.",
	},
	Sources: []probe.Source{
		{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "4.2"},
		{Doc: tr02102.Doc, Edition: "2024-01", Section: "4.2", Quote: "may only be used for one connection"},
		{Doc: "RFC 9325 (BCP 195)", Edition: "November 2022", Section: "7.4", URL: "https://www.rfc-editor.org/rfc/rfc9325"},
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "Wiederverwendung abschalten: OpenSSL-Option SSL_OP_SINGLE_ECDH_USE beziehungsweise SSL_OP_SINGLE_DH_USE, seit OpenSSL 1.1.0 die Vorgabe.",
		EN: "Switch reuse off: the OpenSSL options SSL_OP_SINGLE_ECDH_USE and SSL_OP_SINGLE_DH_USE, the default since OpenSSL 1.1.0.",
	},
}, feature{name: enumerate.EphemeralReuse, bad: enumerate.Yes, verdict: probe.Fail,
	found: probe.Text{DE: "Derselbe öffentliche Schlüssel wurde auf mehreren Verbindungen verwendet.", EN: "The same public key was used on several connections."},
	fine:  probe.Text{DE: "Alle beobachteten flüchtigen Schlüssel waren verschieden.", EN: "All ephemeral keys that were seen differ."}}))
