package webrtc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
)

// hookLog is what the page hooks of one participant saw.
type hookLog struct {
	probe.Extent
	path      string
	last      time.Time // of the last line
	accounts  []*account
	tracks    []*track
	byID      map[string]*track // the first with an identifier
	captures  []*capture
	encodings []time.Time // when the page took media into its own hands: MediaRecorder, encoders, raw frames

	rec         *probe.Record
	participant int
	mask        probe.Masker
	sessions    map[string][]*realm
}

// hookLine is a line of hook.jsonl; probe/browser.HookLine describes it.
type hookLine struct {
	Time    time.Time `json:"t"`
	Session string    `json:"s"`
	URL     string    `json:"url"`
	Event   struct {
		N     int64           `json:"n"`
		Kind  string          `json:"k"`
		URL   string          `json:"u"`
		Data  json.RawMessage `json:"d"`
		Stack []string        `json:"st"`
	} `json:"e"`
}

// A realm is one JavaScript world. The ids that the hook gives to objects
// hold within it.
type realm struct {
	n        int64
	url      string
	accounts map[string]*account
	tracks   map[string]*track
	senders  map[string]*sender
	workers  []string             // URLs, masked
	scripts  map[string]Transform // script transforms by object
	calls    map[int64]func(result json.RawMessage, at time.Time)
}

type sender struct {
	account *account
	track   *track
}

// Bounds on what one participant's pages can make us remember.
const (
	maxRealms   = 4096
	maxTracks   = 4096
	maxCaptures = 4096
	maxCalls    = 4096 // open ones of one realm
)

func readHook(ctx context.Context, rec *probe.Record, participant int) (*hookLog, error) {
	h := &hookLog{path: fmt.Sprintf("p%d/hook.jsonl", participant), rec: rec, participant: participant,
		mask: rec.Target.Masker(), byID: map[string]*track{}, sessions: map[string][]*realm{}}
	var err error
	h.Extent, err = rec.Lines(ctx, h.path, func(n int, raw []byte) {
		var l hookLine
		if json.Unmarshal(raw, &l) != nil || l.Event.Kind == "" || l.Time.IsZero() {
			return
		}
		h.last = l.Time
		if r := h.realm(&l); r != nil {
			h.event(r, &l, n)
		}
	})
	h.Found = h.Found && !h.last.IsZero() // every page begins with an event
	if err != nil {
		return h, err
	}
	return h, h.navigations(ctx)
}

// realm finds the world that an event came from. Several frames of one target
// share a session and a frame may change its URL, but each world counts its
// events from 1 without gaps.
func (h *hookLog) realm(l *hookLine) *realm {
	all := h.sessions[l.Session]
	var best *realm
	for _, r := range all {
		if r.n >= l.Event.N || l.Event.N == 1 {
			continue
		}
		exact := func(r *realm) bool { return r.n == l.Event.N-1 }
		switch {
		case best == nil, exact(r) && !exact(best), exact(r) == exact(best) && (r.url == l.Event.URL || best.url != l.Event.URL):
			best = r
		}
	}
	if best == nil {
		if len(all) >= maxRealms || len(h.sessions) >= maxRealms {
			return nil
		}
		best = &realm{accounts: map[string]*account{}, tracks: map[string]*track{}, senders: map[string]*sender{}, scripts: map[string]Transform{},
			calls: map[int64]func(json.RawMessage, time.Time){}}
		h.sessions[l.Session] = append(all, best)
	}
	best.n, best.url = l.Event.N, l.Event.URL
	return best
}

// hookTrack is how the hook describes a MediaStreamTrack.
type hookTrack struct {
	Object  string `json:"o"`
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Enabled bool   `json:"enabled"`
	State   string `json:"rs"`
	Set     struct {
		DisplaySurface string `json:"displaySurface"`
	} `json:"set"`
}

// hookData is the union of the payloads that matter here.
type hookData struct {
	Object string          `json:"o"`
	Call   int64           `json:"c"`
	Args   json.RawMessage `json:"a"`
	Result json.RawMessage `json:"r"`
	Config json.RawMessage `json:"cfg"`
	State  string          `json:"s"`
	Value  json.RawMessage `json:"v"`
	Track  *hookTrack      `json:"t"`
	Sender string          `json:"snd"`
	Label  string          `json:"label"`
	From   string          `json:"from"`
	To     *hookTrack      `json:"to"`
	On     string          `json:"on"`
	Kind   string          `json:"kind"`
}

