package tracking

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/probe/netlog"
	"vksprobe/tracking/filter"
)

// maxRemembered bounds the requests, sockets, flows and lookups of one NetLog
// that are kept until its end, each.
const maxRemembered = 1 << 17

// network is what the NetLog of one participant says. Requests are entered as
// they come. Sockets, datagrams and lookups wait for the end, when the names
// of their peers and the origin of their requests are known.
type network struct {
	b      *book
	search *search
	path   string

	owners  map[int64]owning // requests
	own     map[string]bool  // hosts that were asked for, and whether only the browser itself did
	quicOwn map[int64]bool   // QUIC sessions, likewise
	quic    map[addressPair]int64
	sockets map[int64]*netlog.Socket // without handshake messages and certificates
	servers map[int64]string         // names in their ClientHellos
	bytes   map[int64]tallies        // of TCP sockets
	flows   map[flowKey]tallies
	lookups []*netlog.Lookup
	names   map[netip.Addr]string
	full    bool // something was not remembered
}

// owning is what a socket has to know of a request that used it.
type owning struct {
	host string
	own  bool // of the browser itself
}

type addressPair struct{ local, remote netip.AddrPort }

type flowKey struct {
	socket int64
	remote netip.AddrPort
}

// tallies counts traffic by phase.
type tallies map[probe.Phase]*tally

type tally struct {
	first, last    netlog.Stamp
	sent, received int64 // bytes
	classes        map[datagramClass]bool
}

// lag is how far the log of a browser that was killed may lie behind: Chromium
// writes it in batches, and tens of milliseconds were seen to be missing.
const lag = time.Second

func newNetwork(b *book, s *search) *network {
	return &network{b: b, search: s, path: fmt.Sprintf("p%d/netlog.json", b.participant),
		owners: map[int64]owning{}, own: map[string]bool{}, quicOwn: map[int64]bool{}, quic: map[addressPair]int64{},
		sockets: map[int64]*netlog.Socket{}, servers: map[int64]string{}, bytes: map[int64]tallies{}, flows: map[flowKey]tallies{}}
}

// readNetwork puts what the NetLog shows into the book. A log that is missing
// or not whole is a gap in it.
func readNetwork(ctx context.Context, b *book, s *search) error {
	n := newNetwork(b, s)
	f, err := b.rec.Files.Open(n.path)
	if errors.Is(err, fs.ErrNotExist) {
		b.gap(time.Time{}, nil)
		return nil
	} else if err != nil {
		return fmt.Errorf("opening %s: %w", n.path, err)
	}
	log, err := netlog.Read(ctx, f, netlog.Handler{Request: n.request, Socket: n.socket, Datagram: n.datagram,
		Lookup: n.lookup, QUIC: n.session, Event: n.event})
	if err := errors.Join(err, f.Close()); err != nil {
		b.gap(time.Time{}, nil)
		return fmt.Errorf("reading %s: %w", n.path, err)
	}
	cite := b.rec.Cite(n.path, fmt.Sprintf("event=%d", log.Events))
	switch {
	case log.Dropped > 0 || len(log.Missing) > 0 || n.full || log.Mode != "Everything" || log.Truncated && log.End.IsZero():
		b.gap(time.Time{}, &cite)
	case log.Truncated:
		b.gap(log.End.Add(lag), &cite)
	}
	b.logged = !log.Truncated
	n.finish(mappedNames(log.CommandLine))
	return nil
}

// mappedNames reads "MAP name address" from --host-resolver-rules: names that
// tests map to an address are not looked up.
func mappedNames(commandLine string) map[netip.Addr]string {
	mapped := map[netip.Addr]string{}
	_, rules, ok := strings.Cut(commandLine, "--host-resolver-rules=")
	if !ok {
		return mapped
	}
	rules, _, _ = strings.Cut(strings.Trim(rules, `"`), " --")
	for rule := range strings.SplitSeq(strings.Trim(rules, `"`), ",") {
		words := strings.Fields(rule)
		if len(words) != 3 || words[0] != "MAP" {
			continue
		}
		name, _, _ := strings.Cut(words[1], ":")
		address, err := netip.ParseAddr(words[2])
		if ap, err2 := netip.ParseAddrPort(words[2]); err2 == nil {
			address, err = ap.Addr(), nil
		}
		if _, known := mapped[address]; err == nil && !known {
			mapped[address] = name
		}
	}
	return mapped
}

