package tls

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/tls/chain"
	"vksprobe/tls/norm"
	"vksprobe/tls/tr02102"
)

// lintRules says which rule each lint of package chain belongs to.
var lintRules = map[string][]chain.Code{
	"tls.certificate-key": {"rsa_below_2048", "rsa_below_3000", "ecdsa_below_250", "explicit_curve", "dsa_key", "rsa_exponent_invalid", "rsa_exponent_small",
		"rsa_small_factor", "rsa_close_primes", "roca", "shared_key"},
	"tls.certificate-signature":  {"signature_md5", "signature_sha1", "signature_not_listed", "signature_parameters", "signature_mismatch", "signature_invalid"},
	"tls.certificate-validity":   {"expired", "not_yet_valid", "expires_soon", "validity_reversed", "lifetime_too_long", "lifetime_limit_ahead", "lifetime_three_years"},
	"tls.certificate-name":       {"san_missing", "cn_not_in_san", "name_mismatch", "wildcard", "wildcard_misplaced", "internal_name", "internal_address", "name_syntax"},
	"tls.certificate-trust":      {"self_signed", "untrusted"},
	"tls.certificate-chain":      {"chain_out_of_order", "chain_extra", "chain_duplicate", "chain_incomplete", "chain_root_included", "chain_too_long"},
	"tls.certificate-revocation": {"must_staple_unstapled", "staple_unusable", "revoked", "revocation_pointer_missing"},
	"tls.certificate-logged":     {"sct_missing", "sct_too_few", "sct_invalid"},
	"tls.certificate-form": {"key_usage_missing", "key_usage_not_critical", "key_usage_unfit", "leaf_signs_certificates", "eku_missing", "eku_no_server_auth", "eku_any",
		"ca_as_leaf", "ca_flag_missing", "ca_constraints_not_critical", "ca_key_usage", "path_length_exceeded", "malformed", "refused_by_parser", "version_not_3",
		"serial_not_positive", "serial_too_long", "serial_too_short", "issuer_empty", "unknown_critical", "precertificate", "authority_key_missing", "subject_key_missing"},
}

// netErrors says which rule each error of Chromium about a certificate belongs
// to (net/base/net_error_list.h), and what it means.
var netErrors = map[int]struct {
	rule string
	text probe.Text
}{
	-200: {"tls.certificate-name", probe.Text{DE: "Das Zertifikat gilt nicht für den Namen.", EN: "The certificate is not for the name."}},
	-201: {"tls.certificate-validity", probe.Text{DE: "Das Zertifikat ist nicht oder nicht mehr gültig.", EN: "The certificate is not valid yet or any more."}},
	-202: {"tls.certificate-trust", probe.Text{DE: "Die Kette führt zu keiner Wurzel, der der Browser vertraut.", EN: "The chain leads to no root that the browser trusts."}},
	-203: {"tls.certificate-form", probe.Text{DE: "Das Zertifikat enthält Fehler.", EN: "The certificate contains errors."}},
	-206: {"tls.certificate-revocation", probe.Text{DE: "Das Zertifikat ist gesperrt.", EN: "The certificate is revoked."}},
	-207: {"tls.certificate-form", probe.Text{DE: "Das Zertifikat ist ungültig.", EN: "The certificate is invalid."}},
	-208: {"tls.certificate-signature", probe.Text{DE: "Die Signatur des Zertifikats ist zu schwach.", EN: "The signature of the certificate is too weak."}},
	-210: {"tls.certificate-name", probe.Text{DE: "Der Name ist nicht eindeutig.", EN: "The name is not unique."}},
	-211: {"tls.certificate-key", probe.Text{DE: "Der Schlüssel des Zertifikats ist zu schwach.", EN: "The key of the certificate is too weak."}},
	-212: {"tls.certificate-trust", probe.Text{DE: "Der Aussteller darf für diesen Namen nicht ausstellen.", EN: "The issuer may not issue for this name."}},
	-213: {"tls.certificate-validity", probe.Text{DE: "Das Zertifikat gilt länger, als erlaubt ist.", EN: "The certificate is valid for longer than is allowed."}},
	-214: {"tls.certificate-logged", probe.Text{DE: "Das Zertifikat ist nicht öffentlich protokolliert.", EN: "The certificate is not publicly logged."}},
	-217: {"tls.certificate-trust", probe.Text{DE: "Die Verbindung wird offenbar von einer bekannten Software aufgebrochen.", EN: "The connection is evidently intercepted by known software."}},
}

// refusal is the error for which the browser refused the certificate, 0 if
// there was none.
func (n *Negotiated) refusal() int {
	for _, code := range []int{n.CertError, n.NetError} {
		if code <= -200 && code > -300 {
			return code
		}
	}
	return 0
}

