package webrtc

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"vksprobe/webrtc/wire"
)

// describe completes the dossier: what the accounts tell in detail, what the
// packets show, and where they differ.
func (p *peer) describe() {
	p.FarEnd = FarEnd{Kind: FarUnknown}
	p.ICEServers = slices.Clip(p.ICEServers)
	// The hook heard every call. The browser's own account has the same, but
	// no policy that was not given.
	for _, a := range []*account{p.hook, p.internals} {
		if a == nil {
			continue
		}
		if len(p.Configurations) == 0 {
			p.Configurations = a.Configurations
		}
		for _, t := range a.Transforms {
			if len(p.Transforms) < maxTransforms {
				p.Transforms = append(p.Transforms, t)
			}
		}
	}
	// The hook saw what the page passed; the browser shows what it made of it,
	// and leaves out what it does not know, such as the lines of SDES.
	for _, a := range []*account{p.hook, p.internals} {
		if a != nil && len(a.Descriptions) > len(p.Descriptions) {
			p.Descriptions = a.Descriptions
		}
	}
	p.handshake()
	p.media()
	p.relays()
	p.certificates()
	p.exposed()
	p.compare()
	if slices.ContainsFunc(p.Descriptions, func(d Description) bool { return !d.Local && d.Lite }) {
		p.believe(FarServer, "ice-lite")
	}
	if slices.ContainsFunc(p.RemoteCandidates, func(c Candidate) bool { return classOf(c.Address) == "mdns" }) {
		p.believe(FarParticipant, "mdns")
	}
}

// believe notes a reason for a kind of far end. Reasons for both kinds leave
// it open.
func (p *peer) believe(kind FarEndKind, basis string) {
	if p.FarEnd.Kind == FarLoopback || slices.Contains(p.FarEnd.Basis, basis) || len(p.FarEnd.Basis) >= maxServers {
		return
	}
	switch {
	case len(p.FarEnd.Basis) == 0:
		p.FarEnd.Kind = kind
	case p.FarEnd.Kind != kind:
		p.FarEnd.Kind = FarUnknown
	}
	p.FarEnd.Basis = append(p.FarEnd.Basis, basis)
}

// handshake describes the DTLS handshake that was answered last.
func (p *peer) handshake() {
	if len(p.dtls) == 0 || roleOf(p.dtls[len(p.dtls)-1]) == "" {
		return
	}
	h := p.dtls[len(p.dtls)-1]
	out := &Handshake{Count: len(p.dtls), OfferedBy: "far_end", ExtendedMasterSecret: h.ExtendedMasterSecret(), Cookie: h.Verify || h.Retry != nil,
		MKI: h.MKI(), Fragmented: h.Fragmented, Incomplete: h.Incomplete}
	if h.Client {
		out.OfferedBy = "browser"
	}
	if c := h.ClientHello; c != nil {
		out.Versions = named(c.Versions(), dtlsVersion)
		out.CipherSuites = named(c.CipherSuites, wire.SuiteName)
		out.Groups = named(c.Groups(), groupName)
		out.SignatureSchemes = named(c.SignatureSchemes(), schemeName)
		out.SRTPProfiles = named(c.SRTPProfiles(), srtpProfile)
	}
	if g := h.Group(); g != 0 {
		out.Group = groupName(g)
	}
	if k := h.KeyExchange; k != nil {
		out.PrimeBits = k.PrimeBits
		if k.SignatureScheme != 0 {
			out.SignatureScheme = schemeName(k.SignatureScheme)
		}
	}
	if h.ClientSignature != 0 {
		out.ClientSignature = schemeName(h.ClientSignature)
	}
	for _, a := range h.Alerts {
		who, level := "far_end", "warning"
		if a.Sent {
			who = "browser"
		}
		if a.Fatal {
			level = "fatal"
		}
		out.Alerts = append(out.Alerts, fmt.Sprintf("%s %s %d", who, level, a.Description))
	}
	p.Handshake = out
}

// maxOffered bounds each list of what a hello offers.
const maxOffered = 64

// named gives names to the numbers of an offer.
func named(ids []uint16, name func(uint16) string) (out []string) {
	for _, id := range ids[:min(len(ids), maxOffered)] {
		if id&0x0F0F != 0x0A0A || id>>8 != id&0xFF { // GREASE, RFC 8701
			out = append(out, name(id))
		}
	}
	return out
}

