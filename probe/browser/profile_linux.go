package browser

import (
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// prefix begins the name of every profile directory.
const prefix = "vksprobe-browser-"

// A profile is the directory of one browser: its data, its home and the FIFO
// of the NetLog. A lock on a file in it shows that its owner lives; the
// kernel lets go of the lock however the owner ends.
type profile struct {
	dir  string
	uid  int // whom the browser runs as, -1 for ourselves
	lock *os.File
}

func newProfile() (*profile, error) {
	uid := -1
	if os.Getuid() == 0 {
		uid = freeUID()
	}
	dir, err := os.MkdirTemp(temporary(uid), prefix)
	if err != nil {
		return nil, fmt.Errorf("making a profile: %w", err)
	}
	p := &profile{dir: dir, uid: uid}
	if err := p.prepare(); err != nil {
		p.remove()
		return nil, fmt.Errorf("making a profile: %w", err)
	}
	return p, nil
}

func (p *profile) prepare() error {
	var err error
	if p.lock, err = os.OpenFile(p.path("locking"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if err := syscall.Flock(int(p.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	// under its name it is never seen unlocked while we live
	if err := os.Rename(p.path("locking"), p.path("lock")); err != nil {
		return err
	}
	for _, d := range []string{"data", "home"} {
		if err := os.Mkdir(p.path(d), 0o700); err != nil {
			return err
		}
		if p.uid >= 0 {
			if err := os.Chown(p.path(d), p.uid, p.uid); err != nil {
				return err
			}
		}
	}
	if err := os.Mkdir(p.path("bin"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(p.path("bin/xdg-settings"), []byte(noHandlers), 0o755); err != nil {
		return err
	}
	if p.uid >= 0 {
		return os.Chmod(p.dir, 0o711)
	}
	return nil
}

// noHandlers answers in place of the desktop when the browser asks who opens
// links like zoommtg: or msteams:. A browser that is told that it does so
// itself drops the attempt. Else it would ask the user in a dialog that nobody
// can answer, and the tab would take no more input.
const noHandlers = "#!/bin/sh\necho yes\n"

func (p *profile) path(name string) string { return filepath.Join(p.dir, name) }

// user says whom the browser runs as.
func (p *profile) user() string {
	if p.uid < 0 {
		return "uid " + strconv.Itoa(os.Getuid())
	}
	return "uid " + strconv.Itoa(p.uid)
}

// remove deletes the directory. Processes that are just ending may still
// write into it, so it tries for a while.
func (p *profile) remove() error {
	var err error
	for range 20 {
		if err = os.RemoveAll(p.dir); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if p.lock != nil {
		p.lock.Close()
	}
	return err
}

// temporary returns the directory for profiles: the usual one, unless the
// browser's user could not reach it.
func temporary(uid int) string {
	dir := os.TempDir()
	if uid < 0 {
		return dir
	}
	for d := dir; ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return "/tmp"
		}
		if d == filepath.Dir(d) {
			return dir
		}
	}
}

// freeUID picks a user id from the range that systemd keeps for users without
// an account, which neither has an account nor owns a process. Nobody else
// can then meddle with the browser.
func freeUID() int {
	const first, last = 61184, 65519
	taken := map[string]bool{}
	if accounts, err := os.ReadFile("/etc/passwd"); err == nil {
		for line := range strings.Lines(string(accounts)) {
			if fields := strings.Split(line, ":"); len(fields) > 2 {
				taken[fields[2]] = true
			}
		}
	}
	for _, pid := range processes() {
		if info, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid))); err == nil {
			taken[strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid))] = true
		}
	}
	uid := first + rand.IntN(last-first+1)
	for taken[strconv.Itoa(uid)] {
		uid = first + rand.IntN(last-first+1)
	}
	return uid
}

// Sweep removes what killed programs have left behind: browsers whose program
// is dead, and their profiles. It never touches those of a living program.
func Sweep(log *slog.Logger) (killed, removed int) {
	for _, tmp := range []string{os.TempDir(), "/tmp"} {
		dirs, _ := filepath.Glob(filepath.Join(tmp, prefix+"*"))
		for _, dir := range dirs {
			if !abandoned(dir) {
				continue
			}
			killed += killProfile(dir)
			if err := (&profile{dir: dir}).remove(); err != nil {
				log.Warn("a left-over profile cannot be removed", "error", err)
				continue
			}
			removed++
		}
	}
	if killed+removed > 0 {
		log.Info("removed what an earlier scan left behind", "processes", killed, "profiles", removed)
	}
	return killed, removed
}

// abandoned reports whether no living program holds the directory's lock.
func abandoned(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Getuid()) {
		return false
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		// without a lock it is either being made or half removed
		return os.IsNotExist(err) && time.Since(info.ModTime()) > time.Minute
	}
	defer lock.Close()
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// killProfile kills every process that was started for a profile directory
// and returns their number: all have an option with a path in it, the crash
// handler too, which leaves the process group.
func killProfile(dir string) int {
	n := 0
	for _, pid := range processes() {
		line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if err == nil && strings.Contains(string(line), "="+dir+"/") && syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

// processes lists the ids of all processes.
func processes() []int {
	var ids []int
	entries, _ := fs.ReadDir(os.DirFS("/proc"), ".")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			ids = append(ids, pid)
		}
	}
	return ids
}
