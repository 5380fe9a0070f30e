package chain

import (
	"crypto/x509"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Reason says why a chain is not trusted, or why that is not known.
type Reason string

// The reasons.
const (
	UnknownAuthority  Reason = "unknown_authority"  // no path leads to a root of the store
	SelfSigned        Reason = "self_signed"        // the server's own certificate is its own root
	InsecureSignature Reason = "insecure_signature" // the path is signed with SHA-1 or worse
	Purpose           Reason = "purpose"            // a certificate on the path is not for servers
	NotAuthority      Reason = "not_an_authority"   // a certificate on the path may not sign others
	NameConstraints   Reason = "name_constraints"   // an authority may not issue for these names
	PathLength        Reason = "path_length"        // too many authorities
	CriticalExtension Reason = "unknown_critical"   // a critical extension is not understood
	OutsideValidity   Reason = "outside_validity"   // there is no moment at which the whole path is valid
	Unsupported       Reason = "unsupported"        // the path needs algorithms that cannot be verified here
	Unreadable        Reason = "unreadable"         // the server's certificate cannot be read
	NothingSent       Reason = "nothing_sent"
	NoRoots           Reason = "no_roots" // the roots of the system cannot be read
)

type trust struct {
	state  State
	reason Reason
	detail string
	path   []*certificate // nil unless trusted
}

// verify looks for a path to a root. The names are left aside, and so are the
// dates: if the path is not valid at the date, one at another moment counts.
func (t *study) verify() trust {
	leaf := t.leaf()
	switch {
	case leaf == nil:
		return trust{state: Unknown, reason: NothingSent}
	case leaf.x == nil && (leaf.err != nil || leaf.subject == nil):
		return trust{state: Unknown, reason: Unreadable}
	}
	result := trust{state: No, reason: UnknownAuthority}
	if leaf.x != nil {
		result = t.verifyFrom(leaf, x509.ExtKeyUsageServerAuth)
	}
	if result.state == Yes {
		return result
	}
	if own := t.verifyOwn(result); own.state != No {
		return own
	}
	switch why := t.barred(); {
	case result.reason != UnknownAuthority:
	case t.root(0):
		result.reason = SelfSigned
	case slices.ContainsFunc(t.path, func(i int) bool { return !t.root(i) && t.certs[i].signature.weak() != "" }):
		result.reason = InsecureSignature
	case why != "":
		result.reason = why
	}
	return result
}

// barred says why an authority on the path that was sent may not have issued
// what stands below it. The library then goes on to look for another one and in
// the end only says that it found none.
func (t *study) barred() Reason {
	for n := 1; n < len(t.path); n++ {
		if why := mayIssue(t.certs[t.path[n]], t.certs[t.path[n-1]], n-1); why != "" && why != Unsupported {
			return why
		}
	}
	if leaf := t.leaf(); leaf.hasPurposes && !slices.Contains(leaf.purposes, "serverAuth") && !slices.Contains(leaf.purposes, "anyExtendedKeyUsage") {
		return Purpose
	}
	return ""
}

// verifyFrom asks the standard library for a path from a certificate up.
func (t *study) verifyFrom(c *certificate, purpose x509.ExtKeyUsage) trust {
	pool := x509.NewCertPool()
	for _, x := range t.certs {
		if x.x != nil && x != c && x.key.bits <= maxRSA {
			pool.AddCert(x.x)
		}
	}
	options := x509.VerifyOptions{Roots: t.Roots, Intermediates: pool, KeyUsages: []x509.ExtKeyUsage{purpose}}
	var last error
	for _, moment := range t.moments() {
		options.CurrentTime = moment
		chains, err := c.x.Verify(options)
		if err == nil {
			return trust{state: Yes, path: t.pathOf(chains)}
		}
		var invalid x509.CertificateInvalidError
		if last == nil || !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
			last = err
		}
	}
	return failure(last)
}

