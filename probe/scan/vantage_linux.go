package scan

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vksprobe/probe"
)

// vantage describes the machine without naming it.
func vantage(network string) probe.Vantage {
	v := probe.Vantage{OS: runtime.GOOS, Arch: runtime.GOARCH, Network: network}
	v.TimeZone, _ = time.Now().Zone()
	if f, err := os.Open("/etc/os-release"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "PRETTY_NAME="); ok {
				v.OS = strings.Trim(name, `"`)
			}
		}
	}
	var uts unix.Utsname
	if unix.Uname(&uts) == nil {
		v.Kernel = unix.ByteSliceToString(uts.Release[:])
	}
	return v
}

// clockSynchronised asks the kernel whether a time server disciplines its
// clock.
func clockSynchronised() bool {
	const timeError, statusUnsync = 5, 0x40 // TIME_ERROR and STA_UNSYNC of <sys/timex.h>
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != timeError && t.Status&statusUnsync == 0
}

// ownUsage is what this process has cost so far.
func ownUsage() probe.Usage {
	var u probe.Usage
	var ru unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &ru) == nil {
		u.CPUSeconds = float64(ru.Utime.Nano()+ru.Stime.Nano()) / 1e9
	}
	if f, err := os.Open("/proc/self/status"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
				kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				u.PeakBytes = kb << 10
			}
		}
	}
	return u
}
