package webrtc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vksprobe/probe"
)

// A judgement is what one observation of a device means for a rule.
type judgement struct {
	verdict  probe.Verdict
	severity probe.Severity
	text     probe.Text // completes "Participant 1 after joining: …"
}

// byDevice turns the judgements of a device in several phases into one
// finding about the device, the worst first. Without an observation in these
// phases nothing was measured.
func byDevice(device string, applies func(probe.Phase) bool, judge func(DeviceState) judgement) func(*probe.Case) []probe.Finding {
	return func(c *probe.Case) []probe.Finding {
		type line struct {
			judgement
			id          string
			participant int
			phase       probe.Phase
		}
		var all []line
		for o, s := range Device.In(c.Facts) {
			if s.Device == device && applies(o.Phase) {
				all = append(all, line{judge(s), o.ID, s.Participant, o.Phase})
			}
		}
		if len(all) == 0 {
			return []probe.Finding{{Subject: device, Verdict: probe.Unknown, Detail: probe.Text{
				DE: "Der Zustand wurde nicht gemessen.", EN: "The state was not measured."}}}
		}
		slices.SortStableFunc(all, func(a, b line) int {
			return cmp.Or(cmp.Compare(gravity(a.verdict), gravity(b.verdict)), cmp.Compare(weight(a.severity), weight(b.severity)))
		})
		f := probe.Finding{Subject: device, Verdict: all[0].verdict, Severity: all[0].severity}
		var said []probe.Text
		where := map[probe.Text][]probe.Text{} // who and when, by what was said of them
		for _, l := range all {
			f.Observations = append(f.Observations, l.id)
			if l.verdict != all[0].verdict {
				continue
			}
			if where[l.text] == nil {
				said = append(said, l.text)
			}
			at := place(l.phase)
			where[l.text] = append(where[l.text], probe.Text{
				DE: fmt.Sprintf("Teilnehmer %d %s", l.participant, at.DE),
				EN: fmt.Sprintf("Participant %d %s", l.participant, at.EN)})
		}
		var de, en []string
		for _, text := range said[:min(len(said), maxSentences)] {
			d, e := joined(where[text])
			de, en = append(de, d+": "+text.DE), append(en, e+": "+text.EN)
		}
		f.Detail = probe.Text{DE: strings.Join(de, " "), EN: strings.Join(en, " ")}
		return []probe.Finding{f}
	}
}

// joined lists texts with commas between.
func joined(all []probe.Text) (de, en string) {
	var d, e []string
	for _, t := range all {
		d, e = append(d, t.DE), append(e, t.EN)
	}
	return strings.Join(d, ", "), strings.Join(e, ", ")
}

// maxSentences bounds the detail of a finding; all observations are cited.
const maxSentences = 6

// gravity orders verdicts from the worst.
func gravity(v probe.Verdict) int {
	return slices.Index([]probe.Verdict{probe.Fail, probe.Review, probe.Unknown, probe.Pass, probe.NotApplicable}, v)
}

// weight orders severities from the gravest; none stands for the rule's own.
func weight(s probe.Severity) int {
	return slices.Index([]probe.Severity{"", probe.High, probe.Medium, probe.Low, probe.Info}, s)
}

// place names the phases in which devices are judged.
func place(p probe.Phase) probe.Text {
	switch p {
	case probe.Landing:
		return probe.Text{DE: "nach Öffnen des Links", EN: "after opening the link"}
	case probe.Consent:
		return probe.Text{DE: "beim Einwilligungsdialog", EN: "at the consent dialogue"}
	case probe.Prejoin:
		return probe.Text{DE: "auf der Vorschauseite vor dem Beitritt", EN: "on the preview page before joining"}
	case probe.InMeeting:
		return probe.Text{DE: "nach dem Beitritt", EN: "after joining"}
	}
	return probe.Text{DE: string(p), EN: string(p)}
}