// pathOf takes the shortest of the chains; the first of several.
func (t *study) pathOf(chains [][]*x509.Certificate) []*certificate {
	best := slices.MinFunc(chains, func(a, b []*x509.Certificate) int { return len(a) - len(b) })
	var path []*certificate
	for _, x := range best {
		at := slices.IndexFunc(t.certs, func(c *certificate) bool { return c.x != nil && c.x.Equal(x) })
		if at >= 0 {
			path = append(path, t.certs[at])
		} else {
			path = append(path, parse(x.Raw))
		}
	}
	return path
}

// moments are the date and, for chains that are not valid then, two at which
// all that was sent should have been.
func (t *study) moments() []time.Time {
	var list []time.Time
	if !t.Date.IsZero() {
		list = append(list, t.Date)
	}
	var from, to time.Time
	for _, i := range t.path {
		c := t.certs[i]
		if c.notBefore.After(from) {
			from = c.notBefore
		}
		if to.IsZero() || !c.notAfter.IsZero() && c.notAfter.Before(to) {
			to = c.notAfter
		}
	}
	for _, m := range []time.Time{from, to} {
		if !m.IsZero() { // which the library takes for now
			list = append(list, m)
		}
	}
	return list
}

func failure(err error) trust {
	f := trust{state: No, reason: UnknownAuthority}
	if err == nil {
		return trust{state: Unknown, reason: Unreadable}
	}
	f.detail = clip(printable(err.Error()))
	var invalid x509.CertificateInvalidError
	var critical x509.UnhandledCriticalExtension
	var roots x509.SystemRootsError
	switch {
	case errors.As(err, &roots):
		return trust{state: Unknown, reason: NoRoots, detail: f.detail}
	case errors.As(err, &critical):
		f.reason = CriticalExtension
	case errors.As(err, &invalid):
		switch invalid.Reason {
		case x509.NotAuthorizedToSign:
			f.reason = NotAuthority
		case x509.Expired:
			f.reason = OutsideValidity
		case x509.CANotAuthorizedForThisName, x509.TooManyConstraints, x509.UnconstrainedName, x509.NameConstraintsWithoutSANs:
			f.reason = NameConstraints
		case x509.TooManyIntermediates:
			f.reason = PathLength
		case x509.IncompatibleUsage, x509.CANotAuthorizedForExtKeyUsage:
			f.reason = Purpose
		}
	}
	return f
}

// verifyOwn goes on where the standard library cannot: it follows the path that
// was sent over keys of which only this package knows (brainpool, RSASSA-PSS)
// up to an authority from which the library finds a root. It is No where it has
// nothing to add.
func (t *study) verifyOwn(library trust) trust {
	nothing, unsupported := trust{state: No}, trust{state: Unknown, reason: Unsupported, detail: library.detail}
	if len(t.path) == 0 {
		return nothing
	}
	foreign := t.certs[0].x == nil
	for n := 1; n < len(t.path); n++ {
		child, parent := t.certs[t.path[n-1]], t.certs[t.path[n]]
		foreign = foreign || !native(parent)
		why := mayIssue(parent, child, n-1)
		switch {
		case !foreign && (why != "" || t.signed(t.path[n-1], t.path[n]) != Yes):
			return nothing
		case why == Unsupported || t.signed(t.path[n-1], t.path[n]) != Yes:
			return unsupported
		case why != "":
			return nothing
		case !foreign || parent.x == nil:
			continue
		}
		up := t.verifyFrom(parent, x509.ExtKeyUsageAny)
		switch leaf := t.certs[0]; {
		case up.state != Yes:
			continue
		case slices.ContainsFunc(up.path, func(c *certificate) bool { return c.has(oidNameConstraints) }):
			return unsupported
		case leaf.hasPurposes && !slices.Contains(leaf.purposes, "serverAuth") && !slices.Contains(leaf.purposes, "anyExtendedKeyUsage"):
			return nothing
		}
		path := make([]*certificate, 0, n+len(up.path))
		for _, i := range t.path[:n] {
			path = append(path, t.certs[i])
		}
		return trust{state: Yes, path: append(path, up.path...)}
	}
	// A root that the library can read would be in the store if it were
	// trusted; of one that it cannot read nobody knows here.
	if end := t.path[len(t.path)-1]; foreign && !(t.root(end) && (end == 0 || t.certs[end].refused == nil)) {
		return unsupported
	}
	return nothing
}

