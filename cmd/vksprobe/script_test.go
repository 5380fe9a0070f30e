package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"vksprobe/fixtures/meeting"
	"vksprobe/probe"
	"vksprobe/probe/browser"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vksprobe": main})
}

// TestScripts runs the scripts of testdata/script. Scripts of
// testdata/script/browser start Chromium and are left out by -short.
func TestScripts(t *testing.T) {
	runScripts(t, "testdata/script")
}

func TestBrowserScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	runScripts(t, "testdata/script/browser")
}

func runScripts(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"lab":    lab,
			"spoil":  spoil,
			"faults": faults,
			"until":  until,
			"gone":   gone,
			"bundle": contactsBundle,
		},
	})
}

// exits runs a program and wants its exit code: exits 3 vksprobe demo.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(interface{ ExitCode() int }); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("%s exits with %d, want %d", args[1], got, want)
	}
}

// spoil changes one byte in the middle of a file: spoil FILE.
func spoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: spoil FILE")
	}
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	if len(b) == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
	b[len(b)/2] ^= 1
	ts.Check(os.Chmod(path, 0o600))
	ts.Check(os.WriteFile(path, b, 0o600))
	fmt.Fprintf(ts.Stdout(), "spoiled %s\n", filepath.Base(path))
}

// faults wants a bundle's findings to fail exactly where the demo meeting has
// its planted faults: faults BUNDLE.
func faults(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: faults BUNDLE")
	}
	var findings []probe.Finding
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(args[0], "data", "findings.json"))), &findings))
	var got, want []string
	for _, f := range findings {
		switch f.Verdict {
		case probe.Fail:
			got = append(got, f.Rule+" "+f.Subject)
		case probe.Unknown:
			ts.Fatalf("%s %s is not measured: %s", f.Rule, f.Subject, f.Detail.EN)
		}
	}
	for _, f := range meeting.Faults() {
		want = append(want, f.Rule+" "+f.Subject)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		ts.Fatalf("planted faults (-) and violations (+):\n%s", diff)
	}
}

// until waits until a file holds a text: until FILE TEXT.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: until FILE TEXT")
	}
	for range 600 {
		if b, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Contains(string(b), args[1]) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s does not come to hold %s", args[0], args[1])
}

// gone wants no process and no profile of a bundle's browsers to be left
// after the next start has cleaned up: gone BUNDLE.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gone BUNDLE")
	}
	infos, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "data/evidence/p*/browser.json"))
	ts.Check(err)
	if len(infos) == 0 {
		ts.Fatalf("no browser is on record")
	}
	browser.Sweep(slog.New(slog.DiscardHandler))
	for _, path := range infos {
		var info browser.Info
		b, err := os.ReadFile(path)
		ts.Check(err)
		ts.Check(json.Unmarshal(b, &info))
		i := slices.IndexFunc(info.CommandLine, func(arg string) bool { return strings.HasPrefix(arg, "--user-data-dir=") })
		if i < 0 {
			ts.Fatalf("%s names no profile", path)
		}
		flag := info.CommandLine[i]
		if _, err := os.Stat(strings.TrimPrefix(flag, "--user-data-dir=")); !os.IsNotExist(err) {
			ts.Fatalf("the profile is still there: %v", err)
		}
		for range 50 { // the kernel takes a moment
			if !running(flag) {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if running(flag) {
			ts.Fatalf("a browser with %s survives", flag)
		}
	}
}

// running reports whether a process has the argument on its command line.
func running(arg string) bool {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	return slices.ContainsFunc(lines, func(path string) bool {
		b, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(b), arg+"\x00")
	})
}
