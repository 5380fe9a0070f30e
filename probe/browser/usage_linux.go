package browser

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A meter samples what the processes of a browser cost.
type meter struct {
	ended sync.WaitGroup
	mu    sync.Mutex
	cpu   map[int]float64 // seconds by process, as last seen
	usage Usage
}

// sampling is the time between two samples.
const sampling = time.Second

// startMeter measures the process group of pid until done is closed.
func startMeter(pid int, done <-chan struct{}) *meter {
	m := &meter{cpu: map[int]float64{}}
	m.ended.Go(func() {
		tick := time.NewTicker(sampling)
		defer tick.Stop()
		for {
			m.sample(pid)
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	return m
}

func (m *meter) sample(group int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var memory int64
	n := 0
	for _, pid := range processes() {
		pgrp, cpu, ok := stat(pid)
		if !ok || pgrp != group {
			continue
		}
		n++
		m.cpu[pid] = cpu
		memory += proportional(pid)
	}
	m.usage.PeakBytes = max(m.usage.PeakBytes, memory)
	m.usage.Processes = max(m.usage.Processes, n)
}

// result is the cost until the end; waited is what the system accounted to
// the first process and those it waited for, which may be more than was seen.
func (m *meter) result(waited float64) Usage {
	m.ended.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := 0.0
	for _, s := range m.cpu {
		sum += s
	}
	m.usage.CPUSeconds = max(sum, waited)
	return m.usage
}

// ticks per second of /proc/PID/stat; it is 100 on every Linux that Go knows.
const ticks = 100

// stat reads the process group and the processor time of a process.
func stat(pid int) (group int, cpu float64, ok bool) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0, false
	}
	i := bytes.LastIndexByte(b, ')') // the name before it may hold anything
	fields := strings.Fields(string(b[i+1:]))
	if i < 0 || len(fields) < 13 {
		return 0, 0, false
	}
	group, _ = strconv.Atoi(fields[2])
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return group, (user + system) / ticks, true
}

// proportional is the proportional set size of a process. Without the right
// to read it, memory of its own is taken.
func proportional(pid int) int64 {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	if b, err := os.ReadFile(filepath.Join(dir, "smaps_rollup")); err == nil {
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				return kb << 10
			}
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "statm"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 3 {
		return 0
	}
	resident, _ := strconv.ParseInt(fields[1], 10, 64)
	shared, _ := strconv.ParseInt(fields[2], 10, 64)
	return (resident - shared) * int64(os.Getpagesize())
}
