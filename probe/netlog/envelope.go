package netlog

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// An envelope is what every event has around its params.
type envelope struct {
	Type, Phase int
	Time        int64 // ticks in milliseconds
	Source      struct {
		ID   int64
		Type int
	}
	Params []byte
}

// parseEnvelope reads the line of an event, without the comma behind it, and
// reports whether it is one. Params is a part of line and not yet checked.
//
// Chromium sorts the keys, so all but the params stand at the end of the line
// in a fixed form. Reading them from there spares nine of ten lines the JSON
// decoder, among them the long ones with bodies and payload. A line of any
// other form goes through the decoder.
func parseEnvelope(line []byte) (envelope, bool) {
	if e, ok := parseTail(line); ok {
		return e, true
	}
	var j struct {
		Params json.RawMessage `json:"params"`
		Phase  int             `json:"phase"`
		Source *struct {
			ID   int64 `json:"id"`
			Type int   `json:"type"`
		} `json:"source"`
		Time *loose `json:"time"`
		Type *int   `json:"type"`
	}
	if json.Unmarshal(line, &j) != nil || j.Source == nil || j.Time == nil || j.Type == nil {
		return envelope{}, false
	}
	e := envelope{Type: *j.Type, Phase: j.Phase, Time: int64(*j.Time), Params: j.Params}
	e.Source.ID, e.Source.Type = j.Source.ID, j.Source.Type
	return e, true
}

// tailMax is more than the part of a line behind its params can be long.
const tailMax = 200

func parseTail(line []byte) (e envelope, ok bool) {
	from := max(0, len(line)-tailMax)
	at := bytes.LastIndex(line[from:], []byte(`"phase":`))
	if at < 0 {
		return e, false
	}
	at += from
	switch head := line[:at]; {
	case string(head) == "{":
	case bytes.HasPrefix(head, []byte(`{"params":{`)) && bytes.HasSuffix(head, []byte("},")):
		e.Params = head[len(`{"params":`) : len(head)-1]
	default:
		return e, false
	}
	s := tail(line[at:])
	ok = s.skip(`"phase":`) && s.int(&e.Phase) &&
		s.skip(`,"source":{"id":`) && s.int64(&e.Source.ID) &&
		(!s.skip(`,"start_time":"`) || s.past('"')) &&
		s.skip(`,"type":`) && s.int(&e.Source.Type) &&
		s.skip(`},"time":"`) && s.int64(&e.Time) &&
		s.skip(`","type":`) && s.int(&e.Type) && s.skip("}") && len(s) == 0
	return e, ok
}

// A tail is the rest of a line that is still to be read.
type tail []byte

func (s *tail) skip(word string) bool {
	if !bytes.HasPrefix(*s, []byte(word)) {
		return false
	}
	*s = (*s)[len(word):]
	return true
}

func (s *tail) past(c byte) bool {
	i := bytes.IndexByte(*s, c)
	*s = (*s)[i+1:]
	return i >= 0
}

func (s *tail) int64(n *int64) bool {
	i := 0
	for i < len(*s) && ((*s)[i] == '-' || '0' <= (*s)[i] && (*s)[i] <= '9') {
		i++
	}
	v, err := strconv.ParseInt(string((*s)[:i]), 10, 64)
	*n, *s = v, (*s)[i:]
	return err == nil
}

func (s *tail) int(n *int) bool {
	var v int64
	ok := s.int64(&v)
	*n = int(v)
	return ok
}

// loose is a number that some versions write as a string.
type loose int64

func (n *loose) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(string(bytes.Trim(b, `"`)), 64)
	*n = loose(v)
	return err
}
