package tracking

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe"
)

// lab reads testdata/lab.zip: the evidence of a scan of a page that was made
// for it, with servers on 127.0.1.0/24 behind mapped names. Each host below
// third.test stands for one way of contacting or not contacting it.
func lab(t testing.TB) *probe.Record {
	t.Helper()
	z, err := zip.OpenReader("testdata/lab.zip")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { z.Close() })
	rec := &probe.Record{Files: z, Digests: map[string]string{"p1/netlog.json": "aa"}}
	target, err := fs.ReadFile(z, "target.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(target, &rec.Target); err != nil {
		t.Fatal(err)
	}
	timeline, err := fs.ReadFile(z, "timeline.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(timeline) {
		var m probe.Mark
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		rec.Timeline = append(rec.Timeline, m)
	}
	return rec
}

func derive(t testing.TB, rec *probe.Record) *probe.Facts {
	t.Helper()
	all, err := probe.Observe(t.Context(), rec, Observer)
	if err != nil {
		t.Fatal(err)
	}
	return probe.NewFacts(all)
}

func TestContacts(t *testing.T) {
	var got []string
	for o, c := range Contact.In(derive(t, lab(t))) {
		state := "connected"
		if !c.Connected {
			state = "unanswered"
		}
		got = append(got, fmt.Sprintf("%s %s %s [%s] [%s] %d %s %v %s", o.Phase, c.Host, c.Party, strings.Join(c.Transports, " "), strings.Join(c.Mechanisms, " "),
			c.Requests, state, c.NetErrors, strings.Join(c.Sources, " ")))
		if len(o.Evidence) == 0 || o.Evidence[0].Path == "" {
			t.Errorf("%s in %s cites nothing", c.Host, o.Phase)
		}
		if c.Last.Before(c.First) {
			t.Errorf("%s ends before it begins", c.Host)
		}
	}
	slices.Sort(got)
	want := []string{
		// gets a frame over the connection from the landing page
		"joining ws.third.test third [tcp tls] [] 0 connected [] netlog",
		// WebRTC asks the resolver itself and knows no mapped names
		"joining stun.third.test third [dns] [ice_server] 0 unanswered [-105] hook internals netlog",
		"landing bad.third.test third [tcp tls] [fetch] 1 connected [-202] cdp netlog",
		// the second use, in joining, comes from the cache
		"landing cache.third.test third [tcp tls] [script] 1 connected [] cdp netlog",
		"landing cdn.lab.test first [tcp tls] [script] 1 connected [] cdp netlog",
		"landing dead.third.test third [tcp] [fetch] 1 unanswered [-102] cdp netlog",
		"landing end.third.test third [tcp tls] [fetch] 1 connected [] cdp netlog",
		"landing gone.third.test third [] [fetch] 1 unanswered [-105] cdp netlog",
		"landing hop.third.test third [tcp tls] [fetch] 1 connected [] cdp netlog",
		"landing meet.lab.test first [tcp tls] [document other preconnect] 2 connected [] cdp netlog",
		"landing old.third.test third [tcp tls] [fetch] 1 connected [] cdp netlog",
		"landing pre.third.test third [tcp tls] [preconnect] 0 connected [] netlog",
		"landing static.third.test third [tcp tls] [fetch] 1 connected [] cdp netlog",
		"landing stats.third.test third [tcp tls] [beacon fetch script] 3 connected [] cdp netlog",
		"landing tls11.third.test third [tcp tls] [fetch] 1 connected [-113] cdp netlog",
		// configured and never used
		"landing turn.third.test third [] [ice_server turn_server] 0 unanswered [] hook internals",
		"landing ws.third.test third [tcp tls] [websocket] 1 connected [] cdp netlog",
		"left ws.third.test third [tcp tls] [] 0 connected [] netlog",
		// csp.third.test is blocked by the page's own policy and not contacted
	}
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("contacts (-want +got):\n%s", d)
	}
}

