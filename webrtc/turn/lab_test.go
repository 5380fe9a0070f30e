package turn_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"vksprobe/fixtures/coturn"
	"vksprobe/probe"
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
	return turn.Options{Dial: d.DialContext, Timeout: 10 * time.Second, Linger: 20 * time.Millisecond}
}

// ask checks a server and reads the transcript by way of its file.
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

// verdicts judges what was observed of some servers.
func verdicts(t *testing.T, all ...turn.Transcript) map[string]probe.Verdict {
	t.Helper()
	var observations []probe.Observation
	for i, transcript := range all {
		o := turn.Observation(transcript, probe.Evidence{Path: "evidence/turn/1.jsonl"})
		o.ID = string(rune('a' + i))
		observations = append(observations, o)
	}
	found, err := probe.Judge(probe.NewFacts(observations), time.Now(), probe.Rules(&turn.Rules))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]probe.Verdict{}
	for _, f := range found {
		if was, ok := got[f.Rule]; !ok || was == probe.Pass {
			got[f.Rule] = f.Verdict
		}
		t.Logf("%s: %s: %s", f.Rule, f.Verdict, f.Detail.EN)
	}
	return got
}

// listener is a witness that counts what comes to it.
type listener struct {
	net.PacketConn
	came int
}

func (l *listener) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := l.PacketConn.ReadFrom(b)
	if err == nil {
		l.came++
	}
	return n, from, err
}

// rest counts what has come but was not read.
func (l *listener) rest() int {
	l.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	for buf := make([]byte, 2048); ; {
		if _, _, err := l.ReadFrom(buf); err != nil {
			return l.came
		}
	}
}

func witness(t *testing.T) *listener {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.4:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &listener{PacketConn: c}
}

// granted lists the classes to which a server would relay.
func granted(f turn.Facts) []turn.Class {
	var all []turn.Class
	for _, p := range f.Peers {
		if p.Granted() == turn.Yes && !slices.Contains(all, p.Class) {
			all = append(all, p.Class)
		}
	}
	slices.Sort(all)
	return all
}

// The truth about each configuration of coturn, and the verdicts it deserves.
var truths = map[coturn.Configuration]struct {
	open      turn.State
	challenge turn.State
	wide      bool // to all but loopback and unspecified addresses
	loopback  bool
	delivered int
	verdicts  map[string]probe.Verdict
}{
	coturn.Sound: {open: turn.No, challenge: turn.Yes, verdicts: map[string]probe.Verdict{
		"turn.open-relay": probe.Pass, "turn.authentication": probe.Pass, "turn.relay-to-private": probe.Pass,
		"turn.credential-lifetime": probe.Pass, "turn.amplification": probe.Pass, "turn.tls-offered": probe.Pass}},
	coturn.NoAuth: {open: turn.Yes, challenge: turn.No, verdicts: map[string]probe.Verdict{
		"turn.open-relay": probe.Fail, "turn.authentication": probe.Fail, "turn.relay-to-private": probe.Pass,
		"turn.credential-lifetime": probe.NotApplicable, "turn.amplification": probe.Pass, "turn.tls-offered": probe.Pass}},
	coturn.LoopbackPeers: {open: turn.No, challenge: turn.Yes, loopback: true, delivered: 1, verdicts: map[string]probe.Verdict{
		"turn.open-relay": probe.Pass, "turn.authentication": probe.Pass, "turn.relay-to-private": probe.Fail,
		"turn.credential-lifetime": probe.Pass, "turn.amplification": probe.Pass, "turn.tls-offered": probe.Pass}},
	coturn.WideRelay: {open: turn.No, challenge: turn.Yes, wide: true, verdicts: map[string]probe.Verdict{
		"turn.open-relay": probe.Pass, "turn.authentication": probe.Pass, "turn.relay-to-private": probe.Fail,
		"turn.credential-lifetime": probe.Pass, "turn.amplification": probe.Pass, "turn.tls-offered": probe.Pass}},
}

