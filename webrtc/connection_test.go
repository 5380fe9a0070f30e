package webrtc

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe"
)

// connections derives the connections of a story without packets.
func (s *story) connections(t *testing.T) []probe.Observation {
	t.Helper()
	rec := &probe.Record{Timeline: s.timeline, Target: probe.Target{Link: "https://meet.example/geheimer-raum?pwd=hunter22"}, Files: fstest.MapFS{
		"p1/hook.jsonl":      {Data: []byte(strings.Join(s.hook, "\n"))},
		"p1/internals.jsonl": {Data: []byte(strings.Join(s.internals, "\n"))},
	}}
	all, err := probe.Observe(context.Background(), rec, Observer)
	if err != nil {
		t.Fatal(err)
	}
	var out []probe.Observation
	for _, o := range all {
		if o.Kind == Connection.Name {
			out = append(out, o)
		}
	}
	return out
}

func peerOfData(t *testing.T, o probe.Observation) Peer {
	t.Helper()
	var p Peer
	if err := json.Unmarshal(o.Data, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConnectionNeverConnected(t *testing.T) {
	s := newStory()
	s.page(1, "A", "pc.new", object{"o": "pc1", "cfg": object{"iceServers": []object{{"urls": "stun:Stun.Example.org:19302"}}}})
	s.page(2, "A", "pc.setConfiguration", object{"o": "pc1", "cfg": object{"iceServers": []object{
		{"urls": []string{"turns:relay.example:5349?transport=tcp", "http://not.ice"}, "username": "1700:alice", "credential": "topsecret"}, {"url": "turn:[2001:db8::1]:3478", "username": "u"}}}})
	s.page(2, "A", "pc.getConfiguration", object{"o": "pc1", "cfg": object{"iceServers": []object{{"urls": "stun:late.example?pwd=hunter22"}}}})
	s.page(3, "A", "pc.state", object{"o": "pc1", "s": "connectionState", "v": "connecting"})
	s.page(3, "A", "pc.createDataChannel", object{"o": "pc1", "label": "geheimer-raum"})
	got := s.connections(t)
	if len(got) != 1 || got[0].Failure != probe.NoMedia || got[0].Phase != probe.Prejoin || got[0].Subject != "connection:1/1" {
		t.Fatalf("observed %+v", got)
	}
	p := peerOfData(t, got[0])
	want := []ICEServer{
		{URL: "stun:Stun.Example.org:19302", Host: "stun.example.org", Source: "constructor"},
		{URL: "turns:relay.example:5349?transport=tcp", Host: "relay.example", Credential: true, Source: "setConfiguration"},
		{URL: "turn:[2001:db8::1]:3478", Host: "2001:db8::1", Credential: true, Source: "setConfiguration"},
		{URL: "stun:late.example?pwd=[room]", Host: "late.example", Source: "getConfiguration"},
	}
	if diff := cmp.Diff(want, p.ICEServers); diff != "" {
		t.Errorf("ICE servers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"[room]"}, p.DataChannels); diff != "" {
		t.Errorf("data channels (-want +got):\n%s", diff)
	}
	for _, secret := range []string{"alice", "topsecret", "hunter22", "geheimer-raum"} {
		if bytes.Contains(got[0].Data, []byte(secret)) {
			t.Errorf("the observation contains %q", secret)
		}
	}
}

func TestConnectionDisagreement(t *testing.T) {
	s := newStory()
	s.connection(11, "a", "audio")
	transport := func(profile string) object {
		return object{"id": "T", "type": "transport", "dtlsState": "connected", "tlsVersion": "FEFD", "srtpCipher": profile, "dtlsRole": "client"}
	}
	s.page(12, "A", "pc.stats", object{"o": "pc1", "s": []any{transport("SRTP_AEAD_AES_256_GCM"), "no stat", object{"id": 7}}})
	r := transport("SRTP_AES128_CM_HMAC_SHA1_80")
	s.browser(12, "add-standard-stats", object{"rid": 1, "lid": 1, "reports": [][]any{{"T", r}}})
	got := s.connections(t)
	if len(got) != 1 || got[0].Failure != "" {
		t.Fatalf("observed %+v", got)
	}
	p := peerOfData(t, got[0])
	if p.SRTPProfile != "SRTP_AES128_CM_HMAC_SHA1_80" || p.DTLSVersion != "DTLS 1.2" || p.DTLSRole != "client" {
		t.Errorf("the browser's own account does not prevail: %+v", p)
	}
	want := []string{"srtp_profile: internals SRTP_AES128_CM_HMAC_SHA1_80, hook SRTP_AEAD_AES_256_GCM"}
	if diff := cmp.Diff(want, p.Disagreements); diff != "" {
		t.Errorf("disagreements (-want +got):\n%s", diff)
	}
}

func TestConnectionDescriptions(t *testing.T) {
	const remote = "v=0\r\na=ice-ufrag:theirs\r\na=fingerprint:MD5 aa:bb\r\na=fingerprint:sha-256 cc:dd\r\na=fingerprint:sha-1 ee:ff\r\nm=audio 9 x 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n"
	s := newStory()
	s.page(1, "A", "pc.new", object{"o": "pc1"})
	s.page(1, "A", "pc.setRemoteDescription", object{"c": 9, "o": "pc1", "a": object{"type": "offer", "sdp": remote}})
	s.page(2, "A", "pc.new", object{"o": "pc2", "cfg": object{"encodedInsertableStreams": true}})
	s.page(2, "A", "pc.new", object{"o": "pc3"})
	s.page(2, "A", "pc.addTransceiver", object{"o": "pc3", "a": "video", "snd": "snd3"})
	s.page(2, "A", "e2ee.transform=", object{"on": "RTCRtpSender", "o": "snd3", "v": nil})
	s.page(2, "A", "pc.new", object{"o": "pc4"})
	s.page(2, "A", "pc.addTransceiver", object{"o": "pc4", "a": "video", "snd": "snd4"})
	s.page(2, "A", "e2ee.transform=", object{"on": "RTCRtpSender", "o": "snd4", "v": "xf1"})
	type result struct {
		Hash                       string
		SDES, Described, Transform bool
	}
	var got []result
	for _, o := range s.connections(t) {
		p := peerOfData(t, o)
		got = append(got, result{p.RemoteFingerprint, p.SDES, p.Described, p.Transform})
	}
	want := []result{{"sha-256 CC:DD", true, true, false}, {Transform: true}, {}, {Transform: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Every prefix of the evidence is evidence: a killed scan leaves one.
func TestCutEvidence(t *testing.T) {
	z, err := zip.OpenReader(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	whole := recorded(t, z)
	var files = map[string][]byte{}
	for _, name := range []string{"p1/hook.jsonl", "p1/internals.jsonl", "p1/netlog.json"} {
		if files[name], err = fs.ReadFile(z, name); err != nil {
			t.Fatal(err)
		}
	}
	type key struct {
		subject string
		phase   probe.Phase
	}
	states := map[key]State{}
	for o, s := range Device.In(probe.NewFacts(observed(t, whole))) {
		states[key{o.Subject, o.Phase}] = s.State
	}
	for _, which := range [][]string{keys(files), {"p1/hook.jsonl"}, {"p1/internals.jsonl"}, {"p1/netlog.json"}} {
		kept := 0
		for i := range 12 {
			cut := fstest.MapFS{}
			for name, b := range files {
				n := len(b)
				if slices.Contains(which, name) {
					n = n * i / 12
				}
				for n > 0 && n < len(b) && b[n-1] == '\n' { // such a cut shows nowhere
					n--
				}
				cut[name] = &fstest.MapFile{Data: b[:n]}
			}
			all, err := probe.Observe(context.Background(), &probe.Record{Files: cut, Timeline: whole.Timeline}, Observer)
			if err != nil && len(cut["p1/netlog.json"].Data) > 0 {
				t.Fatalf("%v at %d/12: %v", which, i, err)
			}
			for o, s := range Device.In(probe.NewFacts(all)) {
				switch want := states[key{o.Subject, o.Phase}]; {
				case i == 0 && s.State == Off && which[0] == "p1/internals.jsonl": // an empty list of calls is a list
				case len(s.Disagreements) > 0 && i > 0:
					t.Errorf("%v at %d/12: %s in %s: a cut is no disagreement: %v", which, i, o.Subject, o.Phase, s.Disagreements)
				case s.State == want:
					kept++
				case s.State != Unclear:
					t.Errorf("%v at %d/12: %s in %s is %s, in truth %s", which, i, o.Subject, o.Phase, s.State, want)
				}
			}
		}
		if kept < 12 {
			t.Errorf("%v: only %d states survive the cuts", which, kept)
		}
	}
}

func FuzzLines(f *testing.F) {
	z, err := zip.OpenReader(recording)
	if err != nil {
		f.Fatal(err)
	}
	defer z.Close()
	seen := map[string]bool{}
	for _, name := range []string{"p1/hook.jsonl", "p1/internals.jsonl"} {
		b, err := fs.ReadFile(z, name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(b) {
			var l struct {
				E struct{ K string }
				C []json.RawMessage
			}
			if json.Unmarshal(line, &l) != nil {
				f.Fatalf("%s: %s", name, line)
			}
			kind := l.E.K
			if len(l.C) > 0 {
				kind = string(l.C[0])
			}
			if !seen[kind] && len(line) < 4096 {
				seen[kind] = true
				f.Add(line)
			}
		}
	}
	s := newStory()
	s.capture(1, "A", "video", "v")
	s.connection(2, "v", "video")
	hook, internals := strings.Join(s.hook, "\n"), strings.Join(s.internals, "\n")
	f.Fuzz(func(t *testing.T, line []byte) {
		rec := &probe.Record{Timeline: s.timeline, Files: fstest.MapFS{
			"p1/hook.jsonl":      {Data: fmt.Appendf(nil, "%s\n%s\n%s\n", hook, line, hook)},
			"p1/internals.jsonl": {Data: fmt.Appendf(nil, "%s\n%s\n%s\n", internals, line, internals)},
			"p1/cdp.jsonl":       {Data: line},
		}}
		all, err := probe.Observe(context.Background(), rec, Observer)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			if len(o.Data) > 64<<10 {
				t.Errorf("%s has %d bytes", o.ID, len(o.Data))
			}
		}
	})
}
