package browser

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const capture = `<title>wait</title><script>
	navigator.mediaDevices.getUserMedia({audio: true, video: {width: 160, height: 120}}).then(s => { globalThis.s = s; s.getTracks()[0].enabled = false; call(s) }, e => document.title = e.name);
	async function call(s) {
		const a = globalThis.a = new RTCPeerConnection(), b = globalThis.b = new RTCPeerConnection();
		a.onicecandidate = e => b.addIceCandidate(e.candidate); b.onicecandidate = e => a.addIceCandidate(e.candidate);
		s.getTracks().forEach(t => a.addTrack(t, s));
		a.createDataChannel('chat');
		await a.setLocalDescription(); await b.setRemoteDescription(a.localDescription);
		await b.setLocalDescription(); await a.setRemoteDescription(b.localDescription);
		a.setConfiguration({iceServers: [{urls: 'stun:127.0.0.1:9'}]});
		a.onconnectionstatechange = () => { if (a.connectionState === 'connected') document.title = 'connected' };
	}
</script>`

// TestMedia: camera and microphone are granted to one origin only, and a call
// is in all four records.
func TestMedia(t *testing.T) {
	granted := serve(t, "127.0.0.1", map[string]string{"/": capture})
	other := serve(t, "127.0.0.2", map[string]string{"/": capture})
	b, e := begin(t, Config{Media: []string{granted.URL}, Loopback: true})

	navigate(t, b, other.URL)
	eventually(t, b, "NotAllowedError")
	if refused := e.events(t, "gum!"); len(refused) != 1 || !strings.HasPrefix(refused[0].Event.URL, other.URL) {
		t.Errorf("refused calls: %+v", refused)
	}
	if v := view(t, b, "navigator.permissions.query({name: 'camera'}).then(s => s.state)"); string(v.Probe) != `"prompt"` || v.Media.Captures != 0 {
		t.Errorf("permission of the other origin %s, %d captures", v.Probe, v.Media.Captures)
	}

	navigate(t, b, granted.URL)
	eventually(t, b, "connected")
	var v View
	for range 60 {
		if v = view(t, b, ""); v.Media.Sent > 20 && v.Media.Received > 20 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if v.Media.Captures != 1 || v.Media.Peers != 2 || v.Media.Sent <= 20 || v.Media.Received <= 20 {
		t.Errorf("media: %+v", v.Media)
	}
	for range 60 {
		if bytes.Contains(e.file("p1/internals.jsonl"), []byte(`"add-standard-stats"`)) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	hungUp := view(t, b, "(a.close(), b.close(), s.getTracks().forEach(t => t.stop()), 1)")
	if string(hungUp.Probe) != "1" {
		t.Fatalf("hanging up: %s", hungUp.Probe)
	}
	finish(t, b, e)

	for _, kind := range []string{"gum", "gum=", "pc.new", "pc.addTrack", "pc.createDataChannel", "pc.datachannel", "pc.setLocalDescription", "pc.setLocalDescription=",
		"pc.setRemoteDescription", "pc.icecandidate", "pc.state", "pc.track", "pc.stats", "pc.setConfiguration", "track.enabled=", "track.stop", "pc.close"} {
		if len(e.events(t, kind)) == 0 {
			t.Errorf("the hook has not seen %s", kind)
		}
	}
	if got := e.events(t, "hook.error"); len(got) > 0 {
		t.Errorf("the hook had an error: %s", got[0].Event.Data)
	}
	configured := false
	for _, l := range e.events(t, "pc.getConfiguration") {
		configured = configured || strings.Contains(string(l.Event.Data), "stun:127.0.0.1:9")
	}
	if !configured {
		t.Error("a configuration that was set later has not been read back")
	}
	secured := false
	for _, l := range e.events(t, "pc.stats") {
		var d struct {
			S []struct{ Type, DTLSState, SRTPCipher, TLSVersion string }
		}
		if err := json.Unmarshal(l.Event.Data, &d); err != nil {
			t.Fatal(err)
		}
		for _, s := range d.S {
			secured = secured || s.Type == "transport" && s.DTLSState == "connected" && s.SRTPCipher != "" && s.TLSVersion != ""
		}
	}
	if !secured {
		t.Error("no statistics tell the encryption")
	}
	calls := map[string]int{}
	for _, l := range lines[InternalsLine](t, e, "p1/internals.jsonl") {
		var name string
		if err := json.Unmarshal(l.Call[0], &name); err != nil {
			t.Fatal(err)
		}
		calls[name]++
	}
	if calls["add-peer-connection"] != 2 || calls["add-media"] == 0 || calls["update-peer-connection"] < 10 || calls["add-standard-stats"] == 0 {
		t.Errorf("chrome://webrtc-internals was told %v", calls)
	}
	datagrams := 0
	for _, ev := range wholeNetLog(t, e) {
		if p, _ := ev["params"].(map[string]any); p["bytes"] != nil && p["address"] != nil && p["byte_count"] != nil {
			datagrams++
		}
	}
	if datagrams < 50 {
		t.Errorf("the NetLog has %d datagrams with content", datagrams)
	}
}
