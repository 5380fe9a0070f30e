package report

import (
	"testing"
	"time"

	"vksprobe/probe"
	"vksprobe/tracking"
	"vksprobe/webrtc"
)

// TestWordsAreComplete wants a word of its own in both languages for every
// code that a report can hold.
func TestWordsAreComplete(t *testing.T) {
	check := func(code string, w probe.Text) {
		t.Helper()
		if w.DE == "" || w.EN == "" || w.DE == code || w.EN == code {
			t.Errorf("%q has no words: %+v", code, w)
		}
	}
	for _, p := range probe.Phases() {
		check(string(p), phaseWord(p))
	}
	for _, f := range probe.Failures() {
		check(string(f), failureWord(f))
	}
	for v := probe.Unknown; v <= probe.Review; v++ {
		check(v.String(), verdictWord(v))
	}
	for _, s := range []webrtc.State{webrtc.Off, webrtc.Preview, webrtc.MutedTransmitting, webrtc.Transmitting, webrtc.Unclear} {
		check(string(s), stateWord(s))
	}
	for _, p := range []tracking.Party{tracking.First, tracking.Third, tracking.Unclear, tracking.OwnBrowser} {
		check(string(p), partyWord(p))
	}
	for _, k := range []string{probe.TargetFact.Name, probe.PhaseSpan.Name, probe.WalkEnd.Name, probe.ObserverRun.Name, webrtc.Connection.Name, webrtc.Device.Name, webrtc.Flow.Name, tracking.Contact.Name, tracking.Leak.Name} {
		check(k, kindWord(k))
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		got    probe.Text
		de, en string
	}{
		{number(0), "0", "0"},
		{number(999), "999", "999"},
		{number(1234567), "1.234.567", "1,234,567"},
		{number(-1000), "−1.000", "−1,000"},
		{size(999), "999 B", "999 B"},
		{size(1500), "1,5 kB", "1.5 kB"},
		{size(999_960), "1,0 MB", "1.0 MB"},
		{size(3_000_000_000), "3,0 GB", "3.0 GB"},
		{duration(48200 * time.Millisecond), "48,2 s", "48.2 s"},
		{duration(59_999 * time.Millisecond), "1 min 00 s", "1 min 00 s"},
		{duration(200 * time.Second), "3 min 20 s", "3 min 20 s"},
		{day(time.Date(2026, 11, 3, 23, 30, 0, 0, time.FixedZone("", -3600))), "04.11.2026", "4 Nov 2026"},
		{moment(time.Date(2026, 11, 23, 8, 4, 16, 0, time.FixedZone("", 3600))), "23.11.2026, 07:04:16 UTC", "23 Nov 2026, 07:04:16 UTC"},
		{moment(time.Time{}), "–", "–"},
	} {
		if c.got.DE != c.de || c.got.EN != c.en {
			t.Errorf("got %+v, want %q and %q", c.got, c.de, c.en)
		}
	}
}

func TestSubjectWord(t *testing.T) {
	for subject, want := range map[string]string{
		"host:example.org:443":     "example.org:443",
		"participant:1/in_meeting": "Teilnehmer 1, In der Konferenz",
		"connection:2/3":           "Verbindung 3 von Teilnehmer 2",
		"flow:1/192.0.2.1:5000":    "Datenstrom zu 192.0.2.1:5000, Teilnehmer 1",
		"media:1/camera":           "Kamera, Teilnehmer 1",
		"something/else":           "something/else",
	} {
		if got := subjectWord(subject).DE; got != want {
			t.Errorf("%s reads %q, want %q", subject, got, want)
		}
	}
}

func TestInert(t *testing.T) {
	for in, want := range map[string]string{
		"plain äöü 漢字 \t\n":     "plain äöü 漢字 \t\n",
		"a\u202eb\u2066c\ufeff": "a[U+202E]b[U+2066]c[U+FEFF]",
		"\x1b[2Jx\x07\r\x7f":    "[U+001B][2Jx[U+0007][U+000D][U+007F]",
		"z\u200bw\U000e0041":    "z[U+200B]w[U+E0041]",
		"bad\xff\xfe":           "bad\ufffd\ufffd",
	} {
		if got := string(inert([]byte(in))); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"äöü", 2, "äö…"}, {"", 1, ""}} {
		if got := cut(c.in, c.n); got != c.want {
			t.Errorf("cut(%q, %d) is %q, want %q", c.in, c.n, got, c.want)
		}
	}
}
