package probe_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"vksprobe/probe"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

func TestMaskerHidesEverySecret(t *testing.T) {
	target := probe.Target{Link: "https://meet.example.org/SecretRoom?pwd=abc123XYZ#config.token=deadbeef", Password: "hunter2"}
	mask := target.Masker()
	for _, secret := range []string{target.Link, "SecretRoom", "abc123XYZ", "hunter2", "config.token=deadbeef"} {
		forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))}
		for _, form := range forms {
			if out := mask.Mask("a " + form + " b"); strings.Contains(out, form) {
				t.Errorf("%q is not masked in %q", form, out)
			}
		}
	}
	if got := mask.Mask(target.Link); got != "https://meet.example.org/[link]" {
		t.Errorf("link is masked as %q", got)
	}
	if got := mask.Mask("https://other.example/page"); got != "https://other.example/page" {
		t.Errorf("a foreign address became %q", got)
	}
}

func TestMaskerHidesRoomsInsideThePath(t *testing.T) {
	mask := probe.Target{Link: "https://bbb.example.org/rooms/abc-def-4gh-1jk/join?viewerCode=s3cr3t"}.Masker()
	for _, text := range []string{"https://bbb.example.org/rooms/abc-def-4gh-1jk/join", "wss://bbb.example.org/ws?room=abc-def-4gh-1jk", "/rooms/abc-def-4gh-1jk", "code s3cr3t"} {
		if out := mask.Mask(text); strings.Contains(out, "abc-def") || strings.Contains(out, "s3cr3t") {
			t.Errorf("%q becomes %q", text, out)
		}
	}
}

func FuzzMasker(f *testing.F) {
	f.Add("https://meet.example.org/Room1?x=yyyy", "see https://meet.example.org/Room1?x=yyyy")
	f.Fuzz(func(t *testing.T, link, text string) {
		target := probe.Target{Link: link}
		if _, err := probe.Link(link); err != nil {
			if strings.Contains(err.Error(), link) && len(link) > 8 {
				t.Errorf("the error shows the link: %v", err)
			}
			return
		}
		if len(link) > 12 && strings.Contains(target.Masker().Mask(text), link) {
			t.Errorf("link %q survives in %q", link, target.Masker().Mask(text))
		}
	})
}

func TestLinkRejects(t *testing.T) {
	for _, bad := range []string{"", "meet.example.org/room", "ftp://example.org/", "https:///room", "javascript:alert(1)", "https://%zz/"} {
		if _, err := probe.Link(bad); err == nil {
			t.Errorf("%q is taken for a meeting link", bad)
		}
	}
}

func TestTimeline(t *testing.T) {
	tl := probe.Timeline{
		{Time: at(0), Participant: 1, Phase: probe.Landing},
		{Time: at(1), Participant: 2, Phase: probe.Landing},
		{Time: at(5), Participant: 1, Phase: probe.Prejoin},
		{Time: at(8), Participant: 1, Action: "click join"},
		{Time: at(9), Participant: 1, End: probe.Denied},
	}
	if got := tl.At(1, at(6)); got != probe.Prejoin {
		t.Errorf("participant 1 is in %s", got)
	}
	if got := tl.At(2, at(6)); got != probe.Landing {
		t.Errorf("participant 2 is in %s", got)
	}
	if got := tl.At(1, at(-1)); got != probe.Preflight {
		t.Errorf("before the start: %s", got)
	}
	spans := tl.Spans()
	want := []probe.Span{
		{Participant: 1, Phase: probe.Landing, Start: at(0), End: at(5), Complete: true},
		{Participant: 1, Phase: probe.Prejoin, Start: at(5), End: at(9)},
		{Participant: 2, Phase: probe.Landing, Start: at(1), End: at(1)},
	}
	if len(spans) != len(want) {
		t.Fatalf("%d spans, want %d: %+v", len(spans), len(want), spans)
	}
	for i := range want {
		if spans[i] != want[i] {
			t.Errorf("span %d: %+v, want %+v", i, spans[i], want[i])
		}
	}
}

type number struct{ N int }

var numbers = probe.Kind[number]{Name: "test.number/v1"}

func positive() *probe.Rule {
	both := probe.Text{DE: "x", EN: "x"}
	return &probe.Rule{ID: "test.positive", Title: both, Why: both, Remedy: both, Severity: probe.High,
		Sources: []probe.Source{{Doc: "test"}}, Needs: []string{numbers.Name}, Phases: []probe.Phase{probe.Landing},
		Check: func(c *probe.Case) []probe.Finding {
			var out []probe.Finding
			for o, v := range numbers.In(c.Facts) {
				verdict := probe.Fail
				if v.N > 0 {
					verdict = probe.Pass
				}
				out = append(out, probe.Finding{Subject: o.Subject, Verdict: verdict, Observations: []string{o.ID}})
			}
			return out
		}}
}

