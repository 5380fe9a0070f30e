package wire

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"vksprobe/probe/netlog"
)

// Link layers of captures, as tcpdump.org numbers them.
const (
	linkNull     = 0
	linkEthernet = 1
	linkRaw      = 101
	linkLoop     = 108
	linkSLL      = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkSLL2     = 276
)

// Bounds on what a capture file may claim.
const (
	maxBlock      = 1 << 20 // bytes of a packet or block; longer ones are skipped
	maxInterfaces = 256
)

var errNotPcap = errors.New("not a pcap or pcapng file")

// Pcap reads a capture as tcpdump, dumpcap and pasta write it, pcap or pcapng.
// Local tells the addresses of the browser; where it is true of both ends, or
// of none, the one that is heard first is taken to be local. A Stamp counts
// packets as events.
//
// A file that ends in the middle of a packet is read up to there; cut says so.
// An error means that it is no capture, that ctx ended or that r failed.
func (d *Decoder) Pcap(ctx context.Context, r io.Reader, local func(netip.AddrPort) bool) (cut bool, err error) {
	c := &capture{ctx: ctx, d: d, in: bufio.NewReaderSize(r, 64<<10), local: local, first: map[ends]bool{}, segments: map[segmentKey]*segments{}}
	magic, err := c.in.Peek(4)
	if err != nil {
		return false, errNotPcap
	}
	switch binary.LittleEndian.Uint32(magic) {
	case 0x0A0D0D0A:
		err = c.pcapng()
	case 0xA1B2C3D4, 0xA1B23C4D:
		err = c.pcap(binary.LittleEndian)
	default:
		switch binary.BigEndian.Uint32(magic) {
		case 0xA1B2C3D4, 0xA1B23C4D:
			err = c.pcap(binary.BigEndian)
		default:
			return false, errNotPcap
		}
	}
	c.flush()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.Is(err, io.ErrUnexpectedEOF), nil
	}
	if err != nil {
		return false, fmt.Errorf("capture: %w", err)
	}
	return false, nil
}

// A capture is the state of one Pcap.
type capture struct {
	ctx      context.Context
	d        *Decoder
	in       *bufio.Reader
	local    func(netip.AddrPort) bool
	first    map[ends]bool // who was heard first where addresses do not tell
	segments map[segmentKey]*segments
	held     int // bytes of segments that wait for others
	order    binary.ByteOrder
	links    []link // interfaces of pcapng
	at       int64  // bytes read
	number   int64  // of the packet
	block    []byte
}

// A link is an interface of a capture.
type link struct {
	layer int
	unit  time.Duration // of its timestamps; 0 if it is finer than a nanosecond
	fine  int64         // units in a second, where unit is 0 or no whole number
	base  time.Duration // to be added, if_tsoffset
}

