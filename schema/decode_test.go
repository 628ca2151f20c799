package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// decode reads in as a T.
func decode[T any](t testing.TB, o Options, in string, strict bool) (T, error) {
	t.Helper()
	var v T
	err := mustInput(t, reflect.TypeFor[T](), o).Decode([]byte(in), reflect.ValueOf(&v).Elem(), strict)
	return v, err
}

type forecast struct {
	City   string            `json:"city"`
	Days   int               `json:"days" jsonschema:"minimum=1,maximum=7"`
	Units  string            `json:"units,omitempty" jsonschema:"enum=metric,enum=imperial,default=metric"`
	Rate   float64           `json:"rate,omitempty"`
	On     bool              `json:"on,omitempty"`
	Tags   []string          `json:"tags,omitempty" jsonschema:"maxItems=2,uniqueItems=true"`
	Where  *place2           `json:"where,omitempty"`
	Places []place2          `json:"places,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Wait   time.Duration     `json:"wait,omitempty"`
	At     time.Time         `json:"at,omitzero"`
	Data   []byte            `json:"data,omitempty"`
	Code   string            `json:"code,omitempty" jsonschema:"pattern=^[a-z]+$,minLength=2,maxLength=4"`
	Any    any               `json:"any,omitempty"`
	Loud   upper             `json:"loud,omitempty"`
	Pair   [2]int8           `json:"pair,omitzero"`
	Even   float64           `json:"even,omitempty" jsonschema:"multipleOf=0.5"`
	Color  *color            `json:"color,omitempty"`
}

type place2 struct {
	Name string  `json:"name"`
	Lat  float64 `json:"lat,omitempty" jsonschema:"minimum=-90,exclusiveMaximum=90"`
}

// TestProblems: every way to be wrong, in the words that a model reads.
func TestProblems(t *testing.T) {
	const ok = `"city":"rome","days":3`
	p := mustInput(t, reflect.TypeFor[forecast](), Options{})
	for _, tt := range []struct{ in, want string }{
		{`{"days":9,"units":"kelvin","citty":"x"}`,
			`days: expected an integer from 1 to 7, got 9; units: expected one of "metric", "imperial", got "kelvin"; citty: unknown property, did you mean "city"?; city: missing, expected a string`},
		{`{}`, `city: missing, expected a string; days: missing, expected an integer from 1 to 7`},
		{`[]`, `arguments: expected an object, got []`},
		{`7`, `arguments: expected an object, got 7`},
		{`{` + ok + `,"City":1}`, `City: unknown property, did you mean "city"?`},
		{`{` + ok + `,"zzz":1}`, `zzz: unknown property`},
		{`{` + ok + `,"":1}`, `[""]: unknown property`},
		{`{` + ok + `,"a.b\n":1}`, `["a.b\n"]: unknown property`},
		{`{"city":5,"days":3}`, `city: expected a string, got 5`},
		{`{"city":null,"days":3}`, `city: expected a string, got null`},
		{`{"city":"","days":true}`, `days: expected an integer from 1 to 7, got true`},
		{`{"city":"","days":3.5}`, `days: expected an integer from 1 to 7, got 3.5`},
		{`{"city":"","days":1e1000000000}`, `days: expected an integer from 1 to 7, got 1e1000000000`},
		{`{"city":"","days":1e-1000000000}`, `days: expected an integer from 1 to 7, got 1e-1000000000`},
		{`{` + ok + `,"rate":"fast"}`, `rate: expected a number, got "fast"`},
		{`{` + ok + `,"rate":1e400}`, `rate: expected a number of an ordinary size, got 1e400`},
		{`{` + ok + `,"on":"yes"}`, `on: expected a boolean, got "yes"`},
		{`{` + ok + `,"on":1}`, `on: expected a boolean, got 1`},
		{`{` + ok + `,"tags":["a","a"]}`, `tags[1]: expected items that differ from each other, got "a" again`},
		{`{` + ok + `,"tags":["a","b","c"]}`, `tags: expected an array of at most 2 items, got 3 items`},
		{`{` + ok + `,"tags":"a"}`, `tags: expected an array of at most 2 items, got "a"`},
		{`{` + ok + `,"tags":[1]}`, `tags[0]: expected a string, got 1`},
		{`{` + ok + `,"where":{}}`, `where.name: missing, expected a string`},
		{`{` + ok + `,"places":[{"name":"a"},{"name":"b","lat":90},{"name":7}]}`,
			`places[1].lat: expected a number of at least -90 below 90, got 90; places[2].name: expected a string, got 7`},
		{`{` + ok + `,"labels":{"x y":1}}`, `labels["x y"]: expected a string, got 1`},
		{`{` + ok + `,"wait":"soon"}`, `wait: expected a duration such as "1m30s", got "soon"`},
		{`{` + ok + `,"wait":5}`, `wait: expected a duration such as "1m30s", got 5`},
		{`{` + ok + `,"wait":"99999999h"}`, `wait: expected a duration such as "1m30s", got "99999999h"`},
		{`{` + ok + `,"at":"today"}`, `at: expected a date-time such as "2006-01-02T15:04:05Z", got "today"`},
		{`{` + ok + `,"data":"%%"}`, `data: expected a base64 string, got "%%"`},
		{`{` + ok + `,"code":"a"}`, `code: expected a string of 2 to 4 characters matching ^[a-z]+$, got "a" of 1 character`},
		{`{` + ok + `,"code":"ééé"}`, `code: expected a string of 2 to 4 characters matching ^[a-z]+$, got "ééé"`},
		{`{` + ok + `,"loud":"abc"}`, `loud: expected a string, got "abc" (not in capitals)`},
		{`{` + ok + `,"pair":[1]}`, `pair: expected an array of 2 items, got 1 item`},
		{`{` + ok + `,"pair":[1,2,3]}`, `pair: expected an array of 2 items, got 3 items`},
		{`{` + ok + `,"pair":[1,200]}`, `pair[1]: expected an integer from -128 to 127, got 200`},
		{`{` + ok + `,"even":0.7}`, `even: expected a number that is a multiple of 0.5, got 0.7`},
		{`{` + ok + `,"color":"blue"}`, `color: expected one of "red", "green", got "blue"`},
		{`{` + ok + `,"code":"` + strings.Repeat("é", 100) + `"}`,
			`code: expected a string of 2 to 4 characters matching ^[a-z]+$, got "` + strings.Repeat("é", 29) + `… of 100 characters`},
		{`{` + ok + `,"where":{"name":` + strings.Repeat("[1,  ", 30) + strings.Repeat("]", 30) + `}}`, ``},
		{`{` + ok + `,"where":[ 1 ,` + "\n\t" + `{"a":  2}]}`, `where: expected an object, got [ 1 , {"a": 2}]`},
		{`{"a1":1,"a2":1,"a3":1,"a4":1,"a5":1,"a6":1,"a7":1,"a8":1,"a9":1}`,
			`a1: unknown property; a2: unknown property; a3: unknown property; a4: unknown property; a5: unknown property; a6: unknown property; a7: unknown property; a8: unknown property`},
	} {
		var v forecast
		err := p.Decode([]byte(tt.in), reflect.ValueOf(&v).Elem(), false)
		if tt.want == "" { // not JSON
			var e *Error
			if err == nil || errors.As(err, &e) {
				t.Errorf("%.80s: %v, want a syntax error", tt.in, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.80s: %v, want %s", tt.in, err, tt.want)
			continue
		}
		if got := err.Error(); got != "invalid arguments: "+tt.want {
			t.Errorf("%.80s\ngives %s\nwant  invalid arguments: %s", tt.in, got, tt.want)
		}
		for _, word := range []string{"schema.", "main.", "reflect", "int64", "float64", "forecast", "Go "} {
			if strings.Contains(err.Error(), word) {
				t.Errorf("%.80s: the text tells %q: %v", tt.in, word, err)
			}
		}
	}
}

// TestSyntax: what is not JSON is refused as such, wherever it is.
func TestSyntax(t *testing.T) {
	for _, in := range []string{
		`{`, `{"city":}`, `{"city":"x","days":3}x`, `{"city":"x" "days":3}`, `{"unknown":[}`, `[1,]`, ` `, `nul`, `null x`,
		`{"any":[}`, `{"at":"x`, `{"days":1.}`, `{"tags":[1,]}`, `{"tags":["a`, `{"units":"x`, `{"color":tru`, `{"days":[`,
		`{"places":[{"name":"x",}]}`, `{"labels":{"a":"b"`, `"{\"city\"`, `{"city":"\q"}`,
		strings.Repeat("[", 2000) + strings.Repeat("]", 2000),
	} {
		_, err := decode[forecast](t, Options{}, in, false)
		var e *Error
		if err == nil || errors.As(err, &e) {
			t.Errorf("%.40s: %v, want a syntax error", in, err)
		}
	}
}

// checker returns a function that compares what was decoded.
func checker(t *testing.T) func(in string, got any, err error, want any) {
	return func(in string, got any, err error, want any) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", in, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, want %#v", in, got, want)
		}
	}
}

