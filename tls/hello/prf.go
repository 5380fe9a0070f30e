package hello

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"hash"
)

// A prf is the pseudorandom function up to TLS 1.2, given by its hashes: MD5
// and SHA-1 (RFC 2246 section 5), or the one of the suite (RFC 5246 section
// 5). The same hashes make up the digest of a handshake.
type prf []func() hash.Hash

func prfOf(version uint16, suite suite12) prf {
	if version == TLS12 {
		return prf{suite.prf}
	}
	return prf{md5.New, sha1.New}
}

// expand returns length bytes. Two hashes get half of the secret each.
func (p prf) expand(secret []byte, label string, seed []byte, length int) []byte {
	out := make([]byte, length)
	seed = append([]byte(label), seed...)
	half := (len(secret) + len(p) - 1) / len(p)
	for i, h := range p {
		part := secret[:half]
		if i > 0 {
			part = secret[len(secret)-half:]
		}
		mac := hmac.New(h, part)
		sum := func(parts ...[]byte) []byte {
			mac.Reset()
			for _, b := range parts {
				mac.Write(b)
			}
			return mac.Sum(nil)
		}
		a := seed
		for at := 0; at < length; {
			a = sum(a)
			for _, b := range sum(a, seed) {
				if at == length {
					break
				}
				out[at] ^= b
				at++
			}
		}
	}
	return out
}

// digest returns the hash of the messages of a handshake.
func (p prf) digest(transcript []byte) []byte {
	var out []byte
	for _, h := range p {
		sum := h()
		sum.Write(transcript)
		out = sum.Sum(out)
	}
	return out
}
