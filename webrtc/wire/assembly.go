package wire

import (
	"bytes"
	"slices"
)

// A fragment is a part of a handshake message, RFC 9147 section 5.5.
type fragment struct {
	typ            byte
	seq            uint16
	length, offset uint32
	part           []byte // shorter than announced if the packet is cut off
	whole          bool   // announced as the whole message
}

// An assembly is a handshake message that is put together. What it takes is
// what came, never what was announced.
type assembly struct {
	sent     bool
	typ      byte
	seq      uint16
	length   int
	received int
	pieces   []piece // in order, not overlapping
	read     bool
}

type piece struct {
	offset int
	bytes  []byte
}

const (
	maxMessage  = 1 << 16 // bytes of one message
	maxMessages = 32      // of one handshake
	maxPieces   = 128     // of one message
)

// assembly returns the message that a fragment belongs to, nil if it is of no
// interest or one too many.
func (h *Handshake) assembly(sent bool, f fragment) *assembly {
	for _, m := range h.messages {
		if m.sent == sent && m.typ == f.typ && m.seq == f.seq {
			return m
		}
	}
	if len(h.messages) >= maxMessages || f.length > maxMessage {
		return nil
	}
	m := &assembly{sent: sent, typ: f.typ, seq: f.seq, length: int(f.length)}
	h.messages = append(h.messages, m)
	return m
}

// complete reports whether every byte is there. A message without any is
// complete when it comes.
func (m *assembly) complete() bool {
	return m.received == m.length && (m.length > 0 || len(m.pieces) > 0)
}

// body returns the bytes of a complete message.
func (m *assembly) body() []byte {
	if len(m.pieces) > 1 {
		whole := make([]byte, 0, m.length)
		for _, p := range m.pieces {
			whole = append(whole, p.bytes...)
		}
		m.pieces = []piece{{bytes: whole}}
	}
	if len(m.pieces) == 0 {
		return nil
	}
	return m.pieces[0].bytes
}

// add enters a part and reports how many bytes were new and whether the others
// are the same as before. Keep is asked before anything is kept.
func (m *assembly) add(f fragment, keep func(n int) bool) (fresh int, agrees bool) {
	at, part := int(f.offset), f.part
	agrees = true
	if m.length == 0 && len(m.pieces) == 0 {
		m.pieces = []piece{{}}
	}
	for i := 0; len(part) > 0; i++ {
		// The gap before piece i, or behind all of them.
		gap := len(part)
		if i < len(m.pieces) {
			gap = min(gap, max(0, m.pieces[i].offset-at))
		}
		if gap > 0 && (i == len(m.pieces) || at < m.pieces[i].offset) {
			n, inserted := m.insert(i, at, part[:gap], keep)
			fresh += n
			if n < gap {
				return fresh, agrees
			}
			if inserted {
				i++
			}
			at, part = at+gap, part[gap:]
		}
		if i >= len(m.pieces) {
			break
		}
		p := m.pieces[i]
		if same := min(len(part), p.offset+len(p.bytes)-at); same > 0 && at >= p.offset {
			agrees = agrees && bytes.Equal(part[:same], p.bytes[at-p.offset:][:same])
			at, part = at+same, part[same:]
		}
	}
	return fresh, agrees
}

// insert puts new bytes before piece i. Those that follow the piece before are
// appended to it.
func (m *assembly) insert(i, at int, part []byte, keep func(n int) bool) (n int, inserted bool) {
	if i > 0 && m.pieces[i-1].offset+len(m.pieces[i-1].bytes) == at {
		if !keep(len(part)) {
			return 0, false
		}
		m.pieces[i-1].bytes = append(m.pieces[i-1].bytes, part...)
		m.received += len(part)
		return len(part), false
	}
	if len(m.pieces) >= maxPieces || !keep(len(part)) {
		return 0, false
	}
	m.pieces = slices.Insert(m.pieces, i, piece{at, bytes.Clone(part)})
	m.received += len(part)
	return len(part), true
}

// abandon gives up the messages of a handshake that never became complete.
func (p *Path) abandon(d *Decoder, h *Handshake) {
	h.Incomplete = h.incomplete()
	h.messages = slices.DeleteFunc(h.messages, func(m *assembly) bool {
		if !m.complete() {
			d.release(p, m.received)
		}
		return !m.complete()
	})
}

// incomplete counts the messages of which parts are missing.
func (h *Handshake) incomplete() int {
	n := 0
	for _, m := range h.messages {
		if !m.complete() {
			n++
		}
	}
	return n
}
