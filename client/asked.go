package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// asked takes a request of the server.
func (s *session) asked(ctx context.Context, x *transport.Exchange) (run func()) {
	id, method := x.Message.ID, x.Message.Method
	if s.alone.Load() { // there are no such requests, and may be no answers (2026-07-28, transports)
		s.c.o().Logger.Debug("the server sent a request, which its revision has none of", "method", method)
		return nil
	}
	ctx, cancel := s.answering(ctx, x.About)
	s.mu.Lock()
	if s.answers == nil {
		s.answers = make(map[jsonrpc.ID]context.CancelFunc)
	}
	s.answers[id] = cancel
	s.mu.Unlock()
	return func() {
		defer cancel()
		result, err := s.c.answer(ctx, method, bytes.Clone(x.Message.Params))
		s.mu.Lock()
		delete(s.answers, id)
		s.mu.Unlock()
		if ctx.Err() != nil && s.c.ctx.Err() == nil && err != nil { // nobody waits
			return
		}
		m := &jsonrpc.Message{ID: id, Result: result}
		if err != nil {
			m.Result, m.Error = nil, jsonrpc.AsError(err)
		}
		if err := x.Reply.Send(s.c.ctx, m); err != nil {
			s.c.o().Logger.Debug("an answer did not reach the server", "method", method, "error", s.c.redact(err))
		}
	}
}

// answering returns the context of a handler: that of the call which the server
// asks in, where it is known. It ends with the link, too.
func (s *session) answering(ctx context.Context, about jsonrpc.ID) (context.Context, context.CancelFunc) {
	r := s.find(about)
	if r == nil {
		// The link's context has none of the values that Connect was given.
		merged, cancel := context.WithCancelCause(s.c.ctx)
		stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
		return merged, func() { stop(); cancel(nil) }
	}
	merged, cancel := context.WithCancelCause(r.ctx)
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return merged, func() { stop(); cancel(nil) }
}

// answer answers a request of the server: by itself, or in a result that asks for
// input.
func (c *Client) answer(ctx context.Context, method string, params json.RawMessage) (result json.RawMessage, err error) {
	defer func() {
		if v := recover(); v != nil { // of the user's code
			c.o().Logger.Error("a handler panicked", "method", method, "panic", fmt.Sprint(v))
			result, err = nil, jsonrpc.Errorf(jsonrpc.CodeInternalError, "internal error")
		}
	}()
	if c.o().OnRequest != nil {
		if result, handled, err := c.o().OnRequest(ctx, method, params); handled {
			return result, err
		}
	}
	var value any
	switch {
	case method == mcp.Ping:
		return json.RawMessage("{}"), nil
	case method == mcp.Elicit && c.o().Elicit != nil:
		value, err = c.elicit(ctx, params)
	case method == mcp.SampleText && c.o().Sample != nil:
		value, err = c.sample(ctx, params)
	case method == mcp.ListRoots && c.o().Roots != nil:
		value, err = c.listRoots(ctx)
	default:
		return nil, jsonrpc.Errorf(jsonrpc.CodeMethodNotFound, "this client does not answer %.100q", method)
	}
	if err != nil {
		return nil, c.forServer(err)
	}
	return json.Marshal(value)
}

// forServer is what the server is told of a handler's error: its text, if it is
// meant for others.
func (c *Client) forServer(err error) error {
	if text, ok := tool.UserText(err); ok {
		return jsonrpc.Errorf(jsonrpc.CodeInternalError, "%s", text)
	}
	return err // of which an internal error is made, unless it is one of JSON-RPC
}

func (c *Client) listRoots(ctx context.Context) (any, error) {
	roots, err := c.o().Roots(ctx)
	if roots == nil {
		roots = []tool.Root{}
	}
	return map[string]any{"roots": roots}, err
}

