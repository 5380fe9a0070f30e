package enumerate

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"

	"vksprobe/tls/hello"
	"vksprobe/tls/hello/iana"
)

// The features of an Offer: what a server agrees to beside versions, suites
// and groups. Those of TLS 1.2 and below are not reported for a server that
// has only TLS 1.3.
const (
	SecureRenegotiation  = "secure_renegotiation"   // RFC 5746
	ClientRenegotiation  = "client_renegotiation"   // a second handshake that the client asks for
	ExtendedMasterSecret = "extended_master_secret" // RFC 7627
	EncryptThenMAC       = "encrypt_then_mac"       // RFC 7366, with a CBC suite
	SessionTickets       = "session_tickets"        // RFC 5077
	SessionIDs           = "session_ids"            // hands out session ids
	IDResumption         = "session_id_resumption"  // and resumes by them
	TicketResumption     = "session_ticket_resumption"
	PSKResumption        = "psk_resumption"                // TLS 1.3
	PSKOnly              = "psk_ke"                        // TLS 1.3 resumption without a key exchange
	EarlyData            = "early_data"                    // 0-RTT
	Heartbeats           = "heartbeat"                     // RFC 6520
	Compression          = "compression"                   // of records
	TruncatedHMAC        = "truncated_hmac"                // RFC 6066
	OCSPStapling         = "ocsp_stapling"                 // RFC 6066
	Timestamps           = "signed_certificate_timestamps" // RFC 6962, by the TLS extension
	NextProtocol         = "next_protocol_negotiation"
	FallbackSCSV         = "fallback_scsv"          // RFC 7507
	ECH                  = "encrypted_client_hello" // RFC 9849
	DowngradeSentinel    = "downgrade_sentinel"     // RFC 8446 section 4.1.3
	TicketKeyReuse       = "ticket_key_reuse"       // tickets of two connections name the same key
	RecordSplitting      = "record_splitting"       // TLS 1.0 with CBC: against BEAST
	EphemeralReuse       = "ephemeral_key_reuse"    // the same public key on two connections
	ClientCertificate    = "client_certificate_requested"
	CompressedChain      = "certificate_compression" // RFC 8879, with zlib
	GREASETolerance      = "grease_tolerance"        // RFC 8701
	LargeTolerance       = "large_hello_tolerance"
	VersionTolerance     = "version_tolerance" // takes a hello that also offers a version it does not know
	ExtensionTolerance   = "unknown_extension_tolerance"
	MiddleTolerance      = "hello_256_tolerance"   // of 256 to 511 bytes
	SuitesTolerance      = "many_suites_tolerance" // more than 128
	UseSRTP              = "use_srtp"              // RFC 5764
	DTLSCookie           = "dtls_cookie"           // sends a HelloVerifyRequest first
	NameNeeded           = "server_name_needed"
)

// The flaws of an Offer. Those that follow from what is offered say only
// that.
const (
	Heartbleed   = "heartbleed"    // CVE-2014-0160
	EarlyCCS     = "ccs_injection" // CVE-2014-0224
	Ticketbleed  = "ticketbleed"   // CVE-2016-9244
	ROBOT        = "robot"         // CVE-2017-13099 and others
	DROWN        = "drown"         // SSL 2.0 (CVE-2016-0800)
	LOGJAM       = "logjam"        // DHE of export strength or at most 1024 bits (CVE-2015-4000)
	FREAK        = "freak"         // RSA of export strength (CVE-2015-0204)
	SWEET32      = "sweet32"       // blocks of 64 bits (CVE-2016-2183)
	POODLE       = "poodle"        // SSL 3.0 with CBC (CVE-2014-3566)
	BEAST        = "beast"         // TLS 1.0 or SSL 3.0 with CBC (CVE-2011-3389)
	RC4          = "rc4"           // RFC 7465
	CRIME        = "crime"         // compression (CVE-2012-4929)
	Anonymous    = "anonymous"     // suites without a certificate
	NullCipher   = "null_cipher"   // suites without encryption
	ExportCipher = "export_cipher" // suites that were weakened for export
	UnsafePrime  = "unsafe_prime"  // DHE modulo a number that is no safe prime
)

// learn keeps an answer; a yes is not taken back.
func learn(states map[string]State, name string, yes bool) {
	if yes {
		states[name] = Yes
	} else if states[name] != Yes {
		states[name] = No
	}
}

