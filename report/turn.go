package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/webrtc/turn"
)

// TURN prints what was found out about a STUN or TURN server: first what is
// wrong, then what it does. The findings are those about this server.
func TURN(w io.Writer, f turn.Facts, findings []probe.Finding, lang string) error {
	var b bytes.Buffer
	p := &turnPrinter{b: &b, lang: lang}
	wrap(&b, 0, f.Server)
	if asked := slices.ContainsFunc(f.Doors, func(d turn.Door) bool { return d.Reachable.Failure != probe.OutOfScope }); !asked {
		wrap(&b, 2, failureWord(probe.OutOfScope).In(lang))
	} else {
		p.findings(findings)
		b.WriteByte('\n')
		p.server(f)
		if f.Relay {
			p.authentication(f)
			p.allocations(f)
		}
		p.cost(f)
		p.peers(f.Peers)
	}
	b.WriteByte('\n')
	_, err := w.Write(inert(b.Bytes()))
	return err
}

type turnPrinter struct {
	b    *bytes.Buffer
	lang string
}

func (p *turnPrinter) say(de, en string) string { return probe.Text{DE: de, EN: en}.In(p.lang) }

// findings prints what is wrong and what is open, each with its reason, and
// names what is in order.
func (p *turnPrinter) findings(all []probe.Finding) {
	for _, v := range urgency() {
		var these []probe.Finding
		for _, f := range slices.SortedStableFunc(slices.Values(all), graver) {
			if f.Verdict == v {
				these = append(these, f)
			}
		}
		if len(these) == 0 {
			continue
		}
		heading := verdictHeading(v).In(p.lang)
		if v == probe.Pass || v == probe.NotApplicable {
			var names []string
			for _, f := range these {
				names = append(names, f.Rule)
			}
			p.b.WriteByte('\n')
			wrap(p.b, 2, heading+": "+strings.Join(names, ", "))
			continue
		}
		fmt.Fprintf(p.b, "\n  %s\n", heading)
		for _, f := range these {
			head := f.Rule
			if v != probe.Unknown {
				head += " (" + severityWord(f.Severity).In(p.lang) + ")"
			}
			wrap(p.b, 4, head)
			wrap(p.b, 6, f.Detail.In(p.lang))
		}
	}
}

// entry prints a name and a value, broken into lines that stand below each
// other.
func (p *turnPrinter) entry(name string, parts ...string) {
	if parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" }); len(parts) == 0 {
		return
	}
	const column = 18
	var lines bytes.Buffer
	wrap(&lines, 2+column, strings.Join(parts, "; "))
	text := lines.String()
	fmt.Fprintf(p.b, "  %-*s%s", column, name, text[min(2+column, len(text)):])
}

func (p *turnPrinter) server(f turn.Facts) {
	var there, not []string
	mapped := ""
	for _, d := range f.Doors {
		name := strings.ToUpper(d.Transport) + " " + d.Address
		if d.Reachable.State == turn.Yes {
			there = append(there, name)
			mapped = cmp.Or(mapped, d.Mapped)
			continue
		}
		not = append(not, name+": "+p.failure(d.Reachable))
	}
	p.entry(p.say("erreichbar", "reachable"), there...)
	p.entry(p.say("nicht erreichbar", "not reachable"), not...)
	p.entry("Software", f.Software)
	p.entry("Realm", f.Realm)
	p.entry(p.say("verweist auf", "refers to"), f.Alternate)
	p.entry(p.say("sieht uns als", "sees us as"), mapped)
}

// failure says in a few words why an answer is not there.
func (p *turnPrinter) failure(a turn.Answer) string {
	switch {
	case a.Failure == probe.NotRecognised:
		return p.say("die Antwort ist kein STUN", "the answer is not STUN")
	case a.Failure != "":
		return failureWord(a.Failure).In(p.lang)
	case a.Code != 0:
		return fmt.Sprintf(p.say("STUN-Fehler %d", "STUN error %d"), a.Code)
	}
	return p.say("ohne Antwort", "no answer")
}

// choose words an answer: one text for yes, one for no, and the failure for
// what is unknown. What was not even asked is "".
func (p *turnPrinter) choose(a turn.Answer, yes, no probe.Text) string {
	switch {
	case a.State == turn.Yes:
		return yes.In(p.lang)
	case a.State == turn.No && a.Code != 0:
		return fmt.Sprintf("%s (%d)", no.In(p.lang), a.Code)
	case a.State == turn.No:
		return no.In(p.lang)
	case len(a.Exchanges) == 0:
		return ""
	case a.Code == 401:
		return p.say("nur mit Zugangsdaten", "with credentials only")
	}
	return p.say("offen", "unknown") + " (" + p.failure(a) + ")"
}

// named puts a name before what is said.
func named(name, said string) string {
	if said == "" {
		return ""
	}
	return name + " " + said
}

