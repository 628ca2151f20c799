package gen

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Options say what to make of a package. Pattern is needed, and Framework unless
// the package's own module is this one.
type Options struct {
	Dir       string // the folder that Pattern and Output are relative to; "" is the current one
	Pattern   string // a folder, as ./weather, or an import path
	Name      string // of the server; "" is what the package says
	Version   string // of the server; "" is what the package says, or else version control
	Output    string // the binary; "" is the package's name, with -server if that is a folder
	Emit      string // the folder to write the program to, instead of compiling it
	Framework Framework
}

// Report is what was made.
type Report struct {
	Name    string  `json:"name"`
	Version string  `json:"version"`
	Package string  `json:"package"`
	File    string  `json:"file"`
	Size    int64   `json:"size"` // in bytes
	Target  string  `json:"target,omitempty"`
	Tools   []*Tool `json:"tools"`
}

// Build makes a server of a package: one static binary for the GOOS and GOARCH of
// the environment, equal bytes for equal source, or its source with Options.Emit.
// Nothing is written to the package's module but that file. What the compiler says
// is in the error, with the positions of the package's own files.
func Build(ctx context.Context, o Options) (*Report, error) {
	o.Dir = absolute(cmp.Or(o.Dir, "."))
	var env []string
	if o.Framework != (Framework{}) { // the package may import it, and its module not require it
		temp, err := os.MkdirTemp("", "sessionmcp-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(temp)
		e, err := goEnv(ctx, o.Dir)
		if err != nil {
			return nil, err
		}
		work, err := writeWorkspace(ctx, e, o, temp)
		if err != nil {
			return nil, err
		}
		env = []string{"GOWORK=" + work}
	}
	p, err := load(ctx, o.Dir, o.Pattern, env)
	if err != nil {
		return nil, err
	}
	p.Name = cmp.Or(o.Name, p.Name)
	p.Version = cmp.Or(o.Version, p.Version, versionOf(ctx, p.Dir))
	text, err := p.Main()
	if err != nil {
		return nil, err
	}
	r := &Report{Name: p.Name, Version: p.Version, Package: p.Path, Tools: p.Tools}
	if o.Emit != "" {
		r.File, err = p.emit(in(o.Dir, o.Emit), text)
	} else {
		err = p.compile(ctx, o, text, r)
	}
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(r.File); err == nil {
		r.Size = info.Size()
	}
	return r, nil
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func in(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// versionOf asks version control for the latest tag, or the commit.
func versionOf(ctx context.Context, dir string) string {
	git := func(args ...string) string {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = dir
		out, _ := cmd.Output()
		return strings.TrimSpace(string(out))
	}
	if tag := git("describe", "--tags", "--match", "v[0-9]*", "--dirty"); tag != "" {
		return strings.TrimPrefix(tag, "v")
	}
	if commit := git("rev-parse", "--short=12", "HEAD"); commit != "" {
		return "0.0.0+" + commit
	}
	return "0.0.0"
}

// emit writes the program into dir, over one of ours only.
func (p *Package) emit(dir string, text []byte) (string, error) {
	if dir == p.Dir {
		return "", fmt.Errorf("%s is the package's own folder, and the program is a package of its own: choose another, such as %s",
			dir, filepath.Join(dir, "cmd", p.name))
	}
	file := filepath.Join(dir, "main.go")
	before, err := os.ReadFile(file)
	switch {
	case err == nil && !bytes.HasPrefix(before, []byte(header)):
		return "", fmt.Errorf("%s was not generated: remove it, or choose another folder", file)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return "", err
	}
	if other := packageIn(dir); other != "" && other != "main" {
		return "", fmt.Errorf("%s has package %s in it, and the program is package main: choose another folder", dir, other)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return file, os.WriteFile(file, text, 0o644)
}

// packageIn returns the name of the package whose files are in dir, "" for none.
func packageIn(dir string) string {
	names, _ := filepath.Glob(filepath.Join(dir, "*.go")) // the pattern is well formed unless dir is odd
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly)
		if err == nil && !strings.HasSuffix(name, "_test.go") {
			return file.Name.Name
		}
	}
	return ""
}

// compile builds the program. It stands in a folder of the package that only the
// go command sees, by an overlay, so that it may import what is internal; a
// workspace of our own brings the framework, and leaves go.mod and go.sum alone.
func (p *Package) compile(ctx context.Context, o Options, text []byte, r *Report) error {
	env, err := goEnv(ctx, o.Dir)
	if err != nil {
		return err
	}
	r.Target = env.GOOS + "/" + env.GOARCH
	r.File = in(o.Dir, cmp.Or(o.Output, p.name+env.GOEXE))
	if o.Output == "" && isDir(r.File) { // most often the package's own
		r.File = in(o.Dir, p.name+"-server"+env.GOEXE)
	}
	if isDir(r.File) {
		return fmt.Errorf("%s is a folder: name a file by -o", r.File)
	}
	temp, err := os.MkdirTemp("", "sessionmcp-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	folder := filepath.Join(p.Dir, "sessionmcp_main")
	for range 100 { // a folder that is there has files of its own
		if _, err := os.Stat(folder); err != nil {
			break
		}
		folder += "_"
	}
	main := filepath.Join(temp, "main.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(folder, "main.go"): main}})
	if err == nil {
		err = os.WriteFile(main, text, 0o600)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(temp, "overlay.json"), overlay, 0o600)
	}
	if err != nil {
		return err
	}
	work, err := writeWorkspace(ctx, env, o, temp)
	if err != nil {
		return err
	}
	_, err = runGo(ctx, o.Dir, []string{"GOWORK=" + work, "CGO_ENABLED=0"}, "build",
		"-mod=readonly", "-modfile=", "-trimpath", "-buildvcs=false", "-ldflags=-s -w",
		"-overlay="+filepath.Join(temp, "overlay.json"), "-o", r.File, folder)
	return err
}

// runGo runs the go command. Its error is what the command said.
func runGo(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	switch {
	case err == nil:
		return out.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("there is no go command: install Go, from https://go.dev/dl/")
	}
	return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, bytes.TrimSpace(said.Bytes()))
}

// environment is what go env says.
type environment struct{ GOOS, GOARCH, GOEXE, GOMOD, GOWORK, GOVERSION string }

func goEnv(ctx context.Context, dir string) (environment, error) {
	var e environment
	out, err := runGo(ctx, dir, nil, "env", "-json", "GOOS", "GOARCH", "GOEXE", "GOMOD", "GOWORK", "GOVERSION")
	if err == nil {
		err = json.Unmarshal(out, &e)
	}
	return e, err
}