// chains lists the chains that count: those that were sent when the server was
// asked for its name, or all of them if there was none.
func (s *server) chains() (out []chain.Chain) {
	for i, c := range s.offer.Certificates {
		if len(c.Certificates) > 0 && (i >= len(s.offer.Chains) || slices.Contains(s.offer.Chains[i].Names, "host")) {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		for _, c := range s.offer.Certificates {
			if len(c.Certificates) > 0 {
				out = append(out, c)
			}
		}
	}
	return out
}

// lints judges the chains of an offer by the lints of a rule. Errors are
// violations, warnings are left to a person, and the rest is told with a pass.
func (s *server) lints(rule string) judgement {
	j := judgement{verdict: probe.Pass}
	var said, hints []probe.Text
	for _, c := range s.chains() {
		for _, f := range c.Findings {
			lint, ok := chain.Lookup(f.Code)
			if !ok || !slices.Contains(lintRules[rule], f.Code) || f.Code == "rsa_below_3000" || f.Code == "signature_not_listed" {
				continue // the guideline itself says so in other words
			}
			t := lint.Text
			if why, ok := TrustReason(chain.Reason(f.Detail)); ok {
				t = plus(t, why)
			} else if f.Detail != "" {
				t = probe.Text{DE: strings.TrimSuffix(t.DE, ".") + " (" + f.Detail + ").", EN: strings.TrimSuffix(t.EN, ".") + " (" + f.Detail + ")."}
			}
			if f.Certificate > 0 && f.Certificate < len(c.Certificates) {
				t = plus(t, both("(Zertifikat %d der Kette)", "(certificate %d of the chain)", f.Certificate+1))
			}
			list := &said
			switch f.Severity {
			case chain.Error:
				j.verdict, j.severity = probe.Fail, ""
			case chain.Warning:
				if j.verdict == probe.Pass {
					j.verdict, j.severity = probe.Review, probe.Low
				}
			default:
				list = &hints
			}
			if !slices.Contains(*list, t) && len(*list) < maxLints {
				*list = append(*list, t)
			}
		}
	}
	for _, t := range said {
		j.detail = plus(j.detail, t)
	}
	for i, t := range hints {
		if i == 0 {
			j.detail = plus(j.detail, both("Hinweis:", "Note:"))
		}
		j.detail = plus(j.detail, t)
	}
	return j
}

// day is a date as people write it.
func day(t time.Time) probe.Text {
	return probe.Text{DE: t.UTC().Format("02.01.2006"), EN: t.UTC().Format("2 Jan 2006")}
}

// maxLints bounds the lints that one finding tells.
const maxLints = 12

// signatures lists the signatures of certificates that somebody relies on.
func (s *server) signatures() (out []norm.Mechanism) {
	if s.offer != nil {
		for _, c := range s.chains() {
			for _, m := range certified(c) {
				if m.Kind == norm.CertificateSignature {
					out = append(out, m)
				}
			}
		}
		return out
	}
	for _, c := range s.hand.Certificates {
		if c.Signature != "" && c.Subject != c.Issuer {
			out = append(out, norm.Mechanism{Kind: norm.CertificateSignature, Code: librarySignatures[c.Signature], Name: c.Signature})
		}
	}
	return out
}

// librarySignatures maps the names of crypto/x509 to signature schemes.
var librarySignatures = map[string]uint16{"SHA256-RSA": 0x0401, "SHA384-RSA": 0x0501, "SHA512-RSA": 0x0601, "SHA1-RSA": 0x0201, "SHA256-RSAPSS": 0x0804, "SHA384-RSAPSS": 0x0805,
	"SHA512-RSAPSS": 0x0806, "ECDSA-SHA256": 0x0403, "ECDSA-SHA384": 0x0503, "ECDSA-SHA512": 0x0603, "ECDSA-SHA1": 0x0203, "Ed25519": 0x0807}

// passive judges what the browser said of the certificate: its refusal, if the
// rule is about that, or acceptance. A refusal for another reason leaves the
// rule open, because the browser names only the gravest.
func (s *server) passive(rule string) judgement {
	n := s.hand
	if code := n.refusal(); code != 0 {
		if e, ok := netErrors[code]; ok && e.rule == rule {
			return judgement{verdict: probe.Fail, detail: plus(both("Der Browser hat das Zertifikat abgelehnt.", "The browser refused the certificate."), e.text)}
		}
		return nothing
	}
	if n.VersionCode == 0 || len(n.Certificates) == 0 || n.Resumed {
		return nothing
	}
	return judgement{verdict: probe.Pass, detail: both("Der Browser hat das Zertifikat angenommen.", "The browser accepted the certificate.")}
}

// certificateRule completes a rule about certificates. What is added to the
// lints of an offer may be nil, and so may what is said of a handshake of the
// browser; the rule is then about offers alone.
func certificateRule(r probe.Rule, more func(*server, judgement) judgement, negotiated func(*server) judgement) *probe.Rule {
	r.Criteria = []string{"CRYPT-01"}
	r.Needs = measured
	if negotiated == nil {
		r.Needs, r.Active = offered, true
	}
	r.Check = func(c *probe.Case) []probe.Finding {
		return perHost(c, func(s *server) judgement {
			switch {
			case s.hand != nil && negotiated == nil:
				return nothing
			case s.hand != nil:
				return negotiated(s)
			case !s.answered() || len(s.chains()) == 0:
				return nothing
			}
			j := s.lints(r.ID)
			if more != nil {
				j = more(s, j)
			}
			if j.detail == (probe.Text{}) {
				j.detail = both("Nichts auszusetzen.", "Nothing to object to.")
			}
			return j
		})
	}
	return &r
}

// TrustReason says in words why a chain is not trusted, or why that is not
// known; ok is false for anything else.
func TrustReason(r chain.Reason) (words probe.Text, ok bool) {
	words, ok = trustReasons[r]
	return words, ok
}

// trustReasons are the reasons of package chain in words.
var trustReasons = map[chain.Reason]probe.Text{
	chain.UnknownAuthority:  {DE: "Ihr Ende ist im Speicher der Wurzelzertifikate nicht bekannt.", EN: "Its end is not known in the store of root certificates."},
	chain.SelfSigned:        {DE: "Der Server hat sein Zertifikat selbst ausgestellt.", EN: "The server issued its certificate itself."},
	chain.InsecureSignature: {DE: "Sie ist mit SHA-1 oder schwächer signiert.", EN: "It is signed with SHA-1 or worse."},
	chain.Purpose:           {DE: "Ein Zertifikat darin ist nicht für Server bestimmt.", EN: "A certificate in it is not for servers."},
	chain.NotAuthority:      {DE: "Ein Zertifikat darin darf andere nicht ausstellen.", EN: "A certificate in it may not issue others."},
	chain.NameConstraints:   {DE: "Eine Zertifizierungsstelle darf für diese Namen nicht ausstellen.", EN: "An authority may not issue for these names."},
	chain.PathLength:        {DE: "Sie hat mehr Zertifizierungsstellen, als erlaubt sind.", EN: "It has more authorities than are allowed."},
	chain.CriticalExtension: {DE: "Eine kritische Erweiterung ist unbekannt.", EN: "A critical extension is not known."},
	chain.OutsideValidity:   {DE: "Zu keinem Zeitpunkt sind alle Zertifikate gültig.", EN: "There is no moment at which all certificates are valid."},
	chain.Unsupported:       {DE: "Sie verwendet Verfahren, die hier nicht geprüft werden können.", EN: "It uses algorithms that cannot be verified here."},
	chain.Unreadable:        {DE: "Das Zertifikat des Servers ist nicht lesbar.", EN: "The server's certificate cannot be read."},
	chain.NothingSent:       {DE: "Der Server hat kein Zertifikat gesendet.", EN: "The server sent no certificate."},
	chain.NoRoots:           {DE: "Die Wurzelzertifikate des Systems sind nicht lesbar.", EN: "The root certificates of the system cannot be read."},
}

var baseline = probe.Source{Doc: "CA/Browser Forum, Baseline Requirements for TLS Server Certificates", Edition: "May 2026"}

var _ = Rules.Add(certificateRule(probe.Rule{
	ID: "tls.certificate-key",
	Title: probe.Text{
		DE: "Der Schlüssel des Zertifikats ist so lang, wie die BSI TR-02102-2 es vorsieht",
		EN: "The key of the certificate is as long as BSI TR-02102-2 provides for",
	},
	Why: probe.Text{
		DE: "Wer den Schlüssel errechnen kann, gibt sich für den Server aus. Seit 2024 nennt die Richtlinie für RSA mindestens 3000 Bit; 2048 Bit sind nicht gebrochen und weiterhin üblich, genügen ihr aber nicht mehr.",
		EN: "Whoever can compute the key can pose as the server. Since 2024 the guideline asks for at least 3000 bits of RSA; 2048 bits are not broken and still common, but no longer satisfy it.",
	},
	Sources:  []probe.Source{{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.6.1, Tabelle 14"}, baseline, guidance},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "Bei der nächsten Ausstellung ECDSA mit secp256r1 oder secp384r1 wählen, sonst RSA mit 3072 oder 4096 Bit. certbot: --key-type ecdsa --elliptic-curve secp384r1.",
		EN: "At the next issuance choose ECDSA with secp256r1 or secp384r1, or else RSA with 3072 or 4096 bits. certbot: --key-type ecdsa --elliptic-curve secp384r1.",
	},
}, func(s *server, j judgement) judgement {
	own := judgement{verdict: probe.Pass}
	for _, c := range s.chains() {
		for i, x := range c.Certificates {
			if x.Role == chain.Superfluous {
				continue
			}
			own = own.key(s, i, norm.Mechanism{Kind: norm.Key, Name: x.Key, Bits: x.Bits, Use: norm.ForCertificate})
		}
	}
	if j.verdict == probe.Fail {
		own.severity = probe.High
	}
	if rank(j.verdict) > rank(own.verdict) {
		own.verdict = j.verdict
	}
	own.detail = plus(j.detail, own.detail)
	return own
}, func(s *server) judgement {
	if j := s.passive("tls.certificate-key"); j.verdict != probe.Pass || j == nothing {
		return j
	}
	own := judgement{verdict: probe.Pass}
	for i, x := range s.hand.Certificates {
		family, _, _ := strings.Cut(x.Key, " ")
		if family == "Ed25519" {
			family = "EdDSA"
		}
		if x.Bits > 0 {
			own = own.key(s, i, norm.Mechanism{Kind: norm.Key, Name: family, Bits: x.Bits, Use: norm.ForCertificate})
		}
	}
	if own.detail == (probe.Text{}) {
		return nothing
	}
	return own
}))

// leastBits are the lengths that BSI TR-02102-2 asks for, by family.
var leastBits = map[string]int{"RSA": 3000, "DSA": 3000, "ECDSA": 250}

// key adds the key of the certificate at an index of a chain. Those of
// authorities are not the operator's to change, so they are left to a person.
func (j judgement) key(s *server, i int, m norm.Mechanism) judgement {
	a := s.guide.Assess(m, s.date)
	v := verdict(a)
	if i == 0 {
		if least := leastBits[m.Name]; a.Class == norm.Insufficient && least > 0 {
			j.detail = plus(j.detail, both("Der Schlüssel hat %[2]d Bit (%[1]s); vorgesehen sind mindestens %[3]d Bit (%[4]s, Ausgabe %[5]s, Abschnitt %[6]s).",
				"The key has %[2]d bits (%[1]s); at least %[3]d bits are provided for (%[4]s, edition %[5]s, section %[6]s).", m.Name, m.Bits, least, s.guide.Document, s.guide.Edition, a.Section))
		} else {
			j.detail = plus(j.detail, a.Detail)
		}
		if rank(v) > rank(j.verdict) {
			j.verdict = v
		}
		if v == probe.Review {
			j.severity = probe.Info
		}
		if v == probe.Fail && m.Name == "RSA" && m.Bits < 2048 {
			j.severity = probe.High
		}
		return j
	}
	if v == probe.Fail {
		if j.verdict == probe.Pass {
			j.verdict = probe.Review
		}
		t := both("Auch eine Zertifizierungsstelle der Kette hat einen kürzeren Schlüssel (%s, %d Bit); das kann nur die Wahl einer anderen Kette ändern.",
			"An authority of the chain has a shorter key, too (%s, %d bits); only choosing another chain can change that.", m.Name, m.Bits)
		if !strings.Contains(j.detail.DE, t.DE) {
			j.detail = plus(j.detail, t)
		}
	}
	return j
}

var _ = Rules.Add(certificateRule(probe.Rule{
	ID: "tls.certificate-signature",
	Title: probe.Text{
		DE: "Die Zertifikate sind mit tauglichen Verfahren signiert, und die Signaturen stimmen",
		EN: "The certificates are signed with sound mechanisms, and the signatures are right",
	},
	Why: probe.Text{
		DE: "Signaturen mit MD5 oder SHA-1 lassen sich fälschen; damit könnte sich jemand ein Zertifikat auf fremde Namen verschaffen. (Für PKCS#1 v1.5 gibt es eine eigene Regel.)",
		EN: "Signatures with MD5 or SHA-1 can be forged, which would give somebody a certificate for names of others. (PKCS#1 v1.5 has a rule of its own.)",
	},
	Sources:  []probe.Source{{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.4.3, Tabelle 12"}, {Doc: "RFC 9155", Edition: "December 2021", URL: "https://www.rfc-editor.org/rfc/rfc9155"}, baseline},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Das Zertifikat neu ausstellen lassen, mit SHA-256 oder stärker und von einer Kette ohne SHA-1.",
		EN: "Have the certificate issued anew, with SHA-256 or stronger and by a chain without SHA-1.",
	},
}, func(s *server, j judgement) judgement { return j.signed(s) }, func(s *server) judgement {
	if j := s.passive("tls.certificate-signature"); j.verdict != probe.Pass || j == nothing || len(s.signatures()) == 0 {
		return j
	}
	return judgement{verdict: probe.Pass}.signed(s)
}))

// signed adds what the guideline says of the signatures of certificates, those
// by PKCS #1 v1.5 aside.
func (j judgement) signed(s *server) judgement {
	var names []string
	for _, m := range s.signatures() {
		if !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
		if slices.Contains(pkcs1, m.Code) {
			continue
		}
		a := s.guide.Assess(m, s.date)
		v := verdict(a)
		if lower := strings.ToLower(m.Name); strings.Contains(lower, "sha1") || strings.Contains(lower, "md5") || strings.Contains(lower, "md2") {
			v = probe.Fail
		}
		if rank(v) > rank(j.verdict) {
			j.verdict = v
			if v == probe.Review {
				j.severity = probe.Info
			} else {
				j.severity = ""
			}
		}
		if v == verdict(a) && v != probe.Pass {
			j.detail = plus(j.detail, a.Detail)
		}
	}
	if len(names) > 0 {
		j.detail = plus(j.detail, both("Signiert mit %s.", "Signed with %s.", listed(names)))
	}
	return j
}

var _ = Rules.Add(certificateRule(probe.Rule{
	ID: "tls.certificate-validity",
	Title: probe.Text{
		DE: "Die Zertifikate sind gültig und nicht zu lange gültig",
		EN: "The certificates are valid, and not valid for too long",
	},
	Why: probe.Text{
		DE: "Ein abgelaufenes Zertifikat hält Teilnehmer fern oder gewöhnt sie daran, Warnungen wegzuklicken. Je länger ein Zertifikat gilt, desto länger nützt ein gestohlener Schlüssel.",
		EN: "An expired certificate keeps participants out, or teaches them to click warnings away. The longer a certificate is valid, the longer a stolen key is of use.",
	},
	Sources:  []probe.Source{{Doc: "RFC 5280", Edition: "May 2008", Section: "4.1.2.5", URL: "https://www.rfc-editor.org/rfc/rfc5280"}, {Doc: baseline.Doc, Edition: baseline.Edition, Section: "6.3.2"}, {Doc: "BSI TR-03116-4", Edition: "2022"}},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Zertifikat erneuern und die Erneuerung automatisieren (ACME: certbot renew oder das eingebaute ACME des Servers), mit Überwachung der Restlaufzeit.",
		EN: "Renew the certificate and automate renewal (ACME: certbot renew, or the server's own ACME), and watch the time that is left.",
	},
}, func(s *server, j judgement) judgement {
	var ends []time.Time
	for _, c := range s.chains() {
		if leaf := c.Certificates[0]; !leaf.NotAfter.IsZero() {
			ends = append(ends, leaf.NotAfter)
		}
	}
	if len(ends) > 0 {
		j.detail = plus(j.detail, both("Gültig bis %s.", "Valid until %s.", day(slices.MinFunc(ends, time.Time.Compare))))
	} else if j.verdict == probe.Pass {
		return unknown("Die Gültigkeit ließ sich nicht lesen.", "The validity could not be read.")
	}
	return j
}, func(s *server) judgement {
	j := s.passive("tls.certificate-validity")
	if j == nothing || j.verdict != probe.Pass || s.hand.Certificates[0].NotAfter.IsZero() {
		return j
	}
	leaf, at := s.hand.Certificates[0], s.observation.Time
	j.detail = both("Gültig bis %s.", "Valid until %s.", day(leaf.NotAfter))
	if left := leaf.NotAfter.Sub(at); left < 0 || at.Before(leaf.NotBefore) {
		j.verdict = probe.Fail
		j.detail = plus(both("Zum Zeitpunkt der Messung war das Zertifikat nicht gültig.", "The certificate was not valid when it was seen."), j.detail)
	} else if left < 14*24*time.Hour && left < leaf.NotAfter.Sub(leaf.NotBefore)/3 {
		j.verdict, j.severity = probe.Review, probe.Low
		j.detail = plus(both("Das Zertifikat läuft in %d Tagen ab.", "The certificate expires in %d days.", int(left.Hours()/24)), j.detail)
	}
	return j
}))

var _ = Rules.Add(certificateRule(probe.Rule{
	ID: "tls.certificate-name",
	Title: probe.Text{
		DE: "Das Zertifikat gilt für den Namen des Servers",
		EN: "The certificate is for the name of the server",
	},
	Why: probe.Text{
		DE: "Nur am Namen erkennt der Browser, dass er mit dem richtigen Server spricht.",
		EN: "The name is how the browser knows that it is talking to the right server.",
	},
	Sources:  []probe.Source{{Doc: "RFC 9525", Edition: "November 2023", Section: "6", URL: "https://www.rfc-editor.org/rfc/rfc9525"}, {Doc: "BSI TR-03116-4", Edition: "2022"}, baseline},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Ein Zertifikat mit dem Namen im Feld subjectAltName ausstellen lassen und dem virtuellen Host zuordnen (nginx: server_name und ssl_certificate im selben server-Block).",
		EN: "Have a certificate issued with the name in subjectAltName, and assign it to the virtual host (nginx: server_name and ssl_certificate in the same server block).",
	},
}, func(s *server, j judgement) judgement {
	states := map[chain.State]int{}
	for _, c := range s.chains() {
		states[c.NameMatches]++
	}
	switch {
	case s.offer.Host == "" && j.verdict == probe.Pass:
		return unknown("Es wurde ohne Namen gefragt; ob das Zertifikat zum Namen passt, ist offen.", "No name was asked for; whether the certificate is for the name is open.")
	case states[chain.No] > 0:
		j.verdict, j.severity = probe.Fail, ""
	case states[chain.Unknown]+states[""] > 0 && j.verdict == probe.Pass:
		return unknown("Ob das Zertifikat zum Namen passt, ließ sich nicht feststellen.", "Whether the certificate is for the name could not be told.")
	}
	if j.verdict == probe.Pass {
		j.detail = plus(both("Das Zertifikat gilt für %s.", "The certificate is for %s.", s.offer.Host), j.detail)
	}
	return j
}, func(s *server) judgement { return s.passive("tls.certificate-name") }))

var _ = Rules.Add(certificateRule(probe.Rule{
	ID: "tls.certificate-trust",
	Title: probe.Text{
		DE: "Das Zertifikat stammt von einer Stelle, der Browser vertrauen",
		EN: "The certificate comes from an authority that browsers trust",
	},
	Why: probe.Text{
		DE: "Ohne vertrauenswürdige Kette kann sich jeder zwischen Teilnehmer und Server setzen, ohne dass es auffällt.",
		EN: "Without a trusted chain anybody can step between participants and the server unnoticed.",
	},
	Sources:  []probe.Source{{Doc: "RFC 5280", Edition: "May 2008", Section: "6", URL: "https://www.rfc-editor.org/rfc/rfc5280"}, {Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.5"}, guidance},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Ein Zertifikat einer öffentlich anerkannten Stelle verwenden und mit ihm alle Zwischenzertifikate ausliefern (nginx: ssl_certificate mit der Datei fullchain.pem).",
		EN: "Use a certificate by a publicly trusted authority, and send all intermediate certificates with it (nginx: ssl_certificate with the file fullchain.pem).",
	},
}, func(s *server, j judgement) judgement {
	for _, c := range s.chains() {
		switch c.Trusted {
		case chain.Yes:
		case chain.No:
			j.verdict, j.severity = probe.Fail, ""
			if j.detail == (probe.Text{}) {
				j.detail = both("Die Kette führt zu keiner Wurzel, der vertraut wird.", "The chain leads to no root that is trusted.")
			}
		default:
			if j.verdict == probe.Pass {
				j = judgement{verdict: probe.Unknown, detail: plus(both("Ob der Kette zu vertrauen ist, ließ sich nicht feststellen.", "Whether the chain is to be trusted could not be told."), trustReasons[c.TrustReason])}
			}
		}
	}
	if j.verdict == probe.Pass {
		j.detail = both("Die Kette führt zu einer Wurzel aus dem Speicher des prüfenden Systems.", "The chain leads to a root in the store of the testing system.")
	}
	return j
}, func(s *server) judgement { return s.passive("tls.certificate-trust") }))

var _ = Rules.Add(certificateRule(probe.Rule{
	ID: "tls.certificate-chain",
	Title: probe.Text{
		DE: "Die Zertifikatskette ist vollständig und in Ordnung",
		EN: "The chain of certificates is complete and in order",
	},
	Why: probe.Text{
		DE: "Fehlt ein Zwischenzertifikat, so scheitern manche Programme und Telefone, während Browser am Schreibtisch es sich selbst beschaffen.",
		EN: "If an intermediate certificate is missing, some programs and telephones fail while browsers on the desktop fetch it themselves.",
	},
	Sources:  []probe.Source{{Doc: "RFC 8446", Edition: "August 2018", Section: "4.4.2", URL: "https://www.rfc-editor.org/rfc/rfc8446"}, {Doc: "RFC 5246", Edition: "August 2008", Section: "7.4.2", URL: "https://www.rfc-editor.org/rfc/rfc5246"}},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Die Kette vom Serverzertifikat aufwärts ausliefern, ohne Wurzel und ohne Fremdes: fullchain.pem der Zertifizierungsstelle verwenden (nginx: ssl_certificate; Apache: SSLCertificateFile; HAProxy: crt).",
		EN: "Send the chain from the server's certificate upwards, without the root and without what does not belong there: use the authority's fullchain.pem (nginx: ssl_certificate; Apache: SSLCertificateFile; HAProxy: crt).",
	},
}, func(s *server, j judgement) judgement {
	if j.verdict == probe.Pass {
		var lengths []string
		for _, c := range s.chains() {
			lengths = append(lengths, fmt.Sprint(len(c.Certificates)))
		}
		j.detail = plus(both("Zertifikate in der Kette: %s.", "Certificates in the chain: %s.", strings.Join(lengths, ", ")), j.detail)
	}
	return j
}, nil))

var _ = Rules.Add(certificateRule(probe.Rule{
	ID: "tls.certificate-revocation",
	Title: probe.Text{
		DE: "Kein Zertifikat ist gesperrt, und zugesagte Sperrauskünfte werden geliefert",
		EN: "No certificate is revoked, and promised revocation answers are delivered",
	},
	Why: probe.Text{
		DE: "Ein gesperrtes Zertifikat kann in fremden Händen sein. Verlangt das Zertifikat eine angeheftete OCSP-Antwort (must-staple) und fehlt sie, lehnen Browser die Verbindung ab.",
		EN: "A revoked certificate may be in other hands. If the certificate demands a stapled OCSP response (must-staple) and there is none, browsers refuse the connection.",
	},
	Sources:  []probe.Source{{Doc: "RFC 7633", Edition: "October 2015", Section: "4", URL: "https://www.rfc-editor.org/rfc/rfc7633"}, {Doc: "RFC 6960", Edition: "June 2013", URL: "https://www.rfc-editor.org/rfc/rfc6960"}},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Gesperrte Zertifikate ersetzen. Für must-staple das Anheften einschalten (nginx: ssl_stapling on; ssl_stapling_verify on; Apache: SSLUseStapling On) oder ein Zertifikat ohne must-staple ausstellen lassen.",
		EN: "Replace revoked certificates. For must-staple switch stapling on (nginx: ssl_stapling on; ssl_stapling_verify on; Apache: SSLUseStapling On), or have a certificate issued without must-staple.",
	},
}, func(s *server, j judgement) judgement {
	var good []string
	for _, c := range s.chains() {
		for _, r := range c.Revocation {
			switch {
			case r.Revoked == chain.Yes && r.Method != chain.Stapled: // the lint tells of stapled ones
				j.verdict, j.severity = probe.Fail, ""
				j.detail = plus(j.detail, both("Zertifikat %d der Kette ist gesperrt (%s).", "Certificate %d of the chain is revoked (%s).", r.Certificate+1, methodNames[r.Method]))
			case r.Revoked == chain.No && r.Certificate == 0 && !slices.Contains(good, methodNames[r.Method]):
				good = append(good, methodNames[r.Method])
			}
		}
	}
	switch {
	case j.verdict != probe.Pass:
	case len(good) > 0:
		j.detail = plus(both("Das Zertifikat ist nicht gesperrt (%s).", "The certificate is not revoked (%s).", listed(good)), j.detail)
	case slices.ContainsFunc(s.chains(), func(c chain.Chain) bool { return c.Certificates[0].MustStaple && c.Staple == chain.Unknown }):
		return unknown("Das Zertifikat verlangt eine angeheftete OCSP-Antwort; ob es sie gab, ist nicht bekannt.", "The certificate demands a stapled OCSP response; whether there was one is not known.")
	default:
		j = unknown("Der Server heftet keine OCSP-Antwort an, und verlangt ist das nicht. Ob das Zertifikat gesperrt ist, wurde nicht abgefragt.", "The server staples no OCSP response, and none is demanded. Whether the certificate is revoked was not queried.")
		j.verdict = probe.NotApplicable
	}
	return j
}, func(s *server) judgement {
	if j := s.passive("tls.certificate-revocation"); j.verdict == probe.Fail {
		return j
	}
	return nothing
}))

