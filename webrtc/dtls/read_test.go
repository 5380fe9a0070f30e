package dtls

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"vksprobe/probe"
	"vksprobe/tls/hello"
)

var record = flag.Bool("record", false, "record the seeds of the fuzz target anew")

// Whatever is in a transcript, reading it ends without a panic, says the same
// twice, and is written as it was read.
func FuzzReadTranscript(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		transcript, err := ReadTranscript(bytes.NewReader(in))
		facts := Read(transcript)
		if again := Read(transcript); !reflect.DeepEqual(facts, again) {
			t.Error("the same transcript is read in two ways")
		}
		text, jsonErr := json.Marshal(facts)
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		if len(text) > 100*len(in)+100_000 { // what is small stays small
			t.Errorf("%d bytes became %d", len(in), len(text))
		}
		var out bytes.Buffer
		if err := WriteTranscript(&out, transcript); err != nil {
			return // a time beyond what JSON has
		}
		back, backErr := ReadTranscript(&out)
		if err == nil && backErr != nil {
			t.Fatalf("what was written cannot be read: %v", backErr)
		}
		if !reflect.DeepEqual(Read(back), facts) {
			t.Error("written and read again it says something else")
		}
	})
}

// FuzzDescription feeds descriptions of strangers. What is substituted has
// our identity and no trace of the browser's.
func FuzzDescription(f *testing.F) {
	f.Add("v=0\r\na=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=fingerprint:SHA-256 aa:BB\r\na=setup:actpass\r\na=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n")
	f.Add("a=candidate:\na=fingerprint:\na=setup\r")
	id := &Identity{Ufrag: "ours", Password: "our password", Fingerprint: "sha-256 00"}
	f.Fuzz(func(t *testing.T, sdp string) {
		d := ParseDescription(sdp, true)
		if len(d.Candidates) > maxCandidates || len(d.Fingerprints) > maxFingerprints {
			t.Error("without bounds")
		}
		s := Substitute(sdp, id, Passive)
		o := ParseDescription(s, true)
		if len(o.Candidates) > 0 || d.Ufrag != "" && o.Ufrag != id.Ufrag || d.Password != "" && o.Password != id.Password || d.Setup != "" && o.Setup != string(Passive) {
			t.Errorf("%q became %q", sdp, s)
		}
		if Substitute(s, id, Passive) != s {
			t.Error("twice is not once")
		}
	})
}

// seeds are recorded transcripts.
const seeds = "testdata/fuzz/FuzzReadTranscript"

