package browser

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// A conn is the DevTools connection to the browser, over the pipe. It records
// every message and knows every attached target. chromedp's own driver is not
// used: it drops messages of sessions that it did not open itself, and all but
// one of ours are opened by auto-attach.
type conn struct {
	r, w   *os.File
	record *jsonLines
	event  func(s *session, method string, params json.RawMessage)
	out    chan *cdproto.Message
	quit   chan struct{} // closed when reading has ended
	ended  sync.WaitGroup

	mu       sync.Mutex
	last     int64
	waiting  map[int64]chan *cdproto.Message
	sessions map[target.SessionID]*session
	targets  map[target.ID]bool
}

// A session is an attached target. It satisfies cdp.Session.
type session struct {
	c    *conn
	id   target.SessionID // "" for the browser itself
	info *target.Info

	once sync.Once
	gone chan struct{} // closed when the target has ended or crashed
	why  error         // after gone
}

// What keeps a command from being answered.
var (
	errGone    = errors.New("the browser is gone")
	errClosed  = errors.New("the page was closed")
	errCrashed = errors.New("the page crashed")
)

// end makes every call that still waits for the target return why.
func (s *session) end(why error) {
	s.once.Do(func() {
		s.why = why
		close(s.gone)
	})
}

// newConn starts to read and write. event is called from the reading
// goroutine: it may send but must never wait for an answer.
func newConn(r, w *os.File, record *jsonLines, event func(*session, string, json.RawMessage)) *conn {
	c := &conn{r: r, w: w, record: record, event: event,
		out: make(chan *cdproto.Message, 1<<12), quit: make(chan struct{}),
		waiting: map[int64]chan *cdproto.Message{}, sessions: map[target.SessionID]*session{}, targets: map[target.ID]bool{}}
	c.ended.Go(c.read)
	c.ended.Go(c.write)
	return c
}

// browser is the session of the browser itself.
func (c *conn) browser() *session { return &session{c: c} }

func (c *conn) read() {
	defer func() {
		close(c.quit)
		c.mu.Lock()
		defer c.mu.Unlock()
		for id, ch := range c.waiting {
			close(ch)
			delete(c.waiting, id)
		}
	}()
	for in := bufio.NewReaderSize(c.r, 1<<16); ; {
		b, left, err := receive(in)
		if err != nil {
			return
		}
		if left == nil && len(b) == 0 {
			continue
		}
		var m cdproto.Message
		if left != nil || jsonv2.Unmarshal(b, &m, chromedp.DefaultUnmarshalOptions) != nil {
			if left == nil {
				left = elided(b)
			}
			c.record.put(CDPLine{Time: time.Now().UTC(), Direction: "<", Params: left})
			continue
		}
		c.log("<", &m)
		if m.ID != 0 {
			c.mu.Lock()
			ch := c.waiting[m.ID]
			delete(c.waiting, m.ID)
			c.mu.Unlock()
			if ch != nil {
				ch <- &m
			}
			continue
		}
		s := c.browser()
		if m.SessionID != "" {
			c.mu.Lock()
			s = c.sessions[m.SessionID]
			c.mu.Unlock()
		}
		if s != nil {
			c.event(s, string(m.Method), json.RawMessage(m.Params))
		}
	}
}

// maxReceived bounds a message in bytes. A page can make the browser send what
// it likes, for example to the console; our own largest question is for a
// snapshot of the page.
const maxReceived = 64 << 20

