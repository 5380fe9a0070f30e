package chain

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	encoding "encoding/asn1"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

func TestEmbeddedTimestamps(t *testing.T) {
	w := newWorld()
	w.scts = 3
	c := w.read()
	if len(c.SCTs) != 3 {
		t.Fatalf("%d timestamps", len(c.SCTs))
	}
	for i, s := range c.SCTs {
		if s.State != Verified || s.Source != Embedded || s.Log != []string{"one", "two", "three"}[i] || s.Operator != "test" || s.LogState != "usable" || !s.Timestamp.Equal(w.leaf.from) {
			t.Errorf("%+v", s)
		}
	}
	for name, test := range map[string]struct {
		change func(*world)
		state  SCTState
		reason string
	}{
		"spoilt":          {func(w *world) { w.spoil = true }, Invalid, "not the log's"},
		"no list of logs": {func(w *world) { w.o.Logs = nil }, UnknownLog, ""},
		"no issuer":       {func(w *world) { w.order = []string{"leaf"}; w.o.Roots = x509.NewCertPool() }, Undetermined, "issuer"},
		"from the future": {func(w *world) { w.o.Date = w.leaf.from.Add(-time.Hour) }, Invalid, "future"},
		"no date":         {func(w *world) { w.o.Date = time.Time{} }, Verified, ""},
		"another chain":   {func(w *world) { w.mutate = func(m map[string][]byte) { m["ca"] = impostor() } }, Undetermined, "issuer"},
		"renamed": {func(w *world) {
			w.mutate = func(m map[string][]byte) {
				m["leaf"] = bytes.Replace(m["leaf"], []byte("host.example.org"), []byte("hose.example.org"), 1)
			}
		}, Undetermined, ""},
		"only extension":   {func(w *world) { w.leaf.extensions = nil }, Verified, ""},
		"many extensions":  {func(w *world) { w.leaf.set("1.2.3.4", false, make([]byte, 70000)) }, Verified, ""},
		"long of a kind":   {func(w *world) { w.leaf.set("1.2.3.4", false, make([]byte, 200)) }, Verified, ""},
		"unique serial":    {func(w *world) { w.leaf.serial = []byte{0, 0xff, 1, 2, 3, 4, 5, 6, 7} }, Verified, ""},
		"issued by a root": {byRoot, Verified, ""},
	} {
		if name == "only extension" {
			// The list is inserted at the third place.
			w := newWorld()
			w.leaf.extensions = w.leaf.extensions[:2]
			test.change = func(x *world) { *x = *w }
		}
		w := newWorld()
		test.change(w)
		c := w.read()
		if len(c.SCTs) != 2 {
			t.Errorf("%s: %d timestamps", name, len(c.SCTs))
			continue
		}
		if s := c.SCTs[0]; s.State != test.state || !strings.Contains(s.Reason, test.reason) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// byRoot has the root, which is not sent, issue the leaf.
func byRoot(w *world) {
	w.leaf.issuer = w.root.subject
	w.leaf.drop(oidAuthorityKeyID)
	w.order = []string{"leaf"}
	w.ca.spki = w.root.spki // by which the world's logs hash the issuer
	w.mutate = func(made map[string][]byte) {
		k := labKey()
		leaf := w.leaf
		issuer := sha256.Sum256(w.root.spki)
		entry := append(issuer[:], prefix24(leaf.tbs())...)
		leaf.extensions = append([]extension{{oidSCTs, false, element(asn1.OCTET_STRING, sctList(logTimestamp(k.logs[0], leaf.from, 1, entry, false), logTimestamp(k.logs[1], leaf.from, 1, entry, false)))}}, leaf.extensions...)
		made["leaf"] = leaf.sign(k.root)
	}
}

// impostor has the name of the CA and another key.
func impostor() []byte {
	s := newWorld().ca
	s.spki = spkiOf(&labKey().logs[0].PublicKey)
	s.drop(oidSubjectKeyID)
	return s.sign(labKey().root)
}

// The list is taken out wherever it stands, and nothing else changes.
func TestPrecertificate(t *testing.T) {
	for at := range 9 {
		s := newWorld().leaf
		want := s.tbs()
		s.extensions = append(s.extensions[:at:at], append([]extension{{oidSCTs, at%2 == 0, []byte{4, 2, 0, 0}}}, s.extensions[at:]...)...)
		if at == 8 && len(s.extensions) != 9 {
			t.Fatal("the flawless leaf has another number of extensions")
		}
		if got, ok := precertificate(s.tbs()); !ok || !bytes.Equal(got, want) {
			t.Errorf("place %d: %x, want %x", at, got, want)
		}
	}
	only := newWorld().leaf
	only.extensions = nil
	want := only.tbs()
	only.extensions = []extension{{oidSCTs, false, []byte{4, 2, 0, 0}}}
	if got, ok := precertificate(only.tbs()); !ok || !bytes.Equal(got, want) {
		t.Errorf("alone: %x, want %x", got, want)
	}
	for _, bad := range [][]byte{nil, {0x30}, {0x30, 2, 0xA3, 0}, {0x30, 4, 0xA3, 2, 0x30, 1}, append(newWorld().leaf.tbs(), 0)} {
		if _, ok := precertificate(bad); ok {
			t.Errorf("%x was taken apart", bad)
		}
	}
}

// Timestamps of the handshake and of OCSP are for the certificate as it is.
func TestOtherTimestamps(t *testing.T) {
	k := labKey()
	w := newWorld()
	w.scts = 0
	made := w.make()
	leaf := made["leaf"]
	sct := func(i int, entry []byte) []byte {
		return logTimestamp(k.logs[i], today.AddDate(0, 0, -1), 0, prefix24(entry), false)
	}
	w.mutate = func(m map[string][]byte) { m["leaf"] = leaf }
	w.tls = [][]byte{sctList(sct(0, leaf), sct(1, []byte("another")))}
	ca := must(x509.ParseCertificate(made["ca"]))
	list := must(encoding.Marshal(sctList(sct(2, leaf))))
	w.stapled = [][]byte{must(ocsp.CreateResponse(ca, ca, ocsp.Response{Status: ocsp.Good, SerialNumber: must(x509.ParseCertificate(leaf)).SerialNumber, ThisUpdate: today.AddDate(0, 0, -1), NextUpdate: today.AddDate(0, 0, 1),
		ExtraExtensions: []pkix.Extension{{Id: encoding.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 5}, Value: list}}}, k.ca))}
	c := w.read()
	if len(c.SCTs) != 3 {
		t.Fatalf("%+v", c.SCTs)
	}
	for i, want := range []struct {
		SCTSource
		SCTState
	}{{InTLS, Verified}, {InTLS, Invalid}, {InOCSP, Verified}} {
		if c.SCTs[i].Source != want.SCTSource || c.SCTs[i].State != want.SCTState {
			t.Errorf("%d: %+v", i, c.SCTs[i])
		}
	}
	// Broken ones.
	good := sct(0, leaf)
	change := func(at int, b byte) []byte {
		s := bytes.Clone(good)
		s[at] = b
		return s
	}
	for name, bad := range map[string][]byte{
		"empty": {}, "cut": good[:len(good)-1], "longer": append(bytes.Clone(good), 0), "version 2": change(0, 1), "year 30000": change(34, 4), "SHA-1": change(43, 2), "RSA": change(44, 1), "other time": change(40, good[40]^1),
	} {
		w.tls, w.stapled = [][]byte{sctList(bad)}, nil
		if c := w.read(); len(c.SCTs) != 1 || c.SCTs[0].State != Invalid || c.SCTs[0].Reason == "" {
			t.Errorf("%s: %+v", name, c.SCTs)
		}
	}
	for _, list := range [][]byte{nil, {0}, {0, 0}, {0, 5, 0, 9, 1, 2, 3}, {1, 0, 0}} {
		w.tls = [][]byte{list}
		if c := w.read(); len(c.SCTs) != 0 {
			t.Errorf("%x: %+v", list, c.SCTs)
		}
	}
	w.tls = nil
	for range 1000 {
		w.tls = append(w.tls, sctList(good, good, good))
	}
	if c := w.read(); len(c.SCTs) != maxSCTs {
		t.Errorf("%d timestamps", len(c.SCTs))
	}
}

func TestParseLogs(t *testing.T) {
	spki := spkiOf(&labKey().logs[0].PublicKey)
	id := sha256.Sum256(spki)
	entry := fmt.Sprintf(`{"description":"one","log_id":%q,"key":%q,"mmd":86400,"state":{"usable":{"timestamp":"2025-01-02T03:04:05Z"}},"temporal_interval":{"start_inclusive":"2026-01-01T00:00:00Z","end_exclusive":"2026-07-01T00:00:00Z"}}`,
		base64.StdEncoding.EncodeToString(id[:]), base64.StdEncoding.EncodeToString(spki))
	for _, kind := range []string{"logs", "tiled_logs"} {
		logs, err := ParseLogs([]byte(`{"version":"70.1","operators":[{"name":"Op","` + kind + `":[` + entry + `]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if l := logs[id]; len(logs) != 1 || l.Name != "one" || l.Operator != "Op" || l.State != "usable" || l.Since.Year() != 2025 {
			t.Errorf("%+v", logs)
		}
	}
	for name, bad := range map[string]string{
		"no JSON":   `x`,
		"none":      `{"operators":[]}`,
		"other key": `{"operators":[{"logs":[` + strings.Replace(entry, base64.StdEncoding.EncodeToString(id[:8])[:8], "AAAAAAAA", 1) + `]}]}`,
		"bad key":   `{"operators":[{"logs":[{"key":"AAAA"}]}]}`,
		"Ed448":     `{"operators":[{"logs":[{"key":"` + base64.StdEncoding.EncodeToString(parse(bundle("ed448.pem")[0]).spki) + `"}]}]}`,
	} {
		if _, err := ParseLogs([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
