package browser

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// A process is a running browser and the pipes to it.
type process struct {
	pid    int
	reader *os.File // DevTools messages from the browser
	writer *os.File // … to the browser
	output *os.File // its standard output and error
	done   chan struct{}
	state  *os.ProcessState // after done
}

// startProcess starts the browser as the profile's user in a process group of
// its own. The kernel kills it when this program ends in whatever way: that
// order is tied to the thread that starts the process, so a goroutine keeps
// its thread until the process has ended.
func startProcess(path string, args []string, p *profile, lang string) (*process, error) {
	var pipes [3][2]*os.File
	closeAll := func() {
		for _, pipe := range pipes {
			for _, f := range pipe {
				if f != nil {
					f.Close()
				}
			}
		}
	}
	for i := range pipes {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll()
			return nil, err
		}
		pipes[i] = [2]*os.File{r, w}
	}
	commands, events, output := pipes[0], pipes[1], pipes[2]
	cmd := exec.Command(path, args...)
	cmd.ExtraFiles = []*os.File{commands[0], events[1]} // become 3 and 4
	cmd.Stdout, cmd.Stderr = output[1], output[1]
	cmd.Dir = p.path("home")
	cmd.Env = environment(p, lang)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if p.uid >= 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.uid)}
	}
	proc := &process{reader: events[0], writer: commands[1], output: output[0], done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		cmd.Wait()
		proc.state = cmd.ProcessState
		close(proc.done)
	}()
	if err := <-started; err != nil {
		closeAll()
		return nil, err
	}
	for _, f := range []*os.File{commands[0], events[1], output[1]} {
		f.Close()
	}
	proc.pid = cmd.Process.Pid
	return proc, nil
}

// environment is all that the browser learns of ours. The language of its own
// words and of the dates it writes for a page follows LANGUAGE, not --lang.
func environment(p *profile, lang string) []string {
	env := []string{"HOME=" + p.path("home"), "XDG_CONFIG_HOME=" + p.path("home"), "XDG_CACHE_HOME=" + p.path("home"),
		"XDG_RUNTIME_DIR=" + p.path("home"), "TMPDIR=" + p.path("home"), "DBUS_SESSION_BUS_ADDRESS=disabled:", "DBUS_SYSTEM_BUS_ADDRESS=disabled:",
		"PATH=" + p.path("bin") + ":" + os.Getenv("PATH")}
	for _, name := range []string{"TZ", "LANG", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	if lang != "" {
		locale := strings.ReplaceAll(lang, "-", "_")
		env = append(env, "LANG="+locale+".UTF-8", "LANGUAGE="+locale)
	}
	return env
}

// kill kills the whole process group.
func (p *process) kill() {
	syscall.Kill(-p.pid, syscall.SIGKILL)
}

// rusage is what the process and the children it waited for have used.
func (p *process) rusage() (cpuSeconds float64) {
	if p.state == nil {
		return 0
	}
	return (p.state.UserTime() + p.state.SystemTime()).Seconds()
}
