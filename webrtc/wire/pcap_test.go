package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe/netlog"
)

// frame wraps a datagram in IP and UDP, and segment bytes in IP and TCP.
func frame(src, dst netip.AddrPort, protocol byte, head, payload []byte) []byte {
	var b []byte
	n := len(head) + len(payload)
	if src.Addr().Is4() {
		b = append(b, 0x45, 0, byte((20+n)>>8), byte(20+n), 0, 0, 0x40, 0, 64, protocol, 0, 0)
	} else {
		b = append(b, 0x60, 0, 0, 0, byte((n+8)>>8), byte(n+8), 0, 64)
	}
	b = append(b, src.Addr().AsSlice()...)
	b = append(b, dst.Addr().AsSlice()...)
	if src.Addr().Is6() {
		b = append(b, protocol, 0, 1, 4, 0, 0, 0, 0) // an extension header of no meaning
	}
	return slices.Concat(b, head, payload)
}

func ports(src, dst netip.AddrPort) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, src.Port()), dst.Port())
}

func udpFrame(g netlog.Datagram) []byte {
	src, dst := g.Local, g.Remote
	if !g.Sent {
		src, dst = dst, src
	}
	n := len(g.Payload) + 8
	return frame(src, dst, protocolUDP, append(ports(src, dst), byte(n>>8), byte(n), 0, 0), g.Payload)
}

func tcpFrame(src, dst netip.AddrPort, seq uint32, flags byte, payload []byte) []byte {
	head := binary.BigEndian.AppendUint32(ports(src, dst), seq)
	return frame(src, dst, protocolTCP, append(head, 0, 0, 0, 0, 0x60, flags, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1), payload)
}

// A file is a capture in the making.
type file struct {
	bytes.Buffer
	order binary.AppendByteOrder
	link  []byte // header of the link layer
}

func (f *file) put32(values ...uint32) {
	for _, v := range values {
		f.Write(f.order.AppendUint32(nil, v))
	}
}

func classic(order binary.AppendByteOrder, magic, layer uint32, link []byte) *file {
	f := &file{order: order, link: link}
	f.put32(magic, 0x00040002, 0, 0, 65535, layer)
	return f
}

func (f *file) packet(at time.Time, nano bool, b []byte, snap int) {
	b = append(slices.Clone(f.link), b...)
	unit := int64(time.Microsecond)
	if nano {
		unit = 1
	}
	f.put32(uint32(at.Unix()), uint32(int64(at.Nanosecond())/unit), uint32(min(snap, len(b))), uint32(len(b)))
	f.Write(b[:min(snap, len(b))])
}

// block writes a block of pcapng.
func (f *file) block(kind uint32, body []byte) {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := uint32(12 + len(body))
	f.put32(kind, n)
	f.Write(body)
	f.put32(n)
}

func nextGeneration(order binary.AppendByteOrder, layer uint16, resolution byte) *file {
	f := &file{order: order}
	section := order.AppendUint32(nil, 0x1A2B3C4D)
	f.block(blockSection, append(section, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255))
	f.block(5, make([]byte, 12)) // statistics, which are skipped
	desc := order.AppendUint32(append(order.AppendUint16(nil, layer), 0, 0), 65535)
	desc = append(order.AppendUint16(order.AppendUint16(desc, 9), 1), resolution, 0, 0, 0)
	f.block(blockInterface, desc)
	return f
}

func (f *file) enhanced(ticks uint64, b []byte) {
	body := f.order.AppendUint32(nil, 0)
	body = f.order.AppendUint32(body, uint32(ticks>>32))
	body = f.order.AppendUint32(body, uint32(ticks))
	body = f.order.AppendUint32(body, uint32(len(b)))
	body = f.order.AppendUint32(body, uint32(len(b)))
	f.block(blockPacket, append(body, b...))
}

// named gives each socket of the recording, which does not name them, an
// address of its own.
func named(all []netlog.Datagram) []netlog.Datagram {
	all = slices.Clone(all)
	for i, g := range all {
		host := "192.0.2.99"
		if g.Remote.Addr().Is6() {
			host = "2001:db8::99"
		}
		all[i].Local = netip.AddrPortFrom(netip.MustParseAddr(host), uint16(1000+g.Socket))
		all[i].Socket = 0
	}
	return all
}

