package geo

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

//go:embed adequacy.json
var adequacyJSON []byte

// Decision is an adequacy decision of the European Commission (Art. 45 GDPR).
type Decision struct {
	Act         string `json:"act"`  // "(EU) 2023/1795"
	Date        string `json:"date"` // YYYY-MM-DD
	Since       string `json:"since,omitempty"`
	Expires     string `json:"expires,omitempty"`
	Scope       string `json:"scope"`               // "full" or "conditional"
	Condition   string `json:"condition,omitempty"` // in English
	ConditionDE string `json:"condition_de,omitempty"`
}

// Standing is what the table says of a country. What it does not say is
// unknown, and a country without any of it has no decision.
type Standing struct {
	EEA       bool      `json:"eea,omitempty"`
	Decision  *Decision `json:"decision,omitempty"`
	Unchecked bool      `json:"unchecked,omitempty"` // nobody looked its standing up
}

// Class is how Chapter V of the GDPR looks at a country.
type Class string

// The classes.
const (
	Undetermined Class = "undetermined"
	EEA          Class = "eea"
	Adequacy     Class = "adequacy"    // a decision for the whole country
	Conditional  Class = "conditional" // a decision for some recipients; whether it covers this one is open
	DPF          Class = "dpf"         // the same for the United States: only organisations on the list
	NoDecision   Class = "no_decision"
	Local        Class = "local" // no address on the Internet
)

// rank orders classes by how much they ask for.
func (c Class) rank() int {
	return slices.Index([]Class{Undetermined, Local, EEA, Adequacy, Conditional, DPF, NoDecision}, c)
}

type decisions struct {
	Dataset
	eea, unchecked map[string]bool
	rows           map[string]*Decision
}

func parseDecisions(text []byte) (*decisions, error) {
	var file struct {
		Verified  string   `json:"verified_as_of"`
		Generated string   `json:"generated"`
		EEA       []string `json:"eea"`
		Unchecked []string `json:"not_checked"`
		Adequacy  []struct {
			ISO  string `json:"iso"`
			Name string `json:"name"`
			Decision
		} `json:"adequacy"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if len(file.EEA) == 0 || len(file.Adequacy) == 0 {
		return nil, errors.New("no countries in it")
	}
	sum := sha256.Sum256(text)
	date := file.Generated
	if len(file.Verified) >= len(time.DateOnly) { // "2026-08-05 (…)"
		date = file.Verified[:len(time.DateOnly)]
	}
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return nil, fmt.Errorf("the table has no date: %w", err)
	}
	d := &decisions{Dataset: Dataset{"table of adequacy decisions", date, hex.EncodeToString(sum[:])},
		eea: map[string]bool{}, unchecked: map[string]bool{}, rows: map[string]*Decision{}}
	for _, c := range file.EEA {
		d.eea[c] = true
	}
	for _, c := range file.Unchecked {
		d.unchecked[c] = true
	}
	for _, r := range file.Adequacy {
		for _, date := range []string{r.Date, r.Since, r.Expires} {
			if _, err := time.Parse(time.DateOnly, date); date != "" && err != nil {
				return nil, fmt.Errorf("decision on %s: %w", r.Name, err)
			}
		}
		switch {
		case r.ISO == "": // an international organisation
		case r.Act == "" || r.Date == "":
			return nil, fmt.Errorf("decision on %s has no act or date", r.Name)
		default:
			d.rows[r.ISO] = &r.Decision
		}
	}
	return d, nil
}

func (d *decisions) of(country string) Standing {
	return Standing{EEA: d.eea[country], Decision: d.rows[country], Unchecked: d.unchecked[country]}
}

// Fact is one country that has to do with a host.
type Fact struct {
	Country string `json:"country,omitempty"` // ISO 3166-1 alpha-2, "" if it cannot be told
	// Why says why there is no country: "no_address", "not_public",
	// "not_in_database", "databases_disagree", "anycast", "cdn",
	// "registered_seat" (the database names the country of the operator's
	// seat for a network that is in many countries), "single_source" (one
	// source alone says that the server is outside of the EEA; Signals has
	// it), "operator_unknown", "seat_unknown".
	Why     string   `json:"why,omitempty"`
	Signals []Signal `json:"signals,omitempty"` // what sources say of the place of a server
	Standing
}

// Class is the class of the fact's country on a day.
func (f Fact) Class(day time.Time) Class {
	if f.Country == "" {
		return Undetermined
	}
	return f.Standing.class(f.Country, day)
}

func (s Standing) class(country string, day time.Time) Class {
	d := s.Decision
	switch {
	case s.EEA:
		return EEA
	case d == nil && s.Unchecked:
		return Undetermined
	case d == nil || !d.inForce(day):
		return NoDecision
	case country == "US":
		return DPF
	case d.Scope == "full":
		return Adequacy
	}
	return Conditional
}

func (d *Decision) inForce(day time.Time) bool {
	since, on := d.Date, day.UTC().Format(time.DateOnly)
	if d.Since != "" {
		since = d.Since
	}
	return since <= on && (d.Expires == "" || on <= d.Expires)
}
