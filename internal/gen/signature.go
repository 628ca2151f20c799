package gen

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// ours is the module that generated programs are made with.
const ours = "github.com/sessionmcp/sessionmcp"

const remedy = ": change it, give the function a small letter, or leave it out by //mcp:skip"

// signature checks what t's function takes and returns by the rules of tool.New,
// and adds what the program says of it.
func (l *loader) signature(p *Package, t *Tool, fn *ast.FuncDecl, sig *types.Signature) {
	bad := func(pos token.Pos, what string) { l.problem(pos, "%s: %s%s", t.Function, what, remedy) }
	if sig.TypeParams().Len() > 0 {
		bad(t.pos, "a generic function has no one schema")
		return
	}
	if sig.Variadic() {
		bad(sig.Params().At(sig.Params().Len()-1).Pos(), "a variadic parameter cannot be an argument, a slice can")
		return
	}
	l.results(p, fn, sig.Results(), bad)
	params := make([]*types.Var, 0, sig.Params().Len())
	for i := range sig.Params().Len() {
		v := sig.Params().At(i)
		switch {
		case !isContext(v.Type()):
			params = append(params, v)
		case i > 0:
			bad(v.Pos(), "a context must be the first parameter")
			return
		}
	}
	if len(params) == 1 && structural(params[0].Type()) {
		l.structParam(p, t, params[0], bad)
		return
	}
	l.plainParams(p, t, params, bad)
}

// structParam takes the fields of one struct as the arguments.
func (l *loader) structParam(p *Package, t *Tool, v *types.Var, bad func(token.Pos, string)) {
	w := &walk{p: p, seen: make(map[types.Type]bool)}
	base := deref(v.Type())
	if hasMethod(base, "UnmarshalJSON") || hasMethod(base, "JSONSchema") {
		bad(v.Pos(), typeText(base)+" reads itself from JSON, so its fields are no arguments")
		return
	}
	if where, what := w.check(v.Type(), ""); what != "" {
		bad(v.Pos(), cut(where)+what)
		return
	}
	t.Parameters = append(t.Parameters, p.fieldParams(base, make(map[types.Type]bool))...)
}

func (l *loader) plainParams(p *Package, t *Tool, params []*types.Var, bad func(token.Pos, string)) {
	var names []string
	for _, v := range params {
		w := &walk{p: p, seen: make(map[types.Type]bool)}
		where, what := w.check(v.Type(), v.Name())
		switch {
		case v.Name() == "" || v.Name() == "_":
			bad(v.Pos(), "a parameter without a name cannot be an argument")
		case !validName(v.Name()):
			bad(v.Pos(), "the name of the parameter "+v.Name()+" is not of A-Z a-z 0-9 _")
		case what != "":
			bad(v.Pos(), cut(where)+what)
		default:
			t.Parameters = append(t.Parameters, p.param(v.Name(), v.Type(), !isPointer(v.Type()), ""))
			names = append(names, quote(v.Name()))
		}
	}
	if names != nil {
		t.options = append(t.options, "tool.Params("+strings.Join(names, ", ")+")")
	}
}

func cut(where string) string {
	if where == "" {
		return ""
	}
	return where + ": "
}

// results checks what the function returns: nothing, error, T, or (T, error).
func (l *loader) results(p *Package, fn *ast.FuncDecl, results *types.Tuple, bad func(token.Pos, string)) {
	n := results.Len()
	fails := n > 0 && isError(results.At(n-1).Type())
	if fails {
		n--
	}
	if n == 0 {
		return
	}
	v := results.At(0)
	pos := v.Pos()
	if !pos.IsValid() || fn.Type.Results != nil {
		pos = fn.Type.Results.Pos()
	}
	switch {
	case n > 1 && fails:
		bad(pos, "it returns more than one result before the error, put them into a struct")
	case n > 1:
		bad(pos, "it returns more than one result, and the last is no error")
	case types.Implements(v.Type(), types.Universe.Lookup("error").Type().Underlying().(*types.Interface)):
		bad(pos, "the result "+typeText(v.Type())+" is an error that is not declared as error")
	default:
		w := &walk{p: p, out: true, seen: make(map[types.Type]bool)}
		if where, what := w.check(v.Type(), ""); what != "" {
			bad(pos, "the result: "+cut(where)+what)
		}
	}
}

