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
		DE: "Wer über UDP mit gefälschtem Absender fragt, lenkt die Antwort auf einen Dritten. Je größer sie im Verhältnis zur Anfrage ist, desto besser eignet sich der Server als Verstärker für Angriffe auf andere.",
		EN: "Who asks over UDP with a forged sender directs the answer to somebody else. The larger it is compared to the request, the better the server serves such attacks."},
	Sources: []probe.Source{
		{Doc: "RFC 9000", Edition: "May 2021", Section: "8", Quote: "an endpoint MUST limit the amount of data it sends to the unvalidated address to three times the amount of data received from that address", URL: "https://www.rfc-editor.org/rfc/rfc9000"},
	},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "Antworten kurz halten (bei coturn no-software-attribute, no-rfc5780 und no-stun-backward-compatibility setzen, einen kurzen REALM wählen) und die Rate nicht angemeldeter STUN-Anfragen begrenzen.",
		EN: "Keep answers short (for coturn no-software-attribute, no-rfc5780, no-stun-backward-compatibility; a short REALM) and limit the rate of unauthenticated STUN."},
	Needs:  []string{Observed.Name},
	Active: true,
	Check:  perAny(judgeAmplification),
})

// limit is QUIC's bound, applied by analogy: for STUN no document sets one. It
// holds for whole IP packets, because that is what arrives at a victim.
const limit = 3

func judgeAmplification(f Facts) *probe.Finding {
	if !slices.ContainsFunc(f.Doors, func(d Door) bool { return d.Transport == overUDP }) {
		return nil
	}
	if len(f.Amplifies) == 0 {
		i := slices.IndexFunc(f.Doors, func(d Door) bool { return d.Transport == overUDP })
		if d := f.Doors[i]; d.Reachable.State != Yes {
			return unanswered(d.Reachable)
		}
		return finding(probe.Unknown, "Über UDP kam auf keine Anfrage schon beim ersten Senden eine Antwort.", "Over UDP no request was answered when it was sent for the first time.")
	}
	var german, english []string
	worst := 0.0
	for _, a := range f.Amplifies {
		ratio := fmt.Sprintf("%.1f", a.Ratio)
		german = append(german, fmt.Sprintf("%s %s-fach (%d Byte gefragt, %d Byte geantwortet)", a.Request, strings.Replace(ratio, ".", ",", 1), a.Sent, a.Received))
		english = append(english, fmt.Sprintf("%s %s times (%d bytes asked, %d bytes answered)", a.Request, ratio, a.Sent, a.Received))
		worst = max(worst, a.Ratio)
	}
	de := "Größe der Antworten im Verhältnis zur Anfrage, IP- und UDP-Köpfe eingerechnet: " + strings.Join(german, "; ") + "."
	en := "Size of the answers in relation to the request, headers of IP and UDP included: " + strings.Join(english, "; ") + "."
	if worst > limit {
		return finding(probe.Review, de+" Die Grenze, die QUIC setzt, ist auf STUN nur sinngemäß anwendbar.", en+" The limit that QUIC sets applies to STUN by analogy only.")
	}
	return finding(probe.Pass, de, en)
}
