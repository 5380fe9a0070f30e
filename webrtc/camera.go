package webrtc

import "vksprobe/probe"

var _ = Rules.Add(&probe.Rule{
	ID:    "media.camera-before-joining",
	Title: probe.Text{DE: "Vor dem Beitritt ist die Kamera ausgeschaltet", EN: "Before joining the camera is off"},
	Why: probe.Text{
		DE: "Wer einen Link öffnet, rechnet nicht damit, schon gefilmt zu werden. Kleidung, Wohnung und Mitbewohner gehen die Konferenz nichts an, bevor man sich für ein Bild entschieden hat.",
		EN: "Who opens a link does not expect to be filmed yet. Clothes, home and family are none of the meeting's business before one has decided to show them."},
	Sources:  []probe.Source{guidance(), byDefault(), grundschutz()},
	Criteria: []string{"DEF-01"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Die Kamera in der Voreinstellung ausschalten (bei Jitsi etwa startWithVideoMuted, bei BigBlueButton autoShareWebcam=false und keine automatische Vorschau) und erst auf Knopfdruck öffnen.",
		EN: "Switch the camera off by default (for Jitsi startWithVideoMuted, for BigBlueButton autoShareWebcam=false and no automatic preview) and open it only at the press of a button."},
	Needs:  []string{Device.Name},
	Phases: []probe.Phase{probe.Landing, probe.Prejoin},
	Check:  byDevice(camera, probe.Phase.BeforeJoining, beforeJoining),
})

var _ = Rules.Add(&probe.Rule{
	ID:    "media.camera-after-joining",
	Title: probe.Text{DE: "Nach dem Beitritt überträgt die Kamera erst, wenn der Nutzer sie einschaltet", EN: "After joining the camera transmits only when the user switches it on"},
	Why: probe.Text{
		DE: "Ein Bild, das mit dem Beitritt von selbst hinausgeht, lässt sich nicht zurückholen; es kann gesehen, fotografiert oder aufgezeichnet worden sein.",
		EN: "A picture that leaves by itself on joining cannot be called back; it may have been seen, photographed or recorded."},
	Sources:  []probe.Source{guidance(), byDefault(), grundschutz()},
	Criteria: []string{"DEF-01", "DEF-05"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "In den Voreinstellungen der Konferenz festlegen, dass Teilnehmer mit ausgeschalteter Kamera beitreten.",
		EN: "Set the meeting's defaults so that participants join with the camera off."},
	Needs:  []string{Device.Name},
	Phases: []probe.Phase{probe.InMeeting},
	Check:  byDevice(camera, inMeeting, afterJoining),
})
