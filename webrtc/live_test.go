package webrtc

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe"
)

var rerecord = flag.Bool("record", false, "record the conferences in testdata anew with Chromium")

const recording = "testdata/meeting.zip"

// page is a small conference: the test calls its functions in the order in
// which a person would.
const page = `<!doctype html><title>meeting</title><script>
const stream = new MediaStream();
const constraints = {audio: {audio: true}, video: {video: {width: 160, height: 120, frameRate: 10}}};
async function open(kind) {
  const s = await navigator.mediaDevices.getUserMedia(constraints[kind]);
  s.getTracks().forEach(t => stream.addTrack(t));
}
function enable(kind, on) { stream.getTracks().filter(t => t.kind === kind).forEach(t => t.enabled = on) }
function stop() { stream.getTracks().forEach(t => t.stop()) }
async function join(cfg, media) {
  const pc = new RTCPeerConnection(cfg);
  if (media) stream.getTracks().forEach(t => pc.addTrack(t, stream));
  pc.createDataChannel('chat');
  await pc.setLocalDescription();
  await new Promise(done => { pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done(); setTimeout(done, 1000) });
  const sdp = await (await fetch('/offer', {method: 'POST', body: pc.localDescription.sdp})).text();
  await pc.setRemoteDescription({type: 'answer', sdp});
  await new Promise((done, fail) => { const f = () => pc.connectionState === 'connected' && done(); pc.addEventListener('connectionstatechange', f); f(); setTimeout(() => fail(Error('not connected')), 8000) });
  return pc;
}
async function echo() {
  const a = globalThis.a = new RTCPeerConnection(), b = globalThis.b = new RTCPeerConnection();
  a.onicecandidate = e => b.addIceCandidate(e.candidate); b.onicecandidate = e => a.addIceCandidate(e.candidate);
  stream.getTracks().forEach(t => a.addTrack(t, stream));
  await a.setLocalDescription(); await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription(); await a.setRemoteDescription(b.localDescription);
}
</script>`

// meeting walks through a conference of a page with bad manners: it opens the
// camera by itself, tests it with an echo, and joins with the camera on and
// the microphone switched off but open.
func meeting(t *testing.T, dir string) (*probe.Record, *sfu) {
	far := newSFU(t, pion.DTLSRoleClient)
	relay := newRelay(t).udp
	r := record(t, dir, page, func(_, offer string) (string, error) { return far.answer(offer) })
	time.Sleep(1200 * time.Millisecond)
	r.mark(probe.Mark{Phase: probe.Prejoin})
	r.js("open('video')")
	r.js("echo()")
	time.Sleep(2500 * time.Millisecond)
	r.js("a.close(); b.close()")
	r.mark(probe.Mark{Phase: probe.Joining})
	r.mark(probe.Mark{Action: "click join"})
	r.js("open('audio')")
	r.js("enable('audio', false)")
	time.Sleep(1200 * time.Millisecond)
	r.mark(probe.Mark{Phase: probe.InMeeting}) // no packet belongs to joining
	r.js(fmt.Sprintf("join({iceServers: [{urls: 'stun:%s'}]}, true).then(pc => globalThis.pc = pc)", relay))
	time.Sleep(3500 * time.Millisecond)
	r.mark(probe.Mark{Phase: probe.Unmuted})
	r.mark(probe.Mark{Action: "click microphone"})
	r.js("enable('audio', true)")
	r.js(fmt.Sprintf("join({iceTransportPolicy: 'relay', iceServers: [{urls: ['turn:%s?transport=udp'], username: 'user', credential: 'pass'}]}, false).then(pc => globalThis.relayed = pc)", relay))
	time.Sleep(3 * time.Second)
	r.mark(probe.Mark{Phase: probe.Muted})
	r.mark(probe.Mark{Action: "click camera"})
	r.mark(probe.Mark{Action: "click microphone"})
	r.js("enable('audio', false); enable('video', false)")
	time.Sleep(4500 * time.Millisecond)
	r.mark(probe.Mark{Phase: probe.Left})
	r.js("pc.close(); relayed.close(); stop()")
	time.Sleep(2 * time.Second)
	return r.close(), far
}

func TestMeetingLive(t *testing.T) {
	dir := t.TempDir()
	rec, far := meeting(t, dir)
	all := observed(t, rec)
	checkMeeting(t, all)

	// What pion received is what the NetLog says was sent. The rest are
	// probes and retransmissions, which are no track's.
	var sent int64
	for _, f := range Flow.In(probe.NewFacts(all)) {
		if slices.Contains(far.addresses, f.Remote) {
			sent += f.RTPSent
		}
	}
	if got := far.audio.Load() + far.video.Load(); got < sent*95/100 || got > sent {
		t.Errorf("NetLog has %d RTP packets, the far end received %d", sent, got)
	}
	if *rerecord {
		pack(t, dir, recording)
	}
}

