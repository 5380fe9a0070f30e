package webrtc

import (
	"strings"
	"unicode/utf8"
)

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
