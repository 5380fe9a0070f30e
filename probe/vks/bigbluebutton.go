package vks

import (
	_ "embed"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"vksprobe/probe"
	"vksprobe/probe/browser"
)

// What the BigBlueButton adapter goes by was read in the sources of
// BigBlueButton (versions 2.4 to 3.1: the tests' core/elements.ts and
// elements.js, guest-wait, meeting-ended, error-screen, private/config/
// settings.yml) and of Greenlight (3.8.2.4 of July 2026, and the views of 2).
const (
	bbbTests    = "bigbluebutton 2.7…3.1, bigbluebutton-tests/playwright/core/elements.ts"
	greenlight3 = "greenlight 3.8.2.4, components/rooms/room/join/JoinCard.jsx"
)

//go:embed bigbluebutton.js
var bbbProbe string

// BigBlueButton walks BigBlueButton by its own links and by the front ends
// Greenlight 2 and 3. The dialog that asks about audio counts as the page
// before joining, though the server already lists the guest as a user.
var BigBlueButton = &Adapter{
	System: "bigbluebutton",
	Title:  "BigBlueButton",
	Serves: func(link *url.URL) bool {
		return strings.Contains(link.Path, "/bigbluebutton/api/") || strings.Contains(link.Path, "/html5client/") || greenlightPath.MatchString(link.Path)
	},
	Sign: `window.meetingClientSettings || document.querySelector('#joinFormName, input[name$="[join_name]"], #positionInWaitingQueue, [data-test="guestMessage"], [data-test="meetingEndedModal"]')`,
	Recognises: func(v browser.View) bool {
		return slices.ContainsFunc(v.Controls, func(c browser.Control) bool { return id("joinFormName")(c) || testID("microphoneBtn")(c) })
	},
	Clean: bbbClean,
	Probe: bbbProbe,
	State: bbbState,
	Knows: map[State]Basis{
		Consent:    {High, `data-testid="recordingNotifyModal"; id consentCheck of Greenlight; words of a banner`, bbbTests + "; " + greenlight3},
		Prejoin:    {High, `id joinFormName of Greenlight 3, input name "[join_name]" of Greenlight 2; data-testid="audioModal"`, greenlight3 + "; " + bbbTests},
		Password:   {High, `id joinFormCode that was refused, input name "[access_code]" of Greenlight 2; key invalidPassword of the API`, greenlight3},
		Joining:    {Medium, "the client's page before its layout is there", bbbTests},
		LoginWall:  {Medium, "Greenlight's card without a form that leads to signing in", "greenlight 3.8.2.4, RequireAuthentication.jsx"},
		Captcha:    {Low, "words of a page that somebody put in front of the client", ""},
		BotWall:    {Low, "words of a page that somebody put in front of the client", ""},
		NotStarted: {Medium, "Greenlight's card without a form that says so in German or English", greenlight3 + "; greenlight 2, rooms/wait.html.erb"},
		Lobby:      {High, `page guestWait; data-test="guestMessage"; id positionInWaitingQueue`, "bigbluebutton 2.4…3.1, guest-wait.html and join-handler/guest-wait"},
		Denied:     {Medium, "the lobby's message says so in German or English; key guestDeny of the API", "bigbluebutton, guest-wait"},
		Full:       {Medium, "key maxParticipantsReached of the API; the last dialog says so in German or English", "bigbluebutton, meeting-ended/component.tsx"},
		InMeeting:  {High, "id layout without a dialog about audio", bbbTests},
		Ended:      {High, `data-test="meetingEndedModal"; key meetingForciblyEnded of the API`, bbbTests},
		Left:       {Medium, `data-test="meetingEndedModal" with words about leaving; data-test="rating"`, "bigbluebutton, meeting-ended/component.tsx"},
		Failed:     {High, `data-test="errorScreenMessage"; other keys of the API`, bbbTests},
	},
	Next:  bbbNext,
	Leave: bbbLeave,
	Read:  bbbRead,
	Frame: bbbFrame,
}

// greenlightPath are the paths of rooms: /rooms/abc-def-ghi-jkl/join of
// version 3, /b/abc-def-ghi of version 2.
var greenlightPath = regexp.MustCompile(`(?i)/rooms/[a-z0-9]{3}(-[a-z0-9]{3}){3}/join/?$|/(b|gl)/[a-z0-9]{3}(-[a-z0-9]{3}){2,3}/?$`)

