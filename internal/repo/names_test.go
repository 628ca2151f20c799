package repo

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestMarkdownNames looks up what the text and the blocks name of this module, as
// tool.Once, Options.Drain, srv.Use or server.TestIsolation: a name that was given
// up stands nowhere.
func TestMarkdownNames(t *testing.T) {
	known := exportedNames(t)
	for _, d := range documents(t) {
		for _, span := range codeSpan.FindAllString(d.prose, -1) {
			for _, name := range known.missing(span) {
				t.Errorf("%s: there is no %s", d.name, name)
			}
		}
		for _, b := range d.blocks {
			if b.isProgram() { // which is built
				continue
			}
			for _, name := range known.missing(b.text) {
				t.Errorf("%s: there is no %s", b.at, name)
			}
		}
	}
}

// names holds what may be written behind a dot, by what stands before it: the
// name of a package, or that of a type in whichever package.
type names map[string]map[string]bool

func (n names) add(of string, ids ...*ast.Ident) {
	if n[of] == nil {
		n[of] = make(map[string]bool)
	}
	for _, id := range ids {
		n[of][id.Name] = true
	}
}

// variables are called like this throughout the documents.
var variables = map[string]string{"srv": "Server", "ctx": "Context"}

// exportedNames collects what the packages have that others can import, and the
// tests of all.
func exportedNames(t *testing.T) names {
	n := make(names)
	for _, s := range sources(t) {
		if pkg := s.syntax.Name.Name; pkg != "main" && !strings.HasPrefix(s.pkg, internalRow+"/") {
			for _, decl := range s.syntax.Decls {
				n.declared(pkg, decl)
			}
		}
	}
	for _, method := range []string{"Deadline", "Done", "Err", "Value"} { // of context.Context
		n.add("Context", ast.NewIdent(method))
	}
	n.tests(t)
	return n
}

var testName = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

// tests adds the tests of every package, whichever system they are for.
func (n names) tests(t *testing.T) {
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && ignored(name):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		for _, found := range testName.FindAllSubmatch(text, -1) {
			n.add(path.Base(path.Dir(name)), ast.NewIdent(string(found[1])))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (n names) declared(pkg string, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			n.add(pkg, d.Name)
			return
		}
		for of := range ast.Preorder(d.Recv.List[0].Type) {
			if of, ok := of.(*ast.Ident); ok { // T, *T, T[P]
				n.add(of.Name, d.Name)
				break
			}
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				n.add(pkg, spec.Names...)
			case *ast.TypeSpec:
				n.add(pkg, spec.Name)
				n.members(spec)
			}
		}
	}
}

// members adds the fields of a struct, and the methods of an interface.
func (n names) members(spec *ast.TypeSpec) {
	var fields *ast.FieldList
	switch typ := spec.Type.(type) {
	case *ast.StructType:
		fields = typ.Fields
	case *ast.InterfaceType:
		fields = typ.Methods
	default:
		return
	}
	n.add(spec.Name.Name)
	for _, f := range fields.List {
		n.add(spec.Name.Name, f.Names...)
	}
}

var (
	codeSpan = regexp.MustCompile("`[^`\n]+`")
	dotted   = regexp.MustCompile(`\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+`)
)

// missing returns the names in text that are said to be of something we have, and
// are not. What is said of anything else is not ours.
func (n names) missing(text string) []string {
	var found []string
	for _, chain := range dotted.FindAllString(text, -1) {
		parts := strings.Split(chain, ".")
		of := parts[0]
		if typ, ok := variables[of]; ok {
			of = typ
		}
		for _, name := range parts[1:] {
			if n[of] == nil || !token.IsExported(name) {
				break
			}
			if !n[of][name] {
				found = append(found, of+"."+name)
				break
			}
			of = name
		}
	}
	return found
}