// native reports whether the standard library can verify with the key.
func native(c *certificate) bool {
	if _, own := c.key.public.(*point); own {
		return false
	}
	return c.refused == nil && c.key.public != nil && c.key.name != "id-RSASSA-PSS"
}

// mayIssue checks what RFC 5280 section 6.1.4 asks of an authority; below
// counts the authorities under it.
func mayIssue(ca, child *certificate, below int) Reason {
	switch {
	case !ca.ca, ca.hasUsage && !slices.Contains(ca.keyUsage, "keyCertSign"):
		return NotAuthority
	case ca.pathLength >= 0 && below > ca.pathLength:
		return PathLength
	case len(ca.unknownCritical()) > 0, len(child.unknownCritical()) > 0:
		return CriticalExtension
	case ca.has(oidNameConstraints):
		return Unsupported
	case ca.hasPurposes && !slices.Contains(ca.purposes, "serverAuth") && !slices.Contains(ca.purposes, "anyExtendedKeyUsage"):
		return Purpose
	}
	return ""
}

func (t *study) describeTrust(c *Chain) {
	c.Trusted, c.TrustReason, c.TrustDetail = t.trust.state, t.trust.reason, t.trust.detail
	c.Path = t.steps()
	c.NameMatches = t.nameMatches()
	c.TimeValid = t.timeValid()
	c.Public = Unknown
	switch {
	case c.Trusted == No:
		c.Public = No
	case c.Trusted == Yes && (t.Roots == nil || t.Public):
		c.Public = Yes
	}
	c.Incomplete = t.incomplete()
}

// incomplete says whether an intermediate certificate is missing.
func (t *study) incomplete() State {
	if len(t.path) == 0 {
		return Unknown
	}
	end := t.certs[t.path[len(t.path)-1]]
	switch {
	case t.trust.state == Yes, end.selfIssued():
		return No
	case t.trust.state == No && (t.trust.reason == UnknownAuthority || t.trust.reason == InsecureSignature) && t.leaf().claimsPublic():
		return Yes
	}
	return Unknown
}

// timeValid says whether the whole path is valid at the date.
func (t *study) timeValid() State {
	path := t.trust.path
	if path == nil {
		for _, i := range t.path {
			path = append(path, t.certs[i])
		}
	}
	if t.Date.IsZero() || len(path) == 0 {
		return Unknown
	}
	result := Yes
	for _, c := range path {
		switch {
		case c.notBefore.IsZero() || c.notAfter.IsZero():
			result = Unknown
		case t.Date.Before(c.notBefore) || t.Date.After(c.notAfter):
			return No
		}
	}
	return result
}

// nameMatches compares the wanted name with the alternative names of the
// server's certificate as RFC 9525 section 6 says: the common name does not
// count, and a wildcard stands for one whole label on the left.
func (t *study) nameMatches() State {
	leaf := t.leaf()
	if t.name == "" || leaf == nil || leaf.err != nil && !leaf.hasNames {
		return Unknown
	}
	matches, _ := leaf.covers(t.name)
	return state(matches)
}

// covers reports whether a certificate is for a host name or address, and
// whether only by a wildcard.
func (c *certificate) covers(wanted string) (matches, wildcard bool) {
	if ip, err := netip.ParseAddr(strings.Trim(wanted, "[]")); err == nil {
		ip = ip.WithZone("").Unmap()
		return slices.ContainsFunc(c.names, func(n altName) bool { return n.kind == address && n.ip == ip }), false
	}
	host := hostName(wanted)
	_, rest, _ := strings.Cut(host, ".")
	for _, n := range c.names {
		if n.kind != dnsName {
			continue
		}
		pattern := strings.ToLower(strings.TrimSuffix(n.text, "."))
		if pattern == host && host != "" && !strings.Contains(host, "*") {
			return true, false
		}
		if tail, ok := strings.CutPrefix(pattern, "*."); ok && tail != "" && tail == rest {
			matches, wildcard = true, true
		}
	}
	return matches, wildcard
}

// hostName is the form in which names are compared.
func hostName(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }
