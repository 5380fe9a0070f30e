package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vksprobe/probe"
	"vksprobe/tls"
	"vksprobe/tracking"
)

// host is a row of the table of hosts: everything that was seen of one host,
// by all participants and in all phases.
type host struct {
	Name         string
	Party        tracking.Party
	Phases       []probe.Phase // in order
	Participants []int
	Transports   []string
	Mechanisms   []string
	Requests     int64
	Sent         int64
	Received     int64
	Connected    bool
	Handshakes   []string // "TLS 1.3 · TLS_AES_128_GCM_SHA256", distinct
	Leaks        []leak
	Cited        []string // observations
}

// leak is a secret of the target that a host was told.
type leak struct {
	What  probe.Text
	Where string
}

// hosts merges contacts, handshakes and leaks: third parties first, then
// those of the operator, then those that the browser contacted for itself.
func hosts(f *probe.Facts) []*host {
	byName := map[string]*host{}
	for o, c := range tracking.Contact.In(f) {
		h := byName[c.Host]
		if h == nil {
			h = &host{Name: c.Host, Party: c.Party}
			byName[c.Host] = h
		}
		h.Phases = union(h.Phases, o.Phase)
		h.Participants = union(h.Participants, c.Participant)
		h.Transports = union(h.Transports, c.Transports...)
		h.Mechanisms = union(h.Mechanisms, c.Mechanisms...)
		h.Requests += int64(c.Requests)
		h.Sent += c.Sent
		h.Received += c.Received
		h.Connected = h.Connected || c.Connected
		h.Cited = append(h.Cited, o.ID)
	}
	for o, n := range tls.Handshake.In(f) {
		if h := byName[n.Host]; h != nil && n.Version != "" {
			h.Handshakes = union(h.Handshakes, strings.Join(filled(n.Version, n.CipherSuite, n.Group), " · "))
			h.Cited = append(h.Cited, o.ID)
		}
	}
	for o, l := range tracking.Leak.In(f) {
		if h := byName[l.Host]; h != nil {
			h.Leaks = union(h.Leaks, leak{secretWord(l.What), fmt.Sprintf("%s, %s", l.Where, l.Form)})
			h.Cited = append(h.Cited, o.ID)
		}
	}
	var all []*host
	for _, h := range byName {
		slices.SortFunc(h.Phases, inOrder)
		slices.Sort(h.Participants)
		all = append(all, h)
	}
	rank := []tracking.Party{tracking.Third, tracking.Unclear, tracking.First, tracking.OwnBrowser}
	slices.SortFunc(all, func(a, b *host) int {
		return cmp.Or(cmp.Compare(slices.Index(rank, a.Party), slices.Index(rank, b.Party)), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// Early reports whether the host was contacted before the join button was
// pressed.
func (h *host) Early() bool { return slices.ContainsFunc(h.Phases, probe.Phase.BeforeJoining) }

func inOrder(p, q probe.Phase) int {
	all := probe.Phases()
	return cmp.Compare(slices.Index(all, p), slices.Index(all, q))
}

// union appends what is not yet in the list.
func union[T comparable](list []T, more ...T) []T {
	for _, m := range more {
		if !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}

// filled returns the words that are not empty.
func filled(words ...string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}
