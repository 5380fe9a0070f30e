package turn

import (
	"slices"
	"strings"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID:    "turn.tls-offered",
	Title: probe.Text{DE: "Der TURN-Server ist über TLS oder DTLS erreichbar", EN: "The TURN server can be reached over TLS or DTLS"},
	Why: probe.Text{
		DE: "Ohne TLS oder DTLS werden Benutzername, Serversoftware und die Adressen der Gegenstellen im Klartext übertragen, und streng eingestellte Firewalls lassen die Verbindung nicht durch.",
		EN: "Without TLS or DTLS the user name, the software of the server and the addresses of peers cross the network in clear text, and strict firewalls do not let the connection through."},
	Sources: []probe.Source{
		rfc8656("5", "To ensure interoperability, a TURN server MUST support the use of UDP transport between the client and the server, and it SHOULD support the use of TCP, TLS-over-TCP, and DTLS-over-UDP transports."),
		rfc8656("21.1.6", "If it is important to prevent an eavesdropper on a TURN connection from learning this, TURN can be run over (D)TLS."),
		{Doc: "RFC 7065", Edition: "November 2013", Section: "3", URL: "https://www.rfc-editor.org/rfc/rfc7065"},
	},
	Severity: probe.Low,
	Remedy: probe.Text{
		DE: "TLS einrichten (bei coturn tls-listening-port, cert und pkey) und den Teilnehmern auch eine turns:-Adresse vorgeben.",
		EN: "Set up TLS (for coturn tls-listening-port, cert and pkey) and give participants a turns: address."},
	Needs:  []string{Observed.Name},
	Active: true,
	Check:  judgeSecure,
})

// judgeSecure looks at all servers of one host together, because TLS usually
// has a port, and so a URL, of its own.
func judgeSecure(c *probe.Case) []probe.Finding {
	secure := map[string][]string{} // ids of observations that show TLS, by host
	for o, f := range Observed.In(c.Facts) {
		if by(f) != "" {
			secure[hostOf(f)] = append(secure[hostOf(f)], o.ID)
		}
	}
	all := perServer(func(f Facts) *probe.Finding {
		own := by(f)
		switch asked := slices.ContainsFunc(f.Doors, func(d Door) bool { return isSecure(d) && d.Reachable.State != Unknown }); {
		case own != "":
			return finding(probe.Pass, "Der Server antwortet über "+own+".", "The server answers over "+own+".")
		case len(secure[hostOf(f)]) > 0:
			return finding(probe.Pass, "Unter einer anderen Adresse desselben Servers wird TLS oder DTLS angeboten.", "At another address of the same server TLS or DTLS is offered.")
		case !asked:
			for _, d := range f.Doors {
				if isSecure(d) && d.Reachable.Failure != "" {
					return unanswered(d.Reachable)
				}
			}
			return finding(probe.Unknown, "Nach TLS und DTLS wurde nicht gefragt.", "It was not asked for TLS or DTLS.")
		case strings.HasPrefix(strings.ToLower(f.Server), "turns:"):
			return finding(probe.Fail, "Unter der turns:-Adresse antwortet kein STUN-Server, weder über TLS noch über DTLS.", "At the turns: address no STUN server answers, neither over TLS nor over DTLS.")
		}
		return finding(probe.Review, "Am üblichen Port 5349 antwortet kein STUN-Server über TLS; ob es einen anderen Port dafür gibt, ist zu klären.",
			"At the usual port 5349 no STUN server answers over TLS; whether there is another port for it must be found out.")
	})(c)
	for i := range all {
		for o, f := range Observed.In(c.Facts) {
			if o.Subject != all[i].Subject || by(f) != "" {
				continue
			}
			for _, id := range secure[hostOf(f)] {
				all[i].Observations = add(all[i].Observations, id)
			}
		}
	}
	return all
}

func isSecure(d Door) bool { return d.Transport == overTLS || d.Transport == overDTLS }

// by names the secured transports over which a server answered.
func by(f Facts) string {
	var all []string
	for _, d := range f.Doors {
		if isSecure(d) && d.Reachable.State == Yes {
			all = add(all, strings.ToUpper(d.Transport))
		}
	}
	return strings.Join(all, ", ")
}

func hostOf(f Facts) string {
	p, err := parse(f.Server)
	if err != nil {
		return f.Server
	}
	return strings.ToLower(p.host)
}
