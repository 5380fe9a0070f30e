package vks

import (
	_ "embed"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vksprobe/probe"
	"vksprobe/probe/browser"
)

// What the Jitsi adapter goes by was read in the sources of jitsi-meet
// (versions between January 2024 and August 2026: react/features/prejoin,
// lobby, room-lock, authentication, notifications, toolbox, base/conference
// and tests/pageobjects) and of lib-jitsi-meet of 20 August 2026
// (JitsiConferenceErrors.ts, JitsiConnectionErrors.ts, modules/xmpp/xmpp.ts).
const (
	jitsiMeet = "jitsi-meet 2024-01…2026-08"
	jitsiLib  = "lib-jitsi-meet 01daa07 (2026-08-20)"
)

//go:embed jitsi.js
var jitsiProbe string

// Jitsi walks Jitsi Meet on any host. It goes by the client's own state,
// which is the same in every language, and by its test ids where the state
// cannot be read.
var Jitsi = &Adapter{
	System: "jitsi",
	Title:  "Jitsi Meet",
	Serves: func(link *url.URL) bool {
		host := strings.ToLower(link.Hostname())
		if host == "meet.jit.si" || host == "8x8.vc" {
			return true
		}
		_, overrides := jitsiClean(link) // no other system writes its fragment like that
		return slices.ContainsFunc(overrides, func(o Override) bool { return o.Key != "userInfo" })
	},
	Sign: `window.JitsiMeetJS || window.interfaceConfig && window.config && window.config.hosts || document.querySelector('script[src*="lib-jitsi-meet"]')`,
	Recognises: func(v browser.View) bool {
		return slices.ContainsFunc(v.Controls, func(c browser.Control) bool {
			return testID("prejoin.joinMeeting")(c) || testID("lobby.knockButton")(c) || id("premeeting-name-input")(c)
		})
	},
	Clean: jitsiClean,
	Probe: jitsiProbe,
	State: jitsiState,
	Knows: map[State]Basis{
		LaunchPage: {Medium, "deep linking is on and not answered, and a button is called as in the client's German or English text", "jitsi-meet react/features/deep-linking, lang/main-de.json"},
		Consent:    {Low, "words of a banner that somebody put in front of the client", ""},
		Prejoin:    {High, `data-testid="prejoin.screen", "prejoin.joinMeeting"; id premeeting-name-input`, jitsiMeet + ", prejoin/components/web/Prejoin.tsx"},
		Password:   {High, `input name="lockKey"; data-testid="lobby.password"; error conference.passwordRequired`, jitsiMeet + ", room-lock, lobby; " + jitsiLib},
		Joining:    {High, "state of the store: joining, connecting", jitsiMeet + ", base/conference, prejoin"},
		LoginWall:  {High, "error connection.passwordRequired or conference.connectionError.notAllowed; the login dialog", jitsiMeet + ", authentication; " + jitsiLib},
		Captcha:    {Low, "words of a page that somebody put in front of the client", ""},
		BotWall:    {Low, "words of a page that somebody put in front of the client", ""},
		NotStarted: {High, "the client waits for a moderator: authRequired, lobbyWaitingForHost, error conference.authenticationRequired", jitsiMeet + ", authentication/middleware.ts; " + jitsiLib},
		Lobby:      {High, "state of the store: lobby knocking or visible; class lobby-screen", jitsiMeet + ", lobby"},
		Denied:     {High, `error conference.connectionError.accessDenied; data-testid="lobby.joinRejectedMessage"`, jitsiMeet + ", lobby/middleware.ts; " + jitsiLib},
		Full:       {High, `error conference.max_users; data-testid="dialog.maxUsersLimitReached"`, jitsiMeet + ", base/conference/middleware.any.ts; " + jitsiLib},
		Locked:     {Medium, "error conference.connectionError.notAllowed of type no-visitors-lobby", jitsiLib},
		InMeeting:  {High, "state of the store: conference; control around class hangup-button", jitsiMeet + ", base/conference/reducer.ts, toolbox"},
		Ended:      {High, "error conference.destroyed, conference.gracefulShutdown; notice dialog.sessTerminated", jitsiLib},
		Left:       {High, `page close.html, close2.html or close3.html; data-testid="dialog.thankYou"; the welcome page`, "jitsi-meet react/features/app/actions.web.ts, static"},
		Failed:     {High, "errors of the connection; class reload_overlay", jitsiLib},
	},
	Next:  jitsiNext,
	Leave: jitsiLeave,
	Read:  jitsiRead,
}