func TestConfigurations(t *testing.T) {
	t.Parallel()
	for _, c := range coturn.Configurations() {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			s, want, w := start(t, c), truths[c], witness(t)
			user, credential := s.Credential("lab-user", time.Now().Add(time.Hour))
			o := options()
			o.Witness, o.Connect = w, true
			f, plain := ask(t, turn.Server{URL: s.URL(false), Username: user, Credential: credential}, o)
			_, secure := ask(t, turn.Server{URL: s.URL(true), Username: user, Credential: credential}, options())

			if f.Open.State != want.open || f.Challenge.State != want.challenge {
				t.Errorf("open relay: %+v, authentication: %+v", f.Open, f.Challenge)
			}
			if want.open == turn.No && (f.Realm != coturn.Realm || f.Password.State != turn.Yes || f.Nonce.MadeUp.State != turn.Yes || f.Nonce.Fresh != turn.Yes || f.Nonce.Length == 0) {
				t.Errorf("realm %q, nonce %+v, wrong password refused: %+v", f.Realm, f.Nonce, f.Password)
			}
			if !strings.HasPrefix(f.Software, "Coturn-") {
				t.Errorf("software %q", f.Software)
			}
			if f.Allocation.Works.State != turn.Yes || f.Allocation.Lifetime != 600 || len(f.Allocation.Relayed) != 1 || !strings.HasPrefix(f.Allocation.Relayed[0], coturn.Relay+":") {
				t.Errorf("allocation: %+v", f.Allocation)
			}
			if f.TCP.Works.State != turn.Yes || (f.IPv6.Works.State == turn.Yes) != s.IPv6 {
				t.Errorf("TCP: %+v, IPv6: %+v", f.TCP, f.IPv6)
			}
			if f.Cost.Allocations == 0 || f.Cost.Released != f.Cost.Allocations {
				t.Errorf("%d of %d allocations were released", f.Cost.Released, f.Cost.Allocations)
			}
			wantPeers(t, f, want.wide, want.loopback)
			if came := w.rest(); came != want.delivered {
				t.Errorf("%d datagrams came to the witness, want %d", came, want.delivered)
			}
			got := verdicts(t, plain, secure)
			for rule, v := range want.verdicts {
				if got[rule] != v {
					t.Errorf("%s is %s, want %s", rule, got[rule], v)
				}
			}
			secrets(t, f, plain, "lab-user", credential)
		})
	}
}

// wantPeers holds each peer that was asked for against the configuration.
func wantPeers(t *testing.T, f turn.Facts, wide, loopback bool) {
	t.Helper()
	if len(f.Peers) < 28 {
		t.Errorf("only %d peers were asked for", len(f.Peers))
	}
	for _, p := range f.Peers {
		want := turn.No
		switch {
		case wide:
			// coturn denies these by itself, but only in this form
			denied := strings.HasPrefix(p.Address, "127.") || slices.Contains([]string{"0.0.0.0", "::1", "::"}, p.Address)
			if !denied {
				want = turn.Yes
			}
		case loopback && (strings.HasPrefix(p.Address, "127.") || p.Address == "::1"):
			want = turn.Yes
		}
		for what, a := range map[string]turn.Answer{"permission": p.Permission, "channel": p.Channel, "connect": p.Connect} {
			if a.State != want && (a.State != "" || what == "permission") {
				t.Errorf("%s to %s by %s is %+v, want %s", what, p.Address, p.Relay, a, want)
			}
		}
		if p.Delivered.State == turn.Yes && !loopback {
			t.Errorf("data came through to %s", p.Address)
		}
	}
}

// secrets fails when a user's name or a credential is where it must not be.
func secrets(t *testing.T, f turn.Facts, transcript turn.Transcript, user, credential string) {
	t.Helper()
	facts, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := turn.WriteTranscript(&file, transcript); err != nil {
		t.Fatal(err)
	}
	inHex := func(s string) string { return hex.EncodeToString([]byte(s)) }
	if s := string(facts); strings.Contains(s, user) || strings.Contains(s, credential) || strings.Contains(s, inHex(user)) {
		t.Error("the facts contain a secret")
	}
	if s := file.String(); strings.Contains(s, credential) || strings.Contains(s, inHex(credential)) {
		t.Error("the transcript contains the credential")
	}
}

