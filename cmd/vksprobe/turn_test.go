package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"vksprobe/fixtures/coturn"
	"vksprobe/probe"
	"vksprobe/report/bundle"
	"vksprobe/tls"
	"vksprobe/webrtc/turn"
)

// TestTURNScripts runs the scripts of the command turn, which start servers.
func TestTURNScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script/turn",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"coturn": startCoturn,
			"seen":   seen,
			"spoil":  spoil,
		},
	})
}

// startCoturn starts a coturn for the rest of the script: coturn
// CONFIGURATION. It sets TURN and TURNS to its URLs, PORT, USER, PASSWORD and
// SECRET, an expression for it, and writes the files password and credentials.
func startCoturn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: coturn CONFIGURATION")
	}
	s, err := coturn.Start(context.Background(), coturn.Configuration(args[0]), coturn.Options{})
	ts.Check(err)
	ts.Defer(func() { ts.Check(s.Close()) })
	user, password := s.Credential("lab-user", time.Now().Add(time.Hour))
	ts.Setenv("TURN", s.URL(false))
	ts.Setenv("TURNS", s.URL(true))
	ts.Setenv("PORT", fmt.Sprint(s.Port))
	ts.Setenv("USER", user)
	ts.Setenv("PASSWORD", password)
	ts.Setenv("SECRET", regexp.QuoteMeta(password))
	ts.Check(os.WriteFile(ts.MkAbs("password"), []byte(password+"\n"), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("credentials"), []byte(user+"\r\n"+password+"\r\n"), 0o600))
}

// seen writes the bundle of a scan in which a page named the server of the
// script, with its credentials, and servers of others: seen DIR.
func seen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: seen DIR")
	}
	w, err := bundle.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	server := map[string]any{"urls": ts.Getenv("TURN"), "username": ts.Getenv("USER"), "credential": ts.Getenv("PASSWORD")}
	foreign := map[string]any{"urls": []string{"stun:stun.foreign.invalid:19302", "turn:turn.foreign.invalid"}, "username": "u", "credential": "c"}
	config := map[string]any{"iceServers": []any{server, foreign}}
	files := map[string]any{
		"evidence/target.json":    probe.Target{Link: "https://127.0.0.2/Room", Name: "vksprobe", System: "test"},
		"evidence/timeline.jsonl": probe.Mark{Time: time.Now(), Participant: 1, Phase: probe.Landing},
		"evidence/p1/hook.jsonl": map[string]any{"t": time.Now(), "s": "A", "url": "https://127.0.0.2/Room",
			"e": map[string]any{"n": 1, "k": "pc.new", "d": map[string]any{"o": "pc1", "cfg": config}}},
		"scan.json": probe.Run{Format: "vksprobe-scan/v1", State: probe.Complete},
	}
	for name, v := range files {
		line, err := json.Marshal(v)
		ts.Check(err)
		ts.Check(w.Put(name, append(line, '\n')))
	}
	ts.Check(w.Seal(map[string]string{"Vksprobe-State": "complete"}))
}

// Every verdict on every configuration of coturn is right, over UDP and TCP,
// over TLS and over DTLS, and the exit code says so.
func TestTURNConfigurations(t *testing.T) {
	t.Parallel()
	all := func(changes map[string]string) map[string]string {
		want := map[string]string{"turn.open-relay": "pass", "turn.authentication": "pass", "turn.relay-to-private": "pass",
			"turn.credential-lifetime": "pass", "turn.tls-offered": "pass"}
		for rule, v := range changes {
			if want[rule] = v; v == "" {
				delete(want, rule)
			}
		}
		return want
	}
	for configuration, c := range map[coturn.Configuration]struct {
		exit     int
		verdicts map[string]string
		granted  []turn.Class
	}{
		coturn.Sound: {exitOK, all(nil), nil},
		coturn.NoAuth: {exitViolation, all(map[string]string{"turn.open-relay": "fail", "turn.authentication": "fail",
			"turn.credential-lifetime": ""}), nil}, // nobody asked for them
		coturn.LoopbackPeers: {exitViolation, all(map[string]string{"turn.relay-to-private": "fail"}), []turn.Class{turn.Loopback}},
		coturn.WideRelay: {exitViolation, all(map[string]string{"turn.relay-to-private": "fail"}),
			[]turn.Class{turn.Metadata, turn.LinkLocal, turn.Private, turn.Shared, turn.Multicast, turn.Broadcast}},
	} {
		t.Run(string(configuration), func(t *testing.T) {
			t.Parallel()
			s, err := coturn.Start(t.Context(), configuration, coturn.Options{})
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
			user, password := s.Credential("lab-user", time.Now().Add(time.Hour))
			file := filepath.Join(t.TempDir(), "password")
			if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
				t.Fatal(err)
			}
			urls := []string{s.URL(false), s.URL(true) + "?transport=tcp", s.URL(true) + "?transport=udp"}
			var out, messages bytes.Buffer
			code := run(t.Context(), &env{strings.NewReader(""), &out, &messages},
				append([]string{"turn", "-json", "-tls=false", "-timeout", "20s", "-user", user, "-password-file", file}, urls...))
			if code != c.exit || messages.Len() > 0 {
				t.Errorf("the exit code is %d, want %d; %s", code, c.exit, messages.String())
			}
			if strings.Contains(out.String(), password) || strings.Contains(out.String(), "lab-user") {
				t.Error("the output contains user name or password")
			}
			lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
			if len(lines) != len(urls) {
				t.Fatalf("%d results", len(lines))
			}
			for i, line := range lines {
				var r turnResult
				if err := json.Unmarshal(line, &r); err != nil {
					t.Fatal(err)
				}
				got := map[string]string{}
				for _, f := range r.Findings {
					got[f.Rule] = f.Verdict.String()
				}
				want := maps.Clone(c.verdicts)
				if i == 0 {
					want["turn.amplification"] = "pass" // a matter of UDP
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: verdicts, -want +got:\n%s", urls[i], diff)
				}
				wantGranted(t, urls[i], r.Facts, c.granted, configuration == coturn.WideRelay)
				var transports []string
				for _, d := range r.Facts.Doors {
					if d.Reachable.State == turn.Yes {
						transports = append(transports, d.Transport)
					}
				}
				if diff := cmp.Diff([][]string{{"udp", "tcp"}, {"tls"}, {"dtls"}}[i], transports); diff != "" {
					t.Errorf("%s: transports, -want +got:\n%s", urls[i], diff)
				}
				if f := r.Facts; f.Cost.Allocations == 0 || f.Cost.Released != f.Cost.Allocations || f.Allocation.Lifetime != 600 || len(f.Allocation.Families) != 1 {
					t.Errorf("%s: %+v, %+v", urls[i], f.Cost, f.Allocation)
				}
			}
		})
	}
}

