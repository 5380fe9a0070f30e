package tracking

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"vksprobe/probe"
	"vksprobe/probe/netlog"
)

// network is what the NetLog of one participant says. Sockets and datagrams
// are kept until the end of the log, when the names of their peers and the
// origin of their requests are known.
type network struct {
	path     string
	requests map[int64]*netlog.Request
	sockets  []*netlog.Socket
	own      map[int64]bool        // UDP sockets that ask for names
	flows    map[flowKey]*flow     // datagrams by socket, peer and phase
	resolved map[netip.Addr]string // names by what lookups answered
	mapped   map[string]netip.Addr // names that the command line maps to an address
	quic     []*netlog.QUICSession
	lookups  []*netlog.Lookup
	log      *netlog.Log
}

type flowKey struct {
	socket int64
	remote netip.AddrPort
	phase  probe.Phase
}

type flow struct {
	first, last             netlog.Stamp
	sent, received          int64 // bytes
	answered                bool
	stun, turn, dtls, media bool
}

// maxFlows bounds the peers that are told apart.
const maxFlows = 20000

func readNetwork(ctx context.Context, b *book) (*network, error) {
	n := &network{path: fmt.Sprintf("p%d/netlog.json", b.participant), requests: map[int64]*netlog.Request{}, own: map[int64]bool{},
		flows: map[flowKey]*flow{}, resolved: map[netip.Addr]string{}, mapped: map[string]netip.Addr{}}
	f, err := b.rec.Files.Open(n.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	n.log, err = netlog.Read(ctx, f, netlog.Handler{
		Request: func(r *netlog.Request) { n.requests[r.ID] = r },
		Socket: func(s *netlog.Socket) {
			if s.Network == "udp" {
				n.own[s.ID] = s.Opener == "DNS_TRANSACTION"
				return
			}
			n.sockets = append(n.sockets, s)
		},
		Lookup: func(l *netlog.Lookup) { n.lookups = append(n.lookups, l) },
		QUIC:   func(q *netlog.QUICSession) { n.quic = append(n.quic, q) },
		Datagram: func(d *netlog.Datagram) {
			n.datagram(d, b.rec.Timeline.At(b.participant, d.Time))
		},
	})
	if n.log != nil {
		n.mapped = mappedNames(n.log.CommandLine)
	}
	return n, err
}

// mappedNames reads "MAP name address" from --host-resolver-rules: names that
// tests map to an address are not looked up.
func mappedNames(commandLine string) map[string]netip.Addr {
	mapped := map[string]netip.Addr{}
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
		if err == nil {
			mapped[name] = address
		}
	}
	return mapped
}

// enterLookup enters a name that was to be resolved. It is the browser's own
// if only the browser's own requests went to it; a name that nobody sent a
// request to may have been prefetched by the page.
func (n *network) enterLookup(b *book, l *netlog.Lookup, own map[string]bool) {
	e := b.at(l.Host, l.Start.Time, "netlog", own[l.Host])
	if e == nil {
		return
	}
	add(&e.Transports, "dns")
	add(&e.NetErrors, l.NetError)
	e.cite(b.rec.Cite(n.path, l.Start.String()))
	for _, a := range l.Answers {
		for _, address := range a.Addresses {
			n.resolved[address] = l.Host
			add(&e.Addresses, address.String())
		}
	}
}

