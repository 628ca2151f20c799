package server

import (
	"bytes"
	"fmt"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
)

// callTool serves tools/call. What goes wrong with the tool or its arguments is
// a result with isError, for the model to read: 2025-11-25 (tools, error
// handling) says so, and the earlier revisions allow it as "invalid input data".
func callTool(c *call, dst []byte) ([]byte, error) {
	p := &c.in
	c.takeToken()
	if !isString(p.Name) {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.name must be the name of a tool")
	}
	t, ok := c.session.server.tools.findRaw(p.Name)
	if !ok {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "unknown tool %q: tools/list has the names", clip(jsontext.Text(p.Name)))
	}
	if len(p.Arguments) > 0 && bytes.IndexByte([]byte(`{n"`), p.Arguments[0]) < 0 { // the text of an object may do
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.arguments must be an object")
	}
	c.name = t.Name()
	spec := t.Spec()
	if err := c.checkParams(spec.Headers, p.Arguments); err != nil {
		return nil, err
	}
	if err := c.resume(p); err != nil {
		return nil, err
	}
	if err := c.session.server.rates.take(c.session.peer); err != nil {
		return c.toolError(dst, err.Message)
	}
	ctx, stop := c.limit(spec.Timeout)
	defer stop()
	buf := pool.Get()
	defer buf.Put()
	result, structured, err := c.session.server.invokeTool(buf, c.context(ctx), t, p.Arguments)
	if asks, refused := c.inputRequired(dst, p, err); asks != nil || refused != nil {
		return asks, refused
	}
	if err != nil {
		return c.toolError(dst, c.failureText(ctx, err))
	}
	out, err := c.appendResult(dst, &spec, result, structured)
	if err != nil {
		return c.toolError(dst, c.failureText(ctx, err))
	}
	return out, nil
}

// onlyText is the rest of a result that is structured alone.
var onlyText tool.Result

// invokeTool calls the tool through the server's middleware. What the result has
// as structured is returned as JSON text, which may lie in buf; nil for nothing.
// Text of the tool's own type is right as it is; all other is checked, as
// middleware may have written into it.
func (s *Server) invokeTool(buf *pool.Buffer, ctx *tool.Context, t *tool.Tool, arguments []byte) (r *tool.Result, structured []byte, err error) {
	if handle := s.toolHandle.now.Load(); handle != nil {
		r, err = (*handle)(ctx, t, bytes.Clone(arguments)) // it may give up on a tool that still reads them
	} else {
		r, buf.B, err = t.AppendCall(buf.B, ctx, arguments)
		if err == nil && r == nil {
			return &onlyText, buf.B, nil
		}
	}
	if err != nil {
		return nil, nil, err
	}
	structured, buf.B, err = structuredText(buf.B, r.Structured)
	if err != nil {
		err = fmt.Errorf("encoding the structured result: %w", err)
	}
	return r, structured, err
}

// mayDetach reports whether the call might end its HTTP response early: it calls
// a tool that said so, over a session in which the client can come back.
func (c *call) mayDetach() bool {
	s := c.session
	if !s.server.detached.Load() || c.method != mcp.ToolsCall || c.revision.Stateless || s.peer.ID == "" {
		return false
	}
	if !isString(c.in.Name) {
		return false
	}
	t, ok := s.server.tools.findRaw(c.in.Name)
	return ok && t.Spec().Detached
}
