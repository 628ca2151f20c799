package schema

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

type deepUnique struct {
	Kids []deepUnique `json:"kids,omitempty" jsonschema:"uniqueItems=true"`
	Pad  string       `json:"pad,omitempty"`
	Any  any          `json:"any,omitempty"`
}

// deepOdd has keywords for the general validator at every level.
type deepOdd struct {
	Kids []deepOdd `json:"kids,omitempty"`
	Pad  string    `json:"pad,omitempty" jsonschema:"oneof_required=pad"`
	Odd  bool      `json:"odd,omitempty" jsonschema:"oneof_required=odd"`
}

type hostileArgs struct {
	Odd  *deepOdd          `json:"odd,omitempty"`
	Name string            `json:"name,omitempty" jsonschema:"pattern=^(a+)+$"`
	Set  []any             `json:"set,omitempty" jsonschema:"uniqueItems=true"`
	List []int             `json:"list,omitempty" jsonschema:"maxItems=10"`
	Map  map[string]string `json:"map,omitempty"`
	Num  float64           `json:"num,omitempty" jsonschema:"multipleOf=0.1,enum=1,enum=2"`
	Node *Node             `json:"node,omitempty"`
	Uniq *deepUnique       `json:"uniq,omitempty"`
	Col  *color            `json:"col,omitempty"`
}

// TestHostile: no text of a MiB takes long or is dangerous. The times are far
// above what is needed, and far below what anything quadratic takes.
func TestHostile(t *testing.T) {
	const size = 1 << 20
	repeat := func(s string) string { return strings.Repeat(s, size/len(s)) }
	nest := func(open, middle, end string) string {
		const levels = 400
		return strings.Repeat(open, levels) + middle + strings.Repeat(end, levels)
	}
	stringified := `{"list":[1]}`
	for len(stringified) < size/3 {
		stringified = string(jsontext.AppendString(nil, stringified))
	}
	var unknown, distinct bytes.Buffer
	for i := 0; unknown.Len() < size/2; i++ {
		unknown.WriteString(`"` + strings.Repeat("n", i%50) + `ame":1,`)
		distinct.WriteString(`{"a":[` + strings.Repeat("1", i%40+1) + `]},`)
	}
	p := mustInput(t, reflect.TypeFor[hostileArgs](), Options{})
	for name, in := range map[string]string{
		"digits":       `{"num":` + repeat("9") + `}`,
		"fraction":     `{"num":0.` + repeat("9") + `}`,
		"exponent":     `{"num":1e` + repeat("9") + `}`,
		"pattern":      `{"name":"` + repeat("a") + `b"}`,
		"escapes":      `{"name":"` + repeat(`\u0061`) + `"}`,
		"long list":    `{"list":[` + repeat("1,") + `1]}`,
		"equal items":  `{"set":[` + repeat("1,") + `1]}`,
		"other items":  `{"set":[` + distinct.String() + `1]}`,
		"wrong items":  `{"node":{"value":1,"kids":[` + repeat(`{},`) + `{}]}}`,
		"wrong values": `{"map":{` + repeat(`"a":1,`) + `"b":1}}`,
		"unknown":      `{` + unknown.String() + `"x":1}`,
		"long unknown": `{"` + repeat("x") + `":1}`,
		"same key":     `{` + repeat(`"list":[1],`) + `"x":1}`,
		"deep node":    `{"node":` + nest(`{"value":1,"next":`, `{"value":1}`, "}") + `}`,
		"deep unique":  `{"uniq":` + nest(`{"kids":[`, `{"pad":"`+repeat("x")+`"}`, "]}") + `}`,
		"deep odd":     `{"odd":` + nest(`{"odd":true,"kids":[`, `{"pad":"`+repeat("x")+`"}`, "]}") + `}`,
		"deep any":     `{"set":[` + nest("[", `"`+repeat("x")+`"`, "]") + `]}`,
		"stringified":  stringified,
		"enum":         `{"col":"` + repeat("x") + `"}`,
		"spaces":       `{"num":` + repeat(" ") + `1}`,
		"brackets":     repeat("["),
		"cut off":      `{"node":` + repeat(`{"next":`),
	} {
		for _, strict := range []bool{true, false} {
			start := time.Now()
			var v hostileArgs
			err := p.Decode([]byte(in), reflect.ValueOf(&v).Elem(), strict)
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("%s takes %v", name, d)
			}
			if name == "deep unique" && (err == nil || !strings.Contains(err.Error(), "takes too long")) {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil && len(err.Error()) > 4000 {
				t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
			}
		}
	}
}

// TestDeepest: as deep as the reader of JSON goes, and no deeper.
func TestDeepest(t *testing.T) {
	p := mustInput(t, reflect.TypeFor[Nested](), Options{})
	for _, tt := range []struct {
		depth int
		ok    bool
	}{{jsontext.MaxDepth, true}, {jsontext.MaxDepth + 1, false}, {1_000_000, false}} {
		var v Nested
		err := p.Decode([]byte(strings.Repeat("[", tt.depth)+strings.Repeat("]", tt.depth)), reflect.ValueOf(&v).Elem(), true)
		var e *Error
		if (err == nil) != tt.ok || errors.As(err, &e) {
			t.Errorf("%d levels: %v", tt.depth, err)
		}
	}
}
