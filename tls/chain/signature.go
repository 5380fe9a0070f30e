package chain

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	_ "crypto/md5" // old certificates are signed with it, and that should be told from a forgery
	"crypto/rsa"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// signature is an AlgorithmIdentifier of a signature.
type signature struct {
	name   string
	family string      // of the key that makes it
	hash   crypto.Hash // 0 if the algorithm brings its own or it is not known here
	code   uint16      // TLS SignatureScheme, before the key of the issuer is looked at
	salt   int         // of RSASSA-PSS; -1 if the parameters are out of the ordinary
}

// signatureAlgorithms by OID. The codes are TLS SignatureSchemes; where TLS
// 1.3 has none, HashAlgorithm and SignatureAlgorithm of TLS 1.2.
var signatureAlgorithms = map[string]signature{
	"1.2.840.113549.1.1.2":    {name: "md2WithRSAEncryption", family: "RSA"},
	"1.2.840.113549.1.1.4":    {name: "md5WithRSAEncryption", family: "RSA", hash: crypto.MD5, code: 0x0101},
	"1.2.840.113549.1.1.5":    {name: "sha1WithRSAEncryption", family: "RSA", hash: crypto.SHA1, code: 0x0201},
	"1.3.14.3.2.29":           {name: "sha1WithRSAEncryption", family: "RSA", hash: crypto.SHA1, code: 0x0201},
	"1.2.840.113549.1.1.14":   {name: "sha224WithRSAEncryption", family: "RSA", hash: crypto.SHA224, code: 0x0301},
	"1.2.840.113549.1.1.11":   {name: "sha256WithRSAEncryption", family: "RSA", hash: crypto.SHA256, code: 0x0401},
	"1.2.840.113549.1.1.12":   {name: "sha384WithRSAEncryption", family: "RSA", hash: crypto.SHA384, code: 0x0501},
	"1.2.840.113549.1.1.13":   {name: "sha512WithRSAEncryption", family: "RSA", hash: crypto.SHA512, code: 0x0601},
	"1.2.840.10040.4.3":       {name: "dsa-with-sha1", family: "DSA", code: 0x0202},
	"2.16.840.1.101.3.4.3.1":  {name: "dsa-with-sha224", family: "DSA", code: 0x0302},
	"2.16.840.1.101.3.4.3.2":  {name: "dsa-with-sha256", family: "DSA", code: 0x0402},
	"2.16.840.1.101.3.4.3.3":  {name: "dsa-with-sha384", family: "DSA", code: 0x0502},
	"2.16.840.1.101.3.4.3.4":  {name: "dsa-with-sha512", family: "DSA", code: 0x0602},
	"1.2.840.10045.4.1":       {name: "ecdsa-with-SHA1", family: "ECDSA", hash: crypto.SHA1, code: 0x0203},
	"1.2.840.10045.4.3.1":     {name: "ecdsa-with-SHA224", family: "ECDSA", hash: crypto.SHA224, code: 0x0303},
	"1.2.840.10045.4.3.2":     {name: "ecdsa-with-SHA256", family: "ECDSA", hash: crypto.SHA256, code: 0x0403},
	"1.2.840.10045.4.3.3":     {name: "ecdsa-with-SHA384", family: "ECDSA", hash: crypto.SHA384, code: 0x0503},
	"1.2.840.10045.4.3.4":     {name: "ecdsa-with-SHA512", family: "ECDSA", hash: crypto.SHA512, code: 0x0603},
	"1.3.101.112":             {name: "id-Ed25519", family: "EdDSA", code: 0x0807},
	"1.3.101.113":             {name: "id-Ed448", family: "EdDSA", code: 0x0808},
	"2.16.840.1.101.3.4.3.17": {name: "id-ml-dsa-44", family: "ML-DSA", code: 0x0904},
	"2.16.840.1.101.3.4.3.18": {name: "id-ml-dsa-65", family: "ML-DSA", code: 0x0905},
	"2.16.840.1.101.3.4.3.19": {name: "id-ml-dsa-87", family: "ML-DSA", code: 0x0906},
	"1.2.156.10197.1.501":     {name: "SM2-with-SM3", family: "SM2", code: 0x0708},
	"1.2.643.2.2.3":           {name: "id-GostR3411-94-with-GostR3410-2001", family: "GOST"},
	"1.2.643.7.1.1.3.2":       {name: "id-tc26-signwithdigest-gost3410-12-256", family: "GOST", code: 0x0709},
	"1.2.643.7.1.1.3.3":       {name: "id-tc26-signwithdigest-gost3410-12-512", family: "GOST", code: 0x070D},
}

const oidPSS = "1.2.840.113549.1.1.10"

// hashes by OID.
var hashes = map[string]crypto.Hash{
	"1.2.840.113549.2.5":     crypto.MD5,
	"1.3.14.3.2.26":          crypto.SHA1,
	"2.16.840.1.101.3.4.2.4": crypto.SHA224,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

// readSignature reads an AlgorithmIdentifier.
func readSignature(element []byte) signature {
	in := cryptobyte.String(element)
	var algorithm, id cryptobyte.String
	if !in.ReadASN1(&algorithm, asn1.SEQUENCE) || !algorithm.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) {
		return signature{}
	}
	dotted := oid(id)
	if s, ok := signatureAlgorithms[dotted]; ok {
		return s
	}
	if dotted == oidPSS {
		return readPSS(algorithm)
	}
	if a, ok := keyAlgorithms[dotted]; ok && a.family == "SLH-DSA" {
		return signature{name: a.name, family: a.family}
	}
	return signature{name: clip(dotted)}
}

