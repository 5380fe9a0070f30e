// Package netlog reads the NetLog that Chromium writes with
// --log-net-log=FILE --net-log-capture-mode=Everything, as a stream.
//
// The log is the primary evidence of a scan: it is written by the network
// service, which a page cannot influence, and it holds every socket, TLS
// handshake, DNS answer, HTTP, WebSocket and QUIC session and every UDP
// datagram with its payload. [Read] goes through it once and hands what it
// finds to the functions of a [Handler]; its memory does not grow with the
// file. A log that is cut at any byte, as after kill -9, is read up to the
// cut.
package netlog

import (
	"fmt"
	"net/netip"
	"time"
)

// A Stamp says when an event happened and where it stands in the file.
type Stamp struct {
	Time  time.Time // wall clock: timeTickOffset + event time
	Event int64     // number of the event's line, the first event is 1
	Byte  int64     // offset of that line in the file
}

// String gives the position as evidence pointers write it: "event=12 byte=3456".
func (s Stamp) String() string { return fmt.Sprintf("event=%d byte=%d", s.Event, s.Byte) }

// A Handler receives what Read finds. Any field may be nil. Datagrams are
// handed over at once and in order. Everything else is handed over a thousand
// events after its end, because the log names the owner of a socket that
// failed only after it is closed; what is still open when the log ends follows
// in order of id.
type Handler struct {
	Socket   func(*Socket)
	Datagram func(*Datagram)
	Lookup   func(*Lookup)
	Request  func(*Request)
	QUIC     func(*QUICSession)
	Event    func(*Event) // every event, before it is interpreted; valid during the call only
}

// A Log is what Read knows of the file as a whole.
type Log struct {
	Mode        string // "Everything", "Default", …
	Browser     string // "Chromium 156.0.8078.79"
	CommandLine string // of the browser, as it wrote it itself; contains secrets
	Start       time.Time
	End         time.Time // time of the last event
	Events      int64
	Malformed   int64 // lines that are not an event; params are checked only if somebody reads them
	Dropped     int64 // entries handed over early or not kept because a bound was reached
	Truncated   bool  // the file does not end as a whole log ends

	// Missing names event types that Read interprets and this log's browser
	// does not know: what they would have told is not measured.
	Missing []string
}

// An Event is one line of the log with its names resolved.
type Event struct {
	Stamp
	Type       string // "TCP_CONNECT_ATTEMPT"
	Phase      Phase
	SourceID   int64
	SourceType string // "SOCKET", "URL_REQUEST", …
	Params     []byte // JSON, nil if the event has none
}

// Phase says whether an event begins, ends or just happens.
type Phase int

// The phases of an event, numbered as in the log.
const (
	None Phase = iota
	Begin
	End
)

// An Attempt is one try to connect, also a failed one of Happy Eyeballs. The
// log gives the system's error of an attempt, which is translated as Chromium
// on Linux does.
type Attempt struct {
	Stamp
	Address  netip.AddrPort
	NetError int // 0 or a net error of Chromium, "-102" is ERR_CONNECTION_REFUSED
}

// A Socket is a TCP or UDP socket. UDP sockets of WebRTC are not connected:
// their Remote is invalid and the peers are in their datagrams. A UDP socket
// without datagrams contacted nobody: Chromium connects some only to ask the
// system for a route.
type Socket struct {
	ID             int64
	Network        string // "tcp" or "udp"
	Local, Remote  netip.AddrPort
	Opened, Closed Stamp
	Attempts       []Attempt
	Sent, Received int64 // bytes of payload, above TCP and below TLS
	NetError       int
	TLS            *TLS
	Opener         string  // type of the source that opened it: "SSL_CONNECT_JOB", "DNS_TRANSACTION"; "" for WebRTC over UDP
	Group          string  // origin the socket was opened for, without a default port: "https://example.org"; "" for WebRTC and DNS
	Owners         []int64 // ids of the requests that used it or waited for it in vain, as far as known
	Annotation     int     // traffic annotation hash of the first owner, 0 if unknown
}

// TLS is a handshake on a TCP socket.
type TLS struct {
	Start, End         Stamp
	ServerName         string // of the ClientHello that was visible on the wire
	InnerServerName    string // of the encrypted ClientHello inside it, "" if there was none
	Version            string // "TLS 1.3", as Chromium writes it
	CipherSuite        uint16 // IANA
	Group              uint16 // IANA supported group, 0 if none
	SignatureAlgorithm uint16 // IANA signature scheme, 0 if none
	ALPN               string
	ECH                bool
	Resumed            bool
	Certificates       [][]byte // DER, the leaf first, as the server sent them
	CertError          int      // net error of the verification, 0 if it succeeded or did not run
	NetError           int      // why the handshake failed, 0 if it succeeded
	Messages           []HandshakeMessage
}

// A HandshakeMessage is one decrypted message of a handshake, header included.
type HandshakeMessage struct {
	Stamp
	Sent  bool // by the browser
	Type  uint8
	Bytes []byte
}

// A Lookup is a name that was to be resolved: a job of the resolver, or a single
// question to a name server that belongs to no job, as WebRTC asks for the
// addresses of STUN and TURN servers. Names that came from the resolver's
// cache, from the hosts file or from a mapping rule ask nobody and are no
// lookups. What WebRTC asks the operating system for leaves no trace.
type Lookup struct {
	Host       string
	Start, End Stamp
	Answers    []Answer
	NetError   int
	Secure     bool // over DoH
}

// An Answer is one record set of a lookup.
type Answer struct {
	Stamp
	Name      string // owner name of the record
	Type      string // "A", "AAAA", "CNAME", "HTTPS"; "SYSTEM" if the operating system resolved the name
	Alias     string // target of a CNAME
	Addresses []netip.Addr
}

// A Request is a URL request: document, script, WebSocket, beacon, or one of
// the browser's own.
type Request struct {
	ID         int64
	URL        string // as requested; contains secrets
	Method     string // "" if the request was given up before it started
	Type       string // "main frame", "subframe", "other", …
	Initiator  string // origin, "not an origin" for the browser's own requests and what the user opens
	Isolation  string // network anonymization key
	Annotation int    // traffic annotation hash
	Start, End Stamp
	Redirects  []string
	Headers    []string // request headers as sent, "name: value", pseudo headers included; of the last redirect
	Status     int      // HTTP status, 0 if there was no answer
	Response   []string // response headers as received, without the status line
	NetError   int      // 0 also for a WebSocket whose request became a connection
	WebSocket  bool
	Socket     int64 // id of the last socket, 0 if unknown
	QUIC       int64 // id of the last QUIC session, 0 if none
	Sent       int64 // bytes of the request body; of a WebSocket: payload of its frames
	Received   int64 // bytes of the response body after content decoding; of a WebSocket: payload of its frames
}

// A QUICSession is an HTTP/3 or WebTransport connection.
type QUICSession struct {
	ID             int64
	Host           string
	Port           int
	Local, Remote  netip.AddrPort
	Start, End     Stamp
	Version        string
	ALPN           string
	Certificates   [][]byte
	WebTransport   []string // URLs of the sessions inside
	Sent, Received int64    // packets
	NetError       int      // -3 is a session that the browser closed itself
	CryptoReceived []byte   // handshake messages in the received CRYPTO frames, up to the first gap
}

// A Datagram is one UDP packet.
type Datagram struct {
	Stamp
	Socket        int64
	Sent          bool
	Local, Remote netip.AddrPort // Local is invalid until the log names it, which for DNS is after the datagrams
	Length        int
	Payload       []byte // nil unless the log was taken in Everything mode; valid during the call only
}
