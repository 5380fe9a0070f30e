package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"vksprobe/probe/browser"
)

var setupCommand = &command{
	name:  "setup",
	short: "install the browser that scans need",
	long: `
Setup installs Chromium and a font by the system's package manager, after it
has said what it will run. It does nothing when a usable browser is there.
Without root it uses sudo, and says what to run when there is none.`,
	exits: `
  0  a usable browser is there
  1  it could not be installed
  2  usage`,
	run: func(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error {
		dry := fs.Bool("n", false, "only say what would be done")
		if _, err := parse(fs, args); err != nil {
			return err
		}
		return setup(ctx, e, *dry)
	},
}

// A manager is a package manager and how it installs Chromium.
type manager struct {
	command string
	steps   []string // command lines, run in order
}

var managers = []manager{
	{"apt-get", []string{"apt-get update", "apt-get install -y --no-install-recommends chromium fonts-liberation"}},
	{"dnf", []string{"dnf install -y chromium liberation-fonts"}},
	{"zypper", []string{"zypper --non-interactive install chromium liberation-fonts"}},
	{"pacman", []string{"pacman -Sy --noconfirm chromium ttf-liberation"}},
	{"apk", []string{"apk add chromium font-liberation"}},
}

func setup(ctx context.Context, e *env, dry bool) error {
	path, version, err := browser.Find("")
	if err == nil {
		fmt.Fprintf(e.stderr, "vksprobe: %s is installed at %s\n", version, path)
		return nil
	}
	fmt.Fprintf(e.stderr, "vksprobe: %v\n", err)
	for _, m := range managers {
		if _, err := exec.LookPath(m.command); err != nil {
			continue
		}
		for _, step := range m.steps {
			line := strings.Fields(step)
			if os.Getuid() != 0 {
				line = append([]string{"sudo"}, line...)
			}
			fmt.Fprintf(e.stderr, "vksprobe: running %s\n", strings.Join(line, " "))
			if dry {
				continue
			}
			cmd := exec.CommandContext(ctx, line[0], line[1:]...)
			cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			cmd.Stdout, cmd.Stderr = e.stderr, e.stderr
			if err := cmd.Run(); err != nil {
				return hinted{fmt.Errorf("%s: %w", strings.Join(line, " "), err), "run it as root: " + step}
			}
		}
		if dry {
			return nil
		}
		_, version, err := browser.Find("")
		if err == nil {
			fmt.Fprintf(e.stderr, "vksprobe: %s is ready\n", version)
		}
		return err
	}
	return hinted{errors.New("no package manager that this program knows (apt-get, dnf, zypper, pacman, apk)"), "install Chromium or Google Chrome by hand"}
}
