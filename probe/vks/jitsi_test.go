package vks

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestJitsiLinks(t *testing.T) {
	for _, c := range []struct {
		link, clean, overrides string
		serves                 bool
	}{
		{"https://meet.jit.si/Room", "", "", true},
		{"https://video.example.org/Room", "", "", false},
		{"https://video.example.org/Room#config.startWithAudioMuted=true", "https://video.example.org/Room", "config.startWithAudioMuted=true", true},
		{"https://video.example.org/Room?jwt=x.y.z#config.analytics.disabled=true&jwt=a.b&interfaceConfig.APP_NAME=%22X%22", "https://video.example.org/Room?jwt=x.y.z#jwt=a.b", "config.analytics.disabled=true interfaceConfig.APP_NAME=", true},
		{"https://video.example.org/Room#userInfo.displayName=%22Ada%20L%22&config.p2p.enabled=0", "https://video.example.org/Room", "userInfo= config.p2p.enabled=0", true},
		{"https://video.example.org/Room#userInfo.email=ada@example.org", "https://video.example.org/Room", "userInfo=", false},
		{"https://video.example.org/Room#configuration=1", "", "", false},
		{"https://video.example.org/#/join/config.x", "", "", false},
	} {
		link, err := url.Parse(c.link)
		if err != nil {
			t.Fatal(err)
		}
		if got := Jitsi.Serves(link); got != c.serves {
			t.Errorf("%s: serves is %v", c.link, got)
		}
		clean, overrides := Jitsi.Clean(link)
		var words []string
		for _, o := range overrides {
			words = append(words, o.Key+"="+o.Value)
		}
		if c.clean == "" {
			c.clean = c.link
		}
		if clean.String() != c.clean || strings.Join(words, " ") != c.overrides {
			t.Errorf("%s: becomes %s without %q, want %s without %q", c.link, clean, words, c.clean, c.overrides)
		}
		if link.String() != c.link {
			t.Errorf("%s was changed to %s", c.link, link)
		}
	}
}

// declarations lists what was declared of one setting.
func declarations(r Reading, s Setting) string {
	var all []string
	for _, d := range r.Declared {
		if d.Setting == s {
			all = append(all, d.Value+" ("+string(d.Origin)+" "+d.Key+")")
		}
	}
	return strings.Join(all, ", ")
}

