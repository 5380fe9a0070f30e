package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sha256sum is the judge that knows nothing of this program.
func sha256sum(t *testing.T, dir, manifest string) {
	t.Helper()
	if _, err := exec.LookPath("sha256sum"); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command("sha256sum", "--strict", "-c", manifest)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum -c %s: %v\n%s", manifest, err, out)
	}
}

func TestSeal(t *testing.T) {
	dir := seal(t)
	v := verified(t, dir, Complete)
	if v.Files != len(payload) || v.Bytes != size() || v.Covered != size() || len(v.Reasons) > 0 {
		t.Errorf("%+v, want %d files, %d bytes", v, len(payload), size())
	}
	sha256sum(t, dir, manifestFile)
	sha256sum(t, dir, tagManifestFile)

	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		must(t, err)
		info, err := d.Info()
		must(t, err)
		want := fs.FileMode(0o400)
		if d.IsDir() {
			want = 0o700
		} else if rel, _ := filepath.Rel(dir, path); !strings.HasPrefix(rel, "data/") {
			files = append(files, rel)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	must(t, err)
	if got, want := strings.Join(files, " "), "bag-info.txt bagit.txt manifest-sha256.txt tagmanifest-sha256.txt"; got != want {
		t.Errorf("tag files %s, want %s", got, want)
	}
	info, err := os.ReadFile(filepath.Join(dir, infoFile))
	must(t, err)
	want := fmt.Sprintf("Bag-Software-Agent: vksprobe\nBagging-Date: %s\nPayload-Oxum: %d.%d\nVksprobe-State: complete\n",
		time.Now().UTC().Format(time.DateOnly), size(), len(payload))
	if string(info) != want {
		t.Errorf("bag-info.txt is\n%s\nwant\n%s", info, want)
	}
}

func TestSealedIncomplete(t *testing.T) {
	w := write(t)
	must(t, w.Seal(map[string]string{stateLabel: "incomplete", reasonLabel: "lobby\nVksprobe-State: complete \x1b[2J"}))
	v := verified(t, w.Dir(), Incomplete)
	if got := strings.Join(v.Reasons, "|"); got != "the scan is incomplete|lobby Vksprobe-State: complete [2J" {
		t.Errorf("reasons: %q", got)
	}
	edit(t, w.Dir(), "data/scan.json", func(b []byte) []byte { b[0] ^= 1; return b })
	named(t, verified(t, w.Dir(), Broken), "data/scan.json")
}

func TestSealAgain(t *testing.T) {
	w := write(t)
	if err := w.Seal(map[string]string{"Not a label": "x"}); err == nil {
		t.Fatal("a label with spaces was accepted")
	}
	verified(t, w.Dir(), Incomplete)
	must(t, w.Seal(nil))
	verified(t, w.Dir(), Complete)
	_, err := w.Create("late.log")
	for _, err := range []error{err, w.Put("late.json", nil), w.Seal(nil)} {
		if !errors.Is(err, errSealed) {
			t.Errorf("after the seal: %v", err)
		}
	}
	verified(t, w.Dir(), Complete)
}

func TestNames(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "b"))
	must(t, err)
	for _, name := range []string{"", ".", "..", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a/.hidden", "A",
		"a b", "a\nb", "a\\b", "ä", "a\x00", strings.Repeat("a", 201)} {
		if err := w.Put(name, nil); err == nil {
			t.Errorf("Put took the name %q", name)
		}
		if g, err := w.Evidence(name); err == nil {
			g.Close()
			t.Errorf("Evidence took the name %q", name)
		}
	}
	must(t, w.Put("a/b-c_d.1/e.json", nil))
	must(t, w.Seal(nil))
	if v := verified(t, w.Dir(), Complete); v.Files != 1 {
		t.Errorf("%d files", v.Files)
	}
}

func TestNamesTaken(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "b"))
	must(t, err)
	g, err := w.Create("grows")
	must(t, err)
	must(t, w.Put("whole", []byte("1")))
	_, again := w.Create("grows")
	_, over := w.Create("whole")
	for _, err := range []error{again, over, w.Put("grows", []byte("2"))} {
		if !errors.Is(err, fs.ErrExist) {
			t.Errorf("a name was taken twice: %v", err)
		}
	}
	_, err = g.Write([]byte("still mine"))
	must(t, err)
	must(t, w.Seal(nil))
	if _, err := g.Write([]byte("late")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("writing to a sealed file: %v", err)
	}
	verified(t, w.Dir(), Complete)
}

