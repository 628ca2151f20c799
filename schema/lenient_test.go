package schema

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

type nearly struct {
	Int   int            `json:"int,omitempty"`
	Float float64        `json:"float,omitempty" jsonschema:"maximum=10"`
	Bool  bool           `json:"bool,omitempty"`
	Str   string         `json:"str,omitempty"`
	List  []int          `json:"list,omitempty" jsonschema:"uniqueItems=true"`
	Obj   *inner         `json:"obj,omitempty"`
	Map   map[string]int `json:"map,omitempty"`
	Any   any            `json:"any,omitempty"`
	Enum  int            `json:"enum,omitempty" jsonschema:"enum=1,enum=2"`
	Def   int            `json:"def" jsonschema:"default=3"`
	Null  *int           `json:"null" jsonschema:"nullable"`
	Point *point         `json:"point,omitempty"`
	Kids  []nearly       `json:"kids,omitempty"`
}

// TestLenient: what a model almost got right is taken, and a strict caller's is
// not. The want is the value, written by encoding/json.
func TestLenient(t *testing.T) {
	p := mustInput(t, reflect.TypeFor[nearly](), Options{})
	for _, tt := range []struct{ in, want string }{
		{`{"int":"5"}`, `{"int":5,"def":3,"null":null}`},
		{`{"int":" 5 "}`, `{"int":5,"def":3,"null":null}`},
		{`{"int":"5.0"}`, `{"int":5,"def":3,"null":null}`},
		{`{"float":"1e0"}`, `{"float":1,"def":3,"null":null}`},
		{`{"bool":"true"}`, `{"bool":true,"def":3,"null":null}`},
		{`{"bool":"True"}`, `{"bool":true,"def":3,"null":null}`},
		{`{"bool":"False"}`, `{"def":3,"null":null}`},
		{`{"list":"[1,2]"}`, `{"list":[1,2],"def":3,"null":null}`},
		{`{"list":["1",2]}`, `{"list":[1,2],"def":3,"null":null}`},
		{`{"list":"[\"1\"]"}`, `{"list":[1],"def":3,"null":null}`},
		{`{"obj":"{\"a\":\"x\"}"}`, `{"obj":{"a":"x"},"def":3,"null":null}`},
		{`{"map":"{\"a\":\"1\"}"}`, `{"map":{"a":1},"def":3,"null":null}`},
		{`{"enum":"2"}`, `{"enum":2,"def":3,"null":null}`},
		{`{"point":"{\"X\":1,\"Y\":2}"}`, `{"def":3,"null":null,"point":{"X":1,"Y":2}}`},
		{`{"int":null,"str":null,"list":null,"obj":null,"def":null}`, `{"def":3,"null":null}`},
		{`{"def":9,"def":null}`, `{"def":3,"null":null}`},
		{`{"int":9,"int":null,"list":[1],"list":null}`, `{"def":3,"null":null}`},
		{`{"kids":["{\"int\":\"1\",\"def\":0}"]}`, `{"def":3,"null":null,"kids":[{"int":1,"def":0,"null":null}]}`},
		{`"{\"int\":1}"`, `{"int":1,"def":3,"null":null}`},
		{`"{}"`, `{"def":3,"null":null}`},
		{` null `, `{"def":3,"null":null}`},
	} {
		var v nearly
		if err := p.Decode([]byte(tt.in), reflect.ValueOf(&v).Elem(), false); err != nil {
			t.Errorf("%s: %v", tt.in, err)
		} else if got, _ := json.Marshal(v); string(got) != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
		var e *Error
		if err := p.Decode([]byte(tt.in), reflect.ValueOf(&v).Elem(), true); !errors.As(err, &e) {
			t.Errorf("%s: strict gives %v", tt.in, err)
		}
	}
}

