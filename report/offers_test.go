package report_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"vksprobe/probe"
	"vksprobe/report"
	"vksprobe/tls"
	"vksprobe/tls/chain"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello/iana"
	"vksprobe/tls/norm"
)

// offers are two addresses of a name, of which the second is the worse one,
// and a server whose certificate was written by somebody who knows of us.
func offers() []tls.Offered {
	named := func(name func(uint16) string, codes ...uint16) (all []enumerate.Named) {
		for _, c := range codes {
			all = append(all, enumerate.Named{Code: c, Name: name(c)})
		}
		return all
	}
	suites := func(codes ...uint16) []enumerate.Named { return named(iana.SuiteName, codes...) }
	version := func(code uint16, name string, list ...uint16) enumerate.Version {
		v := enumerate.Version{Code: code, Name: name, State: enumerate.No}
		if len(list) > 0 {
			v.State, v.Suites, v.SuitePreference, v.SuitesOrdered, v.GroupPreference = enumerate.Yes, suites(list...), enumerate.Server, true, enumerate.Client
			v.Groups, v.SignatureSchemes = named(iana.GroupName, 0x11EC, 29, 23), named(iana.SignatureSchemeName, 0x0403)
		}
		return v
	}
	leaf := chain.Certificate{SHA256: strings.Repeat("ab", 32), Role: chain.Leaf, Subject: "CN=meet.example.org", Issuer: "CN=Example CA", Names: []string{"meet.example.org"}, NamesCount: 1,
		NotBefore: began.AddDate(0, -1, 0), NotAfter: began.AddDate(0, 2, 0), LifetimeDays: 92, Key: "RSA", Bits: 2048, SignatureName: "sha256WithRSAEncryption", SignatureCode: 0x0401,
		Scheme: "rsa_pkcs1_sha256", SignatureGraded: true}
	offer := func(address string, versions ...enumerate.Version) tls.Offered {
		return tls.Offered{
			Offer: enumerate.Offer{Host: "meet.example.org", Address: address, Transport: "tcp", Versions: versions, Protocols: []string{"h2", "http/1.1"},
				Features: map[string]enumerate.State{enumerate.SecureRenegotiation: enumerate.Yes, enumerate.ExtendedMasterSecret: enumerate.No, enumerate.Heartbeats: enumerate.Unknown},
				Flaws:    map[string]enumerate.State{enumerate.POODLE: enumerate.No, enumerate.RC4: enumerate.No},
				Chains:   []enumerate.Presented{{Names: []string{"host", "none"}, Versions: []string{"TLS 1.3"}}}},
			Certificates: []chain.Chain{{Certificates: []chain.Certificate{leaf}, Trusted: chain.No, TrustReason: chain.UnknownAuthority,
				Findings: []chain.Finding{{Code: "untrusted", Severity: chain.Error, Certificate: -1, Detail: "unknown_authority"}, {Code: "rsa_below_3000", Severity: chain.Notice, Detail: "2048"}}}},
			Traffic: &tls.Traffic{Exchanges: 58, Sent: 22_100, Received: 78_500, Duration: 600 * time.Millisecond},
		}
	}
	good := offer("192.0.2.1:443", version(0x0304, "TLS 1.3", 0x1302, 0x1301, 0x1303), version(0x0303, "TLS 1.2", 0xC02F, 0xC030), version(0x0302, "TLS 1.1"), version(0x0301, "TLS 1.0"), version(0x0300, "SSL 3.0"), version(0x0002, "SSL 2.0"))
	bad := offer("[2001:db8::1]:443", version(0x0304, "TLS 1.3", 0x1302, 0x1301, 0x1303), version(0x0303, "TLS 1.2", 0xC02F, 0x009C, 0x0005, 0x003F), version(0x0302, "TLS 1.1"), version(0x0301, "TLS 1.0", 0xC013, 0x0005), version(0x0300, "SSL 3.0"), version(0x0002, "SSL 2.0"))
	bad.Flaws[enumerate.RC4], bad.Offer.Versions[1].SuitesUnknown = enumerate.Yes, suites(0x000A)
	evil := offer(hostile, version(0x0304, "TLS 1.3", 0x1301))
	evil.Host, evil.StartTLS, evil.Protocols = hostile, hostile, []string{hostile}
	own := leaf
	own.Subject, own.Issuer, own.Names, own.SignatureName = hostile, hostile, []string{hostile}, hostile
	evil.Certificates = []chain.Chain{{Certificates: []chain.Certificate{own}, Trusted: chain.Unknown, Findings: []chain.Finding{{Code: "wildcard", Severity: chain.Notice, Detail: hostile}}}}
	evil.Flaws[hostile], evil.Features[hostile] = enumerate.Yes, enumerate.Yes
	return []tls.Offered{good, bad, evil}
}

// observed are the offers as observations.
func observed() (all []probe.Observation) {
	for i, o := range offers() {
		subject := "host:meet.example.org:443"
		if o.Host == hostile {
			subject = "host:" + hostile + ":443"
		}
		x := tls.Offer.New(subject, probe.Preflight, began, o, probe.Evidence{Path: "evidence/timeline.jsonl", SHA256: "00"})
		x.ID = fmt.Sprintf("tls.offer-%d", i+1)
		all = append(all, x)
	}
	return all
}

// asked is the report of servers that were asked without a meeting.
func asked(t *testing.T) *report.Report {
	t.Helper()
	all := observed()
	findings, err := probe.Judge(probe.NewFacts(all), began, probe.Rules(&tls.Rules))
	if err != nil {
		t.Fatal(err)
	}
	return report.New(probe.Run{ID: "abc", Started: began, Ended: began.Add(time.Second), State: probe.Complete, Scope: []string{"tls"}, Judged: began}, probe.Rules(&tls.Rules), all, findings, nil)
}