func TestJitsiDeclares(t *testing.T) {
	for _, c := range []struct {
		name, probe string
		want        map[Setting]string
	}{
		{"nothing is configured", `{"config":{"hosts":{"domain":"x"}},"effective":{}}`, map[Setting]string{
			STUNServer:     "stun:meet-jit-si-turnrelay.jitsi.net:443 (library p2p.stunServers)",
			MicrophoneOff:  "false (default startWithAudioMuted)",
			CameraOff:      "false (default startWithVideoMuted)",
			Analytics:      "false (configured analytics)",
			PrejoinPage:    "true (default prejoinConfig.enabled)",
			LocalRecording: "true (default localRecording.disable)",
			EndToEnd:       "true (default e2ee.disabled)",
			Gravatar:       "true (default gravatar.disabled)",
			AvatarTarget:   "https://www.gravatar.com/avatar/ (default gravatar.baseUrl)",
		}},
		{"STUN servers of the operator", `{"config":{"p2p":{"enabled":true,"stunServers":[{"urls":"stun:stun.example.org:443"},{"urls":["stun:a","stun:b"]}]}}}`, map[Setting]string{
			STUNServer: "stun:a (configured p2p.stunServers), stun:b (configured p2p.stunServers), stun:stun.example.org:443 (configured p2p.stunServers)",
			PeerToPeer: "true (configured p2p.enabled)",
		}},
		{"no STUN server is a choice, too", `{"config":{"p2p":{"stunServers":[]}}}`, map[Setting]string{STUNServer: ""}},
		{"analytics", `{"config":{"analytics":{"matomoEndpoint":"https://m.example/","scriptURLs":["https://s.example/x.js"],"rtcstatsEnabled":true,"rtcstatsEndpoint":"wss://r.example"}}}`, map[Setting]string{
			Analytics:       "true (configured analytics)",
			AnalyticsTarget: "https://m.example/ (configured analytics.matomoEndpoint), https://s.example/x.js (configured analytics.scriptURLs)",
			RTCStats:        "true (configured analytics.rtcstatsEnabled)", RTCStatsTarget: "wss://r.example (configured analytics.rtcstatsEndpoint)",
		}},
		{"analytics that are off", `{"config":{"analytics":{"disabled":true,"matomoEndpoint":"https://m.example/"}}}`, map[Setting]string{Analytics: "false (configured analytics)"}},
		{"old names", `{"config":{"prejoinPageEnabled":false,"fileRecordingsEnabled":true,"liveStreamingEnabled":true,"transcribingEnabled":true,"autoKnockLobby":true}}`, map[Setting]string{
			PrejoinPage: "false (configured prejoinPageEnabled)", Recording: "true (configured fileRecordingsEnabled)", LiveStreaming: "true (configured liveStreamingEnabled)",
			Transcription: "true (configured transcribingEnabled)", LobbyKnock: "true (configured autoKnockLobby)"}},
		{"what the client adds is not the operator's", `{"config":{"hosts":{}},"effective":{"prejoinConfig":{"enabled":true}}}`, map[Setting]string{PrejoinPage: "true (default prejoinConfig.enabled)"}},
		{"what the room says", `{"config":{},"conference":{"joined":true,"startAudioMutedPolicy":true}}`, map[Setting]string{MicrophoneOff: "false (default startWithAudioMuted), true (server startAudioMutedPolicy)"}},
		{"no Jitsi at all", `{"config":null}`, map[Setting]string{MicrophoneOff: "", STUNServer: ""}},
		{"of another shape", `{"config":[1,2],"effective":"x","conference":7}`, map[Setting]string{MicrophoneOff: "", STUNServer: ""}},
	} {
		r := Jitsi.Read(json.RawMessage(c.probe))
		for setting, want := range c.want {
			if got := declarations(r, setting); got != want {
				t.Errorf("%s: %s is declared as %q, want %q", c.name, setting, got, want)
			}
		}
	}
}

func TestBigBlueButtonLinks(t *testing.T) {
	for _, c := range []struct {
		link, clean, overrides string
		serves                 bool
	}{
		{"https://bbb.example.org/rooms/abc-def-ghi-jkl/join", "", "", true},
		{"https://bbb.example.org/b/ada-abc-def", "", "", true},
		{"https://bbb.example.org/gl/ada-abc-def-ghi", "", "", true},
		{"https://example.org/b/blog", "", "", false},
		{"https://example.org/rooms/1", "", "", false},
		{"https://bbb.example.org/rooms/abc-def-ghi-jkl/join?viewerCode=1&joinFormName=Eve", "https://bbb.example.org/rooms/abc-def-ghi-jkl/join?viewerCode=1", "joinFormName=", true},
		{"https://bbb.example.org/bigbluebutton/api/join?meetingID=1&userdata-bbb_skip_check_audio=true&checksum=x", "", "userdata-bbb_skip_check_audio=true", true},
	} {
		link, _ := url.Parse(c.link)
		if got := BigBlueButton.Serves(link); got != c.serves {
			t.Errorf("%s: serves is %v", c.link, got)
		}
		clean, overrides := BigBlueButton.Clean(link)
		var words []string
		for _, o := range overrides {
			words = append(words, o.Key+"="+o.Value)
		}
		if c.clean == "" {
			c.clean = c.link
		}
		if clean.String() != c.clean || strings.Join(words, " ") != c.overrides {
			t.Errorf("%s: becomes %s without %q, want %s without %q", c.link, clean, words, c.clean, c.overrides)
		}
	}
}

