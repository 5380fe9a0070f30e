package turn

import (
	"bytes"
	"context"
	"crypto/rand"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"

	"vksprobe/probe"
)

// A check is one run of questions. It asks one after the other, and holds at
// most two allocations at any time.
type check struct {
	server     Server
	place      place
	options    Options
	transcript Transcript
	conns      int
}

func (c *check) run(ctx context.Context) {
	var relay, stream *door // the first that gives a relay to somebody, and the first that is a stream
	for _, d := range c.place.doors {
		if ctx.Err() != nil {
			return
		}
		if !c.knock(ctx, d) {
			continue
		}
		if relay == nil {
			relay = &d
		}
		if stream == nil && network[d.transport] == "tcp" {
			stream = &d
		}
	}
	if relay == nil || ctx.Err() != nil {
		return
	}
	c.relay(ctx, *relay)
	c.families(ctx, *relay)
	if stream != nil {
		c.tcp(ctx, *stream)
	}
	if c.server.Username != "" {
		c.forgeries(ctx, *relay)
	}
}

// knock asks at a door without credentials, and reports whether a TURN server
// is behind it.
func (c *check) knock(ctx context.Context, d door) bool {
	f := c.open(ctx, d, AskBinding)
	if f == nil {
		return false
	}
	defer func() { f.close(ctx) }()
	f.ask(ctx, AskBinding, request(stun.MethodBinding, stun.ClassRequest), nil)
	if d.aside || !c.place.relay {
		return false
	}
	if c.transcript[len(c.transcript)-1].Failure == probe.Timeout {
		f.silent = false // some TURN servers keep silent to Binding only
	}
	a := f.challenge(ctx)
	return success(a) || f.realm != ""
}

// challenge asks for an allocation without credentials. A success is the
// allocation, then; otherwise realm and nonce are known after it.
func (f *flow) challenge(ctx context.Context) *stun.Message {
	if f.silent {
		return nil
	}
	a := f.ask(ctx, AskChallenge, allocate(requestedTransport(relayUDP)), nil)
	f.allocated = success(a)
	f.learn(a)
	return a
}

func allocate(set ...setter) *stun.Message {
	return request(stun.MethodAllocate, stun.ClassRequest, set...)
}

// maxText is the bound of REALM and NONCE: RFC 8489, sections 14.9 and 14.10.
const maxText = 763

// learn takes realm and nonce from an answer.
func (f *flow) learn(a *stun.Message) {
	if a == nil || a.Type.Class != stun.ClassErrorResponse {
		return
	}
	if v, err := a.Get(stun.AttrNonce); err == nil && len(v) <= maxText {
		f.nonce = string(v)
	}
	if v, err := a.Get(stun.AttrRealm); err == nil && len(v) <= maxText {
		f.realm = string(v)
	}
}

// maxNonces bounds how often a server may say that a nonce is stale.
const maxNonces = 3

// signed asks with credentials, or without them where the server wants none.
// A stale nonce is replaced as often as maxNonces allows.
func (f *flow) signed(ctx context.Context, why Question, build func() *stun.Message) *stun.Message {
	return f.signedWith(ctx, why, f.c.server.Credential, build)
}

func (f *flow) signedWith(ctx context.Context, why Question, credential string, build func() *stun.Message) *stun.Message {
	for n := 1; ; n++ {
		if f.silent {
			return nil
		}
		m := build()
		key := f.sign(m, credential)
		a := f.ask(ctx, why, m, key)
		if why == AskNonce || n == maxNonces || !failed(a, int(stun.CodeStaleNonce)) {
			return a
		}
		f.learn(a)
	}
}

// sign adds the credentials to a request and returns the key, nil where there
// was no challenge.
func (f *flow) sign(m *stun.Message, credential string) stun.MessageIntegrity {
	if f.realm == "" || f.c.server.Username == "" {
		return nil
	}
	m.Add(stun.AttrUsername, []byte(f.c.server.Username))
	m.Add(stun.AttrRealm, []byte(f.realm))
	m.Add(stun.AttrNonce, []byte(f.nonce))
	key := stun.NewLongTermIntegrity(f.c.server.Username, f.realm, credential)
	if key.AddTo(m) != nil {
		return nil // the library refuses only a FINGERPRINT before it
	}
	return key
}

