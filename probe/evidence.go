package probe

import (
	"io/fs"
)

// Evidence points into a raw file of the bundle.
type Evidence struct {
	Path   string `json:"path"`         // below the bundle's data directory: "evidence/p1/netlog.json"
	SHA256 string `json:"sha256"`       // of the whole file, hexadecimal
	At     string `json:"at,omitempty"` // position in it: "event=812 byte=1048576", "line=17"
}

// A Record is the raw evidence of one scan as observers read it.
//
// The files of participant n lie below "p<n>/":
//
//	netlog.json      Chromium's NetLog in Everything mode
//	cdp.jsonl        the DevTools protocol, see probe/browser.CDPLine
//	hook.jsonl       what the page hook saw, see probe/browser.HookLine
//	internals.jsonl  chrome://webrtc-internals, see probe/browser.InternalsLine
//	vks.jsonl        what the adapter saw and made of it, see probe/vks.Line
//	page/*.png *.html screenshots and DOM snapshots per phase
//	browser.json browser.log
//
// Every file may be missing or cut off at any byte.
type Record struct {
	Files    fs.FS             // rooted at data/evidence
	Digests  map[string]string // SHA-256 of each file by its path in Files
	Target   Target
	Timeline Timeline
}

// Cite returns the pointer to a place in the file with the given path in
// Files.
func (r *Record) Cite(path, at string) Evidence {
	return Evidence{Path: "evidence/" + path, SHA256: r.Digests[path], At: at}
}
