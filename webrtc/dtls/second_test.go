package dtls

import (
	"bytes"
	"crypto/elliptic"
	"testing"
	"time"

	"vksprobe/fixtures/netns"
	"vksprobe/tls/hello"
)

// A sequel is what comes of a second ClientHello on the path of the first.
type sequel string

const (
	silence sequel = "silence"
	replay  sequel = "the flight of the first"
	choice  sequel = "an answer of its own"
	alerted sequel = "an alert"
)

// second sends two hellos on one path. In between it sends an alert or not,
// and the second goes on counting records and messages or begins anew.
func second(t *testing.T, connect Connect, alert, anew bool, wait time.Duration) sequel {
	t.Helper()
	id, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	line, err := connect(t.Context(), id, Active)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	var w hello.DatagramWriter
	speak := func(o offer, wait, again time.Duration) *hello.Flight {
		var l listener
		c := o.hello()
		end := time.Now().Add(wait)
		for _, b := range w.Write(c.Marshal()) {
			l.hear(Chunk{Sent: true, Data: b})
			if _, err := line.Conn.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		buf := make([]byte, maxDatagram)
		for !enough(&l) {
			line.Conn.SetReadDeadline(time.Now().Add(again))
			n, err := line.Conn.Read(buf)
			if isTimeout(err) && time.Now().Before(end) {
				for _, b := range w.Again(c.Marshal()) {
					line.Conn.Write(b)
				}
				continue
			} else if err != nil {
				break
			}
			before := len(l.in.records)
			l.hear(Chunk{Data: buf[:n]})
			if cookie, ok := hello.VerifyCookie(l.in.records[before:]); ok {
				c.Cookie = cookie
				for _, b := range w.Write(c.Marshal()) {
					l.hear(Chunk{Sent: true, Data: b})
					line.Conn.Write(b)
				}
			}
		}
		return &l.flight
	}
	o := everything(hello.DTLS12)
	first := speak(o, 20*time.Second, 500*time.Millisecond)
	if first.ServerHello == nil {
		t.Fatalf("no answer to the first hello: %+v", first.Alert)
	}
	if alert {
		line.Conn.Write(w.Alert(alertUserCanceled))
	}
	if anew {
		w = hello.DatagramWriter{}
	}
	next := speak(o.with(suites, without(o.lists[suites], []uint16{first.ServerHello.CipherSuite})), wait, wait/2)
	switch {
	case next.ServerHello != nil && bytes.Equal(next.ServerHello.Random, first.ServerHello.Random):
		return replay
	case next.ServerHello != nil:
		return choice
	case next.Alert != nil:
		return alerted
	}
	return silence
}

// A server takes one hello a session, so that a question is a join: what
// comes second is ignored. Whether a server hears of the end of the first
// handshake or not makes no difference. The command s_server, without ICE and
// without sessions, shows that the second hello is one that can be answered.
func TestSecondHello(t *testing.T) {
	t.Parallel()
	const quiet = 200 * time.Millisecond
	control := dialUDP(openSSL(t, ecdsaKey(t, elliptic.P256()), "-dtls"))
	if got := second(t, control, true, true, 20*time.Second); got != choice {
		t.Errorf("s_server gave %s, want %s", got, choice)
	}
	for _, alert := range []bool{false, true} {
		for _, anew := range []bool{false, true} {
			if got := second(t, loopback.Through(newPion(t, nil).join), alert, anew, quiet); got == choice {
				t.Errorf("pion, after an alert (%v), counting anew (%v): %s", alert, anew, got)
			}
		}
	}
}

func TestSecondHelloJanus(t *testing.T) {
	needJanus(t)
	netns.Run(t, func(t *testing.T) {
		const quiet = 200 * time.Millisecond
		connect := startJanus(t)
		for _, alert := range []bool{false, true} {
			for _, anew := range []bool{false, true} {
				got := second(t, connect, alert, anew, quiet)
				t.Logf("after an alert (%v), counting anew (%v): %s", alert, anew, got)
				if got == choice {
					t.Errorf("after an alert (%v), counting anew (%v): %s", alert, anew, got)
				}
			}
		}
	})
}
