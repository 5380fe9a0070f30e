package geo

import (
	"errors"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Place is where a host is and whose it is, as far as can be told.
type Place struct {
	Host      string    `json:"host"` // a name or an address
	Addresses []Located `json:"addresses,omitempty"`
	Operator  *Operator `json:"operator,omitempty"` // of the service, by the name of the host; nil if unknown
	Service   *Service  `json:"service,omitempty"`
	Seat      Fact      `json:"seat"`   // of the operator
	Parent    Fact      `json:"parent"` // of the company that controls it
	Edge      []Hint    `json:"edge,omitempty"`
	// RoundTrip is the shortest time until the host answered, in
	// microseconds, and Within the distance in kilometres that follows from
	// it. Both are 0 if nothing was measured.
	RoundTrip int64     `json:"round_trip_us,omitempty"`
	Within    int       `json:"within_km,omitempty"`
	Data      []Dataset `json:"data"` // where all this comes from
}

// Located is an address with its place and network.
type Located struct {
	Address
	Location      Fact      `json:"location"`
	Network       *Operator `json:"network,omitempty"` // nil if the table does not know it
	NetworkSeat   Fact      `json:"network_seat"`
	NetworkParent Fact      `json:"network_parent"`
}

// Query asks for the place of a host.
type Query struct {
	Host      string
	Addresses []netip.Addr
	Edge      []Hint
	RoundTrip time.Duration // 0 if it was not measured
}

// Place puts together what is known of a host. An error means that a database
// cannot be read; the place then lacks what it would have said.
func (a *Atlas) Place(q Query) (Place, error) {
	p := Place{Host: q.Host, Edge: q.Edge, RoundTrip: q.RoundTrip.Microseconds()}
	if q.RoundTrip > 0 {
		p.Within = Within(q.RoundTrip)
	}
	if at, err := netip.ParseAddr(strings.Trim(q.Host, "[]")); err == nil {
		if !slices.Contains(q.Addresses, at) {
			q.Addresses = append(slices.Clone(q.Addresses), at)
		}
	}
	host, domain, known := a.operators.byHost(q.Host)
	if known {
		p.Operator = host.row.operator("domain " + domain)
		p.Service = host.at("domain " + domain)
	}
	p.Seat, p.Parent = a.seats(p.Operator)
	var errs []error
	public := false
	for _, addr := range q.Addresses {
		found, err := a.Lookup(addr)
		errs = append(errs, err)
		l := Located{Address: found}
		var net *row
		if found.Range == "" {
			public = true
			var by string
			if net, by = a.operators.byNetwork(found.ASN, found.Organisation); net != nil {
				l.Network = net.operator(by)
			}
		}
		l.NetworkSeat, l.NetworkParent = a.seats(l.Network)
		l.Location = a.location(found, net, cdnName(host, known, p.Service) || len(q.Edge) > 0)
		p.Addresses = append(p.Addresses, l)
	}
	p.Data = a.Datasets(public)
	return p, errors.Join(errs...)
}

// cdnName reports whether a name belongs to a CDN.
func cdnName(at place, known bool, s *Service) bool {
	return known && s != nil && (s.Category == "cdn" || s.Category == "js-cdn") && at.row.Anycast != "no-or-unknown"
}

// seats are the facts about an operator.
func (a *Atlas) seats(o *Operator) (seat, parent Fact) {
	if o == nil {
		return Fact{Why: "operator_unknown"}, Fact{Why: "operator_unknown"}
	}
	fact := func(country string) Fact {
		if country == "" {
			return Fact{Why: "seat_unknown"}
		}
		return Fact{Country: country, Standing: a.decisions.of(country)}
	}
	return fact(o.Seat), fact(o.Parent)
}

// location decides what the databases' countries are worth.
func (a *Atlas) location(at Address, net *row, cdn bool) Fact {
	f := Fact{Signals: at.Countries}
	no := func(why string) Fact {
		f.Why = why
		return f
	}
	switch {
	case at.Range != "":
		return no("not_public")
	case at.Anycast, net != nil && net.Anycast == "yes":
		return no("anycast")
	case cdn, net != nil && net.cdn(at.ASN):
		return no("cdn")
	case len(at.Countries) == 0:
		return no("not_in_database")
	}
	country := at.Countries[0].Country
	for _, s := range at.Countries {
		if s.Country != country {
			return no("databases_disagree")
		}
	}
	standing := a.decisions.of(country)
	switch {
	case net != nil && net.Anycast == "partly" && country == net.Seat:
		return no("registered_seat")
	case !standing.EEA && len(at.Countries) < 2 && (net == nil || net.Seat != country):
		return no("single_source")
	}
	f.Country, f.Standing = country, standing
	return f
}

// Aspect says what a fact is about.
type Aspect string

// The aspects.
const (
	ServerLocation Aspect = "location"
	OperatorSeat   Aspect = "seat"
	OperatorParent Aspect = "parent"
	NetworkSeat    Aspect = "network_seat"
	NetworkParent  Aspect = "network_parent"
)

// Aspects yields the facts that count for a host: those about its operator,
// unless it has no name, and those about each public address.
func (p Place) Aspects() iter.Seq2[Aspect, Fact] {
	return func(yield func(Aspect, Fact) bool) {
		_, err := netip.ParseAddr(strings.Trim(p.Host, "[]"))
		if named := err != nil; named && !(yield(OperatorSeat, p.Seat) && yield(OperatorParent, p.Parent)) {
			return
		}
		for _, l := range p.Addresses {
			if l.Range == "" && !(yield(ServerLocation, l.Location) && yield(NetworkSeat, l.NetworkSeat) && yield(NetworkParent, l.NetworkParent)) {
				return
			}
		}
	}
}

// Class is the class of the host on a day: that of the fact which asks for
// most. A host whose known facts all lie within the EEA is of the class EEA
// only if no fact is missing; missing names those that are.
func (p Place) Class(day time.Time) (class Class, missing []Aspect) {
	miss := func(a Aspect) {
		if !slices.Contains(missing, a) {
			missing = append(missing, a)
		}
	}
	public := slices.ContainsFunc(p.Addresses, func(l Located) bool { return l.Range == "" })
	if p.Operator == nil && !public && len(p.Addresses) > 0 {
		return Local, nil
	}
	class = Undetermined
	for a, f := range p.Aspects() {
		c := f.Class(day)
		if c == Undetermined {
			miss(a)
		}
		if c.rank() > class.rank() {
			class = c
		}
	}
	if len(p.Addresses) == 0 {
		miss(ServerLocation)
	}
	if class == EEA && len(missing) > 0 {
		class = Undetermined
	}
	return class, missing
}
