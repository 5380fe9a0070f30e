package tracking

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/tracking/filter"
)

// maxOpen bounds the requests and sessions that are remembered, each.
const maxOpen = 50000

// protocol reads what the DevTools protocol says of one participant.
type protocol struct {
	b        *book
	search   *search
	sessions map[string]string // type of target by session
	links    map[string]string // URL by request
	asks     map[string]*ask   // requests without an answer
	order    []string          // of asks by time, some of them answered
}

// An ask is a request that was announced. Only its answer shows whether it
// went to the network: what a policy blocks and what is in a cache contacts
// nobody.
type ask struct {
	at         time.Time
	cite       probe.Evidence
	url        *url.URL
	mechanisms []string
	by         string
	hits       []hit
	listing    question
}

// protocolLine is a line of cdp.jsonl; probe/browser.CDPLine describes it.
type protocolLine struct {
	Time    time.Time       `json:"t"`
	Session string          `json:"s"`
	Method  string          `json:"m"`
	Params  json.RawMessage `json:"p"`
}

// event is what the lines that count have in common.
type event struct {
	RequestID     string
	SessionID     string
	TargetInfo    struct{ Type string }
	Type          string
	URL           string
	DocumentURL   string
	Initiator     initiator
	Headers       map[string]string
	BlockedReason string
	Redirect      json.RawMessage `json:"redirectResponse"`
	Cors          json.RawMessage `json:"corsErrorStatus"`
	Request       struct {
		URL             string
		Method          string
		Headers         map[string]string
		PostData        string
		PostDataEntries []struct{ Bytes string }
	}
	Response struct {
		FromDiskCache     bool
		FromServiceWorker bool
		FromPrefetchCache bool
		Opcode            float64
		PayloadData       string
	}
}

// initiator says who asked for a request.
type initiator struct {
	URL   string
	Stack *callStack
}

type callStack struct {
	CallFrames []struct{ URL string }
	Parent     *callStack
}

// maxParents bounds the asynchronous stacks that are followed.
const maxParents = 16

// script is the URL nearest to the request.
func (in initiator) script() string {
	for s, n := in.Stack, 0; s != nil && n < maxParents; s, n = s.Parent, n+1 {
		for _, f := range s.CallFrames {
			if f.URL != "" {
				return f.URL
			}
		}
	}
	return in.URL
}

// readProtocol puts what the DevTools protocol shows into the book. A file
// that is missing or cut off is a gap in it.
func readProtocol(ctx context.Context, b *book, s *search) error {
	p := &protocol{b: b, search: s, sessions: map[string]string{}, links: map[string]string{}, asks: map[string]*ask{}}
	path := fmt.Sprintf("p%d/cdp.jsonl", b.participant)
	last, until := 0, time.Time{}
	extent, err := b.rec.Lines(ctx, path, func(n int, raw []byte) {
		last = n
		var l protocolLine
		if json.Unmarshal(raw, &l) == nil && !l.Time.IsZero() {
			until = l.Time
			p.line(l, b.rec.Cite(path, fmt.Sprintf("line=%d", n)))
		}
	})
	for _, key := range p.order {
		p.enter(key, false)
	}
	switch {
	case !extent.Found:
		b.gap(time.Time{}, nil)
	case extent.Cut:
		cite := b.rec.Cite(path, fmt.Sprintf("line=%d", last))
		b.gap(until, &cite)
	}
	return err
}

func (p *protocol) line(l protocolLine, cite probe.Evidence) {
	if !strings.HasPrefix(l.Method, "Network.") && l.Method != "Target.attachedToTarget" {
		return
	}
	var ev event
	if json.Unmarshal(l.Params, &ev) != nil {
		return
	}
	key := l.Session + "/" + ev.RequestID
	switch l.Method {
	case "Target.attachedToTarget":
		if len(p.sessions) < maxOpen {
			p.sessions[ev.SessionID] = ev.TargetInfo.Type
		}
	case "Network.requestWillBeSent":
		if len(ev.Redirect) > 0 {
			p.enter(key, true)
		}
		p.request(key, l, &ev, cite)
	case "Network.requestWillBeSentExtraInfo": // comes only if the request went out
		if link := p.links[key]; link != "" {
			p.search.add(p.search.look(sending{url: link, at: l.Time, headers: ev.Headers, cite: cite}))
		}
	case "Network.requestServedFromCache":
		delete(p.asks, key)
	case "Network.responseReceived":
		if r := ev.Response; r.FromDiskCache || r.FromServiceWorker || r.FromPrefetchCache {
			delete(p.asks, key)
		}
		p.enter(key, true)
	case "Network.loadingFailed":
		// A request that fails the rules for sharing was sent all the same.
		if ev.BlockedReason != "" && len(ev.Cors) == 0 {
			delete(p.asks, key)
		}
		p.enter(key, false)
	case "Network.webSocketCreated":
		p.connection(key, "websocket", l, &ev, cite)
	case "Network.webTransportCreated":
		p.connection(key, "webtransport", l, &ev, cite)
	case "Network.webSocketFrameSent":
		p.frame(key, l, &ev, cite)
	}
}

