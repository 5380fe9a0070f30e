package enumerate

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"math"
	"net"
	"syscall"
	"time"

	"vksprobe/probe"
	"vksprobe/tls/hello"
)

// An ask is one question to the server and what is done with the answer.
type ask struct {
	question Question
	detail   string
	hello    *hello.ClientHello
	first    []byte // instead of hello
	shares   []hello.Share
	version  uint32 // of QUIC, if not the one of the scan
	psk      *hello.PSK
	secret   []byte
	session  *hello.Session
	wait     time.Duration             // for the answer, if less than the usual
	until    func(*hello.Flight) bool  // there is enough; nil: the server has chosen
	talk     func(*conversation) error // goes on after that
	once     bool                      // a silent refusal is not asked again
	then     func(*answer)
	stage    *stage
}

// A verdict is what an answer means.
type verdict int

const (
	unsure  verdict = iota // no answer, and no proof that it was meant so
	granted                // the server chose something
	refused                // it refused, by an alert or silently again and again
)

// An answer is what came of an ask.
type answer struct {
	*hello.Flight
	exchange *Exchange
	verdict  verdict
	gone     bool // the server lets nobody in
}

// A conversation is a connection on which more is said than a hello.
type conversation struct {
	conn   net.Conn
	flight *hello.Flight
	ex     *Exchange
	got    int           // bytes
	first  time.Duration // until the first of them
}

// maxReceived bounds what is read of one connection.
const maxReceived = 2 << 20

var errTooMuch = errors.New("the server sends without end")

func (c *conversation) send(b []byte) error {
	c.ex.Chunks = append(c.ex.Chunks, Chunk{Sent: true, At: time.Since(c.ex.Start), Data: b})
	c.flight.Sent(b)
	_, err := c.conn.Write(b)
	return err
}

// maxChunks bounds how many pieces are kept apart: a server may send byte by
// byte.
const maxChunks = 1024

func (c *conversation) keep(data []byte) {
	if n := len(c.ex.Chunks); n >= maxChunks && !c.ex.Chunks[n-1].Sent {
		c.ex.Chunks[n-1].Data = append(c.ex.Chunks[n-1].Data, data...)
		return
	}
	c.ex.Chunks = append(c.ex.Chunks, Chunk{At: time.Since(c.ex.Start), Data: data})
}

// read reads until there is enough, or the server has ended the handshake.
func (c *conversation) read(until func(*hello.Flight) bool) error {
	buf := make([]byte, 16<<10)
	for !until(c.flight) && c.flight.Alert == nil && c.flight.Broken == nil {
		n, err := c.conn.Read(buf)
		if n > 0 {
			if c.got == 0 {
				c.first = time.Since(c.ex.Start)
			}
			data := append([]byte(nil), buf[:n]...)
			c.keep(data)
			c.flight.Received(data)
			c.got += n
		}
		if c.got > maxReceived {
			return errTooMuch
		}
		if err != nil {
			if until(c.flight) {
				return nil
			}
			return err
		}
	}
	return nil
}

// chosen is enough for most questions.
func chosen(f *hello.Flight) bool { return f.Chosen() != nil || f.SSL2 != nil }

// complete waits for all that a server sends before it expects an answer. A
// server that chose TLS 1.3 encrypts what follows.
func complete(f *hello.Flight) bool {
	return f.Done || f.ChangeCipherSpec || f.SSL2 != nil || f.Chosen() != nil && f.Version() == hello.TLS13
}

// decrypted waits for the server's Finished also in TLS 1.3.
func decrypted(f *hello.Flight) bool {
	return f.Done || f.ChangeCipherSpec || f.Retry != nil && f.ServerHello == nil
}

// try makes one connection and asks.
func (s *scan) try(ctx context.Context, a *ask) *answer {
	conn, err := s.pool.get(ctx)
	ex := &Exchange{Address: s.target.Address, Question: a.question, Detail: a.detail, Start: time.Now(),
		Shares: a.shares, PSK: a.psk, Secret: a.secret, Session: a.session}
	if s.target.Transport.datagrams() {
		ex.Transport = s.target.Transport
	}
	f := ex.flight()
	if err != nil {
		ex.Failure = FailureOf(err)
		return &answer{Flight: f, exchange: ex, gone: true}
	}
	s.fly(1)
	defer s.fly(-1)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	defer s.pool.put(ctx, conn)
	wait := s.options.Timeout
	leave := func() {}
	var packets *quicConn
	switch s.target.Transport {
	case UDP:
		var resend time.Duration
		wait, resend = s.patience()
		datagrams := newDatagramConn(conn, resend)
		conn = datagrams
		leave = func() { datagrams.leave(); ex.Start, ex.Chunks = datagrams.began, datagrams.chunks }
	case QUIC:
		packets = newQUICConn(conn, cmp.Or(a.version, s.packets), f, probeTimeout(s.pool.slowest()))
		conn = packets
		leave = func() { packets.leave(); ex.Start, ex.Chunks = packets.began, packets.chunks }
	}
	if a.wait > 0 {
		wait = min(wait, a.wait)
	}
	conn.SetDeadline(time.Now().Add(wait))
	c := &conversation{conn: conn, flight: f, ex: ex}
	first := a.first
	if first == nil {
		h := a.hello
		if a.question != AskTolerance && a.psk == nil && !s.small && s.target.Transport != QUIC {
			h = pad(h)
		}
		first = hello.Records(hello.ContentHandshake, min(h.Version, hello.TLS10), h.Marshal()) // DTLS puts records of its own around it
	}
	until := a.until
	if until == nil {
		until = chosen
	}
	err = c.send(first)
	if err == nil {
		err = c.read(until)
	}
	if err == nil && a.talk != nil && until(f) {
		err = a.talk(c)
	}
	s.pool.answered(c.first)
	leave()
	r := &answer{Flight: f, exchange: ex, verdict: judge(f)}
	switch {
	case packets != nil && packets.client.Negotiated != nil && a.question == AskVersions: // which is what it asks for
		r.verdict = refused
	case errors.Is(err, errVersion):
		r.verdict = refused
		fallthrough
	case err != nil && f.Alert == nil:
		ex.Failure = FailureOf(err)
		s.mu.Lock()
		s.failed = err
		s.mu.Unlock()
	}
	return r
}

