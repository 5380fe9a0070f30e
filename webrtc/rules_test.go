package webrtc

import (
	"strings"
	"testing"

	"vksprobe/probe"
	"vksprobe/probe/ruletest"
)

func TestRules(t *testing.T) { ruletest.Run(t, probe.Rules(&Rules), "testdata") }

// Every state that a device can be in has a whole sentence in both languages.
func TestTexts(t *testing.T) {
	for _, judge := range []func(DeviceState) judgement{beforeJoining, afterJoining} {
		for _, device := range []string{camera, microphone, screen} {
			for _, state := range []State{Off, Preview, MutedTransmitting, Transmitting, Unclear} {
				for bits := range 8 {
					s := DeviceState{Device: device, State: state, ByUser: bits&1 != 0, Enabled: bits&2 != 0, Requested: bits >> 2}
					j := judge(s)
					if j.text.DE == j.text.EN || !strings.HasSuffix(j.text.DE, ".") || !strings.HasSuffix(j.text.EN, ".") || strings.ContainsAny(j.text.DE+j.text.EN, "{}%") {
						t.Errorf("%+v: %+v", s, j.text)
					}
					if (j.verdict == probe.Unknown) != (state == Unclear) {
						t.Errorf("%+v is %s", s, j.verdict)
					}
				}
			}
		}
	}
}
