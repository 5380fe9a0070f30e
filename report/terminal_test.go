package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe"
	"vksprobe/report"
)

func TestTerminal(t *testing.T) {
	r, _ := sample(t)
	for _, lang := range []string{"de", "en"} {
		t.Run(lang, func(t *testing.T) {
			var out bytes.Buffer
			if err := report.Terminal(&out, r, lang); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "terminal."+lang+".txt")
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
			if strings.ContainsAny(out.String(), "\x1b\u202e\r") {
				t.Error("a character that steers the terminal got through")
			}
		})
	}
}

func TestTerminalBoundsOneRule(t *testing.T) {
	var findings []probe.Finding
	for range 500 {
		findings = append(findings, probe.Finding{Rule: "a.b", Subject: "host:x", Verdict: probe.Fail, Severity: probe.Low})
	}
	var out bytes.Buffer
	if err := report.Terminal(&out, report.New(probe.Run{State: probe.Complete}, nil, nil, findings, nil), "en"); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n > 50 {
		t.Errorf("%d lines for one rule", n)
	}
	if !strings.Contains(out.String(), "a.b: 490 more") {
		t.Errorf("does not say how many were left out:\n%s", out.String())
	}
}

// TestConclusion wants that what broke never reads like what passed.
func TestConclusion(t *testing.T) {
	finding := func(vs ...probe.Verdict) []probe.Finding {
		var all []probe.Finding
		for _, v := range vs {
			all = append(all, probe.Finding{Rule: "a.b", Subject: "scan", Verdict: v})
		}
		return all
	}
	for _, c := range []struct {
		state    probe.RunState
		findings []probe.Finding
		want     string
	}{
		{probe.Complete, finding(probe.Pass), "No violation found."},
		{probe.Complete, finding(probe.Pass, probe.Review), "No violation found, points to be reviewed."},
		{probe.Complete, finding(probe.Pass, probe.Unknown), "Not fully measured."},
		{probe.Incomplete, finding(probe.Pass), "Not fully measured."},
		{probe.Running, finding(probe.Pass), "Not fully measured."},
		{probe.Complete, nil, "No conclusion possible."},
		{probe.Complete, finding(probe.NotApplicable), "No conclusion possible."},
		{probe.Incomplete, finding(probe.Unknown), "No conclusion possible."},
		{probe.Complete, finding(probe.Fail, probe.Pass), "Violations found."},
		{probe.Incomplete, finding(probe.Fail, probe.Unknown), "Violations found, measurement incomplete."},
	} {
		var out bytes.Buffer
		if err := report.Terminal(&out, report.New(probe.Run{State: c.state}, nil, nil, c.findings, nil), "en"); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "\n"+c.want+" ") {
			t.Errorf("%s %v: want %q in\n%s", c.state, c.findings, c.want, out.String())
		}
		if incomplete := strings.Contains(out.String(), "INCOMPLETE"); incomplete != (c.state != probe.Complete) {
			t.Errorf("%s: INCOMPLETE is said: %v", c.state, incomplete)
		}
	}
}
