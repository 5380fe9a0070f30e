// Package report tells people and programs what a scan came to.
//
// A [Report] is everything there is to say: the run, the target without its
// secrets, the rules as they were applied, the findings, the observations
// they rest on and the digests of the raw files. [JSON] writes it without
// loss and [Schema] describes that form. [HTML] and [Terminal] are views that
// leave out what would bury the reader, and say so where they do.
//
// Most strings in a report come from the pages that were visited, so they are
// hostile. Every view escapes them for where they stand and makes control
// characters visible; a picture is only shown if its digest is right, and a
// path is only linked if it stays below the evidence.
package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
)

// Version names the shape of a report.
const Version = "vksprobe-report/v1"

// A Report is what a scan came to, as data/report.json holds it.
type Report struct {
	Version      string              `json:"version"`
	Run          probe.Run           `json:"scan"`
	Target       probe.PublicTarget  `json:"target"`
	Date         time.Time           `json:"date"` // of judgement
	Counts       Counts              `json:"counts"`
	Rules        []RuleDoc           `json:"rules"` // every rule that was applied
	Findings     []probe.Finding     `json:"findings"`
	Observations []probe.Observation `json:"observations"`
	Files        []File              `json:"files"` // in order of path
}

// Counts is the number of findings by verdict.
type Counts struct {
	Fail          int `json:"fail"`
	Review        int `json:"review"`
	Unknown       int `json:"unknown"`
	Pass          int `json:"pass"`
	NotApplicable int `json:"not_applicable"`
}

// A RuleDoc is a rule as people read it; see [probe.Rule] for the fields.
type RuleDoc struct {
	ID        string         `json:"id"`
	Title     probe.Text     `json:"title"`
	Why       probe.Text     `json:"why"`
	Sources   []probe.Source `json:"sources"`
	Criteria  []string       `json:"criteria,omitempty"`
	Severity  probe.Severity `json:"severity"`
	Remedy    probe.Text     `json:"remedy"`
	Effective time.Time      `json:"effective,omitzero"`
	Until     time.Time      `json:"until,omitzero"`
	Needs     []string       `json:"needs"`
	Phases    []probe.Phase  `json:"phases,omitempty"`
}

// A File is a raw file of the bundle.
type File struct {
	Path   string `json:"path"`            // below the bundle's data directory: "evidence/p1/netlog.json"
	SHA256 string `json:"sha256"`          // hexadecimal
	Bytes  int64  `json:"bytes,omitempty"` // 0 if nothing but the digest is known
}

// New puts a report together. Files that observations cite and the list lacks
// are added with the digest that was cited.
func New(run probe.Run, rules []*probe.Rule, observations []probe.Observation, findings []probe.Finding, files []File) *Report {
	r := &Report{Version: Version, Run: run, Date: run.Judged, Rules: []RuleDoc{},
		Findings: append([]probe.Finding{}, findings...), Observations: append([]probe.Observation{}, observations...), Files: append([]File{}, files...)}
	for _, rule := range rules {
		r.Rules = append(r.Rules, RuleDoc{ID: rule.ID, Title: rule.Title, Why: rule.Why, Sources: rule.Sources, Criteria: rule.Criteria,
			Severity: rule.Severity, Remedy: rule.Remedy, Effective: rule.Effective, Until: rule.Until, Needs: rule.Needs, Phases: rule.Phases})
	}
	for _, t := range probe.TargetFact.In(probe.NewFacts(observations)) {
		r.Target = t
	}
	listed := map[string]bool{}
	for _, f := range files {
		listed[f.Path] = true
	}
	for _, o := range observations {
		for _, e := range o.Evidence {
			if !listed[e.Path] {
				listed[e.Path] = true
				r.Files = append(r.Files, File{Path: e.Path, SHA256: e.SHA256})
			}
		}
	}
	slices.SortFunc(r.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	for _, f := range findings {
		*r.Counts.of(f.Verdict)++
	}
	return r
}

// of returns the counter of a verdict.
func (c *Counts) of(v probe.Verdict) *int {
	switch v {
	case probe.Fail:
		return &c.Fail
	case probe.Review:
		return &c.Review
	case probe.Pass:
		return &c.Pass
	case probe.NotApplicable:
		return &c.NotApplicable
	}
	return &c.Unknown
}

// urgency is the order in which people read verdicts.
func urgency() []probe.Verdict {
	return []probe.Verdict{probe.Fail, probe.Review, probe.Unknown, probe.Pass, probe.NotApplicable}
}

// gravity orders severities.
func gravity(s probe.Severity) int {
	return slices.Index([]probe.Severity{probe.Info, probe.Low, probe.Medium, probe.High}, s)
}

// graver puts the graver of two findings first.
func graver(a, b probe.Finding) int { return cmp.Compare(gravity(b.Severity), gravity(a.Severity)) }

// subjects are the servers that findings are about, in order.
func (r *Report) subjects() (all []string) {
	seen := map[string]bool{}
	for _, f := range r.Findings {
		if s := subjectWord(f.Subject).EN; !seen[s] && f.Subject != "scan" {
			seen[s] = true
			all = append(all, s)
		}
	}
	slices.Sort(all)
	return all
}

// name is what the report is about: the host of the meeting, or the servers
// that were asked.
func (r *Report) name() string {
	if len(r.Run.Scope) == 0 {
		return r.Target.Host
	}
	all := r.subjects()
	for i, s := range all {
		all[i] = cut(s, maxWord)
	}
	if more := len(all) - 3; more > 0 {
		return fmt.Sprintf("%s (+%d)", strings.Join(all[:3], ", "), more)
	}
	return strings.Join(all, ", ")
}
