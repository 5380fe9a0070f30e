package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vksprobe/probe"
)

func TestForm(t *testing.T) {
	s := serve(t, "127.0.0.1", map[string]string{
		"/": `<!doctype html><title>form</title><style>body{margin:0}</style>
			<form onsubmit="return false"><input name=querySelectorAll value=x aria-label=clobbered><input name=matches aria-label=clobbered><img name=getElementById></form>
			<label>Your name <input id=n value=old oninput="document.title=this.value"></label>
			<input type=password aria-label=Password value=geheim>
			<button aria-pressed=false onclick="this.setAttribute('aria-pressed', event.isTrusted)">Microphone</button>
			<label><input type=checkbox id=c style="opacity:0;width:0;height:0"> I agree</label>
			<button disabled>Later</button><button hidden>Hidden</button>
			<div style="position:relative"><button id=u>Under</button><div style="position:absolute;inset:0;background:#fff"></div></div>
			<div id=host></div><iframe src="/inner" style="margin:20px"></iframe>
			<div style="height:3000px"></div><button onclick="document.title='below'">Far below</button>
			<script>host.attachShadow({mode:'open'}).innerHTML = '<p>in the shadow</p><button onclick="document.title=1+1">Shadow</button>';</script>`,
		"/inner": `<p>in the frame</p><button onclick="parent.document.title='inner'" style="margin:30px">Inner</button><textarea aria-label=Message></textarea>`,
	})
	b, e := begin(t, Config{})
	navigate(t, b, s.URL)
	v := view(t, b, "({answer: 6 * 7})")
	if string(v.Probe) != `{"answer":42}` || v.Title != "form" || v.URL != s.URL+"/" {
		t.Errorf("view: %s %q %q", v.Probe, v.Title, v.URL)
	}
	for _, text := range []string{"in the shadow", "in the frame", "I agree"} {
		if !strings.Contains(v.Text, text) {
			t.Errorf("the text lacks %q: %q", text, v.Text)
		}
	}
	if c := named(t, v, "Your name"); c.Value != "old" || c.Role != "textbox" || c.Attrs["id"] != "n" {
		t.Errorf("text field: %+v", c)
	}
	if c := named(t, v, "Password"); c.Value != "" || c.Type != "password" {
		t.Errorf("password field: %+v", c)
	}
	if c := named(t, v, "Microphone"); c.Pressed == nil || *c.Pressed || c.Covered {
		t.Errorf("toggle: %+v", c)
	}
	if c := named(t, v, "I agree"); c.Pressed == nil || *c.Pressed {
		t.Errorf("checkbox: %+v", c)
	}
	if !named(t, v, "Later").Disabled || !named(t, v, "Under").Covered {
		t.Error("a disabled or a covered button is not told")
	}
	for _, c := range v.Controls {
		if c.Name == "Hidden" {
			t.Error("a hidden button is told")
		}
	}
	do(t, b, v, Action{Click: named(t, v, "Microphone").ID})
	do(t, b, v, Action{Click: named(t, v, "I agree").ID})
	do(t, b, v, Action{Type: named(t, v, "Your name").ID, Text: "Ada Löwe 🙂"})
	after := eventually(t, b, "Ada Löwe 🙂")
	if c := named(t, after, "Microphone"); c.Pressed == nil || !*c.Pressed {
		t.Error("the click was none of a person's")
	}
	if c := named(t, after, "I agree"); c.Pressed == nil || !*c.Pressed {
		t.Error("the checkbox was not set")
	}
	for name, title := range map[string]string{"Shadow": "2", "Inner": "inner", "Far below": "below"} {
		do(t, b, after, Action{Click: named(t, after, name).ID})
		eventually(t, b, title)
	}
	do(t, b, after, Action{Type: named(t, after, "Message").ID, Text: "hello"})
	if c := named(t, view(t, b, ""), "Message"); c.Value != "hello" {
		t.Errorf("text area in the frame: %+v", c)
	}
	if err := b.Capture(within(t, 20*time.Second), "form"); err != nil {
		t.Fatal(err)
	}
	if picture, err := png.Decode(bytes.NewReader(e.file("p1/page/form.png"))); err != nil || picture.Bounds().Dx() < 1000 {
		t.Errorf("screenshot: %v", err)
	}
	if html := string(e.file("p1/page/form.html")); !strings.Contains(html, "in the frame") || !strings.Contains(html, "Your name") {
		t.Errorf("snapshot: %q", html)
	}
	// a control that is gone, by itself or with its page
	gone := view(t, b, "n.remove()")
	if err := b.Do(within(t, 5*time.Second), gone, Action{Click: named(t, after, "Your name").ID}); !errors.Is(err, ErrControlGone) {
		t.Errorf("a removed control: %v", err)
	}
	last := view(t, b, "")
	navigate(t, b, s.URL+"/inner")
	if err := b.Do(within(t, 5*time.Second), last, Action{Click: 1}); !errors.Is(err, ErrControlGone) {
		t.Errorf("a control of the page before: %v", err)
	}
	finish(t, b, e)
}

