package dtls

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"vksprobe/probe"
)

// A Question says what a handshake is to find out, which tells what a refusal
// means.
type Question string

// The questions in the order in which they are asked.
const (
	AskOffer    Question = "offer"    // the far end is the client: its hello
	AskChoice   Question = "choice"   // everything is offered; the server chooses
	AskVersion  Question = "version"  // one version only
	AskRest     Question = "rest"     // everything that is not yet known to be accepted
	AskSuites   Question = "suites"   // suites that are not yet known to be accepted
	AskGroups   Question = "groups"   // groups likewise
	AskSchemes  Question = "schemes"  // signature schemes likewise
	AskProfiles Question = "profiles" // SRTP profiles likewise
	AskOrder    Question = "order"    // all that is accepted, the server's choice last
	AskWithout  Question = "without"  // without an extension, which Detail names
)

// Details of AskWithout.
const (
	withoutSRTP = "use_srtp"
	withoutEMS  = "extended_master_secret"
)

// An Exchange is one handshake, as far as it went: a line of a transcript. A
// join that came to nothing is an exchange in which nothing was sent.
//
// Datagrams are raw. They contain certificates and public keys, but no
// credentials: those of ICE are not in them.
type Exchange struct {
	N        int           `json:"n"` // from 1; a join of its own each
	Server   string        `json:"server"`
	Network  string        `json:"network,omitempty"`  // "udp", "tcp"
	Address  string        `json:"address,omitempty"`  // of the far end, host:port
	Setup    Setup         `json:"setup"`              // ours
	Answered string        `json:"answered,omitempty"` // the setup of the far end's description
	Prints   []string      `json:"fingerprints,omitempty"`
	Ask      Question      `json:"ask"`
	Detail   string        `json:"detail,omitempty"`
	Version  uint16        `json:"version,omitempty"` // that is asked for; 0 for any
	Start    time.Time     `json:"start"`
	Joined   float64       `json:"joined_seconds"` // what the join took until datagrams could be sent
	Chunks   []Chunk       `json:"chunks"`
	Complete bool          `json:"complete,omitempty"` // we, as the server, saw a Finished that is right
	Failure  probe.Failure `json:"failure,omitempty"`  // how it ended, if not as it should
}

// A Chunk is one datagram of DTLS. Others are not kept.
type Chunk struct {
	Sent bool          `json:"sent,omitempty"`
	At   time.Duration `json:"at"` // nanoseconds since Start
	Data []byte        `json:"data"`
}

// A Transcript is all that was asked and answered, in order.
type Transcript []Exchange

// Bounds of a transcript, and of what is kept of one exchange. Enumerate
// stays below them.
const (
	maxLine      = 1 << 20
	maxExchanges = 1000
	maxChunks    = 200
	maxBytes     = 256 << 10
)

// WriteTranscript writes one exchange per line, as ReadTranscript reads them.
func WriteTranscript(w io.Writer, t Transcript) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, x := range t {
		if err := enc.Encode(x); err != nil {
			return fmt.Errorf("writing exchange %d: %w", x.N, err)
		}
	}
	return nil
}

// ReadTranscript reads a transcript up to the first line that is none. What
// was read until then is returned beside the error.
func ReadTranscript(r io.Reader) (Transcript, error) {
	var t Transcript
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(t) == maxExchanges {
			return t, fmt.Errorf("line %d: more exchanges than %d", n, maxExchanges)
		}
		x, err := readExchange(lines.Bytes())
		if err != nil {
			return t, fmt.Errorf("line %d: %w", n, err)
		}
		t = append(t, x)
	}
	return t, lines.Err()
}

func readExchange(line []byte) (Exchange, error) {
	var x Exchange
	if err := json.Unmarshal(line, &x); err != nil {
		return x, err
	}
	switch {
	case x.Setup != Active && x.Setup != Passive:
		return x, fmt.Errorf("unknown setup %q", x.Setup)
	case !x.Failure.Known():
		return x, fmt.Errorf("unknown failure %q", x.Failure)
	case len(x.Chunks) > maxChunks:
		return x, errors.New("too many datagrams")
	}
	return x, nil
}
