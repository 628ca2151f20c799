package client

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
)

// headings are the header parameters of the tools that have been listed.
type headings struct {
	mu     sync.Mutex
	listed bool // all pages
	params map[string][]envelope.Param
}

func (h *headings) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listed, h.params = false, nil
}

func (h *headings) of(name string) (params []envelope.Param, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	params, ok := h.params[name]
	return params, ok || h.listed
}

// note takes what a page of tools says, the last one or not.
func (h *headings) note(tools []Tool, last bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.params == nil {
		h.params = make(map[string][]envelope.Param)
	}
	for i := range tools {
		found, err := tool.HeaderParams(tools[i].InputSchema)
		if err != nil {
			continue
		}
		params := make([]envelope.Param, len(found))
		for j, p := range found {
			params[j] = envelope.Param(p)
		}
		h.params[tools[i].Name] = params
	}
	h.listed = h.listed || last
}

// observe learns from the answers that pass.
func (c *Client) observe(method string, result json.RawMessage) {
	if method != mcp.ToolsList {
		return
	}
	var list struct {
		Tools []json.RawMessage `json:"tools"`
		Next  *string           `json:"nextCursor"`
	}
	if json.Unmarshal(result, &list) != nil {
		return
	}
	var tools []Tool
	for _, raw := range list.Tools {
		var t Tool
		if json.Unmarshal(raw, &t) == nil {
			tools = append(tools, t)
		}
	}
	c.heard.note(tools, list.Next == nil)
	c.schemas.note(tools)
}

func (t *Tool) misheaded() error {
	if len(t.InputSchema) == 0 {
		return nil
	}
	_, err := tool.HeaderParams(t.InputSchema)
	return err
}

// headers are those of an HTTP request: what the caller gave, and in a stateless
// revision what repeats the message.
func (s *session) headers(ctx context.Context, m *jsonrpc.Message, o *callOptions) (http.Header, error) {
	if s.self.Version == nil {
		return o.header, nil
	}
	h := s.mirrored(m)
	for name, values := range o.header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	if m.Method != mcp.ToolsCall || hasParams(o.header) {
		return h, nil
	}
	params, err := s.headings(ctx, envelope.About(m.Method, m.Params))
	if err != nil {
		return nil, err
	}
	arguments, _ := envelope.ValueAt(m.Params, []string{"arguments"})
	for i := range params {
		params[i].Set(h, arguments)
	}
	return h, nil
}

// hasParams reports whether a caller has set header parameters itself.
func hasParams(h http.Header) bool {
	if h != nil && len(h) == 0 {
		return true // none of them
	}
	for name := range h {
		if strings.HasPrefix(http.CanonicalHeaderKey(name), mcp.HeaderParam) {
			return true
		}
	}
	return false
}

// headings returns the header parameters of a tool. Who calls one that has not
// been listed has the tools listed first.
func (s *session) headings(ctx context.Context, name string) ([]envelope.Param, error) {
	if params, known := s.c.heard.of(name); known {
		return params, nil
	}
	for _, err := range s.c.Tools(ctx) {
		if err != nil {
			return nil, err
		}
	}
	params, _ := s.c.heard.of(name)
	return params, nil
}

func (s *session) mirrored(m *jsonrpc.Message) http.Header {
	h := make(http.Header)
	version := jsontext.Text(s.self.Version)
	if e := new(envelope.Params).Read(m.Params); e.Version != nil { // what the caller says wins
		version = jsontext.Text(e.Version)
	}
	envelope.Mirror(h, version, m.Method, m.Params)
	return h
}
