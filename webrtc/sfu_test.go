package webrtc

import (
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
)

// An sfu is the far end of a connection: pion on loopback, which counts what
// it receives. It is the ground truth of the recordings.
type sfu struct {
	api          *pion.API
	mu           sync.Mutex
	conns        []*pion.PeerConnection
	addresses    []string     // of its candidates
	audio, video atomic.Int64 // RTP packets of tracks
}

func newSFU(t *testing.T, role pion.DTLSRole) *sfu {
	t.Helper()
	var media pion.MediaEngine
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	var set pion.SettingEngine
	set.SetIncludeLoopbackCandidate(true)
	set.SetIPFilter(net.IP.IsLoopback)
	if err := set.SetAnsweringDTLSRole(role); err != nil {
		t.Fatal(err)
	}
	s := &sfu{api: pion.NewAPI(pion.WithMediaEngine(&media), pion.WithSettingEngine(set))}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.conns {
			if err := c.GracefulClose(); err != nil {
				t.Errorf("closing the far end: %v", err)
			}
		}
	})
	return s
}

// answer accepts an offer and returns the answer with all candidates.
func (s *sfu) answer(offer string) (string, error) {
	pc, err := s.api.NewPeerConnection(pion.Configuration{})
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

// newRelay starts a STUN and TURN server on loopback and returns its address.
func newRelay(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.8:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := turn.NewServer(turn.ServerConfig{
		Realm:         "test",
		LoggerFactory: logging.NewDefaultLoggerFactory(),
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, a.Realm, "pass"), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: conn,
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 8), Address: "127.0.0.8"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the relay: %v", err)
		}
	})
	return conn.LocalAddr().String()
}
