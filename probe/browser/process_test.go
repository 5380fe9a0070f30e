package browser

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// belonging lists the living processes that have anything to do with a
// profile directory: by what they were called with or where they are.
func belonging(dir string) []int {
	var ids []int
	for _, pid := range processes() {
		proc := filepath.Join("/proc", strconv.Itoa(pid))
		line, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
		if strings.Contains(string(line), dir) || strings.HasPrefix(cwd, dir) {
			ids = append(ids, pid)
		}
	}
	return ids
}

// leftOvers says what is left of a browser, "" if nothing is. Processes get a
// moment to be gone.
func leftOvers(dir string) string {
	for range 40 {
		if len(belonging(dir)) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if ids := belonging(dir); len(ids) > 0 {
		return fmt.Sprintf("processes %v", ids)
	}
	if _, err := os.Lstat(dir); err == nil {
		return dir
	}
	return ""
}

func status(t *testing.T, pid int, field string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

func TestSandbox(t *testing.T) {
	s := serve(t, "127.0.0.1", map[string]string{"/": "<title>here</title>"})
	b, e := begin(t, Config{Lang: "de-DE"})
	navigate(t, b, s.URL+"/?secret=meeting")
	if b.Info().Sandbox != "on" {
		t.Fatalf("sandbox: %s", b.Info().Sandbox)
	}
	renderers := 0
	for _, pid := range belonging(b.profile.dir) {
		line, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if strings.Contains(string(line), "meeting") {
			t.Errorf("the link is in the process list: %q", line)
		}
		if strings.Contains(string(line), "--no-sandbox") {
			t.Errorf("process %d has no sandbox", pid)
		}
		if uid := strings.Fields(status(t, pid, "Uid"))[0]; b.Info().User != "uid "+uid {
			t.Errorf("process %d runs as %s, not as %s", pid, uid, b.Info().User)
		}
		if groups := status(t, pid, "Groups"); os.Getuid() == 0 && groups != "" {
			t.Errorf("process %d keeps the groups %s", pid, groups)
		}
		if strings.Contains(string(line), "--type=renderer") {
			renderers++
			if got := status(t, pid, "Seccomp"); got != "2" {
				t.Errorf("renderer %d has seccomp %s", pid, got)
			}
			own, _ := os.Readlink("/proc/self/ns/net")
			if its, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "ns/net")); its == own {
				t.Errorf("renderer %d shares our network", pid)
			}
		}
	}
	if renderers == 0 {
		t.Error("no renderer was found")
	}
	if os.Getuid() == 0 {
		uid, _ := strconv.Atoi(strings.TrimPrefix(b.Info().User, "uid "))
		if uid < 61184 || uid > 65519 {
			t.Errorf("the browser runs as %s", b.Info().User)
		}
	}
	usage := finish(t, b, e)
	if usage.CPUSeconds <= 0 || usage.CPUSeconds > 60 || usage.PeakBytes < 50<<20 || usage.PeakBytes > 4<<30 || usage.Processes < 3 {
		t.Errorf("usage: %+v", usage)
	}
}

// TestKilled starts this test anew as a program that is killed while its
// browser runs. What is left goes with the next Sweep; a living browser stays.
func TestKilled(t *testing.T) {
	const child = "VKSPROBE_TEST_CHILD"
	if os.Getenv(child) != "" {
		b, _ := begin(t, Config{})
		fmt.Printf("\nprofile %s\n", b.profile.dir)
		io.Copy(io.Discard, os.Stdin) // until killed
		return
	}
	alive, e := begin(t, Config{})
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), child+"=1")
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dir := ""
	for in := bufio.NewScanner(out); dir == "" && in.Scan(); {
		dir, _ = strings.CutPrefix(in.Text(), "profile ")
		if !strings.HasPrefix(dir, "/") {
			dir = ""
		}
	}
	if dir == "" || len(belonging(dir)) < 3 {
		cmd.Process.Kill()
		t.Fatalf("no browser runs in %q", dir)
	}
	if removedLive := sweepOf(t, dir); removedLive {
		t.Error("Sweep removed the profile of a living program")
	}
	cmd.Process.Kill()
	cmd.Wait()
	Sweep(slog.New(slog.NewTextHandler(t.Output(), nil)))
	if left := leftOvers(dir); left != "" {
		t.Errorf("after Sweep there is %s", left)
	}
	view(t, alive, "")
	finish(t, alive, e)
}

// sweepOf sweeps and reports whether that removed dir.
func sweepOf(t *testing.T, dir string) bool {
	Sweep(slog.New(slog.NewTextHandler(t.Output(), nil)))
	_, err := os.Stat(dir)
	return err != nil
}

