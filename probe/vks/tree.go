package vks

import (
	"encoding/json"
	"strconv"
	"strings"
)

// tree is a configuration as a client holds it. It is the target's: any part
// of it may be missing or of another type.
type tree map[string]any

// at returns what lies at a path such as "p2p.enabled".
func (t tree) at(path string) (any, bool) {
	var v any = map[string]any(t)
	for key := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[key]; !ok || v == nil {
			return nil, false
		}
	}
	return v, true
}

// text returns what lies at a path as a word: "true", "10", "livekit". Objects
// and lists have none.
func (t tree) text(path string) (string, bool) {
	v, ok := t.at(path)
	if !ok {
		return "", false
	}
	return word(v)
}

// list returns the words of a list.
func (t tree) list(path string) []string {
	v, _ := t.at(path)
	items, _ := v.([]any)
	var all []string
	for _, item := range items {
		if w, ok := word(item); ok {
			all = append(all, w)
		}
	}
	return all
}

func word(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// plant reads a tree; what is none is empty.
func plant(raw json.RawMessage) tree {
	var t tree
	if json.Unmarshal(raw, &t) != nil {
		return nil
	}
	return t
}
