package chain

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// responder signs OCSP responses and lists for the test chain.
type responder struct {
	t        *testing.T
	ca, root *x509.Certificate
	leaf     *x509.Certificate
}

func newResponder(t *testing.T, w *world) responder {
	made := w.make()
	parse := func(name string) *x509.Certificate { return must(x509.ParseCertificate(made[name])) }
	return responder{t, parse("ca"), parse("root"), parse("leaf")}
}

// authorised is a responder's certificate, issued by the CA unless said
// otherwise.
func (r responder) authorised(key *ecdsa.PrivateKey, issuer *x509.Certificate, by *ecdsa.PrivateKey, from time.Time, purposes ...x509.ExtKeyUsage) *x509.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(99), Subject: pkix.Name{CommonName: "Responder"}, NotBefore: from, NotAfter: from.AddDate(0, 1, 0), ExtKeyUsage: purposes, KeyUsage: x509.KeyUsageDigitalSignature}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, by))))
}

func TestStapled(t *testing.T) {
	k := labKey()
	yesterday := today.AddDate(0, 0, -1)
	good := func(r responder) ocsp.Response {
		return ocsp.Response{Status: ocsp.Good, SerialNumber: r.leaf.SerialNumber, ThisUpdate: yesterday, NextUpdate: today.AddDate(0, 0, 6)}
	}
	for name, test := range map[string]struct {
		answer  func(r responder) []byte
		about   int
		status  string
		revoked State
		reason  string
		signed  State
		fresh   State
	}{
		"good": {func(r responder) []byte { return must(ocsp.CreateResponse(r.ca, r.ca, good(r), k.ca)) }, 0, "good", No, "", Yes, Yes},
		"SHA-256": {func(r responder) []byte {
			a := good(r)
			a.IssuerHash = crypto.SHA256
			return must(ocsp.CreateResponse(r.ca, r.ca, a, k.ca))
		}, 0, "good", No, "", Yes, Yes},
		"about the CA": {func(r responder) []byte {
			a := good(r)
			a.SerialNumber = r.ca.SerialNumber
			return must(ocsp.CreateResponse(r.root, r.root, a, k.root))
		}, 1, "good", No, "", Yes, Yes},
		"revoked": {func(r responder) []byte {
			a := good(r)
			a.Status, a.RevokedAt, a.RevocationReason = ocsp.Revoked, yesterday, ocsp.Superseded
			return must(ocsp.CreateResponse(r.ca, r.ca, a, k.ca))
		}, 0, "revoked", Yes, "", Yes, Yes},
		"revoked, old": {func(r responder) []byte {
			a := good(r)
			a.Status, a.RevokedAt, a.ThisUpdate, a.NextUpdate = ocsp.Revoked, yesterday, today.AddDate(0, 0, -9), today.AddDate(0, 0, -2)
			return must(ocsp.CreateResponse(r.ca, r.ca, a, k.ca))
		}, 0, "revoked", Yes, "", Yes, No},
		"unknown to it": {func(r responder) []byte {
			a := good(r)
			a.Status = ocsp.Unknown
			return must(ocsp.CreateResponse(r.ca, r.ca, a, k.ca))
		}, 0, "unknown", Unknown, RevocationNotKnown, Yes, Yes},
		"old": {func(r responder) []byte {
			a := good(r)
			a.ThisUpdate, a.NextUpdate = today.AddDate(0, 0, -9), today.AddDate(0, 0, -2)
			return must(ocsp.CreateResponse(r.ca, r.ca, a, k.ca))
		}, 0, "good", Unknown, RevocationStale, Yes, No},
		"of tomorrow": {func(r responder) []byte {
			a := good(r)
			a.ThisUpdate = today.AddDate(0, 0, 1)
			return must(ocsp.CreateResponse(r.ca, r.ca, a, k.ca))
		}, 0, "good", Unknown, RevocationStale, Yes, No},
		"without end": {func(r responder) []byte {
			a := good(r)
			a.NextUpdate = time.Time{}
			return must(ocsp.CreateResponse(r.ca, r.ca, a, k.ca))
		}, 0, "good", Unknown, RevocationStale, Yes, Unknown},
		"other serial": {func(r responder) []byte {
			a := good(r)
			a.SerialNumber = big.NewInt(77)
			return must(ocsp.CreateResponse(r.ca, r.ca, a, k.ca))
		}, -1, "", Unknown, RevocationOther, Unknown, Unknown},
		// The same serial number of another issuer.
		"other issuer": {func(r responder) []byte { return must(ocsp.CreateResponse(r.root, r.root, good(r), k.root)) }, -1, "", Unknown, RevocationOther, Unknown, Unknown},
		"forged":       {func(r responder) []byte { return must(ocsp.CreateResponse(r.ca, r.ca, good(r), k.leaf)) }, 0, "good", Unknown, RevocationSignature, No, Yes},
		"try later":    {func(responder) []byte { return ocsp.TryLaterErrorResponse }, 0, "", Unknown, RevocationRefused, Unknown, Unknown},
		"junk":         {func(responder) []byte { return []byte("junk") }, 0, "", Unknown, RevocationMalformed, Unknown, Unknown},
		"empty":        {func(responder) []byte { return nil }, 0, "", Unknown, RevocationMalformed, Unknown, Unknown},
		"delegated": {delegated(func(r responder) *x509.Certificate {
			return r.authorised(k.logs[0], r.ca, k.ca, yesterday, x509.ExtKeyUsageOCSPSigning)
		}), 0, "good", No, "", Yes, Yes},
		"not delegated": {delegated(func(r responder) *x509.Certificate {
			return r.authorised(k.logs[0], r.ca, k.ca, yesterday, x509.ExtKeyUsageServerAuth)
		}), 0, "good", Unknown, RevocationUnauthorized, No, Yes},
		"delegated by another": {delegated(func(r responder) *x509.Certificate {
			return r.authorised(k.logs[0], r.root, k.root, yesterday, x509.ExtKeyUsageOCSPSigning)
		}), 0, "good", Unknown, RevocationUnauthorized, No, Yes},
		"delegated with a forged signature": {delegated(func(r responder) *x509.Certificate {
			raw := bytes.Clone(r.authorised(k.logs[0], r.ca, k.ca, yesterday, x509.ExtKeyUsageOCSPSigning).Raw)
			raw[len(raw)-1] ^= 1
			return must(x509.ParseCertificate(raw))
		}), 0, "good", Unknown, RevocationUnauthorized, No, Yes},
		"delegated long ago": {delegated(func(r responder) *x509.Certificate {
			return r.authorised(k.logs[0], r.ca, k.ca, today.AddDate(-1, 0, 0), x509.ExtKeyUsageOCSPSigning)
		}), 0, "good", Unknown, RevocationUnauthorized, No, Yes},
	} {
		w := newWorld()
		w.scts = 0
		w.stapled = [][]byte{test.answer(newResponder(t, w))}
		c := w.read()
		if len(c.Revocation) != 1 {
			t.Errorf("%s: %d answers", name, len(c.Revocation))
			continue
		}
		r := c.Revocation[0]
		if r.Certificate != test.about || r.Status != test.status || r.Revoked != test.revoked || r.Reason != test.reason || r.Signature != test.signed || r.Fresh != test.fresh || r.Method != Stapled {
			t.Errorf("%s: %+v", name, r)
		}
		if (c.Staple == Yes) != (test.about == 0) {
			t.Errorf("%s: stapled %s", name, c.Staple)
		}
	}
	// Without a date or an issuer nothing is decided.
	w := newWorld()
	w.scts = 0
	r := newResponder(t, w)
	w.stapled = [][]byte{must(ocsp.CreateResponse(r.ca, r.ca, good(r), k.ca))}
	w.o.Date = time.Time{}
	if a := w.read().Revocation[0]; a.Revoked != Unknown || a.Reason != RevocationNoDate {
		t.Errorf("without a date: %+v", a)
	}
	w.o.Date, w.order = today, []string{"leaf"}
	if a := w.read().Revocation[0]; a.Revoked != Unknown || a.Reason != RevocationNoIssuer || a.Status != "good" {
		t.Errorf("without the issuer: %+v", a)
	}
	w.order, w.stapled[0] = []string{"leaf", "ca"}, append(w.stapled[0], make([]byte, maxStaple)...)
	if a := w.read().Revocation[0]; a.Revoked != Unknown || a.Reason != RevocationMalformed {
		t.Errorf("too large: %+v", a)
	}
}

