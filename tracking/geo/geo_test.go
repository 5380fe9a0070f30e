package geo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var today = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func atlas(t testing.TB) *Atlas {
	t.Helper()
	a, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestEmbeddedAreThePinnedOnes(t *testing.T) {
	for _, of := range []struct {
		packed []byte
		size   int
		data   Dataset
	}{{countryGzip, 8300443, countryData}, {networkGzip, 10313185, networkData}, {anycastGzip, 133318, anycastData}} {
		raw, err := unpack(of.packed, of.size)
		if err != nil {
			t.Fatalf("%s: %v", of.data.Name, err)
		}
		if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != of.data.SHA256 {
			t.Errorf("%s is %x", of.data.Name, sum)
		}
	}
	if _, err := unpack(anycastGzip, 133317); err == nil {
		t.Error("a database of another length is accepted")
	}
}

func TestLookup(t *testing.T) {
	a := atlas(t)
	for address, want := range map[string]string{
		"141.24.1.1":              "DE AS680 Verein zur Foerderung eines Deutschen Forschungsnetzes e.V.",
		"3.120.0.1":               "DE AS16509 Amazon.com, Inc.",
		"104.16.0.1":              "CA AS13335 Cloudflare, Inc. anycast",
		"2001:4860:4860::8888":    "CA AS15169 Google LLC",
		"::ffff:3.120.0.1":        "DE AS16509 Amazon.com, Inc.",
		"64:ff9b::3.120.0.1":      "DE AS16509 Amazon.com, Inc.",
		"127.0.0.1":               "loopback",
		"::1":                     "loopback",
		"fe80::1%eth0":            "link-local",
		"10.1.2.3":                "private",
		"100.64.1.1":              "shared",
		"192.0.2.1":               "documentation",
		"2001:db8::1":             "documentation",
		"fd00::1":                 "private",
		"ff02::fb":                "multicast",
		"::ffff:192.168.1.1":      "private",
		"255.255.255.255":         "reserved",
		"2a01:4f9:c010:1234::1":   "FI AS24940 Hetzner Online GmbH",
		"2606:4700::6810:1":       "CA AS13335 Cloudflare, Inc. anycast",
		"64:ff9b::127.0.0.1":      "loopback",
		"2001:638:504:20e4::25:1": "DE AS680 Verein zur Foerderung eines Deutschen Forschungsnetzes e.V.",
	} {
		got, err := a.Lookup(netip.MustParseAddr(address))
		if err != nil {
			t.Fatal(err)
		}
		text := got.Range
		if text == "" {
			for _, s := range got.Countries {
				text += s.Country + " "
			}
			text += fmt.Sprintf("AS%d %s", got.ASN, got.Organisation)
			if got.Anycast {
				text += " anycast"
			}
		}
		if text != want {
			t.Errorf("%s: %s, want %s", address, text, want)
		}
	}
}

// place describes a place in one line.
func describe(p Place) string {
	fact := func(f Fact) string {
		if f.Country == "" {
			return f.Why
		}
		return f.Country
	}
	who := func(o *Operator) string {
		if o == nil {
			return "-"
		}
		return o.ID
	}
	var where []string
	for _, l := range p.Addresses {
		where = append(where, fmt.Sprintf("%s in %s(%s/%s)", fact(l.Location), who(l.Network), fact(l.NetworkSeat), fact(l.NetworkParent)))
	}
	service := "-"
	if p.Service != nil {
		service = p.Service.Category + "/" + p.Service.Tracking
	}
	class, missing := p.Class(today)
	return fmt.Sprintf("%s %s seat %s parent %s; %s; %s %v", who(p.Operator), service, fact(p.Seat), fact(p.Parent), strings.Join(where, ", "), class, missing)
}

func TestPlace(t *testing.T) {
	a := atlas(t)
	for _, c := range []struct{ host, addresses, edge, want string }{
		{"meet.dfn.de", "141.24.1.1", "", "dfn nren/no seat DE parent DE; DE in dfn(DE/DE); eea []"},
		{"meet.verein.example", "141.24.1.1", "", "- - seat operator_unknown parent operator_unknown; DE in dfn(DE/DE); undetermined [seat parent]"},
		{"www.zoom.us", "3.120.0.1", "", "zoom video-conferencing/no seat US parent US; DE in amazon(US/US); dpf []"},
		{"log-gateway.zoom.us", "3.120.0.1", "", "zoom telemetry/yes seat US parent US; DE in amazon(US/US); dpf []"},
		{"meet.verein.example", "104.16.0.1", "", "- - seat operator_unknown parent operator_unknown; anycast in cloudflare(US/US); dpf [seat parent location]"},
		{"1.1.1.1", "", "", "- - seat operator_unknown parent operator_unknown; anycast in cloudflare(US/US); dpf [location]"},
		{"141.24.1.1", "", "", "- - seat operator_unknown parent operator_unknown; DE in dfn(DE/DE); eea []"},
		{"localhost", "127.0.0.1 ::1", "", "- - seat operator_unknown parent operator_unknown; not_public in -(operator_unknown/operator_unknown), not_public in -(operator_unknown/operator_unknown); local []"},
		{"www.google-analytics.com", "127.0.0.1", "", "google analytics/yes seat US parent US; not_public in -(operator_unknown/operator_unknown); dpf []"},
		{"teams.microsoft.com", "52.112.0.1", "", "microsoft video-conferencing/no seat US parent US; registered_seat in microsoft(US/US); dpf [location]"},
		{"nowhere.example", "", "", "- - seat operator_unknown parent operator_unknown; ; undetermined [seat parent location]"},
		{"x.test", "3.120.0.1", "FRA56-P7", "- - seat operator_unknown parent operator_unknown; cdn in amazon(US/US); dpf [seat parent location]"},
		{"GOOGLE-ANALYTICS.com.", "", "", "google analytics/yes seat US parent US; ; dpf [location]"},
		{"notgoogle-analytics.com", "", "", "- - seat operator_unknown parent operator_unknown; ; undetermined [seat parent location]"},
	} {
		q := Query{Host: c.host}
		for _, s := range strings.Fields(c.addresses) {
			q.Addresses = append(q.Addresses, netip.MustParseAddr(s))
		}
		if c.edge != "" {
			h, ok := Edge("x-amz-cf-pop", c.edge)
			if !ok {
				t.Fatalf("no hint in %q", c.edge)
			}
			q.Edge = []Hint{h}
		}
		p, err := a.Place(q)
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(p); got != c.want {
			t.Errorf("%s %s:\n got %s\nwant %s", c.host, c.addresses, got, c.want)
		}
		names := []string{}
		for _, d := range p.Data {
			if len(d.SHA256) != 64 || d.Date == "" || d.Name == "" {
				t.Errorf("%s: data set %+v", c.host, d)
			}
			names = append(names, d.Name)
		}
		if public := c.addresses != "" && !strings.HasPrefix(c.addresses, "127."); public && len(names) != 5 {
			t.Errorf("%s: data sets %v", c.host, names)
		}
	}
}

// TestSingleSource wants no host to be placed outside of the EEA by one
// database alone.
func TestSingleSource(t *testing.T) {
	a := atlas(t)
	at := Address{Address: "198.41.0.4", Countries: []Signal{{"US", "one"}}}
	if f := a.location(at, nil, false); f.Country != "" || f.Why != "single_source" || len(f.Signals) != 1 {
		t.Errorf("one source: %+v", f)
	}
	at.Countries = append(at.Countries, Signal{"US", "two"})
	if f := a.location(at, nil, false); f.Country != "US" || f.Class(today) != DPF {
		t.Errorf("two sources: %+v", f)
	}
	at.Countries[1].Country = "DE"
	if f := a.location(at, nil, false); f.Why != "databases_disagree" {
		t.Errorf("two answers: %+v", f)
	}
	if f := a.location(Address{Countries: []Signal{{"SE", "one"}}}, nil, false); f.Country != "SE" || !f.EEA {
		t.Errorf("within the EEA: %+v", f)
	}
	if f := a.location(Address{Countries: []Signal{{"CN", "one"}}}, a.operators.byID("alibaba"), false); f.Country != "CN" || f.Class(today) != NoDecision {
		t.Errorf("the seat agrees: %+v", f)
	}
}

// byID finds an operator.
func (t *operators) byID(id string) *row {
	i := slices.IndexFunc(t.rows, func(r *row) bool { return r.ID == id })
	if i < 0 {
		return nil
	}
	return t.rows[i]
}

func TestClassOfCountries(t *testing.T) {
	a := atlas(t)
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		country, day string
		want         Class
	}{
		{"DE", "2026-11-23", EEA}, {"NO", "2026-11-23", EEA}, {"CH", "2026-11-23", Adequacy}, {"US", "2026-11-23", DPF},
		{"US", "2023-07-09", NoDecision}, {"US", "2023-07-10", DPF}, {"BR", "2026-01-25", NoDecision}, {"BR", "2026-01-26", Conditional},
		{"GB", "2026-11-23", Adequacy}, {"GB", "2025-06-01", Adequacy}, {"GB", "2031-12-27", Adequacy}, {"GB", "2031-12-28", NoDecision},
		{"CN", "2026-11-23", NoDecision}, {"IN", "2026-11-23", NoDecision}, {"GI", "2026-11-23", Undetermined}, {"JP", "2026-11-23", Conditional}, {"", "2026-11-23", Undetermined},
	} {
		f := Fact{Country: c.country, Standing: a.decisions.of(c.country)}
		if got := f.Class(day(c.day)); got != c.want {
			t.Errorf("%s on %s: %s, want %s", c.country, c.day, got, c.want)
		}
	}
	for iso, d := range a.decisions.rows {
		if (d.Condition == "") != (d.ConditionDE == "") || (d.Scope == "full") != (d.Condition == "") {
			t.Errorf("%s: scope %q, condition %q / %q", iso, d.Scope, d.Condition, d.ConditionDE)
		}
	}
}