// bbbClean finds what a link sets: of the client by userdata-…, of
// Greenlight's form. A link of the API is signed, so nothing can be taken out
// of it.
func bbbClean(link *url.URL) (*url.URL, []Override) {
	signed := strings.Contains(link.Path, "/bigbluebutton/api/")
	query := link.Query()
	var found []Override
	for key, values := range query {
		if !strings.HasPrefix(key, "userdata-") && key != "joinFormName" && key != "disableFormControls" {
			continue
		}
		found = append(found, override(key, values[0]))
		query.Del(key)
	}
	if len(found) == 0 {
		return link, nil
	}
	slices.SortFunc(found, func(a, b Override) int { return strings.Compare(a.Key, b.Key) })
	if signed {
		return link, found
	}
	clean := *link
	clean.RawQuery = query.Encode()
	return &clean, found
}

// bbbView is the result of bigbluebutton.js.
type bbbView struct {
	IDs       []string
	Shown     []string
	Errors    []string // keys of the API
	Ended     string   // text of the last dialog
	Guest     string   // text of the lobby
	Path      []string
	Recording string // label of the sign of recording
	Users     int
	Settings  tree
}

func readBBB(raw json.RawMessage) (b bbbView) {
	if json.Unmarshal(raw, &b) != nil {
		return bbbView{}
	}
	return b
}

func (b *bbbView) id(want ...string) bool {
	return slices.ContainsFunc(want, func(w string) bool { return slices.Contains(b.IDs, w) })
}
func (b *bbbView) shows(what string) bool { return slices.Contains(b.Shown, what) }
func (b *bbbView) at(path string) bool    { return slices.Contains(b.Path, path) }
func (b *bbbView) failed(keys ...string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return slices.Contains(b.Errors, k) })
}

// The client's own words, where it has nothing else.
var (
	bbbDenied  = words(`denied|verweigert|abgelehnt|removed from|aus der (konferenz|besprechung) entfernt|banned|gesperrt`)
	bbbFull    = words(`maximum number of (participants|users)|max(imum)? participants|maximale (anzahl|teilnehmerzahl)\w*|maximale anzahl`)
	bbbGone    = words(`you have (left|logged out)|logged out|(konferenz|besprechung) verlassen|abgemeldet`)
	bbbNotYet  = words(`(meeting|conference) (has not|hasn'?t) (yet )?started|(konferenz|besprechung) hat noch nicht begonnen`)
	bbbSignsIn = words(`must be signed in|login erforderlich|anmeldung erforderlich|anmelden, um`)
)

func bbbState(v browser.View, g Guest) State {
	b := readBBB(v.Probe)
	form := b.shows("#joinFormName") || b.shows(`input[name$="[join_name]"]`)
	code := b.shows(`input[name$="[access_code]"]`) && !form // Greenlight 2 asks on a page of its own
	client := b.shows("#layout") || b.id("audioModal", "recordingNotifyModal")
	switch {
	case b.failed("maxParticipantsReached", "maxParticipantsReachedError"):
		return Full
	case b.failed("guestDeny", "guestDenied"):
		return Denied
	case b.failed("meetingForciblyEnded", "meetingEnded", "forciblyEnded"):
		return Ended
	case b.failed("invalidPassword"):
		return Password
	case b.id("meetingEndedModal"):
		switch {
		case bbbFull.MatchString(b.Ended):
			return Full
		case bbbDenied.MatchString(b.Ended):
			return Denied
		case bbbGone.MatchString(b.Ended), b.id("rating"):
			return Left
		}
		return Ended
	case b.id("errorScreenMessage"):
		return Failed
	case len(b.Errors) > 0:
		return Failed
	case b.id("recordingNotifyModal"), b.shows("#consentCheck") && bbbUnticked(v):
		return Consent
	case b.at("/guestWait"), b.id("guestMessage"), b.shows("#positionInWaitingQueue"):
		if bbbDenied.MatchString(b.Guest) {
			return Denied
		}
		return Lobby
	}
	if s, ok := interposed(v, g, form || code || client); ok {
		return s
	}
	switch {
	case code, b.shows("#joinFormCode.is-invalid"):
		return Password
	case form, b.id("audioModal"):
		return Prejoin
	case b.shows("#layout"):
		return InMeeting
	case bbbNotYet.MatchString(v.Text):
		return NotStarted
	case (b.at("/rooms/") || b.at("/b/") || b.at("/gl/")) && (b.shows(`a[href*="/signin"]`) || b.shows(`form[action*="/auth/"]`) || bbbSignsIn.MatchString(v.Text)):
		return LoginWall
	case b.at("/html5client"), b.at("/bigbluebutton/api"):
		return Joining
	}
	return Unrecognised
}

