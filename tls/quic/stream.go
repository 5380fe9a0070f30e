package quic

import "slices"

// Bounds of what waits for something before it.
const (
	maxStream = 1 << 20  // bytes of messages at one level
	maxGap    = 64 << 10 // how far ahead something may lie
	maxParts  = 64
	maxRanges = 8
)

// stream puts the messages of one level in their order.
type stream struct {
	next  uint64 // offset of the first byte that is not there
	parts []part
}

type part struct {
	offset uint64
	data   []byte
}

// add takes a part and returns what is next by it.
func (s *stream) add(offset uint64, data []byte) (ready []byte) {
	end := offset + uint64(len(data))
	if len(data) == 0 || end <= s.next || end > maxStream || offset > s.next+maxGap {
		return nil
	}
	if offset > s.next && len(s.parts) == maxParts {
		return nil
	}
	s.parts = append(s.parts, part{offset, slices.Clone(data)})
	for again := true; again; {
		again = false
		for _, p := range s.parts {
			if end := p.offset + uint64(len(p.data)); p.offset <= s.next && end > s.next {
				ready = append(ready, p.data[s.next-p.offset:]...)
				s.next, again = end, true
			}
		}
	}
	s.parts = slices.DeleteFunc(s.parts, func(p part) bool { return p.offset < s.next })
	return ready
}

// ranges are the numbers of packets that came, the highest first.
type ranges []numbers

type numbers struct{ first, last uint64 }

// add takes a number; of many ranges the lowest are forgotten.
func (r *ranges) add(n uint64) {
	all := append(*r, numbers{n, n})
	slices.SortFunc(all, func(a, b numbers) int {
		switch {
		case a.last > b.last:
			return -1
		case a.last < b.last:
			return 1
		}
		return 0
	})
	merged := all[:1]
	for _, x := range all[1:] {
		if low := &merged[len(merged)-1]; x.last+1 >= low.first {
			low.first = min(low.first, x.first)
		} else {
			merged = append(merged, x)
		}
	}
	*r = merged[:min(len(merged), maxRanges)]
}

// next is the number that follows the highest.
func (r ranges) next() uint64 {
	if len(r) == 0 {
		return 0
	}
	return r[0].last + 1
}
