package bundle

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// The labels of bag-info.txt that Verify reads.
const (
	oxumLabel   = "Payload-Oxum"
	stateLabel  = "Vksprobe-State"
	reasonLabel = "Vksprobe-Reason"
)

// infoText writes bag-info.txt, one label a line.
func infoText(info map[string]string, payload oxum, now time.Time) ([]byte, error) {
	all := map[string]string{"Bag-Software-Agent": "vksprobe"}
	maps.Copy(all, info)
	all["Bagging-Date"] = now.UTC().Format(time.DateOnly)
	all[oxumLabel] = payload.String()
	var text strings.Builder
	for _, label := range slices.Sorted(maps.Keys(all)) {
		if label == "" || strings.Trim(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return nil, fmt.Errorf("%q is no label of a bag", label)
		}
		fmt.Fprintf(&text, "%s: %s\n", label, oneLine(all[label]))
	}
	return []byte(text.String()), nil
}

// oneLine makes a value that brings no labels of its own and no control
// characters for the terminal that shows it.
func oneLine(value string) string {
	value = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, value)
	return strings.Join(strings.Fields(value), " ")
}

// parseInfo reads bag-info.txt. Lines that infoText does not write are passed
// over: the file as a whole is in the tag manifest.
func parseInfo(text []byte) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if label, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); ok {
			info[label] = oneLine(value)
		}
	}
	return info
}

// oxum is the size of a payload: octets and streams.
type oxum struct {
	bytes int64
	files int
}

func (o oxum) String() string { return fmt.Sprintf("%d.%d", o.bytes, o.files) }

func parseOxum(s string) (o oxum, ok bool) {
	_, err := fmt.Sscanf(s, "%d.%d", &o.bytes, &o.files)
	return o, err == nil && o.String() == s && o.bytes >= 0 && o.files >= 0
}
