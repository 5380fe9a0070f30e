package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vksprobe/probe"
	"vksprobe/tracking"
	"vksprobe/tracking/geo"
)

// Host is what is known of a host that was contacted or asked about.
type Host struct {
	Name         string                   `json:"host"`
	Party        tracking.Party           `json:"party,omitempty"`
	Phases       []probe.Phase            `json:"phases,omitempty"`
	Participants []int                    `json:"participants,omitempty"`
	Transports   []string                 `json:"transports,omitempty"`
	Mechanisms   []string                 `json:"mechanisms,omitempty"`
	Requests     int64                    `json:"requests,omitempty"`
	Sent         int64                    `json:"sent,omitempty"`
	Received     int64                    `json:"received,omitempty"`
	Connected    bool                     `json:"connected,omitempty"`
	Class        geo.Class                `json:"class,omitempty"`   // on the date of judgement
	Missing      []geo.Aspect             `json:"missing,omitempty"` // facts that the class lacks
	Place        *tracking.HostPlace      `json:"place,omitempty"`   // nil for hosts of the browser itself
	Listed       []tracking.ListedRequest `json:"listed,omitempty"`
	Observations []string                 `json:"observations,omitempty"`
}

// NewHost is a host that was asked about, with its class on a day.
func NewHost(p tracking.HostPlace, day time.Time) Host {
	h := Host{Name: p.Host, Party: p.Party, Place: &p}
	h.Class, h.Missing = tracking.ClassOf(p, day)
	return h
}

// Hosts lists the hosts of a scan: third parties first, then those of the
// operator, then those that the browser contacted for itself. Classes are
// those of a day.
func Hosts(f *probe.Facts, day time.Time) []Host {
	places := map[string]Host{}
	for o, p := range tracking.Place.In(f) {
		h := NewHost(p, day)
		h.Observations = []string{o.ID}
		places[p.Host] = h
	}
	listed := map[string][]tracking.ListedRequest{}
	cited := map[string][]string{}
	for o, l := range tracking.Listed.In(f) {
		listed[l.Host] = append(listed[l.Host], l)
		cited[l.Host] = append(cited[l.Host], o.ID)
	}
	var out []Host
	for _, seen := range hosts(f) {
		h := places[seen.Name]
		h.Name, h.Party, h.Phases, h.Participants = seen.Name, seen.Party, seen.Phases, seen.Participants
		h.Transports, h.Mechanisms, h.Connected = seen.Transports, seen.Mechanisms, seen.Connected
		h.Requests, h.Sent, h.Received = seen.Requests, seen.Sent, seen.Received
		h.Listed = listed[h.Name]
		h.Observations = union(slices.Concat(h.Observations, seen.Cited), cited[h.Name]...)
		out = append(out, h)
	}
	return out
}

// WriteHosts writes hosts as a table of at most 100 columns for a terminal in
// the language "de" or "en", and below it the data that it rests on. With
// prose it says of each host what the table cannot.
func WriteHosts(w io.Writer, all []Host, date time.Time, lang string, prose bool) error {
	p := &hostPrinter{lang: lang, day: date, parties: slices.ContainsFunc(all, func(h Host) bool { return h.Party != "" })}
	p.row(p.say("Host", "Host"), p.say("Wessen", "Whose"), p.say("Server", "Server"), p.say("Sitz", "Seat"), p.say("Konzern", "Parent"), p.say("Kapitel V", "Chapter V"))
	p.row(strings.Repeat("-", hostColumn), "----------", "------", "----", "-------", "----------------")
	for _, h := range all {
		p.host(h, prose)
	}
	p.legend(all)
	_, err := w.Write(inert(p.b.Bytes()))
	return err
}

type hostPrinter struct {
	b    bytes.Buffer
	lang string
	day  time.Time

	parties bool // whose hosts are is known
}

func (p *hostPrinter) say(de, en string) string { return probe.Text{DE: de, EN: en}.In(p.lang) }

// hostColumn is the width of the names of hosts, so that rows have 94 columns.
const hostColumn = 44

// row writes the cells of a host. A name that is too long has a line of its
// own.
func (p *hostPrinter) row(name, whose, server, seat, parent, class string) {
	if utf8.RuneCountInString(name) > hostColumn {
		fmt.Fprintln(&p.b, cut(name, maxWord))
		name = ""
	}
	line := pad(name, hostColumn) + " "
	if p.parties {
		line += pad(whose, 11) + " "
	}
	line += pad(server, 6) + " " + pad(seat, 4) + " " + pad(parent, 7) + " " + class
	fmt.Fprintln(&p.b, strings.TrimRight(line, " "))
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s)))
}

