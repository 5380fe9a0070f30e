// Package ruletest holds rules against golden cases.
//
// A case is a file of observations as JSON lines, testdata/RULE/CASE.jsonl,
// and the findings that are wanted, testdata/RULE/CASE.want.json. Every rule
// needs at least one case that passes and one that does not.
package ruletest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vksprobe/probe"
)

var update = flag.Bool("update", false, "write what the rules find into the golden cases")

// Date is the day as of which cases are judged.
var Date = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// finding is what a case wants; texts are not part of it.
type finding struct {
	Verdict      probe.Verdict  `json:"verdict"`
	Subject      string         `json:"subject"`
	Severity     probe.Severity `json:"severity"`
	Observations []string       `json:"observations,omitempty"`
}

// Run judges every case below dir, usually "testdata", by its rule.
func Run(t *testing.T, rules []*probe.Rule, dir string) {
	t.Helper()
	for _, rule := range rules {
		t.Run(rule.ID, func(t *testing.T) {
			cases, err := filepath.Glob(filepath.Join(dir, rule.ID, "*.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			seen := map[probe.Verdict]bool{}
			for _, path := range cases {
				name := strings.TrimSuffix(filepath.Base(path), ".jsonl")
				t.Run(name, func(t *testing.T) { judge(t, rule, path, seen) })
			}
			if !seen[probe.Pass] || !seen[probe.Fail] && !seen[probe.Review] {
				t.Errorf("%s needs a case that passes and one that does not", rule.ID)
			}
		})
	}
}

func judge(t *testing.T, rule *probe.Rule, path string, seen map[probe.Verdict]bool) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	facts, err := probe.ReadFacts(f)
	if err != nil {
		t.Fatal(err)
	}
	found, err := probe.Judge(facts, Date, []*probe.Rule{rule})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, o := range facts.All {
		known[o.ID] = true
	}
	var got []finding
	for _, fd := range found {
		seen[fd.Verdict] = true
		got = append(got, finding{fd.Verdict, fd.Subject, fd.Severity, fd.Observations})
		if fd.Detail.DE == "" || fd.Detail.EN == "" {
			t.Errorf("%s: the detail is not in both languages", fd.Subject)
		}
		if (fd.Verdict == probe.Pass || fd.Verdict == probe.Fail) && len(fd.Observations) == 0 {
			t.Errorf("%s: %s cites no observation", fd.Subject, fd.Verdict)
		}
		for _, id := range fd.Observations {
			if !known[id] {
				t.Errorf("%s cites %s, which is not in the case", fd.Subject, id)
			}
		}
	}
	text, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	golden := strings.TrimSuffix(path, ".jsonl") + ".want.json"
	if *update {
		if err := os.WriteFile(golden, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("findings:\n%swant:\n%s", text, want)
	}
}
