package wire

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"

	"vksprobe/probe/netlog"
)

// segmentKey is one direction of a TCP connection.
type segmentKey struct{ from, to netip.AddrPort }

// segments puts one direction of a TCP connection in order.
type segments struct {
	next    uint32 // sequence number that is to come
	known   bool
	waiting []segment // in order of sequence
	chunk   Chunk     // what all pieces have in common
}

// A segment waits for those before it.
type segment struct {
	seq   uint32
	bytes []byte
	stamp netlog.Stamp
}

// Bounds on segments that are out of order. What is lost in a capture never
// comes, and then the stream goes on behind the gap.
const (
	maxWaiting     = 64
	maxWaitingHeld = 8 << 20 // bytes in all
)

func (c *capture) tcp(s netlog.Stamp, src, dst netip.Addr, b []byte, total int) {
	if len(b) < 20 || int(b[12]>>4)*4 < 20 || int(b[12]>>4)*4 > len(b) {
		c.d.capture.Malformed.add(FrameTCP)
		return
	}
	head := int(b[12]>>4) * 4
	k := segmentKey{netip.AddrPortFrom(src, binary.BigEndian.Uint16(b)), netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))}
	seq, flags := binary.BigEndian.Uint32(b[4:]), b[13]
	const fin, syn, rst = 1, 2, 4
	q := c.segments[k]
	if q == nil {
		if len(c.segments) >= 2*c.d.limits.flows {
			c.d.capture.Dropped.Flows++
			return
		}
		q = &segments{chunk: Chunk{Sent: c.sent(k.from, k.to), Local: k.from, Remote: k.to}}
		if !q.chunk.Sent {
			q.chunk.Local, q.chunk.Remote = k.to, k.from
		}
		c.segments[k] = q
	}
	if flags&syn != 0 {
		if q.known && q.next != seq+1 { // the ports are used again
			c.drain(q)
			delete(c.d.flows, q.chunk.key())
		}
		q.next, q.known = seq+1, true
		return
	}
	payload := b[head:max(head, min(total, len(b)))]
	if !q.known {
		q.next, q.known = seq, true
	}
	if len(payload) > 0 {
		c.enter(q, segment{seq, payload, s})
		if missing := total - len(b); missing > 0 && q.next == seq+uint32(len(payload)) {
			q.next += uint32(missing) // cut off by the capture
			q.chunk.Gap = true
		}
	}
	if flags&(fin|rst) != 0 {
		c.drain(q)
	}
}

// enter hands on a segment, or keeps it until those before it have come.
func (c *capture) enter(q *segments, s segment) {
	if !c.pass(q, s) {
		if len(q.waiting) >= maxWaiting || c.held+len(s.bytes) > maxWaitingHeld {
			c.drain(q)
		}
		if c.pass(q, s) {
			return
		}
		at := slices.IndexFunc(q.waiting, func(o segment) bool { return int32(o.seq-s.seq) > 0 })
		if at < 0 {
			at = len(q.waiting)
		}
		s.bytes = bytes.Clone(s.bytes)
		c.held += len(s.bytes)
		q.waiting = slices.Insert(q.waiting, at, s)
		return
	}
	for len(q.waiting) > 0 && c.pass(q, q.waiting[0]) {
		c.held -= len(q.waiting[0].bytes)
		q.waiting = q.waiting[1:]
	}
}

// pass hands on what is new in a segment and reports whether it was its turn.
func (c *capture) pass(q *segments, s segment) bool {
	old := int32(q.next - s.seq) // bytes that came before
	if old < 0 {
		return false
	}
	if int(old) >= len(s.bytes) {
		return true // a retransmission
	}
	q.chunk.Stamp, q.chunk.Payload = s.stamp, s.bytes[old:]
	c.d.Stream(&q.chunk)
	q.chunk.Gap = false
	q.next = s.seq + uint32(len(s.bytes))
	return true
}

// drain hands on what waits, gaps and all.
func (c *capture) drain(q *segments) {
	for _, s := range q.waiting {
		c.held -= len(s.bytes)
		if int32(s.seq-q.next) > 0 {
			q.next, q.chunk.Gap = s.seq, true
		}
		c.pass(q, s)
	}
	q.waiting = nil
}

// flush hands on all that still waits at the end, in order of time.
func (c *capture) flush() {
	var left []*segments
	for _, q := range c.segments {
		if len(q.waiting) > 0 {
			left = append(left, q)
		}
	}
	slices.SortFunc(left, func(a, b *segments) int {
		return int(min(1, max(-1, a.waiting[0].stamp.Event-b.waiting[0].stamp.Event)))
	})
	for _, q := range left {
		c.drain(q)
	}
}