func TestSweep(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	p, err := newProfile()
	if err != nil {
		t.Fatal(err)
	}
	defer p.remove()
	if sweepOf(t, p.dir) {
		t.Fatal("a living profile was removed")
	}
	p.lock.Close()
	if !sweepOf(t, p.dir) {
		t.Error("a dead profile was not removed")
	}
	// a process that outlived its program goes with its profile
	if p, err = newProfile(); err != nil {
		t.Fatal(err)
	}
	orphan := exec.Command("sh", "-c", "read line", "sh", "--user-data-dir="+p.path("data"))
	if _, err := orphan.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	if sweepOf(t, p.dir) {
		t.Error("a living profile was removed")
	}
	p.lock.Close()
	if killed, removed := Sweep(slog.New(slog.DiscardHandler)); killed < 1 || removed < 1 {
		t.Errorf("%d processes were killed and %d profiles removed", killed, removed)
		orphan.Process.Kill()
	}
	if err := orphan.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the process ended with %v", err)
	}
	foreign := filepath.Join(os.TempDir(), prefix+"link")
	kept := t.TempDir()
	if err := os.Symlink(kept, foreign); err != nil {
		t.Fatal(err)
	}
	sweepOf(t, foreign)
	if _, err := os.Stat(kept); err != nil {
		t.Error("Sweep followed a link")
	}
}

// TestBrowserDies kills the browser itself: the evidence is closed and what
// is waiting returns.
func TestBrowserDies(t *testing.T) {
	s := serve(t, "127.0.0.1", map[string]string{"/": "<script>for(;;);</script>"})
	b, e := begin(t, Config{})
	waiting := make(chan error)
	go func() { waiting <- b.Navigate(within(t, 30*time.Second), s.URL) }()
	for len(e.messages(t, "Network.responseReceived")) == 0 {
		time.Sleep(20 * time.Millisecond)
	}
	syscall.Kill(b.process.pid, syscall.SIGKILL)
	select {
	case <-b.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("the end of the browser was not noticed")
	}
	if err := <-waiting; Failure(err) != "browser_crashed" {
		t.Errorf("navigating ended with %v", err)
	}
	finish(t, b, e)
	if !strings.Contains(string(e.file("p1/netlog.json")), s.URL) {
		t.Error("the NetLog has lost the request")
	}
}

func TestContextEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	e := &evidence{}
	ctx, cancel := context.WithCancel(t.Context())
	b, err := Start(ctx, Config{Participant: 1, Create: e.create})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case <-b.Done():
	case <-time.After(closeTimeout + 3*time.Second):
		t.Error("the browser outlives its context")
	}
	finish(t, b, e)
	wholeNetLog(t, e)
}

func TestStartFails(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	for _, file := range []string{"p1/netlog.json", "p1/hook.jsonl", "p1/browser.log", "p1/browser.json"} {
		e := &evidence{}
		before, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
		full := errors.New("no space left")
		_, err := Start(t.Context(), Config{Participant: 1, Create: func(name string) (io.WriteCloser, error) {
			if name == file {
				return nil, full
			}
			return e.create(name)
		}})
		if !errors.Is(err, full) {
			t.Errorf("%s cannot be made: %v", file, err)
		}
		if len(e.open) > 0 {
			t.Errorf("%s cannot be made: %v stays open", file, e.open)
		}
		after, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
		for _, dir := range after {
			if !slices.Contains(before, dir) && !abandonedByOthers(dir) {
				t.Errorf("%s cannot be made: %s stays", file, dir)
			}
		}
	}
}

// abandonedByOthers reports whether a profile belongs to another program that
// runs at the same time.
func abandonedByOthers(dir string) bool { return !abandoned(dir) }

func TestFind(t *testing.T) {
	script := func(name, body string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		body, version string
		err           error
	}{
		{"echo 'Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)'", "Chromium 156.0.8078.79", nil},
		{"echo 'Google Chrome 140.0.1.2 '", "Google Chrome 140.0.1.2", nil},
		{"echo 'Chromium 139.9.9.9'", "", ErrTooOld},
		{"echo 'Mozilla Firefox 140'", "", ErrMissing},
		{"exit 1", "", ErrMissing},
	} {
		path := script("chromium", c.body)
		gotPath, version, err := Find(path)
		if version != c.version || !errors.Is(err, c.err) || c.err == nil && gotPath != path {
			t.Errorf("%s: %q %q %v", c.body, gotPath, version, err)
		}
	}
	if _, _, err := Find("/nowhere/chromium"); !errors.Is(err, ErrMissing) {
		t.Errorf("a missing browser: %v", err)
	}
}
