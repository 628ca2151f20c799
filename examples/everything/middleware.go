package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// logRequests is middleware around every request, whatever its method. It may
// look at a request, refuse it by returning an error, or change its result.
func logRequests(next server.Handler) server.Handler {
	return func(ctx context.Context, r *server.Request) (json.RawMessage, error) {
		begin := time.Now()
		result, err := next(ctx, r)
		slog.Debug("request", "method", r.Method, "revision", r.ProtocolVersion, "took", time.Since(begin), "ok", err == nil)
		return result, err
	}
}

// logCalls is middleware around every call of a tool. It knows the tool, and the
// result as Go has it.
func logCalls(next server.ToolHandler) server.ToolHandler {
	return func(ctx *tool.Context, t *tool.Tool, arguments json.RawMessage) (*tool.Result, error) {
		begin := time.Now()
		result, err := next(ctx, t, arguments)
		slog.Debug("call", "tool", t.Name(), "took", time.Since(begin), "ok", err == nil && !result.IsError)
		return result, err
	}
}
