package netlog_test

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/quic"
)

// chromium is the browser that the live tests run.
const chromium = "/usr/bin/chromium"

// A conn is one TCP connection as a server of the lab saw it.
type conn struct {
	Local, Remote  string // of the server; Remote is the browser
	Sent, Received int64  // by the server, in bytes of TCP payload
}

// A lab is a set of servers on loopback addresses that count what reaches
// them, and one page that uses them all.
type lab struct {
	mu    sync.Mutex
	conns map[string]*conn // by the browser's address
	stun  map[string]int   // STUN requests by the browser's address
	done  chan struct{}    // closed when the page has finished
	once  sync.Once

	cert, other                                                   tls.Certificate // the browser accepts cert and rejects other
	tls13, tls12, bad, dumb, ws, quic, stunAddr, doh, closed, ech string
	echList                                                       []byte
	quicRequests                                                  int
}

// counted wraps a listener so that every connection is entered in the lab.
type counted struct {
	net.Listener
	lab *lab
}

func (l counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	entry := &conn{Local: c.LocalAddr().String(), Remote: c.RemoteAddr().String()}
	l.lab.mu.Lock()
	l.lab.conns[entry.Remote] = entry
	l.lab.mu.Unlock()
	return countedConn{c, l.lab, entry}, nil
}

type countedConn struct {
	net.Conn
	lab   *lab
	entry *conn
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.lab.mu.Lock()
	c.entry.Received += int64(n)
	c.lab.mu.Unlock()
	return n, err
}

func (c countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.lab.mu.Lock()
	c.entry.Sent += int64(n)
	c.lab.mu.Unlock()
	return n, err
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"*.lab.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 53)}}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// echKeys makes a key for encrypted ClientHellos behind the name
// public.lab.test, and the list of configurations that announces it.
func echKeys(t *testing.T) ([]byte, []tls.EncryptedClientHelloKey) {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var b cryptobyte.Builder
	b.AddUint16(0xfe0d)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(7)       // config id
		b.AddUint16(0x0020) // DHKEM(X25519, HKDF-SHA256)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(key.PublicKey().Bytes()) })
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(1); b.AddUint16(1) }) // HKDF-SHA256, AES-128-GCM
		b.AddUint8(0)
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("public.lab.test")) })
		b.AddUint16(0)
	})
	config := b.BytesOrPanic()
	list := append([]byte{byte(len(config) >> 8), byte(len(config))}, config...)
	return list, []tls.EncryptedClientHelloKey{{Config: config, PrivateKey: key.Bytes()}}
}

