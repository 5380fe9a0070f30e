package enumerate

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
)

var cryptoRandom = rand.Reader

// Alerts (RFC 8446 section 6, RFC 7507).
const (
	alertProtocolVersion       = 70
	alertInappropriateFallback = 86
	alertUserCanceled          = 90
)

// What is asked for, in the order in which it is put to a server: what most
// have first, so that one that follows the client answers with something
// common.
var (
	suites13     = []uint16{0x1301, 0x1302, 0x1303, 0x1304, 0x1305}
	suites13Rare = rare13()

	groups13  = []uint16{29, 23, 24, 25, 30, 0x11EC, 0x11EB, 0x11ED, 31, 32, 33, 256, 257, 258, 259, 260, 0x200, 0x201, 0x202, 41, 0x11EE, 0x6399, 0x639A, 26, 27, 28, 22, 21, 19, 34, 35, 36, 37, 38, 39, 40}
	bundles13 = [][]uint16{{29}, {23}, {24, 25}, {30}, {0x11EC}, {0x11EB, 0x11ED}, {31, 32, 33}, {256, 257, 258, 259, 260}, {0x200, 0x201, 0x202, 41, 0x11EE, 0x6399, 0x639A, 26, 27, 28, 22, 21, 19, 34, 35, 36, 37, 38, 39, 40}}
	groups12  = []uint16{29, 23, 24, 25, 30, 26, 27, 28, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 256}
	bundles12 = [][]uint16{{29}, {23}, {24, 25}, {30, 26, 27, 28}, {22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}}
	// groups with which this program can complete a handshake
	groupsShared = []uint16{29, 23, 24, 25}
	ffdhe        = []uint16{256, 257, 258, 259, 260}

	schemes = []uint16{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601, 0x0807, 0x0808, 0x0809, 0x080A, 0x080B, 0x081A, 0x081B, 0x081C,
		0x0904, 0x0905, 0x0906, 0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0502, 0x0602, 0x0302, 0x0202, 0x0101}
	schemes13        = []uint16{0x0403, 0x0804, 0x0805, 0x0806, 0x0503, 0x0603, 0x0807, 0x0808}
	schemes13Rare    = []uint16{0x0809, 0x080A, 0x080B, 0x081A, 0x081B, 0x081C, 0x0904, 0x0905, 0x0906, 0x0708}
	schemesRSA       = []uint16{0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806, 0x0201}
	schemesRSARare   = []uint16{0x0809, 0x080A, 0x080B, 0x0301, 0x0101}
	schemesECDSA     = []uint16{0x0403, 0x0503, 0x0603, 0x0203}
	schemesDSS       = []uint16{0x0202, 0x0302, 0x0402, 0x0502, 0x0602}
	schemesECDSARare = []uint16{0x0807, 0x0808, 0x0303}

	// protection profiles of SRTP, the AEAD first (RFC 7714, RFC 5764)
	srtpProfiles = []uint16{8, 7, 1, 2}

	// cipher kinds of SSL 2.0
	kindsSSL2 = []uint32{0x010080, 0x020080, 0x030080, 0x040080, 0x050080, 0x060040, 0x060140, 0x0700C0, 0x0701C0, 0x080080, 0xFF0800, 0xFF0810}

	applications = []string{"h2", "http/1.1", "http/1.0", "http/0.9", "xmpp-client", "xmpp-server", "stun.turn", "stun.nat-discovery", "webrtc", "c-webrtc", "sip/2", "imap", "smtp", "postgresql"}
)

// The suites below TLS 1.3 in classes that servers have or lack as a whole.
var (
	classes        = classify()
	chunks         = append(slices.Clone(classes[:5]), slices.Concat(classes[5], classes[8]), slices.Concat(classes[6], classes[7]), classes[9])
	popular        = slices.Concat(classes[:5]...)
	likelyLegacy   = legacyOf(classes[2], classes[3], classes[4], classes[6])
	unlikelyLegacy = legacyOf(classes[0], classes[1], classes[5], classes[7], classes[8], classes[9])

	ecdheRSA   = suitesWith("ECDHE", "RSA")
	ecdheECDSA = suitesWith("ECDHE", "ECDSA")
	dheRSA     = suitesWith("DHE", "RSA")
	dhe        = slices.Concat(dheRSA, suitesWith("DHE", "DSS"))
)

// suitesOf lists the suites that may be negotiated in a version.
func suitesOf(version uint16) []uint16 {
	switch version {
	case hello.TLS13, hello.DTLS13:
		return slices.Concat(suites13, suites13Rare)
	case hello.TLS12, hello.DTLS12:
		return slices.Concat(classes...)
	case hello.SSL30, hello.TLS10, hello.TLS11, hello.DTLS10:
		return slices.Concat(likelyLegacy, unlikelyLegacy)
	}
	return nil
}

// rare13 lists the suites of TLS 1.3 beside those of RFC 8446.
func rare13() (list []uint16) {
	for _, s := range iana.CipherSuites {
		if s.MinVersion >= hello.TLS13 && !s.Signal && !slices.Contains(suites13, s.Code) {
			list = append(list, s.Code)
		}
	}
	return list
}

// classify puts the suites below TLS 1.3 in ten classes.
func classify() [][]uint16 {
	all := make([][]uint16, 10)
	for _, s := range iana.CipherSuites {
		if s.MinVersion < hello.TLS13 && !s.Signal && s.Code != 0 {
			c := classOf(s)
			all[c] = append(all[c], s.Code)
		}
	}
	for _, class := range all {
		slices.SortStableFunc(class, byStrength)
	}
	return all
}

