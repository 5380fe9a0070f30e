package webrtc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
)

// devices derives what became of the devices of one participant.
type devices struct {
	rec         *probe.Record
	participant int
	hook        *hookLog
	internals   *internalsLog
	packets     *packets
	peers       []*peer
}

// settling is how long a page may take to follow our click, or to stop when
// it is left. It is also the resolution of the statistics.
const settling = time.Second

// lag bounds how much later than the hook webrtc-internals may hear of a
// capture, or the other way round, on a busy machine.
const lag = 3 * time.Second

// observe emits each device in each phase in which the browser was open.
func (d devices) observe(emit func(probe.Observation)) {
	for _, span := range d.rec.Timeline.Spans() {
		if span.Participant != d.participant || span.Phase == probe.Preflight {
			continue
		}
		for _, device := range []string{camera, microphone, screen} {
			subject := fmt.Sprintf("media:%d/%s", d.participant, device)
			s, ev := d.until(span.End).state(device, span)
			o := Device.New(subject, span.Phase, span.Start, s, ev...)
			if len(s.Sources) == 0 {
				o.Failure = probe.EvidenceUnreadable
			}
			emit(o)
		}
	}
}

// until leaves out the sources that were cut off before t: what they do not
// show may have happened nevertheless.
func (d devices) until(t time.Time) devices {
	if d.hook.Cut && d.hook.last.Before(t) {
		d.hook = &hookLog{path: d.hook.path}
	}
	if d.internals.Cut && d.internals.last.Before(t) {
		d.internals = &internalsLog{path: d.internals.path}
	}
	if d.packets.Cut && d.packets.last.Before(t) {
		d.packets = &packets{path: d.packets.path}
	}
	return d
}

// window is the part of a phase that shows the state of a device. After we
// switched it off, or left, the page gets a moment to comply.
func (d devices) window(device string, span probe.Span) (from, to time.Time) {
	from = span.Start
	if span.Phase == probe.Muted || span.Phase == probe.Left {
		for _, m := range d.rec.Timeline {
			if d.acts(m, device) && !m.Time.Before(span.Start) && m.Time.Before(span.End) {
				from = m.Time
			}
		}
		from = from.Add(settling)
	}
	return from, span.End
}

// acts reports whether our driver operated the control of a device: its
// actions are called "click camera", "click microphone off", ….
func (d devices) acts(m probe.Mark, device string) bool {
	what, ok := strings.CutPrefix(m.Action, "click ")
	return ok && m.Participant == d.participant && strings.HasPrefix(what, device)
}

// acted reports whether our driver operated the device's control before t and
// in the same phase.
func (d devices) acted(device string, t time.Time) bool {
	phase := d.rec.Timeline.At(d.participant, t)
	return slices.ContainsFunc(d.rec.Timeline, func(m probe.Mark) bool {
		return d.acts(m, device) && !m.Time.After(t) && d.rec.Timeline.At(d.participant, m.Time) == phase
	})
}

func (d devices) state(device string, span probe.Span) (DeviceState, []probe.Evidence) {
	from, to := d.window(device, span)
	s := DeviceState{Participant: d.participant, Device: device, Sources: []string{}}
	var ev []probe.Evidence
	if d.hook.Found {
		s.Sources = append(s.Sources, "hook")
		ev = append(ev, d.cite(d.hook.path, d.hook.captures, device, span)...)
		d.tracks(&s, device, from, to)
	}
	if d.internals.Found {
		s.Sources = append(s.Sources, "internals")
		ev = append(ev, d.cite(d.internals.path, d.internals.captures, device, span)...)
	}
	if d.packets.Found {
		s.Sources = append(s.Sources, "packets")
		ev = append(ev, d.rec.Cite(d.packets.path, ""))
	}
	calls := d.hook.captures
	if !d.hook.Found {
		calls = d.internals.captures
	}
	s.Requested, s.Granted = count(calls, device, span.Start, span.End)
	if !s.Live && s.Requested > 0 {
		s.ByUser = !slices.ContainsFunc(calls, func(c *capture) bool {
			return slices.Contains(c.devices, device) && within(c.time, span.Start, span.End) && !d.acted(device, c.time)
		})
	}
	d.compareCaptures(&s, device, span.End)
	hook := d.statistics(device, from, to, func(p *peer) *account { return p.hook }, d.hook.Found)
	internals := d.statistics(device, from, to, func(p *peer) *account { return p.internals }, d.internals.Found)
	wire := d.wire(device, from, to)
	best := internals
	if hook.packets > best.packets {
		best = hook
	}
	s.Packets, s.Bytes, s.Frames, s.Energy = best.packets, best.bytes, best.frames, best.energy
	s.WirePackets, s.WireBytes = wire.packets, wire.bytes
	s.State = d.decide(&s, to, hook, internals, wire)
	return s, ev
}

// maxCited bounds the capture calls that one observation cites.
const maxCited = 8

