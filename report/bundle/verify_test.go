package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// edit changes a file of a bundle behind its back.
func edit(t *testing.T, dir, path string, change func([]byte) []byte) {
	t.Helper()
	full := filepath.Join(dir, path)
	b, err := os.ReadFile(full)
	must(t, err)
	must(t, os.Chmod(full, 0o600))
	must(t, os.WriteFile(full, change(b), 0o600))
}

// named checks that a broken bundle says which files are at fault.
func named(t *testing.T, v *Verification, paths ...string) {
	t.Helper()
	var got []string
	for _, p := range v.Problems {
		got = append(got, p.Path)
	}
	got = slices.Compact(got)
	if !slices.Equal(got, paths) {
		t.Errorf("problems %v, want them with %q", v.Problems, paths)
	}
}

// tampered are changes to a file that must be found wherever it is.
var tampered = map[string]func(t *testing.T, dir, path string) (culprits []string){
	"first byte": func(t *testing.T, dir, path string) []string {
		edit(t, dir, path, func(b []byte) []byte { b[0] ^= 1; return b })
		return []string{path}
	},
	"last byte": func(t *testing.T, dir, path string) []string {
		edit(t, dir, path, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		return []string{path}
	},
	"truncated": func(t *testing.T, dir, path string) []string {
		edit(t, dir, path, func(b []byte) []byte { return b[:len(b)-1] })
		return []string{path}
	},
	"emptied": func(t *testing.T, dir, path string) []string {
		edit(t, dir, path, func(b []byte) []byte { return nil })
		return []string{path}
	},
	"longer": func(t *testing.T, dir, path string) []string {
		edit(t, dir, path, func(b []byte) []byte { return append(b, '\n') })
		return []string{path}
	},
	"CRLF": func(t *testing.T, dir, path string) []string {
		edit(t, dir, path, func(b []byte) []byte { return bytes.ReplaceAll(append(b, '\n'), []byte("\n"), []byte("\r\n")) })
		return []string{path}
	},
	"missing": func(t *testing.T, dir, path string) []string {
		must(t, os.Remove(filepath.Join(dir, path)))
		return []string{path}
	},
	"renamed": func(t *testing.T, dir, path string) []string {
		must(t, os.Rename(filepath.Join(dir, path), filepath.Join(dir, path+"x")))
		return []string{path, path + "x"}
	},
	"link to the same": func(t *testing.T, dir, path string) []string {
		aside := filepath.Join(t.TempDir(), "aside")
		must(t, os.Rename(filepath.Join(dir, path), aside))
		must(t, os.Symlink(aside, filepath.Join(dir, path)))
		return []string{path}
	},
	"pipe": func(t *testing.T, dir, path string) []string {
		must(t, os.Remove(filepath.Join(dir, path)))
		must(t, syscall.Mkfifo(filepath.Join(dir, path), 0o600))
		return []string{path}
	},
	"directory": func(t *testing.T, dir, path string) []string {
		must(t, os.Remove(filepath.Join(dir, path)))
		must(t, os.Mkdir(filepath.Join(dir, path), 0o700))
		return []string{path}
	},
}

func TestTampered(t *testing.T) {
	for name, tamper := range tampered {
		for _, path := range []string{"data/evidence/p1/netlog.json", "data/scan.json", infoFile, declarationFile, manifestFile} {
			t.Run(name+"/"+path, func(t *testing.T) {
				dir := seal(t)
				want := tamper(t, dir, path)
				v := verified(t, dir, Broken)
				named(t, v, want...)
			})
		}
	}
}

// TestTamperedUnsealed changes what the journal covers.
func TestTamperedUnsealed(t *testing.T) {
	for name, tamper := range tampered {
		for _, path := range []string{"data/evidence/p1/netlog.json", "data/scan.json", declarationFile} {
			t.Run(name+"/"+path, func(t *testing.T) {
				dir := write(t).Dir()
				want := tamper(t, dir, path)
				named(t, verified(t, dir, Broken), want...)
			})
		}
	}
}

// TestTagManifest is about the one file that no other file vouches for: every
// change to it must show.
func TestTagManifest(t *testing.T) {
	dir := seal(t)
	full := filepath.Join(dir, tagManifestFile)
	text, err := os.ReadFile(full)
	must(t, err)
	must(t, os.Chmod(full, 0o600))
	lines := strings.SplitAfter(string(text), "\n")
	changes := map[string]string{
		"empty": "", "CRLF": strings.ReplaceAll(string(text), "\n", "\r\n"), "no last newline": strings.TrimSuffix(string(text), "\n"),
		"empty line": string(text) + "\n", "doubled line": lines[0] + string(text), "other order": lines[1] + lines[0] + lines[2],
		"capitals": strings.ToUpper(lines[0][:64]) + string(text)[64:], "without a line": lines[0] + lines[1],
		"binary mode": strings.ReplaceAll(string(text), "  ", " *"), "not UTF-8": string(text) + "\xff",
		"payload": lines[0] + lines[1] + strings.Repeat("0", 64) + "  data/scan.json\n" + lines[2],
		"itself":  string(text) + strings.Repeat("0", 64) + "  " + tagManifestFile + "\n",
	}
	for i := range text {
		for _, bit := range []byte{1, 0x20, 0x80} {
			b := bytes.Clone(text)
			b[i] ^= bit
			changes[fmt.Sprintf("byte %d ^ %#x", i, bit)] = string(b)
		}
	}
	for name, change := range changes {
		must(t, os.WriteFile(full, []byte(change), 0o600))
		if v, err := Verify(t.Context(), dir); err != nil || v.State != Broken || len(v.Problems) == 0 {
			t.Errorf("%s: not found: %+v, %v", name, v, err)
		}
	}
	must(t, os.WriteFile(full, text, 0o600))
	verified(t, dir, Complete)
}

// TestEveryByte changes each byte of the other tag files.
func TestEveryByte(t *testing.T) {
	dir := seal(t)
	for _, name := range []string{declarationFile, infoFile, manifestFile} {
		full := filepath.Join(dir, name)
		text, err := os.ReadFile(full)
		must(t, err)
		must(t, os.Chmod(full, 0o600))
		for i := range text {
			b := bytes.Clone(text)
			b[i] ^= 1
			must(t, os.WriteFile(full, b, 0o600))
			v, err := Verify(t.Context(), dir)
			if err != nil || v.State != Broken || !slices.ContainsFunc(v.Problems, func(p Problem) bool { return p.Path == name }) {
				t.Errorf("%s, byte %d: %+v, %v", name, i, v, err)
			}
		}
		must(t, os.WriteFile(full, text, 0o600))
	}
	verified(t, dir, Complete)
}

func TestExtra(t *testing.T) {
	for _, path := range []string{"x", "data/x", "data/evidence/p1/x", "data/evidence/p1/.vksprobe-1", ".vksprobe-reserve", ".hidden",
		"data/a\nb", "data/\x1b[2J", journalFile} {
		t.Run(fmt.Sprintf("%q", path), func(t *testing.T) {
			dir := seal(t)
			must(t, os.WriteFile(filepath.Join(dir, path), []byte("x"), 0o600))
			named(t, verified(t, dir, Broken), printable(path))
		})
	}
	for _, path := range []string{"x", "data/x", infoFile, tagManifestFile} {
		t.Run("unsealed/"+path, func(t *testing.T) {
			dir := write(t).Dir()
			must(t, os.WriteFile(filepath.Join(dir, path), nil, 0o600))
			named(t, verified(t, dir, Broken), path)
		})
	}
	t.Run("device", func(t *testing.T) {
		dir := seal(t)
		if err := syscall.Mknod(filepath.Join(dir, "data/null"), syscall.S_IFCHR|0o600, 1<<8|3); err != nil {
			t.Skip(err)
		}
		named(t, verified(t, dir, Broken), "data/null")
	})
}

// TestForged gives bundles a manifest that agrees with its tag manifest, so
// that only what the manifest says is wrong with it.
func TestForged(t *testing.T) {
	zero := strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		manifest func(string) string
		culprit  string
	}{
		"traversal": {func(s string) string { return s + zero + "  data/../../etc/passwd\n" }, manifestFile},
		"absolute":  {func(s string) string { return s + zero + "  /etc/passwd\n" }, manifestFile},
		"tag file":  {func(s string) string { return zero + "  bagit.txt\n" + s }, manifestFile},
		"not there": {func(s string) string { return s + zero + "  data/zzz\n" }, "data/zzz"},
		"doubled":   {func(s string) string { return s + s[strings.LastIndex(s[:len(s)-1], "\n")+1:] }, manifestFile},
		"CRLF":      {func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }, manifestFile},
		"capitals":  {func(s string) string { return strings.ToUpper(s[:64]) + s[64:] }, manifestFile},
		"not UTF-8": {func(s string) string { return s + zero + "  data/\xff\n" }, manifestFile},
		"too long":  {func(s string) string { return s + zero + "  data/" + strings.Repeat("z", 1<<20) + "\n" }, manifestFile},
	} {
		t.Run(name, func(t *testing.T) {
			dir := seal(t)
			edit(t, dir, manifestFile, func(b []byte) []byte { return []byte(c.manifest(string(b))) })
			revouch(t, dir)
			named(t, verified(t, dir, Broken), c.culprit)
		})
	}
	t.Run("oxum", func(t *testing.T) {
		dir := seal(t)
		edit(t, dir, infoFile, func(b []byte) []byte { return bytes.Replace(b, []byte("Payload-Oxum: "), []byte("Payload-Oxum: 1"), 1) })
		revouch(t, dir)
		named(t, verified(t, dir, Broken), infoFile)
	})
}

