package enumerate

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"testing"
	"time"

	"vksprobe/tls/hello"
	"vksprobe/tls/quic"
)

// flood is a socket on which datagrams come without end.
type flood struct {
	net.Conn
	datagram []byte
}

func (f flood) Read(b []byte) (int, error)      { return copy(b, f.datagram), nil }
func (f flood) Write(b []byte) (int, error)     { return len(b), nil }
func (f flood) SetReadDeadline(time.Time) error { return nil }

// TestFlood asks servers of QUIC that send without end what cannot be read,
// in large and in small datagrams: what is kept has to fit a line of a
// transcript.
func TestFlood(t *testing.T) {
	for _, size := range []int{1, 1200, 60000} {
		c := newQUICConn(flood{datagram: make([]byte, size)}, quic.Version1, &hello.Flight{}, time.Second)
		if _, err := c.Read(make([]byte, 100)); !errors.Is(err, errTooMuch) {
			t.Fatal(err)
		}
		line, err := json.Marshal(&Exchange{Transport: QUIC, Chunks: c.chunks})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := ReadTranscript(bytes.NewReader(line), func(*Exchange) { n++ }); err != nil || n != 1 {
			t.Errorf("datagrams of %d bytes: a line of %d bytes cannot be read: %v", size, len(line), err)
		}
	}
}
