package filter

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// rule is one rule about requests.
type rule struct {
	text    string // as in the list
	pattern string // without anchors, in lower case unless the case matters
	host    string // whole name with which every match begins behind "||", "" if there is none
	offset  int32  // of the word under which it is filed in the pattern's first part, none if it is not there
	next    int32  // next rule in the same drawer
	line    int32
	types   Type
	flags   flags
	parts   []string // of the pattern between its asterisks, nil if it has none
	more    *more    // nil if the rule has none of it
}

type flags uint16

const (
	isException flags = 1 << iota
	isImportant
	isBad
	matchCase
	hostAnchor // ||
	leftAnchor // |
	rightAnchor
	wantThird // third-party
	wantFirst
	strict    // third party by host instead of registrable domain
	plainHost // the pattern is a host and a separator
)

// more is what few rules have.
type more struct {
	re       *regexp.Regexp
	literal  string   // in lower case, part of everything that re matches
	domains  []string // of the document
	without  []string // not of the document
	to, deny []string // of the request
	methods  []string // in lower case
	unwanted []string // methods, likewise
}

// isOptions says whether the text behind the last dollar sign is options.
func isOptions(s string) bool {
	if s == "" {
		return false
	}
	name, _, _ := strings.Cut(s, "=")
	name, _, _ = strings.Cut(name, ",")
	for i, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '~' && i == 0) {
			return false
		}
	}
	return name != "" && name != "~"
}

// parseRule reads a rule about requests. The problem says why it is not one or
// cannot be used.
func parseRule(line string) (r rule, problem string) {
	r = rule{text: line, types: defaultTypes, next: none, offset: none}
	if simple(&r) {
		return r, ""
	}
	s := line
	if rest, ok := strings.CutPrefix(s, "@@"); ok {
		r.flags |= isException
		s = rest
	}
	isRegexp := func(s string) bool { return len(s) > 2 && s[0] == '/' && s[len(s)-1] == '/' }
	if !isRegexp(s) {
		if i := strings.LastIndexByte(s, '$'); i >= 0 && isOptions(s[i+1:]) {
			if problem := r.options(s[i+1:]); problem != "" {
				return r, problem
			}
			s = s[:i]
		}
	}
	if isRegexp(s) {
		return r, r.regexp(s[1 : len(s)-1])
	}
	if strings.ContainsAny(s, " \t") {
		return r, "syntax" // a line of a hosts file, or prose
	}
	if r.flags&matchCase == 0 {
		s = lower(s)
	}
	if rest, ok := strings.CutPrefix(s, "||"); ok {
		r.flags |= hostAnchor
		s = rest
	} else if rest, ok := strings.CutPrefix(s, "|"); ok {
		r.flags |= leftAnchor
		s = rest
	}
	if rest, ok := strings.CutSuffix(s, "|"); ok {
		r.flags |= rightAnchor
		s = rest
	}
	if strings.HasPrefix(s, "*") && r.flags&hostAnchor == 0 { // "*x" is "x"
		r.flags &^= leftAnchor
		s = strings.TrimLeft(s, "*")
	}
	if rest := strings.TrimRight(s, "*"); rest != s {
		r.flags &^= rightAnchor
		s = rest
	}
	if strings.Trim(s, "^*|") == "" { // says nothing of the URL
		if r.more == nil && r.types == defaultTypes && r.flags&(wantThird|wantFirst) == 0 {
			return r, "syntax"
		}
		s = ""
		r.flags &^= hostAnchor | leftAnchor | rightAnchor
	}
	r.pattern = s
	if strings.Contains(s, "*") {
		r.parts = strings.Split(s, "*")
	}
	if r.flags&hostAnchor != 0 {
		if n := hostLength(s); n > 0 && n < len(s) && strings.IndexByte("/^?:#", s[n]) >= 0 {
			r.host = s[:n]
		}
	}
	if r.host != "" && s[len(r.host):] == "^" && r.flags&rightAnchor == 0 {
		r.flags |= plainHost
	}
	return r, ""
}

// simple reads the kind of rule of which most of a list consists.
func simple(r *rule) bool {
	s, ok := strings.CutPrefix(r.text, "||")
	if !ok {
		return false
	}
	n := hostLength(s)
	if n == 0 || n == len(s) {
		return false
	}
	switch s[n:] {
	case "^":
		r.flags = hostAnchor | plainHost
	case "^$third-party":
		r.flags = hostAnchor | plainHost | wantThird
	default:
		return false
	}
	r.host, r.pattern = s[:n], s[:n+1]
	return true
}

// lower is strings.ToLower for ASCII alone: URLs are ASCII, and the length has
// to stay.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if c := b[i]; c >= 'A' && c <= 'Z' {
					b[i] = c + 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// hostLength is the length of the name of a host in lower case with which a
