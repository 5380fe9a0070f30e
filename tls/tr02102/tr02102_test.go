package tr02102_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vksprobe/tls/norm"
	"vksprobe/tls/tr02102"
)

func editions() []string { return []string{"2024-01", "2025-01", "2026-01"} }

func edition(t *testing.T, name string) *norm.Norm {
	t.Helper()
	n, ok := norm.Builtin().Get(tr02102.ID + "/" + name)
	if !ok {
		t.Fatalf("no edition %s", name)
	}
	return n
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

// codes turns "C02B C02C" into code points.
func codes(t *testing.T, list string) []uint16 {
	t.Helper()
	var out []uint16
	for _, s := range strings.Fields(list) {
		n, err := strconv.ParseUint(s, 16, 16)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, uint16(n))
	}
	return out
}

// The suites by their last year, retyped from the tables of the guideline and
// not taken from the data: tables 3 to 5 (TLS 1.2) and 13 (TLS 1.3) as
// numbered in 2026-01. The last years of what lasts differ by edition.
const (
	ecdhe  = "C023 C024 C02B C02C C0AC C0AD C027 C028 C02F C030"
	dhe    = "0040 006A 00A2 00A3 0067 006B 009E 009F C09E C09F"
	static = "C025 C026 C02D C02E C029 C02A C031 C032 003E 0068 00A4 00A5 003F 0069 00A0 00A1"
	psk    = "C037 C038 D001 D002 D005"
	dhePSK = "00B2 00B3 00AA 00AB C0A6 C0A7"
	rsaPSK = "00B6 00B7 00AC 00AD"
	tls13  = "1301 1302 1304"
	cbc    = "C023 C024 C027 C028 0040 006A 0067 006B C025 C026 C029 C02A 003E 0068 003F 0069 C037 C038 00B2 00B3 00B6 00B7"
)

func lasts(edition string) (tls12, tls13 string) {
	switch edition {
	case "2024-01":
		return "2030+", "2030+"
	case "2025-01":
		return "2031+", "2031+"
	}
	return "2031", "2032+"
}

func TestMembershipOfSuites(t *testing.T) {
	for _, ed := range editions() {
		n := edition(t, ed)
		in12, in13 := lasts(ed)
		want := map[uint16]string{}
		for list, until := range map[string]string{ecdhe: in12, psk: in12, dhe: "2029", dhePSK: "2029", static: "2026", rsaPSK: "2026", tls13: in13} {
			for _, c := range codes(t, list) {
				want[c] = until
			}
		}
		if len(want) != 54 {
			t.Fatalf("%d suites in the test's own table", len(want))
		}
		listed := 0
		for code := range 0x10000 {
			if !slices.Contains([]int{0x00, 0x13, 0xC0, 0xCC, 0xD0}, code>>8) {
				continue // no suite that anybody has registered for TLS
			}
			for _, v := range []uint16{0x0303, 0x0304} {
				a := n.Assess(norm.Mechanism{Kind: norm.CipherSuite, Code: uint16(code), Version: v}, date(2024, 6, 1))
				until, ok := want[uint16(code)]
				ok = ok && (v == 0x0304) == (code>>8 == 0x13)
				if a.Class.Permits() != ok || ok && a.Until.String() != until {
					t.Errorf("%s: %04X in %04X: %s until %s, want listed %t until %q", ed, code, v, a.Class, a.Until, ok, until)
				}
				if ok {
					listed++
					etm := slices.ContainsFunc(a.Conditions, func(c norm.Condition) bool { return c.ID == "encrypt_then_mac" })
					if etm != slices.Contains(codes(t, cbc), uint16(code)) {
						t.Errorf("%s: %04X: condition encrypt_then_mac is %t", ed, code, etm)
					}
				}
			}
		}
		if listed != len(want) {
			t.Errorf("%s: %d suites are listed, want %d", ed, listed, len(want))
		}
	}
}

