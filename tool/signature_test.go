package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

type place struct {
	City string `json:"city"`
	Days int    `json:"days,omitempty"`
}

// Run makes place a receiver that is also the arguments.
func (p place) Run() string { return p.City }

type service struct{ prefix string }

func (s service) Greet(in place) string    { return s.prefix + in.City }
func (s *service) GreetAll() string        { return s.prefix + "all" }
func (s *service) Fails(ch chan int) error { return nil }

type greeter interface{ Greet(in place) string }

type box[T any] struct{ value T }

func (b *box[T]) Get() T { return b.value }

func Same[T any](in T) string { return fmt.Sprintf("%+v", in) }

// client is what the tests below ask a context for.
func client(ctx context.Context) string {
	c, ok := tool.FromContext(ctx)
	if !ok {
		return "no context"
	}
	return c.Arg("client_id", "nobody")
}

func TestAcceptedForms(t *testing.T) {
	ab := tool.Params("a", "b")
	var through greeter = service{"hi "}
	tests := []struct {
		name      string
		fn        any
		arguments string
		options   []tool.Option
		want      string
	}{
		{"nothing at all", func() {}, ``, nil, ""},
		{"tool context alone", func(ctx *tool.Context) string { return client(ctx) }, `{}`, nil, "text me"},
		{"std context alone", func(ctx context.Context) string { return client(ctx) }, `{}`, nil, "text me"},
		{"struct", func(in place) string { return in.City }, `{"city":"Oslo"}`, nil, "text Oslo"},
		{"pointer to struct", func(in *place) string { return in.City }, `{"city":"Oslo"}`, nil, "text Oslo"},
		{"anonymous struct", func(in struct{ N int }) int { return in.N }, `{"N":3}`, nil, "structured 3"},
		{"tool context and struct", func(ctx *tool.Context, in place) string { return client(ctx) + in.City }, `{"city":"Oslo"}`, nil, "text meOslo"},
		{"std context and pointer", func(ctx context.Context, in *place) string { return client(ctx) + in.City }, `{"city":"Oslo"}`, nil, "text meOslo"},
		{"plain parameters", func(a string, b int) string { return fmt.Sprint(a, b) }, `{"a":"x","b":2}`, []tool.Option{ab}, "text x2"},
		{"context and plain parameters", func(ctx *tool.Context, a, b int) string { return fmt.Sprintln(client(ctx), a-b) }, `{"b":2,"a":7}`, []tool.Option{ab}, "text me 5\n"},
		{"six plain parameters", func(a, b, c, d, e, f int) int { return a*1e5 + b*1e4 + c*1e3 + d*100 + e*10 + f }, `{"f":6,"e":5,"d":4,"c":3,"b":2,"a":1}`,
			[]tool.Option{tool.Params("a", "b", "c", "d", "e", "f")}, "structured 123456"},
		{"a named struct is one argument", func(p place) string { return p.City }, `{"where":{"city":"Oslo"}}`, []tool.Option{tool.Params("where")}, "text Oslo"},
		{"a plain time", func(at time.Time) string { return at.Format(time.DateOnly) }, `{"at":"2024-02-03T00:00:00Z"}`, []tool.Option{tool.Params("at")}, "text 2024-02-03"},
		{"a list and a map", func(a []int, b map[string]int) int { return len(a) + b["x"] }, `{"a":[1,2],"b":{"x":40}}`, []tool.Option{ab}, "structured 42"},
		{"an optional parameter", func(a *int) string { return fmt.Sprint(a == nil) }, `{}`, []tool.Option{tool.Params("a")}, "text true"},
		{"names with - and .", func(a, b int) int { return a - b }, `{"-":7,"x.y-z":5}`, []tool.Option{tool.Params("-", "x.y-z")}, "structured 2"},
		{"method value", service{"hi "}.Greet, `{"city":"Oslo"}`, nil, "text hi Oslo"},
		{"method value by pointer", (&service{"hi "}).GreetAll, ``, nil, "text hi all"},
		{"method value of an interface", through.Greet, `{"city":"Oslo"}`, nil, "text hi Oslo"},
		{"method value of a generic type", (&box[int]{7}).Get, ``, nil, "structured 7"},
		{"method expression", place.Run, `{"city":"Oslo"}`, nil, "text Oslo"},
		{"generic instantiation", Same[place], `{"city":"Oslo"}`, nil, "text {City:Oslo Days:0}"},
		{"only an error", func() error { return nil }, ``, nil, ""},
		{"value and error", func() (string, error) { return "fine", nil }, ``, nil, "text fine"},
		{"no arguments said as null", func() string { return "fine" }, `null`, nil, "text fine"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			made := must(t, test.fn, append(test.options, tool.Name("under_test"))...)
			ctx := tool.NewContext(t.Context(), tool.Call{Args: tool.NewArgs(url.Values{"client_id": {"me"}})})
			got, err := made.Call(ctx, []byte(test.arguments))
			if err != nil {
				t.Fatal(err)
			}
			if show(got) != test.want {
				t.Errorf("got %q, want %q", show(got), test.want)
			}
		})
	}
}

