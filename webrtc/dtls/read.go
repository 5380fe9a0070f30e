package dtls

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
)

// Read tells what a transcript says. It is a pure function of it.
func Read(t Transcript) Facts {
	f := Facts{Features: map[string]State{}, Reused: Unknown, Fingerprint: Unknown}
	readings := make([]*reading, len(t))
	for i := range t {
		x := &t[i]
		r := x.read()
		readings[i] = r
		if f.Server == "" {
			f.Server = clip(x.Server)
		}
		f.Addresses = union(f.Addresses, clip(x.Address))
		f.Networks = union(f.Networks, clip(x.Network))
		f.cost(x)
		f.offer(x, r)
		f.features(x, r)
		f.certificate(x, r)
	}
	f.reuse(t, readings)
	for _, v := range versions {
		f.Versions = append(f.Versions, version(v, t, readings))
	}
	return f
}

func (f *Facts) cost(x *Exchange) {
	f.Cost.Joins++
	f.Cost.Seconds += x.Joined
	for _, c := range x.Chunks {
		if c.Sent {
			f.Cost.Sent += len(c.Data)
		} else {
			f.Cost.Received += len(c.Data)
		}
	}
	if n := len(x.Chunks); n > 0 {
		f.Cost.Seconds += x.Chunks[n-1].At.Seconds()
	}
}

// learn keeps an answer; a yes is not taken back.
func (f *Facts) learn(name string, yes bool) {
	if yes {
		f.Features[name] = Yes
	} else if f.Features[name] != Yes {
		f.Features[name] = No
	}
}

// offer reads the hello of a far end that is the client.
func (f *Facts) offer(x *Exchange, r *reading) {
	c := r.theirs
	if c == nil {
		return
	}
	if f.Offer == nil {
		o := &Offer{Versions: named(c.Offers(), hello.VersionName), Suites: named(c.CipherSuites, iana.SuiteName),
			Groups: named(c.List16(hello.ExtSupportedGroups), iana.GroupName), Schemes: named(c.List16(hello.ExtSignatureAlgorithms), iana.SignatureSchemeName), Exchange: x.N}
		var all []uint16
		for _, e := range c.Extensions {
			all = append(all, e.Type)
		}
		o.Extensions = named(all, iana.ExtensionName)
		if data, ok := c.Extension(hello.ExtUseSRTP); ok {
			o.Profiles = named(offered(data), iana.SRTPProfileName)
		}
		f.Offer = o
	}
	_, ems := c.Extension(hello.ExtExtendedMasterSecret)
	f.learn(ClientEMS, ems)
	if r.cookie {
		f.learn(CookieAnswered, r.flight.ClientHello != nil && len(r.flight.ClientHello.Cookie) > 0)
	}
	if x.Complete { // if not, that may be for the want of a common suite
		f.Features[Handshake] = Yes
	}
}

// features reads what a server says beside its choices.
func (f *Facts) features(x *Exchange, r *reading) {
	if x.Setup != Active || r.theirs != nil {
		return
	}
	if x.Ask == AskWithout {
		name := map[string]string{withoutSRTP: SRTPRequired, withoutEMS: EMSRequired}[x.Detail]
		if name != "" && r.verdict != unsure {
			f.learn(name, r.verdict == refused)
		}
	}
	if r.cookie || r.verdict == granted {
		f.learn(CookieExchange, r.cookie || len(r.flight.Chosen().Cookie()) > 0)
	}
	h := r.flight.ServerHello
	c := r.flight.ClientHello
	if h == nil || c == nil || h.Version() == hello.DTLS13 {
		return
	}
	for typ, name := range map[uint16]string{hello.ExtExtendedMasterSecret: ExtendedMasterSecret, hello.ExtRenegotiationInfo: SecureRenegotiation,
		hello.ExtSessionTicket: SessionTickets, hello.ExtHeartbeat: Heartbeats} {
		if _, asked := c.Extension(typ); asked {
			_, ok := h.Extension(typ)
			f.learn(name, ok)
		}
	}
	if s, _ := iana.Suite(h.CipherSuite); s.Mode == iana.CBC {
		_, ok := h.Extension(hello.ExtEncryptThenMAC)
		f.learn(EncryptThenMAC, ok)
	}
	for d, chosen := range r.chosen {
		if chosen != 0 {
			f.learn(Unoffered, r.took(dimension(d)) == 0)
		}
	}
	if r.flight.Done {
		f.learn(ClientCertificate, r.flight.Request != nil)
	}
	if code := r.chosen[schemes]; code != 0 && !slices.ContainsFunc(f.Signatures, func(n Named) bool { return n.Code == code }) {
		f.Signatures = append(f.Signatures, Named{code, iana.SignatureSchemeName(code)})
	}
}