// methodNames name the sources of revocation answers.
var methodNames = map[chain.Method]string{chain.Stapled: "OCSP stapling", chain.OCSPMethod: "OCSP", chain.CRLMethod: "CRL"}

var _ = Rules.Add(&probe.Rule{
	ID: "tls.dane",
	Title: probe.Text{
		DE: "Das Zertifikat stimmt mit den TLSA-Einträgen im DNS überein",
		EN: "The certificate agrees with the TLSA records in the DNS",
	},
	Why: probe.Text{
		DE: "Wer TLSA-Einträge veröffentlicht, verspricht, dass nur dieses Zertifikat gilt. Passt es nicht, lehnen Gegenstellen, die darauf achten, die Verbindung ab.",
		EN: "Whoever publishes TLSA records promises that only this certificate counts. If it does not fit, peers that pay attention to them refuse the connection.",
	},
	Sources:  []probe.Source{rfc("6698", "August 2012", "2.1"), rfc("7671", "October 2015", "")},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Den neuen TLSA-Eintrag veröffentlichen, bevor das Zertifikat wechselt (3 1 1 und beim Erneuern den Schlüssel beibehalten), und alte Einträge erst danach entfernen.",
		EN: "Publish the new TLSA record before the certificate changes (3 1 1, keeping the key at renewal), and remove old records only afterwards.",
	},
	Needs: offered, Active: true,
	Check: func(c *probe.Case) []probe.Finding {
		return perOffer(c, func(s *server) judgement {
			j := nothing
			for i, d := range s.offer.DANE {
				if i < len(s.offer.Chains) && !slices.Contains(s.offer.Chains[i].Names, "host") || !d.Usable {
					continue
				}
				var k judgement
				switch d.Matches {
				case chain.Yes:
					k = judgement{verdict: probe.Pass, detail: both("Ein TLSA-Eintrag passt zur Kette.", "A TLSA record fits the chain.")}
				case chain.No:
					k = judgement{verdict: probe.Fail, detail: both("Kein TLSA-Eintrag passt zur Kette.", "No TLSA record fits the chain.")}
				default:
					k = unknown("Ob ein TLSA-Eintrag passt, ließ sich nicht feststellen.", "Whether a TLSA record fits could not be told.")
				}
				if j == nothing || rank(k.verdict) > rank(j.verdict) {
					j = k
				}
			}
			return j
		})
	},
})