// media describes RTP: by whose profile, with which codecs, and whether keys
// for it were agreed on.
func (p *peer) media() {
	var sent, received int64
	keyed := false
	type key struct {
		sent   bool
		number uint8
	}
	packets := map[key]int64{}
	for _, f := range p.flows {
		sent, received = sent+f.RTPSent, received+f.RTPReceived
		keyed = keyed || len(f.wire.Handshakes) > 0
		if f.wire.RTCP != nil {
			p.ClearRTCP += f.wire.RTCP.Clear.Packets()
		}
		for _, s := range f.wire.Streams {
			for _, t := range s.PayloadTypes {
				packets[key{s.Sent, t.Number}] += t.Packets
			}
		}
	}
	p.Unkeyed = sent+received > 0 && !keyed && !p.packets.Cut
	for _, direction := range []string{"send", "receive"} {
		n := sent
		if direction == "receive" {
			n = received
		}
		if n > 0 {
			p.SRTP = append(p.SRTP, SRTPUse{Direction: direction, Packets: n})
		}
	}
	keys := slices.SortedFunc(maps.Keys(packets), func(a, b key) int {
		if a.sent != b.sent {
			return map[bool]int{true: -1, false: 1}[a.sent]
		}
		return int(a.number) - int(b.number)
	})
	for _, k := range keys[:min(len(keys), maxOffered)] {
		c := Codec{Direction: "receive", PayloadType: k.number, Packets: packets[k]}
		if k.sent {
			c.Direction = "send"
		}
		for _, a := range p.accounts() {
			// Who receives says which number stands for what.
			names := []map[uint8]string{a.local.codecs, a.remote.codecs}
			if k.sent {
				slices.Reverse(names)
			}
			c.Name = first(c.Name, names[0][k.number], names[1][k.number])
		}
		p.Codecs = append(p.Codecs, c)
	}
}

// choose says, once the sources are settled, what protects each direction.
func (p *peer) choose() {
	for i := range p.SRTP {
		p.SRTP[i].Profile = p.SRTPProfile
		switch p.DTLSRole {
		case "server":
			p.SRTP[i].ChosenBy = "browser"
		case "client":
			p.SRTP[i].ChosenBy = "far_end"
		}
	}
}

// relays lists the TURN servers that were asked for an address. They belong to
// the connection if their relay carried it or is one of its candidates.
func (p *peer) relays() {
	for _, f := range p.packets.order {
		t := f.wire.TURN
		if t == nil || !t.Client {
			continue
		}
		used := slices.ContainsFunc(p.flows, func(in *flow) bool {
			return in.wire.Relay == f.wire.Remote && in.wire.Socket == f.wire.Socket && in.wire.Transport == f.wire.Transport
		})
		for _, a := range t.Allocations {
			mine := used || slices.ContainsFunc(p.Candidates, func(c Candidate) bool { return c.Type == "relay" && c.Address == address(a.Relayed) })
			if !mine || len(p.Relays) >= maxServers {
				continue
			}
			p.Relays = append(p.Relays, Relay{Server: address(f.wire.Remote), Transport: string(f.wire.Transport), Relayed: address(a.Relayed), Mapped: address(a.Mapped),
				Code: a.Code, Lifetime: int(a.Lifetime.Seconds()), Software: f.wire.STUN.Software, Realms: t.Realms, Used: used})
		}
	}
}

// certificates gathers what the two sides authenticated themselves with.
func (p *peer) certificates() {
	for _, side := range []string{"local", "remote"} {
		var own []PeerCertificate
		for _, h := range p.dtls {
			if chain := h.Certificates(side == "local"); len(chain) > 0 {
				own = p.certificate(own, side, "packets", chain[0])
			}
		}
		for _, a := range p.accounts() {
			if der := a.certificates[side]; len(der) > 0 {
				own = p.certificate(own, side, a.source, wire.ParseCertificate(der))
			}
		}
		for i := 1; i < len(own); i++ {
			if !slices.Equal(own[0].Sources, own[i].Sources) { // a restart may change it for all
				p.Disagreements = append(p.Disagreements, fmt.Sprintf("%s_certificate: %s %s, %s %s", side, own[0].Sources[0], own[0].Fingerprint, own[i].Sources[0], own[i].Fingerprint))
				break
			}
		}
		p.Certificates = append(p.Certificates, own...)
	}
}

func (p *peer) certificate(all []PeerCertificate, side, source string, c wire.Certificate) []PeerCertificate {
	print, _ := c.Fingerprint("sha-256")
	if i := slices.IndexFunc(all, func(o PeerCertificate) bool { return o.Fingerprint == print }); i >= 0 {
		all[i].Sources = once(all[i].Sources, source)
		return all
	}
	if len(all) >= maxFragments {
		return all
	}
	out := PeerCertificate{Side: side, Sources: []string{source}, Key: c.Key, Bits: c.Bits, Curve: c.Curve, Signature: c.Signature,
		NotBefore: sane(c.NotBefore), NotAfter: sane(c.NotAfter), Fingerprint: print}
	for _, a := range p.accounts() {
		d := a.remote
		if side == "local" {
			d = a.local
		}
		for _, described := range d.fingerprints {
			if out.Bound == "" {
				out.Bound = "no"
			}
			hash, _, _ := strings.Cut(described, " ")
			if of, ok := c.Fingerprint(hash); ok && of == described {
				out.Bound = "yes"
			}
		}
	}
	return append(all, out)
}

