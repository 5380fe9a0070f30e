package tls

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strconv"

	"golang.org/x/crypto/cryptobyte"

	"vksprobe/probe"
	"vksprobe/probe/netlog"
	"vksprobe/tls/hello/iana"
)

// Observer emits Handshake for every handshake in the NetLogs. It does not
// care who was contacted, only how.
var Observer = probe.Observer{Name: "tls", Observe: observe}

func observe(ctx context.Context, rec *probe.Record, emit func(probe.Observation)) error {
	var errs []error
	for _, participant := range rec.Timeline.Participants() {
		path := fmt.Sprintf("p%d/netlog.json", participant)
		f, err := rec.Files.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			errs = append(errs, err)
			continue
		}
		r := &reader{rec: rec, path: path, participant: participant, emit: emit, background: map[int64]bool{}, quicOwn: map[int64]bool{}}
		_, err = netlog.Read(ctx, f, netlog.Handler{Socket: r.socket, QUIC: r.quic, Request: r.request})
		r.finish()
		errs = append(errs, err, f.Close())
		if r.full {
			errs = append(errs, fmt.Errorf("%s: more handshakes or requests than can be kept", path))
		}
	}
	return errors.Join(errs...)
}

// reader turns the handshakes of one NetLog into observations. Whose they are
// shows when the requests that used them are known, so they wait for the end
// of the log.
type reader struct {
	rec         *probe.Record
	path        string
	participant int
	emit        func(probe.Observation)
	background  map[int64]bool // requests that the browser made for itself
	quicOwn     map[int64]bool // QUIC sessions that only such requests used
	pending     []pending
	full        bool // maxPending was reached
}

// maxPending bounds the requests and handshakes of one NetLog, each.
const maxPending = 1 << 17

// A pending handshake waits for its owners.
type pending struct {
	Negotiated
	port    int
	at      netlog.Stamp
	owners  []int64
	session int64 // QUIC
}

func (r *reader) request(q *netlog.Request) {
	if len(r.background) >= maxPending {
		r.full = true
		return
	}
	own := q.Background()
	r.background[q.ID] = own
	if q.QUIC != 0 {
		before, known := r.quicOwn[q.QUIC]
		r.quicOwn[q.QUIC] = own && (before || !known)
	}
}

func (r *reader) keep(p pending) {
	if len(r.pending) >= maxPending {
		r.full = true
		return
	}
	r.pending = append(r.pending, p)
}

func (r *reader) finish() {
	for _, p := range r.pending {
		p.Background = r.quicOwn[p.session]
		if p.Transport == "tcp" {
			p.Background = r.own(p.owners)
		}
		r.put(p.Negotiated, p.port, p.at)
	}
}

// own reports whether only the browser's own requests are among the owners.
func (r *reader) own(owners []int64) bool {
	for _, id := range owners {
		if background, known := r.background[id]; !known || !background {
			return false
		}
	}
	return len(owners) > 0
}

// socket reads a handshake over TCP.
func (r *reader) socket(s *netlog.Socket) {
	h := s.TLS
	if h == nil {
		return
	}
	p := pending{port: 443, at: h.End, owners: s.Owners, Negotiated: Negotiated{
		Participant: r.participant, Host: h.ServerName, Transport: "tcp", Version: h.Version, VersionCode: versions[h.Version],
		CipherSuite: name(iana.SuiteName, h.CipherSuite), CipherSuiteCode: h.CipherSuite, Group: name(iana.GroupName, h.Group), GroupCode: h.Group,
		SignatureAlgorithm: name(iana.SignatureSchemeName, h.SignatureAlgorithm), SignatureCode: h.SignatureAlgorithm, ALPN: h.ALPN, ECH: h.ECH,
		Resumed: h.Resumed, Certificates: certificates(h.Certificates), NetError: h.NetError, CertError: h.CertError}}
	if p.ALPN == "unknown" { // Chromium's word for none
		p.ALPN = ""
	}
	if s.Remote.IsValid() {
		p.Address, p.port = s.Remote.String(), int(s.Remote.Port())
	}
	if host, port, ok := pool(s.Group); ok {
		p.Host, p.port = host, port
	}
	if p.Host == "" && s.Remote.IsValid() {
		p.Host = s.Remote.Addr().String()
	}
	if p.at.Time.IsZero() {
		p.at = h.Start
	}
	r.keep(p)
}

