package browser

import (
	"encoding/json"
	"strings"

	_ "embed"
)

// substitute is the script that puts somebody else in the browser's place.
// BINDING and IDENTITY are replaced.
//
//go:embed substitute.js
var substitute string

// A Substitution puts somebody else in the browser's place towards the far
// end of its media connections: session descriptions that the page sends have
// this identity instead of the browser's, and the browser never learns how
// to reach the far end. The page goes on, without media. It is meant for an
// active check and for a browser of its own; what it records is no evidence
// of how the meeting behaves.
type Substitution struct {
	Ufrag       string // of ICE
	Password    string // of ICE
	Fingerprint string // "sha-256 AB:CD:…"
	Setup       string // "active" or "passive"

	// Described is given what the far ends say, in order. It must not wait.
	Described func(Described)
}

// Described is what the page was told about the far end of one of its
// connections: a session description or a candidate. Both come from the
// target and are hostile; together they have at most 2 MB.
type Described struct {
	Peer      string // tells the connections of a page apart
	Type      string // "offer", "answer", "pranswer" or "" for a candidate
	SDP       string
	Candidate string // "candidate:…"
}

// script is what runs before the page hook, nothing without a substitution.
func (s *Substitution) script() string {
	if s == nil {
		return ""
	}
	identity, _ := json.Marshal(map[string]string{"ufrag": s.Ufrag, "pwd": s.Password, "fingerprint": s.Fingerprint, "setup": s.Setup}) // strings cannot fail
	return strings.Replace(substitute, "IDENTITY;", string(identity)+";", 1)
}

// see takes an event of the script.
func (s *Substitution) see(session string, ev HookEvent) {
	if s == nil || s.Described == nil || ev.Kind != "substitute.remote" && ev.Kind != "substitute.candidate" {
		return
	}
	var d struct {
		O         json.Number
		Type      string
		SDP       string
		Candidate string
	}
	if json.Unmarshal(ev.Data, &d) == nil {
		s.Described(Described{Peer: session + "/" + d.O.String(), Type: d.Type, SDP: d.SDP, Candidate: d.Candidate})
	}
}
