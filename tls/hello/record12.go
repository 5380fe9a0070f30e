package hello

import (
	"bytes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rc4"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
)

// A protector guards the records of one direction and epoch. Open moves on to
// the next record. Seal does not: what it returns counts once it was sent,
// and [Flight.Sent] opens it like everything else.
type protector interface {
	open(header, ciphertext []byte) (content byte, plain []byte, err error)
	seal(content byte, plain []byte) []byte
	clone() protector
}

// sealAll cuts content in records and seals each.
func sealAll(p protector, content byte, payload []byte) []byte {
	p = p.clone()
	var out []byte
	for first := true; first || len(payload) > 0; first = false {
		n := min(len(payload), MaxPlaintext)
		record := p.seal(content, payload[:n])
		out = append(out, record...)
		payload = payload[n:]
		p.open(record[:5], record[5:]) // moves on
	}
	return out
}

var errRecord = errors.New("bad record MAC")

// additional is what is authenticated beside the content of a record before
// TLS 1.3 (RFC 5246 section 6.2.3.3).
func additional(next uint64, content byte, version uint16, length int) []byte {
	b := binary.BigEndian.AppendUint64(nil, next)
	return append(b, content, byte(version>>8), byte(version), byte(length>>8), byte(length))
}

func record12(content byte, version uint16, body []byte) []byte {
	return append([]byte{content, byte(version >> 8), byte(version), byte(len(body) >> 8), byte(len(body))}, body...)
}

// aead12 is GCM, whose records carry eight bytes of the nonce (RFC 5288), or
// ChaCha20-Poly1305, whose do not (RFC 7905).
type aead12 struct {
	aead     cipher.AEAD
	iv       []byte
	explicit int // bytes of the nonce in each record
	version  uint16
	next     uint64
}

func (p *aead12) clone() protector { q := *p; return &q }

// nonce completes the explicit part or, without one, mixes in the sequence
// number.
func (p *aead12) nonce(explicit []byte) []byte {
	if p.explicit > 0 {
		return append(bytes.Clone(p.iv), explicit...)
	}
	nonce := bytes.Clone(p.iv)
	for i := range 8 {
		nonce[len(nonce)-1-i] ^= byte(p.next >> (8 * i))
	}
	return nonce
}

func (p *aead12) open(header, body []byte) (byte, []byte, error) {
	if len(body) < p.explicit+p.aead.Overhead() {
		return 0, nil, errRecord
	}
	explicit, body := body[:p.explicit], body[p.explicit:]
	plain, err := p.aead.Open(nil, p.nonce(explicit), body, additional(p.next, header[0], p.version, len(body)-p.aead.Overhead()))
	if err != nil {
		return 0, nil, errRecord
	}
	p.next++
	return header[0], plain, nil
}

func (p *aead12) seal(content byte, plain []byte) []byte {
	var explicit []byte
	if p.explicit > 0 {
		explicit = binary.BigEndian.AppendUint64(nil, p.next)
	}
	return record12(content, p.version, p.aead.Seal(explicit, p.nonce(explicit), plain, additional(p.next, content, p.version, len(plain))))
}

// mac12 authenticates the records of block and stream ciphers.
type mac12 struct {
	hash    func() hash.Hash
	key     []byte
	size    int // ten bytes are left of a truncated HMAC (RFC 6066 section 7)
	version uint16
	next    uint64
}

func (m *mac12) sum(content byte, data []byte) []byte {
	h := hmac.New(m.hash, m.key)
	h.Write(additional(m.next, content, m.version, len(data)))
	h.Write(data)
	return h.Sum(nil)[:m.size]
}

// check takes the code off the end of data.
func (m *mac12) check(content byte, data []byte) ([]byte, error) {
	n := len(data) - m.size
	if n < 0 || !hmac.Equal(data[n:], m.sum(content, data[:n])) {
		return nil, errRecord
	}
	return data[:n:n], nil
}

// cbc12 is a block cipher. TLS 1.0 goes on with the last block of the record
// before; later versions put an IV before each record.
type cbc12 struct {
	mac12
	block cipher.Block
	iv    []byte // TLS 1.0
	etm   bool   // encrypt_then_mac (RFC 7366)
}

func (p *cbc12) clone() protector { q := *p; return &q }

func (p *cbc12) open(header, body []byte) (_ byte, plain []byte, err error) {
	size := p.block.BlockSize()
	if p.etm {
		if body, err = p.check(header[0], body); err != nil {
			return 0, nil, err
		}
	}
	iv := p.iv
	if p.version != TLS10 {
		if len(body) < size {
			return 0, nil, errRecord
		}
		iv, body = body[:size], body[size:]
	}
	if len(body) == 0 || len(body)%size != 0 {
		return 0, nil, errRecord
	}
	plain = make([]byte, len(body))
	cipher.NewCBCDecrypter(p.block, iv).CryptBlocks(plain, body)
	padding := int(plain[len(plain)-1]) + 1
	if padding > len(plain) || bytes.Count(plain[len(plain)-padding:], plain[len(plain)-1:]) != padding {
		return 0, nil, errRecord
	}
	plain = plain[:len(plain)-padding]
	if !p.etm {
		if plain, err = p.check(header[0], plain); err != nil {
			return 0, nil, err
		}
	}
	if p.version == TLS10 {
		p.iv = bytes.Clone(body[len(body)-size:])
	}
	p.next++
	return header[0], plain, nil
}

func (p *cbc12) seal(content byte, plain []byte) []byte {
	size := p.block.BlockSize()
	data := bytes.Clone(plain)
	if !p.etm {
		data = append(data, p.sum(content, plain)...)
	}
	padding := size - len(data)%size
	data = append(data, bytes.Repeat([]byte{byte(padding - 1)}, padding)...)
	iv := p.iv
	if p.version != TLS10 {
		// Made up from the key, so that a sealed record can be made again.
		h := hmac.New(sha256.New, p.key)
		h.Write(binary.BigEndian.AppendUint64(nil, p.next))
		iv = h.Sum(nil)[:size]
	}
	cipher.NewCBCEncrypter(p.block, iv).CryptBlocks(data, data)
	if p.version != TLS10 {
		data = append(bytes.Clone(iv), data...)
	}
	if p.etm {
		data = append(data, p.sum(content, data)...)
	}
	return record12(content, p.version, data)
}

// stream12 is RC4, or no encryption at all.
type stream12 struct {
	mac12
	rc4 *rc4.Cipher // nil for NULL
}

func (p *stream12) clone() protector {
	q := *p
	if p.rc4 != nil {
		state := *p.rc4
		q.rc4 = &state
	}
	return &q
}

func (p *stream12) xor(data []byte) []byte {
	out := bytes.Clone(data)
	if p.rc4 != nil {
		p.rc4.XORKeyStream(out, data)
	}
	return out
}

func (p *stream12) open(header, body []byte) (byte, []byte, error) {
	plain, err := p.check(header[0], p.xor(body))
	if err == nil {
		p.next++
	}
	return header[0], plain, err
}

func (p *stream12) seal(content byte, plain []byte) []byte {
	q := p.clone().(*stream12)
	return record12(content, p.version, q.xor(append(bytes.Clone(plain), p.sum(content, plain)...)))
}