// jitsiOverrides are the first words of the keys by which a fragment changes
// the client's settings (jitsi-meet, base/config/functions.any.ts,
// overrideConfigJSON).
var jitsiOverrides = []string{"config", "interfaceConfig", "loggingConfig", "userInfo", "devices"}

// jitsiClean drops the parts of the fragment that overwrite settings. What
// else the fragment or the query carries, such as a token, stays.
func jitsiClean(link *url.URL) (*url.URL, []Override) {
	var kept []string
	var dropped []Override
	for part := range strings.SplitSeq(link.EscapedFragment(), "&") {
		key, value, _ := strings.Cut(part, "=")
		first, _, _ := strings.Cut(key, ".")
		if !slices.Contains(jitsiOverrides, first) {
			kept = append(kept, part)
			continue
		}
		if first == "userInfo" || first == "devices" {
			dropped = append(dropped, Override{Key: first}) // the rest is somebody's own
			continue
		}
		dropped = append(dropped, override(key, value))
	}
	if len(dropped) == 0 {
		return link, nil
	}
	clean := *link
	clean.Fragment, clean.RawFragment = "", ""
	if rest := strings.Join(kept, "&"); rest != "" {
		clean.RawFragment = rest
		clean.Fragment, _ = url.PathUnescape(rest) // it was escaped well when it was parsed
	}
	return &clean, dropped
}

// override keeps of a setting in a link what cannot be a secret.
func override(key, value string) Override {
	o := Override{Key: key[:min(len(key), 100)]}
	if _, err := strconv.ParseFloat(value, 64); err == nil || value == "true" || value == "false" {
		o.Value = value[:min(len(value), 20)]
	}
	return o
}

// jitsiView is the result of jitsi.js.
type jitsiView struct {
	IDs    []string `json:"ids"`
	Shown  []string `json:"shown"`
	Closed bool     `json:"closed"`
	Hangup *struct {
		Label     string `json:"label"`
		Menu      bool   `json:"menu"`
		Reachable bool   `json:"reachable"`
	} `json:"hangup"`
	Store      bool `json:"store"`
	Conference struct {
		Joined, Joining, Leaving                                    bool
		Error                                                       *jitsiError
		PasswordRequired, MembersOnly, AuthRequired, WaitingForHost bool
		Locked                                                      string
		P2P, Transcribing                                           bool
	}
	Connection struct {
		Connected, Connecting, PasswordRequired bool
		Error                                   *jitsiError
	}
	Lobby        struct{ Knocking, Visible, Enabled, PasswordFailed bool }
	Prejoin      struct{ Shown, Joining bool }
	Login        struct{ Waiting, Token bool }
	Launched     bool
	Participants int
	Role         string
	AudioMuted   any
	VideoMuted   any
	E2EE         bool
	Transcribing bool
	Recording    []struct{ Mode, Status string }
	Version      struct{ Library, Meet string }
	Config       tree
	Effective    tree
	Interface    tree
}

type jitsiError struct {
	Name   string
	Params []string
}

func (e *jitsiError) is(names ...string) bool { return e != nil && slices.Contains(names, e.Name) }

func readJitsi(raw json.RawMessage) (j jitsiView) {
	if json.Unmarshal(raw, &j) != nil {
		return jitsiView{}
	}
	return j
}

func (j *jitsiView) id(want string) bool    { return slices.Contains(j.IDs, want) }
func (j *jitsiView) shows(what string) bool { return slices.Contains(j.Shown, what) }

