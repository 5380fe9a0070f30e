// Package tls observes the TLS handshakes of every host that the browser
// contacted and judges them.
package tls

import "vksprobe/probe"

// Rules are the rules of this package.
var Rules probe.Set
