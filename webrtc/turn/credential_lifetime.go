package turn

import (
	"fmt"
	"time"

	"vksprobe/probe"
)

var _ = Rules.Add(&probe.Rule{
	ID:    "turn.credential-lifetime",
	Title: probe.Text{DE: "Zugangsdaten für den TURN-Server gelten höchstens einen Tag", EN: "Credentials for the TURN server are good for one day at most"},
	Why: probe.Text{
		DE: "Jeder Teilnehmer erhält die Zugangsdaten im Browser und kann sie weitergeben. Laufen sie bald ab, sind sie für andere bald wertlos.",
		EN: "Every participant gets the credentials in his browser and can pass them on. What ends soon is soon worthless to others."},
	Sources: []probe.Source{
		{Doc: "draft-uberti-behave-turn-rest", Edition: "-00, July 2013", Section: "2.2", Quote: "A value of one day (86400 seconds) is recommended.", URL: "https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00"},
		rfc8656("21.3", ""),
	},
	Severity: probe.Medium,
	Remedy: probe.Text{
		DE: "Befristete Zugangsdaten ausgeben (bei coturn use-auth-secret) und ihre Gültigkeit an der Dauer einer Konferenz ausrichten, höchstens aber einen Tag.",
		EN: "Give out time-limited credentials (for coturn use-auth-secret) and measure their validity by the length of a meeting, one day at most."},
	Needs:  []string{Observed.Name},
	Active: true,
	Check:  perServer(judgeLifetime),
})

const day = 24 * time.Hour

func judgeLifetime(f Facts) *probe.Finding {
	c := f.Credential
	left := time.Duration(c.Remaining) * time.Second
	switch {
	case !c.Given:
		return nil
	case f.Open.State == Yes && c.Accepted.State == Unknown:
		return finding(probe.NotApplicable, "Der Server verlangt keine Zugangsdaten.", "The server demands no credentials.")
	case c.After.State == Yes, c.TimeLimited == Yes && left < 0 && c.Accepted.State == Yes:
		found := finding(probe.Fail, "Der Server nahm die Zugangsdaten auch nach ihrem Ablauf an.", "The server accepted the credentials even after their end.")
		found.Severity = probe.High
		return found
	case c.TimeLimited == Yes && left < 0 && c.Accepted.State == No:
		return finding(probe.Pass, "Der Server wies die abgelaufenen Zugangsdaten ab.", "The server refused the expired credentials.")
	case c.Accepted.State == No:
		return finding(probe.Unknown, "Der Server wies die Zugangsdaten ab.", "The server refused the credentials.")
	case c.Accepted.State != Yes:
		return unanswered(c.Accepted)
	case c.TimeLimited != Yes:
		return finding(probe.Review, "Aus dem Benutzernamen geht kein Ablauf hervor; ob und wann die Zugangsdaten gewechselt werden, ist zu klären.",
			"The user name shows no end; whether and when the credentials are changed must be found out.")
	case left > day:
		return finding(probe.Review, fmt.Sprintf("Die Zugangsdaten gelten noch %s, empfohlen ist höchstens ein Tag.", inHours(left)),
			fmt.Sprintf("The credentials are good for another %s; one day at most is recommended.", inHours(left)))
	case c.After.State == No:
		de, en := "Die Zugangsdaten waren befristet; nach ihrem Ablauf wies der Server sie ab.", "The credentials were limited, and after their end the server refused them."
		if c.Outlived.State == Yes {
			de += " Eine bestehende Zuteilung ließ sich darüber hinaus noch verlängern."
			en += " An allocation that was there could be refreshed beyond it."
		}
		return finding(probe.Pass, de, en)
	}
	return finding(probe.Pass, fmt.Sprintf("Laut Benutzername gelten die Zugangsdaten noch %s. Ob der Server sie danach abweist, wurde nicht abgewartet.", inHours(left)),
		fmt.Sprintf("By the user name the credentials are good for another %s. Whether the server refuses them afterwards was not waited for.", inHours(left)))
}

// inHours writes a duration in a form that both languages share.
func inHours(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}
