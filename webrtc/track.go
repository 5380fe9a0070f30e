package webrtc

import "time"

// The devices that are observed.
const (
	camera     = "camera"
	microphone = "microphone"
	screen     = "screen"
)

// A capture is one call for a device, by getUserMedia or getDisplayMedia.
type capture struct {
	time    time.Time
	devices []string
	granted []string
	line    int
}

// A track is a local MediaStreamTrack as the hook saw it.
type track struct {
	id       string // MediaStreamTrack.id, which the statistics call trackIdentifier
	device   string
	captured bool // by a capture call or as a clone of such a track; else it is drawn or mixed by the page
	asked    time.Time
	opened   time.Time
	ended    time.Time // zero while it is live
	enabled  []flip
	attached []attachment
}

// flip is a change of a switch.
type flip struct {
	time time.Time
	on   bool
}

// attachment is the time that a track was with a sender.
type attachment struct {
	account  *account // nil if the connection of the sender is not known
	from, to time.Time
}

// forever stands for an end that has not come.
func forever() time.Time { return time.Unix(1<<40, 0) }

func (t *track) end() time.Time {
	if t.ended.IsZero() {
		return forever()
	}
	return t.ended
}

// live reports whether the track was live at some time in a stretch of time.
func (t *track) live(from, to time.Time) bool {
	return overlap(t.opened, t.end(), from, to)
}

// on reports whether the track was live and enabled at some time, and when it
// was switched on the last time before to.
func (t *track) on(from, to time.Time) (bool, time.Time) {
	if !t.live(from, to) {
		return false, time.Time{}
	}
	var since time.Time
	found := false
	for i, f := range t.enabled {
		end := t.end()
		if i+1 < len(t.enabled) {
			end = t.enabled[i+1].time
		}
		if f.on && overlap(f.time, end, from, to) {
			found, since = true, f.time
		}
	}
	return found, since
}

// sender reports whether the track was live and with a sender of a
// connection that counts, at some time.
func (t *track) sender(from, to time.Time, counts func(*account) bool) bool {
	for _, a := range t.attached {
		if counts(a.account) && overlap(a.from, a.to, from, to) && overlap(a.from, a.to, t.opened, t.end()) && t.live(from, to) {
			return true
		}
	}
	return false
}

// flip records that the track was switched; setting the same value again
// changes nothing.
func (t *track) flip(at time.Time, on bool) {
	if n := len(t.enabled); (n == 0 || t.enabled[n-1].on != on) && n < maxFlips {
		t.enabled = append(t.enabled, flip{at, on})
	}
}

func (t *track) attach(a *account, at time.Time) {
	if len(t.attached) < maxFlips {
		t.attached = append(t.attached, attachment{a, at, forever()})
	}
}

// maxFlips bounds the history of one track.
const maxFlips = 10_000

// overlap reports whether two stretches of time share a moment.
func overlap(a, b, from, to time.Time) bool {
	return a.Before(to) && from.Before(b)
}
