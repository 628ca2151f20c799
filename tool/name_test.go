package tool_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

func GetForecast() {}
func HTTPGet()     {}
func GetUserIDs()  {}
func Größe()       {}

func TestNameOfAFunction(t *testing.T) {
	tests := []struct {
		name string
		fn   any
		want string
	}{
		{"words", GetForecast, "get_forecast"},
		{"an abbreviation", HTTPGet, "http_get"},
		{"a plural abbreviation", GetUserIDs, "get_user_ids"},
		{"a method value has no suffix", service{}.Greet, "greet"},
		{"a method value by pointer", (&service{}).GreetAll, "greet_all"},
		{"a method value of an interface", greeter(service{}).Greet, "greet"},
		{"a method value of a generic type", (&box[string]{}).Get, "get"},
		{"a method expression", place.Run, "run"},
		{"a generic instantiation", Same[place], "same"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := must(t, test.fn).Name(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

var inVariable = func() {}

func TestFunctionsThatHaveNoName(t *testing.T) {
	for name, fn := range map[string]any{
		"literal":               func() {},
		"literal in a literal":  func() any { return func() {} }(),
		"literal in a variable": inVariable,
		"literal in a generic":  literalOf[int](),
		"method by reflection":  reflect.ValueOf(&service{}).MethodByName("GreetAll").Interface(),
		"made by reflection":    reflect.MakeFunc(reflect.TypeFor[func()](), nil).Interface(),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tool.New(fn)
			wantError(t, err, `add tool.Name("...")`, "function literal (", "_test.go:")
			if got := must(t, fn, tool.Name("named")).Name(); got != "named" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func literalOf[T any]() any { return func(in struct{ V T }) {} }

func TestNamesOutOfForm(t *testing.T) {
	longest := strings.Repeat("x", 128)
	for _, name := range []string{"a", "A-Z_a.z-09", longest} {
		if got := must(t, func() {}, tool.Name(name)).Name(); got != name {
			t.Errorf("got %q, want %q", got, name)
		}
	}
	for _, name := range []string{longest + "x", "a b", "a/b", "größe", "a\n", "a\x00", "a\xff", "${a}"} {
		if _, err := tool.New(func() {}, tool.Name(name)); err == nil {
			t.Errorf("%q is accepted", name)
		}
	}
	_, err := tool.New(Größe)
	wantError(t, err, "tool_test.Größe (", "/name_test.go:", `'ö'`)
}

func TestToolString(t *testing.T) {
	made := must(t, GetForecast, tool.Description("First line.\nSecond line."))
	if got, want := made.String(), "get_forecast: First line."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
