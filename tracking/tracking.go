// Package tracking observes which hosts were contacted and what they were
// told, and judges it.
//
// Hosts come from the NetLog and from the DevTools protocol together, because
// each sees what the other does not: the NetLog has every socket, name and
// datagram but not why; the protocol has the reason but neither preconnects
// nor media. Whose a host is, is decided by registrable domain and by what
// the operator declared as its own; traffic that the browser causes itself is
// kept apart and never blamed on the site.
package tracking

import "vksprobe/probe"

// Rules are the rules of this package.
var Rules probe.Set
