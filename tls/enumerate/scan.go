// Package enumerate finds out all that a server offers in its TLS handshakes:
// versions, suites and their order, groups, signature schemes, certificates,
// extensions and some flaws.
//
// [Run] asks, [Derive] concludes. Each connection is an [Exchange]: a
// question, and every byte of the answer. Run decides by the answers what to
// ask next, and records the exchanges; Derive reads nothing but those, so that
// whoever has the transcript comes to the same [Offer], years later and
// without a network.
//
// A handshake answers with one suite of many, so a server is asked with all
// that might be there, then with what is left, in parts that go out at the
// same time: the number of round trips is small even where the number of
// questions is not. No question needs more of the server than its first
// flight, but for the few about sessions; in TLS 1.3 a HelloRetryRequest is
// mostly enough, which costs it no computation.
//
// A refusal is believed if it is an alert. Silence, a close or a reset may as
// well come from a limit; then the pool of connections becomes slower, a
// hello that is known to be answered is sent in between, and what stays
// without a certain answer is reported as unknown.
//
//	scan.go     the queue of questions and what is known so far
//	ask.go      one question, repeated until the answer is certain
//	pool.go     connections, limits and politeness
//	modern.go   the questions of TLS 1.3
//	classic.go  those of SSL 3.0 to TLS 1.2
//	extras.go   those that need the versions: names, orders, tolerance
//	session.go  resumption, renegotiation, flaws
//	datagram.go, quic.go  DTLS and QUIC as if they were streams
//	derive.go, feature.go, order.go, prime.go  conclusions
package enumerate

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"vksprobe/tls/hello"
)

// A Target is one address that speaks TLS.
type Target struct {
	Host      string    // the name to ask for by server_name; empty for none
	Address   string    // "192.0.2.1:443"
	StartTLS  string    // protocol of the preamble, if any
	Transport Transport // "" means TCP
}

// A Transport is what carries handshakes.
type Transport string

// The transports.
const (
	TCP  Transport = "tcp"
	UDP  Transport = "udp"  // DTLS
	QUIC Transport = "quic" // TLS 1.3 for HTTP/3
)

// Network is what net.Dial calls it: "tcp" or "udp".
func (t Transport) Network() string {
	if t == UDP || t == QUIC {
		return "udp"
	}
	return "tcp"
}

// datagrams reports whether each question has a socket of its own, with
// nothing to be opened ahead.
func (t Transport) datagrams() bool { return t.Network() == "udp" }

// Options say how a server is asked.
type Options struct {
	Parallel int           // connections at a time; 0 means 16
	Rate     float64       // new connections a second; 0 means no limit
	Timeout  time.Duration // for an answer; 0 means 5 s
	Deep     bool          // also ask what loads or provokes a server
	// Open connects to the target and leads up to the first ClientHello.
	Open func(context.Context) (net.Conn, error)
	// Record gets every exchange when it is over, one at a time.
	Record func(*Exchange)
}

// Cost is what a scan took.
type Cost struct {
	Connections int           `json:"connections"` // that were opened or tried
	Unused      int           `json:"unused"`      // opened ahead and not needed
	Exchanges   int           `json:"exchanges"`
	Throttled   int           `json:"throttled"` // how often the server's limits made us slower
	Parallel    int           `json:"parallel"`  // most connections at a time
	Sent        int64         `json:"sent"`      // bytes
	Received    int64         `json:"received"`
	Duration    time.Duration `json:"duration"`   // nanoseconds
	RoundTrip   time.Duration `json:"round_trip"` // least time of a connect or, in datagrams, of an answer; nanoseconds
}

