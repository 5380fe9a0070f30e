package chain

import (
	"bytes"
	"encoding/hex"
	"slices"
)

// walk goes from the first certificate to its issuer and so on, as far as
// certificates were sent. What stands behind a certificate is preferred as its
// issuer, as that is what the order says.
func (t *study) walk() []int {
	if len(t.certs) == 0 || t.certs[0].subject == nil {
		return nil
	}
	path := []int{0}
	for {
		at := path[len(path)-1]
		if t.certs[at].selfIssued() && t.signed(at, at) != No {
			return path
		}
		next := -1
		if at+1 < len(t.certs) && !slices.Contains(path, at+1) && t.issued(at, at+1) {
			next = at + 1
		}
		for i := 1; next < 0 && i < len(t.certs); i++ {
			if !slices.Contains(path, i) && !t.duplicate(i) && t.issued(at, i) {
				next = i
			}
		}
		if next < 0 {
			return path
		}
		path = append(path, next)
	}
}

// issued reports whether a certificate can be the issuer of another one.
func (t *study) issued(child, parent int) bool {
	c, p := t.certs[child], t.certs[parent]
	if len(c.issuer) <= 2 || !bytes.Equal(c.issuer, p.subject) || c.sha256 == p.sha256 {
		return false
	}
	if len(c.authorityKey) > 0 && len(p.subjectKey) > 0 && !bytes.Equal(c.authorityKey, p.subjectKey) {
		return false
	}
	return t.signed(child, parent) != No
}

// duplicate reports whether the same certificate was sent before.
func (t *study) duplicate(i int) bool {
	return slices.ContainsFunc(t.certs[:i], func(c *certificate) bool { return c.sha256 == t.certs[i].sha256 })
}

// root reports whether a certificate is issued to itself.
func (t *study) root(i int) bool { return t.certs[i].selfIssued() && t.signed(i, i) != No }

func (t *study) role(i int) Role {
	switch {
	case i == 0:
		return Leaf
	case t.duplicate(i):
		return Superfluous
	case t.root(i):
		return Root
	case slices.Contains(t.path, i):
		return Intermediate
	}
	return Superfluous
}

func (t *study) describeOrder(c *Chain) {
	c.Order = NoOrder
	if len(t.path) > 0 {
		c.Order = t.order()
	}
	for i := range t.certs {
		switch {
		case t.duplicate(i):
			c.Duplicates = append(c.Duplicates, i)
		case !slices.Contains(t.path, i) && i > 0:
			c.Extra = append(c.Extra, i)
		}
		c.RootIncluded = c.RootIncluded || i > 0 && t.root(i)
	}
}

func (t *study) order() Order {
	inOrder, rising := len(t.path) == len(t.certs), slices.IsSorted(t.path)
	for i := 1; i < len(t.certs); i++ {
		// The certificate of the server does not come first.
		if !slices.Contains(t.path, i) && t.issued(i, 0) {
			return OutOfOrder
		}
	}
	switch {
	case !rising:
		return OutOfOrder
	case inOrder:
		return InOrder
	}
	return WithExtra
}

// steps describes the verified path, or what is known of it.
func (t *study) steps() []Step {
	path := t.trust.path
	if path == nil {
		for _, i := range t.path {
			path = append(path, t.certs[i])
		}
	}
	var steps []Step
	for _, c := range path {
		at := slices.IndexFunc(t.certs, func(x *certificate) bool { return x.sha256 == c.sha256 })
		steps = append(steps, Step{Sent: at, SHA256: hex.EncodeToString(c.sha256[:]), Subject: c.subjectName.text})
	}
	return steps
}
