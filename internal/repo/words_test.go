package repo

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// The patterns are written so that this file does not match them.
var (
	// A path of one machine: it means nothing on another.
	machinePath = regexp.MustCompile(`(?:^|[^\w.-])(/(?:root|(?:home|Users)/[\w.-]+)/)`)

	// A note to self: it belongs into an issue.
	noteToSelf = regexp.MustCompile(`\b(TOD[O]|FIXM[E]|XX[X])\b`)
)

func TestWords(t *testing.T) {
	for _, name := range tracked(t) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) { // deleted, and not committed yet
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
			continue
		}
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			if m := machinePath.FindStringSubmatch(line); m != nil {
				t.Errorf("%s:%d: holds %s, a path of one machine", name, number, m[1])
			}
			if m := noteToSelf.FindString(line); m != "" && path.Ext(name) == ".go" {
				t.Errorf("%s:%d: holds %s: open an issue instead", name, number, m)
			}
		}
	}
}

// tracked returns the files that git has, or would take if asked to add all.
func tracked(t *testing.T) []string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("this is no git checkout")
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	// A checkout may belong to another user, as it does in many containers.
	cmd := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*",
		"ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	names := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	if len(names) < 10 {
		t.Fatalf("git ls-files found %q only", names)
	}
	return names
}
