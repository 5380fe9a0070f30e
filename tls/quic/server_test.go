package quic

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"vksprobe/tls/hello"
)

const serverName = "quic.vksprobe.test"

// certificate makes one with some bytes of names in it.
func certificate(t testing.TB, size int) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: serverName}, DNSNames: []string{serverName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	for n := 0; n < size; n += 200 {
		template.DNSNames = append(template.DNSNames, strings.Repeat(strings.Repeat("n", 49)+".", 4)+"test")
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// server is a server of one connection on the standard library's TLS and the
// packets of this package.
type server struct {
	t        testing.TB
	versions []uint32
	retry    bool
	tickets  bool
	config   *tls.Config
	lose     func(datagram int) bool // of ours

	conn             *tls.QUICConn
	version          uint32
	original, retrID []byte
	read, write      [levels]*keys
	next             [levels]uint64
	got              [levels]ranges
	in               [levels]stream
	offset           [levels]int
	packets          [][]byte // to be sent
	history          []said
	full             bool     // nothing can stand after the last of them
	waiting          [][]byte // datagrams
	received, sent   int
	validated        bool
	complete         bool
	closed           bool // by the client
	count            int
}

var (
	serverID = []byte("server")
	token    = []byte("a token that says who you are")
)

var kinds = map[tls.QUICEncryptionLevel]kind{tls.QUICEncryptionLevelInitial: initialPacket, tls.QUICEncryptionLevelHandshake: handshakePacket, tls.QUICEncryptionLevelApplication: applicationPacket}

func levelOf(k kind) tls.QUICEncryptionLevel {
	for l, other := range kinds {
		if other == k {
			return l
		}
	}
	panic("no level")
}

// handle takes a datagram and returns those that it may send now.
func (s *server) handle(datagram []byte) (out [][]byte) {
	s.received += len(datagram)
	for _, packet := range split(datagram, len(serverID)) {
		h, _ := parseHeader(packet, len(serverID))
		if h.kind != applicationPacket && !slices.Contains(s.versions, h.version) {
			b := append([]byte{0x80, 0, 0, 0, 0, byte(len(h.source))}, h.source...)
			b = append(append(b, byte(len(h.destination))), h.destination...)
			for _, v := range s.versions {
				b = binary.BigEndian.AppendUint32(b, v)
			}
			if len(datagram) < DatagramSize {
				return nil
			}
			return [][]byte{b}
		}
		if h.kind == initialPacket && len(datagram) < DatagramSize {
			s.t.Errorf("a datagram of %d bytes with an Initial packet", len(datagram))
		}
		if h.kind == initialPacket && s.conn == nil {
			if s.retry && !bytes.Equal(h.rest, token) {
				s.original, s.retrID = h.destination, []byte("retry")
				b := []byte{0xC0 | longBits(h.version, retryPacket), byte(h.version >> 24), byte(h.version >> 16), byte(h.version >> 8), byte(h.version), 0, byte(len(s.retrID))}
				b = append(append(b, s.retrID...), token...)
				return [][]byte{append(b, retryTag(h.version, h.destination, b)...)}
			}
			s.start(h)
		}
		s.open(h, packet)
	}
	s.flush()
	return s.release()
}

func (s *server) start(h header) {
	s.version = h.version
	s.read[initialPacket], s.write[initialPacket] = initialKeys(h.version, h.destination)
	if s.original == nil {
		s.original = h.destination
	} else {
		s.validated = true
	}
	s.conn = tls.QUICServer(&tls.QUICConfig{TLSConfig: s.config})
	var b []byte
	for _, p := range []Parameter{{ID: originalID, Data: s.original}, {ID: sourceID, Data: serverID}, {ID: retryID, Data: s.retrID}, {ID: 1, Data: []byte{0x40, 100}}, {ID: 27 + 31*5, Data: []byte("reserved")}} {
		if p.Data != nil {
			b = append(appendVarint(appendVarint(b, p.ID), uint64(len(p.Data))), p.Data...)
		}
	}
	s.conn.SetTransportParameters(b)
	if err := s.conn.Start(context.Background()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) open(h header, packet []byte) {
	if h.kind >= levels || s.read[h.kind] == nil {
		return
	}
	payload, number, err := s.read[h.kind].open(slices.Clone(packet), h.number, s.got[h.kind].next())
	if err != nil {
		s.t.Errorf("a packet of kind %d: %v", h.kind, err)
		return
	}
	if slices.ContainsFunc(s.got[h.kind], func(r numbers) bool { return number >= r.first && number <= r.last }) {
		s.t.Errorf("packet number %d comes twice", number)
	}
	s.got[h.kind].add(number)
	s.validated = s.validated || h.kind == handshakePacket
	for r := cryptobyte.String(payload); !r.Empty(); {
		f, ok := readFrame(&r)
		if !ok {
			s.t.Error("a frame cannot be read")
			return
		}
		s.closed = s.closed || f.typ == frameClose
		if f.typ == framePing || f.typ == frameCrypto && f.offset < s.in[h.kind].next { // the client misses something
			for _, x := range s.history {
				s.put(x.at, x.frames)
			}
		}
		if f.typ == frameCrypto {
			if data := s.in[h.kind].add(f.offset, f.data); len(data) > 0 {
				if err := s.conn.HandleData(levelOf(h.kind), data); err != nil {
					alert := byte(80)
					var e tls.AlertError
					if errors.As(err, &e) {
						alert = byte(e)
					}
					s.put(initialPacket, []byte{frameClose, 0x41, alert, frameCrypto, 0})
				}
			}
		}
	}
}

// flush makes packets of what TLS has to say.
func (s *server) flush() {
	for s.conn != nil {
		switch e := s.conn.NextEvent(); e.Kind {
		case tls.QUICNoEvent:
			return
		case tls.QUICSetReadSecret:
			s.read[kinds[e.Level]] = s.secret(e)
		case tls.QUICSetWriteSecret:
			s.write[kinds[e.Level]] = s.secret(e)
		case tls.QUICWriteData:
			at := kinds[e.Level]
			for data := e.Data; len(data) > 0; {
				n := min(len(data), 1000)
				s.put(at, cryptoFrame(s.offset[at], data[:n]))
				data, s.offset[at] = data[n:], s.offset[at]+n
			}
		case tls.QUICHandshakeDone:
			s.complete = true
			if s.tickets {
				if err := s.conn.SendSessionTicket(tls.QUICSessionTicketOptions{EarlyData: true}); err != nil {
					s.t.Error(err)
				}
			}
			s.put(applicationPacket, []byte{frameHandshakeDone})
		}
	}
}

func (s *server) secret(e tls.QUICEvent) *keys {
	h := sha256Of
	if e.Suite == 0x1302 {
		h = sha384Of
	}
	k, err := packetKeys(s.version, e.Suite, h, e.Data)
	if err != nil {
		s.t.Error(err)
	}
	return k
}

// said is what a server has put in a packet.
type said struct {
	at     kind
	frames []byte
}

// put seals frames.
func (s *server) put(at kind, frames []byte) {
	s.history = append(s.history, said{at, frames})
	frames = append(slices.Clone(frames), make([]byte, 4)...)
	number := s.next[at]
	s.next[at]++
	b := []byte{0x40 | numberSize - 1}
	if at != applicationPacket {
		b = []byte{0xC0 | longBits(s.version, at) | numberSize - 1, byte(s.version >> 24), byte(s.version >> 16), byte(s.version >> 8), byte(s.version), 0, byte(len(serverID))}
		b = append(b, serverID...)
		if at == initialPacket {
			b = append(b, 0)
		}
		length := numberSize + len(frames) + tagSize
		b = append(b, 0x40|byte(length>>8), byte(length))
	}
	b = append(b, byte(number>>24), byte(number>>16), byte(number>>8), byte(number))
	s.packets = append(s.packets, s.write[at].seal(b, number, frames))
}

// release packs packets in datagrams and returns those that the limit of RFC
// 9000 section 8.1 allows.
func (s *server) release() (out [][]byte) {
	for _, p := range s.packets {
		if last := len(s.waiting) - 1; last >= 0 && len(s.waiting[last])+len(p) <= 1250 && !s.full {
			s.waiting[last] = append(s.waiting[last], p...)
		} else {
			s.waiting = append(s.waiting, p)
		}
		s.full = p[0]&0x80 == 0 // only the last packet has a short header
	}
	s.packets = nil
	for len(s.waiting) > 0 && (s.validated || s.sent+len(s.waiting[0]) <= 3*s.received) {
		s.sent += len(s.waiting[0])
		s.count++
		if s.lose == nil || !s.lose(s.count) {
			out = append(out, s.waiting[0])
		}
		s.waiting = s.waiting[1:]
	}
	return out
}

// clientHello makes a hello of TLS 1.3 as QUIC wants it.
func clientHello(t testing.TB, groups []uint16, more ...hello.Extension) (*hello.ClientHello, []hello.Share) {
	t.Helper()
	c := &hello.ClientHello{Version: hello.TLS12, Random: make([]byte, 32), CipherSuites: []uint16{0x1301, 0x1303, 0x1302}}
	rand.Read(c.Random)
	var shares []hello.Share
	for _, g := range groups {
		s, err := hello.NewShare(g, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		shares = append(shares, s)
	}
	c.Extensions = append([]hello.Extension{hello.ServerName(serverName), hello.Values(hello.ExtSupportedGroups, []uint16{29, 23, 24}),
		hello.Values(hello.ExtSignatureAlgorithms, []uint16{0x0403, 0x0804}), hello.SupportedVersions(hello.TLS13), hello.PSKModes(1), hello.KeyShares(shares...), hello.ALPN("h3"),
		{Type: hello.ExtQUICParameters, Data: ClientParameters()}}, more...)
	return c, shares
}

// chunk is a datagram that passed.
type chunk struct {
	sent bool
	data []byte
}

// session is a client that talks with a server.
type session struct {
	t      testing.TB
	client *Client
	flight *hello.Flight
	server *server
	passed []chunk
	again  bool // Retry was answered
}

func newSession(t testing.TB, version uint32, s *server, shares []hello.Share) *session {
	s.t = t
	return &session{t: t, client: NewClient(version, []byte("original")), flight: &hello.Flight{Shares: shares}, server: s}
}

func (x *session) say(messages []byte) {
	x.flight.Sent(hello.Records(hello.ContentHandshake, hello.TLS12, messages))
	x.send(x.client.Say(messages, x.flight.Traffic())...)
}

// send sends datagrams and reads what comes back, until nothing does.
func (x *session) send(datagrams ...[]byte) {
	for _, d := range datagrams {
		x.passed = append(x.passed, chunk{true, d})
		for _, back := range x.server.handle(slices.Clone(d)) {
			x.passed = append(x.passed, chunk{false, back})
			x.client.Received(slices.Clone(back))
		}
		for records := x.client.Records(x.flight.Traffic()); len(records) > 0; records = x.client.Records(x.flight.Traffic()) {
			x.flight.Received(records)
		}
	}
	if x.client.Retried && !x.again {
		x.again = true
		x.send(x.client.Again(x.flight.Traffic())...)
	}
	if d := x.client.Acknowledge(x.flight.Traffic()); d != nil {
		x.send(d)
	}
}

// finish completes the handshake.
func (x *session) finish() {
	messages, err := x.flight.FinishMessages()
	if err != nil {
		x.t.Fatalf("%v; alert %v, broken %v", err, x.flight.Alert, x.flight.Broken)
	}
	x.say(messages)
}

// replay reads the session from its datagrams alone.
func (x *session) replay() (*Reader, *hello.Flight) {
	r, f := &Reader{}, &hello.Flight{Shares: x.flight.Shares, PSK: x.flight.PSK}
	for _, c := range x.passed {
		if c.sent {
			f.Sent(r.Sent(c.data, f.Traffic()))
			continue
		}
		r.Received(c.data)
		for records := r.Records(f.Traffic()); len(records) > 0; records = r.Records(f.Traffic()) {
			f.Received(records)
		}
	}
	return r, f
}