// TestRecordSeeds records a server for the fuzz target and the observer.
func TestRecordSeeds(t *testing.T) {
	if !*record {
		t.Skip("only with -record")
	}
	tr, _ := ask(t, loopback.Through(newPion(t, nil).join), Options{Server: "pion", Joins: 4, Deep: true})
	var b bytes.Buffer
	if err := WriteTranscript(&b, tr); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(seeds, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(seeds, "pion"), fmt.Appendf(nil, "go test fuzz v1\n[]byte(%q)\n", b.Bytes()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestObserver derives from the files alone what was known when they were
// written, also of one that is cut off.
func TestObserver(t *testing.T) {
	t.Parallel()
	var kept []Exchange
	tr, facts := ask(t, loopback.Through(newPion(t, nil).join), Options{Server: "media server of meet.test", Record: func(x Exchange) { kept = append(kept, x) }})
	if !reflect.DeepEqual(kept, []Exchange(tr)) {
		t.Error("what was recorded is not the transcript")
	}
	var b bytes.Buffer
	if err := WriteTranscript(&b, tr); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{Transcripts + "/1.jsonl": {Data: b.Bytes()}, Transcripts + "/2.jsonl": {Data: b.Bytes()[:b.Len()-20]},
		Transcripts + "/3.jsonl": {}, Transcripts + "/note.txt": {Data: []byte("x")}}
	all, err := probe.Observe(t.Context(), &probe.Record{Files: files}, Observer)
	if err == nil {
		t.Error("the file that was cut off is read without an error")
	}
	var got []probe.Observation
	for _, o := range all {
		if o.Kind == Observed.Name {
			got = append(got, o)
		}
	}
	if len(got) != 2 || got[0].Failure != "" || got[1].Failure != probe.EvidenceUnreadable || got[0].Subject != "media server of meet.test" || got[0].Evidence[0].Path != "evidence/dtls/1.jsonl" {
		t.Fatalf("%+v", got)
	}
	want, err := json.Marshal(facts)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got[0].Data, want) {
		t.Errorf("from the file: %s\nat once: %s", got[0].Data, want)
	}
	if bytes.Contains(b.Bytes(), []byte("ufrag")) || bytes.Contains(b.Bytes(), []byte("pwd")) {
		t.Error("the transcript has ICE credentials")
	}
}

// TestFingerprint changes what the signalling had announced.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	tr, f := ask(t, loopback.Through(newPion(t, nil).join), Options{Server: "pion"})
	if f.Fingerprint != Yes {
		t.Errorf("matches: %s", f.Fingerprint)
	}
	tr[1].Prints = []string{"sha-256 " + strings.Repeat("00:", 31) + "00"}
	if f := Read(tr); f.Fingerprint != No {
		t.Errorf("another certificate than was announced: %s", f.Fingerprint)
	}
	tr[0].Prints, tr[1].Prints = nil, nil
	if f := Read(tr); f.Fingerprint != Unknown {
		t.Errorf("nothing was announced: %s", f.Fingerprint)
	}
}

// TestScope lets only those candidates be tried that the user has named.
func TestScope(t *testing.T) {
	t.Parallel()
	p := newPion(t, nil)
	for name, scope := range map[string]probe.Scope{"nobody": {}, "somebody else": {Hosts: []string{"127.0.0.2"}, Domains: []string{"0.0.1"}}} {
		tr, f := ask(t, ICE{Scope: scope}.Through(p.join), Options{Server: "pion", Deep: true})
		if len(tr) != maxDeaf || tr[0].Failure != probe.OutOfScope || len(tr[0].Chunks) > 0 {
			t.Errorf("%s in scope: %+v", name, tr)
		}
		if o := Observation(tr); o.Failure != probe.OutOfScope || f.Cost.Sent > 0 {
			t.Errorf("%s in scope: %+v", name, o)
		}
	}
}

// A stage is a far end that does what the test says.
func stage(t *testing.T, play func(c net.PacketConn, from net.Addr, got []byte)) Connect {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, maxDatagram)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			play(c, from, slices.Clone(buf[:n]))
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return dialUDP(c.LocalAddr().String())
}

// flightOf is a server's message in a datagram.
func flightOf(messages ...[]byte) (all [][]byte) {
	var w hello.DatagramWriter
	for _, m := range messages {
		all = append(all, w.Write(m)...)
	}
	return all
}

// serverHello answers in DTLS 1.3, which no server of Debian speaks: version,
// a suite and a group, or a retry that names one.
func serverHello(retry bool, extensions ...hello.Extension) []byte {
	random := bytes.Repeat([]byte{7}, 32)
	if retry {
		random = []byte{0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
			0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C}
	}
	body := append([]byte{0xFE, 0xFD}, random...)
	body = append(body, 0, 0x13, 0x01, 0)
	var list []byte
	for _, e := range extensions {
		list = append(list, byte(e.Type>>8), byte(e.Type), byte(len(e.Data)>>8), byte(len(e.Data)))
		list = append(list, e.Data...)
	}
	body = append(body, byte(len(list)>>8), byte(len(list)))
	return hello.Message(hello.TypeServerHello, append(body, list...))
}

