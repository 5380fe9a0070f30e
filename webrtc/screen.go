package webrtc

import "vksprobe/probe"

var _ = Rules.Add(&probe.Rule{
	ID:    "media.screen-before-joining",
	Title: probe.Text{DE: "Vor dem Beitritt wird der Bildschirm nicht geteilt", EN: "Before joining the screen is not shared"},
	Why: probe.Text{
		DE: "Auf dem Bildschirm stehen Nachrichten, Akten und Kennwörter, die niemand in der Konferenz sehen soll.",
		EN: "A screen shows messages, files and passwords that nobody in the meeting is meant to see."},
	Sources:  []probe.Source{guidance(), byDefault()},
	Criteria: []string{"DEF-03"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Die Bildschirmfreigabe nur auf ausdrücklichen Wunsch des Teilnehmers innerhalb der Konferenz anbieten.",
		EN: "Offer screen sharing only inside the meeting and only when a participant asks for it."},
	Needs:  []string{Device.Name},
	Phases: []probe.Phase{probe.Landing, probe.Prejoin},
	Check:  byDevice(screen, probe.Phase.BeforeJoining, beforeJoining),
})
