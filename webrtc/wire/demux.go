package wire

// kind is what a packet is, told by its first bytes.
type kind int

const (
	kindOther kind = iota
	kindSTUN
	kindZRTP
	kindDTLS
	kindChannel // TURN channel data, or QUIC
	kindRTP
	kindRTCP
)

// demux sorts a packet by RFC 7983 as updated by RFC 9443, and RTP from RTCP
// by RFC 5761.
func demux(b []byte) kind {
	switch {
	case len(b) < 2:
		return kindOther
	case b[0] < 4:
		return kindSTUN
	case b[0] >= 16 && b[0] < 20:
		return kindZRTP
	case b[0] >= 20 && b[0] < 64:
		return kindDTLS
	case b[0] >= 64 && b[0] < 80:
		return kindChannel
	case b[0] >= 128 && b[0] < 192:
		if b[1] >= 192 && b[1] <= 223 {
			return kindRTCP
		}
		return kindRTP
	}
	return kindOther
}
