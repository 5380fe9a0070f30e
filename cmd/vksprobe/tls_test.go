package main

import (
	"context"
	"errors"
	"net"

	"github.com/rogpeppe/go-internal/testscript"

	"vksprobe/fixtures/tlslab"
)

// lab starts a server of the TLS lab for the rest of the script and sets
// SERVER to its address, PORT, NAME to its server name, and ADDRESSES to the
// addresses of all its back ends: lab SERVER. Where the server's program is
// missing the script is skipped.
func lab(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lab SERVER")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ts.Defer(cancel)
	s, err := tlslab.Start(ctx, args[0])
	if errors.Is(err, tlslab.ErrMissing) {
		ts.Logf("%v", err)
		ts.Fatalf("%v", err)
	}
	ts.Check(err)
	ts.Defer(func() { s.Close() })
	host, port, err := net.SplitHostPort(s.Address)
	ts.Check(err)
	for _, b := range s.Backends {
		other, _, err := net.SplitHostPort(b.Address)
		ts.Check(err)
		host += "," + other
	}
	for name, value := range map[string]string{"SERVER": s.Address, "PORT": port, "NAME": s.SNI, "ADDRESSES": host} {
		ts.Setenv(name, value)
	}
}