// maxCertificates bounds the certificates that are told apart.
const maxCertificates = 32

// certificate notes what the far end has shown.
func (f *Facts) certificate(x *Exchange, r *reading) {
	if len(r.chain) == 0 {
		return
	}
	role := "server"
	if r.theirs != nil {
		role = "client"
	}
	d := describe(r.chain[0])
	at := slices.IndexFunc(f.Certificates, func(c Certificate) bool { return c.SHA256 == d.SHA256 })
	if at < 0 {
		if len(f.Certificates) == maxCertificates {
			return
		}
		d.Chain = len(r.chain)
		f.Certificates = append(f.Certificates, d.Certificate)
		at = len(f.Certificates) - 1
	}
	c := &f.Certificates[at]
	c.Exchanges = append(c.Exchanges, x.N)
	c.Roles = union(c.Roles, role)
}

// reuse compares certificates over sessions and with the descriptions. Who
// shows none still announced one.
func (f *Facts) reuse(t Transcript, readings []*reading) {
	seen := map[string]int{}
	for i, x := range t {
		var shown string
		if r := readings[i]; len(r.chain) > 0 {
			shown = digest(r.chain[0])
			if announced := prints(x.Prints); len(announced) > 0 {
				if !slices.Contains(announced, shown) {
					f.Fingerprint = No
				} else if f.Fingerprint == Unknown {
					f.Fingerprint = Yes
				}
			}
		} else if p := prints(x.Prints); len(p) > 0 {
			shown = p[0]
		}
		if shown != "" {
			seen[shown]++
		}
	}
	sum := 0
	for _, n := range seen {
		if sum += n; n > 1 {
			f.Reused = Yes
		}
	}
	if f.Reused == Unknown && sum > 1 {
		f.Reused = No
	}
}

// prints returns the digests of SHA-256 among fingerprints.
func prints(all []string) (digests []string) {
	for _, p := range all {
		if d, ok := strings.CutPrefix(p, "sha-256 "); ok {
			digests = append(digests, d)
		}
	}
	return digests
}

