package turn

import (
	"strings"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID:    "turn.open-relay",
	Title: probe.Text{DE: "Der TURN-Server vermittelt nicht für jedermann", EN: "The TURN server does not relay for everybody"},
	Why: probe.Text{
		DE: "Über einen offenen Vermittlungsserver kann jeder Daten unter dessen Adresse versenden. Damit lassen sich Angriffe verschleiern, und die Kapazität fehlt denen, für die der Server betrieben wird.",
		EN: "Through an open relay anybody can send data under its address: attacks can be disguised, and the server is not there for those for whom it is run."},
	Sources: []probe.Source{
		rfc8656("7.2", "Otherwise, the server MUST require that the request be authenticated."),
		rfc8656("21.1.1", "This makes TURN servers an attractive target for attackers who wish to use it to mask their true identity."),
	},
	Severity: probe.High,
	Remedy: probe.Text{
		DE: "Zugangsdaten verlangen (bei coturn no-auth entfernen sowie use-auth-secret und static-auth-secret setzen).",
		EN: "Demand credentials (for coturn remove no-auth and set use-auth-secret with static-auth-secret)."},
	Needs:  []string{Observed.Name},
	Active: true,
	Check: perServer(func(f Facts) *probe.Finding {
		var open, closed []string
		for _, d := range f.Doors {
			switch d.Open.State {
			case Yes:
				open = append(open, strings.ToUpper(d.Transport))
			case No:
				closed = append(closed, strings.ToUpper(d.Transport))
			}
		}
		switch f.Open.State {
		case Yes:
			by := strings.Join(open, ", ")
			return finding(probe.Fail, "Ohne Zugangsdaten hat der Server eine Vermittlungsadresse zugeteilt (über "+by+").",
				"Without credentials the server allocated a relayed address (over "+by+").")
		case No:
			by := strings.Join(closed, ", ")
			return finding(probe.Pass, "Ohne Zugangsdaten hat der Server keine Vermittlungsadresse zugeteilt (gefragt über "+by+").",
				"Without credentials the server allocated no relayed address (asked over "+by+").")
		}
		return unanswered(f.Open)
	}),
})
