package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sessionmcp/sessionmcp/schema"
	"github.com/sessionmcp/sessionmcp/tool"
)

// mustPrompt makes a prompt of fn.
func mustPrompt(t testing.TB, fn any, options ...tool.Option) *tool.Prompt {
	t.Helper()
	made, err := tool.NewPrompt(fn, append([]tool.Option{tool.Name("under_test")}, options...)...)
	if err != nil {
		t.Fatalf("NewPrompt: %v", err)
	}
	return made
}

// showMessages writes messages on one line.
func showMessages(r *tool.PromptResult) string {
	var parts []string
	for _, m := range r.Messages {
		parts = append(parts, string(m.Role)+" "+show(&tool.Result{Content: []tool.Content{m.Content}}))
	}
	return strings.Join(parts, "; ")
}

func TestPromptMessages(t *testing.T) {
	assistant := tool.AssistantMessage("sure")
	said := tool.PromptResult{Description: "d", Messages: []tool.Message{{Content: &textA}, assistant}, Meta: map[string]any{"k": 1}}
	own := func(v any) []any { // a value of its static type, with and without an error
		fn := func(out ...reflect.Type) any {
			return reflect.MakeFunc(reflect.FuncOf(nil, out, false), func([]reflect.Value) []reflect.Value {
				return []reflect.Value{reflect.ValueOf(v), reflect.Zero(reflect.TypeFor[error]())}[:len(out)]
			}).Interface()
		}
		return []any{fn(reflect.TypeOf(v)), fn(reflect.TypeOf(v), reflect.TypeFor[error]())}
	}
	for name, test := range map[string]struct {
		fns  []any
		want string
	}{
		"string":             {own("hi"), "user text hi"},
		"empty string":       {own(""), "user text "},
		"named string":       {own(city("Oslo")), "user text Oslo"},
		"message":            {own(assistant), "assistant text sure"},
		"message of no role": {own(tool.Message{Content: imageB}), "user image b"},
		"messages":           {own([]tool.Message{tool.UserMessage("hi"), assistant}), "user text hi; assistant text sure"},
		"no messages":        {own([]tool.Message(nil)), ""},
		"block":              {own(imageB), "user image b"},
		"pointer to block":   {own(&imageB), "user image b"},
		"blocks":             {own([]tool.Content{textA, &imageB}), "user text a; user image b"},
		"blocks of one kind": {own([]tool.Text{textA}), "user text a"},
		"any block":          {[]any{func() tool.Content { return textA }}, "user text a"},
		"result":             {own(said), "user text a; assistant text sure"},
		"pointer to result":  {own(&said), "user text a; assistant text sure"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, fn := range test.fns {
				got, err := mustPrompt(t, fn).Get(plainContext(t), nil)
				if err != nil || showMessages(got) != test.want || got.Messages == nil {
					t.Errorf("%T: got %+v, %v; want %q", fn, got, err, test.want)
				}
			}
		})
	}
	got, err := mustPrompt(t, func() *tool.PromptResult { return &said }).Get(plainContext(t), nil)
	if err != nil || got.Description != "d" || got.Meta["k"] != 1 || got == &said || said.Messages[0].Role != "" {
		t.Errorf("got %+v, %v, or the function's own was changed: %+v", got, err, said)
	}
}

func TestPromptMessagesThatCannotBe(t *testing.T) {
	for name, test := range map[string]struct {
		fn   any
		want string
	}{
		"nil result":         {func() *tool.PromptResult { return nil }, "the prompt returned nothing"},
		"nil block":          {func() *tool.Text { return nil }, "message 0 has no content"},
		"nil any block":      {func() tool.Content { return nil }, "message 0 has no content"},
		"nil among blocks":   {func() []tool.Content { return []tool.Content{textA, nil} }, "message 1 has no content"},
		"no content":         {func() tool.Message { return tool.Message{} }, "message 0 has no content"},
		"nil pointer within": {func() tool.Message { return tool.Message{Content: (*tool.Text)(nil)} }, "message 0 has no content"},
		"another role":       {func() tool.Message { return tool.Message{Role: "system", Content: textA} }, `message 0: the role "system"`},
		"a tool's use":       {func() []tool.Content { return []tool.Content{tool.ToolUse{}} }, "a tool.ToolUse occurs in sampling alone"},
		"in a result":        {func() tool.PromptResult { return tool.PromptResult{Messages: make([]tool.Message, 1)} }, "message 0 has no content"},
		"the function's own": {func() (string, error) { return "", errors.New("broken") }, "broken"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := mustPrompt(t, test.fn).Get(plainContext(t), nil)
			wantError(t, err, test.want)
			if got != nil {
				t.Errorf("there is %+v beside the error", got)
			}
		})
	}
}

