package turn

import (
	"bytes"
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"

	"vksprobe/probe"
)

// Read derives what the exchanges say about the server of the first of them;
// those with other servers are passed over. It believes the transcript what
// was asked and whether an answer had the right integrity, and takes all else
// from the messages.
func Read(t Transcript) Facts {
	unknown := Answer{State: Unknown}
	none := Allocation{Works: unknown}
	r := reader{
		facts: Facts{Challenge: unknown, Open: unknown, Password: unknown, Allocation: none, IPv6: none, Dual: none, TCP: none,
			Nonce:      Nonce{Fresh: Unknown, MadeUp: unknown},
			Credential: Credential{TimeLimited: Unknown, Accepted: unknown, Reusable: unknown, After: unknown, Outlived: unknown}},
		given: map[string]issue{}, sockets: map[int]bool{}, relays: map[int]string{},
	}
	for _, x := range t {
		if r.facts.Server == "" {
			r.facts.Server = x.Server
			p, err := parse(x.Server)
			r.facts.Relay = err == nil && p.relay
		}
		if x.Server == r.facts.Server {
			r.read(x)
		}
	}
	for _, d := range r.facts.Doors {
		r.facts.Open = worst(Yes, r.facts.Open, d.Open)
		r.facts.Challenge = worst(No, r.facts.Challenge, d.Challenge)
	}
	return r.facts
}

// worst is the answer of a server from those of its doors: one bad answer
// outweighs all others, and any answer outweighs none.
func worst(bad State, a, b Answer) Answer {
	switch {
	case a.State == b.State && a.State != Unknown:
		a.Exchanges = append(slices.Clone(a.Exchanges), b.Exchanges...)
		return a
	case a.State == bad, b.State == Unknown && (a.State != Unknown || a.Code != 0):
		return a
	}
	return b
}

// A reader is the state of Read.
type reader struct {
	facts   Facts
	given   map[string]issue // nonces that the server gave out
	sockets map[int]bool
	relays  map[int]string // by socket, what its allocation relays
	tokens  []token
}

// An issue is the first time that a nonce was given out, and to which socket.
type issue struct {
	conn int
	at   time.Time
}

// A token is a datagram on its way to the witness.
type token struct {
	data []byte
	peer int // index in Peers
	n    int // of the exchange
}

// most bounds lists whose length a transcript decides.
const most = 256

func (r *reader) read(x Exchange) {
	f := &r.facts
	f.Cost.Exchanges++
	if x.Conn > 0 && x.Local != "" && !r.sockets[x.Conn] {
		r.sockets[x.Conn] = true
		f.Cost.Sockets++
	}
	if x.Ask == AskArrival {
		r.arrival(x)
		return
	}
	f.Cost.Sent += len(x.Sent) * x.Times
	f.Cost.Received += volume(x)
	sent := decode(x.Sent)
	var got *stun.Message
	if x.Answer > 0 && x.Answer <= len(x.Received) && x.Integrity != integrityWrong {
		if m := decode(x.Received[x.Answer-1]); answers(m, sent) {
			got = m
		}
	}
	r.door(x, got)
	if sent == nil {
		r.unopened(x)
		return
	}
	r.common(x, sent, got)
	switch signed := sent.Contains(stun.AttrMessageIntegrity); sent.Type.Method {
	case stun.MethodBinding:
		r.amplification(x, "Binding")
	case stun.MethodAllocate:
		r.allocate(x, sent, got, signed)
	case stun.MethodRefresh:
		r.refresh(x, sent, got)
	case stun.MethodCreatePermission, stun.MethodChannelBind, stun.MethodConnect, stun.MethodSend:
		r.peer(x, sent, got)
	}
}

func volume(x Exchange) int {
	n := 0
	for _, b := range x.Received {
		n += len(b)
	}
	return n
}

// answer is the plain reading: success is yes, one of the codes is no, and all
// else says nothing.
func answer(x Exchange, got *stun.Message, no ...stun.ErrorCode) Answer {
	a := Answer{State: Unknown, Failure: x.Failure, Exchanges: []int{x.N}}
	if got == nil {
		return a
	}
	a.Code = code(got)
	switch {
	case success(got):
		a.State, a.Code = Yes, 0
	case slices.Contains(no, stun.ErrorCode(a.Code)):
		a.State = No
	}
	return a
}

// reversed is the reading of what ought to be refused: "it was refused" is
// yes.
func reversed(a Answer) Answer {
	switch a.State {
	case Yes:
		a.State = No
	case No:
		a.State = Yes
	}
	return a
}

