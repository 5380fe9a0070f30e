package browser

import (
	"context"
	"errors"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// maxSnapshot bounds a DOM snapshot in characters.
const maxSnapshot = 8 << 20

// snapshot is the main frame's document with those of its same-origin frames.
var snapshot = fmt.Sprintf(`(() => {
	let text = '', left = %d;
	const add = s => { s = s.slice(0, left); left -= s.length; text += s; };
	const take = (doc, what) => {
		if (left <= 0) return;
		add('<!-- ' + what + ' -->\n' + doc.documentElement.outerHTML + '\n');
		for (const f of doc.querySelectorAll('iframe,frame')) {
			let inner = null;
			try { inner = f.contentDocument; } catch {}
			if (inner && inner.documentElement) take(inner, 'frame');
		}
	};
	take(document, 'page');
	return text;
})()`, maxSnapshot)

// Capture stores a screenshot and a DOM snapshot of the main tab as
// "p1/page/NAME.png" and "p1/page/NAME.html". Each is tried even if the other
// fails.
func (b *Browser) Capture(ctx context.Context, name string) error {
	shot, err := cdp.Call(ctx, b.main, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
	if err == nil {
		err = b.put("page/"+name+".png", shot.Data)
	}
	world, worldErr := cdp.Call(ctx, b.main, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: cdp.FrameID(b.main.info.TargetID), WorldName: "vksprobe"})
	if worldErr != nil {
		return errors.Join(err, worldErr)
	}
	var html string
	domErr := evaluate(ctx, b.main, runtime.EvaluateParams{Expression: snapshot, ContextID: world.ExecutionContextID}, &html)
	if domErr == nil {
		domErr = b.put("page/"+name+".html", []byte(html))
	}
	return errors.Join(err, domErr)
}

// put stores a whole evidence file.
func (b *Browser) put(name string, content []byte) error {
	f, err := b.config.Create(fmt.Sprintf("p%d/%s", b.config.Participant, name))
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
