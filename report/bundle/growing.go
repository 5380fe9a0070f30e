package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A Growing file is hashed while it is written. It belongs to one goroutine.
type Growing struct {
	w    *Writer
	f    *os.File
	path string

	mu     sync.Mutex
	hash   hash.Hash
	size   int64
	timer  *time.Timer // to the next checkpoint; nil if everything is covered
	err    error       // of the write that ended the file
	closed bool
}

// checkpointAfter is how long a byte may wait for the checkpoint that covers
// it.
const checkpointAfter = 500 * time.Millisecond

// grow makes the file of a bag that is to grow. It must not exist.
func (w *Writer) grow(path string) (*Growing, error) {
	if err := w.makeParent(path); err != nil {
		return nil, err
	}
	g := &Growing{w: w, path: path, hash: sha256.New()}
	if err := w.journal.add(g.point(pending)); err != nil {
		return nil, err
	}
	var err error
	full := filepath.Join(w.dir, path)
	if g.f, err = os.OpenFile(full, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	if err = syncDir(filepath.Dir(full)); err == nil {
		err = w.journal.add(g.point(growing))
	}
	if err != nil {
		return nil, errors.Join(err, g.f.Close(), os.Remove(full))
	}
	return g, nil
}

// point is the checkpoint of what was written so far.
func (g *Growing) point(state point) checkpoint {
	return checkpoint{g.path, g.size, hex.EncodeToString(g.hash.Sum(nil)), state}
}

// Write appends. The first error ends the file: what comes later is not
// written, so that the file stays the beginning of what it should have been.
func (g *Growing) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return 0, fs.ErrClosed
	case g.err != nil:
		return 0, g.err
	}
	n, err := g.f.Write(p)
	g.hash.Write(p[:n])
	g.size += int64(n)
	if n > 0 && g.timer == nil {
		g.timer = time.AfterFunc(checkpointAfter, g.tick)
	}
	g.err = g.w.fail(g.path, err)
	return n, g.err
}

// tick runs on its own when a checkpoint is due. It does nothing after Close,
// which takes its own.
func (g *Growing) tick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.timer = nil
		g.w.fail(g.path, g.checkpoint(growing))
	}
}

// checkpoint notes what is in the file once it is on the disk.
func (g *Growing) checkpoint(state point) error {
	err := g.f.Sync()
	if err == nil {
		err = g.w.journal.add(g.point(state))
	}
	if err != nil {
		return fmt.Errorf("checkpoint of %s: %w", g.path, err)
	}
	return nil
}

// Close ends the file and returns the error that ended it before, if any. A
// second Close does nothing.
func (g *Growing) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	if g.timer != nil {
		g.timer.Stop()
	}
	err := errors.Join(g.checkpoint(closed), g.f.Close())
	g.w.fail(g.path, err)
	return errors.Join(g.err, err)
}
