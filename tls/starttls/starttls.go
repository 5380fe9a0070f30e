// Package starttls leads a fresh connection to the point where the peer waits
// for a ClientHello: through a proxy, and through what a protocol says before
// it switches to TLS.
//
// The preambles are a table: what to send and what to wait for. Nothing that a
// server says is kept, and it may say little.
package starttls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// ErrNotOffered says that the server speaks the protocol and refuses TLS.
var ErrNotOffered = errors.New("the server does not offer STARTTLS")

// ErrLater says that the server refuses for now, as it does when it has too
// many connections.
var ErrLater = errors.New("the server asks to come again later")

// ErrProtocol says that the server does not speak the protocol.
var ErrProtocol = errors.New("the server does not speak the protocol")

// maxAnswer bounds what a server may say before TLS.
const maxAnswer = 64 << 10

// A step sends something and waits for an answer.
type step struct {
	send string
	// heard judges what was received since it was sent: done is false if
	// more has to come.
	heard func(got []byte) (done bool, err error)
}

// A protocol is a preamble. In what it sends, {name} is the name of the
// server.
type protocol struct {
	port  string
	steps []step
}

// protocols by the name that RFC 6335 service names and ALPN use for them.
var protocols = map[string]protocol{
	"smtp": {"25", []step{ // RFC 3207
		{"", reply("220")},
		{"EHLO vksprobe.invalid\r\n", offers(reply("250"), "STARTTLS")},
		{"STARTTLS\r\n", reply("220")},
	}},
	"imap": {"143", []step{ // RFC 9051 section 6.2.1
		{"", line("* OK")},
		{"a1 STARTTLS\r\n", tagged("a1")},
	}},
	"pop3": {"110", []step{ // RFC 2595 section 4
		{"", line("+OK")},
		{"STLS\r\n", line("+OK")},
	}},
	"ftp": {"21", []step{ // RFC 4217
		{"", reply("220")},
		{"AUTH TLS\r\n", reply("234")},
	}},
	"ldap":       {"389", []step{{string(extendedRequest()), extendedResponse}}}, // RFC 4511 section 4.14
	"postgresql": {"5432", []step{{"\x00\x00\x00\x08\x04\xD2\x16\x2F", sslRequest}}},
	// XMPP servers take the wish before they have said what they offer,
	// which saves a round trip (RFC 6120 section 5.4).
	"xmpp-client": {"5222", []step{{xmpp("jabber:client"), proceed}}},
	"xmpp-server": {"5269", []step{{xmpp("jabber:server"), proceed}}},
}

// Protocols lists the names of all protocols.
func Protocols() []string { return slices.Sorted(maps.Keys(protocols)) }

// Port is the usual port of a protocol, "" if there is no such protocol.
func Port(name string) string { return protocols[name].port }

// Upgrade leads a connection through the preamble of a protocol. The name is
// that of the server. Deadlines are the connection's and ctx's.
func Upgrade(ctx context.Context, conn net.Conn, name, server string) error {
	p, ok := protocols[name]
	if !ok {
		return fmt.Errorf("%q is none of %s", name, strings.Join(Protocols(), ", "))
	}
	if strings.ContainsAny(server, "'\"<>&\r\n") {
		return fmt.Errorf("%q is no name of a server", server)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for _, s := range p.steps {
		if err := s.take(conn, server); err != nil {
			return fmt.Errorf("STARTTLS of %s: %w", name, errors.Join(err, ctx.Err()))
		}
	}
	return nil
}

func (s step) take(conn net.Conn, server string) error {
	if s.send != "" {
		if _, err := conn.Write([]byte(strings.ReplaceAll(s.send, "{name}", server))); err != nil {
			return err
		}
	}
	var got []byte
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		got = append(got, buf[:n]...)
		if done, bad := s.heard(got); done || bad != nil {
			return bad
		}
		if err != nil {
			return err
		}
		if len(got) > maxAnswer {
			return fmt.Errorf("%w: more than %d bytes", ErrProtocol, maxAnswer)
		}
	}
}

// lines returns the whole lines of an answer.
func lines(got []byte) []string {
	end := bytes.LastIndexByte(got, '\n')
	if end < 0 {
		return nil
	}
	return strings.Split(strings.ReplaceAll(string(got[:end]), "\r", ""), "\n")
}

