// Package turn asks STUN and TURN servers what they do for whom, and judges
// the answers.
//
// A TURN server relays datagrams for those who may not reach each other. One
// that does so for everybody, or into its own network, is a hole in somebody
// else's wall. [Check] therefore asks a server, over each of its transports:
// is it there, does it want credentials, what does it give who has them, for
// how long are they good, and to which addresses would it relay? Only the
// permission to relay is asked for. No data is relayed, unless the caller owns
// the listener to which it goes.
//
//	Check ─► Transcript (raw exchanges) ─► Read ─► Facts ─► Rules
//
// The exchanges are the evidence. [Read] is a pure function of them, so that
// what a server did can be judged again when it is long gone.
//
// A permission is weaker evidence than relayed data: a packet filter behind
// the server may still drop what the server would send. Servers in use decide
// here, however: coturn answers CreatePermission and ChannelBind for a denied
// peer with 403 and installs nothing.
//
// The relevant documents are RFC 8489 (STUN), RFC 8656 (TURN), RFC 6062 (TCP
// allocations), RFC 5780 (behaviour discovery), RFC 7064 and RFC 7065 (URIs).
package turn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"vksprobe/probe"
)

// Rules are the rules of this package.
var Rules probe.Set

// A Server is what is to be checked. Username and Credential are secrets and
// come together or not at all; no observation contains them.
type Server struct {
	URL        string // "turn:host:3478?transport=udp", "turns:…", "stun:…", "stuns:…"
	Username   string
	Credential string
}

// Options say how a server is checked. Only Dial is required.
type Options struct {
	// Dial opens every socket of the check, network being "udp" or "tcp". It
	// is where the scope is enforced: its errors become failures of the
	// exchange that needed the socket, and nothing is sent.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Secure makes a TLS or DTLS client of a socket, transport being "tls" or
	// "dtls"; by default with [Secure].
	Secure func(ctx context.Context, transport, host string, conn net.Conn) (net.Conn, error)

	Timeout time.Duration // for one question, by default 8 s
	RTO     time.Duration // first retransmission over UDP, by default 500 ms as RFC 8489 has it
	Linger  time.Duration // for more datagrams after the answer to an unauthenticated question, by default 200 ms

	// Wait bounds the time for which Check waits to see a time-limited
	// credential expire. A credential that lives longer is not waited for.
	Wait time.Duration

	// Connect asks with Connect (RFC 6062), too, but only for the server's
	// own loopback addresses and the Witness. The server then opens a TCP
	// connection to the peer, although nothing is sent over it.
	Connect bool

	// Witness is a listener of the caller. One datagram with random bytes is
	// relayed to it when the server permits its address, and what arrives
	// there goes into the transcript.
	Witness net.PacketConn
}

// The transports by which a server can be reached.
const (
	overUDP  = "udp"
	overTCP  = "tcp"
	overTLS  = "tls"
	overDTLS = "dtls"
)

// network is the network on which a transport runs.
var network = map[string]string{overUDP: "udp", overTCP: "tcp", overTLS: "tcp", overDTLS: "udp"}

// A door is a way into a server.
type door struct {
	transport string
	address   string // host:port
	aside     bool   // asked only whether it is there
}

// A place is a parsed URL of a server.
type place struct {
	host  string
	relay bool // turn or turns
	doors []door
}

// parse reads a URI of RFC 7064 or RFC 7065. Without a transport in it there
// is a door for each that the scheme has.
func parse(uri string) (place, error) {
	wrong := func(why string) (place, error) {
		return place{}, fmt.Errorf("%q is no URL of a STUN or TURN server: %s", uri, why)
	}
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return wrong("no scheme")
	}
	scheme = strings.ToLower(scheme)
	rest, query, _ := strings.Cut(rest, "?")
	if strings.ContainsAny(rest, "/@# ") {
		return wrong("it takes a host and a port only")
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]"), ""
		if _, err := netip.ParseAddr(host); strings.Contains(host, ":") && err != nil {
			return wrong("no host and port")
		}
	}
	if host == "" {
		return wrong("no host")
	}
	plain, secure := []string{overUDP, overTCP}, []string{overTLS, overDTLS}
	var transports []string
	standard := "3478"
	switch scheme {
	case "stun", "turn":
		transports = plain
	case "stuns", "turns":
		transports, standard = secure, securePort
	default:
		return wrong("the scheme is none of stun, stuns, turn and turns")
	}
	switch name, value, _ := strings.Cut(query, "="); {
	case query == "":
	case name != "transport" || !strings.HasPrefix(scheme, "turn"):
		return wrong("unknown parameter")
	case value == "udp" && scheme == "turn":
		transports = []string{overUDP}
	case value == "udp":
		transports = []string{overDTLS}
	case value == "tcp" && scheme == "turn":
		transports = []string{overTCP}
	case value == "tcp":
		transports = []string{overTLS}
	default:
		return wrong("unknown transport")
	}
	port = cmp.Or(port, standard)
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return wrong("no such port")
	}
	p := place{host: host, relay: strings.HasPrefix(scheme, "turn")}
	for _, t := range transports {
		p.doors = append(p.doors, door{transport: t, address: net.JoinHostPort(host, port)})
	}
	if scheme == "turn" && port != securePort {
		p.doors = append(p.doors, door{transport: overTLS, address: net.JoinHostPort(host, securePort), aside: true})
	}
	return p, nil
}

// securePort is the standard port of stuns and turns. Who asks a turn server
// is also told whether there is TLS at this port.
const securePort = "5349"

// Check asks the server and returns what was said. What a server does not do
// is in the transcript; an error means that the check itself could not be made
// or was cut short by ctx, and the transcript then ends there. Allocations
// are ended before Check returns.
func Check(ctx context.Context, s Server, o Options) (Transcript, error) {
	p, err := parse(s.URL)
	switch {
	case err != nil:
		return nil, err
	case o.Dial == nil:
		return nil, errors.New("checking a server takes a dial function")
	case (s.Username == "") != (s.Credential == ""):
		return nil, errors.New("a user name and a credential come together or not at all")
	case len(s.Username) > maxUsername:
		return nil, fmt.Errorf("the user name is longer than %d bytes", maxUsername)
	}
	if o.Secure == nil {
		o.Secure = Secure
	}
	o.Timeout = cmp.Or(o.Timeout, 8*time.Second)
	o.RTO = cmp.Or(o.RTO, 500*time.Millisecond)
	o.Linger = cmp.Or(o.Linger, 200*time.Millisecond)
	c := &check{server: s, place: p, options: o}
	c.run(ctx)
	if err := ctx.Err(); err != nil {
		return c.transcript, fmt.Errorf("checking %s: %w", s.URL, err)
	}
	return c.transcript, nil
}

// maxUsername is the bound of RFC 8489, section 14.3.
const maxUsername = 508
