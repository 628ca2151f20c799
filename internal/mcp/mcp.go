// Package mcp is the words of the Model Context Protocol: the names of methods
// and of _meta keys, and the structs of what is decoded or encoded whole. It
// holds no behaviour; what a revision changes is in the server's revision table.
//
// Names and shapes are those of the schema of the specification, revision
// 2025-11-25, in which earlier revisions are contained but for what is left out.
package mcp

import "encoding/json"

// Requests that a client sends.
const (
	Initialize = "initialize"
	Ping       = "ping"
	ToolsList  = "tools/list"
	ToolsCall  = "tools/call"
	SetLevel   = "logging/setLevel"
)

// Notifications.
const (
	Initialized      = "notifications/initialized"
	Cancelled        = "notifications/cancelled"
	Progress         = "notifications/progress"
	LogMessage       = "notifications/message"
	ToolsListChanged = "notifications/tools/list_changed"
)

// Implementation names a program.
type Implementation struct {
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	Version string `json:"version"`
}

// InitializeParams is what a client says of itself.
type InitializeParams struct {
	ProtocolVersion string                     `json:"protocolVersion"`
	Capabilities    map[string]json.RawMessage `json:"capabilities"`
	ClientInfo      Implementation             `json:"clientInfo"`
}

// InitializeResult is what a server says of itself.
type InitializeResult struct {
	ProtocolVersion string         `json:"protocolVersion"`
	Capabilities    Capabilities   `json:"capabilities"`
	ServerInfo      Implementation `json:"serverInfo"`
	Instructions    string         `json:"instructions,omitempty"`
}

// Capabilities are those of a server.
type Capabilities struct {
	Logging *struct{}   `json:"logging,omitempty"`
	Tools   ListChanges `json:"tools"`
}

// ListChanges is the capability of a list that may change.
type ListChanges struct {
	ListChanged bool `json:"listChanged"`
}

// ListParams are the params of every paged list.
type ListParams struct {
	Cursor string `json:"cursor"`
}

// SetLevelParams are those of logging/setLevel.
type SetLevelParams struct {
	Level string `json:"level"`
}

// CancelledParams are those of notifications/cancelled.
type CancelledParams struct {
	RequestID json.RawMessage `json:"requestId"`
	Reason    string          `json:"reason"`
}
