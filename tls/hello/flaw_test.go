package hello

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// answered is a Flight with an answer to the hello of everything.
func answered(suite uint16, change func(*ServerHello), messages ...[]byte) *Flight {
	f, c := everything()
	f.Sent(Records(ContentHandshake, TLS10, c.Marshal()))
	h := &ServerHello{LegacyVersion: TLS12, Random: make([]byte, 32), CipherSuite: suite}
	if change != nil {
		change(h)
	}
	var b cryptobyte.Builder
	b.AddUint16(h.LegacyVersion)
	b.AddBytes(h.Random)
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(h.SessionID) })
	b.AddUint16(h.CipherSuite)
	b.AddUint8(h.Compression)
	f.Received(Records(ContentHandshake, TLS12, Message(TypeServerHello, b.BytesOrPanic())))
	for _, m := range append(messages, Message(TypeServerHelloDone, nil)) {
		f.Received(Records(ContentHandshake, TLS12, m))
	}
	return f
}

func TestEarlyCCS(t *testing.T) {
	tests := []struct {
		alert             []byte // nil for a closed connection
		accepted, decided bool
	}{
		{nil, false, false}, {[]byte{2, 10}, false, true}, {[]byte{2, 40}, false, true}, {[]byte{2, 20}, true, true}, {[]byte{2, 21}, true, true}, {[]byte{1, 0}, false, false},
	}
	for _, test := range tests {
		f := answered(0x002F, nil)
		for range 2 {
			f.Sent(Records(ContentChangeCipherSpec, TLS12, []byte{1}))
		}
		if test.alert != nil {
			f.Received(Records(ContentAlert, TLS12, test.alert))
		}
		if accepted, decided := f.EarlyCCS(); accepted != test.accepted || decided != test.decided || f.Broken != nil {
			t.Errorf("%v: accepted %v, decided %v, broken %v", test.alert, accepted, decided, f.Broken)
		}
		if _, err := f.Seal(ContentHandshake, nil); err == nil {
			t.Error("sealed without keys")
		}
	}
}

func TestHeartbeatRequest(t *testing.T) {
	f := answered(0x002F, nil)
	got := must(f.Seal(ContentHeartbeat, HeartbeatRequest(24, []byte("vksprobe"), nil)))
	if want := []byte("\x18\x03\x03\x00\x0b\x01\x00\x18vksprobe"); !bytes.Equal(got, want) {
		t.Errorf("%x", got)
	}
	f.Sent(got)
	f.Received(Records(ContentHeartbeat, TLS12, []byte("\x02\x00\x18vksprobe and what follows")))
	if len(f.Heartbeats) != 1 || f.Broken != nil {
		t.Errorf("%v %v", f.Heartbeats, f.Broken)
	}
}

func TestBleed(t *testing.T) {
	for got, want := range map[string]string{"": "", "ID": "", "ID and memory": " and memory", "another": ""} {
		f, c := everything()
		c.SessionID = []byte("ID")
		f.Sent(Records(ContentHandshake, TLS10, (&Session{Ticket: []byte("ticket")}).Offer(c).Marshal()))
		f.ServerHello = &ServerHello{SessionID: []byte(got)}
		if bleed := f.Bleed(); string(bleed) != want {
			t.Errorf("%q: %q", got, bleed)
		}
	}
	f := answered(0x002F, func(h *ServerHello) { h.SessionID = append(bytes.Repeat([]byte{4}, 32), 5) })
	if f.Bleed() != nil {
		t.Error("without a ticket there is no such flaw")
	}
}

func TestTicketKeyName(t *testing.T) {
	if name := (Ticket{Ticket: make([]byte, 15)}).KeyName(); name != nil {
		t.Error(name)
	}
	if name := (Ticket{Ticket: make([]byte, 17)}).KeyName(); len(name) != 16 {
		t.Error(name)
	}
}

// dhe is an anonymous ServerKeyExchange.
func dhe(prime, generator, public []byte) []byte {
	var b cryptobyte.Builder
	for _, part := range [][]byte{prime, generator, public} {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(part) })
	}
	return Message(TypeServerKeyExchange, b.BytesOrPanic())
}

