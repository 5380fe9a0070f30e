package tracking

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
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
			Time  time.Time `json:"t"`
			Event struct {
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
			b.configured(l.Event.Data.Cfg, l.Time, l.Event.URL, "hook", b.rec.Cite(path, fmt.Sprintf("line=%d", n)))
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
		if json.Unmarshal(raw, &l) != nil || len(l.Call) < 2 || json.Unmarshal(l.Call[0], &event) != nil {
			return
		}
		var pc struct {
			URL              string
			RTCConfiguration string
			Type, Value      string
		}
		if json.Unmarshal(l.Call[1], &pc) != nil {
			return
		}
		config := pc.RTCConfiguration
		switch {
		case event == "update-peer-connection" && pc.Type == "setConfiguration":
			config = pc.Value
		case event != "add-peer-connection":
			return
		}
		b.configured(json.RawMessage(config), l.Time, pc.URL, "internals", b.rec.Cite(path, fmt.Sprintf("line=%d", n)))
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
			host, port, turn := iceServer(u)
			e := b.at(host, at, source, false)
			if e == nil {
				continue
			}
			if hosts := b.ice[port]; !slices.Contains(hosts, host) {
				b.ice[port] = append(hosts, host)
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

// iceServer reads host and port of a STUN or TURN URI (RFC 7064, RFC 7065);
// the host is "" if it is none.
func iceServer(uri string) (host string, port int, turn bool) {
	scheme, rest, ok := strings.Cut(uri, ":")
	port = 3478
	switch strings.ToLower(scheme) {
	case "stun":
	case "stuns":
		port = 5349
	case "turn":
		turn = true
	case "turns":
		turn, port = true, 5349
	default:
		ok = false
	}
	if !ok {
		return "", 0, false
	}
	rest, _, _ = strings.Cut(rest, "?")
	if h, p, err := net.SplitHostPort(rest); err == nil {
		if n, err := strconv.Atoi(p); err == nil {
			port = n
		}
		return h, port, turn
	}
	return strings.Trim(rest, "[]"), port, turn
}
