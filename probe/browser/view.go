// Package browser runs one Chromium per participant and records what it does.
package browser

import "encoding/json"

// A View is what a person would see of the page at one moment, as data.
// Adapters read views and answer with actions; they never touch the page.
// Everything in it comes from the target and is hostile; it is bounded when
// it is taken.
type View struct {
	URL      string          // of the main frame; a secret
	Title    string          // at most 1 kB
	Text     string          // visible text, at most 64 kB
	Controls []Control       // visible controls in document order, at most 2000, shadow roots and same-origin frames included
	Videos   int             // <video> elements with a frame to show
	Media    Media           // over all frames
	Probe    json.RawMessage // result of the adapter's own expression, null if it failed; at most 256 kB
}

// A Control is something a person can operate: input, button, link, toggle.
type Control struct {
	ID       int               // handle for an action on the same view
	Tag      string            // lower case: "button"
	Type     string            // type attribute: "text", "password", "checkbox"
	Role     string            // explicit or implied ARIA role
	Name     string            // accessible name: label, aria-label, placeholder, text
	Value    string            // of inputs other than passwords
	Attrs    map[string]string // id, name, class, autocomplete, href and every data-* and aria-*
	Pressed  *bool             // aria-pressed, aria-checked or checked; nil if it is no toggle
	Disabled bool
	InForm   bool
	Covered  bool // something else lies on top of its centre
}

// Media sums up the page's media connections as the hook last reported them.
type Media struct {
	Peers       int   // RTCPeerConnections in state connected, loopback pairs included
	Sent        int64 // RTP packets
	Received    int64 // RTP packets
	Captures    int   // successful getUserMedia calls so far
	MediaSocket bool  // an open WebSocket or WebTransport carries binary frames steadily
}

// An Action is one thing to do to a control of the last view.
type Action struct {
	Click   int    // control to click, or
	Type    int    // control to type into; its content is replaced
	Text    string // what to type
	Comment string // for the timeline, without secrets: "click join"
}
