package webrtc

import "time"

// A Configuration is an RTCConfiguration at one time. Credentials are left
// out.
type Configuration struct {
	Time            time.Time `json:"time"`
	Source          string    `json:"source"`                     // as in ICEServer
	Servers         []string  `json:"servers"`                    // URLs, masked
	TransportPolicy string    `json:"transport_policy,omitempty"` // "all", "relay"; "" if it was not given
	BundlePolicy    string    `json:"bundle_policy,omitempty"`
	MuxPolicy       string    `json:"mux_policy,omitempty"`      // of RTCP
	EncodedStreams  bool      `json:"encoded_streams,omitempty"` // encodedInsertableStreams
}

// A Description is a session description that was set, as far as it matters
// for security and without what is secret in it.
type Description struct {
	Time         time.Time `json:"time"`
	Local        bool      `json:"local"`
	Type         string    `json:"type"` // "offer", "answer", "pranswer"
	Fingerprints []string  `json:"fingerprints,omitempty"`
	Setup        []string  `json:"setup,omitempty"`    // DTLS roles, RFC 8842: "actpass", "active", "passive"
	Lite         bool      `json:"lite,omitempty"`     // ICE lite, which is for servers (RFC 8445 section 2.5)
	Crypto       []string  `json:"crypto,omitempty"`   // crypto suites of SDES (RFC 4568); the keys are left out
	Sections     []Section `json:"sections,omitempty"` // one per m= line
}

// A Section is one m= line of a Description.
type Section struct {
	Kind      string `json:"kind"` // "audio", "video", "application"
	MID       string `json:"mid,omitempty"`
	Protocol  string `json:"protocol"`            // "UDP/TLS/RTP/SAVPF"; "RTP/AVP" would be unencrypted
	Direction string `json:"direction,omitempty"` // "sendrecv", "recvonly", …
	Rejected  bool   `json:"rejected,omitempty"`  // its port is 0
}

// FarEnd says who is at the other end of a connection.
type FarEnd struct {
	Kind FarEndKind `json:"kind"`

	// Basis is why: "echo", "ice-lite", "mdns" (only a browser hides its
	// address so), "is connection:2/1" (the description of another participant
	// of this scan), "shared with connection:2/1" (both were given the same
	// certificate or address).
	Basis []string `json:"basis,omitempty"`
}

// FarEndKind is a kind of far end.
type FarEndKind string

// The kinds of far ends. What could not be told is FarUnknown.
const (
	FarUnknown     FarEndKind = "unknown"
	FarServer      FarEndKind = "server"
	FarParticipant FarEndKind = "participant" // the connection leads from browser to browser
	FarLoopback    FarEndKind = "loopback"    // both ends are in this page
)

// Handshake is what the packets of a DTLS handshake show. With DTLS 1.3 only
// the hello messages are readable.
type Handshake struct {
	Count                int      `json:"count"`              // handshakes that were seen; the last one that was answered is described
	OfferedBy            string   `json:"offered_by"`         // "browser" or "far_end", the DTLS client
	Versions             []string `json:"versions,omitempty"` // offered
	CipherSuites         []string `json:"cipher_suites,omitempty"`
	Groups               []string `json:"groups,omitempty"`
	SignatureSchemes     []string `json:"signature_schemes,omitempty"`
	SRTPProfiles         []string `json:"srtp_profiles,omitempty"`
	Group                string   `json:"group,omitempty"`            // chosen
	SignatureScheme      string   `json:"signature_scheme,omitempty"` // of the server's key exchange
	ClientSignature      string   `json:"client_signature,omitempty"`
	PrimeBits            int      `json:"prime_bits,omitempty"` // of DHE
	ExtendedMasterSecret bool     `json:"extended_master_secret,omitempty"`
	Cookie               bool     `json:"cookie,omitempty"` // HelloVerifyRequest or HelloRetryRequest
	MKI                  bool     `json:"mki,omitempty"`
	Fragmented           int64    `json:"fragmented,omitempty"` // messages that came in parts
	Incomplete           int      `json:"incomplete,omitempty"` // messages of which parts are missing
	Alerts               []string `json:"alerts,omitempty"`     // in the clear: "far_end fatal 40"
}

