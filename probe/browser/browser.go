// Package browser runs one Chromium per participant of a scan and records
// what it does.
//
// A [Browser] has a fresh profile and leaves four records, strongest first:
// the NetLog, which the network service writes and no page can influence;
// chrome://webrtc-internals, which the browser keeps itself; the DevTools
// protocol; and a page hook, which is part of the page's world and can be
// evaded. Observers compare them.
//
// The program is the only DevTools client. Every target (page, frame of
// another site, popup, worker of any kind) is attached while it is paused,
// instrumented, and resumed, so that nothing runs unseen. Nothing here waits
// without a deadline, because pages are hostile: what a page makes hang ends
// with the caller's context, and the evidence up to that moment stays.
//
// The browser keeps its sandbox. A program that runs as root starts it as an
// unprivileged user. Its processes and its profile are gone after
// [Browser.Close]; what a killed program left behind is removed by [Sweep].
package browser

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
)

// Config says how a browser is to be started.
type Config struct {
	Executable  string // "" looks for Chromium, see Find
	Version     string // of Executable, as Find gave both; "" asks it
	Participant int    // names the evidence files: "p1/netlog.json"

	// Create opens an evidence file; the Browser closes it.
	Create func(name string) (io.WriteCloser, error)

	Lang  string   // language the browser asks for: "de-DE"
	Media []string // origins that may use camera and microphone; others are at "prompt"

	// For tests and the demo only: host-resolver-rules ("MAP a.test:443
	// 127.0.0.2:38443"), hashes of keys whose certificates are trusted, and
	// whether WebRTC may use loopback addresses.
	Resolve   []string
	TrustSPKI []string
	Loopback  bool

	// Substitute puts somebody else in the browser's place, for an active
	// check; nil changes nothing.
	Substitute *Substitution

	Log *slog.Logger
}

// A Browser is a running Chromium. Its methods may be called from one
// goroutine at a time, except Done, Hosts and Info.
type Browser struct {
	config  Config
	log     *slog.Logger
	profile *profile
	process *process
	conn    *conn
	watcher sync.WaitGroup
	usage   *meter
	media   mediaTally
	hosts   hostTally
	opening opening
	bind    string // random name of the hook's binding

	// the evidence that grows while the browser runs
	netlog    *drain
	output    *drain
	messages  *jsonLines
	hooks     *jsonLines
	internals *jsonLines

	mu       sync.Mutex
	info     Info
	main     *session // the tab that walks the meeting
	internal *session // chrome://webrtc-internals
}

// startTimeout bounds the start of a browser until its tabs are ready.
const startTimeout = 30 * time.Second

// Start starts a browser and makes it ready to navigate. When ctx ends the
// browser ends too, as if by itself; Close must be called all the same.
func Start(ctx context.Context, c Config) (*Browser, error) {
	path, version := c.Executable, c.Version
	var err error
	if version == "" {
		if path, version, err = Find(path); err != nil {
			return nil, err
		}
	}
	b := &Browser{config: c, log: c.Log, bind: "_" + rand.Text()}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	if b.profile, err = newProfile(); err != nil {
		return nil, err
	}
	b.info = Info{Version: version, Executable: path, User: b.profile.user(), Sandbox: "on", Locale: c.Lang}
	problem := Sandbox()
	if problem != "" {
		b.info.Sandbox = "off: " + problem
	}
	err = b.launch(ctx, path, problem == "")
	if err == nil {
		preparing, cancel := context.WithTimeout(ctx, startTimeout)
		err = b.prepare(preparing)
		if err == nil && problem == "" && !b.sandboxed(preparing) {
			b.info.Sandbox = "off: a renderer runs without its system call filter"
		}
		cancel()
		if b.info.Sandbox != "on" {
			b.log.Warn("the browser has no sandbox", "sandbox", b.info.Sandbox)
		}
		err = errors.Join(err, b.putJSON("browser.json", b.info))
	}
	if err != nil {
		closing, cancel := context.WithCancel(ctx)
		cancel() // there is nothing to be gained by asking
		_, closeErr := b.Close(closing)
		return nil, fmt.Errorf("starting %s: %w", version, errors.Join(err, closeErr))
	}
	return b, nil
}

// launch opens the evidence files and starts the process.
func (b *Browser) launch(ctx context.Context, path string, sandbox bool) error {
	fifo := b.profile.path("netlog")
	netlog, err := b.create("netlog.json")
	if err != nil {
		return err
	}
	if b.netlog, err = drainFIFO(fifo, b.profile.uid, &netLogWriter{w: netlog}); err != nil {
		netlog.Close()
		return err
	}
	for name, lines := range map[string]**jsonLines{"cdp.jsonl": &b.messages, "hook.jsonl": &b.hooks, "internals.jsonl": &b.internals} {
		w, err := b.create(name)
		if err != nil {
			return err
		}
		*lines = newJSONLines(w)
	}
	output, err := b.create("browser.log")
	if err != nil {
		return err
	}
	args := flags(b.config, b.profile.path("data"), fifo, sandbox)
	b.info.CommandLine = append([]string{path}, args...)
	if b.process, err = startProcess(path, args, b.profile, b.config.Lang); err != nil {
		output.Close()
		return err
	}
	b.output = drainPipe(b.process.output, output)
	b.usage = startMeter(b.process.pid, b.process.done)
	b.conn = newConn(b.process.reader, b.process.writer, b.messages, b.event)
	b.watcher.Go(func() {
		select {
		case <-b.process.done:
		case <-ctx.Done():
			b.end(context.WithoutCancel(ctx))
		}
		b.netlog.release() // the evidence ends when the browser does
	})
	return nil
}

