package tracking

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"vksprobe/probe"
)

// readICE puts the STUN and TURN servers that pages configured into the book,
// from the page hook and from chrome://webrtc-internals. A server that got no
// packet is in the book all the same, as configured.
func readICE(ctx context.Context, b *book) error {
	path := fmt.Sprintf("p%d/hook.jsonl", b.participant)
	_, err := b.rec.Lines(ctx, path, func(n int, raw []byte) {
		var l struct {
			Event struct {
				T    float64
				Kind string                        `json:"k"`
				URL  string                        `json:"u"`
				Data struct{ Cfg json.RawMessage } `json:"d"`
			} `json:"e"`
		}
		if json.Unmarshal(raw, &l) != nil {
			return
		}
		switch l.Event.Kind {
		case "pc.new", "pc.setConfiguration", "pc.getConfiguration":
			b.configured(l.Event.Data.Cfg, time.UnixMilli(int64(l.Event.T)).UTC(), l.Event.URL, "hook", b.rec.Cite(path, fmt.Sprintf("line=%d", n)))
		}
	})
	if err != nil {
		return err
	}
	path = fmt.Sprintf("p%d/internals.jsonl", b.participant)
	_, err = b.rec.Lines(ctx, path, func(n int, raw []byte) {
		var l struct {
			Time time.Time         `json:"t"`
			Call []json.RawMessage `json:"c"`
		}
		var event string
		if json.Unmarshal(raw, &l) != nil || len(l.Call) < 2 || json.Unmarshal(l.Call[0], &event) != nil || event != "add-peer-connection" {
			return
		}
		var pc struct {
			URL              string
			RTCConfiguration string
		}
		if json.Unmarshal(l.Call[1], &pc) == nil {
			b.configured(json.RawMessage(pc.RTCConfiguration), l.Time, pc.URL, "internals", b.rec.Cite(path, fmt.Sprintf("line=%d", n)))
		}
	})
	return err
}

// configured notes the servers of an RTCConfiguration.
func (b *book) configured(cfg json.RawMessage, at time.Time, by, source string, cite probe.Evidence) {
	var c struct {
		ICEServers []struct {
			URL  string
			URLs json.RawMessage
		}
	}
	if json.Unmarshal(cfg, &c) != nil {
		return
	}
	for _, s := range c.ICEServers {
		var urls []string
		var one string
		if json.Unmarshal(s.URLs, &one) == nil {
			urls = []string{one}
		} else {
			json.Unmarshal(s.URLs, &urls) // anything else is no server
		}
		for _, u := range append(urls, s.URL) {
			host, turn := iceHost(u)
			e := b.at(host, at, source, false)
			if e == nil {
				continue
			}
			add(&e.Mechanisms, "ice_server")
			if turn {
				add(&e.Mechanisms, "turn_server")
			}
			b.initiator(e, by)
			e.cite(cite)
		}
	}
}

// iceHost is the host of a STUN or TURN URI (RFC 7064, RFC 7065).
func iceHost(uri string) (host string, turn bool) {
	scheme, rest, ok := strings.Cut(uri, ":")
	switch strings.ToLower(scheme) {
	case "stun", "stuns":
	case "turn", "turns":
		turn = true
	default:
		ok = false
	}
	if !ok {
		return "", false
	}
	rest, _, _ = strings.Cut(rest, "?")
	if strings.HasPrefix(rest, "[") {
		rest, _, _ = strings.Cut(rest[1:], "]")
		return rest, turn
	}
	rest, _, _ = strings.Cut(rest, ":")
	return rest, turn
}
