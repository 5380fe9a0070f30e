package turn

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/pion/stun/v4"

	"vksprobe/probe"
)

// Bounds of what one question may bring in.
const (
	maxMessages = 64
	maxBytes    = 128 << 10
	maxSends    = 7 // Rc of RFC 8489, section 6.2.1
)

// errGarbage says that a stream carries neither STUN nor ChannelData.
var errGarbage = errors.New("neither a STUN message nor ChannelData")

// A flow is one socket to the server: one 5-tuple.
type flow struct {
	c         *check
	n         int
	transport string
	conn      net.Conn
	stream    *bufio.Reader // nil where datagrams arrive
	buf       []byte        // of a datagram
	silent    bool          // nothing more is to be expected

	realm, nonce string
	allocated    bool
	channel      uint16
}

// open opens a socket through a door. When that fails it is on record and the
// result is nil.
func (c *check) open(ctx context.Context, d door, why Question) *flow {
	c.conns++
	x := Exchange{Time: time.Now().UTC(), Conn: c.conns, Transport: d.transport, Remote: d.address, Ask: why}
	fail := func(err error) *flow {
		x.Failure, x.Seconds = failureOf(ctx, err), time.Since(x.Time).Seconds()
		c.add(x)
		return nil
	}
	dial, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	conn, err := c.options.Dial(dial, network[d.transport], d.address)
	if err != nil {
		return fail(err)
	}
	x.Local, x.Remote = conn.LocalAddr().String(), conn.RemoteAddr().String()
	if d.transport == overTLS || d.transport == overDTLS {
		secured, err := c.options.Secure(dial, d.transport, c.place.host, conn)
		if err != nil {
			conn.Close()
			return fail(err)
		}
		conn = secured
	}
	f := &flow{c: c, n: c.conns, transport: d.transport, conn: conn, channel: firstChannel}
	if network[d.transport] == "tcp" {
		f.stream = bufio.NewReader(conn)
	} else {
		f.buf = make([]byte, 1<<16)
	}
	return f
}

const firstChannel = 0x4000

// failureOf finds the code for an error of a socket.
func failureOf(ctx context.Context, err error) probe.Failure {
	var dns *net.DNSError
	var op *net.OpError
	var record tls.RecordHeaderError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, probe.ErrOutOfScope):
		return probe.OutOfScope
	case errors.Is(ctx.Err(), context.Canceled):
		return probe.Interrupted
	case errors.As(err, &dns) && dns.IsNotFound:
		return probe.DNSNXDomain
	case errors.As(err, &dns):
		return probe.DNSFailed
	case errors.Is(err, syscall.ECONNREFUSED):
		return probe.ConnectionRefused
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return probe.Unreachable
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return probe.Timeout
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"): // how crypto/tls marks alerts
		return probe.TLSAlert
	case errors.As(err, &record), errors.Is(err, errGarbage):
		return probe.NotRecognised
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return probe.ConnectionReset
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return probe.Timeout
	}
	return probe.UnknownFailure
}

// add puts an exchange on record.
func (c *check) add(x Exchange) {
	x.N, x.Server = len(c.transcript)+1, c.server.URL
	c.transcript = append(c.transcript, x)
}