func TestFunctionsErrorIsTheCallsError(t *testing.T) {
	broken := errors.New("broken")
	for name, fn := range map[string]any{
		"error alone":     func() error { return broken },
		"value and error": func() (place, error) { return place{City: "Oslo"}, broken },
	} {
		t.Run(name, func(t *testing.T) {
			got, err := call(t, fn, ``)
			if err != broken || got != nil {
				t.Errorf("got %v, %v; want no result and the function's own error", got, err)
			}
		})
	}
}

type unusable struct {
	Fine string
	Done chan int
}

type badTag struct {
	Days int `jsonschema:"minimum=many"`
}

type myError struct{}

func (*myError) Error() string { return "mine" }

type readsItself struct{ N int }

func (*readsItself) UnmarshalJSON([]byte) error { return nil }

func TakesPlain(a string) string       { return a }
func TakesUnusable(in unusable) string { return "" }

// here is this file as errors name it, up to the line number.
const here = "/signature_test.go:"

func TestRefusedForms(t *testing.T) {
	named := tool.Name("under_test")
	object := tool.InputSchema(json.RawMessage(`{"type":"object"}`))
	tests := []struct {
		name    string
		fn      any
		options []tool.Option
		want    []string
	}{
		{"nil", nil, nil, []string{"<nil> is not a function"}},
		{"nil function", (func())(nil), nil, []string{"func() is not a function"}},
		{"no function", 42, nil, []string{"int is not a function"}},
		{"literal without a name", func() {}, nil, []string{"function literal (", here, `add tool.Name("...")`}},
		{"plain parameter without a name", TakesPlain, nil, []string{"tool_test.TakesPlain (", here, `add tool.Params("a", "b", ...)`}},
		{"too few names", func(a, b int) {}, []tool.Option{named, tool.Params("a")}, []string{here, "names 1 parameters, the function takes 2"}},
		{"too many names", func(a int) {}, []tool.Option{named, tool.Params("a", "b")}, []string{here, "names 2 parameters, the function takes 1"}},
		{"names for nothing", func() {}, []tool.Option{named, tool.Params("a")}, []string{here, "names 1 parameters, the function takes 0"}},
		{"the same name twice", func(a, b int) {}, []tool.Option{named, tool.Params("a", "a")}, []string{here, `parameter 2: "a" cannot be a name`}},
		{"an empty name", func(a int) {}, []tool.Option{named, tool.Params("")}, []string{here, `parameter 1: "" cannot be a name`}},
		{"a name with a quote", func(a int) {}, []tool.Option{named, tool.Params(`a" x:"`)}, []string{here, "parameter 1", `'"'`}},
		{"variadic", func(a ...int) {}, []tool.Option{named, tool.Params("a")}, []string{here, "variadic", "take a slice"}},
		{"context in second place", func(in place, ctx *tool.Context) {}, []tool.Option{named}, []string{here, "context must be the first parameter"}},
		{"two contexts", func(a *tool.Context, b context.Context) {}, []tool.Option{named}, []string{here, "context must be the first parameter"}},
		{"a channel in a struct", TakesUnusable, nil, []string{"tool_test.TakesUnusable (", here, "unusable.Done", "chan"}},
		{"a function in a result", func() (r struct{ F func() }) { return }, []tool.Option{named}, []string{here, "result", "F", "func"}},
		{"a channel as a parameter", func(a int, b chan int) {}, []tool.Option{named, tool.Params("a", "b")}, []string{here, "Parameter2_b", "chan"}},
		{"a method value has the line of its registration", (&service{}).Fails, []tool.Option{tool.Params("ch")}, []string{"tool_test.service.Fails (registered at ", here, "chan"}},
		{"a bad tag", func(in badTag) {}, []tool.Option{named}, []string{here, "badTag.Days", "minimum=many"}},
		{"two results without an error", func() (a, b int) { return }, []tool.Option{named}, []string{here, "the last of 2 results must be error"}},
		{"two results and an error", func() (a, b int, err error) { return }, []tool.Option{named}, []string{here, "2 results before the error"}},
		{"a concrete error", func() *myError { return nil }, []tool.Option{named}, []string{here, "*tool_test.myError", "declared as error"}},
		{"two errors", func() (a, b error) { return }, []tool.Option{named}, []string{here, "declared as error"}},
		{"raw JSON without a schema", func(in json.RawMessage) {}, []tool.Option{named}, []string{here, "json.RawMessage needs tool.InputSchema"}},
		{"a schema without raw JSON", func(in place) {}, []tool.Option{named, object}, []string{here, "takes one json.RawMessage"}},
		{"a struct that reads itself", func(in readsItself) {}, []tool.Option{named}, []string{here, "readsItself is not an object"}},
		{"an invalid name", func() {}, []tool.Option{tool.Name("two words")}, []string{here, `"two words"`, "' '"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := tool.New(test.fn, test.options...)
			if got != nil {
				t.Error("a tool beside the error")
			}
			wantError(t, err, append(test.want, "accepted forms:", `tool.Params("a", "b", ...)`)...)
		})
	}
}