// revouch makes the tag manifest agree with the tag files.
func revouch(t *testing.T, dir string) {
	t.Helper()
	sums := map[string]string{}
	for _, name := range []string{declarationFile, infoFile, manifestFile} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		sums[name] = hashBytes(b)
	}
	edit(t, dir, tagManifestFile, func([]byte) []byte { return manifestText(sums) })
}

// TestHole replaces a file by a hole of a million gigabytes, or as much as
// the file system allows, which nobody can wait to have hashed.
func TestHole(t *testing.T) {
	dir := seal(t)
	full := filepath.Join(dir, "data/scan.json")
	must(t, os.Chmod(full, 0o600))
	if err := os.Truncate(full, 1<<43); err != nil {
		t.Skip(err)
	}
	start := time.Now()
	named(t, verified(t, dir, Broken), "data/scan.json")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestContext verifies what would take hours.
func TestContext(t *testing.T) {
	w := write(t)
	hole := filepath.Join(w.Dir(), "data/hole")
	f, err := os.Create(hole)
	must(t, err)
	if err := f.Truncate(1 << 43); err != nil {
		t.Skip(err)
	}
	must(t, f.Close())
	must(t, w.journal.add(checkpoint{"data/hole", 1 << 43, strings.Repeat("0", 64), growing}))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := Verify(ctx, w.Dir()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s to notice", took)
	}
}

// TestMemory verifies a file that is much larger than what may be allocated.
func TestMemory(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "b"))
	must(t, err)
	g, err := w.Evidence("netlog.json")
	must(t, err)
	megabyte := make([]byte, 1<<20)
	for range 64 {
		_, err := g.Write(megabyte)
		must(t, err)
	}
	must(t, w.Seal(nil))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	verified(t, w.Dir(), Complete)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("verifying 64 MiB allocated %d bytes", n)
	}
}

func TestNoBundle(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "letter.txt"), nil, 0o600))
	for _, dir := range []string{dir, filepath.Join(dir, "nothing"), filepath.Join(dir, "letter.txt")} {
		if v, err := Verify(t.Context(), dir); err == nil {
			t.Errorf("%s is a bundle: %+v", dir, v)
		}
	}
}

// TestLinkToBundle: the bundle itself may be named by a link.
func TestLinkToBundle(t *testing.T) {
	link := filepath.Join(t.TempDir(), "latest")
	must(t, os.Symlink(seal(t), link))
	verified(t, link, Complete)
	_, err := Open(link)
	must(t, err)
}