// TestDTLS13 has a server of DTLS 1.3 that wants another group, with a cookie.
func TestDTLS13(t *testing.T) {
	t.Parallel()
	version := hello.Extension{Type: hello.ExtSupportedVersions, Data: []byte{0xFE, 0xFC}}
	retry := serverHello(true, version, hello.Extension{Type: hello.ExtKeyShare, Data: []byte{0x11, 0xEC}}, hello.Extension{Type: hello.ExtCookie, Data: []byte{0, 1, 9}})
	at := stage(t, func(c net.PacketConn, from net.Addr, got []byte) {
		if got[0] != hello.ContentHandshake {
			return
		}
		for _, b := range flightOf(retry) {
			c.WriteTo(b, from)
		}
	})
	tr, f := ask(t, at, Options{Server: "stage", Bare: true})
	v := f.Versions[0]
	if v.Accepted != Yes || f.Versions[1].Accepted != Unknown || v.Suites.Chosen == nil || v.Suites.Chosen.Code != 0x1301 || v.Groups.Chosen == nil || v.Groups.Chosen.Name != "X25519MLKEM768" || f.Features[CookieExchange] != Yes {
		dump(t, tr, f)
		t.Error("DTLS 1.3 was not recognised")
	}
}

// TestClientInstead has a far end that begins the handshake although we do.
func TestClientInstead(t *testing.T) {
	t.Parallel()
	theirs := everything(hello.DTLS12).hello().Marshal()
	at := stage(t, func(c net.PacketConn, from net.Addr, got []byte) {
		for _, b := range flightOf(theirs) {
			c.WriteTo(b, from)
		}
	})
	tr, f := ask(t, at, Options{Server: "stage", Bare: true, Deep: true})
	if len(tr) != 1 || f.Offer == nil || f.Versions[1].Accepted != Unknown {
		dump(t, tr, f)
		t.Error("its hello was not taken for an offer")
	}
}

// TestHostile has far ends that are silent, refuse, want cookies for ever or
// send without end. Silence and user_canceled are no refusals.
func TestHostile(t *testing.T) {
	t.Parallel()
	alert := func(description byte) []byte { return new(hello.DatagramWriter).Alert(description) }
	verify := hello.Message(hello.TypeHelloVerifyRequest, []byte{0xFE, 0xFD, 1, 42})
	for name, c := range map[string]struct {
		play    func(c net.PacketConn, from net.Addr, got []byte)
		joins   int
		failure probe.Failure
		version State // of DTLS 1.3
	}{
		"silence":  {func(net.PacketConn, net.Addr, []byte) {}, 2, probe.Timeout, Unknown},
		"refusal":  {func(c net.PacketConn, to net.Addr, got []byte) { c.WriteTo(alert(40), to) }, 4, "", No},
		"canceled": {func(c net.PacketConn, to net.Addr, got []byte) { c.WriteTo(alert(90), to) }, 4, "", Unknown},
		"cookies": {func(c net.PacketConn, to net.Addr, got []byte) {
			var w hello.DatagramWriter
			for range 6 {
				for _, b := range w.Write(verify) {
					c.WriteTo(b, to)
				}
			}
		}, 1, probe.Timeout, Unknown},
		"flood": {func(c net.PacketConn, to net.Addr, got []byte) {
			for range 2 * maxChunks {
				c.WriteTo([]byte{22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, to)
			}
		}, 4, "", Unknown},
		"noise": {func(c net.PacketConn, to net.Addr, got []byte) { c.WriteTo([]byte{0x80, 1, 2, 3}, to) }, maxDeaf, probe.Timeout, Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Server: "stage", Bare: true, Deep: true, Joins: c.joins, Timeout: 20 * time.Second, RTO: 100 * time.Millisecond}
			if c.failure == probe.Timeout { // nothing else will come
				o.Timeout = 300 * time.Millisecond
			}
			tr, f := ask(t, stage(t, c.play), o)
			if len(tr) != c.joins || f.Versions[0].Accepted != c.version {
				dump(t, tr, f)
				t.Errorf("%d joins, DTLS 1.3: %s", len(tr), f.Versions[0].Accepted)
			}
			for _, x := range tr {
				if len(x.Chunks) > maxChunks {
					t.Errorf("%d datagrams are kept", len(x.Chunks))
				}
				if c.failure != "" && x.Failure != c.failure {
					t.Errorf("failure %q, want %q", x.Failure, c.failure)
				}
			}
		})
	}
}

