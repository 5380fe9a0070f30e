package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"vksprobe/report"
)

var reportCommand = &command{
	name:  "report",
	args:  "BUNDLE",
	short: "write a report from a bundle",
	long: `
Report writes the report of a bundle in one of the formats: html, json, or
text. The findings are judged as of the date of the scan unless -date names
another. Links from the HTML report to the evidence are relative to the data
directory of the bundle.`,
	exits: `
  0  written
  1  the bundle is broken or unreadable, or the report could not be written
  2  usage`,
	run: func(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error {
		format := fs.String("format", "text", "html, json or text")
		lang := fs.String("lang", "en", "language of the text format, de or en; the HTML report holds both")
		out := fs.String("o", "", "write to `FILE` instead of standard output")
		day := fs.String("date", "", "judge as of this day (YYYY-MM-DD) instead of the day of the scan")
		compare := &comparisons{files: geoFlags(fs)}
		rest, err := parse(fs, args, "BUNDLE")
		if err != nil {
			return err
		}
		if err := checkLang(*lang); err != nil {
			return err
		}
		if !slices.Contains([]string{"html", "json", "text"}, *format) {
			return usageError{fmt.Errorf("-format must be html, json or text, not %q", *format)}
		}
		var date time.Time
		if *day != "" {
			if date, err = judgeDate(*day); err != nil {
				return err
			}
		}
		r, err := judged(ctx, rest[0], date, false, compare)
		if err != nil {
			return err
		}
		return writeTo(e, *out, func(w io.Writer) error {
			switch *format {
			case "html":
				return report.HTML(w, r, os.DirFS(filepath.Join(rest[0], "data")))
			case "json":
				return report.JSON(w, r)
			}
			return report.Terminal(w, r, *lang)
		})
	},
}

// writeTo writes to a new file, or to standard output if path is empty. A
// file is complete or not there.
func writeTo(e *env, path string, write func(io.Writer) error) error {
	if path == "" {
		return write(e.stdout)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".vksprobe-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