// wantGranted holds the classes of IPv4 peers to which a server relays
// against its configuration, and with them that no data went anywhere.
func wantGranted(t *testing.T, url string, f turn.Facts, want []turn.Class, wide bool) {
	t.Helper()
	granted := map[turn.Class]bool{}
	for _, p := range f.Peers {
		if p.Delivered.State != "" || p.Connect.State != "" {
			t.Errorf("%s: %s was sent data or a connection", url, p.Address)
		}
		if p.Granted() == turn.Yes && (!wide || !strings.Contains(p.Address, ":")) { // coturn sees through few forms of IPv6
			granted[p.Class] = true
		}
	}
	for _, c := range want {
		if !granted[c] {
			t.Errorf("%s: a relay to %s was not seen", url, c)
		}
		delete(granted, c)
	}
	for c := range granted {
		t.Errorf("%s: a relay to %s is none", url, c)
	}
}

// After a scan with -active the servers that the pages were given are asked,
// with the credentials that came with them, if they are in scope.
func TestScanActive(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	t.Parallel()
	s, err := coturn.Start(t.Context(), coturn.WideRelay, coturn.Options{})
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
	user, password := s.Credential("lab-user", time.Now().Add(time.Hour))
	config, err := json.Marshal(map[string]any{"iceServers": []any{
		map[string]any{"urls": s.URL(false) + "?transport=udp", "username": user, "credential": password},
		map[string]any{"urls": s.URL(true) + "?transport=udp", "username": user, "credential": password},
		map[string]any{"urls": "stun:stun.foreign.invalid"}}})
	if err != nil {
		t.Fatal(err)
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>Room</title><script>globalThis.pc = new RTCPeerConnection(%s)</script><p>An empty room.`, config)
	}))
	t.Cleanup(page.Close)
	dir := filepath.Join(t.TempDir(), "bundle")
	var out, messages bytes.Buffer
	code := run(t.Context(), &env{strings.NewReader(""), &out, &messages}, []string{"scan", "-active", "-scope", "127.0.0.2, other.example",
		"-landing", "1s", "-prejoin", "100ms", "-meeting", "100ms", "-left", "100ms", "-join-timeout", "1s", "-json", "-o", dir, page.URL + "/Room"})
	if code != exitViolation {
		t.Fatalf("the exit code is %d; %s", code, messages.String())
	}
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := b.Facts()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for o, f := range turn.Observed.In(facts) {
		got[o.Subject] = fmt.Sprint(o.Failure, f.Credential.Accepted.State, f.Allocation.Works.State)
	}
	want := map[string]string{s.URL(false) + "?transport=udp": "yesyes", s.URL(true) + "?transport=udp": "yesyes", "stun:stun.foreign.invalid": "out_of_scopeunknownunknown"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("servers, -want +got:\n%s", diff)
	}
	dtls := 0
	for _, o := range facts.All {
		if o.Kind == tls.Offer.Name {
			dtls++
		}
	}
	if dtls != 1 {
		t.Errorf("%d offers of TLS or DTLS", dtls)
	}
	findings, err := b.Findings()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(findings, func(f probe.Finding) bool {
		return f.Rule == "turn.relay-to-private" && f.Subject == s.URL(false)+"?transport=udp" && f.Verdict == probe.Fail
	}) {
		t.Error("the relay into private networks is no violation")
	}
	if strings.Contains(out.String(), password) || strings.Contains(messages.String(), password) {
		t.Error("the output contains the password")
	}
}

// All sockets to a name go to the same of its addresses, the first that can be
// reached.
func TestOnePlace(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var o onePlace
	for range 2 {
		c, err := o.dial(t.Context(), "tcp", net.JoinHostPort("localhost", port))
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if got := o.place["localhost"].String(); got != "127.0.0.1" {
			t.Errorf("the place is %s", got)
		}
	}
	o.place["localhost"] = netip.MustParseAddr("127.0.0.9")
	c, err := o.dial(t.Context(), "udp", net.JoinHostPort("localhost", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.RemoteAddr().String(); got != "127.0.0.9:"+port {
		t.Errorf("dialled %s", got)
	}
}