// judge tells what the answer to one hello means by itself.
func judge(f *hello.Flight) verdict {
	switch {
	case chosen(f):
		return granted
	case f.Alert != nil && !temporary(f.Alert.Description):
		return refused
	}
	return unsure
}

// temporary tells alerts that an overloaded server sends as well as one that
// does not like a hello.
func temporary(description byte) bool {
	return description == 0 || description == 80 || description == 90 // close_notify, internal_error, user_canceled
}

// maxTries is how often a question is asked that gets no answer, and
// maxLimited how often a server is asked that has shown a limit.
const (
	maxTries   = 6
	maxLimited = 20
)

// put asks until the answer is certain or hope is lost. Silence counts as a
// refusal only if it is repeated, each time with the server answering others:
// twice, and more often if the server has limits or usually refuses by alerts.
func (s *scan) put(ctx context.Context, a *ask) *answer {
	silent := 0
	for try := 1; ; try++ {
		start := time.Now()
		r := s.try(ctx, a)
		if r.gone {
			return r
		}
		if r.verdict == granted && a.question != AskFlaw {
			s.answered(start)
		}
		if r.verdict != unsure || ctx.Err() != nil || a.once && (try == 3 || !s.pool.limited()) {
			s.keep(r)
			return r
		}
		s.firstAnswer(ctx)
		if s.answers(ctx, start) {
			if silent++; silent >= s.enough(r.Alert != nil || a.question == AskFlaw) {
				r.verdict, r.exchange.Confirmed = refused, true
				s.keep(r)
				return r
			}
		}
		s.keep(r)
		if try >= maxTries && !s.pool.limited() || try >= maxLimited || !s.hasAnswered() && (try == 2 || r.exchange.Failure == probe.Timeout) {
			return r
		}
		if silent == 0 && r.Alert == nil && a.question != AskFlaw {
			s.pool.throttle(start)
		}
	}
}

// enough is how often a silence, or an alert that may mean as much, has to be
// repeated. A server that refuses by alerts and has a limit means the limit by
// silence, however often that is; but odd questions may be met by silence
// anywhere.
func (s *scan) enough(odd bool) int {
	limited := s.pool.limited()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case limited && s.alerts && !odd:
		return math.MaxInt
	case limited, s.alerts && s.target.Transport.datagrams(): // which get lost
		return 5
	case s.alerts:
		return 3
	}
	return 2
}

// firstAnswer waits for the server to answer anything that was asked at the
// same time, so that a refusal in the first wave is not taken for a limit.
func (s *scan) firstAnswer(ctx context.Context) {
	for end := time.Now().Add(max(s.quiet(), 2*time.Second)); !s.hasAnswered() && s.others() && ctx.Err() == nil && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
}

// others reports whether questions are under way.
func (s *scan) others() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flying > 0
}

func (s *scan) fly(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flying += n
}

func (s *scan) hasAnswered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.alive.IsZero()
}

// answered notes that the server granted something on a connection that was
// begun at a time.
func (s *scan) answered(start time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if start.After(s.alive) {
		s.alive = start
	}
}

// answers reports whether the server answers others since a time. If nothing
// else has shown it, or the server has limits, a hello that is known to be
// answered does.
func (s *scan) answers(ctx context.Context, since time.Time) bool {
	s.mu.Lock()
	alive, control := s.alive, s.control
	s.mu.Unlock()
	if alive.After(since) && !s.pool.limited() {
		return true
	}
	if control == nil {
		return false
	}
	start := time.Now()
	r := s.try(ctx, &ask{question: AskControl, hello: control})
	s.keep(r)
	if r.verdict != granted {
		return false
	}
	s.answered(start)
	return true
}

// keep stores what passed.
func (s *scan) keep(r *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.gone {
		return
	}
	s.exchanges++
	r.exchange.N = s.exchanges
	for _, c := range r.exchange.Chunks {
		if c.Sent {
			s.sent += int64(len(c.Data))
		} else {
			s.received += int64(len(c.Data))
		}
	}
	s.alerts = s.alerts || r.verdict == refused && r.Alert != nil
	if s.record != nil {
		s.record(r.exchange)
	}
}

// FailureOf maps what the network says to the failures of the house.
func FailureOf(err error) probe.Failure {
	var e net.Error
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		return probe.Interrupted
	case errors.Is(err, errVersion):
		return probe.TLSVersion
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return probe.DNSNXDomain
		}
		return probe.DNSFailed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED), errors.Is(err, io.EOF):
		return probe.ConnectionReset
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, errGivenUp):
		return probe.ConnectionRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return probe.Unreachable
	case errors.As(err, &e) && e.Timeout():
		return probe.Timeout
	}
	return probe.UnknownFailure
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
