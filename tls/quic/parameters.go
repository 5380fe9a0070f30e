package quic

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
)

// A Parameter is a transport parameter (RFC 9000 section 18).
type Parameter struct {
	ID    uint64 `json:"id"`
	Name  string `json:"name"`            // in the IANA registry; "reserved", or "0x…" for others
	Value string `json:"value,omitempty"` // a number, addresses, versions, or hexadecimal
	Data  []byte `json:"-"`
}

// form is how a value is to be read.
type form int

const (
	opaque form = iota
	number
	addresses
	versions
)

// registry names what RFC 9000, RFC 9221, RFC 9287 and RFC 9368 have put in
// the IANA registry "QUIC Transport Parameters", and provisional entries that
// servers are known to send.
var registry = map[uint64]struct {
	name string
	form form
}{
	0x00:       {"original_destination_connection_id", opaque},
	0x01:       {"max_idle_timeout", number},
	0x02:       {"stateless_reset_token", opaque},
	0x03:       {"max_udp_payload_size", number},
	0x04:       {"initial_max_data", number},
	0x05:       {"initial_max_stream_data_bidi_local", number},
	0x06:       {"initial_max_stream_data_bidi_remote", number},
	0x07:       {"initial_max_stream_data_uni", number},
	0x08:       {"initial_max_streams_bidi", number},
	0x09:       {"initial_max_streams_uni", number},
	0x0A:       {"ack_delay_exponent", number},
	0x0B:       {"max_ack_delay", number},
	0x0C:       {"disable_active_migration", opaque},
	0x0D:       {"preferred_address", addresses},
	0x0E:       {"active_connection_id_limit", number},
	0x0F:       {"initial_source_connection_id", opaque},
	0x10:       {"retry_source_connection_id", opaque},
	0x11:       {"version_information", versions},
	0x20:       {"max_datagram_frame_size", number},
	0x2AB2:     {"grease_quic_bit", opaque},
	0x3127:     {"initial_rtt", number},
	0x3128:     {"google_connection_options", opaque},
	0x4752:     {"google_version", opaque},
	0xFF04DE1B: {"min_ack_delay", number},
}

// Parameters that bind a connection's IDs to its handshake (RFC 9000 section
// 7.3).
const (
	originalID uint64 = 0x00
	sourceID   uint64 = 0x0F
	retryID    uint64 = 0x10
)

// Reserved tells parameters that mean nothing (RFC 9000 section 18.1).
func (p Parameter) Reserved() bool { return p.ID%31 == 27 }

// OfConnection reports whether the value is another one on each connection.
func (p Parameter) OfConnection() bool {
	const resetToken = 0x02
	return p.ID == originalID || p.ID == sourceID || p.ID == retryID || p.ID == resetToken
}

// maxParameters bounds what is kept of one extension.
const maxParameters = 128

// ParseParameters reads the extension quic_transport_parameters; ok is false
// if it is broken, and what stands before that is returned.
func ParseParameters(data []byte) (all []Parameter, ok bool) {
	for s := cryptobyte.String(data); !s.Empty(); {
		id, ok := readVarint(&s)
		length, more := readVarint(&s)
		var value []byte
		if !ok || !more || length > uint64(len(s)) || !s.ReadBytes(&value, int(length)) || len(all) == maxParameters {
			return all, false
		}
		p := Parameter{ID: id, Name: fmt.Sprintf("0x%x", id), Data: value, Value: hex.EncodeToString(value)}
		known, has := registry[id]
		switch {
		case has:
			p.Name = known.name
		case p.Reserved():
			p.Name = "reserved"
		}
		if text, ok := known.form.read(value); ok {
			p.Value = text
		}
		all = append(all, p)
	}
	return all, true
}

// read returns a value in the way that people write it.
func (f form) read(value []byte) (text string, ok bool) {
	s := cryptobyte.String(value)
	switch f {
	case number:
		v, ok := readVarint(&s)
		return strconv.FormatUint(v, 10), ok && s.Empty()
	case addresses:
		var four, six []byte
		var port4, port6 uint16
		if !s.ReadBytes(&four, 4) || !s.ReadUint16(&port4) || !s.ReadBytes(&six, 16) || !s.ReadUint16(&port6) {
			return "", false
		}
		return fmt.Sprintf("%s %s", netip.AddrPortFrom(netip.AddrFrom4([4]byte(four)), port4), netip.AddrPortFrom(netip.AddrFrom16([16]byte(six)), port6)), true
	case versions:
		var v uint32
		for s.ReadUint32(&v) && len(text) < 1<<10 {
			if text != "" {
				text += " "
			}
			text += fmt.Sprintf("0x%08x", v)
		}
		return text, s.Empty()
	}
	return "", false
}

// ClientParameters is the extension of a client that gives the server nothing
// but leave to send a handshake, and whose connection ID has no length.
func ClientParameters() []byte {
	var b []byte
	for _, p := range []struct{ id, value uint64 }{{0x01, 10_000}, {0x03, 1472}, {0x04, 1 << 16}, {0x07, 1 << 14}, {0x09, 3}} {
		value := appendVarint(nil, p.value)
		b = append(appendVarint(appendVarint(b, p.id), uint64(len(value))), value...)
	}
	return append(appendVarint(b, sourceID), 0)
}

// Bound reports whether the parameters of a server name the connection IDs
// that were used, which shows that nobody on the way has changed them (RFC
// 9000 section 7.3).
func (r *Reader) Bound(all []Parameter) bool {
	matches := func(id uint64, want []byte) bool {
		i := slices.IndexFunc(all, func(p Parameter) bool { return p.ID == id })
		if i < 0 || want == nil {
			return i < 0 && want == nil
		}
		return slices.Equal(all[i].Data, want)
	}
	return matches(originalID, r.original) && matches(sourceID, r.Source()) && matches(retryID, r.retry)
}
