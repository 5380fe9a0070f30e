package webrtc

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vksprobe/probe"
)

// A recorder drives one real Chromium over the DevTools pipe and writes the
// evidence files of one participant as package browser does, which this
// package must not import. It is only as clever as these tests need.
type recorder struct {
	t        *testing.T
	dir      string
	cmd      *exec.Cmd
	to       io.Writer
	mu       sync.Mutex
	next     int64
	replies  map[int64]chan reply
	files    map[string]*os.File // by session
	timeline probe.Timeline
	page     string // session of the page
	done     chan struct{}
}

type reply struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

const hookBinding, internalsBinding = "hookEvent", "internalsCall"

// hookPlace is what package browser replaces in the page hook.
const hookPlace = "BINDING"

// record starts Chromium with the page hook and opens page under a server
// that also answers offers at /offer?QUERY through answer, and has a worker.
func record(t *testing.T, dir, page string, answer func(query, offer string) (string, error), flags ...string) *recorder {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs Chromium: ", err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/offer":
			offer, _ := io.ReadAll(r.Body)
			sdp, err := answer(r.URL.RawQuery, string(offer))
			if err != nil {
				t.Errorf("answering the offer: %v", err)
				http.Error(w, "no answer", http.StatusInternalServerError)
				return
			}
			io.WriteString(w, sdp)
		case "/room/secret-room":
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, page)
		case "/worker.js":
			w.Header().Set("Content-Type", "text/javascript")
			io.WriteString(w, "onrtctransform = e => e.transformer.readable.pipeTo(e.transformer.writable)")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)

	p1 := filepath.Join(dir, "p1")
	if err := os.MkdirAll(p1, 0o755); err != nil {
		t.Fatal(err)
	}
	theirs, toBrowser, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromBrowser, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append(flags, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--mute-audio",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--component-updater=url-source=http://127.0.0.1:9/u", "--gaia-url=http://127.0.0.1:9",
		"--remote-debugging-pipe", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
		"--allow-loopback-in-peer-connection", "--disable-features=LocalNetworkAccessChecks,WebRtcHideLocalIpsWithMdns,NetworkTimeServiceQuerying,OptimizationHints,Translate,MediaRouter",
		"--log-net-log="+filepath.Join(p1, "netlog.json"), "--net-log-capture-mode=Everything", "about:blank")...)
	cmd.ExtraFiles = []*os.File{theirs, ours}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	ours.Close()
	r := &recorder{t: t, dir: dir, cmd: cmd, to: toBrowser, replies: map[int64]chan reply{}, files: map[string]*os.File{}, done: make(chan struct{})}
	go r.read(fromBrowser)
	t.Cleanup(func() { r.cmd.Process.Kill(); r.cmd.Wait(); toBrowser.Close(); <-r.done })

	script, err := os.ReadFile("../probe/browser/hook.js")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(script), hookPlace) {
		t.Fatalf("the page hook has no place %s for its binding", hookPlace)
	}
	source := strings.ReplaceAll(string(script), hookPlace, hookBinding)

	internals := r.attach(internalsBinding, "p1/internals.jsonl")
	r.call(internals, "Page.navigate", map[string]any{"url": "chrome://webrtc-internals"})
	time.Sleep(500 * time.Millisecond)
	r.call(internals, "Runtime.evaluate", map[string]any{"expression": `const o = cr.webUIListenerCallback;
		cr.webUIListenerCallback = (...a) => { ` + internalsBinding + `(JSON.stringify(a)); return o(...a) }; 0`})
	r.page = r.attach(hookBinding, "p1/hook.jsonl")
	r.call(r.page, "Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": source, "runImmediately": true})
	r.mark(probe.Mark{Phase: probe.Landing})
	r.call(r.page, "Page.navigate", map[string]any{"url": srv.URL + "/room/secret-room"})
	r.js("document.readyState")
	return r
}

// attach opens a tab whose binding is written to the evidence file.
func (r *recorder) attach(binding, file string) string {
	r.t.Helper()
	var target struct{ TargetID string }
	r.into(&target, r.call("", "Target.createTarget", map[string]any{"url": "about:blank"}))
	var session struct{ SessionID string }
	r.into(&session, r.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}))
	f, err := os.Create(filepath.Join(r.dir, file))
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.files[session.SessionID] = f
	r.mu.Unlock()
	for _, method := range []string{"Page.enable", "Runtime.enable"} {
		r.call(session.SessionID, method, nil)
	}
	r.call(session.SessionID, "Runtime.addBinding", map[string]any{"name": binding})
	return session.SessionID
}

