package netlog

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strings"
)

// A socket is a Socket while its events come in.
type socket struct {
	Socket
	connect  int64 // connect job that opened it
	held     int   // bytes of handshake messages and certificates
	released bool  // it has ended
}

func (rd *reader) giveSocket(s *socket) {
	rd.sockets.remove(s.ID)
	rd.held -= s.held
	if s.Group == "" {
		if c := rd.connects.get(s.connect); c != nil {
			s.Group = c.group
		}
	}
	if rd.h.Socket != nil {
		rd.h.Socket(&s.Socket)
	}
}

// socketAlive sees the birth and the end of a socket. A connected UDP socket
// lies inside a client socket that is a source of its own; only the inner one
// becomes a Socket, but the outer one knows what it was opened for.
func (rd *reader) socketAlive(e *Event) error {
	d, err := params[dependency](e)
	if err != nil {
		return err
	}
	switch {
	case e.SourceType == "UDP_CLIENT_SOCKET" && e.Phase == Begin:
		c, _ := rd.clients.add(e.SourceID)
		c.opener = rd.opener(d)
		if origin := rd.quicJobs.get(d.Source.ID); origin != nil {
			c.group = *origin
		}
		// The inner socket is announced before the outer one.
		if s := rd.sockets.get(c.inner); s != nil {
			s.Opener, s.Group = c.opener, c.group
		}
	case e.SourceType != "SOCKET" && e.SourceType != "UDP_SOCKET":
	case e.Phase == Begin:
		s, isNew := rd.sockets.add(e.SourceID)
		if !isNew {
			return nil
		}
		s.Socket = Socket{ID: e.SourceID, Network: "tcp", Opened: e.Stamp, Opener: rd.opener(d)}
		if e.SourceType == "UDP_SOCKET" {
			s.Network = "udp"
			if d.Source.ID != 0 {
				c, _ := rd.clients.add(d.Source.ID)
				c.inner = s.ID
				s.Opener, s.Group = c.opener, c.group
			}
			return nil
		}
		s.connect = d.Source.ID
		if c := rd.connects.get(s.connect); c != nil {
			c.sockets = rd.join(c.sockets, s.ID)
		}
	case e.Phase == End:
		return rd.socketClosed(e)
	}
	return nil
}

// opener names the type of the source that another one depends on.
func (rd *reader) opener(d dependency) string {
	if d.Source.ID == 0 {
		return ""
	}
	return rd.sources[d.Source.Type]
}

// A udpClient is the outer source of a connected UDP socket.
type udpClient struct {
	inner         int64
	opener, group string
}

func (rd *reader) socketClosed(e *Event) error {
	s := rd.sockets.get(e.SourceID)
	if s == nil || s.released {
		return nil
	}
	s.released, s.Closed = true, e.Stamp
	later(rd, rd.sockets, s.ID, s, rd.giveSocket)
	return nil
}

// tcpConnect takes the addresses of a connection that stands, or the error of
// the last attempt.
func (rd *reader) tcpConnect(e *Event) error {
	s := rd.sockets.get(e.SourceID)
	if s == nil || e.Phase != End {
		return nil
	}
	p, err := params[struct {
		Local    netip.AddrPort `json:"local_address"`
		Remote   netip.AddrPort `json:"remote_address"`
		NetError int            `json:"net_error"`
	}](e)
	if err != nil {
		return err
	}
	s.NetError = p.NetError
	if p.Remote.IsValid() {
		s.Local, s.Remote = p.Local, p.Remote
	}
	if n := len(s.Attempts); p.NetError != 0 && n > 0 {
		s.Attempts[n-1].NetError = p.NetError
	}
	return nil
}

func (rd *reader) tcpConnectAttempt(e *Event) error {
	s := rd.sockets.get(e.SourceID)
	if s == nil {
		return nil
	}
	p, err := params[struct {
		Address  netip.AddrPort `json:"address"`
		NetError int            `json:"net_error"`
		OSError  int            `json:"os_error"`
	}](e)
	if err != nil {
		return err
	}
	switch {
	case e.Phase == Begin && len(s.Attempts) >= maxAttempts:
		rd.log.Dropped++
	case e.Phase == Begin:
		s.Attempts = append(s.Attempts, Attempt{Stamp: e.Stamp, Address: p.Address})
		// A socket that never connects still says whom it tried.
		s.Remote = p.Address
	case e.Phase == End && len(s.Attempts) > 0:
		last := &s.Attempts[len(s.Attempts)-1]
		last.NetError = p.NetError
		if p.NetError == 0 && p.OSError != 0 {
			last.NetError = connectError(p.OSError)
		}
	}
	return nil
}

