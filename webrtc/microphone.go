package webrtc

import "vksprobe/probe"

var _ = Rules.Add(&probe.Rule{
	ID:    "media.microphone-before-joining",
	Title: probe.Text{DE: "Vor dem Beitritt ist das Mikrofon ausgeschaltet", EN: "Before joining the microphone is off"},
	Why: probe.Text{
		DE: "Vor dem Beitritt wird gesprochen, ohne dass es für die Konferenz bestimmt ist. Ein offenes Mikrofon nimmt auch auf, was Dritte im Raum sagen.",
		EN: "Before joining people talk without meaning the meeting. An open microphone also picks up what others in the room say."},
	Sources:  []probe.Source{guidance(), byDefault(), grundschutz()},
	Criteria: []string{"DEF-02"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Das Mikrofon in der Voreinstellung ausschalten (bei Jitsi etwa startWithAudioMuted, bei BigBlueButton autoJoin=false) und erst auf Knopfdruck öffnen.",
		EN: "Switch the microphone off by default (for Jitsi startWithAudioMuted, for BigBlueButton autoJoin=false) and open it only at the press of a button."},
	Needs:  []string{Device.Name},
	Phases: []probe.Phase{probe.Landing, probe.Prejoin},
	Check:  byDevice(microphone, probe.Phase.BeforeJoining, beforeJoining),
})

var _ = Rules.Add(&probe.Rule{
	ID:    "media.microphone-after-joining",
	Title: probe.Text{DE: "Nach dem Beitritt überträgt das Mikrofon erst, wenn der Nutzer es einschaltet", EN: "After joining the microphone transmits only when the user switches it on"},
	Why: probe.Text{
		DE: "Wer beitritt, muss selbst bestimmen, ab wann er zu hören ist. Was vorher gesagt wurde, hören sonst alle Teilnehmer und womöglich eine Aufzeichnung mit.",
		EN: "Who joins must decide from when on he can be heard. Otherwise all participants, and perhaps a recording, hear what was said before."},
	Sources:  []probe.Source{guidance(), byDefault(), grundschutz()},
	Criteria: []string{"DEF-02", "DEF-05"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "In den Voreinstellungen der Konferenz festlegen, dass Teilnehmer stummgeschaltet beitreten (bei BigBlueButton muteOnStart, bei Jitsi startWithAudioMuted).",
		EN: "Set the meeting's defaults so that participants join muted (for BigBlueButton muteOnStart, for Jitsi startWithAudioMuted)."},
	Needs:  []string{Device.Name},
	Phases: []probe.Phase{probe.InMeeting},
	Check:  byDevice(microphone, inMeeting, afterJoining),
})
