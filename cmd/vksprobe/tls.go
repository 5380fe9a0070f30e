package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vksprobe/probe"
	"vksprobe/report"
	"vksprobe/report/bundle"
	"vksprobe/tls"
	"vksprobe/tls/chain"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/norm"
	"vksprobe/tls/remedy"
	"vksprobe/tls/starttls"
	"vksprobe/tls/tr02102"
)

var tlsCommand = &command{
	name:  "tls",
	args:  "HOST[:PORT]…",
	short: "find out all that TLS servers offer, and grade it",
	long: `
Tls asks each server, by many short handshakes, for every version, cipher
suite, group, signature scheme and certificate that it has, for sessions,
extensions and flaws, and grades the answers by technical norms as of a day.
Every address of a name is asked and they are compared. Ask only servers that
you may examine.

It is polite: there is a limit on connections at a time, it becomes slower
when a server begins to refuse, and what is not answered for sure is reported
as unknown. With -evidence the raw transcript of each connection is sealed
into a bundle, from which "vksprobe observe" derives the same observations.`,
	exits: `
  0  nothing that a norm objects to, and no flaw
  1  no target could be asked
  2  usage
  3  a norm objects to something, or there is a flaw
  4  nothing of that, but something could not be measured`,
	run: runTLS,
}

// tlsFlags are what the command is told.
type tlsFlags struct {
	name, startTLS, profile, edition, date, targets, evidence, lang string
	records, addresses                                              []string
	parallel, jobs                                                  int
	rate                                                            float64
	timeout                                                         time.Duration
	asJSON, deep, revocation                                        bool
	transport                                                       enumerate.Transport
	proxy                                                           *url.URL
	logs                                                            []byte // log_list.json
}

// readProxy reads the URL of a proxy, which may carry a password.
func readProxy(e *env, text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	if text == "-" {
		secret, err := readSecret(e, "-")
		if err != nil {
			return nil, err
		}
		text = secret
	} else {
		text = hideArgument(text)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, usageError{errors.New("-proxy is not a URL with a host")}
	}
	return u, nil
}

