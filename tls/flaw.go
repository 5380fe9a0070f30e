package tls

import (
	"cmp"

	"vksprobe/probe"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello/iana"
)

// A flaw is a known weakness that a server has or has not.
type flaw struct {
	name     string // as offers name it
	rule     string
	severity probe.Severity
	verdict  probe.Verdict // if it is there; a violation by default
	title    probe.Text
	why      probe.Text
	remedy   probe.Text
	sources  []probe.Source
	// suites are those by which a handshake of the browser shows it, too; an
	// offer with it names them.
	suites func(iana.CipherSuite) bool
	found  probe.Text // what was seen, of a flaw without suites
}

// update is the remedy for faults of a program.
var update = probe.Text{
	DE: "TLS-Bibliothek oder Gerät sofort aktualisieren. Danach Schlüssel und Zertifikat ersetzen, wenn der Fehler Speicherinhalte oder Schlüssel preisgeben konnte.",
	EN: "Update the TLS library or the device at once. Then replace key and certificate if the fault could give away memory or keys.",
}

// modernSuites is the remedy for suites that should not be there.
var modernSuites = probe.Text{
	DE: "Die Suites aus der Liste nehmen. nginx: ssl_ciphers ECDHE+AESGCM; Apache: SSLCipherSuite ECDHE+AESGCM; HAProxy: ssl-default-bind-ciphers ECDHE+AESGCM; coturn: cipher-list=\"ECDHE+AESGCM\".",
	EN: "Take the suites out of the list. nginx: ssl_ciphers ECDHE+AESGCM; Apache: SSLCipherSuite ECDHE+AESGCM; HAProxy: ssl-default-bind-ciphers ECDHE+AESGCM; coturn: cipher-list=\"ECDHE+AESGCM\".",
}

// oldVersions is the remedy for what old versions bring along.
var oldVersions = probe.Text{
	DE: "Die alten Protokollversionen abschalten. nginx: ssl_protocols TLSv1.2 TLSv1.3; Apache: SSLProtocol -all +TLSv1.2 +TLSv1.3; HAProxy: ssl-default-bind-options ssl-min-ver TLSv1.2.",
	EN: "Switch the old protocol versions off. nginx: ssl_protocols TLSv1.2 TLSv1.3; Apache: SSLProtocol -all +TLSv1.2 +TLSv1.3; HAProxy: ssl-default-bind-options ssl-min-ver TLSv1.2.",
}

func cve(id string) probe.Source {
	return probe.Source{Doc: id, URL: "https://www.cve.org/CVERecord?id=" + id}
}

func rfc(number, edition, section string) probe.Source {
	return probe.Source{Doc: "RFC " + number, Edition: edition, Section: section, URL: "https://www.rfc-editor.org/rfc/rfc" + number}
}

