package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Writer writes a new bundle. Its methods may be called from many
// goroutines; a File belongs to one.
type Writer struct {
	dir string

	mu      sync.Mutex
	sums    map[string]File // finished files by path below the bag
	open    map[string]*Growing
	journal *os.File
	sealed  bool
	errs    []error
}

// Create makes a new bundle. dir must not exist or be empty.
func Create(dir string) (*Writer, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s exists and is not empty", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		return nil, err
	}
	w := &Writer{dir: dir, sums: map[string]File{}, open: map[string]*Growing{}}
	var err error
	if w.journal, err = os.OpenFile(filepath.Join(dir, journalFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if err := w.replace(declarationFile, []byte(declaration)); err != nil {
		w.journal.Close()
		return nil, err
	}
	return w, nil
}

// Dir is the directory of the bundle.
func (w *Writer) Dir() string { return w.dir }

// Failures are the errors of writing so far; the files they belong to may be
// short.
func (w *Writer) Failures() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.errs)
}

func (w *Writer) fail(err error) error {
	if err != nil {
		w.mu.Lock()
		w.errs = append(w.errs, err)
		w.mu.Unlock()
	}
	return err
}

// Put writes a whole file below data/. It is on the disk when Put returns, and
// may replace an earlier one.
func (w *Writer) Put(name string, content []byte) error {
	if !validName(name) {
		return fmt.Errorf("%q is no name for a file of a bundle", name)
	}
	path := "data/" + name
	if err := w.makeParent(path); err != nil {
		return w.fail(err)
	}
	sum, size := hashBytes(content)
	file := File{path, sum, size}
	if err := w.note(file, pending); err != nil {
		return w.fail(err)
	}
	if err := w.replace(path, content); err != nil {
		return w.fail(err)
	}
	return w.fail(w.note(file, closed))
}

// Evidence opens a new raw file below data/evidence/ that grows.
func (w *Writer) Evidence(name string) (*Growing, error) { return w.Create("evidence/" + name) }

// Create opens a new file below data/ that grows.
func (w *Writer) Create(name string) (*Growing, error) {
	if !validName(name) {
		return nil, fmt.Errorf("%q is no name for a file of a bundle", name)
	}
	path := "data/" + name
	if err := w.makeParent(path); err != nil {
		return nil, w.fail(err)
	}
	f, err := os.OpenFile(filepath.Join(w.dir, path), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, w.fail(err)
	}
	if err := syncDir(filepath.Dir(f.Name())); err != nil {
		f.Close()
		return nil, w.fail(err)
	}
	g := &Growing{w: w, f: f, path: path, hash: sha256.New(), last: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sealed {
		f.Close()
		return nil, errors.New("the bundle is sealed")
	}
	w.open[path] = g
	return g, nil
}

// A Growing file is hashed while it is written.
type Growing struct {
	w    *Writer
	f    *os.File
	path string

	mu     sync.Mutex
	hash   hash.Hash
	size   int64
	last   time.Time // of the last checkpoint
	closed bool
}

// checkpoints is the time between two checkpoints of a file that grows.
const checkpoints = 500 * time.Millisecond

// Write appends. What could be written of p is hashed even if not all could.
func (g *Growing) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return 0, fs.ErrClosed
	}
	n, err := g.f.Write(p)
	g.hash.Write(p[:n])
	g.size += int64(n)
	if err == nil && time.Since(g.last) >= checkpoints {
		err = g.checkpoint()
	}
	return n, g.w.fail(err)
}

func (g *Growing) checkpoint() error {
	g.last = time.Now()
	if err := g.f.Sync(); err != nil {
		return err
	}
	state := growing
	if g.closed {
		state = closed
	}
	return g.w.note(g.sum(), state)
}

func (g *Growing) sum() File {
	return File{g.path, hex.EncodeToString(g.hash.Sum(nil)), g.size}
}

