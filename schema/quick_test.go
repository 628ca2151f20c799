package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// quickNumbers and quickTexts have every bound that the quick ways look at.
type quickNumbers struct {
	I   int           `json:"i,omitempty" jsonschema:"minimum=-7,maximum=1000"`
	IX  int64         `json:"ix,omitempty" jsonschema:"exclusiveMinimum=-7,exclusiveMaximum=7"`
	I8  int8          `json:"i8,omitempty"`
	I16 int16         `json:"i16,omitempty" jsonschema:"minimum=-3.5"`
	I32 *int32        `json:"i32,omitempty"`
	I64 int64         `json:"i64,omitempty" jsonschema:"minimum=-9223372036854775808"`
	U   uint          `json:"u,omitempty" jsonschema:"maximum=1e3"`
	U8  uint8         `json:"u8,omitempty" jsonschema:"exclusiveMinimum=0"`
	U64 uint64        `json:"u64,omitempty" jsonschema:"maximum=18446744073709551615"`
	M   int           `json:"m,omitempty" jsonschema:"multipleOf=3"`
	E   int           `json:"e,omitempty" jsonschema:"enum=1,enum=2"`
	F   float64       `json:"f,omitempty" jsonschema:"minimum=0.1,maximum=16777217"`
	FX  float64       `json:"fx,omitempty" jsonschema:"exclusiveMinimum=-0.3,exclusiveMaximum=1e400"`
	F32 float32       `json:"f32,omitempty" jsonschema:"minimum=-0.1,exclusiveMaximum=16777217"`
	G   float32       `json:"g,omitempty"`
	N   []json.Number `json:"n,omitempty"`
	L   []int         `json:"l,omitempty" jsonschema:"minItems=2,maxItems=5"`
	S   []float64     `json:"s,omitempty" jsonschema:"uniqueItems=true"`
}

type quickTexts struct {
	S    string                      `json:"s,omitempty"`
	Size string                      `json:"size,omitempty" jsonschema:"minLength=2,maxLength=5"`
	Min  string                      `json:"min,omitempty" jsonschema:"minLength=1"`
	P    string                      `json:"p,omitempty" jsonschema:"pattern=^[a-zé]*$,maxLength=3"`
	E    string                      `json:"e,omitempty" jsonschema:"enum=a,enum=é,enum=a b,enum="`
	Both *string                     `json:"both,omitempty" jsonschema:"enum=a,enum=ab,enum=abc"`
	Many quickMany                   `json:"many,omitempty"`
	Odd  quickOdd                    `json:"odd,omitempty"`
	M    map[string]bool             `json:"m,omitempty"`
	L    []*quickTexts               `json:"l,omitempty"`
	In   struct{ A, B, C, D string } `json:"in,omitzero"`
}

type (
	quickMany string
	quickOdd  string
)

func quickEnum(t reflect.Type) []any {
	switch t.Name() {
	case "quickMany":
		var all []any
		for c := 'a'; c < 'p'; c++ {
			all = append(all, string(c))
		}
		return all
	case "quickOdd": // what a comparison of the text alone would get wrong
		return []any{`a\nb`, `\u0061`, "tab\t", "quote\"", "\xff", "ok"}
	}
	return nil
}

// slowPlan is the plan of t with none of the quick ways.
func slowPlan(t testing.TB, typ reflect.Type) *Plan {
	p := mustInput(t, typ, Options{Enum: quickEnum})
	seen := map[*node]bool{}
	var slow func(n *node)
	slow = func(n *node) {
		if seen[n] {
			return
		}
		seen[n] = true
		switch c := n.codec.(type) {
		case *number:
			c.quick = quickRange{}
		case *text:
			c.plain, c.choices = false, texts{}
		case *list:
			slow(c.element)
		case *dict:
			slow(c.element)
		case *reference:
			slow(c.to)
		case *object:
			for i := range c.fields {
				slow(c.fields[i].node)
			}
		}
	}
	slow(p.root)
	return p
}

// plans are a plan and the same without its quick ways.
type plans struct {
	typ        reflect.Type
	fast, slow *Plan
}

func quickPlans(t testing.TB) []plans {
	var all []plans
	for _, typ := range []reflect.Type{
		reflect.TypeFor[quickNumbers](), reflect.TypeFor[quickTexts](), reflect.TypeFor[forecast](), reflect.TypeFor[strictly](), reflect.TypeFor[wideArgs](),
	} {
		all = append(all, plans{typ, mustInput(t, typ, Options{Enum: quickEnum}), slowPlan(t, typ)})
	}
	return all
}

// check reads in by both plans, and by encoding/json, and reports whether it is right.
func (w plans) check(t *testing.T, in []byte) (ok bool) {
	t.Helper()
	for _, strict := range []bool{true, false} {
		got, want := reflect.New(w.typ), reflect.New(w.typ)
		gotErr, wantErr := w.fast.Decode(in, got.Elem(), strict), w.slow.Decode(in, want.Elem(), strict)
		if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
			t.Fatalf("%v, strict %t: %s\ngives %v\nwant  %v", w.typ, strict, in, gotErr, wantErr)
		}
		if gotErr != nil {
			return false
		}
		if !reflect.DeepEqual(got.Interface(), want.Interface()) {
			t.Fatalf("%v, strict %t: %s\ngives %+v\nwant  %+v", w.typ, strict, in, got.Elem(), want.Elem())
		}
		if !strict {
			return true
		}
		// Which has other rules for equal keys and for null, and no defaults.
		if w.typ != reflect.TypeFor[quickNumbers]() && w.typ != reflect.TypeFor[quickTexts]() {
			continue
		}
		if std := reflect.New(w.typ); json.Unmarshal(in, std.Interface()) == nil && plainly(in) && !reflect.DeepEqual(got.Interface(), std.Interface()) {
			t.Fatalf("%v: %s\ngives %+v\nencoding/json says %+v", w.typ, in, got.Elem(), std.Elem())
		}
	}
	return true
}

