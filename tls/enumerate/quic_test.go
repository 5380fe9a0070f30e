package enumerate_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	xquic "golang.org/x/net/quic"

	"vksprobe/probe"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello"
)

const quicName = "quic.vksprobe.test"

// signed makes a certificate whose length is at least size.
func signed(t *testing.T, key any, public any, size int) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{quicName}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	for n := 0; n < size; n += 200 {
		template.DNSNames = append(template.DNSNames, strings.Repeat(strings.Repeat("n", 49)+".", 4)+"test")
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serveQUIC starts a server of golang.org/x/net/quic, which has version 1.
func serveQUIC(t *testing.T, c *xquic.Config) string {
	t.Helper()
	e, err := xquic.Listen("udp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := e.Accept(ctx); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		over, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		e.Close(over)
	})
	return e.LocalAddr().String()
}

// askQUIC asks a server and returns what was recorded.
func askQUIC(t *testing.T, target enumerate.Target, timeout time.Duration) (all []*enumerate.Exchange, err error) {
	_, err = enumerate.Run(t.Context(), target, enumerate.Options{Timeout: timeout, Record: func(e *enumerate.Exchange) { all = append(all, e) },
		Open: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, target.Transport.Network(), target.Address)
		}})
	return all, err
}

// TestQUIC holds what is found out about servers of QUIC against their
// configuration, and what was recorded against what was found out.
func TestQUIC(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	modulus, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	small, large := signed(t, ec, ec.Public(), 0), signed(t, modulus, modulus.Public(), 9000)
	for _, c := range []struct {
		name    string
		config  *tls.Config
		retry   bool
		groups  []uint16
		schemes []uint16
		alpn    []string
	}{
		{"usual", &tls.Config{Certificates: []tls.Certificate{small}, NextProtos: []string{"h3"}, CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256}},
			false, []uint16{23, 29, 0x11EC}, []uint16{0x0403}, []string{"h3"}},
		{"retry", &tls.Config{Certificates: []tls.Certificate{small}, NextProtos: []string{"h3"}, CurvePreferences: []tls.CurveID{tls.CurveP384}},
			true, []uint16{24}, []uint16{0x0403}, []string{"h3"}},
		{"large chain, other protocols, hybrid only", &tls.Config{Certificates: []tls.Certificate{large}, NextProtos: []string{"doq", "h3"}, CurvePreferences: []tls.CurveID{tls.X25519MLKEM768}, ClientAuth: tls.RequestClientCert},
			false, []uint16{0x11EC}, []uint16{0x0804, 0x0805, 0x0806}, []string{"doq", "h3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.config.MinVersion = tls.VersionTLS13
			address := serveQUIC(t, &xquic.Config{TLSConfig: c.config, RequireAddressValidation: c.retry, MaxBidiRemoteStreams: 7, MaxStreamReadBufferSize: 12345})
			target := enumerate.Target{Host: quicName, Address: address, Transport: enumerate.QUIC}
			all, err := askQUIC(t, target, 20*time.Second)
			if err != nil {
				t.Error(err)
			}
			o := enumerate.Derive(target, all)
			if len(o.Versions) != 1 || o.Versions[0].Code != hello.TLS13 || o.Versions[0].State != enumerate.Yes {
				t.Fatalf("versions %+v", o.Versions)
			}
			v := o.Versions[0]
			if got := sorted(codes(v.Suites)); !slices.Equal(got, []uint16{0x1301, 0x1302, 0x1303}) || len(v.SuitesUnknown) > 0 {
				t.Errorf("suites %04X, unknown %v", got, v.SuitesUnknown)
			}
			if got := sorted(codes(v.Groups)); !slices.Equal(got, c.groups) {
				t.Errorf("groups %d, want %d", got, c.groups)
			}
			if got := sorted(codes(v.SignatureSchemes)); !slices.Equal(got, c.schemes) {
				t.Errorf("signature schemes %04X, want %04X", got, c.schemes)
			}
			if got := slices.Sorted(slices.Values(o.Protocols)); !slices.Equal(got, c.alpn) {
				t.Errorf("ALPN %q, want %q", got, c.alpn)
			}
			if len(o.Chains) != 1 || !slices.Contains(o.Chains[0].Names, "host") || !bytes.Equal(o.Chains[0].DER[0], c.config.Certificates[0].Certificate[0]) {
				t.Errorf("%d chains", len(o.Chains))
			}
			if o.Transport != "quic" || o.Unanswered > 0 || o.QUIC == nil {
				t.Fatalf("transport %s, %d unanswered, QUIC %+v", o.Transport, o.Unanswered, o.QUIC)
			}
			want := []enumerate.QUICVersion{{Code: 1, Name: "QUIC v1"}}
			if !slices.Equal(o.QUIC.Versions, want) || !slices.Equal(o.QUIC.Spoken, want) {
				t.Errorf("versions of QUIC %v, spoken %v", o.QUIC.Versions, o.QUIC.Spoken)
			}
			state := map[bool]enumerate.State{true: enumerate.Yes, false: enumerate.No}
			if o.QUIC.Retry != state[c.retry] || o.QUIC.Bound != enumerate.Yes {
				t.Errorf("retry %s, bound %s", o.QUIC.Retry, o.QUIC.Bound)
			}
			value := func(name string) string {
				for _, p := range o.QUIC.Parameters {
					if p.Name == name {
						return name + "=" + p.Value
					}
				}
				return ""
			}
			// from the configuration
			for _, want := range []string{"initial_max_streams_bidi=7", "initial_max_stream_data_uni=12345", "initial_source_connection_id="} {
				if name, _, _ := strings.Cut(want, "="); value(name) != want {
					t.Errorf("transport parameter %q, want %s", value(name), want)
				}
			}
			if value("retry_source_connection_id") != "" != c.retry {
				t.Errorf("retry_source_connection_id %q", value("retry_source_connection_id"))
			}
			if got := o.Features[enumerate.ClientCertificate]; got != state[c.config.ClientAuth != tls.NoClientCert] {
				t.Errorf("client certificate requested: %s", got)
			}
			for name, s := range o.Flaws {
				if s == enumerate.Yes {
					t.Errorf("flaw %s", name)
				}
			}
			// what was written to a file has to say the same
			var lines bytes.Buffer
			for _, e := range all {
				if err := json.NewEncoder(&lines).Encode(e); err != nil {
					t.Fatal(err)
				}
			}
			var again []*enumerate.Exchange
			if err := enumerate.ReadTranscript(&lines, func(e *enumerate.Exchange) { again = append(again, e) }); err != nil {
				t.Fatal(err)
			}
			first, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			second, err := json.Marshal(enumerate.Derive(target, again))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first, second) {
				t.Errorf("derived again:\n got %s\nwant %s", second, first)
			}
		})
	}
}

