package turn

import (
	"fmt"
	"slices"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID:    "turn.relay-to-private",
	Title: probe.Text{DE: "Der TURN-Server vermittelt nicht in sein eigenes Netz", EN: "The TURN server does not relay into its own network"},
	Why: probe.Text{
		DE: "Zugangsdaten hat jeder Teilnehmer. Wer sie hat, könnte sonst über den Server Dienste erreichen, die nur auf ihm selbst oder hinter der Firewall zugänglich sind, bis hin zum Metadatendienst der Cloud mit dessen Zugangsschlüsseln.",
		EN: "Every participant has credentials. Who has them could otherwise reach services through the server that are there only for itself or behind the firewall, up to the metadata service of the cloud with its access keys."},
	Sources: []probe.Source{
		{Doc: "OWASP ASVS", Edition: "5.0.0, May 2025", Section: "V17.1.1", Quote: "Verify that the Traversal Using Relays around NAT (TURN) service only allows access to IP addresses that are not reserved for special purposes (e.g., internal networks, broadcast, loopback). Note that this applies to both IPv4 and IPv6 addresses.",
			URL: "https://github.com/OWASP/ASVS/tree/v5.0.0"},
		rfc8656("21.1.4", "Furthermore, the server administrator may configure the server to restrict the range of IP addresses and ports to which it will relay data."),
		rfc8656("10.2", "The server MAY impose restrictions on the IP address allowed in the XOR-PEER-ADDRESS attribute; if a value is not allowed, the server rejects the request with a 403 (Forbidden) error."),
		{Doc: "RFC 6890 (BCP 153)", Edition: "April 2013", Section: "2.2", URL: "https://www.rfc-editor.org/rfc/rfc6890"},
	},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Alle nicht öffentlichen Adressbereiche sperren, auch die von IPv6 und in IPv6 eingebettete IPv4-Adressen (bei coturn denied-peer-ip für jeden Bereich und no-multicast-peers setzen, allow-loopback-peers entfernen), und den Server durch Paketfilter vom internen Netz trennen.",
		EN: "Deny all ranges that are not public, also those of IPv6 and of IPv4 within IPv6 (for coturn denied-peer-ip for each range, no-multicast-peers, no allow-loopback-peers), and part the server from the inner network by packet filters."},
	Needs:  []string{Observed.Name},
	Active: true,
	Check:  perServer(judgeRelay),
})

// grave are the classes behind which something is to be found; the others
// are merely no business of a relay.
var grave = [...]Class{Loopback, Unspecified, Metadata, LinkLocal, Private}

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
			if p.Translated() {
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
			de += " Ein Datagramm an den Empfänger der Prüfstelle (" + some(delivered) + ") kam an."
			en += " A datagram to the listener of those who checked (" + some(delivered) + ") arrived."
		} else {
			de += " Angefragt wurde nur die Erlaubnis (CreatePermission, ChannelBind), Daten wurden nicht vermittelt. Ob ein nachgelagerter Paketfilter sie verwürfe, ist von außen nicht zu erkennen."
			en += " Only the permission was asked for (CreatePermission, ChannelBind); no data was relayed. Whether a packet filter behind the server would drop it cannot be seen from outside."
		}
		found := finding(probe.Fail, de, en)
		if !severe {
			found.Severity = probe.Medium
		}
		return found
	case len(perhaps) > 0:
		list := some(perhaps)
		found := finding(probe.Review, "Der Server erlaubt die Vermittlung an "+list+". In sein Netz führt das nur, wenn dort IPv6 in IPv4 übersetzt wird.",
			"The server permits to relay to "+list+". This leads into its network only if IPv6 is translated into IPv4 there.")
		found.Severity = probe.Medium
		return found
	case len(f.Peers) == 0:
		return finding(probe.Unknown, "Ungeprüft: Die Frage setzt eine Zuteilung voraus, also in der Regel Zugangsdaten.", "Not checked: the question takes an allocation, thus usually credentials.")
	case len(refused) == 0 || len(open) > 0:
		return finding(probe.Unknown, fmt.Sprintf("Für %d Adressen lehnte der Server die Vermittlung ab, für %d blieb es offen.", len(refused), len(open)),
			fmt.Sprintf("For %d addresses the server refused to relay, for %d it is not known.", len(refused), len(open)))
	}
	de, en := fmt.Sprintf("Der Server lehnt die Vermittlung an alle %d angefragten Adressen ab.", len(refused)), fmt.Sprintf("The server refuses to relay to all %d addresses asked for.", len(refused))
	if f.IPv6.Works.State != Yes {
		de += " IPv6-Adressen ließen sich nicht prüfen, weil er keine Vermittlungsadresse für IPv6 zuteilt."
		en += " IPv6 addresses could not be checked, because it allocates no relayed address of IPv6."
	}
	return finding(probe.Pass, de, en)
}

func add(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