func runTLS(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error {
	var f tlsFlags
	fs.StringVar(&f.name, "name", "", "ask for this server `NAME` instead of the host's")
	addresses := fs.String("address", "", "ask these `ADDRESSES`, with commas between, instead of those that DNS has for the name")
	fs.StringVar(&f.startTLS, "starttls", "", "begin with this `PROTOCOL`: "+strings.Join(starttls.Protocols(), ", "))
	dtls := fs.Bool("dtls", false, "ask for DTLS over UDP")
	quic := fs.Bool("quic", false, "ask for QUIC over UDP, which is TLS for HTTP/3")
	active := fs.String("active", "usual", "`HOW` far to go: usual, or deep to also ask what provokes a server (ROBOT)")
	fs.BoolVar(&f.revocation, "revocation", false, "ask the OCSP responders and CRLs that the certificates name; their operators learn that")
	logs := fs.String("ct-logs", "", "check certificate timestamps by the logs in this `FILE`, a log_list.json of version 3")
	records := fs.String("records", "", "hold CAA and TLSA records in this zone `FILE` against the certificates")
	remedyFor := fs.String("remedy", "", "ask nobody, but print a configuration for this `SERVER` that satisfies the first norm: "+strings.Join(remedy.Servers(), ", "))
	proxy := fs.String("proxy", "", "connect through the proxy at this `URL`: socks5, socks5h or http; - reads it from standard input")
	fs.StringVar(&f.profile, "profile", tr02102.ID, "grade by these `NORMS`, with commas between; all for every one, list to print them")
	fs.StringVar(&f.edition, "edition", "", "edition of the first norm, such as 2024-01; the newest by default")
	fs.StringVar(&f.date, "date", "", "grade as of this day (YYYY-MM-DD) instead of today")
	fs.StringVar(&f.targets, "targets", "", "read targets from `FILE`, one a line, - for standard input")
	fs.StringVar(&f.evidence, "evidence", "", "seal the transcripts into a bundle in this new `DIR`")
	fs.StringVar(&f.lang, "lang", "en", "language of the texts, de or en")
	fs.IntVar(&f.parallel, "parallel", 16, "connections to one address at a time")
	fs.Float64Var(&f.rate, "rate", 0, "new connections to one address a second; 0 is no limit of ours")
	fs.IntVar(&f.jobs, "jobs", 4, "addresses that are asked at a time")
	fs.DurationVar(&f.timeout, "timeout", 5*time.Second, "wait for an answer this long")
	fs.BoolVar(&f.asJSON, "json", false, "print one JSON object per target")
	rest, err := parseAny(fs, args)
	if err != nil {
		return err
	}
	if err := checkLang(f.lang); err != nil {
		return err
	}
	if f.profile == "list" {
		for _, n := range norm.Builtin().All() {
			fmt.Fprintf(e.stdout, "%s  %s\n", n.Key(), n.Title.In(f.lang))
		}
		return nil
	}
	norms, err := chooseNorms(f.profile, f.edition)
	if err != nil {
		return err
	}
	day, err := judgeDate(f.date)
	if err != nil {
		return err
	}
	if *remedyFor != "" {
		return printRemedy(e, *remedyFor, norms[0], day, f.lang)
	}
	if f.deep = *active == "deep"; !f.deep && *active != "usual" {
		return usageError{fmt.Errorf("-active is usual or deep, not %q", *active)}
	}
	if f.transport, err = transportOf(*dtls, *quic); err != nil {
		return err
	}
	if f.transport != enumerate.TCP && (f.startTLS != "" || *proxy != "") {
		return usageError{errors.New("-dtls and -quic go neither with -starttls nor with -proxy")}
	}
	if *addresses != "" {
		f.addresses = strings.Split(*addresses, ",")
	}
	for _, a := range f.addresses {
		if _, err := netip.ParseAddr(a); err != nil {
			return usageError{fmt.Errorf("-address %s is no address", a)}
		}
	}
	if *logs != "" {
		if f.logs, err = os.ReadFile(*logs); err != nil {
			return err
		}
		if _, err := chain.ParseLogs(f.logs); err != nil {
			return usageError{fmt.Errorf("%s: %w", *logs, err)}
		}
	}
	if f.records, err = readRecords(*records); err != nil {
		return err
	}
	if f.parallel < 1 || f.jobs < 1 || f.rate < 0 || f.timeout <= 0 {
		return usageError{errors.New("-parallel, -jobs and -timeout must be positive, -rate not negative")}
	}
	if f.startTLS != "" && starttls.Port(f.startTLS) == "" {
		return usageError{fmt.Errorf("-starttls %s is none of %s", f.startTLS, strings.Join(starttls.Protocols(), ", "))}
	}
	if f.proxy, err = readProxy(e, *proxy); err != nil {
		return err
	}
	next, closeTargets, err := targets(e, rest, f.targets)
	if err != nil {
		return err
	}
	defer closeTargets()
	var store *evidence
	if f.evidence != "" {
		if store, err = newEvidence(f.evidence); err != nil {
			return err
		}
	}
	t := &tlsRun{env: e, flags: f, norms: norms, day: day, store: store}
	return t.all(ctx, next)
}

// transportOf says what to ask over.
func transportOf(dtls, quic bool) (enumerate.Transport, error) {
	switch {
	case dtls && quic:
		return "", usageError{errors.New("-dtls and -quic go one at a time")}
	case dtls:
		return enumerate.UDP, nil
	case quic:
		return enumerate.QUIC, nil
	}
	return enumerate.TCP, nil
}

// printRemedy prints a configuration, with the notes as comments before it.
func printRemedy(e *env, server string, n *norm.Norm, day time.Time, lang string) error {
	c, err := remedy.For(server, n.Profile(day), remedy.Debian12)
	if err != nil {
		return usageError{err}
	}
	fmt.Fprintf(e.stdout, "# %s, %s\n# %s\n", n.Key(), day.Format(time.DateOnly), c.File)
	for _, note := range c.Notes {
		fmt.Fprintf(e.stdout, "# %s\n", note.In(lang))
	}
	fmt.Fprintf(e.stdout, "\n%s\n", strings.TrimSpace(c.Text))
	return nil
}

// readRecords reads a zone file with one CAA or TLSA record a line.
func readRecords(file string) (records []string, err error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, ";") {
			continue
		}
		if err := tls.CheckRecord(line); err != nil {
			return nil, usageError{err}
		}
		records = append(records, line)
	}
	return records, nil
}

