package tracking

import "encoding/binary"

// Classes of datagrams as RFC 7983 tells them apart by their first byte.
type datagramClass int

const (
	otherDatagram  datagramClass = iota
	peerCheck                    // a STUN check between peers
	serverBinding                // a STUN question that only a server is asked
	relayDatagram                // TURN
	mediaDatagram                // DTLS, SRTP or SRTCP
	answerDatagram               // a STUN answer, which belongs to whatever was asked
)

// The methods of STUN (RFC 8489) and TURN (RFC 8656).
const (
	stunHeader   = 20
	stunMagic    = 0x2112A442
	stunBinding  = 1
	stunUsername = 6
)

func classify(b []byte) datagramClass {
	if len(b) == 0 {
		return otherDatagram
	}
	switch first := b[0]; {
	case first < 4 && len(b) >= stunHeader && binary.BigEndian.Uint32(b[4:]) == stunMagic:
		kind := binary.BigEndian.Uint16(b)
		method := kind&0xF | kind>>1&0x70 | kind>>2&0xF80
		switch {
		case method != stunBinding:
			return relayDatagram
		case kind&0x110 != 0:
			return answerDatagram
		case hasAttribute(b[stunHeader:], stunUsername):
			return peerCheck
		}
		return serverBinding
	case first >= 64 && first < 80: // ChannelData
		return relayDatagram
	case first >= 20 && first < 64, first >= 128 && first < 192:
		return mediaDatagram
	}
	return otherDatagram
}

// hasAttribute reports whether a STUN message has the attribute.
func hasAttribute(b []byte, want uint16) bool {
	for len(b) >= 4 {
		size := (int(binary.BigEndian.Uint16(b[2:])) + 3) &^ 3
		if binary.BigEndian.Uint16(b) == want {
			return true
		}
		if len(b)-4 < size {
			return false
		}
		b = b[4+size:]
	}
	return false
}
