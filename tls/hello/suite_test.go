package hello

import (
	"testing"

	"vksprobe/tls/hello/iana"
)

func TestSuiteOf(t *testing.T) {
	tests := map[string]exchange{
		"TLS_RSA_WITH_AES_128_CBC_SHA":                  {"", false, true},
		"TLS_RSA_EXPORT_WITH_RC4_40_MD5":                {exchangeRSA, false, true},
		"TLS_RSA_EXPORT1024_WITH_RC4_56_SHA":            {exchangeRSA, false, true},
		"TLS_DHE_DSS_EXPORT_WITH_DES40_CBC_SHA":         {exchangeDHE, false, true},
		"TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA":         {exchangeDHE, false, true},
		"TLS_DH_anon_EXPORT_WITH_RC4_40_MD5":            {exchangeDHE, false, false},
		"TLS_DH_RSA_WITH_AES_128_CBC_SHA":               {"", false, true},
		"TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA":           {"", false, true},
		"TLS_ECDH_anon_WITH_NULL_SHA":                   {exchangeECDHE, false, false},
		"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8":            {exchangeECDHE, false, true},
		"TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA":            {exchangeECDHE, true, false},
		"TLS_DHE_PSK_WITH_NULL_SHA":                     {exchangeDHE, true, false},
		"TLS_PSK_DHE_WITH_AES_128_CCM_8":                {exchangeDHE, true, false},
		"TLS_RSA_PSK_WITH_NULL_SHA":                     {"", true, false},
		"TLS_AES_128_GCM_SHA256":                        {},
		"OLD_TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256": {exchangeDHE, false, true},
	}
	for name, want := range tests {
		code, ok := iana.SuiteCode(name)
		if got := suiteOf(code); !ok || got != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestCanFinish(t *testing.T) {
	finished := 0
	for _, s := range iana.CipherSuites {
		if CanFinish(s.Code) {
			finished++
		}
	}
	if finished != 67 {
		t.Errorf("%d suites can be finished", finished)
	}
	for name, want := range map[string]bool{
		"TLS_AES_128_GCM_SHA256": true, "TLS_AES_128_CCM_SHA256": false, "TLS_SHA256_SHA256": false,
		"TLS_DHE_DSS_WITH_DES_CBC_SHA": true, "TLS_RSA_WITH_NULL_MD5": true, "TLS_ECDH_anon_WITH_RC4_128_SHA": true,
		"TLS_NULL_WITH_NULL_NULL": false, "TLS_RSA_EXPORT_WITH_RC4_40_MD5": false, "TLS_DH_RSA_WITH_AES_128_CBC_SHA": false, "TLS_PSK_WITH_NULL_SHA": false,
		"TLS_RSA_PSK_WITH_AES_128_GCM_SHA256": false, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA": false, "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA": false,
		"OLD_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": false, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV": false,
	} {
		code, ok := iana.SuiteCode(name)
		if !ok || CanFinish(code) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
