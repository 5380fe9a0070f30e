package probe

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
)

// A Target is the meeting to be examined. Link, Name and Password are
// secrets: they are stored in the sealed raw evidence (evidence/target.json)
// and masked everywhere else.
type Target struct {
	Link     string   `json:"link"`
	Name     string   `json:"name"` // display name of our participants
	Password string   `json:"password,omitempty"`
	System   string   `json:"system"`            // name of the adapter that walked the meeting
	Own      []string `json:"own,omitempty"`     // further domains that belong to the operator
	Consent  string   `json:"consent,omitempty"` // what is done with a consent banner
	Notes    []string `json:"notes,omitempty"`   // what the user wants to be on record
}

// Link checks and returns a meeting link. Only absolute http and https links
// with a host are meetings that a browser can open. The error never contains
// the link, which is a secret.
func Link(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		return nil, errors.New("the meeting link is not a URL")
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("the meeting link must begin with https:// or http://")
	}
	if u.Hostname() == "" {
		return nil, errors.New("the meeting link names no host")
	}
	return u, nil
}

// PublicTarget is the part of a target that may be shown.
type PublicTarget struct {
	Link   string   `json:"link"` // masked
	Host   string   `json:"host"` // with the port if the link has one
	System string   `json:"system"`
	Own    []string `json:"own,omitempty"`
	// Consent is what was done with a consent banner: "accept", "reject" or
	// "" for nothing.
	Consent string `json:"consent,omitempty"`
}

// TargetFact observes the target once per scan. Subject: "target".
var TargetFact = Kind[PublicTarget]{"scan.target/v1"}

// Public returns what of the target may leave the sealed evidence.
func (t Target) Public() PublicTarget {
	u, err := Link(t.Link)
	if err != nil {
		return PublicTarget{System: t.System, Own: t.Own, Consent: t.Consent}
	}
	return PublicTarget{Link: t.Masker().Mask(t.Link), Host: u.Host, System: t.System, Own: t.Own, Consent: t.Consent}
}

// A Masker replaces the secrets of a target in text.
type Masker struct{ r *strings.Replacer }

// Mask returns s with every secret replaced by a word in brackets.
func (m Masker) Mask(s string) string {
	if m.r == nil {
		return s
	}
	return m.r.Replace(s)
}

// Secret is a string that must not be seen outside the raw evidence.
type Secret struct {
	What  string // "link", "room", "password", "name"
	Value string
}

// Weak reports whether a secret is so short or so plain that finding it says
// little: fewer than six letters and digits, or one or two lower-case words or
// short numbers.
func (s Secret) Weak() bool {
	words := strings.FieldsFunc(s.Value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	total, plain := 0, len(words) <= 2
	for _, w := range words {
		total += len(w)
		letters := strings.IndexFunc(w, func(r rune) bool { return !unicode.IsLower(r) }) < 0
		digits := strings.IndexFunc(w, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
		plain = plain && (letters || digits && len(w) < 9)
	}
	return total < 6 || plain
}

// Secrets lists what is secret about the target: the link, its path and the
// parts of it that name the room, values of its query, its fragment and the
// password; longest first.
func (t Target) Secrets() []Secret {
	var all []Secret
	add := func(what, value string, min int) {
		if len(value) >= min && !slices.ContainsFunc(all, func(s Secret) bool { return s.Value == value }) {
			all = append(all, Secret{what, value})
		}
	}
	add("password", t.Password, 1)
	if u, err := Link(t.Link); err == nil {
		add("link", t.Link, 1)
		add("link", strings.TrimPrefix(t.Link, u.Scheme+"://"), 1)
		if rest := u.RequestURI(); rest != "/" {
			add("room", rest, 2)
		}
		add("room", u.Path, 2)
		last := path.Base(u.Path)
		if ext := path.Ext(last); last != "/" && last != "." && ext == "" {
			add("room", last, 3)
		}
		for part := range strings.SplitSeq(u.Path, "/") { // some systems put the room before the last part
			if !(Secret{Value: part}).Weak() {
				add("room", part, 1)
			}
		}
		for _, values := range u.Query() {
			for _, v := range values {
				add("room", v, 3)
			}
		}
		add("room", u.Fragment, 3)
		if u.User != nil {
			add("password", u.User.String(), 1)
		}
	}
	slices.SortFunc(all, func(a, b Secret) int {
		return cmp.Or(cmp.Compare(len(b.Value), len(a.Value)), cmp.Compare(a.Value, b.Value))
	})
	return all
}

// Masker returns a masker for the target's secrets, in plain, percent-encoded
// and base64 form.
func (t Target) Masker() Masker {
	var pairs []string
	for _, s := range t.Secrets() {
		word := "[" + s.What + "]"
		if s.What == "link" {
			if u, err := Link(t.Link); err == nil && s.Value == t.Link {
				word = u.Scheme + "://" + u.Host + "/[link]"
			} else if err == nil {
				word = u.Host + "/[link]"
			}
		}
		if s.What == "room" && strings.HasPrefix(s.Value, "/") {
			word = "/[room]"
		}
		for _, form := range []string{s.Value, url.QueryEscape(s.Value), url.PathEscape(s.Value),
			base64.StdEncoding.EncodeToString([]byte(s.Value)), base64.RawURLEncoding.EncodeToString([]byte(s.Value))} {
			pairs = append(pairs, form, word)
		}
	}
	if len(pairs) == 0 {
		return Masker{}
	}
	return Masker{strings.NewReplacer(pairs...)}
}
