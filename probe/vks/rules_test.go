package vks

import (
	"testing"

	"vksprobe/probe"
	"vksprobe/probe/ruletest"
)

func TestRules(t *testing.T) { ruletest.Run(t, probe.Rules(&Rules), "testdata") }
