package hello

import (
	"errors"
	"hash"
	"slices"
)

// QUIC carries the messages of TLS 1.3 without records and protects them by
// packets of its own (RFC 9001). A [Flight] that is told of such messages in
// plain records follows them as well; it then gives away its secrets instead
// of using them.

// Traffic are the secrets of TLS 1.3 of which the keys of packets are made
// (RFC 9001 section 5.1).
type Traffic struct {
	CipherSuite uint16
	Hash        func() hash.Hash

	ClientHandshake, ServerHandshake     []byte
	ClientApplication, ServerApplication []byte // nil before the server's Finished
}

// Traffic returns the secrets that are known. It returns nil before the
// ServerHello, or if that cannot be followed for its suite or want of a share.
func (f *Flight) Traffic() *Traffic {
	if f.secrets == nil {
		return nil
	}
	s := f.secrets
	t := &Traffic{CipherSuite: f.ServerHello.CipherSuite, Hash: s.suite.hash, ClientHandshake: s.client, ServerHandshake: s.server}
	if f.Done {
		master := s.master()
		t.ClientApplication = s.suite.derive(master, "c ap traffic", f.finishedTranscript)
		t.ServerApplication = s.suite.derive(master, "s ap traffic", f.finishedTranscript)
	}
	return t
}

// ExpandLabel is HKDF-Expand-Label of RFC 8446 section 7.1 without context;
// label is without "tls13 ".
func ExpandLabel(h func() hash.Hash, secret []byte, label string, length int) []byte {
	return expandLabel(h, secret, label, nil, length)
}

// FinishMessages returns the messages that [Flight.Finish] would send in TLS
// 1.3, without records.
func (f *Flight) FinishMessages() ([]byte, error) {
	if f.secrets == nil || !f.Done {
		return nil, errors.New("the server has not finished")
	}
	var messages []byte
	transcript := slices.Clone(f.finishedTranscript)
	if f.Request != nil {
		messages = Message(TypeCertificate, []byte{0, 0, 0, 0})
		transcript = append(transcript, messages...)
	}
	return append(messages, Message(TypeFinished, f.secrets.suite.finished(f.secrets.client, transcript))...), nil
}