func (p *turnPrinter) authentication(f turn.Facts) {
	refused, accepted := probe.Text{DE: "abgewiesen", EN: "refused"}, probe.Text{DE: "ANGENOMMEN", EN: "ACCEPTED"}
	not := probe.Text{DE: "NICHT WIE VORGESCHRIEBEN VERLANGT", EN: "NOT DEMANDED AS PRESCRIBED"}
	if f.Open.State == turn.Yes {
		not = probe.Text{DE: "NICHT VERLANGT", EN: "NOT DEMANDED"}
	}
	p.entry(p.say("Anmeldung", "authentication"),
		p.choose(f.Challenge, probe.Text{DE: "verlangt", EN: "demanded"}, not),
		named(p.say("falsches Passwort", "a wrong password"), p.choose(f.Password, refused, accepted)),
		named(p.say("erfundene Nonce", "a made-up nonce"), p.choose(f.Nonce.MadeUp, refused, accepted)))
	n := f.Nonce
	var nonce []string
	if n.Length > 0 {
		nonce = append(nonce, fmt.Sprintf(p.say("%d Byte", "%d bytes"), n.Length))
	}
	switch n.Fresh {
	case turn.Yes:
		nonce = append(nonce, p.say("je Verbindung eine andere", "another one for each connection"))
	case turn.No:
		nonce = append(nonce, p.say("DIESELBE FÜR MEHRERE VERBINDUNGEN", "THE SAME FOR SEVERAL CONNECTIONS"))
	}
	if n.LivedSeconds >= 1 {
		nonce = append(nonce, p.say("galt mindestens ", "was good for at least ")+decimal(n.LivedSeconds).In(p.lang)+" s")
	}
	if n.Stale > 0 {
		nonce = append(nonce, fmt.Sprintf(p.say("%d-mal erneuert", "renewed %d times"), n.Stale))
	}
	p.entry("Nonce", nonce...)
	p.credential(f.Credential)
}

func (p *turnPrinter) credential(c turn.Credential) {
	title := p.say("Zugangsdaten", "credentials")
	if !c.Given {
		p.entry(title, p.say("nicht verwendet", "not used"))
		return
	}
	yes, no := probe.Text{DE: "angenommen", EN: "accepted"}, probe.Text{DE: "abgewiesen", EN: "refused"}
	until := ""
	if c.Expires != nil {
		left := time.Duration(c.Remaining) * time.Second
		until = fmt.Sprintf(p.say("befristet bis %s", "limited until %s"), moment(*c.Expires).In(p.lang))
		if left > 0 {
			until += fmt.Sprintf(p.say(" (bei Beginn noch %s)", " (%s left when first used)"), roughly(left))
		}
	} else if c.TimeLimited == turn.No {
		until = p.say("keine Befristung erkennbar", "no limit to be seen")
	}
	p.entry(title, p.choose(c.Accepted, yes, no),
		named(p.say("über eine zweite Verbindung", "over a second connection"), p.choose(c.Reusable, probe.Text{DE: "erneut angenommen", EN: "accepted again"}, no)),
		until,
		named(p.say("nach Ablauf", "after their end"), p.choose(c.After, probe.Text{DE: "NOCH ANGENOMMEN", EN: "STILL ACCEPTED"}, no)),
		named(p.say("bestehende Zuteilung danach", "an allocation after that"), p.choose(c.Outlived, probe.Text{DE: "verlängert", EN: "refreshed"}, probe.Text{DE: "nicht verlängert", EN: "not refreshed"})))
}