// obtain opens a socket and asks for an allocation: without credentials first,
// and with them when they are wanted and there. The flow is nil without one.
func (c *check) obtain(ctx context.Context, d door, why Question, set ...setter) *flow {
	if ctx.Err() != nil {
		return nil
	}
	f := c.open(ctx, d, why)
	if f == nil {
		return nil
	}
	if len(set) == 0 {
		set = []setter{requestedTransport(relayUDP)}
		f.challenge(ctx)
	} else {
		f.probe(ctx, why, set)
	}
	if !f.allocated && f.realm != "" && c.server.Username != "" {
		f.allocated = success(f.signed(ctx, why, func() *stun.Message { return allocate(set...) }))
	}
	if !f.allocated {
		f.close(ctx)
		return nil
	}
	return f
}

// probe is a challenge for a special allocation. Only an open server answers
// it with more than a challenge.
func (f *flow) probe(ctx context.Context, why Question, set []setter) {
	a := f.ask(ctx, why, allocate(set...), nil)
	f.allocated = success(a)
	f.learn(a)
}

// relay finds out what who has the credentials gets, to which peers, and for
// how long.
func (c *check) relay(ctx context.Context, d door) {
	f := c.obtain(ctx, d, AskAllocate)
	if f == nil {
		return
	}
	defer func() { f.close(ctx) }()
	c.permissions(ctx, f, peersOf(false, remote(f)))
	c.prove(ctx, f)
	if f.realm == "" {
		return // open: there is no credential whose life could be measured
	}
	c.obtain(ctx, d, AskReuse).close(ctx)
	c.outwait(ctx, d, f)
}

func remote(f *flow) netip.Addr {
	a, _ := netip.ParseAddrPort(f.conn.RemoteAddr().String())
	return a.Addr()
}

// permissions asks for the permission to relay to each of the peers, by
// CreatePermission and by ChannelBind.
func (c *check) permissions(ctx context.Context, f *flow, peers []netip.AddrPort) {
	for _, p := range peers {
		f.signed(ctx, AskPermission, func() *stun.Message {
			return request(stun.MethodCreatePermission, stun.ClassRequest, peerAddress(p))
		})
		f.signed(ctx, AskChannel, func() *stun.Message {
			return request(stun.MethodChannelBind, stun.ClassRequest, channelNumber(f.channel), peerAddress(p))
		})
		f.channel++
	}
}

// tokenSize is long enough that nobody sends the same by chance.
const tokenSize = 16

// prove relays one datagram to the witness, if there is one and the server
// permits it.
func (c *check) prove(ctx context.Context, f *flow) {
	if c.options.Witness == nil {
		return
	}
	to, err := netip.ParseAddrPort(c.options.Witness.LocalAddr().String())
	if err != nil || to.Addr().Is6() {
		return
	}
	a := f.signed(ctx, AskPermission, func() *stun.Message {
		return request(stun.MethodCreatePermission, stun.ClassRequest, peerAddress(to))
	})
	if !success(a) {
		return
	}
	token := make([]byte, tokenSize)
	rand.Read(token)
	m := request(stun.MethodSend, stun.ClassIndication, peerAddress(to), payload(token))
	x := Exchange{Time: time.Now().UTC(), Conn: f.n, Transport: f.transport, Ask: AskSend, Sent: m.Raw, Times: 1,
		Local: f.conn.LocalAddr().String(), Remote: f.conn.RemoteAddr().String()}
	f.conn.SetWriteDeadline(time.Now().Add(c.options.Timeout))
	_, err = f.conn.Write(m.Raw)
	x.Failure = failureOf(ctx, err)
	c.add(x)
	if err == nil {
		c.arrival(ctx, to, token)
	}
}