// version reads what was said in one version.
func version(code uint16, t Transcript, readings []*reading) Version {
	v := Version{Code: code, Name: hello.VersionName(code), Accepted: Unknown}
	sets := [dimensions]*Set{&v.Suites, &v.Groups, &v.Schemes, &v.Profiles}
	names := [dimensions]func(uint16) string{iana.SuiteName, iana.GroupName, iana.SignatureSchemeName, iana.SRTPProfileName}
	var accepted, refusedCodes [dimensions][]uint16
	need := needed(code, readings) // without this group a refusal tells nothing about others
	prefers := [dimensions]Preference{}
	for i, r := range readings {
		x := &t[i]
		c := r.flight.ClientHello
		if x.Setup != Active || r.theirs != nil || c == nil {
			continue
		}
		lists := r.lists()
		if r.verdict == refused || r.verdict == granted && r.flight.Version() != code {
			if x.Version == code && (x.Ask == AskVersion || r.verdict == granted) && v.Accepted == Unknown {
				v.Accepted, v.Exchanges = No, append(v.Exchanges, x.N)
			}
			if d := slices.Index(questions[:], x.Ask); d >= 0 && x.Version == code && r.verdict == refused {
				if dimension(d) != groups || need == 0 || slices.Contains(lists[d], need) {
					refusedCodes[d] = append(refusedCodes[d], without(lists[d], accepted[d])...)
				}
			}
			continue
		}
		if r.verdict != granted {
			continue
		}
		if v.Accepted != Yes {
			v.Accepted, v.Exchanges = Yes, []int{x.N}
		}
		for d, chosen := range r.chosen {
			switch {
			case chosen == 0 && dimension(d) == profiles && !r.srtp && code != hello.DTLS13:
				refusedCodes[d] = append(refusedCodes[d], lists[d]...) // the answer is there without one
			case chosen == 0:
			case r.took(dimension(d)) == 0:
				refusedCodes[d] = append(refusedCodes[d], lists[d]...)
			default:
				if sets[d].Chosen == nil && (x.Ask == AskChoice || x.Ask == AskVersion) {
					sets[d].Chosen = &Named{chosen, names[d](chosen)}
				}
				if !slices.Contains(accepted[d], chosen) {
					accepted[d] = append(accepted[d], chosen)
				}
			}
		}
		if x.Ask == AskOrder {
			for d, chosen := range r.chosen {
				list := lists[d]
				switch {
				case len(list) < 2 || r.took(dimension(d)) == 0 || prefers[d] != "":
				case chosen == list[len(list)-1]:
					prefers[d] = OfServer
				case chosen == list[0]:
					prefers[d] = OfClient
				default:
					prefers[d] = Neither
				}
			}
		}
	}
	// Who follows the client's order accepts no group before the one that it
	// chose. That tells about servers that have to find the curve of their
	// certificate in the list.
	if prefers[groups] == OfClient {
		for i, r := range readings {
			if c := r.flight.ClientHello; t[i].Ask == AskGroups && r.verdict == granted && r.flight.Version() == code && c != nil {
				list := c.List16(hello.ExtSupportedGroups)
				refusedCodes[groups] = append(refusedCodes[groups], list[:max(0, slices.Index(list, r.chosen[groups]))]...)
			}
		}
	}
	if v.Accepted != Yes {
		return v
	}
	for d, set := range sets {
		if len(accepted[d]) == 0 && len(refusedCodes[d]) == 0 {
			continue
		}
		set.Accepted = named(accepted[d], names[d])
		set.Rest = Unknown
		if len(without(without(everything(code).lists[d], accepted[d]), refusedCodes[d])) == 0 {
			set.Rest = No
		}
		set.Preference = Neither
		if prefers[d] != "" {
			set.Preference = prefers[d]
		}
	}
	return v
}

// named names codes. Of a hostile list the first are enough.
func named(codes []uint16, name func(uint16) string) (all []Named) {
	const enough = 512
	for _, c := range codes[:min(len(codes), enough)] {
		all = append(all, Named{c, name(c)})
	}
	return all
}

// union adds a string to a small set, but not the empty one.
func union(all []string, s string) []string {
	const most = 64
	if s == "" || slices.Contains(all, s) || len(all) == most {
		return all
	}
	return append(all, s)
}

// clip bounds a text that a stranger wrote.
func clip(s string) string {
	const most = 256
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

// described is a certificate, and the group that its key is on.
type described struct {
	Certificate
	group uint16
}

// describe reads a certificate. What cannot be read is known by its
// fingerprint only.
func describe(der []byte) described {
	d := described{Certificate: Certificate{SHA256: digest(der)}}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return d
	}
	switch key := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		d.Key, d.Bits, d.Curve = "ECDSA", key.Curve.Params().BitSize, key.Curve.Params().Name
		d.group = map[int]uint16{256: 23, 384: 24, 521: 25}[d.Bits]
	case *rsa.PublicKey:
		d.Key, d.Bits = "RSA", key.N.BitLen()
	case ed25519.PublicKey:
		d.Key, d.Bits = "Ed25519", 256
	default:
		d.Key = fmt.Sprintf("%v", c.PublicKeyAlgorithm)
	}
	d.Signature = c.SignatureAlgorithm.String()
	d.Subject = clip(c.Subject.String())
	d.SelfMade = string(c.RawSubject) == string(c.RawIssuer)
	d.NotBefore, d.NotAfter = c.NotBefore.UTC(), c.NotAfter.UTC()
	d.Days = c.NotAfter.Sub(c.NotBefore).Hours() / 24
	return d
}
