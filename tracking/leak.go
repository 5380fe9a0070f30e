package tracking

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"vksprobe/probe"
)

// A form is one way in which a secret can be written.
type form struct {
	name  string
	write func(string) string
}

// forms are searched for in order; the first that is found names the leak.
var forms = []form{
	{"plain", func(s string) string { return s }},
	{"percent", url.QueryEscape},
	{"percent", url.PathEscape},
	{"percent", func(s string) string { return url.QueryEscape(url.QueryEscape(s)) }},
	{"json", func(s string) string { return strings.ReplaceAll(s, "/", `\/`) }},
	{"base64", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
	{"base64", func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) }},
	{"base64", func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }},
	{"hex", func(s string) string { return hex.EncodeToString([]byte(s)) }},
}

// short is the length below which a secret may occur by chance: it counts
// only as a word of its own in a text that also names the meeting's host.
const short = 6

// needle is a secret in one form.
type needle struct {
	what, form, text string
	short            bool
}

// search finds the target's secrets in what pages send.
type search struct {
	b       *book
	host    string // of the meeting
	needles []needle
	found   map[string]bool
	out     []probe.Observation
}

func newSearch(b *book) *search {
	s := &search{b: b, host: b.owner.host, found: map[string]bool{}}
	for _, secret := range b.rec.Target.Secrets() {
		seen := map[string]bool{}
		for _, f := range forms {
			if text := f.write(secret.Value); !seen[text] {
				seen[text] = true
				s.needles = append(s.needles, needle{secret.What, f.name, text, len(secret.Value) < short})
			}
		}
	}
	return s
}

// look searches one sending. Hosts of the meeting itself are meant to know.
func (s *search) look(x sending) {
	host := hostOf(x.url)
	party := s.b.owner.party(host)
	if host == "" || party == First || party == OwnBrowser {
		return
	}
	s.text(x, host, party, "url", x.url)
	s.text(x, host, party, "body", x.body)
	s.text(x, host, party, "websocket", x.frame)
	for _, name := range slices.Sorted(maps.Keys(x.headers)) {
		value := x.headers[name]
		where := "header"
		switch {
		case strings.HasPrefix(name, ":"): // of HTTP/2, says what the URL says
			continue
		case strings.EqualFold(name, "referer"):
			where = "referer"
		}
		s.text(x, host, party, where, value)
	}
}

// text searches one text. What a longer secret covers is not reported for the
// shorter ones in it.
func (s *search) text(x sending, host string, party Party, where, text string) {
	if text == "" {
		return
	}
	for _, n := range s.needles {
		if !n.in(text, s.host) {
			continue
		}
		key := fmt.Sprint(host, s.b.rec.Timeline.At(s.b.participant, x.at), where, n.what)
		if s.found[key] || len(s.out) >= maxLeaks {
			return
		}
		s.found[key] = true
		s.out = append(s.out, Leak.New("host:"+host, s.b.rec.Timeline.At(s.b.participant, x.at), x.at,
			Leaked{Participant: s.b.participant, Host: host, Party: party, What: n.what, Where: where, Form: n.form, URL: clip(s.b.mask.Mask(x.url))}, x.cite))
		return
	}
}

// in reports whether the needle is in the text.
func (n needle) in(text, host string) bool {
	i := strings.Index(text, n.text)
	if i < 0 || !n.short {
		return i >= 0
	}
	if !strings.Contains(text, host) {
		return false
	}
	for ; i >= 0; i = next(text, n.text, i) {
		if (i == 0 || !word(text[i-1])) && (i+len(n.text) == len(text) || !word(text[i+len(n.text)])) {
			return true
		}
	}
	return false
}

// next is the index of the next occurrence after i, -1 if there is none.
func next(text, part string, i int) int {
	j := strings.Index(text[i+1:], part)
	if j < 0 {
		return -1
	}
	return i + 1 + j
}

func word(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
