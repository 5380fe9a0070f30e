package netlog

import "strings"

// services is the control list of what Chromium asks for by itself, in the
// name of the page that is open: traffic annotation by name
// (tools/traffic_annotation of Chromium; read in logs of version 156).
var services = map[int]string{
	35565745:  "gaia_auth_list_accounts",
	46188932:  "network_time_component",
	54845618:  "update_client",
	88863520:  "autofill_query",
	106373593: "optimization_guide_model",
}

// Background reports whether the browser made the request for itself and no
// page asked for it: it has no origin and either belongs to no page, as time
// checks and DNS over HTTPS, or is one of the browser's own services. A
// request that was given up before it started, without a Method, has no
// origin yet and is not counted as the browser's.
func (r *Request) Background() bool {
	_, service := services[r.Annotation]
	return r.Initiator == "not an origin" && (strings.HasPrefix(r.Isolation, "null null") || service)
}