func delegated(certificate func(responder) *x509.Certificate) func(responder) []byte {
	return func(r responder) []byte {
		d := certificate(r)
		return must(ocsp.CreateResponse(r.ca, d, ocsp.Response{Status: ocsp.Good, SerialNumber: r.leaf.SerialNumber, ThisUpdate: today.AddDate(0, 0, -1), NextUpdate: today.AddDate(0, 0, 6), Certificate: d}, labKey().logs[0]))
	}
}

func TestOCSPRequest(t *testing.T) {
	made := newWorld().make()
	raw := must(OCSPRequest(made["leaf"], made["ca"]))
	want := must(ocsp.CreateRequest(must(x509.ParseCertificate(made["leaf"])), must(x509.ParseCertificate(made["ca"])), nil))
	if !bytes.Equal(raw, want) {
		t.Errorf("%x, want %x", raw, want)
	}
	// For certificates that the library cannot read as well.
	chain := bundle("brainpool.pem")
	q, err := ocsp.ParseRequest(must(OCSPRequest(chain[0], chain[1])))
	if err != nil || q.SerialNumber.Cmp(parse(chain[0]).serialNumber()) != 0 {
		t.Errorf("%v %v", q, err)
	}
	for _, pair := range [][2][]byte{{nil, made["ca"]}, {made["leaf"], nil}, {[]byte("x"), []byte("y")}} {
		if _, err := OCSPRequest(pair[0], pair[1]); err == nil {
			t.Error("a request about nothing")
		}
	}
}