func (r *recorder) read(from *os.File) {
	defer close(r.done)
	defer from.Close()
	in := bufio.NewReader(from)
	for {
		raw, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID        int64
			SessionID string
			Method    string
			Result    json.RawMessage
			Error     *struct{ Message string }
			Params    struct{ Name, Payload string }
		}
		if json.Unmarshal(raw[:len(raw)-1], &m) != nil {
			continue
		}
		r.mu.Lock()
		if ch := r.replies[m.ID]; m.ID != 0 && ch != nil {
			ch <- reply{m.Result, m.Error}
			delete(r.replies, m.ID)
		}
		if f := r.files[m.SessionID]; f != nil && m.Method == "Runtime.bindingCalled" {
			now := time.Now().UTC().Format(time.RFC3339Nano)
			if m.Params.Name == internalsBinding {
				fmt.Fprintf(f, `{"t":%q,"c":%s}`+"\n", now, m.Params.Payload)
			} else {
				fmt.Fprintf(f, `{"t":%q,"s":%q,"target":"page","url":"","e":%s}`+"\n", now, m.SessionID, m.Params.Payload)
			}
		}
		r.mu.Unlock()
	}
}

func (r *recorder) call(session, method string, params any) json.RawMessage {
	r.t.Helper()
	ch := make(chan reply, 1)
	r.mu.Lock()
	r.next++
	id := r.next
	r.replies[id] = ch
	r.mu.Unlock()
	m := map[string]any{"id": id, "method": method}
	if session != "" {
		m["sessionId"] = session
	}
	if params != nil {
		m["params"] = params
	}
	b, err := json.Marshal(m)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.to.Write(append(b, 0)); err != nil {
		r.t.Fatalf("%s: %v", method, err)
	}
	select {
	case a := <-ch:
		if a.Error != nil {
			r.t.Fatalf("%s: %s", method, a.Error.Message)
		}
		return a.Result
	case <-r.done:
		r.t.Fatalf("%s: the browser ended", method)
	case <-time.After(20 * time.Second):
		r.t.Fatalf("%s: no answer", method)
	}
	return nil
}

func (r *recorder) into(v any, raw json.RawMessage) {
	r.t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		r.t.Fatal(err)
	}
}

// js evaluates an expression in the page, as if a person had clicked, and
// waits for its promise.
func (r *recorder) js(expression string) {
	r.t.Helper()
	var out struct{ ExceptionDetails json.RawMessage }
	r.into(&out, r.call(r.page, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "userGesture": true}))
	if out.ExceptionDetails != nil {
		r.t.Fatalf("%s: %s", expression, out.ExceptionDetails)
	}
}

// mark adds to the timeline as participant 1.
func (r *recorder) mark(m probe.Mark) {
	m.Participant, m.Time = 1, time.Now().UTC()
	r.timeline = append(r.timeline, m)
}

// close ends the browser and returns what it left.
func (r *recorder) close() *probe.Record {
	r.t.Helper()
	r.mark(probe.Mark{End: probe.OK})
	r.call("", "Browser.close", nil)
	ended := make(chan error, 1)
	go func() { ended <- r.cmd.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			r.t.Error(err)
		}
	case <-time.After(15 * time.Second):
		r.t.Fatal("the browser does not end")
	}
	for _, f := range r.files {
		f.Close()
	}
	lines, err := os.Create(filepath.Join(r.dir, "timeline.jsonl"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer lines.Close()
	enc := json.NewEncoder(lines)
	for _, m := range r.timeline {
		if err := enc.Encode(m); err != nil {
			r.t.Fatal(err)
		}
	}
	return recorded(r.t, os.DirFS(r.dir))
}

// timeline reads the marks of a recording.
func timeline(t *testing.T, r io.Reader) (tl probe.Timeline) {
	t.Helper()
	for dec := json.NewDecoder(r); ; {
		var m probe.Mark
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return tl
		} else if err != nil {
			t.Fatal(err)
		}
		tl = append(tl, m)
	}
}

// observed runs the observer over a record.
func observed(t *testing.T, rec *probe.Record) []probe.Observation {
	t.Helper()
	all, err := probe.Observe(context.Background(), rec, Observer)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
