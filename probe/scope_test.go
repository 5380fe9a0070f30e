package probe_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"vksprobe/probe"
)

func TestScope(t *testing.T) {
	s := probe.Scope{Hosts: []string{"Meet.Example.org", "192.0.2.1", "2001:db8::1"}, Domains: []string{"example.net", ""}}
	for host, want := range map[string]bool{
		"meet.example.org": true, "MEET.example.org.": true, "192.0.2.1": true, "::ffff:192.0.2.1": true, "2001:db8:0::1": true,
		"example.net": true, "turn.example.net": true, "a.b.example.net": true,
		"example.org": false, "turn.meet.example.org": false, "notexample.net": false, "example.net.evil.test": false,
		"192.0.2.10": false, "1.192.0.2.1": false, "": false, ".": false,
	} {
		if got := s.Has(host); got != want {
			t.Errorf("%q is in scope: %t", host, got)
		}
	}
	if (probe.Scope{}).Has("example.org") {
		t.Error("the empty scope has a host")
	}
	if all := (probe.Scope{Domains: []string{"1.2.3"}}); all.Has("9.1.2.3") {
		t.Error("an address is below a domain")
	}
	if of := (probe.Target{Link: "https://meet.example.org:8443/Room", Own: []string{"example.net"}}).Scope(); !of.Has("meet.example.org") || !of.Has("turn.example.net") || of.Has("turn.example.org") {
		t.Errorf("the scope of a target is %+v", of)
	}
}

func TestScopeDial(t *testing.T) {
	var dialled []string
	dial := probe.Scope{Hosts: []string{"192.0.2.1"}}.Dial(func(_ context.Context, network, address string) (net.Conn, error) {
		dialled = append(dialled, network+" "+address)
		return nil, errors.New("not now")
	})
	for _, address := range []string{"192.0.2.2:1", "localhost:1", "192.0.2.1"} {
		_, err := dial(t.Context(), "tcp", address)
		if err == nil || len(dialled) > 0 {
			t.Fatalf("%s: %v, dialled %q", address, err, dialled)
		}
		if named := address != "192.0.2.1"; errors.Is(err, probe.ErrOutOfScope) != named {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := dial(t.Context(), "udp", "192.0.2.1:3478"); err == nil || errors.Is(err, probe.ErrOutOfScope) || len(dialled) != 1 || dialled[0] != "udp 192.0.2.1:3478" {
		t.Errorf("in scope: %v, dialled %q", err, dialled)
	}
}
