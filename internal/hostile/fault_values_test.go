package hostile

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

type (
	panickyJSON   struct{ A int }
	brokenJSON    struct{ A int }
	emptyJSON     struct{ A int }
	webJSON       struct{ A int }
	panickyText   struct{ A int }
	panickyKey    struct{ A int }
	panickyError  struct{ A int }
	panickyUnwrap struct{ A int }
	panickyString struct{ A int }
	hollow        struct{ text string }
	ring          struct{ Next *ring }
)

func (panickyJSON) MarshalJSON() ([]byte, error) { panic("in MarshalJSON") }
func (brokenJSON) MarshalJSON() ([]byte, error)  { return []byte("{\"a\":\n"), nil }
func (emptyJSON) MarshalJSON() ([]byte, error)   { return nil, nil }
func (webJSON) MarshalJSON() ([]byte, error) {
	return []byte("{\n\"a\": \"<script>\u2028</script>&\"\n}"), nil
}
func (panickyText) MarshalText() ([]byte, error) { panic("in MarshalText") }
func (panickyKey) MarshalText() ([]byte, error)  { panic("in MarshalText of a key") }
func (panickyError) Error() string               { panic("in Error") }
func (panickyUnwrap) Error() string              { return "unwraps badly" }
func (panickyUnwrap) Unwrap() error              { panic("in Unwrap") }
func (panickyString) String() string             { panic("in String") }
func (h *hollow) Error() string                  { return h.text }

// nested is a long list, or a map in a map in a map. A million of them are too many
// for a stack, where nobody counts.
func nested(link func(inner any) any) (outer any) {
	for range often(20_000, 1_000_000) {
		outer = link(outer)
	}
	return outer
}

// strange are values that JSON has no form for, or that do not print; "" is for
// what is sent all the same.
func strange() map[string]struct {
	value any
	want  string // in the text of the result
} {
	loop := &ring{}
	loop.Next = loop
	cycle := map[string]any{}
	cycle["self"] = []any{cycle}
	type is = struct {
		value any
		want  string
	}
	const internal = "internal error (ref "
	return map[string]is{
		"a channel":                  {make(chan int), "unsupported type: chan int"},
		"a func":                     {func() {}, "unsupported type: func()"},
		"a channel deep in a map":    {map[string]any{"a": []any{make(chan int)}}, "unsupported type: chan int"},
		"a complex number":           {1i, "unsupported type: complex128"},
		"a map with keys of arrays":  {map[[2]int]int{{1, 2}: 3}, "unsupported type"},
		"NaN":                        {math.NaN(), "unsupported value: NaN"},
		"an infinity in a slice":     {[]float64{math.Inf(-1)}, "unsupported value: -Inf"},
		"a cycle of pointers":        {loop, "encountered a cycle"},
		"a cycle of maps and slices": {cycle, "encountered a cycle"},
		"a very long list":           {nested(func(in any) any { return &struct{ In any }{in} }), "nested more than 10000 deep"},
		"maps that are deep":         {nested(func(in any) any { return map[string]any{"in": in} }), "nested more than 10000 deep"},
		"raw JSON that is deep":      {json.RawMessage(strings.Repeat("[", 2e4) + strings.Repeat("]", 2e4)), "depth"},
		"raw JSON that is none":      {json.RawMessage("{\"a\":\n"), "JSON"},
		"a text that is not UTF-8":   {strings.Repeat("\xff\xfe", often(1<<15, 1<<20)), "\ufffd"},
		"a MarshalJSON that panics":  {panickyJSON{}, internal},
		"a MarshalJSON of no JSON":   {brokenJSON{}, "unexpected end of JSON input"},
		"a MarshalJSON of nothing":   {emptyJSON{}, "unexpected end of JSON input"},
		"a MarshalJSON of HTML":      {webJSON{}, "<script>"},
		"a MarshalText that panics":  {panickyText{}, internal},
		"a key that panics":          {map[panickyKey]int{{}: 1}, internal},
		"an error that panics":       {panickyError{}, "{"},
		"a Stringer that panics":     {panickyString{}, "{"},
		"a nil pointer":              {(*ring)(nil), "the tool returned nothing"},
		"a nil pointer to an error":  {(*hollow)(nil), "the tool returned nothing"},
		"nothing":                    {nil, ""},
		"a nil Result":               {(*tool.Result)(nil), ""},
		"a Result of nothing":        {&tool.Result{Content: []tool.Content{nil}}, "content block 0"},
		"a Result with a channel":    {&tool.Result{Structured: make(chan int)}, "unsupported type: chan int"},
		"a Result with strange meta": {&tool.Result{Meta: map[string]any{"x": math.NaN()}}, "unsupported value: NaN"},
		"a Result that is deep":      {&tool.Result{Structured: nested(func(in any) any { return []any{in} })}, "nested more than 10000 deep"},
	}
}