func TestBigBlueButtonRefusals(t *testing.T) {
	for key, want := range map[string]State{"maxParticipantsReached": Full, "guestDeny": Denied, "meetingForciblyEnded": Ended, "invalidPassword": Password, "checksumError": Failed} {
		v := view("")
		v.Probe, _ = json.Marshal(map[string]any{"errors": []string{key}})
		if got := BigBlueButton.State(v, Guest{}); got != want {
			t.Errorf("%s is seen as %s, want %s", key, got, want)
		}
	}
}

func TestBigBlueButtonFrames(t *testing.T) {
	for _, c := range []struct {
		payload  string
		found    bool
		record   string
		muted    string
		recorded string
	}{
		{`{"type":"next","payload":{"data":{"meeting":[{"recordingPolicies":{"record":true},"voiceSettings":{"muteOnStart":false}}]}}}`, true, "true (server disableRecordingDefault)", "false (server muteOnStart)", ""},
		{`{"type":"next","payload":{"data":{"meeting_recording_stream":[{"isRecording":false},{"isRecording":true}]}}}`, true, "", "", "true"},
		{`{"type":"ka"}`, false, "", "", ""},
		{`"recordingPolicies"`, false, "", "", ""},
		{`{"recordingPolicies":{"record":[1]},"x":"isRecording"`, false, "", "", ""},
		{strings.Repeat(`[`, 9000) + `{"voiceSettings":{}}` + strings.Repeat(`]`, 9000), false, "", "", ""},
	} {
		r, found := BigBlueButton.Frame(c.payload)
		recorded := ""
		if r.Meeting != nil {
			recorded = map[bool]string{true: "true", false: "false"}[*r.Meeting.Recording]
		}
		if found != c.found || declarations(r, Recording) != c.record || declarations(r, MicrophoneOff) != c.muted || recorded != c.recorded {
			t.Errorf("%.80s: %v %+v", c.payload, found, r)
		}
	}
}

// FuzzPages feeds hostile pages to all adapters: nothing that a page answers
// may stop one, and what is kept of it is bounded.
func FuzzPages(f *testing.F) {
	files, _ := filepath.Glob("testdata/scenes/*.en.jsonl")
	for _, name := range files[:min(len(files), 3)] {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		line, _, _ := strings.Cut(string(b), "\n")
		var r struct {
			View struct {
				Text  string
				Probe json.RawMessage
			}
		}
		if json.Unmarshal([]byte(line), &r) == nil {
			f.Add(r.View.Text, []byte(r.View.Probe), "")
		}
	}
	f.Add("Join", []byte(`{"config":{"p2p":{"stunServers":[{"urls":[{}]},7,null]}},"hangup":{"label":""},"settings":{"app":[]},"errors":[""]}`), `{"recordingPolicies":{"record":{}}}`)
	f.Fuzz(func(t *testing.T, text string, raw []byte, frame string) {
		v := view(text, "input:text Name", "button Join", "button Leave")
		v.Probe = raw
		for _, a := range []*Adapter{Jitsi, BigBlueButton, Janus, Demo, Generic} {
			s := a.State(v, Guest{Name: "Ada"})
			if !slices.Contains(States(), s) {
				t.Errorf("%s: %q is no state", a.System, s)
			}
			a.Next(v, s, Guest{Name: "Ada"})
			a.Leave(v)
			var readings []Reading
			if a.Read != nil {
				readings = append(readings, a.Read(raw))
			}
			if a.Frame != nil {
				r, _ := a.Frame(frame)
				readings = append(readings, r)
			}
			for _, r := range readings {
				for _, d := range r.Declared {
					if len(d.Value) > maxValue || d.Value == "" {
						t.Errorf("%s declares %d bytes for %s", a.System, len(d.Value), d.Setting)
					}
				}
			}
		}
		Recognise([]*Adapter{Jitsi, BigBlueButton}, v)
	})
}