// A PeerCertificate is what one side authenticates itself with.
type PeerCertificate struct {
	Side        string    `json:"side"`             // "local" or "remote"
	Sources     []string  `json:"sources"`          // who showed it, of "packets", "internals", "hook"
	Key         string    `json:"key,omitempty"`    // "ECDSA", "RSA", "Ed25519"
	Bits        int       `json:"bits,omitempty"`   // of the key
	Curve       string    `json:"curve,omitempty"`  // of ECDSA: "P-256"
	Signature   string    `json:"signature"`        // algorithm: "ECDSA-SHA256"
	NotBefore   time.Time `json:"not_before"`       // the lifetime tells how long a key is used
	NotAfter    time.Time `json:"not_after"`        // …
	Fingerprint string    `json:"fingerprint"`      // with SHA-256
	Bound       string    `json:"bound,omitempty"`  // "yes" if a description of that side has its fingerprint, "no" if it has others only, "" without any
	Shared      []string  `json:"shared,omitempty"` // subjects of other connections with the same certificate on that side
}

// SRTPUse is how media is protected in one direction. DTLS-SRTP agrees on one
// profile for both, but a meeting may use a connection per direction, and then
// the profiles depend on who was the DTLS server.
type SRTPUse struct {
	Direction string `json:"direction"` // "send" or "receive"
	Profile   string `json:"profile"`   // IANA name, "" if it was not seen
	ChosenBy  string `json:"chosen_by"` // "browser" or "far_end", the DTLS server; "" if it is not known
	Packets   int64  `json:"packets"`   // RTP on the wire
}

// A Codec is what a payload type on the wire stands for.
type Codec struct {
	Direction   string `json:"direction"` // "send" or "receive"
	PayloadType uint8  `json:"payload_type"`
	Name        string `json:"name,omitempty"` // "opus/48000/2"; "" if no description names it
	Packets     int64  `json:"packets"`
}

// A Transform is an encoded transform that the page put on a sender or
// receiver. It shows that a transform is present, not what it does: it may
// encrypt, and may just as well not.
type Transform struct {
	API    string `json:"api"` // "RTCRtpScriptTransform" or "createEncodedStreams"
	On     string `json:"on"`  // "sender" or "receiver"
	Kind   string `json:"kind,omitempty"`
	Script string `json:"script,omitempty"` // that put it there, masked

	// Workers are the workers that the page had by then, masked: one of them
	// runs the transform or, with createEncodedStreams, maybe the page itself.
	Workers []string `json:"workers,omitempty"`
}

// A Relay is an address that a TURN server gave to the connection.
type Relay struct {
	Server    string   `json:"server"`            // address
	Transport string   `json:"transport"`         // to it: "udp", "tcp", "tls"
	Relayed   string   `json:"relayed,omitempty"` // "" if it was refused
	Mapped    string   `json:"mapped,omitempty"`  // what the server sees of us
	Code      int      `json:"code,omitempty"`    // of the refusal
	Lifetime  int      `json:"lifetime_seconds,omitempty"`
	Software  []string `json:"software,omitempty"`
	Realms    []string `json:"realms,omitempty"`
	Used      bool     `json:"used"` // it carried packets of the connection
}

// An Exposure is an address of this computer that others learn.
type Exposure struct {
	Address string `json:"address"` // without the port; a .local name hides it
	Class   string `json:"class"`   // "mdns", "loopback", "link_local", "private", "shared", "public", "name"
	Type    string `json:"type"`    // of the candidate: "host", "srflx", "prflx", "relay"

	// To is who learns it: "page", which may pass the candidate on to every
	// participant, or "far_end", which receives packets from it.
	To string `json:"to"`
}
