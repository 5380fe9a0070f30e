package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	_ "embed"

	"github.com/chromedp/cdproto/runtime"
)

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

	world runtime.ExecutionContextID // in which the controls are kept
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
	Covered  bool // something else lies on top of its centre
}

// Media sums up the page's media connections as the hook last reported them.
type Media struct {
	Peers    int   // RTCPeerConnections in state connected, loopback pairs included
	Sent     int64 // RTP packets
	Received int64 // RTP packets
	Captures int   // successful getUserMedia calls so far
}

// An Action is one thing to do to a control of the last view. Without a
// control it moves the pointer to the middle of the page, which brings back
// what a client hides while nothing moves.
type Action struct {
	Click   int    // control to click, or
	Type    int    // control to type into; its content is replaced
	Text    string // what to type
	Comment string // for the timeline, without secrets: "click join"
}

// look is the script that takes a view; see look.js.
//
//go:embed look.js
var look string

// maxProbe bounds the result of an adapter's expression in bytes.
const maxProbe = 256 << 10

// probeTimeout bounds its time: it may wait for a promise of the page's.
const probeTimeout = 3 * time.Second

// View looks at the main tab. probe is an adapter's expression, "" for none;
// it is evaluated in the page's own world.
func (b *Browser) View(ctx context.Context, probe string) (View, error) {
	world, err := b.world(ctx)
	if err != nil {
		return View{}, fmt.Errorf("looking at the page: %w", err)
	}
	v := View{world: world}
	if err := evaluate(ctx, b.main, runtime.EvaluateParams{Expression: look, ContextID: world}, &v); err != nil {
		return View{}, fmt.Errorf("looking at the page: %w", err)
	}
	v.Media = b.media.sum()
	v.Probe = json.RawMessage("null")
	if probe != "" {
		ctx, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		var answer json.RawMessage
		if evaluate(ctx, b.main, runtime.EvaluateParams{Expression: probe, AwaitPromise: ptr(true)}, &answer) == nil && len(answer) <= maxProbe {
			v.Probe = answer
		}
	}
	return v, ctx.Err()
}
