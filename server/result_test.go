package server_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/schema"
	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

type tree struct {
	Name string `json:"name"`
	Kids []tree `json:"kids"`
}

type point struct{ X, Y *int }

func (p point) MarshalJSON() ([]byte, error) { return []byte(`"1,2"`), nil }

// TestResultsFitTheirSchemas: what a tool answers validates against the output
// schema in tools/list, in each revision that has them, whatever the type.
func TestResultsFitTheirSchemas(t *testing.T) {
	functions := map[string]any{
		"struct":      func() forecastOut { return forecastOut{City: "Oslo"} },
		"pointer":     func() (*forecastOut, error) { return &forecastOut{}, nil },
		"recursive":   func() tree { return tree{Kids: []tree{{Name: "a"}}} },
		"list":        func() []tree { return []tree{{Name: "a", Kids: []tree{}}} },
		"nil_list":    func() []tree { return nil },
		"map":         func() map[string]*tree { return map[string]*tree{"a": nil} },
		"nil_map":     func() map[string]int { return nil },
		"number":      func() float64 { return 1.5 },
		"bool":        func() bool { return false },
		"array":       func() [2]int { return [2]int{1, 2} },
		"marshaler":   func() point { return point{} },
		"raw_object":  func() json.RawMessage { return json.RawMessage(` {"a": 1} `) },
		"raw_number":  func() json.RawMessage { return json.RawMessage(`7`) },
		"any":         func() any { return map[string]any{"a": 1} },
		"result":      func() *tool.Result { return &tool.Result{Structured: []int{1}} },
		"hand_object": func() any { return map[string]int{"n": 1} },
		"hand_any":    func() any { return map[string]int{"n": 1} },
	}
	srv := server.New("results", "1", server.Options{Logger: quiet})
	for name, fn := range functions {
		options := []tool.Option{tool.Name(name)}
		switch name {
		case "hand_object":
			options = append(options, tool.OutputSchema(json.RawMessage(`{"type":"object","required":["n"]}`)))
		case "hand_any":
			options = append(options, tool.OutputSchema(json.RawMessage(`{"anyOf":[{"$ref":"#/$defs/n"}],"$defs":{"n":{"required":["n"]}}}`)))
		}
		srv.Tool(fn, options...)
	}
	h := servertest.Start(t, srv)
	for _, revision := range []string{"2025-06-18", "2025-11-25"} {
		c := h.Connect(servertest.Options{Revision: revision})
		raw, err := c.Request("tools/list", nil)
		if err != nil {
			t.Fatal(err)
		}
		var list struct {
			Tools []struct {
				Name         string
				OutputSchema json.RawMessage
			}
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			t.Fatal(err)
		}
		for _, listed := range list.Tools {
			res := c.Call(listed.Name, nil)
			if res.IsError {
				t.Errorf("%s: %s", listed.Name, res.Text())
				continue
			}
			if res.StructuredContent == nil || res.StructuredContent[0] != '{' {
				t.Errorf("%s: structuredContent is %s, want an object", listed.Name, res.StructuredContent)
			}
			if listed.OutputSchema == nil {
				continue
			}
			if !strings.Contains(string(listed.OutputSchema), `"type":"object"`) {
				t.Errorf("%s: the root of the schema is no object: %s", listed.Name, listed.OutputSchema)
			}
			document, err := schema.Compile(listed.OutputSchema)
			if err != nil {
				t.Errorf("%s: %v", listed.Name, err)
				continue
			}
			if err := document.Validate(res.StructuredContent); err != nil {
				t.Errorf("%s: %s does not fit %s: %v", listed.Name, res.StructuredContent, listed.OutputSchema, err)
			}
		}
	}
}

// TestTextTwin: clients without structured content get its text.
func TestTextTwin(t *testing.T) {
	srv := server.New("twin", "1", server.Options{Logger: quiet})
	srv.Tool(func() []string { return []string{`a"b`} }, tool.Name("list"))
	for _, revision := range []string{"2024-11-05", "2025-11-25"} {
		c := servertest.Connect(t, srv, servertest.Options{Revision: revision})
		if got := c.Call("list", nil).Text(); got != `["a\"b"]` {
			t.Errorf("%s: the text is %s", revision, got)
		}
	}
}

// TestLargeClient: what a client says of itself is kept, so it has a limit.
func TestLargeClient(t *testing.T) {
	srv := server.New("large", "1", server.Options{Logger: quiet})
	c := servertest.Connect(t, srv, servertest.Options{Raw: true})
	_, err := c.Request("initialize", map[string]any{
		"protocolVersion": "2025-11-25",
		"capabilities":    map[string]any{"x": strings.Repeat("x", 100_000)},
	})
	if err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("initialize: %v, want a refusal", err)
	}
}