// say forms a judgement; {the} in its texts stands for the device, {content}
// for what it sends and {empty} for what it sends while it is off, all in the
// accusative.
func say(device string, v probe.Verdict, s probe.Severity, de, en string) judgement {
	switch device {
	case camera:
		de = strings.NewReplacer("{the}", "die Kamera", "{content}", "Kamerabilder", "{empty}", "schwarze Bilder").Replace(de)
		en = strings.NewReplacer("{the}", "the camera", "{content}", "camera pictures", "{empty}", "black pictures").Replace(en)
	case microphone:
		de = strings.NewReplacer("{the}", "das Mikrofon", "{content}", "Ton", "{empty}", "Stille").Replace(de)
		en = strings.NewReplacer("{the}", "the microphone", "{content}", "sound", "{empty}", "silence").Replace(en)
	case screen:
		de = strings.NewReplacer("{the}", "den Bildschirm", "{content}", "Bildschirminhalte", "{empty}", "schwarze Bilder").Replace(de)
		en = strings.NewReplacer("{the}", "the screen", "{content}", "screen content", "{empty}", "black pictures").Replace(en)
	}
	return judgement{v, s, probe.Text{DE: de, EN: en}}
}

// beforeJoining judges what a device did before the join button was pressed.
func beforeJoining(s DeviceState) judgement {
	packets := max(s.Packets, s.WirePackets)
	switch {
	case s.State == Off && s.Requested > s.Granted && !s.ByUser:
		return say(s.Device, probe.Review, probe.Low,
			"Die Seite verlangte ohne Zutun des Nutzers Zugriff auf {the}; erteilt wurde er nicht. Ob das Gerät bei erteilter Berechtigung eingeschaltet wäre, ist zu prüfen.",
			"The page asked for {the} without any action of the user; access was not granted. Whether the device would be on if permission were given has to be checked.")
	case s.State == Off:
		return say(s.Device, probe.Pass, "",
			"Die Seite griff nicht auf {the} zu.",
			"The page did not open {the}.")
	case s.State == Preview && s.ByUser:
		return say(s.Device, probe.Pass, "",
			"Die Seite griff erst auf {the} zu, nachdem der Nutzer das Bedienelement betätigt hatte; übertragen wurde nichts.",
			"The page opened {the} only after the user had operated its control; nothing was transmitted.")
	case s.State == Preview && s.Enabled:
		return say(s.Device, probe.Fail, probe.Medium,
			"Die Seite griff ohne Zutun des Nutzers auf {the} zu; übertragen wurde nichts.",
			"The page opened {the} without any action of the user; nothing was transmitted.")
	case s.State == Preview:
		return say(s.Device, probe.Review, probe.Low,
			"Die Seite griff ohne Zutun des Nutzers auf {the} zu, hielt die Aufnahme aber abgeschaltet; übertragen wurde nichts.",
			"The page opened {the} without any action of the user, but kept the capture disabled; nothing was transmitted.")
	case s.State == MutedTransmitting:
		return say(s.Device, probe.Review, probe.Medium,
			"Schon vor dem Beitritt bestand eine Medienverbindung; die Seite sendete darüber lediglich {empty}.",
			"There was a media connection before joining; the page sent only {empty} over it.")
	case s.State == Transmitting && s.ByUser:
		return say(s.Device, probe.Review, probe.Medium,
			fmt.Sprintf("Der Nutzer schaltete das Gerät selbst ein; die Seite übertrug jedoch schon vor dem Beitritt {content} (%d Pakete).", packets),
			fmt.Sprintf("The user switched the device on, but the page transmitted {content} even before joining (%d packets).", packets))
	case s.State == Transmitting:
		return say(s.Device, probe.Fail, probe.High,
			fmt.Sprintf("Die Seite übertrug ohne Zutun des Nutzers {content} (%d Pakete).", packets),
			fmt.Sprintf("The page transmitted {content} without any action of the user (%d packets).", packets))
	}
	return unclear(s)
}