// door notes by which transport the server answered.
func (r *reader) door(x Exchange, got *stun.Message) {
	d := r.doorOf(x)
	if d == nil || d.Reachable.State == Yes {
		return
	}
	if got != nil {
		d.Reachable, d.Address = Answer{State: Yes, Exchanges: []int{x.N}}, x.Remote
		return
	}
	switch x.Failure { // an alert is none of these: somebody is there, with whom we found no common ground
	case probe.ConnectionRefused, probe.ConnectionReset, probe.Unreachable, probe.Timeout, probe.NotRecognised:
		d.Reachable.State = No
	}
	if x.Failure != "" {
		d.Reachable.Failure, d.Reachable.Exchanges = x.Failure, []int{x.N}
	}
}

// doorOf finds the door by transport and port, since a name may have several
// addresses.
func (r *reader) doorOf(x Exchange) *Door {
	port := func(address string) string { _, p, _ := net.SplitHostPort(address); return p }
	doors := r.facts.Doors
	for i := range doors {
		if doors[i].Transport == x.Transport && port(doors[i].Address) == port(x.Remote) {
			return &doors[i]
		}
	}
	if len(doors) == most {
		return nil
	}
	unknown := Answer{State: Unknown}
	r.facts.Doors = append(doors, Door{Transport: x.Transport, Address: x.Remote, Reachable: unknown, Open: unknown, Challenge: unknown})
	return &r.facts.Doors[len(doors)]
}

// unopened notes a socket that a question needed and did not get.
func (r *reader) unopened(x Exchange) {
	if a := r.answerFor(x.Ask); a != nil && a.State == Unknown {
		*a = Answer{State: Unknown, Failure: x.Failure, Exchanges: []int{x.N}}
	}
}

// answerFor is the answer that the outcome of a question decides, nil for
// those that have none of their own.
func (r *reader) answerFor(q Question) *Answer {
	f := &r.facts
	switch q {
	case AskAllocate:
		return &f.Credential.Accepted
	case AskReuse:
		return &f.Credential.Reusable
	case AskExpired:
		return &f.Credential.After
	case AskOutlive:
		return &f.Credential.Outlived
	case AskIPv6:
		return &f.IPv6.Works
	case AskDual:
		return &f.Dual.Works
	case AskTCP:
		return &f.TCP.Works
	case AskNonce:
		return &f.Nonce.MadeUp
	case AskPassword:
		return &f.Password
	}
	return nil
}

// common notes what any answer may say.
func (r *reader) common(x Exchange, sent, got *stun.Message) {
	f := &r.facts
	r.username(x, sent)
	if got == nil {
		return
	}
	f.Software = cmp.Or(f.Software, text(got, stun.AttrSoftware))
	f.Realm = cmp.Or(f.Realm, text(got, stun.AttrRealm))
	if all := addresses(got, stun.AttrAlternateServer, false); len(all) > 0 {
		f.Alternate = all[0].String()
	}
	if d := r.doorOf(x); d != nil && success(got) {
		d.Mapped = cmp.Or(d.Mapped, first(addresses(got, stun.AttrXORMappedAddress, true)))
		d.ResponseOrigin = cmp.Or(d.ResponseOrigin, first(addresses(got, stun.AttrResponseOrigin, false)))
		d.OtherAddress = cmp.Or(d.OtherAddress, first(addresses(got, stun.AttrOtherAddress, false)))
	}
	r.nonce(x, sent, got)
}

func first(all []netip.AddrPort) string {
	if len(all) == 0 {
		return ""
	}
	return all[0].String()
}

// nonce notes which nonces the server gives out and takes back.
func (r *reader) nonce(x Exchange, sent, got *stun.Message) {
	n := &r.facts.Nonce
	if used, err := sent.Get(stun.AttrNonce); err == nil {
		if was, ok := r.given[string(used)]; ok {
			switch {
			case failed(got, int(stun.CodeStaleNonce)):
				n.Stale++
			case success(got) && x.Integrity == integrityRight:
				n.LivedSeconds = max(n.LivedSeconds, x.Time.Sub(was.at).Seconds())
			}
		}
	}
	fresh, err := got.Get(stun.AttrNonce)
	if err != nil || len(fresh) == 0 {
		return
	}
	n.Length = len(fresh)
	was, ok := r.given[string(fresh)]
	switch {
	case ok && was.conn != x.Conn:
		n.Fresh = No
	case !ok && len(r.given) < most:
		if len(r.given) > 0 && n.Fresh == Unknown {
			n.Fresh = Yes
		}
		r.given[string(fresh)] = issue{x.Conn, x.Time}
	}
}

// username notes what the form of the user name says, and nothing of it.
func (r *reader) username(x Exchange, sent *stun.Message) {
	c := &r.facts.Credential
	v, err := sent.Get(stun.AttrUsername)
	if err != nil || c.Given {
		return
	}
	c.Given, c.TimeLimited = true, No
	if expiry, ok := expiryOf(string(v)); ok {
		c.TimeLimited, c.Expires = Yes, &expiry
		c.Remaining = int64(expiry.Sub(x.Time) / time.Second)
	}
}

