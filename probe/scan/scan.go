// Package scan is one run: it starts a browser per participant, walks them
// through the meeting phase by phase, records the evidence into a bundle,
// derives observations and findings and seals the bundle.
//
// Phases last a fixed time and never wait for the network to fall silent,
// because a meeting never does. Every phase and the whole run have a
// deadline. Whatever happens (a refusal, a crash, an interrupt, a full disk),
// what was recorded is observed, judged and sealed, and the run says why it
// is incomplete. A kill leaves a bundle that can still be verified up to its
// last checkpoint.
//
// The adapters, observers, rules and formats are handed in as values, so this
// package knows none of them.
package scan

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"time"

	"vksprobe/probe"
	"vksprobe/probe/browser"
	"vksprobe/probe/vks"
	"vksprobe/report/bundle"
)

// Options is everything a run depends on.
type Options struct {
	Target       probe.Target
	Participants int    // own participants, at least 1
	Dir          string // directory of the bundle, must not exist; "" makes one in the working directory
	Dwell        Dwell
	JoinTimeout  time.Duration  // from the first click until the meeting is entered
	LobbyTimeout time.Duration  // in the lobby
	Timeout      time.Duration  // of all walks together
	Browser      browser.Config // Executable, Lang, Resolve, TrustSPKI and Loopback; the rest is set per participant
	Adapters     []*vks.Adapter
	Fallback     *vks.Adapter // when no adapter recognises the page
	Observers    []probe.Observer
	Active       []Active // what is asked of servers after all have left, in order
	Rules        []*probe.Rule
	Date         time.Time // of judgement
	Formats      []Format
	Program      probe.Program
	Command      []string // our own command line, secrets masked
	Network      string   // what the user says about the network
	Log          *slog.Logger
	Progress     func(Progress) // called often, never concurrently; may be nil
}

// Dwell is how long a walk stays in each phase.
type Dwell struct {
	Landing   time.Duration // page open, nothing clicked
	Prejoin   time.Duration // name, camera and microphone on offer, nothing clicked
	InMeeting time.Duration // all participants inside, nothing touched
	Left      time.Duration // meeting left, page still open
}

// DefaultDwell is long enough for pages that start things with a delay.
var DefaultDwell = Dwell{Landing: 5 * time.Second, Prejoin: 5 * time.Second, InMeeting: 15 * time.Second, Left: 3 * time.Second}

func (d Dwell) seconds() map[probe.Phase]float64 {
	return map[probe.Phase]float64{probe.Landing: d.Landing.Seconds(), probe.Prejoin: d.Prejoin.Seconds(),
		probe.InMeeting: d.InMeeting.Seconds(), probe.Left: d.Left.Seconds()}
}

// A Format writes one view of the result into the bundle.
type Format struct {
	File  string                                        // "report.html", below data/
	Write func(io.Writer, *Result, []bundle.File) error // with the files recorded so far
}

// Result is what a run came to.
type Result struct {
	Run          probe.Run
	Dir          string
	Rules        []*probe.Rule
	Observations []probe.Observation
	Findings     []probe.Finding
}

// Progress is a moment of a run.
type Progress struct {
	Elapsed     time.Duration
	Participant int
	Phase       probe.Phase
	Hosts       int // distinct hosts seen so far by that participant
}

// Run carries out a scan. The error is for what kept the program from its
// work; a meeting that could not be entered is a Result whose Run is
// Incomplete. When ctx ends, the walks stop and what there is gets sealed.
func Run(ctx context.Context, o Options) (*Result, error) {
	link, err := probe.Link(o.Target.Link)
	if err != nil {
		return nil, err
	}
	if o.Participants < 1 {
		return nil, fmt.Errorf("a scan needs at least one participant, not %d", o.Participants)
	}
	var overrides []vks.Override
	adapter := vks.Pick(o.Adapters, link)
	if adapter != nil {
		o.Target.System = adapter.System
		if adapter.Clean != nil {
			link, overrides = adapter.Clean(link)
		}
	}
	r := &run{Options: o, link: link, adapter: adapter, overrides: overrides, mask: o.Target.Masker(), started: time.Now(), id: newID()}
	if r.Dir == "" {
		r.Dir = "bundle-" + r.started.UTC().Format("20060102-150405") + "-" + r.id[:6]
	}
	if r.w, err = bundle.Create(r.Dir); err != nil {
		return nil, err
	}
	return r.finish(r.record(ctx))
}

// run is the state of one scan.
type run struct {
	Options
	id      string
	link    *url.URL // without what would change the settings
	mask    probe.Masker
	started time.Time
	w       *bundle.Writer

	adapter   *vks.Adapter   // whom the link belongs to, nil if it does not tell
	overrides []vks.Override // taken out of the link

	mu       sync.Mutex
	timeline *bundle.Growing
	marks    probe.Timeline
	reasons  []probe.Reason
	browsers []probe.BrowserRun
	inside   *meetingPoint
}

func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return fmt.Sprintf("%x", b)
}

