package dtls

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	pionelliptic "github.com/pion/dtls/v3/pkg/crypto/elliptic"
	"github.com/pion/webrtc/v4"

	"vksprobe/probe"
	"vksprobe/tls/hello"
)

// loopback is all that a lab may reach.
var loopback = ICE{Scope: probe.Scope{Hosts: []string{"127.0.0.1"}}, Timeout: 30 * time.Second}

// A pion is a media server made of pion.
type pion struct {
	api    *webrtc.API
	certs  []webrtc.Certificate
	offers bool // it makes the offer
}

func newPion(t *testing.T, set func(*webrtc.SettingEngine)) *pion {
	t.Helper()
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(func(ip net.IP) bool { return ip.String() == "127.0.0.1" })
	if set != nil {
		set(&s)
	}
	var media webrtc.MediaEngine
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	return &pion{api: webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(&media))}
}

func (p *pion) with(t *testing.T, key any) *pion {
	t.Helper()
	var cert *webrtc.Certificate
	var err error
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		cert, err = webrtc.GenerateCertificate(key)
	case *rsa.PrivateKey:
		cert, err = webrtc.GenerateCertificate(key)
	default:
		t.Fatalf("no certificates with a %T", key)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.certs = []webrtc.Certificate{*cert}
	return p
}

// browser stands for the page whose description is substituted.
func (p *pion) browser() (*webrtc.PeerConnection, error) {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio)
	return pc, err
}

