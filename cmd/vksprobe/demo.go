package main

import (
	"context"
	"flag"

	"vksprobe/fixtures/meeting"
	"vksprobe/probe/scan"
)

var demoCommand = &command{
	name:  "demo",
	short: "scan a built-in meeting with planted faults",
	long: `
Demo starts a small video conference on the loopback addresses of this machine
and scans it as scan would. The meeting has planted faults, which the report
must show; nothing leaves the machine.`,
	exits: scanExits,
	run: func(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error {
		var o scan.Options
		var out output
		scanFlags(fs, &o, &out)
		install := fs.Bool("setup", false, "install Chromium first if it is missing, as setup does")
		clean := fs.Bool("clean", false, "scan the twin of the meeting that has no faults")
		participants := fs.Int("participants", 2, "own participants, 1 or 2")
		if _, err := parse(fs, args); err != nil {
			return err
		}
		if *install {
			if err := setup(ctx, e, false); err != nil {
				return err
			}
		}
		m, err := meeting.Start(ctx, meeting.Options{Clean: *clean})
		if err != nil {
			return err
		}
		defer m.Close()
		o.Target.Link, o.Target.Own, o.Participants = m.Link(), m.Own(), *participants
		o.Browser.Resolve, o.Browser.TrustSPKI, o.Browser.Loopback = m.Resolve(), m.TrustSPKI(), true
		return runScan(ctx, e, o, out)
	},
}
