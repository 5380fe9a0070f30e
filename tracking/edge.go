package tracking

import (
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/probe/netlog"
	"vksprobe/tracking/geo"
)

// Edge observes what the answers of a host say of the server that gave them,
// and how fast it answered. Subject: "host:example.org". It is what is left of
// a host's place where one address stands for servers in many places.
var Edge = probe.Kind[HostEdge]{Name: "tracking.edge/v1"}

// HostEdge is what was seen of one host by all participants.
type HostEdge struct {
	Host  string     `json:"host"`
	Hints []geo.Hint `json:"hints,omitempty"`
	// RoundTrip is the shortest time in microseconds until a TCP connection
	// or a TLS handshake was answered, rounded up to the millisecond of the
	// NetLog and another one; 0 if none was seen. The true one is shorter.
	RoundTrip int64 `json:"round_trip_us,omitempty"`
}

// maxHints bounds the hints of one host.
const maxHints = 8

// edge collects what is seen of one host.
type edge struct {
	HostEdge
	at       time.Time
	evidence []probe.Evidence
}

// edge opens the entry of a host, nil if there are too many.
func (b *book) edge(host string, at netlog.Stamp, cite probe.Evidence) *edge {
	e := b.edges[host]
	if e == nil {
		if len(b.edges) >= maxContacts || host == "" || len(host) > 255 {
			return nil
		}
		e = &edge{HostEdge: HostEdge{Host: host}, at: at.Time}
		b.edges[host] = e
	}
	if at.Time.Before(e.at) {
		e.at = at.Time
	}
	if len(e.evidence) < 4 && !slices.Contains(e.evidence, cite) {
		e.evidence = append(e.evidence, cite)
	}
	return e
}

// hints reads the headers of a response, "name: value".
func (b *book) hints(host string, response []string, at netlog.Stamp, cite probe.Evidence) {
	for _, line := range response {
		name, value, _ := strings.Cut(line, ":")
		hint, ok := geo.Edge(name, value)
		if !ok {
			continue
		}
		hint.Value = clip(b.mask.Mask(hint.Value))
		if e := b.edge(host, at, cite); e != nil && len(e.Hints) < maxHints && !slices.Contains(e.Hints, hint) {
			e.Hints = append(e.Hints, hint)
		}
	}
}

// roundTrip notes how long a connection or a handshake took.
func (b *book) roundTrip(host string, took time.Duration, at netlog.Stamp, cite probe.Evidence) {
	if took < 0 || took > time.Minute {
		return
	}
	if e := b.edge(host, at, cite); e != nil {
		if us := (took + time.Millisecond).Microseconds(); e.RoundTrip == 0 || us < e.RoundTrip {
			e.RoundTrip = us
		}
	}
}

// edgeObservations are the edges in order of host.
func (b *book) edgeObservations() []probe.Observation {
	var out []probe.Observation
	for _, host := range sortedKeys(b.edges, strings.Compare) {
		e := b.edges[host]
		e.Host = b.host(e.Host)
		out = append(out, Edge.New("host:"+e.Host, b.rec.Timeline.At(b.participant, e.at), e.at, e.HostEdge, e.evidence...))
	}
	return out
}
