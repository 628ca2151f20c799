package schema

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/invopop/jsonschema"
)

// fill gives n the schema and the codec of its type.
func (b *builder) fill(n *node, addressable bool) error {
	switch mannerOf(n.typ, addressable, b.out) {
	case byRule:
		b.byRule(n)
		return nil
	case byAlias:
		return b.byAlias(n, addressable)
	case byDocument:
		return b.byDocument(n)
	case byJSON:
		n.schema, n.codec = anything(), foreign{}
		return nil
	case byText:
		n.schema.Type, n.codec = "string", &text{set: setText, tell: true}
		if n.typ.Name() == "UUID" {
			n.schema.Format = "uuid"
		}
		return nil
	}
	return b.byKind(n, addressable)
}

// byRule is for the types of the standard library whose form in JSON their Go
// kind does not show.
func (b *builder) byRule(n *node) {
	switch n.typ {
	case timeType:
		n.schema.Type, n.schema.Format = "string", "date-time"
		n.codec = &text{set: setText}
	case numberType:
		n.codec = newNumber(n.typ, n)
	case rawType:
		n.schema, n.codec = anything(), verbatim{}
	case durationType:
		if b.out {
			n.codec = newNumber(n.typ, n)
			n.schema.Description = "nanoseconds"
			return
		}
		n.schema.Type, n.schema.Pattern = "string", durationPattern
		n.schema.Description = `a duration such as "1m30s"`
		n.codec = &text{set: setDuration}
	}
}

func (b *builder) byKind(n *node, addressable bool) error {
	t := n.typ
	switch t.Kind() {
	case reflect.Bool:
		n.schema.Type, n.codec = "boolean", boolean{}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64:
		n.codec = newNumber(t, n)
	case reflect.String:
		n.schema.Type, n.codec = "string", &text{set: setString, plain: true}
	case reflect.Interface:
		if !b.out && t.NumMethod() > 0 {
			return typeError(n.owner, fmt.Errorf("JSON does not tell which %s to make: use a concrete type, or any", typeName(t)))
		}
		n.schema, n.codec = anything(), foreign{}
	case reflect.Slice, reflect.Array:
		return b.list(n, addressable)
	case reflect.Map:
		return b.dict(n)
	case reflect.Struct:
		return b.object(n, addressable)
	default:
		return typeError(n.owner, fmt.Errorf(`JSON has no %s: leave the field out with the tag json:"-"`, typeName(t)))
	}
	return nil
}

func (b *builder) list(n *node, addressable bool) error {
	t := n.typ
	if t.Kind() == reflect.Slice && isByte(t.Elem()) {
		n.schema.Type, n.schema.ContentEncoding = "string", "base64"
		n.codec = &text{set: setBase64}
		return nil
	}
	element, err := b.node(t.Elem(), n.owner, addressable || t.Kind() == reflect.Slice)
	if err != nil {
		return err
	}
	n.schema.Type, n.schema.Items = "array", element.part()
	c := &list{element: element}
	if t.Kind() == reflect.Array {
		c.array, c.size = true, uint64(t.Len())
		n.schema.MinItems, n.schema.MaxItems = new(c.size), new(c.size)
	} else {
		c.empty = reflect.MakeSlice(t, 0, 0)
	}
	n.codec = c
	return nil
}

// isByte reports whether encoding/json writes a slice of t as base64.
func isByte(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() == reflect.Uint8 && !p.Implements(marshaler) && !p.Implements(textMarshaler)
}

func (b *builder) dict(n *node) error {
	key := n.typ.Key()
	c := &dict{keys: "a property name of the form this map needs"}
	switch k := key.Kind(); {
	case !b.out && reflect.PointerTo(key).Implements(textUnmarshaler),
		b.out && k != reflect.String && key.Implements(textMarshaler):
		c.setKey = setText
	case k == reflect.String:
		c.setKey = setString
	case k >= reflect.Int && k <= reflect.Int64:
		c.setKey, c.keys = setIntKey, "a property name that is an integer"
	case k >= reflect.Uint && k <= reflect.Uintptr:
		c.setKey, c.keys = setUintKey, "a property name that is a positive integer"
	default:
		return typeError(n.owner, fmt.Errorf("%s cannot be the name of a JSON property: use string keys", typeName(key)))
	}
	var err error
	if c.element, err = b.node(n.typ.Elem(), n.owner, false); err != nil {
		return err
	}
	n.schema.Type, n.schema.AdditionalProperties = "object", c.element.part()
	n.codec = c
	return nil
}