func TestLeaks(t *testing.T) {
	var got []string
	for o, l := range Leak.In(derive(t, lab(t))) {
		got = append(got, fmt.Sprintf("%s %s %s %s %s weak=%v", o.Phase, l.Host, l.What, l.Where, l.Form, l.Weak))
	}
	slices.Sort(got)
	want := []string{
		"joining ws.third.test room websocket plain weak=false",
		"landing cache.third.test link referer plain weak=false",
		"landing stats.third.test link referer plain weak=false",
		"landing stats.third.test link url percent weak=false",
		"landing stats.third.test room body base64 weak=false",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("leaks (-want +got):\n%s", d)
	}
}

// What may be shown holds no part of the link that names the room.
func TestNoSecrets(t *testing.T) {
	rec := lab(t)
	rec.Target.Own = []string{"third.test"} // must not matter
	var out bytes.Buffer
	if err := probe.WriteObservations(&out, derive(t, rec).All); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"RoomXy42z", "roomxy42z", "weekly", "geheim", "Um9vbVh5NDJ6"} {
		if i := bytes.Index(out.Bytes(), []byte(secret)); i >= 0 {
			t.Errorf("%q is in the observations: …%s…", secret, out.Bytes()[max(0, i-80):i+20])
		}
	}
}

// The same evidence gives the same observations, byte by byte.
func TestRepeatable(t *testing.T) {
	var first []byte
	for range 5 {
		var out bytes.Buffer
		if err := probe.WriteObservations(&out, derive(t, lab(t)).All); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = out.Bytes()
		}
		if !bytes.Equal(first, out.Bytes()) {
			t.Fatal("two readings differ")
		}
	}
}

// Evidence that is missing or cut off is said to be, and a rule that found
// nothing then knows nothing.
func TestGaps(t *testing.T) {
	whole := lab(t)
	part := func(change func(fstest.MapFS)) *probe.Record {
		files := fstest.MapFS{}
		for _, name := range []string{"p1/netlog.json", "p1/cdp.jsonl", "p1/hook.jsonl", "p1/internals.jsonl"} {
			b, err := fs.ReadFile(whole.Files, name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = &fstest.MapFile{Data: b}
		}
		change(files)
		return &probe.Record{Files: files, Target: whole.Target, Timeline: whole.Timeline}
	}
	for name, c := range map[string]struct {
		change func(fstest.MapFS)
		gaps   int
		passes bool // rules still pass
	}{
		"whole":          {func(fstest.MapFS) {}, 0, true},
		"no NetLog":      {func(f fstest.MapFS) { delete(f, "p1/netlog.json") }, 1, false},
		"NetLog cut off": {func(f fstest.MapFS) { f["p1/netlog.json"].Data = f["p1/netlog.json"].Data[:300_000] }, 1, false},
		"NetLog without its end": {func(f fstest.MapFS) {
			log := f["p1/netlog.json"].Data
			f["p1/netlog.json"].Data = log[:bytes.LastIndex(log, []byte("]"))] // as of a browser that was killed at the end
		}, 1, true},
		"no protocol":      {func(f fstest.MapFS) { delete(f, "p1/cdp.jsonl") }, 1, false},
		"protocol cut off": {func(f fstest.MapFS) { f["p1/cdp.jsonl"].Data = f["p1/cdp.jsonl"].Data[:50_000] }, 1, false},
		"nothing":          {func(f fstest.MapFS) { clear(f) }, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			rec := part(c.change)
			rec.Target.Own = []string{"third.test"}
			facts := derive(t, rec)
			gaps := 0
			for _, o := range facts.All {
				if o.Kind == Contact.Name && o.Failure == probe.EvidenceUnreadable {
					gaps++
				}
			}
			if gaps != c.gaps {
				t.Errorf("%d gaps, want %d", gaps, c.gaps)
			}
			found, err := probe.Judge(facts, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), probe.Rules(&Rules))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				if f.Rule == "tracking.tracker-list" && f.Verdict == probe.Review {
					continue // the lab's statistics look like those of a tracker, with or without gaps
				}
				if (f.Verdict == probe.Pass) != c.passes {
					t.Errorf("%s is %s with %d gaps", f.Rule, f.Verdict, gaps)
				}
			}
		})
	}
}