func (p *hostPrinter) host(h Host, prose bool) {
	whose := ""
	if h.Party != "" {
		whose = partyWord(h.Party).In(p.lang)
	}
	if h.Place == nil {
		p.row(h.Name, whose, "", "", "", "")
		return
	}
	seat, parent := h.Place.Seat, h.Place.Parent
	mark := ""
	if h.Place.Operator == nil { // the network's operator stands in
		for _, a := range h.Place.Addresses {
			if a.Network != nil {
				seat, parent, mark = a.NetworkSeat, a.NetworkParent, "*"
				break
			}
		}
	}
	p.row(h.Name, whose, p.server(h.Place), code(seat)+mark, code(parent)+mark, className(h.Class).In(p.lang))
	if prose {
		p.b.WriteByte('\n')
		wrap(&p.b, 2, tracking.Exposure(*h.Place, p.day).In(p.lang))
		for _, l := range h.Listed {
			wrap(&p.b, 2, p.say("Tracker-Liste: ", "List of trackers: ")+p.rule(l))
		}
		p.b.WriteByte('\n')
		return
	}
	var who []string
	if o := h.Place.Operator; o != nil {
		who = append(who, o.Name)
		if s := h.Place.Service; s != nil && s.Tracking != "no" {
			who[0] += " (" + tracking.CategoryName(s.Category).In(p.lang) + ")"
		}
	}
	var nets []string
	for _, a := range h.Place.Addresses {
		if a.ASN != 0 {
			nets = union(nets, fmt.Sprintf("AS%d %s", a.ASN, a.Organisation))
		}
	}
	if len(nets) > 0 {
		who = append(who, p.say("Netz: ", "network: ")+strings.Join(nets[:min(len(nets), 2)], ", "))
	}
	if len(who) > 0 {
		wrap(&p.b, 2, strings.Join(who, "; "))
	}
	for _, l := range h.Listed[:min(len(h.Listed), 3)] {
		wrap(&p.b, 2, p.say("Tracker-Liste: ", "list of trackers: ")+p.rule(l))
	}
	if n := len(h.Listed) - 3; n > 0 {
		wrap(&p.b, 2, fmt.Sprintf(p.say("Tracker-Liste: %d weitere Treffer", "list of trackers: %d more hits"), n))
	}
}

func (p *hostPrinter) rule(l tracking.ListedRequest) string {
	s := cut(l.Rule, 200) + " (" + strings.Join(filled(l.List, l.Version), ", ") + ")"
	if l.Requests > 1 {
		s += fmt.Sprintf(p.say(", %d Anfragen", ", %d requests"), l.Requests)
	}
	return s
}

// server is where the addresses of a host are: one country, several, or none
// that could be told.
func (p *hostPrinter) server(h *tracking.HostPlace) string {
	var all []string
	for _, a := range h.Addresses {
		all = union(all, code(a.Location))
	}
	if len(all) > 2 {
		return fmt.Sprintf("%s +%d", all[0], len(all)-1)
	}
	return cmp.Or(strings.Join(all, " "), "?")
}

// code is the country of a fact, or why there is none.
func code(f geo.Fact) string {
	switch {
	case f.Country != "":
		return f.Country
	case f.Why == "not_public":
		return "–"
	}
	return "?"
}

func className(c geo.Class) probe.Text {
	switch c {
	case geo.EEA:
		return probe.Text{DE: "EWR", EN: "EEA"}
	case geo.Adequacy:
		return probe.Text{DE: "angemessen", EN: "adequate"}
	case geo.Conditional:
		return probe.Text{DE: "bedingt", EN: "conditional"}
	case geo.DPF:
		return probe.Text{DE: "DPF, zu prüfen", EN: "DPF, to check"}
	case geo.NoDecision:
		return probe.Text{DE: "kein Beschluss", EN: "no decision"}
	case geo.Local:
		return probe.Text{DE: "lokal", EN: "local"}
	case geo.Undetermined:
		return probe.Text{DE: "unbestimmt", EN: "undetermined"}
	}
	return same(string(c))
}

func dataName(name string) probe.Text {
	switch name {
	case "table of operators":
		return probe.Text{DE: "Tabelle der Betreiber", EN: "Table of operators"}
	case "table of adequacy decisions":
		return probe.Text{DE: "Tabelle der Angemessenheitsbeschlüsse", EN: "Table of adequacy decisions"}
	}
	return same(name)
}

// legend names the data, as their licences demand, and what the words mean.
func (p *hostPrinter) legend(all []Host) {
	var data []geo.Dataset
	var lists []string
	for _, h := range all {
		if h.Place != nil {
			data = union(data, h.Place.Data...)
		}
		for _, l := range h.Listed {
			lists = union(lists, strings.Join(filled(l.List, l.Version), ", "))
		}
	}
	p.b.WriteByte('\n')
	wrap(&p.b, 0, p.say("?: nicht bestimmbar. –: keine Adresse des Internets. *: Betreiber des Dienstes unbekannt, genannt ist der des Netzes. Kapitel V: die strengste Folge aus Serverstandort, Sitz und Konzern von Dienst und Netz; sie beschreibt eine Exposition, keinen Verstoß.",
		"?: not determinable. –: no address of the Internet. *: the service's operator is unknown, the network's is shown. Chapter V: the strictest consequence of server location, seat and parent of service and network; it describes exposure, not a violation."))
	for _, d := range data {
		wrap(&p.b, 0, fmt.Sprintf("%s, %s, SHA-256 %s", dataName(d.Name).In(p.lang), d.Date, cut(d.SHA256, 16)))
	}
	for _, l := range lists {
		wrap(&p.b, 0, l)
	}
	if slices.ContainsFunc(data, func(d geo.Dataset) bool { return strings.HasPrefix(d.Name, "DB-IP") }) {
		wrap(&p.b, 0, "IP Geolocation by DB-IP, https://db-ip.com")
	}
}
