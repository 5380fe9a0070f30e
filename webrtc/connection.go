package webrtc

import (
	"time"

	"vksprobe/probe"
)

// Connection observes one RTCPeerConnection. Subject: "connection:1/3", the
// participant and the number of the connection.
var Connection = probe.Kind[Peer]{Name: "webrtc.connection/v1"}

// Peer is what is known of a connection at the end of the scan.
type Peer struct {
	Participant       int         `json:"participant"`
	Number            int         `json:"number"`           // in order of creation, per participant
	Frame             string      `json:"frame"`            // URL of the frame, masked
	Script            string      `json:"script,omitempty"` // first frame of the stack that created it, masked
	Created           time.Time   `json:"created"`
	States            []string    `json:"states"` // connection states in order
	ICEServers        []ICEServer `json:"ice_servers"`
	Candidates        []Candidate `json:"candidates,omitempty"` // local ones, as gathered
	Selected          *Pair       `json:"selected,omitempty"`
	Loopback          bool        `json:"loopback"`                    // both ends are in this page: an echo test
	DTLSVersion       string      `json:"dtls_version,omitempty"`      // "DTLS 1.2"
	DTLSCipherSuite   string      `json:"dtls_cipher_suite,omitempty"` // IANA name
	DTLSRole          string      `json:"dtls_role,omitempty"`         // of the browser: "client" or "server"
	DTLSState         string      `json:"dtls_state,omitempty"`
	SRTPProfile       string      `json:"srtp_profile,omitempty"`      // IANA name
	LocalFingerprint  string      `json:"local_fingerprint,omitempty"` // "sha-256 AB:CD:…"
	RemoteFingerprint string      `json:"remote_fingerprint,omitempty"`
	Described         bool        `json:"described"` // a session description was seen; without one SDES says nothing
	SDES              bool        `json:"sdes"`      // a crypto line in any description
	DataChannels      []string    `json:"data_channels,omitempty"`
	Transform         bool        `json:"transform"` // an encoded transform is present
	PacketsSent       int64       `json:"packets_sent"`
	PacketsReceived   int64       `json:"packets_received"`

	Configurations   []Configuration   `json:"configurations,omitempty"` // as they changed
	Descriptions     []Description     `json:"descriptions,omitempty"`   // in the order in which they were set
	RemoteCandidates []Candidate       `json:"remote_candidates,omitempty"`
	FarEnd           FarEnd            `json:"far_end"`
	Handshake        *Handshake        `json:"handshake,omitempty"` // nil if no packet of one was seen
	Certificates     []PeerCertificate `json:"certificates,omitempty"`
	SRTP             []SRTPUse         `json:"srtp,omitempty"`       // of the directions in which media passed
	Unkeyed          bool              `json:"unkeyed,omitempty"`    // RTP passed, but no DTLS handshake: it is plain, or its keys are from elsewhere
	ClearRTCP        int64             `json:"clear_rtcp,omitempty"` // RTCP packets that are not encrypted
	Codecs           []Codec           `json:"codecs,omitempty"`
	Transforms       []Transform       `json:"transforms,omitempty"`
	Relays           []Relay           `json:"relays,omitempty"`
	Exposed          []Exposure        `json:"exposed,omitempty"`

	Sources       []string `json:"sources"`                 // of "internals", "hook", "packets"
	Disagreements []string `json:"disagreements,omitempty"` // fields on which the sources differ: "srtp_profile: hook X, packets Y"
}

// ICEServer is a STUN or TURN server that the page configured.
type ICEServer struct {
	URL        string `json:"url"` // "turns:turn.example.org:5349?transport=tcp"
	Host       string `json:"host"`
	Credential bool   `json:"credential"` // a user name was given; never the name itself
	Source     string `json:"source"`     // of "constructor", "setConfiguration", "getConfiguration", "internals"
}

