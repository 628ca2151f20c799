package gen

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
)

// Framework is the copy of this module that a program is built with: a checkout
// or a released version.
type Framework struct {
	Dir     string // absolute; "" for a release
	Version string // such as v1.2.3; "" for a checkout
}

// SourceVariable is the environment variable that names a checkout.
const SourceVariable = "SESSIONMCP_SOURCE"

// FindFramework returns the checkout dir; or without one that of the environment,
// or what this program was itself built from: its checkout if it is still there,
// or its release. The error says what to do if there is none of them.
func FindFramework(dir string) (Framework, error) {
	if dir == "" {
		dir = os.Getenv(SourceVariable)
	}
	if dir != "" {
		dir = absolute(dir)
		if !isCheckout(dir) {
			return Framework{}, fmt.Errorf("%s is no checkout of %s: its go.mod says otherwise, or is not there", dir, ours)
		}
		return Framework{Dir: dir}, nil
	}
	// Without -trimpath the compiler writes down where the source was.
	if _, file, _, ok := runtime.Caller(0); ok {
		dir := filepath.Dir(filepath.Dir(filepath.Dir(file)))
		if filepath.IsAbs(dir) && !strings.Contains(filepath.Base(dir), "@") && isCheckout(dir) {
			return Framework{Dir: dir}, nil
		}
	}
	if version := Released(); version != "" {
		return Framework{Version: version}, nil
	}
	return Framework{}, errors.New("this program was built from a checkout that it does not find: name one by --framework DIR or in " + SourceVariable)
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?` + regexp.QuoteMeta(ours) + `"?\s*$`)

func isCheckout(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && moduleLine.Match(bytes.ReplaceAll(text, []byte("\r"), nil))
}

// release is the version that a release was built as, from a checkout: the linker
// sets it.
var release string

// Released returns the version that this program was built from, "" if it was none
// that others can get.
func Released() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == ours && m.Replace == nil && strings.HasPrefix(m.Version, "v") && !strings.Contains(m.Version, "+dirty") {
			return m.Version
		}
	}
	return ""
}
