package hello

import (
	"errors"
	"slices"
)

// Renegotiate returns the records that offer a second handshake inside of a
// complete one, of TLS 1.0 to 1.2. If secure it carries the renegotiation_info
// that RFC 5746 section 3.5 wants, else neither that nor the signalling suite.
// Once it was sent the answer is in Again, in a warning no_renegotiation (100)
// or in a fatal Alert.
func (f *Flight) Renegotiate(c *ClientHello, secure bool) ([]byte, error) {
	if f.keys == nil || !f.Complete {
		return nil, errors.New("the handshake is not complete")
	}
	d := *c
	d.CipherSuites = slices.DeleteFunc(slices.Clone(c.CipherSuites), func(s uint16) bool { return s == SCSVRenegotiation })
	if secure {
		d = *d.With(RenegotiationInfo(f.clientVerify))
	} else {
		d.Extensions = slices.DeleteFunc(slices.Clone(c.Extensions), func(e Extension) bool { return e.Type == ExtRenegotiationInfo })
	}
	return f.Seal(ContentHandshake, d.Marshal())
}

// Bound reports whether the server's second hello is bound to the first
// handshake, as RFC 5746 section 3.7 has it.
func (f *Flight) Bound() bool {
	if f.Again == nil || f.Again.ServerHello == nil {
		return false
	}
	info, _ := f.Again.ServerHello.Extension(ExtRenegotiationInfo)
	want := slices.Concat(f.clientVerify, f.serverVerify)
	return len(want) > 0 && slices.Equal(info, RenegotiationInfo(want).Data)
}

// Seal returns content in records as a client sends it in the present state:
// in the clear or, after our change of cipher, encrypted. Only [Flight.Sent]
// changes that state.
func (f *Flight) Seal(content byte, payload []byte) ([]byte, error) {
	switch {
	case f.writer != nil:
		return sealAll(f.writer, content, payload), nil
	case f.hidden:
		return nil, errors.New("the keys are not known")
	}
	version := TLS10
	if f.Version() != 0 {
		version = min(max(f.Version(), SSL30), TLS12)
	}
	return Records(content, version, payload), nil
}
