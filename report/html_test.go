package report_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/net/html"

	"vksprobe/probe"
	"vksprobe/report"
)

func rendered(t *testing.T, r *report.Report, files fstest.MapFS) (string, *html.Node) {
	t.Helper()
	var out bytes.Buffer
	if err := report.HTML(&out, r, files); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), doc
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// elements yields the elements below n, of one name if it is not empty.
func elements(n *html.Node, name string) []*html.Node {
	var all []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && (name == "" || d.Data == name) {
			all = append(all, d)
		}
	}
	return all
}

func withID(n *html.Node, id string) *html.Node {
	for _, e := range elements(n, "") {
		if attr(e, "id") == id {
			return e
		}
	}
	return nil
}

func TestHTMLLinksResolve(t *testing.T) {
	r, files := sample(t)
	_, doc := rendered(t, r, files)
	ids := map[string]bool{}
	for _, e := range elements(doc, "") {
		if id := attr(e, "id"); id != "" {
			if ids[id] {
				t.Errorf("id %q is used twice", id)
			}
			ids[id] = true
		}
	}
	listed := map[string]bool{}
	for _, f := range r.Files {
		listed[f.Path] = true
	}
	var internal, evidence int
	for _, e := range elements(doc, "") {
		for _, key := range []string{"href", "for", "aria-labelledby"} {
			v := attr(e, key)
			switch {
			case v == "":
			case key != "href":
				if !ids[v] {
					t.Errorf("<%s %s=%q> leads nowhere", e.Data, key, v)
				}
			case strings.HasPrefix(v, "#"):
				internal++
				if !ids[v[1:]] {
					t.Errorf("%s leads nowhere", v)
				}
			case strings.HasPrefix(v, "evidence/"):
				evidence++
				u, err := url.Parse(v)
				if err != nil || !listed[u.Path] {
					t.Errorf("%s is not among the files", v)
				}
			case strings.HasPrefix(v, "https://"):
				if e.Data != "a" || !strings.Contains(attr(e, "rel"), "noreferrer") {
					t.Errorf("<%s> leads to %s", e.Data, v)
				}
			default:
				t.Errorf("<%s> leads to %s", e.Data, v)
			}
		}
	}
	if internal < 100 || evidence < 50 {
		t.Errorf("only %d internal and %d evidence links", internal, evidence)
	}
}

// TestHTMLFindingToFile walks from a finding by its links to the raw file.
func TestHTMLFindingToFile(t *testing.T) {
	r, files := sample(t)
	_, doc := rendered(t, r, files)
	article := withID(doc, "fail-1")
	if article == nil || !strings.Contains(text(article), "tls.forward-secrecy") {
		t.Fatal("the gravest violation does not come first")
	}
	for _, want := range []string{"TLS_RSA_WITH_AES_128_CBC_SHA wurde ausgehandelt.", "TLS_RSA_WITH_AES_128_CBC_SHA was negotiated.", "nachträglich entschlüsseln",
		"statischen RSA-Schlüsseltausch", "BSI TR-02102-2", "2026-01", "3.3.1", "ohne Perfect Forward Secrecy", "TECH-04"} {
		if !strings.Contains(text(article), want) {
			t.Errorf("the finding does not say %q", want)
		}
	}
	var row *html.Node
	for _, a := range elements(article, "a") {
		if text(a) == "tls.handshake-4" {
			row = withID(doc, strings.TrimPrefix(attr(a, "href"), "#"))
		}
	}
	if row == nil || row.Data != "tr" {
		t.Fatal("the finding leads to no observation")
	}
	if got := text(row); !strings.Contains(got, "event=812 byte=1048576") || !strings.Contains(got, "TLS_RSA_WITH_AES_128_CBC_SHA") {
		t.Errorf("the observation says %q", got)
	}
	links := elements(row, "a")
	if len(links) != 2 || attr(links[0], "href") != "evidence/p1/netlog.json" {
		t.Fatalf("the observation has %d links", len(links))
	}
	sum := sha256.Sum256(files["evidence/p1/netlog.json"].Data)
	if file := withID(doc, attr(links[1], "href")[1:]); !strings.Contains(text(file), hex.EncodeToString(sum[:])) {
		t.Errorf("the file's row says %q", text(file))
	}
}

