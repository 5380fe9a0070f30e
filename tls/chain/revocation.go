package chain

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Fetch gets a URL. With a body it is a POST of an application/ocsp-request,
// without one a GET. The URLs stand in certificates, so anybody can have put
// anything there: the caller decides where it connects, and bounds what it
// reads (MaxOCSP, MaxCRL).
type Fetch func(ctx context.Context, url string, body []byte) ([]byte, error)

// Bounds on what is read of an answer, in bytes.
const (
	MaxOCSP = 64 << 10
	MaxCRL  = 16 << 20
)

// Bounds on what is asked.
const (
	maxAsked = 8 // certificates of a path
	maxOCSP  = 2 // responders of one
	maxCRLs  = 2 // lists of one
)

// Query asks the responders and lists that the certificates on the path name,
// the leaf first and without the root, which nobody can revoke. A list is only
// fetched where no responder has decided. Every question gives a Revocation,
// also where nothing could be asked.
func Query(ctx context.Context, s Sent, o Options, fetch Fetch) []Revocation {
	t := newStudy(s, o)
	var all []Revocation
	for n, i := range t.path {
		if n == maxAsked || t.root(i) {
			break
		}
		all = append(all, t.query(ctx, i, fetch)...)
	}
	return all
}

func (t *study) query(ctx context.Context, i int, fetch Fetch) (all []Revocation) {
	c, issuer := t.certs[i], t.issuerOf(i)
	open := Revocation{Certificate: i, Method: OCSPMethod, Revoked: Unknown, Signature: Unknown, Fresh: Unknown}
	if issuer == nil {
		open.Reason = RevocationNoIssuer
		return []Revocation{open}
	}
	asked := 0
	for _, url := range c.ocsp {
		if !web(url) || asked == maxOCSP {
			continue
		}
		asked++
		r := t.ask(ctx, i, issuer, url, fetch)
		all = append(all, r)
		if r.Revoked != Unknown {
			return all
		}
	}
	asked = 0
	for _, url := range c.crl {
		if !web(url) || asked == maxCRLs {
			continue
		}
		asked++
		r := t.list(ctx, i, issuer, url, fetch)
		all = append(all, r)
		if r.Revoked != Unknown {
			return all
		}
	}
	if len(all) == 0 {
		open.Reason = RevocationNoSource
		all = append(all, open)
	}
	return all
}

func (t *study) ask(ctx context.Context, i int, issuer *certificate, url string, fetch Fetch) Revocation {
	r := Revocation{Certificate: i, Method: OCSPMethod, URL: clip(url), Revoked: Unknown, Signature: Unknown, Fresh: Unknown}
	request, err := t.certs[i].request(issuer)
	if err != nil {
		r.Reason, r.Detail = RevocationMalformed, clip(err.Error())
		return r
	}
	raw, err := fetch(ctx, url, request)
	if err != nil {
		r.Reason, r.Detail = RevocationFetch, clip(printable(err.Error()))
		return r
	}
	if len(raw) > MaxOCSP {
		r.Reason, r.Detail = RevocationMalformed, "too large"
		return r
	}
	b, err := readBasic(raw)
	if err != nil {
		r = unreadable(err, i, OCSPMethod)
	} else if !b.about(t.certs[i], issuer) {
		r.Reason = RevocationOther
	} else {
		r = t.answer(raw, b, i, OCSPMethod)
	}
	r.URL = clip(url)
	return r
}

func (t *study) list(ctx context.Context, i int, issuer *certificate, url string, fetch Fetch) Revocation {
	r := Revocation{Certificate: i, Method: CRLMethod, URL: clip(url), Revoked: Unknown, Signature: Unknown, Fresh: Unknown}
	raw, err := fetch(ctx, url, nil)
	if err != nil {
		r.Reason, r.Detail = RevocationFetch, clip(printable(err.Error()))
		return r
	}
	if err := t.searchList(&r, raw, t.certs[i], issuer, url); err != nil {
		r.Reason, r.Detail = RevocationMalformed, clip(printable(err.Error()))
		if scope, ok := errors.AsType[scopeError](err); ok {
			r.Reason, r.Detail = RevocationScope, string(scope)
		}
	}
	return r
}

