package browser

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// A drain copies what the browser writes into an evidence file. When the file
// cannot be written it goes on reading, because a browser whose NetLog is not
// read stands still.
type drain struct {
	keeper *os.File // holds the FIFO open until the browser does
	once   sync.Once
	source *os.File
	done   chan struct{}
	err    error // after done
}

// drainFIFO makes a FIFO for the given user and copies it. Until release it
// does not end, even while nobody has it open.
func drainFIFO(path string, uid int, w io.WriteCloser) (*drain, error) {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return nil, fmt.Errorf("making the NetLog's FIFO: %w", err)
	}
	if uid >= 0 {
		if err := os.Chown(path, uid, uid); err != nil {
			return nil, err
		}
	}
	source, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	keeper, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		source.Close()
		return nil, err
	}
	d := &drain{source: source, keeper: keeper, done: make(chan struct{})}
	go d.copy(w)
	return d, nil
}

// drainPipe copies a pipe until its writers are gone.
func drainPipe(source *os.File, w io.WriteCloser) *drain {
	d := &drain{source: source, done: make(chan struct{})}
	go d.copy(w)
	return d
}

func (d *drain) copy(w io.WriteCloser) {
	defer close(d.done)
	defer d.source.Close()
	buf := make([]byte, 1<<18)
	for {
		n, err := d.source.Read(buf)
		if n > 0 && d.err == nil {
			_, d.err = w.Write(buf[:n])
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrDeadlineExceeded) {
				d.err = errors.Join(d.err, err)
			}
			d.err = errors.Join(d.err, w.Close())
			return
		}
	}
}

// release lets the drain end once the browser has closed its side.
func (d *drain) release() {
	d.once.Do(func() {
		if d.keeper != nil {
			d.keeper.Close()
		}
	})
}

// wait waits for the end, and forces it after the given time.
func (d *drain) wait(patience time.Duration) error {
	select {
	case <-d.done:
	case <-time.After(patience):
		d.source.SetReadDeadline(time.Now())
		<-d.done
		return errors.Join(d.err, errors.New("the browser did not end its record"))
	}
	return d.err
}
