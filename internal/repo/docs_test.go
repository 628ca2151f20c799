package repo

import (
	"go/ast"
	"slices"
	"testing"
)

// wellKnown are methods that say nothing new: an interface that everyone knows
// prescribes them.
var wellKnown = []string{
	"Error", "Format", "Is", "LogValue", "MarshalJSON", "MarshalText", "String",
	"UnmarshalText", "Unwrap", "WithAttrs", "WithGroup", "Write",
}

// TestDocumented wants a doc comment on every package and on every exported
// name that others can reach. Fields and the methods of interfaces are the
// business of their type's comment.
func TestDocumented(t *testing.T) {
	for pkg, files := range byPackage(everywhere(t)) {
		documented := func(s *source) bool { return s.syntax.Doc != nil }
		if !slices.ContainsFunc(files, documented) {
			t.Errorf("package %s has no doc comment", pkg)
		}
		for _, s := range files {
			if s.syntax.Name.Name == "main" {
				continue
			}
			for _, decl := range s.syntax.Decls {
				for _, id := range undocumented(decl) {
					t.Errorf("%s: %s has no doc comment", s.at(id), id.Name)
				}
			}
		}
	}
}

// undocumented returns the exported names that the declaration leaves without a
// comment. A group's comment is for all in it.
func undocumented(decl ast.Decl) []*ast.Ident {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && reachable(d) && (d.Recv == nil || !slices.Contains(wellKnown, d.Name.Name)) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Doc != nil {
			return nil
		}
		var names []*ast.Ident
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Doc == nil && spec.Comment == nil {
					names = append(names, spec.Name)
				}
			case *ast.ValueSpec:
				if spec.Doc == nil && spec.Comment == nil {
					names = append(names, spec.Names...)
				}
			}
		}
		return slices.DeleteFunc(names, func(id *ast.Ident) bool { return !id.IsExported() })
	}
	return nil
}

// reachable reports whether the function is no method of an unexported type.
func reachable(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return true
		}
	}
}
