package webrtc

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe"
	"vksprobe/probe/netlog"
)

// A story is synthetic evidence of one participant: prejoin from second 0,
// joining at 10, in the meeting from 12 to 30.
type story struct {
	timeline             probe.Timeline
	hook, internals, cdp []string
	n                    map[string]int
	packets              []*netlog.Datagram
	without              string // a file that is missing
	base                 int    // packets sent before the next statistics
}

func newStory() *story {
	s := &story{n: map[string]int{}}
	for _, p := range []struct {
		at    float64
		phase probe.Phase
	}{{0, probe.Prejoin}, {10, probe.Joining}, {12, probe.InMeeting}} {
		s.timeline = append(s.timeline, probe.Mark{Time: when(p.at), Participant: 1, Phase: p.phase})
	}
	s.timeline = append(s.timeline, probe.Mark{Time: when(30), Participant: 1, End: probe.OK})
	s.page(0, "A", "hook.installed", nil)
	return s
}

func when(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

// page adds an event of a world; worlds in the same session are told apart by
// their second letter.
func (s *story) page(at float64, world, kind string, data any) {
	s.n[world]++
	b, err := json.Marshal(map[string]any{"t": when(at), "s": world[:1], "target": "page", "url": "",
		"e": map[string]any{"n": s.n[world], "t": 0, "k": kind, "u": "https://meet.example/" + world, "d": data}})
	if err != nil {
		panic(err)
	}
	s.hook = append(s.hook, string(b))
}

func (s *story) browser(at float64, name string, arg map[string]any) {
	b, err := json.Marshal(map[string]any{"t": when(at), "c": []any{name, arg}})
	if err != nil {
		panic(err)
	}
	s.internals = append(s.internals, string(b))
}

func (s *story) act(at float64, action string) {
	m := probe.Mark{Time: when(at), Participant: 1, Action: action}
	i := 0
	for i < len(s.timeline) && !s.timeline[i].Time.After(m.Time) {
		i++
	}
	s.timeline = append(s.timeline[:i:i], append(probe.Timeline{m}, s.timeline[i:]...)...)
}

type object = map[string]any

// capture is a call for a device that succeeds in both sources.
func (s *story) capture(at float64, world, kind, track string) {
	s.page(at, world, "gum", object{"c": s.n[world], "o": "o1", "a": object{kind: true}})
	s.page(at+0.1, world, "gum=", object{"c": s.n[world] - 1, "r": object{"tracks": []object{tracks(track, kind)}}})
	s.internalsCapture(at, kind, track)
}

func (s *story) internalsCapture(at float64, kind, track string) {
	id := len(s.internals)
	s.browser(at, "add-media", object{"rid": 1, "request_id": id, "request_type": "getUserMedia", kind: ""})
	s.browser(at+0.1, "update-media", object{"rid": 1, "request_id": id, "request_type": "getUserMedia", kind + "_track_info": fmt.Sprintf(`{"id":%q}`, track)})
}

func tracks(id, kind string) object {
	return object{"o": "o-" + id, "id": id, "kind": kind, "enabled": true, "rs": "live"}
}

// connection makes a connection with a sender that has the track.
func (s *story) connection(at float64, track, kind string) {
	s.page(at, "A", "pc.new", object{"o": "pc1", "cfg": object{}})
	s.page(at, "A", "pc.addTrack", object{"o": "pc1", "snd": "snd1", "t": tracks(track, kind)})
	s.page(at, "A", "pc.setLocalDescription", object{"c": 900, "o": "pc1"})
	s.page(at, "A", "pc.setLocalDescription=", object{"c": 900, "r": object{"sdp": sdp}})
	s.page(at, "A", "pc.state", object{"o": "pc1", "s": "connectionState", "v": "connected"})
	s.browser(at, "add-peer-connection", object{"rid": 1, "lid": 1, "rtcConfiguration": "{}"})
	s.browser(at, "update-peer-connection", object{"rid": 1, "lid": 1, "type": "setLocalDescriptionOnSuccess", "value": fmt.Sprintf(`{"sdp":%q}`, sdp)})
	s.packets = append(s.packets, check(at))
}

const sdp = "v=0\r\nm=audio 9 x 111\r\na=ice-ufrag:mine\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=ssrc:11 cname:x\r\nm=video 9 x 96\r\na=ssrc-group:FID 12 13\r\na=ssrc:12 cname:x\r\na=ssrc:13 cname:x\r\n"

// statistics are readings of both sources each second; each adds to packets
// and bytes.
func (s *story) statistics(from, to int, kind, track string, packets, bytes, frames int, energy float64) {
	ssrc := 11
	if kind == "video" {
		ssrc = 12
	}
	for i := range to - from + 1 {
		at := float64(from+i) + 0.5
		all := []object{
			{"id": "O" + kind, "type": "outbound-rtp", "kind": kind, "ssrc": ssrc, "mediaSourceId": "S" + kind, "packetsSent": s.base + packets*i, "bytesSent": 50*s.base + bytes*i, "framesSent": frames * i},
			{"id": "S" + kind, "type": "media-source", "kind": kind, "trackIdentifier": track, "totalAudioEnergy": energy * float64(i)},
			{"id": "T", "type": "transport", "dtlsState": "connected", "tlsVersion": "FEFD"},
		}
		s.page(at, "A", "pc.stats", object{"o": "pc1", "why": "poll", "s": all})
		var reports [][]any
		for _, r := range all {
			reports = append(reports, []any{r["id"], r})
		}
		s.browser(at, "add-standard-stats", object{"rid": 1, "lid": 1, "reports": reports})
	}
}

// wire sends a packet ten times each second.
func (s *story) wire(t *testing.T, from, to float64, ssrc uint32, level int) {
	for i := range int((to-from)*10 + 0.5) {
		s.packets = append(s.packets, at(from+float64(i)/10, true, rtpPacket(t, ssrc, level, 40)))
	}
}

// observe derives the devices and returns those of one phase.
func (s *story) observe(t *testing.T, phase probe.Phase) map[string]DeviceState {
	t.Helper()
	files := fstest.MapFS{}
	for name, lines := range map[string][]string{"hook": s.hook, "internals": s.internals, "cdp": s.cdp} {
		if name != s.without {
			files["p1/"+name+".jsonl"] = &fstest.MapFile{Data: []byte(strings.Join(lines, "\n") + "\n")}
		}
	}
	rec := &probe.Record{Files: files, Timeline: s.timeline}
	hook, err := readHook(context.Background(), rec, 1)
	if err != nil {
		t.Fatal(err)
	}
	internals, err := readInternals(context.Background(), rec, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := packetsOf()
	if p.Found = s.without != "packets"; p.Found {
		p = packetsOf(s.packets...)
		p.Found = true
	}
	var all []probe.Observation
	devices{rec: rec, participant: 1, hook: hook, internals: internals, packets: p, peers: merge(hook, internals, p)}.observe(
		func(o probe.Observation) { all = append(all, o) })
	out := map[string]DeviceState{}
	for o, d := range Device.In(probe.NewFacts(all)) {
		if o.Phase == phase {
			out[d.Device] = d
		}
	}
	return out
}

func TestDevice(t *testing.T) {
	type result struct {
		State         State
		ByUser        bool
		Requested     int
		Granted       int
		Disagreements string
	}
	for name, c := range map[string]struct {
		tell   func(*testing.T, *story)
		phase  probe.Phase
		device string
		want   result
	}{
		"never asked for": {func(t *testing.T, s *story) {}, probe.Prejoin, camera, result{State: Off}},
		"opened by the page": {func(t *testing.T, s *story) { s.capture(1, "A", "video", "v") },
			probe.Prejoin, camera, result{State: Preview, Requested: 1, Granted: 1}},
		"the other device stays off": {func(t *testing.T, s *story) { s.capture(1, "A", "video", "v") },
			probe.Prejoin, microphone, result{State: Off}},
		"opened by the user": {func(t *testing.T, s *story) {
			s.act(2, "click camera")
			s.capture(3, "A", "video", "v")
		}, probe.Prejoin, camera, result{State: Preview, ByUser: true, Requested: 1, Granted: 1}},
		"the click came later": {func(t *testing.T, s *story) {
			s.capture(1, "A", "video", "v")
			s.act(2, "click camera")
		}, probe.Prejoin, camera, result{State: Preview, Requested: 1, Granted: 1}},
		"the click was for another device": {func(t *testing.T, s *story) {
			s.act(1, "click microphone")
			s.capture(2, "A", "video", "v")
		}, probe.Prejoin, camera, result{State: Preview, Requested: 1, Granted: 1}},
		"joining is no wish for a camera": {func(t *testing.T, s *story) {
			s.act(13, "click join")
			s.capture(14, "A", "video", "v")
		}, probe.InMeeting, camera, result{State: Preview, Requested: 1, Granted: 1}},
		"the user's camera stays the user's": {func(t *testing.T, s *story) {
			s.act(1, "click camera")
			s.capture(2, "A", "video", "v")
		}, probe.InMeeting, camera, result{State: Preview, ByUser: true}},
		"refused": {func(t *testing.T, s *story) {
			s.page(1, "A", "gum", object{"c": 5, "a": object{"audio": true, "video": false}})
			s.page(1, "A", "gum!", object{"c": 5, "e": "NotAllowedError"})
		}, probe.Prejoin, microphone, result{State: Off, Requested: 1}},
		"stopped before the meeting": {func(t *testing.T, s *story) {
			s.capture(1, "A", "video", "v")
			s.page(5, "A", "track.stop", object{"t": tracks("v", "video")})
		}, probe.InMeeting, camera, result{State: Off}},
		"a clone lives on": {func(t *testing.T, s *story) {
			s.capture(1, "A", "video", "v")
			s.page(2, "A", "track.clone", object{"from": "o-v", "to": tracks("w", "video")})
			s.page(5, "A", "track.stop", object{"t": tracks("v", "video")})
		}, probe.InMeeting, camera, result{State: Preview}},
		"the page was left": {func(t *testing.T, s *story) {
			s.capture(1, "A", "video", "v")
			s.cdp = append(s.cdp, `{"t":"2026-11-23T08:00:05Z","d":"<","s":"A","m":"Page.frameNavigated","p":{"frame":{"id":"F"}}}`)
		}, probe.InMeeting, camera, result{State: Off}},
		"a child frame was left": {func(t *testing.T, s *story) {
			s.capture(1, "A", "video", "v")
			s.cdp = append(s.cdp, `{"t":"2026-11-23T08:00:05Z","d":"<","s":"A","m":"Page.frameNavigated","p":{"frame":{"id":"G","parentId":"F"}}}`)
		}, probe.InMeeting, camera, result{State: Preview}},
		"two frames of one session": {func(t *testing.T, s *story) {
			s.page(1, "Ab", "hook.installed", nil)
			s.capture(1, "A", "video", "v")
			s.page(2, "Ab", "fp", nil)
			s.page(3, "Ab", "track.stop", object{"t": tracks("v", "video")}) // same id, another object
		}, probe.InMeeting, camera, result{State: Preview}},
		"ended by the browser": {func(t *testing.T, s *story) {
			s.capture(1, "A", "video", "v")
			s.page(5, "A", "track.ended", object{"t": tracks("v", "video")})
		}, probe.InMeeting, camera, result{State: Off}},
		"taken from the sender": {func(t *testing.T, s *story) {
			s.capture(1, "A", "audio", "a")
			s.connection(2, "a", "audio")
			s.page(5, "A", "snd.replaceTrack", object{"c": 77, "o": "snd1", "a": object{"snd": "snd1", "t": nil}})
			s.statistics(12, 29, "audio", "", 0, 0, 0, 0)
		}, probe.InMeeting, microphone, result{State: Preview}},
		"readings that were too long": {func(t *testing.T, s *story) {
			s.capture(1, "A", "audio", "a")
			s.connection(2, "a", "audio")
			s.statistics(2, 8, "audio", "a", 50, 2500, 0, 0.1)
			s.page(13, "A", "pc.stats", object{"cut": 300000, "o": "pc1"})
			s.base = 300
			s.statistics(14, 29, "audio", "a", 0, 0, 0, 0)
		}, probe.InMeeting, microphone, result{State: Preview}},
		"the screen": {func(t *testing.T, s *story) {
			s.page(1, "A", "gdm", object{"c": 5, "a": object{"video": true}})
			s.page(1, "A", "gdm=", object{"c": 5, "r": object{"tracks": []object{tracks("s", "video")}}})
			s.browser(1, "add-media", object{"rid": 1, "request_id": 1, "request_type": "getDisplayMedia", "video": ""})
			s.browser(1, "update-media", object{"rid": 1, "request_id": 1, "request_type": "getDisplayMedia", "video_track_info": `{"id":"s"}`})
		}, probe.Prejoin, screen, result{State: Preview, Requested: 1, Granted: 1}},
		"a capture that the hook missed": {func(t *testing.T, s *story) { s.internalsCapture(1, "video", "v") },
			probe.Prejoin, camera, result{State: Unclear, Disagreements: "captures so far: hook 0, internals 1"}},
		"no hook": {func(t *testing.T, s *story) { s.without = "hook"; s.internalsCapture(1, "video", "v") },
			probe.Prejoin, camera, result{State: Unclear, Requested: 1, Granted: 1}},
		"no internals": {func(t *testing.T, s *story) { s.without = "internals" }, probe.Prejoin, camera, result{State: Unclear}},
		"recorded by the page": {func(t *testing.T, s *story) {
			s.capture(1, "A", "video", "v")
			s.page(2, "A", "rec.start", object{"o": "rec1"})
		}, probe.Prejoin, camera, result{State: Unclear, Requested: 1, Granted: 1, Disagreements: "sent: no packets, but the page records or encodes media itself"}},
		"sound": {func(t *testing.T, s *story) {
			s.capture(1, "A", "audio", "a")
			s.connection(11, "a", "audio")
			s.statistics(12, 29, "audio", "a", 50, 2500, 0, 0.1)
			s.wire(t, 12, 29.5, 11, 40)
		}, probe.InMeeting, microphone, result{State: Transmitting}},
		"silence": {func(t *testing.T, s *story) {
			s.capture(1, "A", "audio", "a")
			s.connection(11, "a", "audio")
			s.statistics(12, 29, "audio", "a", 50, 1750, 0, 0)
			s.wire(t, 12, 29.5, 11, 127)
		}, probe.InMeeting, microphone, result{State: MutedTransmitting}},
		"silence that is none on the wire": {func(t *testing.T, s *story) {
			s.capture(1, "A", "audio", "a")
			s.connection(11, "a", "audio")
			s.statistics(12, 29, "audio", "a", 50, 1750, 0, 0)
			s.wire(t, 12, 29.5, 11, 40)
		}, probe.InMeeting, microphone, result{State: Unclear, Disagreements: "sound: packets carry a level above silence, statistics measured none"}},
		"packets without statistics": {func(t *testing.T, s *story) {
			s.capture(1, "A", "audio", "a")
			s.connection(11, "a", "audio")
			s.statistics(12, 29, "audio", "a", 0, 0, 0, 0)
			s.wire(t, 14, 15, 11, 127)
		}, probe.InMeeting, microphone, result{State: Unclear, Disagreements: "sent: packets 10, statistics 0"}},
		"black pictures": {func(t *testing.T, s *story) {
			s.capture(1, "A", "video", "v")
			s.page(2, "A", "track.enabled=", object{"t": tracks("v", "video"), "v": false})
			s.connection(11, "v", "video")
			s.statistics(12, 29, "video", "v", 20, 2600, 20, 0)
			s.wire(t, 12, 29.5, 12, -1)
		}, probe.InMeeting, camera, result{State: MutedTransmitting}},
		"pictures of a track that is off": {func(t *testing.T, s *story) {
			s.capture(1, "A", "video", "v")
			s.page(2, "A", "track.enabled=", object{"t": tracks("v", "video"), "v": false})
			s.connection(11, "v", "video")
			s.statistics(12, 29, "video", "v", 60, 60000, 20, 0)
			s.wire(t, 12, 29.5, 12, -1)
		}, probe.InMeeting, camera, result{State: Unclear, Disagreements: "pictures: hook says the track is switched off, statistics say 1020000 bytes in 340 frames"}},
		"one picture before joining": {func(t *testing.T, s *story) {
			s.capture(1, "A", "video", "v")
			s.connection(2, "v", "video")
			s.statistics(2, 8, "video", "v", 60, 60000, 20, 0)
			s.wire(t, 2.5, 8, 12, -1)
		}, probe.Prejoin, camera, result{State: Transmitting, Requested: 1, Granted: 1}},
		"retransmissions are not the microphone's": {func(t *testing.T, s *story) {
			s.capture(1, "A", "audio", "a")
			s.connection(11, "a", "audio")
			s.statistics(12, 29, "audio", "a", 0, 0, 0, 0)
			s.wire(t, 14, 15, 13, -1)
		}, probe.InMeeting, microphone, result{State: Preview}},
		"a connection that nobody saw": {func(t *testing.T, s *story) {
			s.packets = append(s.packets, check(13))
			s.wire(t, 14, 15, 99, -1)
		}, probe.InMeeting, camera, result{State: Unclear, Disagreements: "packets: 10 RTP packets of a connection that neither hook nor internals saw; " +
			"device: not opened, but 10 packets were sent in its place"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory()
			c.tell(t, s)
			d := s.observe(t, c.phase)[c.device]
			got := result{d.State, d.ByUser, d.Requested, d.Granted, strings.Join(d.Disagreements, "; ")}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s\n%+v", diff, d)
			}
		})
	}
}

// Without hook and internals a device is a failure, not off.
func TestDeviceUnreadable(t *testing.T) {
	rec := &probe.Record{Files: fstest.MapFS{"p1/netlog.json": {Data: nil}}, Timeline: newStory().timeline}
	all, err := probe.Observe(context.Background(), rec, Observer)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, o := range all {
		if o.Kind == Device.Name {
			n++
			if o.Failure != probe.EvidenceUnreadable {
				t.Errorf("%s in %s is no failure", o.Subject, o.Phase)
			}
		}
	}
	if n != 9 {
		t.Errorf("%d devices and phases, want 9", n)
	}
}
