package webrtc

import (
	"archive/zip"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/dtls/v3"
	curves "github.com/pion/dtls/v3/pkg/crypto/elliptic"
	pion "github.com/pion/webrtc/v4"

	"vksprobe/probe"
)

// labRecording has all knobs of the lab in one session of Chromium.
const labRecording = "testdata/lab.zip"

// knobs are what a far end can be told to do, and the page.
type knobs struct {
	Server   bool                         // the far end is the DTLS server
	Profiles []dtls.SRTPProtectionProfile // of the far end; nil for pion's own
	Key      string                       // of the far end: "" is P-256, "P-384", "RSA"
	Curve    curves.Curve                 // the only one of the far end, 0 for pion's own
	Suite    dtls.CipherSuiteID           // likewise
	Lite     bool
	SDES     bool // a crypto line in the answer
	Hidden   bool // a .local candidate in the answer

	Relay     string // "udp", "tcp", "tls"
	OwnKey    string // of the browser: "" is P-256, "RSA"
	Transform string // "script", "encoded"
	NoMedia   bool
	Receive   bool // media of the far end instead of ours
	Late      bool // a STUN server is added by setConfiguration
	Echo      bool // both ends are in the page
	Fails     bool // the handshake does
}

// combinations lists the connections of the lab. The number of each is its
// place.
func combinations() (all []knobs) {
	aes128, aes256, counter := dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80
	type profiles = []dtls.SRTPProtectionProfile
	for _, server := range []bool{false, true} {
		for _, p := range []profiles{nil, {aes256}, {aes128}, {counter}} {
			for _, key := range []string{"", "RSA"} {
				all = append(all, knobs{Server: server, Profiles: p, Key: key})
			}
		}
		for _, relay := range []string{"udp", "tcp", "tls"} {
			for _, p := range []profiles{nil, {aes128}} {
				all = append(all, knobs{Server: server, Relay: relay, Profiles: p})
			}
		}
		all = append(all,
			knobs{Server: server, Transform: "script"},
			knobs{Server: server, Transform: "encoded", Profiles: profiles{aes256}},
			knobs{Server: server, SDES: true},
			knobs{Server: server, Lite: true},
			knobs{Server: server, OwnKey: "RSA"},
			knobs{Server: server, Curve: curves.P256},
			// A browser with a certificate of P-256 cannot serve who knows only P-384.
			knobs{Server: server, Curve: curves.P384, Fails: !server},
			knobs{Server: server, Key: "P-384"},
			knobs{Server: server, Suite: dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
			knobs{Server: server, NoMedia: true},
			knobs{Server: server, Receive: true, Profiles: profiles{counter, aes128}},
			knobs{Server: server, Hidden: true},
			knobs{Server: server, Relay: "tcp", Key: "RSA", Transform: "script", SDES: true, OwnKey: "RSA"})
	}
	return append(all, knobs{Late: true}, knobs{Echo: true}, knobs{Echo: true, Transform: "script"})
}

// dossier is what the observation of one connection must come to.
type dossier struct {
	Loopback            bool
	Far                 FarEndKind
	Version, Suite      string
	Role, Profile       string
	ChosenBy            []string // per direction
	OfferedBy, Group    string
	Offered             []string // SRTP profiles
	Local, Remote       string   // certificates
	Bound               []string
	SelectedRelay       string
	Relays              []string
	SDES                bool
	Crypto              []string
	Setup               []string // of the answer
	Transform           bool
	Transforms          []string
	Codecs              []string
	Policy              string
	Configurations      int
	Servers             []string
	Hidden              bool
	Unkeyed             bool
	ClearRTCP           int64
	Disagreements       []string
	Sources             []string
	MasterSecret, Owner bool
}

func suiteName(id dtls.CipherSuiteID) string {
	return map[dtls.CipherSuiteID]string{
		dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
		dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:         "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
		dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
	}[id]
}

// profileName names what the lab was told in the words of IANA.
func profileName(p dtls.SRTPProtectionProfile) string {
	return map[dtls.SRTPProtectionProfile]string{
		dtls.SRTP_AES128_CM_HMAC_SHA1_80: "SRTP_AES128_CM_HMAC_SHA1_80",
		dtls.SRTP_AEAD_AES_128_GCM:       "SRTP_AEAD_AES_128_GCM",
		dtls.SRTP_AEAD_AES_256_GCM:       "SRTP_AEAD_AES_256_GCM",
	}[p]
}

// truth derives from the knobs what is true, by the rules of DTLS: the server
// chooses, Chromium by its order, pion by its own.
func (k knobs) truth(page string) dossier {
	chromium := []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AEAD_AES_128_GCM}
	far := k.Profiles
	if far == nil {
		far = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}
	}
	key := map[string]string{"": "ECDSA P-256", "P-384": "ECDSA P-384", "RSA": "RSA 2048"}
	d := dossier{Far: FarUnknown, Version: "DTLS 1.2", Role: "server", OfferedBy: "far_end", Group: "x25519", Local: key[k.OwnKey], Remote: key[k.Key], Bound: []string{"yes", "yes"},
		SDES: k.SDES, Setup: []string{"active"}, Transform: k.Transform != "", Policy: "all", Configurations: 1, Hidden: k.Hidden,
		Sources: []string{"internals", "hook", "packets"}, MasterSecret: true, Owner: true}
	offered, prefers, own := far, chromium, k.OwnKey
	if k.Server {
		d.Role, d.OfferedBy, d.Setup = "client", "browser", []string{"passive"}
		offered, prefers, own = chromium, far, k.Key
	}
	for _, p := range offered {
		d.Offered = append(d.Offered, profileName(p))
	}
	d.Profile = profileName(prefers[slices.IndexFunc(prefers, func(p dtls.SRTPProtectionProfile) bool { return slices.Contains(offered, p) })])
	suite := dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
	if own == "RSA" {
		suite = dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	}
	if k.Suite != 0 {
		suite = k.Suite
	}
	d.Suite = suiteName(suite)
	switch k.Curve {
	case curves.P256:
		d.Group = "secp256r1"
	case curves.P384:
		d.Group = "secp384r1"
	}
	direction := "send"
	if k.Receive {
		direction = "receive"
	}
	if !k.NoMedia {
		d.ChosenBy = []string{direction + " " + d.Profile + " browser"}
		if k.Server {
			d.ChosenBy = []string{direction + " " + d.Profile + " far_end"}
		}
		d.Codecs = []string{direction + " opus/48000/2"}
	}
	if k.Relay != "" {
		d.SelectedRelay, d.Relays, d.Policy = k.Relay, []string{k.Relay + " 127.0.0.8 test"}, "relay"
		d.Servers = []string{"turn"}
		if k.Relay == "tls" {
			d.Servers = []string{"turns"}
		}
	}
	if k.Lite {
		d.Far = FarServer
	}
	if k.Hidden {
		d.Far = FarParticipant
	}
	if k.SDES {
		d.Crypto = []string{"AES_CM_128_HMAC_SHA1_80"}
	}
	switch k.Transform {
	case "script":
		d.Transforms = []string{"RTCRtpScriptTransform sender audio " + page + "/worker.js"}
	case "encoded":
		d.Transforms = []string{"createEncodedStreams sender audio"}
	}
	if k.Late {
		d.Configurations, d.Servers = 2, []string{"stun"}
	}
	return d
}

