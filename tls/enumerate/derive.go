package enumerate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"slices"

	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
)

// Derive says what a server offers, from nothing but the exchanges with it.
// A refusal counts if it was an alert, or a silence that was repeated while
// the server answered others; what is neither granted nor refused is unknown.
func Derive(target Target, exchanges []*Exchange) Offer {
	d := &derivation{transport: cmp.Or(target.Transport, TCP), host: target.Host, versions: map[uint16]*evidence{}, chains: map[string]*Presented{}, dh: map[string]*DHParameters{},
		publics: map[string]int{}, features: map[string]State{}, flaws: map[string]State{}, oracle: map[string][]string{}, lost: map[string]bool{}}
	for _, e := range exchanges {
		if !e.Start.IsZero() {
			d.read(e)
		}
	}
	return d.offer(target)
}

// evidence is what the exchanges show of one version.
type evidence struct {
	granted         bool
	refused         bool // a hello with it as the highest version was refused, or answered with a lower one
	minded          bool // and that because of the version
	suites          map[uint16]State
	groups, schemes map[uint16]State
	order, wanted   order // of suites and of groups
}

type derivation struct {
	transport  Transport
	host       string
	versions   map[uint16]*evidence
	chains     map[string]*Presented
	shown      []string // keys of chains as they came
	dh         map[string]*DHParameters
	primes     []string
	publics    map[string]int // ephemeral public keys and how often they were seen
	named      []string
	features   map[string]State
	flaws      map[string]State
	tickets    []Ticket
	ticketKeys map[string]int // exchange by the name of the key
	client     *ClientRequest
	sentinels  map[uint16]bool     // by version
	names      map[string]string   // certificate by what name was asked for
	kinds      []uint32            // of SSL 2.0
	oracle     map[string][]string // reactions to paddings, by question
	lost       map[string]bool     // questions, and whether they are without an answer
	quic       *QUICOffer
}

func (d *derivation) of(v uint16) *evidence {
	if d.versions[v] == nil {
		d.versions[v] = &evidence{suites: map[uint16]State{}, groups: map[uint16]State{}, schemes: map[uint16]State{}, order: order{}, wanted: order{}}
	}
	return d.versions[v]
}

// read takes in one exchange.
func (d *derivation) read(e *Exchange) {
	f, packets := e.replay()
	if packets != nil {
		d.packets(f, packets)
		if packets.Negotiated != nil {
			return // nothing of TLS
		}
	}
	switch e.Question {
	case AskVersions:
		return
	case AskFlaw:
		d.flaw(e, f)
		return
	}
	c := f.ClientHello
	if c == nil {
		return
	}
	highest := newest(c.Offers())
	v := judge(f)
	if v == unsure && e.Confirmed {
		v = refused
	}
	if open, asked := d.lost[e.key(f)]; open || !asked { // what is asked again is the same hello
		d.lost[e.key(f)] = v == unsure
	}
	if e.Question == AskName { // perhaps another virtual server answers
		d.name(e, f, v)
		d.certificates(f)
		return
	}
	switch v {
	case granted:
		d.grant(e, f, highest)
	case refused:
		d.refuse(e, f, highest)
	}
	d.feature(e, f, v)
}

func (d *derivation) unanswered() (n int) {
	for _, open := range d.lost {
		if open {
			n++
		}
	}
	return n
}

// newest returns the latest of some versions; those of DTLS count downwards.
func newest(versions []uint16) uint16 {
	return slices.MaxFunc(versions, func(a, b uint16) int { return rank(a) - rank(b) })
}

func rank(v uint16) int {
	if v>>8 == 0xFE {
		return 0xFFFF - int(v)
	}
	if iana.IsGREASE(v) {
		return -1
	}
	return int(v)
}

