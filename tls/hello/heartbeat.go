package hello

import "golang.org/x/crypto/cryptobyte"

// HeartbeatRequest returns a heartbeat request (RFC 6520 section 4) that says
// length for the payload that follows, whatever that is; an honest one has at
// least 16 bytes of padding. A server must drop a request that says more than
// it has, and answers with its own memory if it has the Heartbleed flaw
// (CVE-2014-0160). One that says 16 bytes more than its payload, and has no
// padding, shows the flaw by the fact of an answer and exposes next to
// nothing. Send it by [Flight.Seal] as [ContentHeartbeat].
func HeartbeatRequest(length uint16, payload, padding []byte) []byte {
	var b cryptobyte.Builder
	b.AddUint8(1)
	b.AddUint16(length)
	b.AddBytes(payload)
	b.AddBytes(padding)
	return b.BytesOrPanic()
}

// EarlyCCS decides on what a server did with two ChangeCipherSpec in place of
// a ClientKeyExchange (CVE-2014-0224). A sound server ends the handshake with
// an alert at the first. One with the flaw takes it, with keys that anybody
// can compute, and then cannot decrypt the second, so that it complains of a
// bad_record_mac (20), decryption_failed (21) or decrypt_error (51). Nothing
// is decided by silence or by a connection that was just closed.
func (f *Flight) EarlyCCS() (accepted, decided bool) {
	if f.Alert == nil || !f.Alert.Fatal {
		return false, false
	}
	switch f.Alert.Description {
	case 20, 21, 51:
		return true, true
	}
	return false, true
}

// Splits reports whether the server cuts application data so that the IV of
// the most of it cannot be known ahead: a record of no or of one byte before
// the rest, against the attack on CBC in TLS 1.0 that is called BEAST. Known
// is false if nothing was seen that could have been cut.
func (f *Flight) Splits() (splits, known bool) {
	if cbc, ok := f.reader.(*cbc12); !ok || cbc.version != TLS10 || len(f.Pieces) == 0 || len(f.Pieces) == 1 && f.Pieces[0] < 2 {
		return false, false
	}
	return f.Pieces[0] < 2, true
}
