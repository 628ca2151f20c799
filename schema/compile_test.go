package schema

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

const handwritten = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"$id": "https://example.com/tool",
	"type": "object",
	"properties": {
		"city": {"type": "string", "minLength": 1},
		"days": {"type": "integer", "minimum": 1, "maximum": 7},
		"units": {"enum": ["metric", "imperial"]},
		"mode": {"const": "fast"},
		"either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
		"maybe": {"type": ["string", "null"]},
		"tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
		"pair": {"prefixItems": [{"type": "string"}, {"type": "number"}], "items": false},
		"map": {"additionalProperties": {"type": "integer"}},
		"tree": {"$ref": "#/$defs/tree"},
		"anchored": {"$ref": "#word"},
		"never": false,
		"not": {"not": {"type": "string"}},
		"free": {},
		"a/b~c": {"type": "null"},
		"when": {"if": {"required": ["x"]}, "then": {"required": ["y"]}}
	},
	"required": ["city"],
	"additionalProperties": false,
	"$defs": {
		"tree": {"type": "object", "properties": {"v": {"type": "integer"}, "kids": {"items": {"$ref": "#/$defs/tree"}}}, "required": ["v"]},
		"word": {"$anchor": "word", "type": "string", "pattern": "^[a-z]+$"}
	}
}`

func TestValidate(t *testing.T) {
	d, err := Compile([]byte(handwritten))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ in, want string }{
		{`{"city":"x","days":7,"units":"metric","mode":"fast","either":1,"maybe":null,"tags":["a"],"pair":["a",1],"map":{"a":1},
			"tree":{"v":1,"kids":[{"v":2}]},"anchored":"a","not":1,"free":[1],"a/b~c":null,"when":{}}`, ``},
		{`{}`, `city: missing, expected a string of at least 1 character`},
		{`[]`, `arguments: expected an object, got []`},
		{`{"city":""}`, `city: expected a string of at least 1 character, got ""`},
		{`{"city":"x","days":9}`, `days: expected an integer from 1 to 7, got 9`},
		{`{"city":"x","days":1.5}`, `days: expected an integer from 1 to 7, got 1.5`},
		{`{"city":"x","units":"kelvin"}`, `units: expected one of "metric", "imperial", got "kelvin"`},
		{`{"city":"x","mode":"slow"}`, `mode: expected exactly "fast", got "slow"`},
		{`{"city":"x","either":true}`, `either: expected a string or an integer, got true`},
		{`{"city":"x","maybe":1}`, `maybe: expected a string or null, got 1`},
		{`{"city":"x","tags":["a","a"]}`, `tags: expected items that differ from each other, got ["a","a"]`},
		{`{"city":"x","tags":["a",1]}`, `tags: expected in each item a string, got ["a",1]`},
		{`{"city":"x","pair":["a","b"]}`, `pair[1]: expected a number, got "b"`},
		{`{"city":"x","map":{"a":"b"}}`, `map: expected in each property an integer, got {"a":"b"}`},
		{`{"city":"x","tree":{"v":1,"kids":[{}]}}`, `tree.kids: expected in each item a value that fits the schema, got [{}]`},
		{`{"city":"x","tree":{"v":"1"}}`, `tree.v: expected an integer, got "1"`},
		{`{"city":"x","tree":{}}`, `tree.v: missing, expected an integer`},
		{`{"city":"x","anchored":"A"}`, `anchored: expected a string matching ^[a-z]+$, got "A"`},
		{`{"city":"x","never":1}`, `never: expected no value here, got 1`},
		{`{"city":"x","not":"x"}`, `not: expected a value that fits the schema, got "x"`},
		{`{"city":"x","when":{"x":1}}`, `when.y: missing, expected a value that fits the schema`},
		{`{"city":"x","a/b~c":1}`, `a/b~c: expected null, got 1`},
		{`{"city":"x","citty":1,"dayz":2}`, `citty: unknown property, did you mean "city"?; dayz: unknown property, did you mean "days"?`},
		{`{"city":"x","free":1e400}`, `arguments: expected numbers of an ordinary size, got {"city":"x","free":1e400}`},
		{`{"city":"x","free":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`, `arguments: expected at most 64 levels of nesting, got 71`},
	} {
		err := d.Validate([]byte(tt.in))
		got := ""
		if err != nil {
			got = strings.TrimPrefix(err.Error(), "invalid arguments: ")
			for _, word := range []string{"map[", "int64", "float64", "schema.", "%!"} {
				if strings.Contains(got, word) {
					t.Errorf("%s: the text tells %q: %s", tt.in, word, got)
				}
			}
		}
		if got != tt.want {
			t.Errorf("%s\ngives %s\nwant  %s", tt.in, got, tt.want)
		}
	}
	for _, in := range []string{`{`, ``, `{} x`} {
		var e *Error
		if err := d.Validate([]byte(in)); err == nil || errors.As(err, &e) {
			t.Errorf("%q: %v, want a syntax error", in, err)
		}
	}
}

// TestPlaces: the path is told as far as the validator tells it.
func TestPlaces(t *testing.T) {
	for _, tt := range []struct{ doc, in, want string }{
		{`{"$ref":"#/$defs/items","$defs":{"items":{"properties":{"a":{"type":"null"}}}}}`, `{"a":1}`, `a: expected null, got 1`},
		{`{"properties":{"a":{"contains":{"const":1}}}}`, `{"a":[2]}`, `a: expected a value that fits the schema, got [2]`},
		{`{"propertyNames":{"maxLength":1}}`, `{"ab":1}`, `arguments: expected in each property name a string of at most 1 character, got {"ab":1}`},
		{`{"patternProperties":{"^a":{"type":"string"}},"additionalProperties":false}`, `{"b":1}`, `arguments: expected a value that fits the schema, got {"b":1}`},
		{`{"patternProperties":{"^a":{"type":"string"}}}`, `{"a":1}`, `arguments: expected in each property a string, got {"a":1}`},
		{`{"dependentSchemas":{"properties":{"properties":{"a":{"type":"string"}}}}}`, `{"properties":0,"a":1}`, `a: expected a string, got 1`},
		{`{"allOf":[{"items":{"items":{"type":"boolean"}}}]}`, `[[1]]`, `arguments: expected in each item a boolean, got [[1]]`},
		{`{"properties":{"n":{"$ref":"#"},"v":{"type":"string"}}}`, `{"n":{"n":{"v":1}}}`, `n.n.v: expected a string, got 1`},
		{`{"oneOf":[{"type":"string"},{"minimum":1}]}`, `true`, ``},
		{`{"anyOf":[{"type":"string"},{"required":["x"]}]}`, `{}`, `arguments: expected a string or an object with x, got {}`},
		{`{"anyOf":[{"type":"string"},{"not":{}}]}`, `{}`, `arguments: expected a value that fits the schema, got {}`},
		{`{"enum":["a"],"default":{"type":[]}}`, `1`, `arguments: expected exactly "a", got 1`},
		{`{"enum":[1],"minContains":"x"}`, `1`, ``},
		{`false`, `1`, `arguments: expected no value here, got 1`},
	} {
		d, err := Compile([]byte(tt.doc))
		if err != nil {
			if tt.want != "" {
				t.Errorf("%s: %v", tt.doc, err)
			}
			continue
		}
		got := ""
		if err := d.Validate([]byte(tt.in)); err != nil {
			got = strings.TrimPrefix(err.Error(), "invalid arguments: ")
		}
		if got != tt.want {
			t.Errorf("%s %s\ngives %s\nwant  %s", tt.doc, tt.in, got, tt.want)
		}
	}
}

// TestExactIntegers: 64-bit integers are not rounded on the way.
func TestExactIntegers(t *testing.T) {
	d, err := Compile([]byte(`{"uniqueItems":true}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Validate([]byte(`[9007199254740993,9007199254740992,18446744073709551615,18446744073709551614,1e2]`)); err != nil {
		t.Error(err)
	}
}

// TestCompileErrors: a document that could not be checked, or not in bounds.
func TestCompileErrors(t *testing.T) {
	bomb := doubling(t, func(ref any) any { return ref })
	deep := doubling(t, func(ref any) any { return map[string]any{"properties": map[string]any{"a": ref}} })
	for _, tt := range []struct{ doc, want string }{
		{deep, `alternatives within alternatives add up to more than 100000 schemas: simplify it`},
		{``, `invalid JSON`},
		{`{} {}`, `invalid JSON`},
		{`[]`, `# is neither an object nor a boolean`},
		{`{"properties":{"a":1}}`, `#/properties/a is neither an object nor a boolean`},
		{`{"type":1}`, `1 is no type`},
		{`{"minLength":"a"}`, `cannot be unmarshaled`},
		{`{"pattern":"("}`, `missing closing )`},
		{`{"$ref":"https://example.com/other.json"}`, `# refers to https://example.com/other.json, which is outside: copy what is there into $defs`},
		{`{"$ref":"other.json#/x"}`, `which is outside`},
		{`{"$ref":7}`, `# refers to 7, which is outside`},
		{`{"$ref":"#/$defs/gone"}`, `there is no schema at the $ref #/$defs/gone: correct it, or move the schema to $defs`},
		{`{"$ref":"#"}`, `at # a $ref leads back to itself and never into the value: remove it`},
		{`{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}}}`, `at #/$defs/a a $ref leads back to itself`},
		{`{"$dynamicRef":"#x"}`, `# has a $dynamicRef: use $ref`},
		{`{"$defs":{"a":{"$id":"b"}}}`, `#/$defs/a has an $id: only the root may`},
		{`{"$schema":"http://json-schema.org/draft-04/schema#"}`, `only draft 2020-12 and draft 7 are known`},
		{bomb, `more than 10000 schemas apply to one value: simplify it`},
		{`{"description":"` + strings.Repeat("x", maxCompiled) + `"}`, `more than 1048576`},
		{strings.Repeat(`{"not":`, 2000) + `{}` + strings.Repeat(`}`, 2000), `levels of nesting`},
	} {
		if _, err := Compile([]byte(tt.doc)); err == nil || !strings.HasPrefix(err.Error(), "schema: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.80s: %v, want %s", tt.doc, err, tt.want)
		}
	}
	for _, doc := range []string{
		`true`, `{}`, `{"examples":[{"$ref":"https://example.com"}],"default":{"$id":"x"},"enum":[{"$dynamicRef":"x"}]}`,
		`{"properties":{"$ref":{"type":"string"},"$id":{}}}`,
		`{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"a":{"items":[{"type":"string"}]}},"dependencies":{"x":["y"],"z":{"$ref":"#/definitions/a"}}}`,
		`{"properties":{"next":{"$ref":"#"}}}`, `{"$ref":"#/$defs/a%25b","$defs":{"a%b":{}}}`,
	} {
		if _, err := Compile([]byte(doc)); err != nil {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

// doubling writes a document of 40 definitions, each of which applies the next
// one twice: where wrap says.
func doubling(t *testing.T, wrap func(ref any) any) string {
	name := func(i int) string { return "d" + strconv.Itoa(i) }
	defs := map[string]any{name(40): true}
	for i := range 40 {
		next := wrap(map[string]any{"$ref": "#/$defs/" + name(i+1)})
		defs[name(i)] = map[string]any{"allOf": []any{next, next}}
	}
	doc, err := json.Marshal(map[string]any{"$ref": "#/$defs/d0", "$defs": defs})
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// TestRecursiveWork: a value for which every level is tried twice stays shallow.
func TestRecursiveWork(t *testing.T) {
	for _, tt := range []struct {
		doc   string
		depth int
	}{
		{`{"properties":{"a":{"$ref":"#"},"b":{"$ref":"#"}},"additionalProperties":false}`, 64},
		{`{"items":{"$ref":"#"}}`, 64},
		{`{"anyOf":[{"properties":{"a":{"$ref":"#"}},"required":["x"]},{"properties":{"a":{"$ref":"#"}},"required":["y"]}]}`, 16},
		{`{"properties":{"a":{"$ref":"#"}},"patternProperties":{"^a$":{"$ref":"#"},"a":{"$ref":"#"}}}`, 10},
		{`{"contains":{"$ref":"#/$defs/l"},"$defs":{"l":{"items":{"$ref":"#/$defs/l"},"unevaluatedItems":{"$ref":"#/$defs/l"}}}}`, 16},
	} {
		d, err := Compile([]byte(tt.doc))
		if err != nil {
			t.Fatal(err)
		}
		if d.depth != tt.depth {
			t.Errorf("%s: %d levels, want %d", tt.doc, d.depth, tt.depth)
		}
		for _, levels := range []int{d.depth - 1, 900} {
			start := time.Now()
			_ = d.Validate([]byte(strings.Repeat(`{"a":`, levels) + `1` + strings.Repeat(`}`, levels)))
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s: %v for %d levels", tt.doc, took, levels)
			}
		}
	}
}

// TestIsObject: documents of any root are kept apart by IsObject alone.
func TestIsObject(t *testing.T) {
	for typ, want := range map[reflect.Type]bool{
		reflect.TypeFor[inner](): true, reflect.TypeFor[*inner](): true, reflect.TypeFor[map[string]int](): true,
		reflect.TypeFor[[]int](): false, reflect.TypeFor[string](): false, reflect.TypeFor[any](): false, reflect.TypeFor[point](): true,
	} {
		if got := mustInput(t, typ, Options{}).IsObject(); got != want {
			t.Errorf("%v: %v", typ, got)
		}
	}
}
