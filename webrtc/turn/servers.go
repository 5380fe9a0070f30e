package turn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vksprobe/probe"
)

// maxServers bounds the servers that are taken from one record.
const maxServers = 64

// Servers lists the STUN and TURN servers that the pages of a scan gave to
// their connections, each URL once, in order of appearance and with the
// credentials that were seen last. They come from hook.jsonl of every
// participant; what is no URL of RFC 7064 or RFC 7065 is passed over.
//
// A page names whom it likes: whether a server may be asked is decided by the
// scope, not here.
func Servers(ctx context.Context, rec *probe.Record) ([]Server, error) {
	kinds := []string{"pc.new", "pc.setConfiguration", "pc.getConfiguration"}
	var all []Server
	var errs []error
	for _, participant := range rec.Timeline.Participants() {
		name := fmt.Sprintf("p%d/hook.jsonl", participant)
		_, err := rec.Lines(ctx, name, func(_ int, line []byte) {
			var l struct {
				Event struct {
					Kind string `json:"k"`
					Data struct {
						Config struct {
							Servers []json.RawMessage `json:"iceServers"`
						} `json:"cfg"`
					} `json:"d"`
				} `json:"e"`
			}
			if !bytes.Contains(line, []byte(`"iceServers"`)) || json.Unmarshal(line, &l) != nil || !slices.Contains(kinds, l.Event.Kind) {
				return
			}
			for _, raw := range l.Event.Data.Config.Servers {
				all = take(all, raw)
			}
		})
		errs = append(errs, err)
	}
	return all, errors.Join(errs...)
}

// take adds the URLs of an RTCIceServer.
func take(all []Server, raw json.RawMessage) []Server {
	var s struct {
		URL, URLs            json.RawMessage
		Username, Credential string
	}
	if json.Unmarshal(raw, &s) != nil || (s.Username == "") != (s.Credential == "") || len(s.Username) > maxUsername {
		return all
	}
	for _, url := range append(oneOrMany(s.URLs), oneOrMany(s.URL)...) {
		p, err := parse(url)
		if err != nil {
			continue
		}
		found := Server{URL: url}
		if p.relay {
			found.Username, found.Credential = s.Username, s.Credential
		}
		i := slices.IndexFunc(all, func(o Server) bool { return strings.EqualFold(o.URL, url) })
		switch {
		case i >= 0 && found.Username != "":
			all[i] = found
		case i < 0 && len(all) < maxServers:
			all = append(all, found)
		}
	}
	return all
}

// oneOrMany reads a string or a list of strings.
func oneOrMany(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	var many []string
	if json.Unmarshal(raw, &many) != nil {
		return nil
	}
	return many
}

// Host returns the host that the URL names, "" where it is no URL of a STUN or
// TURN server.
func (s Server) Host() string {
	p, err := parse(s.URL)
	if err != nil {
		return ""
	}
	return p.host
}
