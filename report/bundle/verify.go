package bundle

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Verification is what came out of checking a bundle.
type Verification struct {
	State    State     `json:"state"`
	Problems []Problem `json:"problems,omitempty"` // what is broken
	Reasons  []string  `json:"reasons,omitempty"`  // why it is incomplete
	Files    int       `json:"files"`              // of the payload
	Bytes    int64     `json:"bytes"`
	Covered  int64     `json:"covered"` // bytes whose hash was checked
}

// A Problem is one file that is not as it was sealed.
type Problem struct {
	Path string `json:"path"` // below the bundle, quoted if it is strange
	What string `json:"what"`
}

// Bounds for what a stranger's bundle may ask of us.
const (
	maxTag   = 64 << 20 // bytes of a manifest or journal
	maxFiles = 1 << 20
)

// Verify checks a bundle. The error is for a directory that is no bundle or
// cannot be read; what is wrong with a bundle is in the Verification.
func Verify(ctx context.Context, dir string) (*Verification, error) {
	tag, err := readTag(dir, declarationFile)
	if err != nil {
		return nil, fmt.Errorf("%s is no bundle: %w", dir, err)
	}
	c := &check{ctx: ctx, dir: dir, v: &Verification{}, there: map[string]bool{}, expected: map[string]bool{declarationFile: true}}
	if string(tag) != declaration {
		c.problem(declarationFile, "is not the declaration of a BagIt 1.0 bag")
	}
	if c.paths, c.v.Problems, err = list(dir); err != nil {
		return nil, err
	}
	for _, path := range c.paths {
		c.there[path] = true
	}
	manifest, err := readTag(dir, manifestFile)
	switch {
	case err == nil:
		err = c.sealed(manifest)
	case errors.Is(err, fs.ErrNotExist) && !c.there[journalFile]:
		c.problem(manifestFile, "is missing")
		err = nil
	case errors.Is(err, fs.ErrNotExist):
		err = c.unsealed()
	}
	if err != nil {
		return nil, err
	}
	switch {
	case len(c.v.Problems) > 0:
		c.v.State = Broken
	case len(c.v.Reasons) > 0:
		c.v.State = Incomplete
	default:
		c.v.State = Complete
	}
	slices.SortFunc(c.v.Problems, func(a, b Problem) int { return cmp.Compare(a.Path, b.Path) })
	return c.v, nil
}

// check is a verification under way.
type check struct {
	ctx      context.Context
	dir      string
	v        *Verification
	paths    []string        // every regular file, below dir
	there    map[string]bool // the same
	expected map[string]bool // files that belong here
}

func (c *check) problem(path, what string) {
	c.v.Problems = append(c.v.Problems, Problem{printable(path), what})
}

// sealed checks a bundle that has its manifest.
func (c *check) sealed(manifest []byte) error {
	for name := range map[string]bool{manifestFile: true, tagManifestFile: true, infoFile: true, journalFile: true} {
		c.expected[name] = true // the journal may remain if the scan was killed while sealing
	}
	if err := c.manifest(manifestFile, manifest, "data/"); err != nil {
		return err
	}
	tags, err := readTag(c.dir, tagManifestFile)
	if err != nil {
		c.problem(tagManifestFile, "is missing")
	} else if err := c.manifest(tagManifestFile, tags, ""); err != nil {
		return err
	}
	for _, path := range c.paths {
		if !c.expected[path] {
			c.problem(path, "is not in the manifest")
		}
		if strings.HasPrefix(path, "data/") {
			c.v.Files++
		}
	}
	info, err := readTag(c.dir, infoFile)
	if err != nil {
		c.problem(infoFile, "is missing")
		return nil
	}
	for line := range strings.Lines(string(info)) {
		label, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case label == "Vksprobe-State" && value != string(Complete):
			c.v.Reasons = append(c.v.Reasons, "the scan is "+value)
		case label == "Vksprobe-Reason":
			c.v.Reasons = append(c.v.Reasons, value)
		}
	}
	return nil
}

