package tls

import "fmt"

// The names of the IANA registries "TLS Cipher Suites", "TLS Supported
// Groups" and "TLS SignatureScheme" (as of 2026-11) for what a browser can
// negotiate today or could until a few years ago. What is not here is shown
// by its number.
var (
	cipherSuites = map[uint16]string{
		0x1301: "TLS_AES_128_GCM_SHA256",
		0x1302: "TLS_AES_256_GCM_SHA384",
		0x1303: "TLS_CHACHA20_POLY1305_SHA256",
		0x1304: "TLS_AES_128_CCM_SHA256",
		0x1305: "TLS_AES_128_CCM_8_SHA256",
		0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
		0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
		0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
		0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
		0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
		0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
		0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
		0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
		0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
		0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
		0xC023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
		0xC024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
		0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
		0xC028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
		0x009E: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
		0x009F: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
		0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
		0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
		0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
		0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384",
		0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
		0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
		0x003C: "TLS_RSA_WITH_AES_128_CBC_SHA256",
		0x003D: "TLS_RSA_WITH_AES_256_CBC_SHA256",
		0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
	}
	groups = map[uint16]string{
		23: "secp256r1", 24: "secp384r1", 25: "secp521r1", 29: "x25519", 30: "x448",
		26: "brainpoolP256r1", 27: "brainpoolP384r1", 28: "brainpoolP512r1",
		31: "brainpoolP256r1tls13", 32: "brainpoolP384r1tls13", 33: "brainpoolP512r1tls13",
		256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096", 259: "ffdhe6144", 260: "ffdhe8192",
		4587: "SecP256r1MLKEM768", 4588: "X25519MLKEM768", 4589: "SecP384r1MLKEM1024",
	}
	signatureSchemes = map[uint16]string{
		0x0201: "rsa_pkcs1_sha1", 0x0203: "ecdsa_sha1",
		0x0401: "rsa_pkcs1_sha256", 0x0501: "rsa_pkcs1_sha384", 0x0601: "rsa_pkcs1_sha512",
		0x0403: "ecdsa_secp256r1_sha256", 0x0503: "ecdsa_secp384r1_sha384", 0x0603: "ecdsa_secp521r1_sha512",
		0x0804: "rsa_pss_rsae_sha256", 0x0805: "rsa_pss_rsae_sha384", 0x0806: "rsa_pss_rsae_sha512",
		0x0809: "rsa_pss_pss_sha256", 0x080A: "rsa_pss_pss_sha384", 0x080B: "rsa_pss_pss_sha512",
		0x0807: "ed25519", 0x0808: "ed448", 0x0904: "mldsa44", 0x0905: "mldsa65", 0x0906: "mldsa87",
	}
	versions = map[string]uint16{"SSL 3.0": 0x0300, "TLS 1.0": 0x0301, "TLS 1.1": 0x0302, "TLS 1.2": 0x0303, "TLS 1.3": 0x0304}
)

// name looks a code point up; 0 has no name.
func name(registry map[uint16]string, code uint16) string {
	if n, ok := registry[code]; ok || code == 0 {
		return n
	}
	return fmt.Sprintf("0x%04X", code)
}
