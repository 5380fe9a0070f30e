package wire

import (
	"bytes"

	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"golang.org/x/crypto/cryptobyte"
)

// Versions of DTLS, which count downwards.
const (
	DTLS10 uint16 = 0xFEFF
	DTLS12 uint16 = 0xFEFD
	DTLS13 uint16 = 0xFEFC
)

// Extensions of hello messages, as IANA numbers them.
const (
	extGroups         = uint16(extension.SupportedEllipticCurvesTypeValue)
	extSignatures     = uint16(extension.SupportedSignatureAlgorithmsTypeValue)
	extUseSRTP        = uint16(extension.UseSRTPTypeValue)
	extExtendedMaster = uint16(extension.UseExtendedMasterSecretTypeValue)
	extVersions       = uint16(extension.SupportedVersionsTypeValue)
	extKeyShare       = uint16(extension.KeyShareTypeValue)
)

// A HelloExtension is one extension of a hello. Package dtls would leave out the
// numbers that it does not know, and those are what evidence is about.
type HelloExtension struct {
	Type uint16
	Data []byte
}

// maxHelloExtensions bounds the extensions of one message.
const maxHelloExtensions = 256

// A ClientHello is what a client offers, as it was on the wire.
type ClientHello struct {
	LegacyVersion uint16
	Random        []byte
	Cookie        []byte // of DTLS up to 1.2
	CipherSuites  []uint16
	Extensions    []HelloExtension
}

// Versions lists the versions that are offered, the favourite first.
func (c *ClientHello) Versions() []uint16 {
	s := cryptobyte.String(find(c.Extensions, extVersions))
	var list cryptobyte.String
	if s.ReadUint8LengthPrefixed(&list) {
		return list16(list)
	}
	return []uint16{c.LegacyVersion}
}

// Groups lists supported_groups, RFC 8422 and RFC 8446.
func (c *ClientHello) Groups() []uint16 { return c.list(extGroups) }

// SignatureSchemes lists signature_algorithms.
func (c *ClientHello) SignatureSchemes() []uint16 { return c.list(extSignatures) }

// SRTPProfiles lists what is offered for SRTP, RFC 5764; nil if SRTP is not.
func (c *ClientHello) SRTPProfiles() []uint16 { return c.list(extUseSRTP) }

// KeyShares lists the groups for which a key of DTLS 1.3 is included.
func (c *ClientHello) KeyShares() (groups []uint16) {
	s := cryptobyte.String(find(c.Extensions, extKeyShare))
	var shares cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&shares) {
		return nil
	}
	for !shares.Empty() {
		var group uint16
		var key cryptobyte.String
		if !shares.ReadUint16(&group) || !shares.ReadUint16LengthPrefixed(&key) {
			break
		}
		groups = append(groups, group)
	}
	return groups
}

func (c *ClientHello) list(typ uint16) []uint16 {
	s := cryptobyte.String(find(c.Extensions, typ))
	var list cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) {
		return nil
	}
	return list16(list)
}

// A ServerHello is what a server chose; also a HelloRetryRequest.
type ServerHello struct {
	LegacyVersion uint16
	Random        []byte
	CipherSuite   uint16
	Extensions    []HelloExtension
	Retry         bool
}

// Version is the version that the server chose.
func (s *ServerHello) Version() uint16 {
	if v, ok := uint16Of(find(s.Extensions, extVersions)); ok {
		return v
	}
	return s.LegacyVersion
}

// Group is the group of the server's key of DTLS 1.3, or the one that a retry
// asks for; 0 if there is none.
func (s *ServerHello) Group() uint16 {
	group, _ := uint16Of(find(s.Extensions, extKeyShare))
	return group
}

// find returns the data of an extension, nil if it is not there.
func find(all []HelloExtension, typ uint16) []byte {
	for _, e := range all {
		if e.Type == typ {
			return e.Data
		}
	}
	return nil
}

// has reports whether an extension is there.
func has(all []HelloExtension, typ uint16) bool {
	for _, e := range all {
		if e.Type == typ {
			return true
		}
	}
	return false
}

func list16(s cryptobyte.String) []uint16 {
	out := make([]uint16, 0, len(s)/2)
	for v := uint16(0); s.ReadUint16(&v); {
		out = append(out, v)
	}
	return out
}

