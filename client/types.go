package client

import (
	"encoding/json"

	"github.com/sessionmcp/sessionmcp/tool"
)

// Tool is a tool as the server lists it (2025-11-25 schema, Tool).
type Tool struct {
	Name         string          `json:"name"`
	Title        string          `json:"title,omitempty"`
	Description  string          `json:"description,omitempty"`
	InputSchema  json.RawMessage `json:"inputSchema"` // as it came; references in it are followed nowhere
	OutputSchema json.RawMessage `json:"outputSchema,omitempty"`
	Hints        *tool.Hints     `json:"annotations,omitempty"` // not to be trusted more than the server
	Icons        []tool.Icon     `json:"icons,omitempty"`
	Meta         json.RawMessage `json:"_meta,omitempty"`
}

// Resource is a resource as the server lists it.
type Resource struct {
	URI         string          `json:"uri"`
	Name        string          `json:"name"`
	Title       string          `json:"title,omitempty"`
	Description string          `json:"description,omitempty"`
	MIME        string          `json:"mimeType,omitempty"`
	Size        int64           `json:"size,omitempty"` // bytes; 0 is not said
	Icons       []tool.Icon     `json:"icons,omitempty"`
	Meta        json.RawMessage `json:"_meta,omitempty"`
}

// Template is a template of resources as the server lists it (RFC 6570).
type Template struct {
	Template    string          `json:"uriTemplate"`
	Name        string          `json:"name"`
	Title       string          `json:"title,omitempty"`
	Description string          `json:"description,omitempty"`
	MIME        string          `json:"mimeType,omitempty"`
	Icons       []tool.Icon     `json:"icons,omitempty"`
	Meta        json.RawMessage `json:"_meta,omitempty"`
}

// Prompt is a prompt as the server lists it.
type Prompt struct {
	Name        string                `json:"name"`
	Title       string                `json:"title,omitempty"`
	Description string                `json:"description,omitempty"`
	Arguments   []tool.PromptArgument `json:"arguments,omitempty"`
	Icons       []tool.Icon           `json:"icons,omitempty"`
	Meta        json.RawMessage       `json:"_meta,omitempty"`
}

// Result is what a tool answered.
type Result struct {
	Content    []tool.Content
	Structured json.RawMessage // nil for none
	IsError    bool            // the tool failed, and Content says why
	Meta       json.RawMessage
	Raw        json.RawMessage // the whole result as it came
}

// ToolError is a call whose tool failed. Its text is what the tool said.
type ToolError struct {
	Tool   string
	Result *Result
}

func (e *ToolError) Error() string { return e.Tool + ": " + e.Result.Text() }

// Ref says what is being completed: one of the two.
type Ref struct {
	Prompt   string // a name
	Resource string // a URI template
}
