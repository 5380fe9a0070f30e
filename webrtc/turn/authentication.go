package turn

import "vksprobe/probe"

var _ = Rules.Add(&probe.Rule{
	ID:    "turn.authentication",
	Title: probe.Text{DE: "Der TURN-Server prüft Zugangsdaten nach den Vorgaben von STUN", EN: "The TURN server checks credentials as STUN prescribes"},
	Why: probe.Text{
		DE: "Nur wenn der Server eine eigene, frische Nonce verlangt und falsche Passwörter abweist, ist eine mitgelesene Anmeldung wertlos und bleibt die Vermittlung den Berechtigten vorbehalten.",
		EN: "Only if the server demands a fresh nonce of its own and refuses wrong passwords are overheard requests worthless and is the relay kept for those who may use it."},
	Sources: []probe.Source{
		rfc8489("9.2.4"),
		rfc8656("7.2", "Otherwise, the server MUST require that the request be authenticated."),
		rfc8656("5", "For each Allocate request, the server SHOULD generate a new random nonce when the allocation is first attempted following the randomness recommendations in [RFC4086] and SHOULD expire the nonce at least once every hour during the lifetime of the allocation."),
	},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Die Anmeldung mit Langzeit-Zugangsdaten (long-term credentials) einschalten, bei coturn lt-cred-mech oder use-auth-secret, und die Gültigkeit der Nonce befristen (stale-nonce).",
		EN: "Switch the long-term credential mechanism on (for coturn lt-cred-mech or use-auth-secret) and limit the life of nonces (stale-nonce)."},
	Needs:  []string{Observed.Name},
	Active: true,
	Check:  perServer(judgeAuthentication),
})

func judgeAuthentication(f Facts) *probe.Finding {
	switch {
	case f.Open.State == Yes:
		return finding(probe.Fail, "Der Server verlangt keine Zugangsdaten.", "The server demands no credentials.")
	case f.Challenge.State == No:
		return finding(probe.Fail, "Der Server weist die Anfrage zwar ab, nennt aber REALM und NONCE nicht; eine Anmeldung nach den Vorgaben von STUN ist damit nicht möglich.",
			"The server refuses, but does not name REALM and NONCE; nobody can authenticate as STUN prescribes.")
	case f.Password.State == No:
		return finding(probe.Fail, "Der Server nahm ein falsches Passwort an.", "The server accepted a wrong password.")
	case f.Nonce.MadeUp.State == No:
		return finding(probe.Fail, "Der Server nahm eine Nonce an, die er nie ausgegeben hatte; eine mitgelesene Anmeldung lässt sich damit wiederholen.",
			"The server accepted a nonce that it never gave out; overheard requests can be replayed.")
	case f.Challenge.State != Yes:
		return unanswered(f.Challenge)
	case f.Nonce.Fresh == No:
		return finding(probe.Review, "Der Server gab verschiedenen Clients dieselbe Nonce.", "The server gave the same nonce to different clients.")
	case f.Password.State == Yes && f.Nonce.MadeUp.State == Yes:
		return finding(probe.Pass, "Ohne Zugangsdaten antwortet der Server mit 401, REALM und NONCE; ein falsches Passwort und eine erfundene Nonce wies er zurück.",
			"Without credentials the server answers with 401, REALM and NONCE; it refused a wrong password and a made-up nonce.")
	}
	return finding(probe.Pass, "Ohne Zugangsdaten antwortet der Server mit 401, REALM und NONCE. Ob er falsche Zugangsdaten zurückweist, wurde nicht geprüft oder blieb ohne Antwort.",
		"Without credentials the server answers with 401, REALM and NONCE. Whether it refuses wrong ones was not asked or not answered.")
}
