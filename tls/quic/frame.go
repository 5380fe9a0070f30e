package quic

import "golang.org/x/crypto/cryptobyte"

// Types of frames (RFC 9000 section 19).
const (
	framePadding         = 0x00
	framePing            = 0x01
	frameAck             = 0x02
	frameAckECN          = 0x03
	frameResetStream     = 0x04
	frameStopSending     = 0x05
	frameCrypto          = 0x06
	frameNewToken        = 0x07
	frameStream          = 0x08 // to 0x0F
	frameNewConnectionID = 0x18
	framePathChallenge   = 0x1A
	framePathResponse    = 0x1B
	frameClose           = 0x1C
	frameCloseByApp      = 0x1D
	frameHandshakeDone   = 0x1E
	frameDatagram        = 0x30 // and 0x31, RFC 9221
)

// frame is what is used of a frame.
type frame struct {
	typ    uint64
	offset uint64 // of CRYPTO
	data   []byte // of CRYPTO; reason of CONNECTION_CLOSE; the token of NEW_TOKEN
	code   uint64 // of CONNECTION_CLOSE
}

// elicits reports whether a frame wants to be acknowledged.
func (f frame) elicits() bool {
	switch f.typ {
	case framePadding, frameAck, frameAckECN, frameClose, frameCloseByApp:
		return false
	}
	return true
}

// readFrame reads one frame. It cannot go on after one that it does not know,
// since only the type tells how long a frame is.
func readFrame(s *cryptobyte.String) (f frame, ok bool) {
	if f.typ, ok = readVarint(s); !ok {
		return f, false
	}
	skip := func(n int) bool {
		for range n {
			if f.code, ok = readVarint(s); !ok {
				return false
			}
		}
		return true
	}
	bytes := func() bool { // with their length before them
		n, ok := readVarint(s)
		return ok && n <= uint64(len(*s)) && s.ReadBytes(&f.data, int(n))
	}
	switch f.typ {
	case framePadding, framePing, frameHandshakeDone:
	case frameAck, frameAckECN:
		var ranges uint64
		ok = skip(3) // largest, delay, count of ranges
		if ranges = f.code; !ok || ranges > uint64(len(*s)) || !skip(1+2*int(ranges)) || f.typ == frameAckECN && !skip(3) {
			return f, false
		}
	case frameResetStream:
		return f, skip(3)
	case frameStopSending:
		return f, skip(2)
	case frameCrypto:
		f.offset, ok = readVarint(s)
		return f, ok && bytes()
	case frameNewToken:
		return f, bytes()
	case 0x10, 0x12, 0x13, 0x14, 0x16, 0x17, 0x19: // limits and what is blocked by them; RETIRE_CONNECTION_ID
		return f, skip(1)
	case 0x11, 0x15:
		return f, skip(2)
	case frameNewConnectionID:
		var id cryptobyte.String
		return f, skip(2) && s.ReadUint8LengthPrefixed(&id) && s.Skip(16)
	case framePathChallenge, framePathResponse:
		return f, s.Skip(8)
	case frameClose, frameCloseByApp:
		var kind uint64
		if f.code, ok = readVarint(s); !ok {
			return f, false
		}
		if f.typ == frameClose {
			if kind, ok = readVarint(s); !ok {
				return f, false
			}
			f.offset = kind
		}
		return f, bytes()
	case frameDatagram:
		*s = nil
	case frameDatagram + 1:
		return f, bytes()
	default:
		if f.typ&^7 != frameStream {
			return f, false
		}
		if !skip(1) || f.typ&4 != 0 && !skip(1) {
			return f, false
		}
		if f.typ&2 != 0 {
			return f, bytes()
		}
		*s = nil // to the end of the packet
	}
	return f, true
}

// cryptoFrame is a part of the messages of one level.
func cryptoFrame(offset int, data []byte) []byte {
	b := appendVarint([]byte{frameCrypto}, uint64(offset))
	return append(appendVarint(b, uint64(len(data))), data...)
}

// ackFrame acknowledges packets; there must be one.
func ackFrame(r ranges) []byte {
	b := appendVarint([]byte{frameAck}, r[0].last)
	b = append(b, 0) // no delay
	b = appendVarint(b, uint64(len(r)-1))
	b = appendVarint(b, r[0].last-r[0].first)
	for i, next := range r[1:] {
		b = appendVarint(b, r[i].first-next.last-2)
		b = appendVarint(b, next.last-next.first)
	}
	return b
}

// closeFrame closes a connection without an error.
func closeFrame() []byte { return []byte{frameClose, 0, 0, 0} }
