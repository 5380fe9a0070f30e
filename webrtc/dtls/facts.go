package dtls

import (
	"time"

	"vksprobe/probe"
)

// Observed is one media server as it answered. Subject: the name that the
// options gave it.
var Observed = probe.Kind[Facts]{Name: "dtls.server/v1"}

// State answers a question.
type State string

// The answers. Unknown is what was not asked, or not answered.
const (
	Yes     State = "yes"
	No      State = "no"
	Unknown State = "unknown"
)

// Facts are what a transcript says about a media server.
type Facts struct {
	Server       string           `json:"server"`
	Addresses    []string         `json:"addresses,omitempty"` // host:port of the far end, those of all joins
	Networks     []string         `json:"networks,omitempty"`  // "udp", "tcp"
	Offer        *Offer           `json:"offer,omitempty"`     // as the DTLS client; nil if it never was
	Versions     []Version        `json:"versions"`            // as the DTLS server; the highest first
	Features     map[string]State `json:"features"`
	Certificates []Certificate    `json:"certificates,omitempty"`
	Reused       State            `json:"certificate_reused"`          // the same certificate in different sessions
	Fingerprint  State            `json:"certificate_matches_sdp"`     // every certificate is the one that the signalling announced
	Signatures   []Named          `json:"signature_schemes,omitempty"` // that it signed with, in either role
	Cost         Cost             `json:"cost"`
}

// The features of a media server.
const (
	CookieExchange       = "dtls_cookie"                     // as the server it first sends a HelloVerifyRequest, or a retry with a cookie
	ExtendedMasterSecret = "extended_master_secret"          // RFC 7627, as the server, where it is offered
	EMSRequired          = "extended_master_secret_required" // it refuses who does not offer it
	SRTPRequired         = "use_srtp_required"               // it refuses who does not offer SRTP
	SecureRenegotiation  = "secure_renegotiation"            // RFC 5746
	EncryptThenMAC       = "encrypt_then_mac"                // RFC 7366, with a CBC suite
	SessionTickets       = "session_tickets"                 // RFC 5077
	Heartbeats           = "heartbeat"                       // RFC 6520
	ClientCertificate    = "client_certificate_wanted"       // RFC 8827 wants both sides to have one
	Unoffered            = "unoffered_choice"                // as the server it chose what was not offered
	Handshake            = "handshake_completed"             // as the client it went through with a handshake
	CookieAnswered       = "dtls_cookie_answered"            // as the client it sends back a cookie
	ClientEMS            = "client_extended_master_secret"   // as the client it offers RFC 7627
)

// A Named is a code point with its IANA name.
type Named struct {
	Code uint16 `json:"code"`
	Name string `json:"name"`
}

// An Offer is what the far end would agree to, by its own ClientHello and in
// its own order.
type Offer struct {
	Versions   []Named `json:"versions"`
	Suites     []Named `json:"suites"`
	Groups     []Named `json:"groups,omitempty"`
	Schemes    []Named `json:"signature_schemes,omitempty"`
	Profiles   []Named `json:"srtp_profiles,omitempty"`
	Extensions []Named `json:"extensions,omitempty"`
	Exchange   int     `json:"exchange"`
}

// A Version is one version of DTLS as the server speaks it.
type Version struct {
	Code      uint16 `json:"code"`
	Name      string `json:"name"`
	Accepted  State  `json:"accepted"`
	Suites    Set    `json:"suites,omitzero"`
	Groups    Set    `json:"groups,omitzero"`
	Schemes   Set    `json:"signature_schemes,omitzero"` // hidden in DTLS 1.3
	Profiles  Set    `json:"srtp_profiles,omitzero"`     // hidden in DTLS 1.3
	Exchanges []int  `json:"exchanges,omitempty"`        // those that decided
}

// A Set is what the server accepts of one list.
type Set struct {
	Chosen     *Named     `json:"chosen,omitempty"`   // when everything was offered, the weakest first
	Accepted   []Named    `json:"accepted,omitempty"` // in the order in which it chose them
	Rest       State      `json:"rest,omitempty"`     // accepted: no, when all others that there are were refused
	Preference Preference `json:"preference,omitempty"`
}

// A Preference says whose order decides.
type Preference string

// The preferences.
const (
	OfServer Preference = "server" // it chose the same although that was offered last
	OfClient Preference = "client" // it chose what stood first
	Neither  Preference = "unknown"
)

// A Certificate is one that the far end has shown.
type Certificate struct {
	SHA256    string    `json:"sha256"` // fingerprint as in session descriptions
	Key       string    `json:"key"`    // "ECDSA", "RSA", "Ed25519", "" if it cannot be read
	Bits      int       `json:"bits,omitempty"`
	Curve     string    `json:"curve,omitempty"`
	Signature string    `json:"signature,omitempty"` // algorithm of the certificate's own signature
	Subject   string    `json:"subject,omitempty"`
	SelfMade  bool      `json:"self_issued"` // subject and issuer are the same
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	Days      float64   `json:"days,omitempty"` // of validity
	Chain     int       `json:"chain"`          // certificates that were sent
	Roles     []string  `json:"roles"`          // "client", "server": the far end's in the handshake
	Exchanges []int     `json:"exchanges"`      // sessions in which it was shown
}

// Cost is what the check cost the server.
type Cost struct {
	Joins    int     `json:"joins"`
	Sent     int     `json:"bytes_sent"` // of DTLS
	Received int     `json:"bytes_received"`
	Seconds  float64 `json:"seconds"`
}
