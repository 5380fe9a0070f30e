package chain

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// DANE is what TLSA records say about a chain (RFC 6698, RFC 7671). Whether the
// records came by DNSSEC, without which they mean nothing, is for the caller to
// know.
type DANE struct {
	Records []TLSARecord `json:"records,omitempty"`
	Usable  bool         `json:"usable"` // at least one record can be used
	Matches State        `json:"matches"`
	Reason  string       `json:"reason,omitempty"` // why it is unknown
}

// TLSARecord is one record held against the chain.
type TLSARecord struct {
	Record       string `json:"record"`
	Usage        uint8  `json:"usage"`         // 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE
	Selector     uint8  `json:"selector"`      // 0 certificate, 1 SubjectPublicKeyInfo
	MatchingType uint8  `json:"matching_type"` // 0 all of it, 1 SHA-256, 2 SHA-512
	Usable       bool   `json:"usable"`
	Data         State  `json:"data_matches"` // a certificate has this content, leaving aside what else the usage asks for
	Matches      State  `json:"matches"`      // and the chain satisfies the usage
	Certificate  int    `json:"certificate"`  // index of that certificate; -1 if there is none or it comes from the roots
	Reason       string `json:"reason,omitempty"`
}

// TLSA holds the records of a service against what its server sent. The
// records are in the form of zone files, "3 1 1 0123…", or in that of RFC 3597.
//
// DANE-EE ignores names and dates, DANE-TA takes the name and dates of the
// chain but no root of the store, PKIX-TA and PKIX-EE want a trusted chain as
// well (RFC 7671 sections 5.1 to 5.4).
func TLSA(records []string, s Sent, o Options) DANE {
	t := newStudy(s, o)
	d := DANE{Matches: Unknown}
	unknown := false
	for n, text := range records {
		if n == maxRecords {
			break
		}
		r := t.tlsa(text)
		d.Records = append(d.Records, r)
		d.Usable = d.Usable || r.Usable
		unknown = unknown || r.Usable && r.Matches == Unknown
		if r.Matches == Yes {
			d.Matches = Yes
		}
	}
	switch {
	case d.Matches == Yes:
	case !d.Usable:
		d.Reason = "no record can be used"
	case unknown:
		d.Reason = "a record could not be decided"
	default:
		d.Matches = No
	}
	return d
}

func (t *study) tlsa(text string) TLSARecord {
	r, data, err := readTLSA(text)
	if err != nil {
		r.Reason = err.Error()
		return r
	}
	r.Usable = true
	if len(t.certs) == 0 {
		r.Reason = "no certificate"
		return r
	}
	r.Data, r.Matches = No, No
	switch r.Usage {
	case 1, 3:
		if !r.fits(t.certs[0], data) {
			return r
		}
		r.Data, r.Certificate = Yes, 0
		if r.Usage == 3 {
			r.Matches = Yes
			return r
		}
		r.Matches, r.Reason = t.all(t.trust.state, t.timeValid(), t.nameMatches())
	case 0:
		path := t.trust.path
		for _, c := range path[min(1, len(path)):] {
			if r.fits(c, data) {
				r.Data = Yes
				r.Certificate = slices.IndexFunc(t.certs, func(x *certificate) bool { return x.sha256 == c.sha256 })
				r.Matches, r.Reason = t.all(t.trust.state, t.timeValid(), t.nameMatches())
				return r
			}
		}
		if path == nil && t.trust.state == Unknown {
			r.Data, r.Matches, r.Reason = Unknown, Unknown, "the path to a root is not known"
		}
	case 2:
		t.anchor(&r, data)
	}
	return r
}