// feature takes from an exchange what it shows beside the choice of suite and
// group.
func (d *derivation) feature(e *Exchange, f *hello.Flight, v verdict) {
	c, h := f.ClientHello, f.Chosen()
	switch e.Question {
	case AskSession:
		if e.Detail == detailSplit {
			d.split(f)
		}
	case AskFallback:
		if v == refused && f.Alert != nil && f.Alert.Description == alertInappropriateFallback {
			learn(d.features, FallbackSCSV, true)
		} else if v == granted {
			learn(d.features, FallbackSCSV, false)
		}
	case AskTolerance:
		if v != unsure {
			name := map[string]string{"grease": GREASETolerance, "large": LargeTolerance, "versions": VersionTolerance,
				"extension": ExtensionTolerance, "middle": MiddleTolerance, "suites": SuitesTolerance}[e.Detail]
			if name != "" {
				learn(d.features, name, v == granted)
			}
		}
	}
	if e.Transport == UDP && v == granted {
		learn(d.features, DTLSCookie, slices.ContainsFunc(e.Chunks, isVerifyRequest))
	}
	if v != granted || h == nil || f.ServerHello == nil {
		return
	}
	offered := func(typ uint16) bool { _, ok := c.Extension(typ); return ok }
	has := func(typ uint16) bool { _, ok := f.Extension(typ); return ok }
	if f.Version() == hello.TLS13 {
		if f.Done && e.Question == AskSession {
			learn(d.features, EarlyData, slices.ContainsFunc(f.Tickets, func(t hello.Ticket) bool { return t.MaxEarlyData > 0 }))
		}
		if f.Decrypted {
			if offered(hello.ExtHeartbeat) {
				learn(d.features, Heartbeats, has(hello.ExtHeartbeat))
			}
			if offered(hello.ExtECH) {
				learn(d.features, ECH, has(hello.ExtECH))
			}
			stapled := slices.ContainsFunc(f.Certificates, func(c hello.Entry) bool { return len(c.OCSP) > 0 })
			if len(f.Certificates) > 0 {
				learn(d.features, OCSPStapling, stapled)
				learn(d.features, Timestamps, slices.ContainsFunc(f.Certificates, func(c hello.Entry) bool { return len(c.SCTs) > 0 }))
				learn(d.features, ClientCertificate, f.Request != nil)
			}
			if offered(hello.ExtCompressCertificate) {
				learn(d.features, CompressedChain, f.Compressed != 0)
			}
		}
	} else {
		d.classicFeatures(f, offered, has)
	}
	if f.Request != nil && d.client == nil {
		d.client = &ClientRequest{SignatureSchemes: named(f.Request.SignatureSchemes, iana.SignatureSchemeName), Authorities: f.Request.Authorities}
	}
	for _, t := range f.Tickets {
		ticket := Ticket{Version: hello.VersionName(f.Version()), Lifetime: t.Lifetime, MaxEarlyData: t.MaxEarlyData}
		d.sameTicketKey(e.N, t)
		ticket.KeyName = hex.EncodeToString(t.KeyName())
		if len(d.tickets) < maxTickets {
			d.tickets = append(d.tickets, ticket)
		}
	}
	d.session(e, f)
}

// isVerifyRequest tells datagrams that want a cookie back.
func isVerifyRequest(c Chunk) bool {
	if c.Sent {
		return false
	}
	var d hello.Datagrams
	_, ok := hello.VerifyCookie(d.Read(c.Data))
	return ok
}

// maxTickets bounds the tickets that are kept.
const maxTickets = 16

