package dtls

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/stun/v4"

	"vksprobe/probe"
)

// A Session is one join: the far end has our identity in the description that
// it got, and we have its own.
type Session struct {
	Remote     Description
	Candidates <-chan string // those that come later; nil if there are none
	Leave      func()        // ends the session; may be nil
}

// A Join enters a meeting anew and gives the far end a session description
// with the identity and the setup. Each call is a session of its own.
type Join func(ctx context.Context, id *Identity, setup Setup) (*Session, error)

// ICE says how to reach the far end of a session.
type ICE struct {
	// Scope says which candidates may be tried, by address. It has to name
	// addresses, because candidates have nothing else; the zero Scope allows
	// none.
	Scope probe.Scope
	// Servers are STUN and TURN servers for who cannot reach the far end
	// directly; their hosts have to be in the scope, too.
	Servers []*stun.URI
	// Loopback lets us be reached on loopback, too, as in a lab. A candidate
	// of the far end there does the same.
	Loopback bool
	Timeout  time.Duration // until a pair works, by default 10 s
}

// Through makes a Connect that joins and then finds a way by ICE.
func (i ICE) Through(join Join) Connect {
	return func(ctx context.Context, id *Identity, setup Setup) (*Line, error) {
		s, err := join(ctx, id, setup)
		if err != nil {
			return nil, err
		}
		leave := s.Leave
		if leave == nil {
			leave = func() {}
		}
		line, err := i.connect(ctx, id, s)
		if err != nil {
			leave()
			return &Line{Remote: s.Remote}, err
		}
		closeAgent := line.Close
		line.Close = func() { closeAgent(); leave() }
		return line, nil
	}
}

// connect takes part in ICE until a pair is selected.
func (i ICE) connect(ctx context.Context, id *Identity, s *Session) (*Line, error) {
	if s.Remote.Ufrag == "" || s.Remote.Password == "" {
		return nil, errors.New("the far end gave no ICE credentials")
	}
	for _, u := range i.Servers {
		if !i.Scope.Has(u.Host) {
			return nil, fmt.Errorf("ICE server %s: %w", u.Host, probe.ErrOutOfScope)
		}
	}
	if i.Timeout == 0 {
		i.Timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, i.Timeout)
	defer cancel()
	options := []ice.AgentOption{
		ice.WithLocalCredentials(id.Ufrag, id.Password),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6, ice.NetworkTypeTCP4, ice.NetworkTypeTCP6}),
		ice.WithLoggerFactory(&logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled, ScopeLevels: map[string]logging.LogLevel{}}),
		ice.WithRemoteIPFilter(i.allows),
		ice.WithUrls(i.Servers),
		ice.WithCheckInterval(50 * time.Millisecond),
	}
	if i.Loopback || local(s.Remote.Candidates) {
		options = append(options, ice.WithIncludeLoopback())
	}
	agent, err := ice.NewAgentWithOptions(options...)
	if err != nil {
		return nil, err
	}
	line, err := i.pair(ctx, agent, s)
	if err != nil {
		agent.Close()
		return nil, err
	}
	return line, nil
}

// local reports whether a candidate is on loopback: then ours are, too.
func local(candidates []string) bool {
	return slices.ContainsFunc(candidates, func(c string) bool {
		f := strings.Fields(c)
		if len(f) < 5 {
			return false
		}
		a, err := netip.ParseAddr(f[4])
		return err == nil && a.IsLoopback()
	})
}

func (i ICE) allows(ip net.IP) bool { return i.Scope.Has(ip.String()) }

func (i ICE) pair(ctx context.Context, agent *ice.Agent, s *Session) (*Line, error) {
	if err := agent.OnCandidate(func(ice.Candidate) {}); err != nil { // they need not be told: the far end sees them
		return nil, err
	}
	if err := agent.GatherCandidates(); err != nil {
		return nil, err
	}
	tried, outside := 0, 0
	add := func(text string) {
		switch c, err := ice.UnmarshalCandidate(text); {
		case err != nil || c.Component() != ice.ComponentRTP:
		case !i.Scope.Has(c.Address()): // also names, as of mDNS
			outside++
		case agent.AddRemoteCandidate(c) == nil:
			tried++
		}
	}
	for _, c := range s.Remote.Candidates {
		add(c)
	}
	if tried == 0 && s.Candidates == nil {
		if outside > 0 {
			return nil, fmt.Errorf("all %d candidates: %w", outside, probe.ErrOutOfScope)
		}
		return nil, errors.New("the far end gave no candidates")
	}
	begin := agent.StartAccept
	if !s.Remote.Offer || s.Remote.Lite { // RFC 8445 section 6.1.1
		begin = agent.StartDial
	}
	conn, err := begin(s.Remote.Ufrag, s.Remote.Password)
	if err != nil {
		return nil, err
	}
	connected := make(chan error, 1)
	go func() { connected <- agent.AwaitConnect(ctx) }()
	later := s.Candidates
	for more := 0; ; {
		select {
		case c, ok := <-later:
			if more++; !ok || more > maxCandidates {
				later = nil
				continue
			}
			add(strings.TrimPrefix(strings.TrimPrefix(c, "a="), "candidate:"))
		case err := <-connected:
			switch {
			case err == nil:
				return newLine(agent, conn, s.Remote), nil
			case tried == 0 && outside > 0:
				return nil, fmt.Errorf("all %d candidates: %w", outside, probe.ErrOutOfScope)
			}
			return nil, fmt.Errorf("ICE: %w", err)
		}
	}
}

func newLine(agent *ice.Agent, conn net.Conn, remote Description) *Line {
	line := &Line{Conn: conn, Remote: remote, Close: func() { agent.Close() }}
	if p, err := agent.GetSelectedCandidatePair(); err == nil && p != nil {
		line.Network = p.Remote.NetworkType().NetworkShort()
		line.Address = net.JoinHostPort(p.Remote.Address(), fmt.Sprint(p.Remote.Port()))
	}
	return line
}