// TURN over TLS and DTLS does all that TURN over UDP does.
func TestSecure(t *testing.T) {
	t.Parallel()
	s := start(t, coturn.Sound)
	user, credential := s.Credential("lab", time.Now().Add(time.Hour))
	for _, transport := range []string{"tls", "dtls"} {
		t.Run(transport, func(t *testing.T) {
			query := map[string]string{"tls": "?transport=tcp", "dtls": "?transport=udp"}[transport]
			f, transcript := ask(t, turn.Server{URL: s.URL(true) + query, Username: user, Credential: credential}, options())
			if len(f.Doors) != 1 || f.Doors[0].Transport != transport || f.Doors[0].Reachable.State != turn.Yes || f.Challenge.State != turn.Yes {
				t.Errorf("doors: %+v", f.Doors)
			}
			if f.Allocation.Works.State != turn.Yes || len(granted(f)) > 0 || f.Credential.Reusable.State != turn.Yes {
				t.Errorf("allocation: %+v, granted: %v, credential: %+v", f.Allocation, granted(f), f.Credential)
			}
			if f.Cost.Released != f.Cost.Allocations {
				t.Errorf("%d of %d allocations were released", f.Cost.Released, f.Cost.Allocations)
			}
			got := verdicts(t, transcript)
			if got["turn.tls-offered"] != probe.Pass || got["turn.relay-to-private"] != probe.Pass {
				t.Errorf("verdicts: %v", got)
			}
		})
	}
}

// A credential that ends while we wait is refused afterwards, and what does
// not end soon is not waited for.
func TestExpiry(t *testing.T) {
	t.Parallel()
	s := start(t, coturn.Sound)
	o := options()
	o.Wait = time.Minute
	var f turn.Facts
	var transcript turn.Transcript
	var user, credential string
	for life := 2 * time.Second; life < o.Wait; life *= 2 { // a busy machine may be too late for the first
		user, credential = s.Credential("lab", time.Now().Add(life))
		f, transcript = ask(t, turn.Server{URL: s.URL(false) + "?transport=udp", Username: user, Credential: credential}, o)
		if f.Credential.Reusable.State == turn.Yes {
			break
		}
	}
	c := f.Credential
	if c.Accepted.State != turn.Yes || c.Reusable.State != turn.Yes || c.After.State != turn.No || c.After.Code != 401 {
		t.Errorf("%+v", c)
	}
	if c.Outlived.State != turn.Yes {
		t.Errorf("the allocation did not outlive the credential: %+v", c.Outlived)
	}
	if got := verdicts(t, transcript)["turn.credential-lifetime"]; got != probe.Pass {
		t.Errorf("the verdict is %s", got)
	}

	user, credential = s.Credential("lab", time.Now().Add(-time.Hour))
	f, transcript = ask(t, turn.Server{URL: s.URL(false) + "?transport=udp", Username: user, Credential: credential}, options())
	if f.Credential.Accepted.State != turn.No || f.Credential.Remaining >= 0 {
		t.Errorf("expired: %+v", f.Credential)
	}
	if got := verdicts(t, transcript)["turn.credential-lifetime"]; got != probe.Pass {
		t.Errorf("the verdict on what had expired is %s", got)
	}

	user, credential = s.Credential("lab", time.Now().Add(30*24*time.Hour))
	o.Wait = time.Second
	f, transcript = ask(t, turn.Server{URL: s.URL(false) + "?transport=udp", Username: user, Credential: credential}, o)
	if f.Credential.After.State != turn.Unknown {
		t.Errorf("a month: %+v", f.Credential)
	}
	if got := verdicts(t, transcript)["turn.credential-lifetime"]; got != probe.Review {
		t.Errorf("the verdict on a month is %s", got)
	}
}

// Without credentials a sound server gives away what it must and no more.
func TestStranger(t *testing.T) {
	t.Parallel()
	s := start(t, coturn.Sound)
	f, transcript := ask(t, turn.Server{URL: s.URL(false)}, options())
	if f.Challenge.State != turn.Yes || f.Open.State != turn.No || f.Cost.Allocations != 0 || f.Credential.Given || len(f.Peers) != 0 {
		t.Errorf("%+v", f)
	}
	got := verdicts(t, transcript)
	if got["turn.relay-to-private"] != probe.Unknown || got["turn.authentication"] != probe.Pass || got["turn.credential-lifetime"] != probe.NotApplicable || got["turn.tls-offered"] != probe.Review {
		t.Errorf("verdicts: %v", got)
	}
}
