package quic

import (
	"slices"

	"vksprobe/tls/hello"
)

// A Client makes the datagrams of a client, for a caller that sends them and
// tells it what comes back, as with a [Reader]. The caller repeats what was
// lost, at times of its own choice, with Again.
type Client struct {
	Reader
	next [levels]uint64 // packet numbers
	said [levels][]byte // messages
	told uint64         // length of what the server had said at the first level when we last spoke
}

// DatagramSize is that of datagrams with Initial packets, the least that is
// allowed (RFC 9000 section 14.1).
const DatagramSize = 1200

// NewClient begins a connection in a version. The connection ID has to be
// random and to have 8 to 20 bytes.
func NewClient(version uint32, id []byte) *Client {
	c := &Client{}
	c.start(version, id)
	return c
}

// Say returns the datagrams that carry messages of TLS: hellos, or what
// completes a handshake, not both at once. It returns none if there are no
// keys for them.
func (c *Client) Say(messages []byte, traffic *hello.Traffic) [][]byte {
	c.learn(traffic)
	at := handshakePacket
	if len(messages) > 0 && messages[0] == hello.TypeClientHello {
		at = initialPacket
	}
	offset := len(c.said[at])
	c.said[at] = append(c.said[at], messages...)
	c.told = c.level[initialPacket].received.next
	return c.carry(at, offset)
}

// Again returns datagrams for a server that is silent: what it may not have
// heard, and else something that makes it go on (RFC 9002 section 6.2.4). It
// is also to be called, once, when Retried becomes true.
func (c *Client) Again(traffic *hello.Traffic) [][]byte {
	c.learn(traffic)
	unheard := c.level[initialPacket].received.next == c.told
	switch {
	case len(c.said[handshakePacket]) > 0 && !c.Confirmed:
		return c.carry(handshakePacket, 0)
	case c.level[handshakePacket].ours != nil:
		return [][]byte{c.packet(handshakePacket, c.acknowledge(handshakePacket, []byte{framePing}), 0)}
	case unheard:
		return c.carry(initialPacket, 0)
	}
	return [][]byte{c.packet(initialPacket, c.acknowledge(initialPacket, []byte{framePing}), DatagramSize)}
}

// Acknowledge returns a datagram that acknowledges what came, nil if there is
// nothing that wants it. Without it a server stops after three times what we
// have sent (RFC 9000 section 8.1).
func (c *Client) Acknowledge(traffic *hello.Traffic) (datagram []byte) {
	c.learn(traffic)
	for at := applicationPacket; at >= initialPacket; at-- {
		l := &c.level[at]
		if !l.due || l.ours == nil {
			continue
		}
		l.due = false
		size := 0
		if at == initialPacket {
			size = DatagramSize - len(datagram)
		}
		// a packet with a short header has to be the last one
		datagram = append(c.packet(at, ackFrame(l.theyNumbers), size), datagram...)
	}
	return datagram
}

// Goodbye returns a datagram that ends the connection.
func (c *Client) Goodbye(traffic *hello.Traffic) (datagram []byte) {
	c.learn(traffic)
	if c.level[handshakePacket].ours == nil {
		return c.packet(initialPacket, c.acknowledge(initialPacket, closeFrame()), DatagramSize)
	}
	datagram = c.packet(handshakePacket, closeFrame(), 0)
	if len(c.said[handshakePacket]) > 0 && c.level[applicationPacket].ours != nil {
		datagram = append(datagram, c.packet(applicationPacket, closeFrame(), 0)...)
	}
	return datagram
}

// acknowledge puts an acknowledgement before other frames if there is
// something to be acknowledged.
func (c *Client) acknowledge(at kind, frames []byte) []byte {
	l := &c.level[at]
	if len(l.theyNumbers) == 0 {
		return frames
	}
	l.due = false
	return append(ackFrame(l.theyNumbers), frames...)
}

// carry returns datagrams with what was said at a level from an offset on.
func (c *Client) carry(at kind, offset int) (all [][]byte) {
	if c.level[at].ours == nil {
		return nil
	}
	for offset < len(c.said[at]) {
		frames := c.acknowledge(at, nil)
		const most = 1 + 4 + 2 // of the header of a CRYPTO frame
		room := DatagramSize - len(c.header(at, 0)) - tagSize - len(frames) - most
		n := min(len(c.said[at])-offset, room)
		frames = append(frames, cryptoFrame(offset, c.said[at][offset:offset+n])...)
		size := 0
		if at == initialPacket {
			size = DatagramSize
		}
		all = append(all, c.packet(at, frames, size))
		offset += n
	}
	return all
}

// header makes the header of a packet with a payload of some bytes. Its
// length does not depend on that.
func (c *Client) header(at kind, payload int) []byte {
	number := c.next[at]
	b := []byte{0x40 | numberSize - 1}
	if at == applicationPacket {
		b = append(b, c.destination...)
	} else {
		b = []byte{0xC0 | longBits(c.Version, at) | numberSize - 1, byte(c.Version >> 24), byte(c.Version >> 16), byte(c.Version >> 8), byte(c.Version), byte(len(c.destination))}
		b = append(append(b, c.destination...), 0)
		if at == initialPacket {
			b = append(appendVarint(b, uint64(len(c.token))), c.token...)
		}
		length := numberSize + payload + tagSize
		b = append(b, 0x40|byte(length>>8), byte(length))
	}
	return append(b, byte(number>>24), byte(number>>16), byte(number>>8), byte(number))
}

// packet seals frames, and pads them so that the packet has a size.
func (c *Client) packet(at kind, frames []byte, size int) []byte {
	frames = slices.Clone(frames)
	if missing := size - len(c.header(at, 0)) - tagSize - len(frames); missing > 0 {
		frames = append(frames, make([]byte, missing)...)
	}
	packet := c.level[at].ours.seal(c.header(at, len(frames)), c.next[at], frames)
	c.next[at]++
	return packet
}