// dossierOf sums an observation up.
func dossierOf(p Peer) dossier {
	d := dossier{Loopback: p.Loopback, Far: p.FarEnd.Kind, Version: p.DTLSVersion, Suite: p.DTLSCipherSuite, Role: p.DTLSRole, Profile: p.SRTPProfile,
		SDES: p.SDES, Transform: p.Transform, Configurations: len(p.Configurations), Unkeyed: p.Unkeyed, ClearRTCP: p.ClearRTCP,
		Disagreements: p.Disagreements, Sources: p.Sources, Owner: strings.HasSuffix(p.Frame, "/[room]") && strings.Contains(p.Script, "/[room]:")}
	for _, u := range p.SRTP {
		d.ChosenBy = append(d.ChosenBy, fmt.Sprintf("%s %s %s", u.Direction, u.Profile, u.ChosenBy))
	}
	if h := p.Handshake; h != nil {
		d.OfferedBy, d.Group, d.Offered, d.MasterSecret = h.OfferedBy, h.Group, h.SRTPProfiles, h.ExtendedMasterSecret
	}
	for _, c := range p.Certificates {
		text := c.Key + " " + first(c.Curve, strconv.Itoa(c.Bits))
		if c.Side == "local" {
			d.Local = text
		} else {
			d.Remote = text
		}
		d.Bound = append(d.Bound, c.Bound)
	}
	if p.Selected != nil {
		d.SelectedRelay = p.Selected.Local.Relay
	}
	for _, r := range p.Relays {
		host, _, _ := strings.Cut(r.Server, ":")
		if text := fmt.Sprintf("%s %s %s", r.Transport, host, strings.Join(r.Realms, ",")); !slices.Contains(d.Relays, text) {
			d.Relays = append(d.Relays, text)
		}
	}
	for _, x := range p.Descriptions {
		d.Crypto = append(d.Crypto, x.Crypto...)
		if x.Type == "answer" {
			d.Setup = x.Setup
		}
	}
	for _, t := range p.Transforms {
		text := fmt.Sprintf("%s %s %s", t.API, t.On, t.Kind)
		if t.API == "RTCRtpScriptTransform" { // the other one here needs no worker
			text += " " + strings.Join(t.Workers, " ")
		}
		d.Transforms = append(d.Transforms, text)
	}
	for _, c := range p.Codecs {
		if text := c.Direction + " " + c.Name; !slices.Contains(d.Codecs, text) {
			d.Codecs = append(d.Codecs, text)
		}
	}
	if n := len(p.Configurations); n > 0 {
		c := p.Configurations[n-1]
		d.Policy = first(c.TransportPolicy, "all")
		for _, s := range c.Servers {
			scheme, _, _ := strings.Cut(s, ":")
			d.Servers = append(d.Servers, scheme)
		}
	}
	for _, c := range p.RemoteCandidates {
		d.Hidden = d.Hidden || strings.Contains(c.Address, ".local:")
	}
	return d
}