var flaws = []flaw{
	{name: enumerate.Heartbleed, found: probe.Text{DE: "Auf eine unvollständige Heartbeat-Anfrage gab der Server Speicherinhalte heraus.", EN: "The server gave away memory in answer to an incomplete heartbeat request."},
		rule: "tls.heartbleed", severity: probe.High, remedy: update, sources: []probe.Source{cve("CVE-2014-0160")},
		title: probe.Text{DE: "Der Server gibt über Heartbeat keine Speicherinhalte preis (Heartbleed)", EN: "The server gives away no memory by heartbeat (Heartbleed)"},
		why:   probe.Text{DE: "Jeder kann aus dem Speicher des Servers lesen: Schlüssel, Kennwörter, Inhalte.", EN: "Anybody can read the server's memory: keys, passwords, content."}},
	{name: enumerate.EarlyCCS, found: probe.Text{DE: "Der Server nahm ein verfrühtes ChangeCipherSpec an.", EN: "The server took a ChangeCipherSpec that came too early."},
		rule: "tls.ccs-injection", severity: probe.High, remedy: update, sources: []probe.Source{cve("CVE-2014-0224")},
		title: probe.Text{DE: "Der Server nimmt ChangeCipherSpec nicht vor dem Schlüsselaustausch an (CCS-Injection)", EN: "The server takes no ChangeCipherSpec before the key exchange (CCS injection)"},
		why:   probe.Text{DE: "Ein Angreifer auf dem Weg kann beide Seiten zu schwachen Schlüsseln bringen und mitlesen.", EN: "An attacker on the way can bring both sides to weak keys and read along."}},
	{name: enumerate.Ticketbleed, found: probe.Text{DE: "In der Antwort auf ein Ticket mit kurzer Session-ID standen fremde Speicherinhalte.", EN: "The answer to a ticket with a short session id contained foreign memory."},
		rule: "tls.ticketbleed", severity: probe.High, remedy: update, sources: []probe.Source{cve("CVE-2016-9244")},
		title: probe.Text{DE: "Der Server gibt über Session-Tickets keine Speicherinhalte preis (Ticketbleed)", EN: "The server gives away no memory by session tickets (Ticketbleed)"},
		why:   probe.Text{DE: "Jede Anfrage liefert bis zu 31 Byte fremden Speichers, darunter Sitzungskennungen anderer.", EN: "Each request gives up to 31 bytes of foreign memory, session ids of others among them."}},
	{name: enumerate.ROBOT, found: probe.Text{DE: "Der Server antwortet auf richtige und falsche Polsterungen unterschiedlich.", EN: "The server answers right and wrong paddings differently."},
		rule: "tls.robot", severity: probe.High, sources: []probe.Source{cve("CVE-2017-13099"), rfc("5246", "August 2008", "7.4.7.1")},
		title:  probe.Text{DE: "Der Server verrät nicht, ob eine RSA-Polsterung stimmt (ROBOT)", EN: "The server does not tell whether an RSA padding is right (ROBOT)"},
		why:    probe.Text{DE: "Aus den unterschiedlichen Antworten lassen sich aufgezeichnete Verbindungen entschlüsseln und Signaturen des Servers fälschen.", EN: "By the different answers recorded connections can be decrypted and signatures of the server forged."},
		remedy: probe.Text{DE: "Suites mit RSA-Schlüsseltransport abschalten (ssl_ciphers ECDHE+AESGCM) und die TLS-Bibliothek oder das Gerät aktualisieren.", EN: "Switch suites with RSA key transport off (ssl_ciphers ECDHE+AESGCM), and update the TLS library or the device."}},
	{name: enumerate.DROWN, found: probe.Text{DE: "Der Server bietet SSL 2.0 an.", EN: "The server offers SSL 2.0."},
		rule: "tls.drown", severity: probe.High, remedy: oldVersions, sources: []probe.Source{cve("CVE-2016-0800"), rfc("6176", "March 2011", "3")},
		title: probe.Text{DE: "Der Server bietet kein SSL 2.0 an (DROWN)", EN: "The server does not offer SSL 2.0 (DROWN)"},
		why:   probe.Text{DE: "Ein Server mit SSL 2.0 und demselben Schlüssel hilft, moderne Verbindungen zu entschlüsseln, auch die eines anderen Servers.", EN: "A server with SSL 2.0 and the same key helps to decrypt modern connections, even those of another server."}},
	{name: enumerate.LOGJAM, found: probe.Text{DE: "Der Server verwendet Diffie-Hellman mit höchstens 1024 Bit oder in Exportstärke.", EN: "The server uses Diffie-Hellman with at most 1024 bits or of export strength."},
		rule: "tls.logjam", severity: probe.High, sources: []probe.Source{cve("CVE-2015-4000")},
		title:  probe.Text{DE: "Diffie-Hellman hat mehr als 1024 Bit und nie Exportstärke (LOGJAM)", EN: "Diffie-Hellman has more than 1024 bits and never export strength (LOGJAM)"},
		why:    probe.Text{DE: "Für weit verbreitete Primzahlen bis 1024 Bit lassen sich Vorarbeiten leisten, die danach jede einzelne Verbindung schnell brechen.", EN: "For widespread primes up to 1024 bits work can be done ahead that then breaks each connection quickly."},
		remedy: probe.Text{DE: "DHE abschalten oder mindestens ffdhe3072 verwenden. nginx: ssl_ciphers ECDHE+AESGCM und kein ssl_dhparam.", EN: "Switch DHE off or use at least ffdhe3072. nginx: ssl_ciphers ECDHE+AESGCM and no ssl_dhparam."}},
	{name: enumerate.UnsafePrime, found: probe.Text{DE: "Eine der verwendeten Zahlen ist keine sichere Primzahl.", EN: "One of the numbers used is no safe prime."},
		rule: "tls.unsafe-prime", severity: probe.High, sources: []probe.Source{rfc("7919", "August 2016", "")},
		title:  probe.Text{DE: "Diffie-Hellman rechnet modulo einer sicheren Primzahl", EN: "Diffie-Hellman computes modulo a safe prime"},
		why:    probe.Text{DE: "Mit einer ungeeigneten Zahl lassen sich die Schlüssel viel leichter berechnen; sie kann auch absichtlich untergeschoben sein.", EN: "With an unfit number keys are far easier to compute; it may even have been planted."},
		remedy: probe.Text{DE: "Eine Gruppe aus RFC 7919 verwenden (ffdhe3072, ffdhe4096) oder DHE abschalten.", EN: "Use a group of RFC 7919 (ffdhe3072, ffdhe4096) or switch DHE off."}},
	{name: enumerate.FREAK, rule: "tls.freak", severity: probe.High, remedy: modernSuites, sources: []probe.Source{cve("CVE-2015-0204")},
		title:  probe.Text{DE: "Es gibt kein RSA in Exportstärke (FREAK)", EN: "There is no RSA of export strength (FREAK)"},
		why:    probe.Text{DE: "RSA-Schlüssel mit 512 Bit lassen sich in Stunden zerlegen; ein Angreifer kann Verbindungen darauf herabstufen.", EN: "RSA keys of 512 bits can be factored in hours; an attacker can take connections down to them."},
		suites: func(c iana.CipherSuite) bool { return c.Export && (c.KeyExchange == "RSA" || c.KeyExchange == "") }},
	{name: enumerate.ExportCipher, rule: "tls.export-cipher", severity: probe.High, remedy: modernSuites, sources: []probe.Source{rfc("9325", "November 2022", "4.1")},
		title:  probe.Text{DE: "Es werden keine Suites in Exportstärke angeboten", EN: "No suites of export strength are offered"},
		why:    probe.Text{DE: "Ihre Schlüssel mit 40 oder 56 Bit lassen sich durchprobieren.", EN: "Their keys of 40 or 56 bits can be tried out."},
		suites: func(c iana.CipherSuite) bool { return c.Export }},
	{name: enumerate.NullCipher, rule: "tls.null-cipher", severity: probe.High, remedy: modernSuites, sources: []probe.Source{rfc("9325", "November 2022", "4.1")},
		title:  probe.Text{DE: "Es werden keine Suites ohne Verschlüsselung angeboten", EN: "No suites without encryption are offered"},
		why:    probe.Text{DE: "Die Daten gehen im Klartext über das Netz.", EN: "The data go over the network in the clear."},
		suites: func(c iana.CipherSuite) bool { return c.Cipher == "NULL" }},
	{name: enumerate.Anonymous, rule: "tls.anonymous", severity: probe.High, remedy: modernSuites, sources: []probe.Source{rfc("5246", "August 2008", "F.1.1.1"), rfc("9325", "November 2022", "4.1")},
		title:  probe.Text{DE: "Es werden keine Suites ohne Zertifikat angeboten", EN: "No suites without a certificate are offered"},
		why:    probe.Text{DE: "Ohne Zertifikat weist sich der Server nicht aus; ein Angreifer kann sich unbemerkt dazwischensetzen.", EN: "Without a certificate the server does not prove who it is, and an attacker can step in between unnoticed."},
		suites: func(c iana.CipherSuite) bool { return c.Authentication == "anon" }},
	{name: enumerate.RC4, rule: "tls.rc4", severity: probe.Medium, remedy: modernSuites,
		sources: []probe.Source{{Doc: "RFC 7465", Edition: "February 2015", Section: "2", URL: "https://www.rfc-editor.org/rfc/rfc7465",
			Quote: "TLS servers MUST NOT select an RC4 cipher suite when a TLS client sends such a cipher suite in the ClientHello message."}},
		title:  probe.Text{DE: "RC4 wird nicht angeboten", EN: "RC4 is not offered"},
		why:    probe.Text{DE: "Aus vielen Verbindungen mit RC4 lassen sich wiederkehrende Inhalte wie Sitzungskennungen errechnen.", EN: "From many connections with RC4, recurring content such as session identifiers can be computed."},
		suites: func(c iana.CipherSuite) bool { return c.Cipher == "RC4" }},
	{name: enumerate.SWEET32, rule: "tls.sweet32", severity: probe.Medium, remedy: modernSuites, sources: []probe.Source{cve("CVE-2016-2183"), rfc("9325", "November 2022", "4.1")},
		title:  probe.Text{DE: "Es werden keine Chiffren mit Blöcken von 64 Bit angeboten (SWEET32)", EN: "No ciphers with blocks of 64 bits are offered (SWEET32)"},
		why:    probe.Text{DE: "In langen Verbindungen mit 3DES, DES oder IDEA wiederholen sich Blöcke und verraten Klartext.", EN: "In long connections with 3DES, DES or IDEA blocks repeat and give away plaintext."},
		suites: func(c iana.CipherSuite) bool { return c.Block == 64 }},
	{name: enumerate.POODLE, found: probe.Text{DE: "Der Server bietet SSL 3.0 mit CBC-Suites an.", EN: "The server offers SSL 3.0 with CBC suites."},
		rule: "tls.poodle", severity: probe.High, remedy: oldVersions, sources: []probe.Source{cve("CVE-2014-3566"), rfc("7568", "June 2015", "3")},
		title: probe.Text{DE: "Es gibt kein SSL 3.0 mit CBC (POODLE)", EN: "There is no SSL 3.0 with CBC (POODLE)"},
		why:   probe.Text{DE: "Ein Angreifer auf dem Weg kann Zeichen für Zeichen mitlesen, etwa Sitzungskennungen.", EN: "An attacker on the way can read along character by character, such as session identifiers."}},
	{name: enumerate.BEAST, found: probe.Text{DE: "Der Server bietet TLS 1.0 oder SSL 3.0 mit CBC-Suites an.", EN: "The server offers TLS 1.0 or SSL 3.0 with CBC suites."},
		rule: "tls.beast", severity: probe.Low, verdict: probe.Review, remedy: oldVersions, sources: []probe.Source{cve("CVE-2011-3389"), rfc("8996", "March 2021", "4")},
		title: probe.Text{DE: "Es gibt kein TLS 1.0 oder SSL 3.0 mit CBC (BEAST)", EN: "There is no TLS 1.0 or SSL 3.0 with CBC (BEAST)"},
		why:   probe.Text{DE: "Heutige Browser umgehen den Angriff; andere Programme tun das nicht unbedingt. Die Ursache ist die alte Protokollversion.", EN: "Browsers of today work around the attack; other programs may not. The cause is the old protocol version."}},
	{name: enumerate.CRIME, found: probe.Text{DE: "Der Server komprimiert, wenn der Client es anbietet.", EN: "The server compresses if the client offers it."},
		rule: "tls.crime", severity: probe.Medium, sources: []probe.Source{cve("CVE-2012-4929"), rfc("9325", "November 2022", "3.3")},
		title:  probe.Text{DE: "TLS-Kompression ist abgeschaltet (CRIME)", EN: "TLS compression is switched off (CRIME)"},
		why:    probe.Text{DE: "Die Länge komprimierter Daten verrät, ob geratene Zeichen stimmen; so lassen sich Sitzungskennungen erraten.", EN: "The length of compressed data tells whether guessed characters are right, so that session identifiers can be guessed."},
		remedy: probe.Text{DE: "Kompression abschalten. Apache: SSLCompression off; OpenSSL: Options = -Compression (Vorgabe seit 1.1.0).", EN: "Switch compression off. Apache: SSLCompression off; OpenSSL: Options = -Compression (the default since 1.1.0)."}},
}

