package chain

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCAA(t *testing.T) {
	plain := newWorld().read()
	w := newWorld()
	named("*.example.org")(w)
	w.leaf.subject = distinguished()
	wild := w.read()
	both := newWorld()
	named("*.example.org", "host.example.org")(both)
	w.ca.subject = distinguished("2.5.4.10", "Nobody's CA")
	w.leaf.issuer = w.ca.subject
	stranger := w.read()
	for _, test := range []struct {
		records  string
		c        Chain
		restrict bool
		allows   State
	}{
		{``, plain, false, Yes},
		{`0 issue "letsencrypt.org"`, plain, true, Yes},
		{`0 issue "LetsEncrypt.org. ; accounturi=https://a/b"`, plain, true, Yes},
		{`0 issue letsencrypt.org`, plain, true, Yes},
		{`128 ISSUE "letsencrypt.org"`, plain, true, Yes},
		{`0 issue "digicert.com"`, plain, true, No},
		{`0 issue "digicert.com"|0 issue "letsencrypt.org"`, plain, true, Yes},
		{`0 issue ";"`, plain, true, No},
		{`0 issue ""`, plain, true, No},
		{`0 issue ";"|0 issue "letsencrypt.org"`, plain, true, Yes},
		{`0 issuewild ";"`, plain, true, Yes},
		{`0 issuewild ";"`, wild, true, No},
		{`0 issuewild ";"|0 issue "letsencrypt.org"`, wild, true, No},
		{`0 issue ";"|0 issuewild "letsencrypt.org"`, wild, true, Yes},
		{`0 issue ";"|0 issuewild "letsencrypt.org"`, both.read(), true, No},
		{`0 issue "letsencrypt.org"`, wild, true, Yes},
		{`0 iodef "mailto:a@example.org"`, plain, false, Yes},
		{`128 tbs "Unknown"`, plain, true, No},
		{`0 tbs "Unknown"`, plain, false, Yes},
		{`\# 22 00 05 6973737565 6c657473656e63727970742e6f7267`, plain, true, Yes},
		{`0 issue "lets\101ncrypt.org"`, plain, true, Yes},
		{`0 issue "digicert.com"`, stranger, true, Unknown},
		{`0 issue ";"`, stranger, true, No},
		{`0 issue "digicert.com"`, Chain{}, true, Unknown},
	} {
		var records []string
		if test.records != "" {
			records = strings.Split(test.records, "|")
		}
		a := CAA(records, test.c)
		if a.Restricts != test.restrict || a.Allows != test.allows {
			t.Errorf("%s: %+v", test.records, a)
		}
		for _, r := range a.Records {
			if r.Error != "" {
				t.Errorf("%s: %s", r.Record, r.Error)
			}
		}
	}
	for _, bad := range []string{"", "0", "0 issue", `0 issue "x`, `256 issue "x"`, `-1 issue "x"`, `0 is-sue "x"`, `0 issue a b`, `\# 3 000569`, `\# 2 0000`, `\#`, `\# x 00`, `0 issue "\999"`, "0 issue \"a\\", `0 issue "a"b"`} {
		if r := CAA([]string{bad}, plain).Records[0]; r.Error == "" {
			t.Errorf("%q was read: %+v", bad, r)
		}
	}
	if a := CAA(slices.Repeat([]string{`0 issue "a"`}, 500), plain); len(a.Records) != maxRecords {
		t.Errorf("%d records", len(a.Records))
	}
}

