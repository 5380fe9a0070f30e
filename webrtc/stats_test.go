package webrtc

import "testing"

func TestSRTPName(t *testing.T) {
	for in, want := range map[string]string{
		"AEAD_AES_256_GCM": "SRTP_AEAD_AES_256_GCM", "SRTP_AEAD_AES_128_GCM": "SRTP_AEAD_AES_128_GCM",
		"SRTP_AES128_CM_HMAC_SHA1_80": "SRTP_AES128_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80": "SRTP_AES128_CM_HMAC_SHA1_80", "": "",
	} {
		if got := srtpName(in); got != want {
			t.Errorf("%q is called %q, want %q", in, got, want)
		}
	}
}
