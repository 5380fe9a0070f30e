package scan

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"vksprobe/probe/browser"
	"vksprobe/webrtc/dtls"
)

// describeTime bounds the wait for what a meeting says about its media after
// it was entered, and closeTime that for the end of a browser.
const (
	describeTime = 30 * time.Second
	closeTime    = 20 * time.Second
)

// Media joins a meeting with a browser of its own each time and hands its
// first media connection over: the far end gets the identity that it is asked
// with. Of c the same is used as in [Options]; what the browser records is
// dropped, since the transcript of the check is the evidence. enter walks from
// a started browser into the meeting; media may be negotiated before it
// returns, and its context ends when the answer is there and all was asked.
func Media(c browser.Config, enter func(ctx context.Context, b *browser.Browser) error) dtls.Join {
	return func(ctx context.Context, id *dtls.Identity, setup dtls.Setup) (*dtls.Session, error) {
		m := &media{told: make(chan browser.Described, 256), entered: make(chan error, 1)}
		c := c
		c.Create = func(string) (io.WriteCloser, error) { return nowhere{}, nil }
		c.Substitute = &browser.Substitution{Ufrag: id.Ufrag, Password: id.Password, Fingerprint: id.Fingerprint, Setup: string(setup),
			Described: func(d browser.Described) {
				select {
				case m.told <- d:
				default: // more than any meeting has to say
				}
			}}
		var err error
		if m.browser, err = browser.Start(ctx, c); err != nil {
			return nil, err
		}
		var walking context.Context
		walking, m.stop = context.WithCancel(ctx)
		m.all.Go(func() { m.entered <- enter(walking, m.browser) })
		s, err := m.session(walking)
		if err != nil {
			m.leave()
			return nil, err
		}
		return s, nil
	}
}

// media is one join.
type media struct {
	browser *browser.Browser
	told    chan browser.Described
	entered chan error
	stop    context.CancelFunc
	all     sync.WaitGroup
}

// session waits for the first description of a far end.
func (m *media) session(ctx context.Context) (*dtls.Session, error) {
	var late <-chan time.Time
	for {
		select {
		case d := <-m.told:
			remote := dtls.ParseDescription(d.SDP, d.Type == "offer")
			if remote.Ufrag == "" {
				continue
			}
			later := make(chan string)
			m.all.Go(func() { m.pass(ctx, d.Peer, later) })
			return &dtls.Session{Remote: remote, Candidates: later, Leave: m.leave}, nil
		case err := <-m.entered:
			if err != nil {
				return nil, err
			}
			late = time.After(describeTime)
		case <-late:
			return nil, errors.New("the meeting says nothing about media")
		case <-m.browser.Done():
			return nil, errors.New("the browser has ended")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// pass gives the candidates of one far end on until ctx ends.
func (m *media) pass(ctx context.Context, peer string, to chan<- string) {
	for {
		select {
		case d := <-m.told:
			if d.Peer != peer || d.Candidate == "" {
				continue
			}
			select {
			case to <- d.Candidate:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (m *media) leave() {
	m.stop()
	m.all.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	m.browser.Close(ctx) // what could not be written was for nowhere
}

// nowhere is where evidence goes that nobody keeps.
type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) Close() error                { return nil }