// quic reads the handshake of an HTTP/3 connection, whose TLS is always
// version 1.3 (RFC 9001). An error counts only until the server has shown its
// certificates: how the session ended later is no matter of the handshake.
func (r *reader) quic(q *netlog.QUICSession) {
	p := pending{port: q.Port, at: q.Start, session: q.ID, Negotiated: Negotiated{
		Participant: r.participant, Host: q.Host, Transport: "quic", ALPN: q.ALPN, Certificates: certificates(q.Certificates), NetError: q.NetError}}
	if q.Remote.IsValid() {
		p.Address = q.Remote.String()
	}
	if suite, group, ok := serverHello(q.CryptoReceived); ok {
		p.Version, p.VersionCode = "TLS 1.3", 0x0304
		p.CipherSuite, p.CipherSuiteCode, p.Group, p.GroupCode = name(iana.SuiteName, suite), suite, name(iana.GroupName, group), group
		if len(p.Certificates) > 0 {
			p.NetError = 0
		}
	}
	r.keep(p)
}

func (r *reader) put(n Negotiated, port int, at netlog.Stamp) {
	o := Handshake.New("host:"+net.JoinHostPort(n.Host, strconv.Itoa(port)), r.rec.Timeline.At(r.participant, at.Time), at.Time, n,
		r.rec.Cite(r.path, at.String()))
	switch {
	case n.NetError != 0:
		o.Failure = failure(n.NetError)
	case n.VersionCode == 0:
		o.Failure = probe.UnknownFailure // cut off before it was finished
	}
	r.emit(o)
}

// failures maps net errors of Chromium (net/base/net_error_list.h) to
// failures.
var failures = map[int]probe.Failure{
	-7: probe.Timeout, -118: probe.Timeout, -100: probe.ConnectionReset, -101: probe.ConnectionReset, -102: probe.ConnectionRefused,
	-109: probe.Unreachable, -107: probe.TLSAlert, -110: probe.TLSAlert, -117: probe.TLSAlert, -113: probe.TLSVersion, -3: probe.Interrupted,
	-324: probe.ConnectionReset,
}

func failure(netError int) probe.Failure {
	if netError <= -200 && netError > -220 {
		return probe.TLSCertificate
	}
	if f, ok := failures[netError]; ok {
		return f
	}
	return probe.UnknownFailure
}

// pool reads the name and port of a socket pool: "https://example.org:443",
// perhaps with a prefix such as "pm/" and a suffix of isolation keys.
func pool(group string) (host string, port int, ok bool) {
	u, err := url.Parse(group)
	if err != nil || u.Hostname() == "" {
		return "", 0, false
	}
	port, err = strconv.Atoi(u.Port())
	if err != nil {
		port = map[string]int{"https": 443, "wss": 443, "http": 80, "ws": 80}[u.Scheme]
	}
	return u.Hostname(), port, true
}

// maxChain bounds the certificates that are kept of one handshake.
const maxChain = 20

func certificates(chain [][]byte) []Certificate {
	var out []Certificate
	for i, der := range chain {
		if i == maxChain {
			break
		}
		sum := sha256.Sum256(der)
		c := Certificate{SHA256: hex.EncodeToString(sum[:])}
		if x, err := x509.ParseCertificate(der); err == nil {
			c.Subject, c.Issuer, c.NotBefore, c.NotAfter = x.Subject.String(), x.Issuer.String(), x.NotBefore.UTC(), x.NotAfter.UTC()
			c.Signature = x.SignatureAlgorithm.String()
			c.Names = append(c.Names, x.DNSNames...)
			for _, ip := range x.IPAddresses {
				c.Names = append(c.Names, ip.String())
			}
			c.Key, c.Bits = key(x)
		}
		out = append(out, c)
	}
	return out
}

func key(x *x509.Certificate) (string, int) {
	switch k := x.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Params().Name, k.Params().BitSize
	case ed25519.PublicKey:
		return "Ed25519", 256
	}
	return x.PublicKeyAlgorithm.String(), 0
}

// serverHello reads suite and group from the first handshake message of a
// TLS 1.3 server (RFC 8446, 4.1.3).
func serverHello(b []byte) (suite, group uint16, ok bool) {
	s := cryptobyte.String(b)
	var kind uint8
	var body, session, extensions cryptobyte.String
	if !s.ReadUint8(&kind) || kind != 2 || !s.ReadUint24LengthPrefixed(&body) ||
		!body.Skip(2+32) || !body.ReadUint8LengthPrefixed(&session) || !body.ReadUint16(&suite) || !body.Skip(1) ||
		!body.ReadUint16LengthPrefixed(&extensions) {
		return 0, 0, false
	}
	for !extensions.Empty() {
		var id uint16
		var data cryptobyte.String
		if !extensions.ReadUint16(&id) || !extensions.ReadUint16LengthPrefixed(&data) {
			return 0, 0, false
		}
		const keyShare = 51
		if id == keyShare && !data.ReadUint16(&group) {
			return 0, 0, false
		}
	}
	return suite, group, true
}