// roughly is a length of time in its two largest units.
func roughly(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

func (p *turnPrinter) allocations(f turn.Facts) {
	anybody := p.choose(f.Open, probe.Text{DE: "OHNE ZUGANGSDATEN ERTEILT", EN: "GRANTED WITHOUT CREDENTIALS"}, probe.Text{DE: "ohne Zugangsdaten abgewiesen", EN: "refused without credentials"})
	one := func(name string, a turn.Allocation) string {
		said := p.choose(a.Works, probe.Text{DE: "erteilt", EN: "granted"}, probe.Text{DE: "nicht angeboten", EN: "not offered"})
		if a.Works.State == turn.Yes && len(a.Relayed) > 0 {
			said = strings.Join(a.Relayed, " ")
			if a.Lifetime > 0 {
				said += fmt.Sprintf(p.say(" für %d s", " for %d s"), a.Lifetime)
			}
		}
		return named(name, said)
	}
	p.entry(p.say("Zuteilung", "allocation"), anybody, one("UDP", f.Allocation), one("IPv6", f.IPv6),
		one(p.say("IPv4 und IPv6 zugleich", "IPv4 and IPv6 at once"), f.Dual), one("TCP (RFC 6062)", f.TCP))
}

func (p *turnPrinter) cost(f turn.Facts) {
	var ratios []string
	for _, a := range f.Amplifies {
		ratios = append(ratios, fmt.Sprintf(p.say("%s %s-fach", "%s %s times"), a.Request, decimal(a.Ratio).In(p.lang)))
	}
	p.entry(p.say("Verstärkung", "amplification"), ratios...)
	c := f.Cost
	text := fmt.Sprintf(p.say("%d Verbindungen, %d Fragen, %s gesendet, %s empfangen", "%d connections, %d questions, %s sent, %s received"),
		c.Sockets, c.Exchanges, size(int64(c.Sent)).In(p.lang), size(int64(c.Received)).In(p.lang))
	if c.Allocations > 0 {
		text += fmt.Sprintf(p.say(", %d Zuteilungen, davon %d wieder freigegeben", ", %d allocations, of which %d were released"), c.Allocations, c.Released)
	}
	p.entry(p.say("Aufwand", "cost"), text)
}

// peers prints a table: to which kinds of addresses the server would relay,
// by family and transport.
func (p *turnPrinter) peers(all []turn.Peer) {
	if len(all) == 0 {
		return
	}
	type key struct {
		class  turn.Class
		column string
	}
	cells := map[key][]turn.Peer{}
	var classes []turn.Class
	columns := []string{"UDP, IPv4", "UDP, IPv6", "TCP, IPv4"}
	for _, peer := range all {
		a, err := netip.ParseAddr(peer.Address)
		if err != nil {
			continue
		}
		column := strings.ToUpper(peer.Relay) + ", IPv4"
		if a.Is6() {
			column = strings.ToUpper(peer.Relay) + ", IPv6"
		}
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
		class := peer.Class
		if peer.Translated() {
			class = translated
		}
		k := key{class, column}
		cells[k] = append(cells[k], peer)
		if !slices.Contains(classes, class) {
			classes = append(classes, class)
		}
	}
	line := func(name string, values []string) {
		text := fmt.Sprintf("  %-28s", name)
		for _, v := range values {
			text += fmt.Sprintf(" %-19s", v)
		}
		fmt.Fprintln(p.b, strings.TrimRight(text, " "))
	}
	heading := p.say("Erlaubnis zur Vermittlung (CreatePermission, ChannelBind", "Permission to relay (CreatePermission, ChannelBind")
	if !slices.ContainsFunc(all, func(peer turn.Peer) bool { return peer.Delivered.State != "" }) {
		heading += p.say("; Daten wurden nicht vermittelt", "; no data was relayed")
	}
	fmt.Fprintf(p.b, "\n  %s)\n", heading)
	line(p.say("an Adressen der Art", "to addresses of the kind"), columns)
	for _, class := range classes {
		var values []string
		for _, c := range columns {
			values = append(values, p.cell(cells[key{class, c}]))
		}
		line("  "+classWord(class).In(p.lang), values)
	}
	if slices.ContainsFunc(all, func(peer turn.Peer) bool { return peer.Delivered.State == turn.Yes }) {
		fmt.Fprintf(p.b, "  %s\n", p.say("Ein Datagramm an den Empfänger der Prüfstelle kam an.", "A datagram to the listener of those who checked arrived."))
	}
}

// cell sums up the answers for some addresses.
func (p *turnPrinter) cell(all []turn.Peer) string {
	var yes, no int
	for _, peer := range all {
		switch peer.Granted() {
		case turn.Yes:
			yes++
		case turn.No:
			no++
		}
	}
	switch {
	case len(all) == 0:
		return "–"
	case yes > 0:
		return fmt.Sprintf(p.say("ERLAUBT (%d von %d)", "GRANTED (%d of %d)"), yes, len(all))
	case no < len(all):
		return fmt.Sprintf(p.say("offen (%d von %d)", "unknown (%d of %d)"), len(all)-no, len(all))
	}
	return fmt.Sprintf(p.say("abgelehnt (%d)", "refused (%d)"), no)
}

// translated is a row of the table for what leads to an IPv4 address only
// where there is a translator.
const translated turn.Class = "translated"

func classWord(c turn.Class) probe.Text {
	switch c {
	case turn.Loopback:
		return same("Loopback")
	case turn.Unspecified:
		return probe.Text{DE: "unbestimmt (0.0.0.0, ::)", EN: "unspecified (0.0.0.0, ::)"}
	case turn.Metadata:
		return probe.Text{DE: "Metadatendienst der Cloud", EN: "cloud metadata service"}
	case turn.LinkLocal:
		return same("link-local")
	case turn.Private:
		return probe.Text{DE: "privat (RFC 1918, 4193)", EN: "private (RFC 1918, 4193)"}
	case turn.Shared:
		return probe.Text{DE: "Providernetze (RFC 6598)", EN: "carriers (RFC 6598)"}
	case turn.Multicast:
		return same("Multicast")
	case turn.Broadcast:
		return same("Broadcast")
	case turn.Own:
		return probe.Text{DE: "der Server selbst", EN: "the server itself"}
	case translated:
		return probe.Text{DE: "IPv4 über 6to4 oder NAT64", EN: "IPv4 by 6to4 or NAT64"}
	case turn.Public:
		return probe.Text{DE: "öffentlich", EN: "public"}
	}
	return same(string(c))
}
