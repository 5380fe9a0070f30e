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
	Certificates []chain.Chain        `json:"certificates,omitempty"` // one for each of Chains
	DANE         []chain.DANE         `json:"dane,omitempty"`         // of each of Chains, if there are TLSA records
	CAA          *chain.Authorization `json:"caa,omitempty"`          // held against the first chain
	Traffic      *Traffic             `json:"traffic,omitempty"`      // of the transcript, if there is one
}

// Traffic is what a transcript says of the cost of asking.
type Traffic struct {
	Exchanges int           `json:"exchanges"` // connections on which something was asked
	Sent      int64         `json:"sent"`      // bytes
	Received  int64         `json:"received"`  // bytes
	Duration  time.Duration `json:"duration"`  // nanoseconds, from the first byte to the last
}

func traffic(all []*enumerate.Exchange) *Traffic {
	t := &Traffic{Exchanges: len(all)}
	var first, last time.Time
	for _, x := range all {
		for _, c := range x.Chunks {
			if c.Sent {
				t.Sent += int64(len(c.Data))
			} else {
				t.Received += int64(len(c.Data))
			}
			if at := x.Start.Add(c.At); at.After(last) {
				last = at
			}
		}
		if first.IsZero() || x.Start.Before(first) {
			first = x.Start
		}
	}
	if last.After(first) {
		t.Duration = last.Sub(first)
	}
	return t
}

// Describe reads the certificates of an offer as of the day of the exchange.
// Whether they are trusted depends on the roots of this system.
func Describe(o enumerate.Offer, s Supplement, day time.Time) Offered {
	out, options := Offered{Offer: o}, chain.Options{Date: day, Public: true}
	options.Logs, _ = chain.ParseLogs(s.Logs) // without them timestamps stay unknown
	records := s.tlsa(o.Host, portOf(o.Address), o.Transport)
	for _, c := range o.Chains {
		sent := sentBy(o, c)
		read := chain.Read(sent, options)
		if s.Revocation {
			read.Revocation = append(read.Revocation, chain.Query(context.Background(), sent, options, s.again)...)
		}
		out.Certificates = append(out.Certificates, read)
		if len(records) > 0 {
			out.DANE = append(out.DANE, chain.TLSA(records, sent, options))
		}
	}
	if records := s.caa(o.Host); len(records) > 0 && len(out.Certificates) > 0 {
		a := chain.CAA(records, out.Certificates[0])
		out.CAA = &a
	}
	return out
}

func sentBy(o enumerate.Offer, c enumerate.Presented) chain.Sent {
	return chain.Sent{DER: c.DER, Stapled: c.OCSP, SCTs: c.SCTs, Name: o.Host}
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// A Transcript is the evidence of one enumeration: a line that says what was
// asked, and one for each exchange.
type Transcript struct {
	Target enumerate.Target `json:"target"`
	Began  time.Time        `json:"began"`
}

// Transcripts lie below this directory of the evidence, as NAME.jsonl; a
// Supplement lies beside it.
const Transcripts = "tls"

// SupplementOf names the supplement of a transcript.
func SupplementOf(transcript string) string {
	return strings.TrimSuffix(transcript, path.Ext(transcript)) + ".supplement.json"
}

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
				cited := []probe.Evidence{rec.Cite(name, "")}
				beside := SupplementOf(name)
				s, missing := readSupplement(rec.Files, beside)
				if missing == nil {
					cited = append(cited, rec.Cite(beside, ""))
				} else if !errors.Is(missing, fs.ErrNotExist) {
					err = errors.Join(err, missing)
				}
				o := Describe(enumerate.Derive(t.Target, exchanges), s, t.Began)
				o.Traffic = traffic(exchanges)
				emit(Offer.New(subject(t.Target), probe.Preflight, t.Began, o, cited...))
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
	if t.Host == "" {
		return "host:" + t.Address
	}
	return "host:" + t.Host + ":" + portOf(t.Address)
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
