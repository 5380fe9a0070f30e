package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"vksprobe/probe"
	"vksprobe/probe/scan"
)

// progress shows how far a scan is: one line that renews itself on a
// terminal, a line per phase elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	width    int
	latest   map[int]scan.Progress
	shown    map[int]probe.Phase
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, latest: map[int]scan.Progress{}, shown: map[int]probe.Phase{}}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal = true
		p.width, _, _ = term.GetSize(int(f.Fd()))
	}
	return p
}

func (p *progress) update(now scan.Progress) {
	p.latest[now.Participant] = now
	if !p.terminal {
		if p.shown[now.Participant] != now.Phase {
			fmt.Fprintf(p.w, "vksprobe: %3.0fs participant %d: %s, %s\n", now.Elapsed.Seconds(), now.Participant, now.Phase, hosts(now.Hosts))
		}
		p.shown[now.Participant] = now.Phase
		return
	}
	line := fmt.Sprintf("%s ", now.Elapsed.Truncate(time.Second))
	for n := 1; n <= len(p.latest); n++ {
		if l, ok := p.latest[n]; ok {
			line += fmt.Sprintf(" | %d: %s, %s", n, l.Phase, hosts(l.Hosts))
		}
	}
	if p.width > 0 && len(line) >= p.width {
		line = line[:p.width-1]
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
}

// done removes the line that renews itself.
func (p *progress) done() {
	if p.terminal && len(p.latest) > 0 {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func hosts(n int) string {
	if n == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", n)
}
