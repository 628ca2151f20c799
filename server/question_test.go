package server_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

type trip struct {
	Class string   `json:"class" jsonschema:"enum=first,enum=second,default=second" titles:"First|Second"`
	Meals []string `json:"meals,omitempty" jsonschema:"enum=meat,enum=fish"`
}

type seat struct {
	Class string `json:"class" jsonschema:"enum=first,enum=second,default=second" titles:"First|Second"`
}

// TestQuestionsOnTheWire: each revision gets a question as it has it, or the
// caller hears that it has none.
func TestQuestionsOnTheWire(t *testing.T) {
	srv := func() *server.Server {
		srv := server.New("questions", "1", server.Options{Logger: quiet})
		srv.Tool(func(ctx *tool.Context) error {
			_, err := tool.Elicit[seat](ctx, "Where?")
			return err
		}, tool.Name("seat"))
		srv.Tool(func(ctx *tool.Context) error {
			_, err := tool.Elicit[trip](ctx, "Where to?")
			return err
		}, tool.Name("trip"))
		srv.Tool(func(ctx *tool.Context) error {
			return tool.ElicitURL(ctx, "https://example.com/pay", "Pay.")
		}, tool.Name("pay"))
		srv.Tool(samplesWithTools, tool.Name("sample"))
		srv.Tool(func(ctx *tool.Context) error {
			_, err := tool.Sample(ctx, tool.Sampling{Messages: conversation[:5]})
			return err
		}, tool.Name("go_on"))
		srv.Tool(func(ctx *tool.Context) error {
			_, err := tool.Sample(ctx, tool.Sampling{Messages: []tool.Message{{Content: tool.Audio{Data: []byte{1}, MIME: "audio/wav"}}}})
			return err
		}, tool.Name("hear"))
		return srv
	}
	const (
		titled = `"requestedSchema":{"type":"object","properties":{"class":{"type":"string","oneOf":[{"const":"first","title":"First"},{"const":"second","title":"Second"}],"default":"second"}}`
		multi  = `"meals":{"type":"array","items":{"type":"string","enum":["meat","fish"]}}`
		turns  = `"messages":[{"role":"user","content":{"type":"text","text":"Weather?"}},` +
			`{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"weather","input":{"city":"Oslo"}},{"type":"tool_use","id":"2","name":"weather","input":{}}]},` +
			`{"role":"user","content":[{"type":"tool_result","toolUseId":"1","content":[{"type":"text","text":"rain"}],"structuredContent":{"mm":3}},{"type":"tool_result","toolUseId":"2","content":[],"isError":true}]}]`
		options = `"modelPreferences":{"hints":[{"name":"small"}],"costPriority":1},"systemPrompt":"Be brief.","temperature":0.5,"maxTokens":7,"stopSequences":["END"],"metadata":{"k":"v"},` +
			`"tools":[{"name":"weather","inputSchema":{"type":"object"}}],"toolChoice":{"mode":"auto"}`
	)
	for _, tt := range []struct {
		revision, tool string
		want           string // in the question, or the answer without one
		none           bool   // no question
	}{
		{"2025-03-26", "seat", "does not support elicitation", true},
		{"2025-06-18", "seat", `{"message":"Where?","requestedSchema":{"type":"object","properties":{"class":{"type":"string","enum":["first","second"],"enumNames":["First","Second"]}}`, false},
		{"2025-06-18", "trip", "2025-06-18", true},
		{"2025-06-18", "pay", "does not support elicitation.url", true},
		{"2025-06-18", "sample", "does not support sampling.tools", true},
		{"2025-06-18", "go_on", "does not support sampling.tools", true},
		{"2025-11-25", "go_on", turns, false},
		{"2024-11-05", "hear", "no audio in sampling", true},
		{"2025-03-26", "hear", `"content":{"type":"audio","data":"AQ==","mimeType":"audio/wav"}`, false},
		{"2025-11-25", "seat", `{"mode":"form","message":"Where?",` + titled, false},
		{"2025-11-25", "trip", multi, false},
		{"2025-11-25", "pay", `{"mode":"url","message":"Pay.","elicitationId":"`, false},
		{"2025-11-25", "sample", turns, false},
		{"2025-11-25", "sample", options, false},
		{"2026-07-28", "seat", `{"mode":"form","message":"Where?",` + titled, false},
		{"2026-07-28", "pay", `{"mode":"url","message":"Pay.","url":"https://example.com/pay"}`, false},
		{"2026-07-28", "sample", turns, false},
	} {
		t.Run(tt.revision+"/"+tt.tool, func(t *testing.T) {
			var question string
			c := servertest.Connect(t, srv(), servertest.Options{
				Revision:     tt.revision,
				Capabilities: everything,
				Answer: func(_ string, params json.RawMessage) (any, error) {
					question = string(params)
					return map[string]any{"action": "cancel", "role": "assistant", "model": "m", "content": map[string]any{"type": "text", "text": "hi"}}, nil
				},
			})
			got := c.Call(tt.tool, nil)
			if tt.none {
				if question != "" || !got.IsError || !strings.Contains(got.Text(), tt.want) {
					t.Errorf("asked %s and answered %+v", question, got)
				}
				return
			}
			if !strings.Contains(question, tt.want) {
				t.Errorf("asked %s\nwant in it %s", question, tt.want)
			}
		})
	}
}

// conversation is one in which a model has used two tools at once.
var conversation = []tool.Message{
	tool.UserMessage("Weather?"),
	{Role: tool.Assistant, Content: tool.ToolUse{ID: "1", Name: "weather", Input: json.RawMessage(`{"city":"Oslo"}`)}},
	{Role: tool.Assistant, Content: tool.ToolUse{ID: "2", Name: "weather"}},
	{Content: tool.ToolResult{ToolUseID: "1", Content: []tool.Content{tool.Text{Text: "rain"}}, Structured: map[string]int{"mm": 3}}},
	{Content: tool.ToolResult{ToolUseID: "2", IsError: true}},
}

func samplesWithTools(ctx *tool.Context) (string, error) {
	said, err := tool.Sample(ctx, tool.Sampling{
		Messages:    conversation,
		System:      "Be brief.",
		MaxTokens:   7,
		Temperature: new(0.5),
		Stop:        []string{"END"},
		Hints:       []string{"small"},
		Cost:        new(1.0),
		Tools:       []tool.Spec{{Name: "weather", Input: json.RawMessage(`{"type":"object"}`)}},
		Choice:      "auto",
		Metadata:    map[string]any{"k": "v"},
	})
	if err != nil {
		return "", err
	}
	return said.Text(), nil
}

// TestSamplingBlocksElsewhere: a block that belongs to sampling is no content of a
// result.
func TestSamplingBlocksElsewhere(t *testing.T) {
	srv := server.New("blocks", "1", server.Options{Logger: quiet})
	srv.Tool(func() tool.Result {
		return tool.Result{Content: []tool.Content{tool.ToolUse{ID: "1", Name: "x"}}}
	}, tool.Name("use"))
	c := servertest.Connect(t, srv, servertest.Options{})
	if got := c.Call("use", nil); !got.IsError || !strings.Contains(got.Text(), "sampling alone") {
		t.Errorf("got %+v", got)
	}
}