func jitsiState(v browser.View, g Guest) State {
	j := readJitsi(v.Probe)
	has := func(conditions ...func(browser.Control) bool) bool { // disabled or not
		return slices.ContainsFunc(v.Controls, func(c browser.Control) bool {
			return !slices.ContainsFunc(conditions, func(holds func(browser.Control) bool) bool { return !holds(c) })
		})
	}
	lockKey := has(attr("name", "lockKey"))
	lobbyPassword := has(testID("lobby.password"))
	knock := has(testID("lobby.knockButton"))
	prejoin := j.id("prejoin.screen") || has(testID("prejoin.joinMeeting"))
	conference, connection := j.Conference, j.Connection

	// what the client gives up with, in its own words
	switch e := conference.Error; {
	case conference.Joined || conference.Joining && !conference.MembersOnly:
		// an error of an earlier attempt does not matter any more
	case e.is("conference.max_users"):
		return Full
	case e.is("conference.connectionError.accessDenied"):
		return Denied
	case e.is("conference.destroyed", "conference.gracefulShutdown", "conference.kicked"):
		return Ended
	case e.is("conference.connectionError.notAllowed"):
		return jitsiRefusal(e.Params)
	case conference.AuthRequired, conference.WaitingForHost && conference.MembersOnly, e.is("conference.authenticationRequired") && !j.Login.Token:
		if has(attr("name", "username")) && has(attr("name", "password")) {
			return LoginWall
		}
		return NotStarted
	case connection.PasswordRequired, connection.Error.is("connection.passwordRequired"):
		return LoginWall
	case e.is("conference.connectionError", "conference.focusDisconnected", "conference.focusLeft", "conference.iceFailed", "conference.offerAnswerFailed",
		"conference.incompatible_server_versions", "conference.reservationError", "conference.videobridgeNotAvailable", "conference.settingsError"),
		connection.Error.is("connection.droppedError", "connection.otherError", "connection.serverError", "connection.notLiveError", "connection.conferenceRequestFailed"):
		return Failed
	}
	switch { // likewise, by the test ids of what it shows
	case j.id("dialog.maxUsersLimitReached"):
		return Full
	case j.id("lobby.joinRejectedMessage"), j.id("lobby.joinRejectedTitle"):
		return Denied
	case j.id("dialog.tokenAuthFailed"), j.id("dialog.tokenAuthFailedTitle"), j.id("dialog.unauthenticatedAccessDisabled"):
		return LoginWall
	case j.id("dialog.sessTerminated"), j.id("dialog.kickTitle"), j.id("dialog.conferenceDestroyed"):
		return Ended
	case j.Closed, j.id("dialog.thankYou"):
		return Left
	case has(attr("name", "username")) && has(attr("name", "password")):
		return LoginWall
	}
	if s, ok := interposed(v, g, prejoin || lockKey || lobbyPassword || j.Store && (conference.Joined || j.Lobby.Visible)); ok {
		return s
	}
	switch {
	case lockKey, lobbyPassword, conference.PasswordRequired, conference.Error.is("conference.passwordRequired") && !conference.Joining:
		return Password
	case j.Lobby.Knocking, j.Lobby.Visible, knock, j.shows(".lobby-screen"):
		return Lobby
	case prejoin && j.Prejoin.Joining:
		return Joining
	case prejoin:
		return Prejoin
	case conference.Leaving:
		return Left
	case conference.Joined, !j.Store && j.Hangup != nil && !j.shows(".premeeting-screen"):
		return InMeeting
	case j.shows(".reload_overlay"), j.shows(".unsupported-desktop-browser"):
		return Failed
	case conference.Joining, connection.Connecting, connection.Connected:
		return Joining
	case j.shows(".welcome"), j.shows("#welcome_page"):
		return Left
	case jitsiLaunch(v, j) != nil:
		return LaunchPage
	}
	return Unrecognised
}

