package filter

import (
	"cmp"
	"slices"
	"strings"
)

const none = -1

// index files the rules. Rules under one key are chained.
func (l *List) index() {
	named := 0
	count := map[uint32]int32{} // rules that could be filed under a word
	for i := range l.all {
		r := &l.all[i]
		if r.host != "" {
			named++
			continue
		}
		r.eachWord(func(hash uint32, _, _ int) { count[hash]++ })
	}
	l.hosts = make(map[string]int32, named)
	l.words = make(map[uint32]int32, len(count))
	for i := range l.all {
		r := &l.all[i]
		if r.host != "" {
			if first, ok := l.hosts[r.host]; ok {
				r.next = first
			}
			l.hosts[r.host] = int32(i)
			continue
		}
		best, size := uint32(0), 0
		r.eachWord(func(hash uint32, start, end int) {
			if n := end - start; size == 0 || count[hash] < count[best] || count[hash] == count[best] && n > size {
				best, size, r.offset = hash, n, int32(start)
			}
		})
		if size == 0 {
			r.next, l.rest = l.rest, int32(i)
			continue
		}
		if r.parts != nil && int(r.offset) >= len(r.parts[0]) {
			r.offset = none
		}
		if first, ok := l.words[best]; ok {
			r.next = first
		}
		l.words[best] = int32(i)
		l.filter[best>>6&1023] |= 1 << (best & 63)
	}
}

var inWord = table(func(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '%'
})

// FNV-1a, mixed so that the low bits serve the filter.
const (
	hashStart = 2166136261
	hashPrime = 16777619
)

func mixed(h uint32) uint32 { return h ^ h>>15 }

// eachWord calls f with the words that every match of the pattern has as whole
// words, and where they are: those with something other than an asterisk or an
// open end on both sides.
func (r *rule) eachWord(f func(hash uint32, start, end int)) {
	if r.more != nil && r.more.re != nil {
		return
	}
	p := r.pattern
	for i := 0; i < len(p); {
		if !inWord[p[i]] {
			i++
			continue
		}
		start, h := i, uint32(hashStart)
		for ; i < len(p) && inWord[p[i]]; i++ {
			h = (h ^ uint32(p[i]|small(p[i]))) * hashPrime
		}
		left := start > 0 && p[start-1] != '*' || start == 0 && r.flags&(leftAnchor|hostAnchor) != 0
		right := i < len(p) && p[i] != '*' || i == len(p) && r.flags&rightAnchor != 0
		if left && right && !common(p[start:i]) {
			f(mixed(h), start, i)
		}
	}
}

// small is the bit that makes a capital letter small.
func small(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return 'a' - 'A'
	}
	return 0
}

// common words are in so many URLs that a rule is better filed under another.
func common(word string) bool {
	switch word {
	case "http", "https", "www", "com", "js":
		return true
	}
	return false
}

// Match finds out whether a rule of the list fits. A rule that is important
// comes first, and no exception holds against it unless it is important too.
func (l *List) Match(r *Request) Match {
	var s search
	for h := r.host; ; {
		if i, ok := l.hosts[h]; ok {
			s.chain(l, i, r, none)
		}
		dot := strings.IndexByte(h, '.')
		if dot < 0 {
			break
		}
		h = h[dot+1:]
	}
	u := r.low
	for i := 0; i < len(u); {
		if !inWord[u[i]] {
			i++
			continue
		}
		start, h := i, uint32(hashStart)
		for ; i < len(u) && inWord[u[i]]; i++ {
			h = (h ^ uint32(u[i])) * hashPrime
		}
		if h = mixed(h); l.filter[h>>6&1023]&(1<<(h&63)) != 0 {
			if first, ok := l.words[h]; ok {
				s.chain(l, first, r, start)
			}
		}
	}
	s.chain(l, l.rest, r, none)
	return s.match()
}

// search keeps the best fitting rule of each rank.
type search struct{ rule, important, exception, importantException *rule }

// chain tries the rules from i on. They are filed under the word at the given
// place of the URL, or under none.
func (s *search) chain(l *List, i int32, q *Request, word int) {
	for ; i >= 0; i = l.all[i].next {
		r := &l.all[i]
		place := &s.rule
		switch r.flags & (isException | isImportant) {
		case isException:
			place = &s.exception
		case isImportant:
			place = &s.important
		case isException | isImportant:
			place = &s.importantException
		}
		if (*place == nil || r.before(*place)) && r.fits(q, word) {
			*place = r
		}
	}
}

// before reports whether a rule says more than another: one that names a host
// does, one that says nothing of the URL ("$ping,third-party") does not, and
// otherwise the first in the list is as good as any.
func (r *rule) before(other *rule) bool {
	return cmp.Or(cmp.Compare(other.says(), r.says()), cmp.Compare(r.line, other.line)) < 0
}

func (r *rule) says() int {
	switch {
	case r.flags&hostAnchor != 0:
		return 2
	case r.pattern != "" || r.more != nil:
		return 1
	}
	return 0
}

