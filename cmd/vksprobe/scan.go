package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vksprobe/probe"
	"vksprobe/probe/browser"
	"vksprobe/probe/scan"
	"vksprobe/report"
)

var scanCommand = &command{
	name:  "scan",
	args:  "LINK",
	short: "join a meeting and seal what it really does",
	long: `
Scan joins the meeting behind LINK with its own participants, touches nothing
that it need not touch, and writes a bundle with the raw evidence, the
observations, the findings and a report. Scan only meetings that you may
examine.

The link is a secret. LINK may be - to read it from standard input, and
-link FILE reads it from a file; on the command line it is overwritten in the
process list as soon as the program has started. It is never logged.

Interrupting a scan seals what was recorded until then.`,
	exits: scanExits,
	run: func(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error {
		var o scan.Options
		var out output
		scanFlags(fs, &o, &out)
		linkFile := fs.String("link", "", "read the meeting link from `FILE`, - for standard input")
		passwordFile := fs.String("password", "", "read the meeting password from `FILE`")
		own := fs.String("own", "", "further domains that belong to the operator, with commas between; with them every other domain is foreign for sure")
		active := fs.Bool("active", false, "when all have left, ask the STUN and TURN servers of the meeting, as turn does, if they are in scope: the host of the link, the own domains, and those of -scope")
		further := fs.String("scope", "", "with -active: further `HOSTS` that may be asked, with commas between")
		compare := comparisonFlags(fs)
		participants := fs.Int("participants", 1, "own participants; many systems open no media for one alone")
		rest, err := parseAny(fs, args)
		if err != nil {
			return err
		}
		switch {
		case *linkFile != "" && len(rest) == 0:
			o.Target.Link, err = readSecret(e, *linkFile)
		case *linkFile == "" && len(rest) == 1 && rest[0] == "-":
			o.Target.Link, err = readSecret(e, "-")
		case *linkFile == "" && len(rest) == 1:
			o.Target.Link = hideArgument(rest[0])
		default:
			err = usageError{errors.New("scan wants one LINK or -link FILE")}
		}
		if err != nil {
			return err
		}
		if *passwordFile != "" {
			if o.Target.Password, err = readSecret(e, *passwordFile); err != nil {
				return err
			}
		}
		if _, err := probe.Link(o.Target.Link); err != nil {
			return usageError{err}
		}
		if o.Participants = *participants; o.Participants < 1 || o.Participants > maxParticipants {
			return usageError{fmt.Errorf("-participants must lie between 1 and %d", maxParticipants)}
		}
		for domain := range strings.SplitSeq(*own, ",") {
			if domain = strings.ToLower(strings.TrimSpace(domain)); domain != "" {
				o.Target.Own = append(o.Target.Own, domain)
			}
		}
		if o.Observers, err = compare.observers(); err != nil {
			return err
		}
		switch scope := o.Target.Scope(); {
		case *active:
			for host := range strings.SplitSeq(*further, ",") {
				scope.Hosts = append(scope.Hosts, strings.TrimSpace(host))
			}
			date, err := judgeDate(out.date)
			if err != nil {
				return err
			}
			o.Active = []scan.Active{turnActive(e, scope, date)}
		case *further != "":
			return usageError{errors.New("-scope goes with -active")}
		}
		return runScan(ctx, e, o, out)
	},
}

const maxParticipants = 8

const scanExits = `
  0  nothing violated
  1  the scan could not be carried out
  2  usage
  3  violations found
  4  nothing violated, but something could not be measured`

// output is how a result is shown.
type output struct {
	json    bool
	lang    string
	verbose bool
	date    string
	consent string
}

// scanFlags defines the flags that scan and demo share.
func scanFlags(fs *flag.FlagSet, o *scan.Options, out *output) {
	fs.StringVar(&o.Dir, "o", "", "write the bundle to the new directory `DIR`; without it one is made in the working directory")
	fs.StringVar(&o.Target.Name, "name", "vksprobe", "display name of our participants")
	fs.StringVar(&o.Browser.Executable, "browser", "", "`PATH` of the browser; without it Chromium is looked for")
	fs.StringVar(&o.Browser.Lang, "locale", "de-DE", "language that the browser asks for")
	fs.StringVar(&o.Network, "network", "", "what the report should say about the network that was used")
	fs.StringVar(&out.consent, "consent", "ignore", "what to do with a consent banner: ignore, reject or accept")
	fs.DurationVar(&o.Dwell.Landing, "landing", scan.DefaultDwell.Landing, "time on the page before anything is clicked")
	fs.DurationVar(&o.Dwell.Prejoin, "prejoin", scan.DefaultDwell.Prejoin, "time on the page that asks for name and devices")
	fs.DurationVar(&o.Dwell.InMeeting, "meeting", scan.DefaultDwell.InMeeting, "time in the meeting")
	fs.DurationVar(&o.Dwell.Left, "left", scan.DefaultDwell.Left, "time on the page after leaving")
	fs.DurationVar(&o.JoinTimeout, "join-timeout", 45*time.Second, "time to wait for the next page on the way in")
	fs.DurationVar(&o.LobbyTimeout, "lobby-timeout", 2*time.Minute, "time to wait in a lobby")
	fs.DurationVar(&o.Timeout, "timeout", 5*time.Minute, "time for everything")
	fs.StringVar(&out.date, "date", "", "judge as of this day (YYYY-MM-DD) instead of today")
	fs.StringVar(&out.lang, "lang", "en", "language of the summary, de or en")
	fs.BoolVar(&out.json, "json", false, "print the whole report as JSON instead of the summary")
	fs.BoolVar(&out.verbose, "v", false, "print the log")
}

// runScan carries out a scan and shows its result.
func runScan(ctx context.Context, e *env, o scan.Options, out output) error {
	if err := checkLang(out.lang); err != nil {
		return err
	}
	var err error
	if o.Date, err = judgeDate(out.date); err != nil {
		return err
	}
	switch out.consent {
	case "ignore":
	case "reject", "accept":
		o.Target.Consent = out.consent
	default:
		return usageError{fmt.Errorf("-consent must be ignore, reject or accept, not %q", out.consent)}
	}
	if o.Browser.Executable, o.Browser.Version, err = browser.Find(o.Browser.Executable); err != nil {
		return hinted{err, "vksprobe setup installs Chromium"}
	}
	level := slog.LevelError
	if out.verbose {
		level = slog.LevelDebug
	}
	o.Log = slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level}))
	show := newProgress(e.stderr)
	if !out.verbose {
		o.Progress = show.update
	}
	o.Adapters, o.Fallback, o.Rules, o.Formats = adapters, fallback, rules, formats
	if o.Observers == nil {
		o.Observers = observers
	}
	o.Program, o.Command = program(), maskedCommand(o.Target)
	res, err := scan.Run(ctx, o)
	show.done()
	if err != nil {
		if res != nil {
			fmt.Fprintf(e.stderr, "vksprobe: the bundle at %s is not whole\n", res.Dir)
		}
		return err
	}
	r := report.New(res.Run, res.Rules, res.Observations, res.Findings, nil)
	if out.json {
		if err := report.JSON(e.stdout, r); err != nil {
			return err
		}
	} else {
		if err := report.Terminal(e.stdout, r, out.lang); err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "\n%s\n", filepath.Join(res.Dir, "data", "report.html"))
	}
	return verdictExit(res.Findings, res.Run.State)
}

// verdictExit is the exit code for findings: a violation counts more than
// something missing.
func verdictExit(findings []probe.Finding, state probe.RunState) error {
	code := exitOK
	if state != probe.Complete {
		code = exitIncomplete
	}
	for _, f := range findings {
		switch {
		case f.Verdict == probe.Fail:
			return exit(exitViolation)
		case f.Verdict == probe.Unknown:
			code = exitIncomplete
		}
	}
	if code == exitOK {
		return nil
	}
	return exit(code)
}

// judgeDate reads a day, today if there is none.
func judgeDate(s string) (time.Time, error) {
	if s == "" {
		return time.Now().UTC().Truncate(24 * time.Hour), nil
	}
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return d, usageError{fmt.Errorf("-date must be a day like 2026-11-23, not %q", s)}
	}
	return d, nil
}

// maskedCommand is our own command line as it may be stored.
func maskedCommand(t probe.Target) []string {
	mask := t.Masker()
	line := []string{"vksprobe"}
	for _, arg := range os.Args[1:] {
		if strings.Trim(arg, "x") == "" && len(arg) > 8 { // overwritten by hideArgument
			arg = t.Public().Link
		}
		line = append(line, mask.Mask(arg))
	}
	return line
}
