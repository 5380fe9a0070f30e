package netlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// The bounds that keep the reader's memory independent of the file.
const (
	maxLive     = 1 << 14   // entries of each kind that are open at a time
	maxLinks    = 1 << 16   // jobs and sessions that are remembered for attribution
	maxList     = 1024      // owners, redirects, answers, URLs of one entry
	maxAttempts = 64        // of one socket
	maxMessages = 128       // handshake messages of one socket
	maxEntry    = 2 << 20   // bytes of messages, headers and names of one entry
	maxHeld     = 256 << 20 // the same of all entries that are open

	// linger is the number of events for which an entry is kept after its end.
	linger = 1024
)

// Read goes through a NetLog once and hands what it finds to h.
//
// A log that is cut off or partly damaged is read as far as possible and
// described by the fields Truncated and Malformed of the Log, also when the
// cut is in its first line. An error means that the input is no NetLog at
// all, that ctx ended or that r failed; with the latter two the Log tells
// how far Read came, and what was open then is still handed over.
func Read(ctx context.Context, r io.Reader, h Handler) (*Log, error) {
	in := newLines(r, maxLine)
	rd := newReader(h)
	whole, err := rd.begin(in)
	if whole && err == nil {
		err = rd.events(ctx, in)
		rd.flush()
	}
	if errors.Is(err, errNotNetLog) {
		return nil, err
	}
	if err != nil {
		rd.log.Truncated = true
		err = fmt.Errorf("netlog: %w", err)
	}
	return &rd.log, err
}

var errNotNetLog = errors.New("not a NetLog")

// A reader is the state of one Read.
type reader struct {
	h      Handler
	log    Log
	offset int64 // milliseconds between ticks and the Unix epoch

	types   map[int]eventType
	sources map[int]string

	event Event // the one at hand
	ended []ending
	held  int // bytes of messages, headers and names in all tables

	sockets  *table[socket]
	clients  *table[udpClient]
	lookups  *table[lookup]
	requests *table[request]
	quics    *table[quicSession]
	jobs     *table[streamJob]
	http2    *table[int64] // HTTP2_SESSION to socket
	connects *table[connectJob]
	quicJobs *table[string] // QUIC_SESSION_POOL_*_JOB to origin
	verify   *table[certJob]

	payload []byte
}

// An eventType is a type of event and what is done with it, nil for nothing.
type eventType struct {
	name      string
	interpret func(*Event) error
}

// An ending is an entry that is complete and waits for late news.
type ending struct {
	due  int64 // number of the event
	give func()
}

func newReader(h Handler) *reader {
	rd := &reader{h: h}
	rd.sockets = newTable(maxLive, func(s *socket) { rd.log.Dropped++; rd.giveSocket(s) })
	rd.lookups = newTable(maxLive, func(l *lookup) {
		if !l.adopted {
			rd.log.Dropped++
		}
		rd.giveLookup(l)
	})
	rd.requests = newTable(maxLive, func(q *request) { rd.log.Dropped++; rd.giveRequest(q) })
	rd.quics = newTable(maxLive, func(q *quicSession) { rd.log.Dropped++; rd.giveQUIC(q) })
	rd.clients = newTable(maxLinks, func(*udpClient) {})
	rd.jobs = newTable(maxLinks, func(*streamJob) {})
	rd.http2 = newTable(maxLinks, func(*int64) {})
	rd.connects = newTable(maxLinks, func(*connectJob) {})
	rd.quicJobs = newTable(maxLinks, func(*string) {})
	rd.verify = newTable(maxLinks, func(*certJob) {})
	return rd
}

