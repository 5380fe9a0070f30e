package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxFiles bounds the files of a bundle.
const maxFiles = 1 << 20

// manifestText writes hashes by path as sha256sum does, in order of path.
func manifestText(sums map[string]string) []byte {
	var text bytes.Buffer
	for _, path := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&text, "%s  %s\n", sums[path], path)
	}
	return text.Bytes()
}

// parseManifest reads a manifest as manifestText writes it and refuses
// anything else, so that nothing can hide in it: each list of hashes has
// exactly one text.
func parseManifest(text []byte) (map[string]string, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("is not UTF-8")
	}
	sums := map[string]string{}
	last, n := "", 0
	for line := range strings.Lines(string(text)) {
		n++
		sum, path, ok := strings.Cut(line, "  ")
		path, whole := strings.CutSuffix(path, "\n")
		switch {
		case strings.HasSuffix(line, "\r\n"):
			return nil, fmt.Errorf("line %d ends in CRLF", n)
		case !ok || !whole || !validHash(sum) || !validName(path):
			return nil, fmt.Errorf("line %d is no entry of a manifest", n)
		case path == last:
			return nil, fmt.Errorf("line %d names %s a second time", n, path)
		case path < last:
			return nil, fmt.Errorf("line %d is not in order", n)
		case n > maxFiles:
			return nil, errors.New("names too many files")
		}
		sums[path], last = sum, path
	}
	return sums, nil
}

// validHash reports whether s is a SHA-256 in small hexadecimal letters.
func validHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
