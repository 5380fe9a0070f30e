package tls

import (
	"slices"
	"strings"

	"vksprobe/probe"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello/iana"
	"vksprobe/tls/norm"
)

var _ = Rules.Add(&probe.Rule{
	ID: "tls.server-preference",
	Title: probe.Text{
		DE: "Der Server zieht starke Suites den schwächeren vor",
		EN: "The server prefers strong suites to weaker ones",
	},
	Why: probe.Text{
		DE: "Bietet ein Server auch schwächere Suites an, so soll er selbst entscheiden; sonst bestimmt ein schlecht eingestellter Client die Sicherheit der Verbindung. Sind alle Suites gut, ist es gleich, wer wählt.",
		EN: "If a server also offers weaker suites it should decide itself, or else a badly configured client sets the security of the connection. If all suites are good it does not matter who chooses.",
	},
	Sources: []probe.Source{
		{Doc: "RFC 9325 (BCP 195)", Edition: "November 2022", Section: "4.2.1", URL: rfc9325,
			Quote: "Servers MUST prefer this cipher suite over weaker cipher suites whenever it is proposed, even if it is not the first proposal."},
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "Schwächere Suites entfernen, oder die Reihenfolge des Servers durchsetzen: nginx: ssl_prefer_server_ciphers on; Apache: SSLHonorCipherOrder on; HAProxy: ssl-default-bind-options prefer-server-ciphers (Vorgabe).",
		EN: "Remove weaker suites, or have the server's order count: nginx: ssl_prefer_server_ciphers on; Apache: SSLHonorCipherOrder on; HAProxy: ssl-default-bind-options prefer-server-ciphers (the default).",
	},
	Needs: offered, Active: true,
	Check: func(c *probe.Case) []probe.Finding {
		return perOffer(c, func(s *server) judgement {
			j := judgement{verdict: probe.Pass}
			say := func(v probe.Verdict, de, en string, values ...any) {
				if rank(v) > rank(j.verdict) {
					j.verdict, j.detail = v, probe.Text{}
				}
				if v == j.verdict {
					j.detail = plus(j.detail, both(de, en, values...))
				}
			}
			for _, v := range s.offer.Versions {
				if v.State != enumerate.Yes || len(v.Suites) < 2 {
					continue
				}
				weak := slices.ContainsFunc(v.Suites, func(n enumerate.Named) bool { return weaker(n.Code) })
				strong := slices.ContainsFunc(v.Suites, func(n enumerate.Named) bool { return !weaker(n.Code) })
				mixed := weak && strong
				switch {
				case !mixed:
					say(probe.Pass, "%s: Alle Suites sind gleich einzustufen.", "%s: all suites are of one class.", v.Name)
				case v.SuitePreference == enumerate.Client:
					say(probe.Fail, "%s: Der Client entscheidet, obwohl auch schwächere Suites angeboten werden.", "%s: the client decides, though weaker suites are offered, too.", v.Name)
				case v.SuitePreference == enumerate.Server && v.SuitesOrdered:
					first := slices.IndexFunc(v.Suites, func(n enumerate.Named) bool { return weaker(n.Code) })
					if slices.ContainsFunc(v.Suites[first:], func(n enumerate.Named) bool { return !weaker(n.Code) }) {
						say(probe.Fail, "%s: Der Server zieht %s stärkeren Suites vor.", "%s: the server prefers %s to stronger suites.", v.Name, v.Suites[first].Name)
					} else {
						say(probe.Pass, "%s: Der Server entscheidet und stellt starke Suites voran.", "%s: the server decides and puts strong suites first.", v.Name)
					}
				case v.SuitePreference == enumerate.Server:
					say(probe.Unknown, "%s: Der Server entscheidet; seine Reihenfolge ist nicht vollständig bekannt.", "%s: the server decides; its order is not fully known.", v.Name)
				case v.SuitePreference == enumerate.Mixed:
					say(probe.Review, "%s: Teils entscheidet der Server, teils der Client.", "%s: partly the server decides, partly the client.", v.Name)
				default:
					say(probe.Unknown, "%s: Wer entscheidet, ist nicht bekannt.", "%s: it is not known who decides.", v.Name)
				}
			}
			return j
		})
	},
})

// weaker tells suites without forward secrecy or without an AEAD.
func weaker(code uint16) bool {
	suite, ok := iana.Suite(code)
	return ok && suite.KeyExchange != "" && !(suite.ForwardSecret && suite.AEAD)
}