func TestHTMLLoadsNothing(t *testing.T) {
	r, files := sample(t)
	source, doc := rendered(t, r, files)
	var policy, style string
	for _, e := range elements(doc, "") {
		switch e.Data {
		case "script", "link", "iframe", "object", "embed", "base", "form", "audio", "video", "image", "foreignobject":
			t.Errorf("there is a <%s>", e.Data)
		case "meta":
			if attr(e, "http-equiv") == "Content-Security-Policy" {
				policy = attr(e, "content")
			} else if attr(e, "http-equiv") != "" {
				t.Errorf("meta %v", e.Attr)
			}
		case "style":
			style += text(e)
		}
		for _, a := range e.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcset", a.Key == "ping", a.Key == "action":
				t.Errorf("<%s %s=%q>", e.Data, a.Key, a.Val)
			case a.Key == "src" && !strings.HasPrefix(a.Val, "data:image/png;base64,"):
				t.Errorf("<%s> loads %s", e.Data, a.Val)
			}
		}
	}
	sum := sha256.Sum256([]byte(style))
	for _, want := range []string{"default-src 'none'", "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", "img-src data:", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the policy or the style is too lax")
	}
	if i, j := strings.Index(source, "Content-Security-Policy"), strings.Index(source, "<style>"); i < 0 || i > j {
		t.Error("the policy stands behind the style")
	}
}

func TestHTMLHostileTextIsInert(t *testing.T) {
	r, files := sample(t)
	source, doc := rendered(t, r, files)
	if strings.Contains(source, "<script") || strings.Contains(source, "<img src=x") {
		t.Error("markup of the target became markup of ours")
	}
	for _, c := range []string{"\u202e", "\x1b", "\u2066", "\u200b", "\x00"} {
		if strings.Contains(source, c) {
			t.Errorf("%q got through", c)
		}
	}
	if !strings.Contains(text(withID(doc, "main")), "<script>alert(1)</script>[U+202E]gnp.exe") {
		t.Error("the hostile name is not shown as what it is")
	}
	for _, a := range elements(doc, "a") {
		if h := attr(a, "href"); strings.Contains(h, "passwd") || strings.HasPrefix(h, "javascript") {
			t.Errorf("there is a link to %s", h)
		}
	}
	if !strings.Contains(text(doc), "weicht von der Datei ab") {
		t.Error("a digest that is not that of the file is not pointed out")
	}
}

func TestHTMLBothLanguages(t *testing.T) {
	r, files := sample(t)
	_, doc := rendered(t, r, files)
	pairs := 0
	for _, e := range elements(doc, "span") {
		if attr(e, "class") != "t" {
			continue
		}
		if strings.TrimSpace(text(e)) == "" {
			t.Errorf("an empty text in %s, parent <%s>", attr(e, "lang"), e.Parent.Data)
		}
		switch attr(e, "lang") {
		case "de":
			if n := e.NextSibling; n == nil || attr(n, "lang") != "en" || attr(n, "class") != "t" {
				t.Errorf("%q has no English twin", text(e))
			}
			pairs++
		case "en":
			if p := e.PrevSibling; p == nil || attr(p, "lang") != "de" || attr(p, "class") != "t" {
				t.Errorf("%q has no German twin", text(e))
			}
		default:
			t.Errorf("%q is in language %q", text(e), attr(e, "lang"))
		}
	}
	if pairs < 300 {
		t.Errorf("only %d texts in two languages", pairs)
	}
	for _, e := range elements(doc, "") { // words outside of twins must be told, or names
		if (e.Data == "h1" || e.Data == "h2" || e.Data == "h4" || e.Data == "caption" || e.Data == "summary") && len(elements(e, "span")) == 0 {
			t.Errorf("<%s> %q is in one language", e.Data, text(e))
		}
	}
}

func TestHTMLStructure(t *testing.T) {
	r, files := sample(t)
	_, doc := rendered(t, r, files)
	level := 0
	for _, e := range elements(doc, "") {
		switch e.Data {
		case "h1", "h2", "h3", "h4":
			if now := int(e.Data[1] - '0'); now > level+1 {
				t.Errorf("heading %q skips from level %d to %d", text(e), level, now)
			} else {
				level = now
			}
		case "table":
			if len(elements(e, "caption")) != 1 {
				t.Errorf("a table without a caption: %.60q", text(e))
			}
		case "th":
			if s := attr(e, "scope"); s != "col" && s != "row" {
				t.Errorf("<th> %q has scope %q", text(e), s)
			}
		case "img":
			if attr(e, "alt") == "" {
				t.Error("a picture without a text")
			}
		}
	}
	if first := elements(elements(doc, "body")[0], "a")[0]; attr(first, "href") != "#main" {
		t.Error("the first link does not skip to the content")
	}
	if n := len(elements(doc, "h1")); n != 1 {
		t.Errorf("%d h1", n)
	}
	if !strings.Contains(text(doc), "Diese Messung ist unvollständig.") || !strings.Contains(text(doc), "Der Browser ist abgestürzt") {
		t.Error("the banner of an incomplete scan is missing")
	}
}

