package enumerate_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"vksprobe/fixtures/netns"
	"vksprobe/fixtures/tlslab"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello"
	"vksprobe/tls/starttls"
)

// deep are the servers that are asked about the paddings of RSA: one that
// tells them apart and one that does not.
var deep = map[string]bool{"robot": true, "nginx-weak": true}

// elsewhere are features that other packages look for.
var elsewhere = map[tlslab.Feature]bool{tlslab.SegmentedTolerance: true}

// uncertain are features that only a complete handshake, a CBC suite or a
// second version shows; for the others an answer must be there.
var uncertain = map[tlslab.Feature]bool{tlslab.IDResumption: true, tlslab.TicketResumption: true, tlslab.EncryptThenMAC: true, tlslab.FallbackSCSV: true, tlslab.DowngradeSentinel: true,
	tlslab.PSKResumption: true, tlslab.PSKOnly: true, tlslab.CertCompression: true, tlslab.ClientRenegotiation: true}

func codes(list []enumerate.Named) (out []uint16) {
	for _, n := range list {
		out = append(out, n.Code)
	}
	return out
}

func sorted(list []uint16) []uint16 {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// compare holds an offer against the truth of a server. What the truth does
// not state is not compared.
func compare(o enumerate.Offer, truth tlslab.Truth) (wrong []string) {
	differ := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	versions := map[uint16]enumerate.Version{}
	for _, v := range o.Versions {
		if v.State == enumerate.Yes {
			versions[v.Code] = v
		}
	}
	for _, want := range truth.Versions {
		got, ok := versions[want.Version]
		delete(versions, want.Version)
		if !ok {
			differ("%s is missing", hello.VersionName(want.Version))
			continue
		}
		if want.Suites != nil && !slices.Equal(sorted(codes(got.Suites)), sorted(want.Suites)) {
			differ("%s: suites\n got %04X\nwant %04X", got.Name, sorted(codes(got.Suites)), sorted(want.Suites))
		}
		if len(got.SuitesUnknown) > 0 && want.Version != hello.SSL20 {
			differ("%s: unknown suites %v", got.Name, got.SuitesUnknown)
		}
		if want.Preference != "" && len(want.Suites) > 1 && string(got.SuitePreference) != want.Preference {
			differ("%s: preference of the %s, want %s", got.Name, got.SuitePreference, want.Preference)
		}
		// where the client decides on ChaCha20 it has no place in the order
		ordered := func(list []uint16) []uint16 {
			return slices.DeleteFunc(slices.Clone(list), func(c uint16) bool { return got.ChaCha20ByClient && (c == 0x1303 || c>>8 == 0xCC) })
		}
		if want.Preference == "server" && want.Suites != nil && !slices.Equal(ordered(codes(got.Suites)), ordered(want.Suites)) {
			differ("%s: order\n got %04X\nwant %04X", got.Name, codes(got.Suites), want.Suites)
		}
		if want.Groups != nil && !slices.Equal(sorted(codes(got.Groups)), sorted(want.Groups)) {
			differ("%s: groups\n got %d\nwant %d", got.Name, sorted(codes(got.Groups)), sorted(want.Groups))
		}
		if want.GroupPreference != "" && len(want.Groups) > 1 && string(got.GroupPreference) != want.GroupPreference {
			differ("%s: groups by preference of the %s, want %s", got.Name, got.GroupPreference, want.GroupPreference)
		}
		if want.Schemes != nil && !slices.Equal(sorted(codes(got.SignatureSchemes)), sorted(want.Schemes)) {
			differ("%s: signature schemes\n got %04X\nwant %04X", got.Name, sorted(codes(got.SignatureSchemes)), sorted(want.Schemes))
		}
	}
	if truth.Versions != nil {
		for _, v := range versions {
			differ("%s is there, with %v", v.Name, v.Suites)
		}
	}
	modern := slices.ContainsFunc(truth.Versions, func(v tlslab.Version) bool { return v.Version > hello.SSL20 })
	for _, code := range []uint16{hello.TLS13, hello.TLS12, hello.TLS11, hello.TLS10, hello.SSL30, hello.SSL20} {
		if o.Transport == "tcp" && modern && !slices.ContainsFunc(o.Versions, func(v enumerate.Version) bool { return v.Code == code && v.State != enumerate.Unknown }) {
			differ("%s was not decided", hello.VersionName(code))
		}
	}
	for _, want := range truth.DH {
		if !slices.ContainsFunc(o.DH, func(d enumerate.DHParameters) bool {
			return d.Bits == want.Bits && (want.Safe == "" || string(d.Safe) == want.Safe) && (want.Known == "" || d.Known == want.Known) && (want.Reused == "" || string(d.Reused) == want.Reused || d.Reused == enumerate.Unknown)
		}) {
			differ("DH %+v is missing: %+v", want, o.DH)
		}
	}
	if truth.ALPN != nil && !slices.Equal(slices.Sorted(slices.Values(o.Protocols)), slices.Sorted(slices.Values(truth.ALPN))) {
		differ("ALPN %q, want %q", o.Protocols, truth.ALPN)
	}
	for f, want := range truth.Features {
		got := o.Features[string(f)]
		small := truth.Features[tlslab.UnknownTolerance] == "no" || truth.Features[tlslab.LargeTolerance] == "no"
		if got == "" && (small || !modern) {
			continue // was not asked for
		}
		if f == tlslab.ManyTolerance && small {
			continue // cannot be told apart
		}
		if elsewhere[f] || (got == "" || got == enumerate.Unknown) && uncertain[f] {
			continue
		}
		if string(got) != want {
			differ("%s: %q, want %s", f, got, want)
		}
	}
	for f, want := range truth.Flaws {
		got := o.Flaws[string(f)]
		if f == tlslab.Ticketbleed && got == "" && o.Features[enumerate.TicketResumption] == "" {
			continue // no handshake could be completed
		}
		if f == tlslab.ROBOT && got == "" && want == "no" {
			continue // only asked for in depth
		}
		if f == tlslab.CCSInjection && got == "" && o.Transport == "udp" {
			continue // not asked in datagrams
		}
		if string(got) != want {
			differ("%s: %q, want %s", f, got, want)
		}
	}
	if truth.Chains != nil && len(o.Chains) < len(truth.Chains) {
		differ("%d chains, want %d", len(o.Chains), len(truth.Chains))
	}
	return wrong
}

func groupsOf(f *hello.Flight) []uint16 {
	if f.ClientHello == nil {
		return nil
	}
	return f.ClientHello.List16(hello.ExtSupportedGroups)
}

// scan runs a scan and derives from what was recorded.
func scan(t *testing.T, target enumerate.Target, o enumerate.Options) (enumerate.Offer, enumerate.Cost) {
	t.Helper()
	offer, cost, _ := scanRecorded(t, target, o)
	return offer, cost
}

// scanRecorded also returns what was recorded.
func scanRecorded(t *testing.T, target enumerate.Target, o enumerate.Options) (enumerate.Offer, enumerate.Cost, []*enumerate.Exchange) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var all []*enumerate.Exchange
	d, network := net.Dialer{}, target.Transport.Network()
	o.Open = func(ctx context.Context) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, target.Address)
		if err != nil || target.StartTLS == "" {
			return c, err
		}
		return c, starttls.Upgrade(ctx, c, target.StartTLS, target.Host)
	}
	o.Record = func(e *enumerate.Exchange) { all = append(all, e) }
	cost, err := enumerate.Run(ctx, target, o)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d connections, %d unused, %d exchanges, throttled %d times, %v", cost.Connections, cost.Unused, cost.Exchanges, cost.Throttled, cost.Duration.Round(time.Millisecond))
	if os.Getenv("VKSPROBE_TRACE") != "" {
		for _, e := range all {
			f := e.Replay()
			var suites []uint16
			if f.ClientHello != nil {
				suites = f.ClientHello.CipherSuites
			}
			var chosen, alert any
			if c := f.Chosen(); c != nil {
				chosen = fmt.Sprintf("%04X", c.CipherSuite)
			}
			if f.Alert != nil {
				alert = f.Alert.Description
			}
			t.Logf("%d %s %s: %04X of %d suites %04X, groups %v: chose %v group %d alert %v %s %v done %v %v %04X %d", e.N, e.Question, e.Detail, f.Version(), len(suites), suites[:min(6, len(suites))], groupsOf(f), chosen, f.Group(), alert, e.Failure, f.Broken, f.Done, f.Decrypted, f.SignatureScheme(), len(e.Shares))
		}
	}
	return enumerate.Derive(target, all), cost, all
}

