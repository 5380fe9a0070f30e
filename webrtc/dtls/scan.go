package dtls

import (
	"context"
	"slices"

	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
)

// questions are those about one dimension.
var questions = [dimensions]Question{AskSuites, AskGroups, AskSchemes, AskProfiles}

// run asks everything.
func (s *scan) run(ctx context.Context) {
	if !s.options.Bare {
		s.ask(ctx, Passive, AskOffer, offer{})
	}
	first := s.ask(ctx, Active, AskChoice, everything(0))
	if !s.options.Deep || first.theirs != nil {
		return
	}
	found := map[uint16]*reading{first.flight.Version(): first}
	for _, v := range versions {
		if found[v] == nil {
			found[v] = s.ask(ctx, Active, AskVersion, everything(v))
		}
	}
	for _, v := range versions {
		if r := found[v]; r.verdict == granted && r.flight.Version() == v {
			n := &narrowing{scan: s, version: v}
			n.learn(r)
			n.run(ctx)
		}
	}
}

// A narrowing finds all that a server accepts in one version: what it has
// chosen is left out of the next offer.
type narrowing struct {
	*scan
	version uint16
	known   [dimensions][]uint16
	first   [dimensions]uint16 // what was chosen of everything
}

// learn adds a choice and tells in which dimensions it is news.
func (n *narrowing) learn(r *reading) (news [dimensions]bool) {
	if r.verdict != granted || r.flight.Version() != n.version {
		return news
	}
	for d := range dimensions {
		code := r.took(d)
		if code != 0 && !slices.Contains(n.known[d], code) {
			n.known[d] = append(n.known[d], code)
			news[d] = true
		}
		if n.first[d] == 0 {
			n.first[d] = code
		}
	}
	return news
}

func (n *narrowing) run(ctx context.Context) {
	// All dimensions at once, as long as that brings something new in them.
	open := [dimensions]bool{}
	for d := range dimensions {
		open[d] = n.first[d] != 0
	}
	for open[suites] && open != [dimensions]bool{suites: true} {
		o := everything(n.version)
		for d := range dimensions {
			if open[d] {
				o = o.with(d, n.rest(d, true))
			}
		}
		news := n.learn(n.ask(ctx, Active, AskRest, o))
		for d := range dimensions {
			open[d] = open[d] && news[d]
		}
	}
	// Then each by itself. Groups and schemes need suites that have them.
	for d := range dimensions {
		for more := n.first[d] != 0; more; {
			more = n.single(ctx, d, true)
			if !more && d == groups && slices.Contains(n.known[groups], n.needed()) {
				more = n.single(ctx, d, false)
			}
		}
	}
	n.order(ctx)
	if n.version != hello.DTLS13 {
		for _, extension := range []string{withoutSRTP, withoutEMS} {
			o := n.accepted()
			o.without = extension
			n.ask(ctx, Active, AskWithout, o)
		}
	}
}

// single asks for the rest of one dimension and tells whether there was news.
func (n *narrowing) single(ctx context.Context, d dimension, curve bool) bool {
	rest := n.rest(d, curve)
	if len(without(rest, n.known[d])) == 0 {
		return false
	}
	o := everything(n.version).with(d, rest)
	switch d {
	case groups:
		o = o.with(suites, n.suitesWith(ephemeral))
	case schemes:
		o = o.with(suites, n.suitesWith(func(s iana.CipherSuite) bool { return s.KeyExchange != "RSA" && s.Authentication != "anon" }))
	case profiles:
		o = o.with(suites, n.known[suites])
	}
	return n.learn(n.ask(ctx, Active, questions[d], o))[d]
}

func (n *narrowing) suitesWith(has func(iana.CipherSuite) bool) (list []uint16) {
	for _, code := range n.known[suites] {
		if s, _ := iana.Suite(code); has(s) {
			list = append(list, code)
		}
	}
	return list
}

// rest is what is not yet known to be accepted. Before DTLS 1.3 the groups
// also say which curves a certificate may have, so that of the server's is
// put last, if it is wanted.
func (n *narrowing) rest(d dimension, curve bool) []uint16 {
	rest := without(everything(n.version).lists[d], n.known[d])
	if need := n.needed(); d == groups && curve && need != 0 && slices.Contains(n.known[d], need) {
		rest = append(rest, need)
	}
	return rest
}

func (n *narrowing) needed() uint16 {
	var all []*reading
	for i := range n.transcript {
		all = append(all, n.transcript[i].read())
	}
	return needed(n.version, all)
}

// needed is the group of the server's certificate, which a hello has to list
// before DTLS 1.3; 0 if there is none.
func needed(version uint16, all []*reading) uint16 {
	if version == hello.DTLS13 {
		return 0
	}
	for _, r := range slices.Backward(all) {
		if r.verdict == granted && len(r.chain) > 0 {
			return describe(r.chain[0]).group
		}
	}
	return 0
}

// accepted offers what is known to be accepted and nothing else.
func (n *narrowing) accepted() offer {
	o := everything(n.version)
	for d := range dimensions {
		if len(n.known[d]) > 0 {
			o = o.with(d, n.known[d])
		}
	}
	return o
}

// order offers what is accepted in another order: what was chosen of
// everything stands last. A suite without groups leaves their order open.
func (n *narrowing) order(ctx context.Context) {
	o := n.accepted()
	several := false
	for d := range dimensions {
		if len(n.known[d]) > 1 {
			several = true
			o = o.with(d, append(without(n.known[d], []uint16{n.first[d]}), n.first[d]))
		}
	}
	if !several {
		return
	}
	r := n.ask(ctx, Active, AskOrder, o)
	if len(n.known[groups]) > 1 && r.verdict == granted && r.chosen[groups] == 0 {
		n.ask(ctx, Active, AskOrder, o.with(suites, n.suitesWith(ephemeral)))
	}
}

// ephemeral tells suites that have groups.
func ephemeral(s iana.CipherSuite) bool { return s.KeyExchange == "ECDHE" || s.KeyExchange == "" }
