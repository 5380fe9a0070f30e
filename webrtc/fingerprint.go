package webrtc

import (
	"fmt"
	"strings"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID:    "webrtc.fingerprint-hash",
	Title: probe.Text{DE: "Das Zertifikat der Medienverbindung ist mit einer starken Hashfunktion gebunden", EN: "The certificate of the media connection is bound by a strong hash function"},
	Why: probe.Text{
		DE: "Der Fingerabdruck in der Sitzungsbeschreibung ist das Einzige, was die verschlüsselte Verbindung an die richtige Gegenstelle bindet.",
		EN: "The fingerprint in the session description is the only thing that ties the encrypted connection to the right far end."},
	Sources: []probe.Source{
		{Doc: "RFC 8122", Edition: "March 2017", Section: "5", Quote: "MUST NOT use the MD2 and MD5 hash functions to calculate fingerprints or to verify received fingerprints", URL: "https://www.rfc-editor.org/rfc/rfc8122"},
	},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Den Medienserver so einstellen, dass er den Fingerabdruck mit SHA-256 oder stärker angibt.",
		EN: "Make the media server give its fingerprint with SHA-256 or stronger."},
	Needs: []string{Connection.Name},
	Check: perConnection(false, func(p Peer) *probe.Finding {
		hash, _, _ := strings.Cut(p.RemoteFingerprint, " ")
		switch hash {
		case "":
			return finding(probe.Unknown, "Der Fingerabdruck der Gegenstelle war nicht zu sehen.", "The fingerprint of the far end was not seen.")
		case "sha-256", "sha-384", "sha-512":
			return finding(probe.Pass, fmt.Sprintf("Die Gegenstelle gab ihren Fingerabdruck mit %s an.", hash), fmt.Sprintf("The far end gave its fingerprint with %s.", hash))
		case "md2", "md5":
			return finding(probe.Fail, fmt.Sprintf("Die Gegenstelle gab ihren Fingerabdruck mit %s an, das nicht mehr verwendet werden darf.", hash),
				fmt.Sprintf("The far end gave its fingerprint with %s, which must not be used any more.", hash))
		}
		return finding(probe.Review, fmt.Sprintf("Die Gegenstelle gab ihren Fingerabdruck mit %s an. RFC 8122 verbietet das nicht; nach heutigem Stand ist SHA-256 zu erwarten.", hash),
			fmt.Sprintf("The far end gave its fingerprint with %s. RFC 8122 does not forbid that; SHA-256 is what to expect today.", hash))
	}),
})
