package hello

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// A Flight is what has passed on one connection, as far as a client can read
// it. Tell it with Sent and Received, in order; the fields hold what the
// server has shown so far. The zero value is ready.
type Flight struct {
	Shares  []Share  // our key shares, if TLS 1.3 is to be decrypted
	PSK     *PSK     // the one that the hello offers
	Secret  []byte   // of any length, from which Finish makes all that is random up to TLS 1.2; so it is all that a transcript has to keep
	Session *Session // up to TLS 1.2: the one that the hello offers

	ClientHello *ClientHello // the last that was sent
	SSL2        *SSL2ServerHello
	Retry       *ServerHello // HelloRetryRequest
	ServerHello *ServerHello

	Encrypted    []Extension // of EncryptedExtensions
	Decrypted    bool        // EncryptedExtensions could be read
	Certificates []Entry
	Compressed   uint16 // algorithm of a compressed certificate (RFC 8879)
	OCSP         []byte // from CertificateStatus
	KeyExchange  *KeyExchange
	Request      *CertificateRequest
	Verify       *Verify
	Done         bool // ServerHelloDone, or in TLS 1.3 a Finished that is right
	Complete     bool // a Finished of the server that is right
	Resumed      bool // up to TLS 1.2: the handshake is an abbreviated one
	Tickets      []Ticket
	Again        *Flight // up to TLS 1.2: a second handshake in the first, as far as the server's ServerHelloDone

	ChangeCipherSpec bool    // the server has sent one, before TLS 1.3; the rest is encrypted
	Alert            *Alert  // the fatal alert
	Warnings         []Alert // at most a few
	Heartbeats       [][]byte
	Application      int   // bytes of application data that could be read
	Pieces           []int // lengths of the first few records of it
	Broken           error // what could not be understood; nothing after it was read

	sent, received     bytes.Buffer // what is not yet a whole record
	out, in            []byte       // what is not yet a whole message
	transcript         []byte
	kept               int
	secrets            *secrets13
	reader, writer     protector
	hidden             bool // what we send is encrypted, up to TLS 1.2
	exchanged          *exchanged
	keys               *keys12
	finishedTranscript []byte // up to the server's Finished
	clientFinished     []byte // the transcript up to ours
	clientVerify       []byte // contents of both Finished up to TLS 1.2
	serverVerify       []byte
	ssl2               bool
}

// Verify is the proof of TLS 1.3 that the server has the certificate's key.
type Verify struct {
	SignatureScheme uint16
	Signature       []byte
}

// maxKept bounds the handshake messages of one Flight.
const maxKept = 1 << 20

// Version is the version that was agreed on; 0 if none was.
func (f *Flight) Version() uint16 {
	switch {
	case f.ServerHello != nil:
		return f.ServerHello.Version()
	case f.Retry != nil:
		return f.Retry.Version()
	case f.SSL2 != nil:
		return SSL20
	}
	return 0
}

// Chosen returns the hello in which the server made its choice: a ServerHello
// or, before that, a HelloRetryRequest. It is nil if there was neither.
func (f *Flight) Chosen() *ServerHello {
	if f.ServerHello != nil {
		return f.ServerHello
	}
	return f.Retry
}

// Group is the group that the server chose; 0 if none is known.
func (f *Flight) Group() uint16 {
	for _, h := range []*ServerHello{f.ServerHello, f.Retry} {
		if h != nil {
			if group, _, ok := h.KeyShare(); ok {
				return group
			}
		}
	}
	if f.KeyExchange != nil {
		return f.KeyExchange.Group
	}
	return 0
}

// SignatureScheme is what the server signed with; 0 if none is known.
func (f *Flight) SignatureScheme() uint16 {
	switch {
	case f.Verify != nil:
		return f.Verify.SignatureScheme
	case f.KeyExchange != nil:
		return f.KeyExchange.SignatureScheme
	}
	return 0
}

// Extension returns an extension of the server's hello or of its
// EncryptedExtensions.
func (f *Flight) Extension(typ uint16) ([]byte, bool) {
	if f.ServerHello != nil {
		if data, ok := f.ServerHello.Extension(typ); ok {
			return data, true
		}
	}
	return find(f.Encrypted, typ)
}

// Protocol is the application protocol that the server chose.
func (f *Flight) Protocol() string {
	if f.ServerHello == nil {
		return ""
	}
	if p := protocol(f.ServerHello.Extensions); p != "" {
		return p
	}
	return protocol(f.Encrypted)
}

