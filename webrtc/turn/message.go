package turn

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pion/stun/v4"
)

// Attributes of RFC 8656 that the STUN library does not name.
const (
	attrAdditionalAddressFamily stun.AttrType = 0x8000
	attrAddressErrorCode        stun.AttrType = 0x8001
)

// Address families as STUN numbers them.
const (
	familyIPv4 = 1
	familyIPv6 = 2
)

// Numbers of REQUESTED-TRANSPORT, from the registry of IP protocols.
const (
	relayTCP = 6
	relayUDP = 17
)

const magicCookie = 0x2112A442

// A setter adds to a message.
type setter func(*stun.Message)

// request begins a request with a random transaction id.
func request(method stun.Method, class stun.MessageClass, set ...setter) *stun.Message {
	m := stun.New()
	m.TransactionID = stun.NewTransactionID()
	m.SetType(stun.NewType(method, class))
	m.WriteHeader()
	for _, s := range set {
		s(m)
	}
	return m
}

func requestedTransport(number byte) setter {
	return func(m *stun.Message) { m.Add(stun.AttrRequestedTransport, []byte{number, 0, 0, 0}) }
}

func family(attr stun.AttrType, number byte) setter {
	return func(m *stun.Message) { m.Add(attr, []byte{number, 0, 0, 0}) }
}

func lifetime(d time.Duration) setter {
	return func(m *stun.Message) {
		m.Add(stun.AttrLifetime, binary.BigEndian.AppendUint32(nil, uint32(d/time.Second)))
	}
}

func channelNumber(n uint16) setter {
	return func(m *stun.Message) {
		m.Add(stun.AttrChannelNumber, append(binary.BigEndian.AppendUint16(nil, n), 0, 0))
	}
}

func payload(b []byte) setter {
	return func(m *stun.Message) { m.Add(stun.AttrData, b) }
}

// peerAddress adds XOR-PEER-ADDRESS. Unlike the library it leaves addresses
// such as ::ffff:127.0.0.1 as they are: whether a server sees through them is
// one of the questions.
func peerAddress(a netip.AddrPort) setter {
	return func(m *stun.Message) {
		fam := byte(familyIPv4)
		if a.Addr().Is6() {
			fam = familyIPv6
		}
		v := binary.BigEndian.AppendUint16([]byte{0, fam}, a.Port())
		m.Add(stun.AttrXORPeerAddress, xor(append(v, a.Addr().AsSlice()...), m.TransactionID))
	}
}

// xor applies the magic cookie and the transaction id to an address attribute
// in place; twice gives what was there before.
func xor(v []byte, id [stun.TransactionIDSize]byte) []byte {
	key := append(binary.BigEndian.AppendUint32(nil, magicCookie), id[:]...)
	for i := range min(2, max(0, len(v)-2)) {
		v[2+i] ^= key[i] // the port
	}
	for i := range min(len(key), max(0, len(v)-4)) {
		v[4+i] ^= key[i]
	}
	return v
}

// address reads an address attribute, the zero value when it is malformed.
func address(v []byte) netip.AddrPort {
	if len(v) < 4 {
		return netip.AddrPort{}
	}
	a, ok := netip.AddrFromSlice(v[4:])
	if !ok || a.Is6() != (v[1] == familyIPv6) {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(v[2:]))
}

// addresses reads every attribute of a type, whose addresses are XORed or not.
func addresses(m *stun.Message, attr stun.AttrType, xored bool) []netip.AddrPort {
	var all []netip.AddrPort
	for _, a := range m.Attributes {
		if a.Type != attr {
			continue
		}
		v := bytes.Clone(a.Value)
		if xored {
			v = xor(v, m.TransactionID)
		}
		if at := address(v); at.IsValid() {
			all = append(all, at)
		}
	}
	return all
}

// text reads a text attribute as it may be shown: printable, and not endless.
func text(m *stun.Message, attr stun.AttrType) string {
	const most = 256
	v, err := m.Get(attr)
	if err != nil {
		return ""
	}
	v = v[:min(len(v), most)]
	if !utf8.Valid(v) {
		v = bytes.ToValidUTF8(v, []byte("\uFFFD"))
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, string(v)))
}

// granted reads LIFETIME in seconds.
func granted(m *stun.Message) (seconds uint32, ok bool) {
	v, err := m.Get(stun.AttrLifetime)
	if err != nil || len(v) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(v), true
}

// code reads ERROR-CODE, 0 when there is none.
func code(m *stun.Message) int {
	var e stun.ErrorCodeAttribute
	if err := e.GetFrom(m); err != nil {
		return 0
	}
	return int(e.Code)
}

// success and failed tell the class of a message that may be nil.
func success(m *stun.Message) bool {
	return m != nil && m.Type.Class == stun.ClassSuccessResponse
}

func failed(m *stun.Message, with int) bool {
	return m != nil && m.Type.Class == stun.ClassErrorResponse && code(m) == with
}

// decode reads a message, nil when b is none.
func decode(b []byte) *stun.Message {
	m := stun.New()
	if err := stun.Decode(b, m); err != nil {
		return nil
	}
	return m
}

// answers tells whether a message is a response to a request.
func answers(m, request *stun.Message) bool {
	return m != nil && request != nil && m.TransactionID == request.TransactionID && m.Type.Method == request.Type.Method &&
		(m.Type.Class == stun.ClassSuccessResponse || m.Type.Class == stun.ClassErrorResponse)
}
