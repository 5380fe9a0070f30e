package tracking

import (
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"

	"vksprobe/probe"
)

// owner decides whose a host is.
type owner struct {
	meeting   *url.URL // nil if the link is none
	needles   []needle // the target's secrets
	host      string   // of the meeting
	domain    string   // its registrable domain, "" if it has none
	own       []string // further domains of the operator
	addresses map[netip.Addr]bool
}

func newOwner(t probe.Target) *owner {
	o := &owner{own: t.Own, needles: needles(t), addresses: map[netip.Addr]bool{}}
	if u, err := probe.Link(t.Link); err == nil {
		o.meeting = u
		o.host = strings.ToLower(u.Hostname())
		o.domain = registrable(o.host)
		if a, err := netip.ParseAddr(o.host); err == nil {
			o.addresses[a] = true
		}
	}
	return o
}

// registrable is the part of a name that is registered as one, "" for
// addresses and public suffixes.
func registrable(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	d, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimSuffix(host, "."))
	if err != nil {
		return ""
	}
	return d
}

// party says whose a host is. Addresses belong to the meeting only if its own
// names were seen there; whose others are, cannot be told from an address.
func (o *owner) party(host string) Party {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == o.host || o.domain != "" && registrable(host) == o.domain {
		return First
	}
	for _, d := range o.own {
		if host == d || strings.HasSuffix(host, "."+d) {
			return First
		}
	}
	if a, err := netip.ParseAddr(host); err == nil {
		switch {
		case o.addresses[a]:
			return First
		case a.IsMulticast():
			return OwnBrowser // mDNS
		}
		return Unclear
	}
	return Third
}
