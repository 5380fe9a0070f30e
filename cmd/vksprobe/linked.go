package main

import (
	"vksprobe/probe"
	"vksprobe/probe/vks"
	"vksprobe/tls"
	"vksprobe/tracking"
	"vksprobe/webrtc"
)

// What is linked in, and nowhere else: adapters in order of recognition,
// observers in order of running, and the sets of rules.
var (
	adapters  = []*vks.Adapter{vks.Janus}
	fallback  = vks.Generic
	observers = []probe.Observer{tls.Observer, webrtc.Observer, tracking.Observer}
	rules     = probe.Rules(&tls.Rules, &webrtc.Rules, &tracking.Rules)
)