// TestIntegers: integers arrive exactly, however they are written.
func TestIntegers(t *testing.T) {
	check := checker(t)
	ints := func(in string, want int64) {
		t.Helper()
		got, err := decode[int64](t, Options{}, in, true)
		check(in, got, err, want)
	}
	ints(`9007199254740993`, 9007199254740993)
	ints(`9223372036854775807`, math.MaxInt64)
	ints(`-9223372036854775808`, math.MinInt64)
	ints(`5.0`, 5)
	ints(`50e-1`, 5)
	ints(`5e0`, 5)
	ints(`-0`, 0)
	ints(`0e99999999999999999999`, 0)
	ints(`123.4500e4`, 1234500)
	uints := func(in string, want uint64) {
		t.Helper()
		got, err := decode[uint64](t, Options{}, in, true)
		check(in, got, err, want)
	}
	uints(`18446744073709551615`, math.MaxUint64)
	uints(`1e19`, 10000000000000000000)
	for _, in := range []string{`9223372036854775808`, `-9223372036854775809`, `1e19`, `1e2147483648`, `1e18446744073709551616`} {
		if _, err := decode[int64](t, Options{}, in, true); err == nil || !strings.Contains(err.Error(), "from -9223372036854775808 to 9223372036854775807") {
			t.Errorf("%s: %v", in, err)
		}
	}
	for _, in := range []string{`18446744073709551616`, `-1`} {
		if _, err := decode[uint64](t, Options{}, in, true); err == nil {
			t.Errorf("%s is taken for a uint64", in)
		}
	}
}

