package tracking

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vksprobe/probe"
	"vksprobe/probe/netlog"
	"vksprobe/tracking/filter"
	"vksprobe/tracking/geo"
)

// TestListed wants what the lab's page requests to be held against the list
// as both sources tell it, and nothing else to be listed.
func TestListed(t *testing.T) {
	var got []string
	for o, l := range Listed.In(derive(t, lab(t))) {
		got = append(got, fmt.Sprintf("%s %s %s %q %d named %v %s %s", o.Phase, l.Host, l.Party, l.Rule, l.Requests, l.Named, l.Type, strings.Join(l.Sources, " ")))
		if l.List != "EasyPrivacy" || !strings.HasPrefix(l.Version, "2025-10") || len(l.SHA256) != 64 || l.Line == 0 {
			t.Errorf("the list is %q, %q, %q, line %d", l.List, l.Version, l.SHA256, l.Line)
		}
		if strings.Contains(l.URL, "Room") || strings.Contains(l.URL, "meet.lab.test") {
			t.Errorf("URL %s", l.URL)
		}
		if len(o.Evidence) != 1 || o.Evidence[0].At == "" {
			t.Errorf("evidence %v", o.Evidence)
		}
	}
	want := []string{
		`landing stats.third.test third "/collect?v=" 1 named false xmlhttprequest cdp netlog`,
		`landing stats.third.test third "$ping,third-party" 1 named false ping cdp`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// world makes a log of hosts with public addresses.
func world(t *testing.T, d Data) *book {
	t.Helper()
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	rec := &probe.Record{Target: probe.Target{Link: "https://meet.example.org/Room-Ab3x9"},
		Timeline: probe.Timeline{{Participant: 1, Phase: probe.Landing, Time: start}, {Participant: 1, Phase: probe.InMeeting, Time: start.Add(time.Minute)}}}
	loaded, err := d.load()
	if err != nil {
		t.Fatal(err)
	}
	b := newBook(rec, 1, newOwner(rec.Target), loaded)
	n := newNetwork(b, newSearch(b))
	event := int64(0)
	at := func(ms int) netlog.Stamp {
		event++
		return netlog.Stamp{Time: start.Add(time.Duration(ms) * time.Millisecond), Event: event}
	}
	visit := func(id int64, link, remote, dest string, connect int, response ...string) {
		r := &netlog.Request{ID: id, URL: link, Method: "GET", Initiator: "https://meet.example.org", Start: at(1000), Status: 200, Socket: id,
			Headers: []string{":method: GET", "sec-fetch-dest: " + dest}, Response: response}
		n.request(r)
		s := &netlog.Socket{ID: id, Network: "tcp", Local: netip.MustParseAddrPort("192.0.2.10:40000"), Remote: netip.MustParseAddrPort(remote),
			Group: "https://" + hostOf(link), Owners: []int64{id}, Attempts: []netlog.Attempt{{Stamp: at(1000), Address: netip.MustParseAddrPort(remote)}}}
		s.TLS = &netlog.TLS{Start: at(1000 + connect), End: at(1000 + 3*connect)}
		n.socket(s)
	}
	visit(1, "https://meet.example.org/Room-Ab3x9", "141.24.1.1:443", "document", 20)
	visit(2, "https://www.zoom.us/x.js", "3.120.0.1:443", "script", 30)
	visit(3, "https://cdn.example.net/lib.js", "104.16.0.1:443", "script", 4, "CF-RAY: 8f1a2b3c4d5e6f70-FRA", "server: cloudflare", "x-secret: Room-Ab3x9")
	visit(4, "https://static.hotjar.com/c/hotjar-1.js?sv=6", "3.120.0.2:443", "script", 30)
	visit(5, "https://zoom.us/nws/join/logger/wclogs", "3.120.0.1:443", "empty", 30)
	n.socket(&netlog.Socket{ID: 9, Network: "tcp", Local: netip.MustParseAddrPort("192.0.2.10:40009"), Remote: netip.MustParseAddrPort("3.120.0.3:443"), Group: "https://api.mixpanel.com",
		Attempts: []netlog.Attempt{{Stamp: at(2000), Address: netip.MustParseAddrPort("3.120.0.3:443")}}, TLS: &netlog.TLS{Start: at(2010), NetError: -1}})
	n.lookup(&netlog.Lookup{Host: "bam.nr-data.net", Start: at(3000), Answers: []netlog.Answer{{Addresses: []netip.Addr{netip.MustParseAddr("104.16.0.9")}}}})
	n.finish(nil)
	return b
}

func TestPlaces(t *testing.T) {
	b := world(t, Data{})
	contacts := slices.Concat(b.observations(), b.edgeObservations())
	places, err := Places(probe.NewFacts(contacts), geoAtlas(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for o, p := range Place.In(probe.NewFacts(places)) {
		class, missing := ClassOf(p, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))
		operator, edge := "-", ""
		if p.Operator != nil {
			operator = p.Operator.ID
		}
		for _, h := range p.Edge {
			edge += " " + h.Header + "=" + h.Site
		}
		got = append(got, fmt.Sprintf("%s %s %s %s%s within %d km %s %v", p.Host, p.Party, operator, p.Addresses[0].Location.Country+p.Addresses[0].Location.Why, edge, p.Within, class, missing))
		if o.Subject != "host:"+p.Host || len(o.Evidence) == 0 {
			t.Errorf("%s cites %v", o.Subject, o.Evidence)
		}
	}
	want := []string{
		"api.mixpanel.com third mixpanel DE within 1100 km dpf []",
		"bam.nr-data.net third newrelic anycast within 0 km dpf [location]",
		"cdn.example.net third - anycast cf-ray=FRA server= within 500 km dpf [seat parent location]",
		"meet.example.org first - DE within 2100 km eea [seat parent]",
		"static.hotjar.com third hotjar DE within 3100 km dpf []",
		"www.zoom.us third zoom DE within 3100 km dpf []",
		"zoom.us third zoom DE within 3100 km dpf []",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, o := range contacts {
		if strings.Contains(string(o.Data), "Ab3x9") {
			t.Errorf("%s %s has the room", o.Kind, o.Subject)
		}
	}
}

func geoAtlas(t *testing.T) *geo.Atlas {
	t.Helper()
	a, err := geo.Default()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestListedWorld has rules that name hosts, a host that was connected to
// without a request, one that was only looked up, one that the table of
// operators knows by its URL, and a list of the user.
func TestListedWorld(t *testing.T) {
	mine, err := filter.Parse("mine", []byte("! Version: 3\n||cdn.example.net^$script\n"))
	if err != nil {
		t.Fatal(err)
	}
	b := world(t, Data{Lists: []*filter.List{mine}})
	b.observations()
	var got []string
	for _, l := range Listed.In(probe.NewFacts(b.listing.observations())) {
		got = append(got, fmt.Sprintf("%s: %s of %s, %d requests, %s%s", l.Host, l.Rule, l.List, l.Requests, l.Category, l.URL))
	}
	want := []string{
		"cdn.example.net: ||cdn.example.net^$script of mine, 1 requests, https://cdn.example.net/lib.js",
		"static.hotjar.com: ||hotjar.com^$third-party of EasyPrivacy, 1 requests, https://static.hotjar.com/c/hotjar-1.js?sv=…",
		"zoom.us: url zoom.us/nws/join/logger/ of table of operators, 1 requests, telemetryhttps://zoom.us/nws/join/logger/wclogs",
		"api.mixpanel.com: ||mixpanel.com^$third-party of EasyPrivacy, 0 requests, ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRelocate wants other data to give other places without the evidence, and
// nothing else to change.
func TestRelocate(t *testing.T) {
	all, err := probe.Observe(t.Context(), lab(t), Observer)
	if err != nil {
		t.Fatal(err)
	}
	table := filepath.Join(t.TempDir(), "operators.json")
	if err := os.WriteFile(table, []byte(`{"version":"2030-01-01","operators":[{"id":"lab","name":"Lab","seat_country":"CN","domains":["third.test"],"services":[]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := geo.Open(geo.Files{Operators: table})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Relocate(all, a)
	if err != nil {
		t.Fatal(err)
	}
	if len(again) != len(all) {
		t.Fatalf("%d observations became %d", len(all), len(again))
	}
	count := func(all []probe.Observation, data bool) (n int) {
		for _, o := range all {
			if o.Kind == Place.Name == data {
				n++
			}
		}
		return n
	}
	if count(all, true) == 0 || count(all, false) != count(again, false) {
		t.Error("something else than places changed")
	}
	chinese := 0
	ids := map[string]bool{}
	for o, p := range Place.In(probe.NewFacts(again)) {
		if p.Seat.Country == "CN" {
			chinese++
		}
		if ids[o.ID] || !strings.HasPrefix(o.ID, "tracking.place-") {
			t.Errorf("id %q", o.ID)
		}
		ids[o.ID] = true
	}
	if chinese < 5 {
		t.Errorf("%d hosts have a seat of the new table", chinese)
	}
	same, err := Relocate(all, geoAtlas(t))
	if err != nil {
		t.Fatal(err)
	}
	var before, after strings.Builder
	for _, o := range all {
		if o.Kind == Place.Name {
			fmt.Fprintln(&before, o.ID, string(o.Data))
		}
	}
	for _, o := range same {
		if o.Kind == Place.Name {
			fmt.Fprintln(&after, o.ID, string(o.Data))
		}
	}
	if before.String() != after.String() {
		t.Error("the same data give other places")
	}
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		r    netlog.Request
		want filter.Type
	}{
		{netlog.Request{Headers: []string{"Sec-Fetch-Dest: script"}}, filter.Script},
		{netlog.Request{Headers: []string{"sec-fetch-dest: empty"}}, filter.XHR},
		{netlog.Request{Headers: []string{"sec-fetch-dest: iframe"}}, filter.Subdocument},
		{netlog.Request{WebSocket: true, Headers: []string{"sec-fetch-dest: empty"}}, filter.WebSocket},
		{netlog.Request{Type: "main frame"}, filter.Document},
		{netlog.Request{Type: "subframe"}, filter.Subdocument},
		{netlog.Request{Type: "other"}, filter.Other},
	} {
		if got := kindOf(&c.r); got != c.want {
			t.Errorf("%+v: %s, want %s", c.r, got, c.want)
		}
	}
}