func TestMembershipOfGroups(t *testing.T) {
	for _, ed := range editions() {
		n := edition(t, ed)
		last, _ := lasts(ed)
		for version, want := range map[uint16]map[int]string{
			0x0303: {23: last, 24: last, 25: last, 26: last, 27: last, 28: last, 257: "2029", 258: "2029"},
			0x0304: {23: last, 24: last, 25: last, 31: last, 32: last, 33: last, 257: last, 258: last},
		} {
			for code := range 0x1200 {
				if code > 0x0210 && code < 0x11E0 {
					continue // nothing is registered here
				}
				a := n.Assess(norm.Mechanism{Kind: norm.Group, Code: uint16(code), Version: version}, date(2024, 6, 1))
				until, ok := want[code]
				if a.Class.Permits() != ok || a.Until.String() != until {
					t.Errorf("%s: group %d in %04X: %s until %q, want until %q", ed, code, version, a.Class, a.Until, until)
				}
			}
		}
	}
}

func TestMembershipOfSignatures(t *testing.T) {
	const schemes = "0804 0805 0806 0809 080A 080B 0403 0503 0603 081A 081B 081C"
	for _, ed := range editions() {
		n := edition(t, ed)
		in12, in13 := lasts(ed)
		certificate, in12want, in13want := map[uint16]string{}, map[uint16]string{}, map[uint16]string{}
		for _, c := range codes(t, schemes) {
			certificate[c], in13want[c] = in13, in13
			if c>>8 == 8 && c < 0x0810 {
				in12want[c] = in13 // RSA-PSS
			}
		}
		for _, c := range codes(t, "0401 0501 0601") {
			certificate[c], in12want[c] = "2025", "2025"
			in12want[c+1], in12want[c+2] = "2029", in12
		}
		for code := range uint16(0x1000) {
			for _, c := range []struct {
				m    norm.Mechanism
				want map[uint16]string
			}{
				{norm.Mechanism{Kind: norm.SignatureScheme, Code: code, Version: 0x0303}, in12want},
				{norm.Mechanism{Kind: norm.SignatureScheme, Code: code, Version: 0x0304}, in13want},
				{norm.Mechanism{Kind: norm.CertificateSignature, Code: code}, certificate},
			} {
				a := n.Assess(c.m, date(2024, 6, 1))
				until, ok := c.want[code]
				if a.Class.Permits() != ok || a.Until.String() != until {
					t.Errorf("%s: %s %04X in %04X: %s until %q, want until %q", ed, c.m.Kind, code, c.m.Version, a.Class, a.Until, until)
				}
			}
		}
	}
}

// example returns a mechanism of which the row speaks, for each version.
func example(r norm.Row) []norm.Mechanism {
	m := norm.Mechanism{Kind: r.Kind, Name: r.Name, Use: r.Use, Bits: r.Max}
	if r.Min > 0 {
		m.Bits = r.Min
	}
	if r.Code != nil {
		m.Code = uint16(*r.Code)
	}
	if len(r.Match) > 0 {
		m.Name, m.Code = strings.ReplaceAll(r.Match[0], "*", "RSA_X"), 0xFFFF
	}
	if r.Kind == norm.Version || len(r.Versions) == 0 {
		return []norm.Mechanism{m}
	}
	var out []norm.Mechanism
	for _, v := range r.Versions {
		m.Version = map[string]uint16{"TLS 1.2": 0x0303, "TLS 1.3": 0x0304}[v]
		out = append(out, m)
	}
	return out
}

