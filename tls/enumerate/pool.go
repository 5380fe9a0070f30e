package enumerate

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// pool opens connections to one address: no more at a time than it may, some
// ahead of their use, and fewer and slower when the server begins to refuse.
type pool struct {
	open    func(context.Context) (net.Conn, error) // TCP and what comes before the hello
	timeout time.Duration                           // of one dial

	mu       sync.Mutex
	changed  *sync.Cond
	limit    int           // connections at a time
	floor    time.Duration // least gap, from the user
	gap      time.Duration // between dials
	next     time.Time     // of the next dial
	adjusted time.Time     // last change of limit and gap
	closed   bool
	wanted   int // ahead of use
	waiting  int
	dialing  int
	used     int
	idle     []*ahead
	rtt      time.Duration // least time of a dial
	answer   time.Duration // least time of an answer
	longest  time.Duration // longest
	failed   error         // of the last dial, while none succeeded since
	failures int
	late     int // dials that took too long
	workers  sync.WaitGroup

	dialed, unused, throttled, most int
}

// ahead is a connection that waits for its use.
type ahead struct {
	net.Conn
	since time.Time
}

// errGivenUp says that the server let no connection in any more.
var errGivenUp = errors.New("the server accepts no more connections")

// maxFailures is after how many dials in a row the pool gives up: with the
// growing pauses between them more than half a minute. Where none ever
// succeeded, maxRounds rounds are enough.
const (
	maxFailures = 24
	maxRounds   = 3
)

// hopeless reports whether there is no use in dialing again. The caller holds
// the lock.
func (p *pool) hopeless() bool {
	return p.failures >= maxFailures || p.rtt == 0 && p.throttled >= maxRounds
}

// failure says why the pool has given up.
func (p *pool) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.why()
}

func (p *pool) why() error {
	if p.rtt == 0 && p.failed != nil {
		return p.failed
	}
	return errGivenUp
}

func newPool(limit int, gap, timeout time.Duration, open func(context.Context) (net.Conn, error)) *pool {
	p := &pool{open: open, timeout: timeout, limit: limit, floor: gap, gap: gap}
	p.changed = sync.NewCond(&p.mu)
	return p
}

// expect says how many connections will be wanted soon.
func (p *pool) expect(ctx context.Context, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = n
	p.fill(ctx)
}

// fill starts the dials that are wanted and allowed. The caller holds the
// lock.
func (p *pool) fill(ctx context.Context) {
	for !p.closed && !p.hopeless() && p.used+p.dialing+len(p.idle) < p.limit {
		want := p.waiting
		if p.rtt > 0 && p.failures == 0 {
			want += p.wanted
		}
		if p.dialing+len(p.idle) >= want {
			return
		}
		p.dialing++
		p.most = max(p.most, p.used+p.dialing+len(p.idle))
		p.workers.Go(func() { p.dial(ctx) })
	}
}

// pause waits for the turn of a dial; a gap that has changed counts at once.
func (p *pool) pause(ctx context.Context) {
	for {
		p.mu.Lock()
		wait := time.Until(p.next)
		if p.gap == 0 || wait <= 0 || p.closed {
			p.next = time.Now().Add(p.gap)
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// late is how much longer than the quickest a dial takes when its SYN was
// lost: the first retransmission comes after a second (RFC 6298).
const late = 700 * time.Millisecond

func (p *pool) dial(ctx context.Context) {
	p.pause(ctx)
	start := time.Now()
	dialing, cancel := context.WithTimeout(ctx, p.timeout)
	c, err := p.open(dialing)
	cancel()
	took := time.Since(start)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	p.dialed++
	if err != nil {
		p.failed = err
		p.failures++
		p.slower(start)
	} else {
		p.failures = 0
		if p.rtt == 0 || took < p.rtt {
			p.rtt = took
		}
		if took > p.rtt+late {
			if p.late++; p.late > 1 { // one may happen anywhere
				p.slower(start)
			}
		} else {
			p.gap = max(p.floor, p.gap-p.gap/50)
		}
		if p.closed {
			c.Close()
			p.unused++
		} else {
			p.idle = append(p.idle, &ahead{c, time.Now()})
		}
	}
	p.fill(ctx)
	p.changed.Broadcast()
}

// slower halves the connections and widens the gap after one sign of a limit.
// Signs from before the last change say nothing new. The caller holds the
// lock.
func (p *pool) slower(since time.Time) {
	if since.Before(p.adjusted) {
		return
	}
	p.adjusted = time.Now()
	p.throttled++
	p.limit = max(p.limit/2, min(p.limit, 2))
	p.gap = min(max(60*time.Millisecond, p.gap*8/5), 4*time.Second)
	if soon := p.adjusted.Add(200 * time.Millisecond); p.next.Before(soon) {
		p.next = soon
	}
}

// throttle is slower for callers that saw a connection cut.
func (p *pool) throttle(since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slower(since)
}

// get returns a connection. It fails only when ctx ends or the server has let
// nobody in for long.
func (p *pool) get(ctx context.Context) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.changed.Broadcast()
	})
	defer stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = max(p.wanted-1, 0)
	p.waiting++
	defer func() { p.waiting-- }()
	for {
		p.fill(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case len(p.idle) > 0:
			c := p.idle[0]
			p.idle = p.idle[1:]
			p.used++
			return c.Conn, nil
		case p.hopeless():
			return nil, p.why()
		}
		p.changed.Wait()
	}
}

// put ends the use of a connection.
func (p *pool) put(ctx context.Context, c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	p.fill(ctx)
	p.changed.Broadcast()
}

// stale is how long a connection may wait for its use: some servers serve one
// at a time and are blocked by it.
func (p *pool) stale() time.Duration { return max(100*time.Millisecond, 4*p.rtt, 3*p.answer) }

// answered notes how long an answer took.
func (p *pool) answered(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if took > 0 && (p.answer == 0 || took < p.answer) {
		p.answer = took
	}
	p.longest = max(p.longest, took)
}

// slowest is the longest time that an answer took.
func (p *pool) slowest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.longest
}

// limited reports whether the server has shown a limit.
func (p *pool) limited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.throttled > 0
}

// tidy closes connections that wait too long. Twice in a row, and none is
// opened ahead any more.
func (p *pool) tidy() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 && time.Since(p.idle[0].since) > p.stale() {
		p.idle[0].Close()
		p.idle = p.idle[1:]
		p.unused++
		p.wanted = 0
	}
}

// close closes what is open and waits for the dials.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	for _, c := range p.idle {
		c.Close()
		p.unused++
	}
	p.idle = nil
	p.changed.Broadcast()
	p.mu.Unlock()
	p.workers.Wait()
}

// quickest is the time that an answer takes at least.
func (p *pool) quickest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answer
}

// roundTrip is the time that a dial takes at least.
func (p *pool) roundTrip() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rtt
}