// take reads n bytes, which stay valid until the next call. More than the
// bound is skipped and nil.
func (c *capture) take(n int64) ([]byte, error) {
	c.at += n
	if n > maxBlock {
		_, err := io.CopyN(io.Discard, c.in, n)
		return nil, unexpected(err)
	}
	if int64(cap(c.block)) < n {
		c.block = make([]byte, n)
	}
	c.block = c.block[:n]
	_, err := io.ReadFull(c.in, c.block)
	return c.block, err
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// pcap reads the classic format, draft-ietf-opsawg-pcap.
func (c *capture) pcap(order binary.ByteOrder) error {
	head, err := c.take(24)
	if err != nil {
		return err
	}
	l := link{layer: int(order.Uint32(head[20:]) & 0xFFFF), unit: time.Microsecond}
	if order.Uint32(head) == 0xA1B23C4D {
		l.unit = time.Nanosecond
	}
	for {
		at := c.at
		head, err := c.take(16)
		if err != nil {
			return err
		}
		when := time.Unix(int64(order.Uint32(head)), int64(order.Uint32(head[4:]))*int64(l.unit))
		n, length := int64(order.Uint32(head[8:])), int64(order.Uint32(head[12:]))
		body, err := c.take(n)
		if err != nil {
			return unexpected(err)
		}
		if err := c.packet(l.layer, when, at, body, length); err != nil {
			return err
		}
	}
}

// Blocks of pcapng, draft-ietf-opsawg-pcapng.
const (
	blockSection   = 0x0A0D0D0A
	blockInterface = 1
	blockSimple    = 3
	blockPacket    = 6
)

func (c *capture) pcapng() error {
	for {
		at := c.at
		head, err := c.in.Peek(12)
		if len(head) < 12 {
			if len(head) > 0 {
				return unexpected(err)
			}
			return err
		}
		if binary.LittleEndian.Uint32(head) == blockSection {
			c.order, c.links = binary.LittleEndian, nil
			if binary.BigEndian.Uint32(head[8:]) == 0x1A2B3C4D {
				c.order = binary.BigEndian
			}
		}
		if c.order == nil {
			return errNotPcap
		}
		kind, n := c.order.Uint32(head), int64(c.order.Uint32(head[4:]))
		if n < 12 || n%4 != 0 {
			c.d.capture.Malformed.add(PcapBlock)
			return nil // where the next block begins is not known
		}
		block, err := c.take(n)
		if err != nil {
			return unexpected(err)
		}
		if block == nil {
			c.d.capture.Malformed.add(PcapBlock)
			continue
		}
		if err := c.readBlock(kind, block[8:n-4], at); err != nil {
			return err
		}
	}
}

func (c *capture) readBlock(kind uint32, b []byte, at int64) error {
	switch {
	case kind == blockInterface && len(b) >= 8:
		if len(c.links) < maxInterfaces {
			c.links = append(c.links, c.describe(b))
		}
	case kind == blockPacket && len(b) >= 20:
		id := c.order.Uint32(b)
		if int64(id) >= int64(len(c.links)) {
			c.d.capture.Malformed.add(PcapBlock)
			return nil
		}
		l := c.links[id]
		n, length := int64(c.order.Uint32(b[12:])), int64(c.order.Uint32(b[16:]))
		ticks := uint64(c.order.Uint32(b[4:]))<<32 | uint64(c.order.Uint32(b[8:]))
		return c.packet(l.layer, l.time(ticks), at, b[20:20+min(n, int64(len(b)-20))], length)
	case kind == blockSimple && len(b) >= 4 && len(c.links) > 0: // without a time
		length := int64(c.order.Uint32(b))
		return c.packet(c.links[0].layer, c.d.capture.Last, at, b[4:4+min(length, int64(len(b)-4))], length)
	case kind == blockInterface, kind == blockPacket, kind == blockSimple:
		c.d.capture.Malformed.add(PcapBlock)
	}
	return nil
}

// describe reads an interface description.
func (c *capture) describe(b []byte) link {
	l := link{layer: int(c.order.Uint16(b)), unit: time.Microsecond}
	for b = b[8:]; len(b) >= 4; {
		code, n := c.order.Uint16(b), int(c.order.Uint16(b[2:]))
		if b = b[4:]; n > len(b) {
			break
		}
		switch value := b[:n]; {
		case code == 9 && n >= 1: // if_tsresol
			l.resolution(value[0])
		case code == 14 && n >= 8: // if_tsoffset
			l.base = time.Duration(int64(c.order.Uint64(value))) * time.Second
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return l
}

// resolution sets the unit of timestamps: 10^-n seconds or, with the highest
// bit, 2^-n.
func (l *link) resolution(v byte) {
	base, n := int64(10), int(v&0x7F)
	if v&0x80 != 0 {
		base = 2
	}
	l.fine = 1
	for range n {
		if l.fine > 1<<60/base {
			return // nobody measures that
		}
		l.fine *= base
	}
	l.unit = 0
}

func (l *link) time(ticks uint64) time.Time {
	if l.unit > 0 {
		return time.UnixMicro(int64(ticks)).Add(l.base)
	}
	perSecond := uint64(l.fine)
	rest := float64(ticks%perSecond) / float64(perSecond) * float64(time.Second)
	return time.Unix(int64(ticks/perSecond), int64(rest)).Add(l.base)
}

// packet takes a frame of which length bytes were on the wire.
func (c *capture) packet(layer int, when time.Time, at int64, b []byte, length int64) error {
	if c.number++; c.number%1024 == 0 && c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	when = when.UTC()
	if y := when.Year(); y < 1970 || y > 9999 {
		when = c.d.capture.Last
	}
	s := netlog.Stamp{Time: when, Event: c.number, Byte: at}
	lost := max(0, int(min(length, 1<<20))-len(b)) // bytes that were not captured
	ip, ok := network(layer, b)
	switch {
	case !ok:
		c.d.capture.Malformed.add(FrameLink)
	case len(ip) > 0:
		c.internet(s, ip, lost)
	}
	return nil
}

// network returns the IP packet in a frame, nil if it is something else. Ok is
// false of a link layer that is not known.
func network(layer int, b []byte) (ip []byte, ok bool) {
	var typ uint16
	switch layer {
	case linkRaw, linkIPv4, linkIPv6:
		return b, true
	case linkNull, linkLoop: // an address family, whose number depends on the system
		if len(b) < 4 {
			return nil, true
		}
		return b[4:], true
	case linkEthernet:
		if len(b) < 14 {
			return nil, true
		}
		typ, b = binary.BigEndian.Uint16(b[12:]), b[14:]
		for (typ == 0x8100 || typ == 0x88A8) && len(b) >= 4 { // VLAN
			typ, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		}
	case linkSLL:
		if len(b) < 16 {
			return nil, true
		}
		typ, b = binary.BigEndian.Uint16(b[14:]), b[16:]
	case linkSLL2:
		if len(b) < 20 {
			return nil, true
		}
		typ, b = binary.BigEndian.Uint16(b), b[20:]
	default:
		return nil, false
	}
	if typ != 0x0800 && typ != 0x86DD {
		return nil, true
	}
	return b, true
}

// Protocols above IP.
const (
	protocolTCP = 6
	protocolUDP = 17
)

// internet reads an IP packet of which the last bytes may be missing.
func (c *capture) internet(s netlog.Stamp, b []byte, lost int) {
	var src, dst netip.Addr
	var protocol byte
	total, head := len(b)+lost, 0
	fragmented := false
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		head = 4 * int(b[0]&15)
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n == 0 { // left to the network card
			n = total
		}
		total = min(total, n)
		protocol = b[9]
		src, dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		fragmented = binary.BigEndian.Uint16(b[6:])&0x3FFF != 0
	case len(b) >= 40 && b[0]>>4 == 6:
		head = 40
		if n := int(binary.BigEndian.Uint16(b[4:])); n > 0 {
			total = min(total, 40+n)
		}
		protocol = b[6]
		src, dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		protocol, head, fragmented = headers6(b, protocol)
	}
	if head < 20 || head > len(b) || head > total {
		c.d.capture.Malformed.add(FrameIP)
		return
	}
	body := b[head:min(total, len(b))]
	switch {
	case protocol != protocolUDP && protocol != protocolTCP:
	case fragmented:
		c.d.capture.Malformed.add(FrameFragmented)
	case protocol == protocolUDP:
		c.udp(s, src, dst, body, total-head)
	default:
		c.tcp(s, src, dst, body, total-head)
	}
}

// headers6 skips the extension headers of IPv6.
func headers6(b []byte, next byte) (protocol byte, head int, fragmented bool) {
	head = 40
	for range 8 {
		switch next {
		case 0, 43, 60: // hop by hop, routing, destination
			if head+8 > len(b) {
				return next, len(b) + 1, false
			}
			next, head = b[head], head+8+8*int(b[head+1])
		case 44:
			return protocolUDP, head, true
		default:
			return next, head, false
		}
	}
	return next, head, false
}

// sent tells the direction of a packet.
func (c *capture) sent(src, dst netip.AddrPort) bool {
	from, to := c.local != nil && c.local(src), c.local != nil && c.local(dst)
	if from != to {
		return from
	}
	if heard, ok := c.first[ends{dst, src}]; ok {
		return !heard
	}
	if len(c.first) < c.d.limits.flows {
		c.first[ends{src, dst}] = true
	}
	return true
}

func (c *capture) udp(s netlog.Stamp, src, dst netip.Addr, b []byte, total int) {
	if len(b) < 8 {
		c.d.capture.Malformed.add(FrameUDP)
		return
	}
	from := netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	to := netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	if n := int(binary.BigEndian.Uint16(b[4:])); n >= 8 {
		total = min(total, n)
	}
	g := &netlog.Datagram{Stamp: s, Sent: c.sent(from, to), Local: from, Remote: to, Length: total - 8, Payload: b[8:max(8, min(total, len(b)))]}
	if !g.Sent {
		g.Local, g.Remote = to, from
	}
	c.d.Datagram(g)
}