// Every row is reached by what it names; on the last day of its year it is
// expiring, a year before it is listed, and on the next day expired. Rows
// without a year say the same on any day.
func TestEveryRow(t *testing.T) {
	for _, ed := range editions() {
		n := edition(t, ed)
		for _, r := range n.Rows {
			for _, m := range example(r) {
				on := func(d time.Time) norm.Class {
					a := n.Assess(m, d)
					if a.Row != r.ID {
						t.Errorf("%s: %s is judged by row %s", ed, r.ID, a.Row)
					}
					if a.Detail.DE == "" || a.Detail.EN == "" || strings.ContainsAny(a.Detail.DE+a.Detail.EN, "{}") {
						t.Errorf("%s: %s: detail %+v", ed, r.ID, a.Detail)
					}
					return a.Class
				}
				if year := r.Until.Year; year != 0 {
					if got := on(date(year-1, 12, 31)); got != norm.Listed {
						t.Errorf("%s: %s in %d: %s", ed, r.ID, year-1, got)
					}
					if got := on(date(year, 12, 31)); got != norm.Expiring {
						t.Errorf("%s: %s on the last day of %d: %s", ed, r.ID, year, got)
					}
					if got := on(date(year+1, 1, 1)); got != norm.Expired {
						t.Errorf("%s: %s on the first day of %d: %s", ed, r.ID, year+1, got)
					}
					continue
				}
				want := map[norm.Says]norm.Class{norm.SaysRecommended: norm.Listed, norm.SaysNotRecommended: norm.NotRecommended,
					norm.SaysNotListed: norm.NotListed, norm.SaysBelowMinimum: norm.Insufficient, norm.SaysAnnounced: norm.Announced}[r.Says]
				for _, year := range []int{2024, 2050} {
					if got := on(date(year, 1, 1)); got != want || want == "" {
						t.Errorf("%s: %s in %d: %s, want %s", ed, r.ID, year, got, want)
					}
				}
			}
		}
	}
}

