package tracking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vksprobe/probe"
)

// Observer emits Contact for every host and phase and Leak for every secret
// that went to a host which is not the meeting's own.
var Observer = probe.Observer{Name: "tracking", Observe: observe}

func observe(ctx context.Context, rec *probe.Record, emit func(probe.Observation)) error {
	owner := newOwner(rec.Target)
	var books []*book
	var errs []error
	for _, participant := range rec.Timeline.Participants() {
		b := newBook(rec, participant, owner)
		leaks, err := fill(ctx, b)
		errs = append(errs, err)
		if b.full {
			b.gap(time.Time{}, nil)
			errs = append(errs, fmt.Errorf("participant %d: more contacts than can be kept, or at impossible times", participant))
		}
		for _, o := range leaks {
			emit(o)
		}
		books = append(books, b)
	}
	for _, b := range books { // whose an address is, may show in another participant's evidence
		for _, o := range b.observations() {
			emit(o)
		}
	}
	return errors.Join(errs...)
}

// fill reads all evidence of one participant, the names of ICE servers first.
func fill(ctx context.Context, b *book) ([]probe.Observation, error) {
	s := newSearch(b)
	err := errors.Join(readICE(ctx, b), readNetwork(ctx, b, s), readProtocol(ctx, b, s))
	return s.observations(), err
}
