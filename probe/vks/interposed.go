package vks

import (
	"vksprobe/probe"
	"vksprobe/probe/browser"
)

// interposed recognises what an operator or a guard in front of his server
// may show before any system's own pages: a consent banner, a captcha, a wall
// against programs. It knows words only. While a screen of the system's own
// is in sight, only a banner on top of it counts.
func interposed(v browser.View, g Guest, own bool) (State, bool) {
	if g.Consent != Ignore {
		if _, ok := consentButton(v, g.Consent); ok {
			return Consent, true
		}
	}
	switch {
	case own:
	case captchaWords.MatchString(v.Text):
		return Captcha, true
	case botText.MatchString(v.Text):
		return BotWall, true
	}
	return "", false
}

// consent answers a banner as the guest chose.
func consent(v browser.View, g Guest) []Step {
	if c, ok := consentButton(v, g.Consent); ok {
		return begins(probe.Consent, click(c, "consent "+string(g.Consent)))
	}
	return nil
}