// exposed lists which addresses of this computer others learn: what the page
// was handed as a candidate, and where packets to the far end come from.
func (p *peer) exposed() {
	add := func(addr, typ, to string) {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return
		}
		e := Exposure{Address: host, Class: classOf(addr), Type: typ, To: to}
		if len(p.Exposed) < maxCandidates && !slices.Contains(p.Exposed, e) {
			p.Exposed = append(p.Exposed, e)
		}
	}
	for _, a := range p.accounts() {
		for _, c := range append(slices.Clip(a.Candidates), a.local.candidates...) {
			add(c.Address, c.Type, "page")
		}
	}
	for _, f := range p.flows {
		// What the far end said in its answers to our checks.
		for _, m := range f.wire.STUN.Mapped {
			typ := "srflx"
			switch {
			case f.wire.Relay.IsValid():
				typ = "relay"
			case m == f.wire.Local, slices.ContainsFunc(p.Candidates, func(c Candidate) bool { return c.Type == "host" && c.Address == address(m) }):
				typ = "host"
			}
			add(address(m), typ, "far_end")
		}
	}
}

// classOf sorts an address with a port.
func classOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "name"
	}
	a, err := netip.ParseAddr(host)
	shared := netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	switch {
	case err != nil && strings.HasSuffix(host, ".local"):
		return "mdns"
	case err != nil:
		return "name"
	case a.IsLoopback():
		return "loopback"
	case a.IsLinkLocalUnicast():
		return "link_local"
	case a.IsPrivate():
		return "private"
	case shared.Contains(a.Unmap()):
		return "shared"
	}
	return "public"
}

// compare holds the accounts against each other and against the packets.
func (p *peer) compare() {
	differ := func(format string, args ...any) {
		p.Disagreements = append(p.Disagreements, fmt.Sprintf(format, args...))
	}
	if p.hook != nil && p.internals != nil {
		// The browser lists what the page configured, at the latest when it
		// closes the connection.
		hook, internals := servers(p.hook), servers(p.internals)
		if !slices.Equal(hook, internals) {
			differ("ice_servers: internals %s, hook %s", list(internals), list(hook))
		}
	}
	if !p.packets.Found || p.packets.Cut {
		return
	}
	var sent, received int64
	for _, f := range p.flows {
		t, s := f.wire.Total, f.wire.STUNTraffic
		sent, received = sent+t.Sent.Packets-s.Sent.Packets, received+t.Received.Packets-s.Received.Packets
	}
	for _, a := range p.accounts() {
		if a.PacketsSent > sent {
			differ("packets_sent: packets %d, %s %d", sent, a.source, a.PacketsSent)
		}
		if a.PacketsReceived > received {
			differ("packets_received: packets %d, %s %d", received, a.source, a.PacketsReceived)
		}
	}
	if s := p.Selected; s != nil && len(p.flows) > 0 {
		remote, err := netip.ParseAddrPort(s.Remote.Address)
		seen := slices.ContainsFunc(p.flows, func(f *flow) bool { return address(f.wire.Remote) == address(remote) })
		if err == nil && !seen {
			differ("selected: %s %s, packets %s", p.accounts()[0].source, s.Remote.Address, p.flows[0].Remote)
		}
	}
}

// servers lists the URLs of the ICE servers of an account.
func servers(a *account) (out []string) {
	for _, s := range a.ICEServers {
		out = append(out, s.URL)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// list writes a list on one line.
func list(all []string) string { return "[" + strings.Join(all, " ") + "]" }

// relate holds the connections of all participants against each other: two
// that lead to each other, and two that lead to the same place.
func relate(all []*peer) {
	// Beyond that nothing new would be learned.
	all = all[:min(len(all), maxAccounts)]
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.Participant != b.Participant && a.faces(b) && b.faces(a) {
				a.believe(FarParticipant, "is "+b.subject())
				b.believe(FarParticipant, "is "+a.subject())
				continue
			}
			a.share(b)
			if a.Participant != b.Participant && a.meets(b) {
				a.believe(FarServer, "shared with "+b.subject())
				b.believe(FarServer, "shared with "+a.subject())
			}
		}
	}
}

// subject is that of the observation.
func (p *peer) subject() string { return fmt.Sprintf("connection:%d/%d", p.Participant, p.Number) }

// share notes certificates that two connections have in common on one side.
func (p *peer) share(q *peer) {
	for i := range p.Certificates {
		for j := range q.Certificates {
			a, b := &p.Certificates[i], &q.Certificates[j]
			if a.Side == b.Side && a.Fingerprint == b.Fingerprint {
				a.Shared, b.Shared = once(a.Shared, q.subject()), once(b.Shared, p.subject())
			}
		}
	}
}

// meets reports whether the connections of two participants lead to the same
// certificate or to the same address, and not to a relay in front of it.
func (p *peer) meets(q *peer) bool {
	for _, a := range p.accounts() {
		for _, b := range q.accounts() {
			if share(a.remote.fingerprints, b.remote.fingerprints) {
				return true
			}
		}
	}
	for _, f := range p.flows {
		for _, g := range q.flows {
			if f.wire.Remote.IsValid() && f.wire.Remote == g.wire.Remote && len(f.wire.Handshakes) > 0 && len(g.wire.Handshakes) > 0 {
				return true
			}
		}
	}
	return false
}