// arrival waits for the datagram at the witness and puts what came on record.
func (c *check) arrival(ctx context.Context, to netip.AddrPort, token []byte) {
	w := c.options.Witness
	x := Exchange{Time: time.Now().UTC(), Transport: overUDP, Local: to.String(), Ask: AskArrival}
	w.SetReadDeadline(time.Now().Add(c.options.Timeout))
	defer w.SetReadDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() { w.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var err error
	for buf := make([]byte, 1<<11); len(x.Received) < maxMessages; {
		var n int
		var from net.Addr
		if n, from, err = w.ReadFrom(buf); err != nil {
			break
		}
		x.Remote, x.Received = from.String(), append(x.Received, bytes.Clone(buf[:n]))
		if bytes.Equal(buf[:n], token) {
			break
		}
	}
	x.Seconds, x.Failure = time.Since(x.Time).Seconds(), failureOf(ctx, err)
	c.add(x)
}

// outwait waits for the end of a time-limited credential, if it is near, and
// asks whether it is one: for a new allocation, and for the one that is there.
func (c *check) outwait(ctx context.Context, d door, f *flow) {
	const grace = 2 * time.Second // for clocks that differ
	expiry, ok := expiryOf(c.server.Username)
	wait := time.Until(expiry) + grace
	if !ok || wait > c.options.Wait {
		return
	}
	const refresh = 2 * time.Minute // half of what RFC 8656 lets a server grant at least would be 5
	for ; wait > 0; wait -= refresh {
		if !sleep(ctx, min(wait, refresh)) {
			return
		}
		if wait > refresh {
			f.signed(ctx, AskRefresh, func() *stun.Message { return request(stun.MethodRefresh, stun.ClassRequest) })
		}
	}
	c.obtain(ctx, d, AskExpired).close(ctx)
	f.signed(ctx, AskOutlive, func() *stun.Message { return request(stun.MethodRefresh, stun.ClassRequest) })
}

// sleep reports whether ctx lasted that long.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// families asks for relayed addresses of IPv6, alone and beside IPv4, and to
// which peers of that family the server would relay.
func (c *check) families(ctx context.Context, d door) {
	f := c.obtain(ctx, d, AskIPv6, requestedTransport(relayUDP), family(stun.AttrRequestedAddressFamily, familyIPv6))
	if f != nil {
		c.permissions(ctx, f, peersOf(true, remote(f)))
		f.close(ctx)
	}
	c.obtain(ctx, d, AskDual, requestedTransport(relayUDP), family(attrAdditionalAddressFamily, familyIPv6)).close(ctx)
}

// tcp asks for an allocation for TCP. It has its own permissions, but Connect
// does without them: the server connects at once, so only addresses that are
// the server itself, or the caller's, are named in it.
func (c *check) tcp(ctx context.Context, d door) {
	f := c.obtain(ctx, d, AskTCP, requestedTransport(relayTCP))
	if f == nil {
		return
	}
	defer func() { f.close(ctx) }()
	var to []netip.AddrPort
	for _, p := range peersOf(false, remote(f)) {
		f.signed(ctx, AskPermission, func() *stun.Message {
			return request(stun.MethodCreatePermission, stun.ClassRequest, peerAddress(p))
		})
		if class := ClassOf(p.Addr()); class == Loopback || class == Unspecified {
			to = append(to, p)
		}
	}
	if !c.options.Connect {
		return
	}
	for _, p := range to {
		f.signed(ctx, AskConnect, func() *stun.Message {
			return request(stun.MethodConnect, stun.ClassRequest, peerAddress(p))
		})
	}
}

// forgeries asks with what no server may accept: a nonce that it never gave
// out, and a wrong password.
func (c *check) forgeries(ctx context.Context, d door) {
	for _, why := range []Question{AskNonce, AskPassword} {
		if ctx.Err() != nil {
			return
		}
		f := c.open(ctx, d, why)
		if f == nil {
			return
		}
		f.challenge(ctx)
		credential := c.server.Credential
		switch {
		case f.realm == "" || f.allocated:
		case why == AskNonce:
			f.nonce = rand.Text()
			f.allocated = success(f.signedWith(ctx, why, credential, func() *stun.Message { return allocate(requestedTransport(relayUDP)) }))
		default:
			credential = rand.Text()
			f.allocated = success(f.signedWith(ctx, why, credential, func() *stun.Message { return allocate(requestedTransport(relayUDP)) }))
		}
		f.close(ctx)
	}
}