type review struct {
	Code  string        `json:"code" jsonschema:"minLength=1,title=The code" jsonschema_description:"What to look at"`
	Lines int           `json:"lines,omitempty" jsonschema:"maximum=9,default=5"`
	Style string        `json:"style,omitempty" jsonschema:"enum=terse,enum=kind,default=kind"`
	Deep  *bool         `json:"deep"`
	Tags  []string      `json:"tags,omitempty"`
	Wait  time.Duration `json:"wait,omitempty"`
	At    *place        `json:"at"`
}

// Review asks for a review.
func Review(ctx *tool.Context, in review) string {
	deep := "unsaid"
	if in.Deep != nil {
		deep = fmt.Sprint(*in.Deep)
	}
	at := ""
	if in.At != nil {
		at = in.At.City
	}
	return fmt.Sprint(client(ctx), " ", in.Code, " ", in.Lines, " ", in.Style, " ", deep, " ", in.Tags, " ", in.Wait, " ", at)
}

func TestPromptArguments(t *testing.T) {
	type args = map[string]string
	ab := tool.Params("a", "b")
	for name, test := range map[string]struct {
		fn        any
		options   []tool.Option
		arguments args
		want      string
	}{
		"defaults":       {Review, nil, args{"code": "x"}, "me x 5 kind unsaid [] 0s "},
		"of every type":  {Review, nil, args{"code": "5", "lines": "7", "style": "terse", "deep": "true", "tags": `["a","b"]`, "wait": "1m", "at": `{"city":"Oslo"}`}, "me 5 7 terse true [a b] 1m0s Oslo"},
		"as Python has":  {Review, nil, args{"code": "x", "deep": "False"}, "me x 5 kind false [] 0s "},
		"empty optional": {Review, nil, args{"code": "x", "lines": "", "style": "", "deep": "", "tags": "", "wait": "", "at": ""}, "me x 5 kind unsaid [] 0s "},
		"pointer":        {func(in *review) string { return in.Code }, nil, args{"code": "{}"}, "{}"},
		"plain":          {func(a string, b int) string { return fmt.Sprint(a, b) }, []tool.Option{ab}, args{"a": "null", "b": "-2"}, "null-2"},
		"context":        {func(ctx context.Context) string { return client(ctx) }, nil, nil, "me"},
		"a text type":    {func(a netip.Addr, b *int) string { return fmt.Sprint(a, b == nil) }, []tool.Option{ab}, args{"a": "::1"}, "::1 true"},
		"unknown ones":   {func() string { return "fine" }, []tool.Option{tool.AllowUnknown()}, args{"x": "1"}, "fine"},
		"an empty one":   {func(a string) string { return "<" + a + ">" }, []tool.Option{tool.Params("a")}, args{"a": ""}, "<>"},
		"no valid text":  {func(a string) string { return a }, []tool.Option{tool.Params("a")}, args{"a": "\xff<&>\u2028"}, "\uFFFD<&>\u2028"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := tool.NewContext(t.Context(), tool.Call{Args: tool.NewArgs(url.Values{"client_id": {"me"}}), Strict: true})
			got, err := mustPrompt(t, test.fn, test.options...).Get(ctx, test.arguments)
			if err != nil || showMessages(got) != "user text "+test.want {
				t.Errorf("got %+v, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestPromptArgumentsThatDoNotFit(t *testing.T) {
	type args = map[string]string
	p := mustPrompt(t, Review)
	for name, test := range map[string]struct {
		arguments args
		want      string
	}{
		"missing":     {nil, "code: missing"},
		"empty":       {args{"code": ""}, "code: expected a string of at least 1 character"},
		"unknown":     {args{"code": "x", "line": "7"}, `line: unknown property, did you mean "lines"?`},
		"no integer":  {args{"code": "x", "lines": "many"}, "lines: expected an integer"},
		"too many":    {args{"code": "x", "lines": "10"}, "lines: expected an integer"},
		"none of all": {args{"code": "x", "style": "rude"}, `style: expected one of "terse", "kind"`},
		"no JSON":     {args{"code": "x", "tags": "a,b"}, "tags: expected an array"},
		"no struct":   {args{"code": "x", "at": `{"town":1}`}, "at."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.Get(plainContext(t), test.arguments)
			text, ok := tool.UserText(err)
			if _, is := errors.AsType[*schema.Error](err); !ok || !is || !strings.Contains(text, test.want) {
				t.Errorf("got %v, want an error for the caller with %q", err, test.want)
			}
		})
	}
}

func TestPromptSpec(t *testing.T) {
	icon := tool.Icon{Src: "data:,"}
	source, err := tool.ParseSource(fstest.MapFS{"tool_test/prompt.go": {Data: []byte("package tool_test\n\n// Review asks for a review.\nfunc Review(ctx *tool.Context, in review) string\n")}})
	if err != nil {
		t.Fatal(err)
	}
	made, err := tool.NewPrompt(Review, tool.Title("Titled"), tool.Icons(icon), tool.Meta("k", 1), tool.Timeout(time.Second), tool.Comments(source))
	if err != nil {
		t.Fatal(err)
	}
	want := tool.PromptSpec{
		Name: "review", Title: "Titled", Description: "Review asks for a review.",
		Arguments: []tool.PromptArgument{
			{Name: "code", Title: "The code", Description: "What to look at", Required: true},
			{Name: "lines"}, {Name: "style"}, {Name: "deep"}, {Name: "tags"}, {Name: "wait", Description: `a duration such as "1m30s"`}, {Name: "at"},
		},
		Icons: []tool.Icon{icon}, Meta: map[string]any{"k": 1}, Timeout: time.Second,
	}
	if got := made.Spec(); !reflect.DeepEqual(got, want) || made.Name() != "review" {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := mustPrompt(t, func() string { return "" }).Spec().Arguments; got != nil {
		t.Errorf("no arguments are %+v", got)
	}
}

func TestPromptsThatCannotBe(t *testing.T) {
	named := tool.Name("x")
	text := func() string { return "" }
	for name, test := range map[string]struct {
		fn     any
		option tool.Option
		want   string
	}{
		"no function":         {7, named, "int is not a function"},
		"no name":             {text, tool.Title("x"), `a function literal has no name: add tool.Name("...")`},
		"a name out of form":  {text, tool.Name("a b"), `the name "a b"`},
		"no result":           {func() {}, named, "returns no messages"},
		"only an error":       {func() error { return nil }, named, "returns no messages"},
		"a struct":            {func() (p place) { return }, named, "a prompt does not return tool_test.place"},
		"a map":               {func() map[string]any { return nil }, named, "a prompt does not return map"},
		"any":                 {func() any { return nil }, named, "a prompt does not return interface"},
		"bytes":               {func() []byte { return nil }, named, "a prompt does not return []uint8"},
		"texts":               {func() []string { return nil }, named, "a prompt does not return []string"},
		"a number":            {func() int { return 0 }, named, "a prompt does not return int"},
		"a tool's result":     {func() *tool.Result { return nil }, named, "a prompt does not return *tool.Result"},
		"two results":         {func() (a, b string) { return }, named, "must be error"},
		"nameless parameters": {func(a string) string { return a }, named, "plain parameters need names"},
		"variadic":            {func(a ...string) string { return "" }, named, "variadic"},
		"no JSON":             {func(in struct{ C chan int }) string { return "" }, named, "JSON has no chan int"},
		"a media type":        {text, tool.MIME("text/plain"), "tool.MIME is not for a prompt"},
		"a size":              {text, tool.Size(1), "tool.Size is not for a prompt"},
		"annotations":         {text, tool.Annotate(tool.Annotations{}), "tool.Annotate is not for a prompt"},
		"caching":             {text, tool.Caching(tool.Cache{}), "tool.Caching is not for a prompt"},
		"read-only":           {text, tool.ReadOnly(), "tool.ReadOnly is not for a prompt"},
		"detached":            {text, tool.Detached(), "tool.Detached is not for a prompt"},
		"input schema":        {text, tool.InputSchema(json.RawMessage(`{}`)), "tool.InputSchema is not for a prompt"},
		"another argument":    {text, tool.Complete("x", noValues), "the arguments are: none"},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := tool.NewPrompt(test.fn, test.option)
			if name != "no name" && name != "a name out of form" {
				made, err = tool.NewPrompt(test.fn, named, test.option)
			}
			wantError(t, err, test.want, "tool: ", "accepted forms:")
			if made != nil {
				t.Error("there is a prompt beside the error")
			}
			if name != "no function" {
				wantError(t, err, "prompt_test.go:")
			}
		})
	}
}