func judge(t *testing.T, r *probe.Rule, date time.Time, all ...probe.Observation) probe.Finding {
	t.Helper()
	for i := range all {
		all[i].ID = string(rune('a' + i))
	}
	findings, err := probe.Judge(probe.NewFacts(all), date, []*probe.Rule{r})
	if err != nil {
		t.Fatal(err)
	}
	if len(findings) != 1 {
		t.Fatalf("%d findings: %+v", len(findings), findings)
	}
	return findings[0]
}

func TestJudgeNeverPassesTheUnknown(t *testing.T) {
	landed := probe.PhaseSpan.New("participant:1/landing", probe.Landing, at(0), probe.Span{Participant: 1, Phase: probe.Landing, Complete: true})
	cut := probe.PhaseSpan.New("participant:1/landing", probe.Landing, at(0), probe.Span{Participant: 1, Phase: probe.Landing})
	later := probe.PhaseSpan.New("participant:1/prejoin", probe.Prejoin, at(0), probe.Span{Participant: 1, Phase: probe.Prejoin})
	good := numbers.New("n", probe.Landing, at(1), number{1})
	bad := numbers.New("n", probe.Landing, at(1), number{-1})
	broken := numbers.Failed("n", probe.Landing, at(1), probe.Timeout)
	lobby := probe.WalkEnd.New("participant:1", probe.Lobby, at(2), probe.Walk{Participant: 1, Reached: probe.Lobby})
	lobby.Failure = probe.LobbyWaiting

	future := positive()
	future.Effective = at(1000)
	past := positive()
	past.Until = at(-1000)
	for _, c := range []struct {
		name string
		rule *probe.Rule
		all  []probe.Observation
		want probe.Verdict
		says string
	}{
		{"measured and good", positive(), []probe.Observation{landed, good}, probe.Pass, ""},
		{"good, phase cut short", positive(), []probe.Observation{cut, good}, probe.Unknown, "landing"},
		{"good, phase skipped", positive(), []probe.Observation{later, good}, probe.Pass, ""},
		{"bad, phase cut short", positive(), []probe.Observation{cut, bad}, probe.Fail, ""},
		{"nothing measured", positive(), []probe.Observation{landed}, probe.Unknown, numbers.Name},
		{"nothing measured, reason known", positive(), []probe.Observation{landed, lobby}, probe.Unknown, "lobby"},
		{"measurement failed", positive(), []probe.Observation{landed, broken}, probe.Unknown, "timeout"},
		{"not yet in force", future, []probe.Observation{landed, bad}, probe.NotApplicable, ""},
		{"no longer in force", past, []probe.Observation{landed, bad}, probe.NotApplicable, ""},
	} {
		f := judge(t, c.rule, noon, c.all...)
		if f.Verdict != c.want || !strings.Contains(f.Detail.EN, c.says) || !strings.Contains(f.Detail.DE, c.says) {
			t.Errorf("%s: %s %q, want %s naming %q", c.name, f.Verdict, f.Detail.EN, c.want, c.says)
		}
		if (f.Remedy != nil) != (f.Verdict == probe.Fail) {
			t.Errorf("%s: %s with remedy %v", c.name, f.Verdict, f.Remedy)
		}
	}
}

func TestJudgeReportsUnreadableData(t *testing.T) {
	o := numbers.New("n", probe.Landing, at(1), number{1})
	o.ID, o.Data = "a", json.RawMessage(`{"N":"one"}`)
	_, err := probe.Judge(probe.NewFacts([]probe.Observation{o}), noon, []*probe.Rule{positive()})
	if err == nil || !strings.Contains(err.Error(), "observation a") {
		t.Errorf("error is %v", err)
	}
}

func TestSetRefuses(t *testing.T) {
	half := positive()
	half.Title.DE = ""
	for name, add := range map[string]func(*probe.Set){
		"a rule without German": func(s *probe.Set) { s.Add(half) },
		"a second of that id":   func(s *probe.Set) { s.Add(positive()); s.Add(positive()) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was taken", name)
				}
			}()
			add(new(probe.Set))
		}()
	}
}

