package wire

// maxLevels bounds the header extensions of one byte that a Bucket follows.
// Chromium uses up to four: audio level, video orientation, content type and
// the identifier of the media section.
const maxLevels = 4

// level is what an extension of one byte said, read as RFC 6464.
type level struct {
	id      uint8 // 0 of an unused one
	loudest uint8
	packets uint16
	silent  uint16
	voice   uint16
}

// A Level sums up the audio level of RFC 6464 in the packets of a Bucket. It
// is written by the sender and may lie.
type Level struct {
	Packets int64 // that carried it
	Silent  int64 // with 127, which is silence
	Voice   int64 // with the flag for voice
	Loudest int   // in -dBov: 0 is as loud as can be, 127 silence
}

// Level reads a header extension as the audio level; which one it is says the
// session description (urn:ietf:params:rtp-hdrext:ssrc-audio-level). Ok is
// false if no packet carried an extension of that number with one byte.
func (b *Bucket) Level(id uint8) (l Level, ok bool) {
	for _, x := range b.levels {
		if x.id == id && x.packets > 0 {
			return Level{Packets: int64(x.packets), Silent: int64(x.silent), Voice: int64(x.voice), Loudest: int(x.loudest)}, true
		}
	}
	return Level{}, false
}

func (b *Bucket) level(id, value uint8) {
	for i := range b.levels {
		l := &b.levels[i]
		switch {
		case l.packets == 0:
			*l = level{id: id, loudest: 127}
		case l.id != id, l.packets == 1<<16-1:
			continue
		}
		l.packets++
		l.loudest = min(l.loudest, value&127)
		if value&127 == 127 {
			l.silent++
		}
		if value&128 != 0 {
			l.voice++
		}
		return
	}
}