// scopeError says why a list does not cover a certificate.
type scopeError string

func (e scopeError) Error() string { return string(e) }

func (t *study) searchList(r *Revocation, raw []byte, c, issuer *certificate, url string) error {
	if len(raw) > MaxCRL {
		return errors.New("too large")
	}
	list, err := x509.ParseRevocationList(raw)
	if err != nil {
		return err
	}
	r.ThisUpdate, r.NextUpdate, r.Responder = list.ThisUpdate.UTC(), list.NextUpdate.UTC(), readName(list.RawIssuer).text
	if list.NextUpdate.IsZero() {
		r.NextUpdate = list.NextUpdate
	}
	if !bytes.Equal(list.RawIssuer, c.issuer) {
		return scopeError("the list is from another issuer")
	}
	if issuer.hasUsage && !slices.Contains(issuer.keyUsage, "cRLSign") {
		return scopeError("the issuer's key is not for lists")
	}
	for _, e := range list.Extensions {
		switch e.Id.String() {
		case "2.5.29.28":
			if err := issuingPoint(e.Value, c, url); err != nil {
				return err
			}
		case "2.5.29.27":
			return scopeError("a delta list")
		default:
			if e.Critical {
				return scopeError(fmt.Sprintf("critical extension %s is not understood", e.Id))
			}
		}
	}
	in := cryptobyte.String(raw)
	var outer, algorithm cryptobyte.String
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !outer.SkipASN1(asn1.SEQUENCE) || !outer.ReadASN1Element(&algorithm, asn1.SEQUENCE) {
		return errors.New("no signature")
	}
	r.Signature = readSignature(algorithm).verify(issuer.key, list.RawTBSRevocationList, list.Signature)
	if r.Signature == Unknown {
		r.Reason = RevocationUnsupported
	}
	r.Fresh, r.Status = fresh(t.Date, r.ThisUpdate, r.NextUpdate), "good"
	serial := c.serialNumber()
	for _, e := range list.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(serial) == 0 {
			r.Status, r.RevokedAt, r.Why = "revoked", e.RevocationTime.UTC(), crlReasons[e.ReasonCode]
			break
		}
	}
	r.conclude(t.Date)
	return nil
}

// issuingPoint checks that a partial list covers a certificate (RFC 5280
// section 5.2.5). A list for another part would say nothing about it, and
// anybody on the way could put one in its place.
func issuingPoint(value []byte, c *certificate, url string) error {
	in := cryptobyte.String(value)
	var s, point, full cryptobyte.String
	var present bool
	if !in.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadOptionalASN1(&point, &present, asn1.Tag(0).Constructed().ContextSpecific()) {
		return errors.New("the issuing distribution point cannot be read")
	}
	if present {
		found := false
		if !point.ReadASN1(&full, asn1.Tag(0).Constructed().ContextSpecific()) {
			return scopeError("the distribution point has a relative name")
		}
		for !full.Empty() {
			var location cryptobyte.String
			var tag asn1.Tag
			if !full.ReadAnyASN1(&location, &tag) {
				return errors.New("the issuing distribution point cannot be read")
			}
			found = found || printable(string(location)) == url || slices.Contains(c.crl, printable(string(location)))
		}
		if !found {
			return scopeError("the list is for another distribution point")
		}
	}
	for !s.Empty() {
		var v cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1(&v, &tag) {
			return errors.New("the issuing distribution point cannot be read")
		}
		yes := len(v) == 1 && v[0] != 0
		switch n := uint8(tag) & 0x1f; {
		case n == 1 && yes && c.ca:
			return scopeError("the list is for end entities only")
		case n == 2 && yes && !c.ca:
			return scopeError("the list is for authorities only")
		case n == 3:
			return scopeError("the list is for some reasons only")
		case (n == 4 || n == 5) && yes:
			return scopeError("an indirect list or one for attributes")
		}
	}
	return nil
}
