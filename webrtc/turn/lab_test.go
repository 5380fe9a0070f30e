package turn_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"testing"
	"time"

	"vksprobe/fixtures/coturn"
	"vksprobe/webrtc/turn"
)

// start starts a coturn for a test, or skips it.
func start(t *testing.T, c coturn.Configuration) *coturn.Server {
	t.Helper()
	s, err := coturn.Start(t.Context(), c, coturn.Options{})
	if errors.Is(err, exec.ErrNotFound) {
		t.Skipf("no coturn: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func options() turn.Options {
	var d net.Dialer
	return turn.Options{Dial: d.DialContext, Timeout: 5 * time.Second, Linger: 20 * time.Millisecond}
}

// ask checks a server and reads the transcript, by way of its file.
func ask(t *testing.T, s turn.Server, o turn.Options) (turn.Facts, turn.Transcript) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	transcript, err := turn.Check(ctx, s, o)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := turn.WriteTranscript(&file, transcript); err != nil {
		t.Fatal(err)
	}
	again, err := turn.ReadTranscript(&file)
	if err != nil {
		t.Fatal(err)
	}
	return turn.Read(again), transcript
}

func TestSpike(t *testing.T) {
	for _, c := range coturn.Configurations() {
		t.Run(string(c), func(t *testing.T) {
			s := start(t, c)
			u, p := s.Credential("lab", time.Now().Add(time.Hour))
			w, err := net.ListenPacket("udp", "127.0.0.4:0")
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			o := options()
			o.Witness, o.Connect = w, true
			began := time.Now()
			f, tr := ask(t, turn.Server{URL: s.URL(false), Username: u, Credential: p}, o)
			t.Log(time.Since(began))
			for _, p := range f.Peers {
				t.Log(p.Relay, p.Address, p.Class, p.Permission.State, p.Permission.Code, p.Channel.State, p.Channel.Code, p.Connect, p.Delivered)
			}
			f.Peers = nil
			b, _ := json.Marshal(f)
			t.Logf("%s", b)
			_ = tr
		})
	}
}