// receive reads a message up to the zero byte behind it. Of one that is too
// long, only the trace that the record keeps is left.
func receive(in *bufio.Reader) (message []byte, left json.RawMessage, err error) {
	hash, n := sha256.New(), 0
	for {
		part, err := in.ReadSlice(0)
		n += len(part)
		switch {
		case n > maxReceived:
			hash.Write(message)
			hash.Write(bytes.TrimSuffix(part, []byte{0}))
			message = nil
		default:
			message = append(message, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, nil, err
		case n > maxReceived:
			return nil, trace(n-1, hash.Sum(nil)), nil
		}
		return bytes.TrimSuffix(message, []byte{0}), nil, nil
	}
}

// write goes on after an error, throwing messages away, so that nobody who
// sends is left standing.
func (c *conn) write() {
	broken := false
	for {
		select {
		case m := <-c.out:
			if broken {
				continue
			}
			c.log(">", m)
			b, err := jsonv2.Marshal(m, chromedp.DefaultMarshalOptions)
			if err == nil {
				_, err = c.w.Write(append(b, 0))
			}
			broken = err != nil
		case <-c.quit:
			return
		}
	}
}

// attached registers the target of an attachedToTarget event. It is nil if
// the target is attached already: a service worker is announced both by the
// browser and by its page.
func (c *conn) attached(ev *target.EventAttachedToTarget) *session {
	s := &session{c: c, id: ev.SessionID, info: ev.TargetInfo, gone: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.targets[s.info.TargetID] {
		return nil
	}
	c.targets[s.info.TargetID] = true
	c.sessions[s.id] = s
	return s
}

func (c *conn) detached(id target.SessionID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.sessions[id]; s != nil {
		delete(c.targets, s.info.TargetID)
		delete(c.sessions, id)
		s.end(errClosed)
	}
}

// post queues a command; answer, if not nil, gets its answer and is closed
// when the connection ends. Only when very much is queued does it wait, until
// ctx ends at the longest.
func (c *conn) post(ctx context.Context, id target.SessionID, method string, params any, answer chan *cdproto.Message) (number int64) {
	m := &cdproto.Message{SessionID: id, Method: cdproto.MethodType(method)}
	if params != nil {
		b, err := jsonv2.Marshal(params, chromedp.DefaultMarshalOptions)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", method, err)) // our own parameters: a bug
		}
		m.Params = b
	}
	c.mu.Lock()
	c.last++
	m.ID = c.last
	if answer != nil {
		c.waiting[m.ID] = answer
	}
	c.mu.Unlock()
	select {
	case c.out <- m:
	case <-ctx.Done():
	case <-c.quit:
	}
	return m.ID
}

// send queues a command without caring for its answer.
func (s *session) send(method string, params any) {
	s.c.post(context.Background(), s.id, method, params, nil)
}

// Call sends a command and waits for its result.
func (s *session) Call(ctx context.Context, method string, params, result any) error {
	answer := make(chan *cdproto.Message, 1)
	number := s.c.post(ctx, s.id, method, params, answer)
	defer func() {
		s.c.mu.Lock()
		delete(s.c.waiting, number)
		s.c.mu.Unlock()
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.gone:
		return s.why
	case <-s.c.quit:
		return errGone
	case m, ok := <-answer:
		switch {
		case !ok:
			return errGone
		case m.Error != nil:
			return m.Error
		case result == nil:
			return nil
		}
		return jsonv2.Unmarshal(m.Result, result, chromedp.DefaultUnmarshalOptions)
	}
}

// Subscribe completes cdp.Session; events go to the browser's event function.
func (s *session) Subscribe(string) (<-chan jsonv2.Value, func()) {
	return nil, func() {}
}

// What the record keeps of a message in bytes. Longer events leave a trace,
// and so do longer answers, which are to our own questions: what matters in
// them is evidence of its own.
const (
	maxEvent  = 1 << 20
	maxAnswer = 64 << 10
)

func (c *conn) log(direction string, m *cdproto.Message) {
	line := CDPLine{Time: time.Now().UTC(), Direction: direction, Session: string(m.SessionID), ID: m.ID,
		Method: string(m.Method), Params: json.RawMessage(m.Params), Result: json.RawMessage(m.Result)}
	if len(line.Params) > maxEvent || m.Method == "Runtime.bindingCalled" { // the latter is in hook.jsonl or internals.jsonl
		line.Params = elided(line.Params)
	}
	if len(line.Result) > maxAnswer {
		line.Result = elided(line.Result)
	}
	if m.Error != nil {
		line.Error = m.Error.Message
	}
	c.record.put(line)
}

// elided is the trace of a message that is not kept.
func elided(b []byte) json.RawMessage {
	hash := sha256.Sum256(b)
	return trace(len(b), hash[:])
}

func trace(n int, hash []byte) json.RawMessage {
	return fmt.Appendf(nil, `{"elided_bytes":%d,"sha256":"%x"}`, n, hash)
}

// close ends the connection once the browser has, and closes the record.
func (c *conn) close() error {
	err := errors.Join(c.r.Close(), c.w.Close())
	c.ended.Wait()
	return errors.Join(err, c.record.Close())
}
