package browser

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// maxSnapshot bounds a DOM snapshot, in the page in characters and in the
// evidence in bytes.
const maxSnapshot = 8 << 20

// snapshot is the main frame's document with those of its same-origin frames.
var snapshot = fmt.Sprintf(`(() => {
	let text = '', left = %d;
	// the page can put elements in the place of a document's properties
	const root = Object.getOwnPropertyDescriptor(Document.prototype, 'documentElement').get;
	const add = s => { s = s.slice(0, left); left -= s.length; text += s; };
	const take = (doc, what) => {
		if (left <= 0) return;
		add('<!-- ' + what + ' -->\n' + (root.call(doc)?.outerHTML ?? '') + '\n');
		for (const f of Document.prototype.querySelectorAll.call(doc, 'iframe,frame')) {
			let inner = null;
			try { inner = f.contentDocument; } catch {}
			if (inner) take(inner, 'frame');
		}
	};
	take(document, 'page');
	return text;
})()`, maxSnapshot)

// Capture stores a DOM snapshot and a screenshot of the main tab as
// "p1/page/NAME.html" and "p1/page/NAME.png". Each is tried even if the other
// fails.
func (b *Browser) Capture(ctx context.Context, name string) error {
	html, err := b.html(ctx)
	if err == nil {
		err = b.put("page/"+name+".html", html)
	}
	shot, shotErr := cdp.Call(ctx, b.main, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
	if shotErr == nil {
		shotErr = b.put("page/"+name+".png", shot.Data)
	}
	return errors.Join(err, shotErr)
}

// html takes the DOM snapshot.
func (b *Browser) html(ctx context.Context) ([]byte, error) {
	world, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	var html string
	if err := evaluate(ctx, b.main, runtime.EvaluateParams{Expression: snapshot, ContextID: world}, &html); err != nil {
		return nil, err
	}
	if len(html) > maxSnapshot {
		html = strings.ToValidUTF8(html[:maxSnapshot], "")
	}
	return []byte(html), nil
}

// world returns our isolated world in the main frame, where the page can
// neither see nor change what we run.
func (b *Browser) world(ctx context.Context) (runtime.ExecutionContextID, error) {
	r, err := cdp.Call(ctx, b.main, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{
		FrameID: cdp.FrameID(b.main.info.TargetID), WorldName: "vksprobe"})
	if err != nil {
		return 0, err
	}
	return r.ExecutionContextID, nil
}
