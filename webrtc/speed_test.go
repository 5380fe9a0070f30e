package webrtc

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/stun/v4"

	"vksprobe/probe"
)

// conference writes the NetLog of a call of the given length: one picture and
// one sound each way at together 1 Mbit/s, ICE checks, RTCP, a handshake and
// the noise of a page.
func conference(w io.Writer, length time.Duration) error {
	out := bufio.NewWriterSize(w, 1<<20)
	fmt.Fprint(out, `{"constants":{"logEventPhase":{"PHASE_NONE":0,"PHASE_BEGIN":1,"PHASE_END":2},"logEventTypes":{"SOCKET_ALIVE":1,"UDP_BYTES_SENT":2,"UDP_BYTES_RECEIVED":3,"UDP_LOCAL_ADDRESS":4,"URL_REQUEST_JOB_BYTES_READ":5},`+
		`"logSourceType":{"UDP_SOCKET":7,"URL_REQUEST":8},"timeTickOffset":1795420800000,"logCaptureMode":"Everything","clientInfo":{"name":"Chromium","version":"156","command_line":""}},`+"\n\"events\": [\n")
	fmt.Fprint(out, `{"phase":1,"source":{"id":9,"start_time":"1","type":7},"time":"1","type":1},`+"\n")
	fmt.Fprint(out, `{"params":{"address":"192.0.2.1:50000"},"phase":0,"source":{"id":9,"start_time":"1","type":7},"time":"1","type":4},`+"\n")
	var coded []byte
	datagram := func(at time.Duration, sent bool, b []byte) {
		typ := 3
		if sent {
			typ = 2
		}
		coded = base64.StdEncoding.AppendEncode(coded[:0], b)
		fmt.Fprintf(out, `{"params":{"address":"198.51.100.7:10000","byte_count":%d,"bytes":"%s"},"phase":0,"source":{"id":9,"start_time":"1","type":7},"time":"%d","type":%d},`+"\n", len(b), coded, at.Milliseconds()+2, typ)
	}
	media := func(ssrc uint32, pt uint8, n uint16, clock uint32, size int, mark bool) []byte {
		h := rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: n, Timestamp: clock, SSRC: ssrc, Marker: mark}
		h.SetExtension(1, []byte{40})
		h.SetExtension(3, []byte{byte(n >> 8), byte(n)})
		b, err := (&rtp.Packet{Header: h, Payload: make([]byte, size)}).Marshal()
		if err != nil {
			panic(err)
		}
		for i := 24; i < len(b); i++ {
			b[i] = byte(i * int(n))
		}
		return b
	}
	datagram(0, true, stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("far:near")).Raw)
	datagram(0, true, clientHello())
	var n uint16
	for at := time.Duration(0); at < length; at += 20 * time.Millisecond {
		n++
		for _, sent := range []bool{true, false} {
			datagram(at, sent, media(1, 111, n, uint32(n)*960, 90, false))
			if n%2 == 0 { // 25 pictures a second, two packets each
				datagram(at, sent, media(2, 96, n, uint32(n)*1800, 1150, false))
				datagram(at, sent, media(2, 96, n+1, uint32(n)*1800, 1150, true))
			}
			if n%50 == 0 {
				datagram(at, sent, append([]byte{0x80, 200, 0, 6, 0, 0, 0, 1}, make([]byte, 34)...))
				datagram(at, sent, stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("far:near")).Raw)
			}
		}
		fmt.Fprintf(out, `{"params":{"byte_count":500,"bytes":"%0600d"},"phase":0,"source":{"id":12,"start_time":"1","type":8},"time":"%d","type":5},`+"\n", n, at.Milliseconds()+2)
	}
	fmt.Fprint(out, `{"phase":2,"source":{"id":9,"start_time":"1","type":7},"time":"700000","type":1}],`+"\n\"polledData\": []\n}\n")
	return out.Flush()
}

// BenchmarkDossier makes a dossier of ten minutes of a call at 1 Mbit/s on one
// core. It states megabytes per second of log, and the most memory in use.
func BenchmarkDossier(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	dir := b.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "p1"), 0o755); err != nil {
		b.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "p1", "netlog.json"))
	if err != nil {
		b.Fatal(err)
	}
	if err := conference(f, 10*time.Minute); err != nil {
		b.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	f.Close()
	rec := &probe.Record{Files: &watched{FS: os.DirFS(dir)}}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	for b.Loop() {
		all, err := probe.Observe(context.Background(), rec, Observer)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range Flow.In(probe.NewFacts(all)) {
			if f.RTPSent != 60_000 || f.RTPReceived != 60_000 {
				b.Fatalf("%d packets were sent, %d received", f.RTPSent, f.RTPReceived)
			}
		}
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB-log")
	b.ReportMetric(float64(rec.Files.(*watched).heap)/1e6, "MB-heap")
}

// A watched file system looks at the heap now and then while it is read.
type watched struct {
	fs.FS
	heap uint64
}

func (w *watched) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return &watchedFile{File: f, w: w}, nil
}

type watchedFile struct {
	fs.File
	w *watched
	n int
}

func (f *watchedFile) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	if f.n += n; f.n > 8<<20 || err != nil {
		f.n = 0
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		f.w.heap = max(f.w.heap, m.HeapAlloc)
	}
	return n, err
}

func (f *watchedFile) ReadDir(n int) ([]fs.DirEntry, error) {
	return f.File.(fs.ReadDirFile).ReadDir(n)
}
