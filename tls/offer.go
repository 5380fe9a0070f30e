package tls

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/tls/chain"
	"vksprobe/tls/enumerate"
)

// Offer observes all that one address offers, found out by handshakes of our
// own. Subject: "host:example.org:443" (the name that was asked for and the
// port, or the address if there was no name).
var Offer = probe.Kind[Offered]{Name: "tls.offer/v1"}

// Offered is an offer with its chains of certificates read.
type Offered struct {
	enumerate.Offer
	Certificates []chain.Chain `json:"certificates,omitempty"` // one for each of Chains
}

// Describe reads the certificates of an offer as of the day of the exchange.
// Whether they are trusted depends on the roots of this system.
func Describe(o enumerate.Offer, day time.Time) Offered {
	out := Offered{Offer: o}
	for _, c := range o.Chains {
		out.Certificates = append(out.Certificates, chain.Read(chain.Sent{DER: c.DER, Stapled: c.OCSP, SCTs: c.SCTs, Name: o.Host}, chain.Options{Date: day, Public: true}))
	}
	return out
}

// A Transcript is the evidence of one enumeration: a line that says what was
// asked, and one for each exchange.
type Transcript struct {
	Target enumerate.Target `json:"target"`
	Began  time.Time        `json:"began"`
}

// Transcripts lie below this directory of the evidence, whatever their names.
const Transcripts = "tls"

// Active emits Offer for every transcript of the record.
var Active = probe.Observer{Name: "tls-active", Observe: active}

func active(_ context.Context, rec *probe.Record, emit func(probe.Observation)) error {
	files, err := fs.ReadDir(rec.Files, Transcripts)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var errs []error
	for _, file := range files {
		name := path.Join(Transcripts, file.Name())
		if path.Ext(name) != ".jsonl" {
			continue
		}
		errs = append(errs, func() error {
			f, err := rec.Files.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			t, exchanges, err := ReadTranscript(f)
			if t.Target.Address != "" {
				o := Describe(enumerate.Derive(t.Target, exchanges), t.Began)
				emit(Offer.New(subject(t.Target), probe.Preflight, t.Began, o, rec.Cite(name, "")))
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		}())
	}
	return errors.Join(errs...)
}

// subject names what was asked.
func subject(t enumerate.Target) string {
	port := t.Address[strings.LastIndexByte(t.Address, ':')+1:]
	if t.Host == "" {
		return "host:" + t.Address
	}
	return "host:" + t.Host + ":" + port
}

// ReadTranscript reads a transcript. With an error it returns what could be
// read before.
func ReadTranscript(r io.Reader) (Transcript, []*enumerate.Exchange, error) {
	var t Transcript
	b := bufio.NewReader(r)
	line, err := b.ReadSlice('\n')
	if err != nil {
		return t, nil, fmt.Errorf("the first line of the transcript: %w", err)
	}
	if err := json.Unmarshal(line, &t); err != nil {
		return t, nil, fmt.Errorf("the first line of the transcript: %w", err)
	}
	var all []*enumerate.Exchange
	err = enumerate.ReadTranscript(b, func(e *enumerate.Exchange) { all = append(all, e) })
	slices.SortFunc(all, func(a, b *enumerate.Exchange) int { return cmp.Compare(a.N, b.N) })
	return t, all, err
}
