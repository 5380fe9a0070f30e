package tls

import (
	"time"

	"vksprobe/probe"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello"
	"vksprobe/tls/norm"
	"vksprobe/tls/tr02102"
)

var _ = Rules.Add(featureRule(probe.Rule{
	ID: "tls.early-data",
	Title: probe.Text{
		DE: "0-RTT-Daten werden nicht angenommen",
		EN: "0-RTT data are not accepted",
	},
	Why: probe.Text{
		DE: "Daten, die ein Client schon mit dem ersten Paket schickt, lassen sich abfangen und noch einmal einspielen, und sie haben keine Forward Secrecy.",
		EN: "Data that a client sends with its first packet can be captured and played back, and have no forward secrecy.",
	},
	Sources: []probe.Source{
		{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.4.1"},
		{Doc: "BSI TR-03116-4", Edition: "2022", Section: "2.3.1"},
		rfc("8446", "August 2018", "8, E.5"),
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "0-RTT abschalten. nginx: ssl_early_data off (Vorgabe); HAProxy: allow-0rtt nicht setzen; bei vorgeschalteten Diensten (CDN) die Option „0-RTT“ abschalten.",
		EN: "Switch 0-RTT off. nginx: ssl_early_data off (the default); HAProxy: do not set allow-0rtt; with a service in front (CDN) switch its option “0-RTT” off.",
	},
}, feature{name: enumerate.EarlyData, bad: enumerate.Yes, verdict: probe.Fail, applies: func(s *server) bool { return s.speaks(hello.TLS13, hello.DTLS13) },
	found: probe.Text{DE: "Der Server bietet an, 0-RTT-Daten anzunehmen.", EN: "The server offers to accept 0-RTT data."},
	fine:  probe.Text{DE: "Der Server nimmt keine 0-RTT-Daten an.", EN: "The server does not accept 0-RTT data."}}))

var _ = Rules.Add(&probe.Rule{
	ID: "tls.psk-mode",
	Title: probe.Text{
		DE: "Sitzungen in TLS 1.3 werden nur mit neuem Schlüsselaustausch wieder aufgenommen",
		EN: "Sessions in TLS 1.3 are resumed only with a new key exchange",
	},
	Why: probe.Text{
		DE: "Im Modus psk_ke hängen alle Folgeverbindungen an einem einzigen Schlüssel; wer ihn erlangt, liest sie alle. Die Empfehlung des BSI für diesen Modus endet mit dem Jahr 2026.",
		EN: "In mode psk_ke all connections that follow hang on one key; whoever obtains it reads them all. The BSI's recommendation of this mode ends with the year 2026.",
	},
	Sources:  []probe.Source{{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.4.1, Tabelle 9"}},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "Den Modus psk_ke abschalten (OpenSSL: SSL_OP_ALLOW_NO_DHE_KEX nicht setzen; GnuTLS: -PSK in der Priorität).",
		EN: "Switch mode psk_ke off (OpenSSL: do not set SSL_OP_ALLOW_NO_DHE_KEX; GnuTLS: -PSK in the priority).",
	},
	Needs: offered, Active: true,
	Check: func(c *probe.Case) []probe.Finding {
		return perOffer(c, func(s *server) judgement {
			if !s.speaks(hello.TLS13, hello.DTLS13) {
				return nothing
			}
			switch s.feature(enumerate.PSKOnly) {
			case enumerate.Yes:
				a := s.guide.Assess(norm.Mechanism{Kind: norm.PSKMode, Code: 0, Name: "psk_ke", Version: hello.TLS13}, s.date)
				return judgement{verdict: verdict(a), detail: a.Detail}
			case enumerate.No:
				return judgement{verdict: probe.Pass, detail: both("Ohne neuen Schlüsselaustausch nimmt der Server keine Sitzung wieder auf.", "The server resumes no session without a new key exchange.")}
			}
			if s.feature(enumerate.PSKResumption) == enumerate.No {
				return judgement{verdict: probe.Pass, detail: both("Der Server nimmt in TLS 1.3 keine Sitzungen wieder auf.", "The server resumes no sessions in TLS 1.3.")}
			}
			return unknown("Ohne sichere Antwort: %s.", "Without a certain answer: %s.", FeatureName(enumerate.PSKOnly))
		})
	},
})

// The limits of lifetimes of tickets.
const (
	weekSeconds    = 604800    // RFC 8446 section 4.6.1
	twoDaysSeconds = 48 * 3600 // BSI TR-03116-4
)

var _ = Rules.Add(&probe.Rule{
	ID: "tls.session-tickets",
	Title: probe.Text{
		DE: "Session-Tickets gelten höchstens zwei Tage",
		EN: "Session tickets are valid for two days at most",
	},
	Why: probe.Text{
		DE: "Mit dem Schlüssel, der Tickets schützt, lassen sich in TLS 1.2 alle so wieder aufgenommenen Verbindungen entschlüsseln. Je kürzer Tickets gelten, desto früher kann dieser Schlüssel vernichtet werden. Die TR-02102-2 nennt keine Grenze; für Projekte des Bundes sind es 48 Stunden, für TLS 1.3 allgemein sieben Tage.",
		EN: "With the key that protects tickets, in TLS 1.2 all connections resumed by them can be decrypted. The shorter tickets are valid, the sooner that key can be destroyed. TR-02102-2 names no limit; for federal projects it is 48 hours, for TLS 1.3 in general seven days.",
	},
	Sources: []probe.Source{
		{Doc: "RFC 8446", Edition: "August 2018", Section: "4.6.1", Quote: "Servers MUST NOT use any value greater than 604800 seconds (7 days).", URL: "https://www.rfc-editor.org/rfc/rfc8446"},
		{Doc: "BSI TR-03116-4", Edition: "2022"},
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "Laufzeit verkürzen und den Ticketschlüssel täglich wechseln. nginx: ssl_session_timeout 1d, besser ssl_session_tickets off; Apache: SSLSessionTickets Off oder SSLSessionTicketKeyFile regelmäßig erneuern; HAProxy: tune.ssl.lifetime.",
		EN: "Shorten the lifetime and change the ticket key daily. nginx: ssl_session_timeout 1d, or better ssl_session_tickets off; Apache: SSLSessionTickets Off, or renew SSLSessionTicketKeyFile regularly; HAProxy: tune.ssl.lifetime.",
	},
	Needs: offered, Active: true,
	Check: func(c *probe.Case) []probe.Finding {
		return perOffer(c, func(s *server) judgement {
			if len(s.offer.Tickets) == 0 {
				if s.feature(enumerate.SessionTickets) == enumerate.Unknown && s.feature(enumerate.PSKResumption) == enumerate.Unknown {
					return unknown("Ob der Server Tickets ausgibt, ließ sich nicht sicher feststellen.", "Whether the server hands out tickets could not be told for sure.")
				}
				if s.feature(enumerate.SessionTickets) == enumerate.Yes {
					return unknown("Der Server gibt Tickets aus; ihre Laufzeit wurde nicht beobachtet.", "The server hands out tickets; their lifetime was not observed.")
				}
				return judgement{verdict: probe.Pass, detail: both("Der Server gibt keine Tickets aus.", "The server hands out no tickets.")}
			}
			longest := s.offer.Tickets[0]
			tooLong := false
			for _, t := range s.offer.Tickets {
				if t.Lifetime > longest.Lifetime {
					longest = t
				}
				tooLong = tooLong || t.Lifetime > weekSeconds && (t.Version == hello.VersionName(hello.TLS13) || t.Version == hello.VersionName(hello.DTLS13))
			}
			d := (time.Duration(longest.Lifetime) * time.Second).Hours()
			j := judgement{verdict: probe.Pass, detail: both("Die längste angekündigte Laufzeit sind %.0f Stunden (%s).", "The longest lifetime announced is %.0f hours (%s).", d, longest.Version)}
			if longest.Lifetime == 0 {
				j.detail = both("Der Server kündigt keine Laufzeit an (0 Sekunden).", "The server announces no lifetime (0 seconds).")
			}
			if s.feature(enumerate.TicketKeyReuse) == enumerate.Yes {
				j.detail = plus(j.detail, both("Tickets mehrerer Verbindungen sind mit demselben Schlüssel geschützt; wie oft er wechselt, ist von außen nicht zu sehen.", "Tickets of several connections are protected by the same key; how often it changes cannot be seen from outside."))
			}
			switch {
			case tooLong:
				j.verdict = probe.Fail
			case longest.Lifetime > twoDaysSeconds:
				j.verdict, j.severity = probe.Review, probe.Info
			}
			return j
		})
	},
})
