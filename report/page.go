package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"vksprobe/probe"
	"vksprobe/webrtc"
)

// How much the HTML view shows of what a hostile or very busy meeting can
// produce without limit. Where something is left out the page says how much,
// and that report.json has it all.
const (
	maxSubjects     = 40   // findings of one rule with one verdict
	maxCited        = 6    // observations at one place
	maxHosts        = 300  // rows
	maxConnections  = 24   // tables
	maxObservations = 60   // of one kind, beside those that are cited
	maxFiles        = 300  // beside those that are cited
	maxData         = 3000 // runes of the data of one observation
)

// page is what the template shows.
type page struct {
	*Report
	Conclusion   conclusion
	Meeting      bool     // a meeting was visited; otherwise servers were asked
	Name         string   // what the report is about
	Subjects     []string // the servers that findings are about
	Verdicts     []verdictGroups
	Hosts        []hostRow
	HostsLeft    int
	Connections  []connection
	ConnsLeft    int
	Courses      []*course
	Pictures     []picture
	PicturesLeft int
	Kinds        []kindTable
	Listed       []listedFile
	FilesLeft    int

	Servers     []*served // whose TLS was enumerated
	ServersLeft int
	Undetailed  int      // servers that are in the overview only
	Norms       []string // that are set side by side

	place map[string]int // index of each observation by its id
	shown map[int]bool   // observations that are linked to
	files map[string]int // index of each file by its path
	kept  map[int]bool   // files that are linked to
}

// verdictGroups is all findings with one verdict.
type verdictGroups struct {
	Verdict probe.Verdict
	Count   int
	Groups  []group
}

// group is the findings of one rule with one verdict.
type group struct {
	Anchor   string
	Rule     RuleDoc
	Severity probe.Severity // the gravest
	Findings []findingRow
	Count    int
}

type findingRow struct {
	probe.Finding
	OwnRemedy bool // it differs from that of the rule
	Cites     cites
}

type hostRow struct {
	*host
	Cites cites
}

type connection struct {
	webrtc.Peer
	Cites cites
}

// cites is the observations named at one place.
type cites struct {
	List []cite
	Left int
}

type cite struct {
	ID     string
	Anchor string // empty if there is no such observation
}

// kindTable is the annexed observations of one kind.
type kindTable struct {
	Kind  string
	Title probe.Text
	Rows  []observationRow
	Left  int
}

type observationRow struct {
	probe.Observation
	Anchor   string
	Pretty   string // the data as indented JSON
	Pointers []pointer
	Left     int // pointers that are not shown
}

// pointer leads from an observation to a place in a raw file.
type pointer struct {
	probe.Evidence
	Anchor  string // of the file's row
	Differs bool   // the digest is not that of the file
}

type listedFile struct {
	File
	Anchor string
}

// newPage arranges a report for the template.
func newPage(r *Report, fsys fs.FS) *page {
	p := &page{Report: r, Conclusion: conclude(r), Meeting: len(r.Run.Scope) == 0,
		place: map[string]int{}, shown: map[int]bool{}, files: map[string]int{}, kept: map[int]bool{}}
	p.Subjects = r.subjects()
	p.Name = r.name()
	for i, o := range r.Observations {
		p.place[o.ID] = i
	}
	for i, f := range r.Files {
		p.files[f.Path] = i
	}
	facts := probe.NewFacts(r.Observations)
	p.groupFindings()
	all := hosts(facts)
	for _, h := range all[:min(len(all), maxHosts)] {
		p.Hosts = append(p.Hosts, hostRow{h, p.cite(h.Cited)})
	}
	p.HostsLeft = len(all) - len(p.Hosts)
	for o, c := range webrtc.Connection.In(facts) {
		if len(p.Connections) == maxConnections {
			p.ConnsLeft++
			continue
		}
		p.Connections = append(p.Connections, connection{c, p.cite([]string{o.ID})})
	}
	p.servers(facts)
	p.Courses = courses(facts)
	for _, c := range p.Courses {
		for _, d := range c.Devices {
			for _, cell := range d.Cells {
				if cell != nil {
					p.cite([]string{cell.ID})
				}
			}
		}
	}
	p.Pictures, p.PicturesLeft = pictures(r.Files, fsys)
	p.annexObservations()
	p.annexFiles()
	return p
}

// conclusion is the one sentence that everything comes to.
type conclusion struct {
	Verdict       probe.Verdict
	Words, Detail probe.Text
}

