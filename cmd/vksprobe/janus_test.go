package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vksprobe/fixtures/janus"
	"vksprobe/fixtures/netns"
	"vksprobe/probe"
	"vksprobe/probe/browser"
	"vksprobe/probe/scan"
	"vksprobe/webrtc"
)

// TestJanus scans a real media server with two participants and holds what
// the scan says against what the kernel says.
func TestJanus(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	netns.Run(t, func(t *testing.T) {
		j, err := janus.Start(t.Context(), janus.Options{Address: netns.Address})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		var sockets []string // over the whole meeting: connections come one after the other
		res, err := scan.Run(t.Context(), scan.Options{
			Target:       probe.Target{Link: j.Link(), Name: "probe", Own: j.Own()},
			Participants: 2, Dir: filepath.Join(t.TempDir(), "bundle"),
			Dwell:       scan.Dwell{Landing: time.Second, Prejoin: time.Second, InMeeting: 6 * time.Second, Left: time.Second},
			JoinTimeout: 30 * time.Second, LobbyTimeout: time.Second, Timeout: 2 * time.Minute,
			Browser:  browser.Config{Lang: "en-US", Resolve: j.Resolve(), TrustSPKI: j.TrustSPKI()},
			Adapters: adapters, Fallback: fallback, Observers: observers, Rules: rules, Formats: formats, Date: time.Now(),
			Program: program(), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
			Progress: func(p scan.Progress) {
				if p.Phase == probe.InMeeting {
					sockets = append(sockets, udpSockets(t)...)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if res.Run.State != probe.Complete {
			t.Errorf("the scan is %s: %+v", res.Run.State, res.Run.Reasons)
		}

		low, high := j.RTPPorts()
		got := map[string][]string{}
		for _, c := range webrtc.Connection.In(probe.NewFacts(res.Observations)) {
			who := fmt.Sprintf("participant %d", c.Participant)
			got[who] = append(got[who], fmt.Sprintf("%s %s as %s", c.DTLSVersion, c.SRTPProfile, c.DTLSRole))
			if c.Selected == nil {
				t.Errorf("%s: connection %d has no selected pair", who, c.Number)
				continue
			}
			if !slices.Contains(sockets, c.Selected.Local.Address) {
				t.Errorf("%s: local address %s is not among the kernel's %v", who, c.Selected.Local.Address, sockets)
			}
			remote, err := netip.ParseAddrPort(c.Selected.Remote.Address)
			if err != nil || remote.Addr().String() != netns.Address || int(remote.Port()) < int(low) || int(remote.Port()) > int(high) || !slices.Contains(sockets, remote.String()) {
				t.Errorf("%s: remote address %s is not one of Janus (%s:%d-%d, %v)", who, c.Selected.Remote.Address, netns.Address, low, high, sockets)
			}
			if len(c.Disagreements) > 0 {
				t.Errorf("%s: the sources disagree: %v", who, c.Disagreements)
			}
		}
		up, down := "DTLS 1.2 SRTP_AES128_CM_HMAC_SHA1_80 as server", "DTLS 1.2 SRTP_AEAD_AES_256_GCM as client"
		want := map[string][]string{"participant 1": {up, down}, "participant 2": {up, down}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("connections (-want +got):\n%s", diff)
		}
		for _, f := range res.Findings {
			joined := strings.HasSuffix(f.Rule, "-after-joining") // the demo sends both devices as soon as one has joined
			if f.Verdict == probe.Fail && !joined || f.Verdict == probe.Unknown || joined && f.Verdict != probe.Fail {
				t.Errorf("%s %s: %s %s", f.Rule, f.Subject, f.Verdict, f.Detail.EN)
			}
		}
	})
}

// udpSockets are the local addresses of all UDP sockets as the kernel lists
// them.
func udpSockets(t *testing.T) []string {
	out, err := exec.Command("ss", "-uanH").Output()
	if err != nil {
		t.Errorf("ss: %v", err)
	}
	var local []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 3 {
			local = append(local, fields[3])
		}
	}
	return local
}
