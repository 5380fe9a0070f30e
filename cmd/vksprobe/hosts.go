package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"

	"vksprobe/report"
)

var hostsCommand = &command{
	name:  "hosts",
	args:  "BUNDLE",
	short: "list the contacted hosts of a bundle with place, operator and trackers",
	long: `
Hosts lists every host that the browsers of a scan contacted: whose it is, the
country of the server, the seats of its operator and of the company that
controls it, what Chapter V of the GDPR asks for, and the rules of trackers'
lists that its requests met.

Places are those of the bundle. With databases or tables of your own they are
found again, without the evidence; the bundle is not changed. It contacts
nothing.`,
	exits: `
  0  printed
  1  the bundle is broken or unreadable, or a file not be read
  2  usage`,
	run: runHosts,
}

func runHosts(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error {
	files := geoFlags(fs)
	date := fs.String("date", "", "apply the decisions as of this day (YYYY-MM-DD) instead of the day of the scan")
	lang := fs.String("lang", "en", "language of the texts, de or en")
	asJSON := fs.Bool("json", false, "print one JSON object per host")
	rest, err := parse(fs, args, "BUNDLE")
	if err != nil {
		return err
	}
	if err := checkLang(*lang); err != nil {
		return err
	}
	b, err := openVerified(ctx, rest[0])
	if err != nil {
		return err
	}
	run, err := b.Run()
	if err != nil {
		return err
	}
	day := run.Judged
	if *date != "" || day.IsZero() {
		if day, err = judgeDate(*date); err != nil {
			return err
		}
	}
	facts, err := b.Facts()
	if err != nil {
		return err
	}
	if facts, err = placed(facts, files); err != nil {
		return err
	}
	all := report.Hosts(facts, day)
	if !*asJSON {
		return report.WriteHosts(e.stdout, all, day, *lang, false)
	}
	var errs []error
	for _, h := range all {
		errs = append(errs, writeLine(e.stdout, h))
	}
	return errors.Join(errs...)
}

// writeLine writes a value as one line of JSON.
func writeLine(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
