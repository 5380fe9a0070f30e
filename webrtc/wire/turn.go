package wire

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/stun/v4"

	"vksprobe/probe/netlog"
)

// TURN is what passed between a client and its relay server, RFC 8656.
type TURN struct {
	Client      bool     // the local side is the client
	Realms      []string // of the server
	Usernames   []string // credentials, and as such secret
	Allocations []*Allocation
	Permissions []*Permission
	Channels    []*Channel // in order of their first requests

	bound map[uint16]*Channel
}

// An Allocation is one request for a relayed address, without the attempt that
// only asks for the realm and the nonce.
type Allocation struct {
	Requested, Answered netlog.Stamp   // Answered is zero if no answer was seen
	Code                int            // error code, 0 on success and without an answer
	Signed              bool           // the request carried a MESSAGE-INTEGRITY
	Protocol            uint8          // REQUESTED-TRANSPORT: 17 UDP, 6 TCP
	Family              uint8          // REQUESTED-ADDRESS-FAMILY: 1 IPv4, 2 IPv6, 0 if it was not given
	Relayed, Mapped     netip.AddrPort // given by the server
	Wanted, Lifetime    time.Duration  // LIFETIME asked for (0 if it was not) and given
	Refreshed           int64          // successful refreshes
	Released            netlog.Stamp   // when a refresh with lifetime 0 succeeded
}

// A Permission lets one address send to the client.
type Permission struct {
	Peer    netip.Addr
	First   netlog.Stamp
	Granted bool
	Code    int // of the last refusal
}

// A Channel is a short form for one peer.
type Channel struct {
	Number  uint16
	Peer    netip.AddrPort
	First   netlog.Stamp
	Granted bool
	Code    int // of the last refusal
}

// relay returns the TURN part of a Path. Client says whether the local side
// is the client; the first message decides.
func (p *Path) relay(client bool) *TURN {
	if p.TURN == nil {
		p.TURN = &TURN{Client: client, bound: map[uint16]*Channel{}}
	}
	return p.TURN
}

// turn reads a request of TURN.
func (p *Path) turn(d *Decoder, g *netlog.Datagram, m *message, t *transaction) {
	r := p.relay(g.Sent)
	if r.Client != g.Sent {
		return // a server asks nothing
	}
	d.name(p, &r.Usernames, m.text(stun.AttrUsername))
	switch m.kind.Method {
	case stun.MethodAllocate:
		a := &Allocation{Requested: g.Stamp, Signed: t.signed}
		if v := m.get(stun.AttrRequestedTransport); len(v) == 4 {
			a.Protocol = v[0]
		}
		if v := m.get(stun.AttrRequestedAddressFamily); len(v) == 4 {
			a.Family = v[0]
		}
		if n, ok := m.seconds(stun.AttrLifetime); ok {
			a.Wanted = time.Duration(n) * time.Second
		}
		if n := len(r.Allocations); n > 0 && r.Allocations[n-1].asked() {
			r.Allocations = r.Allocations[:n-1]
		}
		if len(r.Allocations) >= maxRelaying {
			d.capture.Dropped.Messages++
			return
		}
		r.Allocations = append(r.Allocations, a)
		t.allocation = a
	case stun.MethodRefresh:
		if n := len(r.Allocations); n > 0 {
			t.allocation = r.Allocations[n-1]
		}
	case stun.MethodCreatePermission:
		for _, a := range m.addresses(stun.AttrXORPeerAddress) {
			p.permit(d, g, a.Addr())
			t.permissions = append(t.permissions, a.Addr())
		}
	case stun.MethodChannelBind:
		number, ok := uint16Of(m.get(stun.AttrChannelNumber))
		if peer := m.address1(stun.AttrXORPeerAddress); ok && peer.IsValid() {
			t.channel = p.bind(d, g, number, peer)
		}
	}
}

// asked reports whether the request was only the first of two, to which the
// server answers with its realm and nonce.
func (a *Allocation) asked() bool { return !a.Signed && a.Code == 401 }

func (p *Path) permit(d *Decoder, g *netlog.Datagram, peer netip.Addr) {
	if slices.ContainsFunc(p.TURN.Permissions, func(o *Permission) bool { return o.Peer == peer }) {
		return
	}
	if len(p.TURN.Permissions) >= d.limits.channels {
		d.capture.Dropped.Messages++
		return
	}
	p.TURN.Permissions = append(p.TURN.Permissions, &Permission{Peer: peer, First: g.Stamp})
}

// bind enters a channel. It counts from the request on, because its answer may
// be lost or come after the first data.
func (p *Path) bind(d *Decoder, g *netlog.Datagram, number uint16, peer netip.AddrPort) *Channel {
	r := p.TURN
	if c := r.bound[number]; c != nil && c.Peer == peer {
		return c
	}
	if len(r.Channels) >= d.limits.channels {
		d.capture.Dropped.Messages++
		return nil
	}
	c := &Channel{Number: number, Peer: peer, First: g.Stamp}
	r.Channels = append(r.Channels, c)
	r.bound[number] = c
	return c
}

// answer completes a request of TURN. Code is 0 for a success.
func (p *Path) answer(g *netlog.Datagram, m *message, t *transaction, code int) {
	if p.TURN == nil {
		return
	}
	for _, peer := range t.permissions {
		for _, o := range p.TURN.Permissions {
			if o.Peer == peer {
				o.Granted = o.Granted || code == 0
				if code != 0 {
					o.Code = code
				}
			}
		}
	}
	if c := t.channel; c != nil {
		c.Granted = c.Granted || code == 0
		if code != 0 {
			c.Code = code
		}
	}
	a := t.allocation
	switch {
	case a == nil:
	case m.kind.Method == stun.MethodAllocate:
		a.Answered, a.Code = g.Stamp, code
		a.Relayed, a.Mapped = m.address1(stun.AttrXORRelayedAddress), m.address1(stun.AttrXORMappedAddress)
		if n, ok := m.seconds(stun.AttrLifetime); ok {
			a.Lifetime = time.Duration(n) * time.Second
		}
	case m.kind.Method == stun.MethodRefresh && code == 0:
		if n, ok := m.seconds(stun.AttrLifetime); ok && n == 0 {
			a.Released = g.Stamp
		} else {
			a.Refreshed++
		}
	}
}

// indication returns what a Send or Data indication relays.
func (p *Path) indication(g *netlog.Datagram, m *message) relayed {
	p.relay(g.Sent == (m.kind.Method == stun.MethodSend))
	peer := m.address1(stun.AttrXORPeerAddress)
	if !peer.IsValid() {
		return relayed{}
	}
	for _, a := range m.attributes {
		if a.kind == stun.AttrData {
			return relayed{payload: a.value, length: a.length, peer: plain(peer)}
		}
	}
	return relayed{}
}

// channelData returns what is relayed in channel data. Over a stream it is
// padded to four bytes.
func (p *Path) channelData(g *netlog.Datagram) (relayed, Reason) {
	b := g.Payload
	if len(b) < 4 {
		return relayed{}, ChannelCut
	}
	number, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
	if 4+n > g.Length || g.Length-4-n > 3 {
		return relayed{}, ChannelCut
	}
	in := relayed{payload: b[4:min(4+n, len(b))], length: n, channel: number}
	if p.TURN != nil {
		if c := p.TURN.bound[number]; c != nil {
			in.peer, in.channel = plain(c.Peer), 0
			return in, ""
		}
	}
	return in, ChannelUnbound
}
