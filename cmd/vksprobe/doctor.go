package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"vksprobe/probe/browser"
)

var doctorCommand = &command{
	name:  "doctor",
	short: "say what is missing for a good scan",
	long: `
Doctor checks this machine: the browser, its sandbox, space for evidence, the
clock, and the tools with which others verify bundles. It changes nothing.`,
	exits: `
  0  a scan can run; notes may name what would make it better
  1  a scan cannot run
  2  usage`,
	run: func(_ context.Context, e *env, fs *flag.FlagSet, args []string) error {
		if _, err := parse(fs, args); err != nil {
			return err
		}
		ready := true
		for _, c := range checkups {
			detail, hint := c.check()
			state := "ok"
			switch {
			case hint != "" && c.needed:
				state, ready = "missing", false
			case hint != "":
				state = "note"
			}
			fmt.Fprintf(e.stdout, "%-8s %-10s %s\n", state, c.name, detail)
			if hint != "" {
				fmt.Fprintf(e.stdout, "%-8s %-10s hint: %s\n", "", "", hint)
			}
		}
		if !ready {
			return exit(exitError)
		}
		return nil
	},
}

// A checkup looks at one thing; a hint means that it is not as it should be.
type checkup struct {
	name   string
	needed bool
	check  func() (detail, hint string)
}

const wantedSpace = 1 << 30 // a long scan with media writes some hundred megabytes

var checkups = []checkup{
	{"browser", true, func() (string, string) {
		path, version, err := browser.Find("")
		if err != nil {
			return err.Error(), "vksprobe setup"
		}
		return version + " at " + path, ""
	}},
	{"sandbox", false, func() (string, string) {
		if problem := browser.Sandbox(); problem != "" {
			return problem, "allow unprivileged user namespaces or install chromium-sandbox; reports say that the browser ran without"
		}
		return "the browser can run in its sandbox", ""
	}},
	{"space", true, func() (string, string) {
		var fs unix.Statfs_t
		if err := unix.Statfs(".", &fs); err != nil {
			return err.Error(), "choose another directory"
		}
		free := int64(fs.Bavail) * fs.Bsize
		if detail := fmt.Sprintf("%d MB free in the working directory", free>>20); free < wantedSpace {
			return detail, "a scan with media may need 1 GB"
		} else {
			return detail, ""
		}
	}},
	{"temporary", true, func() (string, string) {
		dir, err := os.MkdirTemp("", "vksprobe-doctor-")
		if err != nil {
			return err.Error(), "set TMPDIR to a writable directory"
		}
		os.Remove(dir)
		return os.TempDir() + " is writable", ""
	}},
	{"sha256sum", false, tool("sha256sum", "coreutils")},
	{"openssl", false, tool("openssl", "openssl")},
	{"ssh-keygen", false, tool("ssh-keygen", "openssh-client")},
}

// tool checks for a program with which others verify bundles.
func tool(name, pkg string) func() (string, string) {
	return func() (string, string) {
		path, err := exec.LookPath(name)
		if err != nil {
			return "not found", "only needed to verify bundles by hand; package " + pkg
		}
		return path, ""
	}
}
