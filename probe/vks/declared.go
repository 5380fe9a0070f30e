package vks

import (
	"cmp"
	"slices"
	"strings"

	"vksprobe/probe"
)

// A Reading is what an adapter makes of one result of its probe expression.
type Reading struct {
	Version  string // of the client as it calls itself, "" if it does not tell
	Declared []Declaration
	Meeting  *Meeting // nil if the client does not tell
}

// Setting names a setting that many systems have, whatever they call it.
type Setting string

// The settings. Truth values are "true" and "false", read as the sentence in
// the comment says; other values are as the system spells them.
const (
	MicrophoneOff        Setting = "microphone_off"      // participants join with the microphone off
	CameraOff            Setting = "camera_off"          // participants join with the camera off
	MicrophoneOffAfter   Setting = "microphone_off_from" // number of participants from which on they join muted
	CameraOffAfter       Setting = "camera_off_from"     // likewise for the camera
	PrejoinPage          Setting = "prejoin_page"        // there is a page before joining
	AudioDialog          Setting = "audio_dialog"        // the client asks about audio by itself
	ListenOnly           Setting = "listen_only"         // one can join without a microphone
	EchoTestSkipped      Setting = "echo_test_skipped"   // the microphone goes on without the echo test
	CameraShared         Setting = "camera_shared"       // the camera is shared by itself
	CameraPreviewSkipped Setting = "camera_preview_skipped"
	NameRequired         Setting = "name_required"    // nobody joins without a name
	LobbyKnock           Setting = "lobby_auto_knock" // the client asks for admission by itself
	GuestPolicy          Setting = "guest_policy"     // who is admitted without being asked about
	AccessCode           Setting = "access_code"      // there is an access code
	AccountRequired      Setting = "account_required" // only users with an account may join
	LoginURL             Setting = "login_url"        // where users prove who they are
	GuestDomain          Setting = "guest_domain"     // domain of those who have no account
	AnyoneModerates      Setting = "anyone_moderates" // everybody becomes a moderator
	PeerToPeer           Setting = "peer_to_peer"     // two participants talk without the server
	STUNServer           Setting = "stun_server"      // URL of a STUN or TURN server, one observation each
	ForceRelay           Setting = "force_relay"      // media go through a TURN server only
	Signalling           Setting = "signalling"       // address of the signalling
	MediaBridge          Setting = "media_bridge"     // what carries the media: "bbb-webrtc-sfu", "livekit"
	Analytics            Setting = "analytics"        // analytics are on
	AnalyticsTarget      Setting = "analytics_target" // whom they report to, one observation each
	RTCStats             Setting = "rtcstats"         // statistics of the connection are sent
	RTCStatsTarget       Setting = "rtcstats_target"
	ClientLog            Setting = "client_log"           // the client's log is sent
	StatsCarryNames      Setting = "stats_carry_names"    // statistics carry names
	StatsCarryEmail      Setting = "stats_carry_email"    // statistics carry e-mail addresses
	NoThirdParties       Setting = "no_third_parties"     // the client asks no third parties
	Gravatar             Setting = "gravatar"             // avatars are fetched by hashes of e-mail addresses
	AvatarTarget         Setting = "avatar_target"        // from where
	RoomsForgotten       Setting = "rooms_forgotten"      // the browser keeps no list of rooms
	Recording            Setting = "recording"            // the server may record
	RecordingStarts      Setting = "recording_starts"     // recording starts by itself
	RecordingStoppable   Setting = "recording_stoppable"  // moderators can start and stop recording
	RecordingWhole       Setting = "recording_whole"      // media are kept while the recording is paused
	RecordingConsent     Setting = "recording_consent"    // participants are asked before they are recorded
	RecordingNotified    Setting = "recording_notified"   // participants are told when recording begins
	RecordingHidden      Setting = "recording_hidden"     // the sign of recording is not shown
	LocalRecording       Setting = "local_recording"      // participants can record in the browser
	LiveStreaming        Setting = "live_streaming"       // the meeting can be broadcast
	Transcription        Setting = "transcription"        // speech can be turned into text
	TranscriptionBy      Setting = "transcription_by"     // by whom: "webspeech" is the browser's vendor
	EndToEnd             Setting = "end_to_end"           // end-to-end encryption is on offer
	PrivateChat          Setting = "private_chat"         // participants can write to one another
	WebcamsForModerator  Setting = "webcams_to_moderator" // only moderators see the cameras
	ModeratorsUnmute     Setting = "moderators_unmute"    // moderators can switch microphones on
	ExternalVideo        Setting = "external_video"       // videos of other providers can be played
)

// Origin says where the value of a setting comes from.
type Origin string

// The origins.
const (
	Configured Origin = "configured" // the operator set it
	Default    Origin = "default"    // the operator did not set it; so the client's own default applies
	Library    Origin = "library"    // likewise, of a library in the client
	Server     Origin = "server"     // the server told the client
)

// A Declaration is one setting as the client declares it. It says what is
// meant to be, not what happens.
type Declaration struct {
	Setting Setting `json:"setting"`
	Value   string  `json:"value"`          // at most 500 bytes
	Key     string  `json:"key"`            // as the system calls it: "p2p.stunServers"
	File    string  `json:"file,omitempty"` // where an operator sets it: "config.js"
	Origin  Origin  `json:"origin"`
}

// Declared observes a declaration once per participant and phase in which it
// was first read or changed. Subject: "setting:" and the setting.
//
// It stands here and not beside the kinds of what was measured, in webrtc and
// tracking, because only an adapter can say what a system's own names mean.
// Rules that hold both against each other stand here, too, for this package
// may know those below it.
var Declared = probe.Kind[Declaration]{Name: "vks.declared/v1"}

// A Meeting is what the client says of the meeting it is in.
type Meeting struct {
	Participants  int    `json:"participants,omitempty"` // with ourselves
	Role          string `json:"role,omitempty"`         // ours, as the system calls it: "moderator"
	MicrophoneOff *bool  `json:"microphone_off,omitempty"`
	CameraOff     *bool  `json:"camera_off,omitempty"`
	Lobby         *bool  `json:"lobby,omitempty"` // newcomers must be admitted
	Locked        *bool  `json:"locked,omitempty"`
	EndToEnd      *bool  `json:"end_to_end,omitempty"`
	Recording     *bool  `json:"recording,omitempty"`
	Streaming     *bool  `json:"streaming,omitempty"`
	Transcribing  *bool  `json:"transcribing,omitempty"`
	PeerToPeer    *bool  `json:"peer_to_peer,omitempty"`
	// RecordingShown is whether the page shows a sign of recording, and
	// RecordingAsked whether it asks for consent to it.
	RecordingShown *bool `json:"recording_shown,omitempty"`
	RecordingAsked *bool `json:"recording_asked,omitempty"`
}

// Inside observes what the client says of the meeting, once per participant
// and change. Subject: "participant:1".
var Inside = probe.Kind[Meeting]{Name: "vks.meeting/v1"}

// maxValue bounds what is kept of a declared value, in bytes.
const maxValue = 500

// declare appends a declaration unless it has no value.
func declare(all []Declaration, d Declaration) []Declaration {
	if d.Value == "" {
		return all
	}
	d.Value = strings.ToValidUTF8(d.Value[:min(len(d.Value), maxValue)], "")
	return append(all, d)
}

// sorted puts declarations in an order that does not depend on the page.
func sorted(all []Declaration) []Declaration {
	slices.SortStableFunc(all, func(a, b Declaration) int {
		return cmp.Or(cmp.Compare(a.Setting, b.Setting), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Key, b.Key))
	})
	return slices.Compact(all)
}