func (d *derivation) grant(e *Exchange, f *hello.Flight, highest uint16) {
	c, h := f.ClientHello, f.Chosen()
	at := f.Version()
	if at != highest {
		for _, v := range append(c.Offers(), d.falling()...) {
			if rank(v) > rank(at) && rank(v) <= rank(highest) {
				d.of(v).refused = true
			}
		}
		learn(d.features, VersionTolerance, true)
	}
	k := d.of(at)
	k.granted = true
	k.suites[h.CipherSuite] = Yes
	if e.Question.ranks() {
		k.order.choose(h.CipherSuite, c.CipherSuites)
	}
	if g := f.Group(); g != 0 {
		k.groups[g] = Yes
		if _, shares, _ := h.KeyShare(); len(shares) == 0 { // with a share in hand a server may well take that
			k.wanted.choose(g, c.List16(hello.ExtSupportedGroups))
		}
	}
	if s := f.SignatureScheme(); s != 0 {
		k.schemes[s] = Yes
	}
	d.certificates(f)
	if x := f.KeyExchange; x != nil {
		if len(x.Public) > 0 && len(x.Modulus) == 0 {
			d.publics[string(x.Public)]++
		}
		if len(x.Prime) > 0 {
			d.prime(x.Prime, d.publics[string(x.Public)] > 1)
		}
	}
	if f.ServerHello != nil {
		if _, public, ok := f.ServerHello.KeyShare(); ok && len(public) > 0 {
			d.publics[string(public)]++
		}
	}
	if p := f.Protocol(); p != "" && !slices.Contains(d.named, p) {
		d.named = append(d.named, p)
	}
}

func (d *derivation) refuse(e *Exchange, f *hello.Flight, highest uint16) {
	k := d.of(highest)
	c := f.ClientHello
	no := func(states map[uint16]State, list []uint16) {
		for _, x := range list {
			if states[x] != Yes {
				states[x] = No
			}
		}
	}
	switch e.Question {
	case AskSuites, AskOrder:
		k.refused = true
		no(k.suites, c.CipherSuites)
		_, modern := c.Extension(hello.ExtSupportedVersions)
		k.minded = k.minded || !modern && f.Alert != nil && f.Alert.Description == alertProtocolVersion
	case AskSession:
		k.refused = true
	case AskGroups:
		no(k.groups, c.List16(hello.ExtSupportedGroups))
	case AskSignatures:
		no(k.schemes, c.List16(hello.ExtSignatureAlgorithms))
	}
}

// below concludes from the refusals of a version what they mean for those
// below it: a hello without supported_versions offers them all. A server that
// minds the version has none of them; one that minds the suites and does not
// have that version cannot have a lower one with these suites.
func (d *derivation) below() {
	falling := d.falling()
	for i, v := range falling {
		k := d.versions[v]
		if k == nil || k.granted {
			continue
		}
		for _, lower := range falling[i+1:] {
			all := suitesOf(lower)
			if k.minded || !slices.ContainsFunc(all, func(suite uint16) bool { return k.suites[suite] != No }) {
				d.of(lower).refused = true
			}
		}
	}
}

// falling lists the versions that a hello without supported_versions may
// offer, the latest first.
func (d *derivation) falling() []uint16 {
	switch d.transport {
	case UDP:
		return []uint16{hello.DTLS12, hello.DTLS10}
	case QUIC:
		return nil
	}
	return []uint16{hello.TLS12, hello.TLS11, hello.TLS10, hello.SSL30}
}

// certificates keeps a chain once.
func (d *derivation) certificates(f *hello.Flight) {
	entries, name := f.Certificates, d.host // SSL 2.0 has no names
	if f.SSL2 != nil {
		entries = []hello.Entry{{DER: f.SSL2.Certificate}}
	} else if f.ClientHello != nil {
		name = f.ClientHello.ServerName()
	}
	if len(entries) == 0 {
		return
	}
	s := &Presented{}
	sum := sha256.New()
	for _, c := range entries {
		s.DER = append(s.DER, c.DER)
		sum.Write(c.DER)
		if len(c.OCSP) > 0 {
			s.OCSP = append(s.OCSP, c.OCSP)
		}
		if len(c.SCTs) > 0 {
			s.SCTs = append(s.SCTs, c.SCTs)
		}
	}
	if len(f.OCSP) > 0 {
		s.OCSP = append(s.OCSP, f.OCSP)
	}
	if list, ok := f.Extension(hello.ExtSCT); ok && len(list) > 0 {
		s.SCTs = append(s.SCTs, list)
	}
	key := string(sum.Sum(nil))
	p := d.chains[key]
	if p == nil {
		if len(d.shown) == maxChains {
			return
		}
		p = s
		d.chains[key] = p
		d.shown = append(d.shown, key)
	}
	asked := "unknown"
	switch name {
	case d.host:
		asked = "host"
	case "":
		asked = "none"
	}
	if !slices.Contains(p.Names, asked) {
		p.Names = append(p.Names, asked)
	}
	if v := hello.VersionName(f.Version()); !slices.Contains(p.Versions, v) {
		p.Versions = append(p.Versions, v)
	}
	if s := f.SignatureScheme(); s != 0 && !slices.ContainsFunc(p.Schemes, func(n Named) bool { return n.Code == s }) {
		p.Schemes = append(p.Schemes, Named{s, iana.SignatureSchemeName(s)})
	}
	p.Compressed = p.Compressed || f.Compressed != 0
}

