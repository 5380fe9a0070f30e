package tracking

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"vksprobe/probe"
	"vksprobe/probe/netlog"
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
			errs = append(errs, errors.New("more hosts than can be told apart"))
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

// fill reads all evidence of one participant.
func fill(ctx context.Context, b *book) ([]probe.Observation, error) {
	search := newSearch(b)
	var errs []error
	n, err := readNetwork(ctx, b)
	errs = append(errs, err, readICE(ctx, b))
	if n != nil {
		n.enter(b)
	}
	errs = append(errs, readProtocol(ctx, b, search.look))
	if n != nil {
		requests := make([]*netlog.Request, 0, len(n.requests))
		for _, r := range n.requests {
			if !background(r) {
				requests = append(requests, r)
			}
		}
		slices.SortFunc(requests, func(x, y *netlog.Request) int { return cmp.Compare(x.ID, y.ID) })
		for _, r := range requests {
			search.look(sending{url: r.URL, at: r.Start.Time, headers: headers(r.Headers), cite: b.rec.Cite(n.path, r.Start.String())})
		}
	}
	return search.out, errors.Join(errs...)
}

// headers splits "name: value" lines. A name that comes twice keeps both
// values.
func headers(lines []string) map[string]string {
	h := map[string]string{}
	for _, line := range lines {
		if name, value, ok := strings.Cut(line, ": "); ok && !strings.HasPrefix(name, ":") {
			h[name] += value + "\n"
		}
	}
	return h
}
