package schema_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/schema"
)

type unit string

type level int8

type shout string

func (*shout) UnmarshalText([]byte) error { return nil }

func enumOf(t reflect.Type) []any {
	switch t.Name() {
	case "unit", "shout":
		return []any{"metric", "imperial"}
	case "level":
		return []any{int64(1), int64(-2)}
	}
	return nil
}

// TestEnum holds what is read to the values that Options.Enum knows of.
func TestEnum(t *testing.T) {
	type in struct {
		Unit   unit     `json:"unit"`
		Level  *level   `json:"level"`
		Units  []unit   `json:"units,omitempty"`
		Tagged unit     `json:"tagged,omitempty" jsonschema:"enum=metric,default=metric"`
		Shout  shout    `json:"shout,omitempty"`
		Plain  string   `json:"plain,omitempty"`
		Named  struct{} `json:"named,omitempty"`
	}
	plan, err := schema.Input(reflect.TypeFor[in](), schema.Options{Enum: enumOf})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"unit":{"type":"string","enum":["metric","imperial"]}`,
		`"level":{"type":"integer","enum":[1,-2],"maximum":127,"minimum":-128}`,
		`"units":{"items":{"type":"string","enum":["metric","imperial"]},"type":"array"}`,
		`"tagged":{"type":"string","enum":["metric"],"default":"metric"}`,
		`"shout":{"type":"string"}`,
	} {
		if !strings.Contains(string(plan.Document()), want) {
			t.Errorf("the document lacks %s: %s", want, plan.Document())
		}
	}
	for text, want := range map[string]string{
		`{"unit":"imperial","level":-2,"units":["metric"],"plain":"x"}`: "",
		`{"unit":"kelvin"}`:                     `unit: expected one of "metric", "imperial", got "kelvin"`,
		`{"unit":"metric","level":2}`:           "level: expected one of 1, -2, got 2",
		`{"unit":"metric","units":["x"]}`:       `units[0]: expected one of "metric", "imperial", got "x"`,
		`{"unit":"metric","tagged":"imperial"}`: `tagged: expected exactly "metric", got "imperial"`,
	} {
		var v in
		err := plan.Decode([]byte(text), reflect.ValueOf(&v).Elem(), true)
		if got := ""; err != nil {
			got = err.Error()
			if !strings.Contains(got, want) || want == "" {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		} else if want != "" {
			t.Errorf("%s: no error, want %s", text, want)
		}
	}
}

// TestEnumOfOutput advertises no values that nothing holds the function to.
func TestEnumOfOutput(t *testing.T) {
	plan, err := schema.Output(reflect.TypeFor[unit](), schema.Options{Enum: enumOf})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(plan.Document()); strings.Contains(got, "enum") {
		t.Errorf("got %s", got)
	}
}

// TestEnumThatCannotBe refuses values that the type does not hold.
func TestEnumThatCannotBe(t *testing.T) {
	_, err := schema.Input(reflect.TypeFor[struct{ L level }](), schema.Options{
		Enum: func(reflect.Type) []any { return []any{int64(1000)} },
	})
	if err == nil || !strings.Contains(err.Error(), "enum=1000 does not fit") {
		t.Errorf("got %v", err)
	}
}