func (h *hookLog) event(r *realm, l *hookLine, line int) {
	var d hookData
	kind := l.Event.Kind
	switch kind {
	case "pc.stats", "pc.icecandidate": // their members collide with those of the others
	default:
		if json.Unmarshal(l.Event.Data, &d) != nil {
			d = hookData{}
		}
	}
	a := r.accounts[d.Object]
	switch outcome := kind[len(kind)-1]; {
	case kind == "track.enabled=":
		var on bool
		if t := r.track(d.Track); t != nil && json.Unmarshal(d.Value, &on) == nil {
			t.flip(l.Time, on)
		}
	case kind == "worker.new":
		var link string
		if json.Unmarshal(l.Event.Data, &link) == nil && len(r.workers) < maxWorkers {
			r.workers = append(r.workers, clip(h.mask.Mask(absolute(l.Event.URL, link)), maxURL))
		}
	case kind == "e2ee.new RTCRtpScriptTransform":
		if len(r.scripts) < maxTracks {
			r.scripts[d.Object] = Transform{API: "RTCRtpScriptTransform", Script: clip(h.mask.Mask(script(l.Event.Stack)), maxURL), Workers: slices.Clone(r.workers)}
		}
	case kind == "e2ee.transform=":
		var object string
		if json.Unmarshal(d.Value, &object) == nil && object != "" {
			t, ok := r.scripts[object]
			if !ok {
				t = Transform{API: "RTCRtpScriptTransform", Script: clip(h.mask.Mask(script(l.Event.Stack)), maxURL)}
			}
			h.transform(r, d, t)
		}
	case kind == "e2ee.createEncodedStreams":
		h.transform(r, d, Transform{API: "createEncodedStreams", Script: clip(h.mask.Mask(script(l.Event.Stack)), maxURL), Workers: slices.Clone(r.workers)})
	case outcome == '=' || outcome == '!':
		if f := r.calls[d.Call]; f != nil {
			delete(r.calls, d.Call)
			if outcome == '=' {
				f(d.Result, l.Time)
			}
		}
	case kind == "gum" || kind == "gdm" || kind == "gvm" || kind == "gum.legacy":
		h.capture(r, kind, d, l, line)
	case kind == "pc.new":
		h.connection(r, d, l, line)
	case kind == "pc.stats":
		var s struct {
			Object string            `json:"o"`
			Stats  []json.RawMessage `json:"s"`
		}
		if json.Unmarshal(l.Event.Data, &s) == nil && len(s.Stats) > 0 && r.accounts[s.Object] != nil { // none: too long to be recorded
			r.accounts[s.Object].stats(l.Time, readStats(s.Stats))
		}
	case kind == "pc.icecandidate":
		var c struct {
			Object    string `json:"o"`
			Candidate struct {
				Text  string `json:"s"`
				Relay string `json:"relayProtocol"`
			} `json:"c"`
		}
		if json.Unmarshal(l.Event.Data, &c) == nil && r.accounts[c.Object] != nil {
			r.accounts[c.Object].candidate(c.Candidate.Text, c.Candidate.Relay)
		}
	case kind == "track.stop", kind == "track.ended":
		if t := r.track(d.Track); t != nil && t.ended.IsZero() {
			t.ended = l.Time
		}
	case kind == "track.clone":
		if from := r.tracks[d.From]; from != nil && d.To != nil && from.ended.IsZero() {
			h.open(r, d.To, from.device, from.captured, from.asked, l.Time)
		}
	case kind == "snd.replaceTrack":
		s := r.senders[d.Object]
		if s == nil {
			s = &sender{}
			r.senders[d.Object] = s
		}
		var a struct {
			Track *hookTrack `json:"t"`
		}
		if json.Unmarshal(d.Args, &a) == nil {
			h.send(r, s, a.Track, l.Time)
		}
	case kind == "rec.start", kind == "new MediaStreamTrackProcessor", kind == "new VideoEncoder", kind == "new AudioEncoder":
		if len(h.encodings) < maxCaptures {
			h.encodings = append(h.encodings, l.Time)
		}
	case a == nil:
		return
	case kind == "pc.state":
		var v string
		if d.State == "connectionState" && json.Unmarshal(d.Value, &v) == nil {
			a.state(v)
		}
	case kind == "pc.setConfiguration":
		a.configure(l.Time, d.Config, "setConfiguration")
	case kind == "pc.getConfiguration":
		a.configure(l.Time, d.Config, "getConfiguration")
	case kind == "pc.setLocalDescription", kind == "pc.setRemoteDescription":
		h.description(r, a, kind == "pc.setLocalDescription", d, l.Time)
	case kind == "pc.addIceCandidate":
		var v struct{ Candidate string }
		if json.Unmarshal(d.Args, &v) == nil {
			if c, ok := parseCandidate(v.Candidate); ok {
				a.remote.candidate(c)
			}
		}
	case kind == "pc.createDataChannel", kind == "pc.datachannel":
		a.channel(d.Label)
	case kind == "pc.addTrack", kind == "pc.addTransceiver":
		s := r.senders[d.Sender]
		if s == nil {
			s = &sender{}
			r.senders[d.Sender] = s
		}
		s.account = a
		t := d.Track
		if kind == "pc.addTransceiver" && json.Unmarshal(d.Args, &t) != nil {
			t = nil // "audio" or "video": a place for a track, no track
		}
		h.send(r, s, t, l.Time)
	case kind == "pc.removeTrack":
		if s := r.senders[d.Sender]; s != nil {
			h.send(r, s, nil, l.Time)
		}
	case kind == "pc.close":
		a.closed = l.Time
		a.state("closed")
		for _, id := range keys(r.senders) {
			if s := r.senders[id]; s.account == a {
				h.send(r, s, nil, l.Time)
			}
		}
	}
}