// bbbUnticked reports whether Greenlight's consent to recording is still
// wanted.
func bbbUnticked(v browser.View) bool {
	c, ok := find(v, id("consentCheck"))
	return ok && c.Pressed != nil && !*c.Pressed
}

// bbbInvalid matches the code that Greenlight refused.
func bbbInvalid(c browser.Control) bool {
	return c.Attrs["id"] == "joinFormCode" || strings.HasSuffix(c.Attrs["name"], "[access_code]")
}

func bbbNext(v browser.View, s State, g Guest) []Step {
	b := readBBB(v.Probe)
	press := func(comment string, conditions ...func(browser.Control) bool) []Step {
		if c, ok := find(v, conditions...); ok {
			return begins(probe.Joining, click(c, comment))
		}
		return nil
	}
	switch s {
	case Consent:
		// to be recorded is something else than cookies: only who said yes to
		// everything agrees to it
		switch {
		case g.Consent == Accept && b.id("recordingNotifyModal"):
			if c, ok := find(v, testID("recordingNotifyContinue")); ok {
				return []Step{click(c, "consent to recording")}
			}
		case g.Consent == Accept && b.shows("#consentCheck"):
			if c, ok := find(v, id("consentCheck")); ok {
				return []Step{click(c, "consent to recording")}
			}
		default:
			return consent(v, g)
		}
	case Password:
		c, ok := find(v, bbbInvalid)
		if !ok || g.Password == "" {
			return nil
		}
		if submit, ok := find(v, submits); ok {
			return begins(probe.Joining, typeText(c, g.Password, "password"), click(submit, "join"))
		}
	case Prejoin:
		if b.id("audioModal") {
			for _, way := range []struct{ test, comment string }{ // the first that there is
				{"joinEchoTestButton", "join audio"}, {"echoYesBtn", "join audio"}, {"microphoneBtn", "microphone"}, {"listenOnlyBtn", "listen only"},
			} {
				if steps := press(way.comment, testID(way.test)); steps != nil {
					return steps
				}
			}
			if !b.id("establishingAudioLabel", "connectingToEchoTest", "connecting") {
				return press("close audio dialog", testID("closeModal"))
			}
			return nil
		}
		var steps []Step
		name := func(c browser.Control) bool {
			return id("joinFormName")(c) || strings.HasSuffix(c.Attrs["name"], "[join_name]")
		}
		if c, ok := find(v, name); ok && c.Value != g.Name {
			steps = append(steps, typeText(c, g.Name, "name"))
		}
		if c, ok := find(v, id("joinFormCode")); ok && g.Password != "" && c.Value != g.Password {
			steps = append(steps, typeText(c, g.Password, "password"))
		}
		if c, ok := find(v, submits); ok {
			return append(steps, begins(probe.Joining, click(c, "join"))...)
		}
		return steps
	}
	return nil
}

// submits matches the button that sends the form of Greenlight; signing in
// has forms of its own.
func submits(c browser.Control) bool {
	return (c.Tag == "button" || c.Tag == "input") && c.Type == "submit" && !signInText.MatchString(c.Name)
}

func bbbLeave(v browser.View) []Step {
	for _, test := range []string{"directLogoutButton", "optionsLogoutButton"} {
		if c, ok := find(v, testID(test)); ok {
			return leaves(c)
		}
	}
	for _, test := range []string{"leaveMeetingDropdown", "optionsButton"} {
		if c, ok := find(v, testID(test)); ok {
			return []Step{click(c, "leave menu")}
		}
	}
	return nil
}

// bbbSettings maps the client's settings (/etc/bigbluebutton/
// bbb-html5.yml overrides settings.yml; all below public).
var bbbSettings = []struct {
	setting Setting
	key     string
}{
	{AudioDialog, "app.autoJoin"}, {ListenOnly, "app.listenOnlyMode"}, {EchoTestSkipped, "app.skipCheck"}, {EchoTestSkipped, "app.skipCheckOnJoin"},
	{CameraShared, "kurento.autoShareWebcam"}, {CameraPreviewSkipped, "kurento.skipVideoPreview"}, {CameraPreviewSkipped, "kurento.skipVideoPreviewOnFirstJoin"},
	{ForceRelay, "media.forceRelay"}, {Transcription, "app.audioCaptions.enabled"}, {TranscriptionBy, "app.audioCaptions.provider"},
	{ExternalVideo, "externalVideoPlayer.enabled"}, {ClientLog, "clientLog.external.enabled"}, {RecordingNotified, "app.notifyRecordingIsOn"},
}

