package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"vksprobe/probe"
	"vksprobe/probe/scan"
	"vksprobe/report"
	"vksprobe/report/bundle"
	"vksprobe/tls"
	"vksprobe/tls/enumerate"
	"vksprobe/tls/norm"
	"vksprobe/tls/tr02102"
	"vksprobe/webrtc/turn"
)

var turnCommand = &command{
	name:  "turn",
	args:  "URL…",
	short: "ask STUN and TURN servers what they do for whom",
	long: `
Turn asks each server, over each transport that its URL has, whether it wants
credentials, what it gives to those who have them, for how long they are good,
and to which addresses it would relay: loopback, private networks, the
metadata services of clouds. A URL is one as in "turn:host:3478",
"turns:host:5349?transport=tcp" or "stun:host". Of several addresses of a name
the first that can be reached is asked. Ask only servers that you may examine.

Only the permission to relay is asked for. No data is relayed to anybody, and
all allocations are ended. Where a server answers over TLS or DTLS, it is
asked for all that it offers there, as vksprobe tls does. Without credentials the questions are those that
every stranger can ask. With them one question bears a wrong password on
purpose.

Passwords are read from files, never from the command line, and are neither
printed nor stored. The transcripts of -evidence contain user names and the
checksums made with the password, as they were sent.

With -bundle the servers, and their credentials, are those that the pages of
a scan were given. The arguments then are the names of the hosts that may be
asked, and -active lets those be asked that are in the scope of the scan: the
host of the link and the own domains. Others are reported as not asked.`,
	exits: `
  0  nothing violated
  1  no server could be asked
  2  usage
  3  violations found, or a norm objects to what TLS offers
  4  nothing violated, but something could not be measured`,
	run: runTURN,
}

// turnFlags are what the command is told.
type turnFlags struct {
	user, passwordFile, credentialFile, bundle, evidence, lang, date, profile string
	active, tls, asJSON                                                       bool
	timeout, wait                                                             time.Duration
}

const turnTimeout = 8 * time.Second

func runTURN(ctx context.Context, e *env, fs *flag.FlagSet, args []string) error {
	var f turnFlags
	fs.StringVar(&f.user, "user", "", "user `NAME` of the credentials; its password comes from -password-file")
	fs.StringVar(&f.passwordFile, "password-file", "", "read the password of -user from `FILE`, - for standard input")
	fs.StringVar(&f.credentialFile, "credential-file", "", "read user name and password from the two lines of `FILE`, - for standard input")
	fs.StringVar(&f.bundle, "bundle", "", "ask the servers that the scan in the bundle `DIR` saw; the arguments are the hosts that may be asked")
	fs.BoolVar(&f.active, "active", false, "with -bundle: ask the servers in the scope of the scan")
	fs.BoolVar(&f.tls, "tls", true, "find out all that TLS and DTLS offer")
	fs.StringVar(&f.profile, "profile", tr02102.ID, "grade TLS by these `NORMS`, with commas between, as vksprobe tls does")
	fs.StringVar(&f.evidence, "evidence", "", "seal the transcripts into a bundle in this new `DIR`")
	fs.StringVar(&f.date, "date", "", "judge as of this day (YYYY-MM-DD) instead of today")
	fs.StringVar(&f.lang, "lang", "en", "language of the texts, de or en")
	fs.DurationVar(&f.timeout, "timeout", turnTimeout, "wait for an answer this long")
	fs.DurationVar(&f.wait, "wait", 0, "wait at most this long for a credential to expire, and see whether it is still accepted")
	fs.BoolVar(&f.asJSON, "json", false, "print one JSON object per server")
	rest, err := parseAny(fs, args)
	if err != nil {
		return err
	}
	if err := checkLang(f.lang); err != nil {
		return err
	}
	if f.timeout <= 0 || f.wait < 0 {
		return usageError{errors.New("-timeout must be positive, -wait not negative")}
	}
	t := &turnRun{env: e, flags: f}
	if t.day, err = judgeDate(f.date); err != nil {
		return err
	}
	if t.norms, err = chooseNorms(f.profile, ""); err != nil {
		return err
	}
	servers, scope, err := turnServers(ctx, e, f, rest)
	if err != nil {
		return err
	}
	t.dial = scope.Dial(new(onePlace).dial)
	if f.evidence != "" {
		if t.store, err = newEvidence(f.evidence); err != nil {
			return err
		}
	}
	return t.all(ctx, servers)
}

