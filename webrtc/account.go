package webrtc

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
)

// Bounds on what a page can make one connection carry.
const (
	maxAccounts   = 512 // connections of one participant and source
	maxCandidates = 64
	maxServers    = 64
	maxStates     = 64
	maxChannelsOf = 64
	maxURL        = 512

	// Of those of the beginning and of the end each.
	maxConfigurations = 8
	maxDescriptions   = 12
	maxTransforms     = 32
	maxWorkers        = 8
)

// An account is what one source says of a connection. Peer holds the part
// that can be taken over as it is.
type account struct {
	Peer
	source        string // "hook" or "internals"
	mask          probe.Masker
	created       time.Time
	cite          probe.Evidence
	local, remote description
	closed        time.Time // zero while it is open

	certificates map[string][]byte // DER by side, "local" or "remote", from the statistics

	readings  []time.Time // of the statistics
	before    map[string]stat
	intervals []interval
}

// describe adds a session description that was set.
func (a *account) describe(at time.Time, local bool, typ, sdp string) {
	d := &a.remote
	if local {
		d = &a.local
	}
	told := d.read(sdp)
	a.SDES = a.SDES || d.sdes
	told.Time, told.Local, told.Type = at.UTC(), local, clip(typ, 16)
	for i := range told.Sections {
		told.Sections[i].MID = a.mask.Mask(told.Sections[i].MID)
	}
	a.Descriptions = window(a.Descriptions, told, maxDescriptions)
}

// window appends to a list that keeps its first and its last n elements.
func window[T any](all []T, v T, n int) []T {
	if len(all) >= 2*n {
		all = slices.Delete(all, n, n+1)
	}
	return append(all, v)
}

// state adds a connection state.
func (a *account) state(s string) {
	if len(a.States) < maxStates && (len(a.States) == 0 || last(a.States) != s) {
		a.States = append(a.States, clip(s, 32))
	}
}

// candidate adds a local candidate.
func (a *account) candidate(text, relay string) {
	c, ok := parseCandidate(text)
	c.Relay = clip(relay, 16)
	if ok && len(a.Candidates) < maxCandidates && !slices.Contains(a.Candidates, c) {
		a.Candidates = append(a.Candidates, c)
	}
}

// channel adds a data channel.
func (a *account) channel(label string) {
	if label = clip(a.mask.Mask(label), 128); len(a.DataChannels) < maxChannelsOf && !slices.Contains(a.DataChannels, label) {
		a.DataChannels = append(a.DataChannels, label)
	}
}

// configure adds the ICE servers of an RTCConfiguration.
func (a *account) configure(at time.Time, raw json.RawMessage, source string) {
	var cfg struct {
		ICEServers []json.RawMessage `json:"iceServers"`
		Insertable bool              `json:"encodedInsertableStreams"`
		Transport  string            `json:"iceTransportPolicy"`
		Bundle     string            `json:"bundlePolicy"`
		Mux        string            `json:"rtcpMuxPolicy"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &cfg) != nil {
		return
	}
	now := Configuration{Time: at.UTC(), Source: source, Servers: []string{}, EncodedStreams: cfg.Insertable,
		TransportPolicy: clip(cfg.Transport, 16), BundlePolicy: clip(cfg.Bundle, 16), MuxPolicy: clip(cfg.Mux, 16)}
	a.Transform = a.Transform || cfg.Insertable
	for _, raw := range cfg.ICEServers {
		var s struct {
			URL, URLs json.RawMessage
			Username  string
		}
		if json.Unmarshal(raw, &s) != nil {
			continue
		}
		for _, link := range append(oneOrMany(s.URLs), oneOrMany(s.URL)...) {
			a.server(link, s.Username != "", source)
			if len(now.Servers) < maxServers {
				now.Servers = append(now.Servers, clip(a.mask.Mask(link), maxURL))
			}
		}
	}
	if n := len(a.Configurations); n == 0 || now.changes(a.Configurations[n-1]) {
		a.Configurations = window(a.Configurations, now, maxConfigurations)
	}
}

// changes reports whether a configuration differs from the one before. What
// is not given stays as it was, or is the default.
func (c Configuration) changes(before Configuration) bool {
	differ := func(now, before, standard string) bool { return first(now, standard) != first(before, standard) }
	return !slices.Equal(c.Servers, before.Servers) || c.EncodedStreams != before.EncodedStreams || differ(c.TransportPolicy, before.TransportPolicy, "all") ||
		differ(c.BundlePolicy, before.BundlePolicy, "balanced") || differ(c.MuxPolicy, before.MuxPolicy, "require")
}

func (a *account) server(link string, credential bool, source string) {
	link = clip(a.mask.Mask(link), maxURL)
	s := ICEServer{URL: link, Host: iceHost(link), Credential: credential, Source: source}
	if s.Host != "" && len(a.ICEServers) < maxServers && !slices.Contains(a.ICEServers, s) {
		a.ICEServers = append(a.ICEServers, s)
	}
}

// oneOrMany reads a string or a list of strings.
func oneOrMany(raw json.RawMessage) []string {
	var one string
	var many []string
	if len(raw) == 0 {
		return nil
	}
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	if json.Unmarshal(raw, &many) != nil {
		return nil
	}
	return many
}

// iceHost returns the host of "turn:host:port?transport=udp" in lower case, ""
// if that is not what the link is.
func iceHost(link string) string {
	scheme, rest, ok := strings.Cut(link, ":")
	if !ok || !slices.Contains([]string{"stun", "stuns", "turn", "turns"}, strings.ToLower(scheme)) {
		return ""
	}
	u, err := url.Parse("//" + strings.TrimPrefix(rest, "//"))
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