// walk finds what JSON cannot carry in a type, as package schema does of the
// compiled one, and notes which types are used.
type walk struct {
	p    *Package
	out  bool
	seen map[types.Type]bool
}

// check says where in t something is that cannot be, and what; what is "" if all
// is well.
func (w *walk) check(t types.Type, where string) (at, what string) {
	t = types.Unalias(t)
	if w.seen[t] {
		return "", ""
	}
	w.seen[t] = true
	w.p.want(t)
	if w.speaks(t) {
		return "", ""
	}
	if !isJSON(t) {
		return where, "JSON has no " + typeText(t)
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return w.check(u.Elem(), where)
	case *types.Slice:
		return w.check(u.Elem(), where+"[]")
	case *types.Array:
		return w.check(u.Elem(), where+"[]")
	case *types.Map:
		if !w.isKey(u.Key()) {
			return where, typeText(u.Key()) + " cannot be the name of a JSON property"
		}
		return w.check(u.Elem(), where+"[]")
	case *types.Interface:
		if !w.out && u.NumMethods() > 0 {
			return where, "JSON does not tell which " + typeText(t) + " to make"
		}
	case *types.Struct:
		return w.fields(u, where)
	}
	return "", ""
}

// isJSON reports whether there are such values in JSON, whatever is in them.
func isJSON(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Info()&types.IsComplex == 0 && u.Kind() != types.UnsafePointer
	case *types.Chan, *types.Signature:
		return false
	}
	return true
}

// fields checks those that encoding/json knows of.
func (w *walk) fields(st *types.Struct, where string) (at, what string) {
	for i := range st.NumFields() {
		f, tag := st.Field(i), parseTag(st.Tag(i))
		base, pointer := types.Unalias(f.Type()), false
		if p, ok := base.(*types.Pointer); ok {
			base, pointer = p.Elem(), true
		}
		_, isStruct := base.Underlying().(*types.Struct)
		switch {
		case tag.skip, !f.Exported() && !(f.Anonymous() && isStruct):
			continue
		case !f.Exported() && pointer && !w.out:
			return dotted(where, f.Name()), "an embedded pointer to a type without an exported name cannot be set"
		}
		name := dotted(where, f.Name())
		if f.Anonymous() && tag.name == "" && isStruct {
			name = where
		}
		if at, what = w.check(f.Type(), name); what != "" {
			return at, what
		}
	}
	return "", ""
}

func dotted(where, name string) string { return strings.TrimPrefix(where+"."+name, ".") }

// speaks reports whether methods of t, or the framework whose type it is, say how
// it is written, whatever is inside.
func (w *walk) speaks(t types.Type) bool {
	if named, ok := t.(*types.Named); ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == ours+"/tool" {
		return true
	}
	if _, ok := t.Underlying().(*types.Interface); ok {
		return false
	}
	methods := []string{"JSONSchema", "JSONSchemaAlias", "UnmarshalJSON", "UnmarshalText"}
	if w.out {
		methods = []string{"JSONSchema", "JSONSchemaAlias", "MarshalJSON", "MarshalText"}
	}
	for _, m := range methods {
		if hasMethod(t, m) {
			return true
		}
	}
	return false
}

func (w *walk) isKey(t types.Type) bool {
	method := "UnmarshalText"
	if w.out {
		method = "MarshalText"
	}
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&(types.IsString|types.IsInteger) != 0 || hasMethod(t, method)
}

// hasMethod reports whether *t has a method of this name.
func hasMethod(t types.Type, name string) bool {
	if _, ok := t.(*types.Pointer); !ok {
		t = types.NewPointer(t)
	}
	found, _, _ := types.LookupFieldOrMethod(t, true, nil, name)
	_, ok := found.(*types.Func)
	return ok
}

// structural reports whether the fields of t are the arguments.
func structural(t types.Type) bool {
	base := deref(t)
	_, ok := base.Underlying().(*types.Struct)
	return ok && !hasMethod(base, "UnmarshalText")
}

func deref(t types.Type) types.Type {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		return types.Unalias(p.Elem())
	}
	return types.Unalias(t)
}

func isPointer(t types.Type) bool {
	_, ok := types.Unalias(t).(*types.Pointer)
	return ok
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

func isContext(t types.Type) bool {
	text := types.TypeString(types.Unalias(t), nil)
	return text == "context.Context" || text == "*"+ours+"/tool.Context"
}

// typeText names a type as its own package's users do.
func typeText(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string { return p.Name() })
}
