package dtls

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"

	"vksprobe/probe"
	"vksprobe/tls/hello"
)

// scan asks one server.
type scan struct {
	connect    Connect
	options    Options
	transcript Transcript
	deaf       int // joins in a row that came to nothing
	err        error
}

// enough reports whether no more joins are to be made.
func (s *scan) enough(ctx context.Context) bool {
	return ctx.Err() != nil || s.err != nil || len(s.transcript) >= min(s.options.Joins, maxExchanges) || s.deaf >= maxDeaf
}

// maxDeaf is how many joins in a row may come to nothing: a meeting that lets
// nobody in any more is left alone.
const maxDeaf = 2

// ask makes one join and one handshake in it. The answer is empty if there
// are no more joins to be made.
func (s *scan) ask(ctx context.Context, setup Setup, q Question, o offer) *reading {
	if s.enough(ctx) {
		return &reading{flight: &hello.Flight{}}
	}
	if len(s.transcript) > 0 && s.options.Pause > 0 {
		pause := time.NewTimer(s.options.Pause)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
	id, err := NewIdentity()
	if err != nil {
		s.err = err
		return &reading{flight: &hello.Flight{}}
	}
	x := Exchange{N: len(s.transcript) + 1, Server: s.options.Server, Setup: setup, Ask: q, Version: o.version, Detail: o.without, Start: time.Now().UTC()}
	begin := time.Now()
	line, err := s.connect(ctx, id, setup)
	if line != nil {
		x.Network, x.Address, x.Answered, x.Prints = line.Network, line.Address, line.Remote.Setup, line.Remote.Fingerprints
	}
	x.Joined = time.Since(begin).Seconds()
	if err != nil {
		x.Failure = failureOf(err, probe.NotJoined)
		s.deaf++
	} else {
		x.Start = time.Now().UTC()
		t := &talk{conn: line.Conn, x: &x, began: time.Now()}
		if setup == Active {
			err = t.client(ctx, s.options, o)
		} else {
			err = t.server(ctx, s.options, id)
		}
		line.Close()
		t.end()
		s.deaf++
		if slices.ContainsFunc(x.Chunks, func(c Chunk) bool { return !c.Sent }) {
			s.deaf = 0
		}
		x.Failure = failureOf(err, probe.UnknownFailure)
	}
	s.transcript = append(s.transcript, x)
	if s.options.Record != nil {
		s.options.Record(x)
	}
	return x.read()
}

// A talk is a handshake that goes on. It keeps the datagrams that pass.
type talk struct {
	conn  net.Conn
	x     *Exchange
	began time.Time

	mu    sync.Mutex
	bytes int
	over  bool
}

// keep adds a datagram to the exchange. It reports whether there is room for
// more.
func (t *talk) keep(sent bool, data []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || len(t.x.Chunks) == maxChunks || t.bytes+len(data) > maxBytes {
		return false
	}
	t.bytes += len(data)
	t.x.Chunks = append(t.x.Chunks, Chunk{Sent: sent, At: time.Since(t.began), Data: slices.Clone(data)})
	return true
}

func (t *talk) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}

var errTooMuch = errors.New("the far end sends without end")

// read returns the next datagram of DTLS (RFC 7983).
func (t *talk) read(b []byte) (int, error) {
	for {
		n, err := t.conn.Read(b)
		if err != nil {
			return 0, err
		}
		if n == 0 || b[0] < 20 || b[0] > 63 {
			continue
		}
		if !t.keep(false, b[:n]) {
			return 0, errTooMuch
		}
		return n, nil
	}
}

func (t *talk) write(b []byte) error {
	if !t.keep(true, b) {
		return errTooMuch
	}
	_, err := t.conn.Write(b)
	return err
}

// maxCookies is how many HelloVerifyRequests are answered.
const maxCookies = 3

// maxDatagram is the greatest payload of UDP.
const maxDatagram = 1 << 16

