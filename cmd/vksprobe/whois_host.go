package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"vksprobe/report"
	"vksprobe/tracking"
	"vksprobe/tracking/filter"
	"vksprobe/tracking/geo"
)

var whoisHostCommand = &command{
	name:  "whois-host",
	args:  "HOST|IP…",
	short: "say where a host is, whose it is, and whether trackers' lists name it",
	long: `
Whois-host looks hosts and addresses up in the embedded databases: country and
network of an address, operator of a name, seats of the operator and of the
company that controls it, what the adequacy decisions of the European
Commission say of the countries, and the rule of EasyPrivacy that names the
host as a third party.

It contacts nothing. Names are resolved only with -resolve, by the system's
resolver.`,
	exits: `
  0  printed
  1  a name could not be resolved, or a file not be read
  2  usage`,
	run: runWhoisHost,
}

func runWhoisHost(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error {
	files := geoFlags(fs)
	var lists []string
	fs.Func("filter-list", "hold the hosts against the Adblock list in `FILE` as well; may be repeated", func(s string) error {
		lists = append(lists, s)
		return nil
	})
	resolve := fs.Bool("resolve", false, "resolve names with the system's resolver")
	date := fs.String("date", "", "apply the decisions as of this day (YYYY-MM-DD) instead of today")
	lang := fs.String("lang", "en", "language of the texts, de or en")
	asJSON := fs.Bool("json", false, "print one JSON object per host")
	rest, err := parseAny(fs, args)
	if err != nil {
		return err
	}
	if err := checkLang(*lang); err != nil {
		return err
	}
	day, err := judgeDate(*date)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return usageError{errors.New("whois-host wants a HOST or an IP address")}
	}
	w := whois{day: day}
	if w.atlas, err = geo.Open(*files); err != nil {
		return err
	}
	easy, err := filter.EasyPrivacy()
	if err != nil {
		return err
	}
	own, err := filterLists(lists)
	if err != nil {
		return err
	}
	w.lists = append([]*filter.List{easy}, own...)
	if *resolve {
		w.resolver = net.DefaultResolver
	}
	var hosts []report.Host
	var errs []error
	for _, arg := range rest {
		h, err := w.host(ctx, arg)
		var usage usageError
		if errors.As(err, &usage) {
			return err
		}
		errs = append(errs, err)
		hosts = append(hosts, h)
	}
	if *asJSON {
		for _, h := range hosts {
			errs = append(errs, writeLine(e.stdout, h))
		}
	} else {
		errs = append(errs, report.WriteHosts(e.stdout, hosts, day, *lang, true))
	}
	return errors.Join(errs...)
}

// whois answers questions about hosts.
type whois struct {
	atlas    *geo.Atlas
	lists    []*filter.List
	resolver *net.Resolver // nil if names are not resolved
	day      time.Time
}

// resolveTimeout bounds the resolution of one name.
const resolveTimeout = 10 * time.Second

func (w *whois) host(ctx context.Context, name string) (report.Host, error) {
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	addr, err := netip.ParseAddr(name)
	isAddress := err == nil
	if !isAddress && (name == "" || len(name) > 253 || strings.ContainsAny(name, ":/@? \t\n")) {
		return report.Host{}, usageError{fmt.Errorf("%q is neither the name of a host nor an address", name)}
	}
	q := geo.Query{Host: name}
	var problem error
	switch {
	case isAddress:
		q.Addresses = []netip.Addr{addr}
	case w.resolver != nil:
		ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
		defer cancel()
		if q.Addresses, err = w.resolver.LookupNetIP(ctx, "ip", name); err != nil {
			problem = fmt.Errorf("resolving %s: %w", name, err)
		}
	}
	p, err := w.atlas.Place(q)
	if err != nil {
		return report.Host{}, err
	}
	h := report.NewHost(tracking.HostPlace{Place: p}, w.day)
	for _, list := range w.lists {
		r, ok := filter.NewRequest("https://"+bracketed(addr, name)+"/", "host.invalid", filter.Script)
		if !ok {
			continue
		}
		if m := list.Match(r); m.Listed() {
			h.Listed = append(h.Listed, tracking.ListedRequest{Host: name, List: list.Name, Version: list.Version, SHA256: list.SHA256,
				Rule: m.Rule, Line: m.Line, Named: strings.HasPrefix(m.Rule, "||"), Type: filter.Script.String()})
		}
	}
	return h, problem
}

// bracketed is a host as URLs write it.
func bracketed(addr netip.Addr, name string) string {
	if addr.Is6() {
		return "[" + addr.WithZone("").String() + "]"
	}
	return name
}
