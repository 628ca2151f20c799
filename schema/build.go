package schema

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// A node is one place of the document and what decodes the values found there.
type node struct {
	schema   *jsonschema.Schema
	typ      reflect.Type // pointers taken off
	pointers int          // how many there were
	owner    string       // the Go field, for errors
	codec    codec
	null     bool // null is a value

	// What finish adds, once the schema is what it stays.
	want    string // in words
	kinds   string // of JSON values that codec reads; "" is all
	enum    map[string]struct{}
	general *Document
	strange bool // the schema has keywords that only general knows
}

// takes reports whether values of kind k may be valid.
func (n *node) takes(k jsontext.Kind) bool {
	if k == 0 {
		return false
	}
	return n.kinds == "" || strings.IndexByte(n.kinds, byte(k)) >= 0 || k == 'n' && n.null
}

// untyped reports whether n takes every value there is.
func (n *node) untyped() bool {
	switch n.codec.(type) {
	case foreign:
		return !n.strange
	case verbatim:
		return true
	}
	return false
}

// part returns the schema as it stands in its parent.
func (n *node) part() *jsonschema.Schema {
	if !n.null {
		return n.schema
	}
	// Not type: [X, "null"], which some clients refuse.
	outer := &jsonschema.Schema{
		AnyOf:       []*jsonschema.Schema{n.schema, {Type: "null"}},
		Title:       n.schema.Title,
		Description: n.schema.Description,
	}
	n.schema.Title, n.schema.Description = "", ""
	return outer
}

// anything is a schema that takes every value. It is written {}, for some clients
// do not know true; without Extras it would be written so.
func anything() *jsonschema.Schema { return &jsonschema.Schema{Extras: map[string]any{}} }

const (
	maxParts    = 10_000     // of a document
	maxDocument = 256 * 1024 // bytes
)

