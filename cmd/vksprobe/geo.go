package main

import (
	"flag"
	"fmt"
	"os"
	"slices"

	"vksprobe/probe"
	"vksprobe/tracking"
	"vksprobe/tracking/filter"
	"vksprobe/tracking/geo"
)

// geoFlags defines the flags for a user's databases and tables. The files are
// complete after parsing.
func geoFlags(fs *flag.FlagSet) *geo.Files {
	f := new(geo.Files)
	many := func(name, usage string, to *[]string) {
		fs.Func(name, usage, func(s string) error {
			*to = append(*to, s)
			return nil
		})
	}
	many("geoip-country", "ask the database of countries in `FILE` beside the embedded one (MaxMind, DB-IP, IPinfo, ip-location-db); may be repeated", &f.Country)
	many("geoip-asn", "ask the database of networks in `FILE` before the embedded one; may be repeated", &f.ASN)
	many("geoip-anycast", "ask the database of anycast networks in `FILE` beside the embedded one; may be repeated", &f.Anycast)
	fs.StringVar(&f.Operators, "operators", "", "use the table of operators in `FILE` instead of the embedded one")
	fs.StringVar(&f.Decisions, "jurisdictions", "", "use the table of adequacy decisions in `FILE` instead of the embedded one")
	return f
}

// given reports whether the user named files.
func given(f *geo.Files) bool {
	return len(f.Country)+len(f.ASN)+len(f.Anycast) > 0 || f.Operators != "" || f.Decisions != ""
}

// placed gives facts the places of the user's data. Without any it leaves them
// alone, unless they are from before there were places.
func placed(facts *probe.Facts, files *geo.Files) (*probe.Facts, error) {
	if !given(files) && slices.ContainsFunc(facts.All, func(o probe.Observation) bool { return o.Kind == tracking.Place.Name }) {
		return facts, nil
	}
	a, err := geo.Open(*files)
	if err != nil {
		return nil, err
	}
	all, err := tracking.Relocate(facts.All, a)
	if err != nil {
		return nil, err
	}
	return probe.NewFacts(all), nil
}

// comparisons is what the user wants contacts to be compared with.
type comparisons struct {
	files *geo.Files
	lists []string
}

func comparisonFlags(fs *flag.FlagSet) *comparisons {
	c := &comparisons{files: geoFlags(fs)}
	fs.Func("filter-list", "hold requests against the Adblock list in `FILE` beside EasyPrivacy; may be repeated", func(s string) error {
		c.lists = append(c.lists, s)
		return nil
	})
	return c
}

// observers are those of the program, with the user's data in them.
func (c *comparisons) observers() ([]probe.Observer, error) {
	if !given(c.files) && len(c.lists) == 0 {
		return observers, nil
	}
	d := tracking.Data{}
	var err error
	if d.Lists, err = filterLists(c.lists); err != nil {
		return nil, err
	}
	if d.Atlas, err = geo.Open(*c.files); err != nil {
		return nil, err
	}
	own := tracking.NewObserver(d)
	out := slices.Clone(observers)
	for i := range out {
		if out[i].Name == own.Name {
			out[i] = own
		}
	}
	return out, nil
}

// maxFilterList bounds a list of filters of a user, in bytes.
const maxFilterList = 64 << 20

// filterLists reads lists of filters.
func filterLists(paths []string) ([]*filter.List, error) {
	var all []*filter.List
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if info.Size() > maxFilterList {
			return nil, fmt.Errorf("%s has more than %d bytes", path, maxFilterList)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		l, err := filter.Parse(info.Name(), text)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}
