package netlog

import (
	"encoding/pem"

	"golang.org/x/crypto/cryptobyte"
)

// tls returns the handshake of the socket an event belongs to, nil if the
// socket is unknown.
func (rd *reader) tls(e *Event) *TLS {
	s := rd.sockets.get(e.SourceID)
	if s == nil {
		return nil
	}
	if s.TLS == nil {
		s.TLS = &TLS{Start: e.Stamp}
	}
	return s.TLS
}

func (rd *reader) sslConnect(e *Event) error {
	p, err := params[struct {
		Version   string `json:"version"`
		Cipher    uint16 `json:"cipher_suite"`
		Group     uint16 `json:"key_exchange_group"`
		Signature uint16 `json:"peer_signature_algorithm"`
		ALPN      string `json:"next_proto"`
		ECH       bool   `json:"encrypted_client_hello"`
		Resumed   bool   `json:"is_resumed"`
		NetError  int    `json:"net_error"`
	}](e)
	t := rd.tls(e)
	if t == nil || err != nil || e.Phase != End {
		return err
	}
	t.End = e.Stamp
	t.Version, t.CipherSuite, t.Group, t.SignatureAlgorithm = p.Version, p.Cipher, p.Group, p.Signature
	t.ALPN, t.ECH, t.Resumed, t.NetError = p.ALPN, p.ECH, p.Resumed, p.NetError
	// A verdict that came from the verifier's cache has no job of its own.
	if p.NetError <= -200 && p.NetError > -300 && t.CertError == 0 {
		t.CertError = p.NetError
	}
	return nil
}

func (rd *reader) sslMessage(sent bool) func(*Event) error {
	return func(e *Event) error {
		p, err := params[struct {
			Type  uint8  `json:"type"`
			Bytes []byte `json:"bytes"`
		}](e)
		t := rd.tls(e)
		if t == nil || err != nil {
			return err
		}
		if sent && t.ServerName == "" {
			t.ServerName = serverName(p.Bytes)
		}
		s := rd.sockets.get(e.SourceID)
		if len(t.Messages) >= maxMessages {
			rd.log.Dropped++
			return nil
		}
		if !rd.keep(&s.held, len(p.Bytes)) {
			return nil
		}
		t.Messages = append(t.Messages, HandshakeMessage{Stamp: e.Stamp, Sent: sent, Type: p.Type, Bytes: p.Bytes})
		return nil
	}
}

func (rd *reader) sslInnerHello(e *Event) error {
	p, err := params[struct {
		Bytes []byte `json:"bytes"`
	}](e)
	if t := rd.tls(e); t != nil && err == nil && t.InnerServerName == "" {
		t.InnerServerName = serverName(p.Bytes)
	}
	return err
}

func (rd *reader) sslCertificates(e *Event) error {
	p, err := params[struct {
		Certificates []string `json:"certificates"`
	}](e)
	t := rd.tls(e)
	if t == nil || err != nil {
		return err
	}
	t.Certificates = nil
	s := rd.sockets.get(e.SourceID)
	for _, text := range p.Certificates {
		b, _ := pem.Decode([]byte(text))
		if b == nil {
			rd.log.Malformed++
			continue
		}
		if !rd.keep(&s.held, len(b.Bytes)) {
			break
		}
		t.Certificates = append(t.Certificates, b.Bytes)
	}
	return nil
}

// A certJob is a verification of a chain for the sockets that wait for it.
type certJob struct{ sockets []int64 }

func (rd *reader) certRequestBound(e *Event) error {
	d, err := params[dependency](e)
	if err != nil {
		return err
	}
	job, _ := rd.verify.add(d.Source.ID)
	job.sockets = rd.join(job.sockets, e.SourceID)
	return nil
}

func (rd *reader) certJob(e *Event) error {
	p, err := params[struct {
		NetError int `json:"net_error"`
	}](e)
	job := rd.verify.get(e.SourceID)
	if job == nil || err != nil || e.Phase != End {
		return err
	}
	for _, id := range job.sockets {
		if s := rd.sockets.get(id); s != nil && s.TLS != nil {
			s.TLS.CertError = p.NetError
		}
	}
	rd.verify.remove(e.SourceID)
	return nil
}

const (
	clientHello         = 1
	encryptedExtensions = 8
	certificate         = 11
)

// serverName returns the host name in a ClientHello, "" if there is none or
// the message is something else.
func serverName(message []byte) string {
	m := cryptobyte.String(message)
	var typ uint8
	var body, skip, extensions cryptobyte.String
	if !m.ReadUint8(&typ) || typ != clientHello || !m.ReadUint24LengthPrefixed(&body) ||
		!body.Skip(2+32) || !body.ReadUint8LengthPrefixed(&skip) || !body.ReadUint16LengthPrefixed(&skip) ||
		!body.ReadUint8LengthPrefixed(&skip) || !body.ReadUint16LengthPrefixed(&extensions) {
		return ""
	}
	for !extensions.Empty() {
		var typ uint16
		var data, names, name cryptobyte.String
		if !extensions.ReadUint16(&typ) || !extensions.ReadUint16LengthPrefixed(&data) {
			return ""
		}
		var kind uint8
		if typ == 0 && data.ReadUint16LengthPrefixed(&names) && names.ReadUint8(&kind) && kind == 0 && names.ReadUint16LengthPrefixed(&name) {
			return string(name)
		}
	}
	return ""
}

// serverFlight reads the application protocol and the chain out of a TLS 1.3
// server's handshake messages, as far as they are there.
func serverFlight(messages []byte) (alpn string, chain [][]byte) {
	m := cryptobyte.String(messages)
	var typ uint8
	var body cryptobyte.String
	for m.ReadUint8(&typ) && m.ReadUint24LengthPrefixed(&body) {
		switch typ {
		case encryptedExtensions:
			alpn = chosenProtocol(body)
		case certificate:
			var context, list, cert, extensions cryptobyte.String
			if !body.ReadUint8LengthPrefixed(&context) || !body.ReadUint24LengthPrefixed(&list) {
				return alpn, chain
			}
			for list.ReadUint24LengthPrefixed(&cert) && list.ReadUint16LengthPrefixed(&extensions) {
				chain = append(chain, cert)
			}
		}
	}
	return alpn, chain
}

func chosenProtocol(body cryptobyte.String) string {
	var extensions, data, list, name cryptobyte.String
	if !body.ReadUint16LengthPrefixed(&extensions) {
		return ""
	}
	var typ uint16
	for extensions.ReadUint16(&typ) && extensions.ReadUint16LengthPrefixed(&data) {
		if typ == 16 && data.ReadUint16LengthPrefixed(&list) && list.ReadUint8LengthPrefixed(&name) {
			return string(name)
		}
	}
	return ""
}