func (s *search) match() Match {
	rule, exception := s.rule, s.exception
	if s.important != nil {
		rule, exception = s.important, s.importantException
	} else if exception == nil {
		exception = s.importantException
	}
	if rule == nil {
		return Match{}
	}
	m := Match{Rule: rule.text, Line: int(rule.line)}
	if exception != nil {
		m.Exception = exception.text
	}
	return m
}

// fits holds one rule against a request, what is cheap first.
func (r *rule) fits(q *Request, word int) bool {
	if r.types&q.Type == 0 {
		return false
	}
	if r.flags&plainHost == 0 && !r.fitsURL(q, word) {
		return false
	}
	if r.more != nil && !r.more.fits(q) {
		return false
	}
	if r.flags&(wantThird|wantFirst) == 0 {
		return true
	}
	if q.document == "" {
		return false
	}
	third := q.isThird()
	if r.flags&strict != 0 {
		third = q.host != q.document
	}
	return third && r.flags&wantThird != 0 || !third && r.flags&wantFirst != 0
}

func (m *more) fits(q *Request) bool {
	switch {
	case len(m.domains) > 0 && !withinAny(q.document, m.domains),
		len(m.without) > 0 && (q.document == "" || withinAny(q.document, m.without)),
		len(m.to) > 0 && !withinAny(q.host, m.to),
		len(m.deny) > 0 && withinAny(q.host, m.deny),
		len(m.methods) > 0 && !slices.Contains(m.methods, q.Method),
		len(m.unwanted) > 0 && (q.Method == "" || slices.Contains(m.unwanted, q.Method)):
		return false
	case m.re != nil:
		return (m.literal == "" || strings.Contains(q.low, m.literal)) && m.re.MatchString(q.url)
	}
	return true
}

// fitsURL compares the pattern with the URL, at the place of the word under
// which it is filed if that is known. The word may be elsewhere as well: then
// the rule is tried there, too.
func (r *rule) fitsURL(q *Request, word int) bool {
	if r.pattern == "" {
		return true
	}
	u := q.low
	if r.flags&matchCase != 0 {
		u = q.url
	}
	first, rest := r.pattern, []string(nil)
	if r.parts != nil {
		first, rest = r.parts[0], r.parts[1:]
	}
	end := r.flags&rightAnchor != 0
	if word >= 0 && r.offset >= 0 {
		i := word - int(r.offset)
		switch {
		case i < 0, r.flags&leftAnchor != 0 && i > 0,
			r.flags&hostAnchor != 0 && (i < q.start || i >= q.end || i > q.start && u[i-1] != '.'):
			return false
		}
		e := at(u, i, first)
		return e >= 0 && follow(u, e, rest, end)
	}
	switch {
	case r.flags&hostAnchor != 0:
		for i := q.start; i < q.end; i++ {
			if i > q.start && u[i-1] != '.' {
				continue
			}
			if e := at(u, i, first); e >= 0 && follow(u, e, rest, end) {
				return true
			}
		}
		return false
	case r.flags&leftAnchor != 0:
		e := at(u, 0, first)
		return e >= 0 && follow(u, e, rest, end)
	case len(rest) == 0:
		return follow(u, 0, []string{first}, end)
	}
	_, e := find(u, 0, first)
	return e >= 0 && follow(u, e, rest, end)
}

// follow reports whether the parts come one after the other from i on, the
// last of them at the end of the URL if it must.
func follow(u string, i int, parts []string, end bool) bool {
	for n, p := range parts {
		if end && n == len(parts)-1 {
			for from := i; ; {
				s, e := find(u, from, p)
				if s < 0 || e == len(u) {
					return s >= 0
				}
				from = s + 1
			}
		}
		_, e := find(u, i, p)
		if e < 0 {
			return false
		}
		i = e
	}
	return len(parts) > 0 || !end || i == len(u)
}

// find looks for a part from i on and returns where it begins and ends, -1 if
// it is nowhere.
func find(u string, i int, p string) (start, end int) {
	literal, _, open := strings.Cut(p, "^")
	for ; i <= len(u); i++ {
		if literal != "" {
			k := strings.Index(u[i:], literal)
			if k < 0 {
				return -1, -1
			}
			i += k
			if !open {
				return i, i + len(p)
			}
		}
		if e := at(u, i, p); e >= 0 {
			return i, e
		}
	}
	return -1, -1
}

// at compares a part with the URL at i and returns the end of the match, -1 if
// it does not fit. "^" is a separator or the end.
func at(u string, i int, p string) int {
	for k := range len(p) {
		switch {
		case p[k] != '^':
			if i >= len(u) || u[i] != p[k] {
				return -1
			}
			i++
		case i == len(u): // whatever follows must be at the end too
		case separates[u[i]]:
			i++
		default:
			return -1
		}
	}
	return i
}

var separates = table(func(c byte) bool {
	return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c == '_' || c == '-' || c == '.' || c == '%' || c >= 0x80)
})
