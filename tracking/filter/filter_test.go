package filter

import (
	"fmt"
	"strings"
	"testing"
)

func TestEasyPrivacyIsThePinnedOne(t *testing.T) {
	l, err := EasyPrivacy()
	if err != nil {
		t.Fatal(err)
	}
	if l.SHA256 != easyPrivacySHA256 || !strings.HasPrefix(l.Version, "2025-10") {
		t.Errorf("version %q, SHA-256 %s", l.Version, l.SHA256)
	}
	t.Logf("%d rules, ignored %v, %d without a word", l.Rules, l.Ignored, chainLength(l))
	if l.Rules < 54000 {
		t.Errorf("only %d rules are in use", l.Rules)
	}
	for reason, n := range l.Ignored {
		if reason == "syntax" || reason == "regexp" || n > 100 {
			t.Errorf("%d rules are ignored for %s", n, reason)
		}
	}
}

func chainLength(l *List) int {
	n := 0
	for i := l.rest; i >= 0; i = l.all[i].next {
		n++
	}
	return n
}

// TestCanaries fails if somebody exchanges the list for one of the copies in
// which rules for well-known trackers are commented out.
func TestCanaries(t *testing.T) {
	l, err := EasyPrivacy()
	if err != nil {
		t.Fatal(err)
	}
	for link, want := range map[string]string{
		"https://static.hotjar.com/c/hotjar-1.js":                      "||hotjar.com^$third-party",
		"https://api-js.mixpanel.com/track/":                           "||mixpanel.com^$third-party",
		"https://o1.ingest.sentry.io/api/1/envelope/?sentry_key=x":     "sentry",
		"https://www.google-analytics.com/g/collect?v=2":               "google-analytics.com",
		"https://bam.nr-data.net/1/x":                                  "nr-data.net",
		"https://rs.fullstory.com/rec/page":                            "fullstory.com",
		"https://api2.amplitude.com/2/httpapi":                         "amplitude.com",
		"https://www.googletagmanager.com/gtag/js?id=G-1":              "||googletagmanager.com^",
		"https://stats.example.net/matomo.php?action_name=x&idsite=1&": ".php?action_name=",
	} {
		r, ok := NewRequest(link, "meet.example.org", Script)
		if !ok {
			t.Fatal(link)
		}
		m := l.Match(r)
		if !m.Listed() || !strings.Contains(m.Rule, want) {
			t.Errorf("%s: %+v, want a rule with %s", link, m, want)
		}
	}
	for _, link := range []string{
		"https://meet.example.org/", "https://meet.example.org/libs/app.bundle.min.js?v=1234",
		"https://meet.example.org/http-bind?room=x", "https://fonts.gstatic.com/s/roboto/v1/x.woff2",
		"https://cdn.jsdelivr.net/npm/vue@3/dist/vue.global.js", "wss://meet.example.org/xmpp-websocket?room=x",
	} {
		r, _ := NewRequest(link, "meet.example.org", XHR)
		if m := l.Match(r); m.Listed() {
			t.Errorf("%s is listed by %s", link, m.Rule)
		}
	}
}

