package report

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vksprobe/probe"
	"vksprobe/tracking"
	"vksprobe/tracking/geo"
)

// TestWriteHosts wants hostile names to be shown and to do nothing, and lines
// to stay within a terminal.
func TestWriteHosts(t *testing.T) {
	a, err := geo.Default()
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	var hosts []Host
	for _, name := range []string{"a\x1b[31mb.example", strings.Repeat("x", 63) + ".example", "\u202egro.elpmaxe", ""} {
		p, err := a.Place(geo.Query{Host: name, Addresses: []netip.Addr{netip.MustParseAddr("3.120.0.1"), netip.MustParseAddr("104.16.0.1"), netip.MustParseAddr("141.24.1.1")}})
		if err != nil {
			t.Fatal(err)
		}
		h := NewHost(tracking.HostPlace{Party: tracking.Third, Place: p}, day)
		h.Listed = make([]tracking.ListedRequest, 5)
		h.Listed[0].Rule = strings.Repeat("long ", 100) + "\x1b]0;x\a"
		hosts = append(hosts, h)
	}
	for _, prose := range []bool{true, false} {
		for _, lang := range []string{"de", "en"} {
			var out bytes.Buffer
			if err := WriteHosts(&out, hosts, day, lang, prose); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(out.String(), "\x1b\a\u202e") {
				t.Errorf("%s: control characters in %q", lang, out.String())
			}
			for line := range strings.Lines(out.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
					t.Errorf("%s: %d columns: %s", lang, n, line)
				}
			}
			if !strings.Contains(out.String(), "DE ?") {
				t.Errorf("%s: not both places are shown:\n%s", lang, out.String())
			}
		}
	}
}

func TestClassNames(t *testing.T) {
	for _, c := range []geo.Class{geo.Undetermined, geo.EEA, geo.Adequacy, geo.Conditional, geo.DPF, geo.NoDecision, geo.Local} {
		if n := className(c); n == same(string(c)) || n.DE == "" || n == (probe.Text{}) {
			t.Errorf("%s has no name", c)
		}
	}
}
