package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe"
	"vksprobe/report"
	"vksprobe/webrtc/turn"
)

// turnCase reads golden cases of the rules of package turn.
func turnCase(t *testing.T, name string) (turn.Facts, []probe.Finding) {
	t.Helper()
	file, err := os.Open(filepath.Join("../webrtc/turn/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	facts, err := probe.ReadFacts(file)
	if err != nil {
		t.Fatal(err)
	}
	findings, err := probe.Judge(facts, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), probe.Rules(&turn.Rules))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range turn.Observed.In(facts) {
		return f, findings
	}
	t.Fatal("no server")
	return turn.Facts{}, nil
}

// The text says first what is wrong and loses nothing of it, in both
// languages and within the width of a page.
func TestTURN(t *testing.T) {
	for name, path := range map[string]string{"wide": "turn.relay-to-private/wide.jsonl", "stranger": "turn.relay-to-private/stranger.jsonl"} {
		for _, lang := range []string{"de", "en"} {
			t.Run(name+" "+lang, func(t *testing.T) {
				f, findings := turnCase(t, path)
				var out bytes.Buffer
				if err := report.TURN(&out, f, findings, lang); err != nil {
					t.Fatal(err)
				}
				golden := filepath.Join("testdata", "turn."+name+"."+lang+".txt")
				if *update {
					if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), out.String()); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				for line := range strings.Lines(out.String()) {
					if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > 98 {
						t.Errorf("%d columns: %s", n, line)
					}
				}
			})
		}
	}
}

// A server cannot steer the terminal of who asks it.
func TestTURNInert(t *testing.T) {
	f, findings := turnCase(t, "turn.relay-to-private/wide.jsonl")
	f.Software, f.Realm, f.Alternate = "a\x1b[31mb\u202e", "r\r\n\x07", "\u0085"
	f.Peers = append(f.Peers, turn.Peer{Address: "\x1b[2J", Class: "\x1b[2J", Relay: "\x1b[2J"})
	f.Doors = append(f.Doors, turn.Door{Transport: "\x1b", Address: "\x1b[2J\u2066"})
	var out bytes.Buffer
	if err := report.TURN(&out, f, findings, "de"); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e\r\x07\u2066\u0085") {
		t.Errorf("a character that steers the terminal got through:\n%q", out.String())
	}
}

// Whatever is in the facts, they can be printed.
func TestTURNAnyFacts(t *testing.T) {
	for _, text := range []string{`{}`, `{"relay":true}`, `{"relay":true,"credential":{"given":true},"doors":[{}],"peers":[{},{"address":"10.0.0.1"}],"amplification":[{}],"allocation":{"works":{"state":"yes"}}}`} {
		var f turn.Facts
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := report.TURN(&out, f, nil, "en"); err != nil || out.Len() == 0 {
			t.Errorf("%s: %v, %q", text, err, out.String())
		}
	}
}
