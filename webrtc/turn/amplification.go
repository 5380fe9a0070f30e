package turn

import (
	"fmt"
	"slices"
	"strings"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID:    "turn.amplification",
	Title: probe.Text{DE: "Antworten an Unbekannte sind höchstens dreimal so groß wie die Anfrage", EN: "Answers to strangers are at most three times as large as the request"},
	Why: probe.Text{
		DE: "Wer über UDP mit gefälschtem Absender fragt, lenkt die Antwort auf andere. Je größer sie gegenüber der Anfrage ist, desto mehr taugt der Server für solche Angriffe.",
		EN: "Who asks over UDP with a forged sender directs the answer to somebody else. The larger it is compared to the request, the better the server serves such attacks."},
	Sources: []probe.Source{
		{Doc: "RFC 9000", Edition: "May 2021", Section: "8", Quote: "an endpoint MUST limit the amount of data it sends to the unvalidated address to three times the amount of data received from that address", URL: "https://www.rfc-editor.org/rfc/rfc9000"},
	},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "Antworten kurz halten (bei coturn no-software-attribute, no-rfc5780, no-stun-backward-compatibility; ein kurzer REALM) und STUN ohne Anmeldung in der Rate begrenzen.",
		EN: "Keep answers short (for coturn no-software-attribute, no-rfc5780, no-stun-backward-compatibility; a short REALM) and limit the rate of unauthenticated STUN."},
	Needs: []string{Observed.Name},
	Check: perServer(judgeAmplification),
})

// limit is QUIC's bound, applied by analogy: for STUN no document sets one. It
// holds for whole IP packets, because that is what arrives at a victim.
const limit = 3

func judgeAmplification(f Facts) *probe.Finding {
	if !slices.ContainsFunc(f.Doors, func(d Door) bool { return d.Transport == overUDP }) {
		return nil
	}
	var all []string
	worst := 0.0
	for _, a := range f.Amplifies {
		all = append(all, fmt.Sprintf("%s %d → %d B (%.1f×)", a.Request, a.Sent, a.Received, a.Ratio))
		worst = max(worst, a.Ratio)
	}
	if len(all) == 0 {
		return finding(probe.Unknown, "Über UDP kam keine Antwort.", "No answer came over UDP.")
	}
	list := strings.Join(all, ", ")
	de, en := "Nutzdaten, und mit Köpfen von IP und UDP das Verhältnis: "+list+".", "Payload, and the ratio with headers of IP and UDP: "+list+"."
	if worst > limit {
		return finding(probe.Review, de+" Die Grenze, die QUIC sich setzt, gilt für STUN nur entsprechend.", en+" The limit that QUIC sets itself applies to STUN by analogy only.")
	}
	return finding(probe.Pass, de, en)
}
