package bundle

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// place gives a file its content whole or not at all, also after a power cut
// once the directory is synced.
func place(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), temporaryPrefix+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// syncDir brings the entries of a directory to the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

const temporaryPrefix = ".vksprobe-"

// temporary reports whether a file is not part of the bag yet: its writer was
// killed before it could be placed, or it is the reserve.
func temporary(path string) bool {
	rest, ok := strings.CutPrefix(filepath.Base(path), temporaryPrefix)
	return path == reserveFile || ok && rest != "" && strings.Trim(rest, "0123456789") == ""
}

// reserveFile takes up room in the bag until it is sealed or the disk is
// full, so that a scan that filled the disk can still store what it came to.
const (
	reserveFile = temporaryPrefix + "reserve"
	reserveSize = 4 << 20
)

// reserve makes the reserve. Its content is random so that no file system
// saves itself the room.
func reserve(dir string) error {
	content := make([]byte, reserveSize)
	rand.Read(content)
	return place(filepath.Join(dir, reserveFile), content, 0o600)
}

// release gives the reserve back and reports whether there was one.
func release(dir string) (bool, error) {
	err := os.Remove(filepath.Join(dir, reserveFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
