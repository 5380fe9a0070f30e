package wire

import (
	"errors"
	"slices"
	"time"

	"vksprobe/probe/netlog"
)

// A Stream is the RTP of one SSRC in one direction. Sizes are those of the
// payload as it was on the wire, with the authentication tag of SRTP (4, 10 or
// 16 bytes) and whatever a transform of the page added.
type Stream struct {
	SSRC         uint32
	Sent         bool
	First, Last  netlog.Stamp
	Packets      int64
	Bytes        int64
	PayloadTypes []PayloadType
	Extensions   []Extension // header extensions that occurred
	Cryptex      int64       // packets whose extensions are encrypted (RFC 9335)
	Buckets      []Bucket    // in order of time

	// By sequence numbers; what was lost on its way to the browser, or sent
	// before the evidence begins, is not there.
	Lost, Repeated, Reordered int64
	Frames                    int64 // packets with another timestamp than the one before
	Pauses                    int64 // stretches of at least a second without a packet
	LongestPause              time.Duration
	PauseTime                 time.Duration // of all pauses

	highest   int64 // extended sequence number
	lowest    int64
	timestamp uint32
	seen      uint64 // bit n: the sequence number highest-n was seen
}

// A PayloadType of a Stream.
type PayloadType struct {
	Number         uint8
	Packets, Bytes int64
	Marked         int64 // with the marker bit: the last packet of a picture, the first of speech
	Min, Max       int   // sizes
}

// An Extension is a header extension of a Stream, RFC 8285. What it means is
// in the session description.
type Extension struct {
	ID       uint8 // 1 to 255; 0 is one of RFC 3550 that is none of RFC 8285
	Packets  int64
	Min, Max int // bytes of its data
}

// A Bucket is what passed of a Stream in a short stretch of time.
type Bucket struct {
	Start       time.Time     // a multiple of the Decoder's bucket, of ten times that for what was received
	First, Last time.Duration // of its packets, after Start
	Packets     int64
	Bytes       int64
	Frames      int64 // timestamps that began
	Marked      int64
	Padded      int64                       // with the padding bit, as probes for bandwidth are
	Min, Max    int                         // sizes
	Sizes       [len(sizeBounds) + 1]uint32 // see SizeClass
	levels      [maxLevels]level
}

// sizeBounds are the upper bounds of classes of payload sizes. Three bytes of
// Opus silence with a tag of 4, 10 or 16 bytes are in classes of their own, so
// is the frame of a black picture, which has 100 to 160 bytes.
var sizeBounds = [...]int{8, 12, 14, 16, 20, 24, 32, 48, 64, 96, 192, 256, 512, 768, 1024}

// SizeClass returns the class of a payload size, which indexes Bucket.Sizes.
func SizeClass(size int) int {
	for i, bound := range sizeBounds {
		if size <= bound {
			return i
		}
	}
	return len(sizeBounds)
}

// SizeBound returns the greatest size of a class; ok is false of the last one,
// which has no bound.
func SizeBound(class int) (bound int, ok bool) {
	if class < 0 || class >= len(sizeBounds) {
		return 0, false
	}
	return sizeBounds[class], true
}

type ssrcKey struct {
	ssrc uint32
	sent bool
}

const (
	maxPayloadTypes = 16 // of one stream
	maxExtensions   = 16
	maxStragglers   = 64 // buckets by which a packet may be late
	coarser         = 10 // Buckets of what was received; it comes from many, and says little about the local side
	pause           = time.Second
)

// rtp reads the header of a packet and reports whether it is one.
func (p *Path) rtp(d *Decoder, g *netlog.Datagram) bool {
	h := &d.header
	h.ExtensionProfile = 0
	n, err := h.Unmarshal(g.Payload)
	switch {
	case err != nil && len(g.Payload) >= 12 && !h.Extension:
		p.Malformed.add(RTPHeader)
		return false
	case len(g.Payload) < 12+4*int(g.Payload[0]&15):
		p.Malformed.add(RTPHeader)
		return false
	case err != nil:
		// The fixed part is there, and that is what counts packets.
		p.Malformed.add(RTPExtension)
		h.Extensions = h.Extensions[:0]
	}
	n = min(n, g.Length)
	s, err := p.stream(d, g, h.SSRC)
	if err != nil {
		return true
	}
	s.count(d, p, g, n)
	return true
}

var errFull = errors.New("too many streams")

func (p *Path) stream(d *Decoder, g *netlog.Datagram, ssrc uint32) (*Stream, error) {
	k := ssrcKey{ssrc, g.Sent}
	if s := p.ssrcs[k]; s != nil {
		return s, nil
	}
	if d.streams >= d.limits.streams || len(p.Streams) >= d.limits.ssrcs {
		d.capture.Dropped.Streams++
		return nil, errFull
	}
	s := &Stream{SSRC: ssrc, Sent: g.Sent, First: g.Stamp, lowest: int64(d.header.SequenceNumber), highest: int64(d.header.SequenceNumber) - 1}
	if p.ssrcs == nil {
		p.ssrcs = map[ssrcKey]*Stream{}
	}
	p.ssrcs[k] = s
	p.Streams = append(p.Streams, s)
	d.streams++
	return s, nil
}

