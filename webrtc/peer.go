package webrtc

import (
	"slices"
	"time"

	"vksprobe/probe"
	"vksprobe/webrtc/wire"
)

// A peer is a connection with all that the sources say of it.
type peer struct {
	Peer
	hook, internals *account
	flows           []*flow
	dtls            []*wire.Handshake // over all flows, the one to be described last
	packets         *packets
}

// merge joins the accounts of the same connection. They share an ICE user
// fragment; a connection that never had a local description is recognised by
// the time at which it was made.
func merge(hook *hookLog, internals *internalsLog, packets *packets) []*peer {
	var peers []*peer
	taken := map[*account]bool{}
	for _, h := range hook.accounts {
		p := &peer{hook: h, packets: packets}
		if p.internals = partner(h, internals.accounts, taken); p.internals != nil {
			taken[p.internals] = true
		}
		peers = append(peers, p)
	}
	for _, in := range internals.accounts {
		if !taken[in] {
			peers = append(peers, &peer{internals: in, packets: packets})
		}
	}
	slices.SortStableFunc(peers, func(a, b *peer) int { return a.created().Compare(b.created()) })
	for n, p := range peers {
		p.join()
		p.Participant, p.Number = packets.participant, n+1
	}
	for i, a := range peers {
		for _, b := range peers[i+1:] {
			if a.faces(b) && b.faces(a) {
				a.Loopback, b.Loopback = true, true
				a.FarEnd, b.FarEnd = FarEnd{Kind: FarLoopback, Basis: []string{"echo"}}, FarEnd{Kind: FarLoopback, Basis: []string{"echo"}}
			}
		}
	}
	return peers
}

// sameMoment is how far apart the two sources may see a connection begin.
const sameMoment = 2 * time.Second

func partner(h *account, all []*account, taken map[*account]bool) *account {
	for _, in := range all {
		if !taken[in] && share(h.local.ufrags, in.local.ufrags) {
			return in
		}
	}
	for _, in := range all {
		if !taken[in] && len(h.local.ufrags)+len(in.local.ufrags) == 0 && h.Frame == in.Frame && h.created.Sub(in.created).Abs() < sameMoment {
			return in
		}
	}
	return nil
}

