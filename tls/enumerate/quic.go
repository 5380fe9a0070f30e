package enumerate

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"vksprobe/tls/hello"
	"vksprobe/tls/quic"
)

// quicConn lets a scan speak QUIC as if it were TLS on a stream: messages that
// are written in plain records go out in packets, and again when no answer
// comes; what is read are plain records. What has to be acknowledged is, and
// a Retry is followed.
//
// The keys of packets come from the Flight that follows the conversation, so
// that has to be told of what was read before the next read.
type quicConn struct {
	net.Conn // UDP, connected
	flight   *hello.Flight
	client   *quic.Client
	began    time.Time
	chunks   []Chunk       // what passed, as it was
	size     int           // of them
	resend   time.Duration // first wait before something is repeated
	deadline time.Time
	pending  bytes.Buffer
	retried  bool
}

// The ends of a connection that are no answer of TLS.
var (
	errVersion = errors.New("the server does not have that version of QUIC")
	errSealed  = errors.New("what the server sends cannot be decrypted")
)

// connectionRefused is the error of a server that wants no connection now
// (RFC 9000 section 20.1).
const connectionRefused = 2

func newQUICConn(c net.Conn, version uint32, f *hello.Flight, resend time.Duration) *quicConn {
	return &quicConn{Conn: c, flight: f, client: quic.NewClient(version, random(8)), began: time.Now(), resend: resend}
}

// probeTimeout is when a server that has answered so slowly is reminded: as
// late as one that nothing is known of (RFC 9002 section 6.2.2), or sooner.
func probeTimeout(slowest time.Duration) time.Duration {
	if slowest == 0 {
		return retransmission
	}
	return min(max(250*time.Millisecond, 3*slowest), retransmission)
}

// Write takes plain records with handshake messages.
func (c *quicConn) Write(records []byte) (int, error) {
	var messages []byte
	for rest := records; len(rest) > 0; {
		n := 5 + int(binary.BigEndian.Uint16(rest[3:5]))
		messages = append(messages, rest[5:n]...)
		rest = rest[n:]
	}
	return len(records), c.send(c.client.Say(messages, c.flight.Traffic())...)
}

