package browser

import (
	"encoding/json"
	"io"
	"sync"
)

// jsonLines writes values as lines of JSON. The first error is kept and ends
// the writing; Close returns it.
type jsonLines struct {
	mu     sync.Mutex
	w      io.WriteCloser
	err    error
	closed bool
}

func newJSONLines(w io.WriteCloser) *jsonLines { return &jsonLines{w: w} }

func (l *jsonLines) put(v any) {
	line, err := json.Marshal(v)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.closed {
		return
	}
	if err == nil {
		_, err = l.w.Write(append(line, '\n'))
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
