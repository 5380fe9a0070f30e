package hello

import "golang.org/x/crypto/cryptobyte"

// SSL2ClientHello returns the CLIENT-HELLO of SSL 2.0, which has records and
// messages of its own: a length of two bytes, then the message.
func SSL2ClientHello(kinds []uint32, challenge []byte) []byte {
	var b cryptobyte.Builder
	b.AddUint8(1)
	b.AddUint16(SSL20)
	b.AddUint16(uint16(3 * len(kinds)))
	b.AddUint16(0) // no session id
	b.AddUint16(uint16(len(challenge)))
	for _, k := range kinds {
		b.AddUint24(k)
	}
	b.AddBytes(challenge)
	body := b.BytesOrPanic()
	return append([]byte{0x80 | byte(len(body)>>8), byte(len(body))}, body...)
}

// An SSL2ServerHello is the SERVER-HELLO of SSL 2.0. The cipher kinds are
// those that both sides have.
type SSL2ServerHello struct {
	Version     uint16
	Kinds       []uint32
	Certificate []byte
}

// parseSSL2 parses a SERVER-HELLO with its record header. More data may have
// to come if both results are nil.
func parseSSL2(b []byte) (*SSL2ServerHello, error) {
	if len(b) < 3 {
		return nil, nil
	}
	if b[0]&0x80 == 0 || b[2] != 4 {
		return nil, errMalformed
	}
	n := int(b[0]&0x7F)<<8 | int(b[1])
	if n == 0 {
		return nil, errMalformed
	}
	if len(b) < 2+n {
		return nil, nil
	}
	s := cryptobyte.String(b[3 : 2+n])
	h := &SSL2ServerHello{}
	var hit, typ uint8
	var certificate, kinds, connection uint16
	var rest []byte
	if !s.ReadUint8(&hit) || !s.ReadUint8(&typ) || !s.ReadUint16(&h.Version) || !s.ReadUint16(&certificate) || !s.ReadUint16(&kinds) ||
		!s.ReadUint16(&connection) || !s.ReadBytes(&h.Certificate, int(certificate)) || !s.ReadBytes(&rest, int(kinds)) {
		return nil, errMalformed
	}
	list := cryptobyte.String(rest)
	for k := uint32(0); list.ReadUint24(&k); {
		h.Kinds = append(h.Kinds, k)
	}
	return h, nil
}
