package webrtc

import (
	"bytes"
	"crypto/tls"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// A handshake follows the two hello messages of a DTLS handshake on one pair
// of addresses. They are all that DTLS 1.3 leaves in the clear.
type handshake struct {
	client, server hello
	pending        map[fragmentKey]*message
}

// hello is what a ClientHello or ServerHello says.
type hello struct {
	seen    bool
	sent    bool // by the browser
	version uint16
	suite   uint16 // of the server
	srtp    uint16 // protection profile the server chose, 0 if none is visible
}

type fragmentKey struct {
	sent bool
	kind uint8
}

// message is a handshake message that came in fragments.
type message struct {
	seq     uint16
	body    []byte
	missing int
	got     []bool
}

// maxHello bounds a hello message in bytes. Chromium's, with a post-quantum
// key share, has less than 2000.
const maxHello = 1 << 14

const (
	recordHandshake = 22
	clientHello     = 1
	serverHello     = 2
)

// read takes one datagram that was demultiplexed as DTLS and reports whether
// it completed a hello. Whatever is malformed ends the datagram silently:
// anybody can send us anything.
func (h *handshake) read(datagram []byte, sent bool) bool {
	complete := false
	in := cryptobyte.String(datagram)
	for !in.Empty() {
		var kind uint8
		var epoch uint16
		var fragments cryptobyte.String
		if !in.ReadUint8(&kind) || !in.Skip(2) || !in.ReadUint16(&epoch) || !in.Skip(6) || !in.ReadUint16LengthPrefixed(&fragments) {
			return complete
		}
		if kind != recordHandshake || epoch != 0 {
			continue
		}
		for !fragments.Empty() {
			var kind uint8
			var length, offset, size uint32
			var seq uint16
			var part []byte
			if !fragments.ReadUint8(&kind) || !fragments.ReadUint24(&length) || !fragments.ReadUint16(&seq) ||
				!fragments.ReadUint24(&offset) || !fragments.ReadUint24(&size) || !fragments.ReadBytes(&part, int(size)) {
				return complete
			}
			if kind == clientHello || kind == serverHello {
				complete = h.fragment(fragmentKey{sent, kind}, seq, length, offset, part) || complete
			}
		}
	}
	return complete
}

// fragment adds a part to its message and reads the message when it is whole.
func (h *handshake) fragment(key fragmentKey, seq uint16, length, offset uint32, part []byte) bool {
	if length > maxHello || uint64(offset)+uint64(len(part)) > uint64(length) {
		return false
	}
	if h.pending == nil {
		h.pending = map[fragmentKey]*message{}
	}
	m := h.pending[key]
	if m == nil || m.seq != seq || len(m.body) != int(length) {
		m = &message{seq: seq, body: make([]byte, length), missing: int(length), got: make([]bool, length)}
		h.pending[key] = m
	}
	copy(m.body[offset:], part)
	for i := range part {
		if at := int(offset) + i; !m.got[at] {
			m.got[at] = true
			m.missing--
		}
	}
	if m.missing > 0 {
		return false
	}
	delete(h.pending, key)
	if key.kind == clientHello {
		if version, ok := parseClientHello(m.body); ok {
			h.client = hello{seen: true, sent: key.sent, version: version}
			return true
		}
		return false
	}
	server, ok := parseServerHello(m.body)
	if !ok {
		return false
	}
	server.sent = key.sent
	h.server = server
	return true
}

func parseClientHello(body []byte) (version uint16, ok bool) {
	in := cryptobyte.String(body)
	var id, cookie, suites, compressions cryptobyte.String
	ok = in.ReadUint16(&version) && in.Skip(32) && in.ReadUint8LengthPrefixed(&id) && in.ReadUint8LengthPrefixed(&cookie) &&
		in.ReadUint16LengthPrefixed(&suites) && in.ReadUint8LengthPrefixed(&compressions) && !suites.Empty()
	return version, ok
}

func parseServerHello(body []byte) (hello, bool) {
	h := hello{seen: true}
	in := cryptobyte.String(body)
	var random []byte
	var id cryptobyte.String
	if !in.ReadUint16(&h.version) || !in.ReadBytes(&random, 32) || !in.ReadUint8LengthPrefixed(&id) ||
		!in.ReadUint16(&h.suite) || !in.Skip(1) {
		return hello{}, false
	}
	if bytes.Equal(random, retryRandom()) {
		return hello{}, false // a HelloRetryRequest: the real one follows
	}
	if in.Empty() {
		return h, true
	}
	var extensions cryptobyte.String
	if !in.ReadUint16LengthPrefixed(&extensions) {
		return hello{}, false
	}
	for !extensions.Empty() {
		var kind uint16
		var data, profiles cryptobyte.String
		if !extensions.ReadUint16(&kind) || !extensions.ReadUint16LengthPrefixed(&data) {
			return hello{}, false
		}
		switch kind {
		case 14: // use_srtp, RFC 5764
			if !data.ReadUint16LengthPrefixed(&profiles) || !profiles.ReadUint16(&h.srtp) {
				return hello{}, false
			}
		case 43: // supported_versions, RFC 8446
			if !data.ReadUint16(&h.version) {
				return hello{}, false
			}
		}
	}
	return h, true
}

// retryRandom is the random of a HelloRetryRequest, SHA-256 of the word, RFC
// 8446 section 4.1.3.
func retryRandom() []byte {
	return []byte{0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
		0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C}
}

// role is the browser's part in the handshake: "client", "server" or "".
func (h *handshake) role() string {
	switch {
	case h.client.seen && h.client.sent, h.server.seen && !h.server.sent:
		return "client"
	case h.client.seen, h.server.seen:
		return "server"
	}
	return ""
}

// dtlsVersion names a version on the wire.
func dtlsVersion(v uint16) string {
	switch v {
	case 0xFEFF:
		return "DTLS 1.0"
	case 0xFEFD:
		return "DTLS 1.2"
	case 0xFEFC:
		return "DTLS 1.3"
	}
	return fmt.Sprintf("0x%04X", v)
}

// cipherSuite gives the IANA name of a suite, or its number.
func cipherSuite(id uint16) string { return tls.CipherSuiteName(id) }

// srtpProfile gives the IANA name of a DTLS-SRTP protection profile (registry
// of 2023-02-03), its number if it has none, and "" for 0.
func srtpProfile(id uint16) string {
	switch id {
	case 0:
		return ""
	case 1:
		return "SRTP_AES128_CM_HMAC_SHA1_80"
	case 2:
		return "SRTP_AES128_CM_HMAC_SHA1_32"
	case 5:
		return "SRTP_NULL_HMAC_SHA1_80"
	case 6:
		return "SRTP_NULL_HMAC_SHA1_32"
	case 7:
		return "SRTP_AEAD_AES_128_GCM"
	case 8:
		return "SRTP_AEAD_AES_256_GCM"
	}
	return fmt.Sprintf("0x%04X", id)
}
