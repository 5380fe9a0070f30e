package tracking

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/tracking/geo"
)

// ClassOf is the class of a host on a day, and the facts that are missing. The
// operator of the meeting's own hosts counts as missing only if something else
// is, because who runs the meeting is known without a table.
func ClassOf(p HostPlace, day time.Time) (geo.Class, []geo.Aspect) {
	class, missing := p.Place.Class(day)
	if class != geo.Undetermined || p.Party != First || p.Operator != nil {
		return class, missing
	}
	others := slices.DeleteFunc(slices.Clone(missing), func(a geo.Aspect) bool { return a == geo.OperatorSeat || a == geo.OperatorParent })
	if len(others) > 0 {
		return class, missing
	}
	return geo.EEA, missing
}

// lines joins sentences, one text per language.
type lines struct{ de, en []string }

func (l *lines) say(de, en string) {
	l.de, l.en = append(l.de, de), append(l.en, en)
}

func (l *lines) text() probe.Text {
	return probe.Text{DE: strings.Join(l.de, " "), EN: strings.Join(l.en, " ")}
}

// Exposure describes where a host is and whose it is, and what follows for
// Chapter V on a day. It never calls anything a violation: a place is no
// transfer.
func Exposure(v HostPlace, day time.Time) probe.Text {
	var l lines
	l.operator(v)
	for _, a := range v.Addresses[:min(len(v.Addresses), 3)] {
		l.address(v, a)
	}
	if n := len(v.Addresses) - 3; n > 0 {
		l.say(fmt.Sprintf("Weitere Adressen: %d.", n), fmt.Sprintf("Further addresses: %d.", n))
	}
	if len(v.Addresses) == 0 {
		l.say("Eine Adresse des Hosts ist nicht bekannt.", "No address of the host is known.")
	}
	l.edge(v)
	l.class(v, day)
	return l.text()
}

func (l *lines) operator(v HostPlace) {
	o := v.Operator
	switch {
	case o == nil && v.Party == First:
		l.say("Der Host gehört zur Konferenz selbst; sein Betreiber steht nicht in der Tabelle der Betreiber.",
			"The host is the meeting's own; its operator is not in the table of operators.")
		return
	case o == nil:
		l.say("Wer den Dienst betreibt, ist nicht bekannt.", "Who runs the service is not known.")
		return
	}
	seat, parent := geo.CountryName(o.Seat), geo.CountryName(o.Parent)
	de, en := fmt.Sprintf("Betreiber: %s, Sitz: %s", o.Name, seat.DE), fmt.Sprintf("Operator: %s, seat: %s", o.Name, seat.EN)
	if o.Controlled != "" {
		de += fmt.Sprintf("; beherrscht von %s, oberste Gesellschaft: %s", o.Controlled, parent.DE)
		en += fmt.Sprintf("; controlled by %s, ultimate parent: %s", o.Controlled, parent.EN)
	}
	if o.Confidence != "high" {
		de, en = de+" (Angabe der Tabelle ungesichert)", en+" (the table is not sure)"
	}
	l.say(de+".", en+".")
}

// whyNot says why a place cannot be told.
var whyNot = map[string]probe.Text{
	"not_public":         {DE: "keine Adresse des Internets", EN: "no address of the Internet"},
	"anycast":            {DE: "mit GeoIP nicht bestimmbar, weil das Netz dieselbe Adresse an vielen Orten ankündigt (Anycast)", EN: "not determinable by GeoIP, because the network announces the same address in many places (anycast)"},
	"cdn":                {DE: "mit GeoIP nicht bestimmbar, weil ein Content Delivery Network von wechselnden Orten antwortet", EN: "not determinable by GeoIP, because a content delivery network answers from changing places"},
	"not_in_database":    {DE: "in keiner Datenbank verzeichnet", EN: "in no database"},
	"databases_disagree": {DE: "nicht bestimmbar, weil die Datenbanken einander widersprechen", EN: "not determinable, because the databases disagree"},
	"registered_seat":    {DE: "nicht bestimmbar, weil die Datenbank für dieses weltweite Netz nur den Sitz des Betreibers nennt", EN: "not determinable, because for this worldwide network the database names the operator's seat only"},
	"single_source":      {DE: "nicht gesichert, weil nur eine Quelle einen Ort außerhalb des EWR nennt", EN: "not certain, because one source alone names a place outside of the EEA"},
}

