// Package hello speaks the handshakes of SSL 2.0 to TLS 1.3 and of DTLS, down
// to every byte, and nothing else.
//
// A scanner has to say what no library would say: suites that were withdrawn
// twenty years ago, one group at a time, an empty key share that makes the
// server name its favourite, a hello that is a few bytes too long. So a
// [ClientHello] is a list of numbers and [Extension]s in the order in which
// they go out, and what comes back is parsed without being judged.
//
// There is no input or output here. A [Flight] is told what was sent and what
// was received, in that order, and says what the server has shown; a live
// connection and a stored transcript are the same to it. Given the private
// halves of the key shares it also follows TLS 1.3 behind its encryption, and
// given a secret to make keys of, TLS 1.0 to 1.2: it says what a client has to
// send to complete a handshake, to resume it or to begin another in it.
//
// Everything that is parsed comes from a stranger: lengths are checked
// against what is there, never trusted for an allocation, and each Flight has
// a limit on what it keeps.
package hello

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// Protocol versions as they stand in messages. SSL 2.0 and the versions of
// DTLS count in ways of their own.
const (
	SSL20  uint16 = 0x0002
	SSL30  uint16 = 0x0300
	TLS10  uint16 = 0x0301
	TLS11  uint16 = 0x0302
	TLS12  uint16 = 0x0303
	TLS13  uint16 = 0x0304
	DTLS10 uint16 = 0xFEFF
	DTLS12 uint16 = 0xFEFD
	DTLS13 uint16 = 0xFEFC
)

// VersionName names a protocol version: "TLS 1.2", or "0x0305" if there is no
// such version.
func VersionName(v uint16) string {
	switch v {
	case SSL20:
		return "SSL 2.0"
	case SSL30:
		return "SSL 3.0"
	case TLS10:
		return "TLS 1.0"
	case TLS11:
		return "TLS 1.1"
	case TLS12:
		return "TLS 1.2"
	case TLS13:
		return "TLS 1.3"
	case DTLS10:
		return "DTLS 1.0"
	case DTLS12:
		return "DTLS 1.2"
	case DTLS13:
		return "DTLS 1.3"
	}
	return fmt.Sprintf("0x%04X", v)
}

// isDTLS tells the versions of DTLS, which count downwards from 0xFEFF.
func isDTLS(v uint16) bool { return v>>8 == 0xFE }

// Handshake types (RFC 8446 section 4, RFC 5246 section 7.4, RFC 6066, RFC
// 6347).
const (
	TypeHelloRequest        byte = 0
	TypeClientHello         byte = 1
	TypeServerHello         byte = 2
	TypeHelloVerifyRequest  byte = 3
	TypeNewSessionTicket    byte = 4
	TypeEncryptedExtensions byte = 8
	TypeCertificate         byte = 11
	TypeServerKeyExchange   byte = 12
	TypeCertificateRequest  byte = 13
	TypeServerHelloDone     byte = 14
	TypeCertificateVerify   byte = 15
	TypeClientKeyExchange   byte = 16
	TypeFinished            byte = 20
	TypeCertificateStatus   byte = 22
	TypeCompressedCert      byte = 25
)

// Content types of records.
const (
	ContentChangeCipherSpec byte = 20
	ContentAlert            byte = 21
	ContentHandshake        byte = 22
	ContentApplicationData  byte = 23
	ContentHeartbeat        byte = 24
)

// Extension types (IANA registry "TLS ExtensionType Values").
const (
	ExtServerName           uint16 = 0
	ExtMaxFragmentLength    uint16 = 1
	ExtTruncatedHMAC        uint16 = 4
	ExtStatusRequest        uint16 = 5
	ExtSupportedGroups      uint16 = 10
	ExtECPointFormats       uint16 = 11
	ExtSignatureAlgorithms  uint16 = 13
	ExtUseSRTP              uint16 = 14
	ExtHeartbeat            uint16 = 15
	ExtALPN                 uint16 = 16
	ExtSCT                  uint16 = 18
	ExtPadding              uint16 = 21
	ExtEncryptThenMAC       uint16 = 22
	ExtExtendedMasterSecret uint16 = 23
	ExtCompressCertificate  uint16 = 27
	ExtRecordSizeLimit      uint16 = 28
	ExtSessionTicket        uint16 = 35
	ExtPreSharedKey         uint16 = 41
	ExtEarlyData            uint16 = 42
	ExtSupportedVersions    uint16 = 43
	ExtCookie               uint16 = 44
	ExtPSKModes             uint16 = 45
	ExtSignatureAlgsCert    uint16 = 50
	ExtKeyShare             uint16 = 51
	ExtQUICParameters       uint16 = 57
	ExtNextProtocol         uint16 = 13172
	ExtECH                  uint16 = 0xFE0D
	ExtRenegotiationInfo    uint16 = 0xFF01
)

// Cipher suite values that only signal (RFC 5746, RFC 7507).
const (
	SCSVRenegotiation uint16 = 0x00FF
	SCSVFallback      uint16 = 0x5600
)

// An Extension is one extension of a hello.
type Extension struct {
	Type uint16
	Data []byte
}

// find returns the data of an extension.
func find(all []Extension, typ uint16) (data []byte, ok bool) {
	for _, e := range all {
		if e.Type == typ {
			return e.Data, true
		}
	}
	return nil, false
}

// maxExtensions bounds what is kept of one message.
const maxExtensions = 256

func readExtensions(s *cryptobyte.String) ([]Extension, bool) {
	if s.Empty() {
		return nil, true
	}
	var list cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) {
		return nil, false
	}
	var all []Extension
	for !list.Empty() {
		var typ uint16
		var data cryptobyte.String
		if !list.ReadUint16(&typ) || !list.ReadUint16LengthPrefixed(&data) || len(all) == maxExtensions {
			return all, false
		}
		all = append(all, Extension{typ, data})
	}
	return all, true
}

// Message wraps the body of a handshake message in its header.
func Message(typ byte, body []byte) []byte {
	n := len(body)
	return append([]byte{typ, byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

// MaxPlaintext is the greatest length of a record's content (RFC 8446 section
// 5.1); maxCiphertext that of an encrypted one in any version (RFC 5246
// section 6.2.3).
const (
	MaxPlaintext  = 1 << 14
	maxCiphertext = 1<<14 + 2048
)

// Records cuts content in TLS records with the given version field.
func Records(content byte, version uint16, payload []byte) []byte {
	var out []byte
	for first := true; first || len(payload) > 0; first = false {
		n := min(len(payload), MaxPlaintext)
		out = append(out, content, byte(version>>8), byte(version), byte(n>>8), byte(n))
		out = append(out, payload[:n]...)
		payload = payload[n:]
	}
	return out
}
