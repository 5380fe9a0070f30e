package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// disk mounts a small disk of its own.
func disk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes to w until there is no room.
func fill(t *testing.T, write func([]byte) (int, error)) (written int64) {
	t.Helper()
	block := []byte(strings.Repeat("evidence", 512))
	for {
		n, err := write(block)
		written += int64(n)
		if errors.Is(err, syscall.ENOSPC) {
			return written
		}
		must(t, err)
		if written > 64<<20 {
			t.Fatal("the disk never fills")
		}
	}
}

func TestDiskFull(t *testing.T) {
	w, err := Create(filepath.Join(disk(t, "8m"), "b"))
	must(t, err)
	must(t, w.Put("scan.json", []byte(`{"state":"running"}`)))
	big, err := w.Evidence("p1/netlog.json")
	must(t, err)
	small, err := w.Evidence("p1/hook.jsonl")
	must(t, err)
	_, err = small.Write([]byte("one\n"))
	must(t, err)
	written := fill(t, big.Write)
	if written < 2<<20 {
		t.Errorf("only %d bytes fit", written)
	}
	verified(t, w.Dir(), Incomplete) // as after a kill now
	if n, err := big.Write([]byte("x")); n != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a file that failed goes on: %d, %v", n, err)
	}
	if _, err := small.Write([]byte("two\n")); err != nil { // has room in its page
		t.Errorf("the other file fails too: %v", err)
	}
	must(t, w.Put("scan.json", []byte(`{"state":"incomplete"}`)))
	must(t, w.Put("observations.jsonl", []byte(strings.Repeat("x", 1<<20))))
	if err := w.Put("report.html", make([]byte, 5<<20)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("more fits on the disk than there is room: %v", err)
	}
	fails := w.Failures()
	if len(fails) != 2 || !strings.Contains(fails[0].Error(), "netlog.json") || !errors.Is(fails[1], syscall.ENOSPC) {
		t.Errorf("failures: %v", fails)
	}
	must(t, w.Seal(map[string]string{stateLabel: "incomplete", reasonLabel: "evidence_not_writable"}))
	v := verified(t, w.Dir(), Incomplete)
	if v.Files != 4 || v.Covered != v.Bytes || v.Bytes != written+8+22+1<<20 {
		t.Errorf("%+v after %d bytes", v, written)
	}
	sha256sum(t, w.Dir(), manifestFile)
	sha256sum(t, w.Dir(), tagManifestFile)
}

// TestSealOnFullDisk has nothing but the reserve left for the seal.
func TestSealOnFullDisk(t *testing.T) {
	w, err := Create(filepath.Join(disk(t, "6m"), "b"))
	must(t, err)
	big, err := w.Evidence("p1/netlog.json")
	must(t, err)
	written := fill(t, big.Write)
	must(t, w.Seal(map[string]string{stateLabel: "incomplete"}))
	if v := verified(t, w.Dir(), Incomplete); v.Covered != written {
		t.Errorf("%+v after %d bytes", v, written)
	}
}

// TestNoRoomAtAll: where not even the reserve fits, nothing is left behind.
func TestNoRoomAtAll(t *testing.T) {
	dir := disk(t, "1m")
	if _, err := Create(dir); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestJournalFull fills the disk until the journal has no room for a whole
// line, then makes room: the stump must not spoil the next line.
func TestJournalFull(t *testing.T) {
	mount := disk(t, "6m")
	w, err := Create(filepath.Join(mount, "b"))
	must(t, err)
	must(t, w.Put("x", []byte("a")))
	ballast, err := os.Create(filepath.Join(mount, "ballast"))
	must(t, err)
	fill(t, ballast.Write)
	p := checkpoint{"data/x", 1, hashA, closed}
	for n := 0; err == nil; n++ {
		if err = w.journal.add(p); n > 1000 {
			t.Fatal("the journal never fills")
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(w.Dir(), journalFile))
	must(t, err)
	if len(text)%4096 == 0 || text[len(text)-1] != '\n' {
		t.Errorf("the journal of %d bytes ends in %q", len(text), text[len(text)-10:])
	}
	verified(t, w.Dir(), Incomplete)
	must(t, ballast.Truncate(0))
	must(t, ballast.Close())
	must(t, w.Put("y", []byte("bb")))
	verified(t, w.Dir(), Incomplete)
	must(t, w.Seal(nil))
	verified(t, w.Dir(), Complete)
}
