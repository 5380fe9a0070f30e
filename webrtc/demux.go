package webrtc

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"

	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
)

// kind is what a datagram of WebRTC is, told by its first bytes.
type kind int

const (
	kindOther kind = iota
	kindSTUN
	kindChannel // TURN channel data
	kindDTLS
	kindRTP
	kindRTCP
)

// demux sorts a datagram by RFC 7983 as updated by RFC 9443, and RTP from
// RTCP by RFC 5761.
func demux(b []byte) kind {
	switch {
	case len(b) < 4:
		return kindOther
	case b[0] < 4:
		if stun.IsMessage(b) {
			return kindSTUN
		}
	case b[0] >= 20 && b[0] < 64:
		return kindDTLS
	case b[0] >= 64 && b[0] < 80:
		if int(binary.BigEndian.Uint16(b[2:])) <= len(b)-4 {
			return kindChannel
		}
	case b[0] >= 128 && b[0] < 192:
		if b[1] >= 192 && b[1] <= 223 {
			return kindRTCP
		}
		return kindRTP
	}
	return kindOther
}

// The attributes of TURN, RFC 8656, that lead to what is relayed.
const (
	attrChannelNumber = stun.AttrType(0x000C)
	attrPeer          = stun.AttrType(0x0012)
	attrData          = stun.AttrType(0x0013)
)

// A binding is what one STUN message says that helps to sort other packets.
type binding struct {
	ufrag   string         // of the browser, from an ICE check
	channel uint16         // bound to peer by this request
	peer    netip.AddrPort // of a channel or of data
	data    []byte         // relayed in a Send or Data indication
}

func readSTUN(b []byte, sent bool) (binding, bool) {
	m := &stun.Message{Raw: b}
	if m.Decode() != nil {
		return binding{}, false
	}
	var out binding
	switch m.Type {
	case stun.BindingRequest:
		// The user name of a check is "receiver:sender", RFC 8445.
		name, err := m.Get(stun.AttrUsername)
		receiver, sender, ok := strings.Cut(string(name), ":")
		if err != nil || !ok {
			return out, true
		}
		if out.ufrag = receiver; sent {
			out.ufrag = sender
		}
	case stun.NewType(stun.MethodChannelBind, stun.ClassRequest):
		number, err := m.Get(attrChannelNumber)
		if err == nil && len(number) >= 2 {
			out.channel, out.peer = binary.BigEndian.Uint16(number), peerOf(m)
		}
	case stun.NewType(stun.MethodSend, stun.ClassIndication), stun.NewType(stun.MethodData, stun.ClassIndication):
		if data, err := m.Get(attrData); err == nil {
			out.data, out.peer = data, peerOf(m)
		}
	}
	return out, true
}

func peerOf(m *stun.Message) netip.AddrPort {
	var xor stun.XORMappedAddress
	if xor.GetFromAs(m, attrPeer) != nil {
		return netip.AddrPort{}
	}
	return (&net.UDPAddr{IP: xor.IP, Port: xor.Port}).AddrPort()
}

// media is the clear part of an SRTP packet.
type media struct {
	ssrc uint32
	size int    // of the payload, with its authentication tag
	loud uint16 // bit n: header extension n is one byte long and does not say silence, see RFC 6464
}

func readRTP(b []byte) (media, bool) {
	var h rtp.Header
	n, err := h.Unmarshal(b)
	if err != nil || n > len(b) {
		return media{}, false
	}
	out := media{ssrc: h.SSRC, size: len(b) - n}
	for _, id := range h.GetExtensionIDs() {
		if x := h.GetExtension(id); id < 16 && len(x) == 1 && x[0]&0x7F != 127 {
			out.loud |= 1 << id
		}
	}
	return out, true
}

// channelOf is the number of TURN channel data.
func channelOf(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