func (b *builder) object(n *node, addressable bool) error {
	n.schema.Type = "object"
	n.schema.Properties = jsonschema.NewProperties()
	if !b.out && !b.opts.AllowUnknown {
		n.schema.AdditionalProperties = jsonschema.FalseSchema
	}
	o := &object{index: map[string]int{}, open: b.opts.AllowUnknown}
	n.codec = o
	for _, f := range b.fieldsOf(n.typ) {
		if f.Tag.Get("jsonschema") == "-" {
			continue
		}
		child, err := b.field(n, f, addressable)
		if err != nil {
			return err
		}
		n.schema.Properties.Set(f.name, child.part())
		o.index[f.name] = len(o.fields)
		o.names = append(o.names, f.name)
		o.fields = append(o.fields, property{name: f.name, path: f.path, node: child})
	}
	return nil
}

// field builds the node of f and notes in n whether it is required.
func (b *builder) field(n *node, f *structField, addressable bool) (*node, error) {
	owner := strings.TrimPrefix(f.owner.Name()+"."+f.Name, ".")
	child, err := b.node(f.Type, owner, addressable || f.behind != direct)
	if err != nil {
		return nil, err
	}
	child.owner = owner
	if !b.out && f.unsettable(child) {
		return nil, typeError(owner, errors.New("an embedded type without an exported name cannot be set: export the type"))
	}
	if f.quoted && b.quotes(child.typ) {
		quoteNode(child)
	}
	if f.omit { // only what a pointer leads to may still be nil
		child.null = child.null && (child.pointers > 1 || child.pointers == 1 && b.nilable(child.typ))
	}
	required, err := b.tags(n, child, f)
	if err == nil {
		err = b.describe(child, f)
	}
	if err != nil {
		return nil, typeError(owner, err)
	}
	if required || !b.optional(child, f) {
		n.schema.Required = append(n.schema.Required, f.name)
	}
	return child, nil
}

// optional reports whether f may be missing from what is read, or written.
func (b *builder) optional(n *node, f *structField) bool {
	return f.omit || f.behind != direct || !b.out && (n.pointers > 0 || n.schema.Default != nil)
}

// quotes reports whether the string option has a say in how t is read or written.
func (b *builder) quotes(t reflect.Type) bool {
	return mannerOf(t, false, b.out) == byKind || t == numberType || b.out && t == durationType
}

// unsettable reports whether reflection may not set the field.
func (f *structField) unsettable(n *node) bool {
	if f.behind == behindPrivate {
		return true
	}
	_, plain := n.codec.(*object)
	return !f.IsExported() && (!plain || n.pointers > 0)
}

// describe gives n the description of f, unless its tags did.
func (b *builder) describe(n *node, f *structField) error {
	if f.Tag.Get("jsonschema_description") != "" || tagged(f, "description") {
		return nil
	}
	var d string
	if reflect.PointerTo(f.owner).Implements(describing) {
		b.own = true
		own := reflect.New(f.owner).Interface().(describer)
		if err := guard("GetFieldDocString", func() { d = own.GetFieldDocString(f.Name) }); err != nil {
			return err
		}
	}
	if d == "" && b.opts.Describe != nil {
		d = b.opts.Describe(f.owner, f.Name)
	}
	n.schema.Description = cmp.Or(d, n.schema.Description)
	return nil
}

// quoteNode changes n into a string that holds the value.
func quoteNode(n *node) {
	n.schema = &jsonschema.Schema{Type: "string", Description: n.schema.Description}
	switch k := n.typ.Kind(); {
	case k == reflect.Bool:
		n.schema.Enum = []any{"true", "false"}
	case k >= reflect.Int && k <= reflect.Int64:
		n.schema.Pattern = integerPattern
	case k >= reflect.Uint && k <= reflect.Uintptr:
		n.schema.Pattern = unsignedPattern
	case k != reflect.String || n.typ == numberType:
		n.schema.Pattern = numberPattern
	}
	n.codec = &text{set: setQuoted}
}

// Regular expressions are compiled when they are first needed: every program that
// links this package would pay for them when it starts.
var (
	notInName   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^A-Za-z0-9_.-]+`) })
	packagePath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^][,]*/`) }) // in the arguments of a generic type
)

// nameFor returns a name for t in $defs that no other type has: every client
// knows letters and digits, and type parameters bring more than that.
func (b *builder) nameFor(t reflect.Type) string {
	base := packagePath().ReplaceAllString(t.Name(), "")
	base = cmp.Or(strings.Trim(notInName().ReplaceAllString(base, "_"), "_"), "T")
	name := base
	for i := 2; ; i++ {
		if _, taken := b.definitions[name]; !taken {
			return name
		}
		name = fmt.Sprintf("%s_%d", base, i)
	}
}

// tagged reports whether the jsonschema tag of f has the keyword.
func tagged(f *structField, keyword string) bool {
	tag := f.Tag.Get("jsonschema")
	return strings.Contains(tag, keyword) && slices.ContainsFunc(splitTag(tag), func(piece string) bool {
		return strings.HasPrefix(piece, keyword+"=")
	})
}
