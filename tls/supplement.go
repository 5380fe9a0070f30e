package tls

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"vksprobe/tls/chain"
	"vksprobe/tls/enumerate"
)

// A Supplement is what was looked up beside the handshakes with one address:
// evidence like those.
type Supplement struct {
	// Records are DNS records, CAA and TLSA, one a line of a zone file with
	// its name: "example.org. 3600 IN CAA 0 issue \"ca.example\"".
	Records []string `json:"records,omitempty"`
	// Logs is a list of Certificate Transparency logs (log_list.json, version
	// 3) whose keys sign the timestamps.
	Logs json.RawMessage `json:"logs,omitempty"`
	// Revocation says whether OCSP responders and CRLs were asked.
	Revocation bool      `json:"revocation,omitempty"`
	Fetched    []Fetched `json:"fetched,omitempty"`
}

// Fetched is one answer of an OCSP responder, or a CRL.
type Fetched struct {
	URL      string    `json:"url"`
	Request  []byte    `json:"request,omitempty"` // OCSPRequest; none for a GET
	Time     time.Time `json:"time"`
	Response []byte    `json:"response,omitempty"`
	Failure  string    `json:"failure,omitempty"` // why there is no response
}

// Ask asks the responders and lists that the certificates of an offer name,
// and keeps the answers for Describe.
func (s *Supplement) Ask(ctx context.Context, o enumerate.Offer, day time.Time, get chain.Fetch) {
	s.Revocation = true
	keep := func(ctx context.Context, url string, body []byte) ([]byte, error) {
		f := Fetched{URL: url, Request: body, Time: time.Now().UTC()}
		b, err := get(ctx, url, body)
		if err != nil {
			f.Failure = err.Error()
		} else {
			f.Response = b
		}
		s.Fetched = append(s.Fetched, f)
		return b, err
	}
	for _, c := range o.Chains {
		chain.Query(ctx, sentBy(o, c), chain.Options{Date: day, Public: true}, keep)
	}
}

// Empty reports whether nothing was looked up.
func (s Supplement) Empty() bool {
	return len(s.Records) == 0 && len(s.Logs) == 0 && !s.Revocation
}

// maxSupplement bounds what is read of one.
const maxSupplement = 64 << 20

func readSupplement(files fs.FS, name string) (s Supplement, err error) {
	f, err := files.Open(name)
	if err != nil {
		return s, err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxSupplement)).Decode(&s); err != nil {
		return Supplement{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// again gives what was fetched once more.
func (s *Supplement) again(_ context.Context, url string, body []byte) ([]byte, error) {
	for _, f := range s.Fetched {
		if f.URL == url && bytes.Equal(f.Request, body) {
			if f.Failure != "" {
				return nil, errors.New(f.Failure)
			}
			return f.Response, nil
		}
	}
	return nil, errors.New("it was not fetched")
}

// record takes a line of a zone file apart: name, type and data. The name is
// in lower case and without the dot at its end.
func record(line string) (name, typ, data string, err error) {
	rest := strings.TrimSpace(line)
	word := func() (w string) {
		w, rest, _ = strings.Cut(rest, " ")
		rest = strings.TrimSpace(rest)
		return w
	}
	rest = strings.ReplaceAll(rest, "\t", " ")
	name = strings.ToLower(strings.TrimSuffix(word(), "."))
	for rest != "" {
		switch w := strings.ToUpper(word()); {
		case w == "CAA" || w == "TLSA":
			return name, w, rest, nil
		case w == "IN" || strings.Trim(w, "0123456789") == "":
		default:
			return "", "", "", fmt.Errorf("%q is no CAA or TLSA record", line)
		}
	}
	return "", "", "", fmt.Errorf("%q is no CAA or TLSA record", line)
}

// CheckRecord reports whether a line can be used as one of Records.
func CheckRecord(line string) error {
	_, _, _, err := record(line)
	return err
}

// caa returns the records that count for a host: those of the nearest name on
// the way up that has any (RFC 8659 section 3).
func (s *Supplement) caa(host string) []string {
	for at := strings.ToLower(host); at != ""; {
		if found := s.find(at, "CAA"); len(found) > 0 {
			return found
		}
		_, at, _ = strings.Cut(at, ".")
	}
	return nil
}

// tlsa returns the records of a service (RFC 6698 section 3).
func (s *Supplement) tlsa(host, port, transport string) []string {
	if transport == string(enumerate.QUIC) {
		transport = string(enumerate.UDP)
	}
	return s.find(fmt.Sprintf("_%s._%s.%s", port, transport, strings.ToLower(host)), "TLSA")
}

func (s *Supplement) find(name, typ string) (data []string) {
	for _, line := range s.Records {
		if n, t, d, err := record(line); err == nil && n == name && t == typ && !slices.Contains(data, d) {
			data = append(data, d)
		}
	}
	return data
}
