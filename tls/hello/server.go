package hello

import (
	"bytes"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// A ServerHello is the server's choice; also a HelloRetryRequest, which has
// the same form (RFC 8446 section 4.1.4).
type ServerHello struct {
	LegacyVersion uint16
	Random        []byte
	SessionID     []byte
	CipherSuite   uint16
	Compression   byte
	Extensions    []Extension
	Retry         bool
}

// retryRandom marks a HelloRetryRequest: SHA-256 of that word.
var retryRandom = []byte{
	0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
	0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
}

// ParseServerHello parses the body of a ServerHello.
func ParseServerHello(body []byte) (*ServerHello, error) {
	s := cryptobyte.String(body)
	h := &ServerHello{}
	var session cryptobyte.String
	if !s.ReadUint16(&h.LegacyVersion) || !s.ReadBytes(&h.Random, 32) || !s.ReadUint8LengthPrefixed(&session) ||
		!s.ReadUint16(&h.CipherSuite) || !s.ReadUint8(&h.Compression) {
		return nil, errMalformed
	}
	h.SessionID = session
	h.Retry = bytes.Equal(h.Random, retryRandom)
	var ok bool
	if h.Extensions, ok = readExtensions(&s); !ok {
		return h, errMalformed
	}
	return h, nil
}

// Extension returns the data of an extension.
func (h *ServerHello) Extension(typ uint16) ([]byte, bool) { return find(h.Extensions, typ) }

// Version is the version that the server chose.
func (h *ServerHello) Version() uint16 {
	if data, ok := h.Extension(ExtSupportedVersions); ok && len(data) == 2 {
		return uint16(data[0])<<8 | uint16(data[1])
	}
	return h.LegacyVersion
}

// KeyShare returns the group that the server chose or, in a retry, wants, and
// its share; ok is false if it named none.
func (h *ServerHello) KeyShare() (group uint16, public []byte, ok bool) {
	data, ok := h.Extension(ExtKeyShare)
	s := cryptobyte.String(data)
	if !ok || !s.ReadUint16(&group) {
		return 0, nil, false
	}
	var share cryptobyte.String
	if !h.Retry && !s.ReadUint16LengthPrefixed(&share) {
		return 0, nil, false
	}
	return group, share, true
}

// Cookie returns the cookie of a HelloRetryRequest.
func (h *ServerHello) Cookie() []byte {
	data, _ := h.Extension(ExtCookie)
	s := cryptobyte.String(data)
	var cookie cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&cookie) {
		return nil
	}
	return cookie
}

// protocol returns the application protocol that an extension block names.
func protocol(all []Extension) string {
	data, _ := find(all, ExtALPN)
	s := cryptobyte.String(data)
	var list, name cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) || !list.ReadUint8LengthPrefixed(&name) {
		return ""
	}
	return string(name)
}

// Downgrade is the sentinel at the end of a server's random bytes (RFC 8446
// section 4.1.3), which says that it knows a later version than it chose.
func (h *ServerHello) Downgrade() (latest uint16, ok bool) {
	tail := h.Random[24:]
	switch {
	case bytes.Equal(tail, []byte("DOWNGRD\x01")):
		return TLS13, true
	case bytes.Equal(tail, []byte("DOWNGRD\x00")):
		return TLS12, true
	}
	return 0, false
}

// An Entry is a certificate with what came with it.
type Entry struct {
	DER  []byte
	OCSP []byte // a stapled response of TLS 1.3
	SCTs []byte // the list of the signed_certificate_timestamp extension of TLS 1.3
}

// maxCertificates bounds what is kept of one chain.
const maxCertificates = 100

// ParseCertificate parses the body of a Certificate message and keeps the
// first hundred of a longer chain.
func ParseCertificate(body []byte, version uint16) ([]Entry, error) {
	s := cryptobyte.String(body)
	var list cryptobyte.String
	if version == TLS13 || version == DTLS13 {
		var context cryptobyte.String
		if !s.ReadUint8LengthPrefixed(&context) {
			return nil, errMalformed
		}
	}
	if !s.ReadUint24LengthPrefixed(&list) {
		return nil, errMalformed
	}
	var all []Entry
	for !list.Empty() {
		var e Entry
		var der cryptobyte.String
		if !list.ReadUint24LengthPrefixed(&der) {
			return all, errMalformed
		}
		e.DER = der
		if version == TLS13 || version == DTLS13 {
			extensions, ok := readExtensions(&list)
			if !ok {
				return all, errMalformed
			}
			if status, ok := find(extensions, ExtStatusRequest); ok {
				e.OCSP, _ = ParseCertificateStatus(status)
			}
			e.SCTs, _ = find(extensions, ExtSCT)
		}
		if len(all) < maxCertificates {
			all = append(all, e)
		}
	}
	return all, nil
}

// ParseCertificateStatus returns the OCSP response of a CertificateStatus
// (RFC 6066 section 8).
func ParseCertificateStatus(body []byte) ([]byte, error) {
	s := cryptobyte.String(body)
	var typ uint8
	var response cryptobyte.String
	if !s.ReadUint8(&typ) || typ != 1 || !s.ReadUint24LengthPrefixed(&response) {
		return nil, errMalformed
	}
	return response, nil
}

// A KeyExchange is what a ServerKeyExchange of TLS 1.2 and below carries.
type KeyExchange struct {
	Group           uint16 // of ECDHE with a named curve
	Explicit        bool   // ECDHE with a curve of the server's own
	Prime           []byte // of DHE, without leading zeros
	Generator       []byte
	Modulus         []byte // of an ephemeral RSA key (export)
	Public          []byte // the server's ephemeral public key
	SignatureScheme uint16 // TLS 1.2
	Signature       []byte
}

