package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/tracking"
	"vksprobe/webrtc"
)

// verdictWord is the name of a verdict for people.
func verdictWord(v probe.Verdict) probe.Text {
	switch v {
	case probe.Fail:
		return probe.Text{DE: "Verstoß", EN: "Violation"}
	case probe.Review:
		return probe.Text{DE: "Zu bewerten", EN: "To be reviewed"}
	case probe.Pass:
		return probe.Text{DE: "Erfüllt", EN: "Met"}
	case probe.NotApplicable:
		return probe.Text{DE: "Nicht anwendbar", EN: "Not applicable"}
	}
	return probe.Text{DE: "Nicht gemessen", EN: "Not measured"}
}

// verdictHeading names the findings with a verdict.
func verdictHeading(v probe.Verdict) probe.Text {
	if v == probe.Fail {
		return probe.Text{DE: "Verstöße", EN: "Violations"}
	}
	return verdictWord(v)
}

func severityWord(s probe.Severity) probe.Text {
	switch s {
	case probe.High:
		return probe.Text{DE: "hoch", EN: "high"}
	case probe.Medium:
		return probe.Text{DE: "mittel", EN: "medium"}
	case probe.Low:
		return probe.Text{DE: "gering", EN: "low"}
	case probe.Info:
		return probe.Text{DE: "Hinweis", EN: "note"}
	}
	return same(string(s))
}

func phaseWord(p probe.Phase) probe.Text {
	switch p {
	case probe.Preflight:
		return probe.Text{DE: "Vor dem Öffnen", EN: "Before opening"}
	case probe.Landing:
		return probe.Text{DE: "Startseite", EN: "Landing page"}
	case probe.Consent:
		return probe.Text{DE: "Einwilligung", EN: "Consent"}
	case probe.Prejoin:
		return probe.Text{DE: "Vorraum", EN: "Prejoin page"}
	case probe.Joining:
		return probe.Text{DE: "Beitritt", EN: "Joining"}
	case probe.Lobby:
		return probe.Text{DE: "Warteraum", EN: "Lobby"}
	case probe.InMeeting:
		return probe.Text{DE: "In der Konferenz", EN: "In the meeting"}
	case probe.Unmuted:
		return probe.Text{DE: "Geräte eingeschaltet", EN: "Devices switched on"}
	case probe.Muted:
		return probe.Text{DE: "Geräte ausgeschaltet", EN: "Devices switched off"}
	case probe.Left:
		return probe.Text{DE: "Nach dem Verlassen", EN: "After leaving"}
	}
	return same(string(p))
}

