package wire

import (
	"github.com/pion/dtls/v3/pkg/protocol"
	"golang.org/x/crypto/cryptobyte"

	"vksprobe/probe/netlog"
)

// Records counts the DTLS records of a Path.
type Records struct {
	Plain     map[uint8]Traffic // by content type: 22 handshake, 21 alert, …
	Encrypted map[uint8]Traffic // DTLS up to 1.2, by content type: 23 is the data of SCTP
	Unified   Traffic           // DTLS 1.3 (RFC 9147 section 4), whose type is encrypted too
	Versions  map[uint16]int64  // by the version field of their headers
}

// Content types of records; the last two are those of DTLS only (RFC 9146, RFC
// 9147).
const (
	contentChangeCipherSpec = byte(protocol.ContentTypeChangeCipherSpec)
	contentAlert            = byte(protocol.ContentTypeAlert)
	contentHandshake        = byte(protocol.ContentTypeHandshake)

	contentCID byte = 25
	contentACK byte = 26
)

// dtls reads the records of a packet and reports whether it had any.
func (p *Path) dtls(d *Decoder, g *netlog.Datagram) bool {
	in := cryptobyte.String(g.Payload)
	cut := g.Length > len(g.Payload)
	found := false
	for !in.Empty() {
		var ok bool
		if in[0]>>5 == 1 {
			ok = (found || p.WebRTC()) && p.unified(&in, g, cut)
		} else {
			ok = p.record(d, &in, g, cut)
		}
		if !ok {
			p.Malformed.add(DTLSHeader)
			return found
		}
		found = true
	}
	return found
}

func (p *Path) records() *Records {
	if p.Records == nil {
		p.Records = &Records{Plain: map[uint8]Traffic{}, Encrypted: map[uint8]Traffic{}, Versions: map[uint16]int64{}}
	}
	return p.Records
}

// record takes one record with the header of DTLS 1.2 from a packet.
func (p *Path) record(d *Decoder, in *cryptobyte.String, g *netlog.Datagram, cut bool) bool {
	var content uint8
	var version, epoch, length uint16
	if !in.ReadUint8(&content) || content < contentChangeCipherSpec || content > contentACK ||
		!in.ReadUint16(&version) || version>>8 != 0xFE || !in.ReadUint16(&epoch) {
		return false
	}
	r := p.records()
	if content == contentCID && epoch > 0 { // the length of the connection id is agreed elsewhere
		count(r.Encrypted, content, g.Sent, len(*in))
		*in = nil
		return true
	}
	if !in.Skip(6) || !in.ReadUint16(&length) {
		return false
	}
	body := (*in)[:min(int(length), len(*in))]
	*in = (*in)[len(body):]
	if len(body) < int(length) {
		p.Malformed.add(DTLSRecordCut)
		if !cut {
			return len(body) > 0
		}
	}
	if _, ok := r.Versions[version]; ok || len(r.Versions) < maxNames {
		r.Versions[version]++
	}
	if epoch > 0 {
		count(r.Encrypted, content, g.Sent, int(length))
		if h := p.handshake(); h != nil && content == contentHandshake {
			h.finish(g)
		}
		return true
	}
	count(r.Plain, content, g.Sent, int(length))
	switch content {
	case contentHandshake:
		p.fragments(d, g, body, cut)
	case contentAlert:
		if h := p.handshake(); h != nil && len(body) == 2 {
			h.alert(g, body)
		}
	}
	return true
}

func count(of map[uint8]Traffic, content uint8, sent bool, n int) {
	t := of[content]
	t.add(sent, n)
	of[content] = t
}

// unified takes one encrypted record of DTLS 1.3 from a packet.
func (p *Path) unified(in *cryptobyte.String, g *netlog.Datagram, cut bool) bool {
	var first uint8
	if !in.ReadUint8(&first) || first&0x10 != 0 && p.Records == nil {
		return false
	}
	if first&0x10 != 0 { // a connection id, of a length that is not on the wire
		p.records().Unified.add(g.Sent, len(*in))
		*in = nil
		return true
	}
	skip := 1
	if first&0x08 != 0 {
		skip = 2
	}
	if !in.Skip(skip) {
		return cut
	}
	n := len(*in)
	if first&0x04 != 0 {
		var length uint16
		if !in.ReadUint16(&length) {
			return cut
		}
		if n = int(length); n > len(*in) {
			p.Malformed.add(DTLSRecordCut)
		}
	}
	*in = (*in)[min(n, len(*in)):]
	p.records().Unified.add(g.Sent, n)
	// Keys of epoch 3, of which the header has two bits, follow a Finished.
	if h := p.handshake(); h != nil && first&3 == 3 {
		h.finish(g)
	}
	return true
}

// handshake returns the latest handshake, nil if there is none.
func (p *Path) handshake() *Handshake {
	if len(p.Handshakes) == 0 {
		return nil
	}
	return p.Handshakes[len(p.Handshakes)-1]
}

// fragments reads the parts of handshake messages in a record.
func (p *Path) fragments(d *Decoder, g *netlog.Datagram, body cryptobyte.String, cut bool) {
	for !body.Empty() {
		var f fragment
		var size uint32
		if !body.ReadUint8(&f.typ) || !body.ReadUint24(&f.length) || !body.ReadUint16(&f.seq) ||
			!body.ReadUint24(&f.offset) || !body.ReadUint24(&size) {
			p.Malformed.add(DTLSFragment)
			return
		}
		if uint64(f.offset)+uint64(size) > uint64(f.length) || int(size) > len(body) && !cut || size == 0 && f.length > 0 {
			p.Malformed.add(DTLSFragment)
			return
		}
		n := min(int(size), len(body))
		f.part, body = body[:n], body[n:]
		f.whole = int(size) == int(f.length)
		p.fragment(d, g, f)
	}
}