func TestTableOfOperators(t *testing.T) {
	a := atlas(t)
	if len(a.operators.rows) < 334 {
		t.Errorf("%d operators", len(a.operators.rows))
	}
	for _, r := range a.operators.rows {
		if r.Seat == "" || r.Ultimate == "" {
			t.Errorf("%s has no seat or parent", r.ID)
		}
		for _, n := range r.CDN {
			if !slices.Contains(r.ASNs, n) {
				t.Errorf("%s: AS%d is of its CDN but not of it", r.ID, n)
			}
		}
	}
	for _, c := range []struct{ host, path, want string }{
		{"www.google.com", "/recaptcha/api.js", "google captcha/possible url www.google.com/recaptcha/"},
		{"www.google.com", "/search", "google other/no domain google.com"},
		{"us05web.zoom.us", "/nws/join/logger/x", "zoom video-conferencing/no domain zoom.us"},
		{"zoom.us", "/nws/join/logger/x", "zoom telemetry/yes url zoom.us/nws/join/logger/"},
		{"eu-teams.events.data.microsoft.com", "/OneCollector/1.0/", "microsoft telemetry/yes domain events.data.microsoft.com"},
		{"meet.example.org", "/", "<nil> <nil>"},
	} {
		o, s := a.Service(c.host, c.path)
		got := "<nil> <nil>"
		if o != nil && s != nil {
			got = fmt.Sprintf("%s %s/%s %s", o.ID, s.Category, s.Tracking, s.By)
		}
		if got != c.want {
			t.Errorf("%s%s: %s, want %s", c.host, c.path, got, c.want)
		}
	}
	r, by := a.operators.byNetwork(64500, "Amazon Something, Inc.")
	if r == nil || r.ID != "amazon" || by != "name Amazon Something, Inc." {
		t.Errorf("by name: %v %q", r, by)
	}
	for _, c := range []struct {
		id   string
		asn  uint32
		want bool
	}{{"akamai", 20940, true}, {"akamai", 63949, false}, {"amazon", 16509, false}, {"fastly", 54113, true}, {"gcore", 199524, true}, {"hetzner", 24940, false}} {
		if got := a.operators.byID(c.id).cdn(c.asn); got != c.want {
			t.Errorf("AS%d of %s is a CDN: %v", c.asn, c.id, got)
		}
	}
}

