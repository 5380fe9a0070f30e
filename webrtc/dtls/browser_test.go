package dtls_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"vksprobe/probe"
	"vksprobe/probe/browser"
	"vksprobe/probe/scan"
	"vksprobe/tls/hello"
	"vksprobe/webrtc/dtls"
)

// page is a meeting that a browser joins when it is opened. Who
// offers is in the query.
const page = `<!doctype html><title>meeting</title><script>
const way = location.search.slice(1), failures = [];
const check = (what, ok) => { if (!ok) failures.push(what); };
const post = async (path, body) => (await fetch(path, {method: 'POST', body})).text();
const report = () => post('/report', failures.join('; '));
(async () => {
  const pc = new RTCPeerConnection();
  let candidates = 0, end = 0;
  const count = e => { if (e.candidate) candidates++; else end++; };
  pc.onicecandidate = count;
  check('handler', pc.onicecandidate === count);
  const removed = () => check('removed listener', false);
  pc.addEventListener('icecandidate', removed); pc.removeEventListener('icecandidate', removed);
  pc.addEventListener('icecandidate', {handleEvent: count});
  pc.addTransceiver('audio'); pc.createDataChannel('chat');
  if (way === 'far') { // it offers, and promises are used as they are meant
    await pc.setRemoteDescription({type: 'offer', sdp: await post('/far', '')});
    await pc.setLocalDescription();
    const sdp = pc.localDescription.sdp;
    check('local description', sdp === pc.currentLocalDescription.sdp && !sdp.includes('a=candidate'));
    await post('/answer', sdp);
    return report();
  }
  // we offer, with callbacks, a description of our own making and candidates that come later
  const munge = o => ({type: 'offer', sdp: o.sdp.replace(/useinbandfec=1/, 'useinbandfec=0')});
  await new Promise((done, fail) => pc.createOffer(o => pc.setLocalDescription(munge(o), done, fail), fail));
  check('munged', pc.localDescription.sdp.includes('useinbandfec=0'));
  await new Promise(done => { const f = () => pc.iceGatheringState === 'complete' ? done() : setTimeout(f, 20); f(); });
  check('gathering ends', end > 0); check('own candidates', candidates === 0);
  const local = pc.localDescription;
  check('class', local instanceof RTCSessionDescription && local.type === 'offer');
  const answer = await post('/offer', local.sdp), later = [];
  const sdp = answer.split('\r\n').filter(l => !(l.startsWith('a=candidate') && later.push(l.slice(2)))).join('\r\n');
  await pc.setRemoteDescription({type: 'answer', sdp});
  for (const candidate of later) await pc.addIceCandidate({candidate, sdpMid: '0'});
  check('signalling', pc.signalingState === 'stable');
  check('senders', pc.getTransceivers().length === 1);
  report();
})().catch(e => { failures.push(String(e)); report(); });
</script>`

// TestBrowser substitutes what a real browser says, in the ways that a page
// has to say it, and the page notices nothing.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	path, version, err := browser.Find("")
	if err != nil {
		t.Skip(err)
	}
	t.Parallel()
	lab := dtls.ICE{Scope: probe.Scope{Hosts: []string{"127.0.0.1"}}, Loopback: true, Timeout: time.Minute}
	for way, joins := range map[string]int{"near": 1, "far": 2} {
		t.Run(way, func(t *testing.T) {
			far := newFar(t)
			reports := make(chan string, 8)
			mux := http.NewServeMux()
			mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				io.WriteString(w, page)
			})
			say := func(f func(string) (string, error)) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					out, err := f(string(body))
					if err != nil {
						t.Errorf("%s: %v", r.URL.Path, err)
					}
					io.WriteString(w, out)
				}
			}
			mux.HandleFunc("POST /offer", say(far.answer))
			mux.HandleFunc("POST /far", say(func(string) (string, error) { return far.offer() }))
			mux.HandleFunc("POST /answer", say(func(sdp string) (string, error) { return "", far.accept(sdp) }))
			mux.HandleFunc("POST /report", say(func(s string) (string, error) { reports <- s; return "", nil }))
			site := httptest.NewServer(mux)
			defer site.Close()
			join := scan.Media(browser.Config{Executable: path, Version: version, Loopback: true}, func(ctx context.Context, b *browser.Browser) error {
				return b.Navigate(ctx, site.URL+"/?"+way)
			})
			tr, err := dtls.Enumerate(t.Context(), lab.Through(join), dtls.Options{Server: way, Joins: joins, Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			f := dtls.Read(tr)
			for range tr {
				if r := <-reports; r != "" {
					t.Errorf("the page noticed: %s", r)
				}
			}
			chosen := joins < 2 || f.Versions[1].Accepted == dtls.Yes && f.Versions[1].Code == hello.DTLS12
			if len(tr) != joins || f.Offer == nil || f.Features[dtls.Handshake] != dtls.Yes || f.Fingerprint != dtls.Yes || !chosen {
				t.Errorf("the media server was not asked: %+v", f)
			}
		})
	}
}

// A farEnd is a media server that speaks to whoever has its signalling.
type farEnd struct {
	api *webrtc.API
	mu  sync.Mutex
	pcs []*webrtc.PeerConnection
}

func newFar(t *testing.T) *farEnd {
	t.Helper()
	var s webrtc.SettingEngine
	s.SetLite(true)
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(func(ip net.IP) bool { return ip.String() == "127.0.0.1" })
	var media webrtc.MediaEngine
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	f := &farEnd{api: webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(&media))}
	t.Cleanup(func() {
		for _, pc := range f.pcs {
			pc.Close()
		}
	})
	return f
}

func (f *farEnd) connection() (*webrtc.PeerConnection, error) {
	pc, err := f.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pcs = append(f.pcs, pc)
	return pc, nil
}

func (f *farEnd) answer(offer string) (string, error) {
	pc, err := f.connection()
	if err != nil {
		return "", err
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	d, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	return gathered(pc, d)
}

func (f *farEnd) offer() (string, error) {
	pc, err := f.connection()
	if err != nil {
		return "", err
	}
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio); err != nil {
		return "", err
	}
	d, err := pc.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	return gathered(pc, d)
}

// accept takes the answer to the last offer.
func (f *farEnd) accept(sdp string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pcs[len(f.pcs)-1].SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp})
}

// gathered sets a local description and returns it with all candidates.
func gathered(pc *webrtc.PeerConnection, d webrtc.SessionDescription) (string, error) {
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(d); err != nil {
		return "", err
	}
	<-done
	return pc.LocalDescription().SDP, nil
}