func (l *lines) address(v HostPlace, a geo.Located) {
	if a.Range != "" {
		l.say(fmt.Sprintf("%s ist keine Adresse des Internets.", a.Address.Address), fmt.Sprintf("%s is no address of the Internet.", a.Address.Address))
		return
	}
	var de, en []string
	for _, s := range a.Location.Signals {
		name, source := geo.CountryName(s.Country), s.Source+dated(v.Data, s.Source)
		de, en = append(de, fmt.Sprintf("%s (%s)", name.DE, source)), append(en, fmt.Sprintf("%s (%s)", name.EN, source))
	}
	told := probe.Text{DE: strings.Join(de, ", "), EN: strings.Join(en, ", ")}
	switch why, open := whyNot[a.Location.Why]; {
	case !open:
		l.say(fmt.Sprintf("Standort von %s: %s.", a.Address.Address, told.DE), fmt.Sprintf("Location of %s: %s.", a.Address.Address, told.EN))
	case told.DE == "":
		l.say(fmt.Sprintf("Standort von %s: %s.", a.Address.Address, why.DE), fmt.Sprintf("Location of %s: %s.", a.Address.Address, why.EN))
	default:
		l.say(fmt.Sprintf("Standort von %s: %s; angegeben wird %s.", a.Address.Address, why.DE, told.DE), fmt.Sprintf("Location of %s: %s; given is %s.", a.Address.Address, why.EN, told.EN))
	}
	if a.ASN == 0 {
		l.say("Das Netz ist nicht bekannt.", "The network is not known.")
		return
	}
	net := fmt.Sprintf("AS%d %s", a.ASN, a.Organisation)
	ofDE, ofEN := "", ""
	if n := a.Network; n != nil {
		ofDE += fmt.Sprintf(", Sitz: %s", geo.CountryName(n.Seat).DE)
		ofEN += fmt.Sprintf(", seat: %s", geo.CountryName(n.Seat).EN)
		if n.Parent != n.Seat {
			ofDE += fmt.Sprintf(", oberste Gesellschaft: %s", geo.CountryName(n.Parent).DE)
			ofEN += fmt.Sprintf(", ultimate parent: %s", geo.CountryName(n.Parent).EN)
		}
	} else {
		ofDE, ofEN = ", dessen Betreiber nicht in der Tabelle steht", ", whose operator is not in the table"
	}
	l.say("Netz: "+net+ofDE+".", "Network: "+net+ofEN+".")
}

// dated is ", date" of a data set.
func dated(data []geo.Dataset, name string) string {
	for _, d := range data {
		if d.Name == name && d.Date != "" {
			return ", " + d.Date
		}
	}
	return ""
}

// near is the distance in kilometres below which it says something.
const near = 1500

func (l *lines) edge(v HostPlace) {
	for _, h := range v.Edge {
		if h.Country == "" {
			continue
		}
		country := geo.CountryName(h.Country)
		at := cmp.Or(h.Site, h.Network)
		l.say(fmt.Sprintf("Der antwortende Knoten nennt selbst %s, %s (%s: %s).", at, country.DE, h.Header, h.Value),
			fmt.Sprintf("The answering node itself names %s, %s (%s: %s).", at, country.EN, h.Header, h.Value))
		break
	}
	if v.Within > 0 && v.Within <= near && slices.ContainsFunc(v.Addresses, func(a geo.Located) bool { return a.Range == "" && a.Location.Country == "" }) {
		l.say(fmt.Sprintf("Nach der Antwortzeit steht er höchstens %d km vom messenden Rechner entfernt.", v.Within),
			fmt.Sprintf("By the time of its answer it is at most %d km away from the measuring machine.", v.Within))
	}
}

// aspects names facts in a sentence.
var aspects = map[geo.Aspect]probe.Text{
	geo.ServerLocation: {DE: "Standort des Servers", EN: "location of the server"},
	geo.OperatorSeat:   {DE: "Sitz des Betreibers", EN: "seat of the operator"},
	geo.OperatorParent: {DE: "oberste Gesellschaft des Betreibers", EN: "ultimate parent of the operator"},
	geo.NetworkSeat:    {DE: "Sitz des Netzbetreibers", EN: "seat of the network's operator"},
	geo.NetworkParent:  {DE: "oberste Gesellschaft des Netzbetreibers", EN: "ultimate parent of the network's operator"},
}

