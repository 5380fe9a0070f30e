package vks

import (
	"net/url"
	"path"
	"strings"

	"vksprobe/probe"
	"vksprobe/probe/browser"
)

// janusDemos is where the ids of the Janus demos were read.
const janusDemos = "Debian's janus-demos 1.1.2, html/videoroomtest.html"

// Janus walks the video-room demo of the Janus gateway (1.0 and later). The
// ids are those of html/videoroomtest.html; they do not depend on the
// language. Certainty: high, read in Debian's janus-demos 1.1.2 and walked.
var Janus = &Adapter{
	System: "janus",
	Title:  "Janus video-room demo",
	Serves: func(link *url.URL) bool { return path.Base(link.Path) == "videoroomtest.html" },
	Recognises: func(v browser.View) bool {
		_, start := find(v, id("start"))
		_, register := find(v, id("register"))
		return (start || register) && words(`janus`).MatchString(v.Title)
	},
	State: func(v browser.View, _ Guest) State {
		if _, ok := find(v, id("register")); ok {
			return Prejoin
		}
		if _, ok := find(v, id("unpublish")); ok {
			return InMeeting
		}
		if v.Media.Peers > 0 {
			return InMeeting
		}
		if c, ok := find(v, id("start")); ok && c.Name != "Stop" {
			return LaunchPage
		}
		return Unrecognised
	},
	Knows: map[State]Basis{
		LaunchPage: {High, "id start", janusDemos}, Prejoin: {High, "id register", janusDemos}, InMeeting: {High, "id unpublish, or a connection", janusDemos},
	},
	Next: func(v browser.View, s State, g Guest) []Step {
		switch s {
		case LaunchPage:
			if c, ok := find(v, id("start")); ok {
				return []Step{click(c, "start")}
			}
		case Prejoin:
			name, hasName := find(v, id("username"))
			join, hasJoin := find(v, id("register"))
			if hasName && hasJoin {
				return begins(probe.Joining, typeText(name, alphanumeric(g.Name), "name"), click(join, "join"))
			}
		}
		return nil
	},
	Leave: func(v browser.View) []Step {
		if c, ok := find(v, id("start")); ok && c.Name == "Stop" {
			return leaves(c)
		}
		return nil
	},
}

// alphanumeric drops what the demo refuses in a name.
func alphanumeric(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, name)
}
