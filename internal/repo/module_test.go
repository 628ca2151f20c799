package repo

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/sessionmcp/sessionmcp"
	root   = "../.."
)

// source is a Go file of the module that is not a test.
type source struct {
	name   string // slash-separated, from the root
	pkg    string // its folder, from the root
	lines  int
	syntax *ast.File
	files  *token.FileSet
}

// at returns file:line of a node.
func (s *source) at(n ast.Node) string {
	return s.files.Position(n.Pos()).String()
}

// length returns the number of lines of a node.
func (s *source) length(n ast.Node) int {
	return s.files.Position(n.End()).Line - s.files.Position(n.Pos()).Line + 1
}

// imports returns the import paths of the file.
func (s *source) imports() []string {
	var paths []string
	for _, spec := range s.syntax.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, "`\""))
	}
	return paths
}

// sources parses the module for every operating system at once: what go list
// tells depends on the one it runs on.
func sources(t *testing.T) []*source {
	t.Helper()
	return parse(t, func(tree fs.FS, name string) bool { return ignored(name) || isModule(tree, name) })
}

// everywhere parses also the modules in folders of this one.
func everywhere(t *testing.T) []*source {
	t.Helper()
	return parse(t, func(_ fs.FS, name string) bool { return ignored(name) })
}

func parse(t *testing.T, skip func(tree fs.FS, name string) bool) []*source {
	t.Helper()
	var found []*source
	files := token.NewFileSet()
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && skip(tree, name) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(files, name, text, parser.ParseComments|parser.SkipObjectResolution)
		found = append(found, &source{
			name:   name,
			pkg:    path.Dir(name),
			lines:  bytes.Count(text, []byte("\n")),
			syntax: syntax,
			files:  files,
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("found no Go files")
	}
	return found
}

// ignored reports whether the go command passes over the folder for its name.
func ignored(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata"
}

// isModule reports whether the folder is a module of its own.
func isModule(tree fs.FS, name string) bool {
	_, err := fs.Stat(tree, path.Join(name, "go.mod"))
	return err == nil
}

// byPackage groups files by folder.
func byPackage(files []*source) map[string][]*source {
	packages := make(map[string][]*source)
	for _, s := range files {
		packages[s.pkg] = append(packages[s.pkg], s)
	}
	return packages
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
