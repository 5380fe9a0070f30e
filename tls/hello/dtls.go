package hello

import (
	"encoding/binary"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// maxDatagram is how much of a handshake message goes into one datagram: with
// all headers that fits every path of the Internet.
const maxDatagram = 1200

// Datagrams turns the handshake of DTLS 1.0 and 1.2 (RFC 6347 section 4) into
// that of TLS: one direction of it, datagram by datagram, into records of TLS
// that hold whole messages in their order. A Flight reads those. The zero
// value is ready.
type Datagrams struct {
	next  uint16             // message_seq that comes next
	parts map[uint16]*pieces // of messages that are not whole or not next
	begun bool               // something but a HelloVerifyRequest was given
	kept  int
}

// pieces is a message that comes in fragments.
type pieces struct {
	typ  byte
	body []byte
	have []bool
	left int
}

// maxAhead bounds the messages that wait for one before them.
const maxAhead = 32

// Read takes a datagram and returns what it completes. What cannot be read is
// dropped, as DTLS wants it.
func (d *Datagrams) Read(datagram []byte) (records []byte) {
	s := cryptobyte.String(datagram)
	for !s.Empty() {
		var content uint8
		var version, epoch uint16
		var sequence []byte
		var body cryptobyte.String
		if !s.ReadUint8(&content) || !s.ReadUint16(&version) || !s.ReadUint16(&epoch) || !s.ReadBytes(&sequence, 6) || !s.ReadUint16LengthPrefixed(&body) || version>>8 != 0xFE {
			return records // also the short headers of DTLS 1.3, whose content is encrypted
		}
		switch {
		case epoch != 0:
		case content == ContentHandshake:
			for !body.Empty() {
				out, ok := d.fragment(&body)
				if !ok {
					break
				}
				records = append(records, out...)
			}
		case content == ContentAlert || content == ContentChangeCipherSpec:
			records = append(records, Records(content, TLS12, body)...)
		}
	}
	return records
}

// fragment takes one fragment and returns the messages that are whole and next
// by it.
func (d *Datagrams) fragment(s *cryptobyte.String) (records []byte, ok bool) {
	var typ uint8
	var length, offset, size uint32
	var sequence uint16
	var body []byte
	if !s.ReadUint8(&typ) || !s.ReadUint24(&length) || !s.ReadUint16(&sequence) || !s.ReadUint24(&offset) || !s.ReadUint24(&size) ||
		!s.ReadBytes(&body, int(size)) || offset+size > length {
		return nil, false
	}
	if d.parts == nil {
		d.parts = map[uint16]*pieces{}
	}
	if typ == TypeServerHello && sequence < d.next && !d.begun {
		d.next = sequence // some servers begin to count anew after the cookie
	}
	p := d.parts[sequence]
	switch {
	case sequence < d.next || sequence-d.next >= maxAhead:
		return nil, true
	case p == nil:
		if d.kept+int(length) > maxKept {
			return nil, false
		}
		d.kept += int(length)
		p = &pieces{typ: typ, body: make([]byte, length), have: make([]bool, length), left: int(length)}
		d.parts[sequence] = p
	case p.typ != typ || len(p.body) != int(length):
		return nil, true
	}
	for i, b := range body {
		if at := int(offset) + i; !p.have[at] {
			p.have[at], p.body[at] = true, b
			p.left--
		}
	}
	for p := d.parts[d.next]; p != nil && p.left == 0; p = d.parts[d.next] {
		records = append(records, Records(ContentHandshake, TLS12, Message(p.typ, p.body))...)
		d.begun = d.begun || p.typ != TypeHelloVerifyRequest
		delete(d.parts, d.next)
		d.next++
	}
	return records, true
}

// A DatagramWriter makes the datagrams of a client that says nothing but
// hello. The zero value is ready.
type DatagramWriter struct {
	record  uint64
	message uint16
}

// Write returns the datagrams that carry one handshake message, header and
// all. Each call is a new message.
func (w *DatagramWriter) Write(message []byte) [][]byte {
	out := w.again(message, w.message)
	w.message++
	return out
}

// Again returns the last message in new datagrams, for retransmission.
func (w *DatagramWriter) Again(message []byte) [][]byte { return w.again(message, w.message-1) }

func (w *DatagramWriter) again(message []byte, sequence uint16) (all [][]byte) {
	typ, body := message[0], message[4:]
	for offset := 0; offset == 0 || offset < len(body); offset += maxDatagram {
		part := body[offset:min(len(body), offset+maxDatagram)]
		var b cryptobyte.Builder
		b.AddUint8(ContentHandshake)
		b.AddUint16(DTLS10) // what every server takes in a first record
		b.AddBytes(binary.BigEndian.AppendUint64(nil, w.record))
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint8(typ)
			b.AddUint24(uint32(len(body)))
			b.AddUint16(sequence)
			b.AddUint24(uint32(offset))
			b.AddUint24(uint32(len(part)))
			b.AddBytes(part)
		})
		all = append(all, b.BytesOrPanic())
		w.record++
	}
	return all
}

// Alert returns a datagram with a fatal alert, in the clear.
func (w *DatagramWriter) Alert(description byte) []byte {
	var b cryptobyte.Builder
	b.AddUint8(ContentAlert)
	b.AddUint16(DTLS12)
	b.AddBytes(binary.BigEndian.AppendUint64(nil, w.record))
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte{2, description}) })
	w.record++
	return b.BytesOrPanic()
}

// VerifyCookie returns the cookie of a HelloVerifyRequest among records of TLS
// that Datagrams has made; ok is false if there is none.
func VerifyCookie(records []byte) (cookie []byte, ok bool) {
	s := cryptobyte.String(records)
	for !s.Empty() {
		var content, typ uint8
		var version uint16
		var body, message cryptobyte.String
		if !s.ReadUint8(&content) || !s.ReadUint16(&version) || !s.ReadUint16LengthPrefixed(&body) {
			return nil, false
		}
		var value cryptobyte.String
		if content == ContentHandshake && body.ReadUint8(&typ) && typ == TypeHelloVerifyRequest && body.ReadUint24LengthPrefixed(&message) &&
			message.ReadUint16(&version) && message.ReadUint8LengthPrefixed(&value) {
			return slices.Clone([]byte(value)), true
		}
	}
	return nil, false
}