// TestLenientGroups: keywords of the general validator do not make a typed value
// strict.
func TestLenientGroups(t *testing.T) {
	type args struct {
		ID   int `json:"id,omitempty" jsonschema:"oneof_required=id"`
		Page int `json:"page,omitempty" jsonschema:"oneof_required=page"`
	}
	if v, err := decode[args](t, Options{}, `{"id":"5"}`, false); err != nil || v.ID != 5 {
		t.Errorf("%+v %v", v, err)
	}
	for in, want := range map[string]string{
		`{}`:                `arguments: expected an object with id or an object with page, got {}`,
		`{"id":1,"page":2}`: `arguments: expected only one of these: an object with id or an object with page, got {"id":1,"page":2}`,
	} {
		if _, err := decode[args](t, Options{}, in, false); err == nil || err.Error() != "invalid arguments: "+want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
	if v, err := decode[even](t, Options{}, `"6"`, false); err != nil || v != 6 {
		t.Errorf("%v %v", v, err)
	}
	if _, err := decode[even](t, Options{}, `"4"`, false); err == nil {
		t.Error("4 is taken")
	}
}

// TestUntouched: where a string is right, or anything is, it stays what it is,
// for a strict reader and for a lenient one.
func TestUntouched(t *testing.T) {
	p := mustInput(t, reflect.TypeFor[nearly](), Options{})
	for _, in := range []string{
		`{"str":"5","def":3,"null":null}`,
		`{"str":"true","def":3,"null":null}`,
		`{"str":"{\"a\":1}","def":3,"null":null}`,
		`{"str":" x ","def":3,"null":null}`,
		`{"any":"5","def":3,"null":null}`,
		`{"any":"[1]","def":3,"null":null}`,
		`{"any":{"x":"1"},"def":3,"null":null}`,
	} {
		for _, strict := range []bool{true, false} {
			var v nearly
			if err := p.Decode([]byte(in), reflect.ValueOf(&v).Elem(), strict); err != nil {
				t.Errorf("%s: %v", in, err)
			} else if got, _ := json.Marshal(v); string(got) != in {
				t.Errorf("%s became %s", in, got)
			}
		}
	}
}

// TestTooFar: what cannot be guessed is refused, also by a lenient reader.
func TestTooFar(t *testing.T) {
	p := mustInput(t, reflect.TypeFor[nearly](), Options{})
	for in, want := range map[string]string{
		`{"int":"five"}`:                `int: expected an integer, got "five"`,
		`{"int":"5 apples"}`:            `int: expected an integer, got "5 apples"`,
		`{"int":"5.5"}`:                 `int: expected an integer, got 5.5`,
		`{"int":""}`:                    `int: expected an integer, got ""`,
		`{"int":"null"}`:                `int: expected an integer, got "null"`,
		`{"int":[5]}`:                   `int: expected an integer, got [5]`,
		`{"float":"11"}`:                `float: expected a number of at most 10, got 11`,
		`{"bool":"TRUE"}`:               `bool: expected a boolean, got "TRUE"`,
		`{"bool":"1"}`:                  `bool: expected a boolean, got "1"`,
		`{"str":5}`:                     `str: expected a string, got 5`,
		`{"list":"1,2"}`:                `list: expected an array, got "1,2"`,
		`{"list":"{}"}`:                 `list: expected an array, got "{}"`,
		`{"list":["1",1]}`:              `list[1]: expected items that differ from each other, got 1 again`,
		`{"list":[null]}`:               `list[0]: expected an integer, got null`,
		`{"obj":"{\"b\":1}"}`:           `obj.a: missing, expected a string`,
		`{"obj":"{\"a\":\"x\"}}"}`:      `obj: expected an object, got "{\"a\":\"x\"}}"`,
		`{"map":{"a":null}}`:            `map.a: expected an integer, got null`,
		`{"enum":"3"}`:                  `enum: expected one of 1, 2, got 3`,
		`{"null":"null"}`:               `null: expected an integer or null, got "null"`,
		`{"point":{"X":-1,"Y":0}}`:      `point.X: expected an integer of at least 0, got -1`,
		`{"point":{"X":1}}`:             `point.Y: missing, expected an integer`,
		`{"point":{"X":1,"Y":2,"Z":3}}`: `point.Z: unknown property`,
	} {
		var v nearly
		err := p.Decode([]byte(in), reflect.ValueOf(&v).Elem(), false)
		if err == nil || err.Error() != "invalid arguments: "+want && err.Error() != "invalid arguments: "+want+"; null: missing, expected an integer or null" {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}
