package wire

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"

	"vksprobe/probe/netlog"
)

// NetLog reads what Chromium wrote. Without payload, that is in another mode
// than "Everything", there is nothing but counts.
func (d *Decoder) NetLog(ctx context.Context, r io.Reader) (*netlog.Log, error) {
	log, err := netlog.Read(ctx, r, d.Handler())
	if err != nil {
		return log, fmt.Errorf("packets: %w", err)
	}
	return log, nil
}

// Handler returns what hands the packets of a NetLog to the Decoder, for those
// who read more than that from the same log. It uses Datagram and Event.
func (d *Decoder) Handler() netlog.Handler {
	n := sockets{d: d, open: map[int64]ends{}}
	return netlog.Handler{Datagram: d.Datagram, Event: n.event}
}

// sockets knows the addresses of TCP connections, because the bytes in them
// are logged without.
type sockets struct {
	d    *Decoder
	open map[int64]ends
	b    []byte
}

type ends struct {
	Local  netip.AddrPort `json:"local_address"`
	Remote netip.AddrPort `json:"remote_address"`
}

func (n *sockets) event(e *netlog.Event) {
	switch e.Type {
	case "TCP_CONNECT":
		var a ends
		if e.Phase != netlog.End || json.Unmarshal(e.Params, &a) != nil || !a.Remote.IsValid() {
			return
		}
		if len(n.open) >= n.d.limits.flows {
			n.d.capture.Dropped.Flows++
			return
		}
		n.open[e.SourceID] = a
	case "SOCKET_CLOSED":
		delete(n.open, e.SourceID)
	case "SOCKET_BYTES_SENT":
		n.bytes(e, true, false)
	case "SOCKET_BYTES_RECEIVED":
		n.bytes(e, false, false)
	case "SSL_SOCKET_BYTES_SENT":
		n.bytes(e, true, true)
	case "SSL_SOCKET_BYTES_RECEIVED":
		n.bytes(e, false, true)
	}
}

// bytes reads the payload of an event. Most streams turn out to be none of
// ours with their first bytes, and the rest of them is not decoded.
func (n *sockets) bytes(e *netlog.Event, sent, inside bool) {
	a, ok := n.open[e.SourceID]
	if !ok {
		return
	}
	c := Chunk{Stamp: e.Stamp, Socket: e.SourceID, Sent: sent, Local: a.Local, Remote: a.Remote, Inside: inside}
	s := n.d.flow(c.key())
	if s == nil {
		return
	}
	var err error
	if n.b, err = payload(n.b[:0], e.Params); err != nil || len(n.b) == 0 {
		return
	}
	c.Payload = n.b
	n.d.chunk(s, &c)
}

// payload decodes the bytes in the params of an event. They have been checked
// to be JSON, and base64 has nothing to escape.
func payload(to, params []byte) ([]byte, error) {
	const name = `"bytes":"`
	i := bytes.Index(params, []byte(name))
	if i < 0 {
		return to, nil
	}
	text := params[i+len(name):]
	return base64.StdEncoding.AppendDecode(to, text[:max(0, bytes.IndexByte(text, '"'))])
}
