package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"vksprobe/probe"
	"vksprobe/probe/scan"
	"vksprobe/probe/vks"
	"vksprobe/report"
	"vksprobe/report/bundle"
	"vksprobe/tls"
	"vksprobe/tracking"
	"vksprobe/webrtc"
	"vksprobe/webrtc/dtls"
	"vksprobe/webrtc/turn"
)

// What is linked in, and nowhere else: adapters in order of recognition,
// observers in order of running, and the sets of rules.
var (
	adapters  = []*vks.Adapter{vks.Jitsi, vks.BigBlueButton, vks.Janus, vks.Demo}
	fallback  = vks.Generic
	observers = []probe.Observer{tls.Observer, tls.Active, webrtc.Observer, dtls.Observer, turn.Observer, tracking.Observer, vks.Observer(adapters)}
	rules     = probe.Rules(&tls.Rules, &webrtc.Rules, &turn.Rules, &tracking.Rules, &vks.Rules)
)

// formats are written into every bundle.
var formats = []scan.Format{
	{File: "report.json", Write: func(w io.Writer, res *scan.Result, files []bundle.File) error {
		return report.JSON(w, newReport(res, files))
	}},
	{File: "report.html", Write: func(w io.Writer, res *scan.Result, files []bundle.File) error {
		return report.HTML(w, newReport(res, files), os.DirFS(filepath.Join(res.Dir, "data")))
	}},
}

func newReport(res *scan.Result, files []bundle.File) *report.Report {
	return report.New(res.Run, res.Rules, res.Observations, res.Findings, listed(files))
}

// listed turns the files of a bundle into those of a report: the raw ones,
// because the others are made from them.
func listed(files []bundle.File) []report.File {
	var out []report.File
	for _, f := range files {
		if strings.HasPrefix(f.Path, "evidence/") {
			out = append(out, report.File{Path: f.Path, SHA256: f.SHA256, Bytes: f.Bytes})
		}
	}
	return out
}
