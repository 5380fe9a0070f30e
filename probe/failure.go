package probe

import "slices"

// Failure says in one word why something could not be measured. The list is
// closed, so that history and comparison can rely on it; Go error strings
// never appear in an observation. The empty Failure means success.
type Failure string

// The failures, from the network up to the meeting.
const (
	OK                  Failure = "ok" // only as the end of a walk
	DNSNXDomain         Failure = "dns_nxdomain"
	DNSFailed           Failure = "dns_failed"
	ConnectionRefused   Failure = "connection_refused"
	ConnectionReset     Failure = "connection_reset"
	Unreachable         Failure = "unreachable"
	Timeout             Failure = "timeout"
	TLSAlert            Failure = "tls_alert"
	TLSVersion          Failure = "tls_version"
	TLSCertificate      Failure = "tls_certificate"
	HTTPStatus          Failure = "http_status"
	Blocked             Failure = "blocked"
	NotRecognised       Failure = "not_recognised"
	ConsentWanted       Failure = "consent" // joining needs a consent that the user did not give
	LoginWall           Failure = "login_wall"
	PasswordWanted      Failure = "password"
	Captcha             Failure = "captcha"
	BotWall             Failure = "bot_wall"
	NotStarted          Failure = "not_started"
	LobbyWaiting        Failure = "lobby"
	Denied              Failure = "denied"
	Full                Failure = "full"
	Locked              Failure = "locked"
	Ended               Failure = "ended"
	NotJoined           Failure = "not_joined"
	PageError           Failure = "page_error"
	BrowserCrashed      Failure = "browser_crashed"
	BrowserMissing      Failure = "browser_missing"
	Interrupted         Failure = "interrupted"
	EvidenceUnreadable  Failure = "evidence_unreadable"
	EvidenceNotWritable Failure = "evidence_not_writable"
	NoMedia             Failure = "no_media"
	OutOfScope          Failure = "out_of_scope" // not asked, because the user did not name the host
	UnknownFailure      Failure = "unknown_failure"
)

// Failures lists every failure code.
func Failures() []Failure {
	return []Failure{OK, DNSNXDomain, DNSFailed, ConnectionRefused, ConnectionReset, Unreachable, Timeout,
		TLSAlert, TLSVersion, TLSCertificate, HTTPStatus, Blocked, NotRecognised, ConsentWanted, LoginWall, PasswordWanted,
		Captcha, BotWall, NotStarted, LobbyWaiting, Denied, Full, Locked, Ended, NotJoined, PageError,
		BrowserCrashed, BrowserMissing, Interrupted, EvidenceUnreadable, EvidenceNotWritable, NoMedia, OutOfScope, UnknownFailure}
}

// Known reports whether f is empty or on the closed list.
func (f Failure) Known() bool { return f == "" || slices.Contains(Failures(), f) }