func TestCreate(t *testing.T) {
	full := t.TempDir()
	must(t, os.WriteFile(filepath.Join(full, "x"), nil, 0o600))
	if _, err := Create(full); err == nil {
		t.Error("a directory that is not empty was taken")
	}
	empty := t.TempDir()
	must(t, os.Chmod(empty, 0o755))
	w, err := Create(empty)
	must(t, err)
	if info, err := os.Stat(empty); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may look into the bundle: %v %v", info.Mode(), err)
	}
	verified(t, w.Dir(), Incomplete)
}

// TestTogether writes many files at once, and one name from many sides.
func TestTogether(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "b"))
	must(t, err)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			g, err := w.Evidence(fmt.Sprintf("p%d/cdp.jsonl", n))
			if err != nil {
				t.Error(err)
				return
			}
			for range 200 {
				if _, err := fmt.Fprintf(g, "line of %d\n", n); err != nil {
					t.Error(err)
				}
			}
			if err := w.Put("scan.json", fmt.Appendf(nil, `{"id":"%d"}`, n)); err != nil {
				t.Error(err)
			}
			if n%2 == 0 {
				if err := g.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	verified(t, w.Dir(), Incomplete)
	must(t, w.Seal(nil))
	if v := verified(t, w.Dir(), Complete); v.Files != 9 || v.Bytes != 8*200*10+10 {
		t.Errorf("%+v", v)
	}
}

// TestCheckpoint is about a burst that silence follows: it must be covered
// without another write, and what follows must be again.
func TestCheckpoint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "b")
	synctest.Test(t, func(t *testing.T) {
		w, err := Create(dir)
		must(t, err)
		g, err := w.Evidence("p1/cdp.jsonl")
		must(t, err)
		for n := int64(1); n <= 3; n++ {
			_, err = g.Write([]byte("burst"))
			must(t, err)
			if v := verified(t, dir, Incomplete); v.Covered != 5*(n-1) || v.Bytes != 5*n || len(v.Reasons) != 2 ||
				v.Reasons[1] != fmt.Sprintf("5 of %d bytes were written after the last checkpoint and cannot be checked", 5*n) {
				t.Errorf("before the checkpoint: %+v", v)
			}
			time.Sleep(checkpointAfter)
			synctest.Wait()
			if v := verified(t, dir, Incomplete); v.Covered != 5*n || len(v.Reasons) != 1 {
				t.Errorf("after the checkpoint: %+v", v)
			}
		}
		before, err := os.ReadFile(filepath.Join(dir, journalFile))
		must(t, err)
		time.Sleep(time.Hour)
		after, err := os.ReadFile(filepath.Join(dir, journalFile))
		must(t, err)
		if !bytes.Equal(before, after) {
			t.Error("the journal grows while nothing is written")
		}
		must(t, w.Seal(nil))
	})
	verified(t, dir, Complete)
}

// TestFailingFile takes the descriptor of one file away: the file ends there
// and the others go on.
func TestFailingFile(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "b"))
	must(t, err)
	bad, err := w.Evidence("bad.jsonl")
	must(t, err)
	good, err := w.Evidence("good.jsonl")
	must(t, err)
	_, err = bad.Write([]byte("first"))
	must(t, err)
	must(t, bad.f.Close())
	for range 100 {
		if n, err := bad.Write([]byte("second")); n != 0 || err == nil {
			t.Fatalf("wrote %d bytes to a file that is gone, error %v", n, err)
		}
		_, err := good.Write([]byte("line\n"))
		must(t, err)
	}
	if fails := w.Failures(); len(fails) != 1 || !strings.Contains(fails[0].Error(), "bad.jsonl") {
		t.Errorf("failures: %v", fails)
	}
	if err := bad.Close(); err == nil {
		t.Error("closing a file that failed gives no error")
	}
	must(t, w.Seal(nil))
	if v := verified(t, w.Dir(), Complete); v.Bytes != 505 {
		t.Errorf("%d bytes, want 505", v.Bytes)
	}
}

// BenchmarkWrite shows what hashing and checkpoints cost.
func BenchmarkWrite(b *testing.B) {
	w, err := Create(filepath.Join(b.TempDir(), "b"))
	if err != nil {
		b.Fatal(err)
	}
	g, err := w.Evidence("p1/cdp.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	line := make([]byte, 4096)
	for i := range line {
		line[i] = byte(rand.N(256))
	}
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := g.Write(line); err != nil {
			b.Fatal(err)
		}
	}
	if err := g.Close(); err != nil {
		b.Fatal(err)
	}
}