// reply waits for the last line of an answer with a code of three digits (RFC
// 5321 section 4.2, RFC 959).
func reply(code string) func([]byte) (bool, error) {
	return func(got []byte) (bool, error) {
		for _, l := range lines(got) {
			switch {
			case len(l) < 3 || strings.Trim(l[:3], "0123456789") != "":
				return false, ErrProtocol
			case len(l) > 3 && l[3] == '-':
				continue
			case l[:3] == code:
				return true, nil
			case l[0] == '4':
				return false, ErrLater
			}
			return false, ErrNotOffered
		}
		return false, nil
	}
}

// offers wants a word among the lines of an answer.
func offers(heard func([]byte) (bool, error), word string) func([]byte) (bool, error) {
	return func(got []byte) (bool, error) {
		done, err := heard(got)
		if done && !slices.ContainsFunc(lines(got), func(l string) bool { return len(l) > 4 && strings.EqualFold(strings.TrimSpace(l[4:]), word) }) {
			return false, ErrNotOffered
		}
		return done, err
	}
}

// line waits for one line that begins in a way.
func line(begin string) func([]byte) (bool, error) {
	return func(got []byte) (bool, error) {
		switch all := lines(got); {
		case len(all) == 0:
			return false, nil
		case strings.HasPrefix(strings.ToUpper(all[0]), begin):
			return true, nil
		case strings.HasPrefix(all[0], "-ERR") || strings.HasPrefix(strings.ToUpper(all[0]), "* BYE"):
			return false, ErrNotOffered
		}
		return false, ErrProtocol
	}
}

// tagged waits for the answer to a command of IMAP.
func tagged(tag string) func([]byte) (bool, error) {
	return func(got []byte) (bool, error) {
		for _, l := range lines(got) {
			if rest, ok := strings.CutPrefix(l, tag+" "); ok {
				if strings.HasPrefix(strings.ToUpper(rest), "OK") {
					return true, nil
				}
				return false, ErrNotOffered
			}
			if !strings.HasPrefix(l, "*") {
				return false, ErrProtocol
			}
		}
		return false, nil
	}
}

// sslRequest reads the answer of PostgreSQL, which is one byte.
func sslRequest(got []byte) (bool, error) {
	switch {
	case len(got) == 0:
		return false, nil
	case got[0] == 'S' && len(got) == 1:
		return true, nil
	case got[0] == 'N':
		return false, ErrNotOffered
	}
	return false, ErrProtocol
}

// The operation of LDAP and the tags of its messages, [APPLICATION 23] and
// [APPLICATION 24].
const (
	startTLS                     = "1.3.6.1.4.1.1466.20037"
	extendedRequestTag  asn1.Tag = 0x77
	extendedResponseTag asn1.Tag = 0x78
)

func extendedRequest() []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(extendedRequestTag, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(startTLS)) })
		})
	})
	return b.BytesOrPanic()
}

// extendedResponse reads an LDAPMessage with an ExtendedResponse.
func extendedResponse(got []byte) (bool, error) {
	if len(got) < 2 {
		return false, nil
	}
	if got[0] != 0x30 {
		return false, ErrProtocol
	}
	s := cryptobyte.String(got)
	var message cryptobyte.String
	if !s.ReadASN1(&message, asn1.SEQUENCE) {
		if len(got) > 512 {
			return false, ErrProtocol
		}
		return false, nil // not whole yet
	}
	var id int64
	var tag asn1.Tag
	var body cryptobyte.String
	var code int
	if !message.ReadASN1Integer(&id) || !message.ReadAnyASN1(&body, &tag) || tag != extendedResponseTag || !body.ReadASN1Enum(&code) {
		return false, ErrProtocol
	}
	switch code {
	case 0:
		return true, nil
	case 51, 52: // busy, unavailable
		return false, ErrLater
	}
	return false, ErrNotOffered
}

func xmpp(namespace string) string {
	return "<?xml version='1.0'?><stream:stream xmlns='" + namespace + "' xmlns:stream='http://etherx.jabber.org/streams' to='{name}' version='1.0'>" +
		"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
}

// proceed waits for the server to agree.
func proceed(got []byte) (bool, error) {
	text := string(got)
	switch {
	case strings.Contains(text, "<proceed"):
		at := strings.LastIndex(text, "<proceed")
		return strings.Contains(text[at:], ">"), nil
	case strings.Contains(text, "<failure"):
		return false, ErrNotOffered
	case strings.Contains(text, "resource-constraint"):
		return false, ErrLater
	case strings.Contains(text, "<stream:error"), strings.Contains(text, "</stream:stream>"):
		return false, ErrNotOffered
	case len(text) > 0 && text[0] != '<':
		return false, ErrProtocol
	case strings.Contains(text, "</stream:features>") && !strings.Contains(text, "xmpp-tls"):
		return false, ErrNotOffered
	}
	return false, nil
}