func TestTLSA(t *testing.T) {
	record := func(usage, selector, matching int, der []byte) string {
		of := der
		if selector == 1 {
			of = parse(der).spki
		}
		switch matching {
		case 1:
			sum := sha256.Sum256(of)
			of = sum[:]
		case 2:
			sum := sha512.Sum512(of)
			of = sum[:]
		}
		return fmt.Sprintf("%d %d %d %s", usage, selector, matching, strings.ToUpper(hex.EncodeToString(of)))
	}
	type test struct {
		usage   int
		of      string
		change  func(*world)
		matches State
		at      int
	}
	expired := dateIs(today.AddDate(0, 2, 0))
	private := func(w *world) { w.o.Roots = x509.NewCertPool() }
	renamed := func(w *world) { w.name = "other.example.org" }
	nothing := func(*world) {}
	sendsRoot := sends("leaf", "ca", "root")
	for _, c := range []test{
		{3, "leaf", nothing, Yes, 0}, {3, "leaf", expired, Yes, 0}, {3, "leaf", private, Yes, 0}, {3, "leaf", renamed, Yes, 0}, {3, "ca", nothing, No, -1},
		{1, "leaf", nothing, Yes, 0}, {1, "leaf", expired, No, 0}, {1, "leaf", private, No, 0}, {1, "leaf", renamed, No, 0}, {1, "ca", nothing, No, -1},
		{2, "ca", nothing, Yes, 1}, {2, "ca", private, Yes, 1}, {2, "ca", expired, No, 1}, {2, "ca", renamed, No, 1}, {2, "leaf", nothing, No, -1},
		{2, "root", sendsRoot, Yes, 2}, {2, "stranger", both(stranger, sends("leaf", "ca", "stranger")), No, -1},
		{2, "ca", func(w *world) { w.leaf.broken = true }, No, -1},
		{0, "ca", nothing, Yes, 1}, {0, "root", nothing, Yes, -1}, {0, "root", sendsRoot, Yes, 2}, {0, "ca", private, No, -1}, {0, "ca", expired, No, 1}, {0, "ca", renamed, No, 1}, {0, "leaf", nothing, No, -1},
		{3, "leaf", dateIs(time.Time{}), Yes, 0}, {2, "ca", dateIs(time.Time{}), Unknown, 1}, {1, "leaf", dateIs(time.Time{}), Unknown, 0},
	} {
		for selector := range 2 {
			for matching := range 3 {
				w := newWorld()
				c.change(w)
				made := w.make() // signatures differ each time
				w.mutate = func(m map[string][]byte) {
					for k, v := range made {
						m[k] = v
					}
				}
				s, o := w.sent()
				d := TLSA([]string{record(c.usage, selector, matching, made[c.of])}, s, o)
				if r := d.Records[0]; d.Matches != c.matches || r.Matches != c.matches || r.Certificate != c.at || !d.Usable {
					t.Errorf("%d %d %d of %s: %+v", c.usage, selector, matching, c.of, d)
				}
			}
		}
	}
	// An anchor that is only in the record.
	w := newWorld()
	made := w.make()
	w.mutate = func(m map[string][]byte) {
		for k, v := range made {
			m[k] = v
		}
	}
	s, o := w.sent()
	for record, want := range map[string]State{record(2, 0, 0, made["root"]): Yes, record(2, 1, 0, made["root"]): Yes, record(2, 1, 1, made["root"]): No, record(2, 0, 0, impostor()): No} {
		if d := TLSA([]string{record}, s, o); d.Matches != want {
			t.Errorf("%.20s: %+v", record, d.Matches)
		}
	}
	// One that fits is enough; what cannot be used counts for nothing.
	fits, other := record(3, 1, 1, made["leaf"]), record(3, 1, 1, made["ca"])
	for _, c := range []struct {
		records []string
		usable  bool
		matches State
	}{
		{[]string{other, fits}, true, Yes}, {[]string{other}, true, No}, {nil, false, Unknown}, {[]string{"9 1 1 00"}, false, Unknown}, {[]string{"junk", fits}, true, Yes},
		{[]string{`\# 35 030101` + strings.Fields(fits)[3]}, true, Yes},
	} {
		if d := TLSA(c.records, s, o); d.Usable != c.usable || d.Matches != c.matches {
			t.Errorf("%v: %+v", c.records, d)
		}
	}
	if d := TLSA([]string{fits}, Sent{}, o); d.Matches != Unknown {
		t.Errorf("without a certificate: %+v", d)
	}
	for _, bad := range []string{"", "3", "3 1", "3 1 1", "3 1 1 xyz", "3 1 1 00", "3 1 2 " + strings.Repeat("00", 32), "4 1 1 " + strings.Repeat("00", 32), "3 2 1 " + strings.Repeat("00", 32),
		"3 1 3 " + strings.Repeat("00", 32), "300 1 1 " + strings.Repeat("00", 32), `\# 3 030101`, `\# 9 03010100`, "3 1 0 "} {
		if d := TLSA([]string{bad}, s, o); d.Usable || d.Records[0].Reason == "" {
			t.Errorf("%q: %+v", bad, d)
		}
	}
}
