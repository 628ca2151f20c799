package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

func addProgress(srv *server.Server) {
	srv.Tool(Steps, tool.Name("test_tool_with_progress"), tool.ReadOnly(), tool.Timeout(time.Minute))
	srv.Tool(Chatter, tool.Name("test_tool_with_logging"), tool.ReadOnly())
	srv.Tool(Remark, tool.Name("test_logging_tool"), tool.ReadOnly())
	srv.Tool(Return, tool.Name("test_reconnection"), tool.ReadOnly(), tool.Detached())
}

// Steps does nothing, in steps, and reports how far it is to a caller that sent
// a progress token.
func Steps(ctx *tool.Context) (string, error) {
	const total = 100
	for done := 0; done <= total; done += 50 {
		ctx.Progress(float64(done), total, fmt.Sprintf("%d of %d done", done, total))
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return "", err
		}
	}
	return "All done.", nil
}

// Chatter logs while it works.
func Chatter(ctx *tool.Context) (string, error) {
	for step, doing := range []string{"starting", "working", "finishing"} {
		// To the server's log, and to a client that asked for this level or lower.
		ctx.Log().Info(doing, "step", step+1)
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return "", err
		}
	}
	return "Logged three messages.", nil
}

// Remark logs one message.
func Remark(ctx *tool.Context) string {
	// Until 2025-11-25 a client asks for messages with logging/setLevel, and from
	// 2026-07-28 on in the request itself.
	ctx.Log().Info("a remark")
	return "Made a remark."
}

// Return hangs up on the client, which comes back for the answer.
func Return(ctx *tool.Context) (string, error) {
	// For a tool that takes many minutes: no proxy keeps a response open that
	// long. Where a client could not come back nothing happens.
	suspended := ctx.Suspend(500 * time.Millisecond) // when to come back
	if err := pause(ctx, 100*time.Millisecond); err != nil {
		return "", err
	}
	if suspended {
		return "Welcome back.", nil
	}
	return "Thank you for waiting.", nil
}

// pause is time.Sleep for tools: it ends with the call.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