// connection begins the account of a connection.
func (h *hookLog) connection(r *realm, d hookData, l *hookLine, line int) {
	if len(h.accounts) >= maxAccounts || d.Object == "" {
		return
	}
	a := &account{source: "hook", mask: h.mask, created: l.Time, cite: h.rec.Cite(h.path, fmt.Sprintf("line=%d", line))}
	a.Frame, a.Script = clip(h.mask.Mask(l.Event.URL), maxURL), clip(h.mask.Mask(script(l.Event.Stack)), maxURL)
	a.configure(l.Time, d.Config, "constructor")
	h.accounts = append(h.accounts, a)
	r.accounts[d.Object] = a
}

// absolute resolves a link in a page.
func absolute(page, link string) string {
	base, err := url.Parse(page)
	if err != nil {
		return link
	}
	u, err := base.Parse(link)
	if err != nil {
		return link
	}
	return u.String()
}

// script returns the first frame of a stack that has a URL; those of the hook
// itself have none.
func script(stack []string) string {
	for _, s := range stack {
		if strings.Contains(s, "://") {
			return strings.TrimPrefix(s, "at ")
		}
	}
	return ""
}

// description reads what was set: the argument for a remote description, the
// result for a local one, because the browser writes that itself.
func (h *hookLog) description(r *realm, a *account, local bool, d hookData, at time.Time) {
	read := func(raw json.RawMessage, at time.Time) {
		var s struct{ Type, SDP string }
		if json.Unmarshal(raw, &s) == nil {
			a.describe(at, local, s.Type, s.SDP)
		}
	}
	if !local {
		read(d.Args, at)
		return
	}
	r.expect(d.Call, read)
}

// expect remembers what to do with the result of a call.
func (r *realm) expect(call int64, f func(json.RawMessage, time.Time)) {
	if len(r.calls) < maxCalls {
		r.calls[call] = f
	}
}

// capture takes a call for devices and waits for its tracks.
func (h *hookLog) capture(r *realm, kind string, d hookData, l *hookLine, line int) {
	if len(h.captures) >= maxCaptures {
		return
	}
	constraints := d.Args
	if kind == "gum.legacy" {
		constraints = l.Event.Data
	}
	c := &capture{time: l.Time, line: line, devices: asked(constraints)}
	if kind == "gdm" || kind == "gvm" {
		c.devices = []string{screen}
	}
	h.captures = append(h.captures, c)
	if kind == "gum.legacy" {
		return // its result goes to callbacks
	}
	r.expect(d.Call, func(raw json.RawMessage, at time.Time) {
		var s struct{ Tracks []*hookTrack }
		if json.Unmarshal(raw, &s) != nil {
			return
		}
		for _, t := range s.Tracks {
			if t == nil {
				continue
			}
			device := deviceOf(t.Kind)
			if slices.Contains(c.devices, screen) && (device == camera || len(c.devices) == 1) || t.Set.DisplaySurface != "" {
				device = screen
			}
			if !slices.Contains(c.granted, device) {
				c.granted = append(c.granted, device)
			}
			h.open(r, t, device, true, c.time, at)
		}
	})
}

