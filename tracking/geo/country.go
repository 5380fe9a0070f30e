package geo

import (
	_ "embed"
	"strings"
	"sync"

	"vksprobe/probe"
)

//go:embed countries.txt
var countriesText string

var countryNames = sync.OnceValue(func() map[string]probe.Text {
	all := map[string]probe.Text{}
	for line := range strings.Lines(countriesText) {
		code, names, _ := strings.Cut(strings.TrimSpace(line), " ")
		de, en, _ := strings.Cut(names, "|")
		all[code] = probe.Text{DE: de, EN: en}
	}
	return all
})

// CountryName is the usual short name of a country or territory, or its code
// if the name is not known here.
func CountryName(code string) probe.Text {
	if t, ok := countryNames()[code]; ok {
		return t
	}
	return probe.Text{DE: code, EN: code}
}