// hostOf is the host of a URL as the book knows it.
func hostOf(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// noise is where the flags of probe/browser point the browser's own services.
const noise = "127.0.0.1:9"

func background(r *netlog.Request) bool {
	u, err := url.Parse(r.URL)
	return r.Background() || err == nil && u.Host == noise
}

func (n *network) cite(s netlog.Stamp) probe.Evidence { return n.b.rec.Cite(n.path, s.String()) }

// request enters a request and each of its redirects.
func (n *network) request(r *netlog.Request) {
	if len(n.owners) >= maxRemembered {
		n.full = true
		return
	}
	host, own := hostOf(r.URL), background(r)
	n.owners[r.ID] = owning{host, own}
	before, known := n.own[host]
	n.own[host] = own && (before || !known)
	if r.QUIC != 0 {
		before, known := n.quicOwn[r.QUIC]
		n.quicOwn[r.QUIC] = own && (before || !known)
	}
	if !attempted(r) {
		return
	}
	hops := append([]string{r.URL}, r.Redirects...)
	for i, link := range hops {
		last := i == len(hops)-1
		e := n.b.at(hostOf(link), r.Start.Time, "netlog", own)
		if e == nil {
			continue
		}
		e.seen++
		e.cite(n.cite(r.Start))
		e.Connected = e.Connected || !last || r.Status != 0
		if u, err := url.Parse(link); err == nil {
			add(&e.Ports, port(u))
		}
		if r.WebSocket {
			add(&e.Mechanisms, "websocket")
		}
		x := sending{url: link, at: r.Start.Time, cite: n.cite(r.Start)}
		if last {
			add(&e.NetErrors, r.NetError)
			x.headers = headers(r.Headers)
		}
		if r.Initiator != "" && r.Initiator != "not an origin" {
			n.b.initiator(e, r.Initiator)
		}
		if !own {
			n.search.add(n.search.look(x))
			n.b.listing.ask(question{url: link, document: hostOf(r.Initiator), kind: kindOf(r), method: r.Method,
				source: "netlog", at: r.Start.Time, cite: n.cite(r.Start)})
			if last {
				n.b.hints(hostOf(link), r.Response, r.Start, n.cite(r.Start))
			}
		}
	}
}

// attempted reports whether a request went out or would have, had the network
// let it. What came from the cache or was blocked contacted nobody.
func attempted(r *netlog.Request) bool {
	const timedOut, firstConnection, lastConnection, firstDNS, lastDNS = -7, -100, -199, -800, -899
	return r.Headers != nil || r.Socket != 0 || r.QUIC != 0 || r.NetError == timedOut ||
		r.NetError <= firstConnection && r.NetError >= lastConnection || r.NetError <= firstDNS && r.NetError >= lastDNS
}

// port is the port of a URL, 0 if it cannot be told.
func port(u *url.URL) int {
	if p, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return int(p)
	}
	return map[string]int{"https": 443, "wss": 443, "http": 80, "ws": 80}[u.Scheme]
}

func (n *network) socket(s *netlog.Socket) {
	if len(n.sockets) >= maxRemembered {
		n.full = true
		return
	}
	kept := *s
	if t := s.TLS; t != nil {
		n.servers[s.ID] = cmp.Or(t.InnerServerName, t.ServerName)
		kept.TLS = &netlog.TLS{Start: t.Start, End: t.End, NetError: t.NetError}
	}
	n.sockets[s.ID] = &kept
}

func (n *network) session(q *netlog.QUICSession) {
	if len(n.quic) < maxRemembered && q.Remote.IsValid() {
		n.quic[addressPair{q.Local, q.Remote}] = q.ID
	}
	e := n.b.at(q.Host, q.Start.Time, "netlog", n.quicOwn[q.ID])
	if e == nil {
		return
	}
	add(&e.Transports, "quic")
	e.address(q.Remote)
	add(&e.NetErrors, q.NetError)
	e.Connected = e.Connected || q.Received > 0
	e.cite(n.cite(q.Start))
	for _, link := range q.WebTransport {
		add(&e.Mechanisms, "webtransport")
		n.search.add(n.search.look(sending{url: link, at: q.Start.Time, cite: n.cite(q.Start)}))
		n.b.listing.ask(question{url: link, kind: filter.Other, source: "netlog", at: q.Start.Time, cite: n.cite(q.Start)})
	}
}

func (n *network) lookup(l *netlog.Lookup) {
	if len(n.lookups) >= maxRemembered {
		n.full = true
		return
	}
	n.lookups = append(n.lookups, l)
}

// event counts the bytes of TCP sockets by phase.
func (n *network) event(e *netlog.Event) {
	sent := e.Type == "SOCKET_BYTES_SENT"
	if !sent && e.Type != "SOCKET_BYTES_RECEIVED" {
		return
	}
	var p struct {
		Bytes int64 `json:"byte_count"`
	}
	if json.Unmarshal(e.Params, &p) != nil {
		return
	}
	if t := counter(n, n.bytes, e.SourceID); t != nil {
		t.count(n.phase(e.Stamp), e.Stamp, sent, p.Bytes)
	}
}

