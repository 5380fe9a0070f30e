package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/quic"
)

// TestQUICScripts asks a server of QUIC that wants a Retry, at SERVER with the
// name NAME. At NOBODY nobody answers.
func TestQUICScripts(t *testing.T) {
	const name = "quic.vksprobe.test"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server, err := quic.Listen("udp", "127.0.0.1:0", &quic.Config{RequireAddressValidation: true, MaxBidiRemoteStreams: 7,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS13}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	accepting := make(chan struct{})
	go func() {
		defer close(accepting)
		for {
			if _, err := server.Accept(ctx); err != nil {
				return
			}
		}
	}()
	nobody, err := net.ListenPacket("udp", "127.0.0.1:0") // and reads nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the scripts, which run in parallel
		nobody.Close()
		cancel()
		<-accepting
		over, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		server.Close(over)
	})
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script/quic",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(e *testscript.Env) error {
			e.Setenv("SERVER", server.LocalAddr().String())
			e.Setenv("NAME", name)
			e.Setenv("NOBODY", nobody.LocalAddr().String())
			return nil
		},
	})
}
