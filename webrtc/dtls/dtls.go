// Package dtls asks media servers which DTLS and SRTP they would agree to.
//
// A media server talks to those only who come by way of its signalling. So the
// program joins like a browser does, but with an [Identity] of its own in the
// session description: [Substitute] puts it in place of the browser's. Then
// ICE leads to the server and whatever goes over the path that it finds is
// ours to say. No media is sent.
//
//	Join ─► description of the far end ─► ICE ─► datagrams of DTLS
//	Enumerate ─► Transcript (raw handshakes) ─► Read ─► Facts
//
// A server takes part in one handshake per session. That was measured: pion,
// Janus and any other server on OpenSSL ignore a second ClientHello or answer
// it with the flight of the first (see TestSecondHello). So every question is
// a join. Two say most: in the first the server is the DTLS client and its
// hello lists all that it would do; in the second it is the server, gets a
// hello in which everything stands that there is, the weakest first, and
// chooses. What it accepts beyond that takes more joins, one for each suite
// and a few for the rest, and is asked on demand only.
//
// The relevant documents are RFC 5763, RFC 5764, RFC 8827, RFC 8842, RFC 8445,
// RFC 6347 and RFC 9147.
package dtls

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Options say how a server is asked.
type Options struct {
	Server string // what the server is called in observations: "media server of meet.example"
	Deep   bool   // everything that is accepted, which takes many joins
	Bare   bool   // it speaks DTLS to everybody and is always the server, as with Datagrams
	Joins  int    // bound on them, by default 2, and 80 if Deep

	Timeout time.Duration // for one handshake, by default 8 s
	RTO     time.Duration // first retransmission of a ClientHello, by default 500 ms; it doubles
	Pause   time.Duration // between two joins

	// Record is given each exchange when it is over; it may be nil.
	Record func(Exchange)
}

// A Line is a way to the far end on which DTLS can be spoken.
type Line struct {
	Conn    net.Conn // each Read and Write is one datagram
	Remote  Description
	Network string // "udp", "tcp"
	Address string // of the far end
	Close   func() // closes Conn, too
}

// Connect makes a session and returns the way to its far end, which nobody
// has used before. On an error the Line may be nil; if it is not, only what
// it says about the far end is used.
type Connect func(ctx context.Context, id *Identity, setup Setup) (*Line, error)

// Enumerate joins and asks until it knows what the options want, and returns
// what was said. A server that does not answer is in the transcript; an error
// means that the check itself could not be made or was cut short by ctx, and
// the transcript then ends there.
func Enumerate(ctx context.Context, connect Connect, o Options) (Transcript, error) {
	if connect == nil {
		return nil, errors.New("asking a media server takes a way to it")
	}
	if o.Joins == 0 {
		o.Joins = 2
		if o.Deep {
			o.Joins = 80
		}
	}
	if o.Timeout == 0 {
		o.Timeout = 8 * time.Second
	}
	if o.RTO == 0 {
		o.RTO = 500 * time.Millisecond
	}
	s := &scan{connect: connect, options: o}
	s.run(ctx)
	if err := ctx.Err(); err != nil {
		return s.transcript, fmt.Errorf("asking %s: %w", o.Server, err)
	}
	return s.transcript, s.err
}

// Datagrams is a Connect for a server that speaks DTLS to everybody, without
// ICE and without a session: each call opens a socket of its own. It takes
// [Options].Bare.
func Datagrams(dial func(ctx context.Context) (net.Conn, error)) Connect {
	return func(ctx context.Context, _ *Identity, _ Setup) (*Line, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &Line{Conn: conn, Network: conn.RemoteAddr().Network(), Address: conn.RemoteAddr().String(), Close: func() { conn.Close() }}, nil
	}
}