// turnServers returns whom to ask, and who may be asked.
func turnServers(ctx context.Context, e *env, f turnFlags, args []string) ([]turn.Server, probe.Scope, error) {
	if f.bundle != "" {
		return bundleServers(ctx, f, args)
	}
	fail := func(err error) ([]turn.Server, probe.Scope, error) { return nil, probe.Scope{}, usageError{err} }
	switch {
	case f.active:
		return fail(errors.New("-active goes with -bundle; servers that are named are asked without it"))
	case len(args) == 0:
		return fail(errors.New("turn wants a URL such as turn:host:3478"))
	}
	user, password, err := turnCredentials(e, f)
	if err != nil {
		return nil, probe.Scope{}, err
	}
	var servers []turn.Server
	var scope probe.Scope
	for _, url := range args {
		s := turn.Server{URL: url, Username: user, Credential: password}
		host := s.Host()
		if host == "" {
			return fail(fmt.Errorf("%q is no URL of a STUN or TURN server", url))
		}
		if scheme, _, _ := strings.Cut(strings.ToLower(url), ":"); strings.HasPrefix(scheme, "stun") {
			s.Username, s.Credential = "", ""
		}
		if slices.ContainsFunc(servers, func(o turn.Server) bool { return o.URL == url }) {
			continue
		}
		servers, scope.Hosts = append(servers, s), append(scope.Hosts, host)
	}
	return servers, scope, nil
}

// turnCredentials reads user name and password.
func turnCredentials(e *env, f turnFlags) (user, password string, err error) {
	switch {
	case f.credentialFile != "" && (f.user != "" || f.passwordFile != ""):
		return "", "", usageError{errors.New("-credential-file goes neither with -user nor with -password-file")}
	case (f.user == "") != (f.passwordFile == ""):
		return "", "", usageError{errors.New("-user and -password-file come together")}
	case f.credentialFile != "":
		text, err := readSecret(e, f.credentialFile)
		if err != nil {
			return "", "", err
		}
		user, password, _ = strings.Cut(text, "\n")
		user, password = strings.TrimSuffix(user, "\r"), strings.TrimRight(password, "\r\n")
	case f.user != "":
		user = f.user
		if password, err = readSecret(e, f.passwordFile); err != nil {
			return "", "", err
		}
	default:
		return "", "", nil
	}
	if user == "" || password == "" || strings.ContainsAny(password, "\r\n") {
		return "", "", usageError{errors.New("the credentials are no user name and password of one line each")}
	}
	return user, password, nil
}

// bundleServers takes the servers from the evidence of a scan. The names are
// the hosts that the user lets be asked.
func bundleServers(ctx context.Context, f turnFlags, names []string) ([]turn.Server, probe.Scope, error) {
	fail := func(err error) ([]turn.Server, probe.Scope, error) { return nil, probe.Scope{}, err }
	if f.user != "" || f.passwordFile != "" || f.credentialFile != "" {
		return fail(usageError{errors.New("with -bundle the credentials are those of the scan")})
	}
	for _, name := range names {
		if _, err := netip.ParseAddr(name); err != nil && strings.ContainsAny(name, ":/@?") {
			return fail(usageError{fmt.Errorf("with -bundle the arguments are names of hosts, and %q is none", name)})
		}
	}
	b, err := openVerified(ctx, f.bundle)
	if err != nil {
		return fail(err)
	}
	record, err := b.Record()
	if err != nil {
		return fail(err)
	}
	servers, err := turn.Servers(ctx, record)
	if err != nil {
		return fail(err)
	}
	if len(servers) == 0 {
		return fail(fmt.Errorf("no page in %s named a STUN or TURN server", f.bundle))
	}
	scope := probe.Scope{Hosts: names}
	if f.active {
		of := record.Target.Scope()
		scope.Hosts, scope.Domains = append(scope.Hosts, of.Hosts...), of.Domains
	}
	if !slices.ContainsFunc(servers, func(s turn.Server) bool { return scope.Has(s.Host()) }) {
		var hosts []string
		for _, s := range servers {
			if !slices.Contains(hosts, s.Host()) {
				hosts = append(hosts, s.Host())
			}
		}
		return fail(hinted{usageError{errors.New("none of the servers may be asked")},
			"name those that you may examine; the scan saw " + strings.Join(hosts, ", ")})
	}
	return servers, scope, nil
}

