// Package geo says where a server probably is, whose it is, and what the law of
// the European Union says about the countries concerned.
//
// Three facts stand side by side, because each can be true without the others:
// the place of the server, the seat of its operator, and the seat of the
// company that controls the operator. A server in Frankfurt may belong to a
// company in Seattle, and one with a German operator may stand in Singapore.
// Operators are found by the name of the host and by the network of the
// address together: "Zoom, in a network of Amazon".
//
// None of this is certain. Two databases of addresses disagree about three
// addresses in a hundred; a network that announces one address in many places
// has no place at all; the tables of operators and decisions are of a day. So
// every answer names its source with date and hash, an unknown stays one, and
// what is said of a host is exposure to a country's law, never a violation.
//
// The databases are embedded and read when the first public address is asked
// for. A user's own databases are asked beside them; of answers that differ
// none counts. Nothing here opens a socket.
package geo

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
)

// Files names the files of a user. The zero value names none.
type Files struct {
	Country   []string // databases of countries, asked beside the embedded one
	ASN       []string // databases of networks, likewise
	Anycast   []string // databases of anycast networks, likewise
	Operators string   // table of operators instead of the embedded one
	Decisions string   // table of adequacy decisions instead of the embedded one
}

// Atlas answers questions about addresses and hosts. It may be used by several
// goroutines.
type Atlas struct {
	operators *operators
	decisions *decisions
	own       databases
	embedded  func() (databases, error)
}

type databases struct{ country, network, anycast []*database }

// Default returns the atlas of the embedded data.
var Default = sync.OnceValues(func() (*Atlas, error) { return Open(Files{}) })

// Open returns an atlas of the embedded data and the files.
func Open(f Files) (*Atlas, error) {
	a := &Atlas{embedded: embedded}
	var err error
	if a.operators, err = table(f.Operators, operatorsJSON, parseOperators); err != nil {
		return nil, fmt.Errorf("table of operators: %w", err)
	}
	if a.decisions, err = table(f.Decisions, adequacyJSON, parseDecisions); err != nil {
		return nil, fmt.Errorf("table of decisions: %w", err)
	}
	for _, of := range []struct {
		files []string
		to    *[]*database
		has   func(Answer) bool
	}{
		{f.Country, &a.own.country, func(r Answer) bool { return r.Country != "" }},
		{f.ASN, &a.own.network, func(r Answer) bool { return r.ASN != 0 }},
		{f.Anycast, &a.own.anycast, func(r Answer) bool { return r.Anycast }},
	} {
		for _, path := range of.files {
			db, err := openFile(path)
			if err != nil {
				return nil, err
			}
			if !db.holds(of.has) {
				return nil, fmt.Errorf("%s holds nothing of the kind that is wanted from it", path)
			}
			*of.to = append(*of.to, db)
		}
	}
	return a, nil
}

// maxTable bounds a table of a user, in bytes.
const maxTable = 16 << 20

func table[T any](path string, text []byte, parse func([]byte) (T, error)) (T, error) {
	var none T
	if path != "" {
		info, err := os.Stat(path)
		if err != nil {
			return none, err
		}
		if info.Size() > maxTable {
			return none, fmt.Errorf("%s has more than %d bytes", path, maxTable)
		}
		if text, err = os.ReadFile(path); err != nil {
			return none, err
		}
	}
	return parse(text)
}

// Dataset says where an answer comes from.
type Dataset struct {
	Name   string `json:"name"`
	Date   string `json:"date"` // of the data, YYYY-MM-DD or less
	SHA256 string `json:"sha256"`
}

// Address is what is known of an address.
type Address struct {
	Address string `json:"address"`
	// Range names the special range of an address that is not public:
	// "loopback", "private", "documentation". Nothing else is known of it.
	Range        string   `json:"range,omitempty"`
	Countries    []Signal `json:"countries,omitempty"` // one per database that knows
	ASN          uint32   `json:"asn,omitempty"`
	Organisation string   `json:"organisation,omitempty"` // that has the network, as the database writes it
	Anycast      bool     `json:"anycast,omitempty"`      // announced in many places
}

// Signal is a country that a source names.
type Signal struct {
	Country string `json:"country"` // ISO 3166-1 alpha-2
	Source  string `json:"source"`  // name of a data set, or a header of a response
}

// Lookup asks the databases for an address. An error means that a database
// cannot be read.
func (a *Atlas) Lookup(addr netip.Addr) (Address, error) {
	addr = unwrap(addr)
	out := Address{Address: addr.String(), Range: special(addr)}
	if out.Range != "" {
		return out, nil
	}
	all, err := a.databases()
	if err != nil {
		return out, err
	}
	var errs []error
	ask := func(list []*database, use func(*database, Answer)) {
		for _, db := range list {
			answer, err := db.lookup(addr)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", db.Name, err))
				continue
			}
			use(db, answer)
		}
	}
	ask(all.country, func(db *database, r Answer) {
		if r.Country != "" {
			out.Countries = append(out.Countries, Signal{r.Country, db.Name})
		}
	})
	ask(all.network, func(_ *database, r Answer) {
		if out.ASN == 0 { // the user's database comes first
			out.ASN, out.Organisation = r.ASN, r.Organisation
		}
	})
	ask(all.anycast, func(_ *database, r Answer) { out.Anycast = out.Anycast || r.Anycast })
	return out, errors.Join(errs...)
}

// databases returns all databases, the user's first.
func (a *Atlas) databases() (databases, error) {
	all, err := a.embedded()
	return databases{
		country: slices.Concat(a.own.country, all.country),
		network: slices.Concat(a.own.network, all.network),
		anycast: slices.Concat(a.own.anycast, all.anycast),
	}, err
}

// Operators is the data set of the table of operators.
func (a *Atlas) Operators() Dataset { return a.operators.Dataset }

// Datasets lists the data sets that answers come from. The databases among
// them are left out as long as no public address was asked for.
func (a *Atlas) Datasets(public bool) []Dataset {
	out := []Dataset{a.operators.Dataset, a.decisions.Dataset}
	if !public {
		return out
	}
	all, err := a.databases()
	if err != nil {
		return out
	}
	for _, db := range slices.Concat(all.country, all.network, all.anycast) {
		out = append(out, db.Dataset)
	}
	slices.SortFunc(out, func(x, y Dataset) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.SHA256, y.SHA256)) })
	return slices.Compact(out)
}