// TestHostilePages: none of these hangs the browser or loses evidence.
func TestHostilePages(t *testing.T) {
	s := serve(t, "127.0.0.1", map[string]string{
		"/promise": "<title>promise</title>",
		"/poison":  "<title>poison</title><body><button>Join</button><script>Array.prototype.map = Object.getOwnPropertyDescriptor = JSON.stringify = String = () => { throw 1 }; document.__defineGetter__('title', () => { throw 2 })</script>",
		"/huge":    "<title>huge</title><script>document.write('<p>' + 'word '.repeat(2e4) + '<p hidden>' + '\u00e4'.repeat(9e6)); console.log('z'.repeat(3e6))</script>",
		"/many":    "<title>many</title><script>document.write('<button>b</button>'.repeat(3000))</script>",
		"/alerts":  "<title>wait</title><script>for (let i = 0; i < 100; i++) alert(i); if (!confirm('?') && prompt('x') === null) document.title = 'asked'; onbeforeunload = e => e.preventDefault()</script><button>x</button>",
		"/loop":    "<title>loop</title><script>setTimeout(() => { for (;;); }, 300)</script>",
		"/close":   "<title>close</title><script>setTimeout(() => { window.close(); document.title = 'still here' }, 100)</script>",
	})
	b, e := begin(t, Config{})

	navigate(t, b, s.URL+"/promise")
	start := time.Now()
	if v := view(t, b, "new Promise(() => {})"); string(v.Probe) != "null" || time.Since(start) > probeTimeout+2*time.Second {
		t.Errorf("an expression without end: %s after %s", v.Probe, time.Since(start))
	}
	navigate(t, b, s.URL+"/poison")
	named(t, view(t, b, ""), "Join")

	navigate(t, b, s.URL+"/huge")
	if v := view(t, b, "'x'.repeat(1e6)"); len(v.Text) > 3*65536 || len(v.Text) < 65000 || string(v.Probe) != "null" {
		t.Errorf("%d bytes of text, %d of the expression", len(v.Text), len(v.Probe))
	}
	if err := b.Capture(within(t, 30*time.Second), "huge"); err != nil {
		t.Error(err)
	}
	if n := len(e.file("p1/page/huge.html")); n > maxSnapshot || n < maxSnapshot/2 {
		t.Errorf("a snapshot of %d bytes", n)
	}
	console := e.messages(t, "Runtime.consoleAPICalled")
	if len(console) != 1 || !strings.Contains(string(console[0].Params), "elided_bytes") {
		t.Errorf("%d console messages", len(console))
	}
	navigate(t, b, s.URL+"/many")
	if v := view(t, b, ""); len(v.Controls) != 2000 {
		t.Errorf("%d controls", len(v.Controls))
	}

	navigate(t, b, s.URL+"/alerts")
	v := eventually(t, b, "asked")
	if n := len(e.messages(t, "Page.javascriptDialogOpening")); n != 102 {
		t.Errorf("%d dialogs were recorded", n)
	}
	do(t, b, v, Action{Click: v.Controls[0].ID}) // only after this may the page ask before it unloads

	navigate(t, b, s.URL+"/close")
	if n := len(e.messages(t, "Page.javascriptDialogOpening")); n != 103 {
		t.Errorf("%d dialogs were recorded, with the one before unloading", n)
	}
	eventually(t, b, "still here")
	navigate(t, b, s.URL+"/loop")
	time.Sleep(400 * time.Millisecond)
	for _, hang := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := b.View(ctx, ""); return err },
		func(ctx context.Context) error { return b.Capture(ctx, "loop") },
	} {
		start := time.Now()
		if err := hang(within(t, 400*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 2*time.Second {
			t.Errorf("a hung page: %v after %s", err, time.Since(start))
		}
	}
	start = time.Now()
	finish(t, b, e)
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("closing took %s", d)
	}
	wholeNetLog(t, e)
}

func TestPageCrashes(t *testing.T) {
	s := serve(t, "127.0.0.1", map[string]string{"/": "<title>here</title>"})
	b, e := begin(t, Config{})
	navigate(t, b, s.URL)
	b.main.send("Page.crash", nil)
	start := time.Now()
	var err error
	for range 50 {
		if _, err = b.View(within(t, 10*time.Second), ""); err != nil {
			break
		}
	}
	if Failure(err) != probe.BrowserCrashed || time.Since(start) > 5*time.Second {
		t.Errorf("a crashed page: %v after %s", err, time.Since(start))
	}
	finish(t, b, e)
	wholeNetLog(t, e)
}