// expiryOf finds the end of a credential in a user name of the form that
// draft-uberti-behave-turn-rest describes: the seconds since 1970 at which it
// ends, alone or before a colon and a name. coturn takes them behind it, too.
// Numbers that are no time near ours are not taken for one.
func expiryOf(username string) (time.Time, bool) {
	const earliest, latest = 1262304000, 4102444800 // 2010 and 2100
	before, after, _ := strings.Cut(username, ":")
	for _, part := range []string{before, after} {
		if n, err := strconv.ParseUint(part, 10, 40); err == nil && n >= earliest && n < latest {
			return time.Unix(int64(n), 0).UTC(), true
		}
	}
	return time.Time{}, false
}

// amplification keeps the worst ratio for each kind of request that anybody
// can send. A request that was sent again does not count: nobody can tell
// whether each of them was answered, or one of them twice.
func (r *reader) amplification(x Exchange, what string) {
	if x.Transport != overUDP || x.Times != 1 || len(x.Received) == 0 {
		return
	}
	const header = 20 + 8
	a := Amplification{Request: what, Sent: len(x.Sent), Received: volume(x), Packets: len(x.Received), Exchange: x.N}
	a.Ratio = float64(a.Received+header*a.Packets) / float64(a.Sent+header)
	all := r.facts.Amplifies
	i := slices.IndexFunc(all, func(b Amplification) bool { return b.Request == what })
	if i < 0 {
		r.facts.Amplifies = append(all, a)
	} else if a.Ratio > all[i].Ratio {
		all[i] = a
	}
}

// unwanted are the codes by which a server refuses a kind of allocation.
var unwanted = [...]stun.ErrorCode{stun.CodeBadRequest, stun.CodeForbidden, stun.CodeUnknownAttribute,
	stun.CodeAddrFamilyNotSupported, stun.CodeUnsupportedTransProto, stun.CodePeerAddrFamilyMismatch}

// allocate reads an Allocate request. Which question it answers depends on
// whether it was signed: only a signed one speaks about a credential.
func (r *reader) allocate(x Exchange, sent, got *stun.Message, signed bool) {
	f := &r.facts
	if success(got) {
		f.Cost.Allocations++
		if r.relays[x.Conn] = "udp"; bytes.HasPrefix(attribute(sent, stun.AttrRequestedTransport), []byte{relayTCP}) {
			r.relays[x.Conn] = "tcp"
		}
	}
	if !signed {
		r.challenge(x, got)
	}
	switch x.Ask {
	case AskChallenge:
		if !signed && success(got) && f.Allocation.Works.State == Unknown {
			f.Allocation = allocation(got, answer(x, got))
		}
	case AskIPv6:
		f.IPv6 = allocation(got, answer(x, got, unwanted[:]...))
		f.IPv6.hold(1, "IPv6")
	case AskDual:
		f.Dual = allocation(got, answer(x, got, unwanted[:]...))
		if f.Dual.hold(2, "IPv6"); f.Dual.Works.State == No && success(got) {
			if v := attribute(got, attrAddressErrorCode); len(v) >= 4 {
				f.Dual.Works.Code = int(v[2]&7)*100 + int(v[3])
			}
		}
	case AskTCP:
		f.TCP = allocation(got, answer(x, got, unwanted[:]...))
	}
	if !signed {
		return
	}
	const wrong = stun.CodeUnauthorized
	switch x.Ask {
	case AskAllocate:
		f.Credential.Accepted = answer(x, got, wrong, stun.CodeWrongCredentials)
		f.Allocation = allocation(got, f.Credential.Accepted)
	case AskReuse:
		f.Credential.Reusable = answer(x, got, wrong, stun.CodeWrongCredentials)
	case AskExpired:
		if c := f.Credential; c.Expires != nil && x.Time.After(*c.Expires) {
			f.Credential.After = answer(x, got, wrong, stun.CodeWrongCredentials)
		}
	case AskNonce:
		if _, ok := r.given[string(attribute(sent, stun.AttrNonce))]; !ok {
			f.Nonce.MadeUp = reversed(answer(x, got, stun.CodeStaleNonce, wrong, stun.CodeBadRequest))
		}
	case AskPassword:
		f.Password = reversed(answer(x, got, wrong, stun.CodeWrongCredentials))
	}
}

func attribute(m *stun.Message, attr stun.AttrType) []byte {
	v, err := m.Get(attr)
	if err != nil {
		return nil
	}
	return v
}

