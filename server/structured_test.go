package server_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
)

// TestStructuredThroughMiddleware: middleware reads what a function returned as
// JSON text, replaces it, and may not break it; with middleware and without, the
// client gets the same.
func TestStructuredThroughMiddleware(t *testing.T) {
	type out struct {
		Text string `json:"text"`
	}
	serve := func(change func(*tool.Result)) *servertest.Client {
		srv := server.New("structured", "1", server.Options{Logger: quiet})
		srv.Tool(func() out { return out{"<\"\u2028\n>"} }, tool.Name("typed"))
		srv.Tool(func() tool.Result { return tool.Result{Structured: json.RawMessage(`{"a" : 1}`)} }, tool.Name("raw"))
		srv.Tool(func() tool.Result { return tool.Result{Structured: json.RawMessage(`{"a" : 1`)} }, tool.Name("broken"))
		srv.Tool(func() tool.Result { return tool.Result{Structured: out{"x"}} }, tool.Name("value"))
		srv.Tool(func() tool.Result { return tool.Result{Structured: func() {}} }, tool.Name("impossible"))
		if change != nil {
			srv.UseTools(func(next server.ToolHandler) server.ToolHandler {
				return func(ctx *tool.Context, tl *tool.Tool, arguments json.RawMessage) (*tool.Result, error) {
					r, err := next(ctx, tl, arguments)
					if err == nil {
						change(r)
					}
					return r, err
				}
			})
		}
		return servertest.Connect(t, srv, servertest.Options{})
	}
	const typed = `{"text":"<\"\u2028\n>"}`
	for name, want := range map[string]string{"typed": typed, "raw": `{"a" : 1}`, "value": `{"text":"x"}`, "broken": "raw JSON is not valid", "impossible": "unsupported type"} {
		for _, change := range []func(*tool.Result){nil, func(*tool.Result) {}} {
			r := serve(change).Call(name, nil)
			if r.IsError && strings.Contains(r.Text(), want) {
				continue
			}
			if r.IsError || r.Text() != want || string(r.StructuredContent) != want {
				t.Errorf("%s, with middleware %t: %s and %s, want %s", name, change != nil, r.Text(), r.StructuredContent, want)
			}
		}
	}
	var read string
	r := serve(func(r *tool.Result) {
		read = string(r.Structured.(json.RawMessage))
		r.Structured = map[string]any{"z": nil, "a": out{"y"}}
	}).Call("typed", nil)
	if want := `{"a":{"text":"y"},"z":null}`; read != typed || string(r.StructuredContent) != want {
		t.Errorf("it read %s, and the client %s", read, r.StructuredContent)
	}
	r = serve(func(r *tool.Result) {
		raw := r.Structured.(json.RawMessage)
		copy(raw, bytes.Repeat([]byte("\n"), len(raw)))
	}).Call("typed", nil)
	if !r.IsError || !strings.Contains(r.Text(), "raw JSON is not valid") {
		t.Errorf("what middleware has written over is sent: %s", r.StructuredContent)
	}
}