// A server can ask for what cannot be done, or should not be.
func TestCannotFinish(t *testing.T) {
	const anonymous = 0x0034 // TLS_DH_anon_WITH_AES_128_CBC_SHA
	one, two := []byte{1}, []byte{2}
	tests := map[string]*Flight{
		"no answer":             {},
		"a suite that is not":   answered(0x9999, nil),
		"a suite with a PSK":    answered(0x008C, nil),
		"SSL 3.0":               answered(anonymous, func(h *ServerHello) { h.LegacyVersion = SSL30 }, dhe([]byte{23}, two, two)),
		"TLS 1.4":               answered(anonymous, func(h *ServerHello) { h.LegacyVersion = 0x0305 }, dhe([]byte{23}, two, two)),
		"compression":           answered(anonymous, func(h *ServerHello) { h.Compression = 1 }, dhe([]byte{23}, two, two)),
		"an AEAD in TLS 1.1":    answered(0x009C, func(h *ServerHello) { h.LegacyVersion = TLS11 }),
		"no certificate":        answered(0x002F, nil),
		"no certificate at all": answered(0x002F, nil, Message(TypeCertificate, []byte{0, 0, 4, 0, 0, 1, 0x30})),
		"no key exchange":       answered(anonymous, nil),
		"a prime of no bits":    answered(anonymous, nil, dhe(nil, two, two)),
		"a prime of one bit":    answered(anonymous, nil, dhe(one, two, two)),
		"a prime of too many":   answered(anonymous, nil, dhe(bytes.Repeat(one, maxModulus/8+1), two, two)),
		"a curve that is not":   answered(0xC018, nil, Message(TypeServerKeyExchange, []byte{3, 0, 30, 1, 4})),
		"a curve of its own":    answered(0xC018, nil, Message(TypeServerKeyExchange, []byte{1})),
		"a point that is not":   answered(0xC018, nil, Message(TypeServerKeyExchange, []byte{3, 0, 23, 1, 4})),
		"a hybrid in TLS 1.2":   answered(0xC018, nil, Message(TypeServerKeyExchange, []byte{3, 0x11, 0xEC, 1, 4})),
	}
	for name, f := range tests {
		if b, err := f.Finish(); err == nil || b != nil {
			t.Errorf("%s: %x", name, b)
		}
	}
	without := answered(anonymous, nil, dhe([]byte{23}, two, two))
	without.Secret = nil
	if _, err := without.Finish(); err == nil {
		t.Error("finished without a secret")
	}
}

// What is weak can be finished all the same.
func TestWeakDH(t *testing.T) {
	const anonymous = 0x0034
	for _, prime := range [][]byte{{0, 23}, {24}, {2}, bytes.Repeat([]byte{0xFF}, maxModulus/8)} {
		for _, public := range [][]byte{nil, {0}, {1}, prime} {
			f := answered(anonymous, nil, dhe(prime, []byte{5}, public))
			if _, err := f.Finish(); err != nil {
				t.Errorf("%.8x, %.8x: %v", prime, public, err)
			}
		}
	}
	f := answered(anonymous, nil, dhe([]byte{23}, []byte{5}, []byte{8}))
	e := must(f.exchange())
	x := new(big.Int).SetBytes(f.make("DHE", 32))
	p := big.NewInt(23)
	if !bytes.Equal(e.premaster, new(big.Int).Exp(big.NewInt(8), x, p).Bytes()) {
		t.Errorf("%x", e.premaster)
	}
}

// A certificate that the standard library would not parse still has a key.
func TestOddCertificate(t *testing.T) {
	size := func(bits int) []byte {
		var b cryptobyte.Builder
		n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
		element := func(tag byte, build func(*cryptobyte.Builder)) []byte {
			var content cryptobyte.Builder
			build(&content)
			var out cryptobyte.Builder
			out.AddASN1(0, func(b *cryptobyte.Builder) { b.AddBytes(content.BytesOrPanic()) })
			all := out.BytesOrPanic()
			all[0] = tag
			return all
		}
		key := element(0x30, func(b *cryptobyte.Builder) { b.AddASN1BigInt(n); b.AddASN1Int64(3) })
		info := element(0x30, func(b *cryptobyte.Builder) { b.AddBytes([]byte{0x30, 0}); b.AddASN1BitString(key) })
		b.AddBytes(element(0x30, func(b *cryptobyte.Builder) {
			b.AddBytes(element(0x30, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(-1) // a serial number below zero
				b.AddBytes(bytes.Repeat([]byte{0x30, 0}, 4))
				b.AddBytes(info)
			}))
		}))
		return b.BytesOrPanic()
	}
	for bits, ok := range map[int]bool{384: false, 464: false, 472: true, 512: true, 1001: true, maxModulus: true, maxModulus + 1: false} {
		var b cryptobyte.Builder
		der := size(bits)
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(der) })
		})
		f := answered(0x002F, nil, Message(TypeCertificate, b.BytesOrPanic()))
		_, err := f.Finish()
		if (err == nil) != ok {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}

func TestShareAgain(t *testing.T) {
	for _, group := range []uint16{x25519, secp256r1, secp384r1, secp521r1, x25519MLKEM768} {
		a, err := NewShare(group, &made{secret: []byte("s"), purpose: "p"})
		b, err2 := NewShare(group, &made{secret: []byte("s"), purpose: "p"})
		c, err3 := NewShare(group, &made{secret: []byte("t"), purpose: "p"})
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(a) != fmt.Sprint(b) || bytes.Equal(a.Public, c.Public) {
			t.Errorf("group %d", group)
		}
	}
	if _, err := NewShare(secp256r1, bytes.NewReader(make([]byte, 1000))); err == nil {
		t.Error("zero is a key")
	}
}