// classicFeatures reads a ServerHello of TLS 1.2 and below and what follows
// it.
func (d *derivation) classicFeatures(f *hello.Flight, offered, has func(uint16) bool) {
	h := f.ServerHello
	for typ, name := range map[uint16]string{hello.ExtExtendedMasterSecret: ExtendedMasterSecret, hello.ExtSessionTicket: SessionTickets, hello.ExtHeartbeat: Heartbeats,
		hello.ExtTruncatedHMAC: TruncatedHMAC, hello.ExtNextProtocol: NextProtocol} {
		if offered(typ) {
			learn(d.features, name, has(typ))
		}
	}
	if offered(hello.ExtRenegotiationInfo) || slices.Contains(f.ClientHello.CipherSuites, hello.SCSVRenegotiation) {
		learn(d.features, SecureRenegotiation, has(hello.ExtRenegotiationInfo))
	}
	if suite, ok := iana.Suite(h.CipherSuite); ok && suite.Mode == iana.CBC && offered(hello.ExtEncryptThenMAC) {
		learn(d.features, EncryptThenMAC, has(hello.ExtEncryptThenMAC))
	}
	if offered(hello.ExtUseSRTP) {
		learn(d.features, UseSRTP, has(hello.ExtUseSRTP))
	}
	if slices.Contains(f.ClientHello.Compression, 1) {
		learn(d.features, Compression, h.Compression != 0)
	}
	if f.Done {
		learn(d.features, SessionIDs, f.Session == nil && len(h.SessionID) > 0 && !bytes.Equal(h.SessionID, f.ClientHello.SessionID))
		if offered(hello.ExtStatusRequest) {
			learn(d.features, OCSPStapling, len(f.OCSP) > 0)
		}
		if offered(hello.ExtSCT) {
			learn(d.features, Timestamps, has(hello.ExtSCT))
		}
		learn(d.features, ClientCertificate, f.Request != nil)
	}
	if e := f.Version(); e>>8 == 0xFE {
		return // no word on DTLS in RFC 8446
	}
	latest, ok := h.Downgrade()
	if d.sentinels == nil {
		d.sentinels = map[uint16]bool{}
	}
	d.sentinels[f.Version()] = ok && latest > f.Version()
}

// name notes what a server does without the name that it is asked for, or
// with another.
func (d *derivation) name(e *Exchange, f *hello.Flight, v verdict) {
	if d.names == nil {
		d.names = map[string]string{}
	}
	switch {
	case v == refused:
		d.names[e.Detail] = "refused"
	case v == granted && len(f.Certificates) > 0:
		d.names[e.Detail] = string(f.Certificates[0].DER)
	case v == granted && f.Done:
		d.names[e.Detail] = "" // with no certificate, such as PSK
	}
}

// session notes resumptions.
func (d *derivation) session(e *Exchange, f *hello.Flight) {
	if e.Question == AskRenegotiate {
		d.renegotiation(f)
	}
	if e.Question != AskResumption {
		return
	}
	_, psk := f.ServerHello.Extension(hello.ExtPreSharedKey)
	switch e.Detail {
	case "psk":
		learn(d.features, PSKResumption, psk)
	case "psk_ke":
		_, _, share := f.ServerHello.KeyShare()
		learn(d.features, PSKOnly, psk && !share)
	case "ticket":
		if f.Resumed || f.Done {
			learn(d.features, TicketResumption, f.Resumed)
		}
	case "id":
		if f.Resumed || f.Done {
			learn(d.features, IDResumption, f.Resumed)
		}
	}
}

