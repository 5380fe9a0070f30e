package webrtc

import (
	"fmt"
	"time"
)

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

// groupName gives the name in the IANA registry of supported groups, or the
// number of one that nobody uses in DTLS.
func groupName(id uint16) string {
	switch id {
	case 0x0015:
		return "secp224r1"
	case 0x0017:
		return "secp256r1"
	case 0x0018:
		return "secp384r1"
	case 0x0019:
		return "secp521r1"
	case 0x001A:
		return "brainpoolP256r1"
	case 0x001B:
		return "brainpoolP384r1"
	case 0x001C:
		return "brainpoolP512r1"
	case 0x001D:
		return "x25519"
	case 0x001E:
		return "x448"
	case 0x0100:
		return "ffdhe2048"
	case 0x0101:
		return "ffdhe3072"
	case 0x0102:
		return "ffdhe4096"
	case 0x0103:
		return "ffdhe6144"
	case 0x0104:
		return "ffdhe8192"
	case 0x0200:
		return "MLKEM512"
	case 0x0201:
		return "MLKEM768"
	case 0x0202:
		return "MLKEM1024"
	case 0x11EB:
		return "SecP256r1MLKEM768"
	case 0x11EC:
		return "X25519MLKEM768"
	case 0x11ED:
		return "SecP384r1MLKEM1024"
	}
	return fmt.Sprintf("0x%04X", id)
}

// schemeName gives the name in the IANA registry of signature schemes. Those
// of SHA-224, which it leaves to RFC 5246, are numbers.
func schemeName(id uint16) string {
	switch id {
	case 0x0201:
		return "rsa_pkcs1_sha1"
	case 0x0203:
		return "ecdsa_sha1"
	case 0x0401:
		return "rsa_pkcs1_sha256"
	case 0x0403:
		return "ecdsa_secp256r1_sha256"
	case 0x0501:
		return "rsa_pkcs1_sha384"
	case 0x0503:
		return "ecdsa_secp384r1_sha384"
	case 0x0601:
		return "rsa_pkcs1_sha512"
	case 0x0603:
		return "ecdsa_secp521r1_sha512"
	case 0x0804:
		return "rsa_pss_rsae_sha256"
	case 0x0805:
		return "rsa_pss_rsae_sha384"
	case 0x0806:
		return "rsa_pss_rsae_sha512"
	case 0x0807:
		return "ed25519"
	case 0x0808:
		return "ed448"
	case 0x0809:
		return "rsa_pss_pss_sha256"
	case 0x080A:
		return "rsa_pss_pss_sha384"
	case 0x080B:
		return "rsa_pss_pss_sha512"
	case 0x0904:
		return "mldsa44"
	case 0x0905:
		return "mldsa65"
	case 0x0906:
		return "mldsa87"
	}
	return fmt.Sprintf("0x%04X", id)
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

// sane returns a time as UTC, the zero time for one that JSON cannot hold.
func sane(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