// chooseNorms looks norms up by their names.
func chooseNorms(list, edition string) ([]*norm.Norm, error) {
	all := norm.Builtin()
	if list == "all" {
		return all.All(), nil
	}
	var out []*norm.Norm
	for i, key := range strings.Split(list, ",") {
		if i == 0 && edition != "" && !strings.Contains(key, "/") {
			key += "/" + edition
		}
		n, ok := all.Get(key)
		if !ok {
			return nil, usageError{fmt.Errorf("there is no norm %q; -profile list prints them", key)}
		}
		out = append(out, n)
	}
	return out, nil
}

// targets returns a function that gives one target after the other, and io.EOF
// at the end.
func targets(e *env, args []string, file string) (next func() (string, error), shut func(), err error) {
	shut = func() {}
	var lines *bufio.Scanner
	if file != "" {
		r := e.stdin
		if file != "-" {
			f, err := os.Open(file)
			if err != nil {
				return nil, nil, err
			}
			r, shut = f, func() { f.Close() }
		}
		lines = bufio.NewScanner(r)
	} else if len(args) == 0 {
		return nil, nil, usageError{errors.New("tls wants a HOST[:PORT] or -targets FILE")}
	}
	return func() (string, error) {
		for len(args) > 0 {
			first := args[0]
			args = args[1:]
			return first, nil
		}
		for lines != nil && lines.Scan() {
			line, _, _ := strings.Cut(lines.Text(), "#")
			if line = strings.TrimSpace(line); line != "" {
				return line, nil
			}
		}
		if lines != nil && lines.Err() != nil {
			return "", lines.Err()
		}
		return "", io.EOF
	}, shut, nil
}

// tlsRun is one run of the command.
type tlsRun struct {
	env   *env
	flags tlsFlags
	norms []*norm.Norm
	day   time.Time
	store *evidence

	// connect opens sockets to targets, without STARTTLS; by default they are
	// opened as the flags say.
	connect func(context.Context, enumerate.Target) (net.Conn, error)

	mu                          sync.Mutex
	asked, objected, incomplete int
}

// tlsResult is what is printed of one target.
type tlsResult struct {
	Target      string                 `json:"target"`
	Failure     probe.Failure          `json:"failure,omitempty"` // why nothing could be asked
	Addresses   []tls.Offered          `json:"addresses,omitempty"`
	Assessments *norm.Report           `json:"assessments,omitempty"` // of all addresses together
	Differences []enumerate.Difference `json:"differences,omitempty"` // between addresses
}

// all asks the targets, some at a time, and prints each as it is done.
func (t *tlsRun) all(ctx context.Context, next func() (string, error)) error {
	work := make(chan string)
	var workers sync.WaitGroup
	for range t.flags.jobs {
		workers.Go(func() {
			for target := range work {
				t.one(ctx, target)
			}
		})
	}
	var err error
	for ctx.Err() == nil {
		var target string
		if target, err = next(); err != nil {
			break
		}
		work <- target
	}
	close(work)
	workers.Wait()
	if t.store != nil {
		err = errors.Join(err, t.store.seal(t.day, t.incomplete > 0 || ctx.Err() != nil))
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case t.asked == 0:
		return exit(exitError)
	case t.objected > 0:
		return exit(exitViolation)
	case t.incomplete > 0 || ctx.Err() != nil:
		return exit(exitIncomplete)
	}
	return nil
}

