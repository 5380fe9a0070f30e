package filter

import (
	"strings"
	"testing"
)

// FuzzMatch wants no list and no URL to upset the matcher, and rules that are
// filed to be found: whatever a rule alone matches without the index, the
// index must find.
func FuzzMatch(f *testing.F) {
	for _, c := range ruleCases {
		for _, s := range append(c.hit, c.miss...) {
			f.Add(c.list, s)
		}
	}
	f.Add("||a*^|\n@@|$~third-party,domain=~", "https://[::1]:/?a d.test script")
	f.Add("/(a*)*b/\n^*^|", "a://@:.:/\x80 . image")
	f.Fuzz(func(t *testing.T, list, ask string) {
		l, err := Parse("fuzz", []byte(list))
		if err != nil {
			return
		}
		fields := append(strings.Fields(ask), "", "", "")
		r, ok := NewRequest(fields[0], fields[1], TypeOf(fields[2]))
		if !ok {
			return
		}
		m := l.Match(r)
		rules, exceptions := false, false
		for i := range l.all {
			alone := l.all[i]
			alone.flags &^= plainHost // which relies on the index
			if alone.fits(r, none) {
				rules = rules || alone.flags&isException == 0
				exceptions = exceptions || alone.flags&isException != 0
			}
		}
		if rules != (m.Rule != "") {
			t.Errorf("%q in %q: the index finds %+v, the rules alone say %v", ask, list, m, rules)
		}
		if m.Exception != "" && !exceptions {
			t.Errorf("%q in %q: there is no exception %q", ask, list, m.Exception)
		}
	})
}
