package iana

import (
	"slices"
	"strings"
)

// CipherSuite is a cipher suite with what its name says.
type CipherSuite struct {
	Code      uint16
	Name      string
	Reference string
	// Recommended and Discouraged are "Y" and "D" of the registry; most
	// suites are neither.
	Recommended, Discouraged bool
	// DTLS is the registry's column DTLS-OK.
	DTLS bool
	// Unregistered are suites that IANA does not have.
	Unregistered bool

	// KeyExchange is how keys are agreed: "RSA", "DH" and "ECDH" (with the
	// key in the certificate), "DHE", "ECDHE", "PSK", "KRB5", "SRP", "GOST",
	// "ECCPWD", "ECJPAKE", "FORTEZZA" or "NULL". It is empty of the suites
	// of TLS 1.3, which leave it to extensions, and of signals.
	KeyExchange string
	// Authentication is by what the server is known: "RSA", "DSS", "ECDSA",
	// "PSK" (also when a certificate comes with it, as in RSA_PSK), "KRB5",
	// "SRP", "GOST", "ECCPWD", "ECJPAKE", "FORTEZZA", "anon" or "NULL". It is
	// empty where KeyExchange is.
	Authentication string
	// Cipher is "AES", "CHACHA20", "3DES", "DES", "RC4", "RC2", "IDEA",
	// "SEED", "CAMELLIA", "ARIA", "SM4", "AEGIS", "ASCON", "28147",
	// "KUZNYECHIK", "MAGMA", "SKIPJACK" or "NULL"; empty of signals.
	Cipher string
	Mode   Mode
	// Bits is the length of the key that has to be guessed: 40 or 56 of
	// export suites, 168 of 3DES (whose strength is 112).
	Bits int
	// Block is the length of the cipher's block in bits, 0 of stream ciphers.
	Block int
	// MAC is the hash of the HMAC of a record, such as "SHA" or "SHA256", or
	// "OMAC" and "IMIT" of GOST. It is empty of an AEAD.
	MAC string
	// Hash is that of the key derivation in TLS 1.2 and 1.3.
	Hash string
	AEAD bool
	// Export are the suites that were made weak to be exported.
	Export bool
	// ForwardSecret are suites whose connections stay secret when the key of
	// the server becomes known. Anonymous ones are none: nobody knows whose
	// connection it is. Those of TLS 1.3 are, unless a pre-shared key is used
	// alone.
	ForwardSecret bool
	// Signal are the values that are sent in a list of suites but are none.
	Signal bool
	// MinVersion and MaxVersion bound the versions, as on the wire, in which
	// implementations negotiate it: SSL 3.0 (0x0300) where OpenSSL did, 0x0301
	// with elliptic curves, only 0x0303 with an AEAD or HMAC of SHA-2, only
	// 0x0304 those of TLS 1.3; export suites end with 0x0301 (RFC 4346), DES
	// and IDEA with 0x0302 (RFC 5469). A server may do otherwise.
	MinVersion, MaxVersion uint16
}

// Mode is the mode of operation of a cipher.
type Mode string

// The modes that occur; stream ciphers have none.
const (
	CBC      Mode = "CBC"
	GCM      Mode = "GCM"
	CCM      Mode = "CCM"
	CCM8     Mode = "CCM_8"
	Poly1305 Mode = "POLY1305"
	CNT      Mode = "CNT"
	CTR      Mode = "CTR"
	MGM      Mode = "MGM"
)

// CipherSuites are all suites and signals, by code. It must not be changed.
var CipherSuites = describe(suites)

// Suite returns the suite of a code.
func Suite(code uint16) (CipherSuite, bool) {
	at, ok := slices.BinarySearchFunc(CipherSuites, code, func(s CipherSuite, code uint16) int { return int(s.Code) - int(code) })
	if !ok {
		return CipherSuite{}, false
	}
	return CipherSuites[at], true
}

// SuiteCode returns the code of a suite by its name.
func SuiteCode(name string) (uint16, bool) {
	code, ok := suites.Code(name)
	return uint16(code), ok
}