// one asks one target at all its addresses.
func (t *tlsRun) one(ctx context.Context, target string) {
	res := tlsResult{Target: target}
	host, port, err := splitTarget(target, t.flags.startTLS)
	var addresses []string
	if err == nil {
		addresses, err = t.resolve(ctx, host, port)
	}
	if err != nil {
		res.Failure = enumerate.FailureOf(err)
		t.print(res, err)
		return
	}
	name := cmp.Or(t.flags.name, host)
	if _, err := netip.ParseAddr(name); err == nil {
		name = "" // an address is no server name (RFC 6066 section 3)
	}
	var failed error
	for _, address := range addresses {
		offer, err := t.ask(ctx, enumerate.Target{Host: name, Address: address, StartTLS: t.flags.startTLS, Transport: t.flags.transport})
		if err != nil {
			failed = errors.Join(failed, err)
		}
		if len(offer.Versions) > 0 || offer.QUIC != nil && len(offer.QUIC.Versions) > 0 {
			res.Addresses = append(res.Addresses, offer)
		}
	}
	if len(res.Addresses) == 0 && failed != nil {
		res.Failure = enumerate.FailureOf(failed)
	}
	res.assess(t.day, t.norms)
	t.print(res, failed)
}

// assess compares the addresses with each other and with the norms.
func (res *tlsResult) assess(day time.Time, norms []*norm.Norm) {
	var offers []enumerate.Offer
	var offered []norm.Mechanism
	for _, o := range res.Addresses {
		offers = append(offers, o.Offer)
		for _, m := range tls.Mechanisms(o) {
			if !slices.Contains(offered, m) {
				offered = append(offered, m)
			}
		}
	}
	res.Differences = enumerate.Compare(offers)
	if len(res.Addresses) > 0 {
		report := norm.Compare(offered, day, norms...)
		res.Assessments = &report
	}
}

// objects reports whether the first norm objects to something, or whether
// there is a flaw.
func (res *tlsResult) objects() bool {
	return res.Assessments != nil && len(res.Assessments.Norms) > 0 &&
		slices.ContainsFunc(res.Assessments.Norms[0].Assessments, func(a norm.Assessment) bool { return a.Class.Objects() }) ||
		slices.ContainsFunc(res.Addresses, func(o tls.Offered) bool {
			return slices.Contains(slices.Collect(maps.Values(o.Flaws)), enumerate.Yes)
		})
}

// unsure counts the addresses that left something without an answer.
func (res *tlsResult) unsure() (n int) {
	for _, o := range res.Addresses {
		if o.Unanswered > 0 || slices.ContainsFunc(o.Versions, func(v enumerate.Version) bool { return len(v.SuitesUnknown) > 0 }) {
			n++
		}
	}
	return n
}

// ask asks one address.
func (t *tlsRun) ask(ctx context.Context, target enumerate.Target) (tls.Offered, error) {
	var all []*enumerate.Exchange
	began := time.Now().UTC()
	o := enumerate.Options{Parallel: t.flags.parallel, Rate: t.flags.rate, Timeout: t.flags.timeout, Deep: t.flags.deep,
		Open:   func(ctx context.Context) (net.Conn, error) { return t.open(ctx, target) },
		Record: func(x *enumerate.Exchange) { all = append(all, x) }}
	cost, err := enumerate.Run(ctx, target, o)
	offer := enumerate.Derive(target, all)
	offer.Cost = &cost
	beside := tls.Supplement{Records: t.flags.records, Logs: t.flags.logs}
	if t.flags.revocation {
		beside.Ask(ctx, offer, began, fetcher(target.Address, t.flags.timeout))
	}
	if t.store != nil {
		err = errors.Join(err, t.store.put(tls.Transcript{Target: target, Began: began}, all, beside))
	}
	return tls.Describe(offer, beside, began), err
}

