package webrtc

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"vksprobe/probe"
)

// internalsLog is what chrome://webrtc-internals was told of one participant.
type internalsLog struct {
	probe.Extent
	path     string
	last     time.Time // of the last line
	accounts []*account
	captures []*capture
	tracks   map[string]string // device by identifier of the track

	rec  *probe.Record
	mask probe.Masker
	open map[internalsID]*account
	asks map[internalsID]*capture
}

// internalsID names a connection or a capture call within one browser.
type internalsID struct{ Frame, Number int64 }

// internalsPeer is the argument of the events about a connection.
type internalsPeer struct {
	Frame   int64  `json:"rid"`
	Number  int64  `json:"lid"`
	URL     string `json:"url"`
	Config  string `json:"rtcConfiguration"` // JSON
	Type    string `json:"type"`
	Value   string `json:"value"` // JSON, or ""
	Reports [][]json.RawMessage
}

// internalsMedia is the argument of the events about a capture call. Audio
// and Video are constraints; they are absent when the kind was not asked for.
type internalsMedia struct {
	Frame   int64   `json:"rid"`
	Number  int64   `json:"request_id"`
	Request string  `json:"request_type"`
	Audio   *string `json:"audio"`
	Video   *string `json:"video"`
	AudioOK string  `json:"audio_track_info"` // JSON of a track or null
	VideoOK string  `json:"video_track_info"`
}

func readInternals(ctx context.Context, rec *probe.Record, participant int) (*internalsLog, error) {
	in := &internalsLog{path: fmt.Sprintf("p%d/internals.jsonl", participant), rec: rec, mask: rec.Target.Masker(),
		tracks: map[string]string{}, open: map[internalsID]*account{}, asks: map[internalsID]*capture{}}
	var err error
	in.Extent, err = rec.Lines(ctx, in.path, func(n int, raw []byte) {
		var l struct {
			Time time.Time         `json:"t"`
			Call []json.RawMessage `json:"c"`
		}
		var name string
		if json.Unmarshal(raw, &l) != nil || len(l.Call) < 2 || json.Unmarshal(l.Call[0], &name) != nil {
			return
		}
		in.last = l.Time
		in.call(name, l.Call[1], l.Time, n)
	})
	return in, err
}

func (in *internalsLog) call(name string, arg json.RawMessage, at time.Time, line int) {
	switch name {
	case "add-media", "update-media":
		var m internalsMedia
		if json.Unmarshal(arg, &m) == nil {
			in.media(name == "add-media", m, at, line)
		}
		return
	case "add-peer-connection", "update-peer-connection", "add-standard-stats", "remove-peer-connection":
	default:
		return
	}
	var p internalsPeer
	if json.Unmarshal(arg, &p) != nil {
		return
	}
	id := internalsID{p.Frame, p.Number}
	a := in.open[id]
	switch {
	case name == "add-peer-connection":
		if len(in.accounts) >= maxAccounts {
			return
		}
		a = &account{source: "internals", mask: in.mask, created: at, cite: in.rec.Cite(in.path, fmt.Sprintf("line=%d", line))}
		a.Frame = clip(in.mask.Mask(p.URL), maxURL)
		a.configure(at, json.RawMessage(p.Config), "internals")
		in.accounts = append(in.accounts, a)
		in.open[id] = a
	case a == nil:
	case name == "remove-peer-connection":
		delete(in.open, id)
	case name == "add-standard-stats":
		raw := make([]json.RawMessage, 0, len(p.Reports))
		for _, r := range p.Reports {
			if len(r) == 2 {
				raw = append(raw, r[1])
			}
		}
		if len(raw) > 0 {
			a.stats(at, readStats(raw))
		}
	default:
		in.update(a, p, at)
	}
}

func (in *internalsLog) update(a *account, p internalsPeer, at time.Time) {
	var text string
	var v struct{ Type, SDP, Candidate, RelayProtocol, Label string }
	switch p.Type {
	case "onconnectionstatechange":
		if json.Unmarshal([]byte(p.Value), &text) == nil {
			a.state(text)
		}
		return
	case "close":
		a.closed = at
		a.state("closed")
		return
	case "setConfiguration":
		a.configure(at, json.RawMessage(p.Value), "internals")
		return
	}
	if json.Unmarshal([]byte(p.Value), &v) != nil {
		return
	}
	switch p.Type {
	case "setLocalDescriptionOnSuccess":
		a.describe(at, true, v.Type, v.SDP)
	case "setRemoteDescription":
		a.describe(at, false, v.Type, v.SDP)
	case "onicecandidate":
		a.candidate(v.Candidate, v.RelayProtocol)
	case "addIceCandidate":
		if c, ok := parseCandidate(v.Candidate); ok {
			a.remote.candidate(c)
		}
	case "createDataChannel", "ondatachannel":
		a.channel(v.Label)
	}
}

func (in *internalsLog) media(asking bool, m internalsMedia, at time.Time, line int) {
	id := internalsID{m.Frame, m.Number}
	video, audio := camera, microphone
	if m.Request == "getDisplayMedia" {
		video, audio = screen, screen
	}
	if asking {
		if len(in.captures) >= maxCaptures {
			return
		}
		c := &capture{time: at, line: line}
		if m.Audio != nil {
			c.devices = append(c.devices, audio)
		}
		if m.Video != nil && !slices.Contains(c.devices, video) {
			c.devices = append(c.devices, video)
		}
		in.captures = append(in.captures, c)
		in.asks[id] = c
		return
	}
	c := in.asks[id]
	if c == nil {
		return
	}
	in.grant(c, audio, m.AudioOK)
	in.grant(c, video, m.VideoOK)
}

func (in *internalsLog) grant(c *capture, device, info string) {
	var t struct{ ID string }
	if json.Unmarshal([]byte(info), &t) != nil || t.ID == "" {
		return
	}
	if len(in.tracks) < maxTracks {
		in.tracks[clip(t.ID, 128)] = device
	}
	if !slices.Contains(c.granted, device) {
		c.granted = append(c.granted, device)
	}
}