// respond answers each datagram with others.
func respond(t *testing.T, answer func(datagram []byte) [][]byte) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, b := range answer(bytes.Clone(buf[:n])) {
				c.WriteTo(b, from)
			}
		}
	}()
	return c.LocalAddr().String()
}

// TestNoQUIC asks a port where nobody is, and some where somebody keeps
// silent, makes noise or has other versions: nothing may be claimed but that.
func TestNoQUIC(t *testing.T) {
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	google := enumerate.QUICVersion{Code: 0x51303530, Name: "Google Q050"}
	for name, c := range map[string]struct {
		address  string
		failure  probe.Failure
		versions []enumerate.QUICVersion
	}{
		"closed": {closed.LocalAddr().String(), probe.ConnectionRefused, nil},
		"silent": {respond(t, func([]byte) [][]byte { return nil }), probe.Timeout, nil},
		"noise": {respond(t, func(b []byte) [][]byte {
			odd := bytes.Clone(b)
			odd[0] ^= 0x40
			return [][]byte{b, odd[:len(odd)/2], make([]byte, 40)}
		}), probe.Timeout, nil},
		"other version": {respond(t, func(b []byte) [][]byte {
			if len(b) < 15 || b[0]&0x80 == 0 {
				return nil
			}
			id := b[6 : 6+8] // the destination's, to which the source's of no length is answered
			return [][]byte{slices.Concat([]byte{0x80, 0, 0, 0, 0, 0, 8}, id, []byte{0x1A, 0x2A, 0x3A, 0x4A}, []byte("Q050"))}
		}), probe.TLSVersion, []enumerate.QUICVersion{google}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := enumerate.Target{Host: quicName, Address: c.address, Transport: enumerate.QUIC}
			all, err := askQUIC(t, target, 300*time.Millisecond)
			if err == nil || enumerate.FailureOf(err) != c.failure {
				t.Errorf("%s (%v), want %s", enumerate.FailureOf(err), err, c.failure)
			}
			o := enumerate.Derive(target, all)
			for _, v := range o.Versions {
				if v.State != enumerate.Unknown {
					t.Errorf("%s: %s", v.Name, v.State)
				}
			}
			if q := o.QUIC; q == nil || !slices.Equal(q.Versions, c.versions) || q.Reserved != (c.versions != nil) || len(q.Spoken) > 0 || q.Retry != enumerate.Unknown || q.Bound != enumerate.Unknown {
				t.Errorf("QUIC %+v", q)
			}
		})
	}
}
