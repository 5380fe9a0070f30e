package turn

import (
	"fmt"
	"strings"

	"vksprobe/probe"
)

// perServer asks judge about every TURN server that was checked. No finding
// means that the rule has nothing to say about it.
func perServer(judge func(Facts) *probe.Finding) func(*probe.Case) []probe.Finding {
	return func(c *probe.Case) []probe.Finding {
		var all []probe.Finding
		for o, f := range Observed.In(c.Facts) {
			if !f.Relay {
				continue
			}
			if found := judge(f); found != nil {
				found.Subject, found.Observations = o.Subject, []string{o.ID}
				all = append(all, *found)
			}
		}
		return all
	}
}

func finding(v probe.Verdict, de, en string) *probe.Finding {
	return &probe.Finding{Verdict: v, Detail: probe.Text{DE: de, EN: en}}
}

// unanswered is the finding for an answer that is not there.
func unanswered(a Answer) *probe.Finding {
	why := ""
	switch {
	case a.Failure != "":
		why = fmt.Sprintf(" (%s)", a.Failure)
	case a.Code != 0:
		why = fmt.Sprintf(" (STUN %d)", a.Code)
	}
	return finding(probe.Unknown, "Der Server hat darauf keine Antwort gegeben, die etwas aussagt"+why+".",
		"The server gave no answer to this that says anything"+why+".")
}

// some lists the first few of many.
func some(all []string) string {
	const few = 8
	if len(all) > few {
		return fmt.Sprintf("%s, … (%d)", strings.Join(all[:few], ", "), len(all))
	}
	return strings.Join(all, ", ")
}

func rfc8656(section, quote string) probe.Source {
	return probe.Source{Doc: "RFC 8656", Edition: "February 2020", Section: section, Quote: quote, URL: "https://www.rfc-editor.org/rfc/rfc8656"}
}

func rfc8489(section string) probe.Source {
	return probe.Source{Doc: "RFC 8489", Edition: "February 2020", Section: section, URL: "https://www.rfc-editor.org/rfc/rfc8489"}
}