// TestHTMLPictures shows only what the list of files vouches for.
func TestHTMLPictures(t *testing.T) {
	r, files := sample(t)
	count := func(r *report.Report, files fstest.MapFS) (shown int, said string) {
		_, doc := rendered(t, r, files)
		return len(elements(doc, "img")), text(doc)
	}
	if n, said := count(r, files); n != 5 || !strings.Contains(said, "Die Datei ist kein Bild") {
		t.Errorf("%d of 5 pictures are shown", n)
	}
	changed := fstest.MapFS{}
	for path, f := range files {
		changed[path] = f
	}
	changed["evidence/p1/page/01-landing.png"] = files["evidence/p1/page/02-prejoin.png"]
	delete(changed, "evidence/p2/page/01-landing.png")
	if n, said := count(r, changed); n != 3 || !strings.Contains(said, "stimmt nicht mit ihrer Prüfsumme überein") || !strings.Contains(said, "liegt diesem Bericht nicht vor") {
		t.Errorf("%d pictures are shown, one was exchanged and one removed of 5", n)
	}
	var out bytes.Buffer
	if err := report.HTML(&out, r, nil); err != nil || bytes.Contains(out.Bytes(), []byte("<img")) {
		t.Errorf("without files: %v", err)
	}
}

// TestHTMLIsBounded wants a page of readable size from a meeting that is
// noisier than any reader can bear, with its omissions named.
func TestHTMLIsBounded(t *testing.T) {
	r, _ := sample(t)
	var all []probe.Observation
	var findings []probe.Finding
	for i := range 5000 {
		o := r.Observations[i%len(r.Observations)]
		o.ID = o.ID + "-" + strings.Repeat("x", 5000)
		all = append(all, o)
	}
	for range 20 {
		findings = append(findings, r.Findings...)
	}
	r = report.New(r.Run, nil, all, findings, nil)
	source, _ := rendered(t, r, nil)
	if len(source) > 4<<20 {
		t.Errorf("%d bytes", len(source))
	}
	if !strings.Contains(source, "weitere Beobachtungen dieser Art sind hier ausgelassen") {
		t.Error("does not say that observations are left out")
	}
}

func TestHTMLEmpty(t *testing.T) {
	_, doc := rendered(t, report.New(probe.Run{}, nil, nil, nil, nil), nil)
	for _, want := range []string{"Keine Aussage möglich", "No conclusion possible", "No hosts were observed.", "No WebRTC connection was observed.", "No phase was entered."} {
		if !strings.Contains(text(doc), want) {
			t.Errorf("a report of nothing does not say %q", want)
		}
	}
}

// TestHTMLPolicyHolds lets Chromium read the page: the policy must not refuse
// anything of ours, and must refuse what somebody adds.
func TestHTMLPolicyHolds(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs Chromium")
	}
	r, files := sample(t)
	source, _ := rendered(t, r, files)
	for name, c := range map[string]struct {
		page    string
		refusal bool
	}{
		"as written": {source, false},
		"style":      {strings.Replace(source, "<h1 ", `<h1 style="color:red" `, 1), true},
		"script":     {strings.Replace(source, "</main>", "<script>document.title='x'</script></main>", 1), true},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		dir := t.TempDir()
		path := filepath.Join(dir, "report.html")
		if err := os.WriteFile(path, []byte(c.page), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(ctx, chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir="+filepath.Join(dir, "profile"),
			"--enable-logging=stderr", "--dump-dom", "file://"+path)
		var dom, log bytes.Buffer
		cmd.Stdout, cmd.Stderr = &dom, &log
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, log.String())
		}
		if !strings.Contains(dom.String(), "</html>") {
			t.Errorf("%s: Chromium did not read the page to its end", name)
		}
		if refused := strings.Contains(log.String(), "Content Security Policy"); refused != c.refusal {
			t.Errorf("%s: the policy refused something: %v\n%s", name, refused, log.String())
		}
	}
}