// german is the text of an element as those see it who chose German, with
// single spaces.
func german(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		if n.Type == html.ElementNode && attr(n, "class") == "t" && attr(n, "lang") == "en" {
			return
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestHTMLOffers(t *testing.T) {
	source, doc := rendered(t, asked(t), nil)
	if strings.Contains(source, "<script") || strings.Contains(source, "<img") {
		t.Error("markup of the target became markup of ours")
	}
	for _, gone := range []string{"connections", "media", "pictures", "hosts"} {
		if withID(doc, gone) != nil {
			t.Errorf("there is a section %s, though no meeting was visited", gone)
		}
	}
	for _, gone := range []string{"Konferenzlink", "Videokonferenz", "Standort der Messung", "Eigene Teilnehmer"} {
		for _, e := range elements(withID(doc, "main"), "section") {
			if (attr(e, "class") == "cover" || attr(e, "aria-labelledby") == "conditions") && strings.Contains(text(e), gone) {
				t.Errorf("the report speaks of %q", gone)
			}
		}
	}
	if got := german(withID(doc, "title").Parent); !strings.Contains(got, "Prüfbericht zur Verschlüsselung von Servern") || !strings.Contains(got, "meet.example.org:443") {
		t.Errorf("the cover says %q", got[:200])
	}
	server := withID(doc, "server-1") // the worst comes first
	said := german(server)
	for _, want := range []string{
		"meet.example.org:443", "Adresse 192.0.2.1:443", "Adresse [2001:db8::1]:443",
		"tls.version", "Angeboten wird TLS 1.0.", // what is wrong
		"Unterschiede zwischen den Adressen", "In der Reihenfolge des Servers.", "Der Client wählt.",
		"nicht empfohlen", "läuft aus bis 2026", "nicht aufgeführt", "aufgeführt bis 2032+", // the guideline's classes
		"Exportstärke", "Suites ohne sichere Antwort: 1", "58 Verbindungen in 0,6 s",
		"Worin die Normen einander widersprechen", "RFC 10015", "NIST SP 800-52",
		"Die Kette führt zu keiner Wurzel, der vertraut wird. Ihr Ende ist im Speicher der Wurzelzertifikate nicht bekannt.",
		"Extended Master Secret (RFC 7627)",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the server's part does not say %q", want)
		}
	}
	if strings.Contains(said, "unknown_authority") {
		t.Error("a code stands where words should")
	}
	var rows []string
	for _, e := range elements(server, "caption") {
		if strings.HasPrefix(text(e), "TLS 1.2") {
			for _, c := range elements(e.Parent, "code") {
				rows = append(rows, text(c))
			}
		}
	}
	if d := cmp.Diff([]string{"C02F", "C030", "C02F", "009C", "0005", "003F"}, rows); d != "" {
		t.Errorf("suites of TLS 1.2 in order (-want +got):\n%s", d)
	}
	for _, issues := range elements(server, "li") {
		if c := attr(issues, "class"); c == "fail" || c == "review" || c == "unknown" {
			if a := elements(issues, "a"); len(a) == 1 && withID(doc, attr(a[0], "href")[1:]) == nil {
				t.Errorf("%q leads nowhere", text(issues))
			}
		}
	}
	if n := len(elements(withID(doc, "server-1"), "h4")); n != 2 {
		t.Errorf("%d addresses", n)
	}
}

// TestHTMLOffersAreBounded wants a page of readable size of many servers.
func TestHTMLOffersAreBounded(t *testing.T) {
	var all []probe.Observation
	for i := range 400 {
		o := observed()[1]
		o.ID, o.Subject = fmt.Sprintf("tls.offer-%d", i+1), fmt.Sprintf("host:h%03d.example.org:443", i)
		all = append(all, o)
	}
	findings, err := probe.Judge(probe.NewFacts(all), began, probe.Rules(&tls.Rules))
	if err != nil {
		t.Fatal(err)
	}
	r := report.New(probe.Run{State: probe.Complete, Scope: []string{"tls"}, Judged: began}, probe.Rules(&tls.Rules), all, findings, nil)
	source, doc := rendered(t, r, nil)
	if len(source) > 6<<20 {
		t.Errorf("%d bytes", len(source))
	}
	if said := german(doc); !strings.Contains(said, "100 weitere Server sind hier ausgelassen") || !strings.Contains(said, "nicht ausgeführt sind 288 Server") {
		t.Error("does not say what is left out")
	}
}

// TestTLSTerminal holds the table against golden files.
func TestTLSTerminal(t *testing.T) {
	all := offers()
	var mechanisms []norm.Mechanism
	for _, o := range all[:2] {
		mechanisms = append(mechanisms, tls.Mechanisms(o)...)
	}
	mst, ok := norm.Builtin().Get("rfc9325")
	if !ok {
		t.Fatal("no RFC 9325")
	}
	r := norm.Compare(mechanisms, began, tls.Guideline(began), mst)
	for _, lang := range []string{"de", "en"} {
		var out bytes.Buffer
		report.TLS(&out, "meet.example.org", all[:2], &r, enumerate.Compare([]enumerate.Offer{all[0].Offer, all[1].Offer}), lang)
		report.TLS(&out, hostile, all[2:], nil, nil, lang)
		report.TLS(&out, "gone.example.org", nil, nil, nil, lang)
		for i, line := range strings.Split(out.String(), "\n") {
			if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e }) {
				t.Errorf("%s, line %d steers the terminal: %q", lang, i+1, line)
			}
		}
		path := "testdata/tls." + lang + ".txt"
		if *update {
			if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), out.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", lang, d)
		}
	}
}
