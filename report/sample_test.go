package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"testing"
	"testing/fstest"
	"time"

	"vksprobe/probe"
	"vksprobe/report"
	"vksprobe/tls"
	"vksprobe/tracking"
	"vksprobe/webrtc"
)

// hostile is what a page that knows of us would call itself.
const hostile = "<script>alert(1)</script>\u202egnp.exe\"'><img src=x onerror=alert(2)>{{.}}\x1b[31m"

var began = time.Date(2026, 11, 23, 8, 4, 16, 0, time.UTC)

// sample is a report with every verdict, several hosts, two participants and
// pictures, and the files that it cites.
func sample(t *testing.T) (*report.Report, fstest.MapFS) {
	t.Helper()
	files := fstest.MapFS{
		"evidence/timeline.jsonl":       {Data: []byte("{}\n")},
		"evidence/target.json":          {Data: []byte("{}\n")},
		"evidence/p1/netlog.json":       {Data: bytes.Repeat([]byte("n"), 2_345_678)},
		"evidence/p1/hook.jsonl":        {Data: []byte("h\n")},
		"evidence/p2/netlog.json":       {Data: []byte("n2\n")},
		"evidence/p2/internals.jsonl":   {Data: []byte("i\n")},
		"evidence/p1/page/bad.png":      {Data: []byte("no picture")},
		"evidence/p1/browser.log":       {Data: []byte("l\n")},
		"evidence/p1/odd name & co.txt": {Data: []byte("o\n")},
	}
	for _, name := range []string{"p1/page/01-landing.png", "p1/page/02-prejoin.png", "p1/page/03-in_meeting.png", "p2/page/01-landing.png", "p2/page/02-in_meeting.png"} {
		files["evidence/"+name] = &fstest.MapFile{Data: picture(t, len(name)+int(name[9])*3-100)}
	}
	var list []report.File
	digests := map[string]string{}
	for path, f := range files {
		sum := sha256.Sum256(f.Data)
		digests[path] = hex.EncodeToString(sum[:])
		list = append(list, report.File{Path: path, SHA256: digests[path], Bytes: int64(len(f.Data))})
	}
	at := func(path, where string) probe.Evidence {
		return probe.Evidence{Path: "evidence/" + path, SHA256: digests["evidence/"+path], At: where}
	}
	var all []probe.Observation
	count := map[string]int{}
	add := func(o probe.Observation) string {
		name := o.Kind[:len(o.Kind)-len("/v1")]
		count[name]++
		o.ID = fmt.Sprintf("%s-%d", name, count[name])
		all = append(all, o)
		return o.ID
	}
	after := func(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }

	add(probe.TargetFact.New("target", probe.Preflight, began, probe.PublicTarget{
		Link: "https://meet.example.org/[link]", Host: "meet.example.org", System: "jitsi", Own: []string{"cdn-example.net"}}, at("target.json", "")))
	walks := map[int][]probe.Span{1: {
		{Phase: probe.Landing, Start: after(2), End: after(7.4), Complete: true},
		{Phase: probe.Prejoin, Start: after(7.4), End: after(13), Complete: true},
		{Phase: probe.Joining, Start: after(13), End: after(15.2), Complete: true},
		{Phase: probe.InMeeting, Start: after(15.2), End: after(31), Complete: true},
		{Phase: probe.Left, Start: after(31), End: after(34.1), Complete: true},
	}, 2: {
		{Phase: probe.Landing, Start: after(2.2), End: after(7.9), Complete: true},
		{Phase: probe.Prejoin, Start: after(7.9), End: after(14), Complete: true},
		{Phase: probe.InMeeting, Start: after(14), End: after(22), Complete: false},
	}}
	for n := 1; n <= 2; n++ {
		for _, s := range walks[n] {
			s.Participant = n
			add(probe.PhaseSpan.New(fmt.Sprintf("participant:%d/%s", n, s.Phase), s.Phase, s.Start, s, at("timeline.jsonl", "line=2")))
		}
	}
	crash := probe.WalkEnd.New("participant:2", probe.InMeeting, after(22), probe.Walk{Participant: 2, Reached: probe.InMeeting}, at("timeline.jsonl", "line=19"))
	crash.Failure = probe.BrowserCrashed
	add(crash)

	contact := func(host string, party tracking.Party, phase probe.Phase, sec float64, transports, mechanisms []string, requests int, sent, received int64) string {
		return add(tracking.Contact.New("host:"+host, phase, after(sec), tracking.HostContact{Participant: 1 + requests%2, Host: host, Party: party,
			Ports: []int{443}, Addresses: []string{"192.0.2.7"}, Transports: transports, Mechanisms: mechanisms, Requests: requests, Sent: sent, Received: received,
			First: after(sec), Last: after(sec + 3), Connected: requests != 3, Sources: []string{"netlog", "cdp"}}, at("p1/netlog.json", fmt.Sprintf("event=%d byte=%d", int(sec*100), int(sec*9000)))))
	}
	own := contact("meet.example.org", tracking.First, probe.Landing, 2.1, []string{"dns", "tcp", "tls"}, []string{"document", "script", "fetch"}, 42, 81_220, 4_512_000)
	contact("meet.example.org", tracking.First, probe.InMeeting, 15.4, []string{"tls", "quic"}, []string{"websocket", "fetch"}, 12, 44_100, 90_233)
	contact("cdn-example.net", tracking.First, probe.Landing, 2.6, []string{"dns", "quic"}, []string{"script", "font"}, 9, 5_100, 2_212_000)
	third := contact("stats.tracker.example", tracking.Third, probe.Landing, 3.0, []string{"dns", "tcp", "tls"}, []string{"script", "ping"}, 4, 3_120, 51_200)
	contact("stats.tracker.example", tracking.Third, probe.Prejoin, 9.0, []string{"tls"}, []string{"ping"}, 6, 9_120, 1_200)
	turn := contact("turn.example.org", tracking.First, probe.InMeeting, 16.0, []string{"dns", "udp", "stun", "turn"}, []string{"ice_server"}, 0, 1_450_221, 2_850_442)
	contact("legacy.example.com", tracking.Third, probe.InMeeting, 17.0, []string{"dns", "tcp", "tls"}, []string{"fetch"}, 2, 740, 1_200)
	contact("update.browser.example", tracking.OwnBrowser, probe.Landing, 2.2, []string{"dns", "tcp"}, []string{"preconnect"}, 3, 0, 0)
	evil := contact(hostile, tracking.Third, probe.Landing, 4.0, []string{"dns"}, []string{hostile}, 1, 55, 66)
	shake := func(host, version, suite, group string, sec float64, transport string) string {
		return add(tls.Handshake.New("host:"+host+":443", probe.Landing, after(sec), tls.Negotiated{Participant: 1, Host: host, Address: "192.0.2.7:443",
			Transport: transport, Version: version, CipherSuite: suite, Group: group, ALPN: "h2"}, at("p1/netlog.json", "event=812 byte=1048576")))
	}
	shake("meet.example.org", "TLS 1.3", "TLS_AES_128_GCM_SHA256", "X25519MLKEM768", 2.15, "tcp")
	good := shake("cdn-example.net", "TLS 1.3", "TLS_AES_256_GCM_SHA384", "x25519", 2.7, "quic")
	shake("stats.tracker.example", "TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "secp256r1", 3.1, "tcp")
	old := shake("legacy.example.com", "TLS 1.2", "TLS_RSA_WITH_AES_128_CBC_SHA", "", 17.1, "tcp")
	leak := add(tracking.Leak.New("host:stats.tracker.example", probe.Prejoin, after(9.1), tracking.Leaked{Participant: 1, Host: "stats.tracker.example",
		Party: tracking.Third, What: "room", Where: "referer", Form: "plain", URL: "https://stats.tracker.example/b?u=[room]"}, at("p1/netlog.json", "event=1441")))
	peer := add(webrtc.Connection.New("connection:1/1", probe.InMeeting, after(15.6), webrtc.Peer{Participant: 1, Number: 1, Frame: "https://meet.example.org/[room]",
		Script: "https://meet.example.org/libs/lib.min.js:2:118", Created: after(15.6), States: []string{"new", "connecting", "connected"},
		ICEServers:  []webrtc.ICEServer{{URL: "turns:turn.example.org:443?transport=tcp", Host: "turn.example.org", Credential: true, Source: "constructor"}, {URL: "stun:turn.example.org:3478", Host: "turn.example.org", Source: "constructor"}},
		Selected:    &webrtc.Pair{Local: webrtc.Candidate{Type: "relay", Protocol: "udp", Address: "192.0.2.9:49152", Relay: "udp"}, Remote: webrtc.Candidate{Type: "host", Protocol: "udp", Address: "192.0.2.10:10000"}},
		DTLSVersion: "DTLS 1.2", DTLSCipherSuite: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", DTLSRole: "client", DTLSState: "connected", SRTPProfile: "SRTP_AEAD_AES_128_GCM",
		PacketsSent: 1523, PacketsReceived: 12345, DataChannels: []string{"JVB data channel"}, Sources: []string{"internals", "hook", "packets"}}, at("p1/hook.jsonl", "line=88")))
	echo := add(webrtc.Connection.New("connection:1/2", probe.Prejoin, after(8.6), webrtc.Peer{Participant: 1, Number: 2, Frame: hostile, Created: after(8.6), Loopback: true, SDES: true,
		States: []string{"new"}, Sources: []string{"hook"}, Disagreements: []string{"srtp_profile: hook SRTP_AES128_CM_HMAC_SHA1_80, packets SRTP_AEAD_AES_128_GCM"}}, at("p1/hook.jsonl", "line=31")))
	device := func(n int, name string, phase probe.Phase, d webrtc.DeviceState) string {
		d.Participant, d.Device, d.Sources = n, name, []string{"hook", "packets"}
		return add(webrtc.Device.New(fmt.Sprintf("media:%d/%s", n, name), phase, after(20), d, at(fmt.Sprintf("p%d/netlog.json", n), "event=5")))
	}
	camera := device(1, "camera", probe.Prejoin, webrtc.DeviceState{State: webrtc.Preview, Requested: 1, Granted: 1, Live: true, Enabled: true})
	device(1, "camera", probe.Landing, webrtc.DeviceState{State: webrtc.Off})
	sending := device(1, "camera", probe.InMeeting, webrtc.DeviceState{State: webrtc.Transmitting, Live: true, Enabled: true, Attached: true, Packets: 1203, WirePackets: 1210})
	device(1, "microphone", probe.Landing, webrtc.DeviceState{State: webrtc.Off})
	device(1, "microphone", probe.Prejoin, webrtc.DeviceState{State: webrtc.Preview, Requested: 1, Granted: 1, ByUser: true})
	device(1, "microphone", probe.InMeeting, webrtc.DeviceState{State: webrtc.MutedTransmitting, Packets: 320})
	device(1, "microphone", probe.Left, webrtc.DeviceState{State: webrtc.Unclear, WirePackets: 12, Disagreements: []string{"packets: hook 0, packets 12"}})
	device(2, "microphone", probe.InMeeting, webrtc.DeviceState{State: webrtc.Transmitting, Packets: 401})
	stray := add(webrtc.Flow.New("flow:1/192.0.2.9:3478", probe.InMeeting, after(16), webrtc.Packets{Participant: 1, Remote: "192.0.2.9:3478", Sent: 12345},
		probe.Evidence{Path: "evidence/p1/netlog.json", SHA256: "00ff", At: "event=9"}, probe.Evidence{Path: "../../etc/passwd", SHA256: "11"}, probe.Evidence{Path: "javascript:alert(3)", SHA256: "22"}, at("p1/odd name & co.txt", "line=1")))
	for i := range 150 {
		add(probe.Kind[string]{Name: "lab.noise/v1"}.New(fmt.Sprintf("noise:%d", i), probe.InMeeting, after(18), hostile))
	}

	for _, o := range observed() {
		add(o)
	}

	text := func(de, en string) probe.Text { return probe.Text{DE: de, EN: en} }
	check := func(*probe.Case) []probe.Finding { return nil }
	rule := func(id string, s probe.Severity, title, why, remedy probe.Text, src ...probe.Source) *probe.Rule {
		return &probe.Rule{ID: id, Title: title, Why: why, Remedy: remedy, Severity: s, Sources: src, Criteria: []string{"TECH-04"}, Needs: []string{"tls.handshake/v1"}, Check: check}
	}
	bsi := probe.Source{Doc: "BSI TR-02102-2", Edition: "2026-01", Section: "3.3.1", Quote: "Die Verwendung von Cipher-Suiten ohne Perfect Forward Secrecy wird nicht empfohlen.", URL: "https://www.bsi.bund.de/TR-02102-2"}
	rfc := probe.Source{Doc: "RFC 8827", Edition: "January 2021", Section: "6.5", Quote: "All data channels MUST be secured via DTLS.", URL: "https://www.rfc-editor.org/rfc/rfc8827"}
	guide := probe.Source{Doc: "LfDI BW, Handreichung Videokonferenzsysteme", Edition: "2021-08", Section: "2.1", Quote: "Eine Übermittlung an Dritte ist zu unterlassen."}
	rules := []*probe.Rule{
		rule("media.camera-prejoin", probe.Medium, text("Die Kamera bleibt aus, bis der Nutzer sie einschaltet", "The camera stays off until the user switches it on"),
			text("Wer beitritt, soll selbst bestimmen, ab wann er zu sehen ist.", "People who join should decide for themselves from when on they can be seen."),
			text("Die Kamera im Vorraum erst nach einer Schaltfläche öffnen.", "Open the camera on the prejoin page only after a button was pressed."), guide),
		rule("tls.forward-secrecy", probe.High, text("Jede TLS-Verbindung hat Forward Secrecy", "Every TLS connection has forward secrecy"),
			text("Ohne Forward Secrecy lassen sich aufgezeichnete Verbindungen nachträglich entschlüsseln, sobald der Schlüssel des Servers bekannt wird.", "Without forward secrecy recorded connections can be decrypted later, once the key of the server becomes known."),
			text("Cipher-Suiten mit ECDHE anbieten und statischen RSA-Schlüsseltausch abschalten.", "Offer cipher suites with ECDHE and switch off static RSA key exchange."), bsi),
		rule("tracking.no-leak", probe.High, text("Der Raumname wird Dritten nicht mitgeteilt", "The room name is not told to third parties"),
			text("Wer den Raumnamen kennt, kann in vielen Systemen der Konferenz beitreten.", "In many systems whoever knows the room name can join the meeting."),
			text("Referrer-Policy: no-referrer setzen.", "Set Referrer-Policy: no-referrer."), guide),
		rule("tracking.third-party", probe.Medium, text("Vor dem Beitritt werden keine Dritten kontaktiert", "No third parties are contacted before joining"),
			text("Schon die IP-Adresse verrät, wer an welcher Konferenz teilnimmt.", "The IP address alone reveals who attends which meeting."),
			text("Einbindungen Dritter entfernen oder selbst ausliefern.", "Remove what third parties serve or serve it yourself."), guide),
		rule("webrtc.dtls", probe.High, text("Medien laufen über DTLS-SRTP", "Media runs over DTLS-SRTP"),
			text("Nur so sind Ton und Bild auf dem Weg zum Server verschlüsselt.", "Only this way are sound and pictures encrypted on the way to the server."),
			text("SDES abschalten.", "Switch SDES off."), rfc, bsi),
		rule("webrtc.unused", probe.Low, text("Bildschirmfreigabe nur auf Wunsch", "Screen sharing only on request"), text("Der Bildschirm zeigt Vertrauliches.", "Screens show confidential things."), text("Nichts zu tun.", "Nothing to do."), guide),
	}
	by := map[string]*probe.Rule{}
	for _, r := range rules {
		by[r.ID] = r
	}
	finding := func(id, subject string, v probe.Verdict, detail probe.Text, observations ...string) probe.Finding {
		f := probe.Finding{Rule: id, Subject: subject, Verdict: v, Severity: by[id].Severity, Title: by[id].Title, Detail: detail, Observations: observations}
		if v == probe.Fail || v == probe.Review {
			f.Remedy = &by[id].Remedy
		}
		return f
	}
	findings := []probe.Finding{
		finding("media.camera-prejoin", "media:1/camera", probe.Fail, text("Die Kamera wurde vor dem Beitritt ohne Zutun geöffnet; gesendet wurde nichts.", "The camera was opened before joining without being asked; nothing was sent."), camera, sending),
		finding("tls.forward-secrecy", "host:legacy.example.com:443", probe.Fail, text("TLS_RSA_WITH_AES_128_CBC_SHA wurde ausgehandelt.", "TLS_RSA_WITH_AES_128_CBC_SHA was negotiated."), old),
		finding("tls.forward-secrecy", "host:cdn-example.net:443", probe.Pass, text("TLS 1.3 mit x25519.", "TLS 1.3 with x25519."), good),
		finding("tracking.no-leak", "host:stats.tracker.example", probe.Fail, text("Der Raumname stand im Referer einer Anfrage.", "The room name was in the referer of a request."), leak, third),
		finding("tracking.third-party", "host:stats.tracker.example", probe.Review, text("Auf der Startseite kontaktiert; ob eine Einwilligung vorliegt, ist zu klären.", "Contacted on the landing page; whether there is consent has to be found out."), third),
		finding("tracking.third-party", "host:"+hostile, probe.Review, text("Kontaktiert: "+hostile, "Contacted: "+hostile), evil, own, turn, stray, echo, peer, camera, sending),
		finding("webrtc.dtls", "connection:1/1", probe.Pass, text("DTLS 1.2, SRTP_AEAD_AES_128_GCM.", "DTLS 1.2, SRTP_AEAD_AES_128_GCM."), peer),
		finding("webrtc.dtls", "connection:2/1", probe.Unknown, text("Nicht gemessen: webrtc.connection/v1 (browser_crashed).", "Not measured: webrtc.connection/v1 (browser_crashed).")),
		finding("webrtc.unused", "scan", probe.NotApplicable, text("Nichts beobachtet, worauf die Regel anzuwenden wäre.", "Nothing was observed to which the rule applies.")),
	}
	for i := range 60 {
		findings = append(findings, finding("tls.forward-secrecy", fmt.Sprintf("host:h%02d.example:443", i), probe.Pass, text("TLS 1.3.", "TLS 1.3."), good))
	}
	run := probe.Run{Format: "vksprobe-scan/v1", ID: "5b1e77a0c3d94f12", Started: began, Ended: after(48.2), State: probe.Incomplete,
		Reasons: []probe.Reason{{Participant: 2, Phase: probe.InMeeting, Failure: probe.BrowserCrashed, Detail: "the renderer ended: " + hostile}},
		Program: probe.Program{Name: "vksprobe", Version: "0.1.0", Commit: "6417a6d", Go: "go1.26.0"}, Command: []string{"vksprobe", "scan", "https://meet.example.org/[link]"},
		Participants: 2, Dwell: map[probe.Phase]float64{probe.Landing: 5, probe.Prejoin: 5, probe.InMeeting: 15, probe.Left: 3},
		Vantage: probe.Vantage{OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0", Arch: "amd64", TimeZone: "CET", Network: "Büroanschluss Stuttgart"},
		Clock:   probe.Clock{WallSeconds: 48.2, MonotonicSeconds: 48.2, Synchronised: true}, Judged: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		Editions: []string{"BSI TR-02102-2 (2026-01)", "LfDI BW, Handreichung Videokonferenzsysteme (2021-08)", "RFC 8827 (January 2021)"}, Usage: probe.Usage{CPUSeconds: 71.5, PeakBytes: 812_000_000}}
	for n := 1; n <= 2; n++ {
		run.Browsers = append(run.Browsers, probe.BrowserRun{Participant: n, Version: "Chromium 156.0.8078.79", CommandLine: []string{"/usr/bin/chromium", "--headless=new", "--log-net-log=…"},
			User: "uid 61184", Sandbox: "on", Locale: "de-DE", Usage: probe.Usage{CPUSeconds: 30.2, PeakBytes: 390_000_000}})
	}
	return report.New(run, rules, all, findings, list), files
}

func picture(t *testing.T, seed int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 640, 360))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{uint8(40 + seed*3), 70, 110, 255}), image.Point{}, draw.Src)
	for i := range 3 {
		draw.Draw(img, image.Rect(40+i*200, 80, 200+i*200, 260), image.NewUniform(color.RGBA{200, uint8(seed * 5), uint8(90 + i*40), 255}), image.Point{}, draw.Src)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
