package tls

import (
	"archive/zip"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vksprobe/probe"
	"vksprobe/probe/netlog"
)

// TestHandshakes reads the log of a real browser that met servers of all
// kinds. The log is part of package tracking's recording.
func TestHandshakes(t *testing.T) {
	z, err := zip.OpenReader("../tracking/testdata/lab.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	rec := &probe.Record{Files: z, Timeline: probe.Timeline{{Participant: 1, Phase: probe.Landing, Time: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}}}
	all, err := probe.Observe(t.Context(), rec, Observer)
	if err != nil {
		t.Fatal(err)
	}
	const modern = "TLS 1.3 TLS_AES_128_GCM_SHA256 X25519MLKEM768 ecdsa_secp256r1_sha256 ECDSA P-256/256 cert=0"
	want := map[string]string{
		"meet.lab.test": modern, "cdn.lab.test": modern, "stats.third.test": modern, "cache.third.test": modern,
		"hop.third.test": modern, "end.third.test": modern, "ws.third.test": modern,
		"pre.third.test":    modern, // a preconnect that no request used
		"old.third.test":    "TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 x25519 ecdsa_secp256r1_sha256 ECDSA P-256/256 cert=0",
		"static.third.test": "TLS 1.2 TLS_RSA_WITH_AES_128_GCM_SHA256   RSA/2048 cert=0",
		"bad.third.test":    "tls_certificate    ECDSA P-256/256 cert=-202",
		"tls11.third.test":  "tls_version    / cert=0",
	}
	got := map[string]string{}
	for o, n := range Handshake.In(probe.NewFacts(all)) {
		var leaf Certificate
		if len(n.Certificates) > 0 {
			leaf = n.Certificates[0]
			if !slices.Equal(leaf.Names, []string{"*.lab.test", "*.third.test"}) || leaf.NotAfter != time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) || len(leaf.SHA256) != 64 {
				t.Errorf("%s: certificate %+v", n.Host, leaf)
			}
		}
		key := leaf.Key + "/"
		if leaf.Bits > 0 {
			key += fmt.Sprint(leaf.Bits)
		}
		got[n.Host] = fmt.Sprintf("%s%s %s %s %s %s cert=%d", o.Failure, n.Version, n.CipherSuite, n.Group, n.SignatureAlgorithm, key, n.CertError)
		if n.ALPN != "" || n.Background || o.Phase != probe.Landing || len(o.Evidence) != 1 || o.Evidence[0].At == "" || o.Subject != "host:"+n.Host+n.Address[len(n.Address)-6:] {
			t.Errorf("%s: %s %s alpn=%q background=%v %v", n.Host, o.Subject, o.Phase, n.ALPN, n.Background, o.Evidence)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("handshakes (-want +got):\n%s", d)
	}
	findings, err := probe.Judge(probe.NewFacts(all), time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), probe.Rules(&Rules))
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, f := range findings {
		if f.Verdict == probe.Fail {
			host, _, _ := strings.Cut(strings.TrimPrefix(f.Subject, "host:"), ":")
			failed = append(failed, f.Rule+" "+host)
		}
	}
	if d := cmp.Diff([]string{"tls.certificate-key static.third.test", "tls.certificate-trust bad.third.test", "tls.forward-secrecy static.third.test"}, failed); d != "" {
		t.Errorf("violations (-want +got):\n%s", d)
	}
}

func TestQUIC(t *testing.T) {
	// A ServerHello (RFC 8446, 4.1.3): version, random, no session id, suite,
	// compression, extensions with a key share.
	body := slices.Concat([]byte{3, 3}, make([]byte, 32), []byte{0, 0x13, 0x02, 0, 0, 6, 0, 51, 0, 2, 0x11, 0xec})
	h := append([]byte{2, 0, 0, byte(len(body))}, body...)
	for name, c := range map[string]struct {
		session netlog.QUICSession
		own     bool
		want    string
	}{
		"done":          {netlog.QUICSession{CryptoReceived: h, Certificates: [][]byte{{1}}}, false, "TLS_AES_256_GCM_SHA384 X25519MLKEM768 background=false"},
		"closed by us":  {netlog.QUICSession{CryptoReceived: h, Certificates: [][]byte{{1}}, NetError: -3}, false, "TLS_AES_256_GCM_SHA384 X25519MLKEM768 background=false"},
		"browser's own": {netlog.QUICSession{CryptoReceived: h, Certificates: [][]byte{{1}}}, true, "TLS_AES_256_GCM_SHA384 X25519MLKEM768 background=true"},
		"no answer":     {netlog.QUICSession{NetError: -118}, false, "timeout  background=false"},
		"never ended":   {netlog.QUICSession{}, false, "unknown_failure  background=false"},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			r := &reader{rec: &probe.Record{}, participant: 1, background: map[int64]bool{}, quicOwn: map[int64]bool{}, emit: func(o probe.Observation) {
				for _, n := range Handshake.In(probe.NewFacts([]probe.Observation{o})) {
					got = fmt.Sprintf("%s%s %s background=%v", o.Failure, n.CipherSuite, n.Group, n.Background)
				}
			}}
			c.session.ID, c.session.Host, c.session.Port = 7, "quic.test", 443
			if c.own {
				r.request(&netlog.Request{ID: 1, QUIC: 7, Method: "GET", Initiator: "not an origin", Isolation: "null null"})
			}
			r.quic(&c.session)
			r.finish()
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestFailure(t *testing.T) {
	for code, want := range map[int]probe.Failure{
		-113: probe.TLSVersion, -107: probe.TLSAlert, -202: probe.TLSCertificate, -118: probe.Timeout, -102: probe.ConnectionRefused, -101: probe.ConnectionReset, -9999: probe.UnknownFailure,
	} {
		if got := failure(code); got != want || !got.Known() {
			t.Errorf("%d is %s, want %s", code, got, want)
		}
	}
}

// A certificate that cannot be parsed is listed by its hash, and a chain has
// an end.
func TestCertificates(t *testing.T) {
	chain := make([][]byte, 100)
	for i := range chain {
		chain[i] = []byte{byte(i)}
	}
	got := certificates(chain)
	if len(got) != maxChain || got[0].SHA256 != "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" || got[0].Subject != "" {
		t.Errorf("%d certificates, first %+v", len(got), got[0])
	}
}

// FuzzServerHello reads what a server may send; what is no whole hello gives
// nothing.
func FuzzServerHello(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0})
	f.Add([]byte{2, 0, 0, 46, 3, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		if suite, group, ok := serverHello(b); !ok && (suite != 0 || group != 0) {
			t.Errorf("no hello, but suite %04X and group %04X", suite, group)
		}
	})
}