// join is the signalling of the lab.
func (p *pion) join(ctx context.Context, id *Identity, setup Setup) (s *Session, err error) {
	var all sync.WaitGroup
	far, err := p.api.NewPeerConnection(webrtc.Configuration{Certificates: p.certs})
	if err != nil {
		return nil, err
	}
	near, err := p.browser()
	if err != nil {
		return nil, err
	}
	leave := func() {
		all.Go(func() { far.Close() })
		all.Go(func() { near.Close() })
		all.Wait()
	}
	defer func() {
		if err != nil {
			leave()
		}
	}()
	local := func(d webrtc.SessionDescription) error {
		gathered := webrtc.GatheringCompletePromise(far)
		if err := far.SetLocalDescription(d); err != nil {
			return err
		}
		select {
		case <-gathered:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if p.offers {
		if _, err := far.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio); err != nil {
			return nil, err
		}
		offer, err := far.CreateOffer(nil)
		if err != nil {
			return nil, err
		}
		if err := local(offer); err != nil {
			return nil, err
		}
		if err := near.SetRemoteDescription(*far.LocalDescription()); err != nil {
			return nil, err
		}
		answer, err := near.CreateAnswer(nil)
		if err != nil {
			return nil, err
		}
		answer.SDP = Substitute(answer.SDP, id, setup)
		if err := far.SetRemoteDescription(answer); err != nil {
			return nil, err
		}
		return &Session{Remote: ParseDescription(far.LocalDescription().SDP, true), Leave: leave}, nil
	}
	offer, err := near.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	offer.SDP = Substitute(offer.SDP, id, setup)
	if err := far.SetRemoteDescription(offer); err != nil {
		return nil, err
	}
	answer, err := far.CreateAnswer(nil)
	if err != nil {
		return nil, err
	}
	if err := local(answer); err != nil {
		return nil, err
	}
	return &Session{Remote: ParseDescription(far.LocalDescription().SDP, false), Leave: leave}, nil
}

func ask(t *testing.T, c Connect, o Options) (Transcript, Facts) {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	transcript, err := Enumerate(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return transcript, Read(transcript)
}

func dump(t *testing.T, tr Transcript, f Facts) {
	t.Helper()
	for _, x := range tr {
		r := x.read()
		t.Logf("%2d %-8s %-7s v=%04x %-12s verdict=%d chosen=%04x alert=%v cookie=%v failure=%q joined=%.3f", x.N, x.Ask, x.Setup, x.Version, x.Detail, r.verdict, r.chosen, r.flight.Alert, r.cookie, x.Failure, x.Joined)
	}
	b, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(string(b))
}

// A truth is what a server is configured for.
type truth struct {
	offer                             []uint16 // suites as the client, in order; nil: not to be compared
	suites, groups, schemes, profiles []uint16 // as the server
	preferences                       [dimensions]Preference
	rest                              [dimensions]State // No unless it says otherwise
	versions                          []uint16          // nil: DTLS 1.2
	key                               string
	bits                              int
	reused                            State
	features                          map[string]State // those to be compared
}

func (w truth) compare(t *testing.T, f Facts) {
	t.Helper()
	if w.offer != nil {
		if f.Offer == nil {
			t.Error("no offer was seen")
		} else if got := inOrder(f.Offer.Suites); !slices.Equal(got, w.offer) {
			t.Errorf("offered suites: %04x, want %04x", got, w.offer)
		}
	}
	if w.versions == nil {
		w.versions = []uint16{hello.DTLS12}
	}
	for _, v := range f.Versions {
		want := No
		if slices.Contains(w.versions, v.Code) {
			want = Yes
		}
		if v.Accepted != want {
			t.Errorf("%s: %s, want %s", v.Name, v.Accepted, want)
		}
		if v.Code != w.versions[0] {
			continue
		}
		for d, set := range []Set{v.Suites, v.Groups, v.Schemes, v.Profiles} {
			name := []string{"suites", "groups", "schemes", "profiles"}[d]
			same(t, name, set.Accepted, [][]uint16{w.suites, w.groups, w.schemes, w.profiles}[d])
			if p := w.preferences[d]; p != "" && set.Preference != p {
				t.Errorf("preference of %s: %s, want %s", name, set.Preference, p)
			}
			if rest := cmp.Or(w.rest[d], No); set.Rest != rest && (set.Rest != "" || len(set.Accepted) > 0) {
				t.Errorf("rest of %s: %q, want %q", name, set.Rest, rest)
			}
		}
	}
	for name, want := range w.features {
		if got := f.Features[name]; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if f.Reused != w.reused {
		t.Errorf("certificate reused: %s, want %s", f.Reused, w.reused)
	}
	for _, c := range f.Certificates {
		if c.Key != w.key || c.Bits != w.bits {
			t.Errorf("certificate with %s %d, want %s %d", c.Key, c.Bits, w.key, w.bits)
		}
	}
	if len(f.Certificates) == 0 {
		t.Error("no certificate was seen")
	}
}

func inOrder(all []Named) (list []uint16) {
	for _, n := range all {
		list = append(list, n.Code)
	}
	return list
}

// TestPion compares what is found out with what the servers are configured
// for. A pion takes the client's order, except of profiles, and signs as it
// likes.
func TestPion(t *testing.T) {
	usual := []uint16{0xC02B, 0xC02F, 0xCCA9, 0xCCA8, 0xC00A, 0xC014, 0xC02C, 0xC030}
	var (
		ecdsaSuites = []uint16{0xC02B, 0xC02C, 0xC00A, 0xCCA9}
		rsaSuites   = []uint16{0xC02F, 0xC030, 0xC014, 0xCCA8}
		curves      = []uint16{29, 23, 24}
		gcm         = []uint16{8, 7, 1}
	)
	order := [dimensions]Preference{suites: OfClient, groups: OfClient, profiles: OfServer}
	features := func(also map[string]State) map[string]State {
		all := map[string]State{CookieExchange: Yes, ExtendedMasterSecret: Yes, EMSRequired: No, SRTPRequired: No, ClientCertificate: Yes,
			Unoffered: Yes, CookieAnswered: Yes, ClientEMS: Yes, Handshake: Yes, SessionTickets: No, Heartbeats: No, SecureRenegotiation: Yes}
		maps.Copy(all, also)
		return all
	}
	ids := func(codes ...uint16) (all []dtls.CipherSuiteID) {
		for _, c := range codes {
			all = append(all, dtls.CipherSuiteID(c))
		}
		return all
	}
	for name, c := range map[string]struct {
		key    any
		offers bool
		set    func(*webrtc.SettingEngine)
		want   truth
	}{
		"as it comes": {want: truth{offer: usual, suites: ecdsaSuites, groups: curves, schemes: []uint16{0x0403}, profiles: gcm, preferences: order,
			key: "ECDSA", bits: 256, reused: No, features: features(nil)}},
		"it offers, with ICE-lite": {offers: true, set: func(s *webrtc.SettingEngine) { s.SetLite(true) }, want: truth{offer: usual, suites: ecdsaSuites, groups: curves, schemes: []uint16{0x0403}, profiles: gcm, preferences: order,
			key: "ECDSA", bits: 256, reused: No, features: features(nil)}},
		"one certificate": {key: ecdsaKey(t, elliptic.P256()), want: truth{offer: usual, suites: ecdsaSuites, groups: curves, schemes: []uint16{0x0403}, profiles: gcm,
			key: "ECDSA", bits: 256, reused: Yes, features: features(nil)}},
		"RSA": {key: rsaKey(t), want: truth{offer: usual, suites: rsaSuites, groups: curves, schemes: []uint16{0x0401}, profiles: gcm, preferences: order,
			key: "RSA", bits: 2048, reused: Yes, features: features(nil)}},
		"P-384": {key: ecdsaKey(t, elliptic.P384()), want: truth{offer: usual, suites: ecdsaSuites, groups: curves, schemes: []uint16{0x0403}, profiles: gcm,
			key: "ECDSA", bits: 384, reused: Yes, features: features(nil)}},
		"one suite": {set: func(s *webrtc.SettingEngine) { s.SetDTLSCipherSuites(ids(0xC02C)...) },
			want: truth{offer: []uint16{0xC02C}, suites: []uint16{0xC02C}, groups: curves, schemes: []uint16{0x0403}, profiles: gcm, key: "ECDSA", bits: 256, reused: No, features: features(nil)}},
		"three suites": {set: func(s *webrtc.SettingEngine) { s.SetDTLSCipherSuites(ids(0xCCA9, 0xC0AE, 0xC02B)...) },
			want: truth{offer: []uint16{0xCCA9, 0xC0AE, 0xC02B}, suites: []uint16{0xCCA9, 0xC0AE, 0xC02B}, groups: curves, schemes: []uint16{0x0403}, profiles: gcm, preferences: order,
				key: "ECDSA", bits: 256, reused: No, features: features(nil)}},
		"old profiles": {set: func(s *webrtc.SettingEngine) {
			s.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_32, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
		}, want: truth{offer: usual, suites: ecdsaSuites, groups: curves, schemes: []uint16{0x0403}, profiles: []uint16{2, 1}, preferences: order,
			key: "ECDSA", bits: 256, reused: No, features: features(nil)}},
		"one profile": {set: func(s *webrtc.SettingEngine) { s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM) },
			want: truth{offer: usual, suites: ecdsaSuites, groups: curves, schemes: []uint16{0x0403}, profiles: []uint16{7}, key: "ECDSA", bits: 256, reused: No, features: features(nil)}},
		"one group": {set: func(s *webrtc.SettingEngine) { s.SetDTLSEllipticCurves(pionelliptic.X25519) },
			want: truth{offer: usual, suites: ecdsaSuites, groups: []uint16{29}, schemes: []uint16{0x0403}, profiles: gcm, key: "ECDSA", bits: 256, reused: No, features: features(nil)}},
		"without cookie": {set: func(s *webrtc.SettingEngine) { s.SetDTLSInsecureSkipHelloVerify(true) },
			want: truth{offer: usual, suites: ecdsaSuites, groups: curves, schemes: []uint16{0x0403}, profiles: gcm, key: "ECDSA", bits: 256, reused: No,
				features: features(map[string]State{CookieExchange: No})}},
		"EMS required": {set: func(s *webrtc.SettingEngine) { s.SetDTLSExtendedMasterSecret(dtls.RequireExtendedMasterSecret) },
			want: truth{offer: usual, suites: ecdsaSuites, groups: curves, schemes: []uint16{0x0403}, profiles: gcm, key: "ECDSA", bits: 256, reused: No,
				features: features(map[string]State{EMSRequired: Yes})}},
		"no EMS": {set: func(s *webrtc.SettingEngine) { s.SetDTLSExtendedMasterSecret(dtls.DisableExtendedMasterSecret) },
			want: truth{offer: usual, suites: ecdsaSuites, groups: curves, schemes: []uint16{0x0403}, profiles: gcm, key: "ECDSA", bits: 256, reused: No,
				features: features(map[string]State{ExtendedMasterSecret: No, ClientEMS: No})}},
		"no client certificate": {set: func(s *webrtc.SettingEngine) { s.SetDTLSClientAuth(dtls.NoClientCert) },
			want: truth{offer: usual, suites: ecdsaSuites, groups: curves, schemes: []uint16{0x0403}, profiles: gcm, key: "ECDSA", bits: 256, reused: No,
				features: features(map[string]State{ClientCertificate: No})}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPion(t, c.set)
			p.offers = c.offers
			if c.key != nil {
				p.with(t, c.key)
			}
			tr, f := ask(t, loopback.Through(p.join), Options{Server: "pion", Deep: true})
			if f.Fingerprint != Yes {
				t.Errorf("certificate matches SDP: %s", f.Fingerprint)
			}
			if c.want.compare(t, f); t.Failed() {
				dump(t, tr, f)
			}
		})
	}
}

// TestOffer lets a server with full ICE make the offer: it leads the ICE then.
func TestOffer(t *testing.T) {
	t.Parallel()
	p := newPion(t, nil)
	p.offers = true
	tr, f := ask(t, loopback.Through(p.join), Options{Server: "pion"})
	if len(tr) != 2 || f.Offer == nil || f.Features[Handshake] != Yes || f.Versions[1].Accepted != Yes || f.Versions[1].Suites.Chosen == nil || f.Versions[1].Suites.Rest != Unknown {
		dump(t, tr, f)
		t.Error("two joins tell the offer and the choice, and no more")
	}
}
