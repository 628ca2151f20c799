package tool

import (
	"encoding/json"
	"time"
)

// Option says something about a tool that its function does not.
type Option func(*config)

// config is what the options of one tool add up to.
type config struct {
	spec         Spec
	params       []string // as Params gave them
	sourceParams []string // as the source has them, a context among them
	allowUnknown bool
	source       *Source
}

// Spec is what a tool tells the world. Its fields are as tools/list has them.
type Spec struct {
	Name        string
	Title       string
	Description string
	Input       json.RawMessage // JSON Schema of the arguments: an object
	Output      json.RawMessage // JSON Schema of the structured result; nil for none
	// OutputObject says that Output describes an object. Revisions up to
	// 2025-11-25 know no other: for them the result is wrapped.
	OutputObject bool
	Hints        Hints
	Icons        []Icon
	Meta         map[string]any
	Timeout      time.Duration // 0 for none
}

// Hints are a tool's annotations (2025-11-25 schema, ToolAnnotations). They are
// hints: a client must not trust those of a server it does not trust. nil is not
// said, which clients read as: it writes, may destroy, is not idempotent, and
// reaches the open world.
type Hints struct {
	ReadOnly    *bool `json:"readOnlyHint,omitempty"`
	Destructive *bool `json:"destructiveHint,omitempty"`
	Idempotent  *bool `json:"idempotentHint,omitempty"`
	OpenWorld   *bool `json:"openWorldHint,omitempty"`
}

// Name sets the tool's name, 1 to 128 of A-Z a-z 0-9 _ - and '.'. Without it
// the name is the function's, in snake_case. A function literal needs it.
func Name(name string) Option { return func(c *config) { c.spec.Name = name } }

// Title sets a name for people to read.
func Title(title string) Option { return func(c *config) { c.spec.Title = title } }

// Description tells the model what the tool does and when to use it. It wins
// over the function's doc comment.
func Description(text string) Option { return func(c *config) { c.spec.Description = text } }

// Params names the parameters of a function that takes plain values instead of
// a struct, in order, without the context. It wins over the names in the source.
func Params(names ...string) Option { return func(c *config) { c.params = names } }

// ReadOnly says that the tool changes nothing.
func ReadOnly() Option { return func(c *config) { c.spec.Hints.ReadOnly = new(true) } }

// Destructive says whether the tool may destroy or overwrite, not only add.
func Destructive(yes bool) Option { return func(c *config) { c.spec.Hints.Destructive = new(yes) } }

// Idempotent says whether a second call with the same arguments changes nothing
// more.
func Idempotent(yes bool) Option { return func(c *config) { c.spec.Hints.Idempotent = new(yes) } }

// OpenWorld says whether the tool reaches beyond a closed set of things: the
// web does, a memory does not.
func OpenWorld(yes bool) Option { return func(c *config) { c.spec.Hints.OpenWorld = new(yes) } }

// Icons adds pictures that a client may show beside the tool.
func Icons(icons ...Icon) Option {
	return func(c *config) { c.spec.Icons = append(c.spec.Icons, icons...) }
}

// Meta sets a key of the tool's _meta. The value is encoded with encoding/json.
func Meta(key string, value any) Option {
	return func(c *config) {
		if c.spec.Meta == nil {
			c.spec.Meta = make(map[string]any)
		}
		c.spec.Meta[key] = value
	}
}

// Timeout ends the call's context after d and answers the caller then, whether
// or not the function has returned. 0 is none.
func Timeout(d time.Duration) Option { return func(c *config) { c.spec.Timeout = d } }

// InputSchema gives the schema of the arguments by hand, as JSON Schema 2020-12
// of an object, kept as it is and enforced. The function then takes the checked
// arguments as [json.RawMessage].
func InputSchema(schema json.RawMessage) Option {
	own := append(json.RawMessage{}, schema...) // not nil: an empty schema is a mistake to tell
	return func(c *config) { c.spec.Input = own }
}

// OutputSchema gives the schema of the structured result by hand, for functions
// whose result type does not say it. Results are not checked against it.
func OutputSchema(schema json.RawMessage) Option {
	own := append(json.RawMessage{}, schema...)
	return func(c *config) { c.spec.Output = own }
}

// AllowUnknown accepts and ignores arguments that the struct does not have.
// Without it they are refused, with the nearest name.
func AllowUnknown() Option { return func(c *config) { c.allowUnknown = true } }

// Comments makes the doc comments of source the descriptions, and its parameter
// names the names, of what no option or tag describes.
func Comments(source *Source) Option { return func(c *config) { c.source = source } }
