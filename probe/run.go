package probe

import (
	"slices"
	"strings"
	"time"
)

// Run is data/scan.json: what was run, how, from where, and what it cost.
type Run struct {
	Format       string            `json:"format"` // "vksprobe-scan/v1"
	ID           string            `json:"id"`     // random, names the bundle's directory
	Started      time.Time         `json:"started"`
	Ended        time.Time         `json:"ended"`
	State        RunState          `json:"state"`
	Reasons      []Reason          `json:"reasons,omitempty"` // why the scan is incomplete
	Program      Program           `json:"program"`
	Command      []string          `json:"command"`         // our own command line, secrets masked
	Scope        []string          `json:"scope,omitempty"` // families of rules that were to be measured, "tls"; none means all
	Participants int               `json:"participants"`
	Dwell        map[Phase]float64 `json:"dwell_seconds"` // time to be spent in each phase
	Browsers     []BrowserRun      `json:"browsers"`
	Vantage      Vantage           `json:"vantage"`
	Clock        Clock             `json:"clock"`
	Judged       time.Time         `json:"judged"`   // date for which the findings hold
	Editions     []string          `json:"editions"` // documents the rules rest on, with edition
	Usage        Usage             `json:"usage"`    // program and browsers together
}

// Rules returns those of the rules that the run set out to measure: the first
// part of their ids is in its Scope.
func (r Run) Rules(all []*Rule) []*Rule {
	if len(r.Scope) == 0 {
		return all
	}
	var out []*Rule
	for _, rule := range all {
		family, _, _ := strings.Cut(rule.ID, ".")
		if slices.Contains(r.Scope, family) {
			out = append(out, rule)
		}
	}
	return out
}

// RunState says whether a scan did everything it set out to do.
type RunState string

// The states of a run.
const (
	Running    RunState = "running" // never in a sealed bundle
	Complete   RunState = "complete"
	Incomplete RunState = "incomplete"
)

// A Reason says why a scan is incomplete.
type Reason struct {
	Participant int     `json:"participant,omitempty"`
	Phase       Phase   `json:"phase,omitempty"`
	Failure     Failure `json:"failure"`
	Detail      string  `json:"detail,omitempty"` // in English, secrets masked
}

// Program identifies the build.
type Program struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

// BrowserRun is one browser of a scan.
type BrowserRun struct {
	Participant int      `json:"participant"`
	Version     string   `json:"version"` // "Chromium 156.0.8078.79"
	CommandLine []string `json:"command_line"`
	User        string   `json:"user"`    // "uid 61184"
	Sandbox     string   `json:"sandbox"` // "on", or why there is none
	Locale      string   `json:"locale"`
	Usage       Usage    `json:"usage"`
}

// Usage is the cost of a run in processor time and memory.
type Usage struct {
	CPUSeconds float64 `json:"cpu_seconds"` // user and system
	PeakBytes  int64   `json:"peak_bytes"`  // largest sum of proportional set sizes that was seen
}

// Vantage is the place from which a scan looked. It names no host and no
// person.
type Vantage struct {
	OS       string `json:"os"` // "Debian GNU/Linux 12 (bookworm)"
	Kernel   string `json:"kernel"`
	Arch     string `json:"arch"`
	TimeZone string `json:"time_zone"`
	Network  string `json:"network,omitempty"` // what the user says about it
}

// Clock shows whether the wall clock can be trusted: it and the monotonic
// clock must have advanced by the same time.
type Clock struct {
	WallSeconds      float64 `json:"wall_seconds"`
	MonotonicSeconds float64 `json:"monotonic_seconds"`
	Synchronised     bool    `json:"synchronised"` // the kernel says that it follows a time server
}