func TestEdge(t *testing.T) {
	for _, c := range []struct{ header, value, want string }{
		{"CF-Ray", "8f1a2b3c4d5e6f70-FRA", "Cloudflare FRA DE"},
		{"x-amz-cf-pop", "HAM50-C1", "Amazon CloudFront HAM DE"},
		{"x-amz-cf-pop", "DUB2", "Amazon CloudFront DUB IE"},
		{"X-Served-By", "cache-iad-kiad7000123-IAD, cache-fra-eddf8230025-FRA", "Fastly FRA DE"},
		{"x-served-by", "cache-hhn4023-HHN", "Fastly HHN DE"},
		{"x-msedge-ref", "Ref A: 00000000000000000000000000000000 Ref B: AMS04EDGE1217 Ref C: 2026-11-23T12:00:00Z", "Microsoft Azure Front Door AMS NL"},
		{"x-vercel-id", "fra1::iad1::abcde-1700000000000-0123456789ab", "Vercel FRA DE"},
		{"fly-request-id", "01HZX8QJ2V3W4X5Y6Z7A8B9C0D-cdg", "Fly.io CDG FR"},
		{"x-77-pop", "frankfurtDE", "CDN77  DE"},
		{"server", "BunnyCDN-DE1-1047", "bunny.net  DE"},
		{"server", "cloudflare", "Cloudflare  "},
		{"via", "1.1 0123456789abcdef0123456789abcdef.cloudfront.net (CloudFront)", "Amazon CloudFront  "},
		{"cf-ray", "8f1a2b3c4d5e6f70-QQQ", "Cloudflare QQQ "},
		{"cf-ray", "<script>-FRA", ""}, {"cf-ray", "", ""}, {"server", "nginx", ""}, {"x-served-by", "web01.internal", ""},
	} {
		got := ""
		if h, ok := Edge(c.header, c.value); ok {
			got = fmt.Sprintf("%s %s %s", h.Network, h.Site, h.Country)
		}
		if got != c.want {
			t.Errorf("%s: %s: %q, want %q", c.header, c.value, got, c.want)
		}
	}
	if got := Within(time.Millisecond); got != 100 {
		t.Errorf("within %d km after a millisecond", got)
	}
	for code, name := range countryNames() {
		if country(code) != code || name.DE == "" || name.EN == "" {
			t.Errorf("country %s: %+v", code, name)
		}
	}
	for site, c := range sites() {
		if CountryName(c).EN == c {
			t.Errorf("site %s is in %s, which has no name", site, c)
		}
		if len(site) != 3 || country(c) != c {
			t.Errorf("site %s in %q", site, c)
		}
	}
}

