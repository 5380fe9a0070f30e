package tracking

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/probe/netlog"
	"vksprobe/tracking/filter"
	"vksprobe/tracking/geo"
)

// Listed observes that a list of trackers, or the table of operators, names
// something that the browser asked for. Subject: "host:example.org". A rule
// that several requests to a host meet in one phase is observed once.
var Listed = probe.Kind[ListedRequest]{Name: "tracking.listed/v1"}

// ListedRequest says which rule of which list names what.
type ListedRequest struct {
	Participant int    `json:"participant"`
	Host        string `json:"host"`
	Party       Party  `json:"party"`

	List    string `json:"list"`           // name of the list
	Version string `json:"version"`        // of the list, "" if it has none
	SHA256  string `json:"sha256"`         // of the list
	Rule    string `json:"rule"`           // its text, or "url zoom.us/…" of the table of operators
	Line    int    `json:"line,omitempty"` // of the rule in the list
	Named   bool   `json:"named"`          // the rule names the host, not only a part of the URL that others have too

	Category string `json:"category,omitempty"` // of the table of operators
	Tracking string `json:"tracking,omitempty"` // of the table of operators: "yes", "possible"

	Type     string   `json:"type"`          // of the first request, as rules call it: "script"
	URL      string   `json:"url,omitempty"` // of the first request, masked; "" if the host was contacted without a request
	Requests int      `json:"requests"`
	Sources  []string `json:"sources"` // as of HostContact
}

// maxListings bounds what is observed of one participant.
const maxListings = 2000

// listing holds the requests of one participant against lists.
type listing struct {
	b     *book
	lists []*filter.List
	atlas *geo.Atlas
	found map[listingKey]*listingEntry
}

type listingKey struct {
	host       string
	phase      probe.Phase
	list, rule string
}

type listingEntry struct {
	ListedRequest
	at         time.Time
	cite       probe.Evidence
	seen, told int
}

// A question is a request that is held against the lists.
type question struct {
	url      string // "" if only the host is known
	host     string // where there is no URL
	document string // host of the document that asked, "" for the meeting's
	kind     filter.Type
	method   string
	source   string
	at       time.Time
	cite     probe.Evidence
}

func (l *listing) ask(q question) {
	link := q.url
	if link == "" {
		link = "https://" + q.host + "/"
	}
	r, ok := filter.NewRequest(link, cmp.Or(q.document, l.b.owner.host), q.kind)
	if !ok || l.b.owner.party(r.Host()) == OwnBrowser {
		return
	}
	r.Method = strings.ToLower(q.method)
	for _, list := range l.lists {
		if m := list.Match(r); m.Listed() {
			l.add(q, r, ListedRequest{List: list.Name, Version: list.Version, SHA256: list.SHA256, Rule: clip(m.Rule), Line: m.Line, Named: strings.HasPrefix(m.Rule, "||")})
		}
	}
	if u, err := url.Parse(link); err == nil && q.url != "" {
		if _, s := l.atlas.Service(r.Host(), u.Path); s != nil && strings.HasPrefix(s.By, "url ") && s.Tracking != "no" {
			table := l.atlas.Operators()
			l.add(q, r, ListedRequest{List: table.Name, Version: table.Date, SHA256: table.SHA256, Rule: s.By, Named: true, Category: s.Category, Tracking: s.Tracking})
		}
	}
}

func (l *listing) add(q question, r *filter.Request, x ListedRequest) {
	key := listingKey{r.Host(), l.b.rec.Timeline.At(l.b.participant, q.at), x.SHA256, x.Rule}
	e := l.found[key]
	if e == nil {
		if len(l.found) >= maxListings {
			l.b.full = true
			return
		}
		x.Participant, x.Host, x.Party, x.Type = l.b.participant, r.Host(), l.b.owner.party(r.Host()), q.kind.String()
		if q.url != "" {
			x.URL = l.b.link(q.url)
		}
		e = &listingEntry{ListedRequest: x, at: q.at, cite: q.cite}
		l.found[key] = e
	}
	if q.at.Before(e.at) {
		e.at = q.at
	}
	add(&e.Sources, q.source)
	switch {
	case q.url == "":
	case q.source == "cdp":
		e.told++
	default:
		e.seen++
	}
}

// observations are the listed requests in order of time.
func (l *listing) observations() []probe.Observation {
	var out []probe.Observation
	for _, key := range sortedKeys(l.found, func(a, b listingKey) int {
		x, y := l.found[a], l.found[b]
		return cmp.Or(x.at.Compare(y.at), cmp.Compare(a.host, b.host), cmp.Compare(a.list, b.list), cmp.Compare(a.rule, b.rule))
	}) {
		e := l.found[key]
		e.Requests = max(e.seen, e.told)
		e.Host = l.b.host(e.Host)
		slices.Sort(e.Sources)
		out = append(out, Listed.New("host:"+e.Host, key.phase, e.at, e.ListedRequest, e.cite))
	}
	return out
}

// kindOf is the type of a request in the NetLog: what the browser told the
// server about it, or else what little the log says.
func kindOf(r *netlog.Request) filter.Type {
	destination := ""
	for _, line := range r.Headers {
		name, value, _ := strings.Cut(line, ": ")
		if strings.EqualFold(name, "sec-fetch-dest") {
			destination = value
		}
	}
	switch {
	case r.WebSocket:
		return filter.WebSocket
	case destination == "empty":
		return filter.XHR
	case destination != "":
		return filter.TypeOf(destination)
	case r.Type == "main frame":
		return filter.Document
	case r.Type == "subframe":
		return filter.Subdocument
	}
	return filter.Other
}