// scan is the enumeration of one target. Asks run at once; what their answers
// lead to runs one after the other in run.
type scan struct {
	target  Target
	options Options
	pool    *pool
	record  func(*Exchange)

	mu        sync.Mutex
	flying    int       // questions that wait for their answers
	alive     time.Time // begin of the last connection on which something was granted
	alerts    bool      // something was refused by an alert
	failed    error     // how the last exchange ended that had no answer
	control   *hello.ClientHello
	exchanges int
	sent      int64
	received  int64

	queue   []*ask
	waiting int
	current *stage // to which asks belong that are queued now
	gone    bool

	small    bool          // the server takes only small hellos, up to TLS 1.2
	drowned  bool          // SSL 2.0 was asked for
	extra    bool          // the extras were asked for
	signing  bool          // signature schemes of TLS 1.3 were asked for
	grouped  bool          // the groups of TLS 1.2 were asked for
	signed   []uint16      // suites with which signature schemes were asked for
	share    []hello.Share // of the groups that everybody has
	packets  uint32        // version of QUIC
	versions map[uint16]*version
	protocols
}

// version is what steers the questions about one version. What is reported is
// derived from the exchanges later.
type version struct {
	suites  []uint16
	groups  []uint16
	schemes []uint16
	chains  map[string]bool // authentication: "RSA", "ECDSA"
	order   order           // of suites
	wanted  order           // of groups
	asked   map[string]bool // sets whose best was asked for
	rounds  int             // of questions about the order
}

// Run asks a server everything and returns what it took. The error is not
// nil if the scan had to end before its time; what was recorded until then is
// worth as much as ever.
func Run(ctx context.Context, target Target, o Options) (Cost, error) {
	if o.Parallel <= 0 {
		o.Parallel = 16
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	var gap time.Duration
	if o.Rate > 0 {
		gap = time.Duration(float64(time.Second) / o.Rate)
	}
	start := time.Now()
	s := &scan{target: target, options: o, record: o.Record, versions: map[uint16]*version{},
		pool: newPool(o.Parallel, gap, o.Timeout, o.Open)}
	for _, group := range []uint16{29, 23} {
		share, err := hello.NewShare(group, cryptoRandom)
		if err != nil {
			return Cost{}, err
		}
		s.share = append(s.share, share)
	}
	s.start()
	err := s.run(ctx)
	s.pool.close()
	if err == nil && s.target.Transport.datagrams() && !s.hasAnswered() { // no dial has failed
		err = s.failed
	}
	return Cost{Connections: s.pool.dialed, Unused: s.pool.unused, Exchanges: s.exchanges, Throttled: s.pool.throttled, Parallel: s.pool.most,
		Sent: s.sent, Received: s.received, Duration: time.Since(start), RoundTrip: s.roundTrip()}, err
}

// roundTrip is the least time to the server and back: that of a connect, or,
// where there is none, of an answer.
func (s *scan) roundTrip() time.Duration {
	if s.target.Transport.datagrams() {
		return s.pool.quickest()
	}
	return s.pool.roundTrip()
}

// run works the queue off.
func (s *scan) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type done struct {
		*ask
		*answer
	}
	results := make(chan done)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	ahead := maxAhead // the second wave begins when the first one is answered
	if s.target.Transport.datagrams() {
		ahead = 0
	}
	s.pool.expect(ctx, ahead)
	for {
		for len(s.queue) > 0 && s.waiting < s.options.Parallel && ctx.Err() == nil {
			a := s.queue[0]
			s.queue = s.queue[1:]
			s.waiting++
			all.Go(func() { results <- done{a, s.put(ctx, a)} })
		}
		if s.waiting == 0 {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case s.gone:
				return s.pool.failure()
			}
			return nil
		}
		select {
		case d := <-results:
			s.waiting--
			if d.gone {
				s.gone, s.queue = true, nil
				continue
			}
			if ctx.Err() == nil && !s.gone {
				s.current = d.stage
				if d.then != nil {
					d.then(d.answer)
				}
				s.leave(d.stage)
			}
			s.pool.expect(ctx, min(len(s.queue)+(s.waiting+1)/2, ahead))
		case <-tick.C:
			s.pool.tidy()
		}
	}
}

// maxAhead is how many connections are opened ahead of their use.
const maxAhead = 8

