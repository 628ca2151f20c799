package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/schema"
	"github.com/sessionmcp/sessionmcp/tool"
)

// Call calls a tool. arguments is encoded with encoding/json and has to be an
// object; nil is none. A tool that failed is no error here: see Result.IsError.
func (c *Client) Call(ctx context.Context, name string, arguments any, options ...CallOption) (*Result, error) {
	raw, err := json.Marshal(arguments)
	if err != nil {
		return nil, fmt.Errorf("the arguments of %s: %w", name, err)
	}
	if arguments == nil || string(raw) == "null" {
		raw = []byte("{}")
	}
	if raw[0] != '{' {
		return nil, fmt.Errorf("the arguments of %s must be an object, not %.20s", name, raw)
	}
	params, err := json.Marshal(struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}{name, raw})
	if err != nil {
		return nil, err
	}
	text, err := c.Do(ctx, mcp.ToolsCall, params, options...)
	if err != nil {
		return nil, err
	}
	result, err := decodeResult(text)
	if err != nil {
		return nil, fmt.Errorf("the result of %s: %w", name, err)
	}
	if c.o().CheckOutput && !result.IsError {
		if err := c.check(ctx, name, result); err != nil {
			return nil, fmt.Errorf("the result of %s: %w", name, err)
		}
	}
	return result, nil
}

// Call calls a tool and decodes its result into an Out: the structured content,
// or, where there is none, the text, which is the result if Out is a string and
// JSON otherwise. Where the revision wants structured content to be an object, a
// server wraps what is none as {"result": …}: an Out that is no struct and no map
// is decoded from that. A tool that failed is a [*ToolError].
func Call[Out any](ctx context.Context, c *Client, name string, arguments any, options ...CallOption) (Out, error) {
	var out Out
	result, err := c.Call(ctx, name, arguments, options...)
	if err != nil {
		return out, err
	}
	if result.IsError {
		return out, c.redact(&ToolError{Tool: name, Result: result})
	}
	if err := result.decode(&out); err != nil {
		return out, fmt.Errorf("the result of %s: %w", name, err)
	}
	return out, nil
}

// decode decodes the result into what dst points to.
func (r *Result) decode(dst any) error {
	text, isText := dst.(*string)
	if r.Structured == nil {
		if isText {
			*text = r.Text()
			return nil
		}
		return json.Unmarshal([]byte(r.Text()), dst)
	}
	err := json.Unmarshal(r.Structured, dst)
	if err == nil {
		return nil
	}
	var wrapped struct {
		Result json.RawMessage `json:"result"`
	}
	if json.Unmarshal(r.Structured, &wrapped) == nil && wrapped.Result != nil && json.Unmarshal(wrapped.Result, dst) == nil {
		return nil
	}
	if isText {
		*text = r.Text()
		return nil
	}
	return err
}

// Text returns the text of the blocks that are text, a line break between them.
func (r *Result) Text() string {
	var b bytes.Buffer
	for _, block := range r.Content {
		if t, ok := block.(tool.Text); ok {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(t.Text)
		}
	}
	return b.String()
}

// outputs are the output schemas of the tools that have been listed.
type outputs struct {
	mu      sync.Mutex
	schemas map[string]json.RawMessage // nil for a tool that has none
	ready   map[string]*schema.Document
}

func (o *outputs) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.schemas, o.ready = nil, nil
}

func (o *outputs) note(tools []Tool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.schemas == nil {
		o.schemas = make(map[string]json.RawMessage)
	}
	for i := range tools {
		o.schemas[tools[i].Name] = tools[i].OutputSchema
		delete(o.ready, tools[i].Name)
	}
}

// of returns the schema of a tool's output, nil for none.
func (o *outputs) of(name string) (doc *schema.Document, known bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	raw, known := o.schemas[name]
	if doc = o.ready[name]; doc != nil || raw == nil {
		return doc, known, nil
	}
	if doc, err = schema.Compile(raw); err != nil {
		return nil, true, fmt.Errorf("the tool's output schema: %w", err)
	}
	if o.ready == nil {
		o.ready = make(map[string]*schema.Document)
	}
	o.ready[name] = doc
	return doc, true, nil
}

// check holds a result to the output schema of its tool.
func (c *Client) check(ctx context.Context, name string, r *Result) error {
	doc, known, err := c.schemas.of(name)
	if !known {
		for _, err := range c.Tools(ctx) {
			if err != nil {
				return err
			}
		}
		doc, _, err = c.schemas.of(name)
	}
	if doc == nil || err != nil {
		return err
	}
	if r.Structured == nil {
		return errors.New("the tool has an output schema, and its result no structured content")
	}
	if err := doc.Validate(r.Structured); err != nil {
		return fmt.Errorf("the structured content does not fit the tool's output schema: %w", err)
	}
	return nil
}
