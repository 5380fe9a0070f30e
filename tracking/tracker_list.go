package tracking

import (
	"fmt"
	"slices"
	"strings"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID: "tracking.tracker-list",
	Title: probe.Text{
		DE: "Ohne Einwilligung wird nichts angefordert, was eine Tracker-Liste nennt",
		EN: "Nothing that a list of trackers names is requested without consent",
	},
	Why: probe.Text{
		DE: "Tracker beobachten, wer wann woran teilnimmt, und führen das über viele Dienste zusammen. Für die Konferenz sind sie nicht erforderlich.",
		EN: "Trackers observe who takes part in what and when, and put that together across many services. A conference does not need them.",
	},
	Sources: []probe.Source{terminal, telemetry, noAccess,
		{Doc: "DS-GVO", Edition: "Verordnung (EU) 2016/679", Section: "Art. 5 Abs. 1 lit. c, Art. 6 Abs. 1, Art. 25", URL: "https://eur-lex.europa.eu/eli/reg/2016/679/oj"}},
	Criteria: []string{"META-02", "THIRD-01"},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Den Tracker entfernen. Ist er gewollt, ihn erst nach einer Einwilligung laden, die jederzeit widerrufen werden kann, und ohne sie dieselbe Teilnahme ermöglichen.",
		EN: "Remove the tracker. If it is wanted, load it only after a consent that can be withdrawn at any time, and let people take part without it just the same.",
	},
	Needs:  []string{Contact.Name, Place.Name, probe.TargetFact.Name},
	Phases: []probe.Phase{probe.Landing, probe.Prejoin, probe.InMeeting},
	Check: func(c *probe.Case) []probe.Finding {
		type tracker struct {
			*per
			request        ListedRequest // that says most
			before         bool
			more           int // further rules
			first, foreign bool
			seen           bool // in the NetLog, so that the request went out for sure
		}
		found := hosts{}
		all := map[string]*tracker{}
		for o, r := range Listed.In(c.Facts) {
			if r.Category != "" || r.Party == OwnBrowser { // the table of operators has a rule of its own
				continue
			}
			p := found.add(o)
			t := all[o.Subject]
			if t == nil {
				t = &tracker{per: p, request: r, more: -1}
				all[o.Subject] = t
			}
			if r.Named && !t.request.Named {
				t.request = r
			}
			t.more++
			t.before = t.before || !consented(c, o.Phase)
			t.seen = t.seen || slices.Contains(r.Sources, "netlog")
			t.first, t.foreign = r.Party == First, r.Party == Third
		}
		if len(all) == 0 {
			return clean(c, probe.InMeeting, probe.Text{
				DE: "In diesem Lauf wurde nichts angefordert, was die verwendeten Listen nennen. Sie kennen nicht jeden Tracker.",
				EN: "In this run nothing was requested that the lists in use name. They do not know every tracker.",
			})
		}
		own := foreign(c)
		var out []probe.Finding
		for _, subject := range sortedKeys(all, strings.Compare) {
			t := all[subject]
			f := t.finding
			f.Subject, f.Verdict = subject, probe.Review
			// A rule about part of a URL may fit by chance, and a meeting's
			// own statistics may be in order.
			if t.before && t.foreign && t.request.Named && t.seen && own == probe.Fail {
				f.Verdict = probe.Fail
			}
			if !t.before || !t.request.Named {
				f.Severity = probe.Low
			}
			var l lines
			r := t.request
			when := probe.Text{DE: "Ohne Einwilligung", EN: "Without consent"}
			if !t.before {
				when = probe.Text{DE: "Nach der Einwilligung", EN: "After consent"}
			}
			if t.first {
				l.say(when.DE+" wurde ein Host der Konferenz selbst so angefragt, wie es eine Tracker-Liste beschreibt.", when.EN+", a host of the meeting itself was asked in a way that a list of trackers describes.")
			} else {
				l.say(when.DE+" wurde etwas angefordert, was eine Tracker-Liste nennt.", when.EN+", something was requested that a list of trackers names.")
			}
			l.say(fmt.Sprintf("Regel „%s“ (Zeile %d) der Liste %s.", r.Rule, r.Line, version(r)), fmt.Sprintf("Rule “%s” (line %d) of the list %s.", r.Rule, r.Line, version(r)))
			if r.URL != "" {
				l.say(fmt.Sprintf("Erste Anfrage: %s (%s).", r.URL, r.Type), fmt.Sprintf("First request: %s (%s).", r.URL, r.Type))
			} else {
				l.say("Eine Verbindung bestand, eine Anfrage wurde nicht gesehen.", "There was a connection; no request was seen.")
			}
			if !r.Named {
				l.say("Die Regel beschreibt nur einen Teil der Adresse und kann zufällig passen.", "The rule describes only a part of the address and may fit by chance.")
			}
			if !t.seen {
				l.say("Das Netzwerkprotokoll des Browsers enthält die Anfrage nicht.", "The browser's network log does not hold the request.")
			}
			if t.more > 0 {
				l.say(fmt.Sprintf("Weitere Treffer zu diesem Host: %d.", t.more), fmt.Sprintf("Further hits for this host: %d.", t.more))
			}
			f.Detail = l.text()
			if f.Verdict == probe.Review && t.foreign && own == probe.Review {
				f.Detail = hint(own, f.Detail)
			}
			out = append(out, f)
		}
		return out
	},
})