// Neighbours of rows, by hand: what looks like a listed mechanism and is not.
func TestNeighbours(t *testing.T) {
	for _, c := range []struct {
		m    norm.Mechanism
		want norm.Class
	}{
		{norm.Mechanism{Kind: norm.Version, Code: 0x0303}, norm.Listed},
		{norm.Mechanism{Kind: norm.Version, Code: 0x0302}, norm.NotRecommended},
		{norm.Mechanism{Kind: norm.Version, Code: 0x0301}, norm.NotRecommended},
		{norm.Mechanism{Kind: norm.Version, Code: 0x0300}, norm.NotRecommended},
		{norm.Mechanism{Kind: norm.Version, Code: 0x0002}, norm.NotRecommended},
		{norm.Mechanism{Kind: norm.Version, Code: 0xFEFD, Name: "DTLS 1.2"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Version, Code: 0xFEFF, Name: "DTLS 1.0"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0x1303, Version: 0x0304, Name: "TLS_CHACHA20_POLY1305_SHA256"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0x1305, Version: 0x0304, Name: "TLS_AES_128_CCM_8_SHA256"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0xCCA8, Version: 0x0303, Name: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0xCCA9, Version: 0x0303, Name: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0xC0AE, Version: 0x0303, Name: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0xC0A2, Version: 0x0303, Name: "TLS_DHE_RSA_WITH_AES_128_CCM_8"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0xC009, Version: 0x0303, Name: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0xC013, Version: 0x0301, Name: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0xC02B, Version: 0x0302, Name: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0x1301, Version: 0x0303, Name: "TLS_AES_128_GCM_SHA256"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0x009C, Version: 0x0303, Name: "TLS_RSA_WITH_AES_128_GCM_SHA256"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0x00A8, Version: 0x0303, Name: "TLS_PSK_WITH_AES_128_GCM_SHA256"}, norm.NotRecommended},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0xC05C, Version: 0x0303, Name: "TLS_ECDHE_ECDSA_WITH_ARIA_128_GCM_SHA256"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CipherSuite, Code: 0x000A, Version: 0x0303, Name: "TLS_RSA_WITH_3DES_EDE_CBC_SHA"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Group, Code: 29, Version: 0x0304, Name: "x25519"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Group, Code: 30, Version: 0x0303, Name: "x448"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Group, Code: 26, Version: 0x0304, Name: "brainpoolP256r1"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Group, Code: 31, Version: 0x0303, Name: "brainpoolP256r1tls13"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Group, Code: 256, Version: 0x0304, Name: "ffdhe2048"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Group, Code: 259, Version: 0x0304, Name: "ffdhe6144"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Group, Code: 4588, Version: 0x0304, Name: "X25519MLKEM768"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Group, Code: 513, Version: 0x0304, Name: "MLKEM768"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.SignatureScheme, Code: 0x0401, Version: 0x0304, Name: "rsa_pkcs1_sha256"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.SignatureScheme, Code: 0x0201, Version: 0x0303, Name: "rsa_pkcs1_sha1"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.SignatureScheme, Code: 0x0807, Version: 0x0304, Name: "ed25519"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CertificateSignature, Code: 0x0203, Name: "ecdsa_sha1"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.CertificateSignature, Code: 0x0905, Name: "mldsa65"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Key, Name: "RSA", Use: norm.ForCertificate, Bits: 3000}, norm.Listed},
		{norm.Mechanism{Kind: norm.Key, Name: "RSA", Use: norm.ForCertificate, Bits: 2999}, norm.Insufficient},
		{norm.Mechanism{Kind: norm.Key, Name: "RSA", Use: norm.ForCertificate, Bits: 2048}, norm.Insufficient},
		{norm.Mechanism{Kind: norm.Key, Name: "ECDSA", Use: norm.ForCertificate, Bits: 256}, norm.Listed},
		{norm.Mechanism{Kind: norm.Key, Name: "ECDSA", Use: norm.ForCertificate, Bits: 224}, norm.Insufficient},
		{norm.Mechanism{Kind: norm.Key, Name: "DH", Use: norm.ForExchange, Bits: 2048}, norm.Insufficient},
		{norm.Mechanism{Kind: norm.Key, Name: "DH", Use: norm.ForExchange, Bits: 3072}, norm.Listed},
		{norm.Mechanism{Kind: norm.Key, Name: "EdDSA", Use: norm.ForCertificate, Bits: 255}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Feature, Name: "ocsp_stapling"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Feature, Name: "session_tickets"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Feature, Name: "encrypted_client_hello"}, norm.NotListed},
		{norm.Mechanism{Kind: norm.Certificate, Name: "wildcard_name"}, norm.NotListed},
	} {
		for _, ed := range editions() {
			if a := edition(t, ed).Assess(c.m, date(2026, 11, 23)); a.Class != c.want {
				t.Errorf("%s: %+v: %s, want %s", ed, c.m, a.Class, c.want)
			}
		}
	}
	for code, want := range map[uint16][3]norm.Class{ // only 2026-01 announces hybrids
		4587: {norm.NotListed, norm.NotListed, norm.Announced},
		4589: {norm.NotListed, norm.NotListed, norm.Announced},
	} {
		for i, ed := range editions() {
			if a := edition(t, ed).Assess(norm.Mechanism{Kind: norm.Group, Code: code, Version: 0x0304, Name: "SecPMLKEM"}, date(2026, 11, 23)); a.Class != want[i] {
				t.Errorf("%s: group %d: %s, want %s", ed, code, a.Class, want[i])
			}
		}
	}
}

// Turning the page from 2026 to 2027 expires exactly what ends with 2026.
func TestNewYear2027(t *testing.T) {
	var want []string
	for _, c := range codes(t, static+" "+rsaPSK) {
		want = append(want, fmt.Sprintf("CS-%04X", c))
	}
	want = append(want, "PSK-0")
	slices.Sort(want)
	if len(want) != 21 {
		t.Fatalf("%d rows in the test's own table", len(want))
	}
	for _, ed := range editions() {
		n := edition(t, ed)
		var expired, expiring []string
		for _, r := range n.Rows {
			before, after := r.Class(date(2026, 12, 31)), r.Class(date(2027, 1, 1))
			if before == norm.Expiring {
				expiring = append(expiring, r.ID)
			}
			if before != after {
				if after != norm.Expired {
					t.Errorf("%s: %s turns from %s to %s", ed, r.ID, before, after)
				}
				expired = append(expired, r.ID)
			}
		}
		slices.Sort(expired)
		slices.Sort(expiring)
		if !slices.Equal(expired, want) || !slices.Equal(expiring, want) {
			t.Errorf("%s: expired %v\nexpiring %v\nwant %v", ed, expired, expiring, want)
		}
	}
}

