package tracking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"vksprobe/probe"
	"vksprobe/tracking/filter"
	"vksprobe/tracking/geo"
)

// Data is what contacts are compared with beside the embedded data.
type Data struct {
	Atlas *geo.Atlas     // nil for the embedded databases and tables
	Lists []*filter.List // beside EasyPrivacy
}

// Observer emits Contact for every host and phase, Leak for every secret that
// went to a host which is not the meeting's own, Listed for what lists of
// trackers name, Edge for what answers say of servers, and Place for every
// host. It compares with the embedded data.
var Observer = NewObserver(Data{})

// NewObserver returns an observer that compares with a user's data as well.
// What is embedded is read when it is first needed.
func NewObserver(d Data) probe.Observer {
	return probe.Observer{Name: "tracking", Observe: func(ctx context.Context, rec *probe.Record, emit func(probe.Observation)) error {
		data, err := d.load()
		if err != nil {
			return err
		}
		return data.observe(ctx, rec, emit)
	}}
}

// data is Data with what is embedded.
type data struct {
	atlas *geo.Atlas
	lists []*filter.List
}

func (d Data) load() (*data, error) {
	easy, err := filter.EasyPrivacy()
	if err != nil {
		return nil, err
	}
	out := &data{atlas: d.Atlas, lists: append([]*filter.List{easy}, d.Lists...)}
	if out.atlas == nil {
		out.atlas, err = geo.Default()
	}
	return out, err
}

func (d *data) observe(ctx context.Context, rec *probe.Record, emit func(probe.Observation)) error {
	owner := newOwner(rec.Target)
	var books []*book
	var errs []error
	for _, participant := range rec.Timeline.Participants() {
		b := newBook(rec, participant, owner, d)
		leaks, err := fill(ctx, b)
		errs = append(errs, err)
		for _, o := range leaks {
			emit(o)
		}
		books = append(books, b)
	}
	var contacts []probe.Observation
	for _, b := range books { // whose an address is, may show in another participant's evidence
		found := b.observations()
		listed := b.listing.observations()
		if b.full {
			b.gap(time.Time{}, nil)
			errs = append(errs, fmt.Errorf("participant %d: more contacts than can be kept, or at impossible times", b.participant))
		}
		contacts = append(contacts, slices.Concat(found, b.gapObservations(), b.edgeObservations())...)
		for _, o := range listed {
			emit(o)
		}
	}
	for _, o := range contacts {
		emit(o)
	}
	places, err := Places(probe.NewFacts(contacts), d.atlas)
	for _, o := range places {
		emit(o)
	}
	return errors.Join(append(errs, err)...)
}

// fill reads all evidence of one participant, the names of ICE servers first.
func fill(ctx context.Context, b *book) ([]probe.Observation, error) {
	s := newSearch(b)
	err := errors.Join(readICE(ctx, b), readNetwork(ctx, b, s), readProtocol(ctx, b, s))
	return s.observations(), err
}
