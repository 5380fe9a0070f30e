package report

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// inert makes characters visible that steer a terminal or the direction of
// text, or that cannot be seen: "[U+202E]". Line ends and tabs stay. Whole
// documents go through it, so no string can be forgotten; nothing that our
// templates say needs such a character.
func inert(doc []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(doc))
	for len(doc) > 0 {
		plain := 0 // most of a document is base64 or markup: copy it in runs
		for plain < len(doc) && doc[plain] >= ' ' && doc[plain] < 0x7f {
			plain++
		}
		if plain > 0 {
			out.Write(doc[:plain])
			doc = doc[plain:]
			continue
		}
		r, n := utf8.DecodeRune(doc)
		switch {
		case r == utf8.RuneError && n == 1:
			out.WriteRune(utf8.RuneError)
		case r == '\n' || r == '\t':
			out.WriteRune(r)
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Variation_Selector):
			fmt.Fprintf(&out, "[U+%04X]", r)
		default:
			out.Write(doc[:n])
		}
		doc = doc[n:]
	}
	return out.Bytes()
}
