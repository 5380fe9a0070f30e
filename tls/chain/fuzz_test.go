package chain

import (
	"bytes"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

// FuzzRead reads a chain of up to two certificates with a stapled response. Two
// readings must agree, and the result must be JSON.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.pem")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		chain := bundle(filepath.Base(file))
		f.Add(chain[0], chain[len(chain)-1], []byte(nil))
	}
	w := newWorld()
	mustStaple(w)
	staple(ocsp.Good, today)(w)
	s, o := w.sent()
	f.Add(s.DER[0], s.DER[1], s.Stapled[0])
	f.Fuzz(func(t *testing.T, first, second, stapled []byte) {
		s := Sent{DER: [][]byte{first, second}, Stapled: [][]byte{stapled}, SCTs: [][]byte{stapled}, Name: "host.example.org"}
		c := Read(s, o)
		if len(c.Certificates) != 2 {
			t.Fatal("a certificate is missing")
		}
		if _, err := json.Marshal(c); err != nil {
			t.Fatal(err)
		}
		if c.Trusted == Yes && len(c.Path) == 0 {
			t.Error("trusted without a path")
		}
		// What the library reads, this package reads as well.
		if x := parse(first); x.refused == nil && x.err == nil && x.x.SerialNumber.Cmp(x.serialNumber()) != 0 {
			t.Errorf("serial number %v, the library says %v", x.serialNumber(), x.x.SerialNumber)
		}
		for _, code := range c.Findings {
			if _, ok := Lookup(code.Code); !ok {
				t.Errorf("no rule %s", code.Code)
			}
		}
	})
}

