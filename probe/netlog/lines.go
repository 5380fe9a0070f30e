package netlog

import (
	"bufio"
	"errors"
	"io"
)

// maxLine bounds one line of the log in bytes. The longest lines of real logs
// are bodies of a few hundred kilobytes.
const maxLine = 64 << 20

// lines cuts the input into lines and knows where each of them begins.
type lines struct {
	r     *bufio.Reader
	max   int
	long  []byte // holds a line that does not fit into r's buffer
	next  int64  // offset of the line that comes next
	Bytes []byte // the line without its end, valid until the next call
	Byte  int64  // its offset
	Whole bool   // it ended with a newline
	Over  bool   // it was longer than max; Bytes is empty
}

func newLines(r io.Reader, max int) *lines {
	return &lines{r: bufio.NewReaderSize(r, 256<<10), max: max}
}

// scan reads the next line. It returns io.EOF when there is none, and the
// reader's own error when it fails.
func (l *lines) scan() error {
	l.Byte, l.Over, l.long = l.next, false, l.long[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.next += int64(len(part))
		switch {
		case err == nil || errors.Is(err, io.EOF):
			if err != nil && l.next == l.Byte {
				return io.EOF
			}
			l.Whole = err == nil
			l.take(part)
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			l.keep(part)
		default:
			return err
		}
	}
}

// take ends a line with its last part.
func (l *lines) take(part []byte) {
	if l.Whole {
		part = part[:len(part)-1]
	}
	if len(l.long) == 0 && !l.Over {
		l.Bytes = part
		l.Over = len(part) > l.max
	} else {
		l.keep(part)
		l.Bytes = l.long
	}
	if l.Over {
		l.Bytes = nil
	}
}

func (l *lines) keep(part []byte) {
	if l.Over || len(l.long)+len(part) > l.max {
		l.Over, l.long = true, l.long[:0]
		return
	}
	l.long = append(l.long, part...)
}