// TestValues: what is right arrives, exactly.
func TestValues(t *testing.T) {
	check := checker(t)
	text := func(in, want string) {
		t.Helper()
		got, err := decode[string](t, Options{}, in, true)
		check(in, got, err, want)
	}
	text(`"a\u0000\ud83d\ude00é"`, "a\x00😀é")
	text("\"\xff\"", "\uFFFD")
	number, err := decode[json.Number](t, Options{}, `1.50e1000000000`, true)
	check("json.Number", number, err, json.Number("1.50e1000000000"))
	raw, err := decode[struct{ R json.RawMessage }](t, Options{}, `{"R": {"a" : [1 ]} }`, true)
	check("RawMessage", string(raw.R), err, `{"a" : [1 ]}`)
	anyv, err := decode[struct{ A any }](t, Options{}, `{"A":{"a":[1,"5",null]}}`, false)
	check("any", anyv.A, err, map[string]any{"a": []any{1.0, "5", nil}})
	m, err := decode[map[int8][]string](t, Options{}, `{"-5":["x"],"7":[]}`, true)
	check("map", m, err, map[int8][]string{-5: {"x"}, 7: {}})
	_, err = decode[struct{ M map[uint8]int }](t, Options{}, `{"M":{"-1":1,"300":2}}`, true)
	if want := `invalid arguments: M.-1: expected a property name that is a positive integer, got "-1"; M.300: expected a property name that is a positive integer, got "300"`; err == nil || err.Error() != want {
		t.Errorf("wrong keys: %v, want %s", err, want)
	}
	_, err = decode[quotedFields](t, Options{}, `{"int":"1","float":"1","bool":"true","string":"null","dur":"1s"}`, true)
	if want := `invalid arguments: string: expected a string, got "null"`; err == nil || err.Error() != want {
		t.Errorf("a quoted null: %v, want %s", err, want)
	}
	dict, err := decode[map[string]inner](t, Options{}, `{"x":{"a":"1","b":2},"y":{"a":"3"}}`, true)
	check("map of structs", dict, err, map[string]inner{"x": {"1", 2}, "y": {A: "3"}})
	empty, err := decode[[]int](t, Options{}, `[]`, true)
	check("empty", empty, err, []int{})
	long, err := decode[[]int](t, Options{}, `[0,1,2,3,4,5,6,7,8,9,10]`, true)
	check("long", long, err, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	pp, err := decode[struct{ P **int }](t, Options{}, `{"P":4}`, true)
	if err != nil || **pp.P != 4 {
		t.Errorf("a pointer to a pointer: %v %v", pp, err)
	}
	q, err := decode[quotedFields](t, Options{}, `{"int":"-5","uint":"200","float":"1.5e1","bool":"true","string":"\"a\"","dur":"1s"}`, true)
	if err != nil || q.Int != -5 || *q.Uint != 200 || q.Float != 15 || !q.Bool || q.String != "a" || q.Dur != time.Second {
		t.Errorf("the string option: %+v %v", q, err)
	}
}

// TestObjects: keys are matched exactly, and the last of equal ones wins.
func TestObjects(t *testing.T) {
	check := checker(t)
	last, err := decode[struct {
		A []int
		B struct {
			X int `json:",omitempty"`
			Y int `json:",omitempty"`
		}
	}](t, Options{}, `{"A":[1,2,3],"A":[4],"B":{"X":1},"B":{"Y":2}}`, true)
	if err != nil || !reflect.DeepEqual(last.A, []int{4}) || last.B.X != 0 || last.B.Y != 2 {
		t.Errorf("the last of equal keys: %+v %v", last, err)
	}
	open, err := decode[inner](t, Options{AllowUnknown: true}, `{"x":{"y":[1]},"a":"b"}`, true)
	check("unknown", open, err, inner{A: "b"})
	key, err := decode[inner](t, Options{}, `{"\u0061":"b"}`, true)
	check("an escaped key", key, err, inner{A: "b"})
	tree, err := decode[Node](t, Options{}, `{"value":1,"next":{"value":2,"kids":[{"value":3}]},"other":{"back":{"value":4}}}`, true)
	check("recursion", tree, err, Node{Value: 1, Next: &Node{Value: 2, Kids: []Node{{Value: 3}}}, Other: &Mutual{Back: &Node{Value: 4}}})
}

// TestFresh: nothing of an earlier call, of the text or of a default is shared.
func TestFresh(t *testing.T) {
	type args struct {
		List []int           `json:"list" jsonschema:"default=1,default=2"`
		Ptr  *int            `json:"ptr" jsonschema:"default=7"`
		Name string          `json:"name" jsonschema:"default=x"`
		Raw  json.RawMessage `json:"raw,omitempty"`
		Zero int             `json:"zero" jsonschema:"default=5"`
	}
	p := mustInput(t, reflect.TypeFor[args](), Options{})
	var a, b args
	data := []byte(`{"raw":[1],"zero":0}`)
	for _, v := range []*args{&a, &b} {
		if err := p.Decode(data, reflect.ValueOf(v).Elem(), true); err != nil {
			t.Fatal(err)
		}
	}
	a.List[0], *a.Ptr = 100, 100
	clear(data)
	if b.List[0] != 1 || *b.Ptr != 7 || string(b.Raw) != "[1]" || b.Name != "x" || b.Zero != 0 {
		t.Errorf("%+v", b)
	}
	if err := p.Decode(nil, reflect.ValueOf(&a).Elem(), true); err != nil || a.Raw != nil || a.List[0] != 1 || a.Zero != 5 {
		t.Errorf("%+v %v", a, err)
	}
}

// TestConcurrent: one plan serves many callers.
func TestConcurrent(t *testing.T) {
	p := mustInput(t, reflect.TypeFor[nearly](), Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				var v nearly
				good := p.Decode(fmt.Appendf(nil, `{"int":%d,"list":[1,2],"point":{"X":1,"Y":2}}`, i), reflect.ValueOf(&v).Elem(), true)
				bad := p.Decode([]byte(`{"kids":[{"enum":3}]}`), reflect.New(reflect.TypeFor[nearly]()).Elem(), true)
				if good != nil || v.Int != i || v.List[1] != 2 || v.Point.Y != 2 || bad == nil || !strings.Contains(bad.Error(), "kids[0].enum: expected one of 1, 2, got 3") {
					t.Errorf("%+v %v %v", v, good, bad)
				}
			}
		})
	}
	wg.Wait()
}

