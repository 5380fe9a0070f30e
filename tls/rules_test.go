package tls

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
	"time"

	"vksprobe/probe"
	"vksprobe/probe/ruletest"
	"vksprobe/tls/chain"
	"vksprobe/tls/enumerate"
)

func TestRules(t *testing.T) { ruletest.Run(t, probe.Rules(&Rules), "testdata") }

// TestLintsHaveOneRule wants each lint about certificates to be judged by
// exactly one rule.
func TestLintsHaveOneRule(t *testing.T) {
	owner := map[chain.Code]string{}
	for rule, codes := range lintRules {
		if !slices.ContainsFunc(probe.Rules(&Rules), func(r *probe.Rule) bool { return r.ID == rule }) {
			t.Errorf("there is no rule %s", rule)
		}
		for _, code := range codes {
			if owner[code] != "" {
				t.Errorf("%s belongs to %s and %s", code, owner[code], rule)
			}
			owner[code] = rule
		}
	}
	for _, lint := range chain.Lints() {
		if owner[lint.Code] == "" {
			t.Errorf("no rule judges %s", lint.Code)
		}
		delete(owner, lint.Code)
	}
	for code, rule := range owner {
		t.Errorf("%s names the lint %s, which does not exist", rule, code)
	}
	for code, e := range netErrors {
		if lintRules[e.rule] == nil || e.text.DE == "" || e.text.EN == "" {
			t.Errorf("net error %d is incomplete", code)
		}
	}
}

// TestFlawsHaveOneRule wants a rule for each flaw that an offer can have.
func TestFlawsHaveOneRule(t *testing.T) {
	known := map[string]bool{}
	for _, f := range flaws {
		if known[f.name] {
			t.Errorf("%s has two rules", f.name)
		}
		known[f.name] = true
	}
	for _, name := range []string{enumerate.Heartbleed, enumerate.EarlyCCS, enumerate.Ticketbleed, enumerate.ROBOT, enumerate.DROWN, enumerate.LOGJAM, enumerate.FREAK, enumerate.SWEET32,
		enumerate.POODLE, enumerate.BEAST, enumerate.RC4, enumerate.CRIME, enumerate.Anonymous, enumerate.NullCipher, enumerate.ExportCipher, enumerate.UnsafePrime} {
		if !known[name] {
			t.Errorf("%s has no rule", name)
		}
		delete(known, name)
	}
	for name := range known {
		t.Errorf("no offer has the flaw %s", name)
	}
}

// TestDateAndEdition judges static Diffie-Hellman, listed until 2026, on days
// around the end of that year, and takes the edition of the day.
func TestDateAndEdition(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for date, edition := range map[string]string{"2020-01-01": "2024-01", "2024-12-31": "2024-01", "2025-02-01": "2025-01", "2026-01-26": "2025-01", "2026-01-27": "2026-01", "2030-01-01": "2026-01"} {
		if got := Guideline(day(date)).Edition; got != edition {
			t.Errorf("on %s edition %s, want %s", date, got, edition)
		}
	}
	o := Offered{Offer: enumerate.Offer{Host: "meet.example.org", Address: "192.0.2.1:443", Transport: "tcp", Versions: []enumerate.Version{{Code: 0x0303, Name: "TLS 1.2", State: enumerate.Yes,
		Suites: []enumerate.Named{{Code: 0x003F, Name: "TLS_DH_RSA_WITH_AES_128_CBC_SHA256"}}}}}}
	f := Offer.New("host:meet.example.org:443", probe.Preflight, day("2025-06-01"), o)
	f.ID = "tls.offer-1"
	for date, want := range map[string]probe.Verdict{"2025-06-01": probe.Pass, "2026-12-31": probe.Review, "2027-01-01": probe.Fail} {
		got, err := probe.Judge(probe.NewFacts([]probe.Observation{f}), day(date), slices.DeleteFunc(probe.Rules(&Rules), func(r *probe.Rule) bool { return r.ID != "tls.cipher-suite" }))
		if err != nil || len(got) != 1 || got[0].Verdict != want {
			t.Errorf("on %s: %+v, want %s", date, got, want)
		}
	}
}

// TestSilenceIsNoPass judges an offer in which nothing was answered but the
// version: whatever is not applicable then, nothing may pass that needs an
// answer.
func TestSilenceIsNoPass(t *testing.T) {
	o := Offered{Offer: enumerate.Offer{Host: "meet.example.org", Address: "192.0.2.1:443", Transport: "tcp", Versions: []enumerate.Version{
		{Code: 0x0304, Name: "TLS 1.3", State: enumerate.Yes}, {Code: 0x0303, Name: "TLS 1.2", State: enumerate.Yes}}}}
	f := Offer.New("host:meet.example.org:443", probe.Preflight, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), o)
	f.ID = "tls.offer-1"
	findings, err := probe.Judge(probe.NewFacts([]probe.Observation{f}), f.Time, probe.Rules(&Rules))
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range findings {
		switch {
		case got.Verdict == probe.Pass && got.Rule != "tls.version-1-3" && got.Rule != "tls.expires-next":
			t.Errorf("%s passes: %s", got.Rule, got.Detail.EN)
		case got.Verdict == probe.Fail:
			t.Errorf("%s fails: %s", got.Rule, got.Detail.EN)
		}
	}
}

// TestFeaturesHaveNames reads the names of features from the source of package
// enumerate.
func TestFeaturesHaveNames(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "enumerate/feature.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	block, count := f.Decls[1].(*ast.GenDecl), 0
	for _, spec := range block.Specs {
		for _, value := range spec.(*ast.ValueSpec).Values {
			name, err := strconv.Unquote(value.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if count++; FeatureName(name).DE == name {
				t.Errorf("%s has no name", name)
			}
		}
	}
	if count < 30 {
		t.Errorf("only %d features", count)
	}
}