// Tables moved by one when 2026-01 got a table of protocol versions.
func TestTables(t *testing.T) {
	tables := map[string]map[string]string{}
	for _, ed := range editions() {
		tables[ed] = map[string]string{}
		for _, r := range edition(t, ed).Rows {
			tables[ed][r.ID] = r.Table
		}
	}
	for id, want := range map[string][2]string{"CS-C02B": {"2", "3"}, "CS-003F": {"3", "4"}, "CS-00AC": {"4", "5"}, "CS-1301": {"12", "13"}, "G12-0017": {"5", "6"},
		"G13-0017": {"9", "10"}, "SIG13-0403": {"10", "11"}, "SIGC-0403": {"11", "12"}, "PSK-0": {"8", "9"}, "KEY-RSA": {"13", "14"}, "VER-TLS12": {"", "2"}} {
		if got := [2]string{tables["2024-01"][id], tables["2026-01"][id]}; got != want {
			t.Errorf("%s: tables %v, want %v", id, got, want)
		}
	}
}

// Where the original was not read, no row claims to know a year for certain
// that no two sources give.
func TestCertainty(t *testing.T) {
	for _, ed := range []string{"2025-01", "2026-01"} {
		for _, r := range edition(t, ed).Rows {
			if r.Until.Plus && r.Certainty == norm.High {
				t.Errorf("%s: %s: the year %s is unconfirmed", ed, r.ID, r.Until)
			}
		}
	}
	for _, r := range edition(t, "2025-01").Rows {
		if r.Until.Year == 2031 && r.Certainty != norm.Low {
			t.Errorf("2025-01: %s: certainty %s", r.ID, r.Certainty)
		}
	}
}

// The two cases that people ask about have their own words in both languages.
func TestExplained(t *testing.T) {
	n := edition(t, tr02102.Edition)
	for _, c := range []struct {
		m      norm.Mechanism
		class  norm.Class
		de, en []string
	}{
		{norm.Mechanism{Kind: norm.CertificateSignature, Code: 0x0401, Name: "sha256WithRSAEncryption"}, norm.Expired,
			[]string{"Ende 2025 ausgelaufen", "kein Hinweis auf ein gebrochenes Verfahren", "nahezu alle", "Selbstsignatur einer Wurzel"},
			[]string{"ended with 2025", "not the sign of a broken mechanism", "nearly every", "self-signature of a root"}},
		{norm.Mechanism{Kind: norm.Group, Code: 29, Version: 0x0304, Name: "x25519"}, norm.NotListed,
			[]string{"keine Aussage", "nicht, dass das BSI das Verfahren für unsicher hält", "RFC 7748"},
			[]string{"no statement", "does not follow that the BSI considers the mechanism insecure", "RFC 7748"}},
	} {
		a := n.Assess(c.m, date(2026, 11, 23))
		if a.Class != c.class {
			t.Errorf("%s: %s", c.m.Name, a.Class)
		}
		for _, s := range c.de {
			if !strings.Contains(a.Detail.DE, s) {
				t.Errorf("%s: %q is not in %q", c.m.Name, s, a.Detail.DE)
			}
		}
		for _, s := range c.en {
			if !strings.Contains(a.Detail.EN, s) {
				t.Errorf("%s: %q is not in %q", c.m.Name, s, a.Detail.EN)
			}
		}
	}
	// until it ends, the recommendation is an ordinary one
	if a := n.Assess(norm.Mechanism{Kind: norm.CertificateSignature, Code: 0x0401, Name: "rsa_pkcs1_sha256"}, date(2025, 6, 1)); a.Class != norm.Expiring || strings.Contains(a.Detail.DE, "abgelaufen") {
		t.Errorf("in 2025: %s: %s", a.Class, a.Detail.DE)
	}
}
