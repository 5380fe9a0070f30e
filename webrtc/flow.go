package webrtc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"vksprobe/probe"
	"vksprobe/webrtc/wire"
)

// bucketSize is the resolution in time at which sent RTP is remembered. A
// packet near a boundary of phases may be counted this much too early.
const bucketSize = 100 * time.Millisecond

// packets are the flows of one participant.
type packets struct {
	probe.Extent
	participant int
	path        string
	last        time.Time // of the last event
	order       []*flow   // of WebRTC, in the order in which they began
}

// flow is what passed between two addresses, and its sum.
type flow struct {
	Packets
	wire *wire.Path
}

func readPackets(ctx context.Context, rec *probe.Record, participant int) (*packets, error) {
	p := &packets{participant: participant, path: fmt.Sprintf("p%d/netlog.json", participant)}
	file, err := rec.Files.Open(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("opening %s: %w", p.path, err)
	}
	defer file.Close()
	d := wire.New(bucketSize)
	log, err := d.NetLog(ctx, file)
	// Without payloads the log cannot tell media from anything else.
	if log != nil {
		p.Extent, p.last = probe.Extent{Found: log.Mode == "Everything", Cut: log.Truncated}, log.End
	}
	p.take(d.Capture())
	if err != nil {
		return p, fmt.Errorf("reading %s: %w", p.path, err)
	}
	return p, nil
}

// take makes flows of what was WebRTC. RTP and channel data look like many
// other things, so a path counts only if STUN or DTLS was seen on it.
func (p *packets) take(c *wire.Capture) {
	for _, path := range c.Paths {
		if !path.WebRTC() {
			continue
		}
		f := &flow{wire: path}
		total, rtp, rtcp := path.Total, path.RTPTraffic, path.RTCPTraffic
		f.Packets = Packets{
			Participant: p.participant, Transport: string(path.Transport),
			Local: address(path.Local), Remote: address(path.Remote), Relay: address(path.Relay),
			Sent: total.Sent.Packets, Received: total.Received.Packets, SentBytes: total.Sent.Bytes, ReceivedBytes: total.Received.Bytes,
			STUN: path.STUNTraffic.Packets(), DTLS: path.DTLSTraffic.Packets(),
			RTPSent: rtp.Sent.Packets - path.EarlyRTP.Sent.Packets, RTPReceived: rtp.Received.Packets - path.EarlyRTP.Received.Packets,
			RTCP:    rtcp.Packets() - path.EarlyRTCP.Packets(),
			Other:   path.Other.Packets() + path.ZRTP.Packets() + path.EarlyRTP.Packets() + path.EarlyRTCP.Packets(),
			Relayed: path.RelayedTraffic.Packets(),
			First:   path.First.Time.UTC(), Last: path.Last.Time.UTC(),
		}
		f.summarise(path.Handshake())
		p.order = append(p.order, f)
	}
}

// observe emits the flows of WebRTC in the order in which they began.
func (p *packets) observe(rec *probe.Record, emit func(probe.Observation)) {
	for _, f := range p.order {
		ev := []probe.Evidence{rec.Cite(p.path, f.wire.First.String())}
		if h := f.wire.Handshake(); h != nil && h.Chosen.Event != 0 {
			ev = append(ev, rec.Cite(p.path, h.Chosen.String()))
		}
		emit(Flow.New(fmt.Sprintf("flow:%d/%s", p.participant, f.Remote), rec.Timeline.At(p.participant, f.First), f.First, f.Packets, ev...))
	}
}

// summarise puts what a handshake showed into the observation.
func (p *Packets) summarise(h *wire.Handshake) {
	if h == nil {
		return
	}
	p.DTLSRole = roleOf(h)
	if h.ServerHello != nil {
		p.DTLSVersion, p.DTLSCipherSuite, p.SRTPProfile = dtlsVersion(h.Version()), wire.SuiteName(h.CipherSuite()), srtpProfile(h.SRTPProfile())
	}
}

// roleOf is the browser's part in a handshake: "client", "server" or "" as
// long as no whole hello was seen.
func roleOf(h *wire.Handshake) string {
	switch {
	case h.ClientHello == nil && h.ServerHello == nil && h.Retry == nil:
		return ""
	case h.Client:
		return "client"
	}
	return "server"
}

// A sum is what was sent of a stream in a stretch of time.
type sum struct {
	packets int64
	bytes   int64  // payload
	loud    uint16 // bit n: header extension n is one byte long and does not always say silence, see RFC 6464
}

// sentIn sums up the buckets of a stream that lie wholly in a stretch of time.
func sentIn(s *wire.Stream, from, to time.Time) (out sum) {
	for i := range s.Buckets {
		b := &s.Buckets[i]
		if b.Start.Before(from) || b.Start.Add(bucketSize).After(to) {
			continue
		}
		out.packets += b.Packets
		out.bytes += b.Bytes
		for id := range uint8(16) {
			if l, ok := b.Level(id); ok && l.Silent < l.Packets {
				out.loud |= 1 << id
			}
		}
	}
	return out
}

// of returns the flows that carry a connection: those with ICE checks of one
// of its user fragments and, if there are none, those between the addresses
// of its selected pair.
func (p *packets) of(ufrags map[string]bool, selected *Pair) []*flow {
	var out []*flow
	for _, f := range p.order {
		if f.wire.STUN != nil && slices.ContainsFunc(f.wire.STUN.LocalUfrags, func(u string) bool { return ufrags[u] }) {
			out = append(out, f)
		}
	}
	if len(out) > 0 || selected == nil {
		return out
	}
	remote, err := netip.ParseAddrPort(selected.Remote.Address)
	if err != nil {
		return nil
	}
	local, _ := netip.ParseAddrPort(selected.Local.Address)
	for _, f := range p.order {
		if w := f.wire; w.Remote == remote && (w.Local.Port() == local.Port() || w.Relay.IsValid() && selected.Local.Type == "relay") {
			out = append(out, f)
		}
	}
	return out
}

// address writes an address as "192.0.2.1:5000", IPv4 mapped into IPv6 as
// IPv4.
func address(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String()
}

// keys returns the keys of a map in order.
func keys[K cmp.Ordered, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
