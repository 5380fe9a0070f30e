package chain

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

// SCT is a signed certificate timestamp (RFC 6962 section 3.2) for the
// server's own certificate.
type SCT struct {
	Source    SCTSource `json:"source"`
	LogID     string    `json:"log_id"`             // hex
	Log       string    `json:"log,omitempty"`      // name, if the log is known
	Operator  string    `json:"operator,omitempty"` // of the log
	LogState  string    `json:"log_state,omitempty"`
	Timestamp time.Time `json:"timestamp,omitzero"`
	State     SCTState  `json:"state"`
	Reason    string    `json:"reason,omitempty"` // why invalid or unknown
}

// SCTSource says how a timestamp came.
type SCTSource string

// The sources.
const (
	Embedded SCTSource = "embedded" // in the certificate
	InTLS    SCTSource = "tls"      // in the extension of the handshake
	InOCSP   SCTSource = "ocsp"     // in a stapled response
)

// SCTState is the result of checking a timestamp.
type SCTState string

// The states.
const (
	Verified     SCTState = "verified"
	UnknownLog   SCTState = "unknown_log" // not among the logs that were given
	Invalid      SCTState = "invalid"     // signature, version or time are wrong
	Undetermined SCTState = "unknown"     // could not be checked; Reason says why
)

// Log is a CT log.
type Log struct {
	Name     string
	Operator string
	State    string    // "usable", "qualified", "readonly", "retired", …; "" if the list does not say
	Since    time.Time // of the state
	key      key
}

// Logs are CT logs by their id, the SHA-256 of the key.
type Logs map[[sha256.Size]byte]Log

// Add takes in a log with its key as SubjectPublicKeyInfo.
func (l Logs) Add(spki []byte, log Log) error {
	k, err := readKey(spki)
	if err != nil {
		return fmt.Errorf("key of log %q: %w", log.Name, err)
	}
	if k.public == nil {
		return fmt.Errorf("key of log %q: signatures of %s cannot be checked", log.Name, k.name)
	}
	log.key = k
	l[sha256.Sum256(spki)] = log
	return nil
}

