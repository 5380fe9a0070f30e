// Package wire reads what WebRTC left on the wire: STUN and TURN, DTLS
// handshakes, RTP and RTCP headers.
//
// A [Decoder] is fed datagrams and pieces of byte streams in the order in
// which they were recorded, from a NetLog ([Decoder.NetLog]) or from a capture
// of the user's ([Decoder.Pcap]), and sums them up as one [Path] per pair of
// addresses. What a TURN server relays is unwrapped and has a Path of its own.
//
//	NetLog ─► datagrams, stream bytes ─┐                       ┌─ STUN, TURN
//	pcap ─► frames ─► datagrams        ├─► Path: RFC 7983 ─────┼─ DTLS handshakes
//	            └───► TCP segments ────┘   └─► relayed Path    └─ RTP per SSRC, RTCP
//
// It states facts and gives no opinion: numbers are those on the wire. The content of DTLS records (SCTP) and of
// SRTP is encrypted and stays so.
//
// Everything that is read may come from a stranger. Memory is bounded, however
// long or hostile the input is; what did not fit is counted in
// [Capture.Dropped], and what could not be understood in Malformed, by reason.
package wire

import (
	"net/netip"
	"slices"
	"time"

	"github.com/pion/rtp"

	"vksprobe/probe/netlog"
)

// A Transport is what carries the packets of a Path.
type Transport string

// The transports.
const (
	UDP Transport = "udp"
	TCP Transport = "tcp"
	TLS Transport = "tls" // over TCP; the evidence holds what was inside
)

// A Capture is all that was on the wire.
type Capture struct {
	Paths       []*Path // in order of their first packets; also those that carried no WebRTC
	Packets     Traffic // datagrams, and frames of streams that could be told apart
	First, Last time.Time
	Opaque      int64 // byte streams that carried something else or were encrypted
	Malformed   Tally // of what belongs to no Path
	Dropped     Dropped
}

// Dropped counts what a bound kept from being remembered.
type Dropped struct {
	Paths    int64 // packets of address pairs that were one too many, and Paths without WebRTC that made room for others
	Flows    int64 // pieces of TCP connections that were one too many
	Streams  int64 // packets of SSRCs that were one too many
	Buckets  int64 // packets that were counted in their stream, but in no bucket of it
	Messages int64 // fragments of handshakes, names, channels and stream bytes that were not kept
}

// limits bound what a Decoder remembers.
type limits struct {
	paths    int // of a capture
	streams  int // of all paths
	buckets  int // of all streams
	flows    int // byte streams that are followed at a time
	held     int // bytes of messages, certificates and names that are kept
	ssrcs    int // of one path
	channels int // of one path
}

// defaults allow some ten hours of a large conference, and together not more
// than about 150 MB.
func defaults() limits {
	return limits{paths: 4096, streams: 8192, buckets: 1 << 18, flows: 4096, held: 32 << 20, ssrcs: 512, channels: 1024}
}

// A Decoder turns packets into a Capture. Use [New].
type Decoder struct {
	limits   limits
	bucket   time.Duration
	capture  Capture
	paths    map[key]*Path
	idle     []*Path // may have to make room: no WebRTC was seen on them
	flows    map[flowKey]*byteStream
	streams  int // SSRCs so far
	buckets  int // so far
	held     int // bytes
	buffered int // bytes of byte streams
	header   rtp.Header
}

// key tells Paths apart. A socket of the NetLog stands for its local address,
// which the log may name late or never.
type key struct {
	transport     Transport
	socket        int64
	local, remote netip.AddrPort
	relay         netip.AddrPort
	channel       uint16
}

// New returns a Decoder that counts RTP by buckets of the given length, which
// must be at least a millisecond.
func New(bucket time.Duration) *Decoder {
	return &Decoder{limits: defaults(), bucket: max(bucket, time.Millisecond), paths: map[key]*Path{}, flows: map[flowKey]*byteStream{}}
}

// Capture returns what was read so far. It is valid until more is read.
func (d *Decoder) Capture() *Capture {
	for _, p := range d.capture.Paths {
		p.settle()
	}
	return &d.capture
}

// Datagram reads one UDP datagram. Length may exceed the payload of one that
// was cut off; without any payload it is only counted.
func (d *Decoder) Datagram(g *netlog.Datagram) {
	d.packet(UDP, g)
}

// packet reads a datagram or a frame of a stream.
func (d *Decoder) packet(t Transport, g *netlog.Datagram) {
	g.Length = max(g.Length, len(g.Payload))
	c := &d.capture
	c.Packets.add(g.Sent, g.Length)
	if c.First.IsZero() || g.Time.Before(c.First) {
		c.First = g.Time
	}
	if g.Time.After(c.Last) {
		c.Last = g.Time
	}
	k := key{transport: t, socket: g.Socket, remote: plain(g.Remote)}
	if k.socket == 0 {
		k.local = plain(g.Local)
	}
	outer := d.path(k, g)
	if outer == nil {
		return
	}
	in := outer.read(d, g)
	if in.payload == nil {
		return
	}
	k.relay, k.remote, k.channel = k.remote, in.peer, in.channel
	inner := d.path(k, g)
	if inner == nil {
		return
	}
	relayed := *g
	relayed.Length, relayed.Payload = in.length, in.payload
	inner.read(d, &relayed)
}

// plain writes IPv4 mapped into IPv6 as IPv4.
func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// path returns the Path of a packet, nil if there are too many.
func (d *Decoder) path(k key, g *netlog.Datagram) *Path {
	p := d.paths[k]
	if p != nil {
		if !p.Local.IsValid() {
			p.Local = plain(g.Local)
		}
		return p
	}
	if len(d.paths) >= d.limits.paths && !d.evict() {
		d.capture.Dropped.Paths++
		return nil
	}
	p = &Path{Transport: k.transport, Local: plain(g.Local), Remote: k.remote, Relay: k.relay, Channel: k.channel, Socket: k.socket, First: g.Stamp, key: k}
	d.paths[k] = p
	d.capture.Paths = append(d.capture.Paths, p)
	d.idle = append(d.idle, p)
	return p
}

// evict forgets the oldest Path that carried no WebRTC, such as a question to
// a name server, and reports whether there was one.
func (d *Decoder) evict() bool {
	d.idle = slices.DeleteFunc(d.idle, (*Path).WebRTC)
	if len(d.idle) == 0 {
		return false
	}
	// Many at a time, because finding them costs a look at all.
	gone := d.idle[:(len(d.idle)+7)/8]
	d.idle = slices.Clone(d.idle[len(gone):])
	drop := make(map[*Path]bool, len(gone))
	for _, p := range gone {
		drop[p] = true
		delete(d.paths, p.key)
		for _, s := range p.Streams {
			d.streams--
			d.buckets -= len(s.Buckets)
		}
		d.held -= p.held
		d.capture.Dropped.Paths += p.Total.Sent.Packets + p.Total.Received.Packets
	}
	d.capture.Paths = slices.DeleteFunc(d.capture.Paths, func(p *Path) bool { return drop[p] })
	return true
}

// keep reports whether a Path may hold n more bytes, and counts them.
func (d *Decoder) keep(p *Path, n int) bool {
	if d.held+n > d.limits.held {
		d.capture.Dropped.Messages++
		return false
	}
	d.held += n
	p.held += n
	return true
}

// release gives back bytes that a Path held.
func (d *Decoder) release(p *Path, n int) {
	d.held -= n
	p.held -= n
}
