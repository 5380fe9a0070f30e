package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// A Writer writes a new bundle. Its methods may be called from many
// goroutines.
type Writer struct {
	dir     string
	journal *journal

	mu     sync.Mutex // held while the list of files changes
	put    map[string]checkpoint
	grown  map[string]*Growing
	sealed bool

	failing  sync.Mutex
	failed   map[string]bool
	failures []error
}

var errSealed = errors.New("the bundle is sealed")

// Create makes a new bundle. dir must not exist or be empty; afterwards only
// its owner may look into it. It is an error if the disk has not even the
// room that is kept back for a disk that fills up later, 4 MiB.
func Create(dir string) (*Writer, error) {
	dir = filepath.Clean(dir)
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s exists and is not empty", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	// the journal is first, since it is what says that a bag is not whole
	f, err := os.OpenFile(filepath.Join(dir, journalFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	err = reserve(dir)
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "data"), 0o700)
	}
	if err == nil {
		err = place(filepath.Join(dir, declarationFile), []byte(declaration), 0o600)
	}
	if err == nil {
		err = errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
	}
	if err != nil {
		f.Close()
		for _, name := range []string{declarationFile, "data", reserveFile, journalFile} {
			os.Remove(filepath.Join(dir, name)) // not all are there
		}
		return nil, err
	}
	return &Writer{dir: dir, journal: &journal{f: f}, put: map[string]checkpoint{}, grown: map[string]*Growing{}, failed: map[string]bool{}}, nil
}

// Dir is the directory of the bundle.
func (w *Writer) Dir() string { return w.dir }

// Failures are the errors of writing so far, the first of each file in order
// of time. The files they belong to may be short or missing.
func (w *Writer) Failures() []error {
	w.failing.Lock()
	defer w.failing.Unlock()
	return slices.Clone(w.failures)
}

// fail keeps the first error of a file and returns err.
func (w *Writer) fail(path string, err error) error {
	w.failing.Lock()
	defer w.failing.Unlock()
	if err != nil && !w.failed[path] {
		w.failed[path] = true
		w.failures = append(w.failures, err)
	}
	return err
}

// Put writes a whole file below data/. It is on the disk when Put returns
// without error. It may replace a file that was Put before, and if it fails
// that one is still there.
func (w *Writer) Put(name string, content []byte) error {
	if !validName(name) {
		return fmt.Errorf("%q is no name for a file of a bundle", name)
	}
	path := "data/" + name
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.sealed:
		return errSealed
	case w.grown[path] != nil:
		return fmt.Errorf("%s is a file that grows: %w", path, fs.ErrExist)
	}
	err := w.putWhole(path, content)
	if diskFull(err) {
		if released, _ := release(w.dir); released {
			err = w.putWhole(path, content)
		}
	}
	return w.fail(path, err)
}

func (w *Writer) putWhole(path string, content []byte) error {
	if err := w.makeParent(path); err != nil {
		return err
	}
	p := checkpoint{path, int64(len(content)), hashBytes(content), pending}
	if err := w.journal.add(p); err != nil {
		return err
	}
	full := filepath.Join(w.dir, path)
	if err := place(full, content, 0o600); err != nil {
		return err
	}
	p.State = closed
	w.put[path] = p
	if err := syncDir(filepath.Dir(full)); err != nil {
		return err
	}
	return w.journal.add(p)
}

// Evidence opens a new raw file below data/evidence/ that grows.
func (w *Writer) Evidence(name string) (*Growing, error) { return w.Create("evidence/" + name) }

// Create opens a new file below data/ that grows.
func (w *Writer) Create(name string) (*Growing, error) {
	if !validName(name) {
		return nil, fmt.Errorf("%q is no name for a file of a bundle", name)
	}
	path := "data/" + name
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sealed {
		return nil, errSealed
	}
	if _, put := w.put[path]; put || w.grown[path] != nil {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	g, err := w.grow(path)
	if err != nil {
		return nil, w.fail(path, err)
	}
	w.grown[path] = g
	return g, nil
}

// makeParent makes the directories that a path of the bag needs.
func (w *Writer) makeParent(path string) error {
	dir := filepath.Join(w.dir, filepath.Dir(path))
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for above := filepath.Dir(path); above != "."; above = filepath.Dir(above) {
		if err := syncDir(filepath.Join(w.dir, filepath.Dir(above))); err != nil {
			return err
		}
	}
	return nil
}

// Seal ends the bundle: it closes what is open, writes bag-info.txt with the
// given labels and the manifests, and takes away the right to write. Of files
// that failed it seals what there is. The label Vksprobe-State with another
// value than "complete" makes the bundle incomplete, Vksprobe-Reason says why.
//
// A Seal that failed before the manifest was in place leaves the bundle
// unsealed and can be called again.
func (w *Writer) Seal(info map[string]string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sealed {
		return errSealed
	}
	if _, err := release(w.dir); err != nil {
		return err
	}
	sums := map[string]string{}
	var payload oxum
	count := func(p checkpoint) {
		sums[p.Path] = p.SHA256
		payload.bytes += p.Size
		payload.files++
	}
	for _, g := range w.grown {
		g.Close() // a failure is kept, the rest is sealed
		count(g.point(closed))
	}
	for _, p := range w.put {
		count(p)
	}
	infos, err := infoText(info, payload, time.Now())
	if err != nil {
		return err
	}
	manifest := manifestText(sums)
	tagManifest := manifestText(map[string]string{
		declarationFile: hashBytes([]byte(declaration)), infoFile: hashBytes(infos), manifestFile: hashBytes(manifest)})
	tags := []struct {
		name    string
		content []byte
	}{{infoFile, infos}, {tagManifestFile, tagManifest}, {manifestFile, manifest}}

	var points []checkpoint
	for _, tag := range tags {
		points = append(points, checkpoint{tag.name, int64(len(tag.content)), hashBytes(tag.content), pending})
	}
	if err := w.journal.add(points...); err != nil {
		return err
	}
	readOnly := os.Chmod(filepath.Join(w.dir, declarationFile), 0o400)
	for path := range sums {
		readOnly = errors.Join(readOnly, os.Chmod(filepath.Join(w.dir, path), 0o400))
	}
	for _, tag := range tags {
		if err := place(filepath.Join(w.dir, tag.name), tag.content, 0o400); err != nil {
			return err
		}
		if err := syncDir(w.dir); err != nil {
			return err
		}
	}
	w.sealed = true
	return errors.Join(readOnly, w.journal.f.Close(), os.Remove(filepath.Join(w.dir, journalFile)), syncDir(w.dir))
}

func hashBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
