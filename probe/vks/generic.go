package vks

import (
	"regexp"
	"strings"

	"vksprobe/probe"
	"vksprobe/probe/browser"
)

// Generic walks any client that looks like a meeting: it finds the name
// field, the join button and the state by what controls are called in German
// and English. It recognises nothing by itself and is used when no other
// adapter does; what it decides is less certain than what a system's own
// adapter decides.
var Generic = &Adapter{
	System: "generic",
	Title:  "any other system",
	State:  genericState,
	Knows: map[State]Basis{
		LaunchPage: byWords("a link or button"), Consent: byWords("a banner and its buttons"), Prejoin: byWords("a field for the name beside a button"), Password: byWords("a field of type password"),
		LoginWall: byWords("fields for an account"), Captcha: byWords("the page"), BotWall: byWords("the page"), NotStarted: byWords("the page"), Lobby: byWords("the page"), Denied: byWords("the page"),
		Full: byWords("the page"), Locked: byWords("the page"), Ended: byWords("the page"), Left: byWords("the page"),
		InMeeting: byWords("a button to leave, or media that arrive"),
	},
	Next: genericNext,
	Leave: func(v browser.View) []Step {
		if c, ok := find(v, button, named(leaveWords)); ok {
			return leaves(c)
		}
		return nil
	},
}

// The words by which controls and pages are understood, in German and
// English. They are matched at word boundaries, without regard to case.
var (
	nameWords     = words(`name|dein name|ihr name|anzeigename|pseudonym|nickname|username|benutzername`)
	joinWords     = words(`join|join now|join meeting|join room|join as guest|enter|enter room|ask to join|connect|register|go live|beitreten|teilnehmen|eintreten|betreten|verbinden|jetzt beitreten|meeting beitreten|los geht'?s`)
	browserWords  = words(`join (from|in|on|with) (your|this|the) browser|(continue|open|launch) (in|on|with|from) (your|this|the)? ?browser|use (the )?web (app|client)|im browser (teilnehmen|fortfahren|beitreten|öffnen)|(über|in) (den|diesem|ihrem) browser (teilnehmen|beitreten)|web-app verwenden`)
	leaveWords    = words(`leave|leave (the )?(call|meeting|room|session)|hang ?up|end call|verlassen|auflegen|(anruf|besprechung|meeting|konferenz|raum) (verlassen|beenden)`)
	lobbyText     = words(`waiting room|lobby|waiting for (the )?(host|moderator|someone|organi[sz]er)|(will|to) let you in|let you in (soon|shortly)|asking to (join|be let in)|waiting to be (admitted|let in|approved)|warteraum|wartebereich|warte auf (die |den )?(freigabe|einlass|moderator\w*|organisator\w*|gastgeber\w*)|(werden|wirst) (gleich|bald|in kürze)? ?(eingelassen|zugelassen|hereingelassen)`)
	deniedText    = words(`(request|entry|access) (to join )?(was|has been) (denied|rejected|declined)|not (been )?admitted|denied entry|(beitritt|zutritt|einlass|anfrage) (wurde )?(abgelehnt|verweigert)`)
	fullText      = words(`(meeting|room|conference|session) is full|maximum number of participants|(raum|besprechung|konferenz|meeting) ist voll|maximale (anzahl|teilnehmerzahl)`)
	lockedText    = words(`(meeting|room|conference|session) (is|has been) locked|(raum|besprechung|konferenz|meeting) (ist|wurde) (gesperrt|abgeschlossen)`)
	notBegunText  = words(`(meeting|conference|session) (has not|hasn'?t|has yet to) (yet )?(started|begun|start)|(besprechung|konferenz|meeting|sitzung) hat noch nicht begonnen|noch nicht gestartet`)
	endedText     = words(`(meeting|conference|session|call) (has|was|is) (been )?(ended|over)|(besprechung|konferenz|meeting|sitzung) (ist|wurde) beendet`)
	leftText      = words(`you (have )?left|you'?ve left|thank you for (joining|participating)|(sie haben|du hast) (die |das )?\w+ verlassen`)
	botText       = words(`unusual traffic|automated (access|requests|queries)|checking (if the site connection is secure|your browser)|verify(ing)? you are (a )?human|ungewöhnlicher datenverkehr`)
	captchaWords  = words(`captcha|recaptcha|hcaptcha|i'?m not a robot|ich bin kein roboter`)
	signInText    = words(`sign in to (join|continue)|log ?in to (join|continue)|(please )?(sign|log) in|anmelden|einloggen|melden sie sich an`)
	passwordWords = words(`password|passcode|access code|room code|pin|kennwort|passwort|zugangscode|zugriffscode|raumcode`)
	accountWords  = words(`e-?mail( address)?|e-?mail-?adresse|user ?id|account|konto`)
	submitWords   = words(`ok|submit|continue|next|confirm|weiter|absenden|bestätigen|senden`)
	cookieText    = words(`cookies?|consent|einwilligung|datenschutzeinstellungen|privacy settings`)
	acceptWords   = words(`accept( all)?( cookies)?|allow all|agree|i agree|alle akzeptieren|akzeptieren|zustimmen|allen zustimmen|einverstanden`)
	rejectWords   = words(`reject( all)?( cookies)?|decline( all)?|refuse|only necessary|(use )?necessary cookies only|ablehnen|alle ablehnen|nur notwendige( cookies)?|nur erforderliche( cookies)?`)
)

