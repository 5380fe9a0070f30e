package netlog

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
)

// A quicSession is a QUICSession while its events come in.
type quicSession struct {
	QUICSession
	frames   []cryptoFrame
	held     int  // bytes in frames and URLs
	released bool // it has ended
}

// A cryptoFrame is a piece of the handshake; each level is a stream of its own.
type cryptoFrame struct {
	level  int
	offset int
	bytes  []byte
}

// cryptoLevels are the levels on which a server sends handshake messages, in
// order of the handshake.
var cryptoLevels = [...]string{"ENCRYPTION_INITIAL", "ENCRYPTION_HANDSHAKE", "ENCRYPTION_FORWARD_SECURE"}

func (rd *reader) giveQUIC(q *quicSession) {
	rd.quics.remove(q.ID)
	rd.held -= q.held
	q.CryptoReceived = assemble(q.frames)
	q.ALPN, q.Certificates = serverFlight(q.CryptoReceived)
	if rd.h.QUIC != nil {
		rd.h.QUIC(&q.QUICSession)
	}
}

// assemble puts the streams of all levels one behind the other, each up to its
// first gap.
func assemble(frames []cryptoFrame) []byte {
	slices.SortStableFunc(frames, func(a, b cryptoFrame) int {
		return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.offset, b.offset))
	})
	var all []byte
	level, start := -1, 0
	for _, f := range frames {
		if f.level != level {
			level, start = f.level, len(all)
		}
		// Sent again in other pieces, frames may overlap.
		if have := len(all) - start - f.offset; have >= 0 && have < len(f.bytes) {
			all = append(all, f.bytes[have:]...)
		}
	}
	return all
}

// quicPoolJob remembers what the UDP sockets below it are for.
func (rd *reader) quicPoolJob(e *Event) error {
	if e.Phase != Begin {
		return nil
	}
	p, err := params[endpoint](e)
	if err != nil {
		return err
	}
	rd.quicOrigin(e.SourceID, p.Host, p.Port)
	return nil
}

func (rd *reader) quicOrigin(id int64, host string, port int) {
	origin, _ := rd.quicJobs.add(id)
	*origin = "https://" + host
	if port != 443 {
		*origin = "https://" + net.JoinHostPort(host, strconv.Itoa(port))
	}
}

type endpoint struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

func (rd *reader) quicSession(e *Event) error {
	p, err := params[endpoint](e)
	if err != nil {
		return err
	}
	if e.Phase == Begin {
		if q, isNew := rd.quics.add(e.SourceID); isNew {
			q.QUICSession = QUICSession{ID: e.SourceID, Host: p.Host, Port: p.Port, Start: e.Stamp}
		}
		return nil
	}
	return rd.quicEnd(e)
}

func (rd *reader) quicEnd(e *Event) error {
	q := rd.quics.get(e.SourceID)
	if q == nil || e.Phase != End || q.released {
		return nil
	}
	q.End, q.released = e.Stamp, true
	later(rd, rd.quics, q.ID, q, rd.giveQUIC)
	return nil
}

// webTransport sees a WebTransport client, which has a QUIC connection of its
// own and logs its packets as its own source.
func (rd *reader) webTransport(e *Event) error {
	p, err := params[struct {
		URL string `json:"url"`
	}](e)
	if err != nil || e.Phase != Begin {
		if err != nil {
			return err
		}
		return rd.quicEnd(e)
	}
	q, isNew := rd.quics.add(e.SourceID)
	if isNew {
		q.QUICSession = QUICSession{ID: e.SourceID, Start: e.Stamp, Port: 443}
		if u, err := url.Parse(p.URL); err == nil {
			q.Host = u.Hostname()
			if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
				q.Port = int(n)
			}
		}
		rd.quicOrigin(e.SourceID, q.Host, q.Port)
	}
	if len(q.WebTransport) >= maxList {
		rd.log.Dropped++
		return nil
	}
	if rd.keep(&q.held, len(p.URL)) {
		q.WebTransport = append(q.WebTransport, p.URL)
	}
	return nil
}

func (rd *reader) quicPacketSent(e *Event) error {
	if q := rd.quics.get(e.SourceID); q != nil {
		q.Sent++
	}
	return nil
}

func (rd *reader) quicPacketReceived(e *Event) error {
	q := rd.quics.get(e.SourceID)
	if q == nil {
		return nil
	}
	q.Received++
	if q.Remote.IsValid() {
		return nil
	}
	p, err := params[struct {
		Peer netip.AddrPort `json:"peer_address"`
		Self netip.AddrPort `json:"self_address"`
	}](e)
	if err == nil {
		q.Local, q.Remote = p.Self, p.Peer
	}
	return err
}

func (rd *reader) quicVersion(e *Event) error {
	p, err := params[struct {
		Version string `json:"version"`
	}](e)
	if q := rd.quics.get(e.SourceID); q != nil && err == nil {
		q.Version = p.Version
	}
	return err
}

func (rd *reader) quicCrypto(e *Event) error {
	p, err := params[struct {
		Level  string `json:"encryption_level"`
		Offset int    `json:"offset"`
		Bytes  []byte `json:"bytes"`
	}](e)
	q := rd.quics.get(e.SourceID)
	if q == nil || err != nil {
		return err
	}
	level := slices.Index(cryptoLevels[:], p.Level)
	if level < 0 || p.Offset < 0 {
		return nil
	}
	if len(q.frames) >= maxList {
		rd.log.Dropped++
		return nil
	}
	if !rd.keep(&q.held, len(p.Bytes)) {
		return nil
	}
	q.frames = append(q.frames, cryptoFrame{level, p.Offset, p.Bytes})
	return nil
}

func (rd *reader) quicError(e *Event) error {
	p, err := params[struct {
		NetError int `json:"net_error"`
	}](e)
	if q := rd.quics.get(e.SourceID); q != nil && err == nil && q.NetError == 0 {
		q.NetError = p.NetError
	}
	return err
}
