package tls

import (
	"crypto/x509"
	"strings"

	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello"
	"vksprobe/tls/norm"
)

// Mechanisms lists what an offer contains in the words of package norm.
func Mechanisms(o enumerate.Offer) []norm.Mechanism {
	var all []norm.Mechanism
	seen := map[norm.Mechanism]bool{}
	add := func(m norm.Mechanism) {
		if !seen[m] {
			seen[m] = true
			all = append(all, m)
		}
	}
	for _, v := range o.Versions {
		if v.State != enumerate.Yes {
			continue
		}
		add(norm.Mechanism{Kind: norm.Version, Code: v.Code, Name: v.Name})
		for _, s := range v.Suites {
			add(norm.Mechanism{Kind: norm.CipherSuite, Code: s.Code, Name: s.Name, Version: v.Code})
		}
		for _, g := range v.Groups {
			add(norm.Mechanism{Kind: norm.Group, Code: g.Code, Name: g.Name, Version: v.Code})
		}
		for _, s := range v.SignatureSchemes {
			add(norm.Mechanism{Kind: norm.SignatureScheme, Code: s.Code, Name: s.Name, Version: v.Code})
		}
	}
	for _, p := range o.DH {
		add(norm.Mechanism{Kind: norm.Key, Name: "DH", Bits: p.Bits, Use: norm.ForExchange})
	}
	for _, c := range o.Chains {
		for _, m := range certified(c) {
			add(m)
		}
	}
	for name, state := range o.Features {
		if state == enumerate.Unknown || state == "" {
			continue
		}
		if name == enumerate.PSKOnly {
			if state == enumerate.Yes {
				add(norm.Mechanism{Kind: norm.PSKMode, Code: 0, Name: "psk_ke", Version: hello.TLS13})
			}
			continue
		}
		add(norm.Mechanism{Kind: norm.Feature, Name: name, Absent: state == enumerate.No})
	}
	if o.Features[enumerate.PSKResumption] == enumerate.Yes {
		add(norm.Mechanism{Kind: norm.PSKMode, Code: 1, Name: "psk_dhe_ke", Version: hello.TLS13})
	}
	return all
}

// schemeOf maps signatures of certificates to the numbers of TLS for them.
var schemeOf = map[x509.SignatureAlgorithm]uint16{
	x509.MD5WithRSA: 0x0101, x509.SHA1WithRSA: 0x0201, x509.SHA256WithRSA: 0x0401, x509.SHA384WithRSA: 0x0501, x509.SHA512WithRSA: 0x0601,
	x509.SHA256WithRSAPSS: 0x0809, x509.SHA384WithRSAPSS: 0x080A, x509.SHA512WithRSAPSS: 0x080B,
	x509.ECDSAWithSHA1: 0x0203, x509.ECDSAWithSHA256: 0x0403, x509.ECDSAWithSHA384: 0x0503, x509.ECDSAWithSHA512: 0x0603, x509.PureEd25519: 0x0807,
}

// certified lists the keys and signatures of a chain. The signature of a root
// on itself is evaluated by nobody and left out.
func certified(p enumerate.Presented) (all []norm.Mechanism) {
	for _, c := range certificates(p.DER) {
		kind, _, _ := strings.Cut(c.Key, " ")
		all = append(all, norm.Mechanism{Kind: norm.Key, Name: kind, Bits: c.Bits, Use: norm.ForCertificate})
	}
	for _, der := range p.DER {
		c, err := x509.ParseCertificate(der)
		if err != nil || string(c.RawIssuer) == string(c.RawSubject) && c.IsCA {
			continue
		}
		all = append(all, norm.Mechanism{Kind: norm.CertificateSignature, Code: schemeOf[c.SignatureAlgorithm], Name: c.SignatureAlgorithm.String()})
	}
	return all
}