// allocation reads what was granted.
func allocation(got *stun.Message, works Answer) Allocation {
	a := Allocation{Works: works}
	if !success(got) {
		return a
	}
	a.Lifetime, _ = granted(got)
	for _, at := range addresses(got, stun.AttrXORRelayedAddress, true) {
		if len(a.Relayed) == most {
			break
		}
		a.Relayed = append(a.Relayed, at.String())
		family := "IPv4"
		if at.Addr().Is6() {
			family = "IPv6"
		}
		if !slices.Contains(a.Families, family) {
			a.Families = append(a.Families, family)
		}
	}
	return a
}

// hold turns a success into a no when it does not hold that many addresses,
// one of them of the family: some servers pass over what they do not know.
func (a *Allocation) hold(n int, family string) {
	if a.Works.State == Yes && (len(a.Relayed) < n || !slices.Contains(a.Families, family)) {
		a.Works.State = No
	}
}

// challenge reads the answer to an Allocate request without credentials.
func (r *reader) challenge(x Exchange, got *stun.Message) {
	d := r.doorOf(x)
	if d == nil {
		return
	}
	if x.Ask == AskChallenge {
		r.amplification(x, "Allocate")
	}
	open := answer(x, got, append([]stun.ErrorCode{stun.CodeUnauthorized}, unwanted[:]...)...)
	if x.Ask != AskChallenge && open.State != Yes {
		return // a kind of allocation that the server may not know
	}
	proper := Answer{State: Unknown, Code: open.Code, Failure: open.Failure, Exchanges: open.Exchanges}
	switch {
	case open.State == Yes:
		proper.State = No
	case open.Code == int(stun.CodeUnauthorized):
		proper.State = No
		if len(attribute(got, stun.AttrRealm)) > 0 && len(attribute(got, stun.AttrNonce)) > 0 {
			proper.State = Yes
		}
	}
	if d.Open.State == Unknown || open.State == Yes {
		d.Open = open
	}
	if d.Challenge.State == Unknown || proper.State == No {
		d.Challenge = proper
	}
}

// refresh reads a Refresh request: the end of an allocation, or whether it
// outlived its credential.
func (r *reader) refresh(x Exchange, sent, got *stun.Message) {
	f := &r.facts
	switch {
	case x.Ask == AskRelease && success(got):
		f.Cost.Released++
	case x.Ask == AskOutlive && f.Credential.Expires != nil && x.Time.After(*f.Credential.Expires):
		f.Credential.Outlived = answer(x, got, stun.CodeUnauthorized, stun.CodeWrongCredentials, stun.CodeForbidden, stun.CodeAllocMismatch)
	}
}

// peer reads a question for one peer.
func (r *reader) peer(x Exchange, sent, got *stun.Message) {
	all := addresses(sent, stun.AttrXORPeerAddress, true)
	if len(all) == 0 {
		return
	}
	i := r.peerOf(all[0].Addr(), cmp.Or(r.relays[x.Conn], "udp"))
	if i < 0 {
		return
	}
	p := &r.facts.Peers[i]
	a := answer(x, got, unwanted[:]...)
	switch sent.Type.Method {
	case stun.MethodCreatePermission:
		p.Permission = a
	case stun.MethodChannelBind:
		p.Channel = a
	case stun.MethodConnect:
		if a.Code == int(stun.CodeConnTimeoutOrFailure) || a.Code == int(stun.CodeConnAlreadyExists) {
			a.State = Yes // it tried
		}
		p.Connect = a
	case stun.MethodSend:
		data := attribute(sent, stun.AttrData)
		if len(data) >= tokenSize && len(r.tokens) < most {
			r.tokens = append(r.tokens, token{bytes.Clone(data), i, x.N})
		}
	}
}

func (r *reader) peerOf(a netip.Addr, relay string) int {
	address := a.String()
	all := r.facts.Peers
	if i := slices.IndexFunc(all, func(p Peer) bool { return p.Address == address && p.Relay == relay }); i >= 0 {
		return i
	}
	if len(all) == most {
		return -1
	}
	r.facts.Peers = append(all, Peer{Address: address, Class: ClassOf(a), Relay: relay, Permission: Answer{State: Unknown}})
	return len(all)
}

// arrival looks for what was sent to the witness among what came to it.
func (r *reader) arrival(x Exchange) {
	for _, t := range r.tokens {
		d := &r.facts.Peers[t.peer].Delivered
		if d.State == Yes {
			continue
		}
		*d = Answer{State: No, Failure: x.Failure, Exchanges: []int{t.n, x.N}}
		for _, b := range x.Received {
			if bytes.Equal(b, t.data) {
				*d = Answer{State: Yes, Exchanges: []int{t.n, x.N}}
			}
		}
	}
}