func (p *protocol) request(key string, l protocolLine, ev *event, cite probe.Evidence) {
	u := webURL(ev.Request.URL)
	if u == nil {
		return
	}
	if len(p.links) < maxOpen {
		p.links[key] = ev.Request.URL
	}
	a := &ask{at: l.Time, cite: cite, url: u, by: ev.Initiator.script(), mechanisms: []string{mechanism(ev.Type)}}
	if kind := p.sessions[l.Session]; strings.Contains(kind, "worker") {
		a.mechanisms = append(a.mechanisms, "worker")
	}
	body := []byte(ev.Request.PostData)
	if len(body) == 0 {
		for _, part := range ev.Request.PostDataEntries {
			// A part that is no base64 gives what comes before the fault.
			raw, _ := base64.StdEncoding.DecodeString(part.Bytes)
			body = append(body, raw...)
		}
	}
	a.hits = p.search.look(sending{url: ev.Request.URL, at: l.Time, headers: ev.Request.Headers, body: string(body), cite: cite})
	a.listing = question{url: ev.Request.URL, document: hostOf(ev.DocumentURL), kind: filter.TypeOf(ev.Type), method: ev.Request.Method,
		source: "cdp", at: l.Time, cite: cite}
	if a.listing.kind == filter.Document && p.b.owner.party(u.Hostname()) != First { // a frame's navigation names itself
		a.listing.kind, a.listing.document = filter.Subdocument, ""
	}
	if len(p.order) >= maxOpen {
		p.enter(p.order[0], false)
		p.order = p.order[1:]
	}
	p.asks[key] = a
	p.order = append(p.order, key)
}

// enter moves a request that went out into the book, if there is one.
func (p *protocol) enter(key string, answered bool) {
	a := p.asks[key]
	if a == nil {
		return
	}
	delete(p.asks, key)
	p.search.add(a.hits)
	p.b.listing.ask(a.listing)
	e := p.b.at(a.url.Hostname(), a.at, "cdp", false)
	if e == nil {
		return
	}
	e.told++
	e.Connected = e.Connected || answered
	add(&e.Ports, port(a.url))
	for _, m := range a.mechanisms {
		add(&e.Mechanisms, m)
	}
	p.b.initiator(e, a.by)
	e.cite(a.cite)
}

// connection enters a WebSocket or WebTransport session.
func (p *protocol) connection(key, word string, l protocolLine, ev *event, cite probe.Evidence) {
	u := webURL(ev.URL)
	if u == nil {
		return
	}
	if len(p.links) < maxOpen {
		p.links[key] = ev.URL
	}
	if e := p.b.at(u.Hostname(), l.Time, "cdp", false); e != nil {
		e.told++
		add(&e.Ports, port(u))
		add(&e.Mechanisms, word)
		p.b.initiator(e, ev.Initiator.script())
		e.cite(cite)
	}
	p.search.add(p.search.look(sending{url: ev.URL, at: l.Time, cite: cite}))
	p.b.listing.ask(question{url: ev.URL, kind: filter.TypeOf(word), source: "cdp", at: l.Time, cite: cite})
}

// frame searches a WebSocket frame. Those that are not text come in base64.
func (p *protocol) frame(key string, l protocolLine, ev *event, cite probe.Evidence) {
	const text = 1
	payload := ev.Response.PayloadData
	if ev.Response.Opcode != text {
		raw, _ := base64.StdEncoding.DecodeString(payload)
		payload = string(raw)
	}
	if link := p.links[key]; link != "" {
		p.search.add(p.search.look(sending{url: link, at: l.Time, frame: payload, cite: cite}))
	}
}

// webURL parses a URL of the network; data:, blob: and the like give nil.
func webURL(link string) *url.URL {
	u, err := url.Parse(link)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme) {
		return nil
	}
	return u
}

// mechanism is a resource type of the protocol in our words. The type is the
// browser's, but the file may be anybody's.
func mechanism(kind string) string {
	switch kind = strings.ToLower(kind); kind {
	case "ping":
		return "beacon"
	case "cspviolationreport":
		return "csp_report"
	case "media":
		return "av"
	}
	return clip(kind)
}