func isLocal(a netip.AddrPort) bool {
	return a.Addr().String() == "192.0.2.99" || a.Addr().String() == "2001:db8::99"
}

// sums is what a Capture comes to, without positions.
func sums(c *Capture) (out []string) {
	for _, p := range c.Paths {
		text := fmt.Sprint(p.Transport, p.Local, p.Remote, p.Relay, p.Total, p.STUNTraffic, p.DTLSTraffic, p.RTPTraffic, p.RTCPTraffic, p.RelayedTraffic, p.Other, p.First.Time, p.Last.Time)
		for _, h := range p.Handshakes {
			text += fmt.Sprintf(" %x %x %x %d", h.Version(), h.CipherSuite(), h.SRTPProfile(), len(h.ServerCertificates))
		}
		for _, s := range p.Streams {
			text += fmt.Sprint(s.SSRC, s.Sent, s.Packets, s.Bytes, s.Lost)
		}
		out = append(out, text)
	}
	return out
}

// A capture in any of the formats says what the NetLog says.
func TestPcap(t *testing.T) {
	all := named(recorded(t))
	want := sums(decode(all))
	ethernet := append(make([]byte, 12), 8, 0)
	files := map[string]*file{
		"raw":       classic(binary.LittleEndian, 0xA1B2C3D4, linkRaw, nil),
		"nano":      classic(binary.BigEndian, 0xA1B23C4D, linkRaw, nil),
		"ethernet":  classic(binary.BigEndian, 0xA1B2C3D4, linkEthernet, ethernet),
		"vlan":      classic(binary.LittleEndian, 0xA1B2C3D4, linkEthernet, append(make([]byte, 12), 0x81, 0, 0, 5, 8, 0)),
		"sll":       classic(binary.LittleEndian, 0xA1B2C3D4, linkSLL, append(make([]byte, 14), 8, 0)),
		"sll2":      classic(binary.LittleEndian, 0xA1B2C3D4, linkSLL2, append([]byte{8, 0}, make([]byte, 18)...)),
		"null":      classic(binary.LittleEndian, 0xA1B2C3D4, linkNull, []byte{2, 0, 0, 0}),
		"ng":        nextGeneration(binary.LittleEndian, linkRaw, 6),
		"ng, big":   nextGeneration(binary.BigEndian, linkIPv4, 9),
		"ng, of 2s": nextGeneration(binary.BigEndian, linkIPv4, 0x80|20),
	}
	for name, f := range files {
		t.Run(name, func(t *testing.T) {
			for _, g := range all {
				b := udpFrame(g)
				switch name {
				case "ng":
					f.enhanced(uint64(g.Time.UnixMicro()), b)
				case "ng, big":
					f.enhanced(uint64(g.Time.UnixNano()), b)
				case "ng, of 2s":
					// 2^-20 s is finer than a millisecond, so the nearest tick is rounded back.
					f.enhanced(uint64(g.Time.Unix())<<20|uint64(g.Time.Nanosecond())<<20/1e9+1, b)
				default:
					f.packet(g.Time, name == "nano", b, 1<<16)
				}
			}
			d := New(100 * time.Millisecond)
			cut, err := d.Pcap(t.Context(), &f.Buffer, isLocal)
			if cut || err != nil {
				t.Fatal(cut, err)
			}
			check(t, d)
			c := d.Capture()
			for _, p := range c.Paths {
				if name == "ng, of 2s" {
					p.First.Time, p.Last.Time = p.First.Time.Truncate(time.Millisecond), p.Last.Time.Truncate(time.Millisecond)
				}
			}
			if diff := cmp.Diff(want, sums(c)); diff != "" {
				t.Errorf("(-netlog +pcap):\n%s", diff)
			}
		})
	}
}