var _ = Rules.Add(&probe.Rule{
	ID: "tls.caa",
	Title: probe.Text{
		DE: "Die CAA-Einträge im DNS erlauben den Aussteller des Zertifikats",
		EN: "The CAA records in the DNS allow the issuer of the certificate",
	},
	Why: probe.Text{
		DE: "CAA-Einträge sagen den Zertifizierungsstellen, welche von ihnen ausstellen darf. Stammt das Zertifikat von einer anderen, so wurde es vor den Einträgen ausgestellt oder zu Unrecht.",
		EN: "CAA records tell authorities which of them may issue. If the certificate comes from another one, it was issued before the records, or without right.",
	},
	Sources:  []probe.Source{rfc("8659", "November 2019", "4"), {Doc: baseline.Doc, Edition: baseline.Edition, Section: "3.2.2.8"}},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "Klären, wer das Zertifikat bestellt hat. Die CAA-Einträge anpassen oder das Zertifikat ersetzen.",
		EN: "Find out who ordered the certificate. Adapt the CAA records or replace the certificate.",
	},
	Needs: offered, Active: true,
	Check: func(c *probe.Case) []probe.Finding {
		return perOffer(c, func(s *server) judgement {
			if s.offer.CAA == nil || !s.offer.CAA.Restricts {
				return nothing
			}
			switch s.offer.CAA.Allows {
			case chain.Yes:
				return judgement{verdict: probe.Pass, detail: both("Die CAA-Einträge erlauben den Aussteller (%s).", "The CAA records allow the issuer (%s).", s.offer.CAA.Issuer)}
			case chain.No:
				return judgement{verdict: probe.Review, detail: both("Nach den CAA-Einträgen von heute dürfte dieser Aussteller das Zertifikat nicht ausstellen; erlaubt: %s.", "By the CAA records of today this issuer could not issue the certificate; allowed: %s.", listed(s.offer.CAA.Issue))}
			}
			return unknown("Ob die CAA-Einträge den Aussteller erlauben, ließ sich nicht feststellen.", "Whether the CAA records allow the issuer could not be told.")
		})
	},
})

