package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// agreed are types whose document says all that the decoder checks. What only
// the decoder checks (see the package comment) would be disagreement.
var agreed = []reflect.Type{
	reflect.TypeFor[strictly](),
	reflect.TypeFor[Node](),
	reflect.TypeFor[groups](),
	reflect.TypeFor[optionalsNoTime](),
	reflect.TypeFor[struct {
		C color `json:"c"`
		P point `json:"p"`
		E even  `json:"E"`
	}](),
}

type strictly struct {
	S    string         `json:"s,omitempty" jsonschema:"minLength=1,maxLength=3,pattern=^[a-zé]*$"`
	E    string         `json:"e,omitempty" jsonschema:"enum=a,enum=b"`
	I    int8           `json:"i,omitempty" jsonschema:"exclusiveMinimum=-6,exclusiveMaximum=100"`
	U    uint16         `json:"u,omitempty"`
	F    float64        `json:"f,omitempty" jsonschema:"multipleOf=0.25,maximum=1000"`
	B    bool           `json:"b,omitempty"`
	L    []int16        `json:"l,omitempty" jsonschema:"maxItems=3,uniqueItems=true,enum=1,enum=2,enum=3"`
	A    [2]any         `json:"a,omitzero"`
	M    map[string]int `json:"m,omitempty"`
	X    any            `json:"x,omitempty" jsonschema:"oneof_type=string;integer"`
	D    int32          `json:"d" jsonschema:"default=1"`
	Kids []strictly     `json:"kids,omitempty"`
	R    int32          `json:"r"`
}

type optionalsNoTime struct {
	Pointer  *int32   `json:"pointer"`
	Forced   *int32   `json:"forced" jsonschema:"required"`
	Nullable int32    `json:"nullable" jsonschema:"nullable"`
	Lists    [][]bool `json:"lists"`
	Quoted   int32    `json:"quoted,string,omitempty"`
}

var fuzzInputs = []string{
	`{}`, `null`, `""`, `{"r":1}`, `{"r":1,"s":"é","e":"a","i":5.0,"u":65535,"f":0.5,"b":true,"l":[1,2],"a":[null,{}],"m":{"x":1},"x":"y","kids":[{"r":2}]}`,
	`{"r":1e2,"l":[1,1.0],"i":"5","x":1.5}`, `{"value":1,"next":{"value":2},"kids":[{"value":3,"kids":[]}],"other":{"back":null}}`,
	`{"path":"a"}`, `{"path":"a","url":"b"}`, `{"forced":null,"nullable":null,"lists":[[true],[]],"quoted":"12"}`,
	`{"c":"red","p":{"X":0,"Y":1},"E":6}`, `{"c":"blue","p":{"X":-1,"Y":1},"E":4}`, `{"r":1,"r":"x"}`, "{\"s\":\"\xff\"}", `{"r":1e1000000000}`,
}

// FuzzDecode: Decode does not panic; a strict Decode accepts what a general
// validator accepts by the document, and a lenient one accepts at least that.
func FuzzDecode(f *testing.F) {
	type pair struct {
		plan *Plan
		doc  *Document
	}
	var pairs []pair
	for _, t := range agreed {
		p := mustInput(f, t, Options{})
		doc, err := Compile(p.Document())
		if err != nil {
			f.Fatal(err)
		}
		pairs = append(pairs, pair{p, doc})
	}
	for _, in := range fuzzInputs {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || bytes.Contains(data, []byte(`quoted`)) && bytes.Contains(data, []byte(`00000`)) {
			return // 32 bits in a string: the pattern does not tell
		}
		for i, p := range pairs {
			strict := p.plan.Decode(data, reflect.New(agreed[i]).Elem(), true)
			lenient := p.plan.Decode(data, reflect.New(agreed[i]).Elem(), false)
			valid := p.doc.Validate(data)
			if strict == nil && lenient != nil {
				t.Fatalf("%v %q: strict accepts, lenient says %v", agreed[i], data, lenient)
			}
			if (strict == nil) == (valid == nil) || beyond(data) {
				continue
			}
			t.Fatalf("%v %q: strict says %v, the validator %v", agreed[i], data, strict, valid)
		}
	})
}