// strangeServer has tools that return such values, and errors that are no better.
func strangeServer() *server.Server {
	values := strange()
	srv := server.New("strange", "1", server.Options{Logger: unlogged})
	srv.Tool(func(which string) any { return values[which].value }, tool.Name("give"), tool.Params("which"))
	srv.Tool(func(which string) (any, error) {
		if err, ok := values[which].value.(error); ok {
			return nil, err
		}
		return values[which].value, nil
	}, tool.Name("promise"), tool.Params("which"), tool.OutputSchema([]byte(`{"type":["object","array","number","null"]}`)))
	for name, f := range map[string]func() error{
		"fail":         func() error { return panickyError{} },
		"unwrap":       func() error { return panickyUnwrap{} },
		"hollow":       func() error { return (*hollow)(nil) },
		"panic":        func() error { panic(panickyError{}) },
		"panic-string": func() error { panic(panickyString{}) },
		"panic-nil":    func() error { panic(nil) },
	} {
		srv.Tool(f, tool.Name(name))
	}
	srv.Tool(func() string { return "x" }, tool.Name("echo"))
	return srv
}

// TestFaultResults: whatever a function returns, its client gets one answer, which is
// JSON and says what is wrong; and the next call is served.
func TestFaultResults(t *testing.T) {
	over(t, faultWires, func(t *testing.T, wire servertest.Options) {
		said := &tap{t: t}
		wire.Tap = said.take
		c := servertest.Connect(t, strangeServer(), wire)
		for name, is := range strange() {
			got := mustCall(t, c, "give", map[string]any{"which": name})
			if !strings.Contains(got.Text(), is.want) {
				t.Errorf("%s: got %.200s, want %s", name, got.Text(), is.want)
			}
			_ = mustCall(t, c, "promise", map[string]any{"which": name})
		}
		for _, name := range []string{"fail", "unwrap", "hollow", "panic", "panic-string", "panic-nil"} {
			if got := mustCall(t, c, name, nil); !got.IsError || !strings.HasPrefix(got.Text(), "internal error (ref ") {
				t.Errorf("%s: got %+v", name, got)
			}
		}
		mustCall(t, c, "echo", nil)
		for _, text := range said.all() {
			if strings.Contains(text, "\n") {
				t.Errorf("a line break in %.100s", text)
			}
		}
	})
}

// TestFaultLoggedValues: whatever a function logs, it goes on, and so does the server.
func TestFaultLoggedValues(t *testing.T) {
	values := strange()
	for name, handler := range map[string]slog.Handler{"text": slog.NewTextHandler(io.Discard, nil), "JSON": slog.NewJSONHandler(io.Discard, nil)} {
		srv := server.New("logged", "1", server.Options{Logger: slog.New(handler)})
		srv.Tool(func(ctx *tool.Context) string {
			for what, is := range values {
				ctx.Log().Info(what, "value", is.value)
				ctx.Log().With("value", is.value).WithGroup("group").Info(what, slog.Group("more", "value", is.value))
			}
			ctx.Log().Error("errors", "nil", (*hollow)(nil), "panics", panickyError{}, "joined", errors.Join(panickyUnwrap{}))
			return "logged"
		}, tool.Name("log"))
		said := &tap{t: t}
		c := servertest.Connect(t, srv, servertest.Options{LogLevel: "debug", Tap: said.take})
		if got := mustCall(t, c, "log", nil); got.Text() != "logged" {
			t.Errorf("%s: got %+v", name, got)
		}
		if n := len(c.Notifications("notifications/message")); n != 2*len(values)+1 {
			t.Errorf("%s: the client got %d messages of %d", name, n, 2*len(values)+1)
		}
	}
}
