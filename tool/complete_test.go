package tool_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

type choice struct {
	Style string   `json:"style" jsonschema:"enum=Terse,enum=kind,enum=TEXT"`
	Level int      `json:"level" jsonschema:"enum=1,enum=10,enum=1000000"`
	Deep  *bool    `json:"deep"`
	Maybe string   `json:"maybe,omitempty" jsonschema:"enum=yes,enum=no,nullable"`
	Free  string   `json:"free,omitempty"`
	Many  []string `json:"many,omitempty" jsonschema:"enum=a,enum=b"`
}

func TestCompletionOfItself(t *testing.T) {
	p := mustPrompt(t, func(in choice) string { return "" })
	r := mustResource(t, "a://{style}/{level}{?deep,maybe,free,many}", func(in choice) string { return "" }, tool.Name("x"))
	for _, test := range []struct {
		argument, typed string
		want            []string
	}{
		{"style", "", []string{"Terse", "kind", "TEXT"}},
		{"style", "te", []string{"Terse", "TEXT"}},
		{"style", "KI", []string{"kind"}},
		{"style", "kinder", nil},
		{"level", "1", []string{"1", "10", "1000000"}},
		{"level", "10", []string{"10", "1000000"}},
		{"deep", "", []string{"true", "false"}},
		{"deep", "F", []string{"false"}},
		{"maybe", "y", []string{"yes"}},
		{"free", "", nil},
		{"many", "", nil},
	} {
		c := tool.Completion{Argument: test.argument, Value: test.typed}
		for name, complete := range map[string]func(*tool.Context, tool.Completion) (*tool.Completions, error){"prompt": p.Complete, "template": r.Complete} {
			got, err := complete(plainContext(t), c)
			if err != nil || got.Values == nil || !slices.Equal(got.Values, test.want) || got.Total != len(test.want) || got.More {
				t.Errorf("%s: %+v: got %+v, %v; want %q", name, c, got, err, test.want)
			}
		}
	}
}

func TestCompletionByFunction(t *testing.T) {
	var seen tool.Completion
	own := func(ctx *tool.Context, c tool.Completion) ([]string, error) {
		seen = c
		return []string{"z " + client(ctx), "a"}, nil
	}
	p := mustPrompt(t, func(in choice) string { return "" }, tool.Complete("style", noValues), tool.Complete("style", own))
	c := tool.Completion{Argument: "style", Value: "typed", Arguments: map[string]string{"level": "1"}}
	got, err := p.Complete(plainContext(t), c)
	if err != nil || !slices.Equal(got.Values, []string{"z nobody", "a"}) || got.Total != 2 || got.More {
		t.Errorf("got %+v, %v", got, err)
	}
	if fmt.Sprint(seen) != fmt.Sprint(c) {
		t.Errorf("the function saw %+v, want %+v", seen, c)
	}
	failing := mustResource(t, users, func(id string) string { return id }, tool.Name("x"),
		tool.Complete("id", func(*tool.Context, tool.Completion) ([]string, error) { return []string{"x"}, io.ErrUnexpectedEOF }))
	if got, err := failing.Complete(plainContext(t), tool.Completion{Argument: "id"}); got != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestCompletionIsBounded(t *testing.T) {
	for n, more := range map[int]bool{0: false, 1: false, 100: false, 101: true, 5000: true} {
		values := slices.Repeat([]string{"x"}, n)
		p := mustPrompt(t, func(a string) string { return a }, tool.Params("a"),
			tool.Complete("a", func(*tool.Context, tool.Completion) ([]string, error) { return values, nil }))
		got, err := p.Complete(plainContext(t), tool.Completion{Argument: "a"})
		if err != nil || len(got.Values) != min(n, 100) || got.Values == nil || got.Total != n || got.More != more {
			t.Errorf("%d values: got %d of %d, %v, %v", n, len(got.Values), got.Total, got.More, err)
		}
	}
}

func TestCompletionOfNothing(t *testing.T) {
	p := mustPrompt(t, func(in choice) string { return "" })
	r := mustResource(t, "a://{style}/{level}{?deep}", func(in choice) string { return "" }, tool.Name("x"))
	static := mustResource(t, hereURI, func() string { return "" })
	for _, test := range []struct {
		complete func(*tool.Context, tool.Completion) (*tool.Completions, error)
		argument string
		want     string
	}{
		{p.Complete, "styl", `there is no argument "styl", the arguments are: style, level, deep, maybe, free, many`},
		{p.Complete, "", `there is no argument ""`},
		{r.Complete, "free", "the arguments are: style, level, deep"}, // a field, and no variable
		{static.Complete, "x", "the arguments are: none"},
		{p.Complete, strings.Repeat("x", 1000), "x\", the arguments"},
	} {
		got, err := test.complete(plainContext(t), tool.Completion{Argument: test.argument})
		text, ok := tool.UserText(err)
		if got != nil || !ok || !strings.Contains(text, test.want) || len(text) > 200 {
			t.Errorf("%q: got %v, %v; want an error for the caller with %q", test.argument, got, err, test.want)
		}
	}
}
