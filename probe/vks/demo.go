package vks

import (
	"slices"

	"vksprobe/probe"
	"vksprobe/probe/browser"
)

// demoClient is where the demo's ids stand.
const demoClient = "fixtures/meeting/web/client"

// Demo walks the built-in meeting of fixtures/meeting by the ids of its own
// client. Certainty: high, it is ours.
var Demo = &Adapter{
	System: "demo",
	Title:  "built-in demo meeting",
	Recognises: func(v browser.View) bool {
		join := slices.ContainsFunc(v.Controls, testID("join")) // disabled until there is a name
		return join && (v.Title == "Demo-Besprechung" || v.Title == "Demo meeting")
	},
	State: func(v browser.View, _ Guest) State {
		if _, ok := find(v, testID("leave")); ok {
			return InMeeting
		}
		switch {
		case slices.ContainsFunc(v.Controls, testID("join")):
			return Prejoin
		case lobbyText.MatchString(v.Text):
			return Lobby
		case leftText.MatchString(v.Text):
			return Left
		}
		return Unrecognised
	},
	Knows: map[State]Basis{
		Prejoin: {High, `data-testid="join"`, demoClient}, Lobby: byWords("the page"), InMeeting: {High, `data-testid="leave"`, demoClient}, Left: byWords("the page"),
	},
	Next: func(v browser.View, s State, g Guest) []Step {
		if s != Prejoin {
			return nil
		}
		var steps []Step
		if c, ok := find(v, id("name")); ok && c.Value != g.Name {
			steps = append(steps, typeText(c, g.Name, "name"))
		}
		if c, ok := find(v, id("password")); ok && g.Password != "" {
			steps = append(steps, typeText(c, g.Password, "password"))
		}
		if c, ok := find(v, testID("join")); ok {
			steps = append(steps, begins(probe.Joining, click(c, "join"))...)
		}
		return steps
	},
	Leave: func(v browser.View) []Step {
		if c, ok := find(v, testID("leave")); ok {
			return leaves(c)
		}
		return nil
	},
}
