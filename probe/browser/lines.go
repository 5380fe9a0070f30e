package browser

import (
	"encoding/json"
	"errors"
	"io"
	"sync"
)

// jsonLines writes values as lines of JSON. The first error is kept and ends
// the writing; Close returns it.
type jsonLines struct {
	mu      sync.Mutex
	w       io.WriteCloser
	written int64
	err     error
	closed  bool
}

// maxLines bounds a file of lines in bytes, since a page can cause as many
// lines as it likes.
const maxLines = 1 << 30

var errFull = errors.New("the page caused more events than are kept")

func newJSONLines(w io.WriteCloser) *jsonLines { return &jsonLines{w: w} }

func (l *jsonLines) put(v any) {
	line, err := json.Marshal(v)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.closed {
		return
	}
	if err == nil && l.written+int64(len(line)) > maxLines {
		err = errFull
	}
	if err == nil {
		var n int
		n, err = l.w.Write(append(line, '\n'))
		l.written += int64(n)
	}
	l.err = err
}

func (l *jsonLines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.err
	}
	l.closed = true
	if err := l.w.Close(); l.err == nil {
		l.err = err
	}
	return l.err
}
