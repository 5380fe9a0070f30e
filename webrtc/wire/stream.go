package wire

import (
	"encoding/binary"
	"net/netip"

	"vksprobe/probe/netlog"
)

// A Chunk is a piece of one direction of a TCP connection.
type Chunk struct {
	netlog.Stamp
	Socket        int64 // of the NetLog, else 0
	Sent          bool
	Local, Remote netip.AddrPort
	Inside        bool   // it was inside of TLS, and is decrypted
	Gap           bool   // bytes before it are missing
	Payload       []byte // valid during the call only
}

// framing is how packets lie in a byte stream.
type framing int

const (
	unframed framing = iota // not yet known
	opaque                  // no packets of WebRTC, or encrypted
	byTURN                  // STUN messages and padded channel data, RFC 8656 section 12.5
	byLength                // 16 bits of length before each packet, RFC 4571, as ICE over TCP does
)

// flowKey tells byte streams apart.
type flowKey struct {
	socket        int64
	local, remote netip.AddrPort // where there is no socket
	inside        bool
}

// A byteStream is a TCP connection that may carry packets.
type byteStream struct {
	framing        framing
	sent, received []byte // that do not yet make up a packet
}

// maxBuffered bounds the bytes of all streams that wait for the rest of their
// packet.
const maxBuffered = 16 << 20

// Stream reads a piece of a TCP connection. The pieces of a direction have to
// come in order.
func (d *Decoder) Stream(c *Chunk) {
	if s := d.flow(c.key()); s != nil {
		d.chunk(s, c)
	}
}

func (c *Chunk) key() flowKey {
	k := flowKey{socket: c.Socket, inside: c.Inside}
	if c.Socket == 0 {
		k.local, k.remote = plain(c.Local), plain(c.Remote)
	}
	return k
}

// flow returns a byte stream, nil if there are too many or it is of no
// interest.
func (d *Decoder) flow(k flowKey) *byteStream {
	s := d.flows[k]
	if s == nil {
		if len(d.flows) >= d.limits.flows {
			for k, s := range d.flows {
				if s.framing == opaque {
					delete(d.flows, k)
				}
			}
		}
		if len(d.flows) >= d.limits.flows {
			d.capture.Dropped.Flows++
			return nil
		}
		s = &byteStream{}
		d.flows[k] = s
	}
	if s.framing == opaque {
		return nil
	}
	return s
}

func (d *Decoder) chunk(s *byteStream, c *Chunk) {
	buf := &s.received
	if c.Sent {
		buf = &s.sent
	}
	if c.Gap {
		d.buffered -= len(*buf)
		*buf = (*buf)[:0]
		d.capture.Malformed.add(StreamLost)
	}
	in := c.Payload
	if len(*buf) > 0 {
		if d.buffered+len(in) > maxBuffered {
			d.capture.Dropped.Messages++
			d.buffered -= len(*buf)
			*buf = nil
			return
		}
		*buf = append(*buf, in...)
		d.buffered += len(in)
		in = *buf
	}
	held := len(*buf)
	if s.framing == unframed {
		s.framing = framingOf(in)
		if s.framing == opaque {
			d.buffered -= len(s.sent) + len(s.received)
			s.sent, s.received = nil, nil
			d.capture.Opaque++
			return
		}
	}
	rest := d.frames(s, c, in)
	if d.buffered+len(rest)-held > maxBuffered {
		d.capture.Dropped.Messages++
		rest = nil
	}
	d.buffered += len(rest) - held
	*buf = append((*buf)[:0], rest...)
	if cap(*buf) > 4096 && len(*buf) == 0 {
		*buf = nil
	}
}

// framingOf tells by its first bytes what a stream carries: TURN begins with a
// STUN message, ICE over TCP with one behind a length.
func framingOf(b []byte) framing {
	cookie := func(at int) bool {
		return b[at] < 4 && len(b) >= at+8 && binary.BigEndian.Uint32(b[at+4:]) == 0x2112A442
	}
	switch {
	case len(b) == 0:
		return unframed
	case cookie(0):
		return byTURN
	case len(b) > 2 && cookie(2):
		return byLength
	case len(b) < 8 && b[0] < 4, len(b) < 10 && (len(b) < 3 || b[2] < 4):
		return unframed
	}
	return opaque
}

// frames hands on the packets in b and returns what remains.
func (d *Decoder) frames(s *byteStream, c *Chunk, b []byte) []byte {
	t := TCP
	if c.Inside {
		t = TLS
	}
	for s.framing != unframed {
		head, n, padded, ok := s.frame(b)
		if !ok {
			d.capture.Malformed.add(StreamStep)
			return nil
		}
		if padded == 0 || padded > len(b) {
			return b
		}
		g := netlog.Datagram{Stamp: c.Stamp, Socket: c.Socket, Sent: c.Sent, Local: c.Local, Remote: c.Remote, Length: n, Payload: b[head : head+n]}
		d.packet(t, &g)
		b = b[padded:]
	}
	return b
}

// frame measures the next packet: where it begins, its length, and where the
// next one begins; next is 0 if there is too little to tell. Ok is false if
// that is no packet at all.
func (s *byteStream) frame(b []byte) (head, n, next int, ok bool) {
	if s.framing == byLength {
		if len(b) < 3 {
			return 0, 0, 0, true
		}
		n = int(binary.BigEndian.Uint16(b))
		return 2, n, 2 + n, n > 0 && demux([]byte{b[2], 0}) != kindOther
	}
	if len(b) < 4 {
		return 0, 0, 0, true
	}
	n = int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[0] < 4:
		if len(b) < 8 {
			return 0, 0, 0, true
		}
		return 0, stunHeader + n, stunHeader + n, binary.BigEndian.Uint32(b[4:]) == 0x2112A442
	case b[0] >= 64 && b[0] < 80:
		return 0, 4 + n, 4 + (n+3)&^3, true
	}
	return 0, 0, 0, false
}