// A capture that was cut off, or kept only the first bytes of each packet, is
// read as far as it goes.
func TestPcapCut(t *testing.T) {
	all := named(recorded(t))[:400]
	write := func(snap int) []byte {
		f := classic(binary.LittleEndian, 0xA1B2C3D4, linkRaw, nil)
		for _, g := range all {
			f.packet(g.Time, false, udpFrame(g), snap)
		}
		return f.Bytes()
	}
	whole := write(1 << 16)
	for n := 0; n <= len(whole); n += 997 {
		d := New(time.Second)
		cut, err := d.Pcap(t.Context(), bytes.NewReader(whole[:n]), isLocal)
		if n < 4 {
			if err == nil {
				t.Errorf("%d bytes are a capture", n)
			}
			continue
		}
		if err != nil || !cut && n > 24 && n < len(whole) && d.capture.Packets.Packets() == 400 {
			t.Errorf("cut at %d: %v %v", n, cut, err)
		}
		check(t, d)
	}
	d := New(time.Second)
	if _, err := d.Pcap(t.Context(), bytes.NewReader(write(40+8+8)), isLocal); err != nil {
		t.Fatal(err)
	}
	got, want := d.Capture().Packets, decode(all).Packets
	if got != want {
		t.Errorf("headers only: %+v, want %+v", got, want)
	}
	if _, err := New(1).Pcap(t.Context(), bytes.NewReader([]byte("PK\x03\x04 no capture")), nil); !errors.Is(err, errNotPcap) {
		t.Errorf("an archive: %v", err)
	}
	if _, err := New(1).Pcap(t.Context(), io.MultiReader(bytes.NewReader(whole[:1000]), failing{}), nil); err == nil || errors.Is(err, errNotPcap) {
		t.Errorf("a reader that fails: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

// Segments in any order, twice, with a hole, give the stream as far as it is
// there.
func TestPcapTCP(t *testing.T) {
	var stream []byte
	var ends []int
	for _, g := range recorded(t) {
		if g.Remote.Addr().String() == "127.0.0.1" && g.Sent && len(ends) < 100 {
			stream = append(stream, byte(len(g.Payload)>>8), byte(len(g.Payload)))
			stream = append(stream, g.Payload...)
			ends = append(ends, len(stream))
		}
	}
	const start = 0xFFFFF000 // wraps around
	piece := func(from, to int) []byte {
		return tcpFrame(here, there, start+1+uint32(from), 0x18, stream[from:min(to, len(stream))])
	}
	var pieces [][]byte
	for at := 0; at < len(stream); at += 700 {
		pieces = append(pieces, piece(at, at+700))
	}
	syn := tcpFrame(here, there, start, 2, nil)
	fin := tcpFrame(here, there, start+1+uint32(len(stream)), 1, nil)
	swapped := slices.Clone(pieces)
	for i := 1; i+3 < len(swapped); i += 4 {
		swapped[i], swapped[i+2] = swapped[i+2], swapped[i]
	}
	for name, c := range map[string]struct {
		frames [][]byte
		least  int64
		lost   int64
	}{
		"in order": {slices.Concat([][]byte{syn}, pieces, [][]byte{fin}), 100, 0},
		"swapped":  {slices.Concat([][]byte{syn}, swapped, [][]byte{fin}), 100, 0},
		"twice":    {slices.Concat([][]byte{syn}, pieces, pieces, [][]byte{piece(100, 1500), fin}), 100, 0},
		"no syn":   {pieces, 100, 0},
		"a hole":   {slices.Concat([][]byte{syn}, pieces[:4], pieces[5:], [][]byte{fin}), 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := classic(binary.LittleEndian, 0xA1B2C3D4, linkRaw, nil)
			for i, b := range c.frames {
				f.packet(begin.Add(time.Duration(i)*time.Millisecond), false, b, 1<<16)
			}
			d := New(time.Second)
			if _, err := d.Pcap(t.Context(), &f.Buffer, nil); err != nil {
				t.Fatal(err)
			}
			check(t, d)
			got := d.Capture()
			if n := got.Packets.Sent.Packets; n < c.least || c.lost == 0 && n != c.least || got.Malformed[StreamLost] != c.lost || len(got.Paths) != 1 || got.Paths[0].Transport != TCP {
				t.Errorf("%d packets, %v", n, got.Malformed)
			}
		})
	}
}
