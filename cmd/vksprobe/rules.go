package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"vksprobe/probe"
	"vksprobe/report"
)

var rulesCommand = &command{
	name:  "rules",
	args:  "[RULE…]",
	short: "list the rules, or explain some",
	long: `
Rules lists what a scan is judged by. With names of rules it explains them:
what is required and why, the exact source, what an operator does about a
violation, and which observations are needed.`,
	exits: `
  0  printed
  2  usage, or there is no such rule`,
	run: func(_ context.Context, e *env, fs *flag.FlagSet, args []string) error {
		lang := fs.String("lang", "en", "language of the texts, de or en")
		asJSON := fs.Bool("json", false, "print the rules as JSON")
		names, err := parseAny(fs, args)
		if err != nil {
			return err
		}
		if err := checkLang(*lang); err != nil {
			return err
		}
		chosen := rules
		if len(names) > 0 {
			chosen = nil
			for _, name := range names {
				i := slices.IndexFunc(rules, func(r *probe.Rule) bool { return r.ID == name })
				if i < 0 {
					return usageError{fmt.Errorf("there is no rule %q", name)}
				}
				chosen = append(chosen, rules[i])
			}
		}
		switch {
		case *asJSON:
			return writeJSON(e.stdout, report.New(probe.Run{}, chosen, nil, nil, nil).Rules)
		case len(names) > 0:
			for _, r := range chosen {
				explain(e.stdout, r, *lang)
			}
			return nil
		}
		table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		for _, r := range chosen {
			fmt.Fprintf(table, "%s\t%s\t%s\n", r.ID, r.Severity, r.Title.In(*lang))
		}
		return table.Flush()
	},
}

func explain(w io.Writer, r *probe.Rule, lang string) {
	word := func(de, en string) string { return probe.Text{DE: de, EN: en}.In(lang) }
	fmt.Fprintf(w, "%s (%s)\n  %s\n\n%s\n\n", r.ID, r.Severity, r.Title.In(lang), r.Why.In(lang))
	for _, s := range r.Sources {
		fmt.Fprintf(w, "%s: %s", word("Quelle", "Source"), s.Doc)
		if s.Edition != "" {
			fmt.Fprintf(w, ", %s", s.Edition)
		}
		if s.Section != "" {
			fmt.Fprintf(w, ", %s", s.Section)
		}
		fmt.Fprintln(w)
		if s.Quote != "" {
			fmt.Fprintf(w, "  %q\n", s.Quote)
		}
		if s.URL != "" {
			fmt.Fprintf(w, "  %s\n", s.URL)
		}
	}
	if len(r.Criteria) > 0 {
		fmt.Fprintf(w, "%s: %s\n", word("Kriterien der Handreichung", "Criteria of the guidance"), strings.Join(r.Criteria, ", "))
	}
	fmt.Fprintf(w, "%s: %s\n%s: %s\n\n", word("Abhilfe", "Remedy"), r.Remedy.In(lang), word("Benötigt", "Needs"), strings.Join(r.Needs, ", "))
}

func checkLang(lang string) error {
	if lang != "de" && lang != "en" {
		return usageError{fmt.Errorf("-lang must be de or en, not %q", lang)}
	}
	return nil
}