func (n *network) datagram(d *netlog.Datagram) {
	if !d.Remote.IsValid() {
		return
	}
	if t := counter(n, n.flows, flowKey{d.Socket, d.Remote}); t != nil {
		t.count(n.phase(d.Stamp), d.Stamp, d.Sent, int64(d.Length)).classes[classify(d.Payload)] = true
	}
}

// counter finds or makes the tallies of a key, nil if there are too many.
func counter[K comparable](n *network, all map[K]tallies, key K) tallies {
	t := all[key]
	if t == nil && len(all) < maxRemembered {
		t = tallies{}
		all[key] = t
	}
	n.full = n.full || t == nil
	return t
}

func (n *network) phase(s netlog.Stamp) probe.Phase {
	return n.b.rec.Timeline.At(n.b.participant, s.Time)
}

func (t tallies) count(phase probe.Phase, at netlog.Stamp, sent bool, bytes int64) *tally {
	c := t[phase]
	if c == nil {
		c = &tally{first: at, classes: map[datagramClass]bool{}}
		t[phase] = c
	}
	c.last = at
	if sent {
		c.sent += bytes
	} else {
		c.received += bytes
	}
	return c
}

// finish enters what had to wait for the whole log. Maps are gone through in
// order, so that the same log gives the same observations.
func (n *network) finish(mapped map[netip.Addr]string) {
	n.resolve(mapped)
	for _, l := range n.lookups {
		n.enterLookup(l)
	}
	for _, id := range sortedKeys(n.sockets, cmp.Compare) {
		if s := n.sockets[id]; s.Network == "tcp" {
			n.enterSocket(s)
		}
	}
	for _, key := range sortedKeys(n.flows, func(a, b flowKey) int {
		return cmp.Or(cmp.Compare(a.socket, b.socket), a.remote.Compare(b.remote))
	}) {
		n.enterFlow(key)
	}
}

func sortedKeys[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compare)
	return keys
}

// resolve collects the names of addresses from connections and lookups, and
// for addresses that have none from the command line. Of several names the
// meeting's come first, then the first in the alphabet.
func (n *network) resolve(mapped map[netip.Addr]string) {
	n.names = map[netip.Addr]string{}
	add := func(a netip.Addr, host string) {
		if _, err := netip.ParseAddr(host); err == nil || host == "" || !a.IsValid() {
			return
		}
		old := n.names[a]
		ours, theirs := n.b.owner.party(host) == First, n.b.owner.party(old) == First
		if old == "" || ours && !theirs || ours == theirs && host < old {
			n.names[a] = host
		}
	}
	for _, l := range n.lookups {
		for _, answer := range l.Answers {
			for _, a := range answer.Addresses {
				add(a, strings.ToLower(l.Host))
			}
		}
	}
	for _, s := range n.sockets {
		if host := n.opened(s); s.Opener != openerDNS && s.Local.IsValid() && s.Remote.IsValid() {
			add(s.Remote.Addr(), host)
			if n.b.owner.party(host) == First {
				n.b.owner.addresses[s.Remote.Addr()] = true
			}
		}
	}
	for a, host := range mapped {
		if n.names[a] == "" {
			n.names[a] = host
		}
	}
}

// openerDNS opens sockets to name servers. They are in the book as the names
// that were asked for.
const openerDNS = "DNS_TRANSACTION"

// opened is the name that a socket was opened for, "" if none is known.
func (n *network) opened(s *netlog.Socket) string {
	if host := hostOf(s.Group); host != "" {
		return host
	}
	for _, id := range s.Owners {
		if o, ok := n.owners[id]; ok {
			return o.host
		}
	}
	return strings.ToLower(n.servers[s.ID])
}

// nameOf finds the name of an address, or gives the address.
func (n *network) nameOf(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return cmp.Or(n.names[a], a.Unmap().String())
}

// enterLookup enters a name that was to be resolved. It is the browser's own
// if only the browser's own requests went to it; a name that nobody sent a
// request to may have been prefetched by the page. Names of the local network
// come from the candidates of peers.
func (n *network) enterLookup(l *netlog.Lookup) {
	own, known := n.own[strings.ToLower(l.Host)]
	e := n.b.at(l.Host, l.Start.Time, "netlog", own || !known && strings.HasSuffix(l.Host, ".local"))
	if e == nil {
		return
	}
	add(&e.Transports, "dns")
	add(&e.NetErrors, l.NetError)
	e.cite(n.cite(l.Start))
	for _, answer := range l.Answers {
		for _, a := range answer.Addresses {
			add(&e.Addresses, a.String())
		}
	}
}