func classOf(s iana.CipherSuite) int {
	is := func(value string, list ...string) bool { return slices.Contains(list, value) }
	switch {
	case is(s.Authentication, "PSK", "KRB5", "ECCPWD", "ECJPAKE"), s.KeyExchange == "SRP":
		return 9
	case is(s.KeyExchange, "DH", "ECDH"):
		return 8
	case s.Unregistered, is(s.Cipher, "SM4", "28147", "KUZNYECHIK", "MAGMA", "SKIPJACK"):
		return 7
	case s.Export, s.Authentication == "anon", is(s.Cipher, "NULL", "RC4", "RC2", "DES", "3DES", "IDEA", "SEED"):
		return 6
	case is(s.Cipher, "CAMELLIA", "ARIA"):
		return 5
	case s.KeyExchange == "ECDHE" && s.AEAD && s.Authentication == "ECDSA":
		return 0
	case s.KeyExchange == "ECDHE" && s.AEAD:
		return 1
	case s.KeyExchange == "ECDHE":
		return 2
	case s.KeyExchange == "DHE":
		return 3
	case s.KeyExchange == "RSA":
		return 4
	}
	return 7
}

// legacyOf returns the suites that may be used below TLS 1.2: those that came
// later are AEAD or have a MAC of SHA-2.
func legacyOf(all ...[]uint16) []uint16 {
	return slices.DeleteFunc(slices.Concat(all...), func(code uint16) bool {
		s, _ := iana.Suite(code)
		return s.MinVersion > hello.TLS11
	})
}

// suitesWith lists the common suites with a key exchange and authentication.
func suitesWith(exchange, authentication string) (list []uint16) {
	for _, s := range iana.CipherSuites {
		if s.KeyExchange == exchange && s.Authentication == authentication && classOf(s) <= 5 {
			list = append(list, s.Code)
		}
	}
	slices.SortStableFunc(list, byStrength)
	return list
}

// isSigned tells suites whose ServerKeyExchange is signed.
func isSigned(s iana.CipherSuite) bool {
	return (s.KeyExchange == "ECDHE" || s.KeyExchange == "DHE") && (s.Authentication == "RSA" || s.Authentication == "ECDSA" || s.Authentication == "DSS")
}

// strength is a rank of suites as OpenSSL orders them by default, and with it
// most servers: forward secrecy, then AEAD, the MAC, the cipher, and the key
// exchange.
func strength(code uint16) int {
	s, _ := iana.Suite(code)
	rank := func(text string, list ...string) int {
		if i := slices.Index(list, text); i >= 0 {
			return i
		}
		return len(list)
	}
	flag := func(yes bool) int {
		if yes {
			return 0
		}
		return 1
	}
	cipher := rank(fmt.Sprint(s.Cipher, s.Bits, s.Mode), "AES256GCM", "CHACHA20256POLY1305", "AES256CCM_8", "AES256CCM", "ARIA256GCM", "AES128GCM", "AES128CCM_8", "AES128CCM", "ARIA128GCM",
		"AES256CBC", "CAMELLIA256CBC", "AES128CBC", "CAMELLIA128CBC", "SEED128CBC", "IDEA128CBC", "3DES168CBC", "RC4128", "DES56CBC")
	exchange := rank(s.KeyExchange+s.Authentication, "ECDHEECDSA", "ECDHERSA", "DHEDSS", "DHERSA", "ECDHECDSA", "ECDHRSA", "RSARSA")
	mac := rank(s.MAC, "", "SHA384", "SHA256", "SHA")
	if mac == 1 {
		mac = 2 // both SHA-2
	}
	return (((flag(s.ForwardSecret)*2+flag(s.AEAD))*5+mac)*20+cipher)*10 + exchange
}

func byStrength(a, b uint16) int { return strength(a) - strength(b) }

// alike reports whether a server that has one suite probably has the other:
// both belong to what libraries switch on and have the same key exchange.
func alike(a, b uint16) bool {
	return related(a, b) && usual(b)
}

// related suites exchange keys in the same way.
func related(a, b uint16) bool {
	x, _ := iana.Suite(a)
	y, _ := iana.Suite(b)
	return x.KeyExchange == y.KeyExchange && x.Authentication == y.Authentication && x.Export == y.Export
}

// usual suites are those that libraries switch on.
func usual(code uint16) bool {
	s, _ := iana.Suite(code)
	return classOf(s) <= 4 && s.Mode != iana.CCM && s.Mode != iana.CCM8
}

func isChaCha20(code uint16) bool {
	s, _ := iana.Suite(code)
	return s.Cipher == "CHACHA20"
}

// curves returns the groups that the certificate's key needs.
func curves(r *answer) []uint16 {
	for _, c := range r.Certificates[:min(1, len(r.Certificates))] {
		for oid, group := range map[string]uint16{"\x2A\x86\x48\xCE\x3D\x03\x01\x07": 23, "\x2B\x81\x04\x00\x22": 24, "\x2B\x81\x04\x00\x23": 25,
			"\x2B\x24\x03\x03\x02\x08\x01\x01\x07": 26, "\x2B\x24\x03\x03\x02\x08\x01\x01\x0B": 27, "\x2B\x24\x03\x03\x02\x08\x01\x01\x0D": 28} {
			if strings.Contains(string(c.DER), oid) {
				return []uint16{group}
			}
		}
	}
	return []uint16{23, 24, 25}
}
