package dtls

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"vksprobe/fixtures/janus"
	"vksprobe/fixtures/netns"
	"vksprobe/probe"
	"vksprobe/tls/hello"
)

// A gateway is Janus as its HTTP API shows it.
type gateway struct {
	client *http.Client
	base   string
}

func newGateway(t *testing.T, j *janus.Janus) *gateway {
	t.Helper()
	f := strings.Fields(j.Resolve()[1]) // MAP name:port address:port
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, f[2])
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &gateway{client: &http.Client{Transport: transport}, base: "https://" + f[1] + "/janus"}
}

type object = map[string]any

// call posts a request, or polls without one, and returns the answer.
func (g *gateway) call(ctx context.Context, path string, body object) (object, error) {
	method, raw := http.MethodGet, []byte(nil)
	if body != nil {
		method = http.MethodPost
		body["transaction"] = "t"
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, g.base+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	res, err := g.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	out := object{}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&out); err != nil {
		return nil, err
	}
	if out["janus"] == "error" {
		return nil, fmt.Errorf("janus: %v", out["error"])
	}
	return out, nil
}

// join publishes a track into the video room of the demo.
func (g *gateway) join(ctx context.Context, id *Identity, setup Setup) (s *Session, err error) {
	number := func(o object, err error) (string, error) {
		if err != nil {
			return "", err
		}
		data, _ := o["data"].(object)
		n, _ := data["id"].(float64)
		return fmt.Sprintf("/%.0f", n), nil
	}
	session, err := number(g.call(ctx, "", object{"janus": "create"}))
	if err != nil {
		return nil, err
	}
	leave := func() { g.call(context.WithoutCancel(ctx), session, object{"janus": "destroy"}) }
	defer func() {
		if err != nil {
			leave()
		}
	}()
	handle, err := number(g.call(ctx, session, object{"janus": "attach", "plugin": "janus.plugin.videoroom"}))
	if err != nil {
		return nil, err
	}
	handle = session + handle
	if _, err := g.call(ctx, handle, object{"janus": "message", "body": object{"request": "join", "ptype": "publisher", "room": 1234}}); err != nil {
		return nil, err
	}
	near, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	defer near.Close()
	if _, err := near.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	offer, err := near.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	if _, err := g.call(ctx, handle, object{"janus": "message", "body": object{"request": "publish"},
		"jsep": object{"type": "offer", "sdp": Substitute(offer.SDP, id, setup)}}); err != nil {
		return nil, err
	}
	if _, err := g.call(ctx, handle, object{"janus": "trickle", "candidate": object{"completed": true}}); err != nil {
		return nil, err
	}
	for {
		event, err := g.call(ctx, session, nil)
		if err != nil {
			return nil, err
		}
		if jsep, ok := event["jsep"].(object); ok {
			sdp, _ := jsep["sdp"].(string)
			return &Session{Remote: ParseDescription(sdp, false), Leave: leave}, nil
		}
	}
}

// startJanus starts Janus, inside netns.Run.
func startJanus(t *testing.T) Connect {
	t.Helper()
	j, err := janus.Start(t.Context(), janus.Options{Address: netns.Address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return ICE{Scope: probe.Scope{Hosts: []string{netns.Address}}, Timeout: 20 * time.Second}.Through(newGateway(t, j).join)
}

func needJanus(t *testing.T) {
	t.Helper()
	for _, name := range []string{"/usr/bin/janus", "/usr/share/janus/demos/videoroomtest.html"} {
		if _, err := os.Stat(name); err != nil {
			t.Skipf("%v (go run ./fixtures/prepare)", err)
		}
	}
}

// TestJanus compares with what Janus configures OpenSSL for (dtls.c): these
// ciphers, the group P-256 for its key exchange, four profiles, no cookie.
func TestJanus(t *testing.T) {
	needJanus(t)
	netns.Run(t, func(t *testing.T) {
		const ciphers = "DEFAULT:!NULL:!aNULL:!SHA256:!SHA384:!aECDH:!AESGCM+AES256:!aPSK"
		want := truth{
			offer:  append(openSSLSuites(t, ciphers, "", "-tls1_2"), hello.SCSVRenegotiation),
			suites: openSSLSuites(t, ciphers, "ECDSA", "-tls1_2"), groups: []uint16{23}, schemes: []uint16{0x0303, 0x0403, 0x0503, 0x0603}, profiles: []uint16{8, 7, 1, 2},
			preferences: [dimensions]Preference{suites: OfClient, schemes: OfClient, profiles: OfServer},
			rest:        [dimensions]State{groups: Unknown}, key: "ECDSA", bits: 256, reused: Yes,
			features: map[string]State{CookieExchange: No, ExtendedMasterSecret: Yes, EMSRequired: No, SRTPRequired: No, ClientCertificate: Yes, Unoffered: No,
				CookieAnswered: Yes, ClientEMS: Yes, Handshake: Yes, SessionTickets: Yes, SecureRenegotiation: Yes}}
		tr, f := ask(t, startJanus(t), Options{Server: "Janus", Deep: true})
		if f.Fingerprint != Yes {
			t.Errorf("certificate matches SDP: %s", f.Fingerprint)
		}
		if got := inOrder(f.Offer.Profiles); !slices.Equal(got, []uint16{8, 7, 1, 2}) {
			t.Errorf("offered profiles: %x", got)
		}
		if want.compare(t, f); t.Failed() {
			dump(t, tr, f)
		}
	})
}