func (n *network) enterSocket(s *netlog.Socket) {
	host := cmp.Or(n.opened(s), n.nameOf(s.Remote.Addr())) // TURN over TCP has no pool
	own := len(s.Owners) > 0
	for _, id := range s.Owners {
		own = own && n.owners[id].own
	}
	own = own || s.Remote.String() == noise
	if s.Opener == openerDNS {
		return
	}
	words := []string{"tcp"}
	enter := func(at netlog.Stamp, remote netip.AddrPort) *entry {
		e := n.b.at(host, at.Time, "netlog", own)
		if e == nil {
			return nil
		}
		for _, w := range words {
			add(&e.Transports, w)
		}
		e.address(remote)
		e.cite(n.cite(at))
		e.Connected = e.Connected || s.Local.IsValid()
		if len(s.Owners) == 0 && s.Group != "" { // nobody used it, so it was made in advance
			add(&e.Mechanisms, "preconnect")
		}
		return e
	}
	for _, a := range s.Attempts {
		if e := enter(a.Stamp, a.Address); e != nil {
			add(&e.NetErrors, a.NetError)
		}
	}
	if !own && s.Local.IsValid() && len(s.Attempts) > 0 && s.TLS != nil {
		n.b.roundTrip(host, s.TLS.Start.Time.Sub(s.Attempts[len(s.Attempts)-1].Time), s.TLS.Start, n.cite(s.TLS.Start))
		if s.TLS.NetError == 0 && !s.TLS.End.Time.IsZero() {
			n.b.roundTrip(host, s.TLS.End.Time.Sub(s.TLS.Start.Time), s.TLS.Start, n.cite(s.TLS.Start))
		}
	}
	if s.TLS != nil {
		words = append(words, "tls")
		if e := enter(s.TLS.Start, s.Remote); e != nil {
			add(&e.NetErrors, s.NetError)
		}
	}
	n.enterTallies(n.bytes[s.ID], func(t *tally) *entry { return enter(t.first, s.Remote) })
}

// enterTallies adds counted bytes to the entries of their phases.
func (n *network) enterTallies(t tallies, enter func(*tally) *entry) {
	for _, phase := range probe.Phases() {
		c := t[phase]
		if c == nil {
			continue
		}
		e := enter(c)
		if e == nil {
			continue
		}
		if c.last.Time.After(e.Last) {
			e.Last = c.last.Time
		}
		e.Sent += c.sent
		e.Received += c.received
		e.Connected = e.Connected || c.received > 0
	}
}

func (n *network) enterFlow(key flowKey) {
	s := n.sockets[key.socket]
	if s == nil { // its beginning is not in the log
		s = &netlog.Socket{}
		if key.remote.Port() == 53 {
			s.Opener = openerDNS
		}
	}
	if s.Opener == openerDNS {
		return
	}
	host, own := hostOf(s.Group), false
	quic := host != ""
	if quic {
		session, known := n.quic[addressPair{s.Local, s.Remote}]
		own = known && n.quicOwn[session]
	} else {
		host = n.nameOf(key.remote.Addr())
	}
	serves := n.flows[key].serve()
	// The system may have resolved an ICE server's name without a trace. Who
	// serves STUN on its port is that server, if no other has the port.
	if servers := n.b.ice[int(key.remote.Port())]; len(servers) == 1 && serves && !quic && n.names[key.remote.Addr()] == "" {
		host = servers[0]
	}
	n.enterTallies(n.flows[key], func(t *tally) *entry {
		e := n.b.at(host, t.first.Time, "netlog", own)
		if e == nil {
			return nil
		}
		e.address(key.remote)
		e.cite(n.cite(t.first))
		if quic {
			add(&e.Transports, "quic")
			return e
		}
		add(&e.Transports, "udp")
		for _, c := range classes {
			if t.classes[c.class] {
				add(&e.Transports, c.transport)
				add(&e.Mechanisms, c.mechanism)
			}
		}
		if serves {
			add(&e.Mechanisms, "ice_server")
		}
		return e
	})
}

// classes says what kinds of datagrams mean; the empty word means nothing.
var classes = []struct {
	class                datagramClass
	transport, mechanism string
}{
	{serverBinding, "stun", ""}, {answerDatagram, "stun", ""}, {peerCheck, "stun", "media"},
	{relayDatagram, "turn", ""}, {mediaDatagram, "media", "media"},
}

// serve reports whether a flow goes to a STUN or TURN server, which may be a
// peer as well.
func (t tallies) serve() bool {
	for _, c := range t {
		if c.classes[serverBinding] || c.classes[relayDatagram] {
			return true
		}
	}
	return false
}
