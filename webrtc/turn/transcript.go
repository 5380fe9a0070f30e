package turn

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"vksprobe/probe"
)

// An Exchange is one question to a server and what came back: a line of a
// transcript. A socket that could not be opened is an exchange in which
// nothing was sent.
//
// Messages are raw, so they contain user names and MESSAGE-INTEGRITY values;
// passwords are never in them.
type Exchange struct {
	N         int           `json:"n"` // from 1
	Time      time.Time     `json:"time"`
	Server    string        `json:"server"` // the URL that is checked
	Conn      int           `json:"conn"`   // number of the socket: the same 5-tuple, from 1
	Transport string        `json:"transport"`
	Local     string        `json:"local,omitempty"`
	Remote    string        `json:"remote,omitempty"` // host:port where there was no connection
	Ask       Question      `json:"ask"`
	Sent      Raw           `json:"sent,omitempty"`
	Times     int           `json:"times,omitempty"`    // how often it was sent
	Received  []Raw         `json:"received,omitempty"` // datagrams, or messages of a stream, in order
	Answer    int           `json:"answer,omitempty"`   // which of Received answers, from 1; 0 for none
	Integrity string        `json:"integrity,omitempty"`
	Seconds   float64       `json:"seconds"` // until the answer or the failure
	Failure   probe.Failure `json:"failure,omitempty"`
}

// Integrity of an answer to a request that carried credentials. Only who
// checks can tell, because the key is not in the transcript. A wrong answer is
// never taken for one.
const (
	integrityRight  = "right"
	integrityWrong  = "wrong" // something was received and ignored for that
	integrityAbsent = "absent"
)

// A Question says what an exchange is to find out.
type Question string

// The questions in the order in which they are asked.
const (
	AskBinding    Question = "binding"    // is it there, and what does it see
	AskChallenge  Question = "challenge"  // Allocate without credentials
	AskAllocate   Question = "allocate"   // Allocate with them
	AskPermission Question = "permission" // CreatePermission for a peer
	AskChannel    Question = "channel"    // ChannelBind for a peer
	AskConnect    Question = "connect"    // Connect to a peer
	AskSend       Question = "send"       // a datagram for the witness; no answer is due
	AskArrival    Question = "arrival"    // what came to the witness
	AskReuse      Question = "reuse"      // the same credential from another 5-tuple
	AskRefresh    Question = "refresh"    // keeps the allocation while waiting
	AskExpired    Question = "expired"    // the credential again, after its end
	AskOutlive    Question = "outlive"    // Refresh of the old allocation after that
	AskIPv6       Question = "ipv6"       // a relayed address of family IPv6
	AskDual       Question = "dual"       // both families at once, RFC 8656
	AskTCP        Question = "tcp"        // an allocation for TCP, RFC 6062
	AskNonce      Question = "nonce"      // a nonce that the server never gave out
	AskPassword   Question = "password"   // a wrong one
	AskRelease    Question = "release"    // the end of an allocation
)

// Raw is a message on the wire, hexadecimal in JSON.
type Raw []byte

// MarshalText writes Raw in hexadecimal.
func (r Raw) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, r), nil }

// UnmarshalText reads what MarshalText writes.
func (r *Raw) UnmarshalText(text []byte) error {
	b, err := hex.AppendDecode(nil, text)
	*r = b
	return err
}

// A Transcript is all that was asked and answered, in order.
type Transcript []Exchange

// Bounds of a transcript. Check stays far below them.
const (
	maxLine      = 1 << 20
	maxExchanges = 10_000
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
	case network[x.Transport] == "":
		return x, fmt.Errorf("unknown transport %q", x.Transport)
	case !x.Failure.Known():
		return x, fmt.Errorf("unknown failure %q", x.Failure)
	case x.Answer < 0 || x.Answer > len(x.Received):
		return x, errors.New("the answer is none of what was received")
	case x.Times < 0:
		return x, errors.New("sent less than never")
	}
	return x, nil
}