// jitsiRefusal says what the types of a refusal mean (lib-jitsi-meet,
// AUTH_ERROR_TYPES). A client without types speaks of the token.
func jitsiRefusal(params []string) State {
	kind := ""
	if len(params) > 0 {
		kind = params[0]
	}
	switch kind {
	case "no-main-participants", "room-creation-restriction":
		return NotStarted
	case "no-visitors-lobby", "promotion-not-allowed":
		return Locked
	}
	return LoginWall
}

// launchWords are the names of the button that goes on in the browser, in the
// client's German and English texts of several years.
var launchWords = words(`launch in (the )?(web|browser)|join in (the )?(web|browser)|im (web|browser) (öffnen|starten|fortfahren|teilnehmen|beitreten)`)

// jitsiLaunch finds the button of the page that tries to open the app.
func jitsiLaunch(v browser.View, j jitsiView) *browser.Control {
	if j.Launched || j.Store && j.shows("#videoconference_page") {
		return nil
	}
	if c, ok := find(v, button, named(launchWords)); ok {
		return &c
	}
	return nil
}

func jitsiNext(v browser.View, s State, g Guest) []Step {
	name := func(conditions ...func(browser.Control) bool) []Step {
		if c, ok := find(v, conditions...); ok && c.Value != g.Name {
			return []Step{typeText(c, g.Name, "name")}
		}
		return nil
	}
	switch s {
	case Consent:
		return consent(v, g)
	case LaunchPage:
		if c := jitsiLaunch(v, readJitsi(v.Probe)); c != nil {
			return []Step{click(*c, "join in browser")}
		}
	case Prejoin:
		steps := name(id("premeeting-name-input"))
		if c, ok := find(v, testID("prejoin.joinMeeting")); ok {
			return append(steps, begins(probe.Joining, click(c, "join"))...)
		}
		// a name that sounds easy to guess makes the client ask for a tick
		if c, ok := find(v, func(c browser.Control) bool { return c.Type == "checkbox" && c.Pressed != nil && !*c.Pressed }); ok && len(steps) == 0 {
			return []Step{click(c, "unsafe room name")}
		}
		return steps
	case Password:
		if g.Password == "" {
			return nil
		}
		if c, ok := find(v, attr("name", "lockKey")); ok {
			if submit, ok := find(v, id("modal-dialog-ok-button")); ok {
				return begins(probe.Joining, typeText(c, g.Password, "password"), click(submit, "join"))
			}
		}
		if c, ok := find(v, testID("lobby.password")); ok {
			if submit, ok := find(v, testID("lobby.passwordJoinButton")); ok {
				return begins(probe.Joining, typeText(c, g.Password, "password"), click(submit, "join"))
			}
		}
	case Lobby:
		if c, ok := find(v, testID("lobby.enterPasswordButton")); ok && g.Password != "" {
			return []Step{click(c, "enter password")}
		}
		steps := name(testID("lobby.nameField"))
		if c, ok := find(v, testID("lobby.knockButton")); ok {
			return append(steps, click(c, "knock"))
		}
		return steps
	}
	return nil
}

// jitsiLeaveWords are the names of the entry in the menu of moderators.
var jitsiLeaveWords = words(`leave( the)? meeting|leave|(konferenz|meeting|besprechung) verlassen|verlassen`)

func jitsiLeave(v browser.View) []Step {
	j := readJitsi(v.Probe)
	if j.Hangup == nil {
		return nil
	}
	if !j.Hangup.Reachable { // the toolbar hides itself until the pointer moves
		return []Step{{Action: browser.Action{Comment: "move pointer"}}}
	}
	isHangup := func(c browser.Control) bool {
		return c.Name == j.Hangup.Label && strings.Contains(c.Attrs["class"], "toolbox-button")
	}
	if j.Hangup.Menu {
		other := func(c browser.Control) bool { return !isHangup(c) && c.Tag == "button" }
		if c, ok := find(v, button, other, named(jitsiLeaveWords)); ok {
			return leaves(c)
		}
		if c, ok := find(v, isHangup); ok {
			return []Step{click(c, "leave menu")}
		}
		return nil
	}
	if c, ok := find(v, isHangup); ok {
		return leaves(c)
	}
	return nil
}

