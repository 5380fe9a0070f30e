package browser

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"

	"vksprobe/probe"
)

// NavigationError says why a page did not open. It never holds the link.
type NavigationError struct {
	NetError string // "net::ERR_NAME_NOT_RESOLVED", "" if the server answered
	Status   int64  // HTTP status of the answer
}

func (e *NavigationError) Error() string {
	if e.NetError != "" {
		return "the page did not open: " + e.NetError
	}
	return fmt.Sprintf("the server answered with HTTP status %d", e.Status)
}

// An opening is the state of the main document while a link is opened.
type opening struct {
	mu     sync.Mutex
	shown  bool          // the new document is in the tab
	status int64         // HTTP status of its answer
	loaded chan struct{} // closed when it has loaded; nil while no link is being opened
}

// begin returns a channel that is closed when a new document has loaded.
func (o *opening) begin() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shown, o.status, o.loaded = false, 0, make(chan struct{})
	return o.loaded
}

func (o *opening) answered(status int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status = status
}

func (o *opening) committed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shown = true
}

// finished is the end of loading, unless it is that of the document before.
func (o *opening) finished() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shown && o.loaded != nil {
		close(o.loaded)
		o.loaded = nil
	}
}

// Navigate opens a link in the main tab and waits until it has loaded, or for
// the end of ctx: a page that never finishes to load is open all the same.
func (b *Browser) Navigate(ctx context.Context, link string) error {
	loaded := b.opening.begin()
	r, err := cdp.Call(ctx, b.main, page.Navigate, page.NavigateParams{URL: link})
	if err != nil {
		return err
	}
	if r.ErrorText != "" {
		return &NavigationError{NetError: r.ErrorText}
	}
	if r.LoaderID == "" { // only another place in the same document
		return nil
	}
	select {
	case <-loaded:
	case <-b.main.gone:
		return b.main.why
	case <-b.Done():
		return errGone
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return ctx.Err()
		}
	}
	b.opening.mu.Lock()
	defer b.opening.mu.Unlock()
	if b.opening.status >= 400 {
		return &NavigationError{Status: b.opening.status}
	}
	return nil
}

// netFailures maps net errors to failures; what is missing is a page error.
var netFailures = map[string]probe.Failure{
	"net::ERR_NAME_NOT_RESOLVED":                 probe.DNSNXDomain,
	"net::ERR_DNS_TIMED_OUT":                     probe.DNSFailed,
	"net::ERR_NAME_RESOLUTION_FAILED":            probe.DNSFailed,
	"net::ERR_DNS_MALFORMED_RESPONSE":            probe.DNSFailed,
	"net::ERR_DNS_SERVER_FAILED":                 probe.DNSFailed,
	"net::ERR_CONNECTION_REFUSED":                probe.ConnectionRefused,
	"net::ERR_CONNECTION_RESET":                  probe.ConnectionReset,
	"net::ERR_CONNECTION_CLOSED":                 probe.ConnectionReset,
	"net::ERR_EMPTY_RESPONSE":                    probe.ConnectionReset,
	"net::ERR_ADDRESS_UNREACHABLE":               probe.Unreachable,
	"net::ERR_INTERNET_DISCONNECTED":             probe.Unreachable,
	"net::ERR_NETWORK_ACCESS_DENIED":             probe.Unreachable,
	"net::ERR_TIMED_OUT":                         probe.Timeout,
	"net::ERR_CONNECTION_TIMED_OUT":              probe.Timeout,
	"net::ERR_SSL_VERSION_OR_CIPHER_MISMATCH":    probe.TLSVersion,
	"net::ERR_SSL_PROTOCOL_ERROR":                probe.TLSAlert,
	"net::ERR_BAD_SSL_CLIENT_AUTH_CERT":          probe.TLSAlert,
	"net::ERR_CERT_AUTHORITY_INVALID":            probe.TLSCertificate,
	"net::ERR_CERT_COMMON_NAME_INVALID":          probe.TLSCertificate,
	"net::ERR_CERT_DATE_INVALID":                 probe.TLSCertificate,
	"net::ERR_CERT_REVOKED":                      probe.TLSCertificate,
	"net::ERR_CERT_INVALID":                      probe.TLSCertificate,
	"net::ERR_CERT_WEAK_SIGNATURE_ALGORITHM":     probe.TLSCertificate,
	"net::ERR_CERT_WEAK_KEY":                     probe.TLSCertificate,
	"net::ERR_CERT_NAME_CONSTRAINT_VIOLATION":    probe.TLSCertificate,
	"net::ERR_CERT_VALIDITY_TOO_LONG":            probe.TLSCertificate,
	"net::ERR_CERTIFICATE_TRANSPARENCY_REQUIRED": probe.TLSCertificate,
	"net::ERR_BLOCKED_BY_CLIENT":                 probe.Blocked,
	"net::ERR_BLOCKED_BY_RESPONSE":               probe.Blocked,
	"net::ERR_BLOCKED_BY_ADMINISTRATOR":          probe.Blocked,
}

// Failure says in one of the program's words why Navigate did not succeed.
func Failure(err error) probe.Failure {
	var nav *NavigationError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return probe.Timeout
	case errors.Is(err, context.Canceled):
		return probe.Interrupted
	case errors.Is(err, errGone), errors.Is(err, errCrashed):
		return probe.BrowserCrashed
	case !errors.As(err, &nav):
		return probe.PageError
	case nav.Status != 0:
		return probe.HTTPStatus
	}
	if f, ok := netFailures[nav.NetError]; ok {
		return f
	}
	return probe.PageError
}
