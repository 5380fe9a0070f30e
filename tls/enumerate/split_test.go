package enumerate

import (
	"strings"
	"testing"

	"vksprobe/tls/hello"
)

// The key of tickets is compared between connections, not within one.
func TestSameTicketKey(t *testing.T) {
	name := func(c string) hello.Ticket { return hello.Ticket{Ticket: []byte(strings.Repeat(c, 40))} }
	type seen struct {
		n    int
		name string
	}
	for want, all := range map[State][]seen{
		"":  {{1, "a"}, {1, "b"}, {1, "a"}},
		Yes: {{1, "a"}, {2, "b"}, {3, "a"}},
		No:  {{1, "a"}, {2, "b"}},
	} {
		d := derivation{features: map[string]State{}}
		for _, s := range all {
			d.sameTicketKey(s.n, name(s.name))
		}
		if got := d.features[TicketKeyReuse]; got != want {
			t.Errorf("%v: %q, want %q", all, got, want)
		}
	}
	var d derivation
	d.sameTicketKey(1, hello.Ticket{Ticket: []byte("short")}) // has no name
	if len(d.ticketKeys) > 0 {
		t.Error("a short ticket has a name")
	}
}