func share(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// accounts lists the accounts that there are, the browser's own first.
func (p *peer) accounts() []*account {
	return slices.DeleteFunc([]*account{p.internals, p.hook}, func(a *account) bool { return a == nil })
}

func (p *peer) created() time.Time {
	if p.hook != nil {
		return p.hook.created
	}
	return p.internals.created
}

// faces reports whether the far end that p was given is q.
func (p *peer) faces(q *peer) bool {
	for _, a := range p.accounts() {
		for _, b := range q.accounts() {
			if share(a.remote.ufrags, b.local.ufrags) || share(a.remote.fingerprints, b.local.fingerprints) {
				return true
			}
		}
	}
	return false
}

// join fills the observation from the accounts and the packets.
func (p *peer) join() {
	ufrags := map[string]bool{}
	p.Created = p.created().UTC()
	p.States, p.ICEServers = []string{}, []ICEServer{}
	for _, a := range p.accounts() {
		p.Sources = append(p.Sources, a.source)
		p.Frame, p.Script = first(p.Frame, a.Frame), first(p.Script, a.Script)
		if len(a.States) > len(p.States) {
			p.States = a.States
		}
		p.ICEServers = append(p.ICEServers, a.ICEServers...)
		for _, c := range a.Candidates {
			same := func(o Candidate) bool { o.Relay, c.Relay = "", ""; return o == c }
			if !slices.ContainsFunc(p.Candidates, same) {
				p.Candidates = append(p.Candidates, c)
			}
		}
		if p.Selected == nil {
			p.Selected = a.Selected
		}
		p.SDES = p.SDES || a.SDES
		p.Described = p.Described || len(a.local.ufrags)+len(a.local.fingerprints)+len(a.remote.ufrags)+len(a.remote.fingerprints) > 0 || a.SDES
		p.Transform = p.Transform || a.Transform
		for _, c := range a.DataChannels {
			if !slices.Contains(p.DataChannels, c) {
				p.DataChannels = append(p.DataChannels, c)
			}
		}
		p.DTLSState = first(p.DTLSState, a.DTLSState)
		p.PacketsSent, p.PacketsReceived = max(p.PacketsSent, a.PacketsSent), max(p.PacketsReceived, a.PacketsReceived)
		for _, c := range a.remote.candidates {
			if len(p.RemoteCandidates) < maxCandidates && !slices.Contains(p.RemoteCandidates, c) {
				p.RemoteCandidates = append(p.RemoteCandidates, c)
			}
		}
		for _, u := range a.local.ufrags {
			ufrags[u] = true
		}
	}
	for i, s := range p.ICEServers { // the internals page does not show user names
		p.ICEServers[i].Credential = s.Credential || slices.ContainsFunc(p.ICEServers, func(o ICEServer) bool { return o.URL == s.URL && o.Credential })
	}
	p.flows = p.packets.of(ufrags, p.Selected)
	p.dtls = p.handshakes()
	var seen Packets
	if n := len(p.dtls); n > 0 {
		seen.summarise(p.dtls[n-1])
	}
	if len(p.flows) > 0 {
		p.Sources = append(p.Sources, "packets")
	}
	p.describe()
	p.settle("dtls_version", &p.DTLSVersion, seen.DTLSVersion, func(a *account) string { return a.DTLSVersion })
	p.settle("dtls_cipher_suite", &p.DTLSCipherSuite, seen.DTLSCipherSuite, func(a *account) string { return a.DTLSCipherSuite })
	p.settle("dtls_role", &p.DTLSRole, seen.DTLSRole, func(a *account) string { return a.DTLSRole })
	p.settle("srtp_profile", &p.SRTPProfile, seen.SRTPProfile, func(a *account) string { return a.SRTPProfile })
	p.settle("local_fingerprint", &p.LocalFingerprint, "", func(a *account) string { return first(a.local.fingerprint, a.LocalFingerprint) })
	p.settle("remote_fingerprint", &p.RemoteFingerprint, "", func(a *account) string { return first(a.remote.fingerprint, a.RemoteFingerprint) })
	p.choose()
}

// handshakes reads those of all flows together. The last one that was answered
// comes last.
func (p *peer) handshakes() []*wire.Handshake {
	var paths []*wire.Path
	for _, f := range p.flows {
		paths = append(paths, f.wire)
	}
	all := wire.Join(paths)
	slices.SortStableFunc(all, func(a, b *wire.Handshake) int {
		switch answered := a.ServerHello != nil; {
		case answered == (b.ServerHello != nil):
			return 0
		case answered:
			return 1
		}
		return -1
	})
	return all
}

// settle sets a field to what the most trustworthy source says of it, the
// packets first and the page hook last, and lists the others if they differ.
func (p *peer) settle(name string, field *string, wire string, of func(*account) string) {
	type claim struct{ source, value string }
	claims := []claim{{"packets", wire}}
	for _, a := range p.accounts() {
		claims = append(claims, claim{a.source, of(a)})
	}
	claims = slices.DeleteFunc(claims, func(c claim) bool { return c.value == "" })
	if len(claims) == 0 {
		return
	}
	*field = claims[0].value
	text, differ := name+":", false
	for i, c := range claims {
		if i > 0 {
			text += ","
		}
		text += " " + c.source + " " + c.value
		differ = differ || c.value != claims[0].value
	}
	if differ {
		p.Disagreements = append(p.Disagreements, text)
	}
}

// connected reports whether the connection ever carried something.
func (p *peer) connected() bool {
	return slices.Contains(p.States, "connected") || p.DTLSState == "connected" || p.DTLSVersion != ""
}

// carried reports whether the packets of the connection were seen, over the
// transport that was selected.
func (p *peer) carried() bool {
	want := wire.UDP
	if s := p.Selected; s != nil {
		switch {
		case s.Local.Relay == "tls":
			want = wire.TLS
		case s.Local.Relay == "tcp", s.Local.Type != "relay" && s.Local.Protocol == "tcp":
			want = wire.TCP
		}
	}
	return slices.ContainsFunc(p.flows, func(f *flow) bool { return f.wire.Transport == want })
}

// observe emits the connection. One that was never connected keeps its data,
// but is a failure.
func (p *peer) observe(rec *probe.Record, emit func(probe.Observation)) {
	var ev []probe.Evidence
	for _, a := range p.accounts() {
		ev = append(ev, a.cite)
	}
	for _, f := range p.flows {
		ev = append(ev, rec.Cite(p.packets.path, f.wire.First.String()))
	}
	o := Connection.New(p.subject(), rec.Timeline.At(p.Participant, p.Created), p.Created, p.Peer, ev...)
	if !p.connected() {
		o.Failure = probe.NoMedia
	}
	emit(o)
}

// first returns the first of several strings that is not empty.
func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}
