package tool

import "time"

// Content is one block of a result or of a message: [Text], [Image], [Audio],
// [Link] or [Embed]. In sampling there are no links and no resources, but
// [ToolUse] and [ToolResult], which occur nowhere else.
//
// What a client's protocol revision has no name for is sent as the nearest thing
// it has: audio as an embedded resource, a link as its text.
type Content interface {
	content()
}

// Text is a block of plain text for the model.
type Text struct {
	Text        string
	Annotations *Annotations
	Meta        map[string]any // the block's _meta
}

// Image is a picture.
type Image struct {
	Data        []byte // the file's bytes; base64 is added on the way out
	MIME        string // such as image/png; "" is told by the bytes, if they do
	Annotations *Annotations
	Meta        map[string]any
}

// Audio is sound.
type Audio struct {
	Data        []byte // the file's bytes; base64 is added on the way out
	MIME        string // such as audio/wav; "" is told by the bytes, if they do
	Annotations *Annotations
	Meta        map[string]any
}

// Link points to a resource that the client may read.
type Link struct {
	URI         string
	Name        string
	Title       string
	Description string
	MIME        string
	Size        int64 // bytes; 0 is not said
	Annotations *Annotations
	Meta        map[string]any
}

// Embed is a resource's contents: Blob if it is not nil, else Text.
type Embed struct {
	URI         string
	MIME        string
	Text        string
	Blob        []byte
	Annotations *Annotations
	Meta        map[string]any
}

func (Text) content()  {}
func (Image) content() {}
func (Audio) content() {}
func (Link) content()  {}
func (Embed) content() {}

// Annotations tell a client how a block may be used (2025-11-25 schema,
// Annotations). Nothing in them is required.
type Annotations struct {
	Audience     []string  // of "user" and "assistant"
	Priority     *float64  // 0 (optional) to 1 (required); nil is not said
	LastModified time.Time // zero is not said
}

// Icon is a picture that a client may show beside a tool (2025-11-25 schema, Icon).
type Icon struct {
	Src   string   `json:"src"` // https: or data: URI
	MIME  string   `json:"mimeType,omitempty"`
	Sizes []string `json:"sizes,omitempty"` // such as 48x48, or any
	Theme string   `json:"theme,omitempty"` // light or dark
}

// Result is what a call answers, for functions that say it themselves.
// Any other return value is made into one: see [New].
type Result struct {
	// Content is shown to the model. Where it is nil and Structured is not,
	// the JSON text of Structured is sent in its place.
	Content []Content

	// Structured is encoded with encoding/json as structuredContent. Revisions
	// up to 2025-11-25 want an object: anything else is wrapped as {"result": …}.
	Structured any

	// IsError tells the model that the call failed and Content says why.
	IsError bool

	// Meta is the result's _meta.
	Meta map[string]any
}
