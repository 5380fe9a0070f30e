package netlog_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vksprobe/probe/netlog"
)

var update = flag.Bool("update", false, "record testdata/few.json with Chromium and rewrite the golden file")

// read reads a log that is known to be one.
func read(t testing.TB, log []byte) *found {
	t.Helper()
	var f found
	var err error
	f.Log, err = netlog.Read(context.Background(), bytes.NewReader(log), f.handler())
	if err != nil {
		t.Fatal(err)
	}
	return &f
}

func recorded(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/few.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGolden reads a log of Chromium 156 that was recorded in the lab: a page
// over TLS 1.3, a refused connection and a WebSocket, with DNS over UDP.
func TestGolden(t *testing.T) {
	if *update {
		b, err := os.ReadFile(newLab(t).record(t, "/few", true, ""))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/few.json", b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := summary(t, read(t, recorded(t)))
	if *update {
		if err := os.WriteFile("testdata/few.golden", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/few.golden")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("testdata/few.golden (-want +got):\n%s", d)
	}
}

// longBytes matches base64 in JSON that nobody wants to read.
var longBytes = regexp.MustCompile(`"[A-Za-z0-9+/]{64,}={0,2}"`)

// summary writes everything as JSON with long bytes replaced by their digest.
func summary(t *testing.T, f *found) []byte {
	t.Helper()
	b, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return append(longBytes.ReplaceAllFunc(b, func(s []byte) []byte {
		raw, err := base64.StdEncoding.DecodeString(strings.Trim(string(s), `"`))
		if err != nil {
			return s
		}
		return fmt.Appendf(nil, `"%d bytes %x"`, len(raw), sha256.Sum256(raw))
	}), '\n')
}

// small makes a short log of a long one: only the events that are about
// sockets, without the long ones, and only the constants these need.
func small(t testing.TB, log []byte) []byte {
	t.Helper()
	lines := bytes.Split(log, []byte("\n"))
	var head struct {
		Constants map[string]json.RawMessage `json:"constants"`
	}
	if err := json.Unmarshal(append(bytes.TrimSuffix(lines[0], []byte(",")), '}'), &head); err != nil {
		t.Fatal(err)
	}
	var types map[string]int
	if err := json.Unmarshal(head.Constants["logEventTypes"], &types); err != nil {
		t.Fatal(err)
	}
	wanted := regexp.MustCompile(`^(SOCKET_(ALIVE|BYTES|IN_USE)|TCP_CONNECT|SSL_CONNECT$|SSL_HANDSHAKE_MESSAGE|UDP|HOST_RESOLVER_MANAGER_JOB$)`)
	for name := range types {
		if !wanted.MatchString(name) {
			delete(types, name)
		}
	}
	constants := map[string]any{"logEventTypes": types}
	for _, name := range []string{"logSourceType", "timeTickOffset", "logCaptureMode"} {
		constants[name] = head.Constants[name]
	}
	first, err := json.Marshal(map[string]any{"constants": constants})
	if err != nil {
		t.Fatal(err)
	}
	out := append(bytes.TrimSuffix(first, []byte("}")), ",\n\"events\": [\n"...)
	kind := regexp.MustCompile(`"type":(\d+)}[],]*$`)
	size := 0
	for _, line := range lines[2:] {
		m := kind.FindSubmatch(line)
		if m == nil || len(line) > 400 || size > 12<<10 {
			continue
		}
		for _, n := range types {
			if fmt.Sprint(n) == string(m[1]) {
				size += len(line)
				out = append(append(out, bytes.TrimRight(line, "],")...), ",\n"...)
			}
		}
	}
	return append(bytes.TrimSuffix(out, []byte(",\n")), "],\n\"polledData\": [{}]\n}\n"...)
}

// TestTruncated cuts a log at every byte. A part must be read without an error
// and tell nothing that the whole does not tell.
func TestTruncated(t *testing.T) {
	log := small(t, recorded(t))
	whole := read(t, log)
	if whole.Log.Truncated || len(whole.Sockets) < 5 || len(whole.Datagrams) < 5 {
		t.Fatalf("the log to be cut has truncated=%v, %d sockets, %d datagrams", whole.Log.Truncated, len(whole.Sockets), len(whole.Datagrams))
	}
	full := map[int64]*netlog.Socket{}
	for _, s := range whole.Sockets {
		full[s.ID] = s
	}
	addresses := cmpopts.EquateComparable(netip.AddrPort{})
	var events int64
	for n := range len(log) {
		part := read(t, log[:n])
		if want := n < len(log)-1; part.Log.Truncated != want {
			t.Fatalf("cut at %d of %d: truncated is %v", n, len(log), part.Log.Truncated)
		}
		if part.Log.Malformed != 0 {
			t.Fatalf("cut at %d: %d malformed lines", n, part.Log.Malformed)
		}
		if part.Log.Events < events {
			t.Fatalf("cut at %d: %d events, one byte less had %d", n, part.Log.Events, events)
		}
		if part.Log.Events == events && n > 0 && n < len(log)-1 {
			continue // nothing new was read
		}
		events = part.Log.Events
		opened := 0
		for _, s := range part.Sockets {
			f := full[s.ID]
			if f == nil || s.Opened != f.Opened || s.Network != f.Network || s.Sent > f.Sent || s.Received > f.Received ||
				len(s.Attempts) > len(f.Attempts) || (s.TLS != nil && (f.TLS == nil || len(s.TLS.Messages) > len(f.TLS.Messages))) {
				t.Fatalf("cut at %d: socket %+v is not the beginning of %+v", n, s, f)
			}
		}
		for _, s := range whole.Sockets {
			if s.Opened.Event <= events {
				opened++
			}
		}
		if opened != len(part.Sockets) {
			t.Fatalf("cut at %d: %d sockets, %d were opened until then", n, len(part.Sockets), opened)
		}
		if d := cmp.Diff(whole.Datagrams[:len(part.Datagrams)], part.Datagrams, addresses, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("cut at %d: datagrams (-whole +part):\n%s", n, d)
		}
	}
	if events != whole.Log.Events {
		t.Errorf("%d events in the longest part, %d in the whole", events, whole.Log.Events)
	}
}

// header begins a synthetic log in which type and source numbers are fixed.
const header = `{"constants":{"clientInfo":{"command_line":"chromium --x","name":"Chromium","version":"1.2"},"logCaptureMode":"Default",` +
	`"logEventTypes":{"SOCKET_ALIVE":1,"TCP_CONNECT":2,"TCP_CONNECT_ATTEMPT":3,"SOCKET_BYTES_SENT":4,"UDP_BYTES_SENT":5,"UDP_CONNECT":6,` +
	`"SSL_HANDSHAKE_MESSAGE_SENT":7,"REQUEST_ALIVE":8,"HOST_RESOLVER_MANAGER_JOB":9,"QUIC_SESSION":10,"QUIC_SESSION_CRYPTO_FRAME_RECEIVED":11,` +
	`"HTTP_TRANSACTION_READ_RESPONSE_HEADERS":12,"DNS_TRANSACTION":13,"DNS_TRANSACTION_RESPONSE":14,"SSL_CERTIFICATES_RECEIVED":15,"SSL_CONNECT":16,"NOISE":17,` +
	`"HTTP_STREAM_JOB_BOUND_TO_REQUEST":18,"SOCKET_POOL_BOUND_TO_SOCKET":19,"URL_REQUEST_REDIRECTED":20,"WEBSOCKET_SENT_FRAME_HEADER":21,` +
	`"HTTP_TRANSACTION_SEND_REQUEST_HEADERS":22,"CERT_VERIFIER_REQUEST_BOUND_TO_JOB":23,"CERT_VERIFIER_JOB":24},` +
	`"logSourceType":{"NONE":0,"SOCKET":1,"UDP_SOCKET":2,"URL_REQUEST":3,"HOST_RESOLVER_IMPL_JOB":4,"QUIC_SESSION":5,"DNS_TRANSACTION":6,"HTTP_STREAM_JOB":7,"CERT_VERIFIER_JOB":8},` +
	`"timeTickOffset":"1795415923753"},` + "\n\"events\": [\n"

// line writes an event as Chromium does.
func line(typ, phase, source, sourceType int, params string) string {
	if params != "" {
		params = `"params":` + params + ","
	}
	return fmt.Sprintf(`{%s"phase":%d,"source":{"id":%d,"start_time":"5","type":%d},"time":"7","type":%d},`+"\n", params, phase, source, sourceType, typ)
}

func TestConstants(t *testing.T) {
	f := read(t, []byte(header+line(17, 0, 1, 0, "")+line(17, 0, 1, 0, "")))
	if f.Log.Mode != "Default" || f.Log.Browser != "Chromium 1.2" || f.Log.CommandLine != "chromium --x" || f.Log.Events != 2 {
		t.Errorf("log %+v", f.Log)
	}
	if got := f.Log.Start.UnixMilli(); got != 1795415923753+7 {
		t.Errorf("start is %d", got)
	}
	if !slices.Contains(f.Log.Missing, "UDP_BYTES_RECEIVED") || slices.Contains(f.Log.Missing, "UDP_BYTES_SENT") {
		t.Errorf("missing types %q", f.Log.Missing)
	}
	number := strings.Replace(header, `"1795415923753"`, "1795415923753", 1)
	if got := read(t, []byte(number+line(17, 0, 1, 0, ""))).Log.Start; !got.Equal(f.Log.Start) {
		t.Errorf("start is %v if the offset is a number, %v if it is a string", got, f.Log.Start)
	}
}

// TestAnyForm reads events that are not written as Chromium writes them today.
func TestAnyForm(t *testing.T) {
	want := read(t, []byte(header+line(1, 1, 3, 2, "")+line(5, 0, 3, 2, `{"address":"192.0.2.1:9","byte_count":2,"bytes":"aGk="}`)))
	spaced := `{"type": 1, "time": 7, "source": {"type": 2, "id": 3}, "phase": 1},` + "\n" +
		`{"type": 5, "time": "7", "source": {"type": 2, "id": 3}, "params": {"bytes": "aG\u006b=", "byte_count": 2, "address": "192.0.2.1:9"}},` + "\n"
	got := read(t, []byte(header+spaced))
	ignore := cmpopts.IgnoreFields(netlog.Stamp{}, "Byte")
	if d := cmp.Diff(want.Datagrams, got.Datagrams, cmpopts.EquateComparable(netip.AddrPort{}), ignore); d != "" || len(got.Datagrams) != 1 || got.Payload != 2 {
		t.Errorf("payload %d, datagrams (-usual +other):\n%s", got.Payload, d)
	}
}

func TestMalformed(t *testing.T) {
	log := header + line(1, 1, 3, 1, "") +
		"garbage\n" +
		`{"params":{"byte_count":nonsense},"phase":0,"source":{"id":3,"type":1},"time":"7","type":4},` + "\n" +
		line(99, 0, 3, 1, "") + // no such type
		line(4, 0, 3, 1, `{"byte_count":5}`) +
		strings.Replace(line(4, 0, 3, 1, `{"byte_count":5}`), `"time":"7"`, `"time":"9223372036854775807"`, 1)
	f := read(t, []byte(log))
	if f.Log.Malformed != 4 || f.Log.Events != 2 || len(f.Sockets) != 1 || f.Sockets[0].Sent != 5 {
		t.Errorf("%d malformed lines, sockets %+v", f.Log.Malformed, f.Sockets)
	}
}

func TestNotANetLog(t *testing.T) {
	for _, s := range []string{"x", "{}\n", `{"constants":{}}` + "\n", `{"constants":{"logEventTypes":{}},` + "\n", "\x00\x00\n", `{"constants":nothing},` + "\n"} {
		if _, err := netlog.Read(context.Background(), strings.NewReader(s), netlog.Handler{}); err == nil {
			t.Errorf("%q was taken for a NetLog", s)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := netlog.Read(ctx, strings.NewReader(header), netlog.Handler{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read ended with %v", err)
	}
	var f found
	broken := errors.New("broken disk")
	in := io.MultiReader(strings.NewReader(header+line(1, 1, 3, 1, "")), iotest.ErrReader(broken))
	log, err := netlog.Read(context.Background(), in, f.handler())
	if !errors.Is(err, broken) || log == nil || !log.Truncated || len(f.Sockets) != 1 {
		t.Errorf("a failing reader gave %v, log %+v and %d sockets", err, log, len(f.Sockets))
	}
}

// TestBounds opens more sources than the reader keeps.
func TestBounds(t *testing.T) {
	const n = 20000 // more than maxLive
	var b strings.Builder
	b.WriteString(header)
	for id := 1; id <= n; id++ {
		b.WriteString(line(1, 1, id, 1, ""))
		b.WriteString(line(8, 1, n+id, 3, `{"url":"https://a.test/"}`))
		b.WriteString(line(9, 1, 2*n+id, 4, `{"host":"a.test"}`))
		b.WriteString(line(10, 1, 3*n+id, 5, `{"host":"a.test","port":443}`))
	}
	for range 5000 {
		b.WriteString(line(7, 0, n, 1, `{"bytes":"AQAAAA==","type":1}`))
		b.WriteString(line(20, 0, 2*n, 3, `{"location":"https://b.test/"}`))
		b.WriteString(line(3, 1, n, 1, `{"address":"192.0.2.1:9"}`))
	}
	f := read(t, []byte(b.String()))
	for what, got := range map[string]int{"sockets": len(f.Sockets), "requests": len(f.Requests), "lookups": len(f.Lookups), "sessions": len(f.QUIC)} {
		if got != n {
			t.Errorf("%d %s were handed over, want %d", got, what, n)
		}
	}
	s := f.socket(t, n)
	if len(s.TLS.Messages) >= 5000 || len(s.Attempts) >= 5000 {
		t.Errorf("%d messages, %d attempts", len(s.TLS.Messages), len(s.Attempts))
	}
	redirects := 0
	for _, r := range f.Requests {
		redirects += len(r.Redirects)
	}
	early := 4 * (n - 1<<14)
	lost := 3*5000 - len(s.TLS.Messages) - len(s.Attempts) - redirects
	if f.Log.Dropped != int64(early+lost) {
		t.Errorf("dropped %d, want %d handed over early and %d not kept", f.Log.Dropped, early, lost)
	}
}

// TestClosedAndEvicted pushes a socket out that has ended and still waits for
// late news.
func TestClosedAndEvicted(t *testing.T) {
	const n = 1<<14 + 1 // one more than maxLive
	var b strings.Builder
	b.WriteString(header)
	for id := 1; id < n; id++ {
		b.WriteString(line(1, 1, id, 1, ""))
	}
	b.WriteString(line(1, 2, 1, 1, "") + line(1, 1, n, 1, ""))
	b.WriteString(strings.Repeat(line(17, 0, 0, 0, ""), 2000))
	if f := read(t, []byte(b.String())); len(f.Sockets) != n || f.Sockets[0].ID != 1 || f.Sockets[0].Closed.Event != n {
		t.Errorf("%d sockets were handed over, want %d", len(f.Sockets), n)
	}
}

// TestBytesHeld has one request collect more than it may keep.
func TestBytesHeld(t *testing.T) {
	long := strings.Repeat("h", 1<<20)
	headers := line(12, 0, 3, 3, `{"headers":["HTTP/1.1 200 OK","`+long+`","`+long+`","`+long+`"]}`)
	f := read(t, []byte(header+line(8, 1, 3, 3, `{"url":"https://a.test/"}`)+headers+headers))
	if r := f.request(t, "https://a.test/"); len(r.Response) != 1 || r.Status != 200 || f.Log.Dropped != 2 {
		t.Errorf("%d headers were kept, status %d, dropped %d", len(r.Response), r.Status, f.Log.Dropped)
	}
}

// TestEvents sees that every line is shown and can be found again.
func TestEvents(t *testing.T) {
	log := recorded(t)
	var events int64
	l, err := netlog.Read(context.Background(), bytes.NewReader(log), netlog.Handler{Event: func(e *netlog.Event) {
		events++
		at := log[e.Byte:]
		if at[0] != '{' || !bytes.HasPrefix(at, []byte(`{"params":`+string(e.Params))) && e.Params != nil {
			t.Fatalf("event %d is not at byte %d", e.Event, e.Byte)
		}
		if start := bytes.Count(log[:e.Byte], []byte("\n")); int64(start) != e.Event+1 {
			t.Fatalf("event %d is on line %d", e.Event, start+1)
		}
		if e.Type == "" || e.SourceType == "" {
			t.Fatalf("event without names: %+v", e)
		}
	}})
	if err != nil || events != l.Events || events < 500 {
		t.Errorf("%d events were shown, %d counted, error %v", events, l.Events, err)
	}
}

// TestQUICHandshake puts CRYPTO frames together that come out of order, twice
// and with a gap.
func TestQUICHandshake(t *testing.T) {
	frame := func(level string, offset int, b string) string {
		return line(11, 0, 3, 5, fmt.Sprintf(`{"bytes":%q,"data_length":%d,"encryption_level":"ENCRYPTION_%s","offset":%d}`,
			base64.StdEncoding.EncodeToString([]byte(b)), len(b), level, offset))
	}
	f := read(t, []byte(header+line(10, 1, 3, 5, `{"host":"a.test","port":443}`)+
		frame("HANDSHAKE", 3, "DEF")+frame("HANDSHAKE", 0, "ABC")+frame("HANDSHAKE", 2, "CDEFG")+frame("HANDSHAKE", 9, "lost")+
		frame("INITIAL", 0, "ab")+frame("INITIAL", 0, "ab")+frame("INITIAL", -1, "x")))
	if len(f.QUIC) != 1 || string(f.QUIC[0].CryptoReceived) != "abABCDEFG" {
		t.Errorf("sessions %+v", f.QUIC)
	}
}

// TestAttempts has a socket try three addresses.
func TestAttempts(t *testing.T) {
	log := header + line(1, 1, 3, 1, "") + line(2, 1, 3, 1, `{"address_list":[]}`)
	for i, end := range []string{`{"os_error":113}`, `{"os_error":4711}`, ""} {
		log += line(3, 1, 3, 1, fmt.Sprintf(`{"address":"192.0.2.%d:443"}`, i+1)) + line(3, 2, 3, 1, end)
	}
	f := read(t, []byte(log+line(2, 2, 3, 1, `{"local_address":"192.0.2.9:5","remote_address":"192.0.2.3:443"}`)))
	var got []string
	for _, a := range f.Sockets[0].Attempts {
		got = append(got, fmt.Sprint(a.Address, " ", a.NetError))
	}
	if d := cmp.Diff([]string{"192.0.2.1:443 -109", "192.0.2.2:443 -104", "192.0.2.3:443 0"}, got); d != "" {
		t.Errorf("attempts (-want +got):\n%s", d)
	}
}

// TestAcceptedCertificate has the verifier reject a certificate that the
// browser was told to accept, so that the handshake succeeds.
func TestAcceptedCertificate(t *testing.T) {
	f := read(t, []byte(header+line(1, 1, 3, 1, "")+line(16, 1, 3, 1, "")+
		line(23, 0, 3, 1, `{"source_dependency":{"id":4,"type":8}}`)+line(24, 2, 4, 8, `{"net_error":-201}`)+
		line(16, 2, 3, 1, `{"version":"TLS 1.3"}`)))
	if h := f.Sockets[0].TLS; h.CertError != -201 || h.NetError != 0 || h.Version != "TLS 1.3" {
		t.Errorf("handshake %+v", h)
	}
}

// TestFailedAfterRedirect has the second hop of a request stay without answer.
func TestFailedAfterRedirect(t *testing.T) {
	f := read(t, []byte(header+line(8, 1, 3, 3, `{"url":"https://a.test/"}`)+
		line(22, 0, 3, 3, `{"headers":["Host: a.test"]}`)+line(12, 0, 3, 3, `{"headers":["HTTP/1.1 302","location: https://b.test/"]}`)+
		line(20, 0, 3, 3, `{"location":"https://b.test/"}`)+line(22, 0, 3, 3, `{"headers":["Host: b.test"]}`)+line(8, 2, 3, 3, `{"net_error":-101}`)))
	r := f.request(t, "https://a.test/")
	if r.Status != 0 || len(r.Response) != 0 || r.NetError != -101 || !slices.Equal(r.Headers, []string{"Host: b.test"}) {
		t.Errorf("request %+v", r)
	}
}

// TestDefaultMode reads datagrams without payload, which only Everything has.
func TestDefaultMode(t *testing.T) {
	var got []netlog.Datagram
	log := header + line(1, 1, 3, 2, "") + line(6, 1, 3, 2, `{"address":"[2001:db8::1]:53"}`) + line(5, 0, 3, 2, `{"byte_count":12}`)
	_, err := netlog.Read(context.Background(), strings.NewReader(log), netlog.Handler{Datagram: func(d *netlog.Datagram) { got = append(got, *d) }})
	if err != nil || len(got) != 1 || got[0].Payload != nil || got[0].Length != 12 || got[0].Remote != netip.MustParseAddrPort("[2001:db8::1]:53") {
		t.Errorf("datagrams %+v, error %v", got, err)
	}
}

// FuzzRead feeds hostile bytes as a whole log and as the events of one.
func FuzzRead(f *testing.F) {
	f.Add(small(f, recorded(f)))
	f.Add([]byte(header))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, log := range [][]byte{b, append([]byte(header), b...)} {
			var all found
			seen := map[int64]bool{}
			h := all.handler()
			h.Event = func(e *netlog.Event) {
				if e.Params != nil && !json.Valid(e.Params) {
					t.Errorf("params of event %d are no JSON", e.Event)
				}
				if e.Byte < 0 || e.Byte >= int64(len(log)) {
					t.Errorf("event %d is at byte %d of %d", e.Event, e.Byte, len(log))
				}
			}
			l, err := netlog.Read(context.Background(), bytes.NewReader(log), h)
			if err != nil {
				continue
			}
			for _, s := range all.Sockets {
				if seen[s.Opened.Event] {
					t.Errorf("socket %d of event %d was handed over twice", s.ID, s.Opened.Event)
				}
				seen[s.Opened.Event] = true
			}
			if _, err := json.Marshal(all); err != nil {
				t.Errorf("not every value can be written: %v", err)
			}
			if l.Events+l.Malformed > int64(bytes.Count(log, []byte("\n")))+1 {
				t.Errorf("%d events and %d malformed lines in %d lines", l.Events, l.Malformed, bytes.Count(log, []byte("\n"))+1)
			}
		}
	})
}

// BenchmarkRead reads a log of a call, in which most bytes are datagrams, and
// one of pages.
func BenchmarkRead(b *testing.B) {
	var media bytes.Buffer
	media.WriteString(header + line(1, 1, 3, 2, ""))
	packet := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("rtp!"), 275))
	datagram := line(5, 0, 3, 2, `{"address":"192.0.2.1:40000","byte_count":1100,"bytes":"`+packet+`"}`)
	for media.Len() < 32<<20 {
		media.WriteString(datagram)
	}
	page := recorded(b)
	start := bytes.Index(page, []byte("\"events\": [\n")) + len("\"events\": [\n")
	events := page[start:bytes.LastIndex(page, []byte("],\n\"polledData"))]
	pages := slices.Clone(page[:start])
	for len(pages) < 32<<20 {
		pages = append(append(pages, events...), ",\n"...)
	}
	for name, log := range map[string][]byte{"media": media.Bytes(), "pages": pages} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(log)))
			b.ReportAllocs()
			bytesSeen := 0
			h := netlog.Handler{Datagram: func(d *netlog.Datagram) { bytesSeen += len(d.Payload) }, Socket: func(*netlog.Socket) {}}
			for b.Loop() {
				if _, err := netlog.Read(context.Background(), bytes.NewReader(log), h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