// client offers and reads until the server has said all that it says before
// it expects an answer, which it never gets.
func (t *talk) client(ctx context.Context, options Options, o offer) error {
	deadline := time.Now().Add(options.Timeout)
	stop := context.AfterFunc(ctx, func() { t.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var l listener
	var w hello.DatagramWriter
	send := func(all [][]byte) error {
		for _, b := range all {
			l.hear(Chunk{Sent: true, Data: b})
			if err := t.write(b); err != nil {
				return err
			}
		}
		return nil
	}
	c := o.hello()
	message := c.Marshal()
	if err := send(w.Write(message)); err != nil {
		return err
	}
	defer func() { t.write(w.Alert(alertUserCanceled)) }()
	buf := make([]byte, maxDatagram)
	cookies := 0
	again := time.Now().Add(options.RTO)
	for wait := options.RTO; !enough(&l); {
		until := again
		if deadline.Before(until) {
			until = deadline
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.conn.SetReadDeadline(until)
		n, err := t.read(buf)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case !isTimeout(err):
			return err
		case !time.Now().Before(deadline):
			return os.ErrDeadlineExceeded
		default:
			wait *= 2
			again = time.Now().Add(wait)
			if err := send(w.Again(message)); err != nil {
				return err
			}
			continue
		}
		before := len(l.in.records)
		l.hear(Chunk{Data: buf[:n]})
		if cookie, ok := hello.VerifyCookie(l.in.records[before:]); ok && cookies < maxCookies {
			cookies++
			c.Cookie = cookie
			message = c.Marshal()
			if err := send(w.Write(message)); err != nil {
				return err
			}
		}
	}
	return nil
}

// enough reports whether the server has said all that can be read: it waits
// for us, refused, or goes on encrypted. So it does after a retry, which is a
// choice. A far end that is a client itself will never say more.
func enough(l *listener) bool {
	f := &l.flight
	return f.Done || f.Alert != nil || f.Broken != nil || f.ChangeCipherSpec || f.Retry != nil ||
		f.ServerHello != nil && f.Version() == hello.DTLS13 || l.begun()
}

// server waits for the hello of the far end and then goes through with the
// handshake, so that it shows its certificate. There pion speaks for us.
func (t *talk) server(ctx context.Context, options Options, id *Identity) error {
	ctx, cancel := context.WithTimeout(ctx, options.Timeout)
	defer cancel()
	p := &packets{talk: t}
	defer p.Close() // ends reads
	quiet := &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled, ScopeLevels: map[string]logging.LogLevel{}}
	conn, err := dtls.ServerWithOptions(p, t.conn.RemoteAddr(), dtls.WithCertificates(id.Certificate), dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AES128_CM_HMAC_SHA1_32),
		dtls.WithLoggerFactory(quiet), dtls.WithFlightInterval(options.RTO))
	if err != nil {
		return err
	}
	err = conn.HandshakeContext(ctx)
	t.x.Complete = err == nil
	conn.Close()
	var l listener
	t.mu.Lock()
	for _, c := range t.x.Chunks {
		l.hear(c)
	}
	t.mu.Unlock()
	if l.begun() {
		return nil // all that was asked for; the rest is as it is
	}
	return err
}

// packets lets pion talk.
type packets struct{ *talk }

// ReadFrom reads a datagram.
func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := p.read(b)
	return n, p.conn.RemoteAddr(), err
}

// WriteTo writes a datagram.
func (p *packets) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), p.write(b) }

// Close ends all reads; the line is closed by who made it.
func (p *packets) Close() error { return p.conn.SetReadDeadline(time.Unix(1, 0)) }

// LocalAddr is an address of ours.
func (p *packets) LocalAddr() net.Addr { return p.conn.LocalAddr() }

// SetDeadline sets both deadlines.
func (p *packets) SetDeadline(at time.Time) error { return p.conn.SetDeadline(at) }

// SetReadDeadline sets the deadline of reads.
func (p *packets) SetReadDeadline(at time.Time) error { return p.conn.SetReadDeadline(at) }

// SetWriteDeadline sets the deadline of writes.
func (p *packets) SetWriteDeadline(at time.Time) error { return p.conn.SetWriteDeadline(at) }

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// failureOf maps what the network and pion say to the failures of the house.
func failureOf(err error, otherwise probe.Failure) probe.Failure {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, probe.ErrOutOfScope):
		return probe.OutOfScope
	case errors.Is(err, context.Canceled):
		return probe.Interrupted
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return probe.Timeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return probe.ConnectionRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return probe.Unreachable
	}
	return otherwise
}