// jitsiSettings maps the keys of config.js. What the client does without a
// key is from jitsi-meet's config.js of March 2026; an empty default means
// that then there is no such thing.
var jitsiSettings = []struct {
	setting Setting
	keys    []string // the first is today's, the others are older
	absent  string
}{
	{MicrophoneOff, []string{"startWithAudioMuted"}, "false"},
	{CameraOff, []string{"startWithVideoMuted"}, "false"},
	{MicrophoneOffAfter, []string{"startAudioMuted"}, ""},
	{CameraOffAfter, []string{"startVideoMuted"}, ""},
	{PrejoinPage, []string{"prejoinConfig.enabled", "prejoinPageEnabled"}, "true"},
	{NameRequired, []string{"requireDisplayName"}, "false"},
	{LobbyKnock, []string{"lobby.autoKnock", "autoKnockLobby"}, "false"},
	{LoginURL, []string{"tokenAuthUrl"}, ""},
	{GuestDomain, []string{"hosts.anonymousdomain"}, ""},
	{PeerToPeer, []string{"p2p.enabled"}, "false"},
	{ForceRelay, []string{"forceTurnRelay"}, "false"},
	{Signalling, []string{"websocket"}, ""},
	{Signalling, []string{"bosh"}, ""},
	{AnalyticsTarget, []string{"analytics.matomoEndpoint"}, ""},
	{AnalyticsTarget, []string{"analytics.amplitudeAPPKey"}, ""},
	{AnalyticsTarget, []string{"analytics.googleAnalyticsTrackingId"}, ""},
	{AnalyticsTarget, []string{"callStatsID"}, ""},
	{RTCStats, []string{"analytics.rtcstatsEnabled"}, "false"},
	{RTCStatsTarget, []string{"analytics.rtcstatsEndpoint"}, ""},
	{StatsCarryNames, []string{"enableDisplayNameInStats"}, "false"},
	{StatsCarryEmail, []string{"enableEmailInStats"}, "false"},
	{NoThirdParties, []string{"disableThirdPartyRequests"}, "false"},
	{AvatarTarget, []string{"gravatar.baseUrl", "gravatarBaseURL"}, "https://www.gravatar.com/avatar/"},
	{RoomsForgotten, []string{"doNotStoreRoom"}, "false"},
	{Recording, []string{"recordingService.enabled", "fileRecordingsEnabled"}, "false"},
	{RecordingConsent, []string{"recordings.requireConsent"}, "false"},
	{RecordingHidden, []string{"hideRecordingLabel"}, "false"},
	{LiveStreaming, []string{"liveStreaming.enabled", "liveStreamingEnabled"}, "false"},
	{Transcription, []string{"transcription.enabled", "transcribingEnabled"}, "false"},
}

// jitsiSTUN is what lib-jitsi-meet asks when nobody names a STUN server
// (modules/xmpp/xmpp.ts, DEFAULT_STUN_SERVERS).
const jitsiSTUN = "stun:meet-jit-si-turnrelay.jitsi.net:443"

