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
	"vksprobe/probe/netlog"
)

// Bounds on what one NetLog can make us remember.
const (
	maxFlows    = 4096
	maxStreams  = 256     // SSRCs of one flow
	maxBuckets  = 1 << 18 // of one participant
	maxChannels = 1 << 14 // numbers that TURN has
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
	flows       map[pair]*flow
	order       []*flow
	buckets     int
}

// pair identifies a flow. Relay is the TURN server that carries it.
type pair struct{ local, remote, relay netip.AddrPort }

// flow is one pair of addresses and what passed between them.
type flow struct {
	Packets
	pair
	first    netlog.Stamp
	greeted  netlog.Stamp // when the last hello was complete
	ufrags   map[string]bool
	channels map[uint16]netip.AddrPort
	dtls     handshake
	streams  map[uint32]*stream
}

// stream is the RTP sent under one SSRC.
type stream struct{ buckets []bucket }

type bucket struct {
	at      int64 // bucketSize since 1970
	packets int64
	bytes   int64 // payload
	loud    uint16
}

func readPackets(ctx context.Context, rec *probe.Record, participant int) (*packets, error) {
	p := &packets{participant: participant, path: fmt.Sprintf("p%d/netlog.json", participant), flows: map[pair]*flow{}}
	file, err := rec.Files.Open(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("opening %s: %w", p.path, err)
	}
	defer file.Close()
	log, err := netlog.Read(ctx, file, netlog.Handler{Datagram: p.datagram})
	// Without payloads the log cannot tell media from anything else.
	if log != nil {
		p.Extent, p.last = probe.Extent{Found: log.Mode == "Everything", Cut: log.Truncated}, log.End
	}
	if err != nil {
		return p, fmt.Errorf("reading %s: %w", p.path, err)
	}
	return p, nil
}

// datagram counts one datagram and, if a TURN server relays something in it,
// that too.
func (p *packets) datagram(d *netlog.Datagram) {
	outer := p.add(pair{local: d.Local, remote: d.Remote}, d, d.Length, d.Payload)
	if outer == nil {
		return
	}
	var peer netip.AddrPort
	var inner []byte
	switch demux(d.Payload) {
	case kindSTUN:
		b, _ := readSTUN(d.Payload, d.Sent)
		peer, inner = b.peer, b.data
	case kindChannel:
		length := int(d.Payload[2])<<8 | int(d.Payload[3])
		peer, inner = outer.channels[channelOf(d.Payload)], d.Payload[4:4+length]
	}
	if !peer.IsValid() || inner == nil {
		return
	}
	outer.Relayed++
	p.add(pair{local: d.Local, remote: peer, relay: d.Remote}, d, len(inner), inner)
}

// add counts a packet of a flow. RTP and channel data look like many other
// things, so they only count where STUN or DTLS was seen before.
func (p *packets) add(key pair, d *netlog.Datagram, length int, payload []byte) *flow {
	f := p.flows[key]
	if f == nil {
		if len(p.flows) >= maxFlows {
			return nil
		}
		f = &flow{pair: key, first: d.Stamp, ufrags: map[string]bool{}}
		f.Participant, f.Local, f.Remote, f.First = p.participant, address(key.local), address(key.remote), d.Time.UTC()
		if key.relay.IsValid() {
			f.Relay = address(key.relay)
		}
		p.flows[key] = f
		p.order = append(p.order, f)
	}
	f.Last = d.Time.UTC()
	if d.Sent {
		f.Sent++
		f.SentBytes += int64(length)
	} else {
		f.Received++
		f.ReceivedBytes += int64(length)
	}
	switch k := demux(payload); {
	case k == kindSTUN:
		f.stun(payload, d.Sent)
	case k == kindDTLS:
		f.DTLS++
		if f.dtls.read(payload, d.Sent) {
			f.greeted = d.Stamp
		}
	case !f.webrtc():
		f.Other++
	case k == kindRTP:
		f.rtp(p, d, payload)
	case k == kindRTCP:
		f.RTCP++
	case k == kindChannel && f.channels[channelOf(payload)].IsValid():
		// datagram counts it as relayed
	default:
		f.Other++
	}
	return f
}

