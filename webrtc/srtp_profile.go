package webrtc

import (
	"fmt"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID:    "webrtc.srtp-profile",
	Title: probe.Text{DE: "Bild und Ton sind mit einem starken SRTP-Profil verschlüsselt", EN: "Picture and sound are encrypted with a strong SRTP profile"},
	Why: probe.Text{
		DE: "Das SRTP-Profil bestimmt, wie Bild und Ton auf dem Weg zum Medienserver verschlüsselt und gegen Veränderung geschützt sind.",
		EN: "The SRTP profile decides how picture and sound are encrypted and protected against change on their way to the media server."},
	Sources: []probe.Source{
		{Doc: "BSI TR-02102-1", Edition: "2024-01", Section: "Appendix C.1", Quote: "AES in Galois/Counter Mode as in [RFC 7714] is recommended.", URL: "https://www.bsi.bund.de/dok/TR-02102"},
		{Doc: "RFC 8827", Edition: "January 2021", Section: "6.5", Quote: "Media traffic MUST NOT be sent over plain (unencrypted) RTP or RTCP", URL: "https://www.rfc-editor.org/rfc/rfc8827"},
		stateOfTheArt(),
	},
	Criteria: []string{"CRYPT-01"},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Auf dem Medienserver AEAD_AES_256_GCM oder AEAD_AES_128_GCM anbieten und bevorzugen, Profile ohne Verschlüsselung und mit 32 Bit langer Prüfsumme abschalten.",
		EN: "Offer and prefer AEAD_AES_256_GCM or AEAD_AES_128_GCM on the media server; switch off profiles without encryption or with an authentication tag of 32 bits."},
	Needs: []string{Connection.Name},
	Check: perConnection(false, judgeProfile),
})

// judgeProfile grades a profile. TR-02102-1 speaks of SRTP, not of WebRTC's
// way to agree on its keys, so it applies by analogy.
func judgeProfile(p Peer) *probe.Finding {
	if f := contested(p, "srtp_profile"); f != nil {
		return f
	}
	chooser := chosenBy(p.DTLSRole)
	say := func(v probe.Verdict, de, en string) *probe.Finding {
		return finding(v, fmt.Sprintf("%s: %s.%s", p.SRTPProfile, de, chooser.DE), fmt.Sprintf("%s: %s.%s", p.SRTPProfile, en, chooser.EN))
	}
	switch p.SRTPProfile {
	case "":
		if p.DTLSState == "connected" || p.DTLSVersion == "DTLS 1.2" {
			return finding(probe.NotApplicable, "Die Verbindung handelte kein SRTP aus; sie trägt weder Bild noch Ton.",
				"The connection negotiated no SRTP; it carries neither picture nor sound.")
		}
		return finding(probe.Unknown, "Das ausgehandelte SRTP-Profil war nicht zu sehen.", "The negotiated SRTP profile was not seen.")
	case "SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM":
		return say(probe.Pass, "empfohlen, in entsprechender Anwendung von TR-02102-1, Anhang C.1",
			"recommended, by analogy with TR-02102-1 appendix C.1")
	case "SRTP_AES128_CM_HMAC_SHA1_80":
		return say(probe.Pass, "zulässige Alternative nach TR-02102-1, Anhang C.1, und nach RFC 8827 von jeder WebRTC-Anwendung zu unterstützen",
			"accepted alternative of TR-02102-1 appendix C.1, and mandatory to implement by RFC 8827")
	case "SRTP_AES128_CM_HMAC_SHA1_32":
		return say(probe.Review, "die Prüfsumme von 32 Bit unterschreitet die 80 Bit, auf die TR-02102-1, Anhang C.1, sie zu kürzen erlaubt; die Verschlüsselung selbst ist dieselbe",
			"the tag of 32 bits is shorter than the 80 bits to which TR-02102-1 appendix C.1 allows it to be reduced; the encryption itself is the same")
	case "SRTP_NULL_HMAC_SHA1_80", "SRTP_NULL_HMAC_SHA1_32":
		return say(probe.Fail, "Bild und Ton werden unverschlüsselt übertragen", "picture and sound are transmitted without encryption")
	}
	return say(probe.Review, "zu diesem Profil enthält die Richtlinie keine Aussage", "the guideline says nothing about this profile")
}

// chosenBy explains who chose: the DTLS server picks from the client's list,
// so the profile shows the preference of only one side.
func chosenBy(role string) probe.Text {
	switch role {
	case "server":
		return probe.Text{
			DE: " Ausgewählt hat es der Browser als DTLS-Server aus dem Angebot der Gegenstelle; welches Profil diese selbst vorzöge, zeigt die Verbindung nicht.",
			EN: " The browser, being the DTLS server, chose it from the far end's offer; which profile the far end would prefer is not shown."}
	case "client":
		return probe.Text{
			DE: " Ausgewählt hat es die Gegenstelle als DTLS-Server aus dem Angebot des Browsers.",
			EN: " The far end, being the DTLS server, chose it from the browser's offer."}
	}
	return probe.Text{}
}
