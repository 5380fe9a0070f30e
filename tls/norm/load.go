package norm

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"vksprobe/probe"
	"vksprobe/tls/tr02102"
)

//go:embed data/*.json
var data embed.FS

// A Catalogue is a set of norms.
type Catalogue struct {
	norms []*Norm // by Key
}

// Builtin returns the norms that are built in. It reads them once; an error in
// the data is a bug and panics.
var Builtin = sync.OnceValue(func() *Catalogue {
	c, err := Load(data, tr02102.Files())
	if err != nil {
		panic(err)
	}
	return c
})

// All returns the norms in the order of their keys.
func (c *Catalogue) All() []*Norm { return slices.Clone(c.norms) }

// Get returns the norm with a key such as "bsi-tr-02102-2/2026-01", or the
// newest edition of a document, "bsi-tr-02102-2".
func (c *Catalogue) Get(key string) (*Norm, bool) {
	var found *Norm
	for _, n := range c.norms { // editions ascend
		if n.Key() == key || n.ID == key {
			found = n
		}
	}
	return found, found != nil
}

// file is the form of a norm on disk.
type file struct {
	ID         string                `json:"id"`
	Document   string                `json:"document"`
	Edition    string                `json:"edition"`
	Published  string                `json:"published"`
	Title      probe.Text            `json:"title"`
	URL        string                `json:"url"`
	Quality    Quality               `json:"quality"`
	Draft      bool                  `json:"draft"`
	Note       probe.Text            `json:"note"`
	Follows    string                `json:"follows"`
	DTLS       bool                  `json:"dtls"`
	Lists      []Kind                `json:"lists"`
	Sources    map[string]Source     `json:"sources"`
	Conditions map[string]probe.Text `json:"conditions"`
	Texts      map[string]probe.Text `json:"texts"`
	Rows       []Row                 `json:"rows"`
}

