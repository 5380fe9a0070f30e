package webrtc

import "fmt"

// dtlsVersion names a version on the wire.
func dtlsVersion(v uint16) string {
	switch v {
	case 0xFEFF:
		return "DTLS 1.0"
	case 0xFEFD:
		return "DTLS 1.2"
	case 0xFEFC:
		return "DTLS 1.3"
	}
	return fmt.Sprintf("0x%04X", v)
}

// srtpProfile gives the IANA name of a DTLS-SRTP protection profile (registry
// of 2023-02-03), its number if it has none, and "" for 0.
func srtpProfile(id uint16) string {
	switch id {
	case 0:
		return ""
	case 1:
		return "SRTP_AES128_CM_HMAC_SHA1_80"
	case 2:
		return "SRTP_AES128_CM_HMAC_SHA1_32"
	case 5:
		return "SRTP_NULL_HMAC_SHA1_80"
	case 6:
		return "SRTP_NULL_HMAC_SHA1_32"
	case 7:
		return "SRTP_AEAD_AES_128_GCM"
	case 8:
		return "SRTP_AEAD_AES_256_GCM"
	}
	return fmt.Sprintf("0x%04X", id)
}
