package tls

import (
	"slices"

	"vksprobe/probe"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/norm"
	"vksprobe/tls/tr02102"
)

var _ = Rules.Add(&probe.Rule{
	ID: "tls.cipher-suite",
	Title: probe.Text{
		DE: "Die Cipher-Suites sind in der BSI TR-02102-2 aufgeführt",
		EN: "The cipher suites are listed in BSI TR-02102-2",
	},
	Why: probe.Text{
		DE: "Die Aufsichtsbehörde verweist für den Stand der Technik auf die Technische Richtlinie. Eine nicht aufgeführte Suite ist damit nicht unsicher; ihre Eignung ist aber gesondert zu begründen.",
		EN: "The supervisory authority refers to the technical guideline for the state of the art. A suite that is not listed is not therefore insecure, but its suitability has to be justified separately.",
	},
	Sources: []probe.Source{
		{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.3.1, 3.4.4"},
		{Doc: tr02102.Doc, Edition: "2024-01", Section: "1", Quote: "mechanisms which are not listed are not necessarily considered by the BSI to be insecure"},
		guidance,
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Info,
	Remedy: probe.Text{
		DE: "Suites der Tabellen 3 und 13 anbieten, etwa TLS_AES_256_GCM_SHA384 und TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, und die Abweichung davon dokumentieren. nginx: ssl_ciphers ECDHE+AESGCM; Apache: SSLCipherSuite ECDHE+AESGCM; HAProxy: ssl-default-bind-ciphers ECDHE+AESGCM.",
		EN: "Offer suites of tables 3 and 13, such as TLS_AES_256_GCM_SHA384 and TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, and document where you deviate. nginx: ssl_ciphers ECDHE+AESGCM; Apache: SSLCipherSuite ECDHE+AESGCM; HAProxy: ssl-default-bind-ciphers ECDHE+AESGCM.",
	},
	Needs: measured,
	Check: func(c *probe.Case) []probe.Finding {
		return perHost(c, func(s *server) judgement {
			if s.hand == nil && !s.answered() {
				return nothing
			}
			j := s.assessed(probe.Text{DE: "Suites", EN: "suites"}, s.mechanisms(norm.CipherSuite))
			if j.verdict == probe.Fail && j.severity == "" {
				j.severity = probe.Medium
			}
			if s.hand != nil || j == nothing {
				return j
			}
			if cbc := s.bareCBC(); len(cbc) > 0 {
				if j.verdict == probe.Pass {
					j.verdict = probe.Review
				}
				j.detail = plus(j.detail, both("Nur zusammen mit encrypt_then_mac aufgeführt, das der Server nicht beherrscht: %s.", "Listed only together with encrypt_then_mac, which the server does not have: %s.", listed(cbc)))
			}
			return j.unsure(s.openSuites(), "Suites ohne sichere Antwort: %d.", "Suites without a certain answer: %d.")
		})
	},
})

// openSuites counts the suites of an offer that were left without a certain
// answer.
func (s *server) openSuites() (n int) {
	for _, v := range s.offer.Versions {
		n += len(v.SuitesUnknown)
	}
	return n
}

// bareCBC lists the suites of an offer that the guideline lists only with
// encrypt_then_mac, if the server does not have it.
func (s *server) bareCBC() (names []string) {
	if s.feature(enumerate.EncryptThenMAC) != enumerate.No {
		return nil
	}
	for _, m := range s.mechanisms(norm.CipherSuite) {
		a := s.guide.Assess(m, s.date)
		if a.Class.Permits() && slices.ContainsFunc(a.Conditions, func(c norm.Condition) bool { return c.ID == "encrypt_then_mac" }) {
			names = append(names, m.Name)
		}
	}
	return names
}
