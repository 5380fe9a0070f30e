// Package tls observes the TLS handshakes of every host that the browser
// contacted and judges them.
//
// The handshakes come from the NetLog, where the browser's network service
// writes down what it negotiated with whom. What a server would also accept
// cannot be seen there; that takes handshakes of our own, whose transcripts
// package enumerate makes and reads. [Mechanisms] puts both in the words of
// package norm, which knows what guidelines say.
package tls

import "vksprobe/probe"

// Rules are the rules of this package.
var Rules probe.Set
