package wire

import (
	"bytes"
	"slices"

	"vksprobe/probe/netlog"
)

// Join reads the handshakes of several Paths of one connection as one. ICE may
// send over one pair of addresses while it still receives over another, and
// then each of them saw only half of what was said. The result is in order of
// time and shares nothing with the Paths.
func Join(paths []*Path) (joined []*Handshake) {
	var all []*Handshake
	for _, p := range paths {
		all = append(all, p.Handshakes...)
	}
	// Those that know who the client is and what it said first, because the
	// others are told by them.
	slices.SortStableFunc(all, func(a, b *Handshake) int {
		if known := (a.random != nil) != (b.random != nil); known && a.random != nil {
			return -1
		} else if known {
			return 1
		}
		return compare(a.First, b.First)
	})
	for _, h := range all {
		i := slices.IndexFunc(joined, h.sameAs)
		if i < 0 {
			i = len(joined)
			joined = append(joined, &Handshake{Client: h.Client, sided: h.sided, random: h.random, First: h.First})
		}
		joined[i].join(h)
	}
	for _, h := range joined {
		h.Incomplete = h.incomplete()
	}
	slices.SortStableFunc(joined, func(a, b *Handshake) int { return compare(a.First, b.First) })
	return joined
}

func compare(a, b netlog.Stamp) int {
	if c := a.Time.Compare(b.Time); c != 0 {
		return c
	}
	return int(min(1, max(-1, a.Event-b.Event)))
}

// sameAs reports whether two halves may be of one handshake.
func (h *Handshake) sameAs(o *Handshake) bool {
	return (!h.sided || !o.sided || h.Client == o.Client) && (h.random == nil || o.random == nil || bytes.Equal(h.random, o.random))
}

// join adds what was seen of a handshake elsewhere.
func (h *Handshake) join(o *Handshake) {
	if !h.sided && o.sided {
		h.Client, h.sided = o.Client, true
	}
	earliest := func(to *netlog.Stamp, s netlog.Stamp) {
		if !s.Time.IsZero() && (to.Time.IsZero() || compare(s, *to) < 0) {
			*to = s
		}
	}
	earliest(&h.First, o.First)
	if compare(h.Last, o.Last) < 0 {
		h.Last = o.Last
	}
	earliest(&h.ClientFinished, o.ClientFinished)
	earliest(&h.ServerFinished, o.ServerFinished)
	h.Alerts = append(h.Alerts, o.Alerts[:min(len(o.Alerts), maxAlerts-len(h.Alerts))]...)
	h.Repeated += o.Repeated
	// Messages were read from a Path before, and what was wrong with them is
	// in its Malformed.
	var again Path
	for _, from := range o.messages {
		m := h.assembly(from.sent, fragment{typ: from.typ, seq: from.seq, length: uint32(from.length)})
		if m == nil || m.length != from.length || m.complete() {
			continue
		}
		whole := len(m.pieces) == 0 && from.complete()
		for _, p := range from.pieces {
			m.add(fragment{offset: uint32(p.offset), part: p.bytes}, func(int) bool { return true })
		}
		if m.length == 0 && from.complete() {
			m.pieces = []piece{{}}
		}
		if m.complete() {
			if !whole {
				h.Fragmented++
			}
			stamp := o.Chosen
			if stamp.Time.IsZero() {
				stamp = o.Last
			}
			again.message(h, m, &netlog.Datagram{Stamp: stamp})
		}
	}
	h.Fragmented += o.Fragmented
}
