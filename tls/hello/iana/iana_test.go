package iana

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var golden = flag.Bool("golden", false, "write testdata/suites.txt anew")

// TestSuites holds what is read off the names against a table that was read
// by people: it shows every change for every suite.
func TestSuites(t *testing.T) {
	var b strings.Builder
	for _, s := range CipherSuites {
		if s.Signal {
			fmt.Fprintf(&b, "%04X %s signal\n", s.Code, s.Name)
			continue
		}
		exchange, mac, marks := s.KeyExchange+"/"+s.Authentication, s.MAC, ""
		if s.KeyExchange == "" {
			exchange = "any"
		}
		if s.AEAD {
			mac = "AEAD"
		}
		for _, m := range []struct {
			is   bool
			mark string
		}{{s.Export, " export"}, {s.ForwardSecret, " forward-secret"}, {s.Recommended, " recommended"}, {s.Discouraged, " discouraged"}, {s.DTLS, " dtls"}, {s.Unregistered, " unregistered"}} {
			if m.is {
				marks += m.mark
			}
		}
		fmt.Fprintf(&b, "%04X %s %s %s/%s/%d/%d %s/%s %04X-%04X%s\n", s.Code, s.Name, exchange, s.Cipher, s.Mode, s.Bits, s.Block, mac, s.Hash, s.MinVersion, s.MaxVersion, marks)
	}
	const file = "testdata/suites.txt"
	if *golden {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	have := strings.Split(b.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(have) || have[i] != line {
			t.Fatalf("%s:%d: %s", file, i+1, line)
		}
	}
}

// TestEverythingIsKnown wants no suite whose name was not understood.
func TestEverythingIsKnown(t *testing.T) {
	ciphers, hashes := map[string]bool{}, map[string]bool{}
	for _, s := range CipherSuites {
		ciphers[s.Cipher], hashes[s.Hash] = true, true
		if s.Signal {
			continue
		}
		if s.Cipher == "" || s.Hash == "" || s.Cipher != "NULL" && s.Bits == 0 || s.MinVersion > s.MaxVersion || s.AEAD == (s.MAC != "") {
			t.Errorf("%+v", s)
		}
		if (s.KeyExchange == "") != (s.MinVersion == 0x0304) || (s.KeyExchange == "") != (s.Authentication == "") {
			t.Errorf("%s: exchange %q, authentication %q", s.Name, s.KeyExchange, s.Authentication)
		}
	}
	delete(ciphers, "")
	delete(hashes, "")
	if len(ciphers) != 18 || len(hashes) != 8 {
		t.Errorf("ciphers %v, hashes %v", ciphers, hashes)
	}
}

func TestNumbers(t *testing.T) {
	if n := len(CipherSuites); n != 356+23 {
		t.Errorf("%d suites", n)
	}
	for name, r := range map[string]struct {
		Registry
		want int
	}{"groups": {Groups, 57}, "schemes": {SignatureSchemes, 37}, "extensions": {Extensions, 72}, "alerts": {Alerts, 37}, "kinds": {SSL2Kinds, 12}} {
		if len(r.Registry) != r.want {
			t.Errorf("%d %s, want %d", len(r.Registry), name, r.want)
		}
		for i, e := range r.Registry {
			if i > 0 && e.Code <= r.Registry[i-1].Code {
				t.Errorf("%s: %s is out of order or double", name, e.Name)
			}
			if code, ok := r.Code(e.Name); !ok || code != e.Code {
				t.Errorf("%s: %s is %d and %d", name, e.Name, e.Code, code)
			}
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ have, want string }{
		{SuiteName(0x1301), "TLS_AES_128_GCM_SHA256"}, {SuiteName(0xABCD), "0xABCD"}, {SuiteName(0xCC13), "OLD_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
		{GroupName(4588), "X25519MLKEM768"}, {GroupName(0x0A0A), "0x0A0A"}, {GroupName(29), "x25519"},
		{SignatureSchemeName(0x0203), "ecdsa_sha1"}, {SignatureSchemeName(0x0402), "dsa_sha256"}, {SignatureSchemeName(0x0101), "rsa_md5"}, {SignatureSchemeName(0x0303), "ecdsa_sha224"},
		{SignatureSchemeName(0x0840), "gostr34102012_256"}, {SignatureSchemeName(0x0905), "mldsa65"}, {SignatureSchemeName(0x081A), "ecdsa_brainpoolP256r1tls13_sha256"}, {SignatureSchemeName(0xFE00), "0xFE00"},
		{ExtensionName(0xFF01), "renegotiation_info"}, {AlertName(40), "handshake_failure"}, {AlertName(2), "0x02"}, {HandshakeTypeName(2), "server_hello"},
		{ContentTypeName(23), "application_data"}, {SRTPProfileName(7), "SRTP_AEAD_AES_128_GCM"}, {CertificateCompressionName(2), "brotli"},
		{PSKModeName(1), "psk_dhe_ke"}, {PointFormatName(0), "uncompressed"}, {CompressionName(1), "DEFLATE"}, {SSL2KindName(0x0700C0), "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"}, {SSL2KindName(1), "0x000001"},
	} {
		if c.have != c.want {
			t.Errorf("%s, want %s", c.have, c.want)
		}
	}
	if !IsGREASE(0x0A0A) || !IsGREASE(0xFAFA) || IsGREASE(0x0A1A) || IsGREASE(0x1301) {
		t.Error("GREASE")
	}
	if _, ok := Suite(0xABCD); ok {
		t.Error("0xABCD is a suite")
	}
	if code, ok := SuiteCode("TLS_RSA_WITH_RC4_128_SHA"); !ok || code != 5 {
		t.Error("no code of a suite")
	}
}

// TestOpenSSL holds names and properties against those that OpenSSL knows.
func TestOpenSSL(t *testing.T) {
	out, err := exec.Command("openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").Output()
	if err != nil {
		t.Skipf("no openssl to compare with: %v", err)
	}
	line := regexp.MustCompile(`0x(..),0x(..) - (\S+) +- \S+ +(\S+) +Kx=(\S+) +Au=(\S+) +Enc=(\w+)(?:\((\d+)\))? +Mac=(\S+)`)
	found := line.FindAllStringSubmatch(string(out), -1)
	if len(found) < 100 {
		t.Fatalf("openssl said: %.200s", out)
	}
	exchange := map[string]string{"ECDH/ECDH": "ECDHE", "ECDHE": "ECDHE", "ECDH": "ECDHE", "DH": "DHE", "DHEPSK": "DHE", "ECDHEPSK": "ECDHE", "RSAPSK": "RSA", "any": "", "GOST18": "GOST"}
	authentication := map[string]string{"None": "anon", "any": "", "GOST12": "GOST"}
	word := func(m map[string]string, s string) string {
		if w, ok := m[s]; ok {
			return w
		}
		return s
	}
	for _, f := range found {
		code, _ := SuiteCode(f[3])
		s, ok := Suite(code)
		if !ok || fmt.Sprintf("%02X%02X", code>>8, code&0xFF) != f[1]+f[2] {
			t.Errorf("%s is 0x%04X here", f[0], code)
			continue
		}
		if kx := word(exchange, f[5]); kx != s.KeyExchange {
			t.Errorf("%s: key exchange %s", f[0], s.KeyExchange)
		}
		if au := word(authentication, f[6]); au != s.Authentication && !(s.KeyExchange == "RSA" && s.Authentication == "PSK") {
			t.Errorf("%s: authentication %s", f[0], s.Authentication)
		}
		if bits := fmt.Sprint(s.Bits); f[8] != "" && f[8] != bits {
			t.Errorf("%s: %s bits", f[0], bits)
		}
		if (f[9] == "AEAD") != s.AEAD {
			t.Errorf("%s: AEAD %t", f[0], s.AEAD)
		}
		if least := map[string]uint16{"SSLv3": 0x0300, "TLSv1": 0x0301, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}[f[4]]; least != s.MinVersion {
			t.Errorf("%s: from version %04X", f[0], s.MinVersion)
		}
	}
}
