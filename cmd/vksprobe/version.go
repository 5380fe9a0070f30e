package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"

	"vksprobe/probe"
)

var versionCommand = &command{
	name:  "version",
	short: "print the version of the program",
	long:  "Version prints the version of the program, the commit it was built from and the Go release.",
	exits: "  0  always",
	run: func(_ context.Context, e *env, fs *flag.FlagSet, args []string) error {
		if _, err := parse(fs, args); err != nil {
			return err
		}
		p := program()
		fmt.Fprintf(e.stdout, "%s %s %s %s\n", p.Name, p.Version, cmp.Or(p.Commit, "-"), p.Go)
		return nil
	},
}

// program identifies this build.
func program() probe.Program {
	p := probe.Program{Name: "vksprobe", Version: "devel", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return p
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		p.Version = v
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			p.Commit = s.Value + p.Commit
		case s.Key == "vcs.modified" && s.Value == "true":
			p.Commit += "+changes"
		}
	}
	return p
}