// interpreters is the list of event types that mean something to the reader.
func (rd *reader) interpreters() map[string]func(*Event) error {
	return map[string]func(*Event) error{
		"SOCKET_ALIVE":          rd.socketAlive,
		"SOCKET_CLOSED":         rd.socketClosed,
		"TCP_CONNECT":           rd.tcpConnect,
		"TCP_CONNECT_ATTEMPT":   rd.tcpConnectAttempt,
		"SOCKET_BYTES_SENT":     rd.socketBytes(true),
		"SOCKET_BYTES_RECEIVED": rd.socketBytes(false),
		"SOCKET_READ_ERROR":     rd.socketError,
		"SOCKET_WRITE_ERROR":    rd.socketError,
		"UDP_CONNECT":           rd.udpConnect,
		"UDP_LOCAL_ADDRESS":     rd.udpLocalAddress,
		"UDP_BYTES_SENT":        rd.udpBytes(true),
		"UDP_BYTES_RECEIVED":    rd.udpBytes(false),
		"UDP_SEND_ERROR":        rd.socketError,
		"UDP_RECEIVE_ERROR":     rd.socketError,

		"SSL_CONNECT":                                            rd.sslConnect,
		"SSL_HANDSHAKE_MESSAGE_SENT":                             rd.sslMessage(true),
		"SSL_HANDSHAKE_MESSAGE_RECEIVED":                         rd.sslMessage(false),
		"SSL_ENCRYPTED_CLIENT_HELLO":                             rd.sslInnerHello,
		"SSL_CERTIFICATES_RECEIVED":                              rd.sslCertificates,
		"CERT_VERIFIER_REQUEST_BOUND_TO_JOB":                     rd.certRequestBound,
		"CERT_VERIFIER_JOB":                                      rd.certJob,
		"SOCKET_POOL_CONNECT_JOB_CREATED":                        rd.connectJobCreated,
		"TCP_CLIENT_SOCKET_POOL_REQUESTED_SOCKET":                rd.jobGroup,
		"SOCKET_POOL_BOUND_TO_CONNECT_JOB":                       rd.jobLink((*streamJob).setConnect),
		"SOCKET_POOL_BOUND_TO_SOCKET":                            rd.jobLink((*streamJob).setSocket),
		"HTTP_STREAM_JOB_BOUND_TO_REQUEST":                       rd.jobLink((*streamJob).setRequest),
		"HTTP_STREAM_REQUEST_BOUND_TO_JOB":                       rd.requestBound,
		"SOCKET_IN_USE":                                          rd.socketInUse,
		"HTTP2_SESSION_INITIALIZED":                              rd.http2Initialized,
		"HTTP_STREAM_JOB_HTTP2_SESSION_AVAILABLE":                rd.jobLink((*streamJob).setHTTP2),
		"HTTP2_SESSION_POOL_IMPORTED_SESSION_FROM_SOCKET":        rd.jobLink((*streamJob).setHTTP2),
		"HTTP2_SESSION_POOL_FOUND_EXISTING_SESSION":              rd.jobLink((*streamJob).setHTTP2),
		"HTTP2_SESSION_POOL_FOUND_EXISTING_SESSION_FROM_IP_POOL": rd.jobLink((*streamJob).setHTTP2),
		"HTTP_STREAM_REQUEST_BOUND_TO_QUIC_SESSION":              rd.requestQUIC,

		"HOST_RESOLVER_MANAGER_JOB":                 rd.resolverJob,
		"DNS_TRANSACTION":                           rd.dnsTransaction,
		"DNS_TRANSACTION_HTTPS_ATTEMPT":             rd.dnsSecureAttempt,
		"DNS_TRANSACTION_RESPONSE":                  rd.dnsResponse,
		"HOST_RESOLVER_DNS_TASK":                    rd.resolverTask,
		"HOST_RESOLVER_DNS_TASK_EXTRACTION_RESULTS": rd.resolverResults,
		"HOST_RESOLVER_SYSTEM_TASK":                 rd.resolverSystemTask,

		"REQUEST_ALIVE":                               rd.requestAlive,
		"URL_REQUEST_START_JOB":                       rd.requestStartJob,
		"URL_REQUEST_REDIRECTED":                      rd.requestRedirected,
		"HTTP_TRANSACTION_SEND_REQUEST_HEADERS":       rd.requestHeaders,
		"HTTP_TRANSACTION_HTTP2_SEND_REQUEST_HEADERS": rd.requestHeaders,
		"HTTP_TRANSACTION_QUIC_SEND_REQUEST_HEADERS":  rd.requestHeaders,
		"HTTP_TRANSACTION_READ_RESPONSE_HEADERS":      rd.responseHeaders,
		"UPLOAD_DATA_STREAM_INIT":                     rd.requestUpload,
		"UPLOAD_DATA_STREAM_READ":                     rd.requestUpload,
		"URL_REQUEST_JOB_FILTERED_BYTES_READ":         rd.requestBytes,
		"WEBSOCKET_SENT_FRAME_HEADER":                 rd.webSocketFrame(true),
		"WEBSOCKET_RECV_FRAME_HEADER":                 rd.webSocketFrame(false),

		"QUIC_SESSION_POOL_JOB":                  rd.quicPoolJob,
		"QUIC_SESSION":                           rd.quicSession,
		"QUIC_SESSION_WEBTRANSPORT_CLIENT_ALIVE": rd.webTransport,
		"QUIC_SESSION_PACKET_SENT":               rd.quicPacketSent,
		"QUIC_SESSION_PACKET_RECEIVED":           rd.quicPacketReceived,
		"QUIC_SESSION_VERSION_NEGOTIATED":        rd.quicVersion,
		"QUIC_SESSION_CRYPTO_FRAME_RECEIVED":     rd.quicCrypto,
		"QUIC_SESSION_CLOSE_ON_ERROR":            rd.quicError,
	}
}

