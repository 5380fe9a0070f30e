package tr02102

import (
	"testing"
	"time"
)

func day(year int) time.Time { return time.Date(year, 11, 23, 0, 0, 0, 0, time.UTC) }

func TestClass(t *testing.T) {
	table := Load()
	for _, c := range []struct {
		suite uint16
		year  int
		want  Class
	}{
		{0x1301, 2026, Listed}, {0x1301, 2040, Expired}, {0x1303, 2026, NotListed},
		{0xC02F, 2031, Expiring}, {0xC02F, 2032, Expired}, {0xC0A0, 2026, NotListed},
		{0x003F, 2026, Expiring}, {0x003F, 2027, Expired}, {0x009E, 2029, Expiring}, {0xCCA9, 2026, NotListed},
	} {
		e, ok := table.CipherSuite(c.suite)
		got := e.Class(day(c.year))
		if !ok {
			got = NotListed
		}
		if got != c.want {
			t.Errorf("%04X in %d: %s, want %s", c.suite, c.year, got, c.want)
		}
	}
	for code, want := range map[uint16]Class{0x0304: Listed, 0x0303: Listed, 0x0302: NotRecommended, 0x0300: NotRecommended} {
		e, ok := table.Version(code)
		if !ok || e.Class(day(2026)) != want {
			t.Errorf("version %04X: %s, want %s", code, e.Class(day(2026)), want)
		}
	}
	if len(table.suites) < 58 {
		t.Errorf("only %d cipher suites", len(table.suites))
	}
}
