package schema

import (
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/invopop/jsonschema"
)

type (
	endless  *endless
	badAlias struct{}
	nilAlias struct{}
	panicker struct{}
	panicked struct {
		panickedField
		A int
	}
	panickedField struct{}
	aliasPanic    struct{}
	extendPanic   int
	badBound      int
	badExtra      struct{}
	retyped       string
	grown         struct {
		A int `json:"a"`
	}
	conflict struct {
		A defs1 `json:"a"`
		B defs2 `json:"b"`
	}
	replaced struct {
		A int `json:"a"`
	}
	reitemed []int
	defs1    struct{}
	defs2    struct{}
	callback struct {
		Args struct{ Hook func() }
	}
	private  struct{ X int }
	embedder struct {
		*private
	}
	taggedEmbedder struct {
		*private `json:"p"`
	}
)

func (badAlias) JSONSchemaAlias() any { return badAlias{} }
func (nilAlias) JSONSchemaAlias() any { return nil }

func (panicker) JSONSchema() *jsonschema.Schema { panic("boom") }

func (aliasPanic) JSONSchemaAlias() any                 { panic("boom") }
func (extendPanic) JSONSchemaExtend(*jsonschema.Schema) { panic("boom") }
func (panickedField) GetFieldDocString(f string) string { panic("boom") }
func (badBound) JSONSchemaExtend(s *jsonschema.Schema)  { s.Minimum = "one" }
func (badExtra) JSONSchema() *jsonschema.Schema         { return &jsonschema.Schema{Default: func() {}} }

func (retyped) JSONSchemaExtend(s *jsonschema.Schema) { s.Type = "integer" }

func (grown) JSONSchemaExtend(s *jsonschema.Schema) {
	s.Properties.Set("b", &jsonschema.Schema{Type: "string"})
}

func (replaced) JSONSchemaExtend(s *jsonschema.Schema) { s.Properties.Delete("a") }
func (reitemed) JSONSchemaExtend(s *jsonschema.Schema) { s.Items = &jsonschema.Schema{} }

func (defs1) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Ref: "#/$defs/X", Definitions: jsonschema.Definitions{"Y": {Type: "string"}}}
}

func (defs2) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Definitions: jsonschema.Definitions{"Y": {Type: "integer"}}}
}

// oneField makes a struct of one field called F with a schema tag.
func oneField(t reflect.Type, tag string) reflect.Type {
	return reflect.StructOf([]reflect.StructField{{Name: "F", Type: t, Tag: reflect.StructTag(tag)}})
}

