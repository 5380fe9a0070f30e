package netlog

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// TestLines cuts input whose lines are shorter and longer than the buffer and
// the bound.
func TestLines(t *testing.T) {
	for _, bound := range []int{400 << 10, 10} {
		testLines(t, bound)
	}
}

func testLines(t *testing.T, bound int) {
	t.Helper()
	texts := []string{"a", "", strings.Repeat("b", 300<<10), strings.Repeat("c", 500<<10), "d", strings.Repeat("e", bound), strings.Repeat("f", bound+1), "g"}
	l := newLines(strings.NewReader(strings.Join(texts, "\n")), bound)
	var at int64
	for i, text := range texts {
		if err := l.scan(); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		if over := len(text) > bound; l.Over != over || !over && string(l.Bytes) != text {
			t.Errorf("line %d: %d bytes, too long is %v; want %d bytes", i, len(l.Bytes), l.Over, len(text))
		}
		if l.Byte != at || l.Whole != (i < len(texts)-1) {
			t.Errorf("line %d: at %d, whole is %v; want %d", i, l.Byte, l.Whole, at)
		}
		at += int64(len(text)) + 1
	}
	if err := l.scan(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last line: %v", err)
	}
}

func TestOrigin(t *testing.T) {
	for group, want := range map[string]string{
		"pm/https://a.test:8443 <https://a.test same_site>": "https://a.test:8443",
		"https://a.test <null>":                             "https://a.test",
		"pm/http://a.test":                                  "http://a.test",
		"socks/":                                            "socks/",
	} {
		if got := origin(group); got != want {
			t.Errorf("origin(%q) = %q, want %q", group, got, want)
		}
	}
}
