package vks

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"vksprobe/probe"
)

// observed runs the observer over made notes and messages.
func observed(t *testing.T, notes, messages string) []probe.Observation {
	t.Helper()
	at := func(s int) time.Time { return time.Date(2026, 11, 23, 12, 0, s, 0, time.UTC) }
	rec := &probe.Record{
		Files:   fstest.MapFS{"p1/vks.jsonl": {Data: []byte(notes)}, "p1/cdp.jsonl": {Data: []byte(messages)}},
		Digests: map[string]string{"p1/vks.jsonl": "ab", "p1/cdp.jsonl": "cd"},
		Timeline: probe.Timeline{{Time: at(0), Participant: 1, Phase: probe.Landing}, {Time: at(10), Participant: 1, Phase: probe.Prejoin},
			{Time: at(20), Participant: 1, Phase: probe.InMeeting}, {Time: at(30), Participant: 1, End: probe.OK}},
	}
	var all []probe.Observation
	if err := Observer([]*Adapter{Jitsi, BigBlueButton}).Observe(t.Context(), rec, func(o probe.Observation) { all = append(all, o) }); err != nil {
		t.Fatal(err)
	}
	return all
}

// told writes observations as "kind subject phase failure data".
func told(all []probe.Observation) string {
	var lines []string
	for _, o := range all {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s @%s", strings.TrimSuffix(o.Kind, "/v1"), o.Subject, o.Phase, o.Failure, o.Data, o.Evidence[0].At)))
	}
	return strings.Join(lines, "\n")
}

func TestObserver(t *testing.T) {
	note := func(second int, rest string) string {
		return fmt.Sprintf(`{"t":"2026-11-23T12:00:%02dZ",%s}`+"\n", second, rest)
	}
	got := told(observed(t,
		note(1, `"system":"jitsi","overrides":[{"key":"config.p2p.enabled","value":"false"}],"cleaned":true`)+
			note(2, `"system":"jitsi","state":"unrecognised","probe":null`)+
			note(11, `"system":"jitsi","state":"prejoin"`)+
			note(12, `"system":"jitsi","state":"prejoin"`)+
			"not JSON\n"+
			note(13, `"system":"jitsi","state":"no such state"`)+
			note(21, `"system":"jitsi","state":"in_meeting","probe":{"store":true,"conference":{"joined":true},"participants":2,"role":"moderator","audioMuted":false,"videoMuted":4,"version":{"meet":"9364.1"}}`)+
			note(22, `"system":"jitsi","state":"ended"`)+
			`{"t":"2026-11-23T12:00:23Z","system":"jit`, ""))
	want := strings.Join([]string{
		`vks.link participant:1 landing  {"overrides":[{"key":"config.p2p.enabled","value":"false"}],"cleaned":true} @line=1`,
		`vks.system participant:1 landing  {"system":"jitsi"} @line=1`,
		`vks.state participant:1 landing  {"system":"jitsi","state":"unrecognised"} @line=2`,
		`vks.state participant:1 prejoin  {"system":"jitsi","state":"prejoin"} @line=3`,
		`vks.state participant:1 in_meeting  {"system":"jitsi","state":"in_meeting"} @line=7`,
		`vks.state participant:1 in_meeting ended {"system":"jitsi","state":"ended"} @line=8`,
	}, "\n")
	if got != want {
		t.Errorf("observed\n%s\nwant\n%s", got, want)
	}
}

func TestObserverReads(t *testing.T) {
	note := `{"t":"2026-11-23T12:00:21Z","system":"jitsi","state":"in_meeting","probe":{"store":true,"conference":{"joined":true},"config":{"startWithAudioMuted":true},"participants":2,"role":"moderator","audioMuted":false,"videoMuted":4,"version":{"meet":"9364.1"}}}` + "\n"
	later := strings.Replace(note, "12:00:21", "12:00:25", 1)
	changed := strings.Replace(strings.Replace(note, "12:00:21", "12:00:26", 1), `"startWithAudioMuted":true`, `"startWithAudioMuted":false`, 1)
	facts := probe.NewFacts(observed(t, note+later+changed, ""))
	var values []string
	for o, d := range Declared.In(facts) {
		if d.Setting == MicrophoneOff {
			values = append(values, d.Value+" "+o.Evidence[0].At)
		}
	}
	if got := strings.Join(values, ", "); got != "true line=1, false line=3" {
		t.Errorf("microphone_off is declared as %s, once per value", got)
	}
	n := 0
	for _, m := range Inside.In(facts) {
		n++
		if m.Role != "moderator" || m.Participants != 2 || *m.MicrophoneOff || !*m.CameraOff || *m.Recording {
			t.Errorf("inside: %+v", m)
		}
	}
	if n != 1 {
		t.Errorf("%d observations of the meeting, want one", n)
	}
	for _, p := range System.In(facts) {
		if p.Version != "9364.1" {
			t.Errorf("version %q", p.Version)
		}
	}
}

func TestObserverReadsFrames(t *testing.T) {
	frame := func(opcode int, direction, payload string) string {
		return fmt.Sprintf(`{"t":"2026-11-23T12:00:22Z","d":"<","m":"Network.webSocketFrame%s","p":{"response":{"opcode":%d,"payloadData":%q}}}`+"\n", direction, opcode, payload)
	}
	const server = `{"payload":{"data":{"meeting":[{"recordingPolicies":{"record":true}}]}}}`
	messages := frame(1, "Sent", server) + frame(2, "Received", server) + "x\n" + frame(1, "Received", server) + frame(1, "Received", `{"payload":{"data":{"r":[{"isRecording":true}]}}}`)
	facts := probe.NewFacts(observed(t, `{"t":"2026-11-23T12:00:21Z","system":"bigbluebutton","state":"in_meeting"}`+"\n", messages))
	var got []string
	for o, d := range Declared.In(facts) {
		got = append(got, fmt.Sprintf("%s=%s %s %s %s", d.Setting, d.Value, d.Origin, o.Phase, o.Evidence[0].Path+" "+o.Evidence[0].At))
	}
	if want := "recording=true server in_meeting evidence/p1/cdp.jsonl line=4"; strings.Join(got, "\n") != want {
		t.Errorf("declared %q, want %q", got, want)
	}
	n := 0
	for o, m := range Inside.In(facts) {
		n++
		if !*m.Recording || o.Evidence[0].At != "line=5" {
			t.Errorf("%+v %+v", o, m)
		}
	}
	if n != 1 {
		t.Errorf("%d observations of the meeting", n)
	}
	// frames of a system that has none are not read
	facts = probe.NewFacts(observed(t, `{"t":"2026-11-23T12:00:21Z","system":"jitsi","state":"in_meeting"}`+"\n", messages))
	for _, d := range Declared.In(facts) {
		t.Errorf("%s was read for jitsi", d.Setting)
	}
}

// TestObserverIsBounded gives it more than it may say.
func TestObserverIsBounded(t *testing.T) {
	var notes strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&notes, `{"t":"2026-11-23T12:00:21Z","system":"jitsi","state":"in_meeting","probe":{"config":{"p2p":{"stunServers":[{"urls":["stun:%d","stun:a%d","stun:b%d"]}]}}}}`+"\n", i, i, i)
	}
	if n := len(observed(t, notes.String(), "")); n > maxObservations {
		t.Errorf("%d observations", n)
	}
}
