package vks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vksprobe/fixtures/anyclient"
	"vksprobe/fixtures/bigbluebutton"
	"vksprobe/fixtures/jitsi"
	"vksprobe/fixtures/scene"
	"vksprobe/probe"
	"vksprobe/probe/browser"
	"vksprobe/probe/vks"
)

var update = flag.Bool("record", false, "write the recorded views of all scenes anew")

// conformance is who has to show what. Every adapter of the program has a
// place here; cmd/vksprobe sees to that.
var (
	conforming = []*vks.Adapter{vks.Jitsi, vks.BigBlueButton, vks.Janus, vks.Demo, vks.Generic}
	stages     = slices.Concat([]scene.Stage{jitsi.Stage()}, bigbluebutton.Stages(), anyclient.Stages())
)

var languages = []string{"de", "en"}

// A recorded is a view of a scene as the browser took it.
type recorded struct {
	Scene string
	View  browser.View
}

func recording(s scene.Stage, lang string) string {
	name := s.System
	if s.Variant != "" {
		name += "-" + s.Variant
	}
	return filepath.Join("testdata", "scenes", name+"."+lang+".jsonl")
}

func adapter(t *testing.T, system string) *vks.Adapter {
	t.Helper()
	i := slices.IndexFunc(conforming, func(a *vks.Adapter) bool { return a.System == system })
	if i < 0 {
		t.Fatalf("there is no adapter for %s", system)
	}
	return conforming[i]
}

// judge holds what the adapter makes of a view against the scene.
func judge(t *testing.T, a *vks.Adapter, s scene.Scene, v browser.View) {
	t.Helper()
	state := a.State(v, s.Guest)
	if state != s.State {
		t.Errorf("%s: is seen as %s, want %s", s.Name, state, s.State)
		return
	}
	next := a.Next(v, state, s.Guest)
	if got := comments(next); got != s.Steps {
		t.Errorf("%s: next is %q, want %q", s.Name, got, s.Steps)
	}
	for _, step := range next {
		if strings.Contains(step.Comment, s.Guest.Password) && s.Guest.Password != "" {
			t.Errorf("%s: the password is in the comment %q, which is stored", s.Name, step.Comment)
		}
	}
	if a.Leave != nil && state == vks.InMeeting {
		if got := comments(a.Leave(v)); got != s.Leave {
			t.Errorf("%s: leaves by %q, want %q", s.Name, got, s.Leave)
		}
	}
	if a.Read != nil {
		a.Read(v.Probe)
	}
}

func comments(steps []vks.Step) string {
	var all []string
	for _, s := range steps {
		word := s.Comment
		if s.Begins != "" {
			word += " → " + string(s.Begins)
		}
		all = append(all, word)
	}
	return strings.Join(all, ", ")
}

// TestConformance holds every adapter against the recorded views of every
// scene, in both languages, without a browser.
func TestConformance(t *testing.T) {
	if *update {
		t.Skip("the views are being recorded")
	}
	for _, stage := range stages {
		for _, lang := range languages {
			t.Run(stage.System+stage.Variant+"/"+lang, func(t *testing.T) {
				b, err := os.ReadFile(recording(stage, lang))
				if err != nil {
					t.Fatal(err)
				}
				views := map[string]browser.View{}
				for line := range bytes.Lines(b) {
					var r recorded
					if err := json.Unmarshal(line, &r); err != nil {
						t.Fatal(err)
					}
					views[r.Scene] = r.View
				}
				for _, s := range stage.Scenes {
					v, ok := views[s.Name]
					if !ok {
						t.Errorf("%s is not recorded; run go test ./probe/vks -run Scenes -record", s.Name)
						continue
					}
					judge(t, adapter(t, stage.System), s, v)
				}
			})
		}
	}
}

// TestStagesAreWhole wants every adapter to be shown every state that it says
// it knows, and to say on what it rests.
func TestStagesAreWhole(t *testing.T) {
	for _, a := range conforming {
		shown := map[vks.State]bool{}
		for _, stage := range stages {
			for _, s := range stage.Scenes {
				shown[s.State] = shown[s.State] || stage.System == a.System
			}
		}
		for _, state := range vks.States() {
			basis, known := a.Knows[state]
			switch {
			case known && !shown[state]:
				t.Errorf("%s says that it knows %s, but no scene shows it", a.System, state)
			case !known && shown[state] && state != vks.Unrecognised:
				t.Errorf("%s: a scene shows %s, which the adapter does not say that it knows", a.System, state)
			case known && (basis.Rests == "" || !slices.Contains([]vks.Certainty{vks.High, vks.Medium, vks.Low}, basis.Certainty)):
				t.Errorf("%s: %s rests on %+v", a.System, state, basis)
			case known && basis.Certainty != vks.Low && basis.Source == "":
				t.Errorf("%s: %s is %s, but nobody says where that was read", a.System, state, basis.Certainty)
			}
		}
	}
}