// maxChains bounds the chains of one server.
const maxChains = 32

func (d *derivation) prime(p []byte, again bool) {
	sum := sha256.Sum256(p)
	key := hex.EncodeToString(sum[:])
	if k := d.dh[key]; k != nil {
		if again {
			k.Reused = Yes
		} else if k.Reused == Unknown {
			k.Reused = No
		}
		return
	}
	d.primes = append(d.primes, key)
	known, safe := knownPrime(p)
	if safe == Unknown {
		safe = isSafe(p)
	}
	d.dh[key] = &DHParameters{Bits: new(big.Int).SetBytes(p).BitLen(), SHA256: key, Known: known, Safe: safe, Reused: Unknown}
}

// maxPrime bounds the primes that are tested; no one uses longer ones.
const maxPrime = 8192

func isSafe(p []byte) State {
	n := new(big.Int).SetBytes(p)
	if n.BitLen() > maxPrime {
		return Unknown
	}
	if n.ProbablyPrime(0) && new(big.Int).Rsh(n, 1).ProbablyPrime(0) {
		return Yes
	}
	return No
}

// offer puts together what the exchanges have shown.
func (d *derivation) offer(target Target) Offer {
	offer := Offer{Host: target.Host, Address: target.Address, Transport: string(d.transport), QUIC: d.quic, StartTLS: target.StartTLS, Protocols: d.named,
		Features: d.features, Flaws: d.flaws, Tickets: d.tickets, Client: d.client, Unanswered: d.unanswered()}
	d.below()
	for _, code := range []uint16{hello.TLS13, hello.TLS12, hello.TLS11, hello.TLS10, hello.SSL30, hello.SSL20, hello.DTLS13, hello.DTLS12, hello.DTLS10} {
		if k := d.versions[code]; k != nil {
			offer.Versions = append(offer.Versions, k.version(code))
		}
	}
	for _, key := range d.shown {
		offer.Chains = append(offer.Chains, *d.chains[key])
	}
	for _, key := range d.primes {
		offer.DH = append(offer.DH, *d.dh[key])
	}
	d.conclude(&offer)
	return offer
}

func (k *evidence) version(code uint16) Version {
	v := Version{Code: code, Name: hello.VersionName(code), State: Unknown, SuitePreference: UnknownPreference, GroupPreference: UnknownPreference}
	switch {
	case k.granted:
		v.State = Yes
	case k.refused:
		v.State = No
	}
	codes := func(states map[uint16]State, want State) (list []uint16) {
		for x, s := range states {
			if s == want && !signal(x) {
				list = append(list, x)
			}
		}
		slices.Sort(list)
		return list
	}
	suites := codes(k.suites, Yes)
	slices.SortStableFunc(suites, byStrength)
	v.SuitePreference = k.order.preference(suites, isChaCha20)
	k.order.sort(suites, v.SuitePreference == Server)
	v.ChaCha20ByClient = v.SuitePreference == Server && k.order.preference(suites, nil) == Mixed
	v.SuitesOrdered = v.SuitePreference != Client && k.order.proven(suites, v.SuitePreference == Server)
	v.Suites = named(suites, iana.SuiteName)
	v.SuitesRefused = codes(k.suites, No)
	groups := codes(k.groups, Yes)
	v.GroupPreference = k.wanted.preference(groups, nil)
	k.wanted.sort(groups, v.GroupPreference == Server)
	v.Groups, v.GroupsRefused = named(groups, iana.GroupName), codes(k.groups, No)
	v.SignatureSchemes, v.SchemesRefused = named(codes(k.schemes, Yes), iana.SignatureSchemeName), codes(k.schemes, No)
	if k.granted {
		v.SuitesUnknown = named(k.unknown(code), iana.SuiteName)
	}
	return v
}

// unknown lists the suites of a version that were neither granted nor
// refused.
func (k *evidence) unknown(code uint16) (list []uint16) {
	for _, x := range suitesOf(code) {
		if k.suites[x] == "" {
			list = append(list, x)
		}
	}
	return list
}

func named(codes []uint16, name func(uint16) string) (list []Named) {
	for _, c := range codes {
		list = append(list, Named{c, name(c)})
	}
	return list
}

// signal tells values that stand in a list of suites but are none.
func signal(code uint16) bool {
	s, ok := iana.Suite(code)
	return code == 0 || iana.IsGREASE(code) || ok && s.Signal
}
