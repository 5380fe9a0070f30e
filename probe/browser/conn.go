package browser

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// A conn is the DevTools connection to the browser. It records every message
// and knows every attached target. chromedp's own driver is not used: it
// drops messages of sessions that it did not open itself, and all but one of
// ours are opened by auto-attach.
type conn struct {
	pipe   *chromedp.PipeConn
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
	c      *conn
	id     target.SessionID // "" for the browser itself
	info   *target.Info
	paused bool
}

// newConn starts to read and write. event is called from the reading
// goroutine: it may send but must never wait for an answer.
func newConn(r, w *os.File, record *jsonLines, event func(*session, string, json.RawMessage)) *conn {
	c := &conn{pipe: chromedp.NewPipeConn(r, w), record: record, event: event,
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
	for {
		var m cdproto.Message
		if err := c.pipe.Read(context.Background(), &m); err != nil {
			return
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
		c.mu.Lock()
		s := c.sessions[m.SessionID]
		c.mu.Unlock()
		if s == nil && m.SessionID != "" {
			continue
		}
		if s == nil {
			s = c.browser()
		}
		c.event(s, string(m.Method), json.RawMessage(m.Params))
	}
}

func (c *conn) write() {
	for {
		select {
		case m := <-c.out:
			c.log(">", m)
			if c.pipe.Write(context.Background(), m) != nil {
				return
			}
		case <-c.quit:
			return
		}
	}
}

// attached registers the target of an attachedToTarget event. It is nil if
// the target is attached already: a service worker is announced both by the
// browser and by its page.
func (c *conn) attached(ev *target.EventAttachedToTarget) *session {
	s := &session{c: c, id: ev.SessionID, info: ev.TargetInfo, paused: ev.WaitingForDebugger}
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
	}
}

// send queues a command; the answer comes on the channel, which is closed
// when the connection ends.
func (c *conn) send(id target.SessionID, method string, params any) <-chan *cdproto.Message {
	answer := make(chan *cdproto.Message, 1)
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
	c.waiting[m.ID] = answer
	c.mu.Unlock()
	select {
	case c.out <- m:
	case <-c.quit:
		c.mu.Lock()
		if _, ok := c.waiting[m.ID]; ok {
			delete(c.waiting, m.ID)
			close(answer)
		}
		c.mu.Unlock()
	}
	return answer
}

// send queues a command without caring for its answer.
func (s *session) send(method string, params any) { s.c.send(s.id, method, params) }

var errGone = errors.New("the browser is gone")

// Call sends a command and waits for its result.
func (s *session) Call(ctx context.Context, method string, params, result any) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case m, ok := <-s.c.send(s.id, method, params):
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

// maxMessage bounds a message in the record; longer ones are replaced by
// their length and hash.
const maxMessage = 1 << 20

func (c *conn) log(direction string, m *cdproto.Message) {
	line := CDPLine{Time: time.Now().UTC(), Direction: direction, Session: string(m.SessionID), ID: m.ID,
		Method: string(m.Method), Params: elide(m.Params), Result: elide(m.Result)}
	if m.Error != nil {
		line.Error = m.Error.Message
	}
	c.record.put(line)
}

func elide(b []byte) json.RawMessage {
	if len(b) <= maxMessage {
		return json.RawMessage(b)
	}
	short, _ := json.Marshal(map[string]any{"elided_bytes": len(b), "sha256": fmt.Sprintf("%x", sha256.Sum256(b))})
	return short
}

// close ends the connection once the browser has, and closes the record.
func (c *conn) close() error {
	err := c.pipe.Close()
	c.ended.Wait()
	if errors.Is(err, os.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		err = nil
	}
	return errors.Join(err, c.record.Close())
}
