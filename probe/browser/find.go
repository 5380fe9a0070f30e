package browser

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The reasons why there is no usable browser.
var (
	ErrMissing = errors.New("no Chromium was found")
	ErrTooOld  = errors.New("the browser is too old")
)

// oldest is the first major version whose NetLog, DevTools protocol and
// webrtc-internals have all that is read here.
const oldest = 140

// executables are looked for in this order.
var executables = []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"}

var versionNumber = regexp.MustCompile(`(\d+)(?:\.\d+){3}`)

// Find returns the path of a browser that can be used and its version,
// "Chromium 156.0.8078.79". With an executable it looks at no other. The
// error is one sentence and wraps ErrMissing or ErrTooOld.
func Find(executable string) (path, version string, err error) {
	candidates := executables
	if executable != "" {
		candidates = []string{executable}
	}
	for _, name := range candidates {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		out, err := exec.CommandContext(ctx, path, "--version").Output()
		cancel()
		number := versionNumber.FindSubmatch(out)
		if err != nil || number == nil {
			return "", "", fmt.Errorf("%w: %s does not tell its version", ErrMissing, path)
		}
		version := "Chromium " + string(number[0])
		if strings.Contains(string(out), "Google Chrome") {
			version = "Google Chrome " + string(number[0])
		}
		if major, _ := strconv.Atoi(string(number[1])); major < oldest {
			return "", "", fmt.Errorf("%w: %s is %s, at least version %d is needed", ErrTooOld, path, version, oldest)
		}
		return path, version, nil
	}
	return "", "", fmt.Errorf("%w (looked for %s)", ErrMissing, strings.Join(candidates, ", "))
}
