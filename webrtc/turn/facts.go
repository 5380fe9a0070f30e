package turn

import (
	"net/netip"
	"slices"
	"time"

	"vksprobe/probe"
)

// Observed is one server as it answered. Subject: its URL.
var Observed = probe.Kind[Facts]{Name: "turn.server/v1"}

// State answers a question.
type State string

// The answers. Unknown is what was not asked, or not answered.
const (
	Yes     State = "yes"
	No      State = "no"
	Unknown State = "unknown"
)

// An Answer is a state and what it rests on.
type Answer struct {
	State     State         `json:"state"`
	Code      int           `json:"code,omitempty"`      // STUN error code that decided
	Failure   probe.Failure `json:"failure,omitempty"`   // why there is no better answer
	Exchanges []int         `json:"exchanges,omitempty"` // numbers in the transcript
}

// Facts are what a transcript says about a server. They contain neither user
// names nor passwords.
type Facts struct {
	Server     string          `json:"server"` // URL
	Relay      bool            `json:"relay"`  // asked as a TURN server, not as a STUN server only
	Doors      []Door          `json:"doors"`
	Software   string          `json:"software,omitempty"`
	Alternate  string          `json:"alternate_server,omitempty"` // where it would send us; nobody went there
	Challenge  Answer          `json:"authentication_required"`    // Allocate without credentials is refused with 401, realm and nonce
	Open       Answer          `json:"open_relay"`                 // anybody gets an allocation, by at least one transport
	Realm      string          `json:"realm,omitempty"`
	Nonce      Nonce           `json:"nonce"`
	Password   Answer          `json:"wrong_password_refused"`
	Credential Credential      `json:"credential"`
	Allocation Allocation      `json:"allocation"`
	IPv6       Allocation      `json:"allocation_ipv6"`
	Dual       Allocation      `json:"allocation_dual"` // RFC 8656, ADDITIONAL-ADDRESS-FAMILY
	TCP        Allocation      `json:"allocation_tcp"`  // RFC 6062
	Peers      []Peer          `json:"peers,omitempty"`
	Amplifies  []Amplification `json:"amplification,omitempty"`
	Cost       Cost            `json:"cost"`
}

// A Door is one transport of a server.
type Door struct {
	Transport      string `json:"transport"`
	Address        string `json:"address"` // host:port that answered, or that was asked
	Reachable      Answer `json:"reachable"`
	Mapped         string `json:"mapped,omitempty"`          // our address as the server sees it
	ResponseOrigin string `json:"response_origin,omitempty"` // RFC 5780
	OtherAddress   string `json:"other_address,omitempty"`   // RFC 5780
	Open           Answer `json:"open_relay"`
	Challenge      Answer `json:"authentication_required"`
}

// A Nonce describes the nonces of a server.
type Nonce struct {
	Length       int     `json:"length,omitempty"`
	Fresh        State   `json:"fresh"`                   // each socket gets another one
	MadeUp       Answer  `json:"made_up_refused"`         // 438 for one that the server never gave out
	Stale        int     `json:"stale,omitempty"`         // how often a nonce of the server's own was refused as stale
	LivedSeconds float64 `json:"lived_seconds,omitempty"` // longest time after which one was still accepted
}

// A Credential describes what was given to Check.
type Credential struct {
	Given       bool       `json:"given"`
	TimeLimited State      `json:"time_limited"` // the user name begins with the time at which it ends
	Expires     *time.Time `json:"expires,omitempty"`
	Remaining   int64      `json:"remaining_seconds,omitempty"` // when first used
	Accepted    Answer     `json:"accepted"`
	Reusable    Answer     `json:"reusable"`     // from another 5-tuple at the same time
	After       Answer     `json:"after_expiry"` // accepted after its end
	Outlived    Answer     `json:"outlived"`     // an allocation lives on after the end of the credential
}

// An Allocation describes one kind of allocation.
type Allocation struct {
	Works    Answer   `json:"works"`
	Relayed  []string `json:"relayed,omitempty"`
	Families []string `json:"families,omitempty"` // "IPv4", "IPv6"
	Lifetime uint32   `json:"lifetime_seconds,omitempty"`
}

// A Peer is an address to which the server would relay or not. What was not
// asked about it is the zero Answer.
type Peer struct {
	Address    string `json:"address"`
	Class      Class  `json:"class"`
	Relay      string `json:"relay"`              // "udp" or "tcp"
	Permission Answer `json:"permission"`         // CreatePermission
	Channel    Answer `json:"channel,omitzero"`   // ChannelBind
	Connect    Answer `json:"connect,omitzero"`   // Connect; yes when the server tried
	Delivered  Answer `json:"delivered,omitzero"` // data came through, to a listener of ours
}

// Translated tells whether the address stands for an IPv4 address, and that
// only where there is a translator: 6to4, NAT64 and IPv4-compatible ones.
// Unlike those, an IPv4-mapped address is understood by every operating system.
func (p Peer) Translated() bool {
	a, err := netip.ParseAddr(p.Address)
	return err == nil && !a.Is4In6() && embedded(a).IsValid()
}

// Granted tells whether the server would relay to the peer by any way that
// was asked for.
func (p Peer) Granted() State {
	all := []State{p.Permission.State, p.Channel.State, p.Connect.State, p.Delivered.State}
	switch {
	case slices.Contains(all, Yes):
		return Yes
	case slices.Contains(all, No):
		return No
	}
	return Unknown
}

// Amplification compares what an unauthenticated request costs with what it
// brings, in bytes of UDP payload. A request whose sender is forged sends the
// answer to somebody else.
type Amplification struct {
	Request  string  `json:"request"` // "Binding", "Allocate"
	Sent     int     `json:"sent"`
	Received int     `json:"received"`
	Packets  int     `json:"packets"` // received
	Ratio    float64 `json:"ratio"`   // of packets with 28 bytes of IPv4 and UDP header
	Exchange int     `json:"exchange"`
}

// Cost is what the check cost the server.
type Cost struct {
	Sockets     int `json:"sockets"`
	Exchanges   int `json:"exchanges"`
	Allocations int `json:"allocations"`
	Released    int `json:"released"`
	Sent        int `json:"bytes_sent"`
	Received    int `json:"bytes_received"`
}
