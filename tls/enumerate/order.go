package enumerate

// Preference says whose order decides.
type Preference string

// The preferences.
const (
	Server            Preference = "server"
	Client            Preference = "client"
	Mixed             Preference = "mixed" // of the one in some cases, of the other in others
	UnknownPreference Preference = "unknown"
)

// order is what answers show of an order of preference: for a pair, whether
// the first of it was chosen where the client put it before the other one
// (leading) and where it put it behind (trailing).
type order map[[2]uint16]struct{ leading, trailing bool }

// choose notes that x was chosen from a list.
func (o order) choose(x uint16, list []uint16) {
	behind := false
	for _, y := range list {
		if y == x {
			behind = true
			continue
		}
		seen := o[[2]uint16{x, y}]
		if behind {
			seen.leading = true
		} else {
			seen.trailing = true
		}
		o[[2]uint16{x, y}] = seen
	}
}

// beats reports whether the server prefers a to b whatever the client wants.
func (o order) beats(a, b uint16) bool {
	return o[[2]uint16{a, b}].trailing && !o[[2]uint16{b, a}].trailing
}

// free reports whether the client decides between a and b.
func (o order) free(a, b uint16) bool {
	return o[[2]uint16{a, b}].leading && o[[2]uint16{b, a}].leading
}

// above reports whether a was chosen where b could have been, and never the
// other way round: proof enough if the server's order counts.
func (o order) above(a, b uint16) bool {
	x, y := o[[2]uint16{a, b}], o[[2]uint16{b, a}]
	return (x.leading || x.trailing) && !y.leading && !y.trailing
}

// decided reports whether it is known who decides between a and b.
func (o order) decided(a, b uint16, server bool) bool {
	return o.beats(a, b) || o.beats(b, a) || o.free(a, b) || server && (o.above(a, b) || o.above(b, a))
}

// preference tells who decides among values that the server has. What a
// client may decide by itself, such as on ChaCha20, is left out by except.
func (o order) preference(list []uint16, except func(uint16) bool) Preference {
	server, client := false, false
	for i, a := range list {
		for _, b := range list[i+1:] {
			if except != nil && (except(a) || except(b)) {
				continue
			}
			server = server || o.beats(a, b) || o.beats(b, a)
			client = client || o.free(a, b)
		}
	}
	switch {
	case server && client:
		return Mixed
	case server:
		return Server
	case client:
		return Client
	}
	return UnknownPreference
}

// proven reports whether each neighbour in a list is known to be in the
// server's order, or for the client to decide.
func (o order) proven(list []uint16, server bool) bool {
	for i := 0; i+1 < len(list); i++ {
		if a, b := list[i], list[i+1]; !o.decided(a, b, server) || o.beats(b, a) {
			return false
		}
	}
	return true
}

// sort puts a list in the server's order as far as it is known; among values
// whose order is not, the list's own is kept.
func (o order) sort(list []uint16, server bool) {
	better := o.beats
	if server {
		better = func(a, b uint16) bool { return o.beats(a, b) || o.above(a, b) }
	}
	for at := range list {
		best, least := at, len(list)
		for i := at; i < len(list) && least > 0; i++ {
			beaten := 0
			for _, other := range list[at:] {
				if better(other, list[i]) {
					beaten++
				}
			}
			if beaten < least {
				best, least = i, beaten
			}
		}
		x := list[best]
		copy(list[at+1:best+1], list[at:best])
		list[at] = x
	}
}
