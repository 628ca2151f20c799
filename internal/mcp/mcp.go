// Package mcp is the words of the Model Context Protocol: the names of methods,
// headers and _meta keys, and the structs of what is decoded or encoded whole.
// It holds no behaviour; what a revision changes is in the server's revision
// table.
//
// Names and shapes are those of the schema of the specification, revisions
// 2024-11-05 to 2026-07-28.
package mcp

import "encoding/json"

// Requests that a client sends.
const (
	Initialize        = "initialize"
	Ping              = "ping"
	Discover          = "server/discover"
	Listen            = "subscriptions/listen"
	ToolsList         = "tools/list"
	ToolsCall         = "tools/call"
	ResourcesList     = "resources/list"
	ResourceTemplates = "resources/templates/list"
	ResourcesRead     = "resources/read"
	Subscribe         = "resources/subscribe"
	Unsubscribe       = "resources/unsubscribe"
	PromptsList       = "prompts/list"
	PromptsGet        = "prompts/get"
	Complete          = "completion/complete"
	SetLevel          = "logging/setLevel"
)

// Requests that a server sends, or puts into a result.
const (
	Elicit     = "elicitation/create"
	SampleText = "sampling/createMessage"
	ListRoots  = "roots/list"
)

// Notifications.
const (
	Initialized          = "notifications/initialized"
	Cancelled            = "notifications/cancelled"
	Progress             = "notifications/progress"
	LogMessage           = "notifications/message"
	ToolsListChanged     = "notifications/tools/list_changed"
	PromptsListChanged   = "notifications/prompts/list_changed"
	ResourcesListChanged = "notifications/resources/list_changed"
	RootsListChanged     = "notifications/roots/list_changed"
	ResourceUpdated      = "notifications/resources/updated"
	Acknowledged         = "notifications/subscriptions/acknowledged"
)

// Keys of _meta (2026-07-28, basic, _meta).
const (
	MetaPrefix         = "io.modelcontextprotocol/"
	MetaVersion        = MetaPrefix + "protocolVersion"
	MetaClient         = MetaPrefix + "clientInfo"
	MetaCapabilities   = MetaPrefix + "clientCapabilities"
	MetaLogLevel       = MetaPrefix + "logLevel"
	MetaServer         = MetaPrefix + "serverInfo"
	MetaSubscriptionID = MetaPrefix + "subscriptionId"
)

// Headers of streamable HTTP, in the form of [net/http.CanonicalHeaderKey].
const (
	HeaderVersion = "Mcp-Protocol-Version"
	HeaderMethod  = "Mcp-Method"
	HeaderName    = "Mcp-Name"
	HeaderParam   = "Mcp-Param-" // and a name
)

// Error codes (2026-07-28, basic, error codes; and 2025-11-25, resources, error
// handling).
const (
	CodeResourceNotFound   = -32002
	CodeHeaderMismatch     = -32020
	CodeMissingCapability  = -32021
	CodeUnsupportedVersion = -32022
)

// Implementation names a program.
type Implementation struct {
	Name        string `json:"name"`
	Title       string `json:"title,omitempty"`
	Version     string `json:"version"`
	Description string `json:"description,omitempty"`
	WebsiteURL  string `json:"websiteUrl,omitempty"`
	Icons       []Icon `json:"icons,omitempty"`
}

// Icon is a picture of a program.
type Icon struct {
	Src   string   `json:"src"`
	MIME  string   `json:"mimeType,omitempty"`
	Sizes []string `json:"sizes,omitempty"`
	Theme string   `json:"theme,omitempty"`
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

// DiscoverResult is what server/discover answers.
type DiscoverResult struct {
	SupportedVersions []string     `json:"supportedVersions"`
	Capabilities      Capabilities `json:"capabilities"`
	Instructions      string       `json:"instructions,omitempty"`
}

// Capabilities are those of a server.
type Capabilities struct {
	Logging     *struct{}    `json:"logging,omitempty"`
	Completions *struct{}    `json:"completions,omitempty"`
	Prompts     *ListChanges `json:"prompts,omitempty"`
	Resources   *Resources   `json:"resources,omitempty"`
	Tools       ListChanges  `json:"tools"`
}

// ListChanges is the capability of a list that may change.
type ListChanges struct {
	ListChanged bool `json:"listChanged"`
}

// Resources is the capability of resources.
type Resources struct {
	Subscribe   bool `json:"subscribe"`
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

// URIParams are those of resources/subscribe and resources/unsubscribe, and of
// notifications/resources/updated.
type URIParams struct {
	URI string `json:"uri"`
}

// CompleteParams are those of completion/complete.
type CompleteParams struct {
	Ref struct {
		Type string `json:"type"` // ref/prompt or ref/resource
		Name string `json:"name,omitempty"`
		URI  string `json:"uri,omitempty"`
	} `json:"ref"`
	Argument struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"argument"`
	Context struct {
		Arguments map[string]string `json:"arguments,omitempty"`
	} `json:"context,omitzero"`
}

// CompleteResult is what completion/complete answers.
type CompleteResult struct {
	Completion struct {
		Values  []string `json:"values"`
		Total   int      `json:"total,omitempty"`
		HasMore bool     `json:"hasMore"`
	} `json:"completion"`
}

// CancelledParams are those of notifications/cancelled.
type CancelledParams struct {
	RequestID json.RawMessage `json:"requestId"`
	Reason    string          `json:"reason,omitempty"`
}

// Filter is what a subscription is for (2026-07-28, subscriptions).
type Filter struct {
	Tools     bool     `json:"toolsListChanged,omitempty"`
	Prompts   bool     `json:"promptsListChanged,omitempty"`
	Resources bool     `json:"resourcesListChanged,omitempty"`
	URIs      []string `json:"resourceSubscriptions,omitempty"`
}

// ListenParams are those of subscriptions/listen, and of its acknowledgement.
type ListenParams struct {
	Notifications Filter `json:"notifications"`
}

// UnsupportedVersion is the data of the error of that name.
type UnsupportedVersion struct {
	Supported []string `json:"supported"`
	Requested string   `json:"requested"`
}

// MissingCapability is the data of the error of that name.
type MissingCapability struct {
	RequiredCapabilities map[string]any `json:"requiredCapabilities"`
}
