package dtls

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"vksprobe/probe"
)

// Transcripts lie below this directory of the evidence, one per server,
// whatever their names.
const Transcripts = "dtls"

// Observer derives one observation of kind dtls.server/v1 from each
// transcript.
var Observer = probe.Observer{Name: "dtls", Observe: observe}

func observe(ctx context.Context, rec *probe.Record, emit func(probe.Observation)) error {
	files, err := fs.ReadDir(rec.Files, Transcripts)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing transcripts: %w", err)
	}
	var errs []error
	for _, file := range files {
		name := path.Join(Transcripts, file.Name())
		if path.Ext(name) != ".jsonl" {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		t, err := readFile(rec.Files, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		if len(t) == 0 {
			continue
		}
		o := Observation(t, rec.Cite(name, ""))
		if err != nil {
			o.Failure = probe.EvidenceUnreadable
		}
		emit(o)
	}
	return errors.Join(errs...)
}

func readFile(files fs.FS, name string) (Transcript, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadTranscript(f)
}

// Observation is what a transcript says, as an observation. A server that
// showed nothing of itself has a failure beside its data. The transcript must
// not be empty.
func Observation(t Transcript, evidence ...probe.Evidence) probe.Observation {
	f := Read(t)
	o := Observed.New(f.Server, probe.Preflight, t[0].Start, f, evidence...)
	if f.Offer != nil {
		return o
	}
	for _, v := range f.Versions {
		if v.Accepted == Yes {
			return o
		}
	}
	for _, x := range t {
		if x.Failure != "" && o.Failure == "" {
			o.Failure = x.Failure
		}
	}
	return o
}
