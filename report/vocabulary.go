package report

import (
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/tls/chain"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/norm"
	"vksprobe/tracking"
	"vksprobe/webrtc"
)

// The bounds of single strings and lists in the HTML view.
const (
	maxText = 2000 // runes of a sentence
	maxWord = 300  // runes of a name, address or path
	maxList = 12   // members of a list in a cell
)

// vocabulary is what the template can say. Everything that returns
// template.HTML escapes what it was given.
func vocabulary() template.FuncMap {
	return template.FuncMap{
		"say":      func(de, en string) template.HTML { return both(probe.Text{DE: de, EN: en}) },
		"t":        both,
		"told":     told,
		"few":      func(all []string) template.HTML { return joined(all, same) },
		"command":  func(args []string) string { return cut(strings.Join(args, " "), 4*maxText) },
		"evidence": evidenceLink,
		"source":   webLink,
		"verdict":  func(v probe.Verdict) template.HTML { return both(verdictWord(v)) },
		"heading":  func(v probe.Verdict) template.HTML { return both(verdictHeading(v)) },
		"icon":     icon,
		"severity": func(s probe.Severity) template.HTML { return both(severityWord(s)) },
		"phase":    func(p probe.Phase) template.HTML { return both(phaseWord(p)) },
		"phases":   func(all []probe.Phase) template.HTML { return joined(all, phaseWord) },
		"failure":  func(f probe.Failure) template.HTML { return both(failureWord(f)) },
		"device":   func(d string) template.HTML { return both(deviceWord(d)) },
		"party":    func(p tracking.Party) template.HTML { return both(partyWord(p)) },
		"subject":  func(s string) template.HTML { return "<bdi>" + both(subjectWord(s)) + "</bdi>" },
		"class":    func(c norm.Class) template.HTML { return both(classShort(c)) },
		"answer":   func(s enumerate.State) template.HTML { return both(answerWord(s)) },
		"trust":    func(s chain.State) template.HTML { return both(trustWord(s)) },
		"role":     func(r chain.Role) template.HTML { return both(roleWord(r)) },
		"asked":    func(name string) template.HTML { return both(askedWord(name)) },
		"fact":     func(s string) template.HTML { return "<bdi>" + both(factWord(s)) + "</bdi>" },
		"length":   func(d time.Duration) template.HTML { return both(duration(d)) },
		"words":    func(all []probe.Text) template.HTML { return joined(all, func(t probe.Text) probe.Text { return t }) },
		"inc":      func(n int) int { return n + 1 },
		"state":    func(s webrtc.State) template.HTML { return both(stateWord(s)) },
		"num":      func(n int64) template.HTML { return both(number(n)) },
		"count":    func(n int) template.HTML { return both(number(int64(n))) },
		"size":     func(n int64) template.HTML { return both(size(n)) },
		"moment":   func(t time.Time) template.HTML { return both(moment(t)) },
		"day":      func(t time.Time) template.HTML { return both(day(t)) },
		"hour":     func(t time.Time) string { return t.UTC().Format(time.TimeOnly) },
		"clock":    func(t time.Time) string { return t.UTC().Format("15:04:05.000") },
		"between":  func(a, b time.Time) template.HTML { return both(duration(b.Sub(a))) },
		"seconds":  func(x float64) template.HTML { return both(duration(time.Duration(x * float64(time.Second)))) },
		"short":    func(s string) string { return cut(s, 12) },
		"numbers":  func(ns []int) string { return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(ns)), ", "), "[]") },
		"ordered": func(d map[probe.Phase]float64) []probe.Phase {
			return slices.DeleteFunc(probe.Phases(), func(p probe.Phase) bool { return d[p] == 0 })
		},
	}
}

// both is a text in both languages, of which the style shows one.
func both(t probe.Text) template.HTML {
	if t.DE == "" {
		t.DE = t.EN
	}
	if t.EN == "" {
		t.EN = t.DE
	}
	de, en := template.HTMLEscapeString(cut(t.DE, maxText)), template.HTMLEscapeString(cut(t.EN, maxText))
	if de == en {
		return template.HTML(de)
	}
	return template.HTML(`<span class="t" lang="de">` + de + `</span><span class="t" lang="en">` + en + `</span>`)
}

// told is a word that came from the target: of bounded length and with its
// own direction of writing.
func told(s string) template.HTML {
	return template.HTML("<bdi>" + template.HTMLEscapeString(cut(s, maxWord)) + "</bdi>")
}

// joined is a list of words, of which the first are shown.
func joined[T any](all []T, word func(T) probe.Text) template.HTML {
	var t probe.Text
	for i, one := range all {
		if i == maxList {
			t.DE += fmt.Sprintf(" und %d weitere", len(all)-i)
			t.EN += fmt.Sprintf(" and %d more", len(all)-i)
			break
		}
		if i > 0 {
			t.DE, t.EN = t.DE+", ", t.EN+", "
		}
		w := word(one)
		t.DE, t.EN = t.DE+cut(w.DE, maxWord), t.EN+cut(w.EN, maxWord)
	}
	return "<bdi>" + both(t) + "</bdi>"
}

// icon draws a verdict; the word stands beside it.
func icon(v probe.Verdict) template.HTML {
	name := v.String()
	return template.HTML(`<svg class="icon ` + name + `" aria-hidden="true" width="20" height="20"><use href="#icon-` + name + `"/></svg>`)
}

// evidenceLink links a raw file. A path that does not stay below the evidence
// is shown, but not linked.
func evidenceLink(path string) template.HTML {
	if !fs.ValidPath(path) || !strings.HasPrefix(path, "evidence/") {
		return told(path)
	}
	link := url.URL{Path: path}
	return template.HTML(`<a href="`+template.HTMLEscapeString(link.String())+`">`) + told(strings.TrimPrefix(path, "evidence/")) + `</a>`
}

// webLink links the page of a source for those who want to read it there.
func webLink(address string) template.HTML {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" {
		return told(address)
	}
	return template.HTML(`<a rel="noreferrer" href="`+template.HTMLEscapeString(u.String())+`">`) + told(address) + `</a>`
}
