package enumerate

import (
	"bytes"
	"errors"
	"net"
	"os"
	"time"

	"vksprobe/tls/hello"
)

// datagramConn lets a scan speak DTLS as if it were TLS on a stream: hellos
// that are written go out as datagrams, with the cookie that the server wants,
// and again when no answer comes; what is read are records of TLS.
//
// There is one for each question, on a socket of its own: a server tells
// clients apart by their ports.
type datagramConn struct {
	net.Conn // UDP, connected
	began    time.Time
	chunks   []Chunk // what passed, as it was
	deadline time.Time
	resend   time.Duration // first wait before a message is repeated

	hello   *hello.ClientHello
	message []byte
	writer  hello.DatagramWriter
	reader  hello.Datagrams
	pending bytes.Buffer
	cookies int
	got     int // bytes, with what it costs to keep them
}

// retransmission is the first timer of RFC 6347 section 4.2.4.1; it doubles.
const retransmission = time.Second

// patience is how long an answer is waited for, and when the question is
// repeated first. Some servers refuse by silence; of one that does not use
// alerts the slowest answer so far tells what to expect.
func (s *scan) patience() (wait, resend time.Duration) {
	s.mu.Lock()
	alerts := s.alerts
	s.mu.Unlock()
	wait = s.options.Timeout
	if slowest := s.pool.slowest(); slowest > 0 && !alerts {
		wait = min(wait, max(time.Second, 8*slowest))
	}
	return wait, min(wait/4, retransmission)
}

func newDatagramConn(c net.Conn, resend time.Duration) *datagramConn {
	return &datagramConn{Conn: c, began: time.Now(), resend: resend}
}

// Write takes one record with a ClientHello.
func (c *datagramConn) Write(record []byte) (int, error) {
	var f hello.Flight
	f.Sent(record)
	if f.ClientHello == nil {
		return 0, errors.New("only hellos can be sent in datagrams")
	}
	c.hello, c.message = f.ClientHello, f.ClientHello.Marshal()
	return len(record), c.send(c.writer.Write(c.message))
}

func (c *datagramConn) send(all [][]byte) error {
	for _, b := range all {
		c.chunks = append(c.chunks, Chunk{Sent: true, At: time.Since(c.began), Data: b})
		if _, err := c.Conn.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// leave tells the server that no more will come: it would wait for us, and
// some serve one client at a time.
func (c *datagramConn) leave() { c.send([][]byte{c.writer.Alert(alertUserCanceled)}) }

// maxCookies is how many HelloVerifyRequests are answered.
const maxCookies = 3

func (c *datagramConn) Read(b []byte) (int, error) {
	buf := make([]byte, 1<<16)
	for wait := c.resend; c.pending.Len() == 0; {
		until := time.Now().Add(wait)
		if !c.deadline.IsZero() && c.deadline.Before(until) {
			until = c.deadline
		}
		c.Conn.SetReadDeadline(until)
		n, err := c.Conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) && (c.deadline.IsZero() || time.Now().Before(c.deadline)) {
			wait *= 2
			if err := c.send(c.writer.Again(c.message)); err != nil {
				return 0, err
			}
			continue
		} else if err != nil {
			return 0, err
		}
		if c.got += n + 100; c.got > maxReceived {
			return 0, errTooMuch
		}
		data := bytes.Clone(buf[:n])
		c.chunks = append(c.chunks, Chunk{At: time.Since(c.began), Data: data})
		records := c.reader.Read(data)
		if cookie, ok := hello.VerifyCookie(records); ok && c.cookies < maxCookies {
			c.cookies++
			again := *c.hello
			again.Cookie = cookie
			c.message = again.Marshal()
			if err := c.send(c.writer.Write(c.message)); err != nil {
				return 0, err
			}
			continue
		}
		c.pending.Write(records)
	}
	return c.pending.Read(b)
}

func (c *datagramConn) SetDeadline(t time.Time) error {
	c.deadline = t
	return c.Conn.SetDeadline(t)
}

func (c *datagramConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }
