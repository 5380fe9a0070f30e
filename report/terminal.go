package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"vksprobe/probe"
)

// maxLines bounds the findings of one rule with one verdict in the summary.
const maxLines = 10

// Terminal writes the summary of a report as plain text in the language with
// the tag "de" or "en": what it all comes to, how many findings have which
// verdict, and every finding that somebody has to look at.
func Terminal(w io.Writer, r *Report, lang string) error {
	var b bytes.Buffer
	say := func(de, en string) string { return probe.Text{DE: de, EN: en}.In(lang) }
	line := func(indent int, s string) { wrap(&b, indent, cut(s, maxText)) }
	what, participants := strings.Join(filled(r.Target.Link, r.Target.System), ", "), fmt.Sprintf("%s %d, ", say("Teilnehmer:", "participants:"), r.Run.Participants)
	if len(r.Run.Scope) > 0 {
		what, participants = r.name(), ""
	}
	line(0, what)
	line(0, fmt.Sprintf("%s, %s, %s%s %s", moment(r.Run.Started).In(lang), duration(r.Run.Ended.Sub(r.Run.Started)).In(lang), participants, say("bewertet zum", "judged as of"), day(r.Date).In(lang)))
	if r.Run.State != probe.Complete {
		line(0, say("UNVOLLSTÄNDIG: was nicht gemessen wurde, ist weder erfüllt noch verletzt", "INCOMPLETE: what was not measured is neither met nor violated"))
		for _, x := range r.Run.Reasons {
			where := ""
			if x.Participant > 0 {
				where = strings.Join(filled(fmt.Sprintf("%s %d", say("Teilnehmer", "participant"), x.Participant), phaseWord(x.Phase).In(lang)), ", ") + ": "
			}
			line(2, where+failureWord(x.Failure).In(lang))
		}
	}
	result := conclude(r)
	b.WriteByte('\n')
	line(0, result.Words.In(lang)+". "+result.Detail.In(lang))
	b.WriteByte('\n')
	for _, v := range urgency() {
		fmt.Fprintf(&b, "%6s  %s\n", number(int64(*r.Counts.of(v))).In(lang), verdictHeading(v).In(lang))
	}
	for _, v := range urgency()[:3] {
		lines := map[string]int{} // by rule
		var rules []string
		for _, f := range slices.SortedStableFunc(slices.Values(r.Findings), graver) {
			if f.Verdict != v {
				continue
			}
			if len(rules) == 0 {
				fmt.Fprintf(&b, "\n%s\n", verdictHeading(v).In(lang))
			}
			rules = union(rules, f.Rule)
			if lines[f.Rule]++; lines[f.Rule] > maxLines {
				continue
			}
			head := f.Rule + ": " + subjectWord(f.Subject).In(lang)
			if v != probe.Unknown {
				head += " (" + severityWord(f.Severity).In(lang) + ")"
			}
			line(2, head)
			line(4, f.Detail.In(lang))
		}
		for _, rule := range rules {
			if more := lines[rule] - maxLines; more > 0 {
				line(2, fmt.Sprintf("%s: %s %s", rule, number(int64(more)).In(lang), say("weitere", "more")))
			}
		}
	}
	b.WriteByte('\n')
	line(0, say("Nicht beobachtet heißt nicht ausgeschlossen: Alles gilt für diese Messung, dieses Netz und diesen Zeitraum.",
		"Not seen is not absent: everything holds for this measurement, this network and this time."))
	_, err := w.Write(inert(b.Bytes()))
	return err
}

// columns is where lines of the summary are broken.
const columns = 88

// wrap writes a text as lines of at most that many columns, indented. A word
// that is longer stands alone.
func wrap(b *bytes.Buffer, indent int, s string) {
	width := 0
	for _, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case width == 0:
			fmt.Fprintf(b, "%*s", indent, "")
			width = indent
		case width+1+n > columns:
			fmt.Fprintf(b, "\n%*s", indent, "")
			width = indent
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += n
	}
	b.WriteByte('\n')
}
