package servertest

import (
	"encoding/json"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
)

// Result is what a tool answered.
type Result struct {
	Content           []Block         `json:"content"`
	StructuredContent json.RawMessage `json:"structuredContent"`
	IsError           bool            `json:"isError"`
	Meta              json.RawMessage `json:"_meta"`
}

// Block is one block of content, of any type.
type Block struct {
	Type     string          `json:"type"`
	Text     string          `json:"text"`
	Data     []byte          `json:"data"`
	MIME     string          `json:"mimeType"`
	URI      string          `json:"uri"`
	Name     string          `json:"name"`
	Resource json.RawMessage `json:"resource"`
}

// Text returns the text of the first block, "" if there is none.
func (r *Result) Text() string {
	if len(r.Content) == 0 {
		return ""
	}
	return r.Content[0].Text
}

// Decode decodes the structured content into dst.
func (r *Result) Decode(dst any) error { return json.Unmarshal(r.StructuredContent, dst) }

// Call calls a tool. An answer that is not a result fails the test; a result
// with IsError does not.
func (c *Client) Call(name string, arguments any) *Result {
	c.t.Helper()
	res, err := c.TryCall(name, arguments)
	if err != nil {
		c.t.Fatalf("calling %s: %v", name, err)
	}
	return res
}

// TryCall calls a tool. Its errors are those of [Client.Request], and one for a
// server that asks what nobody answers.
func (c *Client) TryCall(name string, arguments any) (*Result, error) {
	params := map[string]any{"name": name}
	if arguments != nil {
		params["arguments"] = arguments
	}
	var res Result
	if err := c.request(mcp.ToolsCall, params, &res); err != nil {
		return nil, err
	}
	return &res, nil
}

// request sends a request and decodes its result, which is complete.
func (c *Client) request(method string, params, dst any) error {
	raw, err := c.Request(method, params)
	if err != nil {
		return err
	}
	return complete(raw, dst)
}

// Contents is what is at a URI: Blob, or else Text.
type Contents struct {
	URI  string          `json:"uri"`
	MIME string          `json:"mimeType"`
	Text string          `json:"text"`
	Blob []byte          `json:"blob"`
	Meta json.RawMessage `json:"_meta"`
}

// Read reads a resource. An error, as for a URI at which there is nothing, fails
// the test.
func (c *Client) Read(uri string) []Contents {
	c.t.Helper()
	contents, err := c.TryRead(uri)
	if err != nil {
		c.t.Fatalf("reading %s: %v", uri, err)
	}
	return contents
}

// TryRead reads a resource. Its errors are those of TryCall.
func (c *Client) TryRead(uri string) ([]Contents, error) {
	var res struct {
		Contents []Contents `json:"contents"`
	}
	err := c.request(mcp.ResourcesRead, mcp.URIParams{URI: uri}, &res)
	return res.Contents, err
}

// Prompt is what a prompt said.
type Prompt struct {
	Description string          `json:"description"`
	Messages    []PromptMessage `json:"messages"`
	Meta        json.RawMessage `json:"_meta"`
}

// PromptMessage is one message of a prompt.
type PromptMessage struct {
	Role    string `json:"role"`
	Content Block  `json:"content"`
}

// Text returns the text of the first message, "" if there is none.
func (p *Prompt) Text() string {
	if len(p.Messages) == 0 {
		return ""
	}
	return p.Messages[0].Content.Text
}

// Prompt gets a prompt. An error fails the test.
func (c *Client) Prompt(name string, arguments map[string]string) *Prompt {
	c.t.Helper()
	p, err := c.TryPrompt(name, arguments)
	if err != nil {
		c.t.Fatalf("getting the prompt %s: %v", name, err)
	}
	return p
}

// TryPrompt gets a prompt. Its errors are those of TryCall.
func (c *Client) TryPrompt(name string, arguments map[string]string) (*Prompt, error) {
	params := map[string]any{"name": name}
	if arguments != nil {
		params["arguments"] = arguments
	}
	var p Prompt
	if err := c.request(mcp.PromptsGet, params, &p); err != nil {
		return nil, err
	}
	return &p, nil
}

// Completion is what a value that is being typed could become.
type Completion struct {
	Values []string `json:"values"`
	Total  int      `json:"total"`
	More   bool     `json:"hasMore"`
}

// Complete completes the value of an argument: of a prompt if of is its name, or
// of a resource template if of is that, which has a colon. chosen are the
// arguments that have values already; it may be nil. An error fails the test.
func (c *Client) Complete(of, argument, value string, chosen map[string]string) *Completion {
	c.t.Helper()
	found, err := c.TryComplete(of, argument, value, chosen)
	if err != nil {
		c.t.Fatalf("completing %s of %s: %v", argument, of, err)
	}
	return found
}

// TryComplete is Complete with the errors of [Client.Request].
func (c *Client) TryComplete(of, argument, value string, chosen map[string]string) (*Completion, error) {
	ref := map[string]any{"type": "ref/prompt", "name": of}
	if strings.Contains(of, ":") {
		ref = map[string]any{"type": "ref/resource", "uri": of}
	}
	params := map[string]any{
		"ref":      ref,
		"argument": map[string]string{"name": argument, "value": value},
	}
	if chosen != nil {
		params["context"] = map[string]any{"arguments": chosen}
	}
	var res struct {
		Completion Completion `json:"completion"`
	}
	if err := c.request(mcp.Complete, params, &res); err != nil {
		return nil, err
	}
	return &res.Completion, nil
}

// Tools returns the names in tools/list, page after page.
func (c *Client) Tools() []string {
	c.t.Helper()
	return c.list(mcp.ToolsList, "tools", "name")
}

// Prompts returns the names in prompts/list, page after page.
func (c *Client) Prompts() []string {
	c.t.Helper()
	return c.list(mcp.PromptsList, "prompts", "name")
}

// Resources returns the URIs in resources/list, page after page.
func (c *Client) Resources() []string {
	c.t.Helper()
	return c.list(mcp.ResourcesList, "resources", "uri")
}

// Templates returns the templates in resources/templates/list, page after page.
func (c *Client) Templates() []string {
	c.t.Helper()
	return c.list(mcp.ResourceTemplates, "resourceTemplates", "uriTemplate")
}

// list returns a member of each item of a list.
func (c *Client) list(method, items, member string) []string {
	c.t.Helper()
	var found []string
	for cursor := ""; ; {
		params := map[string]any{}
		if cursor != "" {
			params["cursor"] = cursor
		}
		page := map[string]json.RawMessage{}
		var all []map[string]any
		err := c.request(method, params, &page)
		if err == nil {
			err = json.Unmarshal(page[items], &all)
		}
		if err != nil {
			c.t.Fatalf("listing with %s: %v", method, err)
		}
		for _, item := range all {
			name, _ := item[member].(string)
			found = append(found, name)
		}
		if cursor = ""; page["nextCursor"] == nil {
			return found
		}
		if err := json.Unmarshal(page["nextCursor"], &cursor); err != nil {
			c.t.Fatalf("listing with %s: nextCursor: %v", method, err)
		}
	}
}
