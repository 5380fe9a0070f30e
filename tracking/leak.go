package tracking

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
)

// maxSearched bounds one text that is searched, in bytes.
const maxSearched = 1 << 20

// A sending is something that a page sent, as far as the evidence shows it.
type sending struct {
	url     string
	at      time.Time
	headers map[string]string
	body    string
	frame   string // of a WebSocket
	cite    probe.Evidence
}

// search finds the target's secrets in what pages send.
type search struct {
	b     *book
	found map[string]bool
	out   []probe.Observation
}

func newSearch(b *book) *search { return &search{b: b, found: map[string]bool{}} }

// A hit is a secret in a sending. It becomes an observation when it is sure
// that the sending left the browser.
type hit struct {
	Leaked
	at   time.Time
	cite probe.Evidence
}

// look searches one sending. Hosts of the meeting itself are meant to know.
func (s *search) look(x sending) []hit {
	host := hostOf(x.url)
	party := s.b.owner.party(host)
	if host == "" || party == First || party == OwnBrowser {
		return nil
	}
	var hits []hit
	text := func(where, text string) {
		if len(text) > maxSearched {
			text = text[:maxSearched]
		}
		for _, m := range find(s.b.owner.needles, text, s.b.owner.host) {
			hits = append(hits, hit{Leaked{Participant: s.b.participant, Host: host, Party: party, What: m.what, Where: where,
				Form: m.form, Weak: m.weak, URL: s.b.link(x.url)}, x.at, x.cite})
		}
	}
	text("url", x.url)
	text("body", x.body)
	text("websocket", x.frame)
	for _, name := range sortedKeys(x.headers, strings.Compare) {
		switch strings.ToLower(name) {
		case "host", "origin": // the name of a host at most
		case ":authority", ":method", ":path", ":scheme": // the URL once more
		case "referer":
			text("referer", x.headers[name])
		default:
			text("header", x.headers[name])
		}
	}
	return hits
}

// add keeps hits that are new for the host, phase, place and secret.
func (s *search) add(hits []hit) {
	for _, h := range hits {
		phase := s.b.rec.Timeline.At(s.b.participant, h.at)
		key := fmt.Sprint(h.Host, phase, h.Where, h.What)
		if s.found[key] {
			continue
		}
		if len(s.out) >= maxLeaks {
			s.b.full = true
			return
		}
		s.found[key] = true
		h.Host = s.b.host(h.Host)
		s.out = append(s.out, Leak.New("host:"+h.Host, phase, h.at, h.Leaked, h.cite))
	}
}

// observations are the leaks in order of time.
func (s *search) observations() []probe.Observation {
	slices.SortStableFunc(s.out, func(a, b probe.Observation) int { return a.Time.Compare(b.Time) })
	return s.out
}

// headers splits "name: value" lines. A name that comes twice keeps both
// values. Pseudo headers repeat the URL.
func headers(lines []string) map[string]string {
	h := map[string]string{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ": ")
		if !ok || strings.HasPrefix(name, ":") {
			continue
		}
		if before, twice := h[name]; twice {
			value = before + "\n" + value
		}
		h[name] = value
	}
	return h
}
