package wire

import (
	"encoding/binary"
	"slices"

	"github.com/pion/rtcp"

	"vksprobe/probe/netlog"
)

// RTCP is what is visible of RTCP and SRTCP. Of an encrypted packet that is
// its first type and the SSRC of its sender.
type RTCP struct {
	Types   map[uint8]Traffic // packets by their first type: 200 sender report, 205 feedback, …
	Senders []uint32          // SSRCs

	// Clear counts packets that are whole compound packets without a trailer
	// of SRTCP: they were not encrypted or at least not authenticated.
	Clear Traffic
	// CNAMEs of packets in the clear. They name a person's device.
	CNAMEs []string
}

const maxSenders = 256

// rtcp reads the header of a packet and reports whether it is one.
func (p *Path) rtcp(g *netlog.Datagram) bool {
	b := g.Payload
	if len(b) < 8 {
		p.Malformed.add(RTCPHeader)
		return false
	}
	if p.RTCP == nil {
		p.RTCP = &RTCP{Types: map[uint8]Traffic{}}
	}
	r := p.RTCP
	t := r.Types[b[1]] // at most 32
	t.add(g.Sent, g.Length)
	r.Types[b[1]] = t
	r.sender(binary.BigEndian.Uint32(b[4:]))
	if g.Length == len(b) && compound(b) {
		r.clear(g)
	}
	return true
}

func (r *RTCP) sender(ssrc uint32) {
	for _, s := range r.Senders {
		if s == ssrc {
			return
		}
	}
	if len(r.Senders) < maxSenders {
		r.Senders = append(r.Senders, ssrc)
	}
}

// compound reports whether the lengths in a packet lead exactly to its end.
// SRTCP has at least 14 bytes more, and behind the first header its lengths
// are noise.
func compound(b []byte) bool {
	for len(b) >= 4 {
		n := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if b[0]>>6 != 2 || b[1] < 192 || b[1] > 223 || n > len(b) {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}

func (r *RTCP) clear(g *netlog.Datagram) {
	all, err := rtcp.Unmarshal(g.Payload)
	if err != nil {
		return
	}
	r.Clear.add(g.Sent, g.Length)
	for _, one := range all {
		sdes, ok := one.(*rtcp.SourceDescription)
		if !ok {
			continue
		}
		for _, chunk := range sdes.Chunks {
			for _, item := range chunk.Items {
				name := printable([]byte(item.Text))
				if item.Type == rtcp.SDESCNAME && name != "" && len(r.CNAMEs) < maxNames && !slices.Contains(r.CNAMEs, name) {
					r.CNAMEs = append(r.CNAMEs, name)
				}
			}
		}
	}
}
