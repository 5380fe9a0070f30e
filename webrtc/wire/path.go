package wire

import (
	"net/netip"
	"slices"

	"vksprobe/probe/netlog"
)

// A Path is what passed between two addresses over one transport. In a NetLog,
// each socket has Paths of its own.
type Path struct {
	Transport     Transport
	Local, Remote netip.AddrPort // Local may be invalid if the log does not name it
	Relay         netip.AddrPort // TURN server that carried the packets, which are counted as unwrapped; else invalid
	Channel       uint16         // TURN channel, where Remote is not known because its binding was not seen
	Socket        int64          // of the NetLog, else 0
	First, Last   netlog.Stamp

	// Each packet is counted in Total and in one of the others. Relayed are
	// the wrappings of packets that are counted again on the Path inside.
	Total                                Traffic
	STUNTraffic, DTLSTraffic, RTPTraffic Traffic
	RTCPTraffic, RelayedTraffic, ZRTP    Traffic
	Other                                Traffic
	Unread                               int64   // packets without payload in the evidence, part of Other
	EarlyRTP, EarlyRTCP                  Traffic // of those, what came before any STUN or DTLS and may be anything
	STUN                                 *STUN   // nil if there was none
	TURN                                 *TURN   // nil if no TURN server was at the far end
	Handshakes                           []*Handshake
	Records                              *Records  // nil if there was no DTLS
	Streams                              []*Stream // in order of their first packets
	RTCP                                 *RTCP     // nil if there was none
	Malformed                            Tally

	key   key
	ssrcs map[ssrcKey]*Stream
	held  int
}

// maxHandshakes bounds the handshakes of one Path. An ICE restart may bring a
// new one.
const maxHandshakes = 8

// WebRTC reports whether the Path has shown to be one of WebRTC: STUN or a
// message of a DTLS handshake was seen. RTP alone looks like many other
// things.
func (p *Path) WebRTC() bool { return p.STUN != nil || len(p.Handshakes) > 0 }

// Handshake returns the latest handshake in which a server answered, else the
// latest; nil if there was none.
func (p *Path) Handshake() *Handshake {
	for _, h := range slices.Backward(p.Handshakes) {
		if h.ServerHello != nil {
			return h
		}
	}
	return p.handshake()
}

// relayed is a packet inside another.
type relayed struct {
	payload []byte // nil if there is none
	length  int
	peer    netip.AddrPort
	channel uint16 // if the peer is not known
}

// read takes one packet in and returns what was relayed in it.
func (p *Path) read(d *Decoder, g *netlog.Datagram) relayed {
	p.Last = g.Stamp
	p.Total.add(g.Sent, g.Length)
	if len(g.Payload) == 0 && g.Length > 0 {
		p.Unread++
	}
	switch demux(g.Payload) {
	case kindSTUN:
		m, reason := parseSTUN(g.Payload, g.Length)
		if reason != "" {
			p.Malformed.add(reason)
		}
		if m == nil {
			break
		}
		in := p.stun(d, g, m)
		if in.payload != nil && !p.Relay.IsValid() {
			p.RelayedTraffic.add(g.Sent, g.Length)
			return in
		}
		p.STUNTraffic.add(g.Sent, g.Length)
		return relayed{}
	case kindChannel:
		// QUIC may look like it, and nothing is relayed within what is.
		if p.STUN == nil || p.Relay.IsValid() {
			break
		}
		in, reason := p.channelData(g)
		if reason != "" {
			p.Malformed.add(reason)
		}
		if in.payload == nil {
			break
		}
		p.RelayedTraffic.add(g.Sent, g.Length)
		return in
	case kindDTLS:
		if !p.dtls(d, g) {
			break
		}
		p.DTLSTraffic.add(g.Sent, g.Length)
		return relayed{}
	case kindRTP:
		if !p.rtp(d, g) {
			break
		}
		p.RTPTraffic.add(g.Sent, g.Length)
		if !p.WebRTC() {
			p.EarlyRTP.add(g.Sent, g.Length)
		}
		return relayed{}
	case kindRTCP:
		if !p.rtcp(g) {
			break
		}
		p.RTCPTraffic.add(g.Sent, g.Length)
		if !p.WebRTC() {
			p.EarlyRTCP.add(g.Sent, g.Length)
		}
		return relayed{}
	case kindZRTP:
		p.ZRTP.add(g.Sent, g.Length)
		return relayed{}
	}
	p.Other.add(g.Sent, g.Length)
	return relayed{}
}

// settle brings up to date what is derived from the rest.
func (p *Path) settle() {
	for _, s := range p.Streams {
		s.settle()
	}
	if h := p.handshake(); h != nil {
		h.Incomplete = h.incomplete()
	}
}
