package vks

import (
	"net/url"
	"strings"
	"testing"

	"vksprobe/probe/browser"
)

// view makes a view of controls written as "tag:type name", with the ids 1, 2, ….
func view(text string, controls ...string) browser.View {
	v := browser.View{Text: text}
	for i, c := range controls {
		kind, name, _ := strings.Cut(c, " ")
		tag, typ, _ := strings.Cut(kind, ":")
		disabled := strings.HasPrefix(name, "-")
		v.Controls = append(v.Controls, browser.Control{ID: i + 1, Tag: tag, Type: typ, Name: strings.TrimPrefix(name, "-"), Disabled: disabled, Attrs: map[string]string{}})
	}
	return v
}

func TestGenericState(t *testing.T) {
	connected := view("", "button Mute")
	connected.Media = browser.Media{Peers: 1, Received: 100}
	waiting := view("Please wait, the host will let you in soon")
	waiting.Media = browser.Media{Peers: 1}
	for _, c := range []struct {
		name string
		view browser.View
		want State
	}{
		{"blank page", view(""), Unrecognised},
		{"English prejoin", view("", "input:text Your name", "button Join now"), Prejoin},
		{"German prejoin", view("", "input:text Ihr Name", "button Jetzt beitreten"), Prejoin},
		{"join still disabled", view("", "input:text Name", "button -Beitreten"), Prejoin},
		{"placeholder only", view("", "input:text ", "button Teilnehmen"), Prejoin},
		{"launch page", view("", "a Open the app", "a Join from your browser"), LaunchPage},
		{"German launch page", view("", "a App herunterladen", "a Im Browser teilnehmen"), LaunchPage},
		{"password", view("Enter the passcode", "input:password Passcode", "button OK"), Password},
		{"login wall", view("Sign in to continue", "input:email E-mail", "input:password Password", "button Sign in"), LoginWall},
		{"lobby", view("Warteraum: Sie werden gleich eingelassen"), Lobby},
		{"lobby with a signalling connection", waiting, Lobby},
		{"denied", view("Your request to join was denied"), Denied},
		{"German denied", view("Der Beitritt wurde abgelehnt."), Denied},
		{"full", view("This meeting is full"), Full},
		{"locked", view("Die Besprechung ist gesperrt"), Locked},
		{"not started", view("The meeting has not started yet"), NotStarted},
		{"ended", view("Die Konferenz ist beendet"), Ended},
		{"captcha", view("Please solve this captcha", "input:text Name", "button Join"), Captcha},
		{"in the meeting by its controls", view("", "button Mute", "button Leave call"), InMeeting},
		{"German, in the meeting", view("", "button Stummschalten", "button Besprechung verlassen"), InMeeting},
		{"in the meeting by its media", connected, InMeeting},
		{"prejoin preview with a loopback call", func() browser.View {
			v := view("", "input:text Name", "button Join")
			v.Media = browser.Media{Peers: 2, Received: 10}
			return v
		}(), Prejoin},
		{"a page that says join somewhere", view("Learn how to join our company", "a Careers"), Unrecognised},
	} {
		if got := Generic.State(c.view, Guest{}); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func comments(steps []Step) string {
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

func TestGenericNext(t *testing.T) {
	guest := Guest{Name: "Ada", Password: "hunter2"}
	named := view("", "input:text Name", "button Join")
	named.Controls[0].Value = "Ada"
	for _, c := range []struct {
		name  string
		view  browser.View
		guest Guest
		want  string
	}{
		{"types and joins", view("", "input:text Name", "button Join"), guest, "type name, click join → joining"},
		{"waits for the button", view("", "input:text Name", "button -Join"), guest, "type name"},
		{"does not type twice", named, guest, "click join → joining"},
		{"never presses leave", view("", "input:text Name", "button Leave meeting"), guest, "type name"},
		{"password beside the name", view("", "input:text Name", "input:password Code", "button Join"), guest, "type name, type password, click join → joining"},
		{"password alone", view("", "input:password Passcode", "button OK"), guest, "type password, click join → joining"},
		{"no password to give", view("", "input:password Passcode", "button OK"), Guest{Name: "Ada"}, ""},
		{"launch page", view("", "a Download", "a Continue in this browser"), guest, "click join in browser"},
		{"ignores a banner", view("We use cookies", "button Accept all", "input:text Name", "button Join"), guest, "type name, click join → joining"},
		{"rejects a banner", view("We use cookies", "button Accept all", "button Reject all", "input:text Name", "button Join"), Guest{Name: "Ada", Consent: Reject}, "click consent reject → consent"},
		{"accepts a banner", view("Wir verwenden Cookies", "button Alle akzeptieren", "input:text Name", "button Join"), Guest{Name: "Ada", Consent: Accept}, "click consent accept → consent"},
	} {
		if got := comments(Generic.Next(c.view, Generic.State(c.view, c.guest), c.guest)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, s := range Generic.Next(view("", "input:password Passcode", "button OK"), Password, guest) {
		if strings.Contains(s.Comment, guest.Password) {
			t.Error("the password is in a comment that is stored")
		}
	}
}

func TestJanus(t *testing.T) {
	link, _ := url.Parse("https://janus.example/videoroomtest.html?room=1234")
	if Pick([]*Adapter{Janus}, link) != Janus {
		t.Error("the video room is not recognised by its link")
	}
	withIDs := func(v browser.View, ids ...string) browser.View {
		for i, id := range ids {
			v.Controls[i].Attrs["id"] = id
		}
		return v
	}
	start := withIDs(view("", "button Start"), "start")
	register := withIDs(view("", "button Stop", "input:text Choose a display name", "button Join the room"), "start", "username", "register")
	inside := withIDs(view("", "button Stop", "button Unpublish"), "start", "unpublish")
	guest := Guest{Name: "vks probe 2"}
	for _, c := range []struct {
		view browser.View
		want State
		next string
	}{
		{start, LaunchPage, "click start"},
		{withIDs(view("", "button Stop"), "start"), Unrecognised, ""},
		{register, Prejoin, "type name, click join → joining"},
		{inside, InMeeting, ""},
	} {
		s := Janus.State(c.view, guest)
		if next := comments(Janus.Next(c.view, s, guest)); s != c.want || next != c.next {
			t.Errorf("%s %q, want %s %q", s, next, c.want, c.next)
		}
	}
	for _, s := range Janus.Next(register, Prejoin, guest) {
		if s.Text != "" && s.Text != "vksprobe2" {
			t.Errorf("types %q, which the demo refuses", s.Text)
		}
	}
	if got := comments(Janus.Leave(inside)); got != "click leave → left" {
		t.Errorf("leaves by %q", got)
	}
}

func TestDemo(t *testing.T) {
	with := func(text string, attrs ...map[string]string) browser.View {
		v := browser.View{Title: "Demo meeting", Text: text}
		for i, a := range attrs {
			v.Controls = append(v.Controls, browser.Control{ID: i + 1, Attrs: a, Disabled: a["disabled"] != ""})
		}
		return v
	}
	name, join := map[string]string{"id": "name"}, map[string]string{"data-testid": "join"}
	waiting := map[string]string{"data-testid": "join", "disabled": "x"}
	password, leave := map[string]string{"id": "password"}, map[string]string{"data-testid": "leave"}
	guest := Guest{Name: "Ada", Password: "hunter2"}
	if v := with("", name, waiting); Recognise([]*Adapter{Janus, Demo}, v) != Demo {
		t.Error("the demo is not recognised")
	}
	for _, c := range []struct {
		view browser.View
		want State
		next string
	}{
		{with("", name, waiting), Prejoin, "type name"},
		{with("", name, join), Prejoin, "type name, click join → joining"},
		{with("", name, password, join), Prejoin, "type name, type password, click join → joining"},
		{with("Please wait, the host will let you in soon."), Lobby, ""},
		{with("", leave), InMeeting, ""},
		{with("You have left the meeting."), Left, ""},
		{with(""), Unrecognised, ""},
	} {
		s := Demo.State(c.view, guest)
		if next := comments(Demo.Next(c.view, s, guest)); s != c.want || next != c.next {
			t.Errorf("%s %q, want %s %q", s, next, c.want, c.next)
		}
	}
}