// pattern begins, 0 if there is none that could be whole.
func hostLength(s string) int {
	n := 0
	for n < len(s) && inHost[s[n]] {
		n++
	}
	if n == 0 || s[0] == '.' || s[n-1] == '.' {
		return 0
	}
	return n
}

var inHost = table(func(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_'
})

// table is a predicate as an array, which is faster.
func table(f func(byte) bool) (t [256]bool) {
	for c := range t {
		t[c] = f(byte(c))
	}
	return t
}

func (r *rule) regexp(s string) (problem string) {
	if r.flags&matchCase == 0 {
		s = "(?i)" + s
	}
	re, err := regexp.Compile(s) // RE2: no backtracking, and no look-around either
	if err != nil {
		return "regexp"
	}
	r.extra().re = re
	if tree, err := syntax.Parse(s, syntax.Perl); err == nil {
		r.more.literal = literal(tree.Simplify())
	}
	return ""
}

// literal finds a long text, in lower case, that every match of an expression
// contains.
func literal(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		for _, c := range re.Rune {
			if c >= 0x80 {
				return ""
			}
		}
		return lower(string(re.Rune))
	case syntax.OpCapture, syntax.OpPlus:
		return literal(re.Sub[0])
	case syntax.OpConcat:
		best := ""
		for _, sub := range re.Sub {
			if s := literal(sub); len(s) > len(best) {
				best = s
			}
		}
		return best
	}
	return ""
}

func (r *rule) extra() *more {
	if r.more == nil {
		r.more = &more{}
	}
	return r.more
}

// options reads what stands behind the dollar sign.
func (r *rule) options(s string) (problem string) {
	var types, not Type
	for o := range strings.SplitSeq(s, ",") {
		name, value, valued := strings.Cut(o, "=")
		name, negated := strings.CutPrefix(name, "~")
		name = lower(name)
		if t, ok := typeOptions[name]; ok && !valued {
			if negated {
				not |= t
			} else {
				types |= t
			}
			continue
		}
		switch name {
		case "third-party", "3p", "strict3p":
			r.party(negated, name == "strict3p")
		case "first-party", "1p", "strict1p":
			r.party(!negated, name == "strict1p")
		case "important":
			r.flags |= isImportant
		case "badfilter":
			r.flags |= isBad
		case "match-case":
			r.flags |= matchCase
		case "domain", "from":
			m := r.extra()
			if problem := split(value, &m.domains, &m.without); problem != "" {
				return problem
			}
		case "to":
			m := r.extra()
			if problem := split(value, &m.to, &m.deny); problem != "" {
				return problem
			}
		case "denyallow":
			m := r.extra()
			if problem := split(value, &m.deny, &m.to); problem != "" {
				return problem
			}
		case "method":
			m := r.extra()
			if problem := split(lower(value), &m.methods, &m.unwanted); problem != "" {
				return problem
			}
		case "redirect", "rewrite", "empty", "mp4": // blocked and replaced
		case "_": // filling
		default:
			if name == "" || len(name) > 30 {
				return "syntax"
			}
			return name
		}
		if negated && name != "third-party" && name != "3p" && name != "first-party" && name != "1p" {
			return "syntax"
		}
	}
	if types != 0 {
		r.types = types
	}
	r.types &^= not
	if r.types == 0 {
		return "syntax"
	}
	return ""
}

func (r *rule) party(first, isStrict bool) {
	if isStrict {
		r.flags |= strict
	}
	if first {
		r.flags |= wantFirst
	} else {
		r.flags |= wantThird
	}
}

// split reads "a|b|~c".
func split(value string, yes, no *[]string) (problem string) {
	for v := range strings.SplitSeq(value, "|") {
		v, negated := strings.CutPrefix(strings.TrimSpace(v), "~")
		switch {
		case v == "":
			return "syntax"
		case v[0] == '/': // an expression for domains
			return "regexp"
		}
		if v = lower(strings.TrimSuffix(v, ".")); negated {
			*no = append(*no, v)
		} else {
			*yes = append(*yes, v)
		}
	}
	return ""
}

// identity is the same for a rule and the badfilter that switches it off.
func (r *rule) identity() string {
	i := strings.LastIndexByte(r.text, '$')
	if i < 0 || !isOptions(r.text[i+1:]) {
		return r.text
	}
	all := slices.DeleteFunc(strings.Split(r.text[i+1:], ","), func(o string) bool { return o == "badfilter" })
	if len(all) == 0 {
		return r.text[:i]
	}
	slices.Sort(all)
	return r.text[:i] + "$" + strings.Join(all, ",")
}