// cite points to the capture calls of the phase, or to the whole file, which
// shows that there were none.
func (d devices) cite(path string, all []*capture, device string, span probe.Span) (ev []probe.Evidence) {
	for _, c := range all {
		if within(c.time, span.Start, span.End) && slices.Contains(c.devices, device) && len(ev) < maxCited {
			ev = append(ev, d.rec.Cite(path, fmt.Sprintf("line=%d", c.line)))
		}
	}
	if len(ev) == 0 {
		ev = append(ev, d.rec.Cite(path, ""))
	}
	return ev
}

// count counts the capture calls for a device that began in a stretch of
// time.
func count(all []*capture, device string, from, to time.Time) (requested, granted int) {
	for _, c := range all {
		if !within(c.time, from, to) || !slices.Contains(c.devices, device) {
			continue
		}
		requested++
		if slices.Contains(c.granted, device) {
			granted++
		}
	}
	return requested, granted
}

func within(t, from, to time.Time) bool { return !t.Before(from) && t.Before(to) }

// tracks fills in what the hook knows of the device's tracks.
func (d devices) tracks(s *DeviceState, device string, from, to time.Time) {
	user, on := true, false
	for _, t := range d.hook.tracks {
		if t.device != device || !t.captured || !t.live(from, to) {
			continue
		}
		s.Live = true
		enabled, since := t.on(from, to)
		s.Enabled = s.Enabled || enabled
		s.Attached = s.Attached || t.sender(from, to, d.counts)
		mine := d.acted(device, t.asked) || enabled && d.acted(device, since)
		switch {
		case enabled && !on: // what is switched on decides, not what is left over
			user, on = mine, true
		case enabled || !on:
			user = user && mine
		}
	}
	s.ByUser = s.Live && user
}

// counts reports whether a connection leads out of the browser, as far as is
// known.
func (d devices) counts(a *account) bool {
	return !slices.ContainsFunc(d.peers, func(p *peer) bool { return p.Loopback && a != nil && (p.hook == a || p.internals == a) })
}

// compareCaptures notes a capture that only one source knows of.
func (d devices) compareCaptures(s *DeviceState, device string, end time.Time) {
	if !d.hook.Found || !d.internals.Found {
		return
	}
	var begin time.Time
	_, hook := count(d.hook.captures, device, begin, end)
	_, hookLater := count(d.hook.captures, device, begin, end.Add(lag))
	_, internals := count(d.internals.captures, device, begin, end)
	_, internalsLater := count(d.internals.captures, device, begin, end.Add(lag))
	if internals > hookLater || hook > internalsLater {
		s.Disagreements = append(s.Disagreements, fmt.Sprintf("captures so far: hook %d, internals %d", hook, internals))
	}
}

// level is how much a source saw being sent.
type level int

const (
	unseen  level = iota // the source cannot tell
	nothing              // no packets
	quiet                // only silence or black
	some                 // packets, but not what is in them
	loud                 // sound or pictures
)

// A reading is what one source saw being sent of a device.
type reading struct {
	level         level
	packets       int64
	bytes         int64
	frames        int64
	energy        float64
	contradiction bool // large pictures of a track that is switched off
}

// blackFrame bounds a frame of a black picture in bytes. Chromium sends 100 to
// 160 bytes for 640 by 480; a camera's picture has thousands.
const blackFrame = 600

// opusSilence bounds a packet of Opus silence in bytes, where the energy of
// the sound was not measured.
const opusSilence = 3

// statistics sums up what the page or the browser says was sent. A stretch
// between two readings counts only if it lies wholly in the time in question.
func (d devices) statistics(device string, from, to time.Time, of func(*peer) *account, found bool) reading {
	r := reading{level: nothing}
	if !found {
		r.level = unseen
	}
	for _, p := range d.peers {
		a := of(p)
		if a == nil || p.Loopback {
			continue
		}
		if !a.covers(from, to) && r.level == nothing {
			r.level = unseen
		}
		for _, n := range a.intervals {
			if n.from.Before(from) || n.to.After(to) || n.packets == 0 || d.deviceOf(n) != device {
				continue
			}
			r.packets, r.bytes, r.frames, r.energy = r.packets+n.packets, r.bytes+n.bytes, r.frames+n.frames, r.energy+n.energy
			l, contradiction := d.judge(n)
			r.level, r.contradiction = max(r.level, l), r.contradiction || contradiction
		}
	}
	return r
}

// covers reports whether the statistics of a connection were read often
// enough to speak for a stretch of time.
func (a *account) covers(from, to time.Time) bool {
	if !a.created.Before(to.Add(-3*settling/2)) || !a.closed.IsZero() && a.closed.Before(from.Add(3*settling/2)) {
		return true // it was hardly there
	}
	n := 0
	for _, t := range a.readings {
		if within(t, from, to) {
			n++
		}
	}
	return n > 1 || n == 1 && !a.created.Before(from)
}

// deviceOf tells from which device a stream comes.
func (d devices) deviceOf(n interval) string {
	if t := d.hook.byID[n.track]; t != nil {
		return t.device
	}
	if device, ok := d.internals.tracks[n.track]; ok {
		return device
	}
	return deviceOf(n.kind)
}

