package tracking

import (
	"time"

	"vksprobe/probe"
)

// Contact observes one host that the browser contacted, or tried to, in one
// phase. Subject: "host:example.org". The phase is the one in which the
// traffic happened; a host that was contacted in three phases has three
// observations.
//
// A Contact with the subject "participant:1" and a Failure says that the
// NetLog or the protocol of a participant is missing or not whole from that
// phase on: what it does not show may still have happened.
var Contact = probe.Kind[HostContact]{Name: "tracking.contact/v1"}

// HostContact is the traffic with one host within one phase.
type HostContact struct {
	Participant int       `json:"participant"`
	Host        string    `json:"host"` // name, or the address if no name is known
	Party       Party     `json:"party"`
	Ports       []int     `json:"ports,omitempty"`
	Addresses   []string  `json:"addresses,omitempty"`
	Transports  []string  `json:"transports"`           // of "dns", "tcp", "tls", "quic", "udp", "stun", "turn", "media"
	Mechanisms  []string  `json:"mechanisms,omitempty"` // of CDP's resource types in lower case, but "beacon", "csp_report" and "av" for its "media"; "worker", "webtransport", "preconnect", "ice_server", "turn_server", "media" of WebRTC
	Initiators  []string  `json:"initiators,omitempty"` // origins and scripts, masked
	Requests    int       `json:"requests"`
	Sent        int64     `json:"sent"`     // bytes of payload
	Received    int64     `json:"received"` // bytes of payload
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Connected   bool      `json:"connected"` // at least one packet was answered
	NetErrors   []int     `json:"net_errors,omitempty"`
	Sources     []string  `json:"sources"` // of "netlog", "cdp", "hook", "internals"

	// Disagreements says where the sources differ: "netlog: no traffic with
	// this host".
	Disagreements []string `json:"disagreements,omitempty"`
}

// Party says whose host it is, seen from the meeting.
type Party string

// The parties.
const (
	First      Party = "first"   // same registrable domain as the meeting, or declared as the operator's own
	Third      Party = "third"   // everything else that a page asked for
	Unclear    Party = "unclear" // an address without a name, as media servers often have
	OwnBrowser Party = "browser" // traffic of the browser itself, never blamed on the site
)

// Leak observes that a secret of the target was sent to a host. Subject:
// "host:example.org".
var Leak = probe.Kind[Leaked]{Name: "tracking.leak/v1"}

// Leaked says what was sent where.
type Leaked struct {
	Participant int    `json:"participant"`
	Host        string `json:"host"`
	Party       Party  `json:"party"`
	What        string `json:"what"`  // of "link", "room", "name", "password"
	Where       string `json:"where"` // of "url", "referer", "header", "body", "websocket"
	Form        string `json:"form"`  // of "plain", "percent", "json", "base64", "hex"
	URL         string `json:"url"`   // masked, without the values of its query

	// Weak is true if the secret is so short or so plain a word that finding
	// it may be chance.
	Weak bool `json:"weak,omitempty"`
}
