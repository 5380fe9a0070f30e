package main

import (
	"context"
	"flag"
	"fmt"
	"text/tabwriter"

	"vksprobe/probe"
	"vksprobe/probe/vks"
)

var systemsCommand = &command{
	name:  "systems",
	short: "list the systems that can be walked, and how surely",
	long: `
Systems lists the video-conference systems that a scan knows by itself, and
for each the states of its client that it tells apart: how sure it is, what it
goes by, and where that was read. High means test ids or state of the client
itself, medium means structure or a single source, low means words on the page
in German and English.

A walk that stops in a state other than in_meeting ends as the failure that
stands beside it; none is a success. Whatever is not in the list is tried by the generic
adapter.`,
	exits: `
  0  printed
  2  usage`,
	run: func(_ context.Context, e *env, fs *flag.FlagSet, args []string) error {
		asJSON := fs.Bool("json", false, "print the systems as JSON")
		if _, err := parse(fs, args); err != nil {
			return err
		}
		all := systems()
		if *asJSON {
			return writeJSON(e.stdout, all)
		}
		for i, s := range all {
			if i > 0 {
				fmt.Fprintln(e.stdout)
			}
			fmt.Fprintf(e.stdout, "%s: %s\n", s.System, s.Title)
			table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
			for _, k := range s.States {
				fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", k.State, k.Certainty, k.Failure, k.Rests)
			}
			if err := table.Flush(); err != nil {
				return err
			}
		}
		return nil
	},
}

// system is what can be said of an adapter.
type system struct {
	System   string       `json:"system"`
	Title    string       `json:"title"`
	Fallback bool         `json:"fallback"` // walks what no other recognises
	States   []knownState `json:"states"`
}

type knownState struct {
	State   vks.State     `json:"state"`
	Failure probe.Failure `json:"failure"` // of a walk that stops there; "ok" if that is no failure
	vks.Basis
}

func systems() []system {
	var all []system
	for _, a := range append(append([]*vks.Adapter(nil), adapters...), fallback) {
		s := system{System: a.System, Title: a.Title, Fallback: a == fallback, States: []knownState{}}
		for _, state := range vks.States() {
			if basis, ok := a.Knows[state]; ok {
				s.States = append(s.States, knownState{state, state.Failure(), basis})
			}
		}
		all = append(all, s)
	}
	return all
}
