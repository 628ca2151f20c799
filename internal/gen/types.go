package gen

import (
	"cmp"
	"go/ast"
	"go/constant"
	"go/types"
	"slices"
	"strconv"

	"golang.org/x/tools/go/packages"
)

// typeInfo is what the source says of a type with a name.
type typeInfo struct {
	comment string
	fields  []fieldDoc // those that have a comment
	enum    []any
	wanted  bool // a tool uses it
}

// says reports whether there is anything to tell.
func (i *typeInfo) says() bool { return i.comment != "" || i.fields != nil || i.enum != nil }

type fieldDoc struct{ name, comment string }

// readTypes reads the types of the module, as far as the package knows of them.
func (l *loader) readTypes(p *Package) {
	for _, sibling := range l.siblings {
		for _, file := range sibling.Syntax {
			for _, decl := range file.Decls {
				if d, ok := decl.(*ast.GenDecl); ok {
					for _, spec := range d.Specs {
						if spec, ok := spec.(*ast.TypeSpec); ok {
							l.readType(p, sibling, d, spec)
						}
					}
				}
			}
		}
	}
}

func (l *loader) readType(p *Package, sibling *packages.Package, decl *ast.GenDecl, spec *ast.TypeSpec) {
	doc := spec.Doc
	if doc == nil && len(decl.Specs) == 1 {
		doc = decl.Doc
	}
	info := &typeInfo{comment: text(doc)}
	open := len(l.directives(doc, ofTypes)) > 0
	if st, ok := spec.Type.(*ast.StructType); ok {
		info.readFields(st)
	}
	if name, ok := sibling.TypesInfo.Defs[spec.Name].(*types.TypeName); ok && !open && !name.IsAlias() {
		info.enum = constantsOf(name)
	}
	p.types[sibling.PkgPath+"."+spec.Name.Name] = info
}

// readFields takes the comment above each field, or else the one behind it.
func (i *typeInfo) readFields(st *ast.StructType) {
	for _, field := range st.Fields.List {
		comment := cmp.Or(text(field.Doc), text(field.Comment))
		if comment == "" {
			continue
		}
		for _, name := range field.Names {
			i.fields = append(i.fields, fieldDoc{name.Name, comment})
		}
		if field.Names == nil { // embedded: with a tag it is a field like others
			i.fields = append(i.fields, fieldDoc{embeddedName(field.Type), comment})
		}
	}
}

func embeddedName(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return embeddedName(x.X)
	case *ast.IndexExpr:
		return embeddedName(x.X)
	case *ast.IndexListExpr:
		return embeddedName(x.X)
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// constantsOf returns the values of the exported constants of a type of strings or
// integers, those of its own package, in the order of the source.
func constantsOf(name *types.TypeName) []any {
	basic, ok := name.Type().Underlying().(*types.Basic)
	if !ok || basic.Info()&(types.IsString|types.IsInteger) == 0 {
		return nil
	}
	scope := name.Pkg().Scope()
	var all []*types.Const
	for _, other := range scope.Names() {
		if c, ok := scope.Lookup(other).(*types.Const); ok && c.Exported() && types.Identical(c.Type(), name.Type()) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *types.Const) int { return cmp.Compare(a.Pos(), b.Pos()) })
	var values []any
	for _, c := range all {
		if v := valueOf(c.Val()); v != nil && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// valueOf returns a string, an int64 or a uint64.
func valueOf(v constant.Value) any {
	switch v.Kind() {
	case constant.String:
		return constant.StringVal(v)
	case constant.Int:
		if n, ok := constant.Int64Val(v); ok {
			return n
		}
		if n, ok := constant.Uint64Val(v); ok {
			return n
		}
	}
	return nil
}

// goValue writes a value of an enum in Go.
func goValue(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case int64:
		return "int64(" + strconv.FormatInt(v, 10) + ")"
	case uint64:
		return "uint64(" + strconv.FormatUint(v, 10) + ")"
	}
	return ""
}

// want notes that a tool uses t, and returns what is known of it, nil if it has no
// name or is of another module.
func (p *Package) want(t types.Type) *typeInfo {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return nil
	}
	info := p.types[named.Obj().Pkg().Path()+"."+named.Obj().Name()]
	if info != nil {
		info.wanted = true
		if info.says() {
			p.hits++
		}
	}
	return info
}