// plainly reports whether in has neither null nor a key twice.
func plainly(in []byte) bool {
	if strings.Contains(string(in), "null") {
		return false
	}
	keys := map[string]bool{}
	for piece := range strings.SplitSeq(string(in), `"`) {
		if keys[piece] && piece != "," && piece != ":" {
			return false
		}
		keys[piece] = true
	}
	return true
}

var quickValues = []string{
	`0`, `-0`, `1`, `2`, `-7`, `7`, `6`, `3.0`, `5e0`, `1000`, `1001`, `127`, `-128`, `128`, `255`, `256`, `-129`, `-32768`, `32767`, `2147483647`, `-2147483649`,
	`9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`, `18446744073709551615`, `18446744073709551616`,
	`999999999999999999`, `1000000000000000000`, `100000000000000000000000`, `0.1`, `0.10000000000000000001`, `0.09999999999999999999`, `-0.3`, `-0.29999999999999999`, `-0.30000000000000000001`,
	`16777216`, `16777217`, `16777217.0`, `16777216.99999999999999`, `1e400`, `-1e400`, `1e-400`, `1.5`, `-0.0`, `0.0000001`, `3.4028236e38`, `1e39`, `12345678`, `"5"`, `" 7 "`, `"1.5"`,
	`""`, `"a"`, `"ab"`, `"abc"`, `"é"`, `"éé"`, `"ééééé"`, `"éééééé"`, `"abcdef"`, `"😀"`, `"a b"`, `"\u0061"`, `"a\nb"`, `"a\\nb"`, `"\\u0061"`, `"tab\t"`, `"quote\""`,
	"\"\xff\"", `"\ufffd"`, `"\ud83d"`, `"ok"`, `"o"`, `"p"`, `"true"`, `"True"`, `null`, `true`, `[]`, `[1]`, `[1,2]`, `[1,2,3,4,5]`, `[1,2,3,4,5,6]`, `[1,1]`, `["1",1.0]`, `[1,"x",null]`, `{}`, `{"a":true}`,
	`{"A":"1","B":"2","C":"3","D":"4"}`, `{"D":"4","C":"3","B":"2","A":"1"}`, `{"A":"1","A":"2"}`, `[{"s":"x"},{"e":"é"}]`, `[{"s":1}]`, `"{}"`, `"[1,2]"`,
}

// randomMembers writes an object with some of the properties of the struct t, in
// any order.
func randomMembers(r *rand.Rand, t reflect.Type) []byte {
	fields := structFields(t)
	var members []string
	for range 1 + r.IntN(4) {
		f := fields[r.IntN(len(fields))]
		members = append(members, fmt.Sprintf("%q:%s", f.name, quickValues[r.IntN(len(quickValues))]))
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}

// TestQuick: the quick ways give what the others give, right or wrong.
func TestQuick(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for i, w := range quickPlans(t) {
		right := 0
		for _, f := range structFields(w.typ) {
			for _, value := range quickValues {
				w.check(t, fmt.Appendf(nil, "{%q:%s}", f.name, value))
			}
		}
		for range 20_000 {
			if w.check(t, randomMembers(r, w.typ)) {
				right++
			}
		}
		if right < 500 && i < 2 {
			t.Errorf("%v: only %d values were right: the test proves little", w.typ, right)
		}
		w.check(t, wideInput())
	}
}

// FuzzQuick is TestQuick with any text.
func FuzzQuick(f *testing.F) {
	all := quickPlans(f)
	r := rand.New(rand.NewPCG(9, 10))
	for _, w := range all {
		for range 10 {
			f.Add(randomMembers(r, w.typ))
		}
	}
	f.Add(wideInput())
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, w := range all {
			w.check(t, in)
		}
	})
}

// TestQuickNumbers holds the parts against package strconv.
func TestQuickNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 100_000 {
		n := int64(r.Uint64()) >> r.IntN(64)
		text := fmt.Append(nil, n)
		if got, ok := plainInteger(text); ok && got != n || !ok && n > -1e18 && n < 1e18 {
			t.Fatalf("%s is read as %d, %t", text, got, ok)
		}
		for _, bits := range []int{32, 64} {
			var want float64
			if bits == 32 {
				want = float64(float32(n))
			} else {
				want = float64(n)
			}
			if got, ok := plainFloat(text, bits); !ok || got != want {
				t.Fatalf("%s is read as %v, want %v", text, got, want)
			}
		}
	}
	if f, _ := plainFloat([]byte("-0"), 64); !math.Signbit(f) {
		t.Error("-0 has no sign")
	}
}

// TestSized counts characters, though mostly it need not.
func TestSized(t *testing.T) {
	for _, s := range []string{"", "a", "é", "ab", "éé", "aé", "😀", "😀😀", "abcdefghi", strings.Repeat("é", 9), strings.Repeat("😀", 9)} {
		size := uint64(utf8.RuneCountInString(s))
		for least := range uint64(12) {
			for most := range uint64(12) {
				for _, c := range []struct {
					text
					want bool
				}{{text{}, true}, {text{min: &least}, size >= least}, {text{max: &most}, size <= most}, {text{min: &least, max: &most}, size >= least && size <= most}} {
					if got := c.sized(s); got != c.want {
						t.Fatalf("%q, from %v to %v: %t", s, c.min, c.max, got)
					}
				}
			}
		}
	}
}
