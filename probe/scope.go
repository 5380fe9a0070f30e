package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// ErrOutOfScope says that a host was not asked, because nobody allowed it.
var ErrOutOfScope = errors.New("out of scope")

// A Scope says which hosts may be asked by ourselves. What a page names is no
// permission: the hosts come from the user. The zero Scope is empty.
type Scope struct {
	Hosts   []string // names and addresses, each for itself
	Domains []string // names with all names below them
}

// Scope is what the user of a scan named: the host of the link and the own
// domains.
func (t Target) Scope() Scope {
	s := Scope{Domains: t.Own}
	if u, err := Link(t.Link); err == nil {
		s.Hosts = []string{u.Hostname()}
	}
	return s
}

// Has reports whether a host, a name or an address without a port, may be
// asked.
func (s Scope) Has(host string) bool {
	host = canonical(host)
	return host != "" && (slices.ContainsFunc(s.Hosts, func(h string) bool { return canonical(h) == host }) ||
		slices.ContainsFunc(s.Domains, func(d string) bool {
			d = canonical(d)
			return d != "" && (host == d || strings.HasSuffix(host, "."+d) && !isAddress(host))
		}))
}

func canonical(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return a.Unmap().String()
	}
	return host
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// Dial keeps a dialer within the scope: every active question goes through
// it. The address is host:port with the host as it was named, before it is
// resolved. For any other host the error wraps ErrOutOfScope, and nothing is
// resolved or sent.
func (s Scope) Dial(next func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if !s.Has(host) {
			return nil, fmt.Errorf("%s: %w", host, ErrOutOfScope)
		}
		return next(ctx, network, address)
	}
}
