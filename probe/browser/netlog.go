package browser

import (
	"bytes"
	"io"
)

// A netLogWriter makes of the NetLog that comes through a FIFO the file that
// Chromium would have written itself. Chromium writes a comma behind every
// event and at the end goes back over the last one, which a FIFO does not
// allow.
type netLogWriter struct {
	w    io.WriteCloser
	held []byte // the end of what was written: "", "," or ",\n"
}

// The end of the list of events, as it comes and as it should be. A line
// break occurs in no string, so that this is no part of an event.
var (
	lastComma = []byte(",\n]")
	noComma   = []byte("]")
)

func (l *netLogWriter) Write(p []byte) (int, error) {
	n := len(p)
	if len(l.held) > 0 {
		p = append(l.held, p...)
	}
	if bytes.Contains(p, lastComma) {
		p = bytes.ReplaceAll(p, lastComma, noComma)
	}
	keep := 0
	for _, end := range []int{2, 1} {
		if keep == 0 && bytes.HasSuffix(p, lastComma[:end]) {
			keep = end
		}
	}
	l.held = bytes.Clone(p[len(p)-keep:])
	if _, err := l.w.Write(p[:len(p)-keep]); err != nil {
		return 0, err
	}
	return n, nil
}

// Close writes what was held back, as the log of a killed browser ends there.
func (l *netLogWriter) Close() error {
	_, err := l.w.Write(l.held)
	if closeErr := l.w.Close(); err == nil {
		err = closeErr
	}
	return err
}
