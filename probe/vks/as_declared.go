package vks

import (
	"fmt"
	"slices"

	"vksprobe/probe"
	"vksprobe/webrtc"
)

// Rules are the rules of this package: those that hold what a client declares
// against what was measured.
var Rules probe.Set

var _ = Rules.Add(&probe.Rule{
	ID:    "vks.devices-as-declared",
	Title: probe.Text{DE: "Kamera und Mikrofon sind beim Beitritt so ausgeschaltet, wie es die Einstellungen besagen", EN: "On joining, camera and microphone are off as the settings say"},
	Why: probe.Text{
		DE: "Wer die Voreinstellung prüft und „stummgeschaltet“ liest, verlässt sich darauf. Überträgt das Gerät trotzdem, ist die Einstellung wirkungslos, und niemand merkt es.",
		EN: "Who checks the defaults and reads “muted” relies on it. If the device transmits all the same, the setting has no effect, and nobody notices."},
	Sources: []probe.Source{
		{Doc: "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung", Edition: "August 2021", Section: "Technische Anforderungen an VKS, Data Protection by Default",
			Quote: "So müssen im Sinne der Datensparsamkeit jedenfalls die Kamera, das Mikrofon und das Teilen des Bildschirms von Teilnehmern vor Eintritt in die Konferenz standardmäßig ausgeschaltet sein."},
		{Doc: "Verordnung (EU) 2016/679 (DS-GVO)", Section: "Art. 25 Abs. 2", URL: "https://eur-lex.europa.eu/eli/reg/2016/679/oj"},
	},
	Criteria: []string{"DEF-01", "DEF-02"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Feststellen, was die Einstellung außer Kraft setzt: eine zweite Konfigurationsdatei, ein Parameter im Einladungslink, eine Erweiterung oder eine ältere Fassung, die den Schlüssel nicht kennt (Jitsi: config.js, startWithAudioMuted und startWithVideoMuted; BigBlueButton: bbb-web.properties, muteOnStart). Danach erneut messen.",
		EN: "Find out what overrides the setting: a second configuration file, a parameter of the invitation link, an extension, or an older version that does not know the key (Jitsi: config.js, startWithAudioMuted and startWithVideoMuted; BigBlueButton: bbb-web.properties, muteOnStart). Then measure again."},
	Needs:  []string{probe.TargetFact.Name},
	Phases: []probe.Phase{probe.InMeeting},
	Check: func(c *probe.Case) []probe.Finding {
		return slices.Concat(asDeclared(c, MicrophoneOff, "microphone", probe.Text{DE: "das Mikrofon", EN: "the microphone"}),
			asDeclared(c, CameraOff, "camera", probe.Text{DE: "die Kamera", EN: "the camera"}))
	},
})

// asDeclared holds the promise that a device is off against the device. Where
// nothing is promised there is nothing to hold.
func asDeclared(c *probe.Case, setting Setting, device string, name probe.Text) []probe.Finding {
	var promise probe.Observation
	var key string
	for o, d := range Declared.In(c.Facts) {
		if d.Setting == setting && d.Value == "true" {
			promise, key = o, d.Key
			break
		}
	}
	if promise.ID == "" {
		return nil
	}
	f := probe.Finding{Subject: device, Observations: []string{promise.ID}}
	var against, unclear, agree []string
	var packets int64
	for o, s := range webrtc.Device.In(c.Facts) {
		if s.Device != device || o.Phase != probe.InMeeting || s.ByUser {
			continue
		}
		switch s.State {
		case webrtc.Transmitting:
			against, packets = append(against, o.ID), packets+s.Packets
		case webrtc.Unclear:
			unclear = append(unclear, o.ID)
		default:
			agree = append(agree, o.ID)
		}
	}
	switch {
	case len(against) > 0:
		f.Verdict, f.Observations = probe.Fail, append(f.Observations, against...)
		f.Detail = probe.Text{
			DE: fmt.Sprintf("Die Einstellung %s besagt, dass %s beim Beitritt ausgeschaltet ist; gemessen wurde, dass gleich nach dem Beitritt übertragen wird (%d RTP-Pakete), ohne dass jemand das Gerät eingeschaltet hätte.", key, name.DE, packets),
			EN: fmt.Sprintf("The setting %s says that %s is off on joining; what was measured is that it transmits right after joining (%d RTP packets) without anybody having switched it on.", key, name.EN, packets)}
	case len(unclear) > 0 || len(agree) == 0:
		f.Verdict, f.Observations = probe.Unknown, append(f.Observations, unclear...)
		f.Detail = probe.Text{
			DE: fmt.Sprintf("Die Einstellung %s besagt, dass %s beim Beitritt ausgeschaltet ist; ob es stimmt, war nicht zu messen.", key, name.DE),
			EN: fmt.Sprintf("The setting %s says that %s is off on joining; whether that is true could not be measured.", key, name.EN)}
	default:
		f.Verdict, f.Observations = probe.Pass, append(f.Observations, agree...)
		f.Detail = probe.Text{
			DE: fmt.Sprintf("Die Einstellung %s besagt, dass %s beim Beitritt ausgeschaltet ist, und so war es auch.", key, name.DE),
			EN: fmt.Sprintf("The setting %s says that %s is off on joining, and so it was.", key, name.EN)}
	}
	return []probe.Finding{f}
}
