package filter

import (
	"bytes"
	"compress/gzip"
	"io"
	"syscall"
	"testing"
)

// ordinary are URLs as a meeting's pages ask for them, with some trackers.
var ordinary = []string{
	"https://meet.example.org/ meet.example.org document",
	"https://meet.example.org/libs/app.bundle.min.js?v=7234.1 meet.example.org script",
	"https://meet.example.org/libs/lib-jitsi-meet.min.js?v=7234.1 meet.example.org script",
	"https://meet.example.org/css/all.css?v=7234.1 meet.example.org stylesheet",
	"https://meet.example.org/static/close.html meet.example.org xhr",
	"https://meet.example.org/http-bind?room=standup meet.example.org xhr post",
	"wss://meet.example.org/xmpp-websocket?room=standup meet.example.org websocket",
	"https://meet.example.org/conference-request/v1 meet.example.org xhr post",
	"https://meet.example.org/sounds/outgoingRinging.mp3 meet.example.org media",
	"https://meet.example.org/images/watermark.svg meet.example.org image",
	"https://www.google-analytics.com/g/collect?v=2&tid=G-1&gtm=45je4&_p=1700000000&cid=1.2&ul=de&sr=1920x1080&dl=https%3A%2F%2Fmeet.example.org%2F meet.example.org ping",
	"https://api2.amplitude.com/2/httpapi meet.example.org xhr post",
	"https://static.hotjar.com/c/hotjar-1234567.js?sv=6 meet.example.org script",
	"https://o123.ingest.sentry.io/api/456/envelope/?sentry_key=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&sentry_version=7 meet.example.org xhr post",
	"https://fonts.googleapis.com/css2?family=Roboto:wght@400;700&display=swap meet.example.org stylesheet",
	"https://fonts.gstatic.com/s/roboto/v30/KFOmCnqEu92Fr1Mu4mxK.woff2 meet.example.org font",
	"https://cdn.jsdelivr.net/npm/vue@3.4.21/dist/vue.global.prod.js meet.example.org script",
	"https://teams.microsoft.com/v2/worker/precompiled-web-worker-6c1f0b5b8d.js teams.microsoft.com worker",
	"https://eu-teams.events.data.microsoft.com/OneCollector/1.0/?cors=true&content-type=application/x-json-stream&client-id=NO_AUTH&client-version=1DS-Web-JS-3.2.13 teams.microsoft.com xhr post",
	"https://us04web.zoom.us/wc/12345678901/join?from=pwa&fromPWA=1&_x_zm_rtaid=AAAAAAAAAAAAAAAAAA.1700000000000.00000000000000000000000000000000&_x_zm_rhtaid=123 zoom.us document",
	"https://st1.zoom.us/static/6.3.18000/js/lib/vendors/libwebp_internal_worker.min.js?ts=1700000000000 zoom.us script",
	"https://log-gateway.zoom.us/nws/join/logger/wclogs?data=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0 zoom.us xhr post",
}

// BenchmarkMatch includes the preparation of the request. The bar is 2 µs.
func BenchmarkMatch(b *testing.B) {
	l, err := EasyPrivacy()
	if err != nil {
		b.Fatal(err)
	}
	type input struct {
		link, document string
		t              Type
	}
	var all []input
	for _, s := range ordinary {
		r, _ := request(b, s)
		all = append(all, input{r.url, r.document, r.Type})
	}
	b.ReportAllocs()
	defer processorTime(b)()
	hits := 0
	for i := 0; b.Loop(); i++ {
		in := all[i%len(all)]
		r, _ := NewRequest(in.link, in.document, in.t)
		if l.Match(r).Listed() {
			hits++
		}
	}
	if hits == 0 {
		b.Fatal("nothing is listed")
	}
}

// BenchmarkLoad is what the first use of the list costs. The bar is 60 ms.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	defer processorTime(b)()
	for b.Loop() {
		z, err := gzip.NewReader(bytes.NewReader(easyPrivacy))
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Parse("EasyPrivacy", text); err != nil {
			b.Fatal(err)
		}
	}
}

// processorTime reports the time that the process had a processor, which the
// machine's other work does not lengthen as much.
func processorTime(b *testing.B) (end func()) {
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	start := used()
	return func() { b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op") }
}