func TestArgumentErrorsAreForTheCaller(t *testing.T) {
	never := func(in place) string { panic("called with wrong arguments") }
	for name, test := range map[string]struct{ arguments, want string }{
		"wrong kind": {`{"city":5}`, "city: expected a string, got 5"},
		"missing":    {`{}`, "city: missing"},
		"unknown":    {`{"city":"x","dayz":1}`, `did you mean "days"?`},
		"no object":  {`[]`, "arguments: expected an object"},
		"no JSON":    {`{"city":`, "invalid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := call(t, never, test.arguments)
			text, ok := tool.UserText(err)
			if !ok || !strings.Contains(text, test.want) {
				t.Errorf("got %q, %v; want text for the caller with %q", text, ok, test.want)
			}
		})
	}
}

func TestStrictCallsTakeNoNearMisses(t *testing.T) {
	days := must(t, func(in place) int { return in.Days }, tool.Name("days"))
	raw := must(t, func(in json.RawMessage) int { return len(in) }, tool.Name("raw"), tool.InputSchema(json.RawMessage(`{"type":"object"}`)))
	for name, test := range map[string]struct {
		tool      *tool.Tool
		arguments string
	}{
		"a number in a string":            {days, `{"city":"","days":"5"}`},
		"null for no hand-written object": {raw, ` null `},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := test.tool.Call(tool.NewContext(t.Context(), tool.Call{}), []byte(test.arguments)); err != nil {
				t.Errorf("lenient: %v", err)
			}
			if _, err := test.tool.Call(tool.NewContext(t.Context(), tool.Call{Strict: true}), []byte(test.arguments)); err == nil {
				t.Error("strict: no error")
			}
		})
	}
}

func TestPointerParameterIsItsOwnEachCall(t *testing.T) {
	var seen []*place
	keep := must(t, func(in *place) { seen = append(seen, in) }, tool.Name("keep"))
	for _, arguments := range []string{`{"city":"Oslo","days":3}`, `{"city":"Rome"}`} {
		if _, err := keep.Call(tool.NewContext(t.Context(), tool.Call{}), []byte(arguments)); err != nil {
			t.Fatal(err)
		}
	}
	if *seen[0] != (place{"Oslo", 3}) || *seen[1] != (place{"Rome", 0}) {
		t.Errorf("got %v and %v", *seen[0], *seen[1])
	}
}
