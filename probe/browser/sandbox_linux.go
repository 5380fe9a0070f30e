package browser

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// helpers are where packages put Chromium's own means to a sandbox for
// systems without user namespaces.
var helpers = []string{"/usr/lib/chromium/chrome-sandbox", "/usr/lib/chromium-browser/chrome-sandbox", "/opt/google/chrome/chrome-sandbox"}

// forbidding are the kernel settings that keep user namespaces from
// everybody but root.
var forbidding = map[string]string{
	"/proc/sys/user/max_user_namespaces":                     "0",
	"/proc/sys/kernel/unprivileged_userns_clone":             "0",
	"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
}

// Sandbox says in one sentence why the browser's sandbox cannot be had, ""
// if it can.
func Sandbox() string {
	for _, helper := range helpers {
		if info, err := os.Stat(helper); err == nil && info.Mode()&os.ModeSetuid != 0 {
			return ""
		}
	}
	for file, value := range forbidding {
		if b, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(b)) == value {
			return fmt.Sprintf("unprivileged user namespaces are forbidden (%s is %s)", filepath.Base(file), value)
		}
	}
	// containers forbid them in ways that no setting shows: try
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, unshare, "--user", "--map-root-user", "--net", "true")
	cmd.Dir = "/"
	if os.Getuid() == 0 {
		uid := uint32(freeUID())
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		reason, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return fmt.Sprintf("unprivileged user namespaces do not work (%s, %v)", reason, err)
	}
	return ""
}

// sandboxed reports whether the renderers are filtered; one that is just
// starting may need a moment for it.
func (b *Browser) sandboxed(ctx context.Context) bool {
	for range 20 {
		if b.process.filtered() {
			return true
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			break
		}
	}
	return false
}

// filtered reports whether the process group has a renderer and every one
// runs under a seccomp filter.
func (p *process) filtered() bool {
	found := false
	for _, pid := range processes() {
		dir := filepath.Join("/proc", strconv.Itoa(pid))
		if group, _, ok := stat(pid); !ok || group != p.pid {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		status, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil || !bytes.Contains(line, []byte("--type=renderer")) {
			continue
		}
		if !bytes.Contains(status, []byte("\nSeccomp:\t2\n")) {
			return false
		}
		found = true
	}
	return found
}
