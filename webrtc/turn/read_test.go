package turn_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"vksprobe/probe"
	"vksprobe/webrtc/turn"
)

// Whatever is in a transcript, reading it ends without a panic, says the same
// twice, and is written as it was read.
func FuzzReadTranscript(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		transcript, err := turn.ReadTranscript(bytes.NewReader(in))
		facts := turn.Read(transcript)
		if again := turn.Read(transcript); !reflect.DeepEqual(facts, again) {
			t.Error("the same transcript is read in two ways")
		}
		text, jsonErr := json.Marshal(facts)
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		// what is small stays small
		if len(text) > 50*len(in)+100_000 {
			t.Errorf("%d bytes became %d", len(in), len(text))
		}
		if facts.Credential.After.State == turn.Yes && facts.Credential.Expires == nil {
			t.Error("accepted after an end that is not known")
		}
		var out bytes.Buffer
		if err := turn.WriteTranscript(&out, transcript); err != nil {
			return // a time beyond what JSON has
		}
		back, backErr := turn.ReadTranscript(&out)
		if err == nil && backErr != nil {
			t.Fatalf("what was written cannot be read: %v", backErr)
		}
		if !reflect.DeepEqual(turn.Read(back), facts) {
			t.Error("written and read again it says something else")
		}
	})
}

func TestReadTranscript(t *testing.T) {
	t.Parallel()
	good := `{"n":1,"time":"2026-11-23T12:00:00Z","server":"turn:a","conn":1,"transport":"udp","ask":"binding","seconds":0}`
	for name, c := range map[string]struct {
		in   string
		want int
		ok   bool
	}{
		"empty":             {"", 0, true},
		"good":              {good + "\n", 1, true},
		"cut":               {good + "\n" + good[:40], 1, false},
		"unknown transport": {strings.Replace(good, "udp", "sctp", 1), 0, false},
		"unknown failure":   {strings.Replace(good, `"seconds"`, `"failure":"bad luck","seconds"`, 1), 0, false},
		"no such answer":    {strings.Replace(good, `"seconds"`, `"answer":2,"received":["00"],"seconds"`, 1), 0, false},
		"half a byte":       {strings.Replace(good, `"seconds"`, `"sent":"000","seconds"`, 1), 0, false},
		"too many":          {strings.Repeat(good+"\n", 10_001), 10_000, false},
		"too long":          {good + "\n" + strings.Repeat(" ", 2<<20) + good, 1, false},
	} {
		got, err := turn.ReadTranscript(strings.NewReader(c.in))
		if len(got) != c.want || (err == nil) != c.ok {
			t.Errorf("%s: %d exchanges, %v", name, len(got), err)
		}
	}
}

// Exchanges with another server are passed over.
func TestOneServer(t *testing.T) {
	t.Parallel()
	in := `{"n":1,"time":"2026-11-23T12:00:00Z","server":"turn:a","conn":1,"transport":"udp","remote":"a:3478","ask":"binding","seconds":1,"failure":"timeout"}
{"n":1,"time":"2026-11-23T12:00:00Z","server":"turn:b","conn":1,"transport":"tcp","remote":"b:3478","ask":"binding","seconds":1,"failure":"connection_refused"}
`
	transcript, err := turn.ReadTranscript(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	f := turn.Read(transcript)
	if f.Server != "turn:a" || len(f.Doors) != 1 || f.Doors[0].Reachable.Failure != probe.Timeout || f.Cost.Exchanges != 1 {
		t.Errorf("%+v", f)
	}
}

func TestObserver(t *testing.T) {
	t.Parallel()
	line := `{"n":1,"time":"2026-11-23T12:00:00Z","server":"turn:a","conn":1,"transport":"udp","remote":"a:3478","ask":"binding","seconds":1,"failure":"timeout"}` + "\n"
	rec := &probe.Record{Digests: map[string]string{"turn/1.jsonl": "aa"}, Files: fstest.MapFS{
		"turn/1.jsonl": {Data: []byte(line)},
		"turn/2.jsonl": {Data: []byte(line + "half a li")},
		"turn/3.jsonl": {},
		"turn/note":    {Data: []byte("no transcript")},
	}}
	all, err := probe.Observe(t.Context(), rec, turn.Observer)
	if err == nil {
		t.Error("a cut transcript is no error")
	}
	var failures []probe.Failure
	for _, o := range all {
		if o.Kind == turn.Observed.Name {
			failures = append(failures, o.Failure)
			if o.Subject != "turn:a" || len(o.Evidence) != 1 || len(o.Data) == 0 {
				t.Errorf("%+v", o)
			}
		}
	}
	if want := []probe.Failure{probe.Timeout, probe.EvidenceUnreadable}; !reflect.DeepEqual(failures, want) {
		t.Errorf("failures %q, want %q", failures, want)
	}
	if all, err := probe.Observe(t.Context(), &probe.Record{Files: fstest.MapFS{}}, turn.Observer); err != nil || slices.ContainsFunc(all, func(o probe.Observation) bool { return o.Kind == turn.Observed.Name }) {
		t.Errorf("without transcripts: %v, %v", all, err)
	}
}

func TestClassOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]turn.Class{
		"127.0.0.1": turn.Loopback, "127.255.255.254": turn.Loopback, "::1": turn.Loopback, "::ffff:127.0.0.1": turn.Loopback,
		"::7f00:1": turn.Loopback, "2002:7f00:1::": turn.Loopback, "64:ff9b::7f00:1": turn.Loopback,
		"0.0.0.0": turn.Unspecified, "::": turn.Unspecified, "::ffff:0.0.0.0": turn.Unspecified,
		"169.254.169.254": turn.Metadata, "fd00:ec2::254": turn.Metadata, "::ffff:169.254.169.254": turn.Metadata, "fe80::a9fe:a9fe": turn.Metadata,
		"169.254.169.253": turn.LinkLocal, "fe80::1": turn.LinkLocal,
		"10.1.2.3": turn.Private, "172.31.0.1": turn.Private, "172.32.0.1": turn.Public, "192.168.1.1": turn.Private, "fd12::1": turn.Private, "fc00::1": turn.Private,
		"100.64.0.1": turn.Shared, "100.128.0.1": turn.Public,
		"239.1.1.1": turn.Multicast, "ff05::1": turn.Multicast, "255.255.255.255": turn.Broadcast,
		"192.0.2.1": turn.Public, "2001:db8::1": turn.Public, "2002:c000:201::1": turn.Public,
	} {
		if got := turn.ClassOf(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
}
