package tracking

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"vksprobe/probe"
)

// A form is a way in which a secret may be written. Percent-encoding is no
// form: it is taken off the text, see search.
type form struct {
	name   string
	encode func(secret string) []string // all spellings; not below minEncoded bytes
}

// forms are tried in order; of several that fit the first is reported.
var forms = []form{
	{"plain", func(s string) []string { return []string{s, strings.ToLower(s)} }},
	{"json", func(s string) []string { return []string{strings.ReplaceAll(s, "/", `\/`)} }},
	{"base64", base64Spellings},
	{"hex", func(s string) []string {
		h := hex.EncodeToString([]byte(s))
		return []string{h, strings.ToUpper(h)}
	}},
}

// base64Spellings gives what a secret looks like inside of longer base64 text,
// where it may begin at each of three places within a group. The characters
// at the edges depend on the neighbours and are left out.
func base64Spellings(s string) []string {
	var all []string
	for shift := range 3 {
		n := len(s) + shift
		first, last := (shift*8+5)/6, n*8/6
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			all = append(all, enc.EncodeToString([]byte("\x00\x00"[:shift] + s))[first:last])
		}
	}
	return all
}

// A needle is one spelling of one secret.
type needle struct {
	what string
	form string
	text string
	weak bool
}

// minEncoded is the length from which a secret is also looked for in encoded
// forms. Below it, chance would find it anywhere.
const minEncoded = 6

// needles lists what to search for, the gravest secret and the plainest form
// first. A link without anything but a host is no secret.
func needles(t probe.Target) []needle {
	secrets := t.Secrets()
	hasRoom := slices.ContainsFunc(secrets, func(s probe.Secret) bool { return s.What == "room" })
	var all []needle
	for _, f := range forms {
		for _, s := range secrets {
			if s.What == "link" && !hasRoom || f.name != "plain" && len(s.Value) < minEncoded {
				continue
			}
			for _, text := range f.encode(s.Value) {
				if f.name == "plain" && text != s.Value && s.Weak() {
					continue
				}
				if !slices.ContainsFunc(all, func(m needle) bool { return m.text == text }) {
					all = append(all, needle{s.What, f.name, text, s.Weak()})
				}
			}
		}
	}
	return all
}

// unescape takes percent-encoding off a text; what is no encoding stays.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// A match is a secret that was found in a text.
type match struct {
	what, form string
	weak       bool
}

// find returns the secrets in a text, at most one of each kind and the link
// without the room that is part of it. host is that of the meeting.
func find(needles []needle, text, host string) []match {
	layers := []string{text}
	for range 2 { // encoded twice when a link is passed on within a link
		if next := unescape(layers[len(layers)-1]); next != layers[len(layers)-1] {
			layers = append(layers, next)
		}
	}
	var all []match
	for _, n := range needles {
		i := slices.IndexFunc(all, func(m match) bool { return m.what == n.what })
		if i >= 0 && (n.weak || !all[i].weak) {
			continue
		}
		for depth, layer := range layers {
			found, sure := n.in(layer, host)
			if !found {
				continue
			}
			m := match{n.what, n.form, !sure}
			if depth > 0 && n.form == "plain" {
				m.form = "percent"
			}
			if i >= 0 {
				all[i] = m
			} else {
				all = append(all, m)
			}
			break
		}
	}
	if slices.ContainsFunc(all, func(m match) bool { return m.what == "link" }) {
		all = slices.DeleteFunc(all, func(m match) bool { return m.what == "room" })
	}
	return all
}

// in reports whether the needle is in a text. A weak one counts only behind
// the meeting's host in the same link, or, not surely, as a whole value; in
// forms that no other word has it counts anywhere, but not surely either.
func (n needle) in(text, host string) (found, sure bool) {
	if !n.weak || n.form == "base64" || n.form == "hex" {
		return strings.Contains(text, n.text), !n.weak
	}
	for from := 0; ; {
		i := strings.Index(text[from:], n.text)
		if i < 0 {
			return found, false
		}
		start := from + i
		end := start + len(n.text)
		from = start + 1
		if end < len(text) && wordByte(text[end]) || wordByte(text[start]) && start > 0 && wordByte(text[start-1]) {
			continue
		}
		link := text[strings.LastIndexAny(text[:start], linkEnds)+1 : start]
		if host != "" && strings.Contains(link, host) {
			return true, true
		}
		whole := (start == 0 || strings.IndexByte(valueStarts, text[start-1]) >= 0) && (end == len(text) || strings.IndexByte(valueEnds, text[end]) >= 0)
		if _, err := strconv.ParseBool(n.text); whole && err != nil && len(n.text) >= 4 {
			found = true
		}
	}
}

const (
	linkEnds    = " \t\r\n\"'<>,;"
	valueStarts = "=:\"' \t\n,"
	valueEnds   = "&\"'; \t\r\n,}#"
)

func wordByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b >= 0x80
}