func TestObserveLosesNothing(t *testing.T) {
	rec := &probe.Record{Files: fstest.MapFS{}, Target: probe.Target{Link: "https://meet.example.org/SecretRoom"},
		Timeline: probe.Timeline{{Time: at(0), Participant: 1, Phase: probe.Landing}, {Time: at(3), Participant: 1, End: probe.OK}}}
	broken := probe.Observer{Name: "broken", Observe: func(_ context.Context, _ *probe.Record, emit func(probe.Observation)) error {
		emit(numbers.New("before", probe.Landing, at(1), number{1}))
		return errors.New("cut off")
	}}
	whole := probe.Observer{Name: "whole", Observe: func(_ context.Context, _ *probe.Record, emit func(probe.Observation)) error {
		emit(numbers.New("after", probe.Landing, at(1), number{2}))
		return nil
	}}
	all, err := probe.Observe(context.Background(), rec, broken, whole)
	if err == nil {
		t.Error("the broken observer went unnoticed")
	}
	var out bytes.Buffer
	if err := probe.WriteObservations(&out, all); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "SecretRoom") {
		t.Error("the room is in the observations")
	}
	facts, err := probe.ReadFacts(&out)
	if err != nil {
		t.Fatal(err)
	}
	var subjects []string
	for o := range numbers.In(facts) {
		subjects = append(subjects, o.ID+" "+o.Subject)
	}
	if got := strings.Join(subjects, ", "); got != "test.number-1 before, test.number-2 after" {
		t.Errorf("numbers: %s", got)
	}
	failed := 0
	for _, o := range facts.All {
		if o.Kind == probe.ObserverRun.Name && o.Failure == probe.EvidenceUnreadable {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d observers are marked as broken, want 1", failed)
	}
}

func TestReadFactsRejects(t *testing.T) {
	for name, lines := range map[string]string{
		"no JSON":        "nonsense",
		"no id":          `{"kind":"k/v1","phase":"landing","time":"2026-11-23T12:00:00Z"}`,
		"doubled id":     strings.Repeat(`{"id":"a","kind":"k/v1","phase":"landing","time":"2026-11-23T12:00:00Z"}`+"\n", 2),
		"strange phase":  `{"id":"a","kind":"k/v1","phase":"later","time":"2026-11-23T12:00:00Z"}`,
		"strange reason": `{"id":"a","kind":"k/v1","phase":"landing","failure":"bad luck","time":"2026-11-23T12:00:00Z"}`,
	} {
		if _, err := probe.ReadFacts(strings.NewReader(lines)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzReadFacts(f *testing.F) {
	f.Add([]byte(`{"id":"a","kind":"k/v1","phase":"landing","time":"2026-11-23T12:00:00Z","data":{"N":1}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		facts, err := probe.ReadFacts(bytes.NewReader(in))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := probe.WriteObservations(&out, facts.All); err != nil {
			t.Fatal(err)
		}
		again, err := probe.ReadFacts(&out)
		if err != nil || len(again.All) != len(facts.All) {
			t.Fatalf("what was written is not read back: %v", err)
		}
	})
}

func TestVerdictText(t *testing.T) {
	for _, v := range []probe.Verdict{probe.Unknown, probe.NotApplicable, probe.Pass, probe.Fail, probe.Review} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var back probe.Verdict
		if err := json.Unmarshal(b, &back); err != nil || back != v {
			t.Errorf("%s became %s, %v", b, back, err)
		}
	}
	var zero probe.Verdict
	if zero != probe.Unknown {
		t.Error("the zero verdict must be unknown")
	}
	if err := zero.UnmarshalText([]byte("perfect")); err == nil {
		t.Error("an unknown verdict was read")
	}
}

// TestNeedsAlternatives wants one of the kinds that an entry names.
func TestNeedsAlternatives(t *testing.T) {
	other := probe.Kind[number]{Name: "test.other/v1"}
	r := positive()
	r.Phases, r.Needs = nil, []string{other.Name + "|" + numbers.Name}
	if f := judge(t, r, at(0), numbers.New("n", probe.Landing, at(0), number{1})); f.Verdict != probe.Pass {
		t.Errorf("with one of two kinds: %s (%s)", f.Verdict, f.Detail.EN)
	}
	f := judge(t, r, at(0), other.Failed("n", probe.Landing, at(0), probe.Timeout))
	if f.Verdict != probe.Unknown || f.Detail.EN != "Not measured: test.other/v1 / test.number/v1 (timeout)." {
		t.Errorf("with neither: %s (%s)", f.Verdict, f.Detail.EN)
	}
}

// TestRunRules chooses rules by the first part of their ids.
func TestRunRules(t *testing.T) {
	rules := []*probe.Rule{{ID: "tls.version"}, {ID: "tls"}, {ID: "tlsx.version"}, {ID: "webrtc.tls"}}
	if got := (probe.Run{}).Rules(rules); len(got) != 4 {
		t.Errorf("without a scope %d of 4 rules", len(got))
	}
	if got := (probe.Run{Scope: []string{"tls"}}).Rules(rules); len(got) != 2 || got[0].ID != "tls.version" || got[1].ID != "tls" {
		t.Errorf("of scope tls: %d rules", len(got))
	}
}
