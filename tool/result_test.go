package tool_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

type (
	city    string
	cities  []string
	counts  map[string]int
	celsius float64

	// selfJSON writes itself as an array, whatever it is.
	selfJSON map[string]int
	// pointerJSON does so only behind a pointer.
	pointerJSON struct{ N int }
	// pointerMap does too.
	pointerMap map[string]int
	// holder has a field that writes itself only where it can be addressed.
	holder struct{ Inner pointerJSON }
	// loop can hold itself.
	loop struct {
		Next *loop `json:"next,omitempty"`
	}
	endless *endless
	// lookalike has the method of a block but is none.
	lookalike struct {
		tool.Text
		Extra int
	}
	namedBlocks []tool.Content
)

func (selfJSON) MarshalJSON() ([]byte, error)     { return []byte(`["self"]`), nil }
func (*pointerMap) MarshalJSON() ([]byte, error)  { return []byte(`["pointer"]`), nil }
func (*pointerJSON) MarshalJSON() ([]byte, error) { return []byte(`["pointer"]`), nil }

var (
	day      = time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	oslo     = place{City: "Oslo <N>"}
	textA    = tool.Text{Text: "a"}
	imageB   = tool.Image{Data: []byte("b")}
	failure  = tool.Result{Content: []tool.Content{textA}, IsError: true}
	nilPlace *place
)

// both is a value of two static types: its own, and any.
func both[T any](v T) []any {
	return []any{func() T { return v }, func() (T, error) { return v, nil }, func() any { return v }}
}

func TestResults(t *testing.T) {
	tests := []struct {
		name string
		fns  []any
		want string
	}{
		{"string", both("hi"), "text hi"},
		{"empty string", both(""), "text "},
		{"named string", both(city("Oslo")), "text Oslo"},
		{"struct", both(oslo), `structured {"city":"Oslo <N>"}`},
		{"pointer to struct", both(&oslo), `structured {"city":"Oslo <N>"}`},
		{"pointer to pointer", both(new(&oslo)), `structured {"city":"Oslo <N>"}`},
		{"map", both(counts{"a": 1}), `structured {"a":1}`},
		{"nil map", both(counts(nil)), `structured {}`},
		{"pointer to nil map", both(new(counts)), `structured {}`},
		{"slice", both(cities{"a"}), `structured ["a"]`},
		{"nil slice", both(cities(nil)), `structured []`},
		{"pointer to nil slice", both(new(cities)), `structured []`},
		{"bytes", both([]byte("abc")), `structured "YWJj"`},
		{"nil bytes", both([]byte(nil)), `structured ""`},
		{"array", both([2]int{1, 2}), `structured [1,2]`},
		{"int", both(7), `structured 7`},
		{"float", both(celsius(1.5)), `structured 1.5`},
		{"bool", both(false), `structured false`},
		{"pointer to int", both(new(7)), `structured 7`},
		{"raw JSON", both(json.RawMessage("{ \"a\" :\n1}")), `structured {"a":1}`},
		{"nil raw JSON", both(json.RawMessage(nil)), `structured null`},
		{"writes itself", both(selfJSON{}), `structured ["self"]`},
		{"writes itself though nil", both(selfJSON(nil)), `structured ["self"]`},
		{"writes itself behind a pointer", both(&pointerJSON{}), `structured ["pointer"]`},
		{"writes itself behind a pointer to nil", both(new(pointerMap)), `structured ["pointer"]`},
		{"a part writes itself behind a pointer", both(&holder{}), `structured {"Inner":["pointer"]}`},
		{"without the pointer it does not", both(holder{}), `structured {"Inner":{"N":0}}`},
		{"time", both(day), "text 2024-02-03T04:05:06Z"},
		{"pointer to time", both(&day), "text 2024-02-03T04:05:06Z"},
		{"nil pointer to time", both((*time.Time)(nil)), ""},
		{"text marshaler", both(netip.MustParseAddr("127.0.0.1")), "text 127.0.0.1"},
		{"text and JSON marshaler", both(big.NewInt(12)), "structured 12"},
		{"block", both(textA), "text a"},
		{"pointer to block", both(&imageB), "image b"},
		{"nil pointer to block", both((*tool.Text)(nil)), ""},
		{"blocks", both([]tool.Content{textA, imageB}), "text a; image b"},
		{"pointers among blocks", both([]tool.Content{&textA, imageB}), "text a; image b"},
		{"named slice of blocks", both(namedBlocks{textA}), "text a"},
		{"slice of one kind", both([]tool.Text{textA, textA}), "text a; text a"},
		{"slice of pointers", both([]*tool.Image{&imageB}), "image b"},
		{"no blocks", both([]tool.Content(nil)), ""},
		{"interface of a block", []any{func() tool.Content { return textA }}, "text a"},
		{"nil interface of a block", []any{func() tool.Content { return nil }}, ""},
		{"other interface", []any{func() fmt.Stringer { return day }}, "text 2024-02-03T04:05:06Z"},
		{"a struct with a block's method", both(lookalike{textA, 2}), `structured {"Text":"a","Annotations":null,"Meta":null,"Extra":2}`},
		{"result", both(failure), "text a; error"},
		{"pointer to result", both(&failure), "text a; error"},
		{"nil pointer to result", both((*tool.Result)(nil)), ""},
		{"nil any", []any{func() any { return nil }}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, fn := range test.fns {
				got, err := call(t, fn, ``)
				if err != nil {
					t.Errorf("%T: %v", fn, err)
				} else if show(got) != test.want {
					t.Errorf("%T: got %q, want %q", fn, show(got), test.want)
				}
			}
		})
	}
}

