// Package scaffold makes a new module with an MCP server in it, that builds, tests
// and runs at once.
package scaffold

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template"
)

// templates has a folder for each template, and one for what all of them have.
// That Go files are not called so keeps the go command from reading them.
//
//go:embed templates
var templates embed.FS

// Templates are the names of the templates, the default first.
var Templates = []string{"hello", "weather", "args"}

// Options say what to make. Name is needed, and one of Version and Framework.
type Options struct {
	Dir       string // the folder to make it in; "" is the current one
	Name      string // of the folder, the binary and the server
	Module    string // import path; "" is example.com/Name
	Template  string // one of Templates; "" is the first
	Version   string // of the framework, such as v1.2.3
	Framework string // the checkout of the framework to use instead; absolute
}

var (
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	modulePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)
)

// dotted are the files whose names begin with a dot, which are not embedded.
var dotted = map[string]string{"gitignore": ".gitignore", "dockerignore": ".dockerignore"}

// New makes the folder Name and returns its path. A folder that is there must be
// empty. On an error nothing has changed, but for one that wraps [ErrTidy].
func New(ctx context.Context, o Options) (dir string, err error) {
	o.Module = cmp.Or(o.Module, "example.com/"+o.Name)
	o.Template = cmp.Or(o.Template, Templates[0])
	if err := o.check(); err != nil {
		return "", err
	}
	dir = filepath.Join(o.Dir, o.Name)
	if err := vacant(dir); err != nil {
		return "", err
	}
	// Made beside its place, and moved there when it is whole.
	made, err := os.MkdirTemp(cmp.Or(o.Dir, "."), ".new-"+o.Name+"-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(made)
	for _, from := range []string{"common", o.Template} {
		if err := o.render(path.Join("templates", from), made); err != nil {
			return "", err
		}
	}
	if err := o.sums(made); err != nil {
		return "", err
	}
	if err := os.Chmod(made, 0o755); err != nil {
		return "", err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.Rename(made, dir); err != nil {
		return "", err
	}
	return dir, tidy(ctx, dir)
}

func (o *Options) check() error {
	switch {
	case !namePattern.MatchString(o.Name):
		return fmt.Errorf("%q cannot be the name: 1 to 64 letters, digits, _ and -, a letter or a digit first", o.Name)
	case !modulePattern.MatchString(o.Module):
		return fmt.Errorf("%q cannot be the path of a module: write one such as example.com/%s", o.Module, o.Name)
	case o.Version == "" && o.Framework == "":
		return errors.New("neither a version of the framework nor a checkout is named")
	}
	for _, name := range Templates {
		if name == o.Template {
			return nil
		}
	}
	return fmt.Errorf("there is no template %q: there are %s", o.Template, strings.Join(Templates, ", "))
}

// vacant reports why dir cannot be made.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s is there and is no folder: choose another name, or remove it", dir)
	case len(entries) > 0:
		return fmt.Errorf("%s is there and is not empty: choose another name, or remove it", dir)
	}
	return nil
}

// render writes the templates of one folder into dir.
func (o *Options) render(from, dir string) error {
	entries, err := templates.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		text, err := o.execute(path.Join(from, entry.Name()))
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(entry.Name(), ".tmpl")
		if hidden, ok := dotted[name]; ok {
			name = hidden
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) execute(name string) ([]byte, error) {
	t, err := template.ParseFS(templates, name)
	if err != nil {
		return nil, err
	}
	data := struct{ Name, EnvName, Image, Module, Version, Dir string }{
		Name:    o.Name,
		EnvName: envName(o.Name),
		Image:   strings.ToLower(strings.TrimRight(o.Name, "-_")),
		Module:  o.Module,
		Version: o.Version,
	}
	if o.Framework != "" {
		data.Version, data.Dir = "v0.0.0", strconv.Quote(filepath.ToSlash(o.Framework))
	}
	var b bytes.Buffer
	err = t.Execute(&b, data)
	return b.Bytes(), err
}

// envName is a name that a shell takes for a variable's: no digit is first.
func envName(name string) string {
	name = strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_USERS"
	if name[0] <= '9' {
		return "_" + name
	}
	return name
}

// sums takes over the checksums of a checkout, which is all that its dependencies
// need: so nothing has to be asked of the network.
func (o *Options) sums(dir string) error {
	if o.Framework == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(o.Framework, "go.sum"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "go.sum"), text, 0o644)
}

// ErrTidy says that the module is there, and that its dependencies are not.
var ErrTidy = errors.New("the module was made, but not its dependencies")

func tidy(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "mod", "tidy")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %w\n%s\nrun go mod tidy in %s when that is put right", ErrTidy, err, bytes.TrimSpace(out), dir)
	}
	return nil
}
