package webrtc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"vksprobe/probe"
)

// maxLine bounds a line of evidence in bytes; longer ones are skipped. The
// recorder elides what is longer than a megabyte.
const maxLine = 4 << 20

// ends says how far a file of evidence goes.
type ends struct {
	found bool
	cut   bool // in the middle of a line
}

// lines calls f with every line of a file of the record and its number, from
// 1. A cut may leave the last line incomplete.
func lines(ctx context.Context, rec *probe.Record, path string, f func(n int, line []byte)) (ends, error) {
	file, err := rec.Files.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ends{}, nil
	}
	if err != nil {
		return ends{}, fmt.Errorf("opening %s: %w", path, err)
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 64<<10)
	var line []byte
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return ends{found: true}, err
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
				return ends{found: true, cut: cut}, nil
			case err != nil:
				return ends{found: true}, fmt.Errorf("reading %s: %w", path, err)
			default:
				more = false
			}
		}
		if !skip {
			f(n, line)
		}
	}
}

// clip bounds a string of the target before it goes into an observation.
func clip(s string, max int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max] + "…"
}
