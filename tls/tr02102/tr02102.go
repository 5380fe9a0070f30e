// Package tr02102 holds BSI TR-02102-2 (TLS) as data, one file per edition, in
// the form that package norm reads.
//
// The technical guideline recommends; it forbids nothing. Its own words: "mechanisms
// which are not listed are not necessarily considered by the BSI to be
// insecure" (part 2, section 1). Rows that say not_listed exist only to
// explain that silence where people ask about it, as with X25519.
//
// Editions differ in years, sections and the numbers of tables: 2026-01 has a
// new table 2 (protocol versions), so that every later table has moved by one.
// The edition 2024-01 was read in the original; for the later ones each row
// says from whom it comes and how certain it is.
package tr02102

import (
	"embed"
	"io/fs"
)

// Doc is the document, Edition its newest edition here.
const (
	Doc     = "BSI TR-02102-2"
	Edition = "2026-01"
)

// ID is the document's name in a norm.Catalogue; with "/" and an edition it is
// the key of that edition.
const ID = "bsi-tr-02102-2"

//go:embed *.json
var files embed.FS

// Files returns the editions, each in a file such as "2026-01.json".
func Files() fs.FS { return files }