func FuzzEdge(f *testing.F) {
	f.Add("cf-ray", "8f1a2b3c4d5e6f70-FRA")
	f.Add("server", "BunnyCDN-DE1-1047")
	f.Add("x-served-by", "cache-fra-eddf8230025-FRA")
	f.Fuzz(func(t *testing.T, header, value string) {
		if h, ok := Edge(header, value); ok && (h.Network == "" || strings.ContainsAny(h.Site+h.Country, "<>\"'& \n") || len(h.Site) > 3 || len(h.Country) > 2) {
			t.Errorf("%s: %s: %+v", header, value, h)
		}
	})
}

func FuzzTables(f *testing.F) {
	f.Add([]byte(`{"operators":[{"id":"a","name":"A","seat_country":"DE","asns":[1],"domains":["a.test"],"services":[{"category":"cdn","url_prefixes":["a.test/x"]}]}],"org_name_patterns":[{"re":"a","operator":"a"}]}`))
	f.Add([]byte(`{"verified_as_of":"2026-08-05","eea":["DE"],"adequacy":[{"iso":"CH","act":"x","date":"2000-01-01"}]}`))
	f.Add([]byte(`{"operators":[null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if o, err := parseOperators(text); err == nil {
			o.byHost("x.a.test")
			o.byNetwork(1, "a")
		}
		if d, err := parseDecisions(text); err == nil {
			d.of("CH").class("CH", today)
		}
	})
}

// FuzzDatabase feeds databases that anybody may have made.
func FuzzDatabase(f *testing.F) {
	f.Add(database24(map[string]map[string]any{"192.0.0.0/8": {"country_code": "DE"}}, "x"))
	f.Add(database24(map[string]map[string]any{"192.0.0.0/8": {"asn": "AS12", "as_name": "x"}}, "x"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		db, err := open("x", raw)
		if err != nil {
			return
		}
		db.holds(func(a Answer) bool { return a.Country != "" && len(a.Country) != 2 })
		if a, err := db.lookup(netip.MustParseAddr("192.1.2.3")); err == nil && a.Country != "" && len(a.Country) != 2 {
			t.Errorf("%+v", a)
		}
	})
}

// BenchmarkLoad is what the first public address costs. The bar is 200 ms.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := load(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlace(b *testing.B) {
	a := atlas(b)
	q := Query{Host: "www.zoom.us", Addresses: []netip.Addr{netip.MustParseAddr("3.120.0.1")}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Place(q); err != nil {
			b.Fatal(err)
		}
	}
}

func TestUserDatabases(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, raw []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const where = "141.0.0.0/8"
	for _, c := range []struct {
		name   string
		record map[string]any
		want   string
	}{
		{"maxmind", map[string]any{"country": map[string]any{"iso_code": "FR"}, "registered_country": map[string]any{"iso_code": "US"}}, "FR"},
		{"ip-location-db", map[string]any{"country_code": "FR"}, "FR"},
		{"ipinfo", map[string]any{"country": "France", "country_code": "FR", "asn": "AS64500", "as_name": "Example"}, "FR"},
		{"ipinfo-old", map[string]any{"country": "FR", "country_name": "France"}, "FR"},
		{"lower", map[string]any{"country_code": "fr"}, "FR"},
	} {
		path := write(c.name+".mmdb", database24(map[string]map[string]any{where: c.record}, "T"))
		a, err := Open(Files{Country: []string{path}})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, err := a.Lookup(netip.MustParseAddr("141.24.1.1"))
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Countries) != 2 || got.Countries[0].Country != c.want || got.Countries[1].Country != "DE" {
			t.Errorf("%s: %+v", c.name, got.Countries)
		}
		p, err := a.Place(Query{Host: "141.24.1.1"})
		if err != nil {
			t.Fatal(err)
		}
		if f := p.Addresses[0].Location; f.Why != "databases_disagree" || len(f.Signals) != 2 {
			t.Errorf("%s: location %+v", c.name, f)
		}
		if i := slices.IndexFunc(p.Data, func(d Dataset) bool { return d.Name == "T ("+c.name+")" && d.Date == "2026-11-01" }); i < 0 {
			t.Errorf("%s: data sets %+v", c.name, p.Data)
		}
	}
	for _, c := range []struct {
		name   string
		record map[string]any
		want   string
	}{
		{"geolite", map[string]any{"autonomous_system_number": uint32(64500), "autonomous_system_organization": "Example"}, "64500 Example"},
		{"ipinfo-asn", map[string]any{"asn": "AS64500", "as_name": "Example"}, "64500 Example"},
		{"iplocate", map[string]any{"asn": uint32(64500), "name": "Example"}, "64500 Example"},
	} {
		a, err := Open(Files{ASN: []string{write(c.name+".mmdb", database24(map[string]map[string]any{where: c.record}, "T"))}})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, err := a.Lookup(netip.MustParseAddr("141.24.1.1"))
		if text := fmt.Sprint(got.ASN, " ", got.Organisation); err != nil || text != c.want {
			t.Errorf("%s: %s, %v", c.name, text, err)
		}
	}
	everywhere := write("any.mmdb", database24(map[string]map[string]any{where: {"is_anycast": true}}, "T"))
	a, err := Open(Files{Anycast: []string{everywhere}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Lookup(netip.MustParseAddr("141.24.1.1")); err != nil || !got.Anycast {
		t.Errorf("anycast: %+v, %v", got, err)
	}
	for name, f := range map[string]Files{
		"of another kind": {Country: []string{everywhere}},
		"not there":       {ASN: []string{filepath.Join(dir, "nothing")}},
		"no database":     {Anycast: []string{write("text", []byte("hello"))}},
		"cut off":         {Anycast: []string{write("cut", database24(map[string]map[string]any{where: {"is_anycast": true}}, "T")[:40])}},
		"no table":        {Operators: write("t.json", []byte("{}"))},
		"no decisions":    {Decisions: write("d.json", []byte(`{"eea":["DE"]}`))},
		"no JSON":         {Decisions: everywhere},
	} {
		if _, err := Open(f); err == nil {
			t.Errorf("a file that is %s is accepted", name)
		}
	}
	table := write("own.json", []byte(`{"version":"mine","operators":[{"id":"me","name":"Me e.V.","seat_country":"CH","domains":["me.test"],"services":[]}]}`))
	decisions := write("own-decisions.json", []byte(`{"verified_as_of":"2030-01-02 (me)","eea":["DE","CH"],"adequacy":[{"iso":"JP","act":"x","date":"2019-01-23","scope":"full"}]}`))
	if a, err = Open(Files{Operators: table, Decisions: decisions}); err != nil {
		t.Fatal(err)
	}
	p, err := a.Place(Query{Host: "www.me.test"})
	if err != nil || !p.Seat.EEA || p.Parent.Country != "CH" || p.Data[1].Date != "2030-01-02" {
		t.Errorf("own tables: %+v, %v", p, err)
	}
}

// database24 writes a database in MaxMind's format with records of 24 bits:
// https://maxmind.github.io/MaxMind-DB/. The keys are IPv4 networks.
func database24(networks map[string]map[string]any, kind string) []byte {
	type node [2]int // 0 is empty, positive a node, negative the data at -1-n
	nodes := []node{{}}
	var data bytes.Buffer
	keys := []string{}
	for k := range networks {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		prefix := netip.MustParsePrefix(key)
		ip := prefix.Addr().As4()
		at, offset := 0, data.Len()
		encode(&data, networks[key])
		bits := 96 + prefix.Bits()
		for i := range bits {
			side := 0
			if i >= 96 {
				side = int(ip[(i-96)/8] >> (7 - i%8) & 1)
			}
			if i == bits-1 {
				nodes[at][side] = -1 - offset
				break
			}
			if nodes[at][side] <= 0 {
				nodes = append(nodes, node{})
				nodes[at][side] = len(nodes) - 1
			}
			at = nodes[at][side]
		}
	}
	var out bytes.Buffer
	for _, n := range nodes {
		for _, v := range n {
			switch {
			case v == 0:
				v = len(nodes)
			case v < 0:
				v = len(nodes) + 16 + (-1 - v)
			}
			out.Write([]byte{byte(v >> 16), byte(v >> 8), byte(v)})
		}
	}
	out.Write(make([]byte, 16))
	out.Write(data.Bytes())
	out.WriteString("\xab\xcd\xefMaxMind.com")
	encode(&out, map[string]any{"binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0),
		"build_epoch": uint64(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Unix()), "database_type": kind, "ip_version": uint16(6),
		"node_count": uint32(len(nodes)), "record_size": uint16(24), "description": map[string]any{}, "languages": []any{}})
	return out.Bytes()
}

func encode(out *bytes.Buffer, v any) {
	control := func(kind, size int) {
		if kind > 7 {
			out.Write([]byte{byte(size), byte(kind - 7)})
			return
		}
		if size > 28 {
			out.Write([]byte{byte(kind<<5 | 29), byte(size - 29)})
			return
		}
		out.WriteByte(byte(kind<<5 | size))
	}
	number := func(kind int, n uint64) {
		var b []byte
		for ; n > 0; n >>= 8 {
			b = append([]byte{byte(n)}, b...)
		}
		control(kind, len(b))
		out.Write(b)
	}
	switch v := v.(type) {
	case string:
		control(2, len(v))
		out.WriteString(v)
	case uint16:
		number(5, uint64(v))
	case uint32:
		number(6, uint64(v))
	case uint64:
		number(9, v)
	case bool:
		n := 0
		if v {
			n = 1
		}
		control(14, n)
	case []any:
		control(11, len(v))
	case map[string]any:
		control(7, len(v))
		keys := []string{}
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			encode(out, k)
			encode(out, v[k])
		}
	}
}
