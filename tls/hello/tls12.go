package hello

import (
	"bytes"
	"crypto/rc4"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// ErrFinished is the reason of [Flight.Broken] for a Finished that does not
// follow from the handshake.
var ErrFinished = errors.New("the server's Finished is wrong")

// errHello is about a hello that was broken on purpose, or one of SSL 2.0.
var errHello = errors.New("our hello cannot be read")

// keys12 is what both sides have agreed on before TLS 1.3.
type keys12 struct {
	prf            prf
	master         []byte
	client, server protector
}

// derive computes the keys of the records (RFC 5246 section 6.3).
func (f *Flight) derive(master []byte) (*keys12, error) {
	if f.ClientHello == nil {
		return nil, errHello
	}
	h := f.ServerHello
	version := h.Version()
	suite, ok := suite12Of(h.CipherSuite)
	if !ok || version < TLS10 || version > TLS12 || h.Compression != 0 || suite.mac == nil && version != TLS12 {
		return nil, fmt.Errorf("%s, cipher suite 0x%04X and compression %d: %w", VersionName(version), h.CipherSuite, h.Compression, errors.ErrUnsupported)
	}
	k := &keys12{prf: prfOf(version, suite), master: master}
	hashed := 0
	if suite.mac != nil {
		hashed = suite.mac().Size()
	}
	b := suite.bulk
	block := cryptobyte.String(k.prf.expand(master, "key expansion", slices.Concat(h.Random, f.ClientHello.Random), 2*(hashed+b.key+b.iv)))
	var mac, key, iv [2][]byte
	for _, part := range []struct {
		of   *[2][]byte
		size int
	}{{&mac, hashed}, {&key, b.key}, {&iv, b.iv}} {
		for i := range part.of {
			block.ReadBytes(&part.of[i], part.size)
		}
	}
	_, truncated := h.Extension(ExtTruncatedHMAC)
	_, etm := h.Extension(ExtEncryptThenMAC)
	var sides [2]protector
	for i := range sides {
		m := mac12{hash: suite.mac, key: mac[i], size: hashed, version: version}
		if truncated {
			m.size = min(m.size, 10)
		}
		switch {
		case b.aead != nil:
			aead, err := b.aead(key[i])
			if err != nil {
				return nil, err
			}
			sides[i] = &aead12{aead: aead, iv: iv[i], explicit: b.explicit, version: version}
		case b.block != nil:
			block, err := b.block(key[i])
			if err != nil {
				return nil, err
			}
			sides[i] = &cbc12{mac12: m, block: block, iv: iv[i], etm: etm}
		case b.key > 0:
			stream, err := rc4.NewCipher(key[i])
			if err != nil {
				return nil, err
			}
			sides[i] = &stream12{m, stream}
		default:
			sides[i] = &stream12{mac12: m}
		}
	}
	k.client, k.server = sides[0], sides[1]
	return k, nil
}

// agree computes the keys once our ClientKeyExchange, with which transcript
// ends, is known.
func (f *Flight) agree(premaster, transcript []byte) (*keys12, error) {
	suite, _ := suite12Of(f.ServerHello.CipherSuite)
	p := prfOf(f.ServerHello.Version(), suite)
	label, seed := "master secret", slices.Concat(f.ClientHello.Random, f.ServerHello.Random)
	if _, ok := f.ServerHello.Extension(ExtExtendedMasterSecret); ok {
		label, seed = "extended master secret", p.digest(transcript)
	}
	return f.derive(p.expand(premaster, label, seed, 48))
}

// resume computes the keys of an abbreviated handshake, if they can be known.
func (f *Flight) resume() {
	f.Resumed = true
	if s := f.Session; s != nil && s.CipherSuite == f.ServerHello.CipherSuite && s.Version == f.ServerHello.Version() {
		f.keys, _ = f.derive(s.Master)
	}
}

// verifyData is the content of a Finished (RFC 5246 section 7.4.9).
func (k *keys12) verifyData(side string, transcript []byte) []byte {
	return k.prf.expand(k.master, side+" finished", k.prf.digest(transcript), 12)
}

// finished12 checks the server's Finished.
func (f *Flight) finished12(body []byte) error {
	if f.keys == nil || f.reader == nil || f.Complete {
		return nil
	}
	if !bytes.Equal(body, f.keys.verifyData("server", f.transcript)) {
		return ErrFinished
	}
	f.serverVerify = body
	f.Complete = true
	return nil
}

// finish12 is Finish before TLS 1.3.
func (f *Flight) finish12() ([]byte, error) {
	switch {
	case f.hidden:
		return nil, errors.New("the handshake is finished on our side")
	case f.Resumed && !f.Complete, !f.Resumed && !f.Done:
		return nil, errors.New("the server has not finished")
	}
	var out []byte
	keys, transcript := f.keys, f.transcript
	version := f.ServerHello.Version()
	if !f.Resumed {
		if version < TLS10 {
			return nil, fmt.Errorf("%s: %w", VersionName(version), errors.ErrUnsupported)
		}
		e, err := f.exchange()
		if err != nil {
			return nil, err
		}
		var messages []byte
		if f.Request != nil {
			messages = Message(TypeCertificate, []byte{0, 0, 0})
		}
		messages = append(messages, e.message...)
		transcript = slices.Concat(transcript, messages)
		if keys, err = f.agree(e.premaster, transcript); err != nil {
			return nil, err
		}
		out = Records(ContentHandshake, version, messages)
	}
	out = append(out, Records(ContentChangeCipherSpec, version, []byte{1})...)
	return append(out, sealAll(keys.client, ContentHandshake, Message(TypeFinished, keys.verifyData("client", transcript)))...), nil
}