// clientHello parses the body of a ClientHello. Ok is false if something is
// wrong; what was understood before that is returned, nil if it is too little.
func clientHello(body []byte) (c *ClientHello, ok bool) {
	s := cryptobyte.String(body)
	c = &ClientHello{}
	var session, cookie, suites, compression cryptobyte.String
	if !s.ReadUint16(&c.LegacyVersion) || !s.ReadBytes(&c.Random, 32) || !s.ReadUint8LengthPrefixed(&session) || !s.ReadUint8LengthPrefixed(&cookie) ||
		!s.ReadUint16LengthPrefixed(&suites) || len(suites)%2 != 0 || suites.Empty() || !s.ReadUint8LengthPrefixed(&compression) {
		return nil, false
	}
	c.Cookie, c.CipherSuites = cookie, list16(suites)
	c.Extensions, ok = extensions(&s)
	return c, ok
}

// serverHello parses the body of a ServerHello as clientHello does.
func serverHello(body []byte) (h *ServerHello, ok bool) {
	s := cryptobyte.String(body)
	h = &ServerHello{}
	var session cryptobyte.String
	if !s.ReadUint16(&h.LegacyVersion) || !s.ReadBytes(&h.Random, 32) || !s.ReadUint8LengthPrefixed(&session) ||
		!s.ReadUint16(&h.CipherSuite) || !s.Skip(1) {
		return nil, false
	}
	h.Retry = bytes.Equal(h.Random, retryRandom())
	h.Extensions, ok = extensions(&s)
	return h, ok
}

// retryRandom is the random of a HelloRetryRequest, SHA-256 of the word, RFC
// 8446 section 4.1.3.
func retryRandom() []byte {
	return []byte{0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
		0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C}
}

func extensions(s *cryptobyte.String) (all []HelloExtension, ok bool) {
	if s.Empty() {
		return nil, true
	}
	var list cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) {
		return nil, false
	}
	for !list.Empty() {
		var e HelloExtension
		var data cryptobyte.String
		if !list.ReadUint16(&e.Type) || !list.ReadUint16LengthPrefixed(&data) || len(all) == maxHelloExtensions {
			return all, false
		}
		e.Data = data
		all = append(all, e)
	}
	return all, true
}

// A CertificateRequest asks the client for a certificate. In WebRTC both sides
// have one.
type CertificateRequest struct {
	Types            []uint8
	SignatureSchemes []uint16 // DTLS 1.2
}

// certificates parses a Certificate message up to DTLS 1.2; that of 1.3 is
// encrypted.
func certificates(body []byte) (chain []Certificate, ok bool) {
	s := cryptobyte.String(body)
	var list cryptobyte.String
	if !s.ReadUint24LengthPrefixed(&list) {
		return nil, false
	}
	for !list.Empty() {
		var der cryptobyte.String
		if !list.ReadUint24LengthPrefixed(&der) {
			return chain, false
		}
		if len(chain) < maxChain {
			chain = append(chain, ParseCertificate(der))
		}
	}
	return chain, true
}

func certificateRequest(body []byte, version uint16) (*CertificateRequest, bool) {
	s := cryptobyte.String(body)
	var types, schemes cryptobyte.String
	ok := s.ReadUint8LengthPrefixed(&types) && (version != DTLS12 || s.ReadUint16LengthPrefixed(&schemes))
	return &CertificateRequest{Types: types, SignatureSchemes: list16(schemes)}, ok
}

// keyExchange reads a ServerKeyExchange as far as it is of interest. How it is
// built depends on the suite, which RFC 5246 leaves to its name.
func keyExchange(body []byte, suite, version uint16) (*KeyExchange, bool) {
	in := cryptobyte.String(body)
	k := &KeyExchange{}
	var a cryptobyte.String
	switch {
	case ephemeral(suite) == "ECDHE":
		var kind uint8
		if !in.ReadUint8(&kind) || kind != 3 || !in.ReadUint16(&k.Group) || !in.ReadUint8LengthPrefixed(&a) {
			return k, false
		}
	case ephemeral(suite) == "DHE":
		for i := range 3 { // prime, generator, public key
			if !in.ReadUint16LengthPrefixed(&a) {
				return k, false
			}
			if i == 0 {
				k.PrimeBits = bits(a)
			}
		}
	default:
		return k, true
	}
	if version == DTLS12 && !in.Empty() { // suites with a certificate sign it
		return k, in.ReadUint16(&k.SignatureScheme)
	}
	return k, true
}

// bits is the length of an unsigned number.
func bits(b []byte) int {
	b = bytes.TrimLeft(b, "\x00")
	if len(b) == 0 {
		return 0
	}
	n := 8 * len(b)
	for mask := byte(0x80); b[0]&mask == 0; mask >>= 1 {
		n--
	}
	return n
}