// judge tells what was in the packets of an interval.
func (d devices) judge(n interval) (l level, contradiction bool) {
	if n.kind == "audio" {
		if n.measured && n.energy == 0 || !n.measured && n.bytes <= opusSilence*n.packets {
			return quiet, false
		}
		return loud, false
	}
	small := n.bytes <= blackFrame*max(n.frames, 1)
	t := d.hook.byID[n.track]
	if t == nil || !t.captured {
		if small {
			return quiet, false
		}
		return loud, false
	}
	if on, _ := t.on(n.from, n.to); on {
		return loud, false
	}
	if small {
		return quiet, false
	}
	return loud, true
}

// wire sums up the RTP packets that left the browser.
func (d devices) wire(device string, from, to time.Time) reading {
	if !d.packets.Found {
		return reading{level: unseen}
	}
	r := reading{level: nothing}
	claimed := map[*flow]bool{}
	for _, p := range d.peers {
		for _, f := range p.flows {
			claimed[f] = true
		}
		if p.Loopback {
			continue
		}
		if p.connected() && !p.carried() && r.level == nothing {
			r.level = unseen
		}
		streams, levels := d.streams(p)
		for _, f := range p.flows {
			for _, s := range f.wire.Streams {
				if of, ok := streams[s.SSRC]; !s.Sent || len(streams) > 0 && (!ok || of != device) || len(streams) == 0 && device == screen {
					continue
				}
				sum := sentIn(s, from, to)
				if sum.packets == 0 {
					continue
				}
				l := some
				switch {
				case device == microphone && levels != 0 && sum.loud&levels != 0:
					l = loud
				case device == microphone && levels != 0:
					l = quiet
				}
				r.packets, r.bytes, r.level = r.packets+sum.packets, r.bytes+sum.bytes, max(r.level, l)
			}
		}
	}
	for _, f := range d.packets.order {
		if claimed[f] || device == screen {
			continue
		}
		for _, s := range f.wire.Streams {
			if sum := sentIn(s, from, to); s.Sent && sum.packets > 0 {
				r.packets, r.bytes, r.level, r.contradiction = r.packets+sum.packets, r.bytes+sum.bytes, max(r.level, some), true
			}
		}
	}
	return r
}

// streams tells the SSRCs of a connection apart, and which header extensions
// carry the audio level.
func (d devices) streams(p *peer) (map[uint32]string, uint16) {
	out := map[uint32]string{}
	var levels uint16
	for _, a := range p.accounts() {
		levels |= a.local.levels
		for ssrc, kind := range a.local.streams {
			out[ssrc] = deviceOf(kind)
		}
	}
	for _, a := range p.accounts() {
		for _, n := range a.intervals {
			out[n.ssrc] = d.deviceOf(n)
		}
	}
	return out, levels
}

// decide names the state. Anything below Transmitting needs all sources that
// can tell, and they must agree.
func (d devices) decide(s *DeviceState, to time.Time, hook, internals, wire reading) State {
	differ := func(format string, args ...any) {
		s.Disagreements = append(s.Disagreements, fmt.Sprintf(format, args...))
	}
	statistics := max(hook.level, internals.level)
	sent := statistics
	if wire.level == loud || statistics <= nothing {
		sent = max(statistics, wire.level)
	}
	switch {
	case wire.contradiction && d.hook.Found && d.internals.Found:
		differ("packets: %d RTP packets of a connection that neither hook nor internals saw", wire.packets)
	case wire.level > nothing && statistics == nothing:
		differ("sent: packets %d, statistics 0", wire.packets)
	case wire.level == nothing && statistics > nothing:
		differ("sent: packets 0, statistics %d", s.Packets)
	case wire.level == loud && statistics == quiet:
		differ("sound: packets carry a level above silence, statistics measured none")
	}
	if hook.level > nothing && internals.level == nothing || internals.level > nothing && hook.level == nothing {
		differ("sent: hook %d, internals %d", hook.packets, internals.packets)
	}
	if hook.contradiction || internals.contradiction {
		differ("pictures: hook says the track is switched off, statistics say %d bytes in %d frames", s.Bytes, s.Frames)
	}
	if sent > nothing && d.hook.Found && !s.Live {
		differ("device: not opened, but %d packets were sent in its place", max(s.Packets, s.WirePackets))
	}
	if s.Live && sent <= nothing && slices.ContainsFunc(d.hook.encodings, func(t time.Time) bool { return t.Before(to) }) {
		differ("sent: no packets, but the page records or encodes media itself")
	}
	switch {
	case len(s.Disagreements) > 0, !d.hook.Found, !d.internals.Found:
		return Unclear
	case sent == loud, sent == some && s.Enabled && s.Attached:
		return Transmitting
	case statistics == quiet:
		return MutedTransmitting
	case sent > nothing:
		return Unclear
	case !s.Live:
		return Off
	case wire.level == nothing, hook.level == nothing && internals.level == nothing:
		return Preview
	}
	return Unclear
}
