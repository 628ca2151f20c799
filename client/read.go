package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/tool"
)

// Read returns what is at the URI.
func (c *Client) Read(ctx context.Context, uri string, options ...CallOption) ([]tool.Embed, error) {
	params, err := json.Marshal(mcp.URIParams{URI: uri})
	if err != nil {
		return nil, err
	}
	result, err := c.Do(ctx, mcp.ResourcesRead, params, options...)
	if err != nil {
		return nil, err
	}
	var r struct {
		Contents []wireEmbed `json:"contents"`
	}
	if err := object(result, &r); err != nil {
		return nil, fmt.Errorf("what is at %s: %w", uri, err)
	}
	contents := make([]tool.Embed, len(r.Contents))
	for i, e := range r.Contents {
		contents[i] = e.embed()
	}
	return contents, nil
}

// Prompt returns the messages of a prompt.
func (c *Client) Prompt(ctx context.Context, name string, arguments map[string]string, options ...CallOption) (*tool.PromptResult, error) {
	params, err := json.Marshal(struct {
		Name      string            `json:"name"`
		Arguments map[string]string `json:"arguments,omitempty"`
	}{name, arguments})
	if err != nil {
		return nil, err
	}
	result, err := c.Do(ctx, mcp.PromptsGet, params, options...)
	if err != nil {
		return nil, err
	}
	var r struct {
		Description string `json:"description"`
		Messages    []struct {
			Role    tool.Role `json:"role"`
			Content block     `json:"content"`
		} `json:"messages"`
		Meta map[string]any `json:"_meta"`
	}
	if err := object(result, &r); err != nil {
		return nil, fmt.Errorf("the prompt %s: %w", name, err)
	}
	p := &tool.PromptResult{Description: r.Description, Meta: r.Meta}
	for _, m := range r.Messages {
		p.Messages = append(p.Messages, tool.Message{Role: m.Role, Content: m.Content.Content})
	}
	return p, nil
}

// chosen is what has a value already when an argument is completed.
type chosen struct {
	Arguments map[string]string `json:"arguments"`
}

// Complete returns the values that an argument could have: of a prompt, or of a
// resource's template, as ref says.
func (c *Client) Complete(ctx context.Context, ref Ref, in tool.Completion) (*tool.Completions, error) {
	var params struct {
		Ref struct {
			Type string `json:"type"`
			Name string `json:"name,omitempty"`
			URI  string `json:"uri,omitempty"`
		} `json:"ref"`
		Argument struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"argument"`
		Context *chosen `json:"context,omitempty"`
	}
	switch {
	case ref.Prompt != "" && ref.Resource == "":
		params.Ref.Type, params.Ref.Name = "ref/prompt", ref.Prompt
	case ref.Resource != "" && ref.Prompt == "":
		params.Ref.Type, params.Ref.URI = "ref/resource", ref.Resource
	default:
		return nil, errors.New("a Ref names either a prompt or a resource")
	}
	params.Argument.Name, params.Argument.Value = in.Argument, in.Value
	if len(in.Arguments) > 0 {
		params.Context = &chosen{in.Arguments}
	}
	raw, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	result, err := c.Do(ctx, mcp.Complete, raw)
	if err != nil {
		return nil, err
	}
	var r mcp.CompleteResult
	if err := object(result, &r); err != nil {
		return nil, fmt.Errorf("the completions of %s: %w", in.Argument, err)
	}
	out := &tool.Completions{Values: r.Completion.Values, Total: r.Completion.Total, More: r.Completion.HasMore}
	if out.Values == nil {
		out.Values = []string{}
	}
	return out, nil
}