func jitsiRead(raw json.RawMessage) Reading {
	j := readJitsi(raw)
	if j.Config == nil && j.Effective == nil {
		return Reading{}
	}
	// the store holds what applies; it lacks what the library reads by itself
	value := func(key string) (string, bool) {
		if w, ok := j.Effective.text(key); ok {
			return w, true
		}
		return j.Config.text(key)
	}
	var all []Declaration
	for _, s := range jitsiSettings {
		d := Declaration{Setting: s.setting, Value: s.absent, Key: s.keys[0], File: "config.js", Origin: Default}
		for _, key := range s.keys {
			if w, ok := value(key); ok {
				d.Value, d.Key, d.Origin = w, key, Configured
				if _, set := j.Config.text(key); !set && j.Config != nil {
					d.Origin = Default // the client put it there
				}
				break
			}
		}
		all = declare(all, d)
	}
	negated := func(setting Setting, key string) {
		d := Declaration{Setting: setting, Value: "true", Key: key, File: "config.js", Origin: Default}
		if w, ok := value(key); ok {
			d.Value, d.Origin = strconv.FormatBool(w != "true"), Configured
		}
		all = declare(all, d)
	}
	negated(EndToEnd, "e2ee.disabled")
	negated(LocalRecording, "localRecording.disable")
	negated(PrivateChat, "remoteVideoMenu.disablePrivateChat")
	negated(Gravatar, "gravatar.disabled")

	// analytics are on unless they are off or there is nobody to report to
	off, _ := value("analytics.disabled")
	scripts := append(j.Effective.list("analytics.scriptURLs"), j.Config.list("analytics.scriptURLs")...)
	for _, u := range scripts {
		all = declare(all, Declaration{AnalyticsTarget, u, "analytics.scriptURLs", "config.js", Configured})
	}
	on := off != "true" && slices.ContainsFunc(all, func(d Declaration) bool { return d.Setting == AnalyticsTarget })
	all = declare(all, Declaration{Analytics, strconv.FormatBool(on), "analytics", "config.js", Configured})

	servers := 0
	for _, config := range []tree{j.Effective, j.Config} {
		list, _ := config.at("p2p.stunServers")
		items, isList := list.([]any)
		for _, item := range items {
			server, _ := item.(map[string]any)
			for _, u := range append(tree(server).list("urls"), single(tree(server).text("urls"))...) {
				all, servers = declare(all, Declaration{STUNServer, u, "p2p.stunServers", "config.js", Configured}), servers+1
			}
		}
		if isList && len(items) == 0 {
			servers++ // an empty list is one, and the library is content with it
		}
	}
	if servers == 0 {
		all = declare(all, Declaration{STUNServer, jitsiSTUN, "p2p.stunServers", "config.js", Library})
	}
	if j.Conference.Joined || j.Lobby.Visible {
		all = append(all, jitsiPolicies(j, plant(raw))...)
	}
	version := j.Version.Meet
	if j.Version.Library != "" {
		version = strings.TrimSpace(version + " lib-jitsi-meet " + j.Version.Library)
	}
	return Reading{Version: version, Declared: sorted(all), Meeting: jitsiMeeting(j)}
}

// jitsiPolicies is what the server told the client about the room.
func jitsiPolicies(j jitsiView, raw tree) []Declaration {
	var all []Declaration
	for key, setting := range map[string]Setting{"startAudioMutedPolicy": MicrophoneOff, "startVideoMutedPolicy": CameraOff} {
		if w, ok := raw.text("conference." + key); ok {
			all = declare(all, Declaration{setting, w, key, "", Server})
		}
	}
	return all
}

func jitsiMeeting(j jitsiView) *Meeting {
	if !j.Store || !j.Conference.Joined {
		return nil
	}
	on := func(mode string) *bool {
		is := slices.ContainsFunc(j.Recording, func(s struct{ Mode, Status string }) bool { return s.Mode == mode && s.Status == "on" })
		return &is
	}
	muted := func(v any) *bool {
		switch v := v.(type) {
		case bool:
			return &v
		case float64: // a set of reasons; none is zero
			is := v != 0
			return &is
		}
		return nil
	}
	transcribing := j.Conference.Transcribing || j.Transcribing
	label := j.shows(".recording-label") || j.id("recording-label")
	locked := j.Conference.Locked != ""
	return &Meeting{
		Participants: j.Participants, Role: j.Role, MicrophoneOff: muted(j.AudioMuted), CameraOff: muted(j.VideoMuted), Lobby: &j.Lobby.Enabled,
		Locked: &locked, EndToEnd: &j.E2EE, Recording: on("file"), Streaming: on("stream"), Transcribing: &transcribing, PeerToPeer: &j.Conference.P2P,
		RecordingShown: &label,
	}
}

// single is a list of the word, if there is one.
func single(word string, ok bool) []string {
	if !ok {
		return nil
	}
	return []string{word}
}

// attr matches the control with the given attribute.
func attr(name, want string) func(browser.Control) bool {
	return func(c browser.Control) bool { return c.Attrs[name] == want }
}
