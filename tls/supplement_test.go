package tls

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"math/big"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/crypto/ocsp"

	"vksprobe/tls/chain"
	"vksprobe/tls/enumerate"
)

// issued returns a leaf that names a responder, and its authority.
func issued(t *testing.T, day time.Time) (leaf, authority *x509.Certificate, key crypto.Signer) {
	t.Helper()
	make := func(c, parent *x509.Certificate, of, by *ecdsa.PrivateKey) *x509.Certificate {
		c.NotBefore, c.NotAfter = day.AddDate(0, 0, -1), day.AddDate(0, 0, 30)
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &of.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		out, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	authority = make(root, root, keys[0], keys[0])
	leaf = make(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "meet.example.org"}, DNSNames: []string{"meet.example.org"},
		OCSPServer: []string{"http://ocsp.example/"}}, authority, keys[1], keys[0])
	return leaf, authority, keys[0]
}

// What a responder says is kept, and what was kept says the same again.
func TestRevocation(t *testing.T) {
	day := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	leaf, authority, key := issued(t, day)
	offer := enumerate.Offer{Host: "meet.example.org", Address: "192.0.2.1:443", Transport: "tcp", Chains: []enumerate.Presented{{DER: [][]byte{leaf.Raw, authority.Raw}}}}
	for name, test := range map[string]struct {
		status int
		err    error
		want   chain.State
	}{"good": {ocsp.Good, nil, chain.No}, "revoked": {ocsp.Revoked, nil, chain.Yes}, "silent": {0, errors.New("no route"), chain.Unknown}} {
		t.Run(name, func(t *testing.T) {
			var s Supplement
			s.Ask(t.Context(), offer, day, func(_ context.Context, url string, body []byte) ([]byte, error) {
				if url != "http://ocsp.example/" || len(body) == 0 {
					t.Errorf("asked %s with %d bytes", url, len(body))
				}
				if test.err != nil {
					return nil, test.err
				}
				return ocsp.CreateResponse(authority, authority, ocsp.Response{Status: test.status, SerialNumber: leaf.SerialNumber,
					ThisUpdate: day.Add(-time.Hour), NextUpdate: day.Add(time.Hour), RevokedAt: day.Add(-2 * time.Hour)}, key)
			})
			b, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			again, err := readSupplement(fstest.MapFS{"s": {Data: b}}, "s")
			if err != nil {
				t.Fatal(err)
			}
			got := Describe(offer, again, day).Certificates[0].Revocation
			if len(got) == 0 || got[0].Revoked != test.want || got[0].Method == chain.Stapled {
				t.Errorf("%+v, want revoked: %s", got, test.want)
			}
			if got := Describe(offer, Supplement{}, day).Certificates[0].Revocation; len(got) > 0 {
				t.Errorf("nobody was asked: %+v", got)
			}
		})
	}
}

// Records count for the names that they stand at.
func TestRecords(t *testing.T) {
	s := Supplement{Records: []string{
		`example.org. 3600 IN CAA 0 issue "ca.example; validationmethods=dns-01"`, "EXAMPLE.ORG\tIN\tCAA\t0 iodef \"mailto:x@example.org\"", `org. CAA 0 issue ";"`,
		`_443._tcp.meet.example.org. TLSA 3 1 1 00`, `_443._udp.meet.example.org. TLSA 3 1 1 01`, `_5349._tcp.meet.example.org. TLSA 3 1 1 02`,
	}}
	if got := s.caa("meet.example.org"); len(got) != 2 || got[0] != `0 issue "ca.example; validationmethods=dns-01"` {
		t.Errorf("CAA: %q", got)
	}
	if got := s.caa("example.net"); got != nil {
		t.Errorf("CAA of another name: %q", got)
	}
	if got := s.tlsa("Meet.example.org", "443", "tcp"); len(got) != 1 || got[0] != "3 1 1 00" {
		t.Errorf("TLSA: %q", got)
	}
	for _, bad := range []string{"", "example.org.", "example.org. A 192.0.2.1", "CAA 0 issue x", "example.org. IN IN"} {
		if CheckRecord(bad) == nil {
			t.Errorf("%q is taken for a record", bad)
		}
	}
}

func TestBrokenSupplement(t *testing.T) {
	for _, text := range []string{"", "{", `{"fetched":1}`} {
		if _, err := readSupplement(fstest.MapFS{"s": {Data: []byte(text)}}, "s"); err == nil {
			t.Errorf("%q can be read", text)
		}
	}
}