// beyond reports data on which the two may differ: the validator computes with
// 64-bit floats, and stops at fewer levels.
func beyond(data []byte) bool {
	if nesting(data) > maxRecursion {
		return true
	}
	for _, digits := range strings.FieldsFunc(string(data), func(r rune) bool { return !strings.ContainsRune("0123456789.eE+-", r) }) {
		if len(digits) > 9 || strings.ContainsAny(digits, "eE") {
			return true
		}
	}
	return false
}

// typeFrom builds a type out of bytes.
func typeFrom(b *[]byte, depth int) reflect.Type {
	next := func() byte {
		if len(*b) == 0 {
			return 0
		}
		c := (*b)[0]
		*b = (*b)[1:]
		return c
	}
	leaves := []reflect.Type{
		reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[uint8](), reflect.TypeFor[float32](), reflect.TypeFor[bool](),
		reflect.TypeFor[any](), reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[json.RawMessage](),
		reflect.TypeFor[Node](), reflect.TypeFor[color](), reflect.TypeFor[upper](), reflect.TypeFor[func()](), reflect.TypeFor[chan int](),
		reflect.TypeFor[complex64](), reflect.TypeFor[error](), reflect.TypeFor[endless](), reflect.TypeFor[stringer](), reflect.TypeFor[Nested](),
	}
	tags := []string{
		"", `json:"a"`, `json:"b,omitempty"`, `json:"-"`, `json:"c,string"`, `jsonschema:"required"`, `jsonschema:"minimum=1"`,
		`jsonschema:"enum=a,enum=b"`, `jsonschema:"default=1"`, `jsonschema:"nullable"`, `jsonschema:"pattern=("`, `jsonschema:","`,
		`jsonschema:"oneof_required=x"`, `jsonschema_extras:"x-a=b"`, `jsonschema:"uniqueItems=true,minItems=1"`, `jsonschema:"type=object"`,
	}
	c := next()
	if depth == 0 {
		return leaves[int(c)%len(leaves)]
	}
	switch c % 7 {
	case 0:
		return reflect.SliceOf(typeFrom(b, depth-1))
	case 1:
		return reflect.PointerTo(typeFrom(b, depth-1))
	case 2:
		return reflect.ArrayOf(int(next()%4), typeFrom(b, depth-1))
	case 3:
		key := typeFrom(b, 0)
		if !key.Comparable() {
			key = reflect.TypeFor[int]()
		}
		return reflect.MapOf(key, typeFrom(b, depth-1))
	case 4, 5:
		var fields []reflect.StructField
		for i := range int(next() % 6) {
			fields = append(fields, reflect.StructField{
				Name: string(rune('A' + i)),
				Tag:  reflect.StructTag(tags[int(next())%len(tags)]),
				Type: typeFrom(b, depth-1),
			})
		}
		return reflect.StructOf(fields)
	}
	return leaves[int(next())%len(leaves)]
}

// FuzzTypes: no type makes Input or Output panic or hang; the documents are
// documents, and the decoder that comes with one does not panic.
func FuzzTypes(f *testing.F) {
	f.Add([]byte{4, 3, 1, 6, 0, 6, 6, 1, 7, 4, 2, 8, 0})
	f.Add([]byte{4, 5, 5, 0, 9, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7})
	for i := range 20 {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		b := make([]byte, 60)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		typ := typeFrom(&b, 4)
		for _, o := range []Options{{}, {AllowUnknown: true}} {
			if p, err := Output(typ, o); err == nil {
				lint(t, p)
			}
			p, err := Input(typ, o)
			if err != nil {
				continue
			}
			lint(t, p)
			for _, in := range fuzzInputs {
				v := reflect.New(typ).Elem()
				var e *Error
				if err := p.Decode([]byte(in), v, false); err != nil && !errors.As(err, &e) {
					t.Fatalf("%v %s: %v", typ, in, err)
				}
			}
		}
	})
}