// The ways to exchange keys that have a ServerKeyExchange.
const (
	exchangeECDHE = "ECDHE"
	exchangeDHE   = "DHE"
	exchangeRSA   = "RSA" // export only
)

// parseKeyExchange parses the body of a ServerKeyExchange for a way to
// exchange keys; hint tells those of PSK, which begin with an identity hint,
// and signed those that end with a signature.
func parseKeyExchange(body []byte, version uint16, way string, hint, signed bool) (*KeyExchange, error) {
	s := cryptobyte.String(body)
	k := &KeyExchange{}
	var psk, a, b, c cryptobyte.String
	if hint && !s.ReadUint16LengthPrefixed(&psk) {
		return nil, errMalformed
	}
	switch way {
	case exchangeECDHE:
		var typ uint8
		if !s.ReadUint8(&typ) {
			return nil, errMalformed
		}
		if typ != 3 {
			k.Explicit = true // nobody does that; what follows depends on the field
			return k, nil
		}
		if !s.ReadUint16(&k.Group) || !s.ReadUint8LengthPrefixed(&a) {
			return nil, errMalformed
		}
		k.Public = a
	case exchangeDHE:
		if !s.ReadUint16LengthPrefixed(&a) || !s.ReadUint16LengthPrefixed(&b) || !s.ReadUint16LengthPrefixed(&c) {
			return nil, errMalformed
		}
		k.Prime, k.Generator, k.Public = bytes.TrimLeft(a, "\x00"), b, c
	case exchangeRSA:
		if !s.ReadUint16LengthPrefixed(&a) || !s.ReadUint16LengthPrefixed(&b) {
			return nil, errMalformed
		}
		k.Modulus, k.Public = bytes.TrimLeft(a, "\x00"), slices.Concat(a, b)
	default:
		return k, nil
	}
	if !signed {
		return k, nil
	}
	if (version == TLS12 || version == DTLS12) && !s.ReadUint16(&k.SignatureScheme) {
		return k, errMalformed
	}
	if !s.ReadUint16LengthPrefixed(&a) {
		return k, errMalformed
	}
	k.Signature = a
	return k, nil
}

// A CertificateRequest asks the client for a certificate.
type CertificateRequest struct {
	Types            []byte   // up to TLS 1.2
	SignatureSchemes []uint16 // from TLS 1.2
	Authorities      int      // how many names of authorities
}

// ParseCertificateRequest parses the body of a CertificateRequest.
func ParseCertificateRequest(body []byte, version uint16) (*CertificateRequest, error) {
	s := cryptobyte.String(body)
	r := &CertificateRequest{}
	var types, schemes, names cryptobyte.String
	if version == TLS13 || version == DTLS13 {
		if !s.ReadUint8LengthPrefixed(&types) {
			return nil, errMalformed
		}
		extensions, ok := readExtensions(&s)
		if !ok {
			return nil, errMalformed
		}
		if data, ok := find(extensions, ExtSignatureAlgorithms); ok {
			list := cryptobyte.String(data)
			if list.ReadUint16LengthPrefixed(&schemes) {
				r.SignatureSchemes = read16(schemes)
			}
		}
		return r, nil
	}
	if !s.ReadUint8LengthPrefixed(&types) {
		return nil, errMalformed
	}
	r.Types = types
	if version == TLS12 || version == DTLS12 {
		if !s.ReadUint16LengthPrefixed(&schemes) {
			return r, errMalformed
		}
		r.SignatureSchemes = read16(schemes)
	}
	if !s.ReadUint16LengthPrefixed(&names) {
		return r, errMalformed
	}
	for !names.Empty() {
		var name cryptobyte.String
		if !names.ReadUint16LengthPrefixed(&name) {
			return r, errMalformed
		}
		r.Authorities++
	}
	return r, nil
}

// A Ticket lets a client resume a session.
type Ticket struct {
	Lifetime     uint32 // seconds
	AgeAdd       uint32 // TLS 1.3
	Nonce        []byte // TLS 1.3
	Ticket       []byte
	MaxEarlyData uint32 // TLS 1.3: bytes of 0-RTT data that the server will take
}

// ParseTicket parses the body of a NewSessionTicket.
func ParseTicket(body []byte, version uint16) (*Ticket, error) {
	s := cryptobyte.String(body)
	t := &Ticket{}
	var nonce, ticket cryptobyte.String
	if !s.ReadUint32(&t.Lifetime) {
		return nil, errMalformed
	}
	if version != TLS13 {
		if !s.ReadUint16LengthPrefixed(&ticket) {
			return nil, errMalformed
		}
		t.Ticket = ticket
		return t, nil
	}
	if !s.ReadUint32(&t.AgeAdd) || !s.ReadUint8LengthPrefixed(&nonce) || !s.ReadUint16LengthPrefixed(&ticket) {
		return nil, errMalformed
	}
	t.Nonce, t.Ticket = nonce, ticket
	extensions, ok := readExtensions(&s)
	if data, has := find(extensions, ExtEarlyData); has {
		early := cryptobyte.String(data)
		ok = ok && early.ReadUint32(&t.MaxEarlyData)
	}
	if !ok {
		return t, errMalformed
	}
	return t, nil
}

// An Alert is an alert of the server.
type Alert struct {
	Fatal       bool
	Description byte
}
