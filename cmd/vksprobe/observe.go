package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"vksprobe/probe"
	"vksprobe/report"
	"vksprobe/report/bundle"
)

var observeCommand = &command{
	name:  "observe",
	args:  "BUNDLE",
	short: "derive the observations again from the raw evidence",
	long: `
Observe reads the raw evidence of a bundle and prints the observations that
this version of the program derives from it, one JSON object per line. With
databases, tables or filter lists of your own it compares with these as well.
It contacts nothing and changes nothing.`,
	exits: `
  0  printed
  1  the bundle is broken or unreadable
  2  usage
  4  printed, but part of the evidence could not be read to its end`,
	run: func(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error {
		compare := comparisonFlags(fs)
		rest, err := parse(fs, args, "BUNDLE")
		if err != nil {
			return err
		}
		with, err := compare.observers()
		if err != nil {
			return err
		}
		b, err := openVerified(ctx, rest[0])
		if err != nil {
			return err
		}
		all, unreadable, err := observe(ctx, b, with)
		if err != nil {
			return err
		}
		if err := probe.WriteObservations(e.stdout, all); err != nil {
			return err
		}
		if unreadable != nil {
			fmt.Fprintf(e.stderr, "vksprobe: %v\n", unreadable)
			return exit(exitIncomplete)
		}
		return nil
	},
}

// observe derives observations; unreadable says what of the evidence could
// not be read.
func observe(ctx context.Context, b *bundle.Bundle, with []probe.Observer) (all []probe.Observation, unreadable, err error) {
	record, err := b.Record()
	if err != nil {
		return nil, nil, err
	}
	all, unreadable = probe.Observe(ctx, record, with...)
	return all, unreadable, nil
}

var judgeCommand = &command{
	name:  "judge",
	args:  "BUNDLE",
	short: "judge old observations by the rules of today or of another day",
	long: `
Judge applies the rules of this version of the program to the observations of
a bundle. With -date it judges as of that day, with -observe it derives the
observations again from the raw evidence first. With databases or tables of
your own, places of hosts are found again; that needs no evidence. Filter lists
of your own need it, because only the evidence has the URLs. It contacts
nothing and changes nothing.`,
	exits: `
  0  nothing violated
  1  the bundle is broken or unreadable
  2  usage
  3  violations found
  4  nothing violated, but something could not be measured`,
	run: func(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error {
		day := fs.String("date", "", "judge as of this day (YYYY-MM-DD) instead of today")
		again := fs.Bool("observe", false, "derive the observations again from the raw evidence")
		lang := fs.String("lang", "en", "language of the summary, de or en")
		asJSON := fs.Bool("json", false, "print the whole report as JSON")
		compare := comparisonFlags(fs)
		rest, err := parse(fs, args, "BUNDLE")
		if err != nil {
			return err
		}
		if len(compare.lists) > 0 && !*again {
			return usageError{errors.New("-filter-list goes with -observe: only the evidence has the URLs")}
		}
		if err := checkLang(*lang); err != nil {
			return err
		}
		date, err := judgeDate(*day)
		if err != nil {
			return err
		}
		r, err := judged(ctx, rest[0], date, *again, compare)
		if err != nil {
			return err
		}
		if *asJSON {
			err = report.JSON(e.stdout, r)
		} else {
			err = report.Terminal(e.stdout, r, *lang)
		}
		if err != nil {
			return err
		}
		return verdictExit(r.Findings, r.Run.State)
	},
}

// judged reads a bundle and judges it as of a date, the zero date being that
// of the scan. A bundle whose scan was killed has no observations yet; they
// are derived.
func judged(ctx context.Context, dir string, date time.Time, again bool, compare *comparisons) (*report.Report, error) {
	b, err := openVerified(ctx, dir)
	if err != nil {
		return nil, err
	}
	run, err := b.Run()
	if err != nil {
		return nil, err
	}
	if date.IsZero() {
		date = run.Judged
	}
	run.Judged = date
	facts, err := b.Facts()
	if again || err != nil && run.State == probe.Running {
		var with []probe.Observer
		if with, err = compare.observers(); err != nil {
			return nil, err
		}
		var all []probe.Observation
		if all, _, err = observe(ctx, b, with); err == nil {
			facts = probe.NewFacts(all)
		}
	}
	if err != nil {
		return nil, err
	}
	if facts, err = placed(facts, compare.files); err != nil {
		return nil, err
	}
	applied := run.Rules(rules)
	findings, err := probe.Judge(facts, date, applied)
	if err != nil {
		return nil, err
	}
	return report.New(run, applied, facts.All, findings, listed(b.Files())), nil
}

// openVerified opens a bundle after it was checked; a broken one is refused.
func openVerified(ctx context.Context, dir string) (*bundle.Bundle, error) {
	v, err := bundle.Verify(ctx, dir)
	if err != nil {
		return nil, err
	}
	if v.State == bundle.Broken {
		return nil, hinted{fmt.Errorf("the bundle %s is broken", dir), "vksprobe verify names the files"}
	}
	return bundle.Open(dir)
}