// elicit answers elicitation/create.
func (c *Client) elicit(ctx context.Context, params json.RawMessage) (any, error) {
	var p struct {
		Mode    string          `json:"mode"`
		Message string          `json:"message"`
		Schema  json.RawMessage `json:"requestedSchema"`
		URL     string          `json:"url"`
		ID      string          `json:"elicitationId"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "the params of %s: %v", mcp.Elicit, err)
	}
	if p.Mode == "url" && !c.o().ElicitURL || p.Mode != "url" && p.Mode != "form" && p.Mode != "" {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "this client does not support elicitation in mode %.40q", p.Mode)
	}
	switch {
	case p.Mode != "url":
		p.URL, p.ID = "", "" // or a handler might take a form for a page
	case !isPage(p.URL):
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "the url of %s is not an absolute one of http or https", mcp.Elicit)
	default:
		p.Schema = nil
	}
	said, err := c.o().Elicit(ctx, &Elicitation{Message: p.Message, Schema: p.Schema, URL: p.URL, ID: p.ID, Raw: params})
	if err != nil {
		return nil, err
	}
	if said == nil || said.Action == "cancel" {
		return map[string]any{"action": "cancel"}, nil
	}
	if said.Action == "decline" {
		return map[string]any{"action": "decline"}, nil
	}
	if said.Action != "accept" && said.Action != "" { // what is not known is no consent
		return nil, fmt.Errorf("client: %q is no action of Elicited: it is accept, decline or cancel", said.Action)
	}
	if p.Mode == "url" {
		return map[string]any{"action": "accept"}, nil
	}
	return map[string]any{"action": "accept", "content": withDefaults(p.Schema, said.Content)}, nil
}

// isPage reports whether a user may be sent to a URL: what has another scheme may
// be a program (2025-11-25, security best practices, URL validation).
func isPage(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// withDefaults fills in what a form's answer lacks (2025-11-25, elicitation).
func withDefaults(schema json.RawMessage, content map[string]any) map[string]any {
	var form struct {
		Properties map[string]struct {
			Default json.RawMessage `json:"default"`
		} `json:"properties"`
	}
	filled := make(map[string]any)
	if json.Unmarshal(schema, &form) == nil {
		for name, p := range form.Properties {
			if p.Default != nil {
				filled[name] = p.Default
			}
		}
	}
	maps.Copy(filled, content)
	return filled
}

// sample answers sampling/createMessage.
func (c *Client) sample(ctx context.Context, params json.RawMessage) (any, error) {
	s := new(Sampling)
	if err := json.Unmarshal(params, s); err != nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "the params of %s: %v", mcp.SampleText, err)
	}
	if !c.o().SampleTools && c.o().Capabilities == nil && (s.Tools != nil || s.ToolChoice != nil) {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "this client has not declared sampling.tools")
	}
	s.Raw = params
	said, err := c.o().Sample(ctx, s)
	if err != nil {
		return nil, err
	}
	if said == nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInternalError, "the model said nothing")
	}
	return encodeSampled(said)
}

// UnmarshalJSON implements [json.Unmarshaler]. The content is a block, or from
// 2025-11-25 on an array of them.
func (m *SamplingMessage) UnmarshalJSON(text []byte) error {
	var wire struct {
		Role    tool.Role `json:"role"`
		Content blocks    `json:"content"`
	}
	if err := json.Unmarshal(text, &wire); err != nil {
		return err
	}
	m.Role, m.Content = wire.Role, wire.Content
	return nil
}

// capabilities are what the handlers make of the client, as a JSON object.
func (o *Options) capabilities() json.RawMessage {
	if o.Capabilities != nil {
		return o.Capabilities
	}
	type none struct{}
	all := make(map[string]any)
	if o.Elicit != nil {
		elicitation := map[string]none{"form": {}}
		if o.ElicitURL {
			elicitation["url"] = none{}
		}
		all["elicitation"] = elicitation
	}
	if o.Sample != nil {
		sampling := map[string]none{}
		if o.SampleTools {
			sampling["tools"] = none{}
		}
		all["sampling"] = sampling
	}
	if o.Roots != nil {
		all["roots"] = map[string]bool{"listChanged": true}
	}
	text, _ := json.Marshal(all) // of strings and booleans alone
	return text
}

func (o *Options) info() json.RawMessage {
	if o.Info != nil {
		return o.Info
	}
	text, _ := json.Marshal(mcp.Implementation{Name: o.Name, Title: o.Title, Version: o.Version}) // strings
	return text
}