// connectError translates the error number of Linux's connect(2) into the net
// error that Chromium makes of it.
func connectError(errno int) int {
	switch errno {
	case 13: // EACCES
		return -138
	case 99: // EADDRNOTAVAIL
		return -108
	case 100: // ENETDOWN
		return -106
	case 101, 113: // ENETUNREACH, EHOSTUNREACH
		return -109
	case 103: // ECONNABORTED
		return -103
	case 104: // ECONNRESET
		return -101
	case 110: // ETIMEDOUT
		return -118
	case 111: // ECONNREFUSED
		return -102
	}
	return -104 // ERR_CONNECTION_FAILED
}

func (rd *reader) socketError(e *Event) error {
	p, err := params[struct {
		NetError int `json:"net_error"`
	}](e)
	if s := rd.sockets.get(e.SourceID); s != nil && err == nil {
		s.NetError = p.NetError
	}
	return err
}

// transfer is what the events about transferred bytes carry.
type transfer struct {
	Address   netip.AddrPort `json:"address"`
	ByteCount int64          `json:"byte_count"`
	Bytes     string         `json:"bytes"`
}

func (rd *reader) socketBytes(sent bool) func(*Event) error {
	return func(e *Event) error {
		s := rd.sockets.get(e.SourceID)
		if s == nil {
			return nil
		}
		n, err := byteCount(e)
		if err != nil {
			return err
		}
		s.count(sent, n)
		return nil
	}
}

func (s *socket) count(sent bool, n int64) {
	if sent {
		s.Sent += n
	} else {
		s.Received += n
	}
}

// byteCount reads the byte count of a transfer, which Chromium writes as the
// first of the params, without decoding the bytes behind it.
func byteCount(e *Event) (int64, error) {
	s := tail(e.Params)
	var n int64
	if s.skip(`{"byte_count":`) && s.int64(&n) {
		return n, nil
	}
	p, err := params[transfer](e)
	return p.ByteCount, err
}

func (rd *reader) udpConnect(e *Event) error {
	p, err := params[struct {
		Address  netip.AddrPort `json:"address"`
		NetError int            `json:"net_error"`
	}](e)
	s := rd.sockets.get(e.SourceID)
	if s == nil || err != nil {
		return err
	}
	if e.Phase == Begin {
		s.Remote = p.Address
	}
	if p.NetError != 0 {
		s.NetError = p.NetError
	}
	return nil
}

func (rd *reader) udpLocalAddress(e *Event) error {
	p, err := params[transfer](e)
	if s := rd.sockets.get(e.SourceID); s != nil && err == nil {
		s.Local = p.Address
	}
	return err
}

// udpBytes hands a datagram on. A datagram of a socket whose beginning is not
// in the log is still evidence of a contact.
func (rd *reader) udpBytes(sent bool) func(*Event) error {
	return func(e *Event) error {
		p, payload, err := rd.datagram(e.Params)
		if err != nil {
			return err
		}
		d := Datagram{Stamp: e.Stamp, Socket: e.SourceID, Sent: sent, Remote: p.Address, Length: int(p.ByteCount), Payload: payload}
		if s := rd.sockets.get(e.SourceID); s != nil {
			s.count(sent, p.ByteCount)
			d.Local = s.Local
			if !d.Remote.IsValid() {
				d.Remote = s.Remote
			}
		}
		if rd.h.Datagram != nil {
			rd.h.Datagram(&d)
		}
		return nil
	}
}

// datagram takes the params of a datagram apart. Media makes up most of a log,
// so the form that Chromium writes is read by hand and only another one goes
// through the JSON decoder.
func (rd *reader) datagram(text []byte) (p transfer, payload []byte, err error) {
	s := tail(text)
	plain := s.skip("{")
	if plain && s.skip(`"address":"`) {
		i := bytes.IndexByte(s, '"')
		if i > 0 {
			p.Address, err = netip.ParseAddrPort(string(s[:i]))
		}
		plain = i > 0 && err == nil && s.past('"') && s.skip(",")
	}
	plain = plain && s.skip(`"byte_count":`) && s.int64(&p.ByteCount)
	var coded []byte
	if plain && s.skip(`,"bytes":"`) {
		i := max(0, bytes.IndexByte(s, '"'))
		coded = s[:i]
		plain = s.past('"')
	}
	if !plain || !s.skip("}") || len(s) != 0 {
		p = transfer{}
		if err := json.Unmarshal(text, &p); err != nil {
			return p, nil, err
		}
		coded = []byte(p.Bytes)
	}
	if len(coded) == 0 || rd.h.Datagram == nil {
		return p, nil, nil
	}
	rd.payload, err = base64.StdEncoding.AppendDecode(rd.payload[:0], coded)
	return p, rd.payload, err
}

// origin takes the scheme, host and port out of the name of a socket pool,
// "pm/https://host:1 <https://site same_site>".
func origin(group string) string {
	group, _, _ = strings.Cut(group, " ")
	if at := strings.Index(group, "://"); at >= 0 {
		start := strings.LastIndexByte(group[:at], '/') + 1
		return group[start:]
	}
	return group
}