func (n *network) datagram(d *netlog.Datagram, phase probe.Phase) {
	key := flowKey{d.Socket, d.Remote, phase}
	f := n.flows[key]
	if f == nil {
		if len(n.flows) >= maxFlows {
			return
		}
		f = &flow{first: d.Stamp}
		n.flows[key] = f
	}
	f.last = d.Stamp
	if d.Sent {
		f.sent += int64(d.Length)
	} else {
		f.received += int64(d.Length)
		f.answered = true
	}
	if len(d.Payload) < 4 {
		return
	}
	switch first := d.Payload[0]; { // RFC 7983
	case first < 4:
		f.stun = true
		method := uint16(first)<<8 | uint16(d.Payload[1])
		switch method & 0x3EEF { // without the class bits, RFC 8489 section 5
		case 0x003, 0x004, 0x006, 0x007, 0x008, 0x009: // Allocate to ChannelBind, RFC 8656 section 17
			f.turn = true
		}
	case first >= 20 && first < 64:
		f.dtls = true
	case first >= 64 && first < 80:
		f.turn = true
	case first >= 128 && first < 192:
		f.media = true
	}
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

// enter puts everything that the log says into the book.
func (n *network) enter(b *book) {
	own := map[string]bool{} // hosts that only the browser itself asked for
	for _, id := range slices.Sorted(maps.Keys(n.requests)) {
		r := n.requests[id]
		n.enterRequest(b, r)
		host := hostOf(r.URL)
		before, known := own[host]
		own[host] = background(r) && (before || !known)
	}
	for _, l := range n.lookups {
		n.enterLookup(b, l, own)
	}
	for _, s := range n.sockets {
		n.enterSocket(b, s)
	}
	for _, q := range n.quic {
		if e := b.at(q.Host, q.Start.Time, "netlog", false); e != nil {
			add(&e.Transports, "quic")
			e.address(q.Remote)
			add(&e.NetErrors, q.NetError)
			e.Connected = e.Connected || q.Received > 0
			if len(q.WebTransport) > 0 {
				add(&e.Mechanisms, "webtransport")
			}
			e.cite(b.rec.Cite(n.path, q.Start.String()))
			n.name(b, q.Remote.Addr(), e.Host)
		}
	}
	flows := slices.SortedFunc(maps.Keys(n.flows), func(x, y flowKey) int { // a stable order, so that the same evidence gives the same text
		return cmp.Or(cmp.Compare(n.flows[x].first.Event, n.flows[y].first.Event), cmp.Compare(x.phase, y.phase))
	})
	for _, key := range flows {
		n.enterFlow(b, key, n.flows[key])
	}
}

func (n *network) enterRequest(b *book, r *netlog.Request) {
	for _, link := range append([]string{r.URL}, r.Redirects...) {
		e := b.at(hostOf(link), r.Start.Time, "netlog", background(r))
		if e == nil {
			continue
		}
		e.Requests++
		if r.WebSocket {
			add(&e.Mechanisms, "websocket")
		}
		add(&e.NetErrors, r.NetError)
		if r.Initiator != "" && r.Initiator != "not an origin" {
			b.initiator(e, r.Initiator)
		}
		e.cite(b.rec.Cite(n.path, r.Start.String()))
	}
}

func (n *network) enterSocket(b *book, s *netlog.Socket) {
	host := hostOf(s.Group)
	own := len(s.Owners) > 0
	for _, id := range s.Owners {
		r := n.requests[id]
		if r == nil || !background(r) {
			own = false
		}
		if host == "" && r != nil {
			host = hostOf(r.URL)
		}
	}
	if host == "" {
		host = n.nameOf(s.Remote.Addr()) // TURN over TCP has no pool
	}
	if s.Remote.String() == noise {
		own = true
	}
	if host == "" {
		return
	}
	e := b.at(host, s.Opened.Time, "netlog", own)
	if e == nil {
		return
	}
	add(&e.Transports, "tcp")
	if s.TLS != nil {
		add(&e.Transports, "tls")
	}
	e.address(s.Remote)
	for _, a := range s.Attempts {
		e.address(a.Address)
	}
	e.Sent += s.Sent
	e.Received += s.Received
	e.Connected = e.Connected || s.Received > 0 || s.NetError == 0 && s.Remote.IsValid()
	add(&e.NetErrors, s.NetError)
	if len(s.Owners) == 0 && s.Group != "" {
		add(&e.Mechanisms, "preconnect")
	}
	e.cite(b.rec.Cite(n.path, s.Opened.String()))
	if e.Connected {
		n.name(b, s.Remote.Addr(), host)
	}
}

// name remembers which name an address was reached under, and which addresses
// are the meeting's.
func (n *network) name(b *book, address netip.Addr, host string) {
	if !address.IsValid() {
		return
	}
	b.names[address] = host
	if b.owner.party(host) == First {
		b.owner.addresses[address] = true
	}
}

// nameOf finds the name of an address, or gives the address.
func (n *network) nameOf(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	if host, ok := n.resolved[address]; ok {
		return host
	}
	for _, host := range slices.Sorted(maps.Keys(n.mapped)) {
		if n.mapped[host] == address {
			return host
		}
	}
	return address.String()
}

func (n *network) enterFlow(b *book, key flowKey, f *flow) {
	if n.own[key.socket] {
		return // a question to a name server is in the book as the name that was asked for
	}
	for _, q := range n.quic {
		if q.Remote == key.remote {
			if e := b.at(q.Host, f.first.Time, "netlog", false); e != nil {
				e.Sent, e.Received = e.Sent+f.sent, e.Received+f.received
			}
			return
		}
	}
	host := n.nameOf(key.remote.Addr())
	if host == key.remote.Addr().String() {
		if known, ok := b.names[key.remote.Addr()]; ok {
			host = known
		}
		// The system may have resolved an ICE server's name without a trace.
		// Who gets STUN on its port is that server, if no other has the port.
		if servers := b.ice[int(key.remote.Port())]; len(servers) == 1 && (f.stun || f.turn) && !f.dtls {
			host = servers[0]
		}
	}
	e := b.at(host, f.first.Time, "netlog", false)
	if e == nil {
		return
	}
	if f.last.Time.After(e.Last) {
		e.Last = f.last.Time
	}
	add(&e.Transports, "udp")
	for name, seen := range map[string]bool{"stun": f.stun, "turn": f.turn, "media": f.dtls || f.media} { // sorted later
		if seen {
			add(&e.Transports, name)
		}
	}
	if f.dtls || f.media {
		add(&e.Mechanisms, "media")
	}
	e.address(key.remote)
	e.Sent += f.sent
	e.Received += f.received
	e.Connected = e.Connected || f.answered
	e.cite(b.rec.Cite(n.path, f.first.String()))
}