// case of TestRules: a list, and requests as "URL document type".
var ruleCases = []struct {
	name, list string
	hit, miss  []string
}{
	{"substring", "/banner/x.", []string{"http://a.test/banner/x.gif d.test image"}, []string{"http://a.test/banner/y.gif d.test image"}},
	{"case does not matter", "/BanneR/", []string{"http://a.test/bAnner/x d.test image"}, nil},
	{"case matters", "/BanneR/*$match-case", []string{"http://a.test/BanneR/x d.test image"}, []string{"http://a.test/banner/x d.test image"}},
	{"wildcard", "/a*b/c", []string{"http://x.test/a--b/c d.test image", "http://x.test/ab/c d.test image"}, []string{"http://x.test/b/a/c d.test image"}},
	{"separator", "/ad^", []string{"http://x.test/ad d.test image", "http://x.test/ad?1 d.test image", "http://x.test/ad/ d.test image"},
		[]string{"http://x.test/ads d.test image", "http://x.test/ad-1 d.test image", "http://x.test/ad%20 d.test image"}},
	{"separators at the end", "/ad^^", []string{"http://x.test/ad d.test image", "http://x.test/ad?& d.test image", "http://x.test/ad? d.test image"}, nil},
	{"host", "||example.com^", []string{"https://example.com/ d.test image", "https://a.example.com:8443/x d.test image", "wss://example.com d.test websocket", "https://user:p@example.com/ d.test image", "https://example.com./ d.test image", "https://EXAMPLE.com/ d.test image"},
		[]string{"https://notexample.com/ d.test image", "https://example.com.evil.test/ d.test image", "https://x.test/?u=https://example.com/ d.test image", "https://example.com@x.test/ d.test image"}},
	{"host and path", "||example.com/ads/*^x", []string{"https://a.example.com/ads/1/x d.test image"}, []string{"https://example.com/ad/1/x d.test image"}},
	{"part of a host", "||ads.", []string{"https://ads.example.com/ d.test image", "https://x.ads.example.com/ d.test image"}, []string{"https://bads.example.com/ d.test image"}},
	{"open host", "||example", []string{"https://example.com/ d.test image", "https://examples.com/ d.test image"}, []string{"https://myexample.com/ d.test image"}},
	{"host with wildcard", "||ads*.example.com^", []string{"https://ads12.example.com/ d.test image"}, []string{"https://example.com/ads.example.co d.test image"}},
	{"address", "||192.0.2.1^$third-party", []string{"https://192.0.2.1/ d.test image"}, []string{"https://192.0.2.1/ 192.0.2.1 image", "https://192.0.2.11/ d.test image"}},
	{"address of version 6", "||[2001:db8::1]^", []string{"https://[2001:db8::1]:8443/ d.test image"}, []string{"https://[2001:db8::11]/ d.test image"}},
	{"begin", "|https://a.", []string{"https://a.test/ d.test image"}, []string{"http://x.test/?https://a.test d.test image"}},
	{"end", "/x.js|", []string{"https://a.test/x.js d.test script", "https://a.test/x.js/x.js d.test script"}, []string{"https://a.test/x.js?1 d.test script"}},
	{"end after a wildcard", "||a.test/*/x|", []string{"https://a.test/1/x/y/x d.test script"}, []string{"https://a.test/1/x/y d.test script"}},
	{"asterisks at the edges", "*|x|*$script", []string{"https://a.test/|x| d.test script"}, []string{"https://a.test/x d.test script"}},
	{"third party", "||t.test^$third-party", []string{"https://a.t.test/ d.test image"}, []string{"https://a.t.test/ b.t.test image"}},
	{"first party", "||t.test^$~third-party", []string{"https://a.t.test/ b.t.test image"}, []string{"https://a.t.test/ d.test image"}},
	{"parties below a public suffix", "||t.co.uk^$3p", []string{"https://t.co.uk/ d.co.uk image"}, []string{"https://a.t.co.uk/ t.co.uk image"}},
	{"strict party", "||t.test^$strict3p", []string{"https://a.t.test/ b.t.test image"}, []string{"https://a.t.test/ a.t.test image"}},
	{"no document", "||t.test^$third-party", nil, []string{"https://a.t.test/ - image"}},
	{"type", "/x$script,xhr", []string{"https://a.test/x d.test script", "https://a.test/x d.test fetch"}, []string{"https://a.test/x d.test image", "https://a.test/x d.test document"}},
	{"not a type", "/x$~script", []string{"https://a.test/x d.test image", "https://a.test/x d.test ping"}, []string{"https://a.test/x d.test script"}},
	{"documents are not meant", "||t.test^", []string{"https://t.test/ d.test iframe"}, []string{"https://t.test/ d.test document"}},
	{"documents are meant", "||t.test^$document", []string{"https://t.test/ d.test document"}, []string{"https://t.test/ d.test image"}},
	{"popups are no requests", "||t.test^$popup", nil, []string{"https://t.test/ d.test image"}},
	{"domain", "/x$domain=d.test|e.test", []string{"https://a.test/x d.test image", "https://a.test/x www.e.test image"}, []string{"https://a.test/x notd.test image", "https://a.test/x - image"}},
	{"not a domain", "/x$domain=~d.test", []string{"https://a.test/x e.test image"}, []string{"https://a.test/x a.d.test image"}},
	{"domain but not below", "/x$domain=d.test|~a.d.test", []string{"https://a.test/x d.test image"}, []string{"https://a.test/x a.d.test image"}},
	{"entity", "/x$domain=google.*", []string{"https://a.test/x www.google.de image", "https://a.test/x google.co.uk image"}, []string{"https://a.test/x google.evil.com image", "https://a.test/x notgoogle.de image"}},
	{"only a domain", "$script,domain=d.test", []string{"https://a.test/x d.test script"}, []string{"https://a.test/x e.test script"}},
	{"denyallow", "*$script,denyallow=ok.test,domain=d.test", []string{"https://a.test/x d.test script"}, []string{"https://www.ok.test/x d.test script"}},
	{"to", "/x$to=a.test", []string{"https://www.a.test/x d.test script"}, []string{"https://b.test/x d.test script"}},
	{"method", "/x$method=post", []string{"https://a.test/x d.test xhr post"}, []string{"https://a.test/x d.test xhr get", "https://a.test/x d.test xhr"}},
	{"not a method", "/x$method=~post", []string{"https://a.test/x d.test xhr get"}, []string{"https://a.test/x d.test xhr post", "https://a.test/x d.test xhr"}},
	{"exception", "||t.test^\n@@||t.test/ok^", []string{"https://t.test/ d.test image"}, []string{"https://t.test/ok d.test image"}},
	{"exception for others", "||t.test^\n@@||t.test^$domain=e.test", []string{"https://t.test/ d.test image"}, []string{"https://t.test/ e.test image"}},
	{"important", "||t.test/x^$important\n||t.test^\n@@||t.test^", []string{"https://t.test/x d.test image"}, []string{"https://t.test/ d.test image"}},
	{"more important", "||t.test^$important\n@@||t.test^$important", nil, []string{"https://t.test/ d.test image"}},
	{"badfilter", "||t.test^$script,third-party\n||t.test^$third-party,badfilter,script\n||u.test^", []string{"https://u.test/ d.test script"}, []string{"https://t.test/ d.test script"}},
	{"badfilter of something else", "||t.test^$script\n||t.test^$image,badfilter", []string{"https://t.test/ d.test script"}, nil},
	{"expression", `/^https?:\/\/a\.test\/[0-9]{3}\.js/$script`, []string{"https://a.test/123.js d.test script", "https://A.test/123.JS d.test script"}, []string{"https://a.test/12.js d.test script"}},
	{"expression with case", `/\/Ab[cd]/$match-case`, []string{"https://a.test/Abc d.test script"}, []string{"https://a.test/abc d.test script"}},
	{"expression without options", `/a(b|c)d/`, []string{"https://a.test/xacdx d.test script"}, []string{"https://a.test/ad d.test script"}},
	{"replaced", "||t.test/x.js$script,redirect=noop.js\n||t.test/y.js$rewrite=abp-resource:blank-js,domain=d.test", []string{"https://t.test/x.js d.test script", "https://t.test/y.js d.test script"}, nil},
	{"dollar in a pattern", "/a$b/c", []string{"https://t.test/a$b/c d.test script"}, []string{"https://t.test/a d.test script"}},
	{"conditions", "!#if ext_ublock\n||a.test^\n!#else\n||b.test^\n!#endif\n!#if !env_safari && env_chromium\n||c.test^\n!#endif\n!#if env_firefox || cap_html_filtering\n||d.test^\n!#if env_chromium\n||e.test^\n!#endif\n!#endif",
		[]string{"https://b.test/ x.test image", "https://c.test/ x.test image"}, []string{"https://a.test/ x.test image", "https://d.test/ x.test image", "https://e.test/ x.test image"}},
	{"comments and cosmetics", "[Adblock Plus 2.0]\n! ||a.test^\nb.test##.ad\nb.test#@#.ad\nc.test##+js(x, /a.test/)\n||z.test^", []string{"https://z.test/ x.test image"}, []string{"https://a.test/ x.test image", "https://b.test/ x.test image"}},
	{"not about requests", "||a.test^$removeparam=utm\n||b.test^$csp=script-src 'none'\n||c.test^$redirect-rule=noop.js\n||z.test^", []string{"https://z.test/ x.test image"},
		[]string{"https://a.test/ x.test image", "https://b.test/ x.test document", "https://c.test/ x.test script"}},
	{"everything is nothing", "*\n||\n^\n||z.test^", []string{"https://z.test/ x.test image"}, []string{"https://a.test/ x.test image"}},
	{"without a scheme", "||a.test^", nil, []string{"data:text/html,a.test d.test image", "a.test d.test image"}},
	{"bytes above ASCII are no separators", "/ad^", nil, []string{"https://a.test/ad\xc3\xa4 d.test image"}},
}

