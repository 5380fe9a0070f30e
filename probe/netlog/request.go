package netlog

import (
	"strconv"
	"strings"
)

// A request is a Request while its events come in.
type request struct {
	Request
	held     int  // bytes of URLs and headers
	released bool // it has ended
}

func (rd *reader) giveRequest(q *request) {
	rd.requests.remove(q.ID)
	rd.held -= q.held
	if rd.h.Request != nil {
		rd.h.Request(&q.Request)
	}
}

const errWSUpgrade = -173 // the request ended because it became a WebSocket

func (rd *reader) requestAlive(e *Event) error {
	p, err := params[struct {
		URL        string `json:"url"`
		Annotation int    `json:"traffic_annotation"`
		NetError   int    `json:"net_error"`
	}](e)
	if err != nil {
		return err
	}
	if e.Phase == Begin {
		if q, isNew := rd.requests.add(e.SourceID); isNew {
			q.Request = Request{ID: e.SourceID, Annotation: p.Annotation, Start: e.Stamp,
				WebSocket: strings.HasPrefix(p.URL, "ws://") || strings.HasPrefix(p.URL, "wss://")}
			if rd.keep(&q.held, len(p.URL)) {
				q.URL = p.URL
			}
		}
		return nil
	}
	q := rd.requests.get(e.SourceID)
	if q == nil || e.Phase != End || q.released {
		return nil
	}
	q.End, q.NetError = e.Stamp, p.NetError
	if q.WebSocket && p.NetError == errWSUpgrade {
		// The connection lives on in the same source and nothing marks its
		// end, so it is handed over when the log ends.
		q.NetError = 0
		return nil
	}
	q.released = true
	later(rd, rd.requests, q.ID, q, rd.giveRequest)
	return nil
}

// requestStartJob comes once per redirect; the first one tells who asked.
func (rd *reader) requestStartJob(e *Event) error {
	q := rd.requests.get(e.SourceID)
	if q == nil || e.Phase != Begin || q.Method != "" {
		return nil
	}
	p, err := params[struct {
		Initiator string `json:"initiator"`
		Method    string `json:"method"`
		Isolation string `json:"network_isolation_key"`
		Type      string `json:"request_type"`
	}](e)
	if err != nil {
		return err
	}
	q.Initiator, q.Method, q.Isolation, q.Type = p.Initiator, p.Method, p.Isolation, p.Type
	return nil
}

func (rd *reader) requestRedirected(e *Event) error {
	p, err := params[struct {
		Location string `json:"location"`
	}](e)
	q := rd.requests.get(e.SourceID)
	if q == nil || err != nil {
		return err
	}
	if len(q.Redirects) >= maxList {
		rd.log.Dropped++
		return nil
	}
	if rd.keep(&q.held, len(p.Location)) {
		q.Redirects = append(q.Redirects, p.Location)
	}
	return nil
}

// A headerBlock is the headers of one message.
type headerBlock struct {
	Headers []string `json:"headers"`
}

// replace puts new headers in the place of old ones, as far as they fit.
func (rd *reader) replace(q *request, old, headers []string) []string {
	for _, h := range old {
		q.held -= len(h)
		rd.held -= len(h)
	}
	for i, h := range headers {
		if !rd.keep(&q.held, len(h)) {
			return headers[:i]
		}
	}
	return headers
}

func (rd *reader) requestHeaders(e *Event) error {
	p, err := params[headerBlock](e)
	if q := rd.requests.get(e.SourceID); q != nil && err == nil {
		q.Headers = rd.replace(q, q.Headers, p.Headers)
		q.Status, q.Response = 0, rd.replace(q, q.Response, nil)
	}
	return err
}

// responseHeaders takes a response apart, whose status line is the first of
// its headers.
func (rd *reader) responseHeaders(e *Event) error {
	p, err := params[headerBlock](e)
	q := rd.requests.get(e.SourceID)
	if q == nil || err != nil || len(p.Headers) == 0 {
		return err
	}
	if words := strings.Fields(p.Headers[0]); len(words) > 1 {
		// A status that is no number is none.
		q.Status, _ = strconv.Atoi(words[1])
	}
	q.Response = rd.replace(q, q.Response, p.Headers[1:])
	return nil
}

// requestUpload measures a body: the size if it is known beforehand, else how
// far it was read.
func (rd *reader) requestUpload(e *Event) error {
	p, err := params[struct {
		Total    int64 `json:"total_size"`
		Position int64 `json:"current_position"`
	}](e)
	if q := rd.requests.get(e.SourceID); q != nil && err == nil {
		q.Sent = max(q.Sent, p.Total, p.Position)
	}
	return err
}

func (rd *reader) requestBytes(e *Event) error {
	q := rd.requests.get(e.SourceID)
	if q == nil {
		return nil
	}
	n, err := byteCount(e)
	q.Received += n
	return err
}

func (rd *reader) webSocketFrame(sent bool) func(*Event) error {
	return func(e *Event) error {
		p, err := params[struct {
			Length int64 `json:"payload_length"`
		}](e)
		q := rd.requests.get(e.SourceID)
		if q == nil || err != nil {
			return err
		}
		q.End = e.Stamp
		if sent {
			q.Sent += p.Length
		} else {
			q.Received += p.Length
		}
		return nil
	}
}

func (rd *reader) requestQUIC(e *Event) error {
	d, err := params[dependency](e)
	if q := rd.requests.get(e.SourceID); q != nil && err == nil {
		q.QUIC = d.Source.ID
	}
	return err
}
