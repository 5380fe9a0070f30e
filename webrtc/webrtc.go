// Package webrtc observes what a meeting does with WebRTC: its
// RTCPeerConnections, the packets below them, and what became of camera,
// microphone and screen; and it judges them.
//
// Three witnesses are heard, because none of them saw everything. The page
// hook (hook.jsonl) knows calls, stacks and tracks, but lives in the page.
// chrome://webrtc-internals (internals.jsonl) is written by the browser and
// knows every connection, but no track. The datagrams of the NetLog cannot be
// talked into anything, but most of what is in them is encrypted.
//
//	hook.jsonl      ─► account ─┐
//	internals.jsonl ─► account ─┼─► Connection: its dossier
//	netlog.json     ─► flow ────┤
//	                            └─► Device, per device and phase
//
// [Connection] holds all that is known of an RTCPeerConnection, from the script
// that made it to the certificate at its far end. Where several participants
// were in the meeting, their connections are held against each other: that
// shows whether they met at a server or each other.
//
// Where the witnesses differ the observation names the difference, and a
// device is only called quiet when all of them agree that it was.
//
// Connections whose both ends are in the same browser are echo tests. They are
// observed, marked as loopback and never judged.
package webrtc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"vksprobe/probe"
)

// Rules are the rules of this package.
var Rules probe.Set

// Observer derives Flow, Connection and Device observations.
var Observer = probe.Observer{Name: "webrtc", Observe: observe}

func observe(ctx context.Context, rec *probe.Record, emit func(probe.Observation)) error {
	participants, err := participants(rec)
	if err != nil {
		return err
	}
	var errs []error
	var all []*peer
	var devicesOf []devices
	for _, n := range participants {
		hook, err := readHook(ctx, rec, n)
		errs = append(errs, err)
		internals, err := readInternals(ctx, rec, n)
		errs = append(errs, err)
		packets, err := readPackets(ctx, rec, n)
		errs = append(errs, err)
		peers := merge(hook, internals, packets)
		all = append(all, peers...)
		devicesOf = append(devicesOf, devices{rec: rec, participant: n, hook: hook, internals: internals, packets: packets, peers: peers})
	}
	relate(all)
	for _, d := range devicesOf {
		d.packets.observe(rec, emit)
		for _, p := range d.peers {
			p.observe(rec, emit)
		}
		d.observe(emit)
	}
	return errors.Join(errs...)
}

// participants lists those who are in the timeline or left evidence.
func participants(rec *probe.Record) ([]int, error) {
	ids := rec.Timeline.Participants()
	dirs, err := fs.ReadDir(rec.Files, ".")
	if err != nil {
		return nil, fmt.Errorf("listing the evidence: %w", err)
	}
	for _, d := range dirs {
		digits, ok := strings.CutPrefix(d.Name(), "p")
		n, err := strconv.Atoi(digits)
		if ok && err == nil && d.IsDir() && !slices.Contains(ids, n) {
			ids = append(ids, n)
		}
	}
	slices.Sort(ids)
	return ids, nil
}