// ask sends a request, again and again where datagrams may be lost, and waits
// for its answer. It returns nil when there is none. The key, if there is one,
// proves who answers.
func (f *flow) ask(ctx context.Context, why Question, m *stun.Message, key stun.MessageIntegrity) *stun.Message {
	x := Exchange{Time: time.Now().UTC(), Conn: f.n, Transport: f.transport, Ask: why, Sent: slices.Clone(m.Raw),
		Local: f.conn.LocalAddr().String(), Remote: f.conn.RemoteAddr().String()}
	stop := context.AfterFunc(ctx, func() { f.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err := f.exchange(ctx, &x, m, key)
	x.Seconds = time.Since(x.Time).Seconds()
	if answer == nil {
		f.silent = true
		if x.Failure = failureOf(ctx, err); x.Failure == probe.Timeout && len(x.Received) > 0 {
			x.Failure = probe.NotRecognised // somebody talks, but not to us
		}
	} else if key == nil && f.transport == overUDP && (why == AskBinding || why == AskChallenge) {
		f.linger(&x)
	}
	f.c.add(x)
	return answer
}

// exchange is ask without the record.
func (f *flow) exchange(ctx context.Context, x *Exchange, m *stun.Message, key stun.MessageIntegrity) (*stun.Message, error) {
	began, rto := time.Now(), f.c.options.RTO
	end := began.Add(f.c.options.Timeout)
	var next time.Time // of sending
	for size := 0; ; {
		now := time.Now()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !now.Before(end) {
			return nil, os.ErrDeadlineExceeded
		}
		if x.Times == 0 || f.stream == nil && !now.Before(next) && x.Times < maxSends {
			f.conn.SetWriteDeadline(end)
			if _, err := f.conn.Write(m.Raw); err != nil {
				return nil, err
			}
			x.Times++
			next, rto = now.Add(rto), 2*rto
		}
		until := end
		if f.stream == nil && x.Times < maxSends && next.Before(end) {
			until = next
		}
		f.conn.SetReadDeadline(until)
		if err := ctx.Err(); err != nil {
			return nil, err // the deadline just set may have hidden it
		}
		b, err := f.read()
		if len(b) > 0 {
			x.Received = append(x.Received, b)
			size += len(b)
		}
		switch {
		case f.stream == nil && isTimeout(err):
			continue
		case err != nil:
			return nil, err
		case answers(decode(b), m):
			got := decode(b)
			if x.Integrity = integrity(got, key); x.Integrity != integrityWrong {
				x.Answer = len(x.Received)
				return got, nil
			}
		}
		if len(x.Received) >= maxMessages || size >= maxBytes {
			return nil, errGarbage
		}
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// integrity checks an answer with the key. Refusals for want of credentials
// cannot carry an integrity: RFC 8489, section 9.2.5.
func integrity(m *stun.Message, key stun.MessageIntegrity) string {
	switch {
	case key == nil:
		return ""
	case !m.Contains(stun.AttrMessageIntegrity):
		return integrityAbsent
	case key.Check(m) != nil:
		return integrityWrong
	}
	return integrityRight
}

// linger takes in what else an unauthenticated question brings: who forged its
// sender would have it sent to somebody else.
func (f *flow) linger(x *Exchange) {
	f.conn.SetReadDeadline(time.Now().Add(f.c.options.Linger))
	for size := 0; len(x.Received) < maxMessages && size < maxBytes; {
		b, err := f.read()
		if err != nil {
			return
		}
		x.Received = append(x.Received, b)
		size += len(b)
	}
}

// read reads a datagram or the next message of a stream. Beside an error of a
// stream it returns what came before it.
func (f *flow) read() ([]byte, error) {
	if f.stream == nil {
		n, err := f.conn.Read(f.buf)
		return bytes.Clone(f.buf[:n]), err
	}
	for {
		head, err := f.stream.Peek(4)
		if err != nil {
			return bytes.Clone(head), err
		}
		length := int(binary.BigEndian.Uint16(head[2:]))
		channelData := false
		switch head[0] >> 6 {
		case 0:
			length += 20
		case 1:
			channelData, length = true, 4+(length+3)&^3
		default:
			some, _ := f.stream.Peek(f.stream.Buffered())
			return bytes.Clone(some), errGarbage
		}
		var b bytes.Buffer // grows as bytes come in, not as they are announced
		if _, err := io.CopyN(&b, f.stream, int64(length)); err != nil {
			return b.Bytes(), err
		}
		if !channelData {
			return b.Bytes(), nil
		}
	}
}

// close ends the allocation, if there is one, and the socket. It does so even
// when ctx has ended: nothing is left behind at somebody else's server.
func (f *flow) close(ctx context.Context) {
	if f == nil {
		return
	}
	if f.allocated {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.c.options.Timeout)
		f.silent = false
		f.signed(ctx, AskRelease, func() *stun.Message {
			return request(stun.MethodRefresh, stun.ClassRequest, lifetime(0))
		})
		cancel()
	}
	f.conn.Close()
}
