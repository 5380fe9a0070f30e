// Package iana knows the names and numbers that TLS takes from the registries
// of IANA: cipher suites, groups, signature schemes, extensions and the
// smaller tables. What servers still have but IANA never registered (the 56
// bit export suites, FORTEZZA, early ChaCha20 and GOST, the cipher kinds of
// SSL 2.0) is here as well and marked as unregistered.
//
// The tables are CSV files in data, with their source and date in
// data/NOTICE.md, and registry.go is made from them by go generate. What a
// scanner has to know of a suite (key exchange, cipher, versions) is read off
// its name, which is what the names are made for.
package iana

import (
	"fmt"
	"slices"
)

//go:generate go test -run TestRegistryIsCurrent -update .

// Entry is a row of a registry.
type Entry struct {
	Code uint32
	Name string
	// Reference is the document that defines it, such as "RFC8446"; several
	// are separated by commas.
	Reference string
	// Recommended is what the registry says of it: "Y", "N", "D" for
	// discouraged (RFC 9847), or "" where it does not say.
	Recommended string
	// DTLS is the registry's column DTLS-OK, where it has one.
	DTLS bool
	// Unregistered are those that are in no registry of IANA.
	Unregistered bool
}

// Registry is a table in the order of its codes. It must not be changed.
type Registry []Entry

// Lookup returns the entry of a code.
func (r Registry) Lookup(code uint32) (Entry, bool) {
	at, ok := slices.BinarySearchFunc(r, code, func(e Entry, code uint32) int { return int(int64(e.Code) - int64(code)) })
	if !ok {
		return Entry{}, false
	}
	return r[at], true
}

// Code returns the code of a name, which is matched exactly.
func (r Registry) Code(name string) (uint32, bool) {
	at := slices.IndexFunc(r, func(e Entry) bool { return e.Name == name })
	if at < 0 {
		return 0, false
	}
	return r[at].Code, true
}

// name returns the name of a code, and a number of the given hexadecimal
// digits where it has none.
func (r Registry) name(code uint32, digits int) string {
	if e, ok := r.Lookup(code); ok {
		return e.Name
	}
	return fmt.Sprintf("0x%0*X", digits, code)
}

// Each of the following returns a name as registered, and the number in the
// form 0xABCD (0xAB of registries of one byte) where there is none.

// SuiteName names a cipher suite.
func SuiteName(code uint16) string { return suites.name(uint32(code), 4) }

// SSL2KindName names a cipher kind of SSL 2.0, which has three bytes.
func SSL2KindName(code uint32) string { return SSL2Kinds.name(code, 6) }

// GroupName names a supported group.
func GroupName(code uint16) string { return Groups.name(uint32(code), 4) }

// SignatureSchemeName names a signature scheme. Codes that only TLS 1.2 reads,
// as a pair of hash and signature algorithm, are named after both, such as
// "dsa_sha256" of 0x0402.
func SignatureSchemeName(code uint16) string {
	if e, ok := SignatureSchemes.Lookup(uint32(code)); ok {
		return e.Name
	}
	hash, known := HashAlgorithms.Lookup(uint32(code >> 8))
	signature, signs := SignatureAlgorithms.Lookup(uint32(code & 0xFF))
	switch {
	case !known || !signs:
		return fmt.Sprintf("0x%04X", code)
	case hash.Name == "intrinsic":
		return signature.Name
	}
	return signature.Name + "_" + hash.Name
}

// ExtensionName names an extension.
func ExtensionName(code uint16) string { return Extensions.name(uint32(code), 4) }

// AlertName names the description of an alert.
func AlertName(code uint8) string { return Alerts.name(uint32(code), 2) }

// HandshakeTypeName names a handshake message.
func HandshakeTypeName(code uint8) string { return HandshakeTypes.name(uint32(code), 2) }

// ContentTypeName names what a record has.
func ContentTypeName(code uint8) string { return ContentTypes.name(uint32(code), 2) }

// SRTPProfileName names a protection profile of DTLS-SRTP.
func SRTPProfileName(code uint16) string { return SRTPProfiles.name(uint32(code), 4) }

// CertificateCompressionName names an algorithm of RFC 8879.
func CertificateCompressionName(code uint16) string {
	return CertificateCompressions.name(uint32(code), 4)
}

// PSKModeName names a PskKeyExchangeMode.
func PSKModeName(code uint8) string { return PSKModes.name(uint32(code), 2) }

// PointFormatName names an EC point format.
func PointFormatName(code uint8) string { return PointFormats.name(uint32(code), 2) }

// CompressionName names a compression method.
func CompressionName(code uint8) string { return CompressionMethods.name(uint32(code), 2) }

// IsGREASE reports whether a code is one of those that RFC 8701 reserves in
// the registries of two bytes so that nobody relies on knowing all of them.
func IsGREASE(code uint16) bool { return code&0x0F0F == 0x0A0A && code>>8 == code&0xFF }