// A stage is a number of asks, and those that their answers lead to. When all
// are answered, done is called.
type stage struct {
	parent *stage
	open   int // asks and stages in it
	done   func()
}

// stage runs ask, whose questions form a stage of the present one; done comes
// when they and all that follows from them are answered.
func (s *scan) stage(ask, done func()) {
	g := &stage{parent: s.current, open: 1, done: done}
	if g.parent != nil {
		g.parent.open++
	}
	s.current = g
	ask()
	s.leave(g)
	s.current = g.parent
}

// leave ends one ask or stage of a stage.
func (s *scan) leave(g *stage) {
	for ; g != nil; g = g.parent {
		if g.open--; g.open > 0 {
			return
		}
		if g.done != nil {
			s.current = g.parent
			g.done()
		}
	}
}

// ask queues questions.
func (s *scan) ask(all ...*ask) {
	for _, a := range all {
		a.stage = s.current
		if a.stage != nil {
			a.stage.open++
		}
	}
	s.queue = append(s.queue, all...)
}

// In datagrams each version of TLS has its counterpart; what is known is kept
// by the versions of TLS.
var datagramVersions = map[uint16]uint16{hello.TLS13: hello.DTLS13, hello.TLS12: hello.DTLS12, hello.TLS11: hello.DTLS10}

// wire returns a version as it stands in messages.
func (s *scan) wire(v uint16) uint16 {
	if d, ok := datagramVersions[v]; ok && s.target.Transport == UDP {
		return d
	}
	return v
}

// versionOf returns the version that was chosen, as one of TLS.
func (s *scan) versionOf(f *hello.Flight) uint16 {
	for v, d := range datagramVersions {
		if f.Version() == d {
			return v
		}
	}
	return f.Version()
}

// of returns what is known of a version.
func (s *scan) of(v uint16) *version {
	if s.versions[v] == nil {
		s.versions[v] = &version{chains: map[string]bool{}, order: order{}, wanted: order{}, asked: map[string]bool{}}
	}
	return s.versions[v]
}

// has reports whether a version has been seen.
func (s *scan) has(v uint16) bool { return s.versions[v] != nil && len(s.versions[v].suites) > 0 }

// note keeps what an answer shows by the way.
func (s *scan) note(r *answer) {
	h := r.Chosen()
	if r.verdict != granted || h == nil {
		return
	}
	v := s.of(s.versionOf(r.Flight))
	add(&v.suites, h.CipherSuite)
	if g := r.Group(); g != 0 {
		add(&v.groups, g)
		if _, public, _ := h.KeyShare(); len(public) == 0 { // with a share in hand a server may well take that
			v.wanted.choose(g, r.ClientHello.List16(hello.ExtSupportedGroups))
		}
	}
	if x := r.SignatureScheme(); x != 0 {
		add(&v.schemes, x)
	}
	if s.control == nil && r.ClientHello != nil {
		s.mu.Lock()
		s.control = r.ClientHello
		s.mu.Unlock()
	}
	if r.exchange.Question.ranks() {
		v.order.choose(h.CipherSuite, r.ClientHello.CipherSuites)
	}
}

// guess lists the suites of a version in the order that the server seems to
// have: by what is proven, and else by what most servers prefer.
func (s *scan) guess(v uint16) []uint16 {
	k := s.of(v)
	list := slices.Clone(k.suites)
	slices.SortFunc(list, byStrength)
	k.order.sort(list, k.order.preference(list, isChaCha20) == Server)
	return list
}

func add(list *[]uint16, x uint16) bool {
	if slices.Contains(*list, x) {
		return false
	}
	*list = append(*list, x)
	return true
}

// minus returns what is in a and not in b.
func minus(a, b []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(a), func(x uint16) bool { return slices.Contains(b, x) })
}

// both returns what is in a and in b.
func both(a, b []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(a), func(x uint16) bool { return !slices.Contains(b, x) })
}

func reversed[T any](s []T) []T {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}