// conclude adds what follows from the whole.
func (d *derivation) conclude(o *Offer) {
	reused := false
	for _, n := range d.publics {
		reused = reused || n > 1
	}
	if len(d.publics) > 0 {
		learn(d.features, EphemeralReuse, reused)
	}
	o.Names = Names{None: d.namedAs("none", o), Unknown: d.namedAs("unknown", o)}
	if o.Names.None != "unknown" {
		learn(d.features, NameNeeded, o.Names.None == "refused")
	}
	highest := 0
	for v, k := range d.versions {
		if k.granted {
			highest = max(highest, rank(v))
		}
	}
	for v, has := range d.sentinels {
		if rank(v) < highest { // else there is nothing to be downgraded from
			learn(d.features, DowngradeSentinel, has)
		}
	}
	modern := uint16(hello.TLS13)
	if d.transport == UDP {
		modern = hello.DTLS13
	}
	if d.transport.datagrams() {
		learn(d.flaws, DROWN, false) // SSL 2.0 needs a stream
	}
	if k := d.versions[modern]; k != nil && k.granted {
		learn(d.features, VersionTolerance, true)
	} else if k != nil && k.refused {
		for _, name := range []string{EarlyData, ECH, PSKResumption, PSKOnly, CompressedChain} {
			learn(d.features, name, false)
		}
	}
	classic := slices.ContainsFunc(o.Versions, func(v Version) bool { return v.Code != modern && v.Code != hello.SSL20 && v.State != No })
	if !classic {
		for _, name := range []string{EarlyCCS, Heartbleed, Ticketbleed, ROBOT} {
			learn(d.flaws, name, false)
		}
		for _, name := range []string{Compression, NextProtocol, TruncatedHMAC, ClientRenegotiation, SessionTickets, SessionIDs} {
			learn(d.features, name, false)
		}
	}
	if d.features[SessionTickets] == No {
		learn(d.features, TicketResumption, false)
		learn(d.flaws, Ticketbleed, false)
	}
	if d.features[SessionIDs] == No {
		learn(d.features, IDResumption, false)
	}
	have := func(v Version, match func(iana.CipherSuite) bool) bool {
		return slices.ContainsFunc(v.Suites, func(n Named) bool {
			s, ok := iana.Suite(n.Code)
			return ok && match(s)
		})
	}
	any := func(match func(iana.CipherSuite) bool) bool {
		return slices.ContainsFunc(o.Versions, func(v Version) bool { return have(v, match) })
	}
	cbc := func(s iana.CipherSuite) bool { return s.Mode == iana.CBC }
	var ssl3, tls10 Version
	for _, v := range o.Versions {
		switch v.Code {
		case hello.SSL30:
			ssl3 = v
		case hello.TLS10:
			tls10 = v
		}
	}
	short := func(p DHParameters) bool { return p.Bits <= 1024 }
	for name, yes := range map[string]bool{
		POODLE: have(ssl3, cbc), BEAST: have(ssl3, cbc) || have(tls10, cbc),
		RC4:          any(func(s iana.CipherSuite) bool { return s.Cipher == "RC4" }),
		SWEET32:      any(func(s iana.CipherSuite) bool { return s.Block == 64 }),
		Anonymous:    any(func(s iana.CipherSuite) bool { return s.Authentication == "anon" }),
		NullCipher:   any(func(s iana.CipherSuite) bool { return s.Cipher == "NULL" }),
		ExportCipher: any(func(s iana.CipherSuite) bool { return s.Export }),
		FREAK:        any(func(s iana.CipherSuite) bool { return s.Export && strings.HasPrefix(s.KeyExchange, "RSA") }),
		LOGJAM:       slices.ContainsFunc(o.DH, short) || any(func(s iana.CipherSuite) bool { return s.Export && strings.HasPrefix(s.KeyExchange, "DH") }),
		UnsafePrime:  slices.ContainsFunc(o.DH, func(p DHParameters) bool { return p.Safe == No }),
		CRIME:        d.features[Compression] == Yes,
	} {
		learn(d.flaws, name, yes)
	}
	if d.features[Heartbeats] == No {
		learn(d.flaws, Heartbleed, false)
	}
	d.robot()
	if classic && !any(func(s iana.CipherSuite) bool { return s.KeyExchange == "RSA" }) && !slices.ContainsFunc(o.Versions, func(v Version) bool { return len(v.SuitesUnknown) > 0 }) {
		learn(d.flaws, ROBOT, false)
	}
}

func (d *derivation) namedAs(detail string, o *Offer) string {
	got, ok := d.names[detail]
	switch {
	case !ok:
		return "unknown"
	case got == "refused":
		return "refused"
	case got == "":
		return "same"
	}
	for _, p := range d.chains {
		if slices.Contains(p.Names, "host") && string(p.DER[0]) == got {
			return "same"
		}
	}
	return "other"
}

// flaw judges an exchange that looked for a flaw.
func (d *derivation) flaw(e *Exchange, f *hello.Flight) {
	if strings.HasPrefix(e.Detail, ROBOT+"/") {
		d.readOracle(e, f)
		return
	}
	switch e.Detail {
	case DROWN:
		if f.SSL2 != nil {
			k := d.of(hello.SSL20)
			k.granted = true
			d.ssl2(f)
			d.flaws[DROWN] = Yes
		} else if e.Confirmed || judge(f) == refused {
			d.of(hello.SSL20).refused = true
			learn(d.flaws, DROWN, false)
		}
	case EarlyCCS:
		d.earlyCCS(f)
	case Heartbleed:
		d.heartbleed(f)
	case Ticketbleed:
		if f.ServerHello != nil {
			learn(d.flaws, Ticketbleed, len(f.Bleed()) > 0)
		}
	}
}
