package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// evidence keeps the files of a browser in memory. What the name of a file
// is mapped to in limit is how many bytes it takes before the disk is full.
type evidence struct {
	mu    sync.Mutex
	files map[string]*bytes.Buffer
	open  map[string]bool
	limit map[string]int
}

type evidenceFile struct {
	*evidence
	name string
}

func (e *evidence) create(name string) (io.WriteCloser, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.files[name] != nil {
		return nil, fmt.Errorf("%s is created twice", name)
	}
	if e.files == nil {
		e.files, e.open = map[string]*bytes.Buffer{}, map[string]bool{}
	}
	e.files[name], e.open[name] = &bytes.Buffer{}, true
	return evidenceFile{e, name}, nil
}

func (f evidenceFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if max, ok := f.limit[f.name]; ok && f.files[f.name].Len()+len(p) > max {
		return 0, io.ErrShortWrite
	}
	return f.files[f.name].Write(p)
}

func (f evidenceFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.open[f.name] {
		return fmt.Errorf("%s is closed twice", f.name)
	}
	delete(f.open, f.name)
	return nil
}

func (e *evidence) file(name string) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f := e.files[name]; f != nil {
		return bytes.Clone(f.Bytes())
	}
	return nil
}

// lines decodes a file of JSON lines; a last line may still be missing its
// end.
func lines[T any](t *testing.T, e *evidence, name string) []T {
	t.Helper()
	var all []T
	for line := range bytes.Lines(e.file(name)) {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%s line %d: %v", name, len(all)+1, err)
		}
		all = append(all, v)
	}
	return all
}

// events returns the hook's events of one kind.
func (e *evidence) events(t *testing.T, kind string) []HookLine {
	t.Helper()
	return slices.DeleteFunc(lines[HookLine](t, e, "p1/hook.jsonl"), func(l HookLine) bool { return l.Event.Kind != kind })
}

// messages returns the recorded DevTools messages with the given method.
func (e *evidence) messages(t *testing.T, method string) []CDPLine {
	t.Helper()
	return slices.DeleteFunc(lines[CDPLine](t, e, "p1/cdp.jsonl"), func(l CDPLine) bool { return l.Method != method })
}

// begin starts a browser that is closed at the end of the test; what it
// leaves behind then fails the test.
func begin(t *testing.T, c Config) (*Browser, *evidence) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	e := &evidence{}
	c.Participant, c.Create = 1, e.create
	c.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	b, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { finish(t, b, e) })
	return b, e
}

// finish closes a browser if the test has not done so.
func finish(t *testing.T, b *Browser, e *evidence) Usage {
	t.Helper()
	if b.Info().Usage != nil {
		return *b.Info().Usage
	}
	usage, err := b.Close(within(t, 15*time.Second))
	if err != nil {
		t.Errorf("closing: %v", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.open) > 0 {
		t.Errorf("evidence is still open: %v", slices.Collect(maps.Keys(e.open)))
	}
	if left := leftOvers(b.profile.dir); left != "" {
		t.Errorf("after the end there is %s", left)
	}
	return usage
}

// within is a context for one step of a test. It outlives the test's own, for
// use in clean-ups.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), d)
	t.Cleanup(cancel)
	return ctx
}

// serve answers with pages on an address of its own: pages on different
// addresses are different sites to the browser, and all of 127/8 is a secure
// context. ADDRESS in a page becomes that of the server, and a path that ends
// in .js is a script.
func serve(t *testing.T, ip string, pages map[string]string) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		kind := "text/html; charset=utf-8"
		if strings.HasSuffix(r.URL.Path, ".js") {
			kind = "text/javascript"
		}
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, strings.ReplaceAll(page, "ADDRESS", r.Host))
	}))
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func navigate(t *testing.T, b *Browser, link string) {
	t.Helper()
	if err := b.Navigate(within(t, 20*time.Second), link); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, b *Browser, expression string) View {
	t.Helper()
	v, err := b.View(within(t, 20*time.Second), expression)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// eventually looks at the page until its title is want.
func eventually(t *testing.T, b *Browser, want string) View {
	t.Helper()
	var v View
	for range 200 {
		if v = view(t, b, ""); v.Title == want {
			return v
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the title is %q, want %q", v.Title, want)
	return v
}

// named returns the control with the given accessible name.
func named(t *testing.T, v View, name string) Control {
	t.Helper()
	for _, c := range v.Controls {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no control %q among %+v", name, v.Controls)
	return Control{}
}

func do(t *testing.T, b *Browser, v View, a Action) {
	t.Helper()
	if err := b.Do(within(t, 10*time.Second), v, a); err != nil {
		t.Fatalf("%+v: %v", a, err)
	}
}