// record does everything that needs the network. What goes wrong becomes a
// reason; nothing stops the sealing.
func (r *run) record(ctx context.Context) *run {
	logFile, err := r.w.Create("scan.log")
	if err == nil {
		defer logFile.Close()
		r.Log = slog.New(tee{r.Log.Handler(), slog.NewTextHandler(logFile, &slog.HandlerOptions{Level: slog.LevelDebug})})
	}
	r.note(0, "", probe.EvidenceNotWritable, err)
	r.putJSON("scan.json", r.sheet(probe.Running))
	r.putJSON("evidence/target.json", r.Target)
	r.timeline, err = r.w.Evidence("timeline.jsonl")
	r.note(0, "", probe.EvidenceNotWritable, err)

	browser.Sweep(r.Log)
	walking, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	r.inside = newMeetingPoint(r.Participants)
	var walks sync.WaitGroup
	for n := 1; n <= r.Participants; n++ {
		walks.Go(func() { r.participant(walking, n) })
	}
	walks.Wait()
	r.putJSON("evidence/target.json", r.Target) // the adapter is known by now
	if r.timeline != nil {
		r.note(0, "", probe.EvidenceNotWritable, r.timeline.Close())
	}
	r.ask(ctx)
	return r
}

// finish observes, judges, writes the formats and seals. It works on what was
// recorded only, and takes its own time: the run's context may have ended.
func (r *run) finish(*run) (*Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	b, err := bundle.Open(r.Dir)
	if err != nil {
		return nil, err
	}
	record, err := b.Record()
	if err != nil {
		return nil, err
	}
	observations, err := probe.Observe(ctx, record, r.Observers...)
	r.note(0, "", probe.EvidenceUnreadable, err)
	findings, err := probe.Judge(probe.NewFacts(observations), r.Date, r.Rules)
	if err != nil {
		return nil, err
	}
	state := probe.Complete
	if len(r.reasons) > 0 {
		state = probe.Incomplete
	}
	res := &Result{Run: r.sheet(state), Dir: r.Dir, Rules: r.Rules, Observations: observations, Findings: findings}

	var lines bytes.Buffer
	errs := []error{probe.WriteObservations(&lines, observations)}
	errs = append(errs, r.w.Put("observations.jsonl", lines.Bytes()), r.putJSON("findings.json", findings), r.putJSON("scan.json", res.Run))
	for _, f := range r.Formats {
		var out bytes.Buffer
		if err := f.Write(&out, res, b.Files()); err != nil {
			errs = append(errs, fmt.Errorf("writing %s: %w", f.File, err))
			continue
		}
		errs = append(errs, r.w.Put(f.File, out.Bytes()))
	}
	info := map[string]string{"Vksprobe-State": string(state), "External-Identifier": r.id}
	if state == probe.Incomplete {
		info["Vksprobe-Reason"] = reasonWords(r.reasons)
	}
	errs = append(errs, r.w.Seal(info))
	return res, errors.Join(errs...)
}

func reasonWords(reasons []probe.Reason) string {
	var words []string
	for _, x := range reasons {
		if w := string(x.Failure); !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	b, _ := json.Marshal(words) // strings cannot fail
	return string(b)
}

// note keeps why the run is incomplete; a nil error is no reason.
func (r *run) note(participant int, phase probe.Phase, f probe.Failure, err error) {
	if err == nil {
		return
	}
	detail := r.mask.Mask(err.Error())
	r.mu.Lock()
	r.reasons = append(r.reasons, probe.Reason{Participant: participant, Phase: phase, Failure: f, Detail: detail})
	r.mu.Unlock()
	r.Log.Warn("incomplete", "participant", participant, "phase", phase, "failure", f, "detail", detail)
}

// mark puts a line on the timeline, durably and in order of time.
func (r *run) mark(m probe.Mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.Time = time.Now().UTC()
	r.marks = append(r.marks, m)
	line, err := json.Marshal(m)
	if err == nil && r.timeline != nil {
		_, err = r.timeline.Write(append(line, '\n'))
	}
	if err != nil {
		r.reasons = append(r.reasons, probe.Reason{Participant: m.Participant, Phase: m.Phase, Failure: probe.EvidenceNotWritable, Detail: err.Error()})
	}
}

func (r *run) putJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err == nil {
		err = r.w.Put(name, append(b, '\n'))
	}
	r.note(0, "", probe.EvidenceNotWritable, err)
	return err
}

// sheet describes the run as of now.
func (r *run) sheet(state probe.RunState) probe.Run {
	now := time.Now()
	out := probe.Run{
		Format: "vksprobe-scan/v1", ID: r.id, Started: r.started.UTC(), Ended: now.UTC(), State: state, Reasons: r.reasons,
		Program: r.Program, Command: r.Command, Participants: r.Participants, Dwell: r.Dwell.seconds(), Browsers: r.browsers,
		Vantage: vantage(r.Network), Judged: r.Date, Editions: editions(r.Rules), Usage: ownUsage(),
		Clock: probe.Clock{WallSeconds: now.Round(0).Sub(r.started.Round(0)).Seconds(), MonotonicSeconds: now.Sub(r.started).Seconds(), Synchronised: clockSynchronised()},
	}
	for _, b := range r.browsers {
		out.Usage.CPUSeconds += b.Usage.CPUSeconds
		out.Usage.PeakBytes += b.Usage.PeakBytes
	}
	return out
}

// editions lists the documents that the rules rest on.
func editions(rules []*probe.Rule) []string {
	var all []string
	for _, rule := range rules {
		for _, s := range rule.Sources {
			name := s.Doc
			if s.Edition != "" {
				name += " (" + s.Edition + ")"
			}
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return all
}