// above is the seat to which a parent belongs.
var above = map[geo.Aspect]geo.Aspect{geo.OperatorParent: geo.OperatorSeat, geo.NetworkParent: geo.NetworkSeat}

// german writes a date as Germans do.
func german(date string) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return t.Format("02.01.2006")
}

// class says what the facts that ask for most mean under Chapter V.
func (l *lines) class(v HostPlace, day time.Time) {
	class, missing := ClassOf(v, day)
	table := dated(v.Data, "table of adequacy decisions")
	table = strings.TrimPrefix(table, ", ")
	type about struct {
		decision *geo.Decision
		de, en   []string
	}
	countries := map[string]*about{}
	for a, f := range v.Aspects() {
		if f.Class(day) != class || f.Country == "" {
			continue
		}
		c := countries[f.Country]
		if c == nil {
			c = &about{decision: f.Decision}
			countries[f.Country] = c
		}
		if seat, ok := above[a]; ok && slices.Contains(c.de, aspects[seat].DE) {
			continue // the parent adds nothing to the seat
		}
		if t := aspects[a]; !slices.Contains(c.de, t.DE) {
			c.de, c.en = append(c.de, t.DE), append(c.en, t.EN)
		}
	}
	for _, code := range sortedKeys(countries, strings.Compare) {
		c, name, d := countries[code], geo.CountryName(code), countries[code].decision
		de, en := fmt.Sprintf("%s (%s):", name.DE, strings.Join(c.de, ", ")), fmt.Sprintf("%s (%s):", name.EN, strings.Join(c.en, ", "))
		switch class {
		case geo.NoDecision:
			de += fmt.Sprintf(" Ein Angemessenheitsbeschluss gilt am Bewertungsdatum nicht (Tabelle, Stand %s). Zu klären ist, ob personenbezogene Daten dorthin gelangen und welche Garantie nach Art. 46 oder Ausnahme nach Art. 49 DS-GVO das trägt.", german(table))
			en += fmt.Sprintf(" No adequacy decision holds on the date of judgement (table as of %s). To be settled: whether personal data get there, and which safeguard under Art. 46 or derogation under Art. 49 GDPR carries that.", table)
		case geo.DPF, geo.Conditional:
			de += fmt.Sprintf(" Der Angemessenheitsbeschluss %s vom %s gilt unter einer Bedingung: %s (Tabelle, Stand %s). Ob sie für den Empfänger erfüllt ist, ist zu prüfen.", d.Act, german(d.Date), cmp.Or(d.ConditionDE, d.Condition), german(table))
			en += fmt.Sprintf(" The adequacy decision %s of %s holds on a condition: %s (table as of %s). Whether the recipient meets it has to be checked.", d.Act, d.Date, d.Condition, table)
		case geo.Adequacy:
			de += fmt.Sprintf(" Es gilt der Angemessenheitsbeschluss %s vom %s", d.Act, german(d.Date))
			en += fmt.Sprintf(" The adequacy decision %s of %s holds", d.Act, d.Date)
			if d.Expires != "" {
				de, en = de+" bis "+german(d.Expires), en+" until "+d.Expires
			}
			de, en = de+fmt.Sprintf(" (Tabelle, Stand %s).", german(table)), en+fmt.Sprintf(" (table as of %s).", table)
		default:
			continue
		}
		l.say(de, en)
	}
	switch class {
	case geo.NoDecision, geo.DPF, geo.Conditional:
		l.say("Der Befund beschreibt eine Exposition gegenüber dem Recht eines Drittlandes; eine Übermittlung im Sinne des Kapitels V belegt er für sich allein nicht.",
			"This describes exposure to the law of a third country; by itself it proves no transfer in the sense of Chapter V.")
	case geo.Undetermined:
		var de, en []string
		for _, a := range missing {
			if seat, ok := above[a]; !ok || !slices.Contains(missing, seat) {
				de, en = append(de, aspects[a].DE), append(en, aspects[a].EN)
			}
		}
		l.say(fmt.Sprintf("Ob ein Drittland berührt ist, lässt sich nicht bestimmen; offen ist: %s.", strings.Join(de, ", ")),
			fmt.Sprintf("Whether a third country is concerned cannot be determined; open is: %s.", strings.Join(en, ", ")))
	}
}
