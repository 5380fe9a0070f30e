package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"vksprobe/probe"
	"vksprobe/report/bundle"
	"vksprobe/tracking"
	"vksprobe/tracking/geo"
)

// contactsBundle seals a bundle whose observations are contacts with hosts on
// the Internet, which a test cannot make: bundle [-old] DIR. With -old it has
// no places, as bundles of earlier versions.
func contactsBundle(ts *testscript.TestScript, neg bool, args []string) {
	old := len(args) == 2 && args[0] == "-old"
	if neg || len(args) != 1 && !old {
		ts.Fatalf("usage: bundle [-old] DIR")
	}
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var all []probe.Observation
	number := map[string]int{}
	add := func(name string, o probe.Observation) {
		number[name]++
		o.ID = fmt.Sprintf("%s-%d", name, number[name])
		all = append(all, o)
	}
	for _, c := range []struct {
		host, address string
		party         tracking.Party
	}{
		{"meet.example.org", "141.24.1.1", tracking.First}, {"www.zoom.us", "3.120.0.1", tracking.Third},
		{"static.hotjar.com", "3.120.0.2", tracking.Third}, {"img.alicdn.com", "47.88.1.1", tracking.Third},
		{"a-name-that-is-longer-than-the-column-of-names.static.assets.example.net", "104.16.0.1", tracking.Third},
		{"127.0.0.1", "127.0.0.1", tracking.Unclear}, {"update.googleapis.com", "142.250.185.1", tracking.OwnBrowser},
	} {
		h := tracking.HostContact{Participant: 1, Host: c.host, Party: c.party, Addresses: []string{c.address}, Ports: []int{443}, Transports: []string{"tcp", "tls"},
			Mechanisms: []string{"script"}, Requests: 3, Sent: 100, Received: 1000, First: start, Last: start, Connected: true, Sources: []string{"cdp", "netlog"}}
		add("tracking.contact", tracking.Contact.New("host:"+c.host, probe.Landing, start, h))
	}
	add("tracking.listed", tracking.Listed.New("host:static.hotjar.com", probe.Landing, start, tracking.ListedRequest{Participant: 1, Host: "static.hotjar.com", Party: tracking.Third,
		List: "EasyPrivacy", Version: "2025-10", SHA256: "9c36", Rule: "||hotjar.com^$third-party", Line: 4807, Named: true, Type: "script", URL: "https://static.hotjar.com/c/hotjar-1.js", Requests: 2, Sources: []string{"cdp", "netlog"}}))
	if !old {
		a, err := geo.Default()
		ts.Check(err)
		all, err = tracking.Relocate(all, a)
		ts.Check(err)
	}
	w, err := bundle.Create(ts.MkAbs(args[len(args)-1]))
	ts.Check(err)
	var lines bytes.Buffer
	ts.Check(probe.WriteObservations(&lines, all))
	ts.Check(w.Put("observations.jsonl", lines.Bytes()))
	sheet, err := json.Marshal(probe.Run{Format: "vksprobe-scan/v1", ID: "contacts", Started: start, Ended: start.Add(time.Minute), Judged: start, State: probe.Complete})
	ts.Check(err)
	ts.Check(w.Put("scan.json", sheet))
	ts.Check(w.Seal(map[string]string{"Vksprobe-State": string(probe.Complete)}))
}
