package scan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"vksprobe/probe"
	"vksprobe/probe/browser"
	"vksprobe/probe/vks"
	"vksprobe/report/bundle"
)

// maxNotes bounds the evidence of one participant's adapter in bytes.
const maxNotes = 8 << 20

// notebook keeps what the adapter was shown, as evidence: p<n>/vks.jsonl. A
// view is noted when something in it changed.
type notebook struct {
	run   *run
	n     int
	file  *bundle.Growing
	size  int
	state vks.State
	probe []byte
	last  browser.View
	by    *vks.Adapter
}

func (r *run) newNotebook(n int) *notebook {
	b := &notebook{run: r, n: n}
	var err error
	b.file, err = r.w.Evidence(fmt.Sprintf("p%d/vks.jsonl", n))
	r.note(n, "", probe.EvidenceNotWritable, err)
	return b
}

func (b *notebook) write(l vks.Line) {
	l.Time = time.Now().UTC()
	line, err := json.Marshal(l)
	if b.size += len(line) + 1; err != nil || b.file == nil || b.size > maxNotes {
		return
	}
	if _, err := b.file.Write(append(line, '\n')); err != nil {
		b.run.note(b.n, "", probe.EvidenceNotWritable, err)
		b.file = nil
	}
}

// overrides notes what of the link would change the settings.
func (b *notebook) overrides(a *vks.Adapter, all []vks.Override, cleaned bool) {
	if a == nil || len(all) == 0 {
		return
	}
	var keys []string
	for _, o := range all {
		keys = append(keys, o.Key)
	}
	b.run.Log.Warn("the link changes settings", "participant", b.n, "keys", keys, "taken out", cleaned)
	b.write(vks.Line{System: a.System, Overrides: all, Cleaned: cleaned})
}

// view notes a view and the state that the adapter sees in it.
func (b *notebook) view(a *vks.Adapter, s vks.State, v browser.View) {
	b.last, b.by = v, a
	if s == b.state && bytes.Equal(b.probe, v.Probe) {
		return
	}
	b.state, b.probe = s, v.Probe
	b.write(vks.Line{System: a.System, State: s, Probe: v.Probe})
}

// stopped notes the controls of the page on which the walk ended too early,
// for whoever mends the adapter.
func (b *notebook) stopped() {
	if b.by == nil {
		return
	}
	b.write(vks.Line{System: b.by.System, State: b.state, Controls: vks.Inventory(b.last)})
}

func (b *notebook) close() {
	if b.file != nil {
		b.run.note(b.n, "", probe.EvidenceNotWritable, b.file.Close())
	}
}
