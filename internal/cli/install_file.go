package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// configFile is the configuration of a client, as it was read.
type configFile struct {
	path string // where links have led
	text []byte
	mode fs.FileMode
	has  bool // it exists
}

// readConfig reads the configuration at a path. A link is followed; one that leads
// nowhere is an error, for what it is to lead to is not ours to make.
func readConfig(path string) (*configFile, error) {
	f := &configFile{path: path, mode: 0o600} // it may hold keys
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return nil, fmt.Errorf("%s is a link that leads nowhere: remove it, or make what it leads to", path)
		}
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	f.path, f.has = real, true
	info, err := os.Stat(real)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", real)
	}
	f.mode = info.Mode().Perm()
	f.text, err = os.ReadFile(real)
	return f, err
}

// replace keeps a copy of the file, unless it is new, and puts text in its place,
// whole or not at all. It returns the name of the copy.
func (f *configFile) replace(text []byte, now time.Time) (backup string, err error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return "", err
	}
	written, err := f.writeBeside(text)
	if err != nil {
		return "", err
	}
	defer os.Remove(written) // unless it was renamed
	if f.has {
		current, err := os.ReadFile(f.path)
		if err != nil {
			return "", err
		}
		if !bytes.Equal(current, f.text) {
			return "", fmt.Errorf("%s has changed meanwhile: run it again", f.path)
		}
		if backup, err = f.backUp(now); err != nil {
			return "", fmt.Errorf("keeping a copy: %w", err)
		}
	}
	return backup, os.Rename(written, f.path)
}

// writeBeside writes text to a new file in the same folder.
func (f *configFile) writeBeside(text []byte) (name string, err error) {
	tmp, err := os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".*")
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(text)
	if err == nil {
		err = tmp.Chmod(f.mode)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		_ = os.Remove(tmp.Name()) // what went wrong is said
		return "", err
	}
	return tmp.Name(), nil
}

// backUp writes what was read to a file whose name says when.
func (f *configFile) backUp(now time.Time) (string, error) {
	name := f.path + ".bak-" + now.Format("20060102-150405")
	for n := 2; ; n++ {
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
		if errors.Is(err, fs.ErrExist) && n < 100 { // of the same second
			name = fmt.Sprintf("%s.bak-%s-%d", f.path, now.Format("20060102-150405"), n)
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = file.Write(f.text)
		if err == nil {
			err = file.Chmod(f.mode) // whatever the umask
		}
		return name, errors.Join(err, file.Close())
	}
}