var _ = func() (all []*probe.Rule) {
	for _, f := range flaws {
		all = append(all, Rules.Add(f.makeRule()))
	}
	return all
}()

// makeRule turns a flaw into a rule.
func (f flaw) makeRule() *probe.Rule {
	r := &probe.Rule{ID: f.rule, Title: f.title, Why: f.why, Remedy: f.remedy, Severity: f.severity, Sources: f.sources, Criteria: []string{"CRYPT-01"}, Needs: measured,
		Check: func(c *probe.Case) []probe.Finding {
			out := perHost(c, f.judge)
			if len(out) == 0 && !asked(c) {
				out = []probe.Finding{notAsked()}
			}
			return out
		}}
	if f.suites == nil {
		r.Needs, r.Active = offered, true
	}
	return r
}

func (f flaw) judge(s *server) judgement {
	var named []string
	if f.suites != nil {
		named = s.suites(f.suites)
	}
	there := judgement{verdict: cmp.Or(f.verdict, probe.Fail)}
	if s.hand != nil {
		if len(named) == 0 {
			return nothing // what was not negotiated may be offered all the same
		}
		there.detail = both("Ausgehandelt wurde %s.", "%s was negotiated.", s.hand.CipherSuite)
		return there
	}
	if !s.answered() {
		return nothing
	}
	switch cmp.Or(s.offer.Flaws[f.name], enumerate.Unknown) {
	case enumerate.Yes:
		there.detail = f.found
		if f.name == enumerate.BEAST && s.feature(enumerate.RecordSplitting) == enumerate.Yes {
			there.detail = plus(there.detail, both("Er teilt seine Datensätze, was den Angriff von seiner Seite aus verhindert.", "It splits its records, which prevents the attack from its side."))
		}
		if len(named) > 0 {
			there.detail = both("Angeboten: %s.", "Offered: %s.", listed(named))
		} else if f.suites != nil {
			there.detail = both("Solche Suites werden angeboten.", "Such suites are offered.")
		}
		return there
	case enumerate.No:
		j := judgement{verdict: probe.Pass, detail: both("Geprüft; die Schwachstelle liegt nicht vor.", "Tested; the flaw is not there.")}
		if f.suites != nil {
			j.detail = both("Keine solche Suite wird angeboten.", "No such suite is offered.")
			return j.unsure(s.openSuites(), "Suites ohne sichere Antwort: %d.", "Suites without a certain answer: %d.")
		}
		return j
	}
	if f.name == enumerate.ROBOT {
		return unknown("Danach wird nur auf Verlangen gefragt (vksprobe tls -active deep), oder es gab keine sichere Antwort.", "This is asked on demand only (vksprobe tls -active deep), or there was no certain answer.")
	}
	return unknown("Danach wurde nicht gefragt, oder es gab keine sichere Antwort.", "This was not asked, or there was no certain answer.")
}
