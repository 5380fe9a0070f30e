// Package tracking observes which hosts were contacted and what they were
// told, and judges it.
//
// Hosts come from the NetLog and from the DevTools protocol together, because
// each sees what the other does not: the NetLog has every socket, name and
// datagram but not why; the protocol has the reason but neither preconnects
// nor media. Whose a host is, is decided by registrable domain and by what
// the operator declared as its own; traffic that the browser causes itself is
// kept apart and never blamed on the site.
//
// Contacts are compared with data that are no evidence: lists of trackers,
// databases of addresses, tables of operators and decisions. They are part of
// the program or come from the user, and each observation that rests on one
// names it with version and hash. What needs the URLs, which are secret, is
// compared by the observer and can be compared again only from the evidence.
// Where a host is and whose it is follows from contacts alone, so [Relocate]
// gives a bundle's observations the places of newer data without the evidence.
// Only the day's law is left to the rules: an observation carries the rows of
// the table of decisions, and a rule asks which of them hold on its date.
package tracking

import "vksprobe/probe"

// Rules are the rules of this package.
var Rules probe.Set