// Patterns of what the decoder takes and JSON Schema has no words for.
const (
	durationPattern = `^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`
	integerPattern  = `^-?(0|[1-9][0-9]*)$`
	unsignedPattern = `^(0|[1-9][0-9]*)$`
	numberPattern   = `^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	numberType   = reflect.TypeFor[json.Number]()
	rawType      = reflect.TypeFor[json.RawMessage]()

	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	marshaler       = reflect.TypeFor[json.Marshaler]()
)

// A builder makes the nodes of one document.
type builder struct {
	opts   Options
	out    bool
	nodes  []*node // as built, parts before wholes
	fields map[reflect.Type][]*structField
	cyclic map[reflect.Type]bool
	defs   map[reflect.Type]*node
	names  map[reflect.Type]string // in $defs
	// definitions is $defs: the types in cycles, and what JSONSchema methods bring.
	definitions jsonschema.Definitions
	aliases     int  // JSONSchemaAlias methods being followed
	own         bool // methods of the program's were asked for a document, or a part of one
}

func newBuilder(o Options, out bool) *builder {
	return &builder{
		opts:        o,
		out:         out,
		fields:      map[reflect.Type][]*structField{},
		cyclic:      map[reflect.Type]bool{},
		defs:        map[reflect.Type]*node{},
		names:       map[reflect.Type]string{},
		definitions: jsonschema.Definitions{},
	}
}

// typeError is an error about Go code, for the one who wrote it.
func typeError(owner string, err error) error { return fmt.Errorf("schema: %s: %w", owner, err) }

// typeName names a type in an error. The text of a struct without a name is the
// whole struct.
func typeName(t reflect.Type) string {
	if t.Kind() == reflect.Struct && t.Name() == "" {
		return "struct"
	}
	return shorten(t.String())
}

// root builds the node of the whole document, which stands there in full even if
// the type refers to itself.
func (b *builder) root(t reflect.Type) (*node, error) {
	if t == nil {
		return nil, errors.New("schema: no type")
	}
	base, pointers, err := indirect(t)
	if err != nil {
		return nil, typeError(typeName(t), err)
	}
	n, err := b.inline(base, typeName(t), pointers > 0)
	if err != nil {
		return nil, err
	}
	n.pointers = pointers
	return n, nil
}

// node builds the node of one occurrence of t. addressable says whether
// encoding/json will find methods on *t when it writes.
func (b *builder) node(t reflect.Type, owner string, addressable bool) (*node, error) {
	base, pointers, err := indirect(t)
	if err != nil {
		return nil, typeError(owner, err)
	}
	var n *node
	if b.inCycle(base) {
		n, err = b.refer(base, owner)
	} else {
		n, err = b.inline(base, owner, addressable || pointers > 0)
	}
	if err != nil {
		return nil, err
	}
	n.pointers = pointers
	n.null = b.out && !n.untyped() && (pointers > 0 || b.nilable(base))
	return n, nil
}

// nilable reports whether encoding/json may write null for a t.
func (b *builder) nilable(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && mannerOf(t, false, b.out) == byKind
}

// indirect takes the pointers off t and counts them.
func indirect(t reflect.Type) (base reflect.Type, pointers int, err error) {
	for seen := map[reflect.Type]bool{}; t.Kind() == reflect.Pointer; t = t.Elem() {
		if seen[t] {
			return nil, 0, fmt.Errorf("the pointer type %s leads only to itself: use a struct", typeName(t))
		}
		seen[t] = true
		pointers++
	}
	return t, pointers, nil
}

// inCycle reports whether t contains itself. Only such types become $defs: every
// cycle has a type with a name in it, and pointers are looked through.
func (b *builder) inCycle(t reflect.Type) bool {
	if t.Name() == "" {
		return false
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
	default: // there is nothing in it, or it is a pointer
		return false
	}
	if in, ok := b.cyclic[t]; ok {
		return in
	}
	seen := map[reflect.Type]bool{}
	var reaches func(from reflect.Type) bool
	reaches = func(from reflect.Type) bool {
		for _, part := range b.parts(from) {
			if part == t {
				return true
			}
			if !seen[part] {
				seen[part] = true
				if reaches(part) {
					return true
				}
			}
		}
		return false
	}
	b.cyclic[t] = reaches(t)
	return b.cyclic[t]
}

// parts lists the types that the nodes below t's are of.
func (b *builder) parts(t reflect.Type) []reflect.Type {
	if mannerOf(t, false, b.out) != byKind {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return []reflect.Type{t.Elem()}
	case reflect.Struct:
		var all []reflect.Type
		for _, f := range b.fieldsOf(t) {
			all = append(all, f.Type)
		}
		return all
	}
	return nil
}

func (b *builder) fieldsOf(t reflect.Type) []*structField {
	all, ok := b.fields[t]
	if !ok {
		all = structFields(t)
		b.fields[t] = all
	}
	return all
}

// refer builds a node that points to the definition of t.
func (b *builder) refer(t reflect.Type, owner string) (*node, error) {
	def, ok := b.defs[t]
	if !ok {
		// The definition refers to itself while it is being built.
		def = &node{}
		b.defs[t] = def
		b.names[t] = b.nameFor(t)
		// Held for now, so that no other type takes the name.
		b.definitions[b.names[t]] = nil
		built, err := b.inline(t, owner, true)
		if err != nil {
			return nil, err
		}
		b.nodes[len(b.nodes)-1] = def
		*def = *built
		b.definitions[b.names[t]] = def.schema
	}
	n := &node{
		typ:    t,
		owner:  owner,
		schema: &jsonschema.Schema{Ref: "#/$defs/" + b.names[t]},
		codec:  &reference{def},
	}
	b.nodes = append(b.nodes, n)
	return n, nil
}

// inline builds the node of a t, described in place.
func (b *builder) inline(t reflect.Type, owner string, addressable bool) (*node, error) {
	if len(b.nodes) >= maxParts {
		return nil, typeError(owner, fmt.Errorf("the document has more than %d parts: write it by hand, or give large types a JSONSchema method", maxParts))
	}
	n := &node{typ: t, owner: owner, schema: &jsonschema.Schema{}}
	if err := b.fill(n, addressable); err != nil {
		return nil, err
	}
	b.limit(n)
	if err := b.extend(n); err != nil {
		return nil, typeError(owner, err)
	}
	if n.schema.Description == "" && t.Name() != "" && b.opts.Describe != nil {
		n.schema.Description = b.opts.Describe(t, "")
	}
	b.nodes = append(b.nodes, n)
	return n, nil
}

// limit gives n the values that Options.Enum knows of.
func (b *builder) limit(n *node) {
	if b.out || b.opts.Enum == nil || n.typ.Name() == "" || mannerOf(n.typ, false, b.out) != byKind {
		return
	}
	switch n.schema.Type {
	case "string", "integer":
		n.schema.Enum = b.opts.Enum(n.typ)
	}
}

// A manner is the way a type is read and written.
type manner int

const (
	byKind     manner = iota // as its Go kind is
	byRule                   // as this package says, for types of the standard library
	byAlias                  // documented as another type, by JSONSchemaAlias
	byDocument               // documented by JSONSchema
	byJSON                   // by its own MarshalJSON or UnmarshalJSON
	byText                   // by its own MarshalText or UnmarshalText
)

// mannerOf tells how t is read, or written if out. As in encoding/json, methods
// for reading are found on *t, and methods for writing only if it is addressable.
func mannerOf(t reflect.Type, addressable, out bool) manner {
	pointer := reflect.PointerTo(t)
	switch {
	case t == timeType, t == durationType, t == numberType, t == rawType:
		return byRule
	case t.Kind() == reflect.Interface, t.Kind() == reflect.Pointer:
		return byKind
	case pointer.Implements(aliased):
		return byAlias
	case pointer.Implements(documented):
		return byDocument
	case out && pointer.Implements(marshaler), !out && pointer.Implements(unmarshaler):
		return byJSON
	case !out && pointer.Implements(textUnmarshaler),
		out && (t.Implements(textMarshaler) || addressable && pointer.Implements(textMarshaler)):
		return byText
	case out && pointer.Implements(textMarshaler):
		return byJSON // text or structure, and the type does not say which
	}
	return byKind
}