// TestJoins keeps to the bound, ends with the context and gives up when
// nobody is let in.
func TestJoins(t *testing.T) {
	t.Parallel()
	n := 0
	none := func(context.Context, *Identity, Setup) (*Line, error) {
		n++
		return nil, errors.New("the room is full")
	}
	tr, err := Enumerate(t.Context(), none, Options{Deep: true})
	if err != nil || n != maxDeaf || len(tr) != maxDeaf || tr[0].Failure != probe.NotJoined {
		t.Errorf("%d joins, %+v, %v", n, tr, err)
	}
	p := newPion(t, nil)
	if tr, err := Enumerate(t.Context(), loopback.Through(p.join), Options{Deep: true, Joins: 5}); err != nil || len(tr) != 5 {
		t.Errorf("%d joins, want 5: %v", len(tr), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if tr, err := Enumerate(ctx, loopback.Through(p.join), Options{Deep: true, Record: func(Exchange) { cancel() }}); !errors.Is(err, context.Canceled) || len(tr) != 1 {
		t.Errorf("%d joins after the end: %v", len(tr), err)
	}
	if _, err := Enumerate(t.Context(), nil, Options{}); err == nil {
		t.Error("asked without a way")
	}
}

// TestTrickle has candidates that come after the description.
func TestTrickle(t *testing.T) {
	t.Parallel()
	p := newPion(t, nil)
	join := func(ctx context.Context, id *Identity, setup Setup) (*Session, error) {
		s, err := p.join(ctx, id, setup)
		if err != nil {
			return nil, err
		}
		later := make(chan string, len(s.Remote.Candidates))
		for _, c := range s.Remote.Candidates {
			later <- "candidate:" + c
		}
		close(later)
		s.Candidates, s.Remote.Candidates = later, nil
		return s, nil
	}
	// where ours are is not known before theirs have come
	tr, f := ask(t, ICE{Scope: loopback.Scope, Loopback: true}.Through(join), Options{Server: "pion"})
	if f.Offer == nil || f.Versions[1].Accepted != Yes {
		dump(t, tr, f)
		t.Error("candidates that came later were of no use")
	}
}

// TestHello keeps every hello in one datagram and the weakest first.
func TestHello(t *testing.T) {
	t.Parallel()
	for _, v := range append([]uint16{0}, versions...) {
		o := everything(v)
		var w hello.DatagramWriter
		message := o.hello().Marshal()
		if all := w.Write(message); len(all) != 1 {
			t.Errorf("%s: %d datagrams for %d bytes", hello.VersionName(v), len(all), len(message))
		}
		t.Logf("%s: %d suites, %d bytes", hello.VersionName(v), len(o.lists[suites]), len(message))
	}
	list := all12[suites]
	for _, pair := range [][2]uint16{{0x0001, 0x002F}, {0x002F, 0xC013}, {0xC009, 0xC02B}, {0xC02B, 0xC02C}, {0x0034, 0x002F}} {
		if slices.Index(list, pair[0]) < 0 || slices.Index(list, pair[0]) > slices.Index(list, pair[1]) {
			t.Errorf("%04x does not stand before %04x", pair[0], pair[1])
		}
	}
	if p := all12[profiles]; p[0] != 5 && p[0] != 6 || slices.Index(p, 2) > slices.Index(p, 1) || slices.Index(p, 1) > slices.Index(p, 7) {
		t.Errorf("profiles %x", p)
	}
}
