package chain

import (
	"crypto"
	"fmt"
	"slices"
	"strings"
	"time"

	"vksprobe/probe"
)

// rules are all lints in the order in which they are reported.
var rules = []rule{
	// The key.
	{Lint{"rsa_below_2048", Error, probe.Text{
		DE: "Der RSA-Schlüssel ist kürzer als 2048 Bit.",
		EN: "The RSA key is shorter than 2048 bits."}, []string{"BR 6.1.5", "BSI TR-02102-2 (2026-01) 3.7, Table 14"}},
		ofAll, func(it item) (bool, string) {
			return it.f.Key == "RSA" && it.x.key.n != nil && it.f.Bits < 2048, fmt.Sprint(it.f.Bits)
		}},
	{Lint{"rsa_below_3000", Notice, probe.Text{
		DE: "Der RSA-Schlüssel ist kürzer als die 3000 Bit, die das BSI seit 2024 verlangt.",
		EN: "The RSA key is shorter than the 3000 bits that the BSI asks for since 2024."}, []string{"BSI TR-02102-2 (2026-01) 3.7, Table 14", "BSI TR-03116-4"}},
		ofAll, func(it item) (bool, string) {
			return it.f.Key == "RSA" && it.f.Bits >= 2048 && it.f.Bits < 3000, fmt.Sprint(it.f.Bits)
		}},
	{Lint{"ecdsa_below_250", Error, probe.Text{
		DE: "Die Ordnung der elliptischen Kurve hat weniger als 250 Bit.",
		EN: "The order of the elliptic curve has less than 250 bits."}, []string{"BSI TR-02102-2 (2026-01) 3.7, Table 14", "BR 6.1.5"}},
		ofAll, func(it item) (bool, string) {
			return it.f.Key == "ECDSA" && it.f.Bits > 0 && it.f.Bits < 250, it.f.Curve
		}},
	{Lint{"explicit_curve", Error, probe.Text{
		DE: "Die elliptische Kurve ist ausgeschrieben statt benannt.",
		EN: "The elliptic curve is written out instead of named."}, []string{"RFC 5480 2.1.1", "BSI TR-02102-2 3.6.2"}},
		ofAll, func(it item) (bool, string) { return it.f.Explicit, it.f.Curve }},
	{Lint{"dsa_key", Warning, probe.Text{
		DE: "Der Schlüssel ist für DSA; öffentliche Zertifizierungsstellen dürfen solche nicht zertifizieren, und TLS 1.3 kennt sie nicht.",
		EN: "The key is for DSA, which public authorities may not certify and TLS 1.3 does not know."}, []string{"BR 6.1.5", "RFC 8446 4.2.3"}},
		ofAll, func(it item) (bool, string) { return it.f.Key == "DSA", fmt.Sprint(it.f.Bits) }},
	{Lint{"rsa_exponent_invalid", Error, probe.Text{
		DE: "Der öffentliche RSA-Exponent ist 1 oder gerade: Der Schlüssel bietet keinen Schutz.",
		EN: "The public RSA exponent is 1 or even: the key protects nothing."}, []string{"BR 6.1.6"}},
		ofAll, func(it item) (bool, string) {
			e := it.x.key.e
			return e != nil && (e.Bit(0) == 0 || e.BitLen() < 2), it.f.Exponent
		}},
	{Lint{"rsa_exponent_small", Warning, probe.Text{
		DE: "Der öffentliche RSA-Exponent ist kleiner als 65537.",
		EN: "The public RSA exponent is below 65537."}, []string{"BR 6.1.6"}},
		ofAll, func(it item) (bool, string) {
			e := it.x.key.e
			return e != nil && e.Bit(0) == 1 && e.BitLen() >= 2 && e.BitLen() < 17, it.f.Exponent
		}},
	{Lint{"rsa_small_factor", Error, probe.Text{
		DE: "Der RSA-Modul hat einen sehr kleinen Primfaktor.",
		EN: "The RSA modulus has a very small prime factor."}, []string{"BR 6.1.6"}},
		ofAll, func(it item) (bool, string) {
			return it.rsa(func() (bool, string) {
				p := smallFactor(it.x.key.n)
				return p > 0, fmt.Sprint(p)
			})
		}},
	{Lint{"rsa_close_primes", Error, probe.Text{
		DE: "Die Primfaktoren des RSA-Moduls liegen so nah beieinander, dass er sofort zerlegt werden kann.",
		EN: "The prime factors of the RSA modulus are so close together that it can be factored at once."}, []string{"BR 6.1.1.3", "CVE-2022-26320"}},
		ofAll, func(it item) (bool, string) {
			return it.rsa(func() (bool, string) { return is(closePrimes(it.x.key.n)) })
		}},
	{Lint{"roca", Error, probe.Text{
		DE: "Der RSA-Schlüssel trägt den Fingerabdruck von Infineons RSALib (ROCA) und lässt sich mit vertretbarem Aufwand zerlegen.",
		EN: "The RSA key has the fingerprint of Infineon's RSALib (ROCA) and can be factored with reasonable effort."}, []string{"BR 6.1.1.3", "CVE-2017-15361"}},
		ofAll, func(it item) (bool, string) {
			return it.rsa(func() (bool, string) { return is(it.f.Bits >= 512 && roca(it.x.key.n)) })
		}},
	{Lint{"shared_key", Warning, probe.Text{
		DE: "Zertifikate verschiedener Inhaber in der Kette haben denselben Schlüssel.",
		EN: "Certificates of different subjects in the chain have the same key."}, []string{"good practice"}},
		ofAll, item.shares},

	// The signature.
	{Lint{"signature_md5", Error, probe.Text{
		DE: "Das Zertifikat ist mit MD5 oder MD2 signiert; Signaturen damit sind fälschbar.",
		EN: "The certificate is signed with MD5 or MD2, whose signatures can be forged."}, []string{"RFC 6151", "BR 7.1.3.2"}},
		ofSigned, func(it item) (bool, string) {
			return it.x.signature.weak() != "" && it.x.signature.weak() != "SHA-1", it.f.SignatureName
		}},
	{Lint{"signature_sha1", Error, probe.Text{
		DE: "Das Zertifikat ist mit SHA-1 signiert; das gilt als gebrochen, und heutige Clients lehnen es ab.",
		EN: "The certificate is signed with SHA-1, which counts as broken; clients of today refuse it."}, []string{"BR 7.1.3.2", "BSI TR-02102-1 Remark 4.2"}},
		ofSigned, func(it item) (bool, string) { return it.x.signature.weak() == "SHA-1", it.f.SignatureName }},
	{Lint{"signature_not_listed", Notice, probe.Text{
		DE: "Die BSI TR-02102-2 nennt das Signaturverfahren des Zertifikats nicht; das ist keine Aussage über seine Sicherheit.",
		EN: "BSI TR-02102-2 does not name the certificate's signature algorithm; that is no statement on its security."}, []string{"BSI TR-02102-2 (2026-01) 1 and Tables 7, 8, 11, 12"}},
		ofSigned, func(it item) (bool, string) {
			return it.x.signature.weak() == "" && !slices.Contains(listed, it.f.SignatureCode), it.f.SignatureName
		}},
	{Lint{"signature_parameters", Notice, probe.Text{
		DE: "Die Parameter der RSASSA-PSS-Signatur sind ungewöhnlich (Hashfunktion der Maske oder Länge des Salts).",
		EN: "The parameters of the RSASSA-PSS signature are out of the ordinary (hash of the mask, or length of the salt)."}, []string{"RFC 8446 4.2.3", "BR 7.1.3.2.1"}},
		ofSigned, func(it item) (bool, string) {
			s := it.x.signature
			return strings.HasPrefix(s.name, "rsassaPss") && (s.hash == 0 || s.salt != s.hash.Size()), s.name
		}},
	{Lint{"signature_mismatch", Error, probe.Text{
		DE: "Das Signaturverfahren ist im Zertifikat anders angegeben als an der Signatur.",
		EN: "The signature algorithm inside the certificate is not that beside the signature."}, []string{"RFC 5280 4.1.1.2"}},
		ofAll, func(it item) (bool, string) {
			return is(it.x.inner != nil && it.x.outer != nil && string(it.x.inner) != string(it.x.outer))
		}},
	{Lint{"signature_invalid", Error, probe.Text{
		DE: "Die Signatur des Zertifikats stammt nicht vom Schlüssel des angegebenen Ausstellers.",
		EN: "The certificate's signature is not by the key of the issuer that it names."}, []string{"RFC 5280 6.1.3"}},
		ofAll, func(it item) (bool, string) { return it.forged() }},

	// Dates.
	{Lint{"expired", Error, probe.Text{
		DE: "Das Zertifikat ist abgelaufen.",
		EN: "The certificate has expired."}, []string{"RFC 5280 4.1.2.5", "RFC 5280 6.1.3"}},
		ofAll, func(it item) (bool, string) {
			return !it.c.Date.IsZero() && !it.f.NotAfter.IsZero() && it.c.Date.After(it.f.NotAfter), it.f.NotAfter.Format(time.DateOnly)
		}},
	{Lint{"not_yet_valid", Error, probe.Text{
		DE: "Das Zertifikat ist noch nicht gültig.",
		EN: "The certificate is not valid yet."}, []string{"RFC 5280 4.1.2.5", "RFC 5280 6.1.3"}},
		ofAll, func(it item) (bool, string) {
			return !it.c.Date.IsZero() && !it.f.NotBefore.IsZero() && it.c.Date.Before(it.f.NotBefore), it.f.NotBefore.Format(time.DateOnly)
		}},
	{Lint{"expires_soon", Warning, probe.Text{
		DE: "Das Zertifikat läuft innerhalb von 14 Tagen ab, und weniger als ein Drittel seiner Laufzeit ist übrig.",
		EN: "The certificate expires within 14 days, and less than a third of its lifetime is left."}, []string{"good practice"}},
		ofAll, func(it item) (bool, string) {
			left := it.f.NotAfter.Sub(it.c.Date)
			return !it.c.Date.IsZero() && !it.f.NotAfter.IsZero() && left >= 0 && left <= 14*24*time.Hour && left < it.f.NotAfter.Sub(it.f.NotBefore)/3, it.f.NotAfter.Format(time.DateOnly)
		}},
	{Lint{"validity_reversed", Error, probe.Text{
		DE: "Das Ende der Gültigkeit liegt vor ihrem Anfang.",
		EN: "The validity ends before it begins."}, []string{"RFC 5280 4.1.2.5"}},
		ofAll, func(it item) (bool, string) {
			return is(!it.f.NotBefore.IsZero() && !it.f.NotAfter.IsZero() && it.f.NotAfter.Before(it.f.NotBefore))
		}},
	{Lint{"lifetime_too_long", Error, probe.Text{
		DE: "Das öffentlich vertrauenswürdige Zertifikat gilt länger, als zum Zeitpunkt der Ausstellung erlaubt war (in Tagen).",
		EN: "The publicly trusted certificate lives longer than was allowed when it was issued (in days)."}, []string{"BR 6.3.2"}},
		ofLeaf, func(it item) (bool, string) { return it.tooLong(false) }},
	{Lint{"lifetime_limit_ahead", Info, probe.Text{
		DE: "Ein Nachfolger dieses öffentlich vertrauenswürdigen Zertifikats darf ab dem genannten Tag nicht mehr so lange gelten (in Tagen).",
		EN: "A successor of this publicly trusted certificate may not live that long any more from the given day (in days)."}, []string{"BR 6.3.2"}},
		ofLeaf, func(it item) (bool, string) { return it.tooLong(true) }},
	{Lint{"lifetime_three_years", Notice, probe.Text{
		DE: "Das Zertifikat gilt länger als drei Jahre.",
		EN: "The certificate lives longer than three years."}, []string{"BSI TR-03116-4"}},
		ofLeaf, func(it item) (bool, string) { return it.f.LifetimeDays > 3*366, fmt.Sprint(it.f.LifetimeDays) }},

	// Names.
	{Lint{"san_missing", Error, probe.Text{
		DE: "Das Zertifikat hat keinen alternativen Namen (subjectAltName); Clients sehen auf keinen anderen.",
		EN: "The certificate has no subjectAltName, and clients look at no other name."}, []string{"RFC 9525 6", "BR 7.1.2.7.12"}},
		ofLeaf, func(it item) (bool, string) { return is(it.x.spki != nil && it.f.NamesCount == 0) }},
	{Lint{"cn_not_in_san", Warning, probe.Text{
		DE: "Der Name (commonName) des Inhabers steht nicht unter den alternativen Namen.",
		EN: "The subject's common name is not among the alternative names."}, []string{"BR 7.1.4.3"}},
		ofLeaf, func(it item) (bool, string) {
			cn := it.f.CommonName
			return cn != "" && it.f.NamesCount > 0 && !slices.ContainsFunc(it.x.names, func(n altName) bool {
				return (n.kind == dnsName || n.kind == address) && strings.EqualFold(clip(n.text), cn)
			}), cn
		}},
	{Lint{"name_mismatch", Error, probe.Text{
		DE: "Das Zertifikat gilt nicht für den angefragten Namen.",
		EN: "The certificate is not for the name that was asked for."}, []string{"RFC 9525 6"}},
		ofChain, func(it item) (bool, string) { return it.c.NameMatches == No, it.c.Asked }},
	{Lint{"wildcard", Notice, probe.Text{
		DE: "Ein Name enthält einen Platzhalter (*); in Projekten des Bundes ist das nicht zulässig.",
		EN: "A name has a wildcard (*), which projects of the German federation may not use."}, []string{"BSI TR-03116-4"}},
		ofAll, func(it item) (bool, string) {
			hit, name := it.firstName(dnsName, func(n altName) bool { return strings.Contains(n.text, "*") })
			return hit || it.f.Wildcards, name
		}},
	{Lint{"wildcard_misplaced", Warning, probe.Text{
		DE: "Ein Platzhalter steht nicht allein ganz links im Namen und wirkt deshalb nicht.",
		EN: "A wildcard is not the whole leftmost label of a name and so has no effect."}, []string{"RFC 9525 6.3", "BR 7.1.2.7.12"}},
		ofLeaf, func(it item) (bool, string) {
			return it.firstName(dnsName, func(n altName) bool { return strings.Contains(strings.TrimPrefix(n.text, "*."), "*") })
		}},
	{Lint{"internal_name", Warning, probe.Text{
		DE: "Ein Name gehört nicht ins öffentliche DNS.",
		EN: "A name does not belong to the public DNS."}, []string{"BR 7.1.2.7.12", "BR 4.2.2"}},
		ofLeaf, func(it item) (bool, string) {
			return it.firstName(dnsName, func(n altName) bool { return internalName(n.text) })
		}},
	{Lint{"internal_address", Warning, probe.Text{
		DE: "Das Zertifikat enthält eine Adresse, die nicht im öffentlichen Internet liegt.",
		EN: "The certificate has an address that is not on the public Internet."}, []string{"BR 7.1.2.7.12", "BR 4.2.2"}},
		ofLeaf, func(it item) (bool, string) {
			return it.firstName(address, func(n altName) bool { return n.ip.IsValid() && internalAddress(n.ip) })
		}},
	{Lint{"name_syntax", Warning, probe.Text{
		DE: "Ein alternativer Name ist kein gültiger DNS-Name.",
		EN: "An alternative name is not a valid DNS name."}, []string{"RFC 5280 4.2.1.6", "BR 7.1.2.7.12"}},
		ofLeaf, func(it item) (bool, string) {
			return it.firstName(dnsName, func(n altName) bool {
				return !strings.Contains(strings.TrimPrefix(n.text, "*."), "*") && nameFault(n.text)
			})
		}},

	// What the certificate may be used for.
	{Lint{"key_usage_missing", Warning, probe.Text{
		DE: "Die Erweiterung keyUsage fehlt.",
		EN: "The extension keyUsage is missing."}, []string{"RFC 5280 4.2.1.3", "BSI TR-03116-4"}},
		ofAll, func(it item) (bool, string) {
			return is(it.x.err == nil && !it.x.hasUsage && it.f.Role != Root && it.x.version >= 3)
		}},
	{Lint{"key_usage_not_critical", Notice, probe.Text{
		DE: "Die Erweiterung keyUsage ist nicht als kritisch gekennzeichnet.",
		EN: "The extension keyUsage is not marked critical."}, []string{"RFC 5280 4.2.1.3", "BSI TR-03116-4"}},
		ofAll, func(it item) (bool, string) { return is(it.x.hasUsage && !it.x.usageCritical && it.f.Role != Root) }},
	{Lint{"key_usage_unfit", Error, probe.Text{
		DE: "keyUsage erlaubt keine Signaturen (digitalSignature); mit TLS 1.3 und ECDHE ist das Zertifikat nicht verwendbar.",
		EN: "keyUsage does not allow signatures (digitalSignature), so the certificate cannot be used with TLS 1.3 or ECDHE."}, []string{"RFC 8446 4.4.2.2", "RFC 5280 4.2.1.3"}},
		ofLeaf, item.unfit},
	{Lint{"leaf_signs_certificates", Error, probe.Text{
		DE: "keyUsage erlaubt dem Serverzertifikat, Zertifikate auszustellen (keyCertSign), ohne dass es eine Zertifizierungsstelle ist.",
		EN: "keyUsage lets the server's certificate issue certificates (keyCertSign) though it is no authority."}, []string{"RFC 5280 4.2.1.9", "BR 7.1.2.7.11"}},
		ofLeaf, func(it item) (bool, string) { return is(!it.x.ca && slices.Contains(it.x.keyUsage, "keyCertSign")) }},
	{Lint{"eku_missing", Notice, probe.Text{
		DE: "Die Erweiterung extKeyUsage fehlt: Das Zertifikat ist nicht auf Server beschränkt.",
		EN: "The extension extKeyUsage is missing: the certificate is not confined to servers."}, []string{"BR 7.1.2.7.10", "BSI TR-03116-4"}},
		ofLeaf, func(it item) (bool, string) { return is(it.x.err == nil && !it.x.hasPurposes) }},
	{Lint{"eku_no_server_auth", Error, probe.Text{
		DE: "extKeyUsage nennt serverAuth nicht: Das Zertifikat ist nicht für Server.",
		EN: "extKeyUsage does not name serverAuth: the certificate is not for servers."}, []string{"RFC 5280 4.2.1.12", "BR 7.1.2.7.10"}},
		ofLeaf, func(it item) (bool, string) {
			p := it.x.purposes
			return it.x.hasPurposes && !slices.Contains(p, "serverAuth") && !slices.Contains(p, "anyExtendedKeyUsage"), strings.Join(it.f.ExtendedKeyUsage, " ")
		}},
	{Lint{"eku_any", Warning, probe.Text{
		DE: "extKeyUsage erlaubt jeden Zweck (anyExtendedKeyUsage).",
		EN: "extKeyUsage allows any purpose (anyExtendedKeyUsage)."}, []string{"BR 7.1.2.7.10"}},
		ofLeaf, func(it item) (bool, string) { return is(slices.Contains(it.x.purposes, "anyExtendedKeyUsage")) }},
	{Lint{"ca_as_leaf", Error, probe.Text{
		DE: "Der Server weist sich mit dem Zertifikat einer Zertifizierungsstelle aus.",
		EN: "The server identifies itself with the certificate of an authority."}, []string{"BR 7.1.2.7.8", "RFC 5280 4.2.1.9"}},
		ofLeaf, func(it item) (bool, string) { return is(it.x.ca) }},
	{Lint{"ca_flag_missing", Error, probe.Text{
		DE: "Ein Aussteller in der Kette ist nicht als Zertifizierungsstelle gekennzeichnet (basicConstraints).",
		EN: "An issuer in the chain is not marked as an authority (basicConstraints)."}, []string{"RFC 5280 4.2.1.9"}},
		ofIssuers, func(it item) (bool, string) {
			return is(it.x.err == nil && !it.x.ca && !(it.f.Role == Root && it.x.version < 3))
		}},
	{Lint{"ca_constraints_not_critical", Warning, probe.Text{
		DE: "basicConstraints ist bei einer Zertifizierungsstelle nicht als kritisch gekennzeichnet.",
		EN: "basicConstraints of an authority is not marked critical."}, []string{"RFC 5280 4.2.1.9", "BR 7.1.2.10.4"}},
		ofIssuers, func(it item) (bool, string) { return is(it.x.ca && !it.critical(oidConstraints)) }},
	{Lint{"ca_key_usage", Error, probe.Text{
		DE: "keyUsage erlaubt einem Aussteller in der Kette nicht, Zertifikate auszustellen (keyCertSign).",
		EN: "keyUsage does not let an issuer in the chain issue certificates (keyCertSign)."}, []string{"RFC 5280 4.2.1.3", "BR 7.1.2.10.7"}},
		ofIssuers, func(it item) (bool, string) {
			return it.x.hasUsage && !slices.Contains(it.x.keyUsage, "keyCertSign"), strings.Join(it.x.keyUsage, " ")
		}},
	{Lint{"path_length_exceeded", Error, probe.Text{
		DE: "Unter einer Zertifizierungsstelle stehen mehr weitere, als sie zulässt (pathLenConstraint).",
		EN: "More authorities stand under one than it allows (pathLenConstraint)."}, []string{"RFC 5280 4.2.1.9", "RFC 5280 6.1.4"}},
		ofIssuers, func(it item) (bool, string) {
			below := -1 // authorities between this one and the leaf that are not issued to themselves
			for _, i := range it.t.path {
				if i == it.i {
					break
				}
				if i == 0 || !it.t.certs[i].selfIssued() {
					below++
				}
			}
			return it.x.pathLength >= 0 && slices.Contains(it.t.path, it.i) && below > it.x.pathLength, fmt.Sprintf("%d > %d", below, it.x.pathLength)
		}},

	// The form of the certificate.
	{Lint{"malformed", Error, probe.Text{
		DE: "Das Zertifikat ist fehlerhaft aufgebaut.",
		EN: "The certificate is malformed."}, []string{"RFC 5280 4.1", "X.690"}},
		ofAll, func(it item) (bool, string) { return it.x.err != nil, it.f.Error }},
	{Lint{"refused_by_parser", Notice, probe.Text{
		DE: "Ein strenger Leser (Go crypto/x509) lehnt das Zertifikat ab.",
		EN: "A strict reader (Go crypto/x509) refuses the certificate."}, []string{"RFC 5280 4.1"}},
		ofAll, func(it item) (bool, string) {
			// That Go has not got a curve says nothing about the certificate.
			foreign := it.f.KeyType == "id-ecPublicKey" && !native(it.x) && strings.Contains(it.f.Refused, "curve")
			return it.x.err == nil && it.x.refused != nil && !foreign, it.f.Refused
		}},
	{Lint{"version_not_3", Error, probe.Text{
		DE: "Das Zertifikat ist nicht von Version 3 (X.509v3).",
		EN: "The certificate is not of version 3 (X.509v3)."}, []string{"RFC 5280 4.1.2.1", "BR 7.1.1"}},
		ofAll, func(it item) (bool, string) {
			return it.x.version != 0 && it.x.version != 3 && it.f.Role != Root, fmt.Sprint(it.x.version)
		}},
	{Lint{"serial_not_positive", Error, probe.Text{
		DE: "Die Seriennummer ist null oder negativ.",
		EN: "The serial number is zero or negative."}, []string{"RFC 5280 4.1.2.2"}},
		ofAll, func(it item) (bool, string) {
			return it.x.serial != nil && (it.x.negative() || len(it.x.magnitude()) == 0) && it.f.Role != Root, it.f.Serial
		}},
	{Lint{"serial_too_long", Error, probe.Text{
		DE: "Die Seriennummer ist länger als 20 Byte.",
		EN: "The serial number is longer than 20 bytes."}, []string{"RFC 5280 4.1.2.2"}},
		ofAll, func(it item) (bool, string) { return len(it.x.serial) > 20, fmt.Sprint(len(it.x.serial)) }},
	{Lint{"serial_too_short", Notice, probe.Text{
		DE: "Die Seriennummer ist zu kurz, um 64 zufällige Bit zu enthalten.",
		EN: "The serial number is too short to hold 64 random bits."}, []string{"BR 7.1.2.7"}},
		ofSigned, func(it item) (bool, string) {
			// A random number of 64 bits is shorter than 48 once in 2^16.
			n := len(it.x.magnitude())
			return it.x.serial != nil && !it.x.negative() && n > 0 && n <= 6, it.f.Serial
		}},
	{Lint{"issuer_empty", Error, probe.Text{
		DE: "Das Zertifikat nennt keinen Aussteller.",
		EN: "The certificate names no issuer."}, []string{"RFC 5280 4.1.2.4"}},
		ofAll, func(it item) (bool, string) { return is(it.x.issuer != nil && len(it.x.issuer) <= 2) }},
	{Lint{"unknown_critical", Error, probe.Text{
		DE: "Eine kritische Erweiterung ist unbekannt; Clients müssen das Zertifikat ablehnen.",
		EN: "A critical extension is not known; clients have to refuse the certificate."}, []string{"RFC 5280 4.2"}},
		ofAll, func(it item) (bool, string) {
			return len(it.f.UnknownCritical) > 0, strings.Join(it.f.UnknownCritical, " ")
		}},
	{Lint{"precertificate", Error, probe.Text{
		DE: "Es ist ein Vorzertifikat für Certificate Transparency, kein Zertifikat.",
		EN: "It is a precertificate for Certificate Transparency, not a certificate."}, []string{"RFC 6962 3.1", "BR 7.1.2.9"}},
		ofAll, func(it item) (bool, string) { return is(it.x.has(oidPoison)) }},
	{Lint{"revocation_pointer_missing", Notice, probe.Text{
		DE: "Das Zertifikat nennt weder OCSP noch eine Sperrliste.",
		EN: "The certificate names neither OCSP nor a revocation list."}, []string{"BSI TR-03116-4", "BR 7.1.2.11.2"}},
		ofSigned, func(it item) (bool, string) {
			// Those that live a week at most need none (BR 1.6.1, Short-lived
			// Subscriber Certificate).
			return is(it.x.err == nil && len(it.x.ocsp) == 0 && len(it.x.crl) == 0 && it.f.LifetimeDays > 7)
		}},
	{Lint{"authority_key_missing", Notice, probe.Text{
		DE: "Die Erweiterung authorityKeyIdentifier fehlt.",
		EN: "The extension authorityKeyIdentifier is missing."}, []string{"RFC 5280 4.2.1.1", "BR 7.1.2.11.1"}},
		ofSigned, func(it item) (bool, string) {
			return is(it.x.err == nil && it.x.version >= 3 && !it.x.has(oidAuthorityKeyID))
		}},
	{Lint{"subject_key_missing", Notice, probe.Text{
		DE: "Einer Zertifizierungsstelle fehlt die Erweiterung subjectKeyIdentifier.",
		EN: "An authority has no extension subjectKeyIdentifier."}, []string{"RFC 5280 4.2.1.2", "BR 7.1.2.11.4"}},
		ofIssuers, func(it item) (bool, string) {
			return is(it.x.err == nil && it.x.ca && !it.x.has(oidSubjectKeyID))
		}},

	// The chain.
	{Lint{"chain_out_of_order", Warning, probe.Text{
		DE: "Die Zertifikate kommen nicht in der Reihenfolge, in der eines das vorige beglaubigt.",
		EN: "The certificates do not come in the order in which each certifies the one before it."}, []string{"RFC 5246 7.4.2", "RFC 8446 4.4.2"}},
		ofChain, func(it item) (bool, string) { return is(it.c.Order == OutOfOrder) }},
	{Lint{"chain_extra", Notice, probe.Text{
		DE: "Der Server schickt Zertifikate, die nicht zur Kette gehören.",
		EN: "The server sends certificates that do not belong to the chain."}, []string{"RFC 5246 7.4.2"}},
		ofChain, func(it item) (bool, string) { return len(it.c.Extra) > 0, places(it.c.Extra) }},
	{Lint{"chain_duplicate", Notice, probe.Text{
		DE: "Der Server schickt ein Zertifikat mehrfach.",
		EN: "The server sends a certificate more than once."}, []string{"RFC 5246 7.4.2"}},
		ofChain, func(it item) (bool, string) { return len(it.c.Duplicates) > 0, places(it.c.Duplicates) }},
	{Lint{"chain_incomplete", Error, probe.Text{
		DE: "Ein Zwischenzertifikat fehlt; viele Clients können die Kette nicht prüfen.",
		EN: "An intermediate certificate is missing; many clients cannot verify the chain."}, []string{"RFC 5246 7.4.2", "RFC 8446 4.4.2"}},
		ofChain, func(it item) (bool, string) { return is(it.c.Incomplete == Yes) }},
	{Lint{"chain_root_included", Info, probe.Text{
		DE: "Der Server schickt das Wurzelzertifikat mit; Clients brauchen es nicht, weil sie es selbst haben müssen.",
		EN: "The server sends the root along, which clients do not need as they must have it themselves."}, []string{"RFC 5246 7.4.2", "RFC 8446 4.4.2"}},
		ofChain, func(it item) (bool, string) { return is(it.c.RootIncluded) }},
	{Lint{"chain_too_long", Warning, probe.Text{
		DE: "Der Server schickt mehr Zertifikate, als hier gelesen werden.",
		EN: "The server sends more certificates than are read here."}, []string{"good practice"}},
		ofChain, func(it item) (bool, string) { return it.c.Dropped > 0, fmt.Sprint(it.c.Dropped) }},
	{Lint{"self_signed", Error, probe.Text{
		DE: "Das Zertifikat des Servers hat er selbst ausgestellt.",
		EN: "The server issued its certificate itself."}, []string{"RFC 5280 6.1"}},
		ofChain, func(it item) (bool, string) {
			return is(it.c.Trusted != Yes && it.f.SelfSigned == Yes)
		}},
	{Lint{"untrusted", Error, probe.Text{
		DE: "Die Kette führt zu keiner Wurzel, der vertraut wird.",
		EN: "The chain leads to no root that is trusted."}, []string{"RFC 5280 6.1"}},
		ofChain, func(it item) (bool, string) {
			return it.c.Trusted == No && it.f.SelfSigned != Yes, string(it.c.TrustReason)
		}},

	// Revocation and transparency.
	{Lint{"must_staple_unstapled", Error, probe.Text{
		DE: "Das Zertifikat verlangt eine angeheftete OCSP-Antwort, der Server schickt aber keine.",
		EN: "The certificate demands a stapled OCSP response, but the server sends none."}, []string{"RFC 7633 4"}},
		ofChain, func(it item) (bool, string) { return is(it.x.mustStaple && it.c.Staple == No) }},
	{Lint{"staple_unusable", Warning, probe.Text{
		DE: "Die angeheftete OCSP-Antwort ist nicht verwendbar.",
		EN: "The stapled OCSP response cannot be used."}, []string{"RFC 6960 3.2", "RFC 6961"}},
		ofChain, func(it item) (bool, string) {
			return it.staples(func(r Revocation) bool {
				return r.Revoked == Unknown && r.Reason != RevocationNoIssuer && r.Reason != RevocationUnsupported && r.Reason != RevocationNoDate
			})
		}},
	{Lint{"revoked", Error, probe.Text{
		DE: "Ein Zertifikat der Kette ist gesperrt.",
		EN: "A certificate of the chain is revoked."}, []string{"RFC 5280 6.1.3", "RFC 6960 2.2"}},
		ofChain, func(it item) (bool, string) {
			for _, r := range it.c.Revocation {
				if r.Revoked == Yes {
					return true, r.Why
				}
			}
			return false, ""
		}},
	{Lint{"sct_missing", Warning, probe.Text{
		DE: "Zum öffentlich vertrauenswürdigen Zertifikat liegt kein Nachweis der Protokollierung (SCT) vor; Browser lehnen es ab.",
		EN: "There is no proof of logging (SCT) for the publicly trusted certificate; browsers refuse it."}, []string{"Chrome CT policy", "Apple CT policy", "RFC 6962"}},
		ofChain, func(it item) (bool, string) { return is(it.c.Public == Yes && len(it.c.SCTs) == 0) }},
	{Lint{"sct_too_few", Warning, probe.Text{
		DE: "Browser verlangen Nachweise aus mehr verschiedenen Protokollen: zwei, bei mehr als 180 Tagen Laufzeit drei.",
		EN: "Browsers ask for proofs from more logs: two, or three if it lives longer than 180 days."}, []string{"Chrome CT policy", "Apple CT policy"}},
		ofChain, func(it item) (bool, string) {
			need := 2
			if it.f.LifetimeDays > 180 && it.f.EmbeddedSCTs > 0 {
				need = 3
			}
			n := it.timestamps()
			return it.c.Public == Yes && len(it.c.SCTs) > 0 && n < need, fmt.Sprintf("%d < %d", n, need)
		}},
	{Lint{"sct_invalid", Error, probe.Text{
		DE: "Ein Nachweis der Protokollierung (SCT) ist ungültig.",
		EN: "A proof of logging (SCT) is invalid."}, []string{"RFC 6962 3.2"}},
		ofChain, func(it item) (bool, string) {
			for _, s := range it.c.SCTs {
				if s.State == Invalid {
					return true, strings.TrimSpace(string(s.Source) + " " + s.Log + " " + s.Reason)
				}
			}
			return false, ""
		}},
}

// forged finds signatures that are not by the issuer: the name and the key
// identifier fit, and the key does not.
func (it item) forged() (bool, string) {
	if it.x.signature.hash == crypto.Hash(0) && it.x.signature.family != "EdDSA" {
		return false, ""
	}
	fits := false
	for n, p := range it.t.certs {
		if len(it.x.issuer) <= 2 || string(p.subject) != string(it.x.issuer) ||
			len(it.x.authorityKey) > 0 && len(p.subjectKey) > 0 && string(it.x.authorityKey) != string(p.subjectKey) {
			continue
		}
		if it.t.signed(it.i, n) != No {
			return false, ""
		}
		fits = true
	}
	return fits, it.f.Issuer
}

func places(list []int) string {
	var b strings.Builder
	for n, i := range list {
		if n > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprint(&b, i)
	}
	return b.String()
}