// TestTypeErrors: what cannot be done is refused when the plan is made, with
// the Go field and a remedy.
func TestTypeErrors(t *testing.T) {
	str, num, float := reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[float64]()
	list, anyT := reflect.TypeFor[[]int](), reflect.TypeFor[any]()
	for _, tt := range []struct {
		t    reflect.Type
		want string
	}{
		{nil, `no type`},
		{reflect.TypeFor[callback](), `Hook: JSON has no func(): leave the field out with the tag json:"-"`},
		{reflect.TypeFor[struct{ C chan int }](), `C: JSON has no chan int: leave the field out with the tag json:"-"`},
		{reflect.TypeFor[struct{ C complex128 }](), `C: JSON has no complex128: leave the field out with the tag json:"-"`},
		{reflect.TypeFor[struct{ P unsafe.Pointer }](), `P: JSON has no unsafe.Pointer: leave the field out with the tag json:"-"`},
		{reflect.TypeFor[struct{ R io.Reader }](), `R: JSON does not tell which io.Reader to make: use a concrete type, or any`},
		{reflect.TypeFor[struct{ P endless }](), `P: the pointer type schema.endless leads only to itself: use a struct`},
		{reflect.TypeFor[struct{ M map[float64]int }](), `M: float64 cannot be the name of a JSON property: use string keys`},
		{reflect.TypeFor[struct{ A badAlias }](), `A: JSONSchemaAlias leads back to its own type: return a value of another type`},
		{reflect.TypeFor[struct{ A nilAlias }](), `A: JSONSchemaAlias returns nil: return a value of another type`},
		{reflect.TypeFor[struct{ A panicker }](), `A: JSONSchema panicked: boom`},
		{reflect.TypeFor[struct{ A aliasPanic }](), `A: JSONSchemaAlias panicked: boom`},
		{reflect.TypeFor[struct{ A extendPanic }](), `A: JSONSchemaExtend panicked: boom`},
		{reflect.TypeFor[panicked](), `panicked.A: GetFieldDocString panicked: boom`},
		{reflect.TypeFor[struct{ A badBound }](), `A: minimum=one: write a JSON number`},
		{reflect.TypeFor[struct{ A badExtra }](), `A: the schema cannot be written: json`},
		{reflect.TypeFor[*endless](), `schema.endless: the pointer type schema.endless leads only to itself: use a struct`},
		{reflect.TypeFor[struct{ A retyped }](), `A: JSONSchemaExtend changes the type from "string" to "integer", which the Go type cannot hold: leave it, or document the type by JSONSchema`},
		{reflect.TypeFor[struct{ A grown }](), `A: JSONSchemaExtend adds property b, which the Go type does not have: leave it, or document the type by JSONSchema`},
		{reflect.TypeFor[struct{ A replaced }](), `A: JSONSchemaExtend removes or replaces property a: change it in place`},
		{reflect.TypeFor[struct{ A reitemed }](), `A: JSONSchemaExtend removes or replaces items: change it in place`},
		{reflect.TypeFor[conflict](), `conflict.B: JSONSchema brings a definition "Y", and there is another one of that name: rename it`},
		{reflect.TypeFor[defs1](), `schema.defs1: schema: the document: there is no schema at the $ref #/$defs/X: correct it, or move the schema to $defs`},
		{reflect.TypeFor[embedder](), `private.X: an embedded type without an exported name cannot be set: export the type`},
		{reflect.TypeFor[taggedEmbedder](), `taggedEmbedder.private: an embedded type without an exported name cannot be set: export the type`},
		{fan(20), `F2: the document has more than 10000 parts: write it by hand, or give large types a JSONSchema method`},
		{wide(2500), `struct: the document takes 325354 bytes, more than 262144: write it by hand, or give large types a JSONSchema method`},

		{oneField(str, `jsonschema:"pattern=^[a-z]{1,3}$"`), `F: unknown keyword "3}$" in the jsonschema tag: write keyword=value, and a comma inside a value as \\,`},
		{oneField(str, `jsonschema:"description=a, b"`), `F: unknown keyword " b" in the jsonschema tag: write keyword=value, and a comma inside a value as \\,`},
		{oneField(str, `jsonschema:"required,"`), `F: unknown keyword "" in the jsonschema tag: write keyword=value, and a comma inside a value as \\,`},
		{oneField(str, `jsonschema:"anchor=x"`), `F: unknown keyword "anchor=x" in the jsonschema tag: write keyword=value, and a comma inside a value as \\,`},
		{oneField(num, `jsonschema:"minimum=abc"`), `F: minimum=abc: write a JSON number`},
		{oneField(num, `jsonschema:"minimum=0x10"`), `F: minimum=0x10: write a JSON number`},
		{oneField(str, `jsonschema:"minLength=-1"`), `F: minLength=-1: write a number from 0 to 2147483647`},
		{oneField(str, `jsonschema:"pattern=("`), "F: pattern=(: error parsing regexp: missing closing ): `(`: write RE2 syntax, and a comma as \\\\,"},
		{oneField(num, `jsonschema:"minimum=5,maximum=3"`), `F: no number is within these bounds (an integer from 5 to 3): correct them`},
		{oneField(num, `jsonschema:"exclusiveMinimum=5,maximum=5"`), `F: no number is within these bounds (an integer of at most 5 above 5): correct them`},
		{oneField(str, `jsonschema:"minLength=5,maxLength=3"`), `F: minLength=5 is more than maxLength=3: correct them`},
		{oneField(list, `jsonschema:"minItems=5,maxItems=3"`), `F: minItems=5 is more than maxItems=3: correct them`},
		{oneField(reflect.TypeFor[[2]int](), `jsonschema:"maxItems=3"`), `F: minItems and maxItems of a Go array are its length, 2: remove them`},
		{oneField(reflect.TypeFor[int8](), `jsonschema:"minimum=-1000"`), `F: minimum=-1000: the field holds from -128 to 127: narrow that range or change the type`},
		{oneField(reflect.TypeFor[uint64](), `jsonschema:"minimum=-1"`), `F: minimum=-1: the field holds from 0 to 18446744073709551615: narrow that range or change the type`},
		{oneField(float, `jsonschema:"multipleOf=0"`), `F: multipleOf=0: write a number above 0 of at most 19 digits`},
		{oneField(str, `jsonschema:"minimum=1"`), `F: minimum=1: the keyword is for integer or number, not for string: remove it`},
		{oneField(num, `jsonschema:"minLength=1"`), `F: minLength=1: the keyword is for string, not for integer: remove it`},
		{oneField(list, `jsonschema:"minLength=1"`), `F: minLength=1: the keyword is for string, not for integer: remove it`},
		{oneField(anyT, `jsonschema:"enum=1"`), `F: enum=1: the keyword is for string or integer or number, not for a value of any type: remove it`},
		{oneField(reflect.TypeFor[bool](), `jsonschema:"default=yes"`), `F: default=yes: write true or false`},
		{oneField(reflect.TypeFor[[]string](), `jsonschema:"enum=a=b"`), `F: enum=a=b: a tag of an array cannot hold a second =: give the items a type of their own`},
		{oneField(list, `jsonschema:"uniqueItems=false"`), `F: uniqueItems=false: write true, or remove it`},
		{oneField(str, `jsonschema:"readOnly=maybe"`), `F: readOnly=maybe: write true or false`},
		{oneField(num, `jsonschema:"type=string"`), `F: type=string: the Go type decides: change it, or give it a JSONSchema method`},
		{oneField(num, `jsonschema:"oneof_type=string;integer"`), `F: oneof_type=string;integer: the Go type decides: use any, and types of JSON Schema`},
		{oneField(num, `jsonschema:"minimum=1,default=0"`), `F: default=0 does not fit: expected an integer of at least 1`},
		{oneField(num, `jsonschema:"enum=1.5"`), `F: enum=1.5 does not fit: expected exactly 1.5`},
		{oneField(num, `jsonschema:"enum=1,enum=2,default=3"`), `F: default=3 does not fit: expected one of 1, 2`},
		{oneField(str, `jsonschema:"maxLength=2,example=rome"`), `F: example="rome" does not fit: expected a string of at most 2 characters`},
		{oneField(durationType, `jsonschema:"default=soon"`), `F: default="soon" does not fit: expected a duration such as "1m30s"`},
		{oneField(list, `jsonschema:"default=a"`), `F: default=a: write a JSON number`},
		{oneField(list, `jsonschema:"minItems=2,default=1"`), `F: default=[1] does not fit: expected an array of at least 2 items`},
		{oneField(num, `jsonschema_extras:"minimum=1"`), `F: "minimum=1" in the jsonschema_extras tag: write keyword=value with a keyword that JSON Schema does not have`},
	} {
		_, err := Input(tt.t, Options{})
		if err == nil {
			t.Errorf("no error, want %s", tt.want)
			continue
		}
		if got := err.Error(); !strings.HasPrefix(got, "schema: ") || !strings.Contains(got, tt.want) {
			t.Errorf("the error is\n%s\nwant\n%s", got, tt.want)
		}
	}
}