// onePlace opens sockets, always to the same address of a name: what a server
// says over one of them is held against what it says over another.
type onePlace struct {
	mu    sync.Mutex
	place map[string]netip.Addr
}

func (o *onePlace) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	at, known := o.place[host]
	o.mu.Unlock()
	all := []netip.Addr{at}
	if !known {
		if all, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, a := range all[:min(len(all), maxAddresses)] {
		c, err := new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(a.Unmap().String(), port))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.place == nil {
			o.place = map[string]netip.Addr{}
		}
		o.place[host] = a.Unmap()
		return c, nil
	}
	return nil, errors.Join(errs...)
}

// turnRun is one run of the command.
type turnRun struct {
	env   *env
	flags turnFlags
	norms []*norm.Norm
	day   time.Time
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	store *evidence // nil without -evidence
	began time.Time
	known map[string]bool // what has been asked for TLS, "tls 192.0.2.1:5349"
}

// turnResult is what is printed of one server.
type turnResult struct {
	Server   string          `json:"server"`
	Failure  probe.Failure   `json:"failure,omitempty"` // why it answered by no transport
	Facts    turn.Facts      `json:"facts"`
	Findings []probe.Finding `json:"findings"`
	TLS      []tlsResult     `json:"tls,omitempty"` // of each transport that has it, unless another URL had it before
}

// turnActive asks the servers that the pages of a scan were given and that are
// in the scope, as the command does.
func turnActive(e *env, scope probe.Scope, date time.Time) scan.Active {
	return scan.Active{Name: "turn", Ask: func(ctx context.Context, rec *probe.Record, w *bundle.Writer) error {
		servers, err := turn.Servers(ctx, rec)
		t := &turnRun{env: e, flags: turnFlags{timeout: turnTimeout, tls: true}, day: date, dial: scope.Dial(new(onePlace).dial),
			store: &evidence{writer: w, began: time.Now()}}
		_, _, failed := t.ask(ctx, servers)
		return errors.Join(err, failed)
	}}
}

// ask asks the servers one after the other, because several URLs are often one
// server. The error says what could not be asked or stored.
func (t *turnRun) ask(ctx context.Context, servers []turn.Server) (results []turnResult, observations []probe.Observation, err error) {
	t.began, t.known = time.Now(), map[string]bool{}
	var errs []error
	for i, s := range servers {
		transcript, err := turn.Check(ctx, s, turn.Options{Dial: t.dial, Timeout: t.flags.timeout, Wait: t.flags.wait})
		errs = append(errs, err)
		if len(transcript) == 0 {
			continue
		}
		name := fmt.Sprintf("%s/%05d.jsonl", turn.Transcripts, i+1)
		errs = append(errs, t.put(name, transcript))
		o := turn.Observation(transcript, probe.Evidence{Path: "evidence/" + name})
		o.ID = fmt.Sprintf("turn.server-%d", len(observations)+1)
		observations = append(observations, o)
		r := turnResult{Server: s.URL, Failure: o.Failure, Facts: turn.Read(transcript), Findings: []probe.Finding{}}
		if t.flags.tls {
			r.TLS, err = t.secured(ctx, s.Host(), r.Facts)
			errs = append(errs, err)
		}
		results = append(results, r)
	}
	return results, observations, errors.Join(errs...)
}

