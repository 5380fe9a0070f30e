package turn_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"
	"vksprobe/fixtures/coturn"
	"vksprobe/webrtc/turn"
)

func TestSeed(t *testing.T) {
	os.MkdirAll("testdata/fuzz/FuzzReadTranscript", 0o755)
	put := func(name string, tr turn.Transcript) {
		var b bytes.Buffer
		turn.WriteTranscript(&b, tr)
		os.WriteFile("testdata/fuzz/FuzzReadTranscript/"+name, []byte(fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", b.String())), 0o644)
	}
	s := start(t, coturn.LoopbackPeers)
	u, c := s.Credential("lab", time.Now().Add(time.Second))
	o := options()
	o.Witness = witness(t)
	o.Wait = 10 * time.Second
	o.Connect = true
	f, tr := ask(t, turn.Server{URL: s.URL(false), Username: u, Credential: c}, o)
	_ = f
	var some turn.Transcript
	count := map[turn.Question]int{}
	for _, x := range tr {
		if count[x.Ask]++; count[x.Ask] <= 2 || x.Ask == turn.AskSend || x.Ask == turn.AskRelease {
			some = append(some, x)
		}
	}
	put("coturn", some)
	_, tr = ask(t, login(serve(t, "udp", easy)), options())
	some = nil
	count = map[turn.Question]int{}
	for _, x := range tr {
		if count[x.Ask]++; count[x.Ask] <= 2 {
			some = append(some, x)
		}
	}
	put("easy", some)
	o = options()
	o.Timeout = 100 * time.Millisecond
	s = start(t, coturn.NoAuth)
	_, tr = ask(t, turn.Server{URL: s.URL(true)}, options())
	put("open", tr[:3])
}