// version names a list with its version.
func version(r ListedRequest) string {
	name := r.List
	if r.Version != "" {
		name += ", " + r.Version
	}
	return name + ", SHA-256 " + r.SHA256[:min(len(r.SHA256), 12)] + "…"
}

// trackingCategories are the categories of services that observe people, in
// the words of an auditor. Those of other names are shown as they are.
var trackingCategories = map[string]probe.Text{
	"ads":             {DE: "Werbung", EN: "advertising"},
	"analytics":       {DE: "Nutzungsanalyse", EN: "analytics"},
	"bot-detection":   {DE: "Bot-Erkennung", EN: "bot detection"},
	"captcha":         {DE: "Captcha", EN: "captcha"},
	"chat-support":    {DE: "Chat-Unterstützung", EN: "support chat"},
	"email-marketing": {DE: "E-Mail-Marketing", EN: "e-mail marketing"},
	"error-tracking":  {DE: "Fehlererfassung", EN: "error tracking"},
	"feature-flags":   {DE: "Funktionssteuerung", EN: "feature flags"},
	"fingerprinting":  {DE: "Geräteerkennung (Fingerprinting)", EN: "fingerprinting"},
	"product-tour":    {DE: "Produktführung", EN: "product tours"},
	"rtc-stats":       {DE: "Statistik der Medienverbindung", EN: "media statistics"},
	"rum-apm":         {DE: "Leistungsmessung beim Nutzer", EN: "real user monitoring"},
	"session-replay":  {DE: "Sitzungsaufzeichnung", EN: "session replay"},
	"social":          {DE: "soziales Netzwerk", EN: "social network"},
	"survey":          {DE: "Umfrage", EN: "survey"},
	"tag-manager":     {DE: "Tag-Manager", EN: "tag manager"},
	"telemetry":       {DE: "Telemetrie", EN: "telemetry"},
	"avatar":          {DE: "Profilbilder", EN: "avatars"},
}

// CategoryName is a category of the table of operators in the words of an
// auditor; one that is not known here stays as it is.
func CategoryName(name string) probe.Text {
	if t, ok := trackingCategories[name]; ok {
		return t
	}
	return probe.Text{DE: name, EN: name}
}

// joined sorts words and puts them in a row.
func joined(words []string) string {
	words = slices.Clone(words)
	slices.Sort(words)
	return strings.Join(slices.Compact(words), ", ")
}
