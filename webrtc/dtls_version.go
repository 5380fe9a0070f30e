package webrtc

import (
	"fmt"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID:    "webrtc.dtls-version",
	Title: probe.Text{DE: "Medienverbindungen handeln mindestens DTLS 1.2 aus", EN: "Media connections negotiate at least DTLS 1.2"},
	Why: probe.Text{
		DE: "DTLS vereinbart die Schlüssel, mit denen Bild und Ton verschlüsselt werden. DTLS 1.0 beruht auf MD5 und SHA-1 und kennt keine Verschlüsselung mit Authentisierung (AEAD).",
		EN: "DTLS agrees on the keys with which picture and sound are encrypted. DTLS 1.0 rests on MD5 and SHA-1 and knows no authenticated encryption (AEAD)."},
	Sources: []probe.Source{
		{Doc: "RFC 9325 (BCP 195)", Edition: "November 2022", Section: "3.1.2", Quote: "Implementations MUST NOT negotiate DTLS version 1.0 [RFC4347].", URL: "https://www.rfc-editor.org/rfc/rfc9325"},
		{Doc: "RFC 8996", Edition: "March 2021", URL: "https://www.rfc-editor.org/rfc/rfc8996"},
		stateOfTheArt(),
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Den Medienserver auf einen Stand bringen, der DTLS 1.2 oder 1.3 beherrscht, und ältere Fassungen abschalten.",
		EN: "Bring the media server to a version that speaks DTLS 1.2 or 1.3 and switch older ones off."},
	Needs: []string{Connection.Name},
	Check: perConnection(false, func(p Peer) *probe.Finding {
		if f := contested(p, "dtls_version"); f != nil {
			return f
		}
		switch p.DTLSVersion {
		case "":
			return finding(probe.Unknown, "Die ausgehandelte DTLS-Fassung war nicht zu sehen.", "The negotiated version of DTLS was not seen.")
		case "DTLS 1.2", "DTLS 1.3":
			return finding(probe.Pass, fmt.Sprintf("Ausgehandelt wurde %s mit %s.", p.DTLSVersion, first(p.DTLSCipherSuite, "unbekannter Cipher-Suite")),
				fmt.Sprintf("%s with %s was negotiated.", p.DTLSVersion, first(p.DTLSCipherSuite, "an unknown cipher suite")))
		case "DTLS 1.0":
			return finding(probe.Fail, "Ausgehandelt wurde DTLS 1.0.", "DTLS 1.0 was negotiated.")
		}
		return finding(probe.Review, fmt.Sprintf("Ausgehandelt wurde die unbekannte DTLS-Fassung %s.", p.DTLSVersion),
			fmt.Sprintf("The unknown DTLS version %s was negotiated.", p.DTLSVersion))
	}),
})