// The protocol alone tells of a host that the NetLog does not know.
func TestDisagreement(t *testing.T) {
	whole := lab(t)
	log, err := fs.ReadFile(whole.Files, "p1/netlog.json")
	if err != nil {
		t.Fatal(err)
	}
	at := whole.Timeline[0].Time.Add(time.Second).Format(time.RFC3339Nano)
	rec := &probe.Record{Target: whole.Target, Timeline: whole.Timeline, Files: fstest.MapFS{
		"p1/netlog.json": {Data: log},
		"p1/cdp.jsonl":   {Data: []byte(`{"t":"` + at + `","d":"<","s":"A","m":"Network.requestWillBeSent","p":{"requestId":"1","type":"Script","request":{"url":"https://ghost.test/x.js"}}}` + "\n")},
	}}
	for _, c := range Contact.In(derive(t, rec)) {
		if c.Host == "ghost.test" {
			if d := cmp.Diff([]string{"netlog: no traffic with this host"}, c.Disagreements); d != "" {
				t.Error(d)
			}
			return
		}
	}
	t.Error("ghost.test is no contact")
}

// FuzzEvidence feeds files that anybody may have written. Whatever comes out
// can be written down and read again.
func FuzzEvidence(f *testing.F) {
	whole := lab(f)
	const at = `{"t":"2026-11-23T08:53:05Z","d":"<","s":"A",`
	f.Add([]byte(at+`"m":"Target.attachedToTarget","p":{"sessionId":"A","targetInfo":{"type":"worker"}}}
`+at+`"m":"Network.requestWillBeSent","p":{"requestId":"1","type":"Ping","initiator":{"stack":{"callFrames":[],"parent":{"callFrames":[{"url":"https://a.test/x.js"}]}}},"request":{"url":"https://a.test/?q","headers":{"Referer":"https://meet.lab.test/RoomXy42z"},"postDataEntries":[{"bytes":"Um9vbVh5NDJ6"}]}}}
`+at+`"m":"Network.loadingFailed","p":{"requestId":"1","blockedReason":"csp"}}
`+at+`"m":"Network.webSocketCreated","p":{"requestId":"2","url":"wss://b.test"}}
`+at+`"m":"Network.webSocketFrameSent","p":{"requestId":"2","response":{"opcode":1,"payloadData":"RoomXy42z"}}}
`),
		[]byte(`{"t":"2026-11-23T08:53:05Z","e":{"k":"pc.new","u":"https://a.test/","d":{"cfg":{"iceServers":[{"urls":"stun:c.test:1"}]}}}}`),
		[]byte(`{"t":"2026-11-23T08:53:05Z","c":["update-peer-connection",{"type":"setConfiguration","value":"{\"iceServers\":[{\"urls\":[\"turn:d.test\"]}]}"}]}`))
	f.Add([]byte(`{"t":"9999-12-31T23:59:59.9Z","m":"Network.requestWillBeSent","p":{"requestId":"1","request":{"url":"https://[::1]:99999/"}}}`),
		[]byte(`{"t":"0001-01-01T00:00:00Z","e":{"t":1e300,"k":"pc.new","d":{"cfg":{"iceServers":[{"urls":["turn:[","stun:a"]}]}}}}`), []byte(`{"t":"x","c":["add-peer-connection",{"rtcConfiguration":"{}"}]}`))
	f.Fuzz(func(t *testing.T, protocol, hook, internals []byte) {
		rec := &probe.Record{Target: whole.Target, Timeline: whole.Timeline, Files: fstest.MapFS{
			"p1/cdp.jsonl": {Data: protocol}, "p1/hook.jsonl": {Data: hook}, "p1/internals.jsonl": {Data: internals}}}
		all, _ := probe.Observe(t.Context(), rec, Observer) // an error is an answer
		var out bytes.Buffer
		if err := probe.WriteObservations(&out, all); err != nil {
			t.Fatal(err)
		}
		if _, err := probe.ReadFacts(&out); err != nil {
			t.Fatal(err)
		}
	})
}
