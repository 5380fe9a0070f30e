package probe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
)

// An Observation is one fact that was measured, flat and without opinion.
type Observation struct {
	ID       string          `json:"id"`   // "tls.handshake-3", unique in its bundle
	Kind     string          `json:"kind"` // "tls.handshake/v1"; the version changes with the shape of Data
	Subject  string          `json:"subject"`
	Phase    Phase           `json:"phase"`
	Time     time.Time       `json:"time"`
	Failure  Failure         `json:"failure,omitempty"` // why Data is not there or not whole
	Data     json.RawMessage `json:"data,omitempty"`
	Evidence []Evidence      `json:"evidence,omitempty"`
}

// A Kind names a kind of observation and ties it to the type of its Data.
type Kind[T any] struct{ Name string }

// New returns an observation of this kind; Data is encoded from v. The ID is
// given by [Observe].
func (k Kind[T]) New(subject string, phase Phase, t time.Time, v T, ev ...Evidence) Observation {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("kind %s: %v", k.Name, err)) // T is a type of ours: a bug
	}
	return Observation{Kind: k.Name, Subject: subject, Phase: phase, Time: t.UTC(), Data: data, Evidence: ev}
}

// Failed returns an observation of this kind that did not succeed.
func (k Kind[T]) Failed(subject string, phase Phase, t time.Time, f Failure, ev ...Evidence) Observation {
	return Observation{Kind: k.Name, Subject: subject, Phase: phase, Time: t.UTC(), Failure: f, Evidence: ev}
}

// In yields the observations of this kind with their decoded data, in order,
// without those that failed and carry no data. The data are decoded once for
// all who ask, so what they point to must not be altered.
func (k Kind[T]) In(f *Facts) iter.Seq2[Observation, T] {
	return func(yield func(Observation, T) bool) {
		type read struct {
			Observation
			data T
		}
		all, known := f.decoded[k.Name].([]read)
		if !known {
			for _, o := range f.byKind[k.Name] {
				if len(o.Data) == 0 {
					continue
				}
				r := read{Observation: o}
				if err := json.Unmarshal(o.Data, &r.data); err != nil {
					f.unreadable = append(f.unreadable, fmt.Errorf("observation %s: %w", o.ID, err))
					continue
				}
				all = append(all, r)
			}
			f.decoded[k.Name] = all
		}
		for _, r := range all {
			if !yield(r.Observation, r.data) {
				return
			}
		}
	}
}

// Facts is the list of observations that rules and reports read.
type Facts struct {
	All        []Observation
	byKind     map[string][]Observation
	decoded    map[string]any // what Kind.In has read, by kind
	unreadable []error
}

// NewFacts indexes the observations.
func NewFacts(all []Observation) *Facts {
	f := &Facts{All: all, byKind: map[string][]Observation{}, decoded: map[string]any{}}
	for _, o := range all {
		f.byKind[o.Kind] = append(f.byKind[o.Kind], o)
	}
	return f
}

// maxObservation bounds one line of an observations file in bytes.
const maxObservation = 16 << 20

// ReadFacts reads observations as JSON lines and rejects what this program
// would not have written: unknown failures, phases or doubled ids.
func ReadFacts(r io.Reader) (*Facts, error) {
	var all []Observation
	seen := map[string]bool{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxObservation)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var o Observation
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return nil, fmt.Errorf("observations line %d: %w", n, err)
		}
		switch {
		case o.ID == "" || seen[o.ID]:
			return nil, fmt.Errorf("observations line %d: id %q is empty or was used before", n, o.ID)
		case !slices.Contains(Phases(), o.Phase):
			return nil, fmt.Errorf("observations line %d: no phase %q", n, o.Phase)
		case !o.Failure.Known():
			return nil, fmt.Errorf("observations line %d: no failure code %q", n, o.Failure)
		}
		seen[o.ID] = true
		all = append(all, o)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("observations: %w", err)
	}
	return NewFacts(all), nil
}

// WriteObservations writes one observation per line, as ReadFacts reads them.
func WriteObservations(w io.Writer, all []Observation) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, o := range all {
		if err := enc.Encode(o); err != nil {
			return err
		}
	}
	return nil
}

// An Observer derives observations from raw evidence. It is a pure function
// of the record: the same files give the same observations.
type Observer struct {
	Name    string
	Observe func(ctx context.Context, rec *Record, emit func(Observation)) error
}

// ObserverRun is observed once per observer; a Failure says that its part of
// the evidence could not be read to the end. Subject: "observer:<name>".
var ObserverRun = Kind[struct{}]{"scan.observer/v1"}

// Observe runs the observers in order and numbers what they emit per kind. An
// observer that returns an error loses nothing of the others: the failure
// becomes an observation and the error is returned beside the observations.
func Observe(ctx context.Context, rec *Record, observers ...Observer) ([]Observation, error) {
	var all []Observation
	var errs []error
	count := map[string]int{}
	emit := func(o Observation) {
		name, _, _ := strings.Cut(o.Kind, "/")
		count[name]++
		o.ID = fmt.Sprintf("%s-%d", name, count[name])
		all = append(all, o)
	}
	for _, ob := range append([]Observer{walk}, observers...) {
		run := ObserverRun.New("observer:"+ob.Name, Preflight, time.Time{}, struct{}{})
		if err := ob.Observe(ctx, rec, emit); err != nil {
			run.Failure = EvidenceUnreadable
			errs = append(errs, fmt.Errorf("observer %s: %w", ob.Name, err))
		}
		emit(run)
	}
	return all, errors.Join(errs...)
}

// walk observes the target and the phases themselves.
var walk = Observer{Name: "walk", Observe: func(_ context.Context, rec *Record, emit func(Observation)) error {
	var first time.Time
	if len(rec.Timeline) > 0 {
		first = rec.Timeline[0].Time
	}
	if rec.Target.Link == "" {
		return nil // a check of servers; nobody walked
	}
	emit(TargetFact.New("target", Preflight, first, rec.Target.Public(), rec.Cite("target.json", "")))
	for _, s := range rec.Timeline.Spans() {
		o := PhaseSpan.New(fmt.Sprintf("participant:%d/%s", s.Participant, s.Phase), s.Phase, s.Start, s, rec.Cite("timeline.jsonl", ""))
		emit(o)
	}
	for n, m := range rec.Timeline {
		if m.End != "" {
			o := WalkEnd.New(fmt.Sprintf("participant:%d", m.Participant), rec.Timeline.At(m.Participant, m.Time), m.Time,
				Walk{Participant: m.Participant, Reached: rec.Timeline.At(m.Participant, m.Time)}, rec.Cite("timeline.jsonl", fmt.Sprintf("line=%d", n+1)))
			if m.End != OK {
				o.Failure = m.End
			}
			emit(o)
		}
	}
	return nil
}}

// Walk says how far a participant came.
type Walk struct {
	Participant int   `json:"participant"`
	Reached     Phase `json:"reached"`
}

// WalkEnd observes the end of a participant's walk; its Failure says why it
// stopped early. Subject: "participant:1".
var WalkEnd = Kind[Walk]{"scan.walk/v1"}