var _ = Rules.Add(certificateRule(probe.Rule{
	ID: "tls.certificate-logged",
	Title: probe.Text{
		DE: "Das Zertifikat ist öffentlich protokolliert (Certificate Transparency)",
		EN: "The certificate is publicly logged (Certificate Transparency)",
	},
	Why: probe.Text{
		DE: "Nur wenn jedes Zertifikat öffentlich protokolliert wird, fallen unberechtigt ausgestellte auf. Browser lehnen öffentliche Zertifikate ohne Nachweis ab.",
		EN: "Certificates that were issued without right come to notice only if each is publicly logged. Browsers refuse public certificates without proof.",
	},
	Sources:  []probe.Source{{Doc: "RFC 6962", Edition: "June 2013", Section: "3.3", URL: "https://www.rfc-editor.org/rfc/rfc6962"}, {Doc: "Chrome Certificate Transparency Policy"}},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "Das Zertifikat neu ausstellen lassen; öffentlich anerkannte Stellen betten die Nachweise (SCTs) ein.",
		EN: "Have the certificate issued anew; publicly trusted authorities embed the proofs (SCTs).",
	},
}, func(s *server, j judgement) judgement {
	if j.verdict != probe.Pass {
		return j
	}
	n := 0
	for _, c := range s.chains() {
		switch c.Public {
		case chain.No:
			return judgement{verdict: probe.NotApplicable, detail: both("Das Zertifikat stammt von keiner öffentlich anerkannten Stelle.", "The certificate does not come from a publicly trusted authority.")}
		case chain.Yes:
			n += len(c.SCTs)
		default:
			return unknown("Ob das Zertifikat öffentlich anerkannt ist, ließ sich nicht feststellen.", "Whether the certificate is publicly trusted could not be told.")
		}
	}
	j.detail = plus(both("Nachweise: %d.", "Proofs: %d.", n), j.detail)
	return j
}, func(s *server) judgement {
	if j := s.passive("tls.certificate-logged"); j.verdict == probe.Fail {
		return j
	}
	return nothing
}))

var _ = Rules.Add(certificateRule(probe.Rule{
	ID: "tls.certificate-form",
	Title: probe.Text{
		DE: "Die Zertifikate sind wohlgeformt und für Server bestimmt",
		EN: "The certificates are well-formed and made for servers",
	},
	Why: probe.Text{
		DE: "Zertifikate mit falschen oder fehlenden Angaben zur Verwendung werden von strengen Programmen abgelehnt, von nachlässigen zu weit verstanden.",
		EN: "Certificates with wrong or missing statements about their use are refused by strict programs, and taken too widely by lax ones.",
	},
	Sources:  []probe.Source{{Doc: "RFC 5280", Edition: "May 2008", Section: "4", URL: "https://www.rfc-editor.org/rfc/rfc5280"}, baseline, {Doc: "BSI TR-03116-4", Edition: "2022"}},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Das Zertifikat mit keyUsage digitalSignature (kritisch) und extKeyUsage serverAuth neu ausstellen lassen.",
		EN: "Have the certificate issued anew with keyUsage digitalSignature (critical) and extKeyUsage serverAuth.",
	},
}, nil, func(s *server) judgement {
	if j := s.passive("tls.certificate-form"); j.verdict == probe.Fail {
		return j
	}
	return nothing
}))