// webrtc reports whether the flow has shown to be one of WebRTC.
func (f *flow) webrtc() bool { return f.STUN > 0 || f.DTLS > 0 && f.dtls.client.seen }

func (f *flow) stun(payload []byte, sent bool) {
	b, ok := readSTUN(payload, sent)
	if !ok {
		f.Other++
		return
	}
	f.STUN++
	if b.ufrag != "" && len(f.ufrags) < maxStreams {
		f.ufrags[b.ufrag] = true
	}
	if b.channel != 0 && sent && len(f.channels) < maxChannels {
		if f.channels == nil {
			f.channels = map[uint16]netip.AddrPort{}
		}
		f.channels[b.channel] = b.peer
	}
}

func (f *flow) rtp(p *packets, d *netlog.Datagram, payload []byte) {
	m, ok := readRTP(payload)
	if !ok {
		f.Other++
		return
	}
	if !d.Sent {
		f.RTPReceived++
		return
	}
	f.RTPSent++
	s := f.streams[m.ssrc]
	if s == nil {
		if len(f.streams) >= maxStreams {
			return
		}
		if f.streams == nil {
			f.streams = map[uint32]*stream{}
		}
		s = &stream{}
		f.streams[m.ssrc] = s
	}
	at := d.Time.UnixNano() / int64(bucketSize)
	if n := len(s.buckets); n == 0 || s.buckets[n-1].at < at && p.buckets < maxBuckets {
		s.buckets = append(s.buckets, bucket{at: at})
		p.buckets++
	}
	b := &s.buckets[len(s.buckets)-1]
	b.packets++
	b.bytes += int64(m.size)
	b.loud |= m.loud
}

// observe emits the flows of WebRTC in the order in which they began.
func (p *packets) observe(rec *probe.Record, emit func(probe.Observation)) {
	for _, f := range p.order {
		if !f.webrtc() {
			continue
		}
		f.summarise()
		ev := []probe.Evidence{rec.Cite(p.path, f.first.String())}
		if f.greeted.Event != 0 {
			ev = append(ev, rec.Cite(p.path, f.greeted.String()))
		}
		emit(Flow.New(fmt.Sprintf("flow:%d/%s", p.participant, f.Remote), rec.Timeline.At(p.participant, f.First), f.First, f.Packets, ev...))
	}
}

// summarise puts what the handshake showed into the observation.
func (f *flow) summarise() {
	f.DTLSRole = f.dtls.role()
	if s := f.dtls.server; s.seen {
		f.DTLSVersion, f.DTLSCipherSuite, f.SRTPProfile = dtlsVersion(s.version), cipherSuite(s.suite), srtpProfile(s.srtp)
	}
}

// sent sums up the buckets of a stream that lie wholly in a stretch of time.
func (s *stream) sent(from, to time.Time) (sum bucket) {
	for _, b := range s.buckets {
		start := time.Unix(0, b.at*int64(bucketSize))
		if start.Before(from) || start.Add(bucketSize).After(to) {
			continue
		}
		sum.packets += b.packets
		sum.bytes += b.bytes
		sum.loud |= b.loud
	}
	return sum
}

// of returns the flows that carry a connection: those with ICE checks of one
// of its user fragments and, if there are none, those between the addresses
// of its selected pair.
func (p *packets) of(ufrags map[string]bool, selected *Pair) []*flow {
	var out []*flow
	for _, f := range p.order {
		if f.webrtc() && slices.ContainsFunc(keys(f.ufrags), func(u string) bool { return ufrags[u] }) {
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
		if f.webrtc() && f.remote == remote && (f.local.Port() == local.Port() || f.relay.IsValid() && selected.Local.Type == "relay") {
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
