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
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"vksprobe/probe"
	"vksprobe/probe/browser"
)

// State is where in a meeting's web client a guest is.
type State string

// The states. Those from LoginWall to Failed end a walk. The failure of a
// state in which a walk stays is State.Failure; none of them is a success but
// InMeeting. Who sees Left without having been inside did not join.
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

// States lists every state that an adapter may report, in the order in which
// a walk may meet them.
func States() []State {
	return []State{Unrecognised, LaunchPage, Consent, Prejoin, Password, LoginWall, Captcha, BotWall, NotStarted,
		Joining, Lobby, Denied, Full, Locked, InMeeting, Ended, Left, Failed}
}

// Failure returns why a walk that stops in state s did not get into the
// meeting. For states in which a walk does not stop by itself it is what to
// say when the time is up.
func (s State) Failure() probe.Failure {
	switch s {
	case InMeeting:
		return probe.OK
	case Consent:
		return probe.ConsentWanted
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
// if the phase stays. A phase begins before its action; only Left begins
// after it.
type Step struct {
	browser.Action
	Begins probe.Phase
}

// Certainty says how sure an adapter is of what it recognises.
type Certainty string

// The certainties.
const (
	High   Certainty = "high"   // test ids or state of the client itself, read in its source
	Medium Certainty = "medium" // structure or ids of one source, or of older versions
	Low    Certainty = "low"    // words on the page, in German and English
)

// Basis is what the recognition of a state rests on.
type Basis struct {
	Certainty Certainty `json:"certainty"`
	Rests     string    `json:"rests"`            // `data-testid="prejoin.screen"`
	Source    string    `json:"source,omitempty"` // where that was read, with its date or version
}

// An Override is a setting that a link carries and that would change what is
// measured.
type Override struct {
	Key   string `json:"key"`             // as the link spells it: "config.startWithAudioMuted"
	Value string `json:"value,omitempty"` // if it is a truth value or a number; everything else may be secret
}

// An Adapter walks one system. All its functions are pure.
type Adapter struct {
	System string // "janus", stored with the scan
	Title  string // "Janus video room"

	// Serves reports whether the link alone shows that it belongs to the
	// system; Recognises decides by what the page shows. Sign is an expression
	// that is true in the system's own pages; it is evaluated, for all adapters
	// at once, while the system is not known.
	Serves     func(link *url.URL) bool
	Recognises func(browser.View) bool
	Sign       string

	// Clean takes out of a link what would change the settings that are
	// measured, and says what that is. A link that breaks without it is
	// returned as it is. The link that is passed stays untouched.
	Clean func(link *url.URL) (*url.URL, []Override)

	// Probe is an expression that is evaluated in the page for each view; its
	// JSON is View.Probe. It must only read, and ask nothing of the network.
	Probe string

	// State says where the guest is.
	State func(browser.View, Guest) State

	// Knows lists the states that the adapter tells apart and what it goes by.
	Knows map[State]Basis

	// Next returns the steps that lead on from a state, none if there is
	// nothing to do but wait.
	Next func(browser.View, State, Guest) []Step

	// Leave returns the steps that leave the meeting, none if the client has
	// no such control in sight. A step that leaves begins the phase Left; one
	// that does not, such as opening a menu, makes the walk look and ask again.
	Leave func(browser.View) []Step

	// Read interprets the result of Probe. It is also called on the records of
	// old scans, and what it reads is the target's: hostile, and of any shape.
	Read func(probe json.RawMessage) Reading

	// Frame interprets a text message that the page received over WebSocket
	// and says whether there was something in it. It is called on the record.
	Frame func(payload string) (Reading, bool)
}

// Signs is the expression to evaluate while the system is not known. Its
// result is {"system": true, …}, which Recognise reads from View.Probe.
func Signs(adapters []*Adapter) string {
	var b strings.Builder
	b.WriteString("({")
	for _, a := range adapters {
		if a.Sign != "" {
			fmt.Fprintf(&b, "%q:(()=>{try{return !!(%s)}catch{return false}})(),", a.System, a.Sign)
		}
	}
	b.WriteString("})")
	return b.String()
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

// Recognise returns the first adapter that recognises the page by what it
// shows or, if the view was taken with the expression of Signs, by its sign;
// nil if none does.
func Recognise(adapters []*Adapter, v browser.View) *Adapter {
	var signs map[string]bool
	if json.Unmarshal(v.Probe, &signs) != nil { // not taken with Signs, or a page that plays tricks
		signs = nil
	}
	for _, a := range adapters {
		if a.Recognises != nil && a.Recognises(v) || a.Sign != "" && signs[a.System] {
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

// testID matches the control with the given data-testid or data-test, the
// attributes that clients keep for their own tests.
func testID(want string) func(browser.Control) bool {
	return func(c browser.Control) bool { return c.Attrs["data-testid"] == want || c.Attrs["data-test"] == want }
}

// leaves is the step that leaves the meeting.
func leaves(c browser.Control) []Step {
	return []Step{{Action: click(c, "leave").Action, Begins: probe.Left}}
}

func typeText(c browser.Control, text, comment string) Step {
	return Step{Action: browser.Action{Type: c.ID, Text: text, Comment: "type " + comment}}
}

// begins marks the last of the steps as the beginning of a phase.
func begins(p probe.Phase, steps ...Step) []Step {
	steps[len(steps)-1].Begins = p
	return steps
}
