package server

import (
	"errors"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
)

// complete serves completion/complete.
func complete(c *call, dst []byte) ([]byte, error) {
	var p mcp.CompleteParams
	if err := decodeParams(c, &p); err != nil {
		return nil, err
	}
	if err := c.session.server.rates.take(c.session.peer); err != nil {
		return nil, err
	}
	found, err := c.completions(&p)
	if err != nil {
		if _, ok := errors.AsType[*jsonrpc.Error](err); ok {
			return nil, err
		}
		if text, ok := tool.UserText(err); ok {
			return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "%s", text)
		}
		return c.failure(c.failureText(c.ctx, err))
	}
	var result mcp.CompleteResult
	result.Completion.Values = append([]string{}, found.Values...)
	result.Completion.Total, result.Completion.HasMore = found.Total, found.More
	dst, err = appendJSON(dst, result)
	if err != nil {
		return nil, err
	}
	return c.finish(dst[:len(dst)-1], nil, nil)
}

// completions asks the component that the reference names.
func (c *call) completions(p *mcp.CompleteParams) (*tool.Completions, error) {
	typed := tool.Completion{Argument: p.Argument.Name, Value: p.Argument.Value, Arguments: p.Context.Arguments}
	s := c.session.server
	switch p.Ref.Type {
	case "ref/prompt":
		prompt, ok := s.prompts.find(p.Ref.Name)
		if !ok {
			return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "unknown prompt %q: prompts/list has the names", clip(p.Ref.Name))
		}
		c.name = prompt.Name()
		return prompt.Complete(c.context(c.ctx), typed)
	case "ref/resource":
		template, ok := s.templates.find(p.Ref.URI)
		if !ok {
			return c.noTemplate(p.Ref.URI)
		}
		c.name = template.Spec().Name
		return template.Complete(c.context(c.ctx), typed)
	}
	return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, `params.ref.type %q is neither "ref/prompt" nor "ref/resource"`, clip(p.Ref.Type))
}

// noTemplate answers for a reference to a resource: a URI without variables has
// nothing to complete.
func (c *call) noTemplate(uri string) (*tool.Completions, error) {
	if c.session.server.resource(uri) != nil {
		return &tool.Completions{}, nil
	}
	return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "unknown resource template %q: resources/templates/list has them", clip(uri))
}