// begin reads the first line, which holds the constants. It reports whether
// the line is whole; if the file ends in it the log is only truncated.
func (rd *reader) begin(in *lines) (bool, error) {
	const start = `{"constants":`
	err := in.scan()
	if errors.Is(err, io.EOF) {
		rd.log.Truncated = true
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !bytes.HasPrefix(in.Bytes, []byte(start)) {
		if !in.Whole && bytes.HasPrefix([]byte(start), in.Bytes) {
			rd.log.Truncated = true
			return false, nil
		}
		return false, errNotNetLog
	}
	var head struct {
		Constants struct {
			ClientInfo struct {
				CommandLine string `json:"command_line"`
				Name        string `json:"name"`
				Version     string `json:"version"`
			} `json:"clientInfo"`
			LogCaptureMode string         `json:"logCaptureMode"`
			LogEventTypes  map[string]int `json:"logEventTypes"`
			LogSourceType  map[string]int `json:"logSourceType"`
			TimeTickOffset loose          `json:"timeTickOffset"`
		} `json:"constants"`
	}
	// The object is closed at the end of the file.
	text := append(bytes.TrimRight(in.Bytes, ", \r"), '}')
	if err := json.Unmarshal(text, &head); err != nil {
		if !in.Whole {
			rd.log.Truncated = true
			return false, nil
		}
		return false, errNotNetLog
	}
	c := &head.Constants
	if len(c.LogEventTypes) == 0 {
		return false, errNotNetLog
	}
	rd.offset = int64(c.TimeTickOffset)
	rd.log.Mode = c.LogCaptureMode
	rd.log.CommandLine = c.ClientInfo.CommandLine
	rd.log.Browser = c.ClientInfo.Name + " " + c.ClientInfo.Version
	rd.sources = make(map[int]string, len(c.LogSourceType))
	for name, n := range c.LogSourceType {
		rd.sources[n] = name
	}
	known := rd.interpreters()
	rd.types = make(map[int]eventType, len(c.LogEventTypes))
	for name, n := range c.LogEventTypes {
		rd.types[n] = eventType{name, known[name]}
	}
	for name := range known {
		if _, ok := c.LogEventTypes[name]; !ok {
			rd.log.Missing = append(rd.log.Missing, name)
		}
	}
	slices.Sort(rd.log.Missing)
	return true, nil
}

// events reads all lines behind the first.
func (rd *reader) events(ctx context.Context, in *lines) error {
	rd.log.Truncated = true
	var number int64
	closed := false // the list of events is
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		err := in.scan()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if in.Over {
			number++
			rd.log.Dropped++
			continue
		}
		line := bytes.TrimRight(in.Bytes, ", \r")
		switch {
		case closed:
			rd.log.Truncated = string(line) != "}"
			continue
		case len(line) == 0 || string(line) == `"events": [`:
			continue
		}
		// The last event has the end of the list behind it.
		text := bytes.TrimRight(line, "]")
		closed = len(text) < len(line)
		if len(text) == 0 {
			continue
		}
		number++
		switch {
		case rd.one(text, number, in.Byte):
			rd.log.Events++
		case in.Whole:
			rd.log.Malformed++
		}
	}
}

