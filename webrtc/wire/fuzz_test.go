package wire

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"vksprobe/probe/netlog"
)

// script writes packets as the fuzz targets read them: a byte of flags, two of
// length, and the payload.
func script(all []netlog.Datagram) (out []byte) {
	for _, g := range all {
		var flags byte
		if g.Sent {
			flags = 1
		}
		out = append(out, flags, byte(len(g.Payload)>>8), byte(len(g.Payload)))
		out = append(out, g.Payload...)
	}
	return out
}

// play reads a script. Flags: 1 sent, 2 another address, 4 cut off, 8 long
// after the one before, 16 before it.
func play(b []byte, each func(flags byte, at time.Time, payload []byte)) {
	at := begin
	for len(b) >= 3 {
		flags, n := b[0], min(int(binary.BigEndian.Uint16(b[1:])), len(b)-3)
		at = at.Add(time.Millisecond)
		if flags&8 != 0 {
			at = at.Add(2 * time.Second)
		}
		if flags&16 != 0 {
			at = at.Add(-5 * time.Second)
		}
		each(flags, at, b[3:3+n])
		b = b[3+n:]
	}
}

// seeds are the beginnings of conversations of each kind.
func seeds(f *testing.F) (out [][]netlog.Datagram) {
	bySocket := map[int64]int{}
	for _, g := range recorded(f) {
		n, known := bySocket[g.Socket]
		if !known {
			n = len(out)
			bySocket[g.Socket] = n
			out = append(out, nil)
		}
		if len(out[n]) < 24 {
			out[n] = append(out[n], g)
		}
	}
	return out
}

func FuzzDatagrams(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(script(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := New(100 * time.Millisecond)
		d.limits = limits{paths: 6, streams: 12, buckets: 24, flows: 4, held: 8192, ssrcs: 6, channels: 6}
		play(b, func(flags byte, at time.Time, payload []byte) {
			g := netlog.Datagram{Stamp: netlog.Stamp{Time: at}, Sent: flags&1 != 0, Local: here, Remote: there, Length: len(payload), Payload: payload}
			if flags&2 != 0 {
				g.Remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, flags}), 99)
			}
			if flags&4 != 0 {
				g.Payload = payload[:len(payload)/2]
			}
			d.Datagram(&g)
		})
		check(t, d)
	})
}

func FuzzStream(f *testing.F) {
	for _, s := range seeds(f) {
		framed := []netlog.Datagram{}
		for _, g := range s {
			g.Payload = append([]byte{byte(len(g.Payload) >> 8), byte(len(g.Payload))}, g.Payload...)
			framed = append(framed, g)
		}
		f.Add(script(s))
		f.Add(script(framed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := New(100 * time.Millisecond)
		d.limits = limits{paths: 6, streams: 12, buckets: 24, flows: 4, held: 8192, ssrcs: 6, channels: 6}
		play(b, func(flags byte, at time.Time, payload []byte) {
			d.Stream(&Chunk{Stamp: netlog.Stamp{Time: at}, Socket: int64(flags & 2), Sent: flags&1 != 0, Local: here, Remote: there, Gap: flags&16 != 0, Inside: flags&32 != 0, Payload: payload})
		})
		check(t, d)
	})
}

func FuzzPcap(f *testing.F) {
	all := named(recorded(f))
	for _, file := range []*file{classic(binary.LittleEndian, 0xA1B2C3D4, linkRaw, nil), classic(binary.BigEndian, 0xA1B23C4D, linkEthernet, append(make([]byte, 12), 8, 0))} {
		for _, g := range all[:6] {
			file.packet(g.Time, false, udpFrame(g), 1<<16)
		}
		f.Add(file.Bytes())
	}
	tcp := classic(binary.LittleEndian, 0xA1B2C3D4, linkIPv4, nil)
	for i, b := range [][]byte{tcpFrame(here, there, 9, 2, nil), tcpFrame(here, there, 20, 24, []byte("later")), tcpFrame(here, there, 10, 24, []byte("0123456789")), tcpFrame(here, there, 25, 1, nil)} {
		tcp.packet(begin.Add(time.Duration(i)), false, b, 1<<16)
	}
	f.Add(tcp.Bytes())
	ng := nextGeneration(binary.LittleEndian, linkRaw, 6)
	for _, g := range all[:6] {
		ng.enhanced(uint64(g.Time.UnixMicro()), udpFrame(g))
	}
	f.Add(ng.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		d := New(100 * time.Millisecond)
		d.limits = limits{paths: 6, streams: 12, buckets: 24, flows: 4, held: 8192, ssrcs: 6, channels: 6}
		if _, err := d.Pcap(t.Context(), bytes.NewReader(b), isLocal); err != nil && len(b) >= 24 && bytes.Equal(b[:4], []byte{0xD4, 0xC3, 0xB2, 0xA1}) {
			t.Error(err)
		}
		check(t, d)
	})
}
