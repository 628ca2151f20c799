package tool_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

func TestOptionsFillTheSpec(t *testing.T) {
	icon := tool.Icon{Src: "https://example.com/a.png", MIME: "image/png", Sizes: []string{"48x48"}, Theme: "dark"}
	other := tool.Icon{Src: "data:image/png;base64,AA=="}
	got := must(t, func() {},
		tool.Name("named"), tool.Title("Titled"), tool.Description("Described."),
		tool.ReadOnly(), tool.Destructive(false), tool.Idempotent(true), tool.OpenWorld(false),
		tool.Icons(icon), tool.Icons(other),
		tool.Meta("a", 1), tool.Meta("b", "two"), tool.Meta("a", 3),
		tool.Timeout(time.Minute),
	).Spec()
	want := tool.Spec{
		Name: "named", Title: "Titled", Description: "Described.",
		Input: got.Input,
		Hints: tool.Hints{ReadOnly: new(true), Destructive: new(false), Idempotent: new(true), OpenWorld: new(false)},
		Icons: []tool.Icon{icon, other},
		Meta:  map[string]any{"a": 3, "b": "two"}, Timeout: time.Minute,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestHintsAreTriState(t *testing.T) {
	for want, options := range map[string][]tool.Option{
		`{}`:                        nil,
		`{"readOnlyHint":true}`:     {tool.ReadOnly()},
		`{"destructiveHint":true}`:  {tool.Destructive(true)},
		`{"destructiveHint":false}`: {tool.Destructive(false)},
		`{"idempotentHint":true}`:   {tool.Idempotent(true)},
		`{"idempotentHint":false}`:  {tool.Idempotent(false)},
		`{"openWorldHint":true}`:    {tool.OpenWorld(true)},
		`{"openWorldHint":false}`:   {tool.OpenWorld(false)},
	} {
		hints := must(t, func() {}, append(options, tool.Name("x"))...).Spec().Hints
		if got, _ := json.Marshal(hints); string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestOptionsMayBeShared(t *testing.T) {
	shared := []tool.Option{tool.ReadOnly(), tool.Meta("k", 1), tool.Icons(tool.Icon{Src: "data:,"})}
	first := must(t, GetForecast, append(shared, tool.Meta("only", "first"), tool.Icons(tool.Icon{Src: "data:,1"}))...).Spec()
	second := must(t, HTTPGet, shared...).Spec()
	if len(first.Meta) != 2 || len(second.Meta) != 1 || len(first.Icons) != 2 || len(second.Icons) != 1 {
		t.Errorf("one tool's options reached another: %+v and %+v", first, second)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	text := func() string { return "" }
	for name, test := range map[string]struct {
		fn     any
		option tool.Option
		want   string
	}{
		"negative timeout":               {text, tool.Timeout(-1), "tool.Timeout"},
		"a media type":                   {text, tool.MIME("text/plain"), "tool.MIME is not for a tool: remove it"},
		"a size":                         {text, tool.Size(1), "tool.Size is not for a tool"},
		"annotations":                    {text, tool.Annotate(tool.Annotations{}), "tool.Annotate is not for a tool"},
		"caching":                        {text, tool.Caching(tool.Cache{}), "tool.Caching is not for a tool"},
		"completion":                     {text, tool.Complete("a", noValues), "tool.Complete is not for a tool"},
		"icon without a source":          {text, tool.Icons(tool.Icon{MIME: "image/png"}), "tool.Icons: icon 1"},
		"meta that is not JSON":          {text, tool.Meta("k", func() {}), "tool.Meta"},
		"meta without the form of a key": {text, tool.Meta("a b!/c d", 1), "not of the form"},
		"meta of the protocol":           {text, tool.Meta("io.modelcontextprotocol/x", 1), "reserved"},
		"meta of the protocol, short":    {text, tool.Meta("dev.mcp/x", 1), "reserved"},
		"output schema of a text":        {text, tool.OutputSchema(json.RawMessage(`{}`)), "tool.OutputSchema"},
		"output schema of nothing":       {func() {}, tool.OutputSchema(json.RawMessage(`{}`)), "tool.OutputSchema"},
		"output schema of a block":       {func() (b tool.Text) { return }, tool.OutputSchema(json.RawMessage(`{}`)), "tool.OutputSchema"},
		"output schema that is no JSON":  {func() any { return nil }, tool.OutputSchema(json.RawMessage(`{`)), "tool.OutputSchema"},
		"output schema that is true":     {func() any { return nil }, tool.OutputSchema(json.RawMessage(`true`)), "not a JSON object"},
		"output schema that is null":     {func() any { return nil }, tool.OutputSchema(json.RawMessage(`null`)), "tool.OutputSchema"},
		"output schema that is nil":      {func() any { return nil }, tool.OutputSchema(nil), "tool.OutputSchema"},
		"output schema that is wrapped":  {func() any { return nil }, tool.OutputSchema(json.RawMessage(`{"type":"array","items":{"$ref":"#/definitions/x"},"definitions":{"x":{}}}`)), "#/$defs/"},
		"output schema of an odd type":   {func() any { return nil }, tool.OutputSchema(json.RawMessage(`{"type":"strin"}`)), "strin is no type"},
		"output schema with a bad type":  {func() any { return nil }, tool.OutputSchema(json.RawMessage(`{"type":7}`)), "tool.OutputSchema"},
		"input schema that is no JSON":   {func(json.RawMessage) {}, tool.InputSchema(json.RawMessage(`{`)), "tool.InputSchema"},
		"input schema that is nil":       {func(json.RawMessage) {}, tool.InputSchema(nil), "tool.InputSchema"},
		"input schema that is true":      {func(json.RawMessage) {}, tool.InputSchema(json.RawMessage(`true`)), `must have "type": "object"`},
		"input schema without a type":    {func(json.RawMessage) {}, tool.InputSchema(json.RawMessage(`{"Type":"object"}`)), `must have "type": "object"`},
		"input schema of an array":       {func(json.RawMessage) {}, tool.InputSchema(json.RawMessage(`{"type":"array"}`)), `must have "type": "object"`},
		"input schema that leads astray": {func(json.RawMessage) {}, tool.InputSchema(json.RawMessage(`{"type":"object","$ref":"#/$defs/none"}`)), "tool.InputSchema"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tool.New(test.fn, tool.Name("x"), test.option)
			wantError(t, err, test.want, "option_test.go:")
		})
	}
}

const handWritten = `{ "type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n"] }`

func TestInputSchemaIsKeptAndEnforced(t *testing.T) {
	schema := json.RawMessage(handWritten)
	option := tool.InputSchema(schema)
	schema[0] = 'x' // it is not the caller's any more
	echo := func(ctx *tool.Context, in json.RawMessage) (string, error) { return string(in), nil }
	if got := must(t, echo, tool.Name("echo"), option).Spec().Input; string(got) != handWritten {
		t.Errorf("the schema became %s", got)
	}
	got, err := call(t, echo, `{"n":5, "more": true}`, option)
	if err != nil || show(got) != `text {"n":5, "more": true}` {
		t.Errorf("got %v, %v", got, err)
	}
	for arguments, want := range map[string]string{
		`{"n":2}`: "n: expected", `{}`: "n: missing", ``: "n: missing", `null`: "n: missing", `[]`: "arguments", `{"n":`: "invalid JSON",
	} {
		_, err := call(t, echo, arguments, option)
		if text, ok := tool.UserText(err); !ok || !strings.Contains(text, want) {
			t.Errorf("%s: got %v, want an error for the caller with %q", arguments, err, want)
		}
	}
}

func TestInputSchemaArgumentsMayBeKept(t *testing.T) {
	var kept json.RawMessage
	keep := must(t, func(in json.RawMessage) { kept = in }, tool.Name("keep"), tool.InputSchema(json.RawMessage(handWritten)))
	arguments := []byte(`{"n":5}`)
	if _, err := keep.Call(tool.NewContext(t.Context(), tool.Call{}), arguments); err != nil {
		t.Fatal(err)
	}
	copy(arguments, `{"n":9}`)
	if string(kept) != `{"n":5}` {
		t.Errorf("what the function kept became %s", kept)
	}
}

func TestOutputSchemaByHand(t *testing.T) {
	for schema, object := range map[string]bool{
		`{"type":"object"}`: true, `{ "type" : "object" }`: true,
		`{"type":"array"}`: false, `{}`: false, `{"anyOf":[{"type":"object"}]}`: false,
	} {
		for name, fn := range map[string]any{
			"any":      func() any { return nil },
			"raw JSON": func() (r json.RawMessage) { return },
			"result":   func() (r *tool.Result) { return },
			"struct":   func() (p place) { return },
		} {
			spec := must(t, fn, tool.Name("x"), tool.OutputSchema(json.RawMessage(schema))).Spec()
			if string(spec.Output) != schema || spec.OutputObject != object {
				t.Errorf("%s: got %s, object %v; want %s, %v", name, spec.Output, spec.OutputObject, schema, object)
			}
		}
	}
}

// TestOutputSchemaIsKept: what was promised by hand is held, in the server's own
// results too.
func TestOutputSchemaIsKept(t *testing.T) {
	promise := tool.OutputSchema(json.RawMessage(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`))
	for name, tt := range map[string]struct {
		fn   any
		want string // in the error; "" for none
	}{
		"fits":           {func() json.RawMessage { return json.RawMessage(`{"a":"x"}`) }, ""},
		"a wrong type":   {func() json.RawMessage { return json.RawMessage(`{"a":1}`) }, "does not fit tool.OutputSchema: a: expected"},
		"text alone":     {func() *tool.Result { return &tool.Result{Content: []tool.Content{tool.Text{Text: "x"}}} }, "there is none"},
		"an error":       {func() *tool.Result { return &tool.Result{IsError: true} }, ""},
		"cannot be JSON": {func() *tool.Result { return &tool.Result{Structured: func() {}} }, "encoding the result"},
	} {
		_, err := call(t, tt.fn, `{}`, tool.Name("x"), promise)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestUnknownArguments(t *testing.T) {
	city := func(in place) string { return in.City }
	if _, err := call(t, city, `{"city":"Oslo","x":1}`); err == nil {
		t.Error("an unknown argument is accepted")
	}
	got, err := call(t, city, `{"city":"Oslo","x":1}`, tool.AllowUnknown())
	if err != nil || show(got) != "text Oslo" {
		t.Errorf("with AllowUnknown: %v, %v", got, err)
	}
	if _, err := call(t, func() {}, `{"x":1}`); err == nil {
		t.Error("a function without arguments accepts one")
	}
	if _, err := call(t, func() {}, `{"x":1}`, tool.AllowUnknown()); err != nil {
		t.Errorf("with AllowUnknown: %v", err)
	}
}
