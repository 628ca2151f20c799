package server

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
)

// Request is a request of a client, as middleware sees it.
type Request struct {
	Method string

	// Name is what the request is about: the name of a tool or a prompt, the URI of
	// a resource; "" for other methods. It is read as the server reads it, which
	// [encoding/json] does not: that takes NAME for name.
	Name string

	// Params is an object, or nothing. It may be replaced before the next handler
	// is called, but for what is in Name.
	Params json.RawMessage

	Args            tool.Args // of the connection
	Principal       any       `json:"-"` // what Options.Authenticate returned
	SessionID       string    `json:"-"` // "" for a request without a session; a credential
	ProtocolVersion string    // "" before initialize
	Transport       string    // sse, http, stdio, pipe

	call func() *call // so that nobody who prints it gets at the connection
}

// Handler serves a request and returns the result, as JSON. An error that is a
// [*jsonrpc.Error] is answered as it is, any other as an internal error without
// its text. What a tool has to say about its failure is in its result.
type Handler func(ctx context.Context, r *Request) (json.RawMessage, error)

// ToolHandler calls a tool with the arguments that a client sent. An error is
// answered like the tool's own.
type ToolHandler func(ctx *tool.Context, t *tool.Tool, arguments json.RawMessage) (*tool.Result, error)

// ResourceHandler reads what is at the URI, which is that of the resource or one
// that its template describes.
type ResourceHandler func(ctx *tool.Context, r *tool.Resource, uri string) ([]tool.Embed, error)

// PromptHandler gets a prompt with the arguments that a client sent.
type PromptHandler func(ctx *tool.Context, p *tool.Prompt, arguments map[string]string) (*tool.PromptResult, error)

// Use puts middleware around every request of every client, what is added first
// outermost. It may look at a request, answer it itself, give the next handler
// another context, which is an ancestor of those that tools get, and change what
// that returns. Requests that were refused before, because their form or their
// revision forbids them, do not come to it.
//
// The requests that have to be served in the order of arrival (initialize, ping,
// logging/setLevel, resources/subscribe and unsubscribe) hold up what comes
// behind them on stdio and SSE: middleware does not wait in them.
func (s *Server) Use(wrap func(next Handler) Handler) { s.handle.use(serveRequest, wrap) }

// UseTools puts middleware around every call of a tool, what is added first
// outermost. A tool that asks its client may be called again for the same
// request: see [tool.ErrInputRequired].
func (s *Server) UseTools(wrap func(next ToolHandler) ToolHandler) {
	s.toolHandle.use(func(ctx *tool.Context, t *tool.Tool, arguments json.RawMessage) (*tool.Result, error) {
		return t.Call(ctx, arguments)
	}, wrap)
}

// UseResources puts middleware around every reading of a resource, what is added
// first outermost.
func (s *Server) UseResources(wrap func(next ResourceHandler) ResourceHandler) {
	s.resourceHandle.use(func(ctx *tool.Context, r *tool.Resource, uri string) ([]tool.Embed, error) {
		return r.Read(ctx, uri)
	}, wrap)
}

// UsePrompts puts middleware around every getting of a prompt, what is added
// first outermost.
func (s *Server) UsePrompts(wrap func(next PromptHandler) PromptHandler) {
	s.promptHandle.use(func(ctx *tool.Context, p *tool.Prompt, arguments map[string]string) (*tool.PromptResult, error) {
		return p.Get(ctx, arguments)
	}, wrap)
}

// chain is middleware around a handler of type H. Nothing in it costs nothing.
type chain[H any] struct {
	mu    sync.Mutex
	wraps []func(H) H
	now   atomic.Pointer[H]
}

func (c *chain[H]) use(inner H, wrap func(H) H) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wraps = append(c.wraps, wrap)
	for i := len(c.wraps) - 1; i >= 0; i-- {
		inner = c.wraps[i](inner)
	}
	c.now.Store(&inner)
}

// request is what middleware sees of a call.
func (c *call) request() *Request {
	r := &Request{
		Method:    c.method,
		Name:      c.about(),
		Params:    bytes.Clone(c.params), // middleware may give up on a handler that still reads them
		Args:      c.session.args,
		Principal: c.session.peer.Principal,
		SessionID: c.session.peer.ID,
		Transport: c.session.peer.Kind,
		call:      func() *call { return c },
	}
	if c.revision != nil {
		r.ProtocolVersion = c.revision.Date
	}
	return r
}

// about returns what the request is about: see Request.Name.
func (c *call) about() string { return envelope.About(c.method, c.params) }

// serveRequest is the innermost Handler.
func serveRequest(ctx context.Context, r *Request) (json.RawMessage, error) {
	c := r.call()
	if err := jsontext.Members(r.Params, func(_, _ []byte) error { return nil }); err != nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params: %v", err)
	}
	c.ctx, c.params, c.in = ctx, r.Params, envelope.Params{}
	c.in.Read(c.params)
	result, err := c.serving.serve(c, nil)
	if err != nil {
		return nil, err
	}
	own := json.RawMessage(result)
	c.own.Store(&own)
	return own, nil
}
