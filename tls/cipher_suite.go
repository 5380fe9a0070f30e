package tls

import (
	"vksprobe/probe"
	"vksprobe/tls/norm"
	"vksprobe/tls/tr02102"
)

var _ = Rules.Add(&probe.Rule{
	ID: "tls.cipher-suite",
	Title: probe.Text{
		DE: "Die Cipher-Suite ist in der BSI TR-02102-2 aufgeführt",
		EN: "The cipher suite is listed in BSI TR-02102-2",
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
		DE: "Suites der Tabellen 3 und 13 bevorzugen, etwa TLS_AES_256_GCM_SHA384 und TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, oder die Abweichung dokumentieren.",
		EN: "Prefer suites of tables 3 and 13, such as TLS_AES_256_GCM_SHA384 and TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, or document the deviation.",
	},
	Needs: []string{Handshake.Name},
	Check: func(c *probe.Case) []probe.Finding {
		return perHost(c, func(n Negotiated) judgement {
			a := bsi.Assess(norm.Mechanism{Kind: norm.CipherSuite, Code: n.CipherSuiteCode, Name: n.CipherSuite, Version: n.VersionCode}, c.Date)
			if a.Class == norm.Listed {
				return judgement{probe.Pass, a.Detail}
			}
			return judgement{probe.Review, a.Detail}
		})
	},
})
