package scan_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vksprobe/fixtures/meeting"
	"vksprobe/probe"
	"vksprobe/probe/browser"
	"vksprobe/probe/scan"
	"vksprobe/probe/vks"
	"vksprobe/report/bundle"
)

// quick is a scan that does not stay anywhere for long.
func quick(t *testing.T, link string) scan.Options {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	d := 300 * time.Millisecond
	return scan.Options{
		Target: probe.Target{Link: link, Name: "Ada"}, Participants: 1, Dir: filepath.Join(t.TempDir(), "bundle"),
		Dwell: scan.Dwell{Landing: d, Prejoin: d, InMeeting: d, Left: d}, JoinTimeout: 5 * time.Second, LobbyTimeout: 2 * time.Second, Timeout: time.Minute,
		Browser: browser.Config{Lang: "en-US", Loopback: true}, Fallback: vks.Generic, Date: time.Now(),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

func serve(t *testing.T, pages map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, page)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const prejoin = `<!doctype html><title>Room</title><label>Your name <input id=n></label><button onclick="location='/inside'">Join now</button>`
const inside = `<!doctype html><title>Room</title><button>Mute</button><button onclick="document.body.innerHTML='You have left'">Leave meeting</button>`

// phases lists what participant 1 lived through.
func phases(t *testing.T, res *scan.Result) string {
	t.Helper()
	var all []string
	for _, s := range probe.PhaseSpan.In(probe.NewFacts(res.Observations)) {
		word := string(s.Phase)
		if !s.Complete {
			word += "…"
		}
		all = append(all, word)
	}
	return strings.Join(all, " ")
}

func verify(t *testing.T, dir string, want bundle.State) {
	t.Helper()
	v, err := bundle.Verify(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if v.State != want {
		t.Errorf("the bundle is %s, want %s: %v %v", v.State, want, v.Problems, v.Reasons)
	}
}

func TestWholeWalk(t *testing.T) {
	link := serve(t, map[string]string{"/SecretRoom": prejoin, "/inside": inside})
	o := quick(t, link+"/SecretRoom")
	res, err := scan.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := phases(t, res); got != "landing prejoin joining in_meeting left" {
		t.Errorf("phases: %s", got)
	}
	if res.Run.State != probe.Complete {
		t.Errorf("the run is %s: %+v", res.Run.State, res.Run.Reasons)
	}
	verify(t, o.Dir, bundle.Complete)
	if b := res.Run.Browsers; len(b) != 1 || b[0].Sandbox != "on" || b[0].Usage.CPUSeconds <= 0 || b[0].Usage.PeakBytes < 50<<20 {
		t.Errorf("browsers: %+v", b)
	}
	// the link is in the sealed evidence and nowhere else
	err = filepath.WalkDir(o.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		secret := strings.Contains(string(b), "SecretRoom") || strings.Contains(path, "SecretRoom")
		if evidence := strings.Contains(path, "/data/evidence/"); secret && !evidence {
			t.Errorf("the room is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(o.Dir, "data/evidence/p1/netlog.json")); err != nil || !json.Valid(b) {
		t.Errorf("the NetLog is not whole: %v", err)
	}
	for _, name := range []string{"p1/netlog.json", "p1/cdp.jsonl", "p1/hook.jsonl", "p1/browser.json", "p1/page/01-landing.png", "p1/page/03-in_meeting.html", "timeline.jsonl", "target.json"} {
		if info, err := os.Stat(filepath.Join(o.Dir, "data/evidence", name)); err != nil || info.Size() == 0 {
			t.Errorf("evidence %s: %v", name, err)
		}
	}
}

func TestWalksThatStop(t *testing.T) {
	link := serve(t, map[string]string{
		"/locked":   `<p>This meeting is locked.</p>`,
		"/lobby":    `<p>Please wait, the host will let you in soon.</p>`,
		"/password": `<p>Please enter the passcode</p><input type=password placeholder=Passcode><button>OK</button>`,
		"/strange":  `<p>Welcome to our company</p>`,
	})
	for path, want := range map[string]probe.Failure{
		"/locked": probe.Locked, "/lobby": probe.LobbyWaiting, "/password": probe.PasswordWanted,
		"/strange": probe.NotRecognised, "/missing": probe.HTTPStatus,
	} {
		t.Run(path[1:], func(t *testing.T) {
			o := quick(t, link+path)
			o.JoinTimeout = 2 * time.Second
			res, err := scan.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if r := res.Run.Reasons; res.Run.State != probe.Incomplete || len(r) != 1 || r[0].Failure != want {
				t.Errorf("%s: %+v, want %s", res.Run.State, r, want)
			}
			verify(t, o.Dir, bundle.Incomplete)
		})
	}
}

func TestInterrupted(t *testing.T) {
	link := serve(t, map[string]string{"/SecretRoom": prejoin, "/inside": inside})
	o := quick(t, link+"/SecretRoom")
	o.Dwell.InMeeting = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(p scan.Progress) {
		if p.Phase == probe.InMeeting {
			cancel()
		}
	}
	res, err := scan.Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if r := res.Run.Reasons; len(r) != 1 || r[0].Failure != probe.Interrupted || r[0].Phase != probe.InMeeting {
		t.Errorf("reasons: %+v", r)
	}
	if got := phases(t, res); got != "landing prejoin joining in_meeting…" {
		t.Errorf("phases: %s", got)
	}
	verify(t, o.Dir, bundle.Incomplete)
}

// TestHostilePage scans a page that hangs its own thread.
func TestHostilePage(t *testing.T) {
	link := serve(t, map[string]string{"/": `<title>x</title><script>alert(1);alert(2);onload=()=>setTimeout(()=>{for(;;);},100)</script>`})
	o := quick(t, link+"/")
	o.Timeout = 15 * time.Second
	start := time.Now()
	res, err := scan.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if res.Run.State != probe.Incomplete {
		t.Error("a page that hangs gives a complete scan")
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("the scan took %s", took)
	}
	verify(t, o.Dir, bundle.Incomplete)
}

// TestGenericLobby walks a real meeting with a password and a lobby by what
// its controls are called, with two participants.
func TestGenericLobby(t *testing.T) {
	o := quick(t, "https://placeholder.invalid/")
	m, err := meeting.Start(t.Context(), meeting.Options{Clean: true, Password: "hunter2", Lobby: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	o.Target.Link, o.Target.Password, o.Participants = m.Link(), "hunter2", 2
	o.Browser.Lang, o.Browser.Resolve, o.Browser.TrustSPKI = "de-DE", m.Resolve(), m.TrustSPKI()
	o.Dwell.InMeeting, o.LobbyTimeout = 2*time.Second, 20*time.Second
	waiting := map[int]bool{}
	o.Progress = func(p scan.Progress) {
		if waiting[p.Participant] = waiting[p.Participant] || p.Phase == probe.Lobby; waiting[1] && waiting[2] {
			m.Admit()
		}
	}
	res, err := scan.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if res.Run.State != probe.Complete {
		t.Errorf("the run is %s: %+v", res.Run.State, res.Run.Reasons)
	}
	if got, once := phases(t, res), "landing prejoin joining lobby in_meeting left"; got != once+" "+once {
		t.Errorf("phases: %s", got)
	}
	if b, err := os.ReadFile(filepath.Join(o.Dir, "data/scan.log")); err != nil || strings.Contains(string(b), "hunter2") {
		t.Errorf("the password is in the log: %v", err)
	}
}