// TestStopsAreFailures wants every state to end as a failure, but for the one
// in which the meeting was entered.
func TestStopsAreFailures(t *testing.T) {
	for _, s := range vks.States() {
		f := s.Failure()
		inside := s == vks.InMeeting
		if inside != (f == probe.OK) || !f.Known() || f == "" {
			t.Errorf("a walk that stops in %s has the failure %q", s, f)
		}
		if s.Final() && inside {
			t.Errorf("%s ends a walk", s)
		}
	}
}

// TestScenes opens every scene in a browser, one in German and the next in
// English, and holds the adapters against what it shows. With -record it opens
// all in both languages, plain pages too, and writes the recorded views.
func TestScenes(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	b := startBrowser(t)
	mux := http.NewServeMux()
	for _, stage := range stages {
		for _, lang := range languages {
			for _, s := range stage.Scenes {
				prefix := fmt.Sprintf("/%s%s-%s-%s", stage.System, stage.Variant, lang, s.Name)
				mux.Handle(prefix+"/", http.StripPrefix(prefix, stage.Open(lang, s)))
			}
		}
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	signs := vks.Signs(conforming)
	for _, stage := range stages {
		for _, lang := range languages {
			var out bytes.Buffer
			for i, s := range stage.Scenes {
				if !*update && (stage.Plain || languages[i%2] != lang) {
					continue
				}
				a := adapter(t, stage.System)
				link := fmt.Sprintf("%s/%s%s-%s-%s/%s", server.URL, stage.System, stage.Variant, lang, s.Name, stage.Path)
				if err := b.Navigate(t.Context(), link); err != nil {
					t.Fatalf("%s: %v", s.Name, err)
				}
				v := settle(t, b, a, s)
				judge(t, a, s, v)
				if s.State == vks.Prejoin || s.State == vks.InMeeting && a.Sign != "" {
					recognised(t, b, a, stage, s, signs)
				}
				v.URL = "http://scene.test/" + stage.Path
				line, err := json.Marshal(recorded{s.Name, v})
				if err != nil {
					t.Fatal(err)
				}
				out.Write(append(localAddress.ReplaceAll(line, []byte("http://scene.test")), '\n'))
			}
			if *update {
				if err := os.WriteFile(recording(stage, lang), out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

var localAddress = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// recognised wants the system to be known by the page alone.
func recognised(t *testing.T, b *browser.Browser, a *vks.Adapter, stage scene.Stage, s scene.Scene, signs string) {
	t.Helper()
	v, err := b.View(t.Context(), signs)
	if err != nil {
		t.Fatal(err)
	}
	got := vks.Recognise(conforming, v)
	if a == vks.Generic { // recognises nothing, and nobody else may
		if got != nil {
			t.Errorf("%s: is taken for %s", s.Name, got.System)
		}
		return
	}
	if got != a {
		t.Errorf("%s %s: is not recognised", stage.System, s.Name)
	}
}

// settle looks until the client stands still: two views alike. A scene that
// is not yet what it should be gets some time.
func settle(t *testing.T, b *browser.Browser, a *vks.Adapter, s scene.Scene) browser.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	for {
		v, err := b.View(ctx, a.Probe)
		if errors.Is(err, context.DeadlineExceeded) {
			return v
		}
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if a.State(v, s.Guest) == s.State && comments(a.Next(v, s.State, s.Guest)) == s.Steps {
			return v
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return v
		}
	}
}

// nowhere throws evidence away.
type nowhere struct{ io.Writer }

func (nowhere) Close() error { return nil }

func startBrowser(t *testing.T) *browser.Browser {
	t.Helper()
	b, err := browser.Start(t.Context(), browser.Config{Participant: 1, Lang: "en-US", Loopback: true,
		Create: func(string) (io.WriteCloser, error) { return nowhere{io.Discard}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if _, err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}
