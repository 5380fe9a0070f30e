package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// childOf tells the test binary, when it runs as a child, what to write.
const childOf = "VKSPROBE_BUNDLE_CHILD"

func TestMain(m *testing.M) {
	var err error
	switch kind, dir, _ := strings.Cut(os.Getenv(childOf), ":"); kind {
	case "":
		os.Exit(m.Run())
	case "endless":
		err = writeEndlessly(dir)
	case "once":
		err = writeOnce(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writeEndlessly fills three files at once, and one again and again, until it
// is killed.
func writeEndlessly(dir string) error {
	w, err := Create(dir)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	errs := make([]error, 4)
	for n := range 3 {
		all.Go(func() {
			g, err := w.Evidence(fmt.Sprintf("p%d/cdp.jsonl", n))
			for i := 0; err == nil; i++ {
				_, err = g.Write(numbered(i))
				time.Sleep(time.Millisecond)
			}
			errs[n] = err
		})
	}
	all.Go(func() {
		for i := 0; errs[3] == nil; i++ {
			errs[3] = w.Put("scan.json", numbered(i))
		}
	})
	all.Wait()
	return errors.Join(errs...)
}

func numbered(i int) []byte { return fmt.Appendf(nil, "%07d\n", i) }

// writeOnce writes a small bundle, each kind of file once, and seals it. It
// stays on one thread so that strace can count its calls.
func writeOnce(dir string) error {
	runtime.LockOSThread()
	w, err := Create(dir)
	if err != nil {
		return err
	}
	log, err := w.Create("scan.log")
	if err != nil {
		return err
	}
	if _, err := log.Write([]byte("started\n")); err != nil {
		return err
	}
	for _, text := range []string{"running", "complete"} {
		if err := w.Put("scan.json", []byte(text)); err != nil {
			return err
		}
	}
	ev, err := w.Evidence("p1/cdp.jsonl")
	if err != nil {
		return err
	}
	if _, err := ev.Write([]byte("line\n")); err != nil {
		return err
	}
	if err := ev.Close(); err != nil {
		return err
	}
	return w.Seal(map[string]string{stateLabel: "complete"})
}

// TestKilled kills a writer at random times. What its last checkpoints cover
// must be there, byte by byte, without trusting Verify to say so.
func TestKilled(t *testing.T) {
	exe, err := os.Executable()
	must(t, err)
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	var covered int64
	for n := range rounds {
		dir := filepath.Join(t.TempDir(), "b")
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), childOf+"=endless:"+dir)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		must(t, cmd.Start())
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(filepath.Join(dir, "data/scan.json")); err == nil {
				break
			}
			if time.Now().After(deadline) {
				cmd.Process.Kill()
				t.Fatal("the child does not write")
			}
		}
		time.Sleep(rand.N(1500 * time.Millisecond))
		must(t, cmd.Process.Signal(syscall.SIGKILL))
		err := cmd.Wait()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the child ended by itself: %v %s", err, stderr.Bytes())
		}

		v := verified(t, dir, Incomplete)
		if v.Covered > v.Bytes {
			t.Errorf("round %d: %+v", n, v)
		}
		covered += checkPrefixes(t, dir)
		if _, err := Open(dir); err != nil {
			t.Errorf("round %d: %v", n, err)
		}
	}
	if covered == 0 && !testing.Short() {
		t.Error("no round had a checkpoint that covers anything")
	}
	t.Logf("%d rounds, %d bytes below checkpoints", rounds, covered)
}

// checkPrefixes reads the journal in the simplest way and compares what it
// covers of the files that grow with what the child must have written.
func checkPrefixes(t *testing.T, dir string) (covered int64) {
	t.Helper()
	journal, err := os.ReadFile(filepath.Join(dir, journalFile))
	must(t, err)
	last := map[string]int64{}
	for line := range bytes.Lines(journal) {
		var p struct {
			Path string
			Size int64
		}
		if json.Unmarshal(line, &p) == nil && strings.HasSuffix(p.Path, "cdp.jsonl") {
			last[p.Path] = p.Size
		}
	}
	for path, size := range last {
		b, err := os.ReadFile(filepath.Join(dir, path))
		if errors.Is(err, fs.ErrNotExist) && size == 0 {
			continue
		}
		must(t, err)
		if int64(len(b)) < size {
			t.Errorf("%s has %d bytes, the journal says %d", path, len(b), size)
			continue
		}
		for i := int64(0); i+8 <= size; i += 8 {
			if !bytes.Equal(b[i:i+8], numbered(int(i/8))) {
				t.Errorf("%s differs at byte %d", path, i)
				break
			}
		}
		covered += size
	}
	return covered
}

// TestKilledAtEveryCall kills a writer at each system call that changes the
// disk, from the first of Create to the last of Seal.
func TestKilledAtEveryCall(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process per system call")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command(strace, "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		t.Skipf("tracing is not permitted: %v: %s", err, out)
	}
	exe, err := os.Executable()
	must(t, err)
	run := func(call string, n int) (dir string, err error) {
		dir = filepath.Join(t.TempDir(), "b")
		cmd := exec.Command(strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace="+call,
			"-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, n), exe)
		cmd.Env = append(os.Environ(), childOf+"=once:"+dir)
		out, err := cmd.CombinedOutput()
		if len(out) > 0 {
			t.Fatalf("%s: %v: %s", call, err, out)
		}
		return dir, err
	}
	states := map[string]int{}
	// strace counts each call by itself
	for _, call := range []string{"openat", "write", "fsync", "fchmod", "fchmodat", "renameat", "unlinkat", "mkdirat"} {
		kills := 0
		for n := 1; ; n++ {
			dir, err := run(call, n)
			if err == nil { // the writer has fewer such calls
				verified(t, dir, Complete)
				break
			}
			if n > 1000 {
				t.Fatal("the writer never ends")
			}
			entries, err := os.ReadDir(dir)
			if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
				states["none"]++ // the bundle had not begun
				continue
			}
			kills++
			v, err := Verify(t.Context(), dir)
			if err != nil {
				t.Errorf("killed at %s %d: %v", call, n, err)
				continue
			}
			states[string(v.State)]++
			if v.State == Broken {
				t.Errorf("killed at %s %d: %v", call, n, v.Problems)
			}
			if v.State == Complete {
				sha256sum(t, dir, manifestFile)
				sha256sum(t, dir, tagManifestFile)
			}
		}
		if kills == 0 {
			t.Errorf("no writer was killed at %s", call)
		}
	}
	if states[string(Incomplete)] < 50 || states[string(Complete)] == 0 {
		t.Errorf("hardly anything was killed: %v", states)
	}
	t.Logf("states after a kill: %v", states)
}

// TestKilledWhileSealing takes the files of a seal away in the reverse order
// of their writing.
func TestKilledWhileSealing(t *testing.T) {
	w := write(t)
	aside := filepath.Join(t.TempDir(), "journal")
	must(t, os.Link(filepath.Join(w.Dir(), journalFile), aside))
	must(t, w.Seal(map[string]string{stateLabel: "complete"}))
	verified(t, w.Dir(), Complete)
	must(t, os.Link(aside, filepath.Join(w.Dir(), journalFile)))
	verified(t, w.Dir(), Complete)
	for _, name := range []string{manifestFile, tagManifestFile, infoFile} {
		must(t, os.Remove(filepath.Join(w.Dir(), name)))
		v := verified(t, w.Dir(), Incomplete)
		if v.Covered != size() {
			t.Errorf("without %s %d bytes are covered, want %d", name, v.Covered, size())
		}
	}
}
