package quic

import (
	"bytes"
	"slices"

	"golang.org/x/crypto/cryptobyte"

	"vksprobe/tls/hello"
)

// levels are the levels of encryption that packets have: those of the kinds
// initialPacket, handshakePacket and applicationPacket.
const levels = 3

// A Reader reads both sides of one connection, as a client sees it. The zero
// value is ready.
type Reader struct {
	Version    uint32   // of our first packet
	Negotiated []uint32 // versions of a Version Negotiation packet, in the server's order
	Retried    bool     // the server wanted a hello again, with a token
	Closed     *Close   // by the server
	Confirmed  bool     // the server has sent HANDSHAKE_DONE

	original    []byte // the ID that we gave the server first
	retry       []byte // the one of its Retry
	destination []byte // the one that it wants
	token       []byte
	heard       bool // a packet of it could be opened
	level       [levels]level
	waiting     [][]byte // packets whose keys are not known
	held        int
}

// level is one level of encryption.
type level struct {
	ours, theirs             *keys
	sent, received           stream
	sentNumbers, theyNumbers ranges
	due                      bool // something came that wants to be acknowledged
}

// Close is how a server closes a connection (RFC 9000 section 19.19).
type Close struct {
	Application bool // an error of the application, such as HTTP/3
	Code        uint64
	Reason      string // as the server wrote it, at most 256 bytes
}

// maxReason bounds a Reason.
const maxReason = 256

// Alert returns the alert of TLS that a connection was closed with (RFC 9001
// section 4.8).
func (c *Close) Alert() (description byte, ok bool) {
	if c == nil || c.Application || c.Code>>8 != 1 {
		return 0, false
	}
	return byte(c.Code), true
}

// start begins a connection with the ID in its first packet.
func (r *Reader) start(version uint32, destination []byte) {
	r.Version, r.original, r.destination = version, slices.Clone(destination), slices.Clone(destination)
	r.level[initialPacket].ours, r.level[initialPacket].theirs = initialKeys(version, destination)
}

// Original is the connection ID that the first packet gave the server;
// Source the one that it gave itself, nil before it is heard of; RetrySource
// the one of its Retry, nil if there was none. It has to name them in its
// transport parameters (RFC 9000 section 7.3).
func (r *Reader) Original() []byte { return r.original }

// Source is described at Original.
func (r *Reader) Source() []byte {
	if !r.heard {
		return nil
	}
	return r.destination
}

// RetrySource is described at Original.
func (r *Reader) RetrySource() []byte { return r.retry }

// learn makes keys of the secrets that are known.
func (r *Reader) learn(t *hello.Traffic) {
	if t == nil {
		return
	}
	for _, x := range []struct {
		keys   **keys
		secret []byte
	}{{&r.level[handshakePacket].ours, t.ClientHandshake}, {&r.level[handshakePacket].theirs, t.ServerHandshake},
		{&r.level[applicationPacket].ours, t.ClientApplication}, {&r.level[applicationPacket].theirs, t.ServerApplication}} {
		if *x.keys == nil && x.secret != nil {
			*x.keys, _ = packetKeys(r.Version, t.CipherSuite, t.Hash, x.secret) // without keys packets stay closed
		}
	}
}

// Sent reads a datagram of ours and returns the messages that it completes, in
// records of TLS. Traffic may be nil as long as there are no secrets.
func (r *Reader) Sent(datagram []byte, traffic *hello.Traffic) (records []byte) {
	r.learn(traffic)
	for _, packet := range split(datagram, len(r.destination)) {
		h, _ := parseHeader(packet, len(r.destination))
		if r.original == nil {
			if h.kind != initialPacket {
				return nil
			}
			r.start(h.version, h.destination)
		}
		if h.kind >= levels {
			continue
		}
		l := &r.level[h.kind]
		if l.ours == nil {
			continue
		}
		payload, number, err := l.ours.open(slices.Clone(packet), h.number, l.sentNumbers.next())
		if err != nil {
			continue
		}
		l.sentNumbers.add(number)
		for s := cryptobyte.String(payload); !s.Empty(); {
			f, ok := readFrame(&s)
			if !ok {
				break
			}
			if f.typ == frameCrypto {
				records = appendRecords(records, l.sent.add(f.offset, f.data))
			}
		}
	}
	return records
}

// split cuts a datagram in its packets (RFC 9000 section 12.2); size is the
// length of connection IDs in short headers.
func split(datagram []byte, size int) (packets [][]byte) {
	for len(datagram) > 0 && len(packets) < maxPackets {
		h, ok := parseHeader(datagram, size)
		if !ok {
			break
		}
		packets = append(packets, datagram[:h.end:h.end])
		datagram = datagram[h.end:]
	}
	return packets
}