// one interprets the line of an event and reports whether it is one.
func (rd *reader) one(line []byte, number, at int64) bool {
	e, ok := parseEnvelope(line)
	t, known := rd.types[e.Type]
	// Ticks are checked before they are added, so that no sum overflows and
	// every time can be written as JSON.
	const year9999 = 253402300799999
	if !ok || !known || e.Time < 0 || e.Time > year9999 || rd.offset < 0 || rd.offset > year9999-e.Time {
		return false
	}
	for len(rd.ended) > 0 && rd.ended[0].due <= number {
		rd.ended[0].give()
		rd.ended = rd.ended[1:]
	}
	now := rd.offset + e.Time
	if rd.log.Start.IsZero() {
		rd.log.Start = time.UnixMilli(now).UTC()
	}
	if end := time.UnixMilli(now); rd.log.End.Before(end) {
		rd.log.End = end.UTC()
	}
	if t.interpret == nil && rd.h.Event == nil {
		return true
	}
	rd.event = Event{
		Stamp:    Stamp{Time: time.UnixMilli(now).UTC(), Event: number, Byte: at},
		Type:     t.name,
		Phase:    Phase(e.Phase),
		SourceID: e.Source.ID, SourceType: rd.sources[e.Source.Type],
		Params: e.Params,
	}
	if rd.h.Event != nil {
		if e.Params != nil && !json.Valid(e.Params) {
			return false
		}
		rd.h.Event(&rd.event)
	}
	if t.interpret == nil {
		return true
	}
	return t.interpret(&rd.event) == nil
}

// later hands an entry over when the events about its end are through, unless
// it had to leave its table before.
func later[T any](rd *reader, t *table[T], id int64, v *T, give func(*T)) {
	rd.ended = append(rd.ended, ending{rd.event.Event + linger, func() {
		if t.get(id) == v {
			give(v)
		}
	}})
}

// keep reports whether an entry that holds so many bytes may hold n more, and
// counts them.
func (rd *reader) keep(held *int, n int) bool {
	if *held+n > maxEntry || rd.held+n > maxHeld {
		rd.log.Dropped++
		return false
	}
	*held += n
	rd.held += n
	return true
}

// flush hands over everything that is still there.
func (rd *reader) flush() {
	rd.ended = nil
	for _, id := range rd.sockets.ids() {
		rd.giveSocket(rd.sockets.get(id))
	}
	for _, id := range rd.lookups.ids() {
		rd.giveLookup(rd.lookups.get(id))
	}
	for _, id := range rd.requests.ids() {
		rd.giveRequest(rd.requests.get(id))
	}
	for _, id := range rd.quics.ids() {
		rd.giveQUIC(rd.quics.get(id))
	}
}

// params decodes the params of an event; an event without any gives the zero
// value.
func params[T any](e *Event) (p T, err error) {
	if e.Params != nil {
		err = json.Unmarshal(e.Params, &p)
	}
	return p, err
}

// A dependency is the other source that an event names.
type dependency struct {
	Source struct {
		ID   int64 `json:"id"`
		Type int   `json:"type"`
	} `json:"source_dependency"`
}

// join appends v to list unless it is there or the list is full.
func (rd *reader) join(list []int64, v int64) []int64 {
	if slices.Contains(list, v) {
		return list
	}
	if len(list) >= maxList {
		rd.log.Dropped++
		return list
	}
	return append(list, v)
}
