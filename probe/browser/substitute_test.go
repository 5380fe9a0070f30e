package browser

import (
	"encoding/json"
	"strings"
	"testing"
)

// Without a substitution the page gets the hook and nothing else; with one,
// the identity and no place that was not filled.
func TestSubstitution(t *testing.T) {
	var none *Substitution
	if none.script() != "" {
		t.Error("a scan that does not ask for it gets a substitution")
	}
	none.see("s", HookEvent{Kind: "substitute.remote", Data: json.RawMessage(`{}`)})
	var told []Described
	s := &Substitution{Ufrag: "ours", Password: `a"b`, Fingerprint: "sha-256 00", Setup: "passive", Described: func(d Described) { told = append(told, d) }}
	if script := s.script(); !strings.Contains(script, `"pwd":"a\"b"`) || strings.Contains(script, "IDENTITY;") {
		t.Error("the script has no identity")
	}
	for kind, data := range map[string]string{"substitute.remote": `{"o":7,"type":"offer","sdp":"v=0"}`, "pc.new": `{"o":7,"sdp":"v=0"}`, "substitute.candidate": `[1]`} {
		s.see("s", HookEvent{Kind: kind, Data: json.RawMessage(data)})
	}
	if len(told) != 1 || told[0] != (Described{Peer: "s/7", Type: "offer", SDP: "v=0"}) {
		t.Errorf("told: %+v", told)
	}
}
