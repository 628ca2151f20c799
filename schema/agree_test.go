package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// suiting are values that suit properties of the agreed types, by name.
var suiting = map[string][]string{
	"s": {`"a"`, `"é"`, `"abc"`}, "e": {`"a"`, `"b"`}, "i": {"-5", "0", "99", "7.0"}, "u": {"0", "65535"}, "f": {"0.25", "1000", "-3"},
	"b": {"true", "false"}, "l": {"[]", "[1,2]", "[3,1,2]"}, "a": {"[1,2]", `[null,"x"]`}, "m": {"{}", `{"a":1}`}, "x": {`"a"`, "1", "2.0"},
	"d": {"1", "0"}, "r": {"1", "-2"}, "value": {"1"}, "next": {`{"value":2}`}, "kids": {"[]", `[{"value":3}]`, `[{"r":4}]`},
	"other": {"{}", `{"back":{"value":1}}`}, "path": {`"p"`}, "url": {`"u"`}, "pointer": {"4"}, "forced": {"5"}, "nullable": {"null", "6"},
	"lists": {"[]", "[[],[true]]"}, "quoted": {`"12"`, `"-7"`}, "c": {`"red"`}, "p": {`{"X":1,"Y":-2}`}, "E": {"2"},
}

var others = []string{"1", "-6", "100", "0.3", "4", "65536", "true", "null", `"z"`, `"abcd"`, `""`, `"1"`, "[]", "{}", "[1,1.0]", `{"X":-1}`, `[{"r":"x"}]`}

// randomFor writes an object with properties of the struct t, most of which suit.
func randomFor(r *rand.Rand, t reflect.Type) []byte {
	var members []string
	for _, f := range structFields(t) {
		pool := suiting[f.name]
		switch n := r.IntN(16); {
		case n == 0 || f.omit && n < 8:
			continue
		case n == 1 || pool == nil:
			pool = others
		}
		members = append(members, fmt.Sprintf("%q:%s", f.name, pool[r.IntN(len(pool))]))
	}
	if r.IntN(30) == 0 {
		members = append(members, `"unknown":1`)
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}

// TestAgreement: strict Decode accepts exactly what a general validator accepts
// by the document.
func TestAgreement(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, typ := range agreed {
		p := mustInput(t, typ, Options{})
		doc, err := Compile(p.Document())
		if err != nil {
			t.Fatal(err)
		}
		accepted := 0
		for range 3000 {
			in := randomFor(r, typ)
			strict := p.Decode(in, reflect.New(typ).Elem(), true)
			valid := doc.Validate(in)
			if (strict == nil) != (valid == nil) {
				t.Fatalf("%v %s: strict says %v, the validator %v", typ, in, strict, valid)
			}
			if strict == nil {
				accepted++
			}
		}
		if accepted < 100 {
			t.Errorf("%v: only %d values were right: the test proves little", typ, accepted)
		}
	}
}

// fill gives v a random value that has no null in it.
func fill(r *rand.Rand, v reflect.Value, depth int) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(r.Int64N(4e9), r.Int64N(1e9)).UTC()))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{byte(r.Uint32()), 2, 3, 4})))
		return
	case json.Number:
		v.SetString("1.5e3")
		return
	case json.RawMessage:
		v.SetBytes([]byte(`{"a":[1,"x"]}`))
		return
	case upper:
		v.SetString("LOUD")
		return
	}
	n := r.IntN(3)
	if depth <= 0 {
		n = 0
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(n == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> (64 - v.Type().Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> (64 - v.Type().Bits()))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(float32(r.NormFloat64() * 1e6)))
	case reflect.String:
		v.SetString([]string{"", "a\"b\\é😀\u2028", "<&>"}[n])
	case reflect.Interface:
		v.Set(reflect.ValueOf([]any{"x", 1.5, map[string]any{"y": true}}[n]))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem(), depth)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i), depth-1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range n {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(r, key, 1)
			fill(r, elem, depth-1)
			v.SetMapIndex(key, elem)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && (depth > 0 || f.Type.Kind() != reflect.Pointer) {
				fill(r, v.Field(i), depth-1)
			}
		}
	}
}

// TestRoundTrip: what encoding/json writes is decoded to the same value, and
// fits the document of the output. Durations are left out: they are written as
// nanoseconds and read as words.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, typ := range []reflect.Type{
		reflect.TypeFor[scalars](), reflect.TypeFor[composites](), reflect.TypeFor[shapes](), reflect.TypeFor[Node](), reflect.TypeFor[Tree](),
		reflect.TypeFor[PlainGeneric[int16, []Generic[bool]]](), reflect.TypeFor[upper](), reflect.TypeFor[[]map[upper]netip.Addr](),
		reflect.TypeFor[struct {
			T *time.Time      `json:"t"`
			R json.RawMessage `json:"r"`
			N int64           `json:"n,string"`
			S string          `json:"s,string"`
			U *uint32         `json:"u,string"`
		}](),
	} {
		in := mustInput(t, typ, Options{})
		out, err := Output(typ, Options{})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := Compile(out.Document())
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			v, got := reflect.New(typ).Elem(), reflect.New(typ).Elem()
			fill(r, v, 4)
			raw, err := json.Marshal(v.Interface())
			if err != nil {
				t.Fatal(err)
			}
			if err := doc.Validate(raw); err != nil {
				t.Fatalf("%v: %s does not fit the output's document: %v", typ, raw, err)
			}
			if err := in.Decode(raw, got, true); err != nil {
				t.Fatalf("%v: %s: %v", typ, raw, err)
			}
			again, err := json.Marshal(got.Interface())
			if err != nil || !bytes.Equal(raw, again) {
				t.Fatalf("%v: %s became %s", typ, raw, again)
			}
		}
	}
}

// TestZeroOutput: also the zero value, with every nil in it, fits the document
// of the output.
func TestZeroOutput(t *testing.T) {
	for _, tt := range documents {
		p, err := Output(tt.t, tt.o)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := Compile(p.Document())
		if err != nil {
			t.Fatal(err)
		}
		switch tt.name {
		case "custom", "groups", "tags", "unnamed": // their zero values are no good values
			continue
		case "list": // a nil root is the caller's to avoid
			continue
		}
		typ, _, _ := indirect(tt.t)
		for _, v := range []reflect.Value{reflect.Zero(typ), reflect.New(typ)} {
			raw, err := json.Marshal(v.Interface())
			if err == nil {
				err = doc.Validate(raw)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", tt.name, raw, err)
			}
		}
	}
}