func bbbRead(raw json.RawMessage) Reading {
	b := readBBB(raw)
	var r Reading
	for _, s := range bbbSettings {
		if w, ok := b.Settings.text(s.key); ok {
			r.Declared = declare(r.Declared, Declaration{s.setting, w, "public." + s.key, "/etc/bigbluebutton/bbb-html5.yml", Server})
		}
	}
	r.Version, _ = b.Settings.text("app.bbbServerVersion")
	form := b.shows("#joinFormName")
	if form {
		r.Declared = declare(r.Declared, Declaration{AccessCode, strconv.FormatBool(b.shows("#joinFormCode")), "glViewerAccessCode", "", Server})
		r.Declared = declare(r.Declared, Declaration{RecordingConsent, strconv.FormatBool(b.shows("#consentCheck")), "RequireRecordingConsent", "", Server})
	}
	r.Declared = sorted(r.Declared)
	if b.shows("#layout") || b.id("recordingNotifyModal") {
		shown, asked := b.id("recordingIndicator"), b.id("recordingNotifyModal")
		m := &Meeting{Participants: b.Users, RecordingShown: &shown, RecordingAsked: &asked}
		if b.id("muteMicButton", "unmuteMicButton", "joinAudio") {
			off := !b.id("muteMicButton")
			m.MicrophoneOff = &off
		}
		if b.id("leaveVideo", "joinVideo") {
			off := !b.id("leaveVideo")
			m.CameraOff = &off
		}
		r.Meeting = m
	}
	return r
}

// bbbServer maps what the server tells the client over GraphQL about the
// meeting, wherever in a message it stands; the keys are those of
// bbb-web.properties that set it.
var bbbServer = []struct {
	setting Setting
	path    string
	key     string
}{
	{Recording, "recordingPolicies.record", "disableRecordingDefault"},
	{RecordingStarts, "recordingPolicies.autoStartRecording", "autoStartRecording"},
	{RecordingStoppable, "recordingPolicies.allowStartStopRecording", "allowStartStopRecording"},
	{RecordingWhole, "recordingPolicies.recordFullDurationMedia", "recordFullDurationMedia"},
	{MicrophoneOff, "voiceSettings.muteOnStart", "muteOnStart"},
	{GuestPolicy, "usersPolicies.guestPolicy", "defaultGuestPolicy"},
	{WebcamsForModerator, "usersPolicies.webcamsOnlyForModerator", "webcamsOnlyForModerator"},
	{ModeratorsUnmute, "usersPolicies.allowModsToUnmuteUsers", "allowModsToUnmuteUsers"},
	{RecordingNotified, "notifyRecordingIsOn", "notifyRecordingIsOn"},
	{MediaBridge, "cameraBridge", "cameraBridge"},
	{MediaBridge, "audioBridge", "audioBridge"},
}

// maxDepth bounds how deep a message is searched.
const maxDepth = 12

// bbbFrame reads a message of the server's GraphQL: what applies to the
// meeting, and whether it is being recorded.
func bbbFrame(payload string) (Reading, bool) {
	if !strings.Contains(payload, `"recordingPolicies"`) && !strings.Contains(payload, `"voiceSettings"`) && !strings.Contains(payload, `"usersPolicies"`) && !strings.Contains(payload, `"isRecording"`) && !strings.Contains(payload, `"lockSettings"`) {
		return Reading{}, false
	}
	var message any
	if json.Unmarshal([]byte(payload), &message) != nil {
		return Reading{}, false
	}
	var r Reading
	var search func(v any, depth int)
	search = func(v any, depth int) {
		if depth == 0 {
			return
		}
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				search(item, depth-1)
			}
		case map[string]any:
			t := tree(v)
			for _, s := range bbbServer {
				if w, ok := t.text(s.path); ok {
					r.Declared = declare(r.Declared, Declaration{s.setting, w, s.key, "/etc/bigbluebutton/bbb-web.properties", Server})
				}
			}
			if w, ok := t.text("lockSettings.disablePrivateChat"); ok {
				r.Declared = declare(r.Declared, Declaration{PrivateChat, strconv.FormatBool(w != "true"), "lockSettingsDisablePrivateChat", "/etc/bigbluebutton/bbb-web.properties", Server})
			}
			if on, ok := v["isRecording"].(bool); ok && (r.Meeting == nil || on) {
				r.Meeting = &Meeting{Recording: &on}
			}
			for _, item := range v {
				search(item, depth-1)
			}
		}
	}
	search(message, maxDepth)
	r.Declared = sorted(r.Declared)
	return r, len(r.Declared) > 0 || r.Meeting != nil
}
