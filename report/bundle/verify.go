package bundle

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// State says what a bundle is worth.
type State string

// The states of a bundle.
const (
	Complete   State = "complete"   // sealed, nothing changed, the scan did all it set out to do
	Incomplete State = "incomplete" // nothing changed, but the scan was killed or says that something is missing
	Broken     State = "broken"     // something was changed, removed or added
)

// A Verification is what came out of checking a bundle.
type Verification struct {
	State    State     `json:"state"`
	Problems []Problem `json:"problems,omitempty"` // what is broken
	Reasons  []string  `json:"reasons,omitempty"`  // why it is incomplete
	Files    int       `json:"files"`              // of the payload
	Bytes    int64     `json:"bytes"`
	Covered  int64     `json:"covered"` // bytes whose hash was checked and is right
}

// A Problem is one file that is not as it was sealed.
type Problem struct {
	Path string `json:"path"` // below the bundle, quoted if it is strange
	What string `json:"what"`
}

// Verify checks a bundle. It reads every file once or twice, in pieces, and
// follows no link. The error is for a directory that is no bundle or that we
// are not allowed to read; what is wrong with a bundle is in the Verification.
func Verify(ctx context.Context, dir string) (*Verification, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	c := &check{bag: root.FS(), v: &Verification{}, expected: map[string]bool{declarationFile: true}}
	if c.sizes, c.odd, err = list(c.bag); err != nil {
		return nil, err
	}
	for path := range c.odd {
		c.problem(path, "is not a regular file")
	}
	if !c.known(manifestFile) && !c.known(tagManifestFile) && !c.known(journalFile) && !c.known(declarationFile) {
		return nil, fmt.Errorf("%s is no bundle: it has no %s", dir, declarationFile)
	}
	for path, size := range c.sizes {
		if strings.HasPrefix(path, "data/") && !temporary(path) {
			c.v.Files++
			c.v.Bytes += size
		}
	}
	if c.known(manifestFile) || !c.known(journalFile) {
		err = c.sealed(ctx)
	} else {
		err = c.unsealed(ctx)
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
	slices.SortFunc(c.v.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.What, b.What))
	})
	return c.v, nil
}

// check is a verification under way.
type check struct {
	bag      fs.FS
	v        *Verification
	sizes    map[string]int64 // of every regular file, by path below the bag
	odd      map[string]bool  // what is neither a file nor a directory
	expected map[string]bool  // files that belong here
}

func (c *check) problem(path, what string) {
	c.v.Problems = append(c.v.Problems, Problem{printable(path), what})
}

// known reports whether something of that name is there that is not a
// directory.
func (c *check) known(path string) bool {
	_, file := c.sizes[path]
	return file || c.odd[path]
}

// regular reports whether a file is there; if it is not, that is a problem.
func (c *check) regular(path string) bool {
	if _, ok := c.sizes[path]; ok {
		return true
	}
	if !c.odd[path] { // which is a problem already
		c.problem(path, "is missing")
	}
	return false
}

// tag reads a tag file that must be there. The text is nil if that cannot be
// done, which then is a problem.
func (c *check) tag(name string) ([]byte, error) {
	c.expected[name] = true
	if !c.regular(name) {
		return nil, nil
	}
	text, err := readTag(c.bag, name)
	if errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	if err != nil {
		c.problem(name, err.Error())
		return nil, nil
	}
	return text, nil
}

// manifest reads a manifest whose paths must satisfy belongs. The hashes are
// nil if there is a problem.
func (c *check) manifest(name string, belongs func(string) bool) (map[string]string, error) {
	text, err := c.tag(name)
	if text == nil {
		return nil, err
	}
	sums, err := parseManifest(text)
	if err != nil {
		c.problem(name, err.Error())
		return nil, nil
	}
	for path := range sums {
		if !belongs(path) {
			c.problem(name, "names "+path+", which does not belong there")
			return nil, nil
		}
	}
	return sums, nil
}

// declared checks the declaration.
func (c *check) declared() error {
	text, err := c.tag(declarationFile)
	if text != nil && string(text) != declaration {
		c.problem(declarationFile, "is not the declaration of a BagIt 1.0 bag")
	}
	return err
}

