package webrtc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	pion "github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"vksprobe/fixtures/certificate"
)

// An sfu is the far end of a connection: pion on loopback, which counts what
// it receives. It is the ground truth of the recordings.
type sfu struct {
	api          *pion.API
	certificates []pion.Certificate // nil for one of pion's own
	sends        bool               // it sends sound
	ended        sync.WaitGroup
	mu           sync.Mutex
	conns        []*pion.PeerConnection
	addresses    []string     // of its candidates
	audio, video atomic.Int64 // RTP packets of tracks
}

func newSFU(t *testing.T, role pion.DTLSRole, settings ...func(*pion.SettingEngine)) *sfu {
	t.Helper()
	var codecs pion.MediaEngine
	if err := codecs.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	var set pion.SettingEngine
	set.SetIncludeLoopbackCandidate(true)
	set.SetIPFilter(net.IP.IsLoopback)
	if err := set.SetAnsweringDTLSRole(role); err != nil {
		t.Fatal(err)
	}
	for _, f := range settings {
		f(&set)
	}
	s := &sfu{api: pion.NewAPI(pion.WithMediaEngine(&codecs), pion.WithSettingEngine(set))}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.conns {
			if err := c.GracefulClose(); err != nil {
				t.Errorf("closing the far end: %v", err)
			}
		}
		s.ended.Wait()
	})
	return s
}

// answer accepts an offer and returns the answer with all candidates.
func (s *sfu) answer(offer string) (string, error) {
	pc, err := s.api.NewPeerConnection(pion.Configuration{Certificates: s.certificates})
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	s.conns = append(s.conns, pc)
	s.mu.Unlock()
	pc.OnTrack(func(track *pion.TrackRemote, _ *pion.RTPReceiver) {
		count := &s.audio
		if track.Kind() == pion.RTPCodecTypeVideo {
			count = &s.video
		}
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			count.Add(1)
		}
	})
	if err := pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	if s.sends {
		if err := s.send(pc); err != nil {
			return "", err
		}
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := pion.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	select {
	case <-gathered:
	case <-time.After(10 * time.Second):
		return "", errors.New("gathering takes too long")
	}
	sdp := pc.LocalDescription().SDP
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(sdp) {
		if c, ok := parseCandidate(strings.TrimSpace(line)); ok {
			s.addresses = append(s.addresses, c.Address)
		}
	}
	return sdp, nil
}

// send lets the far end send silence until the connection ends.
func (s *sfu) send(pc *pion.PeerConnection) error {
	track, err := pion.NewTrackLocalStaticSample(pion.RTPCodecCapability{MimeType: pion.MimeTypeOpus}, "sound", "far")
	if err != nil {
		return err
	}
	if _, err := pc.AddTrack(track); err != nil {
		return err
	}
	s.ended.Go(func() {
		for pc.ConnectionState() != pion.PeerConnectionStateClosed && pc.ConnectionState() != pion.PeerConnectionStateFailed {
			if err := track.WriteSample(media.Sample{Data: []byte{0xF8, 0xFF, 0xFE}, Duration: 20 * time.Millisecond}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	return nil
}

// A relay is a STUN and TURN server on loopback: its addresses, and the hash
// of the key that its TLS has.
type relay struct{ udp, tcp, tls, spki string }

func newRelay(t *testing.T) relay {
	t.Helper()
	const address = "127.0.0.8"
	conn, err := net.ListenPacket("udp4", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("tcp4", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := certificate.New("turn.test", key)
	if err != nil {
		t.Fatal(err)
	}
	secure, err := tls.Listen("tcp4", address+":0", &tls.Config{Certificates: []tls.Certificate{cert.TLS}})
	if err != nil {
		t.Fatal(err)
	}
	generator := func() turn.RelayAddressGenerator {
		return &turn.RelayAddressGeneratorStatic{RelayAddress: net.ParseIP(address), Address: address}
	}
	s, err := turn.NewServer(turn.ServerConfig{
		Realm:         "test",
		LoggerFactory: &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled},
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, a.Realm, "pass"), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: conn, RelayAddressGenerator: generator()}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: plain, RelayAddressGenerator: generator()}, {Listener: secure, RelayAddressGenerator: generator()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the relay: %v", err)
		}
	})
	return relay{conn.LocalAddr().String(), plain.Addr().String(), secure.Addr().String(), cert.SPKI}
}
