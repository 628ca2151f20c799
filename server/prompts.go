package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/schema"
	"github.com/sessionmcp/sessionmcp/tool"
)

// getPrompt serves prompts/get.
func getPrompt(c *call, dst []byte) ([]byte, error) {
	p := &c.in
	c.takeToken()
	if !isString(p.Name) {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.name must be the name of a prompt")
	}
	prompt, ok := c.session.server.prompts.findRaw(p.Name)
	if !ok {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "unknown prompt %q: prompts/list has the names", clip(jsontext.Text(p.Name)))
	}
	c.name = prompt.Name()
	var arguments map[string]string
	if len(p.Arguments) > 0 && json.Unmarshal(p.Arguments, &arguments) != nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.arguments must be an object of strings")
	}
	if err := c.resume(p); err != nil {
		return nil, err
	}
	if err := c.session.server.rates.take(c.session.peer); err != nil {
		return nil, err
	}
	ctx, stop := c.limit(prompt.Spec().Timeout)
	defer stop()
	result, err := c.session.server.invokePrompt(c.context(ctx), prompt, arguments)
	if asks, refused := c.inputRequired(dst, p, err); asks != nil || refused != nil {
		return asks, refused
	}
	if err != nil {
		return nil, c.promptError(ctx, err)
	}
	return c.appendPromptResult(dst, result)
}

// invokePrompt gets the prompt through the server's middleware.
func (s *Server) invokePrompt(ctx *tool.Context, p *tool.Prompt, arguments map[string]string) (*tool.PromptResult, error) {
	if handle := s.promptHandle.now.Load(); handle != nil {
		return (*handle)(ctx, p, arguments)
	}
	return p.Get(ctx, arguments)
}

func (c *call) promptError(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*schema.Error](err); ok {
		return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "%s", c.failureText(ctx, err))
	}
	_, failed := c.failure(c.failureText(ctx, err))
	return failed
}

func (c *call) appendPromptResult(dst []byte, r *tool.PromptResult) ([]byte, error) {
	dst = append(dst, '{')
	if r.Description != "" {
		dst = append(jsontext.AppendString(append(dst, `"description":`...), r.Description), ',')
	}
	dst = append(dst, `"messages":[`...)
	for i, m := range r.Messages {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendMessage(dst, c.revision, m); err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		dst = append(dst, '}')
	}
	return c.finish(append(dst, ']'), r.Meta, nil)
}

// appendMessage appends a message and leaves the object open.
func appendMessage(dst []byte, rev *revision, m tool.Message) ([]byte, error) {
	role := m.Role
	if role == "" {
		role = tool.User
	}
	if role != tool.User && role != tool.Assistant {
		return dst, fmt.Errorf("the role %q is neither tool.User nor tool.Assistant", role)
	}
	dst = jsontext.AppendString(append(dst, `{"role":`...), string(role))
	return appendContent(append(dst, `,"content":`...), rev, m.Content)
}
