package scan_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"vksprobe/probe"
	"vksprobe/probe/scan"
	"vksprobe/report/bundle"
)

// When all have left, whoever asks actively sees what was recorded and adds to
// it; one who cannot makes the run incomplete and keeps nobody else from it.
func TestActive(t *testing.T) {
	t.Parallel()
	o := quick(t, serve(t, map[string]string{"/": prejoin, "/inside": inside}))
	var seen probe.Timeline
	write := func(name string) func(context.Context, *probe.Record, *bundle.Writer) error {
		return func(_ context.Context, rec *probe.Record, w *bundle.Writer) error {
			seen = rec.Timeline
			if _, err := fs.Stat(rec.Files, "p1/hook.jsonl"); err != nil {
				t.Error(err)
			}
			f, err := w.Evidence(name)
			if err != nil {
				return err
			}
			_, err = f.Write([]byte("answer\n"))
			return errors.Join(err, f.Close())
		}
	}
	o.Active = []scan.Active{
		{Name: "first", Ask: write("asked/1.jsonl")},
		{Name: "second", Ask: func(context.Context, *probe.Record, *bundle.Writer) error { return errors.New("no such luck") }},
		{Name: "third", Ask: write("asked/3.jsonl")},
	}
	res, err := scan.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(seen, func(m probe.Mark) bool { return m.End == probe.OK }) {
		t.Errorf("asked before all had left: %+v", seen)
	}
	if res.Run.State != probe.Incomplete || len(res.Run.Reasons) != 1 || !strings.Contains(res.Run.Reasons[0].Detail, "(second): no such luck") {
		t.Errorf("the run is %s: %+v", res.Run.State, res.Run.Reasons)
	}
	verify(t, res.Dir, bundle.Incomplete)
	b, err := bundle.Open(res.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"evidence/asked/1.jsonl", "evidence/asked/3.jsonl"} {
		if !slices.ContainsFunc(b.Files(), func(f bundle.File) bool { return f.Path == name && f.Bytes == 7 }) {
			t.Errorf("%s is not in the bundle", name)
		}
	}
}