// open connects to a target, up to the first ClientHello.
func (t *tlsRun) open(ctx context.Context, target enumerate.Target) (net.Conn, error) {
	if t.connect != nil {
		return t.connect(ctx, target)
	}
	if network := target.Transport.Network(); network != "tcp" {
		return new(net.Dialer).DialContext(ctx, network, target.Address)
	}
	c, err := starttls.Dial(ctx, t.flags.proxy, "tcp", target.Address)
	if err != nil || target.StartTLS == "" {
		return c, err
	}
	if err := starttls.Upgrade(ctx, c, target.StartTLS, cmp.Or(target.Host, t.flags.name, "localhost")); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// splitTarget reads HOST[:PORT].
func splitTarget(target, startTLS string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(target)
	if err != nil {
		host, port = strings.Trim(target, "[]"), cmp.Or(starttls.Port(startTLS), "443")
	}
	if _, bad := strconv.ParseUint(port, 10, 16); bad != nil || host == "" || strings.ContainsAny(host, "/@? ") {
		return "", "", fmt.Errorf("%q is not HOST[:PORT]", target)
	}
	return strings.TrimSuffix(host, "."), port, nil
}

// maxAddresses bounds the addresses of one name.
const maxAddresses = 32

// resolve lists all addresses of a name with the port.
func (t *tlsRun) resolve(ctx context.Context, host, port string) ([]string, error) {
	if len(t.flags.addresses) > 0 {
		var out []string
		for _, a := range t.flags.addresses {
			out = append(out, net.JoinHostPort(a, port))
		}
		return out, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, a := range found[:min(len(found), maxAddresses)] {
		if s := net.JoinHostPort(a.Unmap().String(), port); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out, nil
}

// print prints a result and counts it.
func (t *tlsRun) print(res tlsResult, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(res.Addresses) > 0 {
		t.asked++
	}
	if err != nil {
		t.incomplete++
		fmt.Fprintf(t.env.stderr, "vksprobe: %s: %v\n", res.Target, err)
	}
	t.incomplete += res.unsure()
	if res.objects() {
		t.objected++
	}
	if t.flags.asJSON {
		b, err := json.Marshal(res)
		if err == nil {
			t.env.stdout.Write(append(b, '\n'))
		}
		return
	}
	report.TLS(t.env.stdout, res.Target, res.Addresses, res.Assessments, res.Differences, t.flags.lang)
}

// evidence is a bundle of transcripts.
type evidence struct {
	mu     sync.Mutex
	writer *bundle.Writer
	began  time.Time
	n      int
}

func newEvidence(dir string) (*evidence, error) {
	w, err := bundle.Create(dir)
	if err != nil {
		return nil, err
	}
	return &evidence{writer: w, began: time.Now()}, nil
}

// put stores one transcript under a name of ours.
func (v *evidence) put(t tls.Transcript, all []*enumerate.Exchange, beside tls.Supplement) error {
	v.mu.Lock()
	v.n++
	name := fmt.Sprintf("%s/%05d.jsonl", tls.Transcripts, v.n)
	v.mu.Unlock()
	w, err := v.writer.Evidence(name)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	err = enc.Encode(t)
	for _, x := range all {
		err = errors.Join(err, enc.Encode(x))
	}
	err = errors.Join(err, w.Close())
	if !beside.Empty() {
		w, failed := v.writer.Evidence(tls.SupplementOf(name))
		if failed != nil {
			return errors.Join(err, failed)
		}
		err = errors.Join(err, json.NewEncoder(w).Encode(beside), w.Close())
	}
	return err
}

// seal derives the observations from what was written, judges them and seals
// the bundle.
func (v *evidence) seal(day time.Time, incomplete bool) error {
	return sealActive(v.writer, probe.Run{Started: v.began.UTC(), Command: []string{"vksprobe", "tls"}, Scope: []string{"tls"}, Judged: day}, incomplete)
}