// Candidate is an ICE candidate.
type Candidate struct {
	Type     string `json:"type"` // "host", "srflx", "prflx", "relay"
	Protocol string `json:"protocol"`
	Address  string `json:"address"`         // "192.0.2.1:5000", a .local name if hidden by mDNS
	Relay    string `json:"relay,omitempty"` // protocol to the TURN server
}

// Pair is the selected candidate pair.
type Pair struct {
	Local  Candidate `json:"local"`
	Remote Candidate `json:"remote"`
}

// Flow observes the packets between the browser and one address. Subject:
// "flow:1/192.0.2.1:5000".
var Flow = probe.Kind[Packets]{Name: "webrtc.flow/v1"}

// Packets counts what passed on one pair of addresses, from the NetLog.
type Packets struct {
	Participant     int       `json:"participant"`
	Transport       string    `json:"transport"` // "udp", "tcp" or "tls"; of relayed packets that to the TURN server
	Local           string    `json:"local"`
	Remote          string    `json:"remote"`
	Relay           string    `json:"relay,omitempty"` // TURN server that carries these packets; they are counted as unwrapped
	Sent            int64     `json:"sent"`            // datagrams, or frames in a byte stream
	Received        int64     `json:"received"`
	SentBytes       int64     `json:"sent_bytes"`
	ReceivedBytes   int64     `json:"received_bytes"`
	STUN            int64     `json:"stun"`
	DTLS            int64     `json:"dtls"`
	RTPSent         int64     `json:"rtp_sent"`
	RTPReceived     int64     `json:"rtp_received"`
	RTCP            int64     `json:"rtcp"`
	Other           int64     `json:"other"`
	Relayed         int64     `json:"relayed,omitempty"` // of all, those in which this TURN server carried a packet of another flow
	First           time.Time `json:"first"`
	Last            time.Time `json:"last"`
	DTLSVersion     string    `json:"dtls_version,omitempty"`
	DTLSCipherSuite string    `json:"dtls_cipher_suite,omitempty"`
	DTLSRole        string    `json:"dtls_role,omitempty"`    // of the browser
	SRTPProfile     string    `json:"srtp_profile,omitempty"` // "" with DTLS 1.3, where it is encrypted
}

// Device observes what became of a capture device within one phase. Subject:
// "media:1/camera".
var Device = probe.Kind[DeviceState]{Name: "webrtc.device/v1"}

// DeviceState is the state of a device as all sources saw it in one phase.
type DeviceState struct {
	Participant   int      `json:"participant"`
	Device        string   `json:"device"` // "camera", "microphone", "screen"
	State         State    `json:"state"`
	Requested     int      `json:"requested"` // capture calls in this phase
	Granted       int      `json:"granted"`
	Live          bool     `json:"live"`     // a track was live at some time in this phase
	Enabled       bool     `json:"enabled"`  // … and enabled
	Attached      bool     `json:"attached"` // … and attached to a sender
	ByUser        bool     `json:"by_user"`  // the capture began after we operated its control
	Packets       int64    `json:"packets"`  // sent in this phase, by the page's statistics
	Bytes         int64    `json:"bytes"`
	Frames        int64    `json:"frames,omitempty"`
	Energy        float64  `json:"energy,omitempty"` // rise of total audio energy
	WirePackets   int64    `json:"wire_packets"`     // RTP sent in this phase by the NetLog; of all devices if they cannot be told apart
	WireBytes     int64    `json:"wire_bytes"`
	Sources       []string `json:"sources"` // of "hook", "internals", "packets"
	Disagreements []string `json:"disagreements,omitempty"`
}

// State sums up what a device did in a phase.
type State string

// The states, from nothing to everything. A state below Transmitting is only
// given when all sources agree.
const (
	Off               State = "off"                // not opened
	Preview           State = "preview"            // opened, nothing sent
	MutedTransmitting State = "muted_transmitting" // silence or black is sent
	Transmitting      State = "transmitting"       // sound or pictures are sent
	Unclear           State = "unclear"            // the sources disagree or are missing
)
