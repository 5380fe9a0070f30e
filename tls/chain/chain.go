// Package chain turns the certificates that a server sent into facts and
// lints: what each of them says, how they hang together, whether a path leads
// to a root of trust, what stapled OCSP responses and signed certificate
// timestamps prove, and what DNS records say about them.
//
// Nothing here opens a socket. What has to be fetched (OCSP, CRL) goes through
// a function of the caller, and the day is always an argument, so that the same
// bytes give the same facts years later.
//
// # Reading
//
// crypto/x509 refuses much of what servers send: brainpool curves, explicit
// curve parameters, negative serial numbers. A certificate that the standard
// library cannot read must still be described, so certificates are read here,
// leniently and field by field, and what came before a broken field is kept.
// The standard library then decides about trust, where it can.
//
// # States
//
// Every answer is yes, no or unknown. Unknown means that it could not be
// decided with what was sent and given, and never stands for no.
package chain

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"time"
)

// State is an answer that may be missing.
type State string

// The states.
const (
	Yes     State = "yes"
	No      State = "no"
	Unknown State = "unknown" // could not be decided
)

func state(b bool) State {
	if b {
		return Yes
	}
	return No
}

// Bounds on what is read of one chain. A server can send 16 MiB in one
// Certificate message; what is beyond these bounds is counted or hashed and
// not looked at.
const (
	maxCertificates = 100       // read of one chain
	maxDER          = 128 << 10 // bytes of a certificate that is read
	maxStaples      = 100       // OCSP responses and SCT lists
	maxStaple       = 64 << 10  // bytes of each
	maxNames        = 100       // listed of one certificate
	maxText         = 256       // bytes of a string that is shown
	maxList         = 20        // URLs, policies and the like
	maxVerify       = 100       // signatures verified per chain
	maxRSA          = 16384     // bits of an RSA key that a signature is checked with
)

// Sent is what a server sent in one handshake.
type Sent struct {
	DER     [][]byte // certificates as sent, the server's own first
	Stapled [][]byte // OCSP responses: CertificateStatus of TLS 1.2, status_request of each certificate in TLS 1.3
	SCTs    [][]byte // SignedCertificateTimestampLists of the TLS extension (RFC 6962 section 3.3)
	Name    string   // host name (A-labels) or address that was wanted; "" if none was
}

// Options are what a chain is held against.
type Options struct {
	Date   time.Time      // of the judgement; if it is zero, nothing that depends on it is decided
	Roots  *x509.CertPool // nil: the roots of the system
	Public bool           // Roots holds publicly trusted authorities, as those of the system do
	Logs   Logs           // known CT logs; may be empty
}

// Chain is what is known of a chain of certificates. Indices count the
// certificates as sent, from 0.
type Chain struct {
	ID           string        `json:"id"`                     // SHA-256 over the SHA-256 of each certificate in order: names the chain wherever it is met
	Asked        string        `json:"asked_name,omitempty"`   // the name that the certificate is held against
	Date         time.Time     `json:"date,omitzero"`          // of the judgement
	Certificates []Certificate `json:"certificates"`           // as sent, the server's own first
	Dropped      int           `json:"dropped,omitempty"`      // certificates beyond the first hundred
	Order        Order         `json:"order"`                  // see Order
	Duplicates   []int         `json:"duplicates,omitempty"`   // certificates that were sent before
	Extra        []int         `json:"extra,omitempty"`        // certificates on no way from the first one up
	RootIncluded bool          `json:"root_included"`          // a self-signed authority was sent along
	Incomplete   State         `json:"missing_intermediate"`   // unknown if the end may be signed by a private root that is not known here
	Path         []Step        `json:"path,omitempty"`         // from the first certificate up, to the root if trusted
	Trusted      State         `json:"trusted"`                // a path leads to a root; its dates and the name are another matter
	TrustReason  Reason        `json:"trust_reason,omitempty"` // why not trusted or why unknown
	TrustDetail  string        `json:"trust_detail,omitempty"` // the same in words of the verifier
	Public       State         `json:"publicly_trusted"`       // the root is one of those that browsers know
	NameMatches  State         `json:"name_matches"`           // by subjectAltName alone (RFC 9525)
	TimeValid    State         `json:"time_valid"`             // every certificate of the path is valid at the date
	Staple       State         `json:"stapled"`                // an OCSP response was sent for the first certificate
	Revocation   []Revocation  `json:"revocation,omitempty"`   // from stapled responses; see Query for the others
	SCTs         []SCT         `json:"scts,omitempty"`
	Findings     []Finding     `json:"lints,omitempty"`
}

// Order says how the certificates were sent.
type Order string

// The orders.
const (
	InOrder    Order = "in_order"     // each certifies the one before it
	WithExtra  Order = "extra"        // in order but for certificates that do not belong there
	OutOfOrder Order = "out_of_order" // all there, but not each after the one that it certifies
	NoOrder    Order = "none"         // nothing was sent that can be read
)

// A Step is a certificate on the path from the server's own up.
type Step struct {
	Sent    int    `json:"sent"` // index; -1 if it is from the store of roots
	SHA256  string `json:"sha256"`
	Subject string `json:"subject"`
}

// Read describes and judges what a server sent. It never fails: what cannot be
// read is said so in the certificate's Error.
func Read(s Sent, o Options) Chain { return newStudy(s, o).chain() }

// study is a chain while it is looked at.
type study struct {
	Options
	name   string
	certs  []*certificate
	path   []int // indices, by names and signatures
	budget int   // signatures that may still be verified
	known  map[link]State
	trust  trust
	sent   Sent
}

// link is the question whether a certificate signed another one.
type link struct {
	child  int
	issuer *certificate
}

func newStudy(s Sent, o Options) *study {
	t := &study{Options: o, name: s.Name, sent: s, budget: maxVerify, known: map[link]State{}}
	for i, der := range s.DER {
		if i == maxCertificates {
			break
		}
		t.certs = append(t.certs, parse(der))
	}
	t.path = t.walk()
	t.trust = t.verify()
	return t
}

func (t *study) chain() Chain {
	c := Chain{Asked: clip(t.name), Date: t.Date, Certificates: make([]Certificate, 0, len(t.certs)), Dropped: len(t.sent.DER) - len(t.certs)}
	id := sha256.New()
	for _, der := range t.sent.DER {
		sum := sha256.Sum256(der)
		id.Write(sum[:])
	}
	c.ID = hex.EncodeToString(id.Sum(nil))
	for i, x := range t.certs {
		c.Certificates = append(c.Certificates, t.facts(i, x))
	}
	t.describeOrder(&c)
	t.describeTrust(&c)
	t.describeStaples(&c)
	t.describeTimestamps(&c)
	c.Findings = t.lint(&c)
	return c
}

// leaf is the server's own certificate, or nil if none was sent.
func (t *study) leaf() *certificate {
	if len(t.certs) == 0 {
		return nil
	}
	return t.certs[0]
}

// issuerOf returns the certificate that signed the one at the index: a sent
// one, or the root on the verified path. It is nil if that is not at hand.
func (t *study) issuerOf(i int) *certificate {
	for n, at := range t.path {
		if at == i && n+1 < len(t.path) {
			return t.certs[t.path[n+1]]
		}
	}
	for n, x := range t.trust.path {
		if x.sha256 == t.certs[i].sha256 && n+1 < len(t.trust.path) {
			return t.trust.path[n+1]
		}
	}
	if t.certs[i].selfIssued() && t.signed(i, i) == Yes {
		return t.certs[i]
	}
	return nil
}