func conclude(r *Report) conclusion {
	whole := r.Run.State == probe.Complete && r.Counts.Unknown == 0
	switch {
	case r.Counts.Fail > 0 && whole:
		return conclusion{probe.Fail, probe.Text{DE: "Verstöße festgestellt", EN: "Violations found"},
			probe.Text{DE: "Mindestens eine geprüfte Anforderung wird nicht eingehalten.", EN: "At least one of the requirements examined is not met."}}
	case r.Counts.Fail > 0:
		return conclusion{probe.Fail, probe.Text{DE: "Verstöße festgestellt, Messung unvollständig", EN: "Violations found, measurement incomplete"},
			probe.Text{DE: "Mindestens eine geprüfte Anforderung wird nicht eingehalten. Weitere konnten nicht gemessen werden.", EN: "At least one of the requirements examined is not met. Others could not be measured."}}
	case r.Counts.Pass+r.Counts.Review == 0:
		return conclusion{probe.Unknown, probe.Text{DE: "Keine Aussage möglich", EN: "No conclusion possible"},
			probe.Text{DE: "Keine der geprüften Anforderungen konnte gemessen werden.", EN: "None of the requirements examined could be measured."}}
	case !whole:
		return conclusion{probe.Unknown, probe.Text{DE: "Nicht vollständig gemessen", EN: "Not fully measured"},
			probe.Text{DE: "In dem Teil, der gemessen wurde, ist kein Verstoß aufgefallen. Das ist keine Aussage über den Rest.", EN: "No violation was seen in what was measured. That says nothing about the rest."}}
	case r.Counts.Review > 0:
		return conclusion{probe.Review, probe.Text{DE: "Kein Verstoß festgestellt, Punkte zu bewerten", EN: "No violation found, points to be reviewed"},
			probe.Text{DE: "Über einzelne Beobachtungen muss ein Mensch entscheiden.", EN: "A person has to decide on some of the observations."}}
	}
	return conclusion{probe.Pass, probe.Text{DE: "Kein Verstoß festgestellt", EN: "No violation found"},
		probe.Text{DE: "Alle anwendbaren Anforderungen waren bei dieser Messung erfüllt.", EN: "All applicable requirements were met in this measurement."}}
}

func (p *page) groupFindings() {
	docs := map[string]RuleDoc{}
	for _, d := range p.Rules {
		docs[d.ID] = d
	}
	for _, v := range urgency() {
		section := verdictGroups{Verdict: v, Count: *p.Counts.of(v)}
		at := map[string]int{} // group by rule
		for _, f := range p.Findings {
			if f.Verdict != v {
				continue
			}
			i, ok := at[f.Rule]
			if !ok {
				doc, known := docs[f.Rule]
				if !known {
					doc = RuleDoc{ID: f.Rule, Title: f.Title}
				}
				i = len(section.Groups)
				at[f.Rule] = i
				section.Groups = append(section.Groups, group{Rule: doc, Severity: f.Severity})
			}
			g := &section.Groups[i]
			if g.Count++; gravity(f.Severity) > gravity(g.Severity) {
				g.Severity = f.Severity
			}
			if len(g.Findings) < maxSubjects {
				own := f.Remedy != nil && *f.Remedy != g.Rule.Remedy
				g.Findings = append(g.Findings, findingRow{f, own, p.cite(f.Observations)})
			}
		}
		slices.SortStableFunc(section.Groups, func(a, b group) int { return cmp.Compare(gravity(b.Severity), gravity(a.Severity)) })
		for i := range section.Groups {
			section.Groups[i].Anchor = fmt.Sprintf("%s-%d", v, i+1)
		}
		p.Verdicts = append(p.Verdicts, section)
	}
}

// cite names observations and sees to it that they will be in the annex.
func (p *page) cite(ids []string) cites {
	var c cites
	for _, id := range ids {
		if len(c.List) == maxCited {
			c.Left = len(ids) - maxCited
			break
		}
		at := cite{ID: id}
		if i, ok := p.place[id]; ok {
			at.Anchor = anchor(i)
			p.shown[i] = true
		}
		c.List = append(c.List, at)
	}
	return c
}

// anchor never contains an id, which may have come from elsewhere.
func anchor(observation int) string { return fmt.Sprintf("o%d", observation+1) }

// Anchor leads to the observation with the given id.
func (p *page) Anchor(id string) string { return anchor(p.place[id]) }

func (p *page) annexObservations() {
	at := map[string]int{}
	extra := map[string]int{}
	for i, o := range p.Observations {
		n, ok := at[o.Kind]
		if !ok {
			n = len(p.Kinds)
			at[o.Kind] = n
			p.Kinds = append(p.Kinds, kindTable{Kind: o.Kind, Title: kindWord(o.Kind)})
		}
		k := &p.Kinds[n]
		if !p.shown[i] {
			if extra[o.Kind]++; extra[o.Kind] > maxObservations {
				k.Left++
				continue
			}
		}
		row := observationRow{Observation: o, Anchor: anchor(i), Pretty: pretty(o.Data)}
		for _, e := range o.Evidence[:min(len(o.Evidence), maxCited)] {
			to := pointer{Evidence: e}
			if f, ok := p.files[e.Path]; ok {
				p.kept[f] = true
				to.Anchor = fileAnchor(f)
				to.Differs = p.Files[f].SHA256 != e.SHA256
			}
			row.Pointers = append(row.Pointers, to)
		}
		row.Left = len(o.Evidence) - len(row.Pointers)
		k.Rows = append(k.Rows, row)
	}
	slices.SortStableFunc(p.Kinds, func(a, b kindTable) int { return strings.Compare(a.Kind, b.Kind) })
}

func (p *page) annexFiles() {
	extra := 0
	for i, f := range p.Files {
		if !p.kept[i] {
			if extra++; extra > maxFiles {
				p.FilesLeft++
				continue
			}
		}
		p.Listed = append(p.Listed, listedFile{f, fileAnchor(i)})
	}
}

func fileAnchor(i int) string { return fmt.Sprintf("file%d", i+1) }

func pretty(data json.RawMessage) string {
	var out bytes.Buffer
	if json.Indent(&out, data, "", "  ") != nil {
		return cut(string(data), maxData)
	}
	return cut(out.String(), maxData)
}
