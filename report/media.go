package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/webrtc"
)

// course shows what became of the devices of one participant, phase by phase.
type course struct {
	Participant int
	Spans       []probe.Span
	Ended       probe.Failure // why the walk ended
	Devices     []deviceRow
}

type deviceRow struct {
	Device string
	Cells  []*deviceCell // one per span; nil where nothing was measured
}

type deviceCell struct {
	webrtc.DeviceState
	ID string // of the observation
}

// Width is the length of the span n of this course in thousandths of all its
// spans, at least enough to be seen.
func (c *course) Width(n int) int {
	var all time.Duration
	for _, s := range c.Spans {
		all += s.End.Sub(s.Start)
	}
	if all <= 0 {
		return 1000 / len(c.Spans)
	}
	return int(max(4, 1000*c.Spans[n].End.Sub(c.Spans[n].Start)/all))
}

// From is the place where span n begins, see Width.
func (c *course) From(n int) int {
	from := 0
	for i := range n {
		from += c.Width(i)
	}
	return from
}

// Total is the length of the whole course, see Width.
func (c *course) Total() int { return c.From(len(c.Spans)) }

// courses arranges phases and devices by participant. If a device was
// observed twice in a phase, the state that reveals more is shown.
func courses(f *probe.Facts) []*course {
	byNumber := map[int]*course{}
	for _, s := range probe.PhaseSpan.In(f) {
		c := byNumber[s.Participant]
		if c == nil {
			c = &course{Participant: s.Participant}
			byNumber[s.Participant] = c
		}
		if !s.End.Before(s.Start) && slices.Contains(probe.Phases(), s.Phase) {
			c.Spans = append(c.Spans, s)
		}
	}
	for o, w := range probe.WalkEnd.In(f) {
		if c := byNumber[w.Participant]; c != nil {
			c.Ended = o.Failure
		}
	}
	for o, d := range webrtc.Device.In(f) {
		c := byNumber[d.Participant]
		if c == nil {
			continue
		}
		at := slices.IndexFunc(c.Spans, func(s probe.Span) bool { return s.Phase == o.Phase })
		if at < 0 {
			continue
		}
		row := slices.IndexFunc(c.Devices, func(r deviceRow) bool { return r.Device == d.Device })
		if row < 0 {
			row = len(c.Devices)
			c.Devices = append(c.Devices, deviceRow{d.Device, make([]*deviceCell, len(c.Spans))})
		}
		if revealing(d.State) < 0 {
			d.State = webrtc.Unclear
		}
		if old := c.Devices[row].Cells[at]; old == nil || revealing(d.State) > revealing(old.State) {
			c.Devices[row].Cells[at] = &deviceCell{d, o.ID}
		}
	}
	var all []*course
	for _, c := range byNumber {
		if len(c.Spans) == 0 {
			continue
		}
		slices.SortFunc(c.Devices, func(a, b deviceRow) int { return strings.Compare(a.Device, b.Device) })
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *course) int { return cmp.Compare(a.Participant, b.Participant) })
	return all
}

// revealing orders the states by how much they say about the people in front
// of the device.
func revealing(s webrtc.State) int {
	return slices.Index([]webrtc.State{webrtc.Off, webrtc.Preview, webrtc.Unclear, webrtc.MutedTransmitting, webrtc.Transmitting}, s)
}