func TestMeetingRecorded(t *testing.T) {
	z, err := zip.OpenReader(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	checkMeeting(t, observed(t, recorded(t, z)))
}

// checkMeeting compares what was observed of the meeting with what was done.
func checkMeeting(t *testing.T, all []probe.Observation) {
	t.Helper()
	facts := probe.NewFacts(all)

	type state struct {
		State    State
		Granted  int
		Live     bool
		Enabled  bool
		Attached bool
		ByUser   bool
		Sent     bool
		Wire     bool
	}
	states := map[string]state{}
	for o, s := range Device.In(facts) {
		if len(s.Disagreements) > 0 {
			t.Errorf("%s in %s: the sources disagree: %v", o.Subject, o.Phase, s.Disagreements)
		}
		if s.State != Off || s.Requested > 0 {
			states[s.Device+" "+string(o.Phase)] = state{s.State, s.Granted, s.Live, s.Enabled, s.Attached, s.ByUser, s.Packets > 0, s.WirePackets > 0}
		}
	}
	want := map[string]state{
		"camera prejoin":        {State: Preview, Granted: 1, Live: true, Enabled: true},
		"camera joining":        {State: Preview, Live: true, Enabled: true},
		"camera in_meeting":     {State: Transmitting, Live: true, Enabled: true, Attached: true, Sent: true, Wire: true},
		"camera unmuted":        {State: Transmitting, Live: true, Enabled: true, Attached: true, Sent: true, Wire: true},
		"camera muted":          {State: MutedTransmitting, Live: true, Attached: true, Sent: true, Wire: true},
		"microphone joining":    {State: Preview, Granted: 1, Live: true, Enabled: true},
		"microphone in_meeting": {State: MutedTransmitting, Live: true, Attached: true, Sent: true, Wire: true},
		"microphone unmuted":    {State: Transmitting, Live: true, Enabled: true, Attached: true, ByUser: true, Sent: true, Wire: true},
		"microphone muted":      {State: MutedTransmitting, Live: true, Attached: true, Sent: true, Wire: true},
	}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("devices (-done +observed):\n%s", diff)
	}

	type connection struct {
		Loopback                 bool
		Version, Suite, Profile  string
		Role, Relay, RemoteHash  string
		Servers                  int
		Credential, Channel, Own bool
		Sources                  []string
		Disagreements            []string
	}
	var conns []connection
	for o, p := range Connection.In(facts) {
		if o.Failure != "" {
			t.Errorf("%s: %s", o.Subject, o.Failure)
		}
		c := connection{Loopback: p.Loopback, Version: p.DTLSVersion, Suite: p.DTLSCipherSuite, Profile: p.SRTPProfile, Role: p.DTLSRole,
			Channel: slices.Equal(p.DataChannels, []string{"chat"}), Sources: p.Sources, Disagreements: p.Disagreements,
			Own: strings.Contains(p.Script, "/[room]:") && strings.HasSuffix(p.Frame, "/[room]")}
		c.RemoteHash, _, _ = strings.Cut(p.RemoteFingerprint, " ")
		if p.Selected != nil {
			c.Relay = p.Selected.Local.Relay
		}
		for _, s := range p.ICEServers {
			c.Servers++
			c.Credential = c.Credential || s.Credential
		}
		conns = append(conns, c)
	}
	everyone := []string{"internals", "hook", "packets"}
	const suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
	wantConns := []connection{
		{Loopback: true, Version: "DTLS 1.3", Suite: "TLS_AES_128_GCM_SHA256", Profile: "SRTP_AES128_CM_HMAC_SHA1_80", Role: "server", RemoteHash: "sha-256", Own: true, Sources: everyone},
		{Loopback: true, Version: "DTLS 1.3", Suite: "TLS_AES_128_GCM_SHA256", Profile: "SRTP_AES128_CM_HMAC_SHA1_80", Role: "client", RemoteHash: "sha-256", Own: true, Sources: everyone},
		{Version: "DTLS 1.2", Suite: suite, Profile: "SRTP_AES128_CM_HMAC_SHA1_80", Role: "server", RemoteHash: "sha-256", Servers: 3, Channel: true, Own: true, Sources: everyone},
		{Version: "DTLS 1.2", Suite: suite, Profile: "SRTP_AES128_CM_HMAC_SHA1_80", Role: "server", Relay: "udp", RemoteHash: "sha-256", Servers: 3, Credential: true, Channel: true, Own: true, Sources: everyone},
	}
	if diff := cmp.Diff(wantConns, conns); diff != "" {
		t.Errorf("connections (-done +observed):\n%s", diff)
	}

	relayed := false
	for o, f := range Flow.In(facts) {
		relayed = relayed || f.Relay != "" && f.DTLSVersion == "DTLS 1.2" && f.DTLSRole == "server"
		if len(o.Evidence) == 0 || !strings.Contains(o.Evidence[0].At, "event=") {
			t.Errorf("%s cites %v", o.Subject, o.Evidence)
		}
	}
	if !relayed {
		t.Error("the handshake inside the TURN relay was not seen")
	}
	for _, o := range all {
		if bytes.Contains(o.Data, []byte("secret-room")) {
			t.Errorf("%s shows the room", o.ID)
		}
	}
}

// pack stores a recording. Of the NetLog it keeps the packets, which are all
// that this package reads, and the constants that name their types.
func pack(t *testing.T, dir, recording string) {
	t.Helper()
	out, err := os.Create(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	z := zip.NewWriter(out)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if d.Name() == "netlog.json" {
			var kept [][]byte
			for n, line := range bytes.SplitAfter(b, []byte("\n")) {
				switch {
				case n < 2, bytes.Contains(line, []byte(`"byte_count"`)), bytes.Contains(line, []byte(`address"`)),
					bytes.HasSuffix(line, []byte("}],\n")), bytes.Equal(line, []byte("}\n")):
					kept = append(kept, line)
				case bytes.HasPrefix(line, []byte(`"polledData"`)):
					kept = append(kept, []byte("\"polledData\": []\n"))
				}
			}
			b = bytes.Join(kept, nil)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		w, err := z.Create(filepath.ToSlash(name))
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// recorded opens a recording.
func recorded(t *testing.T, files fs.FS) *probe.Record {
	t.Helper()
	raw, err := fs.ReadFile(files, "timeline.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	rec := &probe.Record{Files: files, Target: probe.Target{Link: "http://127.0.0.1/room/secret-room"}, Timeline: timeline(t, bytes.NewReader(raw))}
	return rec
}
