package turn

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// A Class is a kind of address to which nobody should get a relay, because it
// lies behind the server's own walls.
type Class string

// The classes of peers.
const (
	Loopback    Class = "loopback"
	Unspecified Class = "unspecified" // on many systems another name for loopback
	Metadata    Class = "metadata"    // where clouds keep the credentials of machines
	LinkLocal   Class = "link_local"
	Private     Class = "private"
	Shared      Class = "shared" // of carriers, RFC 6598
	Multicast   Class = "multicast"
	Broadcast   Class = "broadcast"
	Own         Class = "own"    // the server itself, by an address that everybody sees
	Public      Class = "public" // none of the above
)

// asked are the peers for which every server is asked. The port says nothing
// in CreatePermission; in ChannelBind it is that of the discard protocol.
// Nothing is sent to any of them.
var asked = [...]string{
	"127.0.0.1", "127.255.255.254", "0.0.0.0",
	"169.254.169.254", "169.254.1.1",
	"10.0.0.1", "10.255.255.254", "172.16.0.1", "172.31.255.254", "192.168.0.1",
	"100.64.0.1",
	"224.0.0.1", "239.255.255.250", "255.255.255.255",
	"::1", "::",
	"fd00:ec2::254", "fe80::1", "fe80::a9fe:a9fe",
	"fc00::1", "fd00::1",
	"ff02::1",
	"::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::ffff:192.168.0.1",
	"::127.0.0.1",                                          // IPv4-compatible, RFC 4291
	"2002:7f00:1::1", "2002:a9fe:a9fe::1", "2002:a00:1::1", // 6to4, RFC 3056
	"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", // NAT64, RFC 6052
}

const discard = 9

// peersOf lists the peers of one address family and, where it is none of
// them, the server itself.
func peersOf(ipv6 bool, server netip.Addr) []netip.AddrPort {
	var all []netip.AddrPort
	for _, s := range asked {
		if a := netip.MustParseAddr(s); a.Is6() == ipv6 {
			all = append(all, netip.AddrPortFrom(a, discard))
		}
	}
	own := netip.AddrPortFrom(server.Unmap(), discard)
	if server.IsValid() && own.Addr().Is6() == ipv6 && ClassOf(own.Addr()) == Public && !slices.Contains(all, own) {
		all = append(all, own)
	}
	return all
}

// ranges are looked through in order.
var ranges = [...]struct {
	prefix string
	class  Class
}{
	{"169.254.169.254/32", Metadata},
	{"fd00:ec2::254/128", Metadata},   // Amazon
	{"fe80::a9fe:a9fe/128", Metadata}, // OpenStack
	{"127.0.0.0/8", Loopback},
	{"::1/128", Loopback},
	{"0.0.0.0/8", Unspecified},
	{"::/128", Unspecified},
	{"169.254.0.0/16", LinkLocal},
	{"fe80::/10", LinkLocal},
	{"10.0.0.0/8", Private},
	{"172.16.0.0/12", Private},
	{"192.168.0.0/16", Private},
	{"fc00::/7", Private},
	{"100.64.0.0/10", Shared},
	{"224.0.0.0/4", Multicast},
	{"ff00::/8", Multicast},
	{"255.255.255.255/32", Broadcast},
}

// ClassOf tells what an address is, and for an IPv6 address that stands for an
// IPv4 address what that one is.
func ClassOf(a netip.Addr) Class {
	inner := embedded(a)
	for _, r := range ranges {
		if p := netip.MustParsePrefix(r.prefix); p.Contains(a) || p.Contains(inner) {
			return r.class
		}
	}
	return Public
}

// embedded returns the IPv4 address within an IPv6 address, the zero Addr when
// there is none.
func embedded(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return netip.Addr{}
	}
	b := a.As16()
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	const sixToFour = 0x2002
	nat64, compatible := netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("::/96")
	switch {
	case a.Is4In6(), nat64.Contains(a):
		return at(12)
	case binary.BigEndian.Uint16(b[:]) == sixToFour:
		return at(2)
	case compatible.Contains(a) && binary.BigEndian.Uint32(b[12:]) > 0xffff:
		return at(12)
	}
	return netip.Addr{}
}