func FuzzSCTs(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add(sctList(logTimestamp(labKey().logs[0], today, 0, prefix24([]byte("x")), false)))
	leaf := newWorld().leaf.sign(labKey().ca)
	f.Fuzz(func(t *testing.T, list []byte) {
		for _, raw := range splitSCTs(list) {
			if s, ok := readSCT(raw); ok && s.version == 0 && len(raw) != 47+len(s.extensions)+len(s.signature) {
				t.Errorf("%x was read in part", raw)
			}
		}
		for _, s := range Read(Sent{DER: [][]byte{leaf}, SCTs: [][]byte{list}}, Options{Date: today, Logs: labLogs()}).SCTs {
			if _, err := json.Marshal(s); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzTLSA(f *testing.F) {
	for _, seed := range []string{"3 1 1 0000", `\# 4 03010100`, "2 0 0 3000", "2 1 0 30 00"} {
		f.Add(seed)
	}
	s, o := newWorld().sent()
	f.Fuzz(func(t *testing.T, record string) {
		d := TLSA([]string{record}, s, o)
		if d.Matches == Yes && !d.Usable {
			t.Error("a record that cannot be used fits")
		}
		if _, err := json.Marshal(d); err != nil {
			t.Error(err)
		}
	})
}

func FuzzCAA(f *testing.F) {
	for _, seed := range []string{`0 issue "a"`, `\# 5 00 01 61 62 63`, `128 tbs ";\034"`} {
		f.Add(seed)
	}
	c := newWorld().read()
	f.Fuzz(func(t *testing.T, record string) {
		if _, err := json.Marshal(CAA([]string{record}, c)); err != nil {
			t.Error(err)
		}
	})
}

func FuzzCRL(f *testing.F) {
	w := newWorld()
	made := w.make()
	seed, err := os.ReadFile("testdata/seed.crl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	s := Sent{DER: [][]byte{made["leaf"], made["ca"]}}
	study := newStudy(s, Options{Date: today})
	f.Fuzz(func(t *testing.T, list []byte) {
		var r Revocation
		if err := study.searchList(&r, list, study.certs[0], study.certs[1], "http://crl.example.org/ca.crl"); err == nil && r.Revoked != Unknown {
			t.Errorf("a list that nobody signed decides: %+v", r)
		}
	})
}

// The work is bounded by what is looked at, not by what is sent: here 16 MiB of
// certificates that are made to be costly. The time is only shown.
func TestHugeChains(t *testing.T) {
	k := labKey()
	ring := func(change func(s *spec)) (chain [][]byte) {
		s := newWorld().ca
		s.serial = []byte("serial: 000000000")
		change(&s)
		der := s.sign(k.root) // the signature is wrong for all but one
		at := bytes.Index(der, s.serial) + len(s.serial) - 2
		for i := range maxCertificates + 50 {
			one := bytes.Clone(der)
			one[at], one[at+1] = byte(i>>8), byte(i)
			chain = append(chain, one)
		}
		return chain
	}
	sameName := distinguished("2.5.4.3", "Everybody")
	wide := new(big.Int).Lsh(big.NewInt(1), maxRSA-1)
	wide.SetBit(wide, 0, 1)
	huge := new(big.Int).Lsh(wide, 8*100_000)
	huge.SetBit(huge, 0, 1)
	for name, chain := range map[string][][]byte{
		"padded": func() (all [][]byte) {
			for range 128 {
				all = append(all, bytes.Repeat([]byte{0x30}, 128<<10))
			}
			return all
		}(),
		"all issue each other": ring(func(s *spec) {
			s.subject, s.issuer = sameName, sameName
			s.drop(oidSubjectKeyID)
			s.drop(oidAuthorityKeyID)
		}),
		"all issue each other with long keys": ring(func(s *spec) {
			s.subject, s.issuer, s.spki = sameName, sameName, rsaSPKI(wide, 1<<31-1)
			s.outer = algorithm("1.2.840.113549.1.1.11")
			s.inner = s.outer
			s.drop(oidSubjectKeyID)
			s.drop(oidAuthorityKeyID)
		}),
		"keys of 100 kB": ring(func(s *spec) { s.subject, s.issuer, s.spki = sameName, sameName, rsaSPKI(huge, 1<<31-1) }),
		"many names": ring(func(s *spec) {
			names := make([]string, 8000)
			for n := range names {
				names[n] = "a.example.org"
			}
			s.set(oidAltName, false, dnsNames(names...))
		}),
		"many extensions": ring(func(s *spec) {
			for n := range 5000 {
				s.extensions = append(s.extensions, extension{"1.2." + big.NewInt(int64(n)).String(), true, nil})
			}
		}),
		"many policies": ring(func(s *spec) {
			var all [][]byte
			for range 9000 {
				all = append(all, element(asn1.SEQUENCE, oidElement("1.2.3.4")))
			}
			s.set(oidPolicies, false, element(asn1.SEQUENCE, all...))
		}),
		"constrained names": ring(func(s *spec) {
			var trees [][]byte
			for range 3000 {
				trees = append(trees, element(asn1.SEQUENCE, element(asn1.Tag(dnsName).ContextSpecific(), []byte("example.com"))))
			}
			s.set(oidNameConstraints, true, element(asn1.SEQUENCE, element(asn1.Tag(0).Constructed().ContextSpecific(), trees...)))
			s.subject, s.issuer = sameName, sameName
			s.drop(oidSubjectKeyID)
			s.drop(oidAuthorityKeyID)
		}),
	} {
		size := 0
		for _, der := range chain {
			size += len(der)
		}
		start := time.Now()
		c := Read(Sent{DER: chain, Name: "host.example.org"}, Options{Date: today, Roots: newPool()})
		data := must(json.Marshal(c))
		t.Logf("%s: %d kB in %v, JSON %d kB, %d findings", name, size>>10, time.Since(start).Round(time.Millisecond), len(data)>>10, len(c.Findings))
		if len(c.Certificates) != maxCertificates || c.Dropped != len(chain)-maxCertificates || len(data) > 4<<20 || len(c.Findings) > maxFindings {
			t.Errorf("%s: %d certificates, %d dropped, %d bytes of JSON, %d findings", name, len(c.Certificates), c.Dropped, len(data), len(c.Findings))
		}
	}
}