// Close ends the file. A second Close does nothing.
func (g *Growing) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	err := errors.Join(g.checkpoint(), g.f.Close())
	g.w.mu.Lock()
	delete(g.w.open, g.path)
	// the hash of what was written holds even if the journal has no room
	g.w.sums[g.path] = g.sum()
	g.w.mu.Unlock()
	return g.w.fail(err)
}

// note puts a checkpoint into the journal.
func (w *Writer) note(f File, state point) error {
	line, err := json.Marshal(checkpoint{f.Path, f.Bytes, f.SHA256, state})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if state == closed {
		w.sums[f.Path] = f
	}
	if w.sealed {
		return errors.New("the bundle is sealed")
	}
	if _, err := w.journal.Write(append(line, '\n')); err != nil {
		return err
	}
	return w.journal.Sync()
}

// Seal ends the bundle: it closes what is open, writes bag-info.txt with the
// given labels and the manifests, and takes away the right to write. The
// bundle is verifiable as a whole once Seal has returned without error, and
// up to its checkpoints before.
func (w *Writer) Seal(info map[string]string) error {
	w.mu.Lock()
	open := slices.Collect(maps.Values(w.open))
	w.mu.Unlock()
	for _, g := range open {
		g.Close() // a failure is kept, the rest is sealed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sealed {
		return errors.New("the bundle is sealed already")
	}
	var bytes int64
	for _, f := range w.sums {
		bytes += f.Bytes
	}
	if err := w.replace(infoFile, bagInfo(info, bytes, len(w.sums))); err != nil {
		return err
	}
	tags := map[string]File{}
	for _, name := range []string{declarationFile, infoFile} {
		sum, size, err := hashFile(filepath.Join(w.dir, name), -1)
		if err != nil {
			return err
		}
		tags[name] = File{name, sum, size}
	}
	manifest := manifestText(w.sums)
	sum, size := hashBytes(manifest)
	tags[manifestFile] = File{manifestFile, sum, size}
	for path := range w.sums {
		if err := os.Chmod(filepath.Join(w.dir, path), 0o400); err != nil {
			return err
		}
	}
	if err := w.replace(tagManifestFile, manifestText(tags)); err != nil {
		return err
	}
	if err := w.replace(manifestFile, manifest); err != nil { // from here on the bundle is sealed
		return err
	}
	w.sealed = true
	if err := errors.Join(w.journal.Close(), os.Remove(filepath.Join(w.dir, journalFile))); err != nil {
		return err
	}
	return syncDir(w.dir)
}

func bagInfo(info map[string]string, bytes int64, files int) []byte {
	all := maps.Clone(info)
	if all == nil {
		all = map[string]string{}
	}
	all["Bag-Software-Agent"] = "vksprobe"
	all["Bagging-Date"] = time.Now().UTC().Format(time.DateOnly)
	all["Payload-Oxum"] = fmt.Sprintf("%d.%d", bytes, files)
	var text strings.Builder
	for _, label := range slices.Sorted(maps.Keys(all)) {
		// one line each: a value must not bring labels of its own
		fmt.Fprintf(&text, "%s: %s\n", label, strings.Join(strings.Fields(all[label]), " "))
	}
	return []byte(text.String())
}

func (w *Writer) makeParent(path string) error {
	dir := filepath.Join(w.dir, filepath.Dir(path))
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for d := dir; len(d) > len(w.dir); d = filepath.Dir(d) {
		if err := syncDir(filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}

// replace puts a file into the bag so that it is there whole or not at all.
func (w *Writer) replace(path string, content []byte) error {
	target := filepath.Join(w.dir, path)
	f, err := os.CreateTemp(filepath.Dir(target), temporary)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return syncDir(filepath.Dir(target))
}

// temporary is the pattern of files that are not whole yet.
const temporary = ".vksprobe-*"

// unfinished reports whether a file was being written when its scan was
// killed.
func unfinished(path string) bool {
	match, _ := filepath.Match(temporary, filepath.Base(path))
	return match
}

// syncDir brings the entries of a directory to the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
