package tls

import (
	"vksprobe/probe"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
	"vksprobe/tls/tr02102"
)

// feature is a requirement about one feature of an offer.
type feature struct {
	name    string
	bad     enumerate.State // the answer that violates it
	verdict probe.Verdict   // of that answer
	found   probe.Text      // that answer in words
	fine    probe.Text      // the other
	applies func(*server) bool
}

// featureRule completes a rule about a feature.
func featureRule(r probe.Rule, f feature) *probe.Rule {
	r.Needs, r.Active = offered, true
	r.Check = func(c *probe.Case) []probe.Finding {
		return perOffer(c, func(s *server) judgement {
			switch state := s.feature(f.name); {
			case f.applies != nil && !f.applies(s):
				return nothing
			case state == enumerate.Unknown:
				return unknown("Ohne sichere Antwort: %s.", "Without a certain answer: %s.", FeatureName(f.name))
			case state == f.bad:
				return judgement{verdict: f.verdict, detail: f.found}
			}
			return judgement{verdict: probe.Pass, detail: f.fine}
		})
	}
	return &r
}

// classic reports whether a server has a version before TLS 1.3.
func classic(s *server) bool {
	return s.speaks(hello.TLS12, hello.TLS11, hello.TLS10, hello.SSL30, hello.DTLS12, hello.DTLS10)
}

// FeatureName is what people call a feature of an offer, in the middle of a
// sentence or at its beginning.
func FeatureName(name string) probe.Text {
	if t, ok := featureNames[name]; ok {
		return t
	}
	return probe.Text{DE: name, EN: name}
}

var featureNames = map[string]probe.Text{
	enumerate.SecureRenegotiation:  {DE: "Sichere Neuaushandlung (RFC 5746)", EN: "Secure renegotiation (RFC 5746)"},
	enumerate.ClientRenegotiation:  {DE: "Neuaushandlung auf Wunsch des Clients", EN: "Renegotiation at the client's wish"},
	enumerate.ExtendedMasterSecret: {DE: "Extended Master Secret (RFC 7627)", EN: "Extended master secret (RFC 7627)"},
	enumerate.EncryptThenMAC:       {DE: "Encrypt-then-MAC (RFC 7366)", EN: "Encrypt-then-MAC (RFC 7366)"},
	enumerate.SessionTickets:       {DE: "Session-Tickets (RFC 5077)", EN: "Session tickets (RFC 5077)"},
	enumerate.SessionIDs:           {DE: "Vergabe von Session-IDs", EN: "Handing out of session ids"},
	enumerate.IDResumption:         {DE: "Wiederaufnahme mit Session-ID", EN: "Resumption by session id"},
	enumerate.TicketResumption:     {DE: "Wiederaufnahme mit Session-Ticket", EN: "Resumption by session ticket"},
	enumerate.PSKResumption:        {DE: "Wiederaufnahme in TLS 1.3", EN: "Resumption in TLS 1.3"},
	enumerate.PSKOnly:              {DE: "Wiederaufnahme ohne Schlüsselaustausch (psk_ke)", EN: "Resumption without a key exchange (psk_ke)"},
	enumerate.EarlyData:            {DE: "0-RTT-Daten (early_data)", EN: "0-RTT data (early_data)"},
	enumerate.Heartbeats:           {DE: "Heartbeat (RFC 6520)", EN: "Heartbeat (RFC 6520)"},
	enumerate.Compression:          {DE: "Kompression", EN: "Compression"},
	enumerate.TruncatedHMAC:        {DE: "Verkürzter HMAC (truncated_hmac)", EN: "Truncated HMAC"},
	enumerate.OCSPStapling:         {DE: "Angeheftete OCSP-Antwort", EN: "OCSP stapling"},
	enumerate.Timestamps:           {DE: "SCTs in der TLS-Erweiterung", EN: "SCTs in the TLS extension"},
	enumerate.NextProtocol:         {DE: "Next Protocol Negotiation", EN: "Next protocol negotiation"},
	enumerate.FallbackSCSV:         {DE: "Schutz vor Rückfall (TLS_FALLBACK_SCSV)", EN: "Fallback protection (TLS_FALLBACK_SCSV)"},
	enumerate.ECH:                  {DE: "Encrypted ClientHello", EN: "Encrypted ClientHello"},
	enumerate.DowngradeSentinel:    {DE: "Kennzeichen gegen Herabstufung (RFC 8446)", EN: "Downgrade sentinel (RFC 8446)"},
	enumerate.TicketKeyReuse:       {DE: "Derselbe Schlüssel für Tickets mehrerer Verbindungen", EN: "The same key for tickets of several connections"},
	enumerate.RecordSplitting:      {DE: "Geteilte Datensätze gegen BEAST", EN: "Split records against BEAST"},
	enumerate.EphemeralReuse:       {DE: "Wiederverwendung flüchtiger Schlüssel", EN: "Reuse of ephemeral keys"},
	enumerate.ClientCertificate:    {DE: "Anforderung eines Client-Zertifikats", EN: "Request for a client certificate"},
	enumerate.CompressedChain:      {DE: "Kompression der Zertifikate (RFC 8879)", EN: "Certificate compression (RFC 8879)"},
	enumerate.GREASETolerance:      {DE: "Duldung von GREASE (RFC 8701)", EN: "Tolerance of GREASE (RFC 8701)"},
	enumerate.LargeTolerance:       {DE: "Duldung großer ClientHellos", EN: "Tolerance of large ClientHellos"},
	enumerate.VersionTolerance:     {DE: "Duldung unbekannter Versionen", EN: "Tolerance of unknown versions"},
	enumerate.ExtensionTolerance:   {DE: "Duldung unbekannter Erweiterungen", EN: "Tolerance of unknown extensions"},
	enumerate.MiddleTolerance:      {DE: "Duldung von ClientHellos mit 256 bis 511 Byte", EN: "Tolerance of ClientHellos of 256 to 511 bytes"},
	enumerate.SuitesTolerance:      {DE: "Duldung von mehr als 128 Suites", EN: "Tolerance of more than 128 suites"},
	enumerate.UseSRTP:              {DE: "SRTP (RFC 5764)", EN: "SRTP (RFC 5764)"},
	enumerate.DTLSCookie:           {DE: "DTLS-Cookie vor der Antwort", EN: "DTLS cookie before the answer"},
	enumerate.NameNeeded:           {DE: "Antwort nur mit Servernamen (SNI)", EN: "Answer only with a server name (SNI)"},
}

