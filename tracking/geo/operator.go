package geo

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

//go:embed operators.json
var operatorsJSON []byte

// Operator is whoever runs a service or a network.
type Operator struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Seat   string `json:"seat"`   // ISO 3166-1 alpha-2 of the legal person, "" if unknown
	Parent string `json:"parent"` // country of the company that controls it in the end; the seat if nobody does
	// Controlled names who controls it, if somebody does.
	Controlled string `json:"controlled,omitempty"`
	// DPF says whether it can be on the list of the EU-US Data Privacy
	// Framework: "likely-participant-verify", "unknown", "not-applicable".
	DPF        string `json:"dpf,omitempty"`
	Confidence string `json:"confidence"` // of the row: "high", "medium", "low"
	Note       string `json:"note,omitempty"`
	// By says how it was found: "domain zoom.us", "AS16509", "name Amazon".
	By string `json:"by"`
}

// Service is what an operator does under a name.
type Service struct {
	Category string `json:"category"` // "analytics", "cdn", "video-conferencing"
	Tracking string `json:"tracking"` // "yes", "possible", "no"
	By       string `json:"by"`       // "domain google-analytics.com", "url www.google.com/ads/"
}

// operators is the table.
type operators struct {
	Dataset
	rows     []*row
	domains  map[string]place
	urls     map[string][]place // by host
	asns     map[uint32]*row
	patterns []pattern
}

type place struct {
	row     *row
	service int    // of the row, -1 if the domain is in none
	path    string // of a URL
}

type pattern struct {
	re  *regexp.Regexp
	row *row
}

// row is an operator as the table has it.
type row struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Seat       string   `json:"seat_country"`
	Parent     string   `json:"parent"`
	Ultimate   string   `json:"ultimate_parent_country"`
	ASNs       []uint32 `json:"asns"`
	CDN        []uint32 `json:"cdn_asns"`
	Domains    []string `json:"domains"`
	DPF        string   `json:"dpf"`
	Anycast    string   `json:"anycast"`
	Confidence string   `json:"confidence"`
	Note       string   `json:"note"`
	Services   []struct {
		Category string   `json:"category"`
		Tracking string   `json:"tracking"`
		Domains  []string `json:"domains"`
		URLs     []string `json:"url_prefixes"`
	} `json:"services"`
}

func parseOperators(text []byte) (*operators, error) {
	var file struct {
		Version   string `json:"version"`
		Operators []*row `json:"operators"`
		Patterns  []struct {
			RE       string `json:"re"`
			Operator string `json:"operator"`
		} `json:"org_name_patterns"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if len(file.Operators) == 0 {
		return nil, errors.New("no operators in it")
	}
	sum := sha256.Sum256(text)
	t := &operators{Dataset: Dataset{"table of operators", clip(file.Version), hex.EncodeToString(sum[:])},
		domains: map[string]place{}, urls: map[string][]place{}, asns: map[uint32]*row{}}
	byID := map[string]*row{}
	for _, r := range file.Operators {
		if r == nil || r.ID == "" || r.Name == "" {
			return nil, errors.New("an operator without id or name")
		}
		r.Seat, r.Ultimate = country(r.Seat), country(r.Ultimate)
		byID[r.ID] = r
		t.rows = append(t.rows, r)
		for _, d := range r.Domains {
			t.domains[strings.ToLower(d)] = place{r, -1, ""}
		}
		for i, s := range r.Services {
			for _, d := range s.Domains {
				t.domains[strings.ToLower(d)] = place{r, i, ""}
			}
			for _, u := range s.URLs {
				host, path, _ := strings.Cut(u, "/")
				t.urls[strings.ToLower(host)] = append(t.urls[strings.ToLower(host)], place{r, i, "/" + path})
			}
		}
		for _, n := range r.ASNs {
			t.asns[n] = r
		}
	}
	for _, p := range file.Patterns {
		re, err := regexp.Compile(p.RE)
		if err != nil {
			return nil, err
		}
		if byID[p.Operator] == nil {
			return nil, fmt.Errorf("the pattern %s names %q, which is no operator", p.RE, p.Operator)
		}
		t.patterns = append(t.patterns, pattern{re, byID[p.Operator]})
	}
	return t, nil
}

func (r *row) operator(by string) *Operator {
	return &Operator{ID: r.ID, Name: r.Name, Seat: r.Seat, Parent: cmp.Or(r.Ultimate, r.Seat), Controlled: r.Parent,
		DPF: r.DPF, Confidence: r.Confidence, Note: r.Note, By: by}
}

// byHost finds the row of the longest domain that a host is or lies below.
func (t *operators) byHost(host string) (at place, domain string, ok bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for host != "" {
		if at, ok := t.domains[host]; ok {
			return at, host, true
		}
		_, host, _ = strings.Cut(host, ".")
	}
	return place{}, "", false
}

// byNetwork finds the row of a network. The name of its organisation is a
// weaker sign than its number.
func (t *operators) byNetwork(asn uint32, organisation string) (*row, string) {
	if r := t.asns[asn]; r != nil && asn != 0 {
		return r, fmt.Sprintf("AS%d", asn)
	}
	if organisation == "" {
		return nil, ""
	}
	for _, p := range t.patterns {
		if p.re.MatchString(organisation) {
			return p.row, "name " + organisation
		}
	}
	return nil, ""
}

func (p place) at(by string) *Service {
	if p.service < 0 {
		return nil
	}
	s := p.row.Services[p.service]
	return &Service{Category: s.Category, Tracking: s.Tracking, By: by}
}

// Service finds what is done under a URL: by its beginning where the table has
// one, else by its host. It is nil if the table does not know.
func (a *Atlas) Service(host, path string) (*Operator, *Service) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	best := place{service: -1}
	for _, p := range a.operators.urls[host] {
		if strings.HasPrefix(path, p.path) && len(p.path) > len(best.path) {
			best = p
		}
	}
	if best.row != nil {
		by := "url " + host + best.path
		return best.row.operator(by), best.at(by)
	}
	p, domain, ok := a.operators.byHost(host)
	if !ok {
		return nil, nil
	}
	return p.row.operator("domain " + domain), p.at("domain " + domain)
}

// cdn reports whether a network serves copies of other people's pages from
// wherever the visitor is.
func (r *row) cdn(asn uint32) bool {
	if slices.Contains(r.CDN, asn) {
		return true
	}
	is := false
	for _, s := range r.Services {
		switch s.Category {
		case "cdn":
			is = true
		case "cloud", "video-conferencing":
			return false // rents out servers as well; its addresses may have a place
		}
	}
	return is && len(r.CDN) == 0
}