func newLab(t *testing.T) *lab {
	l := &lab{conns: map[string]*conn{}, stun: map[string]int{}, done: make(chan struct{}), cert: certificate(t), other: certificate(t)}
	serve := func(ip string, conf *tls.Config, h http.Handler) string {
		ln, err := net.Listen("tcp", ip+":0")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: h, TLSConfig: conf, ErrorLog: log.New(io.Discard, "", 0)}
		go s.ServeTLS(counted{ln, l}, "", "")
		t.Cleanup(func() { s.Close() })
		return ln.Addr().String()
	}
	page := http.HandlerFunc(l.page)
	l.tls13 = serve("127.0.0.2", &tls.Config{Certificates: []tls.Certificate{l.cert}, MinVersion: tls.VersionTLS13}, page)
	l.tls12 = serve("127.0.0.3", &tls.Config{Certificates: []tls.Certificate{l.cert}, MaxVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, page)
	l.bad = serve("127.0.0.4", &tls.Config{Certificates: []tls.Certificate{l.other}}, page)
	l.dumb = serve("127.0.0.6", &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return nil, fmt.Errorf("no")
	}}, page)
	var keys []tls.EncryptedClientHelloKey
	l.echList, keys = echKeys(t)
	l.ech = serve("127.0.0.10", &tls.Config{Certificates: []tls.Certificate{l.cert}, MinVersion: tls.VersionTLS13, EncryptedClientHelloKeys: keys}, page)
	l.ws = serve("127.0.0.7", &tls.Config{Certificates: []tls.Certificate{l.cert}, NextProtos: []string{"http/1.1"}}, http.HandlerFunc(echo))
	l.doh = serve("127.0.0.53", &tls.Config{Certificates: []tls.Certificate{l.cert}}, http.HandlerFunc(l.resolve))

	ln, err := net.Listen("tcp", "127.0.0.5:0")
	if err != nil {
		t.Fatal(err)
	}
	l.closed = ln.Addr().String()
	ln.Close()

	pc, err := net.ListenPacket("udp", "127.0.0.8:0")
	if err != nil {
		t.Fatal(err)
	}
	l.stunAddr = pc.LocalAddr().String()
	go l.serveSTUN(pc)
	t.Cleanup(func() { pc.Close() })

	ep, err := quic.Listen("udp", "127.0.0.9:0", &quic.Config{TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{l.cert}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h3"}}})
	if err != nil {
		t.Fatal(err)
	}
	l.quic = ep.LocalAddr().String()
	ctx, cancel := context.WithCancel(context.Background())
	go l.serveQUIC(ctx, ep)
	t.Cleanup(func() { cancel(); ep.Close(ctx) })
	return l
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

func (l *lab) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	switch r.URL.Path {
	case "/":
		hash := sha256.Sum256(l.cert.Certificate[0])
		fmt.Fprintf(w, `<!doctype html><link rel=icon href=data:,><script>
const quiet = p => p.catch(() => {})
async function rtc() {
	const conf = {iceServers: [{urls: 'stun:stun.lab.test:%[7]s'}]}
	const a = new RTCPeerConnection(conf), b = new RTCPeerConnection(conf)
	a.onicecandidate = e => e.candidate && b.addIceCandidate(e.candidate)
	b.onicecandidate = e => e.candidate && a.addIceCandidate(e.candidate)
	const ch = a.createDataChannel('x')
	const heard = new Promise(r => b.ondatachannel = e => e.channel.onmessage = r)
	ch.onopen = () => ch.send('hello')
	await a.setLocalDescription(); await b.setRemoteDescription(a.localDescription)
	await b.setLocalDescription(); await a.setRemoteDescription(b.localDescription)
	await heard
	await new Promise(r => setTimeout(r, 500))
	a.close(); b.close()
}
function ws() { return new Promise(r => {
	const s = new WebSocket('wss://ws.lab.test:%[5]s/echo')
	s.onopen = () => s.send('x'.repeat(1000)); s.onmessage = () => s.close(); s.onclose = s.onerror = r
}) }
async function wt() {
	const hash = Uint8Array.from(atob('%[9]s'), c => c.charCodeAt(0))
	const t = new WebTransport('https://quic.lab.test:%[8]s/wt', {serverCertificateHashes: [{algorithm: 'sha-256', value: hash}]})
	quiet(t.closed)
	await t.ready
}
(async () => {
	await Promise.all([
		quiet(fetch('/data?n=20000')), quiet(fetch('/echo', {method: 'POST', body: 'y'.repeat(5000)})),
		quiet(fetch('https://old.lab.test:%[1]s/data?n=3000')), quiet(fetch('https://hop.lab.test:%[2]s/hop', {mode: 'no-cors'})),
		quiet(fetch('https://bad.lab.test:%[3]s/')), quiet(fetch('https://dumb.lab.test:%[4]s/')),
		quiet(fetch('https://closed.lab.test:%[6]s/')), quiet(fetch('https://nowhere.lab.test/')),
		quiet(fetch('https://alias.lab.test:%[1]s/data?n=10')),
		quiet(fetch('https://quic.lab.test:%[8]s/h3', {mode: 'no-cors'})),
		quiet(fetch('https://ech.lab.test:%[10]s/data?n=1')),
		ws(), quiet(rtc()), quiet(wt())])
	await fetch('/done')
})()</script>`, port(l.tls12), port(l.tls13), port(l.bad), port(l.dumb), port(l.ws), port(l.closed), port(l.stunAddr), port(l.quic), base64.StdEncoding.EncodeToString(hash[:]), port(l.ech))
	case "/few":
		fmt.Fprintf(w, `<!doctype html><link rel=icon href=data:,><script>
const quiet = p => p.catch(() => {})
function ws() { return new Promise(r => {
	const s = new WebSocket('wss://ws.lab.test:%[2]s/echo')
	s.onopen = () => s.send('x'.repeat(100)); s.onmessage = () => s.close(); s.onclose = s.onerror = r
}) }
(async () => {
	await quiet(fetch('https://closed.lab.test:%[1]s/'))
	await ws()
	await fetch('/done')
})()</script>`, port(l.closed), port(l.ws))
	case "/data":
		var n int
		fmt.Sscan(r.URL.Query().Get("n"), &n)
		io.WriteString(w, strings.Repeat("z", n))
	case "/echo":
		io.Copy(w, r.Body)
	case "/hop":
		http.Redirect(w, r, "https://old.lab.test:"+port(l.tls12)+"/data?n=7", http.StatusFound)
	case "/done":
		l.once.Do(func() { close(l.done) })
	default:
		http.NotFound(w, r)
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, b, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, b) != nil {
			return
		}
	}
}

