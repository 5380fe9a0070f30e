package tracking

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"vksprobe/probe"
)

func TestFind(t *testing.T) {
	const (
		strong = "https://meet.example.org/Team-Ab3x9/join?pwd=Zx81kQ"
		plain  = "https://meet.example.org/meeting?video=true"
		bare   = "https://meet.example.org/"
		short  = "https://meet.example.org/abc"
	)
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, c := range map[string]struct{ link, password, text, want string }{
		"nothing":                  {strong, "", "https://cdn.example/a.js", ""},
		"whole link":               {strong, "", strong, "link plain"},
		"link in a parameter":      {strong, "", "dl=" + url.QueryEscape(strong), "link percent"},
		"link encoded twice":       {strong, "", "dl=" + url.QueryEscape(url.QueryEscape(strong)), "link percent"},
		"link in lower case":       {strong, "", strings.ToLower(strong), "link plain"},
		"link in JSON":             {strong, "", `{"u":"` + strings.ReplaceAll(strong, "/", `\/`) + `"}`, "link json"},
		"link in base64":           {strong, "", b64(strong), "link base64"},
		"base64 shifted by one":    {strong, "", b64(`{"u":"x` + strong + `"}`), "link base64"},
		"base64 shifted by two":    {strong, "", b64(`{"u":"xy` + strong + `"}`), "link base64"},
		"base64 in a parameter":    {strong, "", "d=" + url.QueryEscape(b64("??>"+strong)), "link base64"},
		"link in hex":              {strong, "", strings.ToUpper(hex.EncodeToString([]byte(strong))), "link hex"},
		"room before the end":      {strong, "", "room=Team-Ab3x9", "room plain"},
		"origin only":              {strong, "", "https://meet.example.org/", ""},
		"bare link is no secret":   {bare, "", "https://meet.example.org/", ""},
		"plain word elsewhere":     {plain, "", "https://cdn.example/meeting/meeting.js?x=true", ""},
		"plain word in the link":   {plain, "", "r=https://meet.example.org/meeting", "room plain"},
		"plain word, other scheme": {plain, "", "r=meet.example.org%2Fmeeting", "room percent"},
		"plain word as a value":    {plain, "", `{"room":"meeting"}`, "room plain weak"},
		"short word in a word":     {short, "", "room=abcdef", ""},
		"short word alone":         {short, "", "x=abc", ""},
		"short word in the link":   {short, "", "https://meet.example.org/abc", "link plain"},
		"password":                 {bare, "s3cr3t-pass", "pw=s3cr3t-pass", "password plain"},
		"password in a time stamp": {bare, "123456", "t=1731234567890", ""},
		"password as a value":      {bare, "123456", "p=123456&x=1", "password plain weak"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, m := range find(needles(probe.Target{Link: c.link, Password: c.password}), c.text, "meet.example.org") {
				s := m.what + " " + m.form
				if m.weak {
					s += " weak"
				}
				got = append(got, s)
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("found %q, want %q", s, c.want)
			}
		})
	}
}

// FuzzFind hides a secret in all forms at any place in any text.
func FuzzFind(f *testing.F) {
	f.Add("Room-Ab3x9", "x", "y")
	f.Add("Zx81kQ%2F", `{"a":"`, `"}`)
	f.Fuzz(func(t *testing.T, room, before, after string) {
		target := probe.Target{Link: "https://meet.example.org/" + url.PathEscape(room)}
		all := needles(target)
		find(all, before+room+after, "meet.example.org") // must come back
		if (probe.Secret{Value: room}).Weak() || len(room) < minEncoded || strings.ContainsAny(room, "%/.?#") || url.PathEscape(room) != room || len(room)+len(before)+len(after) > 10_000 {
			return
		}
		for _, text := range []string{
			before + " " + room + after, before + " " + url.QueryEscape(room) + after,
			base64.StdEncoding.EncodeToString([]byte(before + room + after)),
			base64.RawURLEncoding.EncodeToString([]byte(before + room + after)), hex.EncodeToString([]byte(room)),
		} {
			if len(find(all, text, "meet.example.org")) == 0 {
				t.Errorf("%q is not found in %q", room, text)
			}
		}
	})
}
