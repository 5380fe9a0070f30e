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
// as the scan goes on: a growing file is synced about twice a second, and its
// length and hash up to there are noted in journal.jsonl. Whole files appear
// under their name only when they are on the disk: written beside it, synced,
// renamed, and the directory synced, because a rename that only the page
// cache knows of does not survive a power cut. The manifests are the last
// files to appear, and journal.jsonl goes after them. So a scan that was
// killed at any moment leaves a bag without a manifest but with a journal,
// which [Verify] can still hold against the files: incomplete, never broken.
package bundle

import (
	"bufio"
	"bytes"
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

// State says what a bundle is worth.
type State string

// The states of a bundle.
const (
	Complete   State = "complete"   // sealed, nothing changed, the scan did all it set out to do
	Incomplete State = "incomplete" // nothing changed, but the scan was killed or says that something is missing
	Broken     State = "broken"     // something was changed, removed or added
)

// checkpoint is one line of the journal: the first Size bytes of a file have
// this hash.
type checkpoint struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	State  point  `json:"state"`
}

// point says what a checkpoint promises beyond the hash.
type point string

const (
	growing point = "growing" // the file may be longer
	closed  point = "closed"  // the file has exactly this size
	pending point = "pending" // the file is about to be put in place; it may still be the one before, or none
)

// validName reports whether a name can stand in a bundle: slash-separated
// words of letters, digits, dot, underscore and minus, none beginning with a
// dot. Names come from this program, never from a target.
func validName(name string) bool {
	if !fs.ValidPath(name) || name == "." || len(name) > 200 {
		return false
	}
	for word := range strings.SplitSeq(name, "/") {
		if word[0] == '.' || strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
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

// Open opens a bundle for reading. Of a bundle that was not sealed it hashes
// the files as they are.
func Open(dir string) (*Bundle, error) {
	if _, err := os.Stat(filepath.Join(dir, declarationFile)); err != nil {
		return nil, fmt.Errorf("%s is no bundle: %w", dir, err)
	}
	b := &Bundle{dir: dir}
	known := map[string]string{}
	if text, err := readTag(dir, manifestFile); err == nil {
		if known, err = parseManifest(text); err != nil {
			return nil, fmt.Errorf("%s: %w", manifestFile, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	paths, problems, err := list(dir)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", problems[0].Path, problems[0].What)
	}
	for _, path := range paths {
		rest, payload := strings.CutPrefix(path, "data/")
		if !payload || unfinished(path) {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			return nil, err
		}
		sum, ok := known[path]
		if !ok {
			if sum, _, err = hashFile(filepath.Join(dir, path), -1); err != nil {
				return nil, err
			}
		}
		b.files = append(b.files, File{rest, sum, info.Size()})
	}
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
	if err := b.read("evidence/target.json", &rec.Target); err != nil {
		return nil, err
	}
	f, err := b.Data().Open("evidence/timeline.jsonl")
	if errors.Is(err, fs.ErrNotExist) {
		return rec, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var m probe.Mark
		if json.Unmarshal(lines.Bytes(), &m) != nil {
			break // the last line of a scan that was killed
		}
		rec.Timeline = append(rec.Timeline, m)
	}
	return rec, lines.Err()
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
	text, err := io.ReadAll(io.LimitReader(f, maxJSON))
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
