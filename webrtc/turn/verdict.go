package turn

import (
	"fmt"
	"strings"

	"vksprobe/probe"
)

// perServer asks judge about every TURN server that was checked. No finding
// means that the rule has nothing to say about it.
func perServer(judge func(Facts) *probe.Finding) func(*probe.Case) []probe.Finding {
	return func(c *probe.Case) []probe.Finding { return judgeEach(c, true, judge) }
}

// perAny asks judge about every server, whether of TURN or only of STUN.
func perAny(judge func(Facts) *probe.Finding) func(*probe.Case) []probe.Finding {
	return func(c *probe.Case) []probe.Finding { return judgeEach(c, false, judge) }
}

func judgeEach(c *probe.Case, relays bool, judge func(Facts) *probe.Finding) []probe.Finding {
	var all []probe.Finding
	for o, f := range Observed.In(c.Facts) {
		if relays && !f.Relay {
			continue
		}
		found := finding(probe.NotApplicable, "Der Server wurde nicht gefragt, weil er außerhalb des Prüfumfangs liegt.", "The server was not asked, because it is out of scope.")
		if o.Failure != probe.OutOfScope {
			found = judge(f)
		}
		if found != nil {
			found.Subject, found.Observations = o.Subject, []string{o.ID}
			all = append(all, *found)
		}
	}
	return all
}

func finding(v probe.Verdict, de, en string) *probe.Finding {
	return &probe.Finding{Verdict: v, Detail: probe.Text{DE: de, EN: en}}
}

// unanswered is the finding for an answer that is not there.
func unanswered(a Answer) *probe.Finding {
	var why probe.Text
	switch words := reasons[a.Failure]; {
	case a.Failure != "" && words.DE != "":
		why = probe.Text{DE: " (" + words.DE + ")", EN: " (" + words.EN + ")"}
	case a.Failure != "":
		why = probe.Text{DE: " (" + string(a.Failure) + ")", EN: " (" + string(a.Failure) + ")"}
	case a.Code != 0:
		why.DE = fmt.Sprintf(" (STUN-Fehler %d)", a.Code)
		why.EN = fmt.Sprintf(" (STUN error %d)", a.Code)
	}
	return finding(probe.Unknown, "Der Server gab darauf keine verwertbare Antwort"+why.DE+".", "The server gave no answer to this that says anything"+why.EN+".")
}

// reasons are words for the failures that a server causes.
var reasons = map[probe.Failure]probe.Text{
	probe.DNSNXDomain:       {DE: "den Namen gibt es im DNS nicht", EN: "the name does not exist in the DNS"},
	probe.DNSFailed:         {DE: "der Name ließ sich nicht auflösen", EN: "the name could not be resolved"},
	probe.ConnectionRefused: {DE: "Verbindung abgelehnt", EN: "connection refused"},
	probe.ConnectionReset:   {DE: "Verbindung abgebrochen", EN: "connection reset"},
	probe.Unreachable:       {DE: "nicht erreichbar", EN: "unreachable"},
	probe.Timeout:           {DE: "keine Antwort in der gesetzten Zeit", EN: "no answer in time"},
	probe.TLSAlert:          {DE: "kein gemeinsames TLS-Verfahren", EN: "no TLS in common"},
	probe.NotRecognised:     {DE: "die Antwort war kein STUN", EN: "the answer was not STUN"},
	probe.Interrupted:       {DE: "die Messung wurde abgebrochen", EN: "the check was interrupted"},
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
