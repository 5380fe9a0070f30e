// Package filter matches URLs against lists of blocking rules as Adblock Plus,
// uBlock Origin and AdGuard write them, and tells which rule of which list a
// URL meets. Nothing is blocked: a match says that the authors of the list
// take the URL for what the list is about, for EasyPrivacy a tracker.
//
// Only rules about requests count. Those that hide elements, inject scripts or
// change headers say nothing about a request and are counted as ignored, as is
// what the package does not understand; [List.Ignored] says what and how often.
//
// A list is an index of its rules. Most of EasyPrivacy names a host and
// nothing else, so the host of a URL and its parent domains are looked up in a
// map. The other rules are filed under one word of their pattern, the rarest
// that a URL must contain, and the words of a URL are looked up. A URL is thus
// compared with a handful of rules out of fifty thousand.
//
// Semantics follow uBlock Origin where the engines differ: an exception beats
// a rule unless the rule is important, a negated domain beats a domain, and a
// list's !#if conditions are decided for a Chromium without an extension.
package filter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Bounds on a list, which may come from anywhere.
const (
	maxList = 64 << 20 // bytes
	maxLine = 64 << 10 // bytes
)

// List is a list of rules, ready for use by several goroutines.
type List struct {
	Name    string // what the list is called here
	Version string // as its header or its publisher says, "" if nobody says
	SHA256  string // of the text, hexadecimal
	Rules   int    // rules in use

	// Ignored counts the lines that are not in use, by reason: "cosmetic",
	// "condition" for those switched off by !#if, "badfilter", "regexp",
	// "syntax", or the option that does not speak about requests:
	// "removeparam", "csp".
	Ignored map[string]int

	all    []rule
	hosts  map[string]int32 // first rule of a host
	words  map[uint32]int32 // first rule of a word, by its hash
	filter [1 << 10]uint64  // hashes of words, to find out quickly which are none
	rest   int32            // first of the rules without a word
}

// Match is the answer of a list. The zero value says that no rule fits.
type Match struct {
	Rule      string // text of the rule, "" if none fits
	Line      int    // of the rule in the list, from 1
	Exception string // text of the rule that excepts the URL, "" if none does
}

// Listed reports whether the list takes the URL for what it is about.
func (m Match) Listed() bool { return m.Rule != "" && m.Exception == "" }

// Parse reads the text of a list. It is an error if the text has no rule in
// use, because then it is no list.
func Parse(name string, text []byte) (*List, error) {
	if len(text) > maxList {
		return nil, fmt.Errorf("list %s: more than %d bytes", name, maxList)
	}
	sum := sha256.Sum256(text)
	l := &List{Name: name, SHA256: hex.EncodeToString(sum[:]), Ignored: map[string]int{}, rest: none}
	p := newParser(l, bytes.Count(text, []byte("\n"))+1)
	for n, rest := 1, string(text); rest != ""; n++ { // rules keep pieces of the text
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		p.line(strings.TrimSpace(line), n)
	}
	l.all = p.kept()
	l.Rules = len(l.all)
	if l.Rules == 0 {
		return nil, fmt.Errorf("list %s: %w", name, errNoRules)
	}
	l.index()
	return l, nil
}

var errNoRules = errors.New("no rule of an Adblock list in it")

// parser reads the lines of a list.
type parser struct {
	list *List
	all  []rule
	bad  map[string]bool // rules that a badfilter switches off
	off  []bool          // conditions that are open, true where lines are left out
}

func newParser(l *List, lines int) *parser {
	return &parser{list: l, all: make([]rule, 0, lines), bad: map[string]bool{}}
}

var cosmetic = regexp.MustCompile(`#@?[$?%]{0,3}@?#|\$@?\$`)

func (p *parser) line(line string, n int) {
	switch {
	case strings.HasPrefix(line, "!#"):
		p.directive(line[2:])
		return
	case line == "" || line[0] == '!' || line[0] == '[' && strings.HasSuffix(line, "]"):
		p.header(line)
		return
	case p.skipping():
		p.list.Ignored["condition"]++
		return
	case len(line) > maxLine:
		p.list.Ignored["syntax"]++
		return
	}
	if strings.Contains(line, "#") || strings.Contains(line, "$$") || strings.Contains(line, "$@$") {
		if cosmetic.MatchString(line) {
			p.list.Ignored["cosmetic"]++
			return
		}
	}
	r, problem := parseRule(line)
	if problem != "" {
		p.list.Ignored[problem]++
		return
	}
	r.line = int32(n)
	if r.flags&isBad != 0 {
		p.bad[r.identity()] = true
		p.list.Ignored["badfilter"]++
		return
	}
	p.all = append(p.all, r)
}

func (p *parser) header(line string) {
	for _, name := range []string{"! Version:", "! Last modified:"} {
		if v, ok := strings.CutPrefix(line, name); ok && p.list.Version == "" {
			if v = strings.TrimSpace(v); len(v) <= 100 && !strings.Contains(v, "%") { // %timestamp% is a template
				p.list.Version = v
			}
		}
	}
}

func (p *parser) skipping() bool {
	for _, off := range p.off {
		if off {
			return true
		}
	}
	return false
}

// maxNested bounds conditions within conditions.
const maxNested = 64

func (p *parser) directive(d string) {
	word, condition, _ := strings.Cut(d, " ")
	switch {
	case word == "if" && len(p.off) < maxNested:
		p.off = append(p.off, !holds(condition))
	case word == "else" && len(p.off) > 0:
		p.off[len(p.off)-1] = !p.off[len(p.off)-1]
	case word == "endif" && len(p.off) > 0:
		p.off = p.off[:len(p.off)-1]
	}
}

// holds decides a condition such as "!env_safari && cap_html_filtering" for a
// Chromium without an extension. Unknown words are false.
func holds(condition string) bool {
	for either := range strings.SplitSeq(condition, "||") {
		all := true
		for word := range strings.SplitSeq(either, "&&") {
			word = strings.Trim(word, " ()")
			name, not := strings.CutPrefix(word, "!")
			all = all && (strings.TrimSpace(name) == "env_chromium") != not
		}
		if all {
			return true
		}
	}
	return false
}

// kept returns the rules that no badfilter switches off.
func (p *parser) kept() []rule {
	if len(p.bad) == 0 {
		return p.all
	}
	out := p.all[:0]
	for _, r := range p.all {
		if p.bad[r.identity()] {
			p.list.Ignored["badfilter"]++
			continue
		}
		out = append(out, r)
	}
	return out
}
