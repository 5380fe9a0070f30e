package tracking

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"vksprobe/probe"
)

// protocolLine is a line of cdp.jsonl; probe/browser.CDPLine describes it.
type protocolLine struct {
	Time    time.Time       `json:"t"`
	Session string          `json:"s"`
	Method  string          `json:"m"`
	Params  json.RawMessage `json:"p"`
}

// A sending is something that a page sent, as far as the protocol shows it.
type sending struct {
	url     string
	at      time.Time
	headers map[string]string
	body    string
	frame   string // text frame of a WebSocket
	cite    probe.Evidence
}

// maxOpen bounds the requests and sessions that are remembered.
const maxOpen = 50000

// readProtocol puts what the DevTools protocol shows into the book and hands
// each sending to send.
func readProtocol(ctx context.Context, b *book, send func(sending)) error {
	path := fmt.Sprintf("p%d/cdp.jsonl", b.participant)
	sessions := map[string]string{} // type of target by session
	links := map[string]string{}    // URL by request
	_, err := b.rec.Lines(ctx, path, func(n int, raw []byte) {
		var l protocolLine
		if json.Unmarshal(raw, &l) != nil || l.Time.IsZero() {
			return
		}
		cite := b.rec.Cite(path, fmt.Sprintf("line=%d", n))
		switch l.Method {
		case "Target.attachedToTarget":
			var ev struct {
				SessionID  string `json:"sessionId"`
				TargetInfo struct{ Type string }
			}
			if json.Unmarshal(l.Params, &ev) == nil && len(sessions) < maxOpen {
				sessions[ev.SessionID] = ev.TargetInfo.Type
			}
		case "Network.requestWillBeSent":
			var ev struct {
				RequestID string `json:"requestId"`
				Type      string
				Initiator struct {
					Type, URL string
					Stack     struct{ CallFrames []struct{ URL string } }
				}
				Request struct {
					URL             string
					Headers         map[string]string
					PostData        string
					PostDataEntries []struct{ Bytes string }
				}
			}
			if json.Unmarshal(l.Params, &ev) != nil || !strings.Contains(ev.Request.URL, "://") {
				return // data: and blob: contact nobody
			}
			if len(links) < maxOpen {
				links[l.Session+"/"+ev.RequestID] = ev.Request.URL
			}
			if e := b.at(hostOf(ev.Request.URL), l.Time, "cdp", false); e != nil {
				add(&e.Mechanisms, mechanism(ev.Type))
				if kind := sessions[l.Session]; strings.Contains(kind, "worker") {
					add(&e.Mechanisms, kind)
				}
				switch {
				case ev.Initiator.URL != "":
					b.initiator(e, ev.Initiator.URL)
				case len(ev.Initiator.Stack.CallFrames) > 0:
					b.initiator(e, ev.Initiator.Stack.CallFrames[0].URL)
				}
				e.cite(cite)
			}
			body := ev.Request.PostData
			for _, part := range ev.Request.PostDataEntries {
				if b, err := base64.StdEncoding.DecodeString(part.Bytes); err == nil && body == "" {
					body += string(b)
				}
			}
			send(sending{url: ev.Request.URL, at: l.Time, headers: ev.Request.Headers, body: body, cite: cite})
		case "Network.requestWillBeSentExtraInfo":
			var ev struct {
				RequestID string `json:"requestId"`
				Headers   map[string]string
			}
			if json.Unmarshal(l.Params, &ev) == nil {
				if link := links[l.Session+"/"+ev.RequestID]; link != "" {
					send(sending{url: link, at: l.Time, headers: ev.Headers, cite: cite})
				}
			}
		case "Network.webSocketCreated":
			var ev struct {
				RequestID string `json:"requestId"`
				URL       string
				Initiator struct {
					Stack struct{ CallFrames []struct{ URL string } }
				}
			}
			if json.Unmarshal(l.Params, &ev) != nil {
				return
			}
			if len(links) < maxOpen {
				links[l.Session+"/"+ev.RequestID] = ev.URL
			}
			if e := b.at(hostOf(ev.URL), l.Time, "cdp", false); e != nil {
				add(&e.Mechanisms, "websocket")
				if frames := ev.Initiator.Stack.CallFrames; len(frames) > 0 {
					b.initiator(e, frames[0].URL)
				}
				e.cite(cite)
			}
			send(sending{url: ev.URL, at: l.Time, cite: cite})
		case "Network.webSocketFrameSent":
			var ev struct {
				RequestID string `json:"requestId"`
				Response  struct {
					Opcode      int
					PayloadData string
				}
			}
			if json.Unmarshal(l.Params, &ev) == nil && ev.Response.Opcode == 1 {
				if link := links[l.Session+"/"+ev.RequestID]; link != "" {
					send(sending{url: link, at: l.Time, frame: ev.Response.PayloadData, cite: cite})
				}
			}
		case "Network.webTransportCreated":
			var ev struct{ URL string }
			if json.Unmarshal(l.Params, &ev) == nil {
				if e := b.at(hostOf(ev.URL), l.Time, "cdp", false); e != nil {
					add(&e.Mechanisms, "webtransport")
					e.cite(cite)
				}
				send(sending{url: ev.URL, at: l.Time, cite: cite})
			}
		}
	})
	return err
}

// mechanism is a resource type of the protocol in our words.
func mechanism(kind string) string {
	switch kind = strings.ToLower(kind); kind {
	case "ping":
		return "beacon"
	case "cspviolationreport":
		return "csp_report"
	}
	return kind
}