// TestLab scans every server of the lab that speaks TLS over TCP.
func TestLab(t *testing.T) {
	t.Parallel()
	scanAll(t, func(name string) bool { return !strings.HasPrefix(name, "gnutls") })
}

// TestGnuTLS scans those that cannot be kept from listening on all addresses.
func TestGnuTLS(t *testing.T) {
	t.Parallel()
	netns.Run(t, func(t *testing.T) {
		scanAll(t, func(name string) bool { return strings.HasPrefix(name, "gnutls") })
	})
}

func scanAll(t *testing.T, want func(name string) bool) {
	lab := tlslab.New(tlslab.Options{})
	for _, name := range tlslab.Names() {
		if !want(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == "gnutls-dtls" {
				t.Skip("refuses by silence, which takes half a minute")
			}
			t.Parallel()
			s, err := lab.Start(t.Context(), name)
			if errors.Is(err, tlslab.ErrMissing) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			o := enumerate.Options{Timeout: 2500 * time.Millisecond, Deep: deep[name]}
			if name == "slow" {
				o.Timeout = 10 * time.Second
			}
			if strings.HasPrefix(name, "openssl-dtls") {
				o.Parallel = 4 // each client has a process of its own
			}
			target := enumerate.Target{Host: s.SNI, Address: s.Address, StartTLS: s.StartTLS, Transport: enumerate.Transport(s.Transport)}
			var wrong []string
			for range 3 {
				offer, cost := scan(t, target, o)
				if wrong = compare(offer, s.Truth); len(wrong) == 0 || cost.Throttled == 0 || strings.HasPrefix(name, "limit") {
					break
				}
				t.Logf("the machine is too busy, again: %q", wrong) // a server without limits seemed to have some
			}
			for _, w := range wrong {
				t.Error(w)
			}
		})
	}
}