var _ = Rules.Add(&probe.Rule{
	ID: "tls.addresses-alike",
	Title: probe.Text{
		DE: "Alle Adressen eines Namens bieten dasselbe an",
		EN: "All addresses of a name offer the same",
	},
	Why: probe.Text{
		DE: "Ein einziger vergessener Server hinter einem Namen genügt, damit ein Teil der Teilnehmer schwächer geschützt ist; wer ihn erreicht, entscheidet der Zufall.",
		EN: "One forgotten server behind a name is enough for part of the participants to be protected less; chance decides who reaches it.",
	},
	Sources:  []probe.Source{{Doc: "BSI Mindeststandard TLS", Edition: "Entwurf, 23. April 2026", Section: "VER.2.2"}, guidance},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Die Konfiguration aller Server hinter dem Namen aus einer Quelle verteilen und nach jeder Änderung alle Adressen prüfen.",
		EN: "Distribute the configuration of all servers behind the name from one source, and test all addresses after each change.",
	},
	Needs: offered, Active: true,
	Check: func(c *probe.Case) []probe.Finding {
		offers := map[string][]enumerate.Offer{}
		cited := map[string][]string{}
		for o, offer := range Offer.In(c.Facts) {
			if (&server{offer: &offer}).answered() {
				offers[o.Subject] = append(offers[o.Subject], offer.Offer)
				cited[o.Subject] = append(cited[o.Subject], o.ID)
			}
		}
		var out []probe.Finding
		for subject, all := range offers {
			transports := map[string]int{}
			for _, o := range all {
				transports[o.Transport]++
			}
			if len(all) < 2 || len(transports) > 1 {
				continue
			}
			f := probe.Finding{Subject: subject, Observations: cited[subject], Verdict: probe.Pass,
				Detail: both("Die %d Adressen bieten dasselbe an.", "The %d addresses offer the same.", len(all))}
			var names []string
			certificates := false
			for _, d := range enumerate.Compare(all) {
				if DifferenceIsCertificate(d) {
					certificates = true
				} else if version, within := cutVersion(d.Fact); !slices.Contains(passing, d.Fact) && !(within && slices.Contains(names, version)) {
					names = append(names, d.Fact)
				}
			}
			if len(names) > 0 {
				f.Verdict = probe.Fail
				f.Detail = both("Unterschiede zwischen den %d Adressen: %s.", "Differences between the %d addresses: %s.", len(all), listed(names))
			} else if certificates {
				f.Detail = both("Die %d Adressen bieten dasselbe an, aber mit verschiedenen Zertifikaten.", "The %d addresses offer the same, but with different certificates.", len(all))
			}
			out = append(out, f)
		}
		return out
	},
})

// cutVersion splits "TLS 1.2 secp256r1" behind the version.
func cutVersion(fact string) (version string, within bool) {
	if protocol, after, found := strings.Cut(fact, " "); found {
		number, _, within := strings.Cut(after, " ")
		return protocol + " " + number, within
	}
	return fact, false
}

// DifferenceIsCertificate reports whether addresses differ only in which
// certificate they send.
func DifferenceIsCertificate(d enumerate.Difference) bool {
	return len(d.Fact) > 12 && d.Fact[:12] == "certificate "
}

// passing are facts that differ by chance, from one connection to the next.
var passing = []string{enumerate.OCSPStapling, enumerate.IDResumption, enumerate.TicketResumption, enumerate.PSKResumption, enumerate.EphemeralReuse}

var _ = Rules.Add(&probe.Rule{
	ID: "tls.expires-next",
	Title: probe.Text{
		DE: "Was als Nächstes ausläuft: Keine Empfehlung für ein angebotenes Verfahren endet in diesem Jahr",
		EN: "What expires next: no recommendation of an offered mechanism ends this year",
	},
	Why: probe.Text{
		DE: "Die TR-02102-2 nennt zu jedem Verfahren ein letztes Jahr. Wer es kennt, kann den Wechsel planen, statt ihn zu erleiden.",
		EN: "TR-02102-2 gives a last year for each mechanism. Whoever knows it can plan the change instead of suffering it.",
	},
	Sources:  []probe.Source{{Doc: "BSI TR-02102-2", Edition: "2024-01", Section: "3.1.1"}},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Info,
	Remedy: probe.Text{
		DE: "Verfahren, deren Empfehlung endet, bis zum Jahresende abschalten oder ihre weitere Verwendung begründen.",
		EN: "Switch mechanisms whose recommendation ends off by the end of the year, or give reasons for keeping them.",
	},
	Needs: offered, Active: true,
	Check: func(c *probe.Case) []probe.Finding {
		return perOffer(c, func(s *server) judgement {
			j := judgement{verdict: probe.Pass, detail: both("Kein angebotenes Verfahren hat ein letztes Jahr, das noch aussteht.", "No offered mechanism has a last year that lies ahead.")}
			for i, e := range s.guide.Ending(s.mechanisms(norm.Version, norm.CipherSuite, norm.Group, norm.SignatureScheme, norm.CertificateSignature, norm.Key, norm.PSKMode), s.date) {
				var names []string
				for _, r := range e.Rows {
					if !slices.Contains(names, r.Name) {
						names = append(names, r.Name)
					}
				}
				t := both("Ende %d: %s.", "End of %d: %s.", e.Year, listed(names))
				later := both("Danach Ende %d: %s.", "After that, end of %d: %s.", e.Year, listed(names))
				switch {
				case i == 0 && e.Year == s.date.Year():
					j = judgement{verdict: probe.Review, detail: t}
				case i == 0:
					j.detail = t
				case i == 1 && j.verdict == probe.Review:
					j.detail = plus(j.detail, later)
				}
			}
			return j
		})
	},
})