// count enters a packet whose header has n bytes.
func (s *Stream) count(d *Decoder, p *Path, g *netlog.Datagram, n int) {
	h := &d.header
	size := g.Length - n
	since := g.Time.Sub(s.Last.Time)
	if s.Packets > 0 && since >= pause {
		s.Pauses++
		s.PauseTime += since
		s.LongestPause = max(s.LongestPause, since)
	}
	if s.Packets == 0 || since > 0 {
		s.Last = g.Stamp
	}
	frame := s.Packets == 0 || h.Timestamp != s.timestamp
	s.timestamp = h.Timestamp
	s.Packets++
	s.Bytes += int64(size)
	if frame {
		s.Frames++
	}
	s.sequence(h.SequenceNumber)
	s.payloadType(h.PayloadType, h.Marker, size)
	b := s.bucket(d, g.Time)
	if b == nil {
		d.capture.Dropped.Buckets++
	} else {
		b.add(g.Time, size, frame, h.Marker, h.Padding)
	}
	if h.ExtensionProfile == 0xC0DE || h.ExtensionProfile == 0xC2DE {
		s.Cryptex++
		return
	}
	for _, id := range h.GetExtensionIDs() {
		x := h.GetExtension(id)
		s.extension(id, len(x))
		if len(x) == 1 && b != nil {
			b.level(id, x[0])
		}
	}
}

// sequence follows the sequence numbers, which wrap around (RFC 3550
// appendix A.1).
func (s *Stream) sequence(n uint16) {
	step := int64(int16(n - uint16(s.highest)))
	switch {
	case step > 0:
		s.highest += step
		if step < 64 {
			s.seen <<= step
		} else {
			s.seen = 0
		}
		s.seen |= 1
	case step > -64:
		bit := uint64(1) << -step
		if s.seen&bit != 0 {
			s.Repeated++
		} else {
			s.Reordered++
			s.seen |= bit
		}
		s.lowest = min(s.lowest, s.highest+step)
	default:
		s.Reordered++
	}
}

func (s *Stream) settle() {
	s.Lost = max(0, s.highest-s.lowest+1-(s.Packets-s.Repeated))
}

func (s *Stream) payloadType(n uint8, marked bool, size int) {
	for i := range s.PayloadTypes {
		if s.PayloadTypes[i].Number == n {
			s.PayloadTypes[i].add(marked, size)
			return
		}
	}
	if len(s.PayloadTypes) < maxPayloadTypes {
		t := PayloadType{Number: n, Min: size}
		t.add(marked, size)
		s.PayloadTypes = append(s.PayloadTypes, t)
	}
}

func (t *PayloadType) add(marked bool, size int) {
	t.Packets++
	t.Bytes += int64(size)
	t.Min, t.Max = min(t.Min, size), max(t.Max, size)
	if marked {
		t.Marked++
	}
}

func (s *Stream) extension(id uint8, n int) {
	for i := range s.Extensions {
		if x := &s.Extensions[i]; x.ID == id {
			x.Packets++
			x.Min, x.Max = min(x.Min, n), max(x.Max, n)
			return
		}
	}
	if len(s.Extensions) < maxExtensions {
		s.Extensions = append(s.Extensions, Extension{ID: id, Packets: 1, Min: n, Max: n})
	}
}

// bucket returns the Bucket of a time, nil if there is no room for one or the
// time is long before that of packets that came earlier.
func (s *Stream) bucket(d *Decoder, t time.Time) *Bucket {
	width := d.bucket
	if !s.Sent {
		width *= coarser
	}
	start := t.Truncate(width)
	at := len(s.Buckets)
	for at > 0 && s.Buckets[at-1].Start.After(start) {
		if at--; len(s.Buckets)-at > maxStragglers {
			return nil
		}
	}
	if at > 0 && s.Buckets[at-1].Start.Equal(start) {
		return &s.Buckets[at-1]
	}
	if d.buckets >= d.limits.buckets {
		return nil
	}
	d.buckets++
	s.Buckets = slices.Insert(s.Buckets, at, Bucket{Start: start})
	return &s.Buckets[at]
}

func (b *Bucket) add(t time.Time, size int, frame, marked, padded bool) {
	at := t.Sub(b.Start)
	if b.Packets == 0 {
		b.First, b.Last, b.Min = at, at, size
	}
	b.First, b.Last = min(b.First, at), max(b.Last, at)
	b.Packets++
	b.Bytes += int64(size)
	b.Min, b.Max = min(b.Min, size), max(b.Max, size)
	b.Sizes[SizeClass(size)]++
	if frame {
		b.Frames++
	}
	if marked {
		b.Marked++
	}
	if padded {
		b.Padded++
	}
}