// fussy brings errors of its own, and those of encoding/json.
type fussy struct{ n int }

func (f *fussy) UnmarshalJSON(b []byte) error {
	if string(b) == `"cross"` {
		return errors.New("not today")
	}
	return json.Unmarshal(b, &f.n)
}

// TestOwnErrors: a type's own words are told, and Go's are not.
func TestOwnErrors(t *testing.T) {
	for in, want := range map[string]string{
		`{"F":"cross"}`: `F: expected a value that fits the schema, got "cross" (not today)`,
		`{"F":"x"}`:     `F: expected a value that fits the schema, got "x"`,
	} {
		if _, err := decode[struct{ F fussy }](t, Options{}, in, true); err == nil || err.Error() != "invalid arguments: "+want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

// TestPath: a path tells both ends, however long it is.
func TestPath(t *testing.T) {
	var steps []step
	for i := range 100 {
		steps = append(steps, step{name: "n" + strconv.Itoa(i)})
	}
	if got, want := pathText(steps), "n0.n1.n2.n3.n4.n5.n6.n7.….n92.n93.n94.n95.n96.n97.n98.n99"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := pathText(steps[:16]), "n0.n1.n2.n3.n4.n5.n6.n7.n8.n9.n10.n11.n12.n13.n14.n15"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestEmbedding: fields of embedded structs are found where encoding/json finds
// them, and embedded pointers are set only when they are needed.
func TestEmbedding(t *testing.T) {
	const in = `{"id":1,"Shared":"s","depth":2,"Won":3,"Won2":4,"from_hidden":5,"Label":"l","extra":{"E":6},"NoTag":8}`
	got, err := decode[shapes](t, Options{}, in, true)
	if err != nil {
		t.Fatal(err)
	}
	var want shapes
	if err := json.Unmarshal([]byte(in), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) || got.Other != nil {
		t.Errorf("%+v, want %+v", got, want)
	}
	got, err = decode[shapes](t, Options{}, strings.Replace(in, `{`, `{"won":10,`, 1), true)
	if err != nil || got.Other == nil || got.Other.Won != 10 {
		t.Errorf("%+v %v", got, err)
	}
}

// TestFieldNames: the properties are those that encoding/json writes.
func TestFieldNames(t *testing.T) {
	type twice struct {
		*Other
		Another
	}
	type (
		L0 struct{ V int }
		L1 struct{ L0 }
		L2 struct{ L0 }
		L  struct {
			L1
			L2
		}
	)
	for _, v := range []any{
		shapes{Other: &Other{}}, twice{Other: &Other{}}, L{}, scalars{}, composites{}, quotedFields{},
		struct {
			tagWins
			tagLoses
		}{},
		selfish{selfish: &selfish{}},
		struct {
			Base
			Shared int
		}{},
		struct {
			Other
			X int `json:"clash"`
		}{},
		struct {
			C int `json:"é€ x/y"`
			X int
		}{},
		reflect.Zero(oddTags).Interface(),
		struct {
			fmt.Stringer
			json.Number
			*strings.Builder
		}{Builder: &strings.Builder{}},
	} {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var keys map[string]any
		if err := json.Unmarshal(raw, &keys); err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, f := range structFields(reflect.TypeOf(v)) {
			got[f.name] = true
			if _, ok := keys[f.name]; !ok {
				t.Errorf("%T: a property %q, encoding/json writes %s", v, f.name, raw)
			}
		}
		for k := range keys {
			if !got[k] {
				t.Errorf("%T: no property %q", v, k)
			}
		}
	}
}

// TestSuggest: a suggestion is close, or there is none.
func TestSuggest(t *testing.T) {
	names := []string{"city", "dry_run", "maxResults", "q", "units"}
	for in, want := range map[string]string{
		"citty": "city", "ciyt": "", "cities": "", "dryRun": "dry_run", "Dry-Run": "dry_run", "max_results": "maxResults",
		"unit": "units", "x": "", "Q": "q", "": "", strings.Repeat("c", 1000): "", "uints": "units", "maxResultz": "maxResults",
	} {
		if got := suggest(in, names); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
