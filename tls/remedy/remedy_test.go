package remedy

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vksprobe/fixtures/certificate"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/norm"
)

var update = flag.Bool("update", false, "write openssl.csv and testdata anew")

var day = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func profile(t testing.TB, key string) norm.Profile {
	t.Helper()
	n, ok := norm.Builtin().Get(key)
	if !ok {
		t.Fatalf("no norm %s", key)
	}
	return n.Profile(day)
}

var spoken = regexp.MustCompile(`- (TLS_\S+|SSL_\S+) +- (\S+)`)

// TestOpenSSLNames holds the table against the OpenSSL of this machine.
func TestOpenSSLNames(t *testing.T) {
	out, err := exec.Command("openssl", "ciphers", "-V", "-stdname", "-ciphersuites", strings.Join(knownSuites13, ":"), everything).Output()
	if err != nil {
		t.Skipf("no openssl to compare with: %v", err)
	}
	var rows []string
	names := openSSLNames()
	for _, f := range spoken.FindAllStringSubmatch(string(out), -1) {
		rows = append(rows, f[1]+","+f[2])
		if names[f[1]] != f[2] && !*update {
			t.Errorf("%s is %s, and %q in the table", f[1], f[2], names[f[1]])
		}
	}
	if len(rows) < 100 {
		t.Fatalf("openssl said: %.200s", out)
	}
	if *update {
		sort.Strings(rows)
		if err := os.WriteFile("openssl.csv", []byte("Name,OpenSSL\n"+strings.Join(rows, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTexts holds every configuration against a file.
func TestTexts(t *testing.T) {
	for _, key := range []string{"bsi-tr-02102-2/2026-01", "mozilla-intermediate/6.0", "mozilla-modern/6.0"} {
		for _, server := range Servers() {
			c, err := For(server, profile(t, key), Debian12)
			have := ""
			if err != nil {
				have = err.Error() + "\n"
			} else {
				have = c.File + "\n\n" + c.Text + "\n"
				for _, n := range c.Notes {
					have += "de " + n.DE + "\nen " + n.EN + "\n"
				}
			}
			file := filepath.Join("testdata", strings.ReplaceAll(key, "/", "-")+"-"+server+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(have), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if diff := cmp.Diff(string(want), have); diff != "" {
				t.Errorf("%s: %v (-file +have):\n%s", file, err, diff)
			}
		}
	}
}

func TestLibrary(t *testing.T) {
	c, err := choose(profile(t, "mozilla-intermediate/6.0"), Library{3, 5})
	if err != nil || c.Groups != "X25519MLKEM768:x25519:secp256r1:secp384r1" || c.Curve != "prime256v1" {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = choose(profile(t, "bsi-tr-02102-2/2026-01"), Library{4, 0})
	if err != nil || !strings.Contains(c.Groups, "brainpoolP256r1tls13") || !strings.Contains(c.Signatures, "ecdsa_brainpoolP256r1tls13_sha256") {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestUnknown(t *testing.T) {
	for _, name := range []string{"iis", "", "../servers/nginx", "."} {
		if _, err := For(name, profile(t, "mozilla-modern/6.0"), Debian12); !errors.Is(err, ErrUnknown) && name != "../servers/nginx" {
			t.Errorf("%q: %v", name, err)
		}
	}
	// a day on which nothing is permitted any more
	n, _ := norm.Builtin().Get("bsi-tr-02102-2/2026-01")
	if c, err := For("nginx", n.Profile(day.AddDate(40, 0, 0)), Debian12); err == nil {
		t.Errorf("configuration for 2066: %s", c.Text)
	}
}

// lab is a running server.
type lab struct {
	dir, ip, port string
	single        bool   // the server takes one certificate only
	curve         string // the server takes this group only
	starttls      []string
}

// identities are the certificates of all servers.
var identities = sync.OnceValues(func() ([2]certificate.Certificate, error) {
	var list [2]certificate.Certificate
	r, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return list, err
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return list, err
	}
	first, err := certificate.New("localhost", r)
	if err != nil {
		return list, err
	}
	second, err := certificate.New("localhost", e)
	return [2]certificate.Certificate{first, second}, err
})

// programs start a server with a configuration: files, environment and
// command line are templates with {dir}, {ip}, {port} and {config}.
var programs = map[string]struct {
	lab
	files     map[string]string
	openssl   []string // what the notes want from the configuration of OpenSSL
	arguments []string
}{
	"nginx": {
		files: map[string]string{"nginx.conf": `daemon off; master_process off; pid {dir}/pid; error_log stderr;
events {}
http {
access_log off; client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
include {dir}/config;
server { listen {ip}:{port} ssl; ssl_certificate {dir}/rsa.pem; ssl_certificate_key {dir}/rsa.key; ssl_certificate {dir}/ecdsa.pem; ssl_certificate_key {dir}/ecdsa.key; }
}`},
		arguments: []string{"nginx", "-e", "stderr", "-c", "{dir}/nginx.conf"},
	},
	"apache": {
		files: map[string]string{"httpd.conf": `LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
ServerRoot {dir}
ServerName localhost
PidFile {dir}/pid
Mutex file:{dir} default
ErrorLog /dev/stderr
User nobody
Group nogroup
Listen {ip}:{port}
SSLCipherSuite HIGH:!aNULL
SSLProtocol all -SSLv3
Include {dir}/config
<VirtualHost {ip}:{port}>
SSLEngine on
SSLCertificateFile {dir}/rsa.pem
SSLCertificateKeyFile {dir}/rsa.key
SSLCertificateFile {dir}/ecdsa.pem
SSLCertificateKeyFile {dir}/ecdsa.key
</VirtualHost>`},
		arguments: []string{"apache2", "-X", "-f", "{dir}/httpd.conf"},
	},
	"haproxy": {
		openssl: []string{"SignatureAlgorithms"},
		files: map[string]string{"rest": `defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend lab
    bind {ip}:{port} ssl crt {dir}/both
    http-request return status 200
`, "both.rsa": "{rsa}", "both.ecdsa": "{ecdsa}"},
		arguments: []string{"haproxy", "-db", "-f", "{dir}/config", "-f", "{dir}/rest"},
	},
	"openssl": {
		openssl:   []string{"MinProtocol", "MaxProtocol", "CipherString", "Ciphersuites", "Groups", "SignatureAlgorithms", "Options"},
		arguments: []string{"openssl", "s_server", "-accept", "{ip}:{port}", "-quiet", "-cert", "{dir}/rsa.pem", "-key", "{dir}/rsa.key", "-dcert", "{dir}/ecdsa.pem", "-dkey", "{dir}/ecdsa.key"},
	},
	"prosody": {
		openssl: []string{"SignatureAlgorithms"}, lab: lab{single: true, starttls: []string{"-starttls", "xmpp", "-xmpphost", "localhost"}},
		files: map[string]string{"prosody.cfg.lua": `run_as_root = true
pidfile = "{dir}/pid"
data_path = "{dir}"
interfaces = { "{ip}" }
c2s_ports = { {port} }
s2s_ports = { }
modules_disabled = { "s2s" }
modules_enabled = { "tls", "saslauth" }
authentication = "internal_hashed"
log = { { levels = { min = "warn" }, to = "console" } }
Include "{dir}/config"
VirtualHost "localhost"
ssl = { certificate = "{dir}/rsa.pem", key = "{dir}/rsa.key" }
`},
		arguments: []string{"prosody", "-F", "--config", "{dir}/prosody.cfg.lua"},
	},
	"coturn": {
		openssl: []string{"Ciphersuites", "SignatureAlgorithms"}, lab: lab{single: true, curve: "secp256r1"},
		arguments: []string{"turnserver", "-c", "{dir}/config", "-L", "{ip}", "--tls-listening-port", "{port}", "--no-udp", "--no-tcp", "--no-dtls", "--no-cli", "--no-auth", "-m", "1",
			"--cert", "{dir}/rsa.pem", "--pkey", "{dir}/rsa.key", "--log-file", "stdout", "--simple-log", "--pidfile", "{dir}/pid", "--userdb", "{dir}/db"},
	},
}

// look finds a program, also where only root has its path.
func look(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if p := filepath.Join(dir, name); syscall.Access(p, 1) == nil {
			return p
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// setting is a line that sets something for TLS.
var setting = regexp.MustCompile(`(?m)^[A-Z]\w+ = .*\n`)

// only leaves out all lines but those of the names.
func only(names []string) func(string) string {
	return func(line string) string {
		if name, _, _ := strings.Cut(line, " "); !slices.Contains(names, name) {
			return ""
		}
		return line
	}
}

// start runs a server with a configuration until the test ends.
func start(t *testing.T, name string, config, library Config) lab {
	t.Helper()
	p := programs[name]
	path := look(t, p.arguments[0])
	both, err := identities()
	if err != nil {
		t.Fatal(err)
	}
	l := p.lab
	l.dir, l.ip = t.TempDir(), "127.0.0.37"
	free, err := net.Listen("tcp", l.ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	_, l.port, _ = net.SplitHostPort(free.Addr().String())
	free.Close()
	fill := strings.NewReplacer("{dir}", l.dir, "{ip}", l.ip, "{port}", l.port, "{config}", "config",
		"{rsa}", string(both[0].PEM)+string(both[0].Key), "{ecdsa}", string(both[1].PEM)+string(both[1].Key)).Replace
	files := map[string]string{"config": config.Text, "openssl.cnf": setting.ReplaceAllStringFunc(library.Text, only(p.openssl)),
		"rsa.pem": string(both[0].PEM), "rsa.key": string(both[0].Key), "ecdsa.pem": string(both[1].PEM), "ecdsa.key": string(both[1].Key)}
	for file, text := range p.files {
		files[file] = text
	}
	for file, text := range files {
		if file != "config" {
			text = fill(text)
		}
		if err := os.WriteFile(filepath.Join(l.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path)
	for _, a := range p.arguments[1:] {
		cmd.Args = append(cmd.Args, fill(a))
	}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + l.dir, "OPENSSL_CONF=/dev/null"}
	if len(p.openssl) > 0 {
		cmd.Env[2] = "OPENSSL_CONF=" + l.dir + "/openssl.cnf"
	}
	var said bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.dir, &said, &said
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the order to die with us is tied to this thread
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
		close(done)
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-done
		if t.Failed() {
			t.Logf("%s: %s", name, said.String())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", net.JoinHostPort(l.ip, l.port))
		if err == nil {
			c.Close()
			return l
		}
		select {
		case <-done:
			t.Fatalf("%s ended", name)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", name, err)
		}
	}
}

// asked tells how OpenSSL's client fares with a server, with arguments that
// say what it offers. A question that it could not even put is fatal.
func (l lab) asked(t *testing.T, arguments ...string) (answer string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := append([]string{"s_client", "-connect", net.JoinHostPort(l.ip, l.port), "-servername", "localhost", "-brief"}, l.starttls...)
	cmd := exec.CommandContext(ctx, look(t, "openssl"), append(args, arguments...)...)
	cmd.Env = []string{"OPENSSL_CONF=/dev/null"}
	out, err := cmd.CombinedOutput()
	answer = string(out)
	if err != nil && !strings.Contains(answer, "alert") && !strings.Contains(answer, "unexpected eof") && !strings.Contains(answer, "errno=104") {
		t.Fatalf("%v: %v: %s", arguments, err, answer)
	}
	return answer, err == nil
}

// others returns what is not in a list.
func others(all, list []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(list, s) })
}

const everything = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"

var (
	knownSuites13 = []string{"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256", "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"}
	knownGroups12 = strings.Fields("secp160k1 secp160r1 secp160r2 secp192k1 secp192r1 secp224k1 secp224r1 secp256k1 secp256r1 secp384r1 secp521r1 sect163k1 sect163r2 sect233k1 sect233r1 sect283k1 sect283r1 sect409k1 sect571r1 brainpoolP256r1 brainpoolP384r1 brainpoolP512r1 x25519 x448")
	knownGroups13 = strings.Fields("secp256r1 secp384r1 secp521r1 x25519 x448 ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192")
	knownSchemes  = strings.Fields("RSA+SHA1 RSA+SHA224 rsa_pkcs1_sha256 rsa_pkcs1_sha384 rsa_pkcs1_sha512 rsa_pss_rsae_sha256 rsa_pss_rsae_sha384 rsa_pss_rsae_sha512 ECDSA+SHA1 ECDSA+SHA224 ecdsa_secp256r1_sha256 ecdsa_secp384r1_sha384 ecdsa_secp521r1_sha512")
)

// kind is how OpenSSL says which signature was made.
var kind = map[string]string{"rsa": "RSA-PSS", "ecd": "ECDSA"}

// check asks a server for everything that the configuration has, one by one,
// and then for all the rest that OpenSSL knows.
func (l lab) check(t *testing.T, c Choice) {
	accepts := func(want bool, says string, arguments ...string) {
		t.Helper()
		answer, ok := l.asked(t, arguments...)
		if ok != want || ok && !strings.Contains(answer, says) {
			t.Errorf("%v: accepted is %t, want %t and %q in\n%s", arguments, ok, want, says, answer)
		}
	}
	accepts(false, "", "-tls1", "-cipher", everything)
	accepts(false, "", "-tls1_1", "-cipher", everything)
	accepts(c.TLS12, "TLSv1.2", "-tls1_2", "-cipher", everything)
	accepts(c.TLS13, "TLSv1.3", "-tls1_3")
	schemes, groups := strings.Split(c.Signatures, ":"), strings.Split(c.Groups, ":")
	if l.curve != "" {
		groups = []string{l.curve}
	}
	// some servers choose a certificate by PKCS #1 alone
	asRSA := func(scheme string) string {
		if strings.HasPrefix(scheme, "rsa_pss") && !c.PKCS1 {
			return scheme + ":rsa_pkcs1_sha256"
		}
		return scheme
	}
	if c.TLS12 {
		var rest strings.Builder
		rest.WriteString("ALL:COMPLEMENTOFALL")
		own := "@SECLEVEL=0" // the suites with RSA, in reverse order
		var mine []string
		for _, suite := range strings.Split(c.Ciphers, ":") {
			rest.WriteString(":!" + suite)
			if strings.Contains(suite, "ECDSA") && l.single {
				continue
			}
			accepts(true, "Ciphersuite: "+suite+"\n", "-tls1_2", "-cipher", suite+":@SECLEVEL=0")
			if strings.Contains(suite, "RSA") && !strings.Contains(suite, "ECDSA") { // of ECDSA the client must have the group of the key, too
				own, mine = suite+":"+own, append(mine, suite)
			}
		}
		preferred := mine[len(mine)-1]
		if c.ServerOrder {
			preferred = mine[0]
		}
		accepts(true, "Ciphersuite: "+preferred+"\n", "-tls1_2", "-cipher", own)
		accepts(false, "", "-tls1_2", "-cipher", rest.String()+":@SECLEVEL=0")
		for _, group := range knownGroups12 {
			if slices.Contains(groups, group) {
				accepts(true, "", "-tls1_2", "-cipher", own, "-groups", group)
			}
		}
		accepts(false, "", "-tls1_2", "-cipher", own, "-groups", strings.Join(others(knownGroups12, groups), ":"))
		if c.Signatures != "" {
			for _, scheme := range schemes {
				if strings.Contains(scheme, "rsae") || strings.Contains(scheme, "ecdsa") && !l.single {
					accepts(true, "Signature type: "+kind[scheme[:3]], "-tls1_2", "-cipher", everything, "-sigalgs", asRSA(scheme))
				}
			}
			accepts(false, "", "-tls1_2", "-cipher", everything, "-sigalgs", strings.Join(others(knownSchemes, schemes), ":"))
		}
	}
	if c.TLS13 {
		suites := strings.Split(c.Ciphersuites, ":")
		for _, suite := range suites {
			accepts(true, "Ciphersuite: "+suite+"\n", "-tls1_3", "-ciphersuites", suite)
		}
		accepts(false, "", "-tls1_3", "-ciphersuites", strings.Join(others(knownSuites13, suites), ":"))
		for _, group := range knownGroups13 {
			if slices.Contains(groups, group) {
				accepts(true, "", "-tls1_3", "-groups", group)
			}
		}
		accepts(false, "", "-tls1_3", "-groups", strings.Join(others(knownGroups13, groups), ":"))
		for _, scheme := range []string{"rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512", "ecdsa_secp256r1_sha256"} {
			if c.Signatures != "" && !(l.single && strings.Contains(scheme, "ecdsa")) {
				accepts(slices.Contains(schemes, scheme), "Signature type: "+kind[scheme[:3]], "-tls1_3", "-sigalgs", asRSA(scheme))
			}
		}
	}
}

// scan asks the server with our own enumeration, which is not limited to what
// OpenSSL knows: nothing may be there that the norm does not permit.
func (l lab) scan(t *testing.T, p norm.Profile, c Choice) {
	target := enumerate.Target{Host: "localhost", Address: net.JoinHostPort(l.ip, l.port)}
	var exchanges []*enumerate.Exchange
	_, err := enumerate.Run(t.Context(), target, enumerate.Options{
		Open: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", target.Address)
		},
		Record: func(x *enumerate.Exchange) { exchanges = append(exchanges, x) },
	})
	if err != nil {
		t.Fatal(err)
	}
	o, found := enumerate.Derive(target, exchanges), map[uint16]int{}
	for _, v := range o.Versions {
		if v.State != enumerate.Yes {
			continue
		}
		permits := func(kind norm.Kind, list []enumerate.Named) {
			for _, n := range list {
				if !p.Permits(norm.Mechanism{Kind: kind, Code: n.Code, Name: n.Name, Version: v.Code}) {
					t.Errorf("%s: %s is offered", v.Name, n.Name)
				}
			}
		}
		permits(norm.Version, []enumerate.Named{{Code: v.Code, Name: v.Name}})
		permits(norm.CipherSuite, v.Suites)
		permits(norm.Group, v.Groups)
		if c.Signatures != "" {
			permits(norm.SignatureScheme, v.SignatureSchemes)
		}
		if len(v.Groups) == 0 || len(v.SignatureSchemes) == 0 {
			t.Errorf("%s: groups %v, signature schemes %v", v.Name, v.Groups, v.SignatureSchemes)
		}
		found[v.Code] = len(v.Suites)
	}
	if (found[tls12] > 0) != c.TLS12 || (found[tls13] > 0) != c.TLS13 {
		t.Errorf("suites found: %v", found)
	}
	for _, a := range p.Avoid {
		if m := a.Mechanism; m.Kind == norm.Feature && !m.Absent && o.Features[m.Name] == enumerate.Yes {
			t.Errorf("%s is there", m.Name)
		}
	}
	for name, state := range o.Flaws {
		if state == enumerate.Yes {
			t.Errorf("flaw: %s", name)
		}
	}
}

// TestServers starts every server with its configuration and asks it.
func TestServers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for key, servers := range map[string][]string{"bsi-tr-02102-2/2026-01": Servers(), "mozilla-intermediate/6.0": {"nginx"}, "mozilla-modern/6.0": {"coturn", "haproxy", "openssl", "prosody"}} {
		for _, server := range servers {
			t.Run(strings.ReplaceAll(key, "/", "-")+"/"+server, func(t *testing.T) {
				t.Parallel()
				p := profile(t, key)
				config, err := For(server, p, Debian12)
				if err != nil {
					t.Fatal(err)
				}
				library, err := For("openssl", p, Debian12)
				if err != nil {
					t.Fatal(err)
				}
				c, err := choose(p, Debian12)
				if err != nil {
					t.Fatal(err)
				}
				l := start(t, server, config, library)
				l.check(t, c)
				if l.starttls == nil { // the preamble is tested elsewhere
					l.scan(t, p, c)
				}
			})
		}
	}
}