// readPSS reads RSASSA-PSS-params (RFC 4055 section 3.1), whose defaults are
// SHA-1 throughout and a salt of 20 bytes.
func readPSS(params cryptobyte.String) signature {
	s := signature{name: "rsassaPss", family: "RSA", salt: -1}
	hash, mask, salt := crypto.SHA1, crypto.SHA1, int64(20)
	if !params.Empty() {
		var in, field, algorithm, id cryptobyte.String
		var present bool
		if !params.ReadASN1(&in, asn1.SEQUENCE) || !in.ReadOptionalASN1(&field, &present, asn1.Tag(0).Constructed().ContextSpecific()) {
			return s
		}
		if present {
			if !field.ReadASN1(&algorithm, asn1.SEQUENCE) || !algorithm.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) {
				return s
			}
			hash = hashes[oid(id)]
		}
		if !in.ReadOptionalASN1(&field, &present, asn1.Tag(1).Constructed().ContextSpecific()) {
			return s
		}
		if present {
			var generator cryptobyte.String
			const mgf1 = "1.2.840.113549.1.1.8"
			if !field.ReadASN1(&generator, asn1.SEQUENCE) || !generator.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) || oid(id) != mgf1 ||
				!generator.ReadASN1(&algorithm, asn1.SEQUENCE) || !algorithm.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) {
				return s
			}
			mask = hashes[oid(id)]
		}
		if !in.ReadOptionalASN1(&field, &present, asn1.Tag(2).Constructed().ContextSpecific()) || present && (!field.ReadASN1Integer(&salt) || salt < 0 || salt > 1<<16) {
			return s
		}
	}
	if hash == 0 {
		return s
	}
	s.name += " " + hash.String()
	if mask != hash || salt != int64(hash.Size()) {
		s.name += fmt.Sprintf(" (MGF1 %s, salt %d)", mask, salt)
	}
	if mask == hash {
		s.hash, s.salt = hash, int(salt)
	}
	switch hash {
	case crypto.SHA256:
		s.code = 0x0804
	case crypto.SHA384:
		s.code = 0x0805
	case crypto.SHA512:
		s.code = 0x0806
	}
	return s
}

// scheme is the TLS SignatureScheme that comes closest. ECDSA and RSASSA-PSS
// are told apart by the key that signed, if it is at hand.
func (s signature) scheme(issuer *certificate) uint16 {
	if issuer == nil {
		return s.code
	}
	const pssKey = 0x0809 - 0x0804
	switch {
	case s.code >= 0x0804 && s.code <= 0x0806 && issuer.key.name == "id-RSASSA-PSS":
		return s.code + pssKey
	case s.code == 0x0403 && issuer.key.curve == "brainpoolP256r1":
		return 0x081A
	case s.code == 0x0503 && issuer.key.curve == "brainpoolP384r1":
		return 0x081B
	case s.code == 0x0603 && issuer.key.curve == "brainpoolP512r1":
		return 0x081C
	}
	return s.code
}

// weak names the broken hash of a signature, or "".
func (s signature) weak() string {
	switch {
	case s.name == "md2WithRSAEncryption":
		return "MD2"
	case s.hash == crypto.MD5:
		return "MD5"
	case s.hash == crypto.SHA1, s.code == 0x0202:
		return "SHA-1"
	}
	return ""
}

// verify checks a signature over a message. It is unknown where this program
// has no implementation for algorithm or key.
func (s signature) verify(k key, message, sig []byte) State {
	if k.public == nil || s.family != k.family || s.family == "" {
		if s.family != "" && k.family != "" && k.family != "unknown" && s.family != k.family {
			return No
		}
		return Unknown
	}
	var digest []byte
	if s.hash != 0 {
		h := s.hash.New()
		h.Write(message)
		digest = h.Sum(nil)
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		switch {
		case s.hash == 0 || public.N.BitLen() < 1024 || public.N.Bit(0) == 0 || public.E < 3 || public.E&1 == 0:
			return Unknown // the library refuses such keys
		case strings.HasPrefix(s.name, "rsassaPss"):
			return state(rsa.VerifyPSS(public, s.hash, digest, sig, &rsa.PSSOptions{SaltLength: pssSalt(s.salt), Hash: s.hash}) == nil)
		case k.name != "rsaEncryption":
			return No // such a key may only be used with PSS
		}
		return state(rsa.VerifyPKCS1v15(public, s.hash, digest, sig) == nil)
	case *ecdsa.PublicKey:
		if s.hash == 0 {
			return Unknown
		}
		return state(ecdsa.VerifyASN1(public, digest, sig))
	case *point:
		if s.hash == 0 {
			return Unknown
		}
		return state(public.verify(digest, sig))
	case ed25519.PublicKey:
		if s.name != "id-Ed25519" {
			return No
		}
		return state(ed25519.Verify(public, message, sig))
	}
	return Unknown
}

// pssSalt is the length as the library wants it, for which 0 stands for any.
func pssSalt(n int) int {
	if n == 0 {
		return rsa.PSSSaltLengthAuto
	}
	return n
}

// signed reports whether the certificate at parent signed the one at child.
func (t *study) signed(child, parent int) State { return t.check(child, t.certs[parent]) }

// check verifies the signature of a certificate with the key of an issuer,
// which need not have been sent, within the chain's budget of verifications.
func (t *study) check(child int, issuer *certificate) State {
	l := link{child, issuer}
	if s, ok := t.known[l]; ok {
		return s
	}
	c := t.certs[child]
	if c.tbs == nil || c.signatureBits == nil || issuer.spki == nil || !bytes.Equal(c.inner, c.outer) || t.budget == 0 {
		return Unknown
	}
	t.budget--
	t.known[l] = c.signature.verify(issuer.key, c.tbs, c.signatureBits)
	return t.known[l]
}