// labPage opens a connection as the knobs say. Its data channel is named after
// its number.
const labPage = `<!doctype html><title>lab</title><script>
let sound;
async function connect(n, k, servers) {
  sound = sound || navigator.mediaDevices.getUserMedia({audio: true});
  const stream = await sound;
  const cfg = {encodedInsertableStreams: k.Transform === 'encoded'};
  if (k.Relay) Object.assign(cfg, {iceTransportPolicy: 'relay', iceServers: [{urls: servers[k.Relay], username: 'user', credential: 'pass'}]});
  if (k.OwnKey) cfg.certificates = [await RTCPeerConnection.generateCertificate({name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256'})];
  const pc = new RTCPeerConnection(cfg);
  pc.createDataChannel('lab-' + n);
  if (k.Receive) pc.addTransceiver('audio', {direction: 'recvonly'});
  else if (!k.NoMedia) {
    const sender = pc.addTrack(stream.getTracks()[0], stream);
    if (k.Transform === 'script') sender.transform = new RTCRtpScriptTransform(globalThis.worker = globalThis.worker || new Worker('/worker.js'), {});
    if (k.Transform === 'encoded') { const s = sender.createEncodedStreams(); s.readable.pipeTo(s.writable) }
  }
  if (k.Late) pc.setConfiguration({iceServers: [{urls: servers.stun}]});
  const up = pc => new Promise((done, fail) => { const f = () => pc.connectionState === (k.Fails ? 'failed' : 'connected') && done(); pc.addEventListener('connectionstatechange', f); f(); setTimeout(() => fail(Error(n + ' is ' + pc.connectionState)), 15000) });
  if (k.Echo) {
    const far = new RTCPeerConnection();
    pc.onicecandidate = e => far.addIceCandidate(e.candidate); far.onicecandidate = e => pc.addIceCandidate(e.candidate);
    await pc.setLocalDescription(); await far.setRemoteDescription(pc.localDescription);
    await far.setLocalDescription(); await pc.setRemoteDescription(far.localDescription);
    await up(pc); await up(far);
    return [pc, far];
  }
  await pc.setLocalDescription();
  await new Promise(done => { pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done(); setTimeout(done, 3000) });
  const sdp = await (await fetch('/offer?n=' + n, {method: 'POST', body: pc.localDescription.sdp})).text();
  await pc.setRemoteDescription({type: 'answer', sdp});
  await up(pc);
  return [pc];
}
async function batch(from, all, servers) {
  const pcs = await Promise.all(all.map((k, i) => connect(from + i, k, servers)));
  await new Promise(done => setTimeout(done, 1200));
  pcs.flat().forEach(pc => pc.close());
}
</script>`

