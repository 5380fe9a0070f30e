package browser

import (
	"context"
	"errors"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
)

// ErrControlGone means that the control of an action is no longer on the
// page; the caller should take a new view.
var ErrControlGone = errors.New("the control is gone")

// Do carries out an action on a control of the view v with real input events,
// as a person would cause them.
func (b *Browser) Do(ctx context.Context, v View, a Action) error {
	control := a.Click
	if control == 0 {
		control = a.Type
	}
	var at *struct{ X, Y float64 }
	place := fmt.Sprintf("vksprobe(%d, %t)", control, a.Type != 0)
	if control == 0 {
		place = "({ X: innerWidth / 2, Y: innerHeight / 2 })"
	}
	if err := evaluate(ctx, b.main, runtime.EvaluateParams{Expression: place, ContextID: v.world}, &at); err != nil {
		return fmt.Errorf("%w: %w", ErrControlGone, err)
	}
	if at == nil {
		return ErrControlGone
	}
	if a.Type != 0 {
		_, err := cdp.Call(ctx, b.main, input.InsertText, input.InsertTextParams{Text: a.Text})
		return err
	}
	events := []input.DispatchMouseEventType{"mouseMoved", "mousePressed", "mouseReleased"}
	if control == 0 {
		events = []input.DispatchMouseEventType{"mouseMoved", "mouseMoved"}
	}
	for i, kind := range events {
		if control == 0 {
			at.Y += float64(i) // a pointer that stays where it is does not move
		}
		p := input.DispatchMouseEventParams{Type: kind, X: at.X, Y: at.Y}
		if kind != "mouseMoved" {
			p.Button, p.ClickCount = "left", 1
		}
		if _, err := cdp.Call(ctx, b.main, input.DispatchMouseEvent, p); err != nil {
			return err
		}
	}
	return nil
}
