package browser

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wholeNetLog parses the NetLog as one JSON document.
func wholeNetLog(t *testing.T, e *evidence) (events []map[string]any) {
	t.Helper()
	var log struct {
		Constants map[string]any
		Events    []map[string]any
	}
	if err := json.Unmarshal(e.file("p1/netlog.json"), &log); err != nil {
		t.Fatalf("netlog.json: %v", err)
	}
	if log.Constants["logCaptureMode"] != "Everything" || len(log.Events) == 0 {
		t.Errorf("NetLog with capture mode %v and %d events", log.Constants["logCaptureMode"], len(log.Events))
	}
	return log.Events
}

func TestNetLog(t *testing.T) {
	s := serve(t, "127.0.0.1", map[string]string{"/": `<title>wait</title><script>
		const w = new WebSocket('ws://ADDRESS/nobody'); w.onerror = () => document.title = 'done'</script>`})
	b, e := begin(t, Config{Lang: "de-DE"})
	navigate(t, b, s.URL)
	eventually(t, b, "done")
	if b.Hosts() != 1 {
		t.Errorf("%d hosts were counted", b.Hosts())
	}
	finish(t, b, e)
	text := string(e.file("p1/netlog.json"))
	wholeNetLog(t, e)
	for _, want := range []string{s.URL + "/", "ws://" + strings.TrimPrefix(s.URL, "http://") + "/nobody", "Accept-Language: de-DE"} {
		if !strings.Contains(text, want) {
			t.Errorf("the NetLog has no %q", want)
		}
	}
	for _, quiet := range []string{"clients2.google.com", "update.googleapis.com", "optimizationguide"} {
		if strings.Contains(text, `"host":"`+quiet) || strings.Contains(text, `"url":"https://`+quiet) {
			t.Errorf("the browser calls %s", quiet)
		}
	}
	if len(e.messages(t, "Network.webSocketCreated")) == 0 {
		t.Error("the DevTools record has no WebSocket")
	}
}

// TestDiskFull: the browser must not stall when its evidence cannot be kept,
// and Close says so.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	e := &evidence{limit: map[string]int{"netlog": 1000}}
	w, _ := e.create("netlog")
	d, err := drainFIFO(fifo, -1, w)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.SetWriteDeadline(time.Now().Add(10 * time.Second))
	d.release()
	if _, err := f.Write(make([]byte, 4<<20)); err != nil {
		t.Errorf("the writer stalls: %v", err)
	}
	f.Close()
	if err := d.wait(5 * time.Second); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("waiting returned %v", err)
	}
	if len(e.open) > 0 {
		t.Error("the evidence file stays open")
	}
}

// TestDrainForced: a record that never ends does not keep Close waiting.
func TestDrainForced(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	e := &evidence{}
	w, _ := e.create("netlog")
	d, err := drainFIFO(fifo, -1, w)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d.release()
	if err := d.wait(50 * time.Millisecond); err == nil {
		t.Error("a record without an end is no error")
	}
}

// TestConn plays the browser at the other end of the pipe.
func TestConn(t *testing.T) {
	r, browserOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	browserIn, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	e := &evidence{}
	record, _ := e.create("p1/cdp.jsonl")
	seen := make(chan string, 10)
	c := newConn(r, w, newJSONLines(record), func(_ *session, method string, _ json.RawMessage) { seen <- method })
	go func() {
		io.WriteString(browserOut, `{"method":"A.long","params":{"s":"`+strings.Repeat("x", maxEvent)+`"}}`+"\x00")
		browserOut.Write(make([]byte, 3)) // empty messages
		io.WriteString(browserOut, "not JSON\x00")
		chunk := strings.Repeat("y", 1<<20)
		for range maxReceived>>20 + 1 {
			io.WriteString(browserOut, chunk)
		}
		io.WriteString(browserOut, "\x00"+`{"method":"B.after"}`+"\x00")
	}()
	for _, want := range []string{"A.long", "B.after"} {
		select {
		case got := <-seen:
			if got != want {
				t.Errorf("%s was reported, want %s", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s is not reported", want)
		}
	}
	// nobody answers: the call ends with its context, and later with the pipe
	if err := c.browser().Call(within(t, 50*time.Millisecond), "X.y", nil, nil); err == nil {
		t.Error("a call without an answer succeeded")
	}
	waiting := make(chan error)
	go func() { waiting <- c.browser().Call(within(t, 20*time.Second), "X.y", nil, nil) }()
	time.Sleep(20 * time.Millisecond)
	browserIn.Close()
	browserOut.Close()
	if err := <-waiting; !errors.Is(err, errGone) {
		t.Errorf("a call at the end of the browser returned %v", err)
	}
	for range 2 * cap(c.out) { // more than is queued
		c.browser().send("X.y", nil)
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
	var short []string
	for _, l := range lines[CDPLine](t, e, "p1/cdp.jsonl") {
		if strings.Contains(string(l.Params), "elided_bytes") {
			short = append(short, string(l.Params[:strings.Index(string(l.Params), ",")]))
		}
		if len(l.Params) > maxEvent {
			t.Errorf("a message of %d bytes was kept", len(l.Params))
		}
	}
	want := `{"elided_bytes":1048584 {"elided_bytes":8 {"elided_bytes":68157440`
	if got := strings.Join(short, " "); got != want {
		t.Errorf("elided:\n%s\nwant\n%s", got, want)
	}
}

func TestNetLogWriter(t *testing.T) {
	const in = "{\"events\": [\n{\"a\":\"x,]\"},\n{\"b\":2},\n],\n\"polledData\": [{}]\n}\n"
	const want = "{\"events\": [\n{\"a\":\"x,]\"},\n{\"b\":2}],\n\"polledData\": [{}]\n}\n"
	for size := 1; size <= len(in); size++ {
		for _, cut := range []int{len(in), 30} { // whole, and as a kill leaves it
			e := &evidence{}
			f, _ := e.create("netlog")
			w := &netLogWriter{w: f}
			for i := 0; i < cut; i += size {
				part := in[i:min(i+size, cut)]
				if n, err := io.WriteString(w, part); n != len(part) || err != nil {
					t.Fatal(n, err)
				}
			}
			w.Close()
			if got := string(e.file("netlog")); cut == len(in) && got != want || cut == 30 && got != in[:30] {
				t.Fatalf("in pieces of %d: %q", size, got)
			}
		}
	}
}
