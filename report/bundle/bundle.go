// Package bundle keeps the evidence of a scan in a directory that another
// person can verify without this program. It is a BagIt bag (RFC 8493):
//
//	bagit.txt bag-info.txt
//	manifest-sha256.txt tagmanifest-sha256.txt
//	data/evidence/p1/netlog.json …   raw files
//	data/observations.jsonl data/findings.json data/scan.json data/scan.log
//	data/report.json data/report.html
//
// A [Writer] hashes files while they are written and brings them to the disk
// as the scan goes on. A whole file appears under its name only when it is on
// the disk: written beside it, synced, renamed, and the directory synced. The
// sync before the rename is there because the name must never point to
// content that only the page cache has; the one after it because a name that
// only the page cache has does not survive a power cut. A file that grows is
// synced about twice a second, and what it holds up to there is then noted in
// journal.jsonl.
//
// The journal is written ahead: nothing appears in the bag that the journal
// does not name, the files of the seal included. The manifest is the last
// file to appear and the journal goes after it. So a scan that was killed at
// any moment leaves a bag with a journal that [Verify] can hold against the
// files: incomplete, never broken.
//
// A disk that is full ends the files it hits, each of which then stays the
// beginning of what it should have been; room kept back for that moment lets
// the rest be stored and sealed.
//
// A seal shows that nothing changed by accident or piecemeal. Whoever can
// write all of a bundle can also seal it again: against that helps only a
// signature over tagmanifest-sha256.txt, which covers every other file.
package bundle

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vksprobe/probe"
)

// The names of the tag files.
const (
	declarationFile = "bagit.txt"
	infoFile        = "bag-info.txt"
	manifestFile    = "manifest-sha256.txt"
	tagManifestFile = "tagmanifest-sha256.txt"
	journalFile     = "journal.jsonl"
)

const declaration = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

// validName reports whether a name can stand in a bundle: slash-separated
// words of small letters, digits, dot, underscore and minus, none beginning
// with a dot. Names come from this program, never from a target; capitals
// are left out because some file systems cannot tell them from small letters.
func validName(name string) bool {
	if !fs.ValidPath(name) || name == "." || len(name) > 200 {
		return false
	}
	for word := range strings.SplitSeq(name, "/") {
		if word[0] == '.' || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
			return false
		}
	}
	return true
}

// A File names one file of the payload.
type File struct {
	Path   string `json:"path"` // below data/: "evidence/p1/netlog.json"
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// A Bundle is a directory that is read. It should have been verified before.
type Bundle struct {
	dir   string
	files []File
}

// maxUnsealed bounds a file that Open hashes, in bytes: the hole that makes a
// file look larger costs nothing, to read it does.
const maxUnsealed = 64 << 30

// Open opens a bundle for reading. Of a bundle that was not sealed it hashes
// the files as they are.
func Open(dir string) (*Bundle, error) {
	bag := os.DirFS(dir)
	files, odd, err := list(bag)
	if err != nil {
		return nil, err
	}
	for path := range odd {
		return nil, fmt.Errorf("%s in %s is not a regular file", printable(path), dir)
	}
	if _, ok := files[declarationFile]; !ok {
		return nil, fmt.Errorf("%s is no bundle: it has no %s", dir, declarationFile)
	}
	known := map[string]string{}
	if _, ok := files[manifestFile]; ok {
		text, err := readTag(bag, manifestFile)
		if err != nil {
			return nil, err
		}
		if known, err = parseManifest(text); err != nil {
			return nil, fmt.Errorf("%s: %w", manifestFile, err)
		}
	}
	b := &Bundle{dir: dir}
	for path, size := range files {
		rest, payload := strings.CutPrefix(path, "data/")
		if !payload || temporary(path) {
			continue
		}
		sum, ok := known[path]
		if !ok {
			if size > maxUnsealed {
				return nil, fmt.Errorf("%s has %d bytes, more than are read", path, size)
			}
			if sum, _, err = hashPrefix(context.Background(), bag, path, size); err != nil {
				return nil, err
			}
		}
		b.files = append(b.files, File{rest, sum, size})
	}
	slices.SortFunc(b.files, func(x, y File) int { return strings.Compare(x.Path, y.Path) })
	return b, nil
}

// Files lists the payload in order of path.
func (b *Bundle) Files() []File { return slices.Clone(b.files) }

// Data is the payload directory.
func (b *Bundle) Data() fs.FS { return os.DirFS(filepath.Join(b.dir, "data")) }

// Record is the raw evidence, ready for observers.
func (b *Bundle) Record() (*probe.Record, error) {
	rec := &probe.Record{Files: os.DirFS(filepath.Join(b.dir, "data", "evidence")), Digests: map[string]string{}}
	for _, f := range b.files {
		if rest, ok := strings.CutPrefix(f.Path, "evidence/"); ok {
			rec.Digests[rest] = f.SHA256
		}
	}
	if err := b.read("evidence/target.json", &rec.Target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // a bundle of server checks has no meeting
	}
	f, err := b.Data().Open("evidence/timeline.jsonl")
	if errors.Is(err, fs.ErrNotExist) {
		return rec, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	rec.Timeline, err = readTimeline(f)
	return rec, err
}

// maxMark bounds a line of the timeline in bytes.
const maxMark = 1 << 20

// readTimeline reads marks as JSON lines. The last one may be cut off by a
// kill or a full disk; before that, a line that cannot be read is an error.
func readTimeline(r io.Reader) (probe.Timeline, error) {
	var tl probe.Timeline
	var unreadable error
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxMark)
	for n := 1; lines.Scan(); n++ {
		if unreadable != nil {
			return nil, unreadable
		}
		var m probe.Mark
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			unreadable = fmt.Errorf("timeline line %d: %w", n, err)
			continue
		}
		tl = append(tl, m)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("timeline: %w", err)
	}
	return tl, nil
}

// Facts are the observations as they were stored.
func (b *Bundle) Facts() (*probe.Facts, error) {
	f, err := b.Data().Open("observations.jsonl")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return probe.ReadFacts(f)
}

// Findings are the findings as they were stored.
func (b *Bundle) Findings() (findings []probe.Finding, err error) {
	err = b.read("findings.json", &findings)
	return findings, err
}

// Run describes the scan.
func (b *Bundle) Run() (run probe.Run, err error) {
	err = b.read("scan.json", &run)
	return run, err
}

// maxJSON bounds a JSON file that is read at once, in bytes.
const maxJSON = 1 << 28

func (b *Bundle) read(name string, v any) error {
	f, err := b.Data().Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxJSON+1))
	if err != nil {
		return err
	}
	if len(text) > maxJSON {
		return fmt.Errorf("%s is longer than %d bytes", name, maxJSON)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