func TestDownloadRefused(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/file" {
			w.Header().Set("Content-Disposition", "attachment; filename=malware.exe")
			fmt.Fprint(w, strings.Repeat("malware", 1000))
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<title>here</title><a href=/file>Download</a>")
	}))
	t.Cleanup(s.Close)
	b, e := begin(t, Config{})
	navigate(t, b, s.URL)
	v := view(t, b, "")
	do(t, b, v, Action{Click: named(t, v, "Download").ID})
	canceled := false
	for range 60 {
		for _, m := range e.messages(t, "Browser.downloadProgress") {
			canceled = canceled || strings.Contains(string(m.Params), `"canceled"`)
		}
		if canceled {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !canceled {
		t.Error("the download was not refused")
	}
	filepath.WalkDir(b.profile.dir, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && (strings.Contains(d.Name(), "malware") || strings.HasSuffix(d.Name(), ".crdownload")) {
			t.Errorf("%s was stored", path)
		}
		return nil
	})
	finish(t, b, e)
}

func TestNavigateFails(t *testing.T) {
	stop := make(chan struct{})
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/silent":
			<-stop
		case "/endless":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<title>endless</title>")
			for r.Context().Err() == nil {
				fmt.Fprint(w, "<p>more</p>")
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		default:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "no")
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(stop) })
	closed := httptest.NewServer(nil)
	closed.Close()
	b, e := begin(t, Config{Resolve: []string{"MAP *.test ~NOTFOUND"}})
	for _, c := range []struct {
		link string
		want probe.Failure
	}{
		{"http://nowhere.test/secret", probe.DNSNXDomain},
		{closed.URL + "/secret", probe.ConnectionRefused},
		{secure.URL + "/secret", probe.TLSCertificate},
		{s.URL + "/secret", probe.HTTPStatus},
		{s.URL + "/silent?secret", probe.Timeout},
		{s.URL + "/endless?secret", ""}, // what has come can be looked at
	} {
		err := b.Navigate(within(t, 1500*time.Millisecond), c.link)
		if Failure(err) != c.want {
			t.Errorf("%s: %v", c.link, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the link is in the error: %v", err)
		}
	}
	if v := view(t, b, ""); v.Title != "endless" {
		t.Errorf("title %q", v.Title)
	}
	if err := b.Capture(within(t, 10*time.Second), "endless"); err != nil {
		t.Error(err)
	}
	finish(t, b, e)
}

// TestPopup: a window in front of it does not keep the main tab from being
// looked at and operated.
func TestPopup(t *testing.T) {
	s := serve(t, "127.0.0.1", map[string]string{
		"/":      `<title>here</title><button onclick="window.open('/popup')">Open</button><input aria-label=Name oninput="document.title = this.value">`,
		"/popup": "<title>popup</title><script>new WebSocket('ws://ADDRESS/in_front'); alert('in front')</script>"})
	b, e := begin(t, Config{})
	navigate(t, b, s.URL)
	v := view(t, b, "")
	do(t, b, v, Action{Click: named(t, v, "Open").ID})
	for range 60 {
		if len(e.messages(t, "Page.javascriptDialogClosed")) > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	do(t, b, v, Action{Type: named(t, v, "Name").ID, Text: "Ada"})
	eventually(t, b, "Ada")
	if err := b.Capture(within(t, 5*time.Second), "popup"); err != nil {
		t.Error(err)
	}
	if opened := e.events(t, "ws.new"); len(opened) != 1 || opened[0].Session == string(b.main.id) {
		t.Errorf("the hook saw in the popup: %+v", opened)
	}
	finish(t, b, e)
}

func TestLanguage(t *testing.T) {
	var header string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Get("Accept-Language")
		fmt.Fprint(w, "x")
	}))
	t.Cleanup(s.Close)
	b, e := begin(t, Config{Lang: "de-DE"})
	navigate(t, b, s.URL)
	v := view(t, b, "navigator.languages")
	if string(v.Probe) != `["de-DE"]` || !strings.HasPrefix(header, "de-DE") {
		t.Errorf("languages: %s, header %q", v.Probe, header)
	}
	var info Info
	if err := json.Unmarshal(e.file("p1/browser.json"), &info); err != nil || info.Locale != "de-DE" || info.Sandbox != "on" {
		t.Errorf("browser.json: %+v %v", info, err)
	}
	finish(t, b, e)
}
