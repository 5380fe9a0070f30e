package bundle

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzManifest: what is accepted is exactly what would be written.
func FuzzManifest(f *testing.F) {
	sum := strings.Repeat("0a", 32)
	for _, text := range []string{"", sum + "  data/scan.json\n", sum + "  bag-info.txt\n" + sum + "  bagit.txt\n",
		sum + "  data/a\n" + sum + "  data/a\n", sum + " *data/a\n", sum + "  data/a\r\n", strings.ToUpper(sum) + "  data/a\n",
		sum + "  ../a\n", sum + "  data/\xff\n", sum + "  data/a", "\n", sum[:63] + "  data/a\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sums, err := parseManifest(text)
		if err != nil {
			return
		}
		if got := manifestText(sums); !bytes.Equal(got, text) {
			t.Errorf("%q was read as %q", text, got)
		}
		for path, sum := range sums {
			if !validName(path) || !validHash(sum) {
				t.Errorf("%q %q was accepted", sum, path)
			}
		}
	})
}

// FuzzInfo: whatever a value is, it stays the value of its label.
func FuzzInfo(f *testing.F) {
	f.Add("incomplete")
	f.Add("a\nVksprobe-State: complete")
	f.Add("\xff\x00\u2028\u202e: ")
	f.Fuzz(func(t *testing.T, value string) {
		text, err := infoText(map[string]string{reasonLabel: value, stateLabel: "incomplete"}, oxum{5, 1}, testTime)
		if err != nil {
			t.Fatal(err)
		}
		info := parseInfo(text)
		if info[stateLabel] != "incomplete" || info[oxumLabel] != "5.1" || info[reasonLabel] != oneLine(value) || len(info) > 5 {
			t.Errorf("%q became %q", value, info)
		}
	})
}