// anchor looks for a trust anchor of DANE-TA above the leaf.
func (t *study) anchor(r *TLSARecord, data []byte) {
	for n := 1; n < len(t.path); n++ {
		if c := t.certs[t.path[n]]; r.fits(c, data) {
			r.Data, r.Certificate = Yes, t.path[n]
			signed := Yes
			for k := 1; k <= n; k++ {
				child, parent := t.certs[t.path[k-1]], t.certs[t.path[k]]
				if s := t.signed(t.path[k-1], t.path[k]); s != Yes {
					signed = s
				}
				if why := mayIssue(parent, child, k-1); why != "" && why != Unsupported {
					signed = No
				} else if why == Unsupported && signed == Yes {
					signed = Unknown
				}
			}
			r.Matches, r.Reason = t.all(signed, t.validUpTo(n), t.nameMatches())
			return
		}
	}
	if last := t.path[max(0, len(t.path)-1):]; len(last) == 1 && !t.certs[last[0]].selfIssued() && r.MatchingType == 0 {
		// The record may hold the anchor itself, which then need not be sent
		// (RFC 7671 section 5.2.2).
		issuer := &certificate{spki: data}
		if r.Selector == 0 {
			issuer = parse(data)
		} else if issuer.key, _ = readKey(data); issuer.key.public == nil {
			return // not a key that could have signed anything
		}
		if t.check(last[0], issuer) == Yes && (r.Selector == 1 || mayIssue(issuer, t.certs[last[0]], len(t.path)-1) == "") {
			r.Data = Yes
			r.Matches, r.Reason = t.all(Yes, t.validUpTo(len(t.path)-1), t.nameMatches())
		}
	}
}

// validUpTo is about the dates of the path up to the given place.
func (t *study) validUpTo(n int) State {
	if t.Date.IsZero() {
		return Unknown
	}
	for _, i := range t.path[:n+1] {
		if c := t.certs[i]; t.Date.Before(c.notBefore) || t.Date.After(c.notAfter) {
			return No
		}
	}
	return Yes
}

// all joins what a usage asks for beside the content.
func (t *study) all(trusted, valid, named State) (State, string) {
	for _, s := range []struct {
		State
		why string
	}{{trusted, "the chain is not trusted"}, {valid, "the chain is not valid at the date"}, {named, "the certificate is for another name"}} {
		if s.State == No {
			return No, s.why
		}
	}
	if trusted == Unknown || valid == Unknown || named == Unknown {
		return Unknown, "trust, date or name is not known"
	}
	return Yes, ""
}

// fits compares the content of a record with a certificate.
func (r TLSARecord) fits(c *certificate, data []byte) bool {
	of := c.der
	if r.Selector == 1 {
		of = c.spki
	}
	if of == nil {
		return false
	}
	switch r.MatchingType {
	case 1:
		sum := sha256.Sum256(of)
		return bytes.Equal(sum[:], data)
	case 2:
		sum := sha512.Sum512(of)
		return bytes.Equal(sum[:], data)
	}
	return bytes.Equal(of, data)
}

var errTLSA = errors.New("not a TLSA record")

func readTLSA(text string) (TLSARecord, []byte, error) {
	r := TLSARecord{Record: clip(printable(strings.TrimSpace(text))), Data: Unknown, Matches: Unknown, Certificate: -1}
	var data []byte
	if generic, ok := strings.CutPrefix(strings.TrimSpace(text), `\#`); ok {
		length, rest := field(generic)
		n, err := strconv.ParseUint(length, 10, 16)
		b, err2 := hex.DecodeString(strings.Join(strings.Fields(rest), ""))
		if err != nil || err2 != nil || int(n) != len(b) || len(b) < 4 {
			return r, nil, errTLSA
		}
		r.Usage, r.Selector, r.MatchingType, data = b[0], b[1], b[2], b[3:]
	} else {
		rest := text
		for _, to := range []*uint8{&r.Usage, &r.Selector, &r.MatchingType} {
			var word string
			word, rest = field(rest)
			n, err := strconv.ParseUint(word, 10, 8)
			if err != nil {
				return r, nil, fmt.Errorf("%w: %q is not a number below 256", errTLSA, clip(printable(word)))
			}
			*to = uint8(n)
		}
		b, err := hex.DecodeString(strings.Join(strings.Fields(rest), ""))
		if err != nil || len(b) == 0 {
			return r, nil, fmt.Errorf("%w: the content is not hexadecimal", errTLSA)
		}
		data = b
	}
	size, known := map[uint8]int{0: len(data), 1: sha256.Size, 2: sha512.Size}[r.MatchingType]
	switch {
	case r.Usage > 3, r.Selector > 1, !known:
		return r, nil, errors.New("usage, selector or matching type is not known")
	case size != len(data):
		return r, nil, fmt.Errorf("%d bytes are not the length of the hash", len(data))
	}
	return r, data, nil
}
