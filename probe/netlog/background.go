package netlog

import (
	"net/url"
	"strings"
)

// services is the control list of what Chromium asks for by itself, in the
// name of the page that is open or of its own services: traffic annotation by
// name (tools/traffic_annotation of Chromium; read in logs of 150 and 156).
var services = map[int]string{
	35565745:  "gaia_auth_list_accounts",
	46188932:  "network_time_component",
	54845618:  "update_client",
	65957842:  "gcm_checkin",
	88863520:  "autofill_query",
	106373593: "optimization_guide_model",
	109231476: "ai_mode_eligibility",
}

// Background reports whether the browser made the request for itself and no
// page asked for it. Such a request has no origin, and it belongs to no page
// (time checks, DNS over HTTPS), is one of the browser's known services, or
// is made in the name of the very site it goes to, as the browser talks to
// its vendor. A request that was given up before it started, without a
// Method, has no origin yet and is not counted as the browser's.
func (r *Request) Background() bool {
	if r.Initiator != "not an origin" {
		return false
	}
	_, service := services[r.Annotation]
	return service || strings.HasPrefix(r.Isolation, "null null") || r.Type == "other" && r.toItself()
}

// toItself reports whether a request is isolated as a page of the site that
// it goes to would be: "https://google.com https://google.com" for
// www.google.com.
func (r *Request) toItself() bool {
	top, frame, _ := strings.Cut(r.Isolation, " ")
	site, err1 := url.Parse(top)
	to, err2 := url.Parse(r.URL)
	return err1 == nil && err2 == nil && top == frame && site.Scheme == to.Scheme && site.Hostname() != "" &&
		(to.Hostname() == site.Hostname() || strings.HasSuffix(to.Hostname(), "."+site.Hostname()))
}