var rfc9325 = "https://www.rfc-editor.org/rfc/rfc9325"

var (
	_ = Rules.Add(featureRule(probe.Rule{
		ID: "tls.secure-renegotiation",
		Title: probe.Text{
			DE: "Neuaushandlung ist nach RFC 5746 gesichert",
			EN: "Renegotiation is secured by RFC 5746",
		},
		Why: probe.Text{
			DE: "Ohne die Erweiterung kann ein Angreifer eigene Daten vor die eines Teilnehmers setzen, die der Server dann für dessen Daten hält (CVE-2009-3555).",
			EN: "Without the extension an attacker can put data of their own before those of a participant, and the server takes them for the participant's (CVE-2009-3555).",
		},
		Sources: []probe.Source{
			{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.3.4.1"},
			{Doc: "RFC 9325 (BCP 195)", Edition: "November 2022", Section: "3.5", Quote: "TLS 1.2 clients and servers MUST implement the renegotiation_info extension, as defined in [RFC5746].", URL: rfc9325},
		},
		Criteria: []string{"CRYPT-01"},
		Severity: probe.Medium,
		Remedy: probe.Text{
			DE: "TLS-Bibliothek aktualisieren; seit 2010 beherrschen alle verbreiteten Bibliotheken RFC 5746. OpenSSL: die Option UnsafeLegacyRenegotiation nicht setzen. Apache: SSLInsecureRenegotiation off.",
			EN: "Update the TLS library; all common ones have had RFC 5746 since 2010. OpenSSL: do not set the option UnsafeLegacyRenegotiation. Apache: SSLInsecureRenegotiation off.",
		},
	}, feature{name: enumerate.SecureRenegotiation, bad: enumerate.No, verdict: probe.Fail, applies: classic,
		found: probe.Text{DE: "Der Server beherrscht RFC 5746 nicht.", EN: "The server does not have RFC 5746."},
		fine:  probe.Text{DE: "Der Server beherrscht RFC 5746.", EN: "The server has RFC 5746."}}))

	_ = Rules.Add(featureRule(probe.Rule{
		ID: "tls.client-renegotiation",
		Title: probe.Text{
			DE: "Der Server lehnt Neuaushandlungen auf Wunsch des Clients ab",
			EN: "The server refuses renegotiation at the client's wish",
		},
		Why: probe.Text{
			DE: "Jede Neuaushandlung kostet den Server viel mehr Rechenzeit als den Client; damit lässt sich ein Dienst lahmlegen.",
			EN: "Each renegotiation costs the server far more processor time than the client, which can bring a service down.",
		},
		Sources:  []probe.Source{{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.3.4.1"}},
		Criteria: []string{"CRYPT-01"},
		Severity: probe.Low,
		Remedy: probe.Text{
			DE: "Neuaushandlung abschalten: nginx und HAProxy lehnen sie ohnehin ab; OpenSSL: Options = -ClientRenegotiation (Vorgabe seit 3.0).",
			EN: "Switch renegotiation off: nginx and HAProxy refuse it anyway; OpenSSL: Options = -ClientRenegotiation (the default since 3.0).",
		},
	}, feature{name: enumerate.ClientRenegotiation, bad: enumerate.Yes, verdict: probe.Fail, applies: classic,
		found: probe.Text{DE: "Der Server ging auf eine Neuaushandlung ein, die der Client verlangte.", EN: "The server agreed to a renegotiation that the client asked for."},
		fine:  probe.Text{DE: "Der Server lehnte die Neuaushandlung ab.", EN: "The server refused to renegotiate."}}))

	_ = Rules.Add(featureRule(probe.Rule{
		ID: "tls.extended-master-secret",
		Title: probe.Text{
			DE: "Das Extended Master Secret wird unterstützt",
			EN: "The extended master secret is supported",
		},
		Why: probe.Text{
			DE: "Die Erweiterung bindet die Schlüssel an den ganzen Handshake. Ohne sie kann ein Angreifer zwei Verbindungen mit gleichen Schlüsseln herstellen (Triple Handshake).",
			EN: "The extension binds the keys to the whole handshake. Without it an attacker can make two connections with the same keys (triple handshake).",
		},
		Sources: []probe.Source{
			{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.3.4.7"},
			{Doc: "RFC 9325 (BCP 195)", Edition: "November 2022", Section: "3.5", URL: rfc9325},
			{Doc: "RFC 7627", Edition: "September 2015", URL: "https://www.rfc-editor.org/rfc/rfc7627"},
		},
		Criteria: []string{"CRYPT-01"},
		Severity: probe.Low,
		Remedy: probe.Text{
			DE: "TLS-Bibliothek aktualisieren: OpenSSL ab 1.1.0, GnuTLS ab 3.4 und Java ab 8u161 beherrschen die Erweiterung ohne weitere Einstellung.",
			EN: "Update the TLS library: OpenSSL from 1.1.0, GnuTLS from 3.4 and Java from 8u161 have the extension without any setting.",
		},
	}, feature{name: enumerate.ExtendedMasterSecret, bad: enumerate.No, verdict: probe.Fail, applies: classic,
		found: probe.Text{DE: "Der Server beherrscht das Extended Master Secret nicht.", EN: "The server does not have the extended master secret."},
		fine:  probe.Text{DE: "Der Server beherrscht das Extended Master Secret.", EN: "The server has the extended master secret."}}))

	_ = Rules.Add(featureRule(probe.Rule{
		ID: "tls.encrypt-then-mac",
		Title: probe.Text{
			DE: "CBC-Suites werden nur mit Encrypt-then-MAC angeboten",
			EN: "CBC suites are offered only with encrypt-then-MAC",
		},
		Why: probe.Text{
			DE: "In der älteren Reihenfolge (erst MAC, dann Verschlüsselung) verraten CBC-Suites über Fehlermeldungen und Laufzeiten Klartext (Lucky Thirteen und Verwandte).",
			EN: "In the older order (MAC first, then encryption) CBC suites give away plaintext by errors and timing (Lucky Thirteen and its relatives).",
		},
		Sources: []probe.Source{
			{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.3.1.1, 3.3.4.5"},
			{Doc: "RFC 7366", Edition: "September 2014", URL: "https://www.rfc-editor.org/rfc/rfc7366"},
		},
		Criteria: []string{"CRYPT-01"},
		Severity: probe.Low,
		Remedy: probe.Text{
			DE: "CBC-Suites abschalten und AES-GCM anbieten. nginx: ssl_ciphers ECDHE+AESGCM; Apache: SSLCipherSuite ECDHE+AESGCM. OpenSSL ab 1.1.0 und GnuTLS ab 3.4 beherrschen Encrypt-then-MAC von sich aus.",
			EN: "Switch CBC suites off and offer AES-GCM. nginx: ssl_ciphers ECDHE+AESGCM; Apache: SSLCipherSuite ECDHE+AESGCM. OpenSSL from 1.1.0 and GnuTLS from 3.4 have encrypt-then-MAC by default.",
		},
	}, feature{name: enumerate.EncryptThenMAC, bad: enumerate.No, verdict: probe.Fail,
		applies: func(s *server) bool {
			return s.speaks(hello.TLS12, hello.TLS11, hello.TLS10, hello.DTLS12, hello.DTLS10) && s.offersSuite(func(c iana.CipherSuite) bool { return c.Mode == iana.CBC && c.Block == 128 })
		},
		found: probe.Text{DE: "CBC-Suites werden angeboten, Encrypt-then-MAC beherrscht der Server nicht.", EN: "CBC suites are offered, and the server does not have encrypt-then-MAC."},
		fine:  probe.Text{DE: "Der Server beherrscht Encrypt-then-MAC.", EN: "The server has encrypt-then-MAC."}}))

	_ = Rules.Add(featureRule(probe.Rule{
		ID: "tls.heartbeat",
		Title: probe.Text{
			DE: "Die Erweiterung Heartbeat ist abgeschaltet",
			EN: "The heartbeat extension is switched off",
		},
		Why: probe.Text{
			DE: "Über TCP nützt Heartbeat nichts; der Fehler Heartbleed steckte in dieser Erweiterung.",
			EN: "Over TCP heartbeat is of no use; the flaw Heartbleed was in this extension.",
		},
		Sources:  []probe.Source{{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.3.4.6, 3.4.5.1"}},
		Criteria: []string{"CRYPT-01"},
		Severity: probe.Low,
		Remedy: probe.Text{
			DE: "TLS-Bibliothek aktualisieren: OpenSSL hat Heartbeat seit 3.0 nicht mehr; in GnuTLS die Option nicht einschalten.",
			EN: "Update the TLS library: OpenSSL no longer has heartbeat since 3.0; in GnuTLS do not switch it on.",
		},
	}, feature{name: enumerate.Heartbeats, bad: enumerate.Yes, verdict: probe.Fail,
		found: probe.Text{DE: "Der Server bietet Heartbeat an.", EN: "The server offers heartbeat."},
		fine:  probe.Text{DE: "Der Server bietet kein Heartbeat an.", EN: "The server does not offer heartbeat."}}))

	_ = Rules.Add(featureRule(probe.Rule{
		ID: "tls.truncated-hmac",
		Title: probe.Text{
			DE: "Verkürzte Prüfsummen (truncated_hmac) sind abgeschaltet",
			EN: "Truncated checksums (truncated_hmac) are switched off",
		},
		Why: probe.Text{
			DE: "Die Erweiterung kürzt den Schutz vor Veränderung auf 80 Bit.",
			EN: "The extension cuts the protection against alteration down to 80 bits.",
		},
		Sources: []probe.Source{
			{Doc: tr02102.Doc, Edition: tr02102.Edition, Section: "3.3.4.2"},
			{Doc: "RFC 9325 (BCP 195)", Edition: "November 2022", Section: "4.6", URL: rfc9325},
		},
		Criteria: []string{"CRYPT-01"},
		Severity: probe.Low,
		Remedy: probe.Text{
			DE: "Die Erweiterung in der TLS-Bibliothek abschalten (wolfSSL ohne --enable-truncatedhmac bauen; Mbed TLS 2: MBEDTLS_SSL_TRUNCATED_HMAC entfernen).",
			EN: "Switch the extension off in the TLS library (build wolfSSL without --enable-truncatedhmac; Mbed TLS 2: remove MBEDTLS_SSL_TRUNCATED_HMAC).",
		},
	}, feature{name: enumerate.TruncatedHMAC, bad: enumerate.Yes, verdict: probe.Fail, applies: classic,
		found: probe.Text{DE: "Der Server verwendet auf Wunsch verkürzte Prüfsummen.", EN: "The server uses truncated checksums when asked."},
		fine:  probe.Text{DE: "Der Server verwendet keine verkürzten Prüfsummen.", EN: "The server uses no truncated checksums."}}))
)

var _ = Rules.Add(&probe.Rule{
	ID: "tls.downgrade-protection",
	Title: probe.Text{
		DE: "Der Server schützt vor der Herabstufung auf eine ältere Version",
		EN: "The server protects against being taken down to an older version",
	},
	Why: probe.Text{
		DE: "Ein Angreifer kann den Verbindungsaufbau so stören, dass beide Seiten eine schwächere Version verwenden. Das Kennzeichen in der Zufallszahl (TLS 1.3) und TLS_FALLBACK_SCSV decken das auf.",
		EN: "An attacker can disturb the handshake so that both sides use a weaker version. The sentinel in the random value (TLS 1.3) and TLS_FALLBACK_SCSV uncover that.",
	},
	Sources: []probe.Source{
		{Doc: "RFC 8446", Edition: "August 2018", Section: "4.1.3", URL: "https://www.rfc-editor.org/rfc/rfc8446"},
		{Doc: "RFC 7507", Edition: "April 2015", URL: "https://www.rfc-editor.org/rfc/rfc7507"},
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "Alte Versionen abschalten; dann bleibt nichts, worauf herabgestuft werden könnte. TLS-Bibliothek aktualisieren: Das Kennzeichen ist in TLS 1.3 Pflicht.",
		EN: "Switch old versions off, so that there is nothing to be taken down to. Update the TLS library: the sentinel is mandatory in TLS 1.3.",
	},
	Needs: offered, Active: true,
	Check: func(c *probe.Case) []probe.Finding {
		return perOffer(c, func(s *server) judgement {
			old := s.speaks(hello.SSL30, hello.TLS10, hello.TLS11, hello.DTLS10)
			below := s.speaks(hello.TLS13) && classic(s)
			var open []probe.Text
			j := judgement{verdict: probe.Pass}
			look := func(name string, de, en string) {
				switch s.feature(name) {
				case enumerate.No:
					j = judgement{verdict: probe.Fail, detail: plus(j.detail, both(de, en))}
				case enumerate.Unknown:
					open = append(open, FeatureName(name))
				}
			}
			if below {
				look(enumerate.DowngradeSentinel, "In Antworten mit TLS 1.2 oder älter fehlt das Kennzeichen, dass der Server auch TLS 1.3 hat.", "Answers in TLS 1.2 or older lack the sentinel that says that the server has TLS 1.3, too.")
			}
			if old {
				look(enumerate.FallbackSCSV, "Der Server beachtet TLS_FALLBACK_SCSV nicht, obwohl er alte Versionen anbietet.", "The server pays no attention to TLS_FALLBACK_SCSV, though it offers old versions.")
			}
			switch {
			case !old && !below:
				return nothing
			case j.verdict == probe.Fail:
				return j
			case len(open) > 0:
				return unknown("Ohne sichere Antwort: %s.", "Without a certain answer: %s.", texts(open))
			}
			j.detail = both("Der Schutz ist vorhanden.", "The protection is there.")
			return j
		})
	},
})

var _ = Rules.Add(&probe.Rule{
	ID: "tls.tolerance",
	Title: probe.Text{
		DE: "Der Server übergeht, was er nicht kennt",
		EN: "The server passes over what it does not know",
	},
	Why: probe.Text{
		DE: "Server, die an unbekannten Versionen, Erweiterungen oder an großen ClientHellos scheitern, sind für neue Browser unerreichbar oder verhindern, dass neue Schutzverfahren wie quantensichere Schlüssel eingeführt werden.",
		EN: "Servers that stumble over unknown versions, extensions or large ClientHellos cannot be reached by new browsers, or keep new protection such as quantum-safe keys from being introduced.",
	},
	Sources: []probe.Source{
		{Doc: "RFC 8446", Edition: "August 2018", Section: "4.2, 9.3", URL: "https://www.rfc-editor.org/rfc/rfc8446"},
		{Doc: "RFC 8701", Edition: "January 2020", URL: "https://www.rfc-editor.org/rfc/rfc8701"},
	},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "TLS-Bibliothek oder vorgeschaltetes Gerät (Lastverteiler, Firewall mit TLS-Inspektion) aktualisieren.",
		EN: "Update the TLS library or the device in front of it (load balancer, firewall with TLS inspection).",
	},
	Needs: offered, Active: true,
	Check: func(c *probe.Case) []probe.Finding {
		return perOffer(c, func(s *server) judgement {
			var bad, open []probe.Text
			for _, name := range []string{enumerate.GREASETolerance, enumerate.LargeTolerance, enumerate.VersionTolerance, enumerate.ExtensionTolerance, enumerate.MiddleTolerance, enumerate.SuitesTolerance} {
				switch s.feature(name) {
				case enumerate.No:
					bad = append(bad, FeatureName(name))
				case enumerate.Unknown:
					open = append(open, FeatureName(name))
				}
			}
			switch {
			case len(bad) > 0:
				return judgement{verdict: probe.Fail, detail: both("Es fehlt: %s.", "Missing: %s.", texts(bad))}
			case len(open) > 0:
				return unknown("Ohne sichere Antwort: %s.", "Without a certain answer: %s.", texts(open))
			}
			return judgement{verdict: probe.Pass, detail: both("Der Server überging alles Unbekannte und nahm ClientHellos jeder Größe an.", "The server passed over all that is unknown and took ClientHellos of any size.")}
		})
	},
})

// texts joins texts with commas.
func texts(all []probe.Text) probe.Text {
	var de, en []string
	for _, t := range all {
		de, en = append(de, t.DE), append(en, t.EN)
	}
	return probe.Text{DE: listed(de).DE, EN: listed(en).EN}
}