// hosts are the names of the lab; whatever is not here does not exist.
var hosts = map[string][4]byte{
	"meet.lab.test.": {127, 0, 0, 2}, "hop.lab.test.": {127, 0, 0, 2}, "old.lab.test.": {127, 0, 0, 3}, "bad.lab.test.": {127, 0, 0, 4},
	"closed.lab.test.": {127, 0, 0, 5}, "dumb.lab.test.": {127, 0, 0, 6}, "ws.lab.test.": {127, 0, 0, 7}, "stun.lab.test.": {127, 0, 0, 8},
	"quic.lab.test.": {127, 0, 0, 9}, "ech.lab.test.": {127, 0, 0, 10},
}

// resolve answers DNS over HTTPS; alias.lab.test is a CNAME of old.lab.test.
func (l *lab) resolve(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if r.Method == http.MethodGet {
		b, err = base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
	}
	if err != nil {
		return
	}
	answer, err := l.dnsAnswer(b)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/dns-message")
	w.Write(answer)
}

func (l *lab) dnsAnswer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil, fmt.Errorf("not a question: %v", err)
	}
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	name := q.Name
	add := func(typ dnsmessage.Type, body dnsmessage.ResourceBody) {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: name, Type: typ, Class: dnsmessage.ClassINET, TTL: 60}, Body: body})
	}
	if strings.EqualFold(name.String(), "alias.lab.test.") {
		target := dnsmessage.MustNewName("old.lab.test.")
		add(dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: target})
		name = target
	}
	if q.Type == dnsmessage.TypeHTTPS && name.String() == "_"+port(l.ech)+"._https.ech.lab.test." {
		r := dnsmessage.HTTPSResource{SVCBResource: dnsmessage.SVCBResource{Priority: 1, Target: dnsmessage.MustNewName("ech.lab.test.")}}
		r.SetParam(dnsmessage.SVCParamALPN, []byte("\x02h2"))
		r.SetParam(dnsmessage.SVCParamECH, l.echList)
		add(dnsmessage.TypeHTTPS, &r)
		return m.Pack()
	}
	ip, ok := hosts[strings.ToLower(name.String())]
	switch {
	case !ok:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		add(dnsmessage.TypeA, &dnsmessage.AResource{A: ip})
	}
	return m.Pack()
}

// serveSTUN answers binding requests until pc is closed.
func (l *lab) serveSTUN(pc net.PacketConn) {
	b := make([]byte, 1500)
	for {
		n, from, err := pc.ReadFrom(b)
		if err != nil {
			return
		}
		if n < 20 || binary.BigEndian.Uint16(b) != 1 {
			continue
		}
		l.mu.Lock()
		l.stun[from.String()]++
		l.mu.Unlock()
		udp := from.(*net.UDPAddr)
		r := append([]byte{1, 1, 0, 12}, b[4:20]...)
		r = append(r, 0, 0x20, 0, 8, 0, 1)
		r = binary.BigEndian.AppendUint16(r, uint16(udp.Port)^0x2112)
		r = binary.BigEndian.AppendUint32(r, binary.BigEndian.Uint32(udp.IP.To4())^0x2112a442)
		pc.WriteTo(r, from)
	}
}