// manifest holds the files against one manifest.
func (c *check) manifest(name string, text []byte, prefix string) error {
	sums, err := parseManifest(text)
	if err != nil {
		c.problem(name, err.Error())
		return nil
	}
	if name == tagManifestFile {
		for _, tag := range []string{declarationFile, infoFile, manifestFile} {
			if _, ok := sums[tag]; !ok {
				c.problem(tag, "is not in "+tagManifestFile)
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(sums)) {
		if !strings.HasPrefix(path, prefix) {
			c.problem(name, "names "+printable(path)+", which does not belong there")
			continue
		}
		c.expected[path] = true
		if !c.there[path] {
			c.problem(path, "is missing")
			continue
		}
		if err := c.compare(path, sums[path]); err != nil {
			return err
		}
	}
	return nil
}

// compare holds a file against its hash.
func (c *check) compare(path, want string) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	sum, n, err := hashFile(filepath.Join(c.dir, path), -1)
	switch {
	case err != nil:
		c.problem(path, "cannot be read: "+err.Error())
	case sum != want:
		c.problem(path, "was changed: SHA-256 is "+sum+", not "+want)
	}
	if strings.HasPrefix(path, "data/") {
		c.v.Bytes += n
		c.v.Covered += n
	}
	return nil
}

// unsealed checks a bundle whose scan was killed: each file must begin with
// what its last checkpoint covers.
func (c *check) unsealed() error {
	text, err := readTag(c.dir, journalFile)
	if err != nil {
		return err
	}
	points, problem := parseJournal(text)
	if problem != "" {
		c.problem(journalFile, problem)
	}
	c.v.Reasons = append(c.v.Reasons, "the scan ended before the bundle was sealed")
	for _, path := range slices.Sorted(maps.Keys(points)) {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		c.hold(path, points[path])
	}
	for _, path := range c.paths {
		if !strings.HasPrefix(path, "data/") || unfinished(path) {
			continue
		}
		info, err := os.Lstat(filepath.Join(c.dir, path))
		if err != nil {
			return err
		}
		c.v.Files++
		c.v.Bytes += info.Size()
	}
	if rest := c.v.Bytes - c.v.Covered; rest > 0 && len(c.v.Problems) == 0 {
		c.v.Reasons = append(c.v.Reasons, fmt.Sprintf("%d of %d bytes were written after the last checkpoint and cannot be checked", rest, c.v.Bytes))
	}
	return nil
}

// hold holds a file against its checkpoints, the newest first. Older ones
// count only where the newest says that the file was about to be replaced.
func (c *check) hold(path string, points []checkpoint) {
	complaint := ""
	for i := len(points) - 1; i >= 0; i-- {
		p := points[i]
		what, covered := c.against(path, p)
		if what == "" {
			c.v.Covered += covered
			return
		}
		if complaint == "" {
			complaint = what
		}
		if p.State != pending {
			break
		}
		if i == 0 && !c.there[path] {
			return // it was about to appear for the first time
		}
	}
	c.problem(path, complaint)
}

// against says what is wrong with a file in the light of one checkpoint.
func (c *check) against(path string, p checkpoint) (what string, covered int64) {
	if !c.there[path] {
		return "is missing", 0
	}
	full := filepath.Join(c.dir, path)
	sum, n, err := hashFile(full, p.Size)
	switch {
	case err != nil:
		return "cannot be read: " + err.Error(), 0
	case n < p.Size:
		return fmt.Sprintf("has %d bytes, %d were written", n, p.Size), 0
	case sum != p.SHA256:
		return "was changed: SHA-256 of the first " + fmt.Sprint(n) + " bytes is " + sum + ", not " + p.SHA256, 0
	}
	if info, err := os.Lstat(full); p.State != growing && (err != nil || info.Size() != p.Size) {
		return fmt.Sprintf("is longer than the %d bytes with which it was closed", p.Size), 0
	}
	return "", n
}

// parseJournal returns the checkpoints that matter for each file: the last
// one, and those before it that it may not have taken the place of yet. The
// last line may be cut off by a kill.
func parseJournal(text []byte) (points map[string][]checkpoint, problem string) {
	points = map[string][]checkpoint{}
	for n, line := range bytes.SplitAfter(text, []byte("\n")) {
		if len(line) == 0 || line[len(line)-1] != '\n' {
			break
		}
		var p checkpoint
		known := map[point]bool{growing: true, closed: true, pending: true}
		if json.Unmarshal(line, &p) != nil || p.Size < 0 || !validHash(p.SHA256) || !validName(p.Path) || !known[p.State] {
			return points, fmt.Sprintf("line %d is no checkpoint", n+1)
		}
		if p.State == pending {
			points[p.Path] = append(points[p.Path], p)
		} else {
			points[p.Path] = []checkpoint{p}
		}
	}
	return points, ""
}

// manifestText writes a manifest as sha256sum does.
func manifestText(files map[string]File) []byte {
	var text bytes.Buffer
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&text, "%s  %s\n", files[path].SHA256, path)
	}
	return text.Bytes()
}

// parseManifest reads a manifest as manifestText writes it and refuses
// anything else, so that nothing can hide in it.
func parseManifest(text []byte) (map[string]string, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("is not UTF-8")
	}
	sums := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<16)
	for n := 1; lines.Scan(); n++ {
		sum, path, ok := strings.Cut(lines.Text(), "  ")
		_, twice := sums[path]
		switch {
		case !ok || !validHash(sum) || !validName(path):
			return nil, fmt.Errorf("line %d is no entry of a manifest", n)
		case twice:
			return nil, fmt.Errorf("line %d names %s a second time", n, path)
		case len(sums) >= maxFiles:
			return nil, errors.New("names too many files")
		}
		sums[path] = sum
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return sums, nil
}

func validHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// list finds every file below dir. What is neither a file nor a directory is
// a problem.
func list(dir string) (paths []string, problems []Problem, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir():
		case !d.Type().IsRegular():
			problems = append(problems, Problem{printable(rel), "is not a regular file"})
		case len(paths) >= maxFiles:
			return errors.New("the bundle has too many files")
		default:
			paths = append(paths, rel)
		}
		return nil
	})
	return paths, problems, err
}

// readTag reads a tag file of bounded size.
func readTag(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	if info, err := os.Lstat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() || info.Size() > maxTag {
		return nil, fmt.Errorf("%s is no tag file", name)
	}
	return os.ReadFile(path)
}

// hashFile hashes the first size bytes of a file, all if size is negative.
func hashFile(path string, size int64) (sum string, n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	var r io.Reader = f
	if size >= 0 {
		r = io.LimitReader(f, size)
	}
	h := sha256.New()
	n, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), n, err
}

func hashBytes(b []byte) (sum string, n int64) {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:]), int64(len(b))
}

// printable quotes a path that is not made of harmless characters.
func printable(path string) string {
	if validName(path) {
		return path
	}
	return fmt.Sprintf("%.200q", path)
}
