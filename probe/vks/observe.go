package vks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"vksprobe/probe"
)

// Product is which system a participant met.
type Product struct {
	System  string `json:"system"`
	Version string `json:"version,omitempty"` // as the client calls itself, at most 100 bytes
}

// System observes the product once per participant, and again when its
// version becomes known. Subject: "participant:1".
var System = probe.Kind[Product]{Name: "vks.system/v1"}

// Seen is a state in which the adapter saw the client.
type Seen struct {
	System string `json:"system"`
	State  State  `json:"state"`
}

// Stated observes each state that a participant came through, with how it
// ended in Failure if the walk ended in it. Subject: "participant:1".
var Stated = probe.Kind[Seen]{Name: "vks.state/v1"}

// LinkSettings is what the link carried to change the client's settings.
type LinkSettings struct {
	Overrides []Override `json:"overrides"`
	// Cleaned is true when the link was opened without them; otherwise they
	// were at work, and what was measured are not the operator's settings.
	Cleaned bool `json:"cleaned"`
}

// Overridden observes them. Subject: "participant:1".
var Overridden = probe.Kind[LinkSettings]{Name: "vks.link/v1"}

// maxObservations bounds what is observed of one participant.
const maxObservations = 5000

// Observer derives what the clients declared from the notes that the walks
// left in vks.jsonl, by the adapters that wrote them.
func Observer(adapters []*Adapter) probe.Observer {
	return probe.Observer{Name: "vks", Observe: func(ctx context.Context, rec *probe.Record, emit func(probe.Observation)) error {
		var errs []error
		for _, n := range rec.Timeline.Participants() {
			if n == 0 {
				continue // the run itself
			}
			o := notes{adapters: adapters, rec: rec, n: n, path: fmt.Sprintf("p%d/vks.jsonl", n), emit: emit, declared: map[probe.Phase][]Declaration{}}
			_, err := rec.Lines(ctx, o.path, o.line)
			errs = append(errs, err)
			if i := o.adapter(o.product.System); i >= 0 && adapters[i].Frame != nil {
				o.path = fmt.Sprintf("p%d/cdp.jsonl", n)
				_, err := rec.Lines(ctx, o.path, func(number int, line []byte) { o.frame(adapters[i], number, line) })
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}}
}

// notes reads one participant's notes.
type notes struct {
	adapters []*Adapter
	rec      *probe.Record
	n        int
	path     string
	emit     func(probe.Observation)
	emitted  int

	product  Product
	state    State
	declared map[probe.Phase][]Declaration
	meeting  string
}

func (o *notes) adapter(system string) int {
	return slices.IndexFunc(o.adapters, func(a *Adapter) bool { return a.System == system })
}

func (o *notes) tell(x probe.Observation) {
	if o.emitted++; o.emitted <= maxObservations {
		o.emit(x)
	}
}

// line reads a line of vks.jsonl.
func (o *notes) line(number int, line []byte) {
	var l Line
	if json.Unmarshal(line, &l) != nil || l.Time.IsZero() {
		return // cut off
	}
	phase := o.rec.Timeline.At(o.n, l.Time)
	subject := fmt.Sprintf("participant:%d", o.n)
	cite := o.rec.Cite(o.path, fmt.Sprintf("line=%d", number))
	if len(l.Overrides) > 0 {
		o.tell(Overridden.New(subject, phase, l.Time, LinkSettings{l.Overrides, l.Cleaned}, cite))
	}
	if l.State != "" && l.State != o.state && slices.Contains(States(), l.State) {
		o.state = l.State
		x := Stated.New(subject, phase, l.Time, Seen{l.System, l.State}, cite)
		if l.State.Final() {
			x.Failure = l.State.Failure()
		}
		o.tell(x)
	}
	var r Reading
	if i := o.adapter(l.System); i >= 0 && o.adapters[i].Read != nil && len(l.Probe) > 0 {
		r = o.adapters[i].Read(l.Probe)
	}
	product := Product{l.System, r.Version[:min(len(r.Version), 100)]}
	if product.System != o.product.System || product.Version != "" && product != o.product {
		o.product = product
		o.tell(System.New(subject, phase, l.Time, product, cite))
	}
	o.read(r, l.Time, cite)
}

// received is what a message of the DevTools protocol says about a frame.
type received struct {
	Time   time.Time `json:"t"`
	Method string    `json:"m"`
	Params struct {
		Response struct {
			Opcode  int    `json:"opcode"`
			Payload string `json:"payloadData"`
		} `json:"response"`
	} `json:"p"`
}

// frame reads a line of cdp.jsonl.
func (o *notes) frame(a *Adapter, number int, line []byte) {
	if !bytes.Contains(line, []byte(`"Network.webSocketFrameReceived"`)) {
		return // most lines are something else
	}
	var m received
	if json.Unmarshal(line, &m) != nil || m.Method != "Network.webSocketFrameReceived" || m.Params.Response.Opcode != 1 {
		return
	}
	if r, ok := a.Frame(m.Params.Response.Payload); ok {
		o.read(r, m.Time, o.rec.Cite(o.path, fmt.Sprintf("line=%d", number)))
	}
}

// read observes what is new in a reading.
func (o *notes) read(r Reading, at time.Time, cite probe.Evidence) {
	if o.emitted >= maxObservations {
		return
	}
	phase := o.rec.Timeline.At(o.n, at)
	for _, d := range r.Declared {
		if !o.known(phase, d) {
			o.declared[phase] = append(o.declared[phase], d)
			o.tell(Declared.New("setting:"+string(d.Setting), phase, at, d, cite))
		}
	}
	if r.Meeting != nil {
		now, err := json.Marshal(r.Meeting)
		if err == nil && string(now) != o.meeting {
			o.meeting = string(now)
			o.tell(Inside.New(fmt.Sprintf("participant:%d", o.n), phase, at, *r.Meeting, cite))
		}
	}
}

// known reports whether the declaration was observed in this phase or an
// earlier one, and is no change back to an earlier value.
func (o *notes) known(now probe.Phase, d Declaration) bool {
	for _, p := range slices.Backward(probe.Phases()) {
		if now.Before(p) || !slices.ContainsFunc(o.declared[p], func(x Declaration) bool { return x.Setting == d.Setting && x.Key == d.Key }) {
			continue
		}
		return slices.Contains(o.declared[p], d)
	}
	return false
}