// serveQUIC speaks as much HTTP/3 as it takes to answer 200 to everything.
func (l *lab) serveQUIC(ctx context.Context, ep *quic.Endpoint) {
	for {
		c, err := ep.Accept(ctx)
		if err != nil {
			return
		}
		go func() {
			control, err := c.NewSendOnlyStream(ctx)
			if err != nil {
				return
			}
			control.Write([]byte{0x00, 0x04, 0x00}) // control stream, empty SETTINGS
			control.Flush()
			for {
				s, err := c.AcceptStream(ctx)
				if err != nil {
					return
				}
				if s.IsReadOnly() {
					continue
				}
				go func() {
					io.ReadAll(s)
					l.mu.Lock()
					l.quicRequests++
					l.mu.Unlock()
					s.Write([]byte{0x01, 3, 0, 0, 0xd9, 0x00, 2, 'o', 'k'}) // HEADERS ":status: 200", DATA "ok"
					s.Close()
				}()
			}
		}()
	}
}

// record lets Chromium open a page of the lab and returns the path of its
// NetLog. Names are resolved over DoH, or with plainDNS over UDP; noFeatures
// is appended to the features that are switched off.
func (l *lab) record(t *testing.T, page string, plainDNS bool, noFeatures string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	if _, err := os.Stat(chromium); err != nil {
		t.Skip("no Chromium:", err)
	}
	dir := t.TempDir()
	argv := []string{chromium}
	if plainDNS {
		argv = l.withResolver(t, dir)
	} else {
		state := fmt.Sprintf(`{"dns_over_https":{"mode":"secure","templates":"https://%s/dns-query"}}`, l.doh)
		if err := os.WriteFile(filepath.Join(dir, "Local State"), []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leaf, err := x509.ParseCertificate(l.cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pin := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	out := filepath.Join(dir, "netlog.json")
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	argv = append(argv, []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-default-apps", "--no-default-browser-check", "--user-data-dir=" + dir,
		"--component-updater=url-source=http://127.0.0.1:9/u", "--gaia-url=http://127.0.0.1:9",
		"--disable-features=NetworkTimeServiceQuerying,OptimizationHints,OptimizationGuideModelDownloading,MediaRouter,Translate,LocalNetworkAccessChecks" + noFeatures,
		"--ignore-certificate-errors-spki-list=" + base64.StdEncoding.EncodeToString(pin[:]),
		"--origin-to-force-quic-on=quic.lab.test:" + port(l.quic),
		"--allow-loopback-in-peer-connection", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
		"--log-net-log=" + out, "--net-log-capture-mode=Everything",
		"--remote-debugging-port=0", "https://meet.lab.test:" + port(l.tls13) + page}...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.done:
	case <-time.After(45 * time.Second):
		t.Error("the page did not finish")
	}
	time.Sleep(500 * time.Millisecond) // for closing handshakes
	cmd.Process.Signal(syscall.SIGINT)
	cmd.Wait()
	// The network service is a process of its own and closes the log last.
	for range 50 {
		if b, err := os.ReadFile(out); err == nil && bytes.HasSuffix(b, []byte("\n}\n")) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return out
}

// withResolver starts a DNS server and returns the beginning of a command line
// that runs Chromium in a mount namespace where it is the system's resolver.
func (l *lab) withResolver(t *testing.T, dir string) []string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to replace /etc/resolv.conf")
	}
	pc, err := net.ListenPacket("udp", "127.0.0.54:53")
	if err != nil {
		t.Skip("no DNS port:", err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			if answer, err := l.dnsAnswer(b[:n]); err == nil {
				pc.WriteTo(answer, from)
			}
		}
	}()
	resolv := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver 127.0.0.54\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, resolv, chromium}
}