// ParseLogs reads a list in the format that Chrome and Apple publish, version
// 3 (https://www.gstatic.com/ct/log_list/v3/log_list.json). A log whose id is
// not the hash of its key is an error.
func ParseLogs(data []byte) (Logs, error) {
	type entry struct {
		Description string                                `json:"description"`
		ID          []byte                                `json:"log_id"`
		Key         []byte                                `json:"key"`
		State       map[string]struct{ Timestamp string } `json:"state"`
	}
	var list struct {
		Operators []struct {
			Name  string  `json:"name"`
			Logs  []entry `json:"logs"`
			Tiled []entry `json:"tiled_logs"`
		} `json:"operators"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("list of logs: %w", err)
	}
	logs := Logs{}
	for _, o := range list.Operators {
		for _, e := range slices.Concat(o.Logs, o.Tiled) {
			log := Log{Name: e.Description, Operator: o.Name}
			for state, since := range e.State {
				log.State = state
				log.Since, _ = time.Parse(time.RFC3339, since.Timestamp)
			}
			if sum := sha256.Sum256(e.Key); len(e.ID) > 0 && string(sum[:]) != string(e.ID) {
				return nil, fmt.Errorf("list of logs: %q: id %s is not that of the key", e.Description, base64.StdEncoding.EncodeToString(e.ID))
			}
			if err := logs.Add(e.Key, log); err != nil {
				return nil, fmt.Errorf("list of logs: %w", err)
			}
		}
	}
	if len(logs) == 0 {
		return nil, errors.New("list of logs: it has none")
	}
	return logs, nil
}

// timestamp is an SCT taken apart.
type timestamp struct {
	version    uint8
	log        [sha256.Size]byte
	millis     uint64
	extensions []byte
	hash, sig  uint8
	signature  []byte
}

// splitSCTs takes a SignedCertificateTimestampList apart, as far as it can be
// read.
func splitSCTs(list []byte) (all [][]byte) {
	in := cryptobyte.String(list)
	var items cryptobyte.String
	if !in.ReadUint16LengthPrefixed(&items) {
		return nil
	}
	for !items.Empty() && len(all) < maxSCTs {
		var one cryptobyte.String
		if !items.ReadUint16LengthPrefixed(&one) {
			return all
		}
		all = append(all, one)
	}
	return all
}

// maxSCTs bounds the timestamps of one list, and of a chain.
const maxSCTs = 50

func readSCT(raw []byte) (timestamp, bool) {
	var s timestamp
	in := cryptobyte.String(raw)
	var log []byte
	if !in.ReadUint8(&s.version) || !in.ReadBytes(&log, len(s.log)) || !in.ReadUint64(&s.millis) ||
		!in.ReadUint16LengthPrefixed((*cryptobyte.String)(&s.extensions)) || !in.ReadUint8(&s.hash) || !in.ReadUint8(&s.sig) ||
		!in.ReadUint16LengthPrefixed((*cryptobyte.String)(&s.signature)) || !in.Empty() {
		return s, false
	}
	copy(s.log[:], log)
	return s, true
}

func (t *study) describeTimestamps(c *Chain) {
	leaf := t.leaf()
	if leaf == nil {
		return
	}
	lists := 0
	add := func(source SCTSource, list []byte) {
		if lists++; lists > maxStaples {
			return
		}
		for _, raw := range splitSCTs(list) {
			if len(c.SCTs) < maxSCTs {
				c.SCTs = append(c.SCTs, t.timestamp(source, raw))
			}
		}
	}
	if leaf.scts != nil {
		add(Embedded, leaf.scts)
	}
	for _, list := range t.sent.SCTs {
		add(InTLS, list)
	}
	for _, raw := range t.sent.Stapled {
		if len(raw) > maxStaple || lists > maxStaples {
			continue
		}
		if b, err := readBasic(raw); err == nil && b.about(leaf, t.issuerOf(0)) {
			for _, list := range ocspSCTs(raw, leaf) {
				add(InOCSP, list)
			}
		}
	}
}

// ocspSCTs finds the lists in a response (RFC 6962 section 3.3).
func ocspSCTs(raw []byte, leaf *certificate) (lists [][]byte) {
	response, err := ocsp.ParseResponseForCert(raw, bySerial(leaf), nil)
	if err != nil {
		return nil
	}
	for _, e := range response.Extensions {
		in := cryptobyte.String(e.Value)
		var list cryptobyte.String
		if e.Id.String() == "1.3.6.1.4.1.11129.2.4.5" && in.ReadASN1(&list, asn1.OCTET_STRING) {
			lists = append(lists, list)
		}
	}
	return lists
}

func (t *study) timestamp(source SCTSource, raw []byte) SCT {
	s, ok := readSCT(raw)
	if !ok {
		return SCT{Source: source, State: Invalid, Reason: "cannot be read"}
	}
	out := SCT{Source: source, LogID: hex.EncodeToString(s.log[:]), State: UnknownLog}
	if s.version != 0 {
		out.State, out.Reason = Invalid, "not version 1"
		return out
	}
	const latest = 253402300799999 // the last millisecond of year 9999, beyond which time has no JSON
	if s.millis > latest {
		out.State, out.Reason = Invalid, "the time is out of range"
		return out
	}
	out.Timestamp = time.UnixMilli(int64(s.millis)).UTC()
	log, ok := t.Logs[s.log]
	if !ok {
		return out
	}
	out.Log, out.Operator, out.LogState = log.Name, log.Operator, log.State
	if !t.Date.IsZero() && out.Timestamp.After(t.Date) {
		out.State, out.Reason = Invalid, "from the future"
		return out
	}
	message, why := t.logged(source, s)
	if why != "" {
		out.State, out.Reason = Undetermined, why
		return out
	}
	out.State = Invalid
	const sha256Hash = 4 // HashAlgorithm of TLS 1.2; RFC 6962 section 2.1.4 allows no other
	algorithm := map[uint8]signature{1: {name: "sha256WithRSAEncryption", family: "RSA", hash: crypto.SHA256}, 3: {name: "ecdsa-with-SHA256", family: "ECDSA", hash: crypto.SHA256}}[s.sig]
	if s.hash != sha256Hash || algorithm.family != log.key.family {
		out.Reason = "signed with an algorithm that is not the log's"
		return out
	}
	switch algorithm.verify(log.key, message, s.signature) {
	case Yes:
		out.State = Verified
	case Unknown:
		out.State, out.Reason = Undetermined, "the log's key cannot be used"
	default:
		out.Reason = "the signature is not the log's"
	}
	return out
}

// logged builds what the log signed (RFC 6962 section 3.2): the certificate, or
// for embedded timestamps what its precertificate said.
func (t *study) logged(source SCTSource, s timestamp) ([]byte, string) {
	leaf := t.leaf()
	var b cryptobyte.Builder
	b.AddUint8(0) // v1
	b.AddUint8(0) // certificate_timestamp
	b.AddUint64(s.millis)
	if source == Embedded {
		issuer := t.issuerOf(0)
		if issuer == nil || issuer.spki == nil {
			return nil, "the issuer's certificate is not at hand"
		}
		tbs, ok := precertificate(leaf.tbs)
		if !ok {
			return nil, "the certificate cannot be read"
		}
		key := sha256.Sum256(issuer.spki)
		b.AddUint16(1)
		b.AddBytes(key[:])
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(tbs) })
	} else {
		b.AddUint16(0)
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(leaf.der) })
	}
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(s.extensions) })
	message, err := b.Bytes()
	if err != nil {
		return nil, "the certificate is too large"
	}
	return message, ""
}

// precertificate takes the list of timestamps out of a TBSCertificate. What is
// left is byte for byte what the log saw: of the precertificate without its
// poison.
func precertificate(tbs []byte) ([]byte, bool) {
	in := cryptobyte.String(tbs)
	var fields cryptobyte.String
	if !in.ReadASN1(&fields, asn1.SEQUENCE) || !in.Empty() {
		return nil, false
	}
	var out []byte
	for !fields.Empty() {
		var element cryptobyte.String
		var tag asn1.Tag
		if !fields.ReadAnyASN1Element(&element, &tag) {
			return nil, false
		}
		extensions := asn1.Tag(3).Constructed().ContextSpecific()
		if tag != extensions {
			out = append(out, element...)
			continue
		}
		kept, ok := withoutSCTs(element)
		if !ok {
			return nil, false
		}
		if len(kept) == 0 {
			continue // an empty list may not be written (RFC 5280 section 4.1)
		}
		var b cryptobyte.Builder
		b.AddASN1(extensions, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(kept) })
		})
		wrapped, err := b.Bytes()
		if err != nil {
			return nil, false
		}
		out = append(out, wrapped...)
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(out) })
	whole, err := b.Bytes()
	return whole, err == nil
}

func withoutSCTs(element cryptobyte.String) (kept []byte, ok bool) {
	var wrapped, list cryptobyte.String
	if !element.ReadASN1(&wrapped, asn1.Tag(3).Constructed().ContextSpecific()) || !wrapped.ReadASN1(&list, asn1.SEQUENCE) || !wrapped.Empty() {
		return nil, false
	}
	for !list.Empty() {
		var one, inner, id cryptobyte.String
		if !list.ReadASN1Element(&one, asn1.SEQUENCE) {
			return nil, false
		}
		inner = one
		var fields cryptobyte.String
		if !inner.ReadASN1(&fields, asn1.SEQUENCE) || !fields.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) {
			return nil, false
		}
		if oid(id) != oidSCTs {
			kept = append(kept, one...)
		}
	}
	return kept, true
}