// Sent tells what was written to the connection.
func (f *Flight) Sent(b []byte) {
	if f.Broken != nil {
		return
	}
	if f.sent.Len() == 0 && f.ClientHello == nil && len(b) > 2 && b[0]&0x80 != 0 && b[2] == TypeClientHello {
		f.ssl2 = true
		return
	}
	f.sent.Write(b)
	f.records(&f.sent, func(content byte, header, body []byte) error {
		if f.protects(f.writer, content) {
			typ, plain, err := f.writer.open(header, body)
			if err != nil {
				return nil // early data, or a hello that is hidden
			}
			content, body = typ, plain
		} else if f.hidden {
			return nil
		}
		switch content {
		case ContentChangeCipherSpec:
			if v := f.Version(); v != 0 && v != TLS13 {
				f.hidden = true
				if f.keys != nil {
					f.writer = f.keys.client
				}
			}
		case ContentHandshake:
			f.out = append(f.out, body...)
			return f.messages(&f.out, f.sentMessage)
		}
		return nil
	})
}

// protects reports whether a record of that type is encrypted: in TLS 1.3 it
// then looks like application data.
func (f *Flight) protects(p protector, content byte) bool {
	return p != nil && (content == ContentApplicationData || f.Version() != TLS13)
}

// Received tells what was read from the connection.
func (f *Flight) Received(b []byte) {
	if f.Broken != nil {
		return
	}
	f.received.Write(b)
	if first := f.received.Bytes(); f.ssl2 && len(first) > 0 && first[0]&0x80 != 0 {
		if f.SSL2 == nil {
			f.SSL2, f.Broken = parseSSL2(first)
		}
		if f.received.Len() > 1<<15+2 {
			f.received.Reset()
		}
		return
	}
	f.records(&f.received, f.record)
}

// records takes whole records from a buffer.
func (f *Flight) records(buf *bytes.Buffer, give func(content byte, header, body []byte) error) {
	for f.Broken == nil && buf.Len() >= 5 {
		b := buf.Bytes()
		n := int(b[3])<<8 | int(b[4])
		if b[0] < ContentChangeCipherSpec || b[0] > ContentHeartbeat || b[1] > 3 || n > maxCiphertext {
			f.Broken = fmt.Errorf("not a record of TLS: % x", b[:5])
			return
		}
		if len(b) < 5+n {
			return
		}
		b = bytes.Clone(buf.Next(5 + n))
		f.Broken = give(b[0], b[:5], b[5:])
	}
}

// messages takes whole handshake messages from a buffer.
func (f *Flight) messages(buf *[]byte, give func(typ byte, body, whole []byte) error) error {
	for len(*buf) >= 4 {
		b := *buf
		n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		if f.kept+n > maxKept {
			return fmt.Errorf("a handshake of more than %d bytes", maxKept)
		}
		if len(b) < 4+n {
			return nil
		}
		f.kept += 4 + n
		*buf = b[4+n:]
		if err := give(b[0], b[4:4+n:4+n], b[:4+n]); err != nil {
			return err
		}
	}
	return nil
}

// record handles one record of the server.
func (f *Flight) record(content byte, header, body []byte) error {
	if f.protects(f.reader, content) {
		typ, plain, err := f.reader.open(header, body)
		if err != nil {
			return fmt.Errorf("a record cannot be decrypted: %w", err)
		}
		content, body = typ, plain
	} else if f.ChangeCipherSpec {
		return nil // encrypted with keys that are not known
	}
	switch content {
	case ContentChangeCipherSpec:
		return f.changeCipher()
	case ContentAlert:
		if len(body) != 2 {
			return nil
		}
		a := Alert{Fatal: body[0] == 2, Description: body[1]}
		switch {
		case a.Fatal || a.Description == 0:
			if f.Alert == nil {
				f.Alert = &a
			}
		case len(f.Warnings) < 16:
			f.Warnings = append(f.Warnings, a)
		}
	case ContentHandshake:
		f.in = append(f.in, body...)
		return f.messages(&f.in, f.message)
	case ContentHeartbeat:
		if len(f.Heartbeats) < 4 {
			f.Heartbeats = append(f.Heartbeats, body)
		}
	case ContentApplicationData:
		if f.reader != nil {
			f.Application += len(body)
			if len(f.Pieces) < 8 {
				f.Pieces = append(f.Pieces, len(body))
			}
		}
	}
	return nil
}