func describe(r Registry) []CipherSuite {
	all := make([]CipherSuite, len(r))
	for i, e := range r {
		all[i] = CipherSuite{Code: uint16(e.Code), Name: e.Name, Reference: e.Reference, DTLS: e.DTLS,
			Recommended: e.Recommended == "Y", Discouraged: e.Recommended == "D", Unregistered: e.Unregistered}
		all[i].read()
	}
	return all
}

// exchanges are the key exchanges that are not the names of two things.
var exchanges = map[string]struct{ exchange, authentication string }{
	"NULL": {"NULL", "NULL"}, "RSA": {"RSA", "RSA"}, "RSA_FIPS": {"RSA", "RSA"},
	"DH_anon": {"DHE", "anon"}, "ECDH_anon": {"ECDHE", "anon"},
	"PSK": {"PSK", "PSK"}, "PSK_DHE": {"DHE", "PSK"},
	"KRB5": {"KRB5", "KRB5"}, "SRP_SHA": {"SRP", "SRP"}, "SRP_SHA_RSA": {"SRP", "RSA"}, "SRP_SHA_DSS": {"SRP", "DSS"},
	"ECCPWD": {"ECCPWD", "ECCPWD"}, "ECJPAKE": {"ECJPAKE", "ECJPAKE"}, "FORTEZZA_KEA": {"FORTEZZA", "FORTEZZA"},
	"GOSTR341094": {"GOST", "GOST"}, "GOSTR341001": {"GOST", "GOST"}, "GOSTR341112_256": {"GOST", "GOST"},
}

// ciphers are what stands before the hash of a name.
var ciphers = map[string]CipherSuite{
	"NULL":   {Cipher: "NULL"},
	"RC4_40": {Cipher: "RC4", Bits: 40}, "RC4_56": {Cipher: "RC4", Bits: 56}, "RC4_128": {Cipher: "RC4", Bits: 128},
	"RC2_CBC_40": {Cipher: "RC2", Mode: CBC, Bits: 40, Block: 64}, "RC2_CBC_56": {Cipher: "RC2", Mode: CBC, Bits: 56, Block: 64},
	"DES40_CBC": {Cipher: "DES", Mode: CBC, Bits: 40, Block: 64}, "DES_CBC_40": {Cipher: "DES", Mode: CBC, Bits: 40, Block: 64},
	"DES_CBC": {Cipher: "DES", Mode: CBC, Bits: 56, Block: 64}, "3DES_EDE_CBC": {Cipher: "3DES", Mode: CBC, Bits: 168, Block: 64},
	"IDEA_CBC": {Cipher: "IDEA", Mode: CBC, Bits: 128, Block: 64}, "SEED_CBC": {Cipher: "SEED", Mode: CBC, Bits: 128, Block: 128},
	"FORTEZZA_CBC":      {Cipher: "SKIPJACK", Mode: CBC, Bits: 80, Block: 64},
	"CHACHA20_POLY1305": {Cipher: "CHACHA20", Mode: Poly1305, Bits: 256},
	"SM4_GCM":           {Cipher: "SM4", Mode: GCM, Bits: 128, Block: 128}, "SM4_CCM": {Cipher: "SM4", Mode: CCM, Bits: 128, Block: 128},
	"AEGIS_256": {Cipher: "AEGIS", Bits: 256, AEAD: true}, "AEGIS_128L": {Cipher: "AEGIS", Bits: 128, AEAD: true},
	"ASCONAEAD128": {Cipher: "ASCON", Bits: 128, AEAD: true},
	"28147_CNT":    {Cipher: "28147", Mode: CNT, Bits: 256, Block: 64},
	"MAGMA_CTR":    {Cipher: "MAGMA", Mode: CTR, Bits: 256, Block: 64}, "MAGMA_MGM": {Cipher: "MAGMA", Mode: MGM, Bits: 256, Block: 64},
	"KUZNYECHIK_CTR": {Cipher: "KUZNYECHIK", Mode: CTR, Bits: 256, Block: 128}, "KUZNYECHIK_MGM": {Cipher: "KUZNYECHIK", Mode: MGM, Bits: 256, Block: 128},
}

