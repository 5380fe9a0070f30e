package dtls

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/webrtc/v4"

	"vksprobe/probe"
)

// loopback is all that a lab may reach.
var loopback = ICE{Scope: probe.Scope{Hosts: []string{"127.0.0.1"}}}

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

func TestPion(t *testing.T) {
	p := newPion(t, nil)
	tr, f := ask(t, loopback.Through(p.join), Options{Server: "pion", Deep: true})
	dump(t, tr, f)
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_ = errors.New
	q := newPion(t, func(s *webrtc.SettingEngine) { s.SetDTLSCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384) }).with(t, key)
	tr, f = ask(t, loopback.Through(q.join), Options{Server: "pion", Deep: true})
	dump(t, tr, f)
}
