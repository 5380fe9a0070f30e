// Package tls observes the TLS handshakes of every host that the browser
// contacted and judges them.
//
// The handshakes come from the NetLog, where the browser's network service
// writes down what it negotiated with whom. What a server would also accept
// cannot be seen there; that takes handshakes of our own, whose transcripts
// package enumerate makes and reads. [Mechanisms] puts both in the words of
// package norm, which knows what guidelines say.
package tls

import (
	"cmp"
	"slices"

	"vksprobe/probe"
	"vksprobe/tls/hello/iana"
)

// Rules are the rules of this package.
var Rules probe.Set

// judgement is what a rule says about one handshake.
type judgement struct {
	verdict probe.Verdict
	detail  probe.Text
}

// perHost judges every finished handshake that a page caused and gives one
// finding per subject: the gravest judgement, citing every handshake with it.
func perHost(c *probe.Case, judge func(Negotiated) judgement) []probe.Finding {
	found := map[string]*probe.Finding{}
	for o, n := range Handshake.In(c.Facts) {
		if n.Background || o.Failure != "" {
			continue
		}
		j := judge(n)
		f := found[o.Subject]
		if f == nil || rank(j.verdict) > rank(f.Verdict) {
			f = &probe.Finding{Subject: o.Subject, Verdict: j.verdict, Detail: j.detail}
			found[o.Subject] = f
		}
		if f.Verdict == j.verdict && len(f.Observations) < maxCited {
			f.Observations = append(f.Observations, o.ID)
		}
	}
	var out []probe.Finding
	for _, f := range found {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b probe.Finding) int { return cmp.Compare(a.Subject, b.Subject) })
	return out
}

// maxCited bounds the observations that one finding cites.
const maxCited = 20

// rank orders verdicts from harmless to grave.
func rank(v probe.Verdict) int {
	return slices.Index([]probe.Verdict{probe.NotApplicable, probe.Pass, probe.Unknown, probe.Review, probe.Fail}, v)
}

// forwardSecret says whether the suite's key exchange is ephemeral; known is
// false for a suite that has no name here.
func forwardSecret(n Negotiated) (yes, known bool) {
	if n.VersionCode == 0x0304 {
		return true, true
	}
	suite, ok := iana.Suite(n.CipherSuiteCode)
	return suite.ForwardSecret || suite.Authentication == "anon", ok && !suite.Signal
}
