package probe_test

import (
	"testing"
	"time"

	"vksprobe/probe"
)

// A rule about questions of our own has nothing to say where nobody was
// asked, but where one was asked in vain nothing is known.
func TestActiveRule(t *testing.T) {
	asked := probe.Kind[int]{Name: "asked/v1"}
	text := probe.Text{DE: "x", EN: "x"}
	rule := &probe.Rule{ID: "asked", Title: text, Why: text, Remedy: text, Sources: []probe.Source{{Doc: "test"}}, Severity: probe.Low,
		Needs: []string{asked.Name}, Active: true, Check: func(c *probe.Case) (all []probe.Finding) {
			for o := range asked.In(c.Facts) {
				all = append(all, probe.Finding{Subject: o.Subject, Verdict: probe.Pass, Detail: text, Observations: []string{o.ID}})
			}
			return all
		}}
	now := time.Now()
	for name, c := range map[string]struct {
		facts []probe.Observation
		want  probe.Verdict
	}{
		"nobody asked":  {nil, probe.NotApplicable},
		"asked in vain": {[]probe.Observation{asked.Failed("a", probe.Preflight, now, probe.Timeout)}, probe.Unknown},
		"out of scope":  {[]probe.Observation{asked.Failed("a", probe.Preflight, now, probe.OutOfScope)}, probe.NotApplicable},
		"answered":      {[]probe.Observation{asked.New("a", probe.Preflight, now, 1)}, probe.Pass},
	} {
		found, err := probe.Judge(probe.NewFacts(c.facts), now, []*probe.Rule{rule})
		if err != nil || len(found) != 1 || found[0].Verdict != c.want {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
		passive := *rule
		passive.Active = false
		if found, _ := probe.Judge(probe.NewFacts(c.facts), now, []*probe.Rule{&passive}); c.facts == nil && found[0].Verdict != probe.Unknown {
			t.Errorf("a rule that is not active is %s where nothing was observed", found[0].Verdict)
		}
	}
}
