// Package quic reads and writes as much of QUIC versions 1 and 2 (RFC 9000,
// RFC 9001, RFC 9369) as shows what a server does in the handshake of TLS 1.3
// that every connection begins with.
//
// There is no input or output here, and no TLS: messages go in and out as they
// are, and the secrets of which packet keys are made come from whoever follows
// the handshake, a [hello.Flight]. A [Reader] is told the datagrams of both
// sides in their order, and says what they carried: the messages in records of
// TLS, Version Negotiation, Retry, and how the connection was closed. A live
// connection and a stored one are the same to it: the keys of the first
// packets follow from the first datagram (RFC 9001 section 5.2). A [Client]
// is a Reader that also makes the datagrams of a client.
//
// The client has a connection ID of no length, so each of its connections
// needs a port of its own. It offers no streams and completes nothing but the
// handshake.
//
//	keys.go        keys of packets, and the tag of Retry
//	packet.go      headers, and opening and sealing of packets
//	frame.go       frames
//	stream.go      order for what comes out of order
//	reader.go      both sides of a connection
//	client.go      the datagrams of a client
//	parameters.go  transport parameters
//
// What a server sends is bounded before it is kept, and dropped if it cannot
// be read, as the protocol wants it.
package quic

import "fmt"

// Versions whose packets this package can read and write.
const (
	Version1 uint32 = 0x00000001
	Version2 uint32 = 0x6B3343CF // RFC 9369
)

// negotiation is the version field of a Version Negotiation packet.
const negotiation uint32 = 0

// VersionName names a version of QUIC: those of RFCs, drafts of the IETF, and
// what Google had before.
func VersionName(v uint32) string {
	switch {
	case v == Version1:
		return "QUIC v1"
	case v == Version2:
		return "QUIC v2"
	case IsReserved(v):
		return fmt.Sprintf("reserved 0x%08X", v) // RFC 9000 section 15
	case v>>8 == 0xFF0000:
		return fmt.Sprintf("draft-%02d", v&0xFF)
	case v == 0x709A50C4:
		return "QUIC v2 draft"
	case v>>24 == 'Q' || v>>24 == 'T':
		name := []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
		for _, digit := range name[1:] {
			if digit < '0' || digit > '9' {
				return fmt.Sprintf("0x%08X", v)
			}
		}
		return "Google " + string(name)
	}
	return fmt.Sprintf("0x%08X", v)
}

// IsReserved tells versions that no server has.
func IsReserved(v uint32) bool { return v&0x0F0F0F0F == 0x0A0A0A0A }

// Reserved returns a version that no server has, which makes it answer with
// those that it has (RFC 9000 section 15).
func Reserved(random uint32) uint32 { return random&0xF0F0F0F0 | 0x0A0A0A0A }