// changeCipher handles a ChangeCipherSpec of the server.
func (f *Flight) changeCipher() error {
	switch {
	case f.Version() == TLS13: // there it means nothing
		return nil
	case len(f.in) > 0:
		return errors.New("a change of cipher within a message")
	case f.ChangeCipherSpec: // to the keys of a second handshake, which are not known
		f.reader = nil
		return nil
	}
	f.ChangeCipherSpec = true
	if f.ServerHello != nil && f.Certificates == nil && f.KeyExchange == nil && !f.Done {
		f.resume()
	}
	if f.keys != nil {
		f.reader = f.keys.server
	}
	return nil
}

func (f *Flight) sentMessage(typ byte, body, whole []byte) error {
	if f.Again != nil {
		return nil
	}
	switch typ {
	case TypeClientHello:
		c, err := ParseClientHello(body)
		if err != nil {
			return nil // broken on purpose
		}
		if f.keys != nil && f.Complete {
			f.Again = &Flight{ClientHello: c}
			return nil
		}
		f.ClientHello = c
	case TypeClientKeyExchange:
		f.transcript = append(f.transcript, whole...)
		if f.Version() == TLS13 || f.ServerHello == nil || !f.Done || f.keys != nil {
			return nil
		}
		if e, err := f.exchange(); err == nil && bytes.Equal(e.message, whole) {
			f.keys, _ = f.agree(e.premaster, f.transcript)
		}
		return nil
	case TypeFinished:
		f.transcript = append(f.transcript, whole...)
		f.clientFinished, f.clientVerify = slices.Clone(f.transcript), body
		if f.secrets == nil || !f.Done {
			return nil
		}
		writer, err := f.secrets.suite.protect(f.secrets.suite.derive(f.secrets.master(), "c ap traffic", f.finishedTranscript))
		if err == nil {
			f.writer = writer
		}
		return err
	}
	f.transcript = append(f.transcript, whole...)
	return nil
}

// message handles one handshake message of the server.
func (f *Flight) message(typ byte, body, whole []byte) (err error) {
	if typ == TypeHelloRequest {
		return nil // not in the transcript
	}
	if f.Again != nil {
		return f.Again.message(typ, body, whole)
	}
	switch typ {
	case TypeServerHello:
		h, err := ParseServerHello(body)
		if err != nil {
			return fmt.Errorf("server hello: %w", err)
		}
		if h.Retry && f.Retry == nil && f.ServerHello == nil {
			f.Retry = h
			f.restart(h, whole)
			return nil
		}
		if f.ServerHello != nil {
			return errors.New("a second server hello")
		}
		f.ServerHello = h
		f.transcript = append(f.transcript, whole...)
		if h.Version() == TLS13 {
			f.follow()
		}
		return nil
	case TypeEncryptedExtensions:
		s := cryptobyte.String(body)
		f.Encrypted, f.Decrypted = readExtensions(&s)
	case TypeCertificate:
		f.Certificates, err = ParseCertificate(body, f.Version())
	case TypeCompressedCert:
		err = f.decompress(body)
	case TypeCertificateStatus:
		f.OCSP, err = ParseCertificateStatus(body)
	case TypeServerKeyExchange:
		f.KeyExchange, err = f.keyExchange(body)
	case TypeCertificateRequest:
		f.Request, err = ParseCertificateRequest(body, f.Version())
	case TypeCertificateVerify:
		s := cryptobyte.String(body)
		v := &Verify{}
		var signature cryptobyte.String
		if !s.ReadUint16(&v.SignatureScheme) || !s.ReadUint16LengthPrefixed(&signature) {
			return fmt.Errorf("certificate verify: %w", errMalformed)
		}
		v.Signature = signature
		f.Verify = v
	case TypeServerHelloDone:
		f.Done = true
	case TypeNewSessionTicket:
		var t *Ticket
		if t, err = ParseTicket(body, f.Version()); err == nil && len(f.Tickets) < 16 {
			f.Tickets = append(f.Tickets, *t)
		}
		if f.Version() == TLS13 {
			return err // not in the transcript
		}
	case TypeFinished:
		return f.finished(body, whole)
	}
	if err != nil {
		return fmt.Errorf("handshake message %d: %w", typ, err)
	}
	f.transcript = append(f.transcript, whole...)
	return nil
}

// keyExchange parses a ServerKeyExchange as the suite wants it.
func (f *Flight) keyExchange(body []byte) (*KeyExchange, error) {
	if f.ServerHello == nil {
		return nil, errMalformed
	}
	s := suiteOf(f.ServerHello.CipherSuite)
	return parseKeyExchange(body, f.Version(), s.way, s.hint, s.signed)
}

// restart begins the transcript anew after a HelloRetryRequest (RFC 8446
// section 4.4.1).
func (f *Flight) restart(h *ServerHello, whole []byte) {
	if suite, err := suiteHash(h.CipherSuite); err == nil {
		sum := suite()
		sum.Write(f.transcript)
		f.transcript = append(Message(254, sum.Sum(nil)), whole...)
	}
}

