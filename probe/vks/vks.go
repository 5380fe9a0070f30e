// Package vks knows the video-conference systems: how to recognise one and
// how to walk through its web client as a guest.
//
// An [Adapter] is data and two pure functions. It looks at a [browser.View],
// says in which [State] the client is, and answers with the steps that lead
// on. It never touches the page, so that every adapter can be tested on
// recorded views. There is one file per system; adding a system means adding
// one file and naming its adapter in cmd/vksprobe.
//
// Adapters are honest: they do not hide what they are, they never change what
// is measured by settings in the link, and a state in which the walk cannot
// go on is reported as it is, never as a pass.
package vks

import (
	"net/url"
	"slices"

	"vksprobe/probe"
	"vksprobe/probe/browser"
)

// State is where in a meeting's web client a guest is.
type State string

// The states. Those from LoginWall to Failed end a walk.
const (
	Unrecognised State = "unrecognised" // nothing the adapter knows, possibly still loading
	LaunchPage   State = "launch_page"  // asks whether to open an app or the browser
	Consent      State = "consent"      // a banner asks for consent
	Prejoin      State = "prejoin"      // name, devices and the join button
	Password     State = "password"     // a meeting password is wanted
	Joining      State = "joining"      // joining, nothing to do but wait
	Lobby        State = "lobby"        // waiting to be admitted
	InMeeting    State = "in_meeting"
	Left         State = "left"
	LoginWall    State = "login_wall" // an account is wanted
	Captcha      State = "captcha"
	BotWall      State = "bot_wall"
	NotStarted   State = "not_started"
	Denied       State = "denied"
	Full         State = "full"
	Locked       State = "locked"
	Ended        State = "ended"
	Failed       State = "error"
)

// Failure returns why a walk that stops in state s did not get into the
// meeting. For states in which a walk does not stop by itself it is what to
// say when the time is up.
func (s State) Failure() probe.Failure {
	switch s {
	case InMeeting, Left:
		return probe.OK
	case Password:
		return probe.PasswordWanted
	case Lobby:
		return probe.LobbyWaiting
	case LoginWall:
		return probe.LoginWall
	case Captcha:
		return probe.Captcha
	case BotWall:
		return probe.BotWall
	case NotStarted:
		return probe.NotStarted
	case Denied:
		return probe.Denied
	case Full:
		return probe.Full
	case Locked:
		return probe.Locked
	case Ended:
		return probe.Ended
	case Failed:
		return probe.PageError
	case Unrecognised:
		return probe.NotRecognised
	}
	return probe.NotJoined
}

// Final reports whether a walk stops in s because waiting does not help.
func (s State) Final() bool {
	return slices.Contains([]State{LoginWall, Captcha, BotWall, NotStarted, Denied, Full, Locked, Ended, Failed}, s)
}

// A Guest is who joins.
type Guest struct {
	Name     string
	Password string
	Consent  Choice
}

// Choice is what a guest does with a consent banner.
type Choice string

// The choices. Ignore leaves the banner alone.
const (
	Ignore Choice = ""
	Reject Choice = "reject"
	Accept Choice = "accept"
)

// A Step is an action that leads on, and the phase that begins with it, ""
// if the phase stays.
type Step struct {
	browser.Action
	Begins probe.Phase
}

// An Adapter walks one system. State and Next are pure functions.
type Adapter struct {
	System string // "janus", stored with the scan
	Title  string // "Janus video room"

	// Serves reports whether the link alone shows that it belongs to the
	// system; Recognises decides by what the page shows.
	Serves     func(link *url.URL) bool
	Recognises func(browser.View) bool

	// Probe is an expression that is evaluated in the page for each view; its
	// JSON is View.Probe. It must only read.
	Probe string

	// State says where the guest is.
	State func(browser.View, Guest) State

	// Next returns the steps that lead on from a state, none if there is
	// nothing to do but wait.
	Next func(browser.View, State, Guest) []Step

	// Leave returns the steps that leave the meeting, none if the client has
	// no such control in sight.
	Leave func(browser.View) []Step
}

// Pick returns the first adapter that serves the link, nil if none does.
func Pick(adapters []*Adapter, link *url.URL) *Adapter {
	for _, a := range adapters {
		if a.Serves != nil && a.Serves(link) {
			return a
		}
	}
	return nil
}

// Recognise returns the first adapter that recognises the page, nil if none
// does.
func Recognise(adapters []*Adapter, v browser.View) *Adapter {
	for _, a := range adapters {
		if a.Recognises != nil && a.Recognises(v) {
			return a
		}
	}
	return nil
}

// find returns the first enabled control for which all conditions hold.
func find(v browser.View, conditions ...func(browser.Control) bool) (browser.Control, bool) {
	for _, c := range v.Controls {
		if !c.Disabled && !slices.ContainsFunc(conditions, func(holds func(browser.Control) bool) bool { return !holds(c) }) {
			return c, true
		}
	}
	return browser.Control{}, false
}

// id matches the control with the given id attribute.
func id(want string) func(browser.Control) bool {
	return func(c browser.Control) bool { return c.Attrs["id"] == want }
}

func click(c browser.Control, comment string) Step {
	return Step{Action: browser.Action{Click: c.ID, Comment: "click " + comment}}
}

func typeText(c browser.Control, text, comment string) Step {
	return Step{Action: browser.Action{Type: c.ID, Text: text, Comment: "type " + comment}}
}

// begins marks the last of the steps as the beginning of a phase.
func begins(p probe.Phase, steps ...Step) []Step {
	steps[len(steps)-1].Begins = p
	return steps
}
