package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"vksprobe/probe"
	"vksprobe/probe/scan"
	"vksprobe/report/bundle"
)

// sealActive turns the transcripts of an active command, which are in the
// bundle, into observations and findings and seals it. It works on what was
// written, also after an interrupt.
func sealActive(w *bundle.Writer, run probe.Run, incomplete bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	b, err := bundle.Open(w.Dir())
	if err != nil {
		return err
	}
	record, err := b.Record()
	if err != nil {
		return err
	}
	observations, unreadable := probe.Observe(ctx, record, observers...)
	applied := run.Rules(rules)
	findings, err := probe.Judge(probe.NewFacts(observations), run.Judged, applied)
	if err != nil {
		return err
	}
	run.Format, run.ID, run.Ended, run.State, run.Program = "vksprobe-scan/v1", rand.Text(), time.Now().UTC(), probe.Complete, program()
	if incomplete || unreadable != nil {
		run.State, run.Reasons = probe.Incomplete, []probe.Reason{{Failure: probe.UnknownFailure, Detail: "not everything was answered"}}
	}
	var lines bytes.Buffer
	errs := []error{unreadable, probe.WriteObservations(&lines, observations), w.Put("observations.jsonl", lines.Bytes())}
	for name, value := range map[string]any{"findings.json": findings, "scan.json": run} {
		content, err := json.MarshalIndent(value, "", "  ")
		errs = append(errs, err, w.Put(name, append(content, '\n')))
	}
	res := &scan.Result{Run: run, Dir: w.Dir(), Rules: applied, Observations: observations, Findings: findings}
	for _, f := range formats {
		var out bytes.Buffer
		errs = append(errs, f.Write(&out, res, b.Files()), w.Put(f.File, out.Bytes()))
	}
	return errors.Join(append(errs, w.Seal(map[string]string{"Vksprobe-State": string(run.State)}))...)
}
