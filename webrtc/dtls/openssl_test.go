package dtls

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
)

func ecdsaKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// openSSL starts the server of the command openssl and returns its address.
// It serves one client after the other.
func openSSL(t *testing.T, key crypto.Signer, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl (go run ./fixtures/prepare)")
	}
	id, err := newIdentity(key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: id.Certificate.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.LocalAddr().String()
	free.Close()
	cmd := exec.Command(path, append([]string{"s_server", "-accept", address, "-quiet", "-cert", "cert.pem", "-key", "key.pem"}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{"OPENSSL_CONF=/dev/null", "HOME=" + dir}
	cmd.Stderr = t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe() // it ends at the end of its input
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	bound(t, address)
	return address
}

// bound waits until somebody has a UDP socket at an address of 127.0.0.1.
func bound(t *testing.T, address string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	for {
		table, err := os.ReadFile("/proc/net/udp")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(table), fmt.Sprintf(": 0100007F:%04X ", n)) {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("nobody at %s", address)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// openSSLSuites asks OpenSSL what a cipher string means with a key.
func openSSLSuites(t *testing.T, ciphers, authentication string, version string) (codes []uint16) {
	t.Helper()
	cmd := exec.Command("openssl", "ciphers", "-stdname", "-s", version, ciphers)
	cmd.Env = []string{"OPENSSL_CONF=/dev/null"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(line, " ")
		code, ok := iana.SuiteCode(name)
		if !ok {
			t.Fatalf("no suite %q", name)
		}
		if s, _ := iana.Suite(code); s.DTLS && (authentication == "" || s.Authentication == authentication) {
			codes = append(codes, code)
		}
	}
	return codes
}

func dialUDP(address string) Connect {
	return Datagrams(func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", address)
	})
}

func codes(all []Named) []uint16 {
	out := []uint16{}
	for _, n := range all {
		out = append(out, n.Code)
	}
	slices.Sort(out)
	return out
}

func same(t *testing.T, what string, got []Named, want []uint16) {
	t.Helper()
	want = slices.Clone(want)
	slices.Sort(want)
	if g := codes(got); !slices.Equal(g, want) {
		t.Errorf("%s: %04x, want %04x", what, g, want)
	}
}

// TestOpenSSL compares with what OpenSSL itself says a configuration means.
func TestOpenSSL(t *testing.T) {
	all := []uint16{29, 23, 24, 25, 30}
	ecdsaSchemes := []uint16{0x0303, 0x0403, 0x0503, 0x0603}
	rsaSchemes := []uint16{0x0301, 0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806}
	clients := [dimensions]Preference{suites: OfClient, groups: OfClient, schemes: OfClient}
	server := map[string]State{CookieExchange: Yes, ExtendedMasterSecret: Yes, EMSRequired: No, SRTPRequired: No, ClientCertificate: No, SessionTickets: Yes,
		Unoffered: No, SecureRenegotiation: Yes}
	for name, c := range map[string]struct {
		key  crypto.Signer
		args []string
		want truth
	}{
		"as it comes": {ecdsaKey(t, elliptic.P256()), []string{"-dtls", "-use_srtp", "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM"},
			truth{suites: openSSLSuites(t, "DEFAULT", "ECDSA", "-tls1_2"), groups: all, schemes: ecdsaSchemes, profiles: []uint16{1, 7},
				preferences: clients, key: "ECDSA", bits: 256, features: server}},
		"RSA, server's order": {rsaKey(t), []string{"-dtls1_2", "-serverpref", "-cipher", "ECDHE+AESGCM:AES128-SHA", "-groups", "P-384:X25519",
			"-use_srtp", "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_32"},
			truth{suites: []uint16{0xC030, 0xC02F, 0x002F}, groups: []uint16{24, 29}, schemes: rsaSchemes, profiles: []uint16{8, 7, 1, 2},
				preferences: [dimensions]Preference{suites: OfServer, groups: OfServer, profiles: OfServer}, key: "RSA", bits: 2048, features: server}},
		"P-384 and no SRTP": {ecdsaKey(t, elliptic.P384()), []string{"-dtls1_2", "-groups", "P-384", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"},
			truth{suites: []uint16{0xC02C}, groups: []uint16{24}, schemes: ecdsaSchemes, rest: [dimensions]State{groups: Unknown}, key: "ECDSA", bits: 384, features: server}},
		"DTLS 1.0 only": {rsaKey(t), []string{"-dtls1", "-cipher", "DEFAULT:@SECLEVEL=0", "-use_srtp", "SRTP_AES128_CM_SHA1_32"},
			truth{versions: []uint16{hello.DTLS10}, suites: openSSLSuites(t, "DEFAULT:@SECLEVEL=0", "RSA", "-tls1_1"), groups: all, profiles: []uint16{2},
				preferences: [dimensions]Preference{suites: OfClient, groups: OfClient}, key: "RSA", bits: 2048, features: server}},
		"both versions": {rsaKey(t), []string{"-dtls", "-cipher", "ECDHE:@SECLEVEL=0", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256:RSA+SHA1"},
			truth{versions: []uint16{hello.DTLS12, hello.DTLS10}, suites: openSSLSuites(t, "ECDHE:@SECLEVEL=0", "RSA", "-tls1_2"), groups: all,
				schemes: []uint16{0x0804, 0x0401, 0x0201}, key: "RSA", bits: 2048, features: server}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if len(c.want.suites) == 0 {
				t.Fatal("no truth")
			}
			tr, f := ask(t, dialUDP(openSSL(t, c.key, c.args...)), Options{Server: "OpenSSL", Deep: true, Bare: true})
			c.want.reused = Yes
			if c.want.compare(t, f); t.Failed() {
				dump(t, tr, f)
			}
		})
	}
}
