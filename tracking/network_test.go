package tracking

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe"
	"vksprobe/probe/netlog"
)

// stun is a STUN message of a type, with a user name if it is between peers.
func stun(kind uint16, user bool) []byte {
	b := binary.BigEndian.AppendUint16(nil, kind)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint32(b, stunMagic)
	b = append(b, make([]byte, 12)...)
	if user {
		b = append(b, 0, stunUsername, 0, 1, 'u', 0, 0, 0)
	}
	return b
}

func TestClassify(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want datagramClass
	}{
		"empty":                     {nil, otherDatagram},
		"question to a STUN server": {stun(0x0001, false), serverBinding},
		"check of a peer":           {stun(0x0001, true), peerCheck},
		"answer":                    {stun(0x0101, false), answerDatagram},
		"error":                     {stun(0x0111, false), answerDatagram},
		"Allocate":                  {stun(0x0003, false), relayDatagram},
		"Send indication":           {stun(0x0016, false), relayDatagram},
		"ChannelData":               {[]byte{0x40, 0, 0, 0}, relayDatagram},
		"DTLS":                      {[]byte{22, 254, 253}, mediaDatagram},
		"RTP":                       {[]byte{0x80, 111}, mediaDatagram},
		"QUIC":                      {[]byte{0xc3, 0, 0, 0, 1}, otherDatagram},
		"no magic cookie":           {make([]byte, 20), otherDatagram},
		"attribute cut off":         {append(stun(0x0001, false), 0x80, 0x22, 0, 200, 1), serverBinding},
	} {
		if got := classify(c.b); got != c.want {
			t.Errorf("%s: class %d, want %d", name, got, c.want)
		}
	}
}

// TestPeers has a log with packets to peers of all kinds.
func TestPeers(t *testing.T) {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	rec := &probe.Record{Target: probe.Target{Link: "https://meet.example.org/Room-Ab3x9"},
		Timeline: probe.Timeline{{Participant: 1, Phase: probe.Landing, Time: start}, {Participant: 1, Phase: probe.InMeeting, Time: start.Add(time.Minute)}}}
	d, err := Data{}.load()
	if err != nil {
		t.Fatal(err)
	}
	b := newBook(rec, 1, newOwner(rec.Target), d)
	b.ice[3479] = []string{"traceless.third.test"}
	n := newNetwork(b, newSearch(b))
	event := int64(0)
	at := func(seconds int) netlog.Stamp {
		event++
		return netlog.Stamp{Time: start.Add(time.Duration(seconds) * time.Second), Event: event}
	}
	lookup := func(host, address string) {
		l := &netlog.Lookup{Host: host, Start: at(1)}
		if address != "" {
			l.Answers = []netlog.Answer{{Name: host, Addresses: []netip.Addr{netip.MustParseAddr(address)}}}
		}
		n.lookup(l)
	}
	exchange := func(socket int64, remote string, second int, sent []byte, received ...[]byte) {
		n.datagram(&netlog.Datagram{Stamp: at(second), Socket: socket, Sent: true, Remote: netip.MustParseAddrPort(remote), Length: len(sent), Payload: sent})
		for _, p := range received {
			n.datagram(&netlog.Datagram{Stamp: at(second), Socket: socket, Remote: netip.MustParseAddrPort(remote), Length: len(p), Payload: p})
		}
	}
	local := netip.MustParseAddrPort("192.0.2.1:5000")
	quic := netip.MustParseAddrPort("203.0.113.4:443")

	lookup("stun.third.test", "203.0.113.8")
	lookup("prefetch.third.test", "203.0.113.9")
	lookup("6f0a3c1e.local", "")
	// in the order in which the log gives them: datagrams first, then sockets
	exchange(1, "203.0.113.8:3478", 2, stun(0x0001, false), stun(0x0101, false)) // STUN server with a name
	exchange(1, "203.0.113.20:3478", 3, stun(0x0003, false))                     // TURN server without one, no answer
	exchange(1, "203.0.113.21:3479", 3, stun(0x0001, false))                     // STUN server whose name the system resolved
	exchange(1, "203.0.113.30:40000", 61, stun(0x0001, true), []byte{0x80, 1})   // peer
	exchange(1, "203.0.113.5:10000", 62, []byte{0x80, 1}, []byte{0x80, 1})       // at an address of the meeting
	exchange(2, "192.0.2.53:53", 1, []byte{1, 2}, []byte{1, 2})                  // question to a name server
	exchange(3, "203.0.113.4:443", 4, []byte{0xc3, 0, 0, 0}, []byte{0xc3, 0, 0}) // QUIC
	exchange(5, "224.0.0.251:5353", 5, []byte{0, 0})                             // asking for .local names
	n.socket(&netlog.Socket{ID: 1, Network: "udp"})
	n.socket(&netlog.Socket{ID: 2, Network: "udp", Opener: "DNS_TRANSACTION"})
	n.socket(&netlog.Socket{ID: 3, Network: "udp", Opener: "QUIC_SESSION_POOL_JOB", Group: "https://quic.third.test", Local: local, Remote: quic})
	n.socket(&netlog.Socket{ID: 4, Network: "udp", Remote: netip.MustParseAddrPort("8.8.8.8:53")}) // connected to find a route, no packet
	n.socket(&netlog.Socket{ID: 6, Network: "tcp", Group: "https://meet.example.org", Local: local, Remote: netip.MustParseAddrPort("203.0.113.5:443"),
		Attempts: []netlog.Attempt{{Stamp: at(1), Address: netip.MustParseAddrPort("203.0.113.5:443")}}, Owners: []int64{9}})
	n.session(&netlog.QUICSession{ID: 7, Host: "quic.third.test", Port: 443, Local: local, Remote: quic, Start: at(4), Received: 1})
	n.finish(nil)

	var got []string
	for _, c := range Contact.In(probe.NewFacts(b.observations())) {
		state := "connected"
		if !c.Connected {
			state = "unanswered"
		}
		got = append(got, fmt.Sprintf("%s %s [%s] [%s] %d/%d %s", c.Host, c.Party, strings.Join(c.Transports, " "), strings.Join(c.Mechanisms, " "), c.Sent, c.Received, state))
	}
	slices.Sort(got)
	want := []string{
		"203.0.113.20 unclear [turn udp] [ice_server] 20/0 unanswered",
		"203.0.113.30 unclear [media stun udp] [media] 28/2 connected",
		"224.0.0.251 browser [udp] [] 2/0 unanswered",
		"6f0a3c1e.local browser [dns] [] 0/0 unanswered",
		"meet.example.org first [media udp] [media] 2/2 connected",
		"meet.example.org first [tcp] [] 0/0 connected",
		"prefetch.third.test third [dns] [] 0/0 unanswered",
		"quic.third.test third [quic] [] 4/3 connected",
		"traceless.third.test third [stun udp] [ice_server] 20/0 unanswered",
		"stun.third.test third [dns stun udp] [ice_server] 20/20 connected",
	}
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("contacts (-want +got):\n%s", d)
	}
}
