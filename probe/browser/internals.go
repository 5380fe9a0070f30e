package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
)

// internalsHook passes on what the browser tells chrome://webrtc-internals,
// as it happens. The page is the browser's own and no target can reach it.
const internalsHook = `(() => {
	const send = globalThis[%q];
	const told = cr.webUIListenerCallback;
	cr.webUIListenerCallback = (...call) => {
		try { send(JSON.stringify({t: Date.now(), c: call})); } catch {}
		return told(...call);
	};
	return true;
})()`

// openInternals opens chrome://webrtc-internals in a second tab, before the
// first navigation, so that no connection is missed.
func (b *Browser) openInternals(ctx context.Context) error {
	_, err := cdp.Call(ctx, b.conn.browser(), target.CreateTarget, target.CreateTargetParams{URL: "about:blank", Background: ptr(true)})
	if err != nil {
		return err
	}
	s := b.internalSession()
	for s == nil {
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
		s = b.internalSession()
	}
	if _, err := cdp.Call(ctx, s, runtime.Enable, cdp.Empty{}); err != nil {
		return err
	}
	if _, err := cdp.Call(ctx, s, runtime.AddBinding, runtime.AddBindingParams{Name: b.bind}); err != nil {
		return err
	}
	if _, err := cdp.Call(ctx, s, page.Navigate, page.NavigateParams{URL: "chrome://webrtc-internals"}); err != nil {
		return err
	}
	for { // until the page's own script has run
		ready := false
		err := evaluate(ctx, s, runtime.EvaluateParams{Expression: "!!(globalThis.cr && cr.webUIListenerCallback)"}, &ready)
		if err == nil && ready {
			break
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	hooked := false
	return evaluate(ctx, s, runtime.EvaluateParams{Expression: fmt.Sprintf(internalsHook, b.bind)}, &hooked)
}

// internalsCall records one call to chrome://webrtc-internals.
func (b *Browser) internalsCall(payload string) {
	var call struct {
		T float64           `json:"t"`
		C []json.RawMessage `json:"c"`
	}
	if json.Unmarshal([]byte(payload), &call) == nil {
		b.internals.put(InternalsLine{Time: time.UnixMilli(int64(call.T)).UTC(), Call: call.C})
	}
}
