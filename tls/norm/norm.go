// Package norm judges what a TLS server offers by technical norms that are
// kept as data: guidelines of the BSI and of other authorities, RFCs, and
// configuration profiles.
//
// A norm is one JSON file: a head, the sources that were read, and rows. Each
// row names mechanisms by code point or by a pattern over their IANA names,
// the protocol versions it speaks of, what the norm says about them, until
// when, where that is written, who says so and how certain that is. The first
// row that fits decides, so a file goes from the particular to the general. A
// norm may follow another one (the Mindeststandard follows TR-02102-2): what
// it does not mention itself is then judged by the norm that it follows.
//
// # Vocabulary
//
// Norms use different words, and a word of one must not be passed off as a
// word of another. A row keeps what its document says (Says); from it and the
// day follows one of ten classes that serve all norms:
//
//	Says                              Class
//	required                          Required
//	recommended, good,                Listed
//	  sufficient, allowed
//	any of these with a year          also Expiring (last year) and Expired
//	announced                         Announced
//	phase_out, legacy                 PhaseOut
//	not_recommended (SHOULD NOT)      NotRecommended
//	insufficient, below_minimum       Insufficient
//	forbidden (MUST NOT, shall not)   Forbidden
//	not_listed, or no row fits        NotListed
//
// NotListed is silence. It is no statement about security: BSI TR-02102-2
// says in section 1 that "mechanisms which are not listed are not necessarily
// considered by the BSI to be insecure". A norm whose list is exhaustive has a
// last row with the pattern "*" that says so; silence is never turned into a
// verdict by the engine.
//
// A year means the end of that year; "+" that the period may be extended by a
// later edition. The day is always an argument, never the clock.
package norm

import (
	"fmt"
	"strconv"
	"strings"

	"vksprobe/probe"
)

// A Kind says what sort of thing a row speaks of, and so what the fields of a
// Mechanism mean.
type Kind string

// The kinds. A name in quotes is the Name of the mechanism.
const (
	Version              Kind = "version"               // Code is the version on the wire
	CipherSuite          Kind = "cipher_suite"          // IANA TLS Cipher Suites
	Group                Kind = "group"                 // IANA TLS Supported Groups
	SignatureScheme      Kind = "signature_scheme"      // IANA TLS SignatureScheme, used in the handshake; in TLS 1.2 hash and signature byte
	CertificateSignature Kind = "certificate_signature" // the same numbers, used in a certificate: sha256WithRSAEncryption is 0x0401
	Key                  Kind = "key"                   // "RSA", "ECDSA", "EdDSA", "DSA", "DH", "ECDH" with Bits and Use
	PSKMode              Kind = "psk_mode"              // IANA PskKeyExchangeMode
	Feature              Kind = "feature"               // a property of the server by name, see Features
	Certificate          Kind = "certificate"           // a property of the server's certificate by name, see CertificateProperties
)

// A Use says what a key is for.
type Use string

// The uses of a key.
const (
	ForCertificate Use = "certificate"  // the key in a certificate, so also the key that signs with it
	ForExchange    Use = "key_exchange" // an ephemeral or static (EC)DH key
)

// A Mechanism is one thing that a server offers.
type Mechanism struct {
	Kind    Kind   `json:"kind"`
	Code    uint16 `json:"code,omitempty"`
	Name    string `json:"name"`              // by the IANA registry; patterns match on it
	Version uint16 `json:"version,omitempty"` // the protocol version it was seen in; 0 if it is not bound to one
	Bits    int    `json:"bits,omitempty"`    // length of a key in bits; days for "lifetime_days", hours for "session_lifetime_hours"
	Use     Use    `json:"use,omitempty"`     // of a key
	Absent  bool   `json:"absent,omitempty"`  // measured, and not there: a feature or property that a norm may demand
}

// Says is a norm's own word about a mechanism.
type Says string

// The words; the package comment maps them to classes.
const (
	SaysRequired       Says = "required"
	SaysRecommended    Says = "recommended"
	SaysGood           Says = "good"
	SaysSufficient     Says = "sufficient"
	SaysAllowed        Says = "allowed"
	SaysAnnounced      Says = "announced"
	SaysPhaseOut       Says = "phase_out"
	SaysLegacy         Says = "legacy"
	SaysNotRecommended Says = "not_recommended"
	SaysInsufficient   Says = "insufficient"
	SaysBelowMinimum   Says = "below_minimum"
	SaysForbidden      Says = "forbidden"
	SaysNotListed      Says = "not_listed" // a row whose only purpose is to explain the silence
)

// Unverified stands in a row for a section whose number is not known.
const Unverified = "-"

// A Certainty says how sure a row is, given its sources.
type Certainty string

// The certainties.
const (
	High   Certainty = "high"   // the document itself was read, or independent sources agree
	Medium Certainty = "medium" // one careful secondary source, or a consequence of other rows
	Low    Certainty = "low"    // unconfirmed; do not decide by it alone
)

