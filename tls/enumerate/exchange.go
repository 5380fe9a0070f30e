package enumerate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"vksprobe/probe"
	"vksprobe/tls/hello"
	"vksprobe/tls/quic"
)

// A Question says why a connection was made, which tells what a refusal
// means.
type Question string

// The questions.
const (
	AskSuites      Question = "suites"      // which suites; a refusal refuses all that were offered
	AskGroups      Question = "groups"      // which groups, with suites that are known to be accepted
	AskSignatures  Question = "signatures"  // which signature schemes, likewise
	AskOrder       Question = "order"       // whose preference counts
	AskALPN        Question = "alpn"        // which application protocols
	AskName        Question = "name"        // what happens with no name or another
	AskFallback    Question = "fallback"    // TLS_FALLBACK_SCSV
	AskTolerance   Question = "tolerance"   // of what every server has to ignore
	AskSession     Question = "session"     // a complete handshake, to be resumed
	AskResumption  Question = "resumption"  // is it
	AskRenegotiate Question = "renegotiate" // a second handshake in the first
	AskFlaw        Question = "flaw"
	AskVersions    Question = "versions" // of QUIC
	AskControl     Question = "control"  // a hello that is known to be answered
)

// ranks reports whether the choice of a suite shows an order of preference:
// only where all groups and signature schemes were offered.
func (q Question) ranks() bool { return q == AskSuites || q == AskOrder }

// An Exchange is one connection: what was asked and every byte after the
// preamble of STARTTLS. It is one line of a transcript.
type Exchange struct {
	N         int            `json:"n"`
	Address   string         `json:"address"`
	Transport Transport      `json:"transport,omitempty"` // but for TCP, each chunk is a datagram
	Question  Question       `json:"question"`
	Detail    string         `json:"detail,omitempty"` // such as the flaw
	Start     time.Time      `json:"start"`            // when the first byte was written
	Chunks    []Chunk        `json:"chunks"`
	Shares    []hello.Share  `json:"shares,omitempty"`
	PSK       *hello.PSK     `json:"psk,omitempty"`
	Secret    []byte         `json:"secret,omitempty"` // see [hello.Flight]
	Session   *hello.Session `json:"session,omitempty"`
	// Confirmed is set at the last of several silences that together are a
	// refusal: each time the server answered others.
	Confirmed bool          `json:"confirmed,omitempty"`
	Failure   probe.Failure `json:"failure,omitempty"` // how it ended, if not by us
}

// A Chunk is what one read or write carried.
type Chunk struct {
	Sent bool          `json:"sent,omitempty"`
	At   time.Duration `json:"at"` // nanoseconds since Start
	Data []byte        `json:"data"`
}

// key tells exchanges apart by their question and the first bytes that were
// sent, which are the same when it is asked again. In QUIC only the hello is.
func (e *Exchange) key(f *hello.Flight) string {
	key := string(e.Question) + " " + e.Detail + " "
	switch {
	case e.Transport == QUIC && f.ClientHello != nil:
		key += string(f.ClientHello.Random)
	case len(e.Chunks) > 0:
		key += string(e.Chunks[0].Data)
	}
	return key
}

// Replay reads an exchange again.
func (e *Exchange) Replay() *hello.Flight {
	f, _ := e.replay()
	return f
}

// replay also returns what carried it, if that was QUIC.
func (e *Exchange) replay() (*hello.Flight, *quic.Reader) {
	f := e.flight()
	var out, in hello.Datagrams
	var packets *quic.Reader
	if e.Transport == QUIC {
		packets = &quic.Reader{}
	}
	for _, c := range e.Chunks {
		switch {
		case packets != nil && c.Sent:
			f.Sent(packets.Sent(c.Data, f.Traffic()))
		case packets != nil:
			packets.Received(c.Data)
			for records := packets.Records(f.Traffic()); len(records) > 0; records = packets.Records(f.Traffic()) {
				f.Received(records)
			}
		case e.Transport == UDP && c.Sent:
			f.Sent(out.Read(c.Data))
		case e.Transport == UDP:
			f.Received(in.Read(c.Data))
		case c.Sent:
			f.Sent(c.Data)
		default:
			f.Received(c.Data)
		}
	}
	return f, packets
}

// flight returns a Flight on which nothing has passed.
func (e *Exchange) flight() *hello.Flight {
	return &hello.Flight{Shares: e.Shares, PSK: e.PSK, Secret: e.Secret, Session: e.Session}
}

// maxLine bounds a line of a transcript: one exchange with all that a server
// may send in it.
const maxLine = 4 << 20

// ReadTranscript reads exchanges, one a line. What cannot be read ends it
// with an error; the exchanges before it are given.
func ReadTranscript(r io.Reader, give func(*Exchange)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		var e Exchange
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("transcript line %d: %w", n, err)
		}
		give(&e)
	}
	return lines.Err()
}
