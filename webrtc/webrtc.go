// Package webrtc observes RTCPeerConnections, the packets below them and the
// state of camera, microphone and screen, and judges them.
package webrtc

import "vksprobe/probe"

// Rules are the rules of this package.
var Rules probe.Set
