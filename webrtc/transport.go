package webrtc

import (
	"fmt"
	"slices"
	"strings"

	"vksprobe/probe"
)

// perConnection judges each connection that carried something; echo tests and
// those that never came about are left out, unless failed asks for them. A nil
// finding means that the rule has nothing to say of the connection.
func perConnection(failed bool, judge func(Peer) *probe.Finding) func(*probe.Case) []probe.Finding {
	return func(c *probe.Case) []probe.Finding {
		var all []probe.Finding
		for o, p := range Connection.In(c.Facts) {
			if p.Loopback || o.Failure != "" && !failed {
				continue
			}
			if f := judge(p); f != nil {
				f.Subject, f.Observations = o.Subject, []string{o.ID}
				all = append(all, *f)
			}
		}
		return all
	}
}

// finding forms a finding without its subject.
func finding(v probe.Verdict, de, en string) *probe.Finding {
	return &probe.Finding{Verdict: v, Detail: probe.Text{DE: de, EN: en}}
}

// contested returns a finding that asks for a person if the sources differ on
// a field.
func contested(p Peer, field string) *probe.Finding {
	i := slices.IndexFunc(p.Disagreements, func(s string) bool { return strings.HasPrefix(s, field+":") })
	if i < 0 {
		return nil
	}
	return finding(probe.Review, fmt.Sprintf("Die Quellen widersprechen sich (%s).", p.Disagreements[i]),
		fmt.Sprintf("The sources disagree (%s).", p.Disagreements[i]))
}

// stateOfTheArt is the guidance's demand on transport encryption.
func stateOfTheArt() probe.Source {
	return probe.Source{
		Doc:     "LfDI Baden-Württemberg, Videokonferenzsysteme – Hinweise zur praktischen Nutzung",
		Edition: "August 2021",
		Section: "Technische Anforderungen an VKS, Verschlüsselung",
		Quote:   "Für die Übertragung von Videokonferenzdaten ist mindestens eine Transportverschlüsselung entsprechend den einschlägigen Technischen Richtlinien des BSI erforderlich.",
	}
}