// sealed checks a bundle that has its manifest, or should have.
func (c *check) sealed(ctx context.Context) error {
	if err := c.declared(); err != nil {
		return err
	}
	tags, err := c.manifest(tagManifestFile, func(path string) bool {
		return path == declarationFile || path == infoFile || path == manifestFile
	})
	if err != nil {
		return err
	}
	credible := true
	for _, name := range []string{declarationFile, infoFile, manifestFile} {
		if want, ok := tags[name]; ok {
			same, err := c.compare(ctx, name, want)
			if err != nil {
				return err
			}
			// a manifest that was changed would accuse files that were not
			credible = credible && (same || name != manifestFile)
		} else if tags != nil {
			c.problem(tagManifestFile, "does not name "+name)
		}
	}

	text, err := c.tag(infoFile)
	if err != nil {
		return err
	}
	info := parseInfo(text)
	payload, sized := parseOxum(info[oxumLabel])
	if text != nil && !sized {
		c.problem(infoFile, "does not say how large the payload is")
	}
	if state := info[stateLabel]; state != "" && state != string(Complete) {
		c.v.Reasons = append(c.v.Reasons, "the scan is "+state)
	}
	if reason := info[reasonLabel]; reason != "" {
		c.v.Reasons = append(c.v.Reasons, reason)
	}

	sums, err := c.manifest(manifestFile, func(path string) bool { return strings.HasPrefix(path, "data/") })
	if err != nil {
		return err
	}
	if !credible {
		sums = nil
	}
	for _, path := range slices.Sorted(maps.Keys(sums)) {
		c.expected[path] = true
		if !c.regular(path) {
			continue
		}
		// a hole of a million gigabytes costs whoever digs it nothing
		if size := c.sizes[path]; sized && size > payload.bytes {
			c.problem(path, fmt.Sprintf("has %d bytes, the whole payload had %d", size, payload.bytes))
			continue
		}
		if _, err := c.compare(ctx, path, sums[path]); err != nil {
			return err
		}
	}
	if err := c.leftover(ctx); err != nil {
		return err
	}
	for path := range c.sizes {
		// without a manifest nothing can be said about the payload
		if !c.expected[path] && (sums != nil || !strings.HasPrefix(path, "data/")) {
			c.problem(path, "is not in the manifest")
		}
	}
	if here := (oxum{c.v.Bytes, c.v.Files}); sized && here != payload && len(c.v.Problems) == 0 {
		c.problem(infoFile, fmt.Sprintf("says that the payload is %s, but it is %s", payload, here))
	}
	return nil
}

// leftover accepts the journal of a scan that was killed after the manifest
// was in place and before the journal was gone. Such a journal announces this
// very manifest; any other has no business here.
func (c *check) leftover(ctx context.Context) error {
	_, manifest := c.sizes[manifestFile]
	if _, journal := c.sizes[journalFile]; !journal || !manifest {
		return nil
	}
	points, problem, err := c.journal(ctx)
	if err != nil {
		return err
	}
	sum, _, err := hashPrefix(ctx, c.bag, manifestFile, maxTag)
	if err != nil {
		return err
	}
	c.expected[journalFile] = problem == "" && slices.ContainsFunc(points[manifestFile], func(p checkpoint) bool { return p.SHA256 == sum })
	return nil
}

// compare holds a file against its hash and reports whether it is the same.
func (c *check) compare(ctx context.Context, path, want string) (same bool, err error) {
	if !c.regular(path) {
		return false, nil
	}
	size := c.sizes[path]
	sum, n, err := hashPrefix(ctx, c.bag, path, size)
	switch {
	case ours(ctx, err):
		return false, err
	case err != nil:
		c.problem(path, "cannot be read: "+err.Error())
	case n != size:
		c.problem(path, "changes while it is read")
	case sum != want:
		c.problem(path, "was changed: SHA-256 is "+sum+", not "+want)
	default:
		if strings.HasPrefix(path, "data/") {
			c.v.Covered += n
		}
		return true, nil
	}
	return false, nil
}

// ours reports whether an error says nothing about the file that was read.
func ours(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, fs.ErrPermission))
}

func (c *check) journal(ctx context.Context) (points map[string][]checkpoint, problem string, err error) {
	f, err := c.bag.Open(journalFile)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	return readJournal(ctx, f)
}