// prepare attaches to everything, opens chrome://webrtc-internals and sets
// the permissions.
func (b *Browser) prepare(ctx context.Context) error {
	if _, err := cdp.Call(ctx, b.conn.browser(), target.SetAutoAttach, autoAttach); err != nil {
		return fmt.Errorf("attaching: %w", err)
	}
	if err := b.waitMain(ctx); err != nil {
		return err
	}
	if err := b.openInternals(ctx); err != nil {
		return fmt.Errorf("opening chrome://webrtc-internals: %w", err)
	}
	for _, name := range []string{"camera", "microphone"} {
		set := browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingPrompt}
		if _, err := cdp.Call(ctx, b.conn.browser(), browser.SetPermission, set); err != nil {
			return fmt.Errorf("permission %s: %w", name, err)
		}
		for _, origin := range b.config.Media {
			set.Setting, set.Origin = browser.PermissionSettingGranted, origin
			if _, err := cdp.Call(ctx, b.conn.browser(), browser.SetPermission, set); err != nil {
				return fmt.Errorf("permission %s: %w", name, err)
			}
		}
	}
	_, err := cdp.Call(ctx, b.conn.browser(), browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorDeny, EventsEnabled: ptr(true)})
	if err != nil {
		return fmt.Errorf("refusing downloads: %w", err)
	}
	_, err = cdp.Call(ctx, b.main, target.ActivateTarget, target.ActivateTargetParams{TargetID: b.main.info.TargetID})
	return err
}

// waitMain waits for the first tab, which exists before we attach.
func (b *Browser) waitMain(ctx context.Context) error {
	for b.mainSession() == nil {
		select {
		case <-b.process.done:
			return errGone
		default:
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	_, err := cdp.Call(ctx, b.main, page.Enable, page.EnableParams{})
	return err
}

// Done is closed when the browser has ended, by itself or by Close.
func (b *Browser) Done() <-chan struct{} { return b.process.done }

// Info describes the browser. It may be called after Close.
func (b *Browser) Info() Info {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.info
}

// Hosts is the number of distinct hosts that the page has sent requests to so
// far, for showing progress.
func (b *Browser) Hosts() int { return b.hosts.count() }

// Close ends the browser and waits until its evidence is whole and its
// processes and profile are gone. When ctx ends the browser is killed instead
// of being asked. The error names evidence that could not be written. Close is
// called once.
func (b *Browser) Close(ctx context.Context) (Usage, error) {
	if b.process != nil {
		b.usage.sample(b.process.pid)
		b.end(ctx)
		b.watcher.Wait()
		killProfile(b.profile.dir)
	}
	var errs []error
	if b.conn != nil {
		errs = append(errs, b.conn.close())
	}
	for _, d := range []*drain{b.netlog, b.output} {
		if d != nil {
			d.release()
			errs = append(errs, d.wait(drainTimeout))
		}
	}
	for _, l := range []*jsonLines{b.messages, b.hooks, b.internals} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	var usage Usage
	if b.usage != nil {
		usage = b.usage.result(b.process.rusage())
		b.mu.Lock()
		b.info.Usage = &usage
		b.mu.Unlock()
		errs = append(errs, b.putJSON("usage.json", usage))
	}
	errs = append(errs, b.profile.remove())
	return usage, errors.Join(errs...)
}

const (
	closeTimeout = 5 * time.Second // for the browser to end by itself
	drainTimeout = 5 * time.Second // for the rest of the NetLog
)

// end asks the browser to end, and kills it if it has not when ctx ends or
// closeTimeout is over.
func (b *Browser) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	b.conn.post(ctx, "", browser.Close.Method, nil, nil)
	select {
	case <-b.process.done:
	case <-ctx.Done():
	}
	b.process.kill()
	<-b.process.done
	b.log.Debug("the browser has ended", "state", b.process.state.String())
}

// create opens an evidence file of this participant.
func (b *Browser) create(name string) (io.WriteCloser, error) {
	return b.config.Create(fmt.Sprintf("p%d/%s", b.config.Participant, name))
}

// put stores a whole evidence file.
func (b *Browser) put(name string, content []byte) error {
	f, err := b.create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

func (b *Browser) putJSON(name string, v any) error {
	content, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return b.put(name, append(content, '\n'))
}

func ptr[T any](v T) *T { return &v }

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// evaluate runs an expression in a session and decodes its JSON value.
func evaluate(ctx context.Context, s *session, p runtime.EvaluateParams, out any) error {
	p.ReturnByValue = ptr(true)
	r, err := cdp.Call(ctx, s, runtime.Evaluate, p)
	switch {
	case err != nil:
		return err
	case r.ExceptionDetails != nil:
		return fmt.Errorf("the page threw: %.200s", r.ExceptionDetails.Text)
	case out == nil:
		return nil
	case r.Result == nil || len(r.Result.Value) == 0:
		return errors.New("the page answered nothing")
	}
	return json.Unmarshal(r.Result.Value, out)
}
