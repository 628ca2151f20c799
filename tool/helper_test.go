package tool_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

// must makes a tool of fn.
func must(t testing.TB, fn any, options ...tool.Option) *tool.Tool {
	t.Helper()
	made, err := tool.New(fn, options...)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return made
}

// call makes a tool of fn and calls it.
func call(t *testing.T, fn any, arguments string, options ...tool.Option) (*tool.Result, error) {
	t.Helper()
	made := must(t, fn, append([]tool.Option{tool.Name("under_test")}, options...)...)
	return made.Call(tool.NewContext(t.Context(), tool.Call{}), []byte(arguments))
}

// show writes a result on one line, to compare and to read.
func show(r *tool.Result) string {
	var parts []string
	for _, c := range r.Content {
		switch c := c.(type) {
		case tool.Text:
			parts = append(parts, "text "+c.Text)
		case tool.Image:
			parts = append(parts, "image "+string(c.Data))
		case tool.Link:
			parts = append(parts, "link "+c.URI)
		default:
			parts = append(parts, "a block of another type")
		}
	}
	if raw, ok := r.Structured.(json.RawMessage); ok {
		parts = append(parts, "structured "+string(raw))
	}
	if r.IsError {
		parts = append(parts, "error")
	}
	return strings.Join(parts, "; ")
}

// wantError fails unless err has every one of parts in its text.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q:\n%v", part, err)
		}
	}
}

// properties returns the properties of a schema.
func properties(t *testing.T, schema json.RawMessage) map[string]property {
	t.Helper()
	var doc struct{ Properties map[string]property }
	if err := json.Unmarshal(schema, &doc); err != nil {
		t.Fatalf("schema %s: %v", schema, err)
	}
	return doc.Properties
}

type property struct {
	Type        string
	Description string
	Properties  map[string]property
}