// asked lists the devices that constraints ask for.
func asked(raw json.RawMessage) []string {
	var c map[string]json.RawMessage
	if json.Unmarshal(raw, &c) != nil {
		return nil
	}
	wanted := func(name string) bool {
		v, ok := c[name]
		return ok && string(v) != "false" && string(v) != "null"
	}
	var out []string
	if wanted("audio") {
		out = append(out, microphone)
	}
	if wanted("video") {
		device := camera
		if strings.Contains(string(c["video"]), "chromeMediaSource") {
			device = screen // how extensions captured the screen before getDisplayMedia
		}
		out = append(out, device)
	}
	return out
}

// deviceOf is the device that a track of this kind stands for if nothing else
// is known.
func deviceOf(kind string) string {
	if kind == "audio" {
		return microphone
	}
	return camera
}

// track finds a track by its object.
func (r *realm) track(t *hookTrack) *track {
	if t == nil {
		return nil
	}
	return r.tracks[t.Object]
}

// open adds a track.
func (h *hookLog) open(r *realm, t *hookTrack, device string, captured bool, asked, at time.Time) *track {
	if len(h.tracks) >= maxTracks {
		return nil
	}
	out := &track{id: t.ID, device: device, captured: captured, asked: asked, opened: at}
	if t.State == "ended" {
		out.ended = at
	}
	out.flip(at, t.Enabled)
	r.tracks[t.Object] = out
	h.tracks = append(h.tracks, out)
	if t.ID != "" && h.byID[t.ID] == nil {
		h.byID[t.ID] = out
	}
	return out
}

// send puts a track, or none, on a sender.
func (h *hookLog) send(r *realm, s *sender, t *hookTrack, at time.Time) {
	if s.track != nil {
		for i := range s.track.attached {
			if a := &s.track.attached[i]; a.account == s.account && a.to.Equal(forever()) {
				a.to = at
			}
		}
	}
	s.track = nil
	if t == nil {
		return
	}
	if s.track = r.track(t); s.track == nil {
		// Nobody captured it: the page draws or mixes it.
		s.track = h.open(r, t, deviceOf(t.Kind), false, at, at)
	}
	if s.track != nil {
		s.track.attach(s.account, at)
	}
}

// transform marks the connection of a sender or receiver. The hook does not
// name the connection of a receiver; it must be one of those still open.
func (h *hookLog) transform(r *realm, d hookData, t Transform) {
	t.On, t.Kind = "sender", clip(d.Kind, 16)
	if d.On == "RTCRtpReceiver" {
		t.On = "receiver"
	}
	if s := r.senders[d.Object]; s != nil && s.account != nil {
		s.account.transform(t)
		return
	}
	var open []*account
	for _, a := range r.accounts {
		if a.closed.IsZero() {
			open = append(open, a)
		}
	}
	if len(open) == 1 {
		open[0].transform(t)
	}
}

// transform adds a transform.
func (a *account) transform(t Transform) {
	a.Transform = true
	same := func(o Transform) bool {
		return o.API == t.API && o.On == t.On && o.Kind == t.Kind && o.Script == t.Script && slices.Equal(o.Workers, t.Workers)
	}
	if len(a.Transforms) < maxTransforms && !slices.ContainsFunc(a.Transforms, same) {
		a.Transforms = append(a.Transforms, t)
	}
}

// navigations ends the tracks of documents that were left. The hook cannot
// tell, because it went with them; the DevTools protocol can.
func (h *hookLog) navigations(ctx context.Context) error {
	_, err := h.rec.Lines(ctx, fmt.Sprintf("p%d/cdp.jsonl", h.participant), func(_ int, raw []byte) {
		const navigated, detached = "Page.frameNavigated", "Target.detachedFromTarget"
		if !bytes.Contains(raw, []byte(navigated)) && !bytes.Contains(raw, []byte(detached)) {
			return
		}
		var l struct {
			Time    time.Time `json:"t"`
			Session string    `json:"s"`
			Method  string    `json:"m"`
			Params  struct {
				SessionID string
				Frame     struct{ ParentID string }
			} `json:"p"`
		}
		if json.Unmarshal(raw, &l) != nil {
			return
		}
		session := l.Session
		switch {
		case l.Method == detached:
			session = l.Params.SessionID
		case l.Method != navigated || l.Params.Frame.ParentID != "":
			return
		}
		for _, r := range h.sessions[session] {
			for _, t := range r.tracks {
				if t.ended.IsZero() && t.opened.Before(l.Time) {
					t.ended = l.Time
				}
			}
		}
	})
	return err
}
