package netlog

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// A lookup is a Lookup while its events come in: a job of the resolver, or a
// single DNS transaction. The names of STUN and TURN servers are resolved by
// transactions without a job.
type lookup struct {
	Lookup
	id       int64
	held     int  // bytes of answers
	adopted  bool // a transaction that belongs to a job, which tells all
	released bool // it has ended
}

func (rd *reader) giveLookup(l *lookup) {
	rd.lookups.remove(l.id)
	rd.held -= l.held
	if rd.h.Lookup != nil && !l.adopted {
		rd.h.Lookup(&l.Lookup)
	}
}

func (rd *reader) resolverJob(e *Event) error {
	p, err := params[struct {
		Host     string `json:"host"`
		NetError int    `json:"net_error"`
	}](e)
	if err != nil {
		return err
	}
	if e.Phase == Begin {
		if l, isNew := rd.lookups.add(e.SourceID); isNew {
			l.id = e.SourceID
			l.Lookup = Lookup{Host: hostname(p.Host), Start: e.Stamp}
		}
		return nil
	}
	if e.Phase == End {
		rd.lookupEnds(e, p.NetError)
	}
	return nil
}

func (rd *reader) lookupEnds(e *Event, netError int) {
	l := rd.lookups.get(e.SourceID)
	if l == nil || l.released {
		return
	}
	l.End, l.NetError, l.released = e.Stamp, netError, true
	later(rd, rd.lookups, l.id, l, rd.giveLookup)
}

// dnsTransaction sees a question to a name server, in its own source and in
// that of the job which asks it.
func (rd *reader) dnsTransaction(e *Event) error {
	if e.SourceType != "DNS_TRANSACTION" {
		d, err := params[dependency](e)
		if err == nil && e.SourceType == "HOST_RESOLVER_IMPL_JOB" && d.Source.ID != 0 {
			l, _ := rd.lookups.add(d.Source.ID)
			l.id, l.adopted = d.Source.ID, true
		}
		return err
	}
	p, err := params[struct {
		Host     string `json:"hostname"`
		NetError int    `json:"net_error"`
	}](e)
	if err != nil {
		return err
	}
	switch e.Phase {
	case Begin:
		if l, _ := rd.lookups.add(e.SourceID); l.Start.Event == 0 {
			l.id = e.SourceID
			l.Host, l.Start = strings.TrimSuffix(p.Host, "."), e.Stamp
		}
	case End:
		rd.lookupEnds(e, p.NetError)
	}
	return nil
}

func (rd *reader) dnsSecureAttempt(e *Event) error {
	if l := rd.lookups.get(e.SourceID); l != nil {
		l.Secure = true
	}
	return nil
}

// dnsResponse takes the answer of a transaction from the packet itself, which
// only a log in Everything mode has.
func (rd *reader) dnsResponse(e *Event) error {
	l := rd.lookups.get(e.SourceID)
	if l == nil || l.adopted {
		return nil
	}
	p, err := params[struct {
		Packet []byte `json:"response_buffer"`
	}](e)
	if err != nil || p.Packet == nil {
		return err
	}
	// The packet is the server's and may be anything; what of it cannot be
	// read gives no answers.
	var m dnsmessage.Message
	if m.Unpack(p.Packet) != nil {
		return nil
	}
	for _, r := range m.Answers {
		a := Answer{Stamp: e.Stamp, Name: strings.TrimSuffix(r.Header.Name.String(), ".")}
		switch body := r.Body.(type) {
		case *dnsmessage.AResource:
			a.Type, a.Addresses = "A", []netip.Addr{netip.AddrFrom4(body.A)}
		case *dnsmessage.AAAAResource:
			a.Type, a.Addresses = "AAAA", []netip.Addr{netip.AddrFrom16(body.AAAA)}
		case *dnsmessage.CNAMEResource:
			a.Type, a.Alias = "CNAME", strings.TrimSuffix(body.CNAME.String(), ".")
		default:
			continue
		}
		rd.answer(l, a)
	}
	return nil
}

// resolverTask says how the names are asked for; a job may go through several
// tasks and the last one gives the answer.
func (rd *reader) resolverTask(e *Event) error {
	p, err := params[struct {
		Secure bool `json:"secure"`
	}](e)
	if l := rd.lookups.get(e.SourceID); l != nil && err == nil && e.Phase == Begin {
		l.Secure = p.Secure
	}
	return err
}

func (rd *reader) resolverResults(e *Event) error {
	p, err := params[struct {
		Results []struct {
			Domain    string `json:"domain_name"`
			Alias     string `json:"alias_target"`
			QueryType string `json:"query_type"`
			Type      string `json:"type"` // "alias", "data", "error", "metadata"
			Endpoints []struct {
				Address netip.Addr `json:"address"`
			} `json:"endpoints"`
		} `json:"results"`
	}](e)
	l := rd.lookups.get(e.SourceID)
	if l == nil || err != nil {
		return err
	}
	for _, r := range p.Results {
		if r.Type == "error" {
			continue
		}
		a := Answer{Stamp: e.Stamp, Name: r.Domain, Type: r.QueryType, Alias: r.Alias}
		if r.Alias != "" {
			a.Type = "CNAME"
		}
		for _, ep := range r.Endpoints {
			a.Addresses = append(a.Addresses, ep.Address)
		}
		rd.answer(l, a)
	}
	return nil
}

// resolverSystemTask takes what getaddrinfo(3) found. Its packets are in no
// event, because the C library sends them.
func (rd *reader) resolverSystemTask(e *Event) error {
	p, err := params[struct {
		Addresses []netip.AddrPort `json:"address_list"`
	}](e)
	l := rd.lookups.get(e.SourceID)
	if l == nil || err != nil || e.Phase != End {
		return err
	}
	l.Secure = false
	if len(p.Addresses) == 0 {
		return nil
	}
	a := Answer{Stamp: e.Stamp, Name: l.Host, Type: "SYSTEM"}
	for _, ap := range p.Addresses {
		a.Addresses = append(a.Addresses, ap.Addr())
	}
	rd.answer(l, a)
	return nil
}

const addressSize = 24 // of a netip.Addr, in bytes

// answer adds a record set. An alias is reported once per type of address that
// was asked for, but it is one record; addresses of one name are one set.
func (rd *reader) answer(l *lookup, a Answer) {
	if n := len(l.Answers) - 1; n >= 0 && a.Alias == "" && l.Answers[n].Event == a.Event && l.Answers[n].Name == a.Name && l.Answers[n].Type == a.Type {
		if last := &l.Answers[n]; rd.keep(&l.held, addressSize*len(a.Addresses)) {
			last.Addresses = append(last.Addresses, a.Addresses...)
		}
		return
	}
	known := slices.ContainsFunc(l.Answers, func(b Answer) bool {
		return a.Alias != "" && a.Alias == b.Alias && a.Name == b.Name
	})
	switch {
	case known:
	case len(l.Answers) >= maxList:
		rd.log.Dropped++
	case rd.keep(&l.held, len(a.Name)+len(a.Alias)+addressSize*len(a.Addresses)):
		l.Answers = append(l.Answers, a)
	}
}

// hostname takes the host out of "https://host:443" or "host".
func hostname(s string) string {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	if host, _, err := net.SplitHostPort(s); err == nil {
		return host
	}
	return s
}
