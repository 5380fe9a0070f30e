package turn_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe"
	"vksprobe/webrtc/turn"
)

// hookOf is a record of what the hook saw in some participants' pages.
func hookOf(lines ...string) *probe.Record {
	rec := &probe.Record{Files: fstest.MapFS{}}
	for i, l := range lines {
		rec.Timeline = append(rec.Timeline, probe.Mark{Participant: i + 1, Phase: probe.Landing})
		rec.Files.(fstest.MapFS)[("p" + string(rune('1'+i)) + "/hook.jsonl")] = &fstest.MapFile{Data: []byte(l)}
	}
	return rec
}

func event(kind, servers string) string {
	return `{"t":"2026-11-23T12:00:00Z","s":"A","url":"https://meet.example/","e":{"n":1,"k":"` + kind + `","d":{"o":"pc1","cfg":{"iceServers":` + servers + `}}}}` + "\n"
}

// Servers are taken from constructors and configurations, with the newest
// credentials.
func TestServers(t *testing.T) {
	t.Parallel()
	rec := hookOf(
		event("pc.new", `[{"urls":"stun:stun.example:3478"},{"urls":["turn:turn.example?transport=udp","turns:turn.example:443?transport=tcp"],"username":"u1","credential":"c1"}]`)+
			event("pc.setConfiguration", `[{"url":"STUN:stun.example:3478","username":"u","credential":"c"},{"urls":"turn:no-password.example","username":"u"},{"urls":"http://web.example"},"odd",{"urls":7}]`)+
			event("pc.stats", `[{"urls":"turn:other-event.example"}]`)+
			"no JSON at all \"iceServers\"\n",
		event("pc.getConfiguration", `[{"urls":["turn:turn.example?transport=udp","stun:[2001:db8::1]"],"username":"u2","credential":"c2"}]`)+`{"e":{"k":"pc.new","d":{"cfg":{"iceServers":[{"urls":"stun:cut`)
	got, err := turn.Servers(t.Context(), rec)
	if err != nil {
		t.Fatal(err)
	}
	want := []turn.Server{{URL: "stun:stun.example:3478"}, {URL: "turn:turn.example?transport=udp", Username: "u2", Credential: "c2"},
		{URL: "turns:turn.example:443?transport=tcp", Username: "u1", Credential: "c1"}, {URL: "stun:[2001:db8::1]"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var hosts []string
	for _, s := range got {
		hosts = append(hosts, s.Host())
	}
	if h := strings.Join(hosts, " "); h != "stun.example turn.example turn.example 2001:db8::1" {
		t.Errorf("the hosts are %s", h)
	}
	if (turn.Server{URL: "https://x"}).Host() != "" {
		t.Error("what is no STUN server has a host")
	}
}

// A page that names many servers is not asked for all of them.
func TestServersBound(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 1000 {
		many = append(many, `{"urls":"stun:h`+strings.Repeat("x", i%50)+string(rune('a'+i%26))+`.example"}`)
	}
	got, err := turn.Servers(t.Context(), hookOf(event("pc.new", "["+strings.Join(many, ",")+"]")))
	if err != nil || len(got) != 64 {
		t.Errorf("%d servers, %v", len(got), err)
	}
}

// Who is out of scope is not asked, and nothing is known about him.
func TestOutOfScope(t *testing.T) {
	t.Parallel()
	o := options()
	o.Dial = probe.Scope{Hosts: []string{"turn.example.org"}}.Dial(func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialled")
		return nil, errors.New("not now")
	})
	f, transcript := ask(t, login("turn:turn.example.net"), o)
	for _, d := range f.Doors {
		if d.Reachable.State != turn.Unknown || d.Reachable.Failure != probe.OutOfScope {
			t.Errorf("%+v", d)
		}
	}
	if got := turn.Observation(transcript).Failure; got != probe.OutOfScope {
		t.Errorf("the failure is %q", got)
	}
	for rule, v := range verdicts(t, transcript) {
		if v != probe.NotApplicable {
			t.Errorf("%s is %s", rule, v)
		}
	}
}

// Whatever a page gives to a connection, the servers are bounded, each can be
// checked, and credentials come whole or not at all.
func FuzzServers(f *testing.F) {
	f.Add([]byte(event("pc.new", `[{"urls":["turn:a.example","turns:[::1]:1?transport=udp"],"username":"u","credential":"c"},{"url":"stun:b"}]`)))
	f.Add([]byte(event("pc.setConfiguration", `[{"urls":"turn:a@b"},null,7,{"urls":["turn:a:99999",{}]}]`)))
	f.Add([]byte(`{"e":{"k":"pc.new","d":{"cfg":{"iceServers":{}}}}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		all, err := turn.Servers(t.Context(), hookOf(string(line)))
		if err != nil || len(all) > 64 {
			t.Fatalf("%d servers, %v", len(all), err)
		}
		o := turn.Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, probe.ErrOutOfScope }}
		for _, s := range all {
			if _, err := turn.Check(t.Context(), s, o); err != nil || s.Host() == "" {
				t.Errorf("%q cannot be checked: %v", s.URL, err)
			}
		}
	})
}

func TestTranslated(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"2002:7f00:1::1": true, "64:ff9b::a00:1": true, "::7f00:1": true,
		"::ffff:127.0.0.1": false, "127.0.0.1": false, "::1": false, "::": false, "fe80::1": false, "nonsense": false} {
		if got := (turn.Peer{Address: address}).Translated(); got != want {
			t.Errorf("%s is translated: %t", address, got)
		}
	}
}
