package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// maxLine bounds a line of evidence in bytes; longer ones are skipped. The
// recorder elides what is longer than a megabyte.
const maxLine = 4 << 20

// Extent says how much of a file of lines there was.
type Extent struct {
	Found bool
	Cut   bool // the file ends in the middle of a line
}

// Lines calls f with every line of a file of the record and its number, from
// 1. The line is valid during the call only. A missing file is no error.
func (r *Record) Lines(ctx context.Context, path string, f func(n int, line []byte)) (Extent, error) {
	file, err := r.Files.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Extent{}, nil
	}
	if err != nil {
		return Extent{}, fmt.Errorf("opening %s: %w", path, err)
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 64<<10)
	var line []byte
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return Extent{Found: true}, err
		}
		line = line[:0]
		skip, more := false, true
		for more {
			part, err := in.ReadSlice('\n')
			if skip = skip || len(line)+len(part) > maxLine; !skip {
				line = append(line, part...)
			}
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
			case errors.Is(err, io.EOF):
				cut := len(line) > 0 || skip
				if len(line) > 0 && !skip {
					f(n, line)
				}
				return Extent{Found: true, Cut: cut}, nil
			case err != nil:
				return Extent{Found: true}, fmt.Errorf("reading %s: %w", path, err)
			default:
				more = false
			}
		}
		if !skip {
			f(n, line)
		}
	}
}
