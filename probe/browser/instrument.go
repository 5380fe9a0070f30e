package browser

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"time"

	_ "embed"

	"github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// hook is the page hook. BINDING is replaced by the name of the binding.
//
//go:embed hook.js
var hook string

// autoAttach asks for every target below a session, paused.
var autoAttach = target.SetAutoAttachParams{AutoAttach: true, WaitForDebuggerOnStart: true, Flatten: ptr(true)}

// maxHookPayload bounds one event of the hook in bytes.
const maxHookPayload = 2 << 20

// event handles what the browser reports. It runs in the reading goroutine
// and must not wait.
func (b *Browser) event(s *session, method string, params json.RawMessage) {
	switch method {
	case "Target.attachedToTarget":
		var ev target.EventAttachedToTarget
		if jsonv2.Unmarshal(jsonv2.Value(params), &ev, chromedp.DefaultUnmarshalOptions) != nil {
			return
		}
		child := b.conn.attached(&ev)
		if child == nil {
			(&session{c: b.conn, id: ev.SessionID}).send(runtime.RunIfWaitingForDebugger.Method, nil)
			return
		}
		b.attach(child)
	case "Target.detachedFromTarget":
		var ev target.EventDetachedFromTarget
		if jsonv2.Unmarshal(jsonv2.Value(params), &ev, chromedp.DefaultUnmarshalOptions) == nil {
			b.conn.detached(ev.SessionID)
		}
	case "Inspector.targetCrashed": // also told of workers that end with their page
		if s.info != nil {
			s.end(errCrashed)
			b.log.Debug("a target crashed", "type", s.info.Type)
		}
	case "Runtime.bindingCalled":
		var ev struct{ Name, Payload string }
		switch {
		case json.Unmarshal(params, &ev) != nil || ev.Name != b.bind:
		case s == b.internalSession():
			b.internalsCall(ev.Payload)
		case len(ev.Payload) <= maxHookPayload:
			b.report(s, ev.Payload)
		}
	case "Page.javascriptDialogOpening":
		var ev struct{ Type string }
		json.Unmarshal(params, &ev) // an unknown type is dismissed
		s.send(page.HandleJavaScriptDialog.Method, page.HandleJavaScriptDialogParams{Accept: ev.Type == "beforeunload"})
	case "Page.frameNavigated":
		var ev struct{ Frame struct{ ID string } }
		if s == b.mainSession() && json.Unmarshal(params, &ev) == nil && ev.Frame.ID == string(s.info.TargetID) {
			b.opening.committed()
		}
	case "Page.loadEventFired":
		if s == b.mainSession() {
			b.opening.finished()
		}
	case "Page.frameStoppedLoading": // without a load event, when the page goes on to zoommtg: at once
		var ev struct{ FrameID string }
		if s == b.mainSession() && json.Unmarshal(params, &ev) == nil && ev.FrameID == string(s.info.TargetID) {
			b.opening.finished()
		}
	case "Network.requestWillBeSent":
		var ev struct{ Request struct{ URL string } }
		if json.Unmarshal(params, &ev) == nil {
			b.hosts.see(ev.Request.URL)
		}
	case "Network.webSocketCreated":
		var ev struct{ URL string }
		if json.Unmarshal(params, &ev) == nil {
			b.hosts.see(ev.URL)
		}
	case "Network.responseReceived":
		var ev struct {
			Type     string
			FrameID  string
			Response struct{ Status int64 }
		}
		if s == b.mainSession() && json.Unmarshal(params, &ev) == nil && ev.Type == "Document" && ev.FrameID == string(s.info.TargetID) {
			b.opening.answered(ev.Response.Status)
		}
	}
}

func (b *Browser) mainSession() *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.main
}

func (b *Browser) internalSession() *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.internal
}