// pages are a web of fixed pages.
type pages map[string][]byte

func (p pages) fetch(asked *[]string) Fetch {
	return func(_ context.Context, url string, body []byte) ([]byte, error) {
		method := "GET"
		if body != nil {
			method = "POST"
			if _, err := ocsp.ParseRequest(body); err != nil {
				return nil, err
			}
		}
		*asked = append(*asked, method+" "+url)
		if page, ok := p[url]; ok {
			return page, nil
		}
		return nil, errors.New("no such page\x1b[31m")
	}
}

func (r responder) list(next time.Time, extensions []pkix.Extension, serials ...*big.Int) []byte {
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: today.AddDate(0, 0, -1), NextUpdate: next, ExtraExtensions: extensions}
	for _, s := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: s, RevocationTime: today.AddDate(0, 0, -3), ReasonCode: 1})
	}
	return must(x509.CreateRevocationList(rand.Reader, template, r.ca, labKey().ca))
}

func TestQuery(t *testing.T) {
	const leafOCSP, leafCRL, caCRL = "http://ocsp.example.org/", "http://crl.example.org/ca.crl", "http://crl.example.org/root.crl"
	w := newWorld()
	w.ca.set(oidKeyUsage, true, usage(0x86))
	r := newResponder(t, w)
	soon := today.AddDate(0, 0, 7)
	ca := must(x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: today.AddDate(0, 0, -1), NextUpdate: soon}, r.root, labKey().root))
	good := must(ocsp.CreateResponse(r.ca, r.ca, ocsp.Response{Status: ocsp.Good, SerialNumber: r.leaf.SerialNumber, ThisUpdate: today.AddDate(0, 0, -1), NextUpdate: soon}, labKey().ca))
	idp := func(der []byte) []pkix.Extension {
		return []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: der}}
	}
	point := func(url string) []byte {
		return must(asn1.Marshal(struct {
			Point struct {
				Full []asn1.RawValue `asn1:"tag:0"`
			} `asn1:"tag:0"`
		}{struct {
			Full []asn1.RawValue `asn1:"tag:0"`
		}{[]asn1.RawValue{{Class: 2, Tag: 6, Bytes: []byte(url)}}}}))
	}
	for name, test := range map[string]struct {
		pages  pages
		asked  string // of the leaf
		method Method
		state  State
		reason string
	}{
		"OCSP says good":            {pages{leafOCSP: good}, "POST " + leafOCSP, OCSPMethod, No, ""},
		"OCSP lost, list is good":   {pages{leafCRL: r.list(soon, nil, big.NewInt(5))}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, No, ""},
		"OCSP junk, list revokes":   {pages{leafOCSP: []byte("x"), leafCRL: r.list(soon, nil, big.NewInt(5), r.leaf.SerialNumber)}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Yes, ""},
		"both lost":                 {pages{}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Unknown, RevocationFetch},
		"list is old":               {pages{leafCRL: r.list(today.Add(-time.Hour), nil)}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Unknown, RevocationStale},
		"list is junk":              {pages{leafCRL: []byte("junk")}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Unknown, RevocationMalformed},
		"list of the root":          {pages{leafCRL: ca}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Unknown, RevocationScope},
		"list for this point":       {pages{leafCRL: r.list(soon, idp(point(leafCRL)))}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, No, ""},
		"list for another point":    {pages{leafCRL: r.list(soon, idp(point("http://crl.example.org/7.crl")))}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Unknown, RevocationScope},
		"list of authorities":       {pages{leafCRL: r.list(soon, idp([]byte{0x30, 3, 0x82, 1, 0xff}))}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Unknown, RevocationScope},
		"list of end entities":      {pages{leafCRL: r.list(soon, idp([]byte{0x30, 3, 0x81, 1, 0xff}))}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, No, ""},
		"list for some reasons":     {pages{leafCRL: r.list(soon, idp([]byte{0x30, 4, 0x83, 2, 1, 6}))}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Unknown, RevocationScope},
		"indirect list":             {pages{leafCRL: r.list(soon, idp([]byte{0x30, 3, 0x84, 1, 0xff}))}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Unknown, RevocationScope},
		"delta list":                {pages{leafCRL: r.list(soon, []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}})}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Unknown, RevocationScope},
		"list with a critical word": {pages{leafCRL: r.list(soon, []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}})}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Unknown, RevocationScope},
		"list is forged":            {pages{}, "POST " + leafOCSP + " GET " + leafCRL, CRLMethod, Unknown, ""},
	} {
		if name == "list is forged" {
			forged := r.list(soon, nil, big.NewInt(5))
			at := bytes.Index(forged, []byte{2, 1, 5})
			forged[at+2] = 6
			test.pages, test.reason = pages{leafCRL: forged}, RevocationSignature
		}
		test.pages[caCRL] = ca
		var asked []string
		s, o := w.sent()
		all := Query(t.Context(), s, o, test.pages.fetch(&asked))
		var ofLeaf, ofCA []Revocation
		for _, a := range all {
			if a.Certificate == 0 {
				ofLeaf = append(ofLeaf, a)
			} else {
				ofCA = append(ofCA, a)
			}
			if strings.Contains(a.Detail, "\x1b") {
				t.Errorf("%s: %q", name, a.Detail)
			}
		}
		if len(ofLeaf) == 0 || len(ofCA) != 1 || ofCA[0].Revoked != No || ofCA[0].Certificate != 1 {
			t.Errorf("%s: %+v", name, all)
			continue
		}
		last := ofLeaf[len(ofLeaf)-1]
		if last.Method != test.method || last.Revoked != test.state || last.Reason != test.reason {
			t.Errorf("%s: %+v", name, last)
		}
		if got := strings.Join(asked, " "); got != test.asked+" GET "+caCRL {
			t.Errorf("%s: asked %s", name, got)
		}
	}
}

