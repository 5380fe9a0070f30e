// Command vksprobe shows what a video-conference system really does. It joins
// a meeting with a headless browser, records the raw evidence, derives
// observations and findings from it, and seals everything into a bundle that
// another person can verify.
//
// This file holds the table of commands; there is one file per command.
// linked.go lists the adapters, observers, rules and formats that are linked
// in.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// The exit codes of every command.
const (
	exitOK         = 0 // nothing violated
	exitError      = 1 // the program could not do its work, or a bundle is broken
	exitUsage      = 2 // wrong flags or arguments
	exitViolation  = 3 // violations found, whether or not something is missing besides
	exitIncomplete = 4 // nothing violated, but something could not be measured
)

// A command is one verb of the program.
type command struct {
	name  string
	args  string // of the usage line
	short string // one line of the list
	long  string // paragraphs of "help NAME"
	exits string // what the exit codes mean here
	// run does the work. It defines its flags on fs, parses args with it and
	// writes data to e.stdout and messages for people to e.stderr.
	run func(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error
}

// env is what a command may touch of the process.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

var commands = []*command{
	scanCommand, demoCommand, verifyCommand, observeCommand, judgeCommand, reportCommand,
	hostsCommand, whoisHostCommand, tlsCommand, turnCommand, rulesCommand, systemsCommand, setupCommand, doctorCommand, versionCommand,
}

// exit ends a command with a code and no message.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is a mistake in flags or arguments.
type usageError struct{ error }

// hinted is an error with a next step for the person who reads it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func main() {
	os.Exit(Main())
}

// Main runs the program and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // a second signal ends the program at once
		<-ctx.Done()
		stop()
	}()
	return run(ctx, &env{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
}

func run(ctx context.Context, e *env, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		return help(e, args)
	}
	for _, c := range commands {
		if c.name == args[0] {
			return c.execute(ctx, e, args[1:])
		}
	}
	fmt.Fprintf(e.stderr, "vksprobe: there is no command %q\nhint: vksprobe help lists the commands\n", args[0])
	return exitUsage
}

func (c *command) execute(ctx context.Context, e *env, args []string) int {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	err := c.run(ctx, e, fs, args)
	var code exit
	var usage usageError
	var hint hinted
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, flag.ErrHelp):
		c.help(e.stdout, fs)
		return exitOK
	}
	fmt.Fprintf(e.stderr, "vksprobe: %v\n", err)
	switch {
	case errors.As(err, &hint):
		fmt.Fprintf(e.stderr, "hint: %s\n", hint.hint)
	case errors.As(err, &usage):
		fmt.Fprintf(e.stderr, "hint: vksprobe help %s\n", c.name)
	}
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitError
}

// parse reads flags that may stand before and after the arguments, and wants
// exactly the arguments that are named.
func parse(fs *flag.FlagSet, args []string, names ...string) ([]string, error) {
	rest, err := parseAny(fs, args)
	if err != nil {
		return nil, err
	}
	if len(rest) != len(names) {
		want := "no arguments"
		if len(names) > 0 {
			want = strings.Join(names, " ")
		}
		return nil, usageError{fmt.Errorf("%s wants %s", fs.Name(), want)}
	}
	return rest, nil
}

func parseAny(fs *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, usageError{err}
		}
		if fs.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
}

func help(e *env, args []string) int {
	if len(args) > 1 {
		for _, c := range commands {
			if c.name == args[1] {
				return c.execute(context.Background(), e, []string{"-help"})
			}
		}
		fmt.Fprintf(e.stderr, "vksprobe: there is no command %q\n", args[1])
		return exitUsage
	}
	fmt.Fprint(e.stdout, "vksprobe shows what a video-conference system really does, with evidence.\n\nUsage: vksprobe COMMAND [flags] [arguments]\n\n")
	for _, c := range commands {
		fmt.Fprintf(e.stdout, "  %-10s %s\n", c.name, c.short)
	}
	fmt.Fprint(e.stdout, "\nvksprobe help COMMAND tells more, with flags and exit codes.\n")
	if len(args) == 0 {
		return exitUsage
	}
	return exitOK
}

func (c *command) help(w io.Writer, fs *flag.FlagSet) {
	fmt.Fprintf(w, "Usage: %s\n\n%s\n", strings.TrimRight("vksprobe "+c.name+" [flags] "+c.args, " "), strings.TrimSpace(c.long))
	flags := false
	fs.VisitAll(func(*flag.Flag) { flags = true })
	if flags {
		fmt.Fprint(w, "\nFlags:\n")
		fs.SetOutput(w)
		fs.PrintDefaults()
	}
	fmt.Fprintf(w, "\nExit codes:\n%s\n", strings.TrimRight(c.exits, "\n"))
}