func failureWord(f probe.Failure) probe.Text {
	switch f {
	case probe.OK:
		return probe.Text{DE: "in Ordnung", EN: "in order"}
	case probe.DNSNXDomain:
		return probe.Text{DE: "Der Name existiert im DNS nicht", EN: "The name does not exist in the DNS"}
	case probe.DNSFailed:
		return probe.Text{DE: "Die Namensauflösung ist gescheitert", EN: "Name resolution did not succeed"}
	case probe.ConnectionRefused:
		return probe.Text{DE: "Verbindung abgelehnt", EN: "Connection refused"}
	case probe.ConnectionReset:
		return probe.Text{DE: "Verbindung zurückgesetzt", EN: "Connection reset"}
	case probe.Unreachable:
		return probe.Text{DE: "Gegenstelle nicht erreichbar", EN: "Host unreachable"}
	case probe.Timeout:
		return probe.Text{DE: "Zeit überschritten", EN: "Time ran out"}
	case probe.TLSAlert:
		return probe.Text{DE: "TLS-Verbindung mit Alarm abgebrochen", EN: "TLS handshake ended with an alert"}
	case probe.TLSVersion:
		return probe.Text{DE: "Keine gemeinsame TLS-Version", EN: "No TLS version in common"}
	case probe.TLSCertificate:
		return probe.Text{DE: "Zertifikat nicht gültig", EN: "Certificate not valid"}
	case probe.HTTPStatus:
		return probe.Text{DE: "HTTP-Fehlerstatus", EN: "HTTP error status"}
	case probe.Blocked:
		return probe.Text{DE: "Zugriff gesperrt", EN: "Access blocked"}
	case probe.NotRecognised:
		return probe.Text{DE: "Konferenzsystem nicht erkannt", EN: "Conference system not recognised"}
	case probe.ConsentWanted:
		return probe.Text{DE: "Eine Einwilligung wird verlangt, die nicht erteilt wurde", EN: "A consent is required that was not given"}
	case probe.LoginWall:
		return probe.Text{DE: "Anmeldung mit Benutzerkonto verlangt", EN: "An account is required"}
	case probe.PasswordWanted:
		return probe.Text{DE: "Kennwort verlangt oder falsch", EN: "Password required or wrong"}
	case probe.Captcha:
		return probe.Text{DE: "Captcha verlangt", EN: "A captcha is required"}
	case probe.BotWall:
		return probe.Text{DE: "Zugang für automatische Browser gesperrt", EN: "Automated browsers are kept out"}
	case probe.NotStarted:
		return probe.Text{DE: "Die Konferenz hat noch nicht begonnen", EN: "The meeting has not started"}
	case probe.LobbyWaiting:
		return probe.Text{DE: "Aus dem Warteraum nicht eingelassen", EN: "Not admitted from the lobby"}
	case probe.Denied:
		return probe.Text{DE: "Zutritt verweigert", EN: "Entry denied"}
	case probe.Full:
		return probe.Text{DE: "Die Konferenz ist voll", EN: "The meeting is full"}
	case probe.Locked:
		return probe.Text{DE: "Die Konferenz ist gesperrt", EN: "The meeting is locked"}
	case probe.Ended:
		return probe.Text{DE: "Die Konferenz ist beendet", EN: "The meeting has ended"}
	case probe.NotJoined:
		return probe.Text{DE: "Der Konferenz nicht beigetreten", EN: "The meeting was not joined"}
	case probe.PageError:
		return probe.Text{DE: "Die Seite ließ sich nicht auswerten", EN: "The page could not be read"}
	case probe.BrowserCrashed:
		return probe.Text{DE: "Der Browser ist abgestürzt", EN: "The browser crashed"}
	case probe.BrowserMissing:
		return probe.Text{DE: "Kein geeigneter Browser vorhanden", EN: "No suitable browser available"}
	case probe.Interrupted:
		return probe.Text{DE: "Die Messung wurde abgebrochen", EN: "The scan was interrupted"}
	case probe.EvidenceUnreadable:
		return probe.Text{DE: "Rohdaten nicht vollständig lesbar", EN: "Raw evidence not readable to its end"}
	case probe.EvidenceNotWritable:
		return probe.Text{DE: "Rohdaten nicht vollständig gespeichert", EN: "Raw evidence not stored completely"}
	case probe.NoMedia:
		return probe.Text{DE: "Keine Medienübertragung zustande gekommen", EN: "No media was exchanged"}
	case probe.OutOfScope:
		return probe.Text{DE: "Nicht gefragt, weil außerhalb des Prüfumfangs", EN: "Not asked, because out of scope"}
	case probe.UnknownFailure:
		return probe.Text{DE: "Unbekannte Ursache", EN: "Unknown cause"}
	}
	return same(string(f))
}

func stateWord(s webrtc.State) probe.Text {
	switch s {
	case webrtc.Off:
		return probe.Text{DE: "Aus", EN: "Off"}
	case webrtc.Preview:
		return probe.Text{DE: "Geöffnet, sendet nicht", EN: "Open, sends nothing"}
	case webrtc.MutedTransmitting:
		return probe.Text{DE: "Sendet Stille oder Schwarzbild", EN: "Sends silence or black"}
	case webrtc.Transmitting:
		return probe.Text{DE: "Sendet", EN: "Sends"}
	case webrtc.Unclear:
		return probe.Text{DE: "Unklar", EN: "Unclear"}
	}
	return same(string(s))
}

func deviceWord(d string) probe.Text {
	switch d {
	case "camera":
		return probe.Text{DE: "Kamera", EN: "Camera"}
	case "microphone":
		return probe.Text{DE: "Mikrofon", EN: "Microphone"}
	case "screen":
		return probe.Text{DE: "Bildschirm", EN: "Screen"}
	}
	return same(d)
}

func partyWord(p tracking.Party) probe.Text {
	switch p {
	case tracking.First:
		return probe.Text{DE: "Betreiber", EN: "Operator"}
	case tracking.Third:
		return probe.Text{DE: "Dritter", EN: "Third party"}
	case tracking.Unclear:
		return probe.Text{DE: "Unklar", EN: "Unclear"}
	case tracking.OwnBrowser:
		return probe.Text{DE: "Prüfbrowser", EN: "Test browser"}
	}
	return same(string(p))
}

func secretWord(s string) probe.Text {
	switch s {
	case "link":
		return probe.Text{DE: "Konferenzlink", EN: "meeting link"}
	case "room":
		return probe.Text{DE: "Raumname", EN: "room name"}
	case "name":
		return probe.Text{DE: "Anzeigename", EN: "display name"}
	case "password":
		return probe.Text{DE: "Kennwort", EN: "password"}
	}
	return same(s)
}

