package bundle

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe"
)

// payload is what the bundles of these tests hold below data/.
var payload = map[string]string{
	"evidence/p1/cdp.jsonl":    "{\"m\":\"Page.enable\"}\n",
	"evidence/p1/netlog.json":  strings.Repeat("netlog ", 1000),
	"evidence/p2/empty.jsonl":  "",
	"evidence/target.json":     `{"link":"https://meet.example/room","name":"Probe","system":"jitsi"}`,
	"evidence/timeline.jsonl":  `{"time":"2026-11-23T08:00:00Z","participant":1,"phase":"landing"}` + "\n",
	"observations.jsonl":       `{"id":"scan.walk-1","kind":"scan.walk/v1","subject":"participant:1","phase":"left","time":"2026-11-23T08:00:00Z"}` + "\n",
	"findings.json":            `[{"rule":"r-1","subject":"scan","verdict":"pass"}]`,
	"scan.json":                `{"format":"vksprobe-scan/v1","id":"0123"}`,
	"evidence/p1/page/01-x.md": "ümlaut",
}

// put are the files of the payload that are written as a whole; the others
// grow.
var put = []string{"evidence/target.json", "observations.jsonl", "findings.json", "scan.json"}

// write begins a bundle with the whole payload and leaves it unsealed, with
// one file open.
func write(t *testing.T) *Writer {
	t.Helper()
	w, err := Create(filepath.Join(t.TempDir(), "bundle"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(payload)) {
		if slices.Contains(put, name) {
			must(t, w.Put(name, []byte("replaced by what follows")))
			must(t, w.Put(name, []byte(payload[name])))
			continue
		}
		g, err := w.Create(name)
		must(t, err)
		text := payload[name]
		for _, part := range []string{text[:len(text)/2], text[len(text)/2:]} {
			_, err := g.Write([]byte(part))
			must(t, err)
		}
		if !strings.HasSuffix(name, "cdp.jsonl") { // Seal closes this one
			must(t, g.Close())
		}
	}
	if fails := w.Failures(); len(fails) > 0 {
		t.Fatal(fails)
	}
	return w
}

// seal is a bundle that was sealed as complete.
func seal(t *testing.T) (dir string) {
	t.Helper()
	w := write(t)
	must(t, w.Seal(map[string]string{stateLabel: "complete"}))
	return w.Dir()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// check verifies a bundle that must be in a state.
func verified(t *testing.T, dir string, want State) *Verification {
	t.Helper()
	v, err := Verify(t.Context(), dir)
	must(t, err)
	if v.State != want {
		t.Errorf("the bundle is %s, want %s: problems %v, reasons %v", v.State, want, v.Problems, v.Reasons)
	}
	return v
}

func size() (n int64) {
	for _, text := range payload {
		n += int64(len(text))
	}
	return n
}

func TestOpen(t *testing.T) {
	unsealed := write(t)
	for name, dir := range map[string]string{"sealed": seal(t), "unsealed": unsealed.Dir()} {
		t.Run(name, func(t *testing.T) {
			b, err := Open(dir)
			must(t, err)
			var want []File
			for _, name := range slices.Sorted(maps.Keys(payload)) {
				want = append(want, File{name, hashBytes([]byte(payload[name])), int64(len(payload[name]))})
			}
			if d := cmp.Diff(want, b.Files()); d != "" {
				t.Errorf("files (-want +got):\n%s", d)
			}
			rec, err := b.Record()
			must(t, err)
			if rec.Target.Link != "https://meet.example/room" || rec.Target.System != "jitsi" {
				t.Errorf("target: %+v", rec.Target)
			}
			if got := rec.Digests["p1/netlog.json"]; got != hashBytes([]byte(payload["evidence/p1/netlog.json"])) {
				t.Errorf("digest of the NetLog: %q", got)
			}
			wantMarks := probe.Timeline{{Time: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Participant: 1, Phase: probe.Landing}}
			if d := cmp.Diff(wantMarks, rec.Timeline); d != "" {
				t.Errorf("timeline (-want +got):\n%s", d)
			}
			facts, err := b.Facts()
			must(t, err)
			if len(facts.All) != 1 || facts.All[0].Kind != "scan.walk/v1" {
				t.Errorf("facts: %+v", facts.All)
			}
			findings, err := b.Findings()
			must(t, err)
			if len(findings) != 1 || findings[0].Verdict != probe.Pass {
				t.Errorf("findings: %+v", findings)
			}
			run, err := b.Run()
			must(t, err)
			if run.ID != "0123" {
				t.Errorf("run: %+v", run)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, dir string){
		"no bundle": func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, declarationFile))) },
		"a link": func(t *testing.T, dir string) {
			must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "data/evidence/p1/link")))
		},
		"bad manifest": func(t *testing.T, dir string) {
			edit(t, dir, manifestFile, func(b []byte) []byte { return append(b, '\n') })
		},
		"a vast hole": func(t *testing.T, dir string) {
			f, err := os.Create(filepath.Join(dir, "data/hole"))
			must(t, err)
			must(t, f.Truncate(maxUnsealed+1))
			must(t, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := seal(t)
			if _, err := Open(dir); err != nil {
				t.Fatal(err)
			}
			change(t, dir)
			if _, err := Open(dir); err == nil {
				t.Error("the bundle was opened")
			}
		})
	}
}

func TestTimeline(t *testing.T) {
	line := `{"time":"2026-11-23T08:00:00Z","participant":1,"phase":"landing"}` + "\n"
	for name, c := range map[string]struct {
		text  string
		marks int
		err   string
	}{
		"empty":         {"", 0, ""},
		"whole":         {line + line, 2, ""},
		"cut at end":    {line + line[:20], 1, ""},
		"bad in middle": {line + line[:20] + "\n" + line, 0, "line 2"},
		"endless":       {strings.Repeat("x", maxMark+1), 0, "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			tl, err := readTimeline(strings.NewReader(c.text))
			if len(tl) != c.marks || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%d marks, error %v; want %d, %q", len(tl), err, c.marks, c.err)
			}
		})
	}
}