// unsealed checks a bundle whose scan was killed: each file must begin with
// what its last checkpoint covers.
func (c *check) unsealed(ctx context.Context) error {
	c.expected[journalFile] = true
	var points map[string][]checkpoint
	if _, ok := c.sizes[journalFile]; ok {
		var problem string
		var err error
		if points, problem, err = c.journal(ctx); err != nil {
			return err
		}
		if problem != "" {
			c.problem(journalFile, problem)
		}
	}
	// the declaration is there before the first line of the journal
	if c.known(declarationFile) || len(points) > 0 || c.v.Files > 0 {
		if err := c.declared(); err != nil {
			return err
		}
	}
	c.v.Reasons = append(c.v.Reasons, "the scan ended before the bundle was sealed")
	for _, path := range slices.Sorted(maps.Keys(points)) {
		c.expected[path] = true
		if err := c.hold(ctx, path, points[path]); err != nil {
			return err
		}
	}
	abandoned := 0
	for path := range c.sizes {
		switch {
		case temporary(path) && path != reserveFile:
			abandoned++
		case !temporary(path) && !c.expected[path]:
			c.problem(path, "is not in the journal")
		}
	}
	if abandoned > 0 {
		c.v.Reasons = append(c.v.Reasons, fmt.Sprintf("%d files had not been put in place yet and do not count", abandoned))
	}
	if rest := c.v.Bytes - c.v.Covered; rest > 0 && len(c.v.Problems) == 0 {
		c.v.Reasons = append(c.v.Reasons, fmt.Sprintf("%d of %d bytes were written after the last checkpoint and cannot be checked", rest, c.v.Bytes))
	}
	return nil
}

// hold holds a file against its checkpoints, the newest first. Older ones
// count only where the newer say that the file was about to be replaced.
func (c *check) hold(ctx context.Context, path string, points []checkpoint) error {
	size, there := c.sizes[path]
	if !there {
		if points[0].State != pending { // else it was about to appear for the first time
			c.regular(path)
		}
		return nil
	}
	complaint := ""
	hashed, sum := int64(-1), "" // several checkpoints may cover the same bytes
	for _, p := range slices.Backward(points) {
		what := ""
		switch {
		case size < p.Size:
			what = fmt.Sprintf("has %d bytes, %d were written", size, p.Size)
		case size > p.Size && p.State != growing:
			what = fmt.Sprintf("is longer than the %d bytes with which it was closed", p.Size)
		case hashed != p.Size:
			var err error
			if sum, hashed, err = hashPrefix(ctx, c.bag, path, p.Size); ours(ctx, err) {
				return err
			} else if err != nil {
				c.problem(path, "cannot be read: "+err.Error())
				return nil
			}
		}
		if what == "" && sum == p.SHA256 {
			if strings.HasPrefix(path, "data/") {
				c.v.Covered += p.Size
			}
			return nil
		}
		if what == "" {
			what = fmt.Sprintf("was changed: SHA-256 of the first %d bytes is %s, not %s", p.Size, sum, p.SHA256)
		}
		complaint = cmp.Or(complaint, what)
	}
	c.problem(path, complaint)
	return nil
}

// list finds every file below a bag with its size, and what is neither a file
// nor a directory.
func list(bag fs.FS) (sizes map[string]int64, odd map[string]bool, err error) {
	sizes, odd = map[string]int64{}, map[string]bool{}
	entries := 0
	err = fs.WalkDir(bag, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entries++; entries > maxFiles {
			return errors.New("the bundle has too many files")
		}
		switch {
		case d.IsDir():
		case !d.Type().IsRegular():
			odd[path] = true
		default:
			info, err := d.Info()
			if err != nil {
				return err
			}
			sizes[path] = info.Size()
		}
		return nil
	})
	return sizes, odd, err
}

// maxTag bounds a manifest or another file that is read at once, in bytes.
const maxTag = 64 << 20

// readTag reads a tag file of bounded size.
func readTag(bag fs.FS, name string) ([]byte, error) {
	f, err := bag.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTag+1))
	if err == nil && len(text) > maxTag {
		err = fmt.Errorf("is longer than %d bytes", maxTag)
	}
	return text, err
}

// piece is how many bytes are hashed between two looks at the context.
const piece = 1 << 20

// hashPrefix hashes the first size bytes of a file, or as many as there are.
func hashPrefix(ctx context.Context, bag fs.FS, path string, size int64) (sum string, n int64, err error) {
	f, err := bag.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	for n < size {
		if err := ctx.Err(); err != nil {
			return "", n, err
		}
		k, err := io.CopyN(h, f, min(piece, size-n))
		n += k
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return "", n, err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// printable quotes a path that is not made of harmless characters.
func printable(path string) string {
	if validName(path) {
		return path
	}
	return fmt.Sprintf("%.200q", path)
}