func TestQueryNothing(t *testing.T) {
	never := func(context.Context, string, []byte) ([]byte, error) {
		t.Error("something was fetched")
		return nil, nil
	}
	for name, test := range map[string]struct {
		change func(*world)
		reason []string
	}{
		"no sources": {func(w *world) { w.leaf.drop(oidCRL); w.leaf.drop(oidAuthorityInfo); w.ca.drop(oidCRL) }, []string{RevocationNoSource, RevocationNoSource}},
		"LDAP only": {func(w *world) {
			w.leaf.set(oidCRL, false, crlPoints("ldap://a/b"))
			w.leaf.drop(oidAuthorityInfo)
			w.ca.drop(oidCRL)
		}, []string{RevocationNoSource, RevocationNoSource}},
		"no issuer":   {func(w *world) { w.order = []string{"leaf"} }, []string{RevocationNoIssuer}},
		"self-signed": {selfSigned, nil},
		"nothing":     {func(w *world) { w.order = nil }, nil},
	} {
		w := newWorld()
		test.change(w)
		s, o := w.sent()
		var reasons []string
		for _, r := range Query(t.Context(), s, o, never) {
			if r.Revoked != Unknown {
				t.Errorf("%s: %+v", name, r)
			}
			reasons = append(reasons, r.Reason)
		}
		if strings.Join(reasons, " ") != strings.Join(test.reason, " ") {
			t.Errorf("%s: %v", name, reasons)
		}
	}
}