// attach instruments a target and lets it run. Everything is queued, nothing
// waits: a paused target answers some commands only after it runs.
func (b *Browser) attach(s *session) {
	defer s.send(runtime.RunIfWaitingForDebugger.Method, nil)
	kind := s.info.Type
	b.mu.Lock()
	first := kind == "page" && b.main == nil
	internals := kind == "page" && !first && b.internal == nil
	switch {
	case first:
		b.main = s
	case internals:
		b.internal = s
	}
	b.mu.Unlock()
	switch {
	case internals || kind == "browser_ui" || kind == "browser" || kind == "tab":
		return
	}
	// in this order: the window of a popup gets its context only by Enable, and
	// a binding only if it has a context
	s.send(runtime.Enable.Method, nil)
	s.send(runtime.AddBinding.Method, runtime.AddBindingParams{Name: b.bind})
	s.send(network.Enable.Method, network.EnableParams{MaxPostDataSize: ptr(int64(64 << 10))})
	s.send("Log.enable", nil)
	source := strings.ReplaceAll(b.config.Substitute.script()+hook, "BINDING", b.bind)
	if strings.Contains(kind, "work") { // workers and worklets: runs while paused, before their first script
		s.send(runtime.Evaluate.Method, runtime.EvaluateParams{Expression: source})
	} else {
		s.send(page.Enable.Method, page.EnableParams{})
		s.send(page.AddScriptToEvaluateOnNewDocument.Method, page.AddScriptToEvaluateOnNewDocumentParams{Source: source, RunImmediately: ptr(true)})
	}
	s.send(target.SetAutoAttach.Method, autoAttach)
}

// report records an event of the hook and keeps count of the media.
func (b *Browser) report(s *session, payload string) {
	var ev HookEvent
	if json.Unmarshal([]byte(payload), &ev) != nil {
		return
	}
	line := HookLine{Time: time.Now().UTC(), Session: string(s.id), Event: ev}
	if s.info != nil {
		line.Target, line.URL = s.info.Type, s.info.URL
	}
	b.hooks.put(line)
	b.media.see(string(s.id), ev)
	b.config.Substitute.see(string(s.id), ev)
}

// mediaTally sums up what the hook says about media connections.
type mediaTally struct {
	mu       sync.Mutex
	captures int
	peers    map[string]*peerTally
}

type peerTally struct {
	connected      bool
	sent, received int64
}

// maxPeers bounds the connections that a hostile page can make us count.
const maxPeers = 1024

func (t *mediaTally) see(session string, ev HookEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ev.Kind == "gum=" {
		t.captures++
		return
	}
	if ev.Kind != "pc.state" && ev.Kind != "pc.stats" {
		return
	}
	var d struct {
		O string
		S json.RawMessage
		V string
	}
	if json.Unmarshal(ev.Data, &d) != nil {
		return
	}
	key := session + "/" + d.O
	p := t.peers[key]
	if p == nil {
		if len(t.peers) >= maxPeers {
			return
		}
		if t.peers == nil {
			t.peers = map[string]*peerTally{}
		}
		p = &peerTally{}
		t.peers[key] = p
	}
	if ev.Kind == "pc.state" {
		if string(d.S) == `"connectionState"` {
			p.connected = d.V == "connected"
		}
		return
	}
	var stats []struct {
		Type            string
		PacketsSent     int64
		PacketsReceived int64
	}
	if json.Unmarshal(d.S, &stats) != nil {
		return
	}
	p.sent, p.received = 0, 0
	for _, s := range stats {
		switch s.Type {
		case "outbound-rtp":
			p.sent += s.PacketsSent
		case "inbound-rtp":
			p.received += s.PacketsReceived
		}
	}
}

func (t *mediaTally) sum() Media {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := Media{Captures: t.captures}
	for _, p := range t.peers {
		if p.connected {
			m.Peers++
		}
		m.Sent += p.sent
		m.Received += p.received
	}
	return m
}

// hostTally counts the hosts of requests.
type hostTally struct {
	mu   sync.Mutex
	seen map[string]bool
}

// maxHosts bounds the hosts that are told apart for the progress display.
const maxHosts = 10000

func (t *hostTally) see(link string) {
	u, err := url.Parse(link)
	if err != nil || u.Hostname() == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[string]bool{}
	}
	if len(t.seen) < maxHosts {
		t.seen[u.Hostname()] = true
	}
}

func (t *hostTally) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.seen)
}
