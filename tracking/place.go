package tracking

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/tracking/geo"
)

// Place observes where a host probably is and whose it is, once for all
// participants and phases. Subject: "host:example.org". Hosts that only the
// browser itself contacted have none.
//
// It is derived from Contact and Edge alone and names the data that it rests
// on, so that Relocate can derive it again years later with newer data and
// without the evidence.
var Place = probe.Kind[HostPlace]{Name: "tracking.place/v1"}

// HostPlace is the place of a host.
type HostPlace struct {
	Party Party `json:"party"`
	geo.Place
}

// Places derives the places of all hosts that were contacted.
func Places(f *probe.Facts, a *geo.Atlas) ([]probe.Observation, error) {
	type host struct {
		query    geo.Query
		party    Party
		first    probe.Observation
		evidence []probe.Evidence
	}
	all := map[string]*host{}
	for o, c := range Contact.In(f) {
		if c.Party == OwnBrowser {
			continue
		}
		h := all[c.Host]
		if h == nil {
			h = &host{query: geo.Query{Host: c.Host}, party: c.Party, first: o}
			all[c.Host] = h
		}
		if o.Time.Before(h.first.Time) {
			h.first = o
		}
		for _, s := range c.Addresses {
			if addr, err := netip.ParseAddr(s); err == nil && len(h.query.Addresses) < maxListed && !slices.Contains(h.query.Addresses, addr) {
				h.query.Addresses = append(h.query.Addresses, addr)
			}
		}
		for _, ev := range o.Evidence {
			if len(h.evidence) < 4 && !slices.Contains(h.evidence, ev) {
				h.evidence = append(h.evidence, ev)
			}
		}
	}
	for o, e := range Edge.In(f) {
		h := all[e.Host]
		if h == nil {
			continue
		}
		for _, hint := range e.Hints {
			if len(h.query.Edge) < maxHints && !slices.Contains(h.query.Edge, hint) {
				h.query.Edge = append(h.query.Edge, hint)
			}
		}
		if t := time.Duration(e.RoundTrip) * time.Microsecond; t > 0 && (h.query.RoundTrip == 0 || t < h.query.RoundTrip) {
			h.query.RoundTrip = t
		}
		for _, ev := range o.Evidence {
			if len(h.evidence) < 8 && !slices.Contains(h.evidence, ev) {
				h.evidence = append(h.evidence, ev)
			}
		}
	}
	var out []probe.Observation
	var errs []error
	for _, name := range sortedKeys(all, strings.Compare) {
		h := all[name]
		slices.SortFunc(h.query.Addresses, netip.Addr.Compare)
		p, err := a.Place(h.query)
		errs = append(errs, err)
		out = append(out, Place.New("host:"+name, h.first.Phase, h.first.Time, HostPlace{h.party, p}, h.evidence...))
	}
	return out, errors.Join(errs...)
}

// Relocate replaces the places among observations by those that the atlas
// gives. It needs no evidence and touches nothing else.
func Relocate(all []probe.Observation, a *geo.Atlas) ([]probe.Observation, error) {
	places, err := Places(probe.NewFacts(all), a)
	kept := slices.DeleteFunc(slices.Clone(all), func(o probe.Observation) bool { return o.Kind == Place.Name })
	name, _, _ := strings.Cut(Place.Name, "/")
	for i := range places {
		places[i].ID = fmt.Sprintf("%s-%d", name, i+1)
	}
	return append(kept, places...), err
}

// contacted reports whether a host got a packet: its name being looked up or
// configured is none.
func contacted(h HostContact) bool {
	return !onlyConfigured(h) && extent(h) != asked
}

// A visit is a host with its place and the contacts with it.
type visit struct {
	HostPlace
	ids    []string // the place first
	phases []probe.Phase
	sure   bool // the sources agree that there was traffic
	answer bool // at least one packet was answered
}

// visits are the hosts of the meeting's pages that got a packet, in order of
// host. A name that led to no address, and from which nothing came, got none.
func visits(c *probe.Case) []*visit {
	all := map[string]*visit{}
	for o, p := range Place.In(c.Facts) {
		all[p.Host] = &visit{HostPlace: p, ids: []string{o.ID}}
	}
	for o, h := range Contact.In(c.Facts) {
		v := all[h.Host]
		if v == nil || h.Party == OwnBrowser || !contacted(h) {
			continue
		}
		if len(v.ids) < maxCited {
			v.ids = append(v.ids, o.ID)
		}
		add(&v.phases, o.Phase)
		v.sure = v.sure || len(h.Disagreements) == 0
		v.answer = v.answer || h.Connected
	}
	var out []*visit
	for _, v := range all {
		if len(v.phases) > 0 && (len(v.Addresses) > 0 || v.answer) {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b *visit) int { return cmp.Compare(a.Host, b.Host) })
	return out
}
