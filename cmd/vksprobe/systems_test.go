package main

import (
	"slices"
	"testing"

	"vksprobe/fixtures/anyclient"
	"vksprobe/fixtures/bigbluebutton"
	"vksprobe/fixtures/jitsi"
	"vksprobe/fixtures/scene"
)

// TestEveryAdapterHasAStage wants the conformance suite of probe/vks to have
// scenes for every adapter that is linked in.
func TestEveryAdapterHasAStage(t *testing.T) {
	stages := slices.Concat([]scene.Stage{jitsi.Stage()}, bigbluebutton.Stages(), anyclient.Stages())
	for _, s := range systems() {
		if !slices.ContainsFunc(stages, func(stage scene.Stage) bool { return stage.System == s.System }) {
			t.Errorf("no scene shows %s", s.System)
		}
		if len(s.States) == 0 {
			t.Errorf("%s does not say which states it knows", s.System)
		}
	}
}