// subjectWord says in words what a subject of the forms that our kinds and
// rules use stands for; any other is given back as it is.
func subjectWord(s string) probe.Text {
	what, rest, _ := strings.Cut(s, ":")
	first, second, _ := strings.Cut(rest, "/")
	switch what {
	case "scan":
		return probe.Text{DE: "Gesamte Messung", EN: "Whole scan"}
	case "target":
		return probe.Text{DE: "Prüfgegenstand", EN: "Target"}
	case "host":
		return same(rest)
	case "participant":
		t := probe.Text{DE: "Teilnehmer " + first, EN: "Participant " + first}
		if second != "" {
			p := phaseWord(probe.Phase(second))
			t = probe.Text{DE: t.DE + ", " + p.DE, EN: t.EN + ", " + p.EN}
		}
		return t
	case "connection":
		return probe.Text{DE: "Verbindung " + second + " von Teilnehmer " + first, EN: "Connection " + second + " of participant " + first}
	case "flow":
		return probe.Text{DE: "Datenstrom zu " + second + ", Teilnehmer " + first, EN: "Flow to " + second + ", participant " + first}
	case "camera", "microphone", "screen":
		return deviceWord(what)
	case "media":
		d := deviceWord(second)
		return probe.Text{DE: d.DE + ", Teilnehmer " + first, EN: d.EN + ", participant " + first}
	}
	return same(s)
}

// kindWord is a heading for the observations of a kind, empty for a kind that
// this package does not know.
func kindWord(kind string) probe.Text {
	name, _, _ := strings.Cut(kind, "/")
	switch name {
	case "scan.target":
		return probe.Text{DE: "Prüfgegenstand", EN: "Target"}
	case "scan.phase":
		return probe.Text{DE: "Phasen", EN: "Phases"}
	case "scan.walk":
		return probe.Text{DE: "Ende der Teilnahme", EN: "Ends of participation"}
	case "scan.observer":
		return probe.Text{DE: "Auswertungen der Rohdaten", EN: "Readings of the raw evidence"}
	case "tls.handshake":
		return probe.Text{DE: "TLS-Verbindungsaufbau", EN: "TLS handshakes"}
	case "tracking.contact":
		return probe.Text{DE: "Kontaktierte Gegenstellen", EN: "Contacted hosts"}
	case "tracking.edge":
		return probe.Text{DE: "Antwortende Knoten", EN: "Answering nodes"}
	case "tracking.listed":
		return probe.Text{DE: "Treffer auf Tracker-Listen", EN: "Hits on lists of trackers"}
	case "tracking.place":
		return probe.Text{DE: "Standorte und Betreiber", EN: "Places and operators"}
	case "tracking.leak":
		return probe.Text{DE: "Weitergegebene Geheimnisse", EN: "Secrets passed on"}
	case "turn.server":
		return probe.Text{DE: "STUN- und TURN-Server", EN: "STUN and TURN servers"}
	case "webrtc.connection":
		return probe.Text{DE: "WebRTC-Verbindungen", EN: "WebRTC connections"}
	case "webrtc.device":
		return probe.Text{DE: "Zustand der Geräte", EN: "States of devices"}
	case "webrtc.flow":
		return probe.Text{DE: "UDP-Datenströme", EN: "UDP flows"}
	}
	return probe.Text{}
}

// same is a text that reads alike in both languages.
func same(s string) probe.Text { return probe.Text{DE: s, EN: s} }

// number writes n with the separators of each language.
func number(n int64) probe.Text {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	groups = append([]string{digits}, groups...)
	return probe.Text{DE: sign + strings.Join(groups, "."), EN: sign + strings.Join(groups, ",")}
}

// decimal writes x with one digit after the point.
func decimal(x float64) probe.Text {
	s := strconv.FormatFloat(x, 'f', 1, 64)
	return probe.Text{DE: strings.Replace(s, ".", ",", 1), EN: s}
}

// size writes a number of bytes in decimal units.
func size(n int64) probe.Text {
	units := []string{"kB", "MB", "GB", "TB"}
	if n < 1000 {
		return same(strconv.FormatInt(n, 10) + " B")
	}
	x, unit := float64(n)/1000, 0
	for x >= 999.95 && unit < len(units)-1 {
		x, unit = x/1000, unit+1
	}
	t := decimal(x)
	return probe.Text{DE: t.DE + " " + units[unit], EN: t.EN + " " + units[unit]}
}

// duration writes a length of time in minutes and seconds.
func duration(d time.Duration) probe.Text {
	if d < 59_950*time.Millisecond {
		t := decimal(d.Seconds())
		return probe.Text{DE: t.DE + " s", EN: t.EN + " s"}
	}
	d = d.Round(time.Second)
	return same(fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second))
}

// day writes the date of t in UTC.
func day(t time.Time) probe.Text {
	if t.IsZero() {
		return same("–")
	}
	t = t.UTC()
	return probe.Text{DE: t.Format("02.01.2006"), EN: t.Format("2 Jan 2006")}
}

// moment writes the date and time of t in UTC, to the second.
func moment(t time.Time) probe.Text {
	if t.IsZero() {
		return same("–")
	}
	d, clock := day(t), t.UTC().Format("15:04:05")
	return probe.Text{DE: d.DE + ", " + clock + " UTC", EN: d.EN + ", " + clock + " UTC"}
}

// cut shortens s to n runes and an ellipsis.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}