// A Quality says how close a source is to the norm.
type Quality string

// The qualities.
const (
	Primary   Quality = "primary"   // the document itself, or data published by its author
	Secondary Quality = "secondary" // somebody else's account of it
)

// A Source is where a row was read.
type Source struct {
	Quality Quality `json:"quality"`
	Text    string  `json:"text"`
}

// A Condition restricts a row. The engine returns it and does not apply it:
// whether it holds is known to the caller.
type Condition struct {
	ID         string `json:"id"` // such as "encrypt_then_mac"
	probe.Text        // part of a sentence that begins with "only" or "if"
}

// Until is the last year of a statement; the zero value is no year.
type Until struct {
	Year int
	Plus bool // the period may be extended
}

// String is "2031", "2032+" or "".
func (u Until) String() string {
	switch {
	case u.Year == 0:
		return ""
	case u.Plus:
		return strconv.Itoa(u.Year) + "+"
	}
	return strconv.Itoa(u.Year)
}

// MarshalText writes the form of String.
func (u Until) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads "2031", "2032+" and "".
func (u *Until) UnmarshalText(text []byte) error {
	s := string(text)
	*u = Until{}
	if s == "" {
		return nil
	}
	year, plus := strings.CutSuffix(s, "+")
	n, err := strconv.ParseUint(year, 10, 16)
	if err != nil || n < 2000 || n > 2100 {
		return fmt.Errorf("%q is not a year like 2031 or 2032+", s)
	}
	*u = Until{Year: int(n), Plus: plus}
	return nil
}

// A Row is one statement of a norm. It speaks of the mechanism with the code
// if there is one, else of the names that match, else of the name itself.
type Row struct {
	ID         string    `json:"id"`
	Kind       Kind      `json:"kind"`
	Code       *Code     `json:"code,omitempty"`
	Name       string    `json:"name,omitempty"`       // IANA name of the code, or the name of what has no code
	Match      []string  `json:"match,omitempty"`      // patterns over names, "*" stands for anything
	Except     []string  `json:"except,omitempty"`     // patterns that are left out of Match
	Versions   []string  `json:"versions,omitempty"`   // protocol versions by name; none means all
	Use        Use       `json:"use,omitempty"`        // of a key; none means every use
	Min        int       `json:"min,omitempty"`        // least Bits of the mechanism
	Max        int       `json:"max,omitempty"`        // greatest Bits; 0 is no bound
	Says       Says      `json:"says"`                 // the document's word
	Until      Until     `json:"until,omitzero"`       // last year of a favourable word
	Conditions []string  `json:"conditions,omitempty"` // keys of the file's conditions
	OneOf      string    `json:"one_of,omitempty"`     // required rows with the same word are alternatives
	Section    string    `json:"section"`              // "3.3.1.1", "App. B", or Unverified
	Table      string    `json:"table,omitempty"`      // "3"
	Sources    []string  `json:"sources"`              // keys of the file's sources
	Certainty  Certainty `json:"certainty"`            // of the whole row, the year included
	Text       string    `json:"text,omitempty"`       // key of an explanation of the file, used instead of a generic sentence
	Note       string    `json:"note,omitempty"`       // for readers of the data
}

// A Code is a code point; the data writes it as "0xC02B".
type Code uint16

// UnmarshalText reads "0xC02B".
func (c *Code) UnmarshalText(text []byte) error {
	digits, hex := strings.CutPrefix(string(text), "0x")
	n, err := strconv.ParseUint(digits, 16, 16)
	if err != nil || !hex || len(digits) != 4 {
		return fmt.Errorf("%q is not a code point like 0xC02B", text)
	}
	*c = Code(n)
	return nil
}

// MarshalText writes "0xC02B".
func (c Code) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "0x%04X", uint16(c)), nil }

// A Norm is one edition of a document, ready for judging. It must not be
// altered.
type Norm struct {
	ID        string     // of the document, "bsi-tr-02102-2"; for a profile with its name, "mozilla-modern"
	Document  string     // as it is cited, "BSI TR-02102-2"
	Edition   string     // "2026-01"
	Published string     // "2026-01-27", "" if unknown
	Title     probe.Text //
	URL       string     //
	Quality   Quality    // primary if the rows were read in the document itself
	Draft     bool       // not in force
	Note      probe.Text // what a reader has to know about the data
	Follows   *Norm      // judges what has no row here; nil if there is none
	DTLS      bool       // the document speaks of DTLS; otherwise DTLS is judged by analogy
	Lists     []Kind     // kinds of which the norm means to give a list, so that its silence can be set beside another norm's words
	Rows      []Row      //

	sources    map[string]Source
	conditions map[string]probe.Text
	texts      map[string]probe.Text
}

// Key names the norm among all: "bsi-tr-02102-2/2026-01".
func (n *Norm) Key() string { return n.ID + "/" + n.Edition }