// all asks the servers, judges what they said together, and prints it.
func (t *turnRun) all(ctx context.Context, servers []turn.Server) error {
	results, observations, problem := t.ask(ctx, servers)
	findings, err := probe.Judge(probe.NewFacts(observations), t.day, probe.Rules(&turn.Rules))
	if err != nil {
		return err
	}
	asked, objects, unsure := false, false, 0
	for _, r := range results {
		asked = asked || r.Failure == ""
		for _, o := range r.TLS {
			objects = objects || o.objects()
			unsure += o.unsure()
		}
		for _, f := range findings {
			if f.Subject == r.Server {
				r.Findings = append(r.Findings, f)
			}
		}
		if err := t.print(r); err != nil {
			return err
		}
	}
	if t.store != nil {
		run := probe.Run{Started: t.began.UTC(), Command: []string{"vksprobe", "turn"}, Scope: []string{"turn"}, Judged: t.day}
		if len(t.known) > 0 {
			run.Scope = append(run.Scope, "tls")
		}
		if err := sealActive(t.store.writer, run, problem != nil || unsure > 0); err != nil {
			return err
		}
	}
	if problem != nil {
		fmt.Fprintf(t.env.stderr, "vksprobe: %v\n", problem)
	}
	state := probe.Complete
	if problem != nil || unsure > 0 {
		state = probe.Incomplete
	}
	switch {
	case !asked:
		return exit(exitError)
	case objects:
		return exit(exitViolation)
	}
	return verdictExit(findings, state)
}

// secured asks for all that the server offers by TLS and DTLS, at each address
// where somebody spoke it.
func (t *turnRun) secured(ctx context.Context, host string, f turn.Facts) ([]tlsResult, error) {
	var all []tlsResult
	var errs []error
	for _, d := range f.Doors {
		key := d.Transport + " " + d.Address
		spoke := d.Reachable.State == turn.Yes || d.Reachable.Failure == probe.TLSAlert
		if (d.Transport != "tls" && d.Transport != "dtls") || !spoke || t.known[key] || ctx.Err() != nil {
			continue
		}
		t.known[key] = true
		target := enumerate.Target{Host: host, Address: d.Address, Transport: enumerate.TCP}
		if d.Transport == "dtls" {
			target.Transport = enumerate.UDP
		}
		if _, err := netip.ParseAddr(host); err == nil {
			target.Host = "" // an address is no server name (RFC 6066 section 3)
		}
		r := &tlsRun{env: t.env, flags: tlsFlags{parallel: 16, timeout: t.flags.timeout}, norms: t.norms, day: t.day, store: t.store,
			connect: func(ctx context.Context, target enumerate.Target) (net.Conn, error) {
				_, port, err := net.SplitHostPort(target.Address)
				if err != nil {
					return nil, err
				}
				return t.dial(ctx, target.Transport.Network(), net.JoinHostPort(host, port))
			}}
		res := tlsResult{Target: strings.ToUpper(d.Transport) + " " + d.Address}
		offer, err := r.ask(ctx, target)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", res.Target, err))
		}
		if len(offer.Versions) > 0 {
			res.Addresses = []tls.Offered{offer}
		} else if err != nil {
			res.Failure = enumerate.FailureOf(err)
		}
		res.assess(t.day, t.norms)
		all = append(all, res)
	}
	return all, errors.Join(errs...)
}

func (t *turnRun) print(r turnResult) error {
	if !t.flags.asJSON {
		err := report.TURN(t.env.stdout, r.Facts, r.Findings, t.flags.lang)
		for _, o := range r.TLS {
			report.TLS(t.env.stdout, o.Target, o.Addresses, o.Assessments, o.Differences, t.flags.lang)
		}
		return err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = t.env.stdout.Write(append(line, '\n'))
	return err
}

// put stores a transcript as evidence.
func (t *turnRun) put(name string, transcript turn.Transcript) error {
	if t.store == nil {
		return nil
	}
	w, err := t.store.writer.Evidence(name)
	if err != nil {
		return err
	}
	return errors.Join(turn.WriteTranscript(w, transcript), w.Close())
}
