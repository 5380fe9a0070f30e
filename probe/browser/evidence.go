package browser

import (
	"encoding/json"
	"time"
)

// CDPLine is one line of cdp.jsonl: a message of the DevTools protocol as it
// passed the pipe. Params above 1 MB, results above 64 kB and the params of
// Runtime.bindingCalled, whose content is a line of another file, are replaced
// by {"elided_bytes": length, "sha256": hash}. A message that was too long to
// be read at all has such Params and no Method.
type CDPLine struct {
	Time      time.Time       `json:"t"`
	Direction string          `json:"d"` // "<" from the browser, ">" to it
	Session   string          `json:"s,omitempty"`
	ID        int64           `json:"id,omitempty"`
	Method    string          `json:"m,omitempty"`
	Params    json.RawMessage `json:"p,omitempty"`
	Result    json.RawMessage `json:"r,omitempty"`
	Error     string          `json:"e,omitempty"`
}

// HookLine is one line of hook.jsonl: an event of the page hook.
type HookLine struct {
	Time    time.Time `json:"t"` // when the program received it
	Session string    `json:"s"`
	Target  string    `json:"target"` // type of the DevTools target: "page", "iframe", "worker", …
	URL     string    `json:"url"`    // of the target when it was attached, "" for a popup; contains secrets
	Event   HookEvent `json:"e"`
}

// HookEvent is what the hook sends. Times are the page's clock in
// milliseconds since 1970.
type HookEvent struct {
	N     int64           `json:"n"`
	T     float64         `json:"t"`
	Kind  string          `json:"k"`           // "gum", "gum=", "gum!", "pc.new", "track.enabled=", …
	URL   string          `json:"u,omitempty"` // of the frame; absent in workers
	Data  json.RawMessage `json:"d,omitempty"`
	Stack []string        `json:"st,omitempty"`
}

// InternalsLine is one line of internals.jsonl: a call that the browser made
// to chrome://webrtc-internals.
type InternalsLine struct {
	Time time.Time         `json:"t"`
	Call []json.RawMessage `json:"c"` // event name, then its arguments
}

// Info is browser.json: what ran, how, and what it cost.
type Info struct {
	Version     string   `json:"version"` // "Chromium 156.0.8078.79"
	Executable  string   `json:"executable"`
	CommandLine []string `json:"command_line"`
	User        string   `json:"user"`    // whom the browser ran as: "uid 61184"
	Sandbox     string   `json:"sandbox"` // "on", or why there is none
	Locale      string   `json:"locale"`
	Usage       *Usage   `json:"usage,omitempty"` // set when the browser has ended
}

// Usage is what the browser cost.
type Usage struct {
	CPUSeconds float64 `json:"cpu_seconds"` // user and system, all processes
	PeakBytes  int64   `json:"peak_bytes"`  // largest sum of proportional set sizes seen
	Processes  int     `json:"processes"`   // largest number seen
}
