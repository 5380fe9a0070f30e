package norm

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func on(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

var autumn = on(2026, 11, 23)

func get(t *testing.T, key string) *Norm {
	t.Helper()
	n, ok := Builtin().Get(key)
	if !ok {
		t.Fatalf("no norm %s", key)
	}
	return n
}

func suite(code uint16, name string) Mechanism {
	m := Mechanism{Kind: CipherSuite, Code: code, Name: name, Version: 0x0303}
	if code>>8 == 0x13 {
		m.Version = 0x0304
	}
	return m
}

func TestBuiltin(t *testing.T) {
	var keys []string
	for _, n := range Builtin().All() {
		keys = append(keys, n.Key())
	}
	want := []string{"anssi-tls/1.2", "bsi-mst-tls/2026-04-draft", "bsi-tr-02102-2/2024-01", "bsi-tr-02102-2/2025-01", "bsi-tr-02102-2/2026-01",
		"bsi-tr-03116-4/2022", "mozilla-intermediate/5.8", "mozilla-intermediate/6.0", "mozilla-modern/5.8", "mozilla-modern/6.0",
		"ncsc-nl/2025-05", "nist-sp-800-52/r2", "rfc10015/2026-07", "rfc9325/2022-11"}
	if !slices.Equal(keys, want) {
		t.Errorf("norms %v\nwant %v", keys, want)
	}
	if n := get(t, "bsi-tr-02102-2"); n.Edition != "2026-01" {
		t.Errorf("the newest edition is %s", n.Edition)
	}
	if _, ok := Builtin().Get("bsi-tr-02102-2/2031-01"); ok {
		t.Error("an edition that does not exist")
	}
}

const valid = `{"id":"x","document":"X","edition":"1","title":{"de":"t","en":"t"},"url":"u","quality":"primary","note":{"de":"n","en":"n"},
"sources":{"s":{"quality":"primary","text":"s"}},"conditions":{"c":{"de":"c","en":"c"}},"texts":{"t/expired":{"de":"t","en":"t"}},
"rows":[{"id":"a","kind":"cipher_suite","code":"0x1301","name":"N","says":"recommended","until":"2026","section":"1","sources":["s"],"certainty":"high"}]}`

// Each change makes the file wrong, and the loader says so.
func TestLoadIsStrict(t *testing.T) {
	load := func(files ...string) error {
		fsys := fstest.MapFS{}
		for i, f := range files {
			fsys[string(rune('a'+i))+".json"] = &fstest.MapFile{Data: []byte(f)}
		}
		_, err := Load(fsys)
		return err
	}
	if err := load(valid); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string][2]string{
		"unknown field":            {`"id":"a"`, `"id":"a","colour":"red"`},
		"unknown field of a file":  {`"id":"x"`, `"id":"x","colour":"red"`},
		"unknown kind":             {`cipher_suite`, `suite`},
		"unknown word":             {`"recommended"`, `"nice"`},
		"unknown certainty":        {`"certainty":"high"`, `"certainty":"sure"`},
		"no certainty":             {`,"certainty":"high"`, ``},
		"no section":               {`"section":"1",`, ``},
		"no source":                {`"sources":["s"],`, ``},
		"no such source":           {`["s"]`, `["r"]`},
		"no such condition":        {`"section"`, `"conditions":["d"],"section"`},
		"no such text":             {`"section"`, `"text":"r","section"`},
		"no such class of a text":  {`t/expired`, `t/broken`},
		"year with a refusal":      {`"recommended"`, `"forbidden"`},
		"not a year":               {`"2026"`, `"soon"`},
		"year with a sign":         {`"2026"`, `"+2026"`},
		"not a code":               {`0x1301`, `1301`},
		"short code":               {`0x1301`, `0x13`},
		"code and pattern":         {`"name":"N"`, `"match":["*"]`},
		"neither name nor pattern": {`"code":"0x1301","name":"N",`, ``},
		"bad pattern":              {`"code":"0x1301","name":"N"`, `"match":["[a"]`},
		"unknown version":          {`"section"`, `"versions":["TLS 1.4"],"section"`},
		"min above max":            {`"section"`, `"min":3,"max":2,"section"`},
		"use of a suite":           {`"section"`, `"use":"certificate","section"`},
		"text in one language":     {`"note":{"de":"n","en":"n"}`, `"note":{"de":"n"}`},
		"unknown quality":          {`"quality":"primary","note"`, `"quality":"hearsay","note"`},
		"id used twice":            {`"rows":[`, `"rows":[{"id":"a","kind":"group","name":"N","says":"allowed","section":"1","sources":["s"],"certainty":"low"},`},
		"two values":               {`"certainty":"high"}]}`, `"certainty":"high"}]} {}`},
		"follows nothing":          {`"id":"x"`, `"id":"x","follows":"y"`},
		"slash in the id":          {`"id":"x"`, `"id":"x/y"`},
		"no url":                   {`"url":"u",`, ``},
	} {
		changed := strings.Replace(valid, c[0], c[1], 1)
		if changed == valid {
			t.Fatalf("%s: nothing changed", what)
		}
		if load(changed) == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	if load(valid, valid) == nil {
		t.Error("the same norm twice: accepted")
	}
}

// Every row of every norm can be reached, has words in both languages and
// leads to the class that its word means.
func TestEveryRowIsReached(t *testing.T) {
	for _, n := range Builtin().All() {
		if n.ID == "bsi-tr-02102-2" {
			continue // see package tr02102
		}
		for _, r := range n.Rows {
			m := Mechanism{Kind: r.Kind, Name: r.Name, Use: r.Use, Bits: max(r.Min, r.Max)}
			if r.Code != nil {
				m.Code = uint16(*r.Code)
			}
			if len(r.Match) > 0 {
				m.Code, m.Name = 0xFFFF, strings.ReplaceAll(r.Match[0], "*", "Q")
			}
			if r.Kind != Version && len(r.Versions) > 0 {
				m.Version, _ = versionCode(r.Versions[0])
			}
			a := n.Assess(m, on(2024, 1, 1))
			if a.Row != r.ID || a.Class != r.Says.class() || a.Via != "" {
				t.Errorf("%s: %s is judged by %q as %s", n.Key(), r.ID, a.Row, a.Class)
			}
			if strings.ContainsAny(a.Detail.DE+a.Detail.EN, "{}") || a.Detail.DE == "" || a.Detail.EN == "" || a.Detail.DE == a.Detail.EN {
				t.Errorf("%s: %s: %+v", n.Key(), r.ID, a.Detail)
			}
			if strings.Contains(a.Detail.DE, "Abschnitt -") {
				t.Errorf("%s: %s: cites an unverified section: %s", n.Key(), r.ID, a.Detail.DE)
			}
			if r.Until.Year != 0 {
				if got := n.Assess(m, on(r.Until.Year, 12, 31)).Class; got != Expiring {
					t.Errorf("%s: %s in its last year: %s", n.Key(), r.ID, got)
				}
				if got := n.Assess(m, on(r.Until.Year+1, 1, 1)).Class; got != Expired {
					t.Errorf("%s: %s a year later: %s", n.Key(), r.ID, got)
				}
			}
		}
	}
}

// What the norms say on the same mechanisms, from the facts and not from the
// data.
func TestVerdicts(t *testing.T) {
	norms := []string{"bsi-tr-02102-2", "bsi-mst-tls", "bsi-tr-03116-4", "mozilla-modern", "mozilla-intermediate", "ncsc-nl", "nist-sp-800-52", "anssi-tls", "rfc9325", "rfc10015"}
	for _, c := range []struct {
		m    Mechanism
		want string // in the order of norms
	}{
		{Mechanism{Kind: Version, Code: 0x0304, Name: "TLS 1.3"}, "listed required listed listed listed listed required listed listed not_listed"},
		{Mechanism{Kind: Version, Code: 0x0303, Name: "TLS 1.2"}, "listed required required not_listed listed listed required listed required not_listed"},
		{Mechanism{Kind: Version, Code: 0x0301, Name: "TLS 1.0"}, "not_recommended forbidden forbidden not_listed not_listed insufficient not_recommended forbidden forbidden not_listed"},
		{Mechanism{Kind: Version, Code: 0x0300, Name: "SSL 3.0"}, "not_recommended forbidden forbidden not_listed not_listed insufficient forbidden forbidden forbidden not_listed"},
		{Mechanism{Kind: Version, Code: 0xFEFD, Name: "DTLS 1.2"}, "not_listed not_listed not_listed not_listed not_listed not_listed not_listed not_listed required not_listed"},
		{Mechanism{Kind: Version, Code: 0xFEFF, Name: "DTLS 1.0"}, "not_listed not_listed not_listed not_listed not_listed not_listed not_listed not_listed forbidden not_listed"},
		{suite(0x1301, "TLS_AES_128_GCM_SHA256"), "listed listed required listed listed listed listed listed not_listed not_listed"},
		{suite(0x1303, "TLS_CHACHA20_POLY1305_SHA256"), "not_listed not_listed not_listed listed listed listed forbidden listed not_listed not_listed"},
		{suite(0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), "listed listed required not_listed listed listed listed listed listed not_listed"},
		{suite(0xC027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"), "listed listed listed_expiring not_listed not_listed phase_out listed not_recommended listed not_listed"},
		{suite(0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"), "listed listed listed not_listed not_listed phase_out listed not_recommended not_recommended forbidden"},
		{suite(0xC031, "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256"), "listed_expiring forbidden listed_expiring not_listed not_listed insufficient listed not_recommended not_recommended not_recommended"},
		{suite(0x00A0, "TLS_DH_RSA_WITH_AES_128_GCM_SHA256"), "listed_expiring forbidden listed_expiring not_listed not_listed insufficient listed not_recommended not_recommended forbidden"},
		{suite(0x009C, "TLS_RSA_WITH_AES_128_GCM_SHA256"), "not_listed forbidden not_listed not_listed not_listed insufficient phase_out not_recommended not_recommended forbidden"},
		{suite(0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"), "not_listed forbidden not_listed not_listed not_listed insufficient forbidden not_recommended not_recommended forbidden"},
		{suite(0xC011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"), "not_listed not_listed not_listed not_listed not_listed insufficient forbidden not_recommended forbidden not_listed"},
		{Mechanism{Kind: Group, Code: 29, Name: "x25519", Version: 0x0304}, "not_listed not_listed not_listed listed listed listed not_listed listed listed not_listed"},
		{Mechanism{Kind: Group, Code: 23, Name: "secp256r1", Version: 0x0304}, "listed listed required listed listed listed required listed listed not_listed"},
		{Mechanism{Kind: Group, Code: 31, Name: "brainpoolP256r1tls13", Version: 0x0304}, "listed listed required not_listed not_listed listed not_listed listed not_listed not_listed"},
		{Mechanism{Kind: Group, Code: 257, Name: "ffdhe3072", Version: 0x0303}, "listed listed listed not_listed not_listed phase_out listed listed not_listed forbidden"},
		{Mechanism{Kind: Group, Code: 4588, Name: "X25519MLKEM768", Version: 0x0304}, "not_listed not_listed not_listed listed listed not_listed not_listed not_listed not_listed not_listed"},
		{Mechanism{Kind: Group, Code: 4587, Name: "SecP256r1MLKEM768", Version: 0x0304}, "announced announced announced not_listed not_listed not_listed not_listed not_listed not_listed not_listed"},
		{Mechanism{Kind: CertificateSignature, Code: 0x0401, Name: "rsa_pkcs1_sha256"}, "expired expired expired not_listed listed listed listed listed listed not_listed"},
		{Mechanism{Kind: CertificateSignature, Code: 0x0201, Name: "rsa_pkcs1_sha1"}, "not_listed not_listed not_listed not_listed not_listed insufficient forbidden forbidden forbidden not_listed"},
		{Mechanism{Kind: CertificateSignature, Code: 0x0201, Name: "sha1WithRSAEncryption"}, "not_listed not_listed not_listed not_listed not_listed insufficient forbidden forbidden forbidden not_listed"},
		{Mechanism{Kind: Key, Name: "RSA", Use: ForCertificate, Bits: 2048}, "insufficient insufficient insufficient not_listed listed phase_out listed listed listed not_listed"},
		{Mechanism{Kind: Key, Name: "RSA", Use: ForCertificate, Bits: 1024}, "insufficient insufficient insufficient not_listed insufficient insufficient insufficient not_listed forbidden not_listed"},
		{Mechanism{Kind: Key, Name: "ECDSA", Use: ForCertificate, Bits: 256}, "listed listed listed listed listed listed listed listed not_listed not_listed"},
		{Mechanism{Kind: Feature, Name: "early_data", Version: 0x0304}, "not_recommended not_recommended forbidden not_listed not_listed not_recommended not_recommended not_recommended listed not_listed"},
		{Mechanism{Kind: Feature, Name: "truncated_hmac", Version: 0x0303}, "not_recommended not_recommended not_recommended not_listed not_listed not_listed not_listed not_recommended forbidden not_listed"},
		{Mechanism{Kind: Certificate, Name: "lifetime_days", Bits: 398}, "not_listed not_listed listed insufficient insufficient not_listed listed not_listed not_listed not_listed"},
		{Mechanism{Kind: Certificate, Name: "wildcard_name"}, "not_listed not_listed forbidden not_listed not_listed not_listed not_listed not_listed not_listed not_listed"},
	} {
		for i, want := range strings.Fields(c.want) {
			if a := get(t, norms[i]).Assess(c.m, autumn); string(a.Class) != want {
				t.Errorf("%s: %s %s %d: %s (%s), want %s", norms[i], c.m.Kind, c.m.Name, c.m.Bits, a.Class, a.Row, want)
			}
		}
	}
}

// A norm that follows another one is answered by it and says so.
func TestFollows(t *testing.T) {
	a := get(t, "bsi-mst-tls").Assess(suite(0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), autumn)
	if a.Norm != "bsi-mst-tls/2026-04-draft" || a.Via != "bsi-tr-02102-2/2026-01" || !strings.Contains(a.Detail.DE, "BSI TR-02102-2, Ausgabe 2026-01, Abschnitt 3.3.1.1, Tabelle 3") {
		t.Errorf("%s via %s: %s", a.Norm, a.Via, a.Detail.DE)
	}
}

// A norm that is silent on DTLS is applied by analogy, and the answer says so.
func TestAnalogy(t *testing.T) {
	m := Mechanism{Kind: CipherSuite, Code: 0xC02B, Name: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Version: 0xFEFD}
	if a := get(t, "bsi-tr-02102-2").Assess(m, autumn); a.Class != Listed || !a.Analogy || !strings.Contains(a.Detail.DE, "sinngemäß") {
		t.Errorf("%+v", a)
	}
	if a := get(t, "rfc9325").Assess(m, autumn); a.Class != Listed || a.Analogy {
		t.Errorf("%+v", a)
	}
}

func TestConditionsAreReturned(t *testing.T) {
	a := get(t, "bsi-tr-02102-2").Assess(suite(0xC027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"), autumn)
	if len(a.Conditions) != 1 || a.Conditions[0].ID != "encrypt_then_mac" || !strings.Contains(a.Detail.DE, "Bedingung: nur zusammen mit der Erweiterung encrypt_then_mac") {
		t.Errorf("%+v", a)
	}
}

func TestNotListedIsNoVerdict(t *testing.T) {
	for _, n := range Builtin().All() {
		a := n.Assess(Mechanism{Kind: Feature, Name: "never_heard_of"}, autumn)
		if a.Class != NotListed || a.Class.Permits() || a.Class.Objects() {
			t.Errorf("%s: %+v", n.Key(), a)
		}
		if !strings.Contains(a.Detail.DE, "keine Aussage") || !strings.Contains(a.Detail.EN, "no statement") {
			t.Errorf("%s: %+v", n.Key(), a.Detail)
		}
	}
}

func TestConflicts(t *testing.T) {
	dhe, ecdhe := suite(0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"), suite(0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
	x25519 := Mechanism{Kind: Group, Code: 29, Name: "x25519", Version: 0x0304}
	unknown := Mechanism{Kind: Group, Code: 0x6399, Name: "X25519Kyber768Draft00", Version: 0x0304}
	r := Compare([]Mechanism{dhe, {Kind: Feature, Name: "heartbeat", Absent: true}, ecdhe, x25519, unknown}, autumn,
		get(t, "bsi-tr-02102-2"), get(t, "rfc10015"), get(t, "mozilla-intermediate"))
	if len(r.Conflicts) != 2 || r.Day != "2026-11-23" {
		t.Fatalf("%d conflicts on %s: %+v", len(r.Conflicts), r.Day, r.Conflicts)
	}
	sides := func(c Conflict) (out []string) {
		for _, a := range c.Sides {
			out = append(out, a.Norm+" "+string(a.Class)+" "+a.Until.String())
		}
		return out
	}
	if c := r.Conflicts[0]; c.Mechanism != dhe || !c.Opposed || !slices.Equal(sides(c), []string{"bsi-tr-02102-2/2026-01 listed 2029", "rfc10015/2026-07 forbidden ", "mozilla-intermediate/6.0 not_listed "}) {
		t.Errorf("%+v", c)
	}
	if c := r.Conflicts[1]; c.Mechanism != x25519 || c.Opposed || !slices.Equal(sides(c), []string{"bsi-tr-02102-2/2026-01 not_listed ", "mozilla-intermediate/6.0 listed "}) {
		t.Errorf("%+v", c)
	}
	for i, want := range []map[Class]int{{Listed: 2, NotListed: 2}, {Forbidden: 1, NotListed: 3}, {Listed: 2, NotListed: 2}} {
		for class, n := range want {
			if r.Norms[i].Count[class] != n {
				t.Errorf("%s: %d %s, want %d", r.Norms[i].Norm, r.Norms[i].Count[class], class, n)
			}
		}
	}
}

func TestEnding(t *testing.T) {
	n := get(t, "bsi-tr-02102-2/2026-01")
	years := func(es []Ending) (out []int) {
		for _, e := range es {
			out = append(out, e.Year, len(e.Rows))
		}
		return out
	}
	// the whole norm: 21 rows of 2026; in 2029 16 DHE suites, dsa with three
	// hashes, two groups in TLS 1.2 and DSA keys
	if got := years(n.Ending(nil, autumn)); len(got) < 4 || got[0] != 2026 || got[1] != 21 || got[2] != 2029 || got[3] != 22 {
		t.Errorf("%v", got)
	}
	if got := n.Ending(nil, on(2027, 1, 1)); got[0].Year != 2029 {
		t.Errorf("after the new year: %v", years(got))
	}
	offered := []Mechanism{suite(0x003F, "TLS_DH_RSA_WITH_AES_128_CBC_SHA256"), suite(0x1301, "TLS_AES_128_GCM_SHA256"), suite(0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
		{Kind: CertificateSignature, Code: 0x0401, Name: "rsa_pkcs1_sha256"}, suite(0x003F, "TLS_DH_RSA_WITH_AES_128_CBC_SHA256")}
	if got := years(n.Ending(offered, autumn)); !slices.Equal(got, []int{2026, 1, 2032, 1}) {
		t.Errorf("%v", got)
	}
	if got := n.Ending([]Mechanism{}, autumn); got != nil {
		t.Errorf("nothing is offered, but %v", got)
	}
}

func TestMissing(t *testing.T) {
	n := get(t, "bsi-tr-03116-4")
	rows := func(offered ...Mechanism) (out []string) {
		for _, g := range n.Missing(offered, autumn) {
			var ids []string
			for _, r := range g.Rows {
				ids = append(ids, r.ID)
			}
			out = append(out, strings.Join(ids, "|"))
		}
		return out
	}
	tls12, tls13 := Mechanism{Kind: Version, Code: 0x0303, Name: "TLS 1.2"}, Mechanism{Kind: Version, Code: 0x0304, Name: "TLS 1.3"}
	p256 := Mechanism{Kind: Group, Code: 23, Name: "secp256r1"}
	for _, c := range []struct {
		offered []Mechanism
		want    []string
	}{
		{[]Mechanism{tls12, p256, suite(0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")}, []string{"CS-C02B|CS-C02F|CS-C023|CS-C027", "G12-001A"}},
		{[]Mechanism{tls12, p256, suite(0xC027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256")}, []string{"G12-001A"}},
		{[]Mechanism{tls13}, []string{"VER-TLS12"}},
		{[]Mechanism{tls12, tls13, {Kind: Feature, Name: "extended_master_secret", Version: 0x0303, Absent: true}}, []string{"F-EMS"}},
		{[]Mechanism{{Kind: Version, Code: 0xFEFD, Name: "DTLS 1.2"}}, nil},
	} {
		if got := rows(c.offered...); !slices.Equal(got, c.want) {
			t.Errorf("%v: missing %v, want %v", c.offered, got, c.want)
		}
	}
	// one of TLS 1.2 and 1.3 is enough for the Mindeststandard
	if gaps := get(t, "bsi-mst-tls").Missing([]Mechanism{tls13}, autumn); len(gaps) != 0 {
		t.Errorf("%+v", gaps)
	}
	if gaps := get(t, "bsi-mst-tls").Missing([]Mechanism{{Kind: Version, Code: 0x0301, Name: "TLS 1.0"}}, autumn); len(gaps) != 1 || len(gaps[0].Rows) != 2 {
		t.Errorf("%+v", gaps)
	}
}

func TestProfile(t *testing.T) {
	p := get(t, "bsi-tr-02102-2").Profile(autumn)
	if got := Codes(p.Of(Version, 0)); !slices.Equal(got, []uint16{0x0304, 0x0303}) {
		t.Errorf("versions %04X", got)
	}
	if got := Codes(p.Of(CipherSuite, 0x0304)); !slices.Equal(got, []uint16{0x1301, 0x1302, 0x1304}) {
		t.Errorf("suites %04X", got)
	}
	if got := len(p.Of(CipherSuite, 0x0303)); got != 51 {
		t.Errorf("%d suites in TLS 1.2", got)
	}
	if got := Codes(p.Of(Group, 0x0304)); !slices.Equal(got, []uint16{23, 24, 25, 31, 32, 33, 257, 258}) {
		t.Errorf("groups %d", got)
	}
	if got := Codes(p.Of(CertificateSignature, 0)); slices.Contains(got, 0x0401) || len(got) != 12 {
		t.Errorf("signatures of certificates %04X", got)
	}
	for _, c := range p.Of(Key, 0) {
		if c.Mechanism.Name == "RSA" && c.Min != 3000 {
			t.Errorf("RSA from %d bits", c.Min)
		}
	}
	next := get(t, "bsi-tr-02102-2").Profile(on(2027, 1, 1))
	if got := len(next.Of(CipherSuite, 0x0303)); got != 51-20 {
		t.Errorf("%d suites in TLS 1.2 in 2027", got)
	}
	if got := get(t, "bsi-tr-02102-2").Profile(on(2032, 1, 1)).Of(CipherSuite, 0); len(got) != 3 {
		t.Errorf("%d suites in 2032, when TLS 1.2 has ended", len(got))
	}
	modern := get(t, "mozilla-modern").Profile(autumn)
	if got := Codes(modern.Of(Group, 0x0304)); !slices.Equal(got, []uint16{0x11EC, 29, 23, 24}) {
		t.Errorf("groups %d", got)
	}
	if len(modern.Of(CipherSuite, 0x0303)) != 0 || modern.Permits(Mechanism{Kind: Version, Code: 0x0303}) {
		t.Error("TLS 1.2 in a profile that has only TLS 1.3")
	}
	// the draft forbids static key exchange that the norm it follows still lists
	if got := len(get(t, "bsi-mst-tls").Profile(autumn).Of(CipherSuite, 0x0303)); got != 51-20 {
		t.Errorf("%d suites in TLS 1.2 by the Mindeststandard", got)
	}
	if !slices.ContainsFunc(p.Avoid, func(a Assessment) bool { return a.Mechanism.Name == "heartbeat" }) {
		t.Error("heartbeat is not among what to avoid")
	}
	// what a profile chooses, it permits
	for _, n := range Builtin().All() {
		p := n.Profile(autumn)
		for _, c := range p.Choices {
			if !p.Permits(c.Mechanism) {
				t.Errorf("%s: %+v", n.Key(), c.Mechanism)
			}
		}
	}
}

func TestAssessmentAsJSON(t *testing.T) {
	a := get(t, "bsi-tr-02102-2").Assess(suite(0xC027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"), autumn)
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var back Assessment
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if back.Until != a.Until || back.Conditions[0] != a.Conditions[0] || back.Detail != a.Detail || !strings.Contains(string(raw), `"until":"2031"`) {
		t.Errorf("%s", raw)
	}
	none, err := json.Marshal(get(t, "rfc10015").Assess(suite(0xC02F, "X"), autumn))
	if err != nil || strings.Contains(string(none), "until") {
		t.Errorf("%s: %v", none, err)
	}
}

// An exception of a pattern, and a use of a key, are part of what fits.
func TestFits(t *testing.T) {
	anon := suite(0x006C, "TLS_DH_anon_WITH_AES_128_CBC_SHA256")
	if a := get(t, "bsi-mst-tls").Assess(anon, autumn); a.Class != NotListed || a.Via == "" {
		t.Errorf("an ephemeral exchange without certificate: %s by %s", a.Class, a.Row)
	}
	key := Mechanism{Kind: Key, Name: "RSA", Use: ForExchange, Bits: 3072}
	if a := get(t, "bsi-tr-02102-2").Assess(key, autumn); a.Class != NotListed {
		t.Errorf("RSA for key transport: %s by %s", a.Class, a.Row)
	}
	key = Mechanism{Kind: Key, Name: "RSA", Use: ForCertificate} // length not measured
	if a := get(t, "bsi-tr-02102-2").Assess(key, autumn); a.Class != NotListed {
		t.Errorf("RSA of unknown length: %s by %s", a.Class, a.Row)
	}
}

// A profile has no suites for a version that the norm itself refuses; and a
// norm cannot follow one that follows another.
func TestMadeUpNorms(t *testing.T) {
	rows := `{"id":"v","kind":"version","code":"0x0303","name":"TLS 1.2","says":"forbidden","section":"1","sources":["s"],"certainty":"high"},
		{"id":"b","kind":"cipher_suite","code":"0xC02F","name":"B","versions":["TLS 1.2"],"says":"allowed","section":"1","sources":["s"],"certainty":"high"},`
	file := func(old, new string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(strings.Replace(strings.Replace(valid, `"rows":[`, `"rows":[`+rows, 1), old, new, 1))}
	}
	c, err := Load(fstest.MapFS{"a.json": file("", "")})
	if err != nil {
		t.Fatal(err)
	}
	n, _ := c.Get("x")
	p := n.Profile(on(2020, 1, 1))
	if got := Codes(p.Of(CipherSuite, 0)); !slices.Equal(got, []uint16{0x1301}) {
		t.Errorf("suites %04X", got)
	}
	_, err = Load(fstest.MapFS{"a.json": file(`"id":"x"`, `"id":"x","follows":"y"`), "b.json": file(`"id":"x"`, `"id":"y","follows":"z"`), "c.json": file(`"id":"x"`, `"id":"z"`)})
	if err == nil {
		t.Error("a chain of norms was accepted")
	}
}

// No sentence about silence uses the words for a broken mechanism.
func TestTone(t *testing.T) {
	for _, n := range Builtin().All() {
		for _, r := range n.Rows {
			if r.Says != SaysNotListed {
				continue
			}
			text := n.detail(Assessment{Class: NotListed, Mechanism: Mechanism{Kind: r.Kind, Name: "X"}}, &r)
			for _, word := range []string{"gebrochen", "veraltet", "schwach", "broken", "weak", "obsolete"} {
				if strings.Contains(text.DE+text.EN, word) {
					t.Errorf("%s: %s says %q: %+v", n.Key(), r.ID, word, text)
				}
			}
		}
	}
}
