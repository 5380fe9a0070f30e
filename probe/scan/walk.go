package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/probe/browser"
	"vksprobe/probe/vks"
)

const (
	look        = 500 * time.Millisecond // between two looks at a page
	lookTimeout = 10 * time.Second       // for one look, action or screenshot
	navTimeout  = 30 * time.Second
	again       = 5 * time.Second // before the same action is tried once more
	maxTries    = 3               // of the same actions in the same state; a password is tried once
)

// stop ends a walk before its last phase.
type stop struct {
	failure probe.Failure
	err     error // nil if the failure says it all
}

func (s *stop) Error() string {
	if s.err == nil {
		return string(s.failure)
	}
	return fmt.Sprintf("%s: %v", s.failure, s.err)
}

// walker is one participant on the way through the meeting.
type walker struct {
	*run
	n     int
	b     *browser.Browser
	guest vks.Guest
	vks   *vks.Adapter
	phase probe.Phase
	shots int
	notes *notebook
}

// participant runs one browser through the whole meeting and closes it.
func (r *run) participant(ctx context.Context, n int) {
	w := &walker{run: r, n: n, vks: r.adapter, phase: probe.Preflight,
		guest: vks.Guest{Name: r.Target.Name, Password: r.Target.Password, Consent: vks.Choice(r.Target.Consent)}}
	if n > 1 {
		w.guest.Name = fmt.Sprintf("%s %d", r.Target.Name, n)
	}
	r.Log.Info("starting browser", "participant", n)
	c := r.Browser
	c.Participant, c.Log = n, r.Log.With("participant", n)
	c.Media = []string{r.link.Scheme + "://" + r.link.Host}
	c.Create = func(name string) (io.WriteCloser, error) { return r.w.Evidence(name) }
	b, err := browser.Start(ctx, c)
	if err != nil {
		f := probe.BrowserCrashed
		if errors.Is(err, browser.ErrMissing) || errors.Is(err, browser.ErrTooOld) {
			f = probe.BrowserMissing
		}
		r.inside.miss()
		w.end(f, err)
		return
	}
	w.b = b
	w.notes = r.newNotebook(n)
	w.notes.overrides(w.vks, r.overrides, true)
	defer w.notes.close()
	walking, stopWalk := context.WithCancel(ctx)
	go func() { // a browser that dies ends its walk at once
		select {
		case <-b.Done():
		case <-walking.Done():
		}
		stopWalk()
	}()
	err = w.walk(walking)
	stopWalk()
	r.inside.miss()
	var s *stop
	switch {
	case err == nil:
		w.end(probe.OK, nil)
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		w.end(probe.Timeout, errors.New("the scan's time is up"))
	case ctx.Err() != nil:
		w.end(probe.Interrupted, nil)
	case closed(b.Done()):
		w.end(probe.BrowserCrashed, nil)
	case errors.As(err, &s):
		w.end(s.failure, s.err)
	default:
		w.end(probe.UnknownFailure, err)
	}

	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	usage, err := b.Close(closing)
	r.note(n, w.phase, probe.EvidenceNotWritable, err)
	info := b.Info()
	r.mu.Lock()
	r.browsers = append(r.browsers, probe.BrowserRun{Participant: n, Version: info.Version, CommandLine: info.CommandLine,
		User: info.User, Sandbox: info.Sandbox, Locale: info.Locale, Usage: probe.Usage{CPUSeconds: usage.CPUSeconds, PeakBytes: usage.PeakBytes}})
	r.mu.Unlock()
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (w *walker) end(f probe.Failure, err error) {
	if err == nil && f != probe.OK {
		err = errors.New("stopped in phase " + string(w.phase))
	}
	if f != probe.OK {
		w.note(w.n, w.phase, f, err)
	}
	w.mark(probe.Mark{Participant: w.n, End: f})
}

// walk goes from the link to the end of the meeting.
func (w *walker) walk(ctx context.Context) error {
	w.begin(probe.Landing)
	nav, cancel := context.WithTimeout(ctx, navTimeout)
	err := w.b.Navigate(nav, w.link.String())
	cancel()
	if err != nil {
		w.picture(ctx)
		return &stop{browser.Failure(err), err}
	}
	if err := w.dwell(ctx, w.Dwell.Landing); err != nil {
		return err
	}
	w.picture(ctx)
	if err := w.enter(ctx); err != nil {
		w.picture(ctx)
		w.notes.stopped()
		return err
	}
	w.inside.arrive(ctx, w.JoinTimeout)
	w.begin(probe.InMeeting)
	if err := w.dwell(ctx, w.Dwell.InMeeting); err != nil {
		return err
	}
	w.picture(ctx)
	return w.leave(ctx)
}

// enter looks at the page and acts until the adapter sees the meeting.
func (w *walker) enter(ctx context.Context) error {
	waiting := time.Now() // since when the walk waits for something to happen
	patience, state := w.JoinTimeout, vks.Unrecognised
	tries := map[string]int{} // by state and actions
	var last string
	var acted time.Time
	for {
		v, err := w.view(ctx)
		if err != nil {
			return err
		}
		s := w.vks.State(v, w.guest)
		w.notes.view(w.vks, s, v)
		if s != state {
			state, waiting = s, time.Now()
			w.Log.Info("meeting", "participant", w.n, "system", w.vks.System, "state", state)
		}
		switch {
		case state == vks.InMeeting:
			return nil
		case state.Final():
			return &stop{failure: state.Failure()}
		case state == vks.Lobby && w.phase != probe.Lobby:
			w.begin(probe.Lobby)
			patience = w.LobbyTimeout
		case (state == vks.Prejoin || state == vks.Password) && w.phase.Before(probe.Prejoin):
			w.begin(probe.Prejoin)
			if err := w.dwell(ctx, w.Dwell.Prejoin); err != nil {
				return err
			}
			w.picture(ctx)
			waiting = time.Now()
			continue // the page may have changed: look again before acting
		}
		next := w.vks.Next(v, state, w.guest)
		if key := signature(state, next); len(next) > 0 && (key != last || time.Since(acted) > again) {
			if tries[key]++; tries[key] > maxTries || state == vks.Password && tries[key] > 1 {
				return &stop{state.Failure(), errors.New("the client stays where it is")}
			}
			last, acted = key, time.Now()
			for _, s := range next {
				if err := w.do(ctx, v, s); err != nil {
					w.Log.Debug("action", "participant", w.n, "action", s.Comment, "error", w.mask.Mask(err.Error()))
					break // the page moved on: look again
				}
			}
		}
		if time.Since(waiting) > patience {
			return &stop{state.Failure(), fmt.Errorf("nothing happened in state %s for %s", state, patience)}
		}
		if err := sleep(ctx, look); err != nil {
			return err
		}
	}
}

// signature tells one set of actions from another.
func signature(state vks.State, steps []vks.Step) string {
	words := []string{string(state)}
	for _, s := range steps {
		words = append(words, s.Comment)
	}
	return strings.Join(words, ",")
}

// maxLeaving bounds how often the adapter is asked how to leave: menus open
// in between.
const maxLeaving = 5

// leave leaves the meeting if the client has a control for it, and stays on
// the page for a while to see what goes on.
func (w *walker) leave(ctx context.Context) error {
	for range maxLeaving {
		v, err := w.view(ctx)
		if err != nil {
			return err
		}
		w.notes.view(w.vks, w.vks.State(v, w.guest), v)
		if w.phase == probe.Left || w.vks.Leave == nil {
			break
		}
		steps := w.vks.Leave(v)
		if len(steps) == 0 {
			break
		}
		for _, s := range steps {
			begins := s.Begins
			s.Begins = "" // it is left when it is done
			if err := w.do(ctx, v, s); errors.Is(err, browser.ErrControlGone) {
				break
			} else if err != nil {
				return err
			}
			if begins == probe.Left {
				w.begin(probe.Left)
			}
		}
		if err := sleep(ctx, look); err != nil {
			return err
		}
	}
	if w.phase != probe.Left {
		return nil
	}
	if err := w.dwell(ctx, w.Dwell.Left); err != nil {
		return err
	}
	w.picture(ctx)
	return nil
}

// view looks at the page and recognises the system by what it shows if the
// link did not tell.
func (w *walker) view(ctx context.Context) (browser.View, error) {
	unknown := w.vks == nil || w.vks == w.Fallback // still loading, perhaps
	expression := ""
	if unknown {
		expression = vks.Signs(w.Adapters)
	} else {
		expression = w.vks.Probe
	}
	looking, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	v, err := w.b.View(looking, expression)
	if err != nil {
		return v, &stop{probe.PageError, err}
	}
	if !unknown {
		return v, nil
	}
	known := w.vks
	if w.vks = vks.Recognise(w.Adapters, v); w.vks == nil {
		w.vks = w.Fallback
	}
	w.run.mu.Lock()
	w.run.Target.System = w.vks.System
	w.run.mu.Unlock()
	if w.vks == w.Fallback || w.vks == known {
		v.Probe = json.RawMessage("null")
		return v, nil
	}
	if w.vks.Clean != nil { // too late to take anything out
		_, overrides := w.vks.Clean(w.link)
		w.notes.overrides(w.vks, overrides, false)
	}
	return w.view(ctx) // now with the system's own expression
}

func (w *walker) do(ctx context.Context, v browser.View, s vks.Step) error {
	if s.Begins != "" && w.phase.Before(s.Begins) {
		w.begin(s.Begins)
	}
	w.mark(probe.Mark{Participant: w.n, Action: s.Comment})
	acting, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return w.b.Do(acting, v, s.Action)
}

func (w *walker) begin(p probe.Phase) {
	w.phase = p
	w.mark(probe.Mark{Participant: w.n, Phase: p})
	w.Log.Info("phase", "participant", w.n, "phase", p)
	w.report()
}

// dwell stays in the phase for its time.
func (w *walker) dwell(ctx context.Context, d time.Duration) error {
	for end := time.Now().Add(d); ; {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		if err := sleep(ctx, min(left, look)); err != nil {
			return err
		}
		w.report()
	}
}

func (w *walker) report() {
	if w.Progress == nil {
		return
	}
	w.run.mu.Lock()
	defer w.run.mu.Unlock()
	w.Progress(Progress{Elapsed: time.Since(w.started), Participant: w.n, Phase: w.phase, Hosts: w.b.Hosts()})
}

// picture takes a screenshot and a snapshot of the page for the phase. A page
// that cannot be pictured is logged and does not end the walk.
func (w *walker) picture(ctx context.Context) {
	w.shots++
	shot, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if err := w.b.Capture(shot, fmt.Sprintf("%02d-%s", w.shots, w.phase)); err != nil {
		w.Log.Warn("no screenshot", "participant", w.n, "phase", w.phase, "error", w.mask.Mask(err.Error()))
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// A meetingPoint lets every participant wait until all that can still come
// are inside, so that media flows between them while they are observed.
type meetingPoint struct {
	arrived chan struct{} // one token per participant that is inside or will never be
	all     chan struct{} // closed when all have come
}

func newMeetingPoint(n int) *meetingPoint {
	p := &meetingPoint{arrived: make(chan struct{}, 2*n), all: make(chan struct{})}
	go func() {
		for range n {
			<-p.arrived
		}
		close(p.all)
	}()
	return p
}

// arrive waits for the others, at most for the given time.
func (p *meetingPoint) arrive(ctx context.Context, patience time.Duration) {
	p.arrived <- struct{}{}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-p.all:
	case <-ctx.Done():
	}
}

// miss says that a participant will not come (any more).
func (p *meetingPoint) miss() { p.arrived <- struct{}{} }
