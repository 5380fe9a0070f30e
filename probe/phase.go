package probe

import (
	"slices"
	"time"
)

// Phase is a stretch of the walk through a meeting. Every observation carries
// the phase in which it happened.
type Phase string

// The phases in the order in which a walk passes through them. A walk may
// leave phases out, but it never goes back.
const (
	Preflight Phase = "preflight"  // before the link is opened
	Landing   Phase = "landing"    // the link is open, nothing was clicked
	Consent   Phase = "consent"    // a consent banner was answered
	Prejoin   Phase = "prejoin"    // name, camera and microphone are on offer
	Joining   Phase = "joining"    // the join button was pressed
	Lobby     Phase = "lobby"      // waiting for somebody to admit us
	InMeeting Phase = "in_meeting" // inside, nothing was touched
	Unmuted   Phase = "unmuted"    // camera and microphone switched on by us
	Muted     Phase = "muted"      // camera and microphone switched off by us
	Left      Phase = "left"       // the meeting was left, the page is still open
)

// Phases lists every phase in order.
func Phases() []Phase {
	return []Phase{Preflight, Landing, Consent, Prejoin, Joining, Lobby, InMeeting, Unmuted, Muted, Left}
}

// Before reports whether p comes earlier in a walk than q.
func (p Phase) Before(q Phase) bool {
	all := Phases()
	return slices.Index(all, p) < slices.Index(all, q)
}

// BeforeJoining reports whether p lies before the join button was pressed.
func (p Phase) BeforeJoining() bool { return p.Before(Joining) }

// A Mark is one line of evidence/timeline.jsonl: a participant entered a
// phase, did something, or its walk ended. Exactly one of Phase, Action and
// End is set.
type Mark struct {
	Time        time.Time `json:"time"`
	Participant int       `json:"participant"`
	Phase       Phase     `json:"phase,omitempty"`
	Action      string    `json:"action,omitempty"` // what was done to the page, secrets masked: "click join"
	End         Failure   `json:"end,omitempty"`    // why the walk ended; "ok" when it reached its last phase
}

// A Timeline is the list of marks of one scan in order of time.
type Timeline []Mark

// At returns the phase in which participant was at time t, Preflight before
// its first mark.
func (tl Timeline) At(participant int, t time.Time) Phase {
	phase := Preflight
	for _, m := range tl {
		if m.Participant != participant || m.Phase == "" {
			continue
		}
		if m.Time.After(t) {
			break
		}
		phase = m.Phase
	}
	return phase
}

// Participants returns the numbers of the participants in ascending order.
func (tl Timeline) Participants() []int {
	var ids []int
	for _, m := range tl {
		if !slices.Contains(ids, m.Participant) {
			ids = append(ids, m.Participant)
		}
	}
	slices.Sort(ids)
	return ids
}

// A Span is a phase that a participant was in.
type Span struct {
	Participant int       `json:"participant"`
	Phase       Phase     `json:"phase"`
	Start       time.Time `json:"start"`
	End         time.Time `json:"end"`
	// Complete is true when the phase lasted as long as it was meant to:
	// the walk went on to another phase or ended "ok".
	Complete bool `json:"complete"`
}

// PhaseSpan observes each phase of each participant. Subject:
// "participant:1/prejoin".
var PhaseSpan = Kind[Span]{"scan.phase/v1"}

// Spans derives the phases of all participants. A phase that was still open
// when the evidence stops has the time of the last mark as its end.
func (tl Timeline) Spans() []Span {
	var spans []Span
	for _, id := range tl.Participants() {
		open := -1
		for _, m := range tl {
			if m.Participant != id {
				continue
			}
			if open >= 0 {
				spans[open].End = m.Time
			}
			switch {
			case m.Phase != "":
				if open >= 0 {
					spans[open].Complete = true
				}
				spans = append(spans, Span{Participant: id, Phase: m.Phase, Start: m.Time, End: m.Time})
				open = len(spans) - 1
			case m.End != "":
				if open >= 0 {
					spans[open].Complete = m.End == OK
				}
				open = -1
			}
		}
	}
	return spans
}
