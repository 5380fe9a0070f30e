package quic

import (
	"crypto/subtle"
	"errors"

	"golang.org/x/crypto/cryptobyte"
)

// kind is what a packet is, whatever its version calls it.
type kind int

const (
	initialPacket kind = iota
	handshakePacket
	applicationPacket // with a short header
	zeroRTTPacket
	retryPacket
	negotiationPacket
)

// maxID is the greatest length of a connection ID (RFC 9000 section 17.2).
const maxID = 20

// header is what can be read of a packet without keys.
type header struct {
	kind        kind
	version     uint32
	destination []byte
	source      []byte
	rest        []byte // the token of an Initial, what stands after the IDs in Retry and Version Negotiation
	number      int    // where the packet number stands
	end         int    // of the packet in its datagram
}

// longKinds are the kinds by the bits of version 1; version 2 counts one
// further (RFC 9369 section 3.2).
var longKinds = [4]kind{initialPacket, zeroRTTPacket, handshakePacket, retryPacket}

// parseHeader reads the header of the first packet in a datagram. A short
// header does not say how long its connection ID is, which size does.
func parseHeader(datagram []byte, size int) (header, bool) {
	s := cryptobyte.String(datagram)
	var first uint8
	if !s.ReadUint8(&first) {
		return header{}, false
	}
	h := header{end: len(datagram)}
	if first&0x80 == 0 {
		h.kind, h.number = applicationPacket, 1+size
		return h, s.ReadBytes(&h.destination, size)
	}
	var destination, source cryptobyte.String
	if !s.ReadUint32(&h.version) || !s.ReadUint8LengthPrefixed(&destination) || !s.ReadUint8LengthPrefixed(&source) {
		return header{}, false
	}
	h.destination, h.source = destination, source
	if h.version == negotiation {
		h.kind, h.rest = negotiationPacket, s
		return h, true
	}
	if len(destination) > maxID || len(source) > maxID {
		return header{}, false
	}
	bits := first >> 4 & 3
	if h.version == Version2 {
		bits = (bits + 3) & 3
	}
	h.kind = longKinds[bits]
	if h.kind == retryPacket {
		h.rest = s
		return h, true
	}
	if h.kind == initialPacket {
		length, ok := readVarint(&s)
		if !ok || length > uint64(len(s)) || !s.ReadBytes(&h.rest, int(length)) {
			return header{}, false
		}
	}
	length, ok := readVarint(&s)
	if !ok || length > uint64(len(s)) {
		return header{}, false
	}
	h.number = len(datagram) - len(s)
	h.end = h.number + int(length)
	return h, true
}

// longBits are the type bits of a kind in the first byte of a long header.
func longBits(version uint32, k kind) byte {
	for bits, other := range longKinds {
		if other == k {
			if version == Version2 {
				bits++
			}
			return byte(bits&3) << 4
		}
	}
	panic("a packet without a long header")
}

var errPacket = errors.New("a packet cannot be opened")

// open removes the protection of a packet, which it changes: from its first
// byte to its end, with the packet number at a place in it. The number that
// comes next is what truncated ones are near to.
func (k *keys) open(packet []byte, at int, next uint64) (payload []byte, number uint64, err error) {
	if len(packet) < at+4+sampleSize {
		return nil, 0, errPacket
	}
	mask := k.mask(packet[at+4 : at+4+sampleSize])
	packet[0] ^= mask[0] & firstMask(packet[0])
	size := int(packet[0]&3) + 1
	for i := range size {
		packet[at+i] ^= mask[1+i]
		number = number<<8 | uint64(packet[at+i])
	}
	number = fullNumber(number, size, next)
	payload, err = k.aead.Open(nil, k.nonce(number), packet[at+size:], packet[:at+size])
	if err != nil {
		return nil, 0, errPacket
	}
	return payload, number, nil
}

// firstMask tells which bits of the first byte are protected (RFC 9001
// section 5.4.1).
func firstMask(first byte) byte {
	if first&0x80 != 0 {
		return 0x0F
	}
	return 0x1F
}

// fullNumber completes a packet number of some bytes (RFC 9000 appendix A.3).
func fullNumber(truncated uint64, size int, next uint64) uint64 {
	window := uint64(1) << (8 * size)
	candidate := next&^(window-1) | truncated
	switch {
	case candidate+window/2 <= next && candidate < 1<<62-window:
		return candidate + window
	case candidate > next+window/2 && candidate >= window:
		return candidate - window
	}
	return candidate
}

// numberSize is the length of the packet numbers that are written.
const numberSize = 4

// seal protects a packet; its header ends with the packet number.
func (k *keys) seal(header []byte, number uint64, payload []byte) []byte {
	at := len(header) - numberSize
	packet := k.aead.Seal(header[:len(header):len(header)], k.nonce(number), payload, header)
	mask := k.mask(packet[at+4 : at+4+sampleSize])
	packet[0] ^= mask[0] & firstMask(packet[0])
	for i := range numberSize {
		packet[at+i] ^= mask[1+i]
	}
	return packet
}

// isRetry checks the tag of a Retry packet and returns its token.
func isRetry(h header, packet, original []byte) (token []byte, ok bool) {
	if len(h.rest) <= tagSize {
		return nil, false
	}
	at := len(packet) - tagSize
	if subtle.ConstantTimeCompare(retryTag(h.version, original, packet[:at]), packet[at:]) != 1 {
		return nil, false
	}
	return h.rest[:len(h.rest)-tagSize], true
}

// readVarint reads a number of variable length (RFC 9000 section 16).
func readVarint(s *cryptobyte.String) (v uint64, ok bool) {
	var first uint8
	if !s.ReadUint8(&first) {
		return 0, false
	}
	v = uint64(first & 0x3F)
	for range 1<<(first>>6) - 1 {
		var b uint8
		if !s.ReadUint8(&b) {
			return 0, false
		}
		v = v<<8 | uint64(b)
	}
	return v, true
}

// appendVarint is the reverse. It panics for numbers of more than 62 bits,
// which only we can cause.
func appendVarint(b []byte, v uint64) []byte {
	switch {
	case v < 1<<6:
		return append(b, byte(v))
	case v < 1<<14:
		return append(b, 0x40|byte(v>>8), byte(v))
	case v < 1<<30:
		return append(b, 0x80|byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	case v < 1<<62:
		return append(b, 0xC0|byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	panic("a number of more than 62 bits")
}
