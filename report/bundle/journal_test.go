package bundle

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var testTime = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

var (
	hashA = hashBytes([]byte("a"))
	hashB = hashBytes([]byte("bb"))
	hash0 = hashBytes(nil)
)

func journalText(t testing.TB, points ...checkpoint) string {
	t.Helper()
	var text []byte
	for _, p := range points {
		line, err := p.line()
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, line...)
	}
	return string(text)
}

func TestReadJournal(t *testing.T) {
	first, second, next := checkpoint{"data/x", 1, hashA, closed}, checkpoint{"data/x", 2, hashB, pending}, checkpoint{"data/x", 2, hashB, closed}
	line := journalText(t, first)
	for name, c := range map[string]struct {
		text    string
		want    map[string][]checkpoint
		problem string
	}{
		"empty":          {"", map[string][]checkpoint{}, ""},
		"pending keeps":  {journalText(t, first, second), map[string][]checkpoint{"data/x": {first, second}}, ""},
		"closed settles": {journalText(t, first, second, next), map[string][]checkpoint{"data/x": {next}}, ""},
		"cut":            {line + line[:len(line)-1], map[string][]checkpoint{"data/x": {first}}, ""},
		"stump":          {line[:20] + line, map[string][]checkpoint{}, "line 1 is no checkpoint"},
		"CRLF":           {strings.ReplaceAll(line, "\n", "\r\n"), map[string][]checkpoint{}, "line 1 is no checkpoint"},
		"space":          {strings.ReplaceAll(line, ",", ", "), map[string][]checkpoint{}, "line 1 is no checkpoint"},
		"capitals":       {strings.ReplaceAll(line, hashA, strings.ToUpper(hashA)), map[string][]checkpoint{}, "line 1 is no checkpoint"},
		"negative":       {strings.ReplaceAll(line, `"size":1`, `"size":-1`), map[string][]checkpoint{}, "line 1 is no checkpoint"},
		"absurd":         {strings.ReplaceAll(line, `"size":1`, `"size":99999999999999999999`), map[string][]checkpoint{}, "line 1 is no checkpoint"},
		"traversal":      {strings.ReplaceAll(line, "data/x", "data/../../x"), map[string][]checkpoint{}, "line 1 is no checkpoint"},
		"itself":         {strings.ReplaceAll(line, "data/x", journalFile), map[string][]checkpoint{}, "line 1 is no checkpoint"},
		"other state":    {strings.ReplaceAll(line, "closed", "open"), map[string][]checkpoint{}, "line 1 is no checkpoint"},
		"long line":      {line + strings.Repeat(" ", maxLine) + "\n", map[string][]checkpoint{"data/x": {first}}, "line 2 is too long"},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem, err := readJournal(t.Context(), strings.NewReader(c.text))
			if err != nil || problem != c.problem {
				t.Errorf("problem %q, error %v; want %q", problem, err, c.problem)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("points (-want +got):\n%s", d)
			}
		})
	}
}

// TestHold holds a file against journals that end where a kill ends them.
func TestHold(t *testing.T) {
	const path = "data/x"
	for name, c := range map[string]struct {
		file  string // "-" for none
		want  State
		lines []checkpoint
	}{
		"not there yet":               {"-", Incomplete, []checkpoint{{path, 1, hashA, pending}}},
		"just there":                  {"a", Incomplete, []checkpoint{{path, 1, hashA, pending}}},
		"there as something else":     {"c", Broken, []checkpoint{{path, 1, hashA, pending}}},
		"still the old one":           {"a", Incomplete, []checkpoint{{path, 1, hashA, closed}, {path, 2, hashB, pending}}},
		"already the new one":         {"bb", Incomplete, []checkpoint{{path, 1, hashA, closed}, {path, 2, hashB, pending}}},
		"an earlier try":              {"a", Incomplete, []checkpoint{{path, 1, hashA, pending}, {path, 2, hashB, pending}}},
		"neither":                     {"cc", Broken, []checkpoint{{path, 1, hashA, closed}, {path, 2, hashB, pending}}},
		"lost while it was replaced":  {"-", Broken, []checkpoint{{path, 1, hashA, closed}, {path, 2, hashB, pending}}},
		"the old one after all":       {"a", Broken, []checkpoint{{path, 1, hashA, closed}, {path, 2, hashB, pending}, {path, 2, hashB, closed}}},
		"lost":                        {"-", Broken, []checkpoint{{path, 1, hashA, closed}}},
		"grown beyond its checkpoint": {"a and more", Incomplete, []checkpoint{{path, 1, hashA, growing}}},
		"grown after it was closed":   {"a and more", Broken, []checkpoint{{path, 1, hashA, closed}}},
		"growing from nothing":        {"more", Incomplete, []checkpoint{{path, 0, hash0, pending}, {path, 0, hash0, growing}}},
		"shorter than its checkpoint": {"", Broken, []checkpoint{{path, 1, hashA, growing}}},
		"changed in the checkpoint":   {"c and more", Broken, []checkpoint{{path, 1, hashA, growing}}},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := Create(filepath.Join(t.TempDir(), "b"))
			must(t, err)
			must(t, w.journal.add(c.lines...))
			if c.file != "-" {
				must(t, os.WriteFile(filepath.Join(w.Dir(), path), []byte(c.file), 0o600))
			}
			v := verified(t, w.Dir(), c.want)
			if c.want == Broken {
				named(t, v, path)
			}
		})
	}
}

// FuzzJournal: a line that is accepted is exactly one that would be written,
// and cutting the last line off changes nothing but that line.
func FuzzJournal(f *testing.F) {
	whole := journalText(f, checkpoint{"data/x", 1, hashA, closed}, checkpoint{"data/x", 2, hashB, pending}, checkpoint{manifestFile, 0, hash0, pending})
	for _, text := range []string{"", whole, whole[:len(whole)-7], whole[9:], strings.ReplaceAll(whole, "\n", "\r\n"),
		strings.ReplaceAll(whole, "data/x", "../x"), strings.ReplaceAll(whole, "size", "Size"), whole + whole, "{}\n", "\n\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		points, problem, err := readJournal(t.Context(), bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for path, list := range points {
			for i, p := range list {
				line, err := p.line()
				if err != nil || p.Path != path || !bytes.Contains(text, line) || i > 0 && p.State != pending {
					t.Errorf("%q gave %+v, %v", text, p, err)
				}
			}
		}
		if problem != "" {
			return
		}
		whole := text[:bytes.LastIndexByte(text, '\n')+1]
		again, problem, err := readJournal(t.Context(), bytes.NewReader(whole))
		if d := cmp.Diff(points, again); d != "" || problem != "" || err != nil {
			t.Errorf("without its stump %q reads otherwise: %s, %v\n%s", text, problem, err, d)
		}
	})
}