// request reads "URL document type [method]".
func request(t testing.TB, s string) (*Request, bool) {
	f := strings.Fields(s)
	if len(f) < 3 {
		t.Fatalf("no request: %q", s)
	}
	r, ok := NewRequest(f[0], strings.TrimPrefix(f[1], "-"), TypeOf(f[2]))
	if ok && len(f) > 3 {
		r.Method = f[3]
	}
	return r, ok
}

func TestRules(t *testing.T) {
	for _, c := range ruleCases {
		t.Run(c.name, func(t *testing.T) {
			l, err := Parse("test", []byte(c.list))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range c.hit {
				r, ok := request(t, s)
				if !ok || !l.Match(r).Listed() {
					t.Errorf("%s is not listed", s)
				}
			}
			for _, s := range c.miss {
				if r, ok := request(t, s); ok && l.Match(r).Listed() {
					t.Errorf("%s is listed by %s", s, l.Match(r).Rule)
				}
			}
		})
	}
}

func TestMatchSaysWhich(t *testing.T) {
	l, err := Parse("test", []byte("! Version: 7\n\n||t.test^\n@@||t.test/ok$image\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := request(t, "https://t.test/ok d.test image")
	if got, want := l.Match(r), (Match{"||t.test^", 3, "@@||t.test/ok$image"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if l.Version != "7" || l.Rules != 2 {
		t.Errorf("version %q, %d rules", l.Version, l.Rules)
	}
}

func TestIgnored(t *testing.T) {
	l, err := Parse("test", []byte("||a.test^\n||b.test^$removeparam=x\n||c.test^$frobnicate\n0.0.0.0 d.test\ne.test##.ad\n/(?=x)y/\n!#if false\n||f.test^\n!#endif\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := "map[condition:1 cosmetic:1 frobnicate:1 regexp:1 removeparam:1 syntax:1]"
	if got := fmt.Sprint(l.Ignored); got != want {
		t.Errorf("ignored %s, want %s", got, want)
	}
}

func TestNoList(t *testing.T) {
	for _, text := range []string{"", "<!DOCTYPE html>\n<title>404 not found</title>\n", "! only a comment\n", "127.0.0.1 localhost\n"} {
		if l, err := Parse("x", []byte(text)); err == nil {
			t.Errorf("%q is a list with %d rules", text, l.Rules)
		}
	}
}
