package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unsafe"
)

// hideArgument overwrites an argument of this process with x, so that a
// meeting link does not stay in the process list. On Linux os.Args lies in the
// memory that /proc/PID/cmdline shows. It returns a copy of the argument.
func hideArgument(arg string) string {
	kept := strings.Clone(arg)
	for _, a := range os.Args {
		if a == kept && len(a) > 0 {
			b := unsafe.Slice(unsafe.StringData(a), len(a))
			for i := range b {
				b[i] = 'x'
			}
		}
	}
	return kept
}

// maxSecret bounds a link or password in bytes.
const maxSecret = 64 << 10

// readSecret reads a link or password from a file, or from stdin for "-".
func readSecret(e *env, path string) (string, error) {
	in := e.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxSecret {
		return "", fmt.Errorf("%s: longer than %d bytes", path, maxSecret)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
