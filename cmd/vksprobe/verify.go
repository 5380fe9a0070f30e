package main

import (
	"context"
	"flag"
	"fmt"

	"vksprobe/report/bundle"
)

var verifyCommand = &command{
	name:  "verify",
	args:  "BUNDLE",
	short: "check that nothing in a bundle was changed",
	long: `
Verify checks a bundle against its manifests and names every file that was
changed, removed or added. A bundle whose scan was killed is checked up to its
last checkpoint. The same check without this program:

  cd BUNDLE && sha256sum -c manifest-sha256.txt tagmanifest-sha256.txt`,
	exits: `
  0  every file is as it was sealed
  1  the bundle is broken; the files are named
  2  usage
  4  nothing was changed, but the scan is incomplete; the reasons are named`,
	run: func(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error {
		asJSON := fs.Bool("json", false, "print the result as JSON")
		rest, err := parse(fs, args, "BUNDLE")
		if err != nil {
			return err
		}
		v, err := bundle.Verify(ctx, rest[0])
		if err != nil {
			return err
		}
		if *asJSON {
			if err := writeJSON(e.stdout, v); err != nil {
				return err
			}
		} else {
			for _, p := range v.Problems {
				fmt.Fprintf(e.stdout, "%s: %s\n", p.Path, p.What)
			}
			for _, reason := range v.Reasons {
				fmt.Fprintf(e.stdout, "incomplete: %s\n", reason)
			}
		}
		switch v.State {
		case bundle.Broken:
			if !*asJSON {
				fmt.Fprintln(e.stdout, "broken")
			}
			return exit(exitError)
		case bundle.Incomplete:
			return exit(exitIncomplete)
		}
		if !*asJSON {
			fmt.Fprintf(e.stdout, "ok: %d files, %d bytes\n", v.Files, v.Bytes)
		}
		return nil
	},
}
