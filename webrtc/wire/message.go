package wire

import (
	"encoding/binary"
	"net/netip"

	"github.com/pion/stun/v4"
)

// A message of STUN, RFC 8489. Package stun would refuse one that is cut off
// and copies what it parses, so only its names and numbers are used.
type message struct {
	kind       stun.MessageType
	id         [stun.TransactionIDSize]byte
	attributes []attribute
}

type attribute struct {
	kind   stun.AttrType
	value  []byte // valid as long as the packet
	length int    // as announced; more than the value has if the packet is cut off
}

const (
	stunHeader    = 20
	maxAttributes = 64 // of one message
)

// parseSTUN reads a message of which length bytes were on the wire. It returns
// nil if it is none, and a reason if anything is wrong.
func parseSTUN(b []byte, length int) (m *message, reason Reason) {
	cut := length > len(b)
	if len(b) < stunHeader {
		return nil, STUNCut
	}
	if binary.BigEndian.Uint32(b[4:]) != 0x2112A442 {
		return nil, STUNCookie
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if stunHeader+n > length {
		return nil, STUNLength
	}
	if stunHeader+n < length {
		reason = STUNLength
	}
	m = &message{}
	m.kind.ReadValue(binary.BigEndian.Uint16(b))
	copy(m.id[:], b[8:])
	rest := b[stunHeader:min(stunHeader+n, len(b))]
	cut = cut && len(b) < stunHeader+n
	for len(rest) > 0 {
		if len(rest) < 4 {
			if cut {
				return m, STUNCut
			}
			return m, STUNAttribute
		}
		a := attribute{kind: stun.AttrType(binary.BigEndian.Uint16(rest)), length: int(binary.BigEndian.Uint16(rest[2:]))}
		rest = rest[4:]
		if a.length > len(rest) && !cut || len(m.attributes) == maxAttributes {
			return m, STUNAttribute
		}
		a.value = rest[:min(a.length, len(rest))]
		m.attributes = append(m.attributes, a)
		rest = rest[min((a.length+3)&^3, len(rest)):]
	}
	if cut {
		reason = STUNCut
	}
	return m, reason
}

// get returns the whole value of an attribute, nil if there is none.
func (m *message) get(kind stun.AttrType) []byte {
	for _, a := range m.attributes {
		if a.kind == kind && len(a.value) == a.length {
			return a.value
		}
	}
	return nil
}

// has reports whether an attribute is there.
func (m *message) has(kind stun.AttrType) bool {
	for _, a := range m.attributes {
		if a.kind == kind {
			return true
		}
	}
	return false
}

// text returns a value that is to be read by people, without what could
// disturb them.
func (m *message) text(kind stun.AttrType) string { return printable(m.get(kind)) }

// maxText bounds names in bytes; RFC 8489 allows 763 for most of them.
const maxText = 768

func printable(b []byte) string {
	b = b[:min(len(b), maxText)]
	out := make([]rune, 0, len(b))
	for _, r := range string(b) {
		if r >= ' ' && r != 0x7F && r != '\uFFFD' && (r < 0x80 || r > 0x9F) {
			out = append(out, r)
		}
	}
	return string(out)
}

// addresses returns the addresses of all attributes of a kind. In XOR-…
// attributes they are disguised with the cookie and the transaction.
func (m *message) addresses(kind stun.AttrType) (all []netip.AddrPort) {
	for _, a := range m.attributes {
		if a.kind == kind {
			if addr := m.address(a); addr.IsValid() {
				all = append(all, addr)
			}
		}
	}
	return all
}

func (m *message) address(a attribute) netip.AddrPort {
	v := a.value
	if len(v) < 8 {
		return netip.AddrPort{}
	}
	var mask [18]byte // of port and address
	switch a.kind {
	case stun.AttrMappedAddress, stun.AttrAlternateServer, stun.AttrResponseOrigin, stun.AttrOtherAddress:
	default:
		copy(mask[:], []byte{0x21, 0x12, 0x21, 0x12, 0xA4, 0x42})
		copy(mask[6:], m.id[:])
	}
	port := (uint16(v[2])<<8 | uint16(v[3])) ^ (uint16(mask[0])<<8 | uint16(mask[1]))
	var ip [16]byte
	n := copy(ip[:], v[4:])
	for i := range n {
		ip[i] ^= mask[2+i]
	}
	switch {
	case v[1] == 1 && len(v) == 8:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[:4])), port)
	case v[1] == 2 && len(v) == 20:
		return plain(netip.AddrPortFrom(netip.AddrFrom16(ip), port))
	}
	return netip.AddrPort{}
}

// address1 returns the first address of a kind; it is invalid if there is
// none.
func (m *message) address1(kind stun.AttrType) netip.AddrPort {
	if all := m.addresses(kind); len(all) > 0 {
		return all[0]
	}
	return netip.AddrPort{}
}

// code returns ERROR-CODE; ok is false without one.
func (m *message) code() (code int, reason string, ok bool) {
	v := m.get(stun.AttrErrorCode)
	if len(v) < 4 {
		return 0, "", false
	}
	return int(v[2]&7)*100 + int(v[3]), printable(v[4:]), true
}

// seconds returns an attribute that is a number of seconds.
func (m *message) seconds(kind stun.AttrType) (uint32, bool) {
	v := m.get(kind)
	if len(v) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(v), true
}
