package tool

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// Source is the doc comments and parameter names of Go files, which a program
// carries with it by embedding its own source:
//
//	//go:embed *.go
//	var source embed.FS
//
// or that a generator has written down: see [NewSource]. It is immutable.
type Source struct {
	funcs map[string][]funcDoc // by name, or receiver.name
	types map[string][]typeDoc // by name
	known map[string]TypeDoc   // as NewSource got them
}

// place is the file that a declaration stands in.
type place struct {
	pkg  string // the package clause
	dir  string // in the file system; "." is its root
	file string
}

type funcDoc struct {
	place
	first, last int // lines
	comment     string
	params      []string // every one, a context too; nil if they have no names
}

type typeDoc struct {
	place
	comment string
	fields  map[string]string
	names   []string // of all fields, in order; nil if it is no struct type
}

// MustSource is [ParseSource] for a program that embeds its own files. It panics if
// they do not parse, which those of a program that was compiled do.
func MustSource(fsys fs.FS) *Source {
	s, err := ParseSource(fsys)
	if err != nil {
		panic(err)
	}
	return s
}

// ParseSource reads the Go files of fsys, those in folders too, tests left out.
// The error of a file that does not parse names the file and the line.
func ParseSource(fsys fs.FS) (*Source, error) {
	s := &Source{funcs: make(map[string][]funcDoc), types: make(map[string][]typeDoc)}
	files := token.NewFileSet()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(files, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			if !strings.HasPrefix(err.Error(), name+":") { // a //line comment names another
				err = fmt.Errorf("%s: %w", name, err)
			}
			return err
		}
		s.add(files, place{pkg: file.Name.Name, dir: path.Dir(name), file: path.Base(name)}, file)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("tool: reading source comments: %w", err)
	}
	return s, nil
}

func (s *Source) add(files *token.FileSet, at place, file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch d := n.(type) {
		case *ast.FuncDecl:
			key := d.Name.Name
			if d.Recv != nil && len(d.Recv.List) == 1 {
				key = typeName(d.Recv.List[0].Type) + "." + key
			}
			s.funcs[key] = append(s.funcs[key], funcDoc{
				place:   at,
				first:   files.PositionFor(d.Pos(), false).Line,
				last:    files.PositionFor(d.End(), false).Line,
				comment: comment(d.Doc),
				params:  paramNames(d.Type.Params),
			})
		case *ast.GenDecl: // in functions too
			for _, spec := range d.Specs {
				if ts, ok := spec.(*ast.TypeSpec); ok {
					s.addType(at, d, ts)
				}
			}
		}
		return true
	})
}

func (s *Source) addType(at place, decl *ast.GenDecl, spec *ast.TypeSpec) {
	doc := typeDoc{place: at, comment: comment(spec.Doc)}
	if spec.Doc == nil && len(decl.Specs) == 1 {
		doc.comment = comment(decl.Doc)
	}
	if st, ok := spec.Type.(*ast.StructType); ok {
		doc.readFields(st)
	}
	s.types[spec.Name.Name] = append(s.types[spec.Name.Name], doc)
}

// readFields takes the comment above each field, or else the one behind it.
func (d *typeDoc) readFields(st *ast.StructType) {
	d.names, d.fields = []string{}, make(map[string]string)
	for _, field := range st.Fields.List {
		text := comment(field.Doc)
		if text == "" {
			text = comment(field.Comment)
		}
		var names []string
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
		if names == nil {
			names = []string{typeName(field.Type)} // embedded
		}
		for _, name := range names {
			d.names = append(d.names, name)
			d.fields[name] = text
		}
	}
}

// typeName returns T for T, *T, T[P], p.T, as receivers and embedded fields have it.
func typeName(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return typeName(x.X)
	case *ast.IndexExpr:
		return typeName(x.X)
	case *ast.IndexListExpr:
		return typeName(x.X)
	case *ast.ParenExpr:
		return typeName(x.X)
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.Ident:
		return x.Name
	}
	return ""
}

func comment(group *ast.CommentGroup) string { return strings.TrimSpace(group.Text()) }

func paramNames(list *ast.FieldList) []string {
	var names []string
	for _, field := range list.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return names
}
