package tracking

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/tracking/filter"
)

// Bounds on what one participant's pages can make us remember.
const (
	maxContacts = 5000 // hosts times phases
	maxListed   = 32   // values of one list of a contact
	maxLeaks    = 500
	maxText     = 300 // characters of a string from the target
)

// A book collects the contacts of one participant.
type book struct {
	rec         *probe.Record
	participant int
	owner       *owner
	mask        probe.Masker
	contacts    map[contactKey]*entry
	ice         map[int][]string // hosts that were configured as ICE servers, by port
	edges       map[string]*edge
	listing     *listing
	gaps        []gap
	logged      bool // the NetLog was read to its end
	full        bool // something could not be kept
}

type contactKey struct {
	host  string
	phase probe.Phase
}

type entry struct {
	HostContact
	background bool // so far only the browser's own traffic
	seen, told int  // requests in the NetLog and in the protocol
	evidence   []probe.Evidence
}

// A gap is evidence that is missing or not whole.
type gap struct {
	time time.Time
	cite *probe.Evidence // where it ends, nil if there is none
}

func (b *book) gap(t time.Time, cite *probe.Evidence) { b.gaps = append(b.gaps, gap{t, cite}) }

func newBook(rec *probe.Record, participant int, o *owner, d *data) *book {
	b := &book{rec: rec, participant: participant, owner: o, mask: rec.Target.Masker(),
		contacts: map[contactKey]*entry{}, ice: map[int][]string{}, edges: map[string]*edge{}}
	b.listing = &listing{b: b, lists: d.lists, atlas: d.atlas, found: map[listingKey]*listingEntry{}}
	return b
}

// at opens the entry of a host for the phase of a moment and stretches its
// time. It is nil for no host or when the book is full.
func (b *book) at(host string, t time.Time, source string, background bool) *entry {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || len(host) > 255 {
		return nil
	}
	if y := t.Year(); y < 1970 || y > 9999 { // no clock was ever there
		b.full = true
		return nil
	}
	key := contactKey{host, b.rec.Timeline.At(b.participant, t)}
	e := b.contacts[key]
	if e == nil {
		if len(b.contacts) >= maxContacts {
			b.full = true
			return nil
		}
		e = &entry{HostContact: HostContact{Participant: b.participant, Host: host, First: t, Last: t}, background: true}
		b.contacts[key] = e
	}
	if t.Before(e.First) {
		e.First = t
	}
	if t.After(e.Last) {
		e.Last = t
	}
	e.background = e.background && background
	add(&e.Sources, source)
	return e
}

// add puts a value on a list once.
func add[T comparable](list *[]T, v T) {
	var zero T
	if v != zero && len(*list) < maxListed && !slices.Contains(*list, v) {
		*list = append(*list, v)
	}
}

// cite keeps the first four places of each file.
func (e *entry) cite(ev probe.Evidence) {
	of := 0
	for _, known := range e.evidence {
		if known == ev {
			return
		}
		if known.Path == ev.Path {
			of++
		}
	}
	if of < 4 {
		e.evidence = append(e.evidence, ev)
	}
}

func (e *entry) address(a netip.AddrPort) {
	if a.IsValid() {
		add(&e.Addresses, a.Addr().String())
		add(&e.Ports, int(a.Port()))
	}
}

// initiator notes who caused a request, without secrets.
func (b *book) initiator(e *entry, who string) { add(&e.Initiators, b.link(who)) }

// link makes a URL fit for an observation. User, fragment and the values of
// the query may hold tokens that nobody declared; the path of the meeting is
// secret as a whole; a secret in a form that the masker does not know takes
// the path with it. What is no URL of a host gives "".
func (b *book) link(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	text := u.EscapedPath()
	switch meeting := b.owner.meeting; {
	case meeting != nil && u.Hostname() == meeting.Hostname() && len(meeting.Path) > 1 && u.Path == meeting.Path:
		text = "/[link]"
	case u.RawQuery != "":
		var keys []string
		for pair := range strings.SplitSeq(u.RawQuery, "&") {
			key, _, _ := strings.Cut(pair, "=")
			keys = append(keys, key+"=…")
		}
		text += "?" + strings.Join(keys, "&")
	}
	text = b.mask.Mask(text)
	if len(find(b.owner.needles, text, "")) > 0 {
		text = "/[…]"
	}
	return clip(u.Scheme + "://" + b.host(u.Host) + text)
}

// host masks a secret that somebody wrote into the name of a host.
func (b *book) host(name string) string {
	name = strings.ToLower(name)
	for _, n := range b.owner.needles {
		if !n.weak && n.what != "link" {
			name = strings.ReplaceAll(name, strings.ToLower(n.text), "["+n.what+"]")
		}
	}
	return name
}

func clip(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if r := []rune(s); len(r) > maxText {
		return string(r[:maxText]) + "…"
	}
	return s
}

// observations are the contacts in order of time and host.
func (b *book) observations() []probe.Observation {
	entries := slices.SortedFunc(maps.Values(b.contacts), func(x, y *entry) int {
		return cmp.Or(x.First.Compare(y.First), cmp.Compare(x.Host, y.Host))
	})
	logged := map[string]bool{} // hosts that the NetLog knows
	for _, e := range entries {
		logged[e.Host] = logged[e.Host] || slices.Contains(e.Sources, "netlog")
	}
	var out []probe.Observation
	for _, e := range entries {
		e.Party = b.owner.party(e.Host)
		if e.background {
			e.Party = OwnBrowser
		}
		e.Requests = max(e.seen, e.told)
		if e.Requests == 0 && !e.background && contacted(e.HostContact) {
			q := question{host: e.Host, kind: filter.Other, source: e.Sources[0], at: e.First}
			if len(e.evidence) > 0 {
				q.cite = e.evidence[0]
			}
			b.listing.ask(q)
		}
		if b.logged && !logged[e.Host] && e.told > 0 {
			e.Disagreements = []string{"netlog: no traffic with this host"}
		}
		for _, list := range []*[]string{&e.Addresses, &e.Transports, &e.Mechanisms, &e.Initiators, &e.Sources} {
			slices.Sort(*list)
		}
		slices.Sort(e.Ports)
		slices.Sort(e.NetErrors)
		if e.Transports == nil {
			e.Transports = []string{}
		}
		e.Host = b.host(e.Host)
		out = append(out, Contact.New("host:"+e.Host, b.rec.Timeline.At(b.participant, e.First), e.First, e.HostContact, e.evidence...))
	}
	return out
}

// gapObservations say where evidence is missing.
func (b *book) gapObservations() []probe.Observation {
	var out []probe.Observation
	for _, g := range b.gaps {
		o := Contact.Failed(fmt.Sprintf("participant:%d", b.participant), b.rec.Timeline.At(b.participant, g.time), g.time, probe.EvidenceUnreadable)
		if g.cite != nil {
			o.Evidence = []probe.Evidence{*g.cite}
		}
		out = append(out, o)
	}
	return out
}
