package enumerate

import (
	"slices"

	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
)

// AskSession with this detail looks how the server cuts what it sends.
const detailSplit = "split"

// page asks for something to be sent; what it is does not matter.
const page = "GET / HTTP/1.0\r\n\r\n"

// splitting completes a handshake of TLS 1.0 with CBC and asks for a page, to
// see whether the server splits records against BEAST. Protocols other than
// HTTP have no simple question that every server answers.
func (s *scan) splitting() {
	if !s.has(hello.TLS10) || s.target.StartTLS != "" {
		return
	}
	suites := slices.DeleteFunc(slices.Clone(s.of(hello.TLS10).suites), func(code uint16) bool {
		suite, _ := iana.Suite(code)
		return suite.Mode != iana.CBC || !hello.CanFinish(code)
	})
	if len(suites) == 0 {
		return
	}
	h := s.classic(hello.TLS10, suites, groupsShared)
	h = without(without(without(h, hello.ExtTruncatedHMAC), hello.ExtNextProtocol), hello.ExtEncryptThenMAC)
	h.Compression = nil
	s.ask(&ask{question: AskSession, detail: detailSplit, hello: h, secret: random(32), until: complete, talk: func(c *conversation) error {
		if err := s.finishClassic(c); err != nil || !c.flight.Complete {
			return err
		}
		request, err := c.flight.Seal(hello.ContentApplicationData, []byte(page))
		if err != nil || c.send(request) != nil {
			return nil
		}
		c.conn.SetReadDeadline(s.silence())
		c.read(func(f *hello.Flight) bool { _, known := f.Splits(); return known })
		return nil
	}, then: s.note})
}

// split judges the exchange.
func (d *derivation) split(f *hello.Flight) {
	if splits, known := f.Splits(); known {
		learn(d.features, RecordSplitting, splits)
	}
}

// sameTicketKey compares the names of the keys of tickets that were handed out
// on different connections.
func (d *derivation) sameTicketKey(n int, t hello.Ticket) {
	name := string(t.KeyName())
	if name == "" {
		return
	}
	if d.ticketKeys == nil {
		d.ticketKeys = map[string]int{}
	}
	for other, m := range d.ticketKeys {
		if m != n {
			learn(d.features, TicketKeyReuse, other == name)
		}
	}
	if _, known := d.ticketKeys[name]; !known {
		d.ticketKeys[name] = n
	}
}