// suiteHash returns the hash of a TLS 1.3 suite, also of those that cannot be
// decrypted.
func suiteHash(code uint16) (func() hash.Hash, error) {
	if code == 0x1304 || code == 0x1305 {
		code = 0x1301
	}
	s, err := suite13Of(code)
	return s.hash, err
}

// follow computes the secrets of TLS 1.3 if it can; if not, what comes stays
// encrypted.
func (f *Flight) follow() {
	suite, err := suite13Of(f.ServerHello.CipherSuite)
	if err != nil {
		return
	}
	var shared, psk []byte
	if group, public, ok := f.ServerHello.KeyShare(); ok {
		i := slices.IndexFunc(f.Shares, func(s Share) bool { return s.Group == group })
		if i < 0 {
			return
		}
		if shared, err = f.Shares[i].secret(public); err != nil {
			return
		}
	}
	if _, ok := f.ServerHello.Extension(ExtPreSharedKey); ok && f.PSK != nil {
		psk = f.PSK.Key
	}
	if shared == nil && psk == nil {
		return
	}
	s := schedule13(suite, psk, shared, f.transcript)
	if f.reader, err = suite.protect(s.server); err != nil {
		return
	}
	if f.writer, err = suite.protect(s.client); err != nil {
		return
	}
	f.secrets = &s
}

// finished checks the server's Finished.
func (f *Flight) finished(body, whole []byte) error {
	if f.Version() != TLS13 {
		err := f.finished12(body)
		f.transcript = append(f.transcript, whole...)
		return err
	}
	if f.secrets == nil || f.Done {
		return nil
	}
	suite := f.secrets.suite
	if !bytes.Equal(body, suite.finished(f.secrets.server, f.transcript)) {
		return ErrFinished
	}
	f.transcript = append(f.transcript, whole...)
	f.Done, f.Complete = true, true
	f.finishedTranscript = slices.Clone(f.transcript)
	reader, err := suite.protect(suite.derive(f.secrets.master(), "s ap traffic", f.transcript))
	if err != nil {
		return err
	}
	f.reader = reader
	return nil
}

// Finish returns what a client sends to complete the handshake. In TLS 1.3 it
// follows the server's Finished: an empty certificate if one was wanted, and
// a Finished. From TLS 1.0 to 1.2 it follows ServerHelloDone or, in an
// abbreviated handshake, the server's Finished: an empty certificate if one
// was wanted, the key exchange made from Secret, ChangeCipherSpec and a
// Finished. It changes nothing: whoever sends it has to tell Sent.
func (f *Flight) Finish() ([]byte, error) {
	if f.ServerHello != nil && f.ServerHello.Version() != TLS13 {
		return f.finish12()
	}
	messages, err := f.FinishMessages()
	if err != nil {
		return nil, err
	}
	writer, err := f.secrets.suite.protect(f.secrets.client)
	if err != nil {
		return nil, err
	}
	out := []byte{ContentChangeCipherSpec, 3, 3, 0, 1, 1}
	return append(out, sealAll(writer, ContentHandshake, messages)...), nil
}

// Resumption returns the pre-shared key that a ticket stands for, once our
// Finished has been sent.
func (f *Flight) Resumption(t Ticket) (PSK, error) {
	if f.secrets == nil || f.clientFinished == nil {
		return PSK{}, errors.New("the handshake is not complete")
	}
	suite := f.secrets.suite
	master := suite.derive(f.secrets.master(), "res master", f.clientFinished)
	return PSK{Identity: t.Ticket, Key: expandLabel(suite.hash, master, "resumption", t.Nonce, suite.hash().Size()),
		AgeAdd: t.AgeAdd, CipherSuite: f.ServerHello.CipherSuite, MaxEarlyData: t.MaxEarlyData}, nil
}

// decompress reads a certificate that was compressed with zlib; others are
// only named.
func (f *Flight) decompress(body []byte) error {
	s := cryptobyte.String(body)
	var length uint32
	var data cryptobyte.String
	if !s.ReadUint16(&f.Compressed) || !s.ReadUint24(&length) || !s.ReadUint24LengthPrefixed(&data) {
		return errMalformed
	}
	if f.Compressed != 1 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	plain, err := io.ReadAll(io.LimitReader(z, min(int64(length), maxKept)))
	if err != nil {
		return err
	}
	f.Certificates, err = ParseCertificate(plain, TLS13)
	return err
}