// afterJoining judges what a device sent inside the meeting before anything
// was touched. A device that was open in vain is no pass: nobody may have
// asked for its pictures yet.
func afterJoining(s DeviceState) judgement {
	packets := max(s.Packets, s.WirePackets)
	switch {
	case s.State == Off && s.Requested > s.Granted && !s.ByUser:
		return say(s.Device, probe.Review, probe.Low,
			"Die Seite verlangte mit dem Beitritt Zugriff auf {the}; erteilt wurde er nicht. Ob sie bei erteilter Berechtigung sofort übertrüge, ist zu prüfen.",
			"On joining the page asked for {the}; access was not granted. Whether it would transmit at once if permission were given has to be checked.")
	case s.State == Off:
		return say(s.Device, probe.Pass, "",
			"Die Seite griff nicht auf {the} zu und übertrug nichts.",
			"The page did not open {the} and transmitted nothing.")
	case s.State == Preview && s.Enabled && !s.ByUser:
		return say(s.Device, probe.Review, probe.Low,
			"Die Seite hielt ohne Zutun des Nutzers {the} eingeschaltet, übertrug während der Beobachtung aber nichts. Ob sie überträgt, sobald jemand zuhört oder zusieht, ist zu prüfen.",
			"The page kept {the} on without any action of the user, but transmitted nothing while it was observed. Whether it does as soon as somebody listens or watches has to be checked.")
	case s.State == Preview:
		return say(s.Device, probe.Pass, "",
			"Die Seite übertrug nichts; der Zugriff auf {the} bestand, ohne dass aufgenommen wurde oder auf Wunsch des Nutzers.",
			"The page transmitted nothing; {the} was open, but disabled or at the user's wish.")
	case s.State == MutedTransmitting:
		return say(s.Device, probe.Review, probe.Low,
			fmt.Sprintf("Die Seite sendete fortlaufend {empty} (%d Pakete). Inhalte gingen nicht hinaus, das Gerät war jedoch geöffnet und hätte ohne erneute Nachfrage des Browsers eingeschaltet werden können.", packets),
			fmt.Sprintf("The page kept sending {empty} (%d packets). No content left the browser, but the device was open and could have been switched on without the browser asking again.", packets))
	case s.State == Transmitting && s.ByUser:
		return say(s.Device, probe.Pass, "",
			"Die Seite übertrug {content}, nachdem der Nutzer das Gerät eingeschaltet hatte.",
			"The page transmitted {content} after the user had switched the device on.")
	case s.State == Transmitting:
		return say(s.Device, probe.Fail, probe.High,
			fmt.Sprintf("Die Seite übertrug {content}, ohne dass der Nutzer das Gerät eingeschaltet hatte (%d Pakete).", packets),
			fmt.Sprintf("The page transmitted {content} although the user had not switched the device on (%d packets).", packets))
	}
	return unclear(s)
}

// unclear says why nothing can be said.
func unclear(s DeviceState) judgement {
	why := probe.Text{DE: "Eine der Quellen fehlt.", EN: "One of the sources is missing."}
	if len(s.Disagreements) > 0 {
		list := strings.Join(s.Disagreements, "; ")
		why = probe.Text{DE: "Die Quellen widersprechen sich (" + list + ").", EN: "The sources disagree (" + list + ")."}
	}
	return judgement{probe.Unknown, "", probe.Text{DE: "Der Zustand ist nicht eindeutig. " + why.DE, EN: "The state is not clear. " + why.EN}}
}

// guidance is the sentence of the supervisory authority that carries the
// rules about devices.
func guidance() probe.Source {
	return probe.Source{
		Doc:     "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung",
		Edition: "August 2021",
		Section: "Technische Anforderungen an VKS, Data Protection by Default",
		Quote:   "So müssen im Sinne der Datensparsamkeit jedenfalls die Kamera, das Mikrofon und das Teilen des Bildschirms von Teilnehmern vor Eintritt in die Konferenz standardmäßig ausgeschaltet sein.",
	}
}

func byDefault() probe.Source {
	return probe.Source{Doc: "Verordnung (EU) 2016/679 (DS-GVO)", Section: "Art. 25 Abs. 2", URL: "https://eur-lex.europa.eu/eli/reg/2016/679/oj"}
}

func grundschutz() probe.Source {
	return probe.Source{Doc: "BSI Grundschutz++, Anwenderkatalog", Edition: "Juli 2026", Section: "KONF.12.8 Teilnahme per Default ohne Bild und Ton (SOLLTE)"}
}

func inMeeting(p probe.Phase) bool { return p == probe.InMeeting }
