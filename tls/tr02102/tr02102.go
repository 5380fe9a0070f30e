// Package tr02102 holds the recommendations of BSI TR-02102-2 (TLS) as data.
//
// The technical guideline recommends; it forbids nothing. Its own words: "mechanisms
// which are not listed are not necessarily considered by the BSI to be
// insecure" (part 2, section 1). So there are several statements that must
// not be mixed: listed and current, listed with a year that has passed, not
// listed, and not recommended. A year means "until the end of that year"; a
// plus sign that the period may be extended.
//
// Each entry of tr02102.json has its section, its code point, its sources and
// how certain it is. The membership lists were read in the guideline of
// 2024-01; the years of 2026-01 come from secondary sources and say so.
package tr02102

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	_ "embed"
)

//go:embed tr02102.json
var table []byte

// Doc and Edition name the document that the table holds.
const (
	Doc     = "BSI TR-02102-2"
	Edition = "2026-01"
)

// Class is what the guideline says about a mechanism on a given day.
type Class string

// The classes.
const (
	Listed         Class = "listed"          // recommended, the year lies ahead
	Expiring       Class = "listed_expiring" // recommended until the end of the current year
	Expired        Class = "expired"         // the year of its recommendation has passed
	NotListed      Class = "not_listed"      // no statement
	NotRecommended Class = "not_recommended" // named as not recommended
)

// An Entry is one row of the guideline.
type Entry struct {
	ID         string   `json:"id"`
	Doc        string   `json:"doc"`
	Edition    string   `json:"edition"`
	Section    string   `json:"section"`
	Kind       string   `json:"kind"` // "cipher_suite", "version", …
	Name       string   `json:"iana_name"`
	CodePoint  string   `json:"code_point"`
	Version    string   `json:"tls_version"`
	Until      string   `json:"recommended_until"` // "2031", "2032+", "" if there is no year
	Status     string   `json:"status"`            // as of the table's own date; see Class
	Condition  string   `json:"condition"`
	Sources    []string `json:"source"`
	Confidence string   `json:"confidence"`
}

// Class says what the entry means on a day.
func (e Entry) Class(day time.Time) Class {
	if e.Status == "not_recommended" {
		return NotRecommended
	}
	year, err := strconv.Atoi(strings.TrimSuffix(e.Until, "+"))
	switch {
	case err != nil:
		return NotListed
	case day.Year() > year:
		return Expired
	case day.Year() == year && !strings.HasSuffix(e.Until, "+"):
		return Expiring
	}
	return Listed
}

// A Table is the guideline, ready for look-ups.
type Table struct {
	suites, versions map[uint16]Entry
}

// Load reads the table that is built in.
func Load() *Table {
	var file struct {
		Rules []Entry `json:"rules"`
	}
	if err := json.Unmarshal(table, &file); err != nil {
		panic(fmt.Sprintf("tr02102.json: %v", err)) // built in: a bug
	}
	t := &Table{suites: map[uint16]Entry{}, versions: map[uint16]Entry{}}
	for _, e := range file.Rules {
		if e.Doc != Doc {
			continue
		}
		code, ok := codePoint(e.CodePoint)
		switch {
		case !ok: // a family such as TLS_RSA_WITH_*, or no code at all
		case e.Kind == "cipher_suite":
			t.suites[code] = e
		case e.Kind == "version":
			t.versions[code] = e
		}
	}
	return t
}

// codePoint reads "0xC0,0x2B" and "0x0303".
func codePoint(s string) (uint16, bool) {
	high, low, two := strings.Cut(s, ",")
	if two {
		s = high + strings.TrimPrefix(low, "0x")
	}
	n, err := strconv.ParseUint(s, 0, 16)
	return uint16(n), err == nil && strings.HasPrefix(s, "0x")
}

// CipherSuite returns the row of a cipher suite; ok is false if the guideline
// does not name it, which is no statement about it.
func (t *Table) CipherSuite(code uint16) (e Entry, ok bool) {
	e, ok = t.suites[code]
	return e, ok
}

// Version returns the row of a protocol version.
func (t *Table) Version(code uint16) (e Entry, ok bool) {
	e, ok = t.versions[code]
	return e, ok
}
