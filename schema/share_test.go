package schema

import (
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/invopop/jsonschema"
)

type shared struct {
	A int    `json:"a" jsonschema:"minimum=1"`
	B string `json:"b,omitempty"`
}

// fickle documents itself differently each time.
type fickle struct{ A int }

var fickleTimes int

func (fickle) JSONSchema() *jsonschema.Schema {
	fickleTimes++
	return &jsonschema.Schema{Type: "object", Description: strings.Repeat("again ", fickleTimes)}
}

type extended struct{ A int }

func (extended) JSONSchemaExtend(s *jsonschema.Schema) {
	fickleTimes++
	s.Description = strings.Repeat("again ", fickleTimes)
}

type annotated struct{ A int }

func (annotated) GetFieldDocString(string) string {
	fickleTimes++
	return strings.Repeat("again ", fickleTimes)
}

type renamed struct{ A int }

func (renamed) JSONSchemaAlias() any {
	if fickleTimes++; fickleTimes%2 == 0 {
		return 1
	}
	return ""
}

// TestShared: equal plans are one, and none is taken for another.
func TestShared(t *testing.T) {
	typ := reflect.TypeFor[shared]()
	first := mustInput(t, typ, Options{})
	if mustInput(t, typ, Options{}) != first {
		t.Error("a type is planned twice")
	}
	describe := func(reflect.Type, string) string { return "text" }
	enum := func(reflect.Type) []any { return nil }
	for name, o := range map[string]Options{"AllowUnknown": {AllowUnknown: true}, "Describe": {Describe: describe}, "Enum": {Enum: enum}} {
		if mustInput(t, typ, o) == first {
			t.Errorf("Options.%s is ignored for a type that was planned before", name)
		}
	}
	if mustInput(t, typ, Options{}) != first || strings.Contains(string(first.Document()), "text") {
		t.Error("Options change the plan of those who have none")
	}
	if out, err := Output(typ, Options{}); err != nil || out == first {
		t.Error("what is read and what is written have one plan:", err)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[fickle](), reflect.TypeFor[extended](), reflect.TypeFor[annotated](), reflect.TypeFor[struct{ In renamed }]()} {
		one, two := mustInput(t, typ, Options{}), mustInput(t, typ, Options{})
		if string(one.Document()) == string(two.Document()) {
			t.Errorf("the methods of %v are not asked again: %s", typ, one.Document())
		}
	}
	type wrong struct {
		A chan int
	}
	for range 2 {
		if _, err := Input(reflect.TypeFor[wrong](), Options{}); err == nil || !strings.Contains(err.Error(), "wrong.A") {
			t.Error("a type that cannot be planned:", err)
		}
	}
}

func TestSharedConcurrently(t *testing.T) {
	type own struct{ A, B, C int }
	plans := make([]*Plan, 8)
	var wg sync.WaitGroup
	for i := range plans {
		wg.Go(func() {
			var err error
			if plans[i], err = Input(reflect.TypeFor[own](), Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, p := range plans {
		if p != plans[0] {
			t.Fatal("one type has several plans")
		}
	}
}

func TestPlanAllocs(t *testing.T) {
	typ := reflect.TypeFor[benchArgs]()
	again := testing.AllocsPerRun(100, func() { mustInput(t, typ, Options{}) })
	anew := testing.AllocsPerRun(100, func() {
		if _, _, err := makePlan(typ, Options{}, false); err != nil {
			t.Fatal(err)
		}
	})
	if again > 1 { // the key
		t.Errorf("a type that was planned before takes %v allocations, want 1 at most", again)
	}
	if anew > 460 {
		t.Errorf("a new type of 9 parts takes %v allocations, want 460 at most", anew)
	}
}
