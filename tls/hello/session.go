package hello

import "errors"

// A Session is what a later handshake of TLS 1.0 to 1.2 can resume, by its ID
// or by a ticket. Its fields are all that a transcript has to keep.
type Session struct {
	Version     uint16
	CipherSuite uint16
	ID          []byte // empty if the server keeps no sessions
	Ticket      []byte // the last; empty if there was none
	Master      []byte // the master secret; it protects nothing
	Extended    bool   // by extended_master_secret
}

// Established returns the session of a complete handshake of TLS 1.0 to 1.2.
func (f *Flight) Established() (*Session, error) {
	if f.keys == nil || !f.Complete {
		return nil, errors.New("the handshake is not complete")
	}
	s := &Session{Version: f.Version(), CipherSuite: f.ServerHello.CipherSuite, ID: f.ServerHello.SessionID, Master: f.keys.master}
	_, s.Extended = f.ServerHello.Extension(ExtExtendedMasterSecret)
	for _, t := range f.Tickets {
		s.Ticket = t.Ticket
	}
	if len(f.Tickets) == 0 && f.Resumed && f.Session != nil {
		s.Ticket = f.Session.Ticket
	}
	return s, nil
}

// Offer returns a hello that offers the session: its ticket, if it has one,
// with the hello's own session id, which a server that takes the ticket
// echoes (RFC 5077 section 3.4); else its ID. Version, suites and the
// extension extended_master_secret have to suit already. The Flight that is
// to follow needs it as Session.
func (s *Session) Offer(c *ClientHello) *ClientHello {
	if len(s.Ticket) > 0 {
		return c.With(Extension{ExtSessionTicket, s.Ticket})
	}
	d := *c
	d.SessionID = s.ID
	return &d
}

// Bleed returns what the server has put after a session id of ours that was
// offered with a ticket, which is memory that it did not mean to show
// (Ticketbleed, CVE-2016-9244).
func (f *Flight) Bleed() []byte {
	if f.ClientHello == nil || f.ServerHello == nil {
		return nil
	}
	ticket, _ := f.ClientHello.Extension(ExtSessionTicket)
	sent, got := f.ClientHello.SessionID, f.ServerHello.SessionID
	if len(ticket) == 0 || len(sent) == 0 || len(got) <= len(sent) || string(got[:len(sent)]) != string(sent) {
		return nil
	}
	return got[len(sent):]
}

// KeyName returns the bytes by which most servers name the key of a ticket
// (RFC 5077 section 4), or nil if it is too short for that. Two tickets with
// one name were made with one key.
func (t Ticket) KeyName() []byte {
	const size = 16
	if len(t.Ticket) < size {
		return nil
	}
	return t.Ticket[:size]
}