// fan returns a type of n levels, each with two fields of the next: 2^n parts.
func fan(n int) reflect.Type {
	t := reflect.TypeFor[string]()
	for range n {
		t = reflect.StructOf([]reflect.StructField{{Name: "F1", Type: t}, {Name: "F2", Type: t}})
	}
	return t
}

// wide returns a type with n documented fields.
func wide(n int) reflect.Type {
	var fields []reflect.StructField
	for i := range n {
		fields = append(fields, reflect.StructField{
			Name: "F" + strconv.Itoa(i),
			Type: reflect.TypeFor[string](),
			Tag:  reflect.StructTag(`json:"f` + strconv.Itoa(i) + `" jsonschema_description:"` + strings.Repeat("d", 80) + `"`),
		})
	}
	return reflect.StructOf(fields)
}

// TestOutputErrors: output is not read, so that more types have one.
func TestOutputErrors(t *testing.T) {
	if _, err := Output(reflect.TypeFor[struct{ R io.Reader }](), Options{}); err != nil {
		t.Error(err)
	}
	if _, err := Output(reflect.TypeFor[struct{ F func() }](), Options{}); err == nil {
		t.Error("a func is written")
	}
	p, err := Output(reflect.TypeFor[inner](), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var v inner
	if err := p.Decode([]byte(`{"a":""}`), reflect.ValueOf(&v).Elem(), true); err == nil {
		t.Error("a plan for output decodes")
	}
}
