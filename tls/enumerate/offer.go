package enumerate

import "vksprobe/tls/quic"

// State is an answer that may be missing.
type State string

// The states.
const (
	Yes     State = "yes"
	No      State = "no"
	Unknown State = "unknown" // not asked, or not answered for sure
)

// An Offer is what one address offers.
type Offer struct {
	Host       string           `json:"host,omitempty"`     // the name that was asked for
	Address    string           `json:"address"`            // "192.0.2.1:443"
	Transport  string           `json:"transport"`          // "tcp", "udp" or "quic"
	QUIC       *QUICOffer       `json:"quic,omitempty"`     // beside TLS
	StartTLS   string           `json:"starttls,omitempty"` // protocol of the preamble
	Versions   []Version        `json:"versions"`           // the highest first
	DH         []DHParameters   `json:"dh,omitempty"`       // of DHE
	Chains     []Presented      `json:"chains,omitempty"`
	Protocols  []string         `json:"alpn,omitempty"`
	Features   map[string]State `json:"features"`
	Flaws      map[string]State `json:"flaws"`
	Tickets    []Ticket         `json:"tickets,omitempty"`
	Client     *ClientRequest   `json:"client_certificate,omitempty"` // what a request for one says
	Names      Names            `json:"names"`
	Unanswered int              `json:"unanswered"` // exchanges without an answer that means something
	Cost       *Cost            `json:"cost,omitempty"`
}

// A QUICOffer is what a server of QUIC shows beside TLS.
type QUICOffer struct {
	Versions []QUICVersion `json:"versions,omitempty"` // that it names in Version Negotiation, in its order
	Reserved bool          `json:"reserved,omitempty"` // among them was one that nobody has (RFC 9000 section 15)
	Spoken   []QUICVersion `json:"spoken,omitempty"`   // in which it has answered a hello
	Retry    State         `json:"retry"`              // validates addresses by Retry before it answers
	Bound    State         `json:"connection_ids_bound"`
	// Parameters are those of one connection by their numbers, without what
	// only that connection has: the values of its IDs and of the token that
	// resets it, and reserved parameters.
	Parameters []quic.Parameter `json:"transport_parameters,omitempty"`
}

// A QUICVersion is a version of QUIC: "QUIC v1", "draft-29", "Google Q050".
type QUICVersion struct {
	Code uint32 `json:"code"`
	Name string `json:"name"`
}

// A Version is one protocol version.
type Version struct {
	Code             uint16     `json:"code"`
	Name             string     `json:"name"`
	State            State      `json:"state"`
	Suites           []Named    `json:"suites,omitempty"` // in the server's order if suites_ordered
	SuitesUnknown    []Named    `json:"suites_unknown,omitempty"`
	SuitesRefused    []uint16   `json:"suites_refused,omitempty"`
	SuitePreference  Preference `json:"suite_preference"`
	SuitesOrdered    bool       `json:"suites_ordered"`               // every neighbour is proven
	ChaCha20ByClient bool       `json:"chacha20_by_client,omitempty"` // clients that put ChaCha20 first get it
	Groups           []Named    `json:"groups,omitempty"`
	GroupsRefused    []uint16   `json:"groups_refused,omitempty"`
	GroupPreference  Preference `json:"group_preference"`
	SignatureSchemes []Named    `json:"signature_schemes,omitempty"`
	SchemesRefused   []uint16   `json:"signature_schemes_refused,omitempty"`
}

// Named is a code point with its IANA name.
type Named struct {
	Code uint16 `json:"code"`
	Name string `json:"name"`
}

// DHParameters are a prime that a server uses for DHE.
type DHParameters struct {
	Bits   int    `json:"bits"`
	SHA256 string `json:"prime_sha256"`
	Known  string `json:"known,omitempty"` // "ffdhe2048 (RFC 7919)"
	Safe   State  `json:"safe"`            // (p-1)/2 is a prime, too
	Reused State  `json:"reused"`          // the same public key on two connections
}

// Presented is a chain and when it is sent.
type Presented struct {
	DER        [][]byte `json:"der"`            // the certificates as they were sent
	OCSP       [][]byte `json:"ocsp,omitempty"` // stapled responses
	SCTs       [][]byte `json:"scts,omitempty"` // lists of signed certificate timestamps from TLS extensions
	Names      []string `json:"asked"`          // "host", "none", "unknown": the server names that got it
	Versions   []string `json:"versions"`       // in which it was seen
	Schemes    []Named  `json:"schemes"`        // what was signed with its key
	Compressed bool     `json:"compressed,omitempty"`
}

// A Ticket is what a server hands out to resume a session.
type Ticket struct {
	Version      string `json:"version"`
	Lifetime     uint32 `json:"lifetime"` // seconds
	MaxEarlyData uint32 `json:"max_early_data,omitempty"`
	KeyName      string `json:"key_name,omitempty"` // first 16 bytes of the ticket (RFC 5077 section 4), hex
}

// A ClientRequest is a server's wish for a client certificate.
type ClientRequest struct {
	SignatureSchemes []Named `json:"signature_schemes,omitempty"`
	Authorities      int     `json:"authorities"`
}

// Names is what a server does with names it is not asked for usually: "same",
// "other" (another certificate), "refused" or "unknown".
type Names struct {
	None    string `json:"none"`
	Unknown string `json:"unknown"`
}
