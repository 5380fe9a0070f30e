package browser

import (
	"slices"
	"strings"
)

// quiet keeps the browser from traffic of its own, so that what remains in
// the NetLog belongs to the page. Measured on Chromium 156: with these flags
// a blank page contacts nothing but 127.0.0.1:9, which is where the account
// and the component services are pointed.
var quiet = []string{
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-default-apps",
	"--disable-sync",
	"--disable-breakpad",
	"--disable-crash-reporter",
	"--no-first-run",
	"--no-default-browser-check",
	"--no-pings",
	"--component-updater=url-source=http://127.0.0.1:9/u",
	"--gaia-url=http://127.0.0.1:9",
	"--gcm-checkin-url=http://127.0.0.1:9/c",
}

// awake keeps tabs running at full speed that are not in front:
// chrome://webrtc-internals, and the meeting behind a popup.
var awake = []string{
	"--disable-background-timer-throttling",
	"--disable-backgrounding-occluded-windows",
	"--disable-renderer-backgrounding",
}

// disabled are features that are switched off: those that call home, the
// translation bubble, and the separate process of sandboxed frames, in which
// the hook would come too late.
var disabled = []string{"NetworkTimeServiceQuerying", "OptimizationHints", "OptimizationGuideModelDownloading",
	"MediaRouter", "Translate", "AutofillServerCommunication", "IsolateSandboxedIframes"}

// flags is the whole command line behind the executable. The meeting link is
// never on it.
func flags(c Config, data, netlog string, sandbox bool) []string {
	args := append([]string{
		"--headless=new",
		"--disable-gpu",
		"--mute-audio",
		"--window-size=1280,800",
		"--user-data-dir=" + data,
		"--remote-debugging-pipe",
		"--use-fake-device-for-media-stream",
		"--log-net-log=" + netlog,
		"--net-log-capture-mode=Everything",
		"--password-store=basic",
	}, slices.Concat(quiet, awake)...)
	off := disabled
	if c.Loopback {
		args = append(args, "--allow-loopback-in-peer-connection")
		off = append(off[:len(off):len(off)], "LocalNetworkAccessChecks")
	}
	args = append(args, "--disable-features="+strings.Join(off, ","))
	if c.Lang != "" {
		args = append(args, "--lang="+c.Lang, "--accept-lang="+c.Lang)
	}
	if len(c.Resolve) > 0 {
		args = append(args, "--host-resolver-rules="+strings.Join(c.Resolve, ", "))
	}
	if len(c.TrustSPKI) > 0 {
		args = append(args, "--ignore-certificate-errors-spki-list="+strings.Join(c.TrustSPKI, ","))
	}
	if !sandbox {
		args = append(args, "--no-sandbox")
	}
	return append(args, "about:blank")
}
