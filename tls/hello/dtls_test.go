package hello

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestDatagrams sends a long hello in pieces, shuffled and twice.
func TestDatagrams(t *testing.T) {
	c := &ClientHello{Version: DTLS12, Random: make([]byte, 32), CipherSuites: []uint16{0xC02B}, Extensions: []Extension{Padding(5000)}}
	message := c.Marshal()
	want := Records(ContentHandshake, TLS12, message)
	var w DatagramWriter
	all := append(w.Write(message), w.Again(message)...)
	if len(all) != 10 {
		t.Fatalf("%d datagrams", len(all))
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var d Datagrams
	var got []byte
	for _, b := range all {
		got = append(got, d.Read(b)...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	if got := d.Read(w.Write(message)[0]); got != nil {
		t.Error("a part is taken for the whole")
	}
}

func TestVerifyCookie(t *testing.T) {
	var w DatagramWriter
	var d Datagrams
	records := d.Read(w.Write(Message(TypeHelloVerifyRequest, []byte{0xFE, 0xFF, 3, 'a', 'b', 'c'}))[0])
	if cookie, ok := VerifyCookie(records); !ok || string(cookie) != "abc" {
		t.Errorf("%q %v", cookie, ok)
	}
	// a server that counts from 0 again
	var again DatagramWriter
	if got := d.Read(again.Write(Message(TypeServerHello, make([]byte, 40)))[0]); len(got) == 0 {
		t.Error("a server hello that is counted anew is lost")
	}
}

func FuzzDatagrams(f *testing.F) {
	var w DatagramWriter
	for _, b := range w.Write(Message(TypeServerHello, make([]byte, 40))) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Datagrams
		VerifyCookie(d.Read(b))
		d.Read(b)
		if d.kept > maxKept || len(d.parts) > maxAhead {
			t.Error("too much is kept")
		}
	})
}
