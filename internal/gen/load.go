// Package gen makes a server program of a plain Go package: its exported
// functions become the tools, and its comments their descriptions. The package
// need not know of this module.
package gen

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// Package is a package whose exported functions can be tools.
type Package struct {
	Name         string // of the server
	Version      string // "" if nothing says it
	Instructions string
	Path         string // import path
	Dir          string
	Tools        []*Tool // in the order of the source

	name  string               // of the package
	types map[string]*typeInfo // of the module, by import path and name
	hits  int                  // how often one of them was wanted that has something to say
}

// Tool is an exported function.
type Tool struct {
	Name        string  `json:"name"`
	Title       string  `json:"title,omitempty"`
	Function    string  `json:"function"`
	Description string  `json:"description,omitempty"`
	Parameters  []Param `json:"parameters"`

	options []string // Go text
	typed   bool     // the source says something of the types
	pos     token.Pos
}

// Param is an argument of a tool, as clients name it.
type Param struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // as in Go
	Required    bool   `json:"required"`
	Description string `json:"description,omitempty"`
	Enum        []any  `json:"enum,omitempty"`
}

// Load reads the package that pattern, a folder or an import path, means in dir.
// The error tells everything that keeps it from being a server, by position.
func Load(ctx context.Context, dir, pattern string) (*Package, error) {
	return load(ctx, dir, pattern, nil)
}

// load is Load with more of an environment for the go command, such as that of the
// workspace that the program is built in.
func load(ctx context.Context, dir, pattern string, env []string) (*Package, error) {
	l := &loader{ctx: ctx, dir: dir, env: env, files: token.NewFileSet(), siblings: make(map[string]*packages.Package)}
	if err := l.load(pattern); err != nil {
		return nil, err
	}
	p := &Package{
		Path:  l.pkg.PkgPath,
		Dir:   filepath.Dir(l.pkg.GoFiles[0]),
		Name:  l.pkg.Name,
		name:  l.pkg.Name,
		types: make(map[string]*typeInfo),
	}
	l.readClause(p)
	l.readTypes(p)
	l.readFunctions(p)
	l.strayDirectives()
	if err := l.problems.err(); err != nil {
		return nil, err
	}
	if len(p.Tools) == 0 {
		return nil, fmt.Errorf("package %s has no exported function: a function becomes a tool when its name begins with a capital letter", p.Path)
	}
	return p, nil
}

// loader is one reading of a package.
type loader struct {
	ctx      context.Context
	dir      string
	env      []string // beside that of the process
	files    *token.FileSet
	pkg      *packages.Package
	siblings map[string]*packages.Package // of the same module, pkg too, with syntax
	used     []*ast.Comment               // directives that have been read
	problems problems
}

// config returns what go list is asked. -trimpath is what the build uses: so
// both share one cache.
func (l *loader) config(mode packages.LoadMode) *packages.Config {
	return &packages.Config{
		Context:    l.ctx,
		Dir:        l.dir,
		Fset:       l.files,
		Mode:       mode,
		BuildFlags: l.flags(),
		Env:        append(append(os.Environ(), "CGO_ENABLED=0"), l.env...),
	}
}

func (l *loader) flags() []string {
	if l.env == nil {
		return []string{"-trimpath"}
	}
	return []string{"-trimpath", "-mod=readonly", "-modfile="}
}

// load finds the package, and reads it and those that it needs of its own module.
func (l *loader) load(pattern string) error {
	if strings.HasSuffix(pattern, ".go") {
		return fmt.Errorf("%s is a file: name the folder of the package, or its import path", pattern)
	}
	found, err := packages.Load(l.config(packages.NeedName|packages.NeedFiles|packages.NeedImports|packages.NeedDeps|packages.NeedModule), pattern)
	if err != nil {
		return notRead(pattern, err)
	}
	if len(found) != 1 {
		return fmt.Errorf("%s is %d packages: name one", pattern, len(found))
	}
	root := found[0]
	if err := l.check(root); err != nil {
		return err
	}
	paths := []string{root.PkgPath}
	packages.Visit(found, nil, func(p *packages.Package) {
		if p != root && p.Module != nil && root.Module != nil && p.Module.Path == root.Module.Path {
			paths = append(paths, p.PkgPath)
		}
	})
	loaded, err := packages.Load(l.config(packages.LoadSyntax|packages.NeedModule), paths...)
	if err != nil {
		return notRead(pattern, err)
	}
	for _, p := range loaded {
		for _, e := range p.Errors {
			l.problems.add(l.relative(position(e.Pos)), "%s", e.Msg)
		}
		l.siblings[p.PkgPath] = p
	}
	l.pkg = l.siblings[root.PkgPath]
	return l.problems.err()
}

