package wire

import (
	"crypto/tls"
	"slices"
	"strings"
)

// dhe are the suites with ephemeral Diffie-Hellman and a certificate, which
// the standard library has no names for. OpenSSL behind a media server still
// offers them.
var dhe = [...]struct {
	id   uint16
	name string
}{
	{0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"},
	{0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"},
	{0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"},
	{0x006B, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"},
	{0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
	{0x009F, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"},
	{0xC09E, "TLS_DHE_RSA_WITH_AES_128_CCM"},
	{0xC09F, "TLS_DHE_RSA_WITH_AES_256_CCM"},
	{0xCCAA, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
}

// ecdhe are the suites with ephemeral Diffie-Hellman on curves that the
// standard library has no names for.
var ecdhe = [...]struct {
	id   uint16
	name string
}{
	{0xC024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"},
	{0xC028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"},
	{0xC0AC, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"},
	{0xC0AD, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM"},
	{0xC0AE, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"},
	{0xC0AF, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8"},
}

// SuiteName gives the IANA name of a cipher suite, or "0x1234" for one that
// DTLS-SRTP does not use.
func SuiteName(id uint16) string {
	for _, s := range slices.Concat(dhe[:], ecdhe[:]) {
		if s.id == id {
			return s.name
		}
	}
	return tls.CipherSuiteName(id)
}

// ephemeral tells the way in which a suite up to DTLS 1.2 exchanges keys:
// "ECDHE", "DHE" or "" for another.
func ephemeral(suite uint16) string {
	switch name := SuiteName(suite); {
	case strings.HasPrefix(name, "TLS_ECDHE_"):
		return "ECDHE"
	case strings.HasPrefix(name, "TLS_DHE_"):
		return "DHE"
	}
	return ""
}
