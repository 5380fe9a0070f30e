package turn

import (
	"fmt"
	"net/netip"
	"slices"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID:    "turn.relay-to-private",
	Title: probe.Text{DE: "Der TURN-Server vermittelt nicht in sein eigenes Netz", EN: "The TURN server does not relay into its own network"},
	Why: probe.Text{
		DE: "Wer Zugangsdaten hat – und die hat jeder Teilnehmer –, könnte sonst über den Server an Dienste gelangen, die nur auf ihm selbst oder hinter der Firewall erreichbar sind, bis hin zu den Zugangsschlüsseln der Cloud.",
		EN: "Who has credentials – and every participant has – could otherwise reach services through the server that are there only for itself or behind the firewall, up to the access keys of the cloud."},
	Sources: []probe.Source{
		rfc8656("21.1.4", "Furthermore, the server administrator may configure the server to restrict the range of IP addresses and ports to which it will relay data."),
		rfc8656("21.2.2", "This feature is also present in TURN since TURN servers are allowed to arbitrarily restrict the range of addresses of peers that they will relay to."),
		rfc8656("10.2", "The server MAY impose restrictions on the IP address allowed in the XOR-PEER-ADDRESS attribute; if a value is not allowed, the server rejects the request with a 403 (Forbidden) error."),
		{Doc: "RFC 6890 (BCP 153)", Edition: "April 2013", Section: "2.2", URL: "https://www.rfc-editor.org/rfc/rfc6890"},
	},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Alle nicht öffentlichen Bereiche sperren, auch die von IPv6 und IPv4 in IPv6 (bei coturn denied-peer-ip für jeden Bereich, no-multicast-peers, kein allow-loopback-peers), und den Server durch Paketfilter vom internen Netz trennen.",
		EN: "Deny all ranges that are not public, also those of IPv6 and of IPv4 within IPv6 (for coturn denied-peer-ip for each range, no-multicast-peers, no allow-loopback-peers), and part the server from the inner network by packet filters."},
	Needs: []string{Observed.Name},
	Check: perServer(judgeRelay),
})

// grave are the classes behind which something is to be found; the others
// are merely no business of a relay.
var grave = [...]Class{Loopback, Unspecified, Metadata, LinkLocal, Private}

// translated tells whether an address stands for an IPv4 address only where
// there is a translator: 6to4, NAT64 and IPv4-compatible ones. Unlike those,
// an IPv4-mapped address is understood by every operating system.
func translated(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && !a.Is4In6() && embedded(a).IsValid()
}

func judgeRelay(f Facts) *probe.Finding {
	var granted, delivered, perhaps, refused, open []string
	severe := false
	for _, p := range f.Peers {
		if p.Class == Own || p.Class == Public {
			continue
		}
		switch p.Granted() {
		case No:
			refused = add(refused, p.Address)
		case Unknown:
			open = add(open, p.Address)
		case Yes:
			if p.Delivered.State == Yes {
				delivered = add(delivered, p.Address)
			}
			if translated(p.Address) {
				perhaps = add(perhaps, p.Address)
				continue
			}
			granted = add(granted, p.Address)
			severe = severe || slices.Contains(grave[:], p.Class)
		}
	}
	switch {
	case len(granted) > 0:
		list := some(granted)
		de, en := "Der Server erlaubt die Vermittlung an "+list+".", "The server permits to relay to "+list+"."
		if len(delivered) > 0 {
			de += " Ein Datagramm an unseren eigenen Empfänger " + some(delivered) + " kam an."
			en += " A datagram to our own listener " + some(delivered) + " arrived."
		} else {
			de += " Gefragt wurde nur nach der Erlaubnis, gesendet wurde nichts. An ihr entscheidet etwa coturn; ob ein Paketfilter dahinter die Daten dennoch verwürfe, ist von außen nicht zu sehen."
			en += " Only the permission was asked for and nothing was sent. It is where coturn, for one, decides; whether a packet filter behind the server would drop the data nevertheless cannot be seen from outside."
		}
		found := finding(probe.Fail, de, en)
		if !severe {
			found.Severity = probe.Medium
		}
		return found
	case len(perhaps) > 0:
		list := some(perhaps)
		found := finding(probe.Review, "Der Server erlaubt die Vermittlung an "+list+". Das führt nur dann in sein Netz, wenn dort IPv6 in IPv4 übersetzt wird.",
			"The server permits to relay to "+list+". This leads into its network only if IPv6 is translated into IPv4 there.")
		found.Severity = probe.Medium
		return found
	case len(refused) == 0 || len(open) > 0:
		return finding(probe.Unknown, fmt.Sprintf("Für %d Adressen hat der Server die Vermittlung abgelehnt, für %d ist es offen; dazu braucht es eine Zuteilung, also meist Zugangsdaten.", len(refused), len(open)),
			fmt.Sprintf("For %d addresses the server refused to relay, for %d it is not known; this takes an allocation, thus usually credentials.", len(refused), len(open)))
	}
	de, en := fmt.Sprintf("Der Server lehnt die Vermittlung an alle %d gefragten Adressen ab.", len(refused)), fmt.Sprintf("The server refuses to relay to all %d addresses asked for.", len(refused))
	if f.IPv6.Works.State != Yes {
		de += " Nach IPv6-Adressen wurde nicht gefragt, weil er keine Vermittlungsadresse für IPv6 zuteilt."
		en += " It was not asked for IPv6 addresses, because it allocates no relayed address of IPv6."
	}
	return finding(probe.Pass, de, en)
}

func add(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