func notRead(pattern string, err error) error {
	if strings.Contains(err.Error(), "go.mod file not found") {
		return errors.New("there is no go.mod here: work in the module of the package, or run go mod init to make one")
	}
	return fmt.Errorf("reading %s: %w", pattern, err)
}

// check says what keeps a package from being read at all.
func (l *loader) check(p *packages.Package) error {
	switch {
	case len(p.Errors) == 0 && (p.Module == nil || !p.Module.Main):
		return fmt.Errorf("package %s is not of this module: work in the module that it is of", p.PkgPath)
	case p.Name == "main":
		return fmt.Errorf("%s is package main, which no other can import: move its functions to a package of another name", p.PkgPath)
	case len(p.GoFiles) == 0 && len(p.Errors) == 0:
		return fmt.Errorf("package %s has no Go files", p.PkgPath)
	}
	for _, e := range p.Errors {
		l.problems.add(l.relative(position(e.Pos)), "%s", e.Msg)
	}
	return l.problems.err()
}

// at returns where pos is.
func (l *loader) at(pos token.Pos) token.Position { return l.files.Position(pos) }

func (l *loader) problem(pos token.Pos, format string, args ...any) {
	l.problems.add(l.relative(l.at(pos)), format, args...)
}

// relative names the file of a position as people do who work in dir.
func (l *loader) relative(at token.Position) token.Position {
	if name, err := filepath.Rel(absolute(l.dir), at.Filename); err == nil && !strings.HasPrefix(name, "..") {
		at.Filename = name
	}
	return at
}

func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// problems are errors with positions.
type problems []problem

type problem struct {
	at   token.Position
	text string
}

func (p *problems) add(at token.Position, format string, args ...any) {
	*p = append(*p, problem{at, fmt.Sprintf(format, args...)})
}

// err returns all of them in order, nil for none.
func (p problems) err() error {
	slices.SortStableFunc(p, func(a, b problem) int {
		if c := strings.Compare(a.at.Filename, b.at.Filename); c != 0 {
			return c
		}
		return a.at.Offset - b.at.Offset + (a.at.Line-b.at.Line)*1000 + a.at.Column - b.at.Column
	})
	var lines []string
	for _, one := range p {
		line := one.text
		if one.at.IsValid() {
			line = one.at.String() + ": " + one.text
		}
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if lines == nil {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
}

// position undoes the text that go list makes of one.
func position(text string) token.Position {
	var at token.Position
	rest := text
	for _, n := range []*int{&at.Column, &at.Line} {
		i := strings.LastIndexByte(rest, ':')
		if i < 0 {
			return token.Position{}
		}
		if _, err := fmt.Sscanf(rest[i+1:], "%d", n); err != nil {
			return token.Position{}
		}
		rest = rest[:i]
	}
	at.Filename = rest
	return at
}

// readFunctions makes tools of the exported functions.
func (l *loader) readFunctions(p *Package) {
	names := make(map[string]*Tool)
	for _, file := range l.pkg.Syntax {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() {
				continue
			}
			t := l.readFunction(p, fn)
			if t == nil {
				continue
			}
			if first := names[t.Name]; first != nil {
				l.problem(t.pos, "%s and %s (line %d) are both the tool %s: rename one by //mcp:name, or leave it out by //mcp:skip",
					t.Function, first.Function, l.at(first.pos).Line, t.Name)
				continue
			}
			names[t.Name] = t
			p.Tools = append(p.Tools, t)
		}
	}
}

// readFunction makes a tool of one function, nil if it is not to be one.
func (l *loader) readFunction(p *Package, fn *ast.FuncDecl) *Tool {
	t := &Tool{Name: snake(fn.Name.Name), Function: fn.Name.Name, Description: text(fn.Doc), Parameters: []Param{}, pos: fn.Name.Pos()}
	if t.Description != "" {
		t.options = append(t.options, "tool.Description("+quote(t.Description)+")")
	}
	if skip := l.functionDirectives(t, fn.Doc); skip {
		return nil
	}
	if !validName(t.Name) {
		l.problem(t.pos, "%s: the name %q is not 1 to 128 of A-Z a-z 0-9 _ - and '.': give it another by //mcp:name", t.Function, t.Name)
	}
	object, _ := l.pkg.TypesInfo.Defs[fn.Name].(*types.Func)
	if object == nil {
		return nil
	}
	before := p.hits
	l.signature(p, t, fn, object.Signature())
	t.typed = p.hits > before
	return t
}

func text(doc *ast.CommentGroup) string { return strings.TrimSpace(doc.Text()) }
