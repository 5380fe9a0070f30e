package tls

import (
	"cmp"

	"vksprobe/tls/chain"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/hello"
	"vksprobe/tls/norm"
)

// Mechanisms lists what an offer contains in the words of package norm.
func Mechanisms(o Offered) []norm.Mechanism {
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
	for _, c := range o.Certificates {
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

// certified lists the keys, signatures and properties of a chain. The
// signature of a root on itself is evaluated by nobody and left out.
func certified(c chain.Chain) (all []norm.Mechanism) {
	for i, x := range c.Certificates {
		all = append(all, norm.Mechanism{Kind: norm.Key, Name: x.Key, Bits: x.Bits, Use: norm.ForCertificate})
		if x.SignatureGraded {
			all = append(all, norm.Mechanism{Kind: norm.CertificateSignature, Code: x.SignatureCode, Name: cmp.Or(x.Scheme, x.SignatureName)})
		}
		if i > 0 {
			continue
		}
		property := func(name string, there bool) {
			all = append(all, norm.Mechanism{Kind: norm.Certificate, Name: name, Absent: !there})
		}
		all = append(all, norm.Mechanism{Kind: norm.Certificate, Name: "lifetime_days", Bits: x.LifetimeDays})
		property("wildcard_name", x.Wildcards)
		property("key_usage", x.KeyUsage != nil)
		property("key_usage_critical", x.KeyUsageCritical)
		property("extended_key_usage", len(x.ExtendedKeyUsage) > 0)
		property("subject_alt_name", x.NamesCount > 0)
		property("authority_key_identifier", x.AuthorityKey != "")
		property("revocation_pointer", len(x.OCSP)+len(x.CRL) > 0)
	}
	return all
}