// Load reads every *.json file of the file systems, in any directory. It
// refuses what it does not understand: unknown fields and words, ids used
// twice, rows without section, source or certainty, references to nothing.
func Load(from ...fs.FS) (*Catalogue, error) {
	c := &Catalogue{}
	follows := map[*Norm]string{}
	for _, fsys := range from {
		err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path.Ext(name) != ".json" {
				return err
			}
			raw, err := fs.ReadFile(fsys, name)
			if err != nil {
				return err
			}
			n, base, err := parse(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			c.norms = append(c.norms, n)
			follows[n] = base
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(c.norms, func(a, b *Norm) int { return strings.Compare(a.Key(), b.Key()) })
	for i, n := range c.norms {
		if i > 0 && c.norms[i-1].Key() == n.Key() {
			return nil, fmt.Errorf("two files hold %s", n.Key())
		}
		if base := follows[n]; base != "" {
			b, ok := c.Get(base)
			if !ok || follows[b] != "" {
				return nil, fmt.Errorf("%s follows %s, which is not here or follows another", n.Key(), base)
			}
			n.Follows = b
		}
	}
	return c, nil
}

// parse reads one file; the second result is the key of the norm it follows.
func parse(raw []byte) (*Norm, string, error) {
	var f file
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, "", err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, "", errors.New("more than one JSON value")
	}
	if err := f.check(); err != nil {
		return nil, "", err
	}
	n := &Norm{
		ID: f.ID, Document: f.Document, Edition: f.Edition, Published: f.Published, Title: f.Title, URL: f.URL,
		Quality: f.Quality, Draft: f.Draft, Note: f.Note, DTLS: f.DTLS, Lists: f.Lists, Rows: f.Rows,
		sources: f.Sources, conditions: f.Conditions, texts: f.Texts,
	}
	return n, f.Follows, nil
}

// both says that a text exists in both languages.
func both(t probe.Text) bool { return t.DE != "" && t.EN != "" }

// check finds what is wrong with a file as a whole and with its rows.
func (f *file) check() error {
	switch {
	case f.ID == "", strings.Contains(f.ID, "/"), f.Document == "", f.Edition == "", f.URL == "":
		return errors.New("id, document, edition and url are needed")
	case !both(f.Title), !both(f.Note):
		return errors.New("title and note are needed in both languages")
	case !known(f.Quality, Primary, Secondary):
		return fmt.Errorf("unknown quality %q", f.Quality)
	case len(f.Rows) == 0:
		return errors.New("no rows")
	}
	for _, k := range f.Lists {
		if !knownKind(k) {
			return fmt.Errorf("unknown kind %q", k)
		}
	}
	for key, s := range f.Sources {
		if s.Text == "" || !known(s.Quality, Primary, Secondary) {
			return fmt.Errorf("source %s is incomplete", key)
		}
	}
	for key, t := range f.Conditions {
		if !both(t) {
			return fmt.Errorf("condition %s is incomplete", key)
		}
	}
	for key, t := range f.Texts {
		if _, class, some := strings.Cut(key, "/"); !both(t) || some && !slices.Contains(Classes(), Class(class)) {
			return fmt.Errorf("text %s is incomplete or names no class", key)
		}
	}
	seen := map[string]bool{}
	for i := range f.Rows {
		r := &f.Rows[i]
		if r.ID == "" || seen[r.ID] {
			return fmt.Errorf("row %d: the id %q is missing or used twice", i, r.ID)
		}
		seen[r.ID] = true
		if err := f.checkRow(r); err != nil {
			return fmt.Errorf("row %s: %w", r.ID, err)
		}
	}
	return nil
}

// checkRow finds what is wrong with one row.
func (f *file) checkRow(r *Row) error {
	switch {
	case !knownKind(r.Kind):
		return fmt.Errorf("unknown kind %q", r.Kind)
	case r.Says.class() == "":
		return fmt.Errorf("unknown word %q", r.Says)
	case r.Section == "", len(r.Sources) == 0:
		return errors.New("section and source are needed")
	case !known(r.Certainty, High, Medium, Low):
		return fmt.Errorf("unknown certainty %q", r.Certainty)
	case r.Name == "" && len(r.Match) == 0:
		return errors.New("neither a name nor a pattern")
	case r.Code != nil && len(r.Match) > 0:
		return errors.New("both a code and a pattern")
	case r.Until.Year != 0 && r.Says.class() != Listed && r.Says.class() != Required:
		return fmt.Errorf("a year does not go with %q", r.Says)
	case r.Use != "" && r.Kind != Key || !known(r.Use, "", ForCertificate, ForExchange):
		return fmt.Errorf("unknown use %q", r.Use)
	case r.Max != 0 && r.Max < r.Min:
		return errors.New("no number is between min and max")
	}
	for _, v := range r.Versions {
		if _, ok := versionCode(v); !ok {
			return fmt.Errorf("unknown version %q", v)
		}
	}
	for _, p := range slices.Concat(r.Match, r.Except) {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("pattern %q: %w", p, err)
		}
	}
	for _, key := range r.Sources {
		if _, ok := f.Sources[key]; !ok {
			return fmt.Errorf("no source %q", key)
		}
	}
	for _, key := range r.Conditions {
		if _, ok := f.Conditions[key]; !ok {
			return fmt.Errorf("no condition %q", key)
		}
	}
	if r.Text != "" && !slices.ContainsFunc(Classes(), func(c Class) bool { return both(f.Texts[r.Text]) || both(f.Texts[r.Text+"/"+string(c)]) }) {
		return fmt.Errorf("no text %q", r.Text)
	}
	return nil
}

// known says whether a word is one of a closed list.
func known[T comparable](word T, list ...T) bool { return slices.Contains(list, word) }

// knownKind says whether a kind is one of the kinds.
func knownKind(k Kind) bool {
	return known(k, Version, CipherSuite, Group, SignatureScheme, CertificateSignature, Key, PSKMode, Feature, Certificate)
}

// versionNames are the protocol versions as rows name them.
func versionNames() []string {
	return []string{"SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3", "DTLS 1.0", "DTLS 1.2", "DTLS 1.3"}
}

// versionCode is the number of a version on the wire.
func versionCode(name string) (uint16, bool) {
	i := slices.Index(versionNames(), name)
	if i < 0 {
		return 0, false
	}
	return [...]uint16{0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0xFEFF, 0xFEFD, 0xFEFC}[i], true
}