// read takes the name apart.
func (s *CipherSuite) read() {
	name := strings.TrimSuffix(strings.TrimPrefix(s.Name, "OLD_"), "_2") // a second code for the same
	_, name, _ = strings.Cut(name, "_")                                  // TLS or SSL
	s.MinVersion, s.MaxVersion = 0x0300, 0x0303
	exchange, rest, classic := strings.Cut(name, "_WITH_")
	switch {
	case strings.HasSuffix(name, "SCSV"):
		s.Signal = true
		return
	case !classic:
		rest = name
	}
	s.readCipher(rest)
	if !classic || s.Mode == MGM {
		s.MinVersion, s.MaxVersion, s.ForwardSecret = 0x0304, 0x0304, true
		return
	}
	s.readExchange(exchange)
	s.bound()
}

// readCipher reads what stands behind WITH: a cipher and a hash.
func (s *CipherSuite) readCipher(text string) {
	at := strings.LastIndexByte(text, '_')
	cipher, hash := text[:at], text[at+1:]
	switch {
	case hash == "CCM" || hash == "8": // RFC 6655 leaves out the hash
		cipher, hash = text, "SHA256"
	case hash == "L" || hash == "S": // how often MGM changes keys
		hash = "STREEBOG256"
	case hash == "OMAC", hash == "IMIT", hash == "GOSTR3411":
		s.MAC, hash = hash, "STREEBOG256"
		if strings.Contains(s.Name, "GOSTR3410") { // R 34.11-94 goes with R 34.10-94 and -2001
			hash = "GOST94"
		}
	}
	if cipher == hash { // RFC 9150: TLS 1.3 without encryption
		cipher, s.MAC = "NULL", hash
	}
	c, ok := ciphers[cipher]
	if family, bits, modes := cut3(cipher); !ok {
		c = CipherSuite{Cipher: family, Mode: Mode(modes), Block: 128, Bits: map[string]int{"128": 128, "256": 256}[bits]}
	}
	s.Cipher, s.Mode, s.Bits, s.Block = c.Cipher, c.Mode, c.Bits, c.Block
	s.AEAD = c.AEAD || slices.Contains([]Mode{GCM, CCM, CCM8, Poly1305, MGM}, c.Mode)
	s.Hash = hash
	if !s.AEAD && s.MAC == "" {
		s.MAC = hash
	}
	if hash == "MD5" || hash == "SHA" { // RFC 5246, section 5
		s.Hash = "SHA256"
	}
}

// cut3 takes "AES_128_CCM_8" apart.
func cut3(cipher string) (family, bits, mode string) {
	family, rest, _ := strings.Cut(cipher, "_")
	bits, mode, _ = strings.Cut(rest, "_")
	return family, bits, mode
}

// readExchange reads what stands before WITH.
func (s *CipherSuite) readExchange(text string) {
	for _, suffix := range []string{"_EXPORT1024", "_EXPORT"} {
		if before, ok := strings.CutSuffix(text, suffix); ok {
			text, s.Export = before, true
		}
	}
	if e, ok := exchanges[text]; ok {
		s.KeyExchange, s.Authentication = e.exchange, e.authentication
	} else {
		s.KeyExchange, s.Authentication, _ = strings.Cut(text, "_")
	}
	s.ForwardSecret = s.Authentication != "anon" && slices.Contains([]string{"DHE", "ECDHE", "SRP", "ECCPWD", "ECJPAKE"}, s.KeyExchange)
}

// bound sets the versions of a suite that is not of TLS 1.3.
func (s *CipherSuite) bound() {
	sha2 := strings.HasPrefix(s.MAC, "SHA2") || strings.HasPrefix(s.MAC, "SHA3")
	switch {
	case s.AEAD, s.MAC == "OMAC", strings.Contains(s.Name, "GOSTR341112") && !s.Unregistered:
		s.MinVersion = 0x0303
	case sha2 && s.Authentication == "PSK" && s.Cipher != "ARIA": // RFC 5487, 5489, 6367: any version, with its own PRF
		s.MinVersion = 0x0301
	case sha2:
		s.MinVersion = 0x0303
	case strings.HasPrefix(s.KeyExchange, "ECDH"):
		s.MinVersion = 0x0301
	}
	switch {
	case s.KeyExchange == "FORTEZZA":
		s.MaxVersion = 0x0300
	case s.Export:
		s.MaxVersion = 0x0301
	case s.Cipher == "DES", s.Cipher == "IDEA":
		s.MaxVersion = 0x0302
	}
}
