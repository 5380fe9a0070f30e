package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vksprobe/probe"
	"vksprobe/report/bundle"
)

// An Active asks servers that the meeting uses by itself, when all
// participants have left. It learns from the record whom, keeps within the
// scope with every socket, and writes its transcripts as evidence. What a
// server does not answer is in its transcript; an error means that something
// could not be asked or written.
type Active struct {
	Name string
	Ask  func(ctx context.Context, rec *probe.Record, w *bundle.Writer) error
}

// activeTime bounds all active questions of a run together.
const activeTime = 10 * time.Minute

// ask lets each Active ask. It works on what was recorded until now, and has
// its own time, so that a long meeting does not cost the answers.
func (r *run) ask(ctx context.Context) {
	if len(r.Active) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, activeTime)
	defer cancel()
	b, err := bundle.Open(r.Dir)
	if err != nil {
		r.note(0, "", probe.EvidenceUnreadable, err)
		return
	}
	rec, err := b.Record()
	if err != nil {
		r.note(0, "", probe.EvidenceUnreadable, err)
		return
	}
	for _, a := range r.Active {
		began := time.Now()
		failure := probe.UnknownFailure
		if err = ctx.Err(); err == nil {
			err = a.Ask(ctx, rec, r.w)
		}
		switch {
		case errors.Is(err, context.Canceled):
			failure = probe.Interrupted
		case errors.Is(err, context.DeadlineExceeded):
			failure = probe.Timeout
		}
		if err != nil {
			err = fmt.Errorf("asking actively (%s): %w", a.Name, err)
		}
		r.note(0, "", failure, err)
		r.Log.Info("asked actively", "what", a.Name, "took", time.Since(began))
	}
}
