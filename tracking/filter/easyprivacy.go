package filter

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"sync"
)

//go:embed easyprivacy.txt.gz
var easyPrivacy []byte

// The embedded list. Its own header says no date: the place for it is an
// unfilled template in the copy that Debian distributes.
const (
	easyPrivacyVersion = "2025-10, Debian webext-ublock-origin-chromium 1.67.0"
	easyPrivacySHA256  = "9c369a03b8952c56726da45e5c2328e1a6c597357ccef05ed66c4c2c9796ae73"
)

// EasyPrivacy is the list by The EasyList authors, https://easylist.to/, under
// CC BY-SA 3.0 or GPL-3, as it is embedded. It is read when it is first asked
// for.
var EasyPrivacy = sync.OnceValues(func() (*List, error) {
	z, err := gzip.NewReader(bytes.NewReader(easyPrivacy))
	if err != nil {
		return nil, fmt.Errorf("embedded EasyPrivacy: %w", err)
	}
	var text bytes.Buffer
	text.Grow(3 << 19) // 1.5 MiB; the list has 1.44 MB
	if _, err := io.Copy(&text, io.LimitReader(z, maxList)); err != nil {
		return nil, fmt.Errorf("embedded EasyPrivacy: %w", err)
	}
	l, err := Parse("EasyPrivacy", text.Bytes())
	if err != nil {
		return nil, err
	}
	if l.SHA256 != easyPrivacySHA256 {
		return nil, fmt.Errorf("embedded EasyPrivacy is not the pinned one but %s", l.SHA256)
	}
	l.Version = easyPrivacyVersion
	return l, nil
})