type failingText struct{}

func (failingText) MarshalText() ([]byte, error) { return nil, errors.New("no text today") }

func TestResultsThatCannotBeSent(t *testing.T) {
	ring := &loop{}
	ring.Next = ring
	ringMap := map[string]any{}
	ringMap["self"] = ringMap
	var round endless
	round = &round
	tests := []struct {
		name string
		fns  []any
		want string
	}{
		{"not a number", both(math.NaN()), "NaN"},
		{"infinity inside", both([]float64{1, math.Inf(1)}), "Inf"},
		{"cyclic pointer", both(ring), "cycle"},
		{"cyclic map", both(ringMap), "cycle"},
		{"pointer to itself", []any{func() any { return round }}, "cycle"},
		{"channel", []any{func() any { return make(chan int) }}, "chan int"},
		{"function inside", []any{func() any { return []any{func() {}} }}, "func()"},
		{"invalid raw JSON", both(json.RawMessage(`{"a"`)), "encoding the result"},
		{"failing text", both(failingText{}), "no text today"},
		{"nil block", both([]tool.Content{textA, nil}), "content block 1 is nil"},
		{"nil block of a named slice", both(namedBlocks{nil}), "content block 0 is nil"},
		{"nil pointer among blocks", both([]*tool.Text{nil}), "content block 0 is nil"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, fn := range test.fns {
				got, err := call(t, fn, ``)
				wantError(t, err, test.want)
				if got != nil {
					t.Errorf("%T: a result beside the error: %s", fn, show(got))
				}
			}
		})
	}
}

func TestNilPointerWhereAValueWasPromised(t *testing.T) {
	for name, fns := range map[string][]any{
		"struct": both(nilPlace), "number": both((*int)(nil)), "pointer to nil": both(&nilPlace), "writes itself": both((*pointerJSON)(nil)),
	} {
		for _, fn := range fns {
			got, err := call(t, fn, ``)
			if text, ok := tool.UserText(err); !ok || text != "the tool returned nothing" || got != nil {
				t.Errorf("%s, %T: got %v, %v", name, fn, got, err)
			}
		}
	}
}

func TestOutputSchemaOfTypes(t *testing.T) {
	const none = ""
	tests := []struct {
		name   string
		fn     any
		root   string // type of the schema's root, or none
		object bool
	}{
		{"struct", func() (p place) { return }, "object", true},
		{"pointer to struct", func() (p *place) { return }, "object", true},
		{"map", func() (m counts) { return }, "object", true},
		{"cyclic type", func() (l *loop) { return }, "object", true},
		{"slice", func() (c cities) { return }, "array", false},
		{"number", func() (n int) { return }, "integer", false},
		{"float", func() (c celsius) { return }, "number", false},
		{"bool", func() (b bool) { return }, "boolean", false},
		{"pointer to bool", func() (b *bool) { return }, "boolean", false},
		{"string", func() (s string) { return }, none, false},
		{"nothing", func() {}, none, false},
		{"error", func() (err error) { return }, none, false},
		{"any", func() (v any) { return }, none, false},
		{"time", func() (at time.Time) { return }, none, false},
		{"block", func() (b tool.Text) { return }, none, false},
		{"blocks", func() (b []tool.Link) { return }, none, false},
		{"result", func() (r tool.Result) { return }, none, false},
		{"writes itself", func() (s selfJSON) { return }, none, false},
		{"writes itself behind a pointer", func() (p *pointerJSON) { return }, none, false},
		{"might write itself", func() (p pointerJSON) { return }, none, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spec := must(t, test.fn, tool.Name("x"), tool.Comments(source(t, "."))).Spec()
			var root struct{ Type string }
			if spec.Output != nil {
				if err := json.Unmarshal(spec.Output, &root); err != nil {
					t.Fatal(err)
				}
			} else if test.root != none {
				t.Fatal("no schema")
			}
			if root.Type != test.root || spec.OutputObject != test.object {
				t.Errorf("got %s, object %v; want type %q, object %v", spec.Output, spec.OutputObject, test.root, test.object)
			}
			if test.root == none && spec.Output != nil {
				t.Errorf("a schema that says nothing: %s", spec.Output)
			}
		})
	}
}

func TestResultIsNotCopiedDeeply(t *testing.T) {
	own := &tool.Result{Structured: oslo, Meta: map[string]any{"k": 1}}
	got, err := call(t, func() *tool.Result { return own }, ``)
	if err != nil || got != own {
		t.Errorf("got %v, %v; want the function's own result", got, err)
	}
}