// lab records all combinations, a few at a time.
func lab(t *testing.T, dir string) *probe.Record {
	all := combinations()
	keys := map[string]crypto.Signer{}
	var err error
	if keys["RSA"], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if keys["P-384"], err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	far := make([]*sfu, len(all))
	for n, k := range all {
		role := pion.DTLSRoleClient
		if k.Server {
			role = pion.DTLSRoleServer
		}
		far[n] = newSFU(t, role, func(set *pion.SettingEngine) {
			set.SetLite(k.Lite)
			if k.Profiles != nil {
				set.SetSRTPProtectionProfiles(k.Profiles...)
			}
			if k.Curve != 0 {
				set.SetDTLSEllipticCurves(k.Curve)
			}
			if k.Suite != 0 {
				set.SetDTLSCipherSuites(k.Suite)
			}
		})
		far[n].sends = k.Receive
		if key := keys[k.Key]; key != nil {
			c, err := pion.GenerateCertificate(key)
			if err != nil {
				t.Fatal(err)
			}
			far[n].certificates = []pion.Certificate{*c}
		}
	}
	relay := newRelay(t)
	r := record(t, dir, labPage, func(query, offer string) (string, error) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return "", err
		}
		n, err := strconv.Atoi(q.Get("n"))
		if err != nil || n < 0 || n >= len(all) {
			return "", fmt.Errorf("no combination %q", query)
		}
		sdp, err := far[n].answer(offer)
		if all[n].SDES {
			sdp = strings.Replace(sdp, "a=setup", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\na=setup", 1)
		}
		if all[n].Hidden {
			sdp = strings.Replace(sdp, "a=setup", "a=candidate:9 1 udp 1 9b36eaac-bb2e-49bb-bb78-21c41c499900.local 4000 typ host\r\na=setup", 1)
		}
		return sdp, err
	}, "--ignore-certificate-errors-spki-list="+relay.spki)
	r.mark(probe.Mark{Phase: probe.InMeeting})
	servers, err := json.Marshal(map[string]string{"stun": "stun:" + relay.udp, "udp": "turn:" + relay.udp + "?transport=udp", "tcp": "turn:" + relay.tcp + "?transport=tcp", "tls": "turns:" + relay.tls + "?transport=tcp"})
	if err != nil {
		t.Fatal(err)
	}
	const size = 8
	for from := 0; from < len(all); from += size {
		some, err := json.Marshal(all[from:min(from+size, len(all))])
		if err != nil {
			t.Fatal(err)
		}
		r.js(fmt.Sprintf("batch(%d, %s, %s)", from, some, servers))
	}
	r.mark(probe.Mark{Phase: probe.Left})
	time.Sleep(time.Second)
	return r.close()
}

// checkLab holds the dossiers against the knobs.
func checkLab(t *testing.T, rec *probe.Record) {
	t.Helper()
	all := combinations()
	if len(all) < 40 {
		t.Fatalf("only %d combinations", len(all))
	}
	seen := map[int]bool{}
	echoes := 0
	for o, p := range Connection.In(probe.NewFacts(observed(t, rec))) {
		n := -1
		for _, c := range p.DataChannels {
			if number, ok := strings.CutPrefix(c, "lab-"); ok {
				n, _ = strconv.Atoi(number)
			}
		}
		if n < 0 || n >= len(all) {
			t.Errorf("%s is of no combination: %v", o.Subject, p.DataChannels)
			continue
		}
		k := all[n]
		seen[n] = true
		if k.Fails {
			if o.Failure != probe.NoMedia || p.Handshake == nil || !slices.Equal(p.Handshake.Alerts, []string{"browser fatal 40"}) || !slices.Equal(p.Handshake.Groups, []string{"secp384r1"}) {
				t.Errorf("%d %+v: %s %+v", n, k, o.Failure, p.Handshake)
			}
			continue
		}
		if o.Failure != "" {
			t.Errorf("%s: %s", o.Subject, o.Failure)
		}
		if k.Echo {
			echoes++
			if !p.Loopback || p.FarEnd.Kind != FarLoopback || p.DTLSVersion != "DTLS 1.3" || p.Handshake == nil || p.Handshake.Group != "X25519MLKEM768" || len(p.Disagreements) > 0 {
				t.Errorf("%d %+v: %+v %+v", n, k, p, p.Handshake)
			}
			continue
		}
		page, _, _ := strings.Cut(p.Frame, "/[room]")
		if diff := cmp.Diff(k.truth(page), dossierOf(p)); diff != "" {
			t.Errorf("%d %+v (-done +observed):\n%s", n, k, diff)
		}
	}
	for n := range all {
		if !seen[n] {
			t.Errorf("%d %+v was not observed", n, all[n])
		}
	}
	if echoes != 4 {
		t.Errorf("%d ends of echo tests, want 4", echoes)
	}
	for _, o := range observed(t, rec) {
		for _, secret := range []string{"WVNfX19zZW1jdGwg", `"user"`, `"pass"`} {
			if strings.Contains(string(o.Data), secret) {
				t.Errorf("%s shows %s", o.ID, secret)
			}
		}
	}
}

func TestLabRecorded(t *testing.T) {
	z, err := zip.OpenReader(labRecording)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	checkLab(t, recorded(t, z))
}

// The session takes Chromium half a minute, so it is only recorded on demand.
func TestLabLive(t *testing.T) {
	if !*rerecord {
		t.Skip("records with -record")
	}
	dir := t.TempDir()
	rec := lab(t, dir)
	pack(t, dir, labRecording)
	checkLab(t, rec)
}
