package tracking

import (
	"cmp"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
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
	names       map[netip.Addr]string // name that an address was last contacted under
	ice         map[int][]string      // hosts that were configured as ICE servers, by port
	full        bool                  // a bound was reached
}

type contactKey struct {
	host  string
	phase probe.Phase
}

type entry struct {
	HostContact
	background bool // so far only the browser's own traffic
	evidence   []probe.Evidence
}

func newBook(rec *probe.Record, participant int, o *owner) *book {
	return &book{rec: rec, participant: participant, owner: o, mask: rec.Target.Masker(),
		contacts: map[contactKey]*entry{}, names: map[netip.Addr]string{}, ice: map[int][]string{}}
}

// at opens the entry of a host for the phase of a moment and stretches its
// time. It is nil for no host or when the book is full.
func (b *book) at(host string, t time.Time, source string, background bool) *entry {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || len(host) > 255 {
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

func (e *entry) cite(ev probe.Evidence) {
	if len(e.evidence) < 4 {
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
func (b *book) initiator(e *entry, who string) {
	if u, err := url.Parse(who); err == nil {
		u.RawQuery, u.Fragment, u.User = "", "", nil
		who = u.String()
	}
	add(&e.Initiators, clip(b.mask.Mask(who)))
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
	var out []probe.Observation
	for _, e := range entries {
		e.Party = b.owner.party(e.Host)
		if e.background {
			e.Party = OwnBrowser
		}
		for _, list := range []*[]string{&e.Addresses, &e.Transports, &e.Mechanisms, &e.Initiators, &e.Sources} {
			slices.Sort(*list)
		}
		slices.Sort(e.Ports)
		slices.Sort(e.NetErrors)
		if e.Transports == nil {
			e.Transports = []string{}
		}
		out = append(out, Contact.New("host:"+e.Host, b.rec.Timeline.At(b.participant, e.First), e.First, e.HostContact, e.evidence...))
	}
	return out
}
