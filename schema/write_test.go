package schema

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/invopop/jsonschema"
)

// filler fills schemas with values at random, keywords that a later invopop may
// have among them.
type filler struct{ *rand.Rand }

var odd = []string{"plain", `"`, `\`, "<a & b>", "ü", "\u2028", "\x01\n", "\xff", "日本", ""}

func (f filler) schema(depth int) *jsonschema.Schema {
	switch n := f.IntN(12); {
	case n == 0:
		return jsonschema.TrueSchema
	case n == 1:
		return jsonschema.FalseSchema
	case n == 2:
		return anything()
	case n == 3:
		none := *jsonschema.FalseSchema
		none.Extras = map[string]any{}
		return &none
	case n == 4 && depth < 2:
		return nil
	case n == 5:
		return &jsonschema.Schema{}
	}
	s := &jsonschema.Schema{}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() && f.IntN(4) == 0 {
			v.Field(i).Set(f.value(v.Field(i).Type(), depth))
		}
	}
	return s
}

func (f filler) value(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	switch t {
	case reflect.TypeFor[json.Number]():
		v.SetString(fmt.Sprint(f.IntN(100)))
		return v
	case reflect.TypeFor[any]():
		v.Set(reflect.ValueOf([]any{odd[f.IntN(len(odd))], f.IntN(9), true, 1.5e300, json.Number("7"), []any{"<", nil}, map[string]any{"&": "é"}}[f.IntN(7)]))
		return v
	case reflect.TypeFor[*jsonschema.Schema]():
		if depth > 0 {
			v.Set(reflect.ValueOf(f.schema(depth - 1)))
		}
		return v
	}
	switch t.Kind() {
	case reflect.String:
		v.SetString(odd[f.IntN(len(odd))])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint64:
		v.SetUint(f.Uint64N(3))
	case reflect.Pointer:
		if t == reflect.TypeOf(jsonschema.Schema{}.Properties) {
			return reflect.ValueOf(f.properties(depth))
		}
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(f.value(t.Elem(), depth))
	case reflect.Slice:
		for range f.IntN(3) {
			v.Set(reflect.Append(v, f.value(t.Elem(), depth)))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		for range f.IntN(3) {
			v.SetMapIndex(f.value(t.Key(), depth), f.value(t.Elem(), depth))
		}
	default:
		panic("the schemas of invopop have a field of type " + t.String() + " now: have appendSchema write it")
	}
	return v
}

func (f filler) properties(depth int) any {
	all := jsonschema.NewProperties()
	for range f.IntN(3) {
		all.Set(odd[f.IntN(len(odd))], f.value(reflect.TypeFor[*jsonschema.Schema](), depth).Interface().(*jsonschema.Schema))
	}
	return all
}

// TestWriter: appendSchema writes what MarshalJSON does, whatever the schema.
func TestWriter(t *testing.T) {
	f := filler{rand.New(rand.NewPCG(1, 2))}
	for i := range 1000 {
		s := f.schema(3)
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendSchema(nil, s)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("schema %d is written\n%s\nwant\n%s", i, got, want)
		}
	}
	for _, s := range []*jsonschema.Schema{
		{Default: func() {}}, {Extras: map[string]any{"x": func() {}}}, {Items: &jsonschema.Schema{Minimum: "x"}},
	} {
		if b, err := appendSchema(nil, s); err == nil {
			t.Errorf("%s is written without an error", b)
		}
	}
}