func byWords(where string) Basis {
	return Basis{Certainty: Low, Rests: "German and English words: " + where}
}

// words compiles an alternation that must stand between word boundaries.
func words(alternatives string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|[^\pL\pN])(?:` + alternatives + `)(?:$|[^\pL\pN])`)
}

func button(c browser.Control) bool {
	return c.Tag == "button" || c.Role == "button" || c.Tag == "a" || c.Tag == "input" && (c.Type == "submit" || c.Type == "button")
}

func textField(c browser.Control) bool {
	return c.Role == "textbox" || c.Tag == "textarea" || c.Tag == "input" && (c.Type == "" || c.Type == "text" || c.Type == "search")
}

func passwordField(c browser.Control) bool {
	return c.Tag == "input" && (c.Type == "password" || textField(c) && called(c, passwordWords))
}

func named(re *regexp.Regexp) func(browser.Control) bool {
	return func(c browser.Control) bool { return re.MatchString(c.Name) || c.Name == "" && called(c, re) }
}

// called reports whether the control's accessible name or, for want of one,
// an attribute that authors name things by matches.
func called(c browser.Control, re *regexp.Regexp) bool {
	if re.MatchString(c.Name) {
		return true
	}
	for _, attr := range []string{"name", "id", "aria-label", "placeholder", "data-testid", "data-test", "title"} {
		if re.MatchString(strings.NewReplacer("-", " ", "_", " ").Replace(c.Attrs[attr])) {
			return true
		}
	}
	return false
}

// nameField finds the field for the display name: the one that says so, or
// the only text field beside a join button.
func nameField(v browser.View) (browser.Control, bool) {
	isName := func(c browser.Control) bool {
		auto := c.Attrs["autocomplete"]
		return auto == "name" || auto == "nickname" || called(c, nameWords)
	}
	if c, ok := find(v, textField, isName); ok && !passwordField(c) {
		return c, true
	}
	var only []browser.Control
	for _, c := range v.Controls {
		if textField(c) && !passwordField(c) && !c.Disabled {
			only = append(only, c)
		}
	}
	if _, join := find(v, joinButton); join && len(only) == 1 {
		return only[0], true
	}
	return browser.Control{}, false
}

func joinButton(c browser.Control) bool {
	return button(c) && named(joinWords)(c) && !named(leaveWords)(c) && !named(browserWords)(c)
}

func genericState(v browser.View, g Guest) State {
	_, hasName := nameField(v)
	_, hasPassword := find(v, passwordField)
	hasJoin := false // also while it waits, disabled, for a name
	for _, c := range v.Controls {
		hasJoin = hasJoin || joinButton(c)
	}
	_, hasLeave := find(v, button, named(leaveWords))
	entrance := hasName || hasPassword || hasJoin

	if g.Consent != Ignore {
		if _, ok := consentButton(v, g.Consent); ok {
			return Consent
		}
	}
	switch {
	case captchaWords.MatchString(v.Text):
		return Captcha
	case !hasName && !hasJoin && botText.MatchString(v.Text):
		return BotWall
	case !entrance && (hasLeave || v.Media.Peers > 0 && v.Media.Received > 0 && !lobbyText.MatchString(v.Text)):
		return InMeeting
	}
	if _, account := find(v, func(c browser.Control) bool { return c.Type == "email" || textField(c) && called(c, accountWords) }); hasPassword && account && signInText.MatchString(v.Text) {
		return LoginWall
	}
	switch {
	case hasPassword && !hasName:
		return Password
	case hasName, hasJoin:
		return Prejoin
	}
	if _, ok := find(v, button, named(browserWords)); ok {
		return LaunchPage
	}
	for _, page := range []struct {
		text  *regexp.Regexp
		state State
	}{{deniedText, Denied}, {fullText, Full}, {lockedText, Locked}, {lobbyText, Lobby}, {notBegunText, NotStarted}, {endedText, Ended}, {leftText, Left}} {
		if page.text.MatchString(v.Text) {
			return page.state
		}
	}
	if _, ok := find(v, button, named(signInText)); ok && len(v.Controls) < 20 {
		return LoginWall
	}
	return Unrecognised
}

func consentButton(v browser.View, choice Choice) (browser.Control, bool) {
	if !cookieText.MatchString(v.Text) {
		return browser.Control{}, false
	}
	if choice == Accept {
		return find(v, button, named(acceptWords))
	}
	return find(v, button, named(rejectWords))
}

func genericNext(v browser.View, s State, g Guest) []Step {
	switch s {
	case Consent:
		return consent(v, g)
	case LaunchPage:
		if c, ok := find(v, button, named(browserWords)); ok {
			return []Step{click(c, "join in browser")}
		}
	case Prejoin, Password:
		return enter(v, g)
	}
	return nil
}

// enter fills in what is empty and presses the button that leads in. A button
// that is still disabled waits for the next view.
func enter(v browser.View, g Guest) []Step {
	var steps []Step
	if c, ok := nameField(v); ok && c.Value != g.Name {
		steps = append(steps, typeText(c, g.Name, "name"))
	}
	if c, ok := find(v, passwordField); ok {
		if g.Password == "" {
			return nil
		}
		steps = append(steps, typeText(c, g.Password, "password"))
	}
	for _, leadsIn := range []func(browser.Control) bool{joinButton, named(browserWords), named(submitWords)} {
		if c, ok := find(v, button, leadsIn); ok {
			return append(steps, begins(probe.Joining, click(c, "join"))...)
		}
	}
	return steps
}
