package gen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// minGo is the version of Go that the framework needs.
const minGo = "go1.26.0"

// workspace is the part of a go.work file that is taken over, as go work edit
// -json writes it.
type workspace struct {
	Use     []struct{ DiskPath string }
	Replace []struct {
		Old, New struct{ Path, Version string }
	}
}

// writeWorkspace writes a go.work file with the modules of the package's, and the
// framework: so it need not be in a go.mod, and the package keeps the version of
// the language that its own says. What the module has vendored is not used.
func writeWorkspace(ctx context.Context, env environment, o Options, temp string) (file string, err error) {
	modules, replaced, err := members(ctx, env, o.Dir)
	if err != nil {
		return "", err
	}
	if err := addFramework(&modules, o.Framework, temp); err != nil {
		return "", err
	}
	goVersion, _, _ := strings.Cut(env.GOVERSION, " ") // experiments stand behind it
	if version.Compare(goVersion, minGo) < 0 {         // an unknown version, too
		goVersion = minGo
	}
	var b strings.Builder
	fmt.Fprintf(&b, "go %s\n", strings.TrimPrefix(goVersion, "go"))
	for _, dir := range modules {
		fmt.Fprintf(&b, "use %s\n", strconv.Quote(filepath.ToSlash(dir)))
	}
	b.WriteString(replaced)
	file = filepath.Join(temp, "go.work")
	return file, os.WriteFile(file, []byte(b.String()), 0o600)
}

// members returns the folders of the modules that the package is built with, and
// the replace lines of its workspace if it has one.
func members(ctx context.Context, env environment, dir string) (modules []string, replaced string, err error) {
	if env.GOWORK == "" || env.GOWORK == "off" {
		if env.GOMOD == "" || env.GOMOD == os.DevNull {
			return nil, "", errors.New("there is no go.mod here: work in the module of the package")
		}
		return []string{filepath.Dir(env.GOMOD)}, "", nil
	}
	out, err := runGo(ctx, dir, nil, "work", "edit", "-json", env.GOWORK)
	if err != nil {
		return nil, "", err
	}
	var w workspace
	if err := json.Unmarshal(out, &w); err != nil {
		return nil, "", fmt.Errorf("%s: %w", env.GOWORK, err)
	}
	root := filepath.Dir(env.GOWORK)
	for _, use := range w.Use {
		modules = append(modules, in(root, filepath.FromSlash(use.DiskPath)))
	}
	var b strings.Builder
	for _, r := range w.Replace {
		target := r.New.Path
		if r.New.Version == "" { // a folder
			target = filepath.ToSlash(in(root, filepath.FromSlash(target)))
		}
		fmt.Fprintf(&b, "replace %s %s => %s %s\n", r.Old.Path, r.Old.Version, strconv.Quote(target), r.New.Version)
	}
	return modules, b.String(), nil
}

// addFramework adds the framework to modules, unless it is one of them: its
// checkout, or a module that requires its release.
func addFramework(modules *[]string, f Framework, temp string) error {
	for _, dir := range *modules {
		if isCheckout(dir) {
			return nil
		}
	}
	if f.Dir != "" {
		*modules = append(*modules, f.Dir)
		return nil
	}
	dir := filepath.Join(temp, "framework")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	text := fmt.Sprintf("module sessionmcp.invalid/framework\n\ngo %s\n\nrequire %s %s\n", strings.TrimPrefix(minGo, "go"), ours, f.Version)
	*modules = append(*modules, dir)
	return os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600)
}