// Bounds of what is kept for keys that are not known yet, and of one datagram.
const (
	maxPackets = 16
	maxWaiting = 64
	maxHeld    = 256 << 10
)

// Received takes a datagram of the server. What it carries is to be had from
// Records.
func (r *Reader) Received(datagram []byte) {
	for _, packet := range split(datagram, 0) {
		if len(r.waiting) < maxWaiting && r.held+len(packet) <= maxHeld {
			r.waiting = append(r.waiting, slices.Clone(packet))
			r.held += len(packet)
		}
	}
}

// Records returns the messages that can be read of what was received, in
// records of TLS, and an alert if the connection was closed with one. Whoever
// follows the handshake may know further secrets after it was told of them, so
// Records is to be called until it returns nothing.
func (r *Reader) Records(traffic *hello.Traffic) (records []byte) {
	r.learn(traffic)
	waiting := r.waiting
	r.waiting, r.held = nil, 0
	for _, packet := range waiting {
		if r.Closed != nil || r.original == nil {
			return records
		}
		h, ok := parseHeader(packet, 0)
		switch {
		case !ok || len(h.destination) > 0: // our ID has no length
		case h.kind == negotiationPacket:
			r.negotiate(h)
		case h.kind == retryPacket:
			r.again(h, packet)
		case h.kind >= levels || h.kind != applicationPacket && (h.version != r.Version || r.heard && !bytes.Equal(h.source, r.destination)):
		case r.level[h.kind].theirs == nil:
			r.waiting = append(r.waiting, packet)
			r.held += len(packet)
		default:
			records = append(records, r.open(h, packet)...)
		}
	}
	return records
}

// maxVersions bounds the versions of a Version Negotiation packet.
const maxVersions = 64

// negotiate reads a Version Negotiation packet. It counts only before anything
// else, and if it answers us (RFC 9000 section 6.2).
func (r *Reader) negotiate(h header) {
	if r.heard || r.Retried || r.Negotiated != nil || !bytes.Equal(h.source, r.original) {
		return
	}
	var versions []uint32
	s := cryptobyte.String(h.rest)
	for v := uint32(0); len(versions) < maxVersions && s.ReadUint32(&v); {
		versions = append(versions, v)
	}
	if len(versions) > 0 && !slices.Contains(versions, r.Version) {
		r.Negotiated = versions
	}
}

// maxToken bounds the token of a Retry, so that there is room for a hello
// beside it.
const maxToken = 900

// again reads a Retry packet. There may be one, before anything else (RFC 9000
// section 17.2.5).
func (r *Reader) again(h header, packet []byte) {
	if r.heard || r.Retried || h.version != r.Version || bytes.Equal(h.source, r.original) {
		return
	}
	token, ok := isRetry(h, packet, r.original)
	if !ok || len(token) > maxToken {
		return
	}
	r.Retried, r.token, r.retry, r.destination = true, slices.Clone(token), slices.Clone(h.source), slices.Clone(h.source)
	r.level[initialPacket].ours, r.level[initialPacket].theirs = initialKeys(r.Version, r.destination)
}

// open reads a packet for whose level there are keys.
func (r *Reader) open(h header, packet []byte) (records []byte) {
	l := &r.level[h.kind]
	payload, number, err := l.theirs.open(packet, h.number, l.theyNumbers.next())
	if err != nil {
		return nil
	}
	if !r.heard {
		r.heard, r.destination = true, slices.Clone(h.source)
	}
	l.theyNumbers.add(number)
	for s := cryptobyte.String(payload); !s.Empty() && r.Closed == nil; {
		f, ok := readFrame(&s)
		if !ok {
			break
		}
		l.due = l.due || f.elicits()
		switch f.typ {
		case frameCrypto:
			records = appendRecords(records, l.received.add(f.offset, f.data))
		case frameHandshakeDone:
			r.Confirmed = r.Confirmed || h.kind == applicationPacket
		case frameClose, frameCloseByApp:
			r.Closed = &Close{f.typ == frameCloseByApp, f.code, string(f.data[:min(len(f.data), maxReason)])}
			if description, ok := r.Closed.Alert(); ok {
				records = append(records, hello.Records(hello.ContentAlert, hello.TLS12, []byte{2, description})...)
			}
		}
	}
	return records
}

// appendRecords appends messages as records of TLS.
func appendRecords(records, messages []byte) []byte {
	if len(messages) == 0 {
		return records
	}
	return append(records, hello.Records(hello.ContentHandshake, hello.TLS12, messages)...)
}
