// Package tracking observes which hosts were contacted and what they were
// told, and judges it.
package tracking

import "vksprobe/probe"

// Rules are the rules of this package.
var Rules probe.Set