func (c *quicConn) send(all ...[]byte) error {
	for _, b := range all {
		c.note(Chunk{Sent: true, At: time.Since(c.began), Data: b})
		if _, err := c.Conn.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// perChunk is what a chunk takes in a transcript beside its data.
const perChunk = 64

// note keeps what passed. There may be more than is read of it: packets that
// nobody can open, and what they make us answer.
func (c *quicConn) note(chunk Chunk) {
	c.chunks = append(c.chunks, chunk)
	c.size += len(chunk.Data) + perChunk
}

// leave ends the connection.
func (c *quicConn) leave() {
	if c.client.Closed == nil && c.client.Negotiated == nil {
		c.send(c.client.Goodbye(c.flight.Traffic()))
	}
}

func (c *quicConn) Read(b []byte) (int, error) {
	buf := make([]byte, 1<<16)
	for wait := c.resend; ; {
		traffic := c.flight.Traffic()
		c.pending.Write(c.client.Records(traffic))
		if c.pending.Len() > 0 {
			return c.pending.Read(b)
		}
		if err := c.over(traffic); err != nil {
			return 0, err
		}
		if c.client.Retried && !c.retried {
			c.retried = true
			if err := c.send(c.client.Again(traffic)...); err != nil {
				return 0, err
			}
		}
		if d := c.client.Acknowledge(traffic); d != nil {
			if err := c.send(d); err != nil {
				return 0, err
			}
		}
		until := time.Now().Add(wait)
		if !c.deadline.IsZero() && c.deadline.Before(until) {
			until = c.deadline
		}
		c.Conn.SetReadDeadline(until)
		n, err := c.Conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) && (c.deadline.IsZero() || time.Now().Before(c.deadline)) {
			wait *= 2
			if err := c.send(c.client.Again(traffic)...); err != nil {
				return 0, err
			}
			continue
		} else if err != nil {
			return 0, err
		}
		data := bytes.Clone(buf[:n])
		if c.note(Chunk{At: time.Since(c.began), Data: data}); c.size > maxReceived {
			return 0, errTooMuch
		}
		c.client.Received(data)
	}
}

// over tells why nothing more can be read.
func (c *quicConn) over(traffic *hello.Traffic) error {
	switch {
	case c.client.Negotiated != nil:
		return errVersion
	case c.client.Closed != nil && !c.client.Closed.Application && c.client.Closed.Code == connectionRefused:
		return syscall.ECONNREFUSED
	case c.client.Closed != nil:
		return io.EOF
	case c.flight.ServerHello != nil && traffic == nil:
		return errSealed
	}
	return nil
}

func (c *quicConn) SetDeadline(t time.Time) error {
	c.deadline = t
	return c.Conn.SetDeadline(t)
}

func (c *quicConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// applicationsQUIC are the protocols over QUIC: HTTP/3 and its last draft,
// DNS (RFC 9250), SMB, and the one of tests.
var applicationsQUIC = []string{"h3", "h3-29", "doq", "smb", "hq-interop"}

// begin2 is the detail of the question that is put in version 2.
const begin2 = "QUIC v2"

// startQUIC queues the first wave of questions to a server of QUIC. A version
// that nobody has makes it name its own; version 2 is tried, and all is asked
// in that if version 1 is not there.
func (s *scan) startQUIC() {
	s.packets = quic.Version1
	var second *answer
	s.stage(func() {
		h := s.modern(suites13, groups13)
		s.ask(&ask{question: AskVersions, hello: h, version: quic.Reserved(binary.BigEndian.Uint32(random(4))), once: true, wait: 2 * time.Second},
			&ask{question: AskVersions, detail: begin2, hello: h, version: quic.Version2, once: true, wait: 2 * time.Second, then: func(r *answer) { second = r }})
		s.beginQUIC()
	}, func() {
		if !s.has(hello.TLS13) && second != nil && second.verdict == granted {
			s.packets = quic.Version2
			s.beginQUIC()
		}
	})
}

// beginQUIC asks for TLS 1.3, which is all that QUIC carries.
func (s *scan) beginQUIC() {
	s.stage(s.beginModern, func() {
		s.goOnModern()
		s.extras()
	})
	s.session()
}

// finish completes a handshake of TLS 1.3.
func (s *scan) finish(f *hello.Flight) ([]byte, error) {
	if s.target.Transport != QUIC {
		return f.Finish()
	}
	messages, err := f.FinishMessages()
	if err != nil {
		return nil, err
	}
	return hello.Records(hello.ContentHandshake, hello.TLS12, messages), nil
}

// packets notes what an exchange shows of QUIC.
func (d *derivation) packets(f *hello.Flight, r *quic.Reader) {
	if d.quic == nil {
		d.quic = &QUICOffer{Retry: Unknown, Bound: Unknown}
	}
	o := d.quic
	if r.Negotiated != nil && o.Versions == nil {
		for _, v := range r.Negotiated {
			if quic.IsReserved(v) {
				o.Reserved = true
			} else {
				o.Versions = append(o.Versions, QUICVersion{v, quic.VersionName(v)})
			}
		}
	}
	if f.Chosen() == nil {
		return
	}
	if spoken := (QUICVersion{r.Version, quic.VersionName(r.Version)}); !slices.Contains(o.Spoken, spoken) {
		o.Spoken = append(o.Spoken, spoken)
		slices.SortFunc(o.Spoken, func(a, b QUICVersion) int { return cmp.Compare(a.Code, b.Code) })
	}
	if o.Retry != Yes {
		o.Retry = No
		if r.Retried {
			o.Retry = Yes
		}
	}
	data, ok := f.Extension(hello.ExtQUICParameters)
	if !ok {
		return
	}
	all, ok := quic.ParseParameters(data)
	if o.Bound == Unknown {
		o.Bound = Yes
	}
	if !ok || !r.Bound(all) {
		o.Bound = No
	}
	if o.Parameters == nil {
		for _, p := range all {
			if p.OfConnection() {
				p.Value = ""
			}
			if !p.Reserved() {
				o.Parameters = append(o.Parameters, p)
			}
		}
		slices.SortFunc(o.Parameters, func(a, b quic.Parameter) int { return cmp.Compare(a.ID, b.ID) })
	}
}
