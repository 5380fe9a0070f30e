// Package remedy writes configurations of servers that offer nothing but what
// a norm permits on a day.
//
// A configuration is minimal: of what the norm permits, only mechanisms with
// which every server of the kind can work as it stands are taken, namely
// authenticated and forward secret cipher suites with elliptic curves (or
// hybrids) that the norm permits without conditions and beyond the year of
// the day. What is left out for that reason is told in the notes.
//
// Each server is a template in the directory servers; a further server is a
// further file. Its parts are "file" (where the text belongs in Debian),
// "text" and one template "notes" for each language, one note to a line.
package remedy

import (
	"bufio"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"path"
	"strings"
	"text/template"

	"vksprobe/probe"
	"vksprobe/tls/hello/iana"
	"vksprobe/tls/norm"
)

//go:embed servers/*.tmpl
var servers embed.FS

// Config is a configuration for a server.
type Config struct {
	Server string // as given
	File   string // where Debian's package of the server reads it
	Text   string
	// Notes are what a reader must know: what has to be done besides, what
	// the server cannot be told, what was left out.
	Notes []probe.Text
}

// Library is the version of the OpenSSL that a server is linked with.
type Library struct{ Major, Minor int }

// Debian12 is the OpenSSL of Debian 12, the oldest version that is supported.
var Debian12 = Library{3, 0}

// ErrUnknown is returned of a server for which there is no template.
var ErrUnknown = errors.New("no configuration is known")

// Servers lists the servers in alphabetical order.
func Servers() []string {
	entries, err := servers.ReadDir("servers")
	if err != nil {
		panic(err) // embedded
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".tmpl"))
	}
	return names
}

// For writes the configuration of a server for a profile. It fails where the
// server is unknown, and where nothing is left that a version of TLS needs.
func For(server string, p norm.Profile, library Library) (Config, error) {
	raw, err := servers.ReadFile(path.Join("servers", path.Base(server)+".tmpl"))
	if err != nil {
		return Config{}, fmt.Errorf("%w for %q; there are %s", ErrUnknown, server, strings.Join(Servers(), ", "))
	}
	t, err := template.New(server).Option("missingkey=error").Parse(string(raw))
	if err != nil {
		return Config{}, err
	}
	chosen, err := choose(p, library)
	if err != nil {
		return Config{}, fmt.Errorf("configuring %s by %s: %w", server, p.Norm.Key(), err)
	}
	part := func(name string) string {
		var b bytes.Buffer
		if err == nil {
			err = t.ExecuteTemplate(&b, name, chosen)
		}
		return strings.TrimSpace(b.String())
	}
	c := Config{Server: server, File: part("file"), Text: part("text") + "\n"}
	de, en := lines(part("de")), lines(part("en"))
	if err != nil {
		return Config{}, err
	}
	if len(de) != len(en) {
		return Config{}, fmt.Errorf("%s has %d notes in German and %d in English", server, len(de), len(en))
	}
	for i := range de {
		c.Notes = append(c.Notes, probe.Text{DE: de[i], EN: en[i]})
	}
	c.Notes = append(c.Notes, chosen.notes...)
	return c, nil
}

// lines splits a text in lines that are not empty.
func lines(text string) (list []string) {
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// A Choice is what templates write; names are those of OpenSSL.
type Choice struct {
	Norm, Day    string
	TLS12, TLS13 bool
	Ciphers      string // of TLS 1.2
	Ciphersuites string // of TLS 1.3
	Groups       string
	Curve        string // for servers that take only one: the first beside x25519 and hybrids, by the name of the curve in OpenSSL
	Signatures   string // empty if the norm has no list
	PKCS1        bool   // RSA signatures without PSS are permitted in TLS 1.2
	ServerOrder  bool   // false where clients may choose what their hardware likes

	notes []probe.Text
}

// MinVersion is the least version in the form "TLSv1.2".
func (c Choice) MinVersion() string {
	if c.TLS12 {
		return "TLSv1.2"
	}
	return "TLSv1.3"
}

// MaxVersion is the greatest version in the same form.
func (c Choice) MaxVersion() string {
	if c.TLS13 {
		return "TLSv1.3"
	}
	return "TLSv1.2"
}

// List returns the names of a list, which OpenSSL separates by colons.
func (Choice) List(names string) []string { return strings.Split(names, ":") }

// Versions returns the versions with a prefix each, separated by blanks.
func (c Choice) Versions(prefix string) string {
	var list []string
	if c.TLS12 {
		list = append(list, prefix+"TLSv1.2")
	}
	if c.TLS13 {
		list = append(list, prefix+"TLSv1.3")
	}
	return strings.Join(list, " ")
}

const (
	tls12 = 0x0303
	tls13 = 0x0304
)

// choose takes from a profile what is put in a configuration.
func choose(p norm.Profile, library Library) (Choice, error) {
	c := Choice{
		Norm: fmt.Sprintf("%s, %s", p.Norm.Document, p.Norm.Edition), Day: p.Day.Format("2006-01-02"), ServerOrder: true,
		TLS12: p.Permits(norm.Mechanism{Kind: norm.Version, Code: tls12, Name: "TLS 1.2"}),
		TLS13: p.Permits(norm.Mechanism{Kind: norm.Version, Code: tls13, Name: "TLS 1.3"}),
	}
	names := openSSLNames()
	var left leftOut
	var ciphers, ciphersuites []string
	for _, choice := range p.Of(norm.CipherSuite, 0) {
		suite, known := iana.Suite(choice.Mechanism.Code)
		name, have := names[suite.Name]
		switch {
		case suite.MinVersion != tls13 && !left.takes(choice, suite):
		case !known || !have:
			left.unknown = append(left.unknown, choice.Mechanism.Name)
		case suite.MinVersion == tls13:
			ciphersuites = append(ciphersuites, name)
		default:
			ciphers = append(ciphers, name)
		}
		if suite.Cipher == "CHACHA20" {
			c.ServerOrder = false
		}
	}
	groups := c.groups(p, library)
	switch {
	case !c.TLS12 && !c.TLS13:
		return c, errors.New("it permits neither TLS 1.2 nor TLS 1.3")
	case c.TLS12 && len(ciphers) == 0, c.TLS13 && len(ciphersuites) == 0:
		return c, errors.New("no cipher suite is left")
	case len(groups) == 0:
		return c, errors.New("no group is left")
	}
	c.Ciphers, c.Ciphersuites, c.Groups = strings.Join(ciphers, ":"), strings.Join(ciphersuites, ":"), strings.Join(groups, ":")
	c.Signatures = strings.Join(c.signatures(p, library), ":")
	c.notes = append(left.notes(), c.keys(p)...)
	return c, nil
}
