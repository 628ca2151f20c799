package tool

import (
	"encoding/json"
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Option says something about a tool, a resource or a prompt that its function
// does not. Where an option does not say what it is for, it is for all three. One
// that does not fit is an error at start-up.
type Option func(*config)

// kind is what a function is made into.
type kind int

const (
	aTool kind = 1 << iota
	aResource
	aFolder // see Files
	aPrompt

	aRead = aResource | aFolder
	aCall = aTool | aResource | aPrompt // of a function
)

func (k kind) String() string {
	switch k {
	case aTool:
		return "a tool"
	case aResource:
		return "a resource"
	case aFolder:
		return "files"
	}
	return "a prompt"
}

// config is what the options of one tool, resource or prompt add up to.
type config struct {
	kind         kind
	misfit       string // an option that is not for kind
	spec         Spec
	params       []string // as Params gave them
	sourceParams []string // as the source has them, a context among them
	allowUnknown bool
	source       *Source
	mime         string
	size         int64
	annotations  *Annotations
	cache        Cache
	completions  []completion
}

// configure applies options to what is to become a k.
func configure(k kind, options []Option) (*config, error) {
	c := &config{kind: k}
	for _, option := range options {
		option(c)
	}
	if c.misfit != "" {
		return nil, fmt.Errorf("tool.%s is not for %s: remove it", c.misfit, k)
	}
	return c, c.check()
}

// only notes that the option of this name is for these kinds.
func (c *config) only(kinds kind, option string) {
	if c.kind&kinds == 0 {
		c.misfit = option
	}
}

// option makes an Option that is only for these kinds.
func option(kinds kind, name string, set func(*config)) Option {
	return func(c *config) {
		c.only(kinds, name)
		set(c)
	}
}

// check finds what would fail in a list, where it is too late.
func (c *config) check() error {
	if c.spec.Timeout < 0 {
		return fmt.Errorf("tool.Timeout: %v is negative", c.spec.Timeout)
	}
	for i, icon := range c.spec.Icons {
		if icon.Src == "" {
			return fmt.Errorf("tool.Icons: icon %d has no Src", i+1)
		}
	}
	for key := range c.spec.Meta {
		if err := checkMetaKey(key); err != nil {
			return fmt.Errorf("tool.Meta: %w", err)
		}
	}
	if c.spec.Meta != nil {
		if _, err := json.Marshal(c.spec.Meta); err != nil {
			return fmt.Errorf("tool.Meta: %w", err)
		}
	}
	if c.size < 0 {
		return fmt.Errorf("tool.Size: %d is negative", c.size)
	}
	if c.cache.TTL < 0 {
		return fmt.Errorf("tool.Caching: the TTL %v is negative", c.cache.TTL)
	}
	if c.mime != "" {
		if typ, _, err := mime.ParseMediaType(c.mime); err != nil || !strings.Contains(typ, "/") {
			return fmt.Errorf("tool.MIME: %q is no media type: write one such as text/markdown", c.mime)
		}
	}
	return c.annotations.check()
}

// The form of a key in _meta (2025-06-18, basic, _meta): labels and a slash, and a
// name. Regular expressions are compiled when they are first needed: every server
// would pay for them when it starts.
var (
	metaKey = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:((?:[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?)/)?(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$`)
	})
	metaReserved = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9-]+\.(?:modelcontextprotocol|mcp)(?:\.|$)`)
	})
)

func checkMetaKey(key string) error {
	parts := metaKey().FindStringSubmatch(key)
	switch {
	case parts == nil:
		return fmt.Errorf("the key %.60q is not of the form example.com/name", key)
	case metaReserved().MatchString(parts[1]):
		return fmt.Errorf("the key %.60q has a prefix that is reserved for the protocol", key)
	}
	return nil
}

// check holds annotations to their schema (2025-11-25, Annotations).
func (a *Annotations) check() error {
	if a == nil {
		return nil
	}
	for _, who := range a.Audience {
		if who != "user" && who != "assistant" {
			return fmt.Errorf("tool.Annotate: the audience %q is neither user nor assistant", who)
		}
	}
	if a.Priority != nil && !(*a.Priority >= 0 && *a.Priority <= 1) {
		return fmt.Errorf("tool.Annotate: the priority %v is not from 0 to 1", *a.Priority)
	}
	return nil
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
	Detached     bool          // the function may call [Context.Suspend]
	Headers      []HeaderParam // the arguments that clients repeat in headers
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

// Name sets the name. That of a tool or a prompt is 1 to 128 of A-Z a-z 0-9 _ -
// and '.'; that of a resource is any text of one line. Without it the name is the
// function's, in snake_case. A function literal needs it, but for a resource with
// a plain URI: see [NewResource].
func Name(name string) Option { return func(c *config) { c.spec.Name = name } }

// Title sets a name for people to read.
func Title(title string) Option { return func(c *config) { c.spec.Title = title } }

// Description tells the model what the tool does and when to use it, or what is
// in the resource, or what the prompt is for. It wins over the function's doc
// comment.
func Description(text string) Option { return func(c *config) { c.spec.Description = text } }

// Params names the parameters of a function that takes plain values instead of
// a struct, in order, without the context. It wins over the names in the source.
// Those of a resource are the variables of its template, which Params may put
// into another order.
func Params(names ...string) Option {
	return option(aCall, "Params", func(c *config) { c.params = names })
}

// ReadOnly says that the tool changes nothing.
func ReadOnly() Option {
	return option(aTool, "ReadOnly", func(c *config) { c.spec.Hints.ReadOnly = new(true) })
}

// Destructive says whether the tool may destroy or overwrite, not only add.
func Destructive(yes bool) Option {
	return option(aTool, "Destructive", func(c *config) { c.spec.Hints.Destructive = new(yes) })
}

// Idempotent says whether a second call of the tool with the same arguments
// changes nothing more.
func Idempotent(yes bool) Option {
	return option(aTool, "Idempotent", func(c *config) { c.spec.Hints.Idempotent = new(yes) })
}

// OpenWorld says whether the tool reaches beyond a closed set of things: the
// web does, a memory does not.
func OpenWorld(yes bool) Option {
	return option(aTool, "OpenWorld", func(c *config) { c.spec.Hints.OpenWorld = new(yes) })
}

// Icons adds pictures that a client may show.
func Icons(icons ...Icon) Option {
	return func(c *config) { c.spec.Icons = append(c.spec.Icons, icons...) }
}

// Meta sets a key of the _meta. The value is encoded with encoding/json.
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

// Detached lets a tool's function outlive the HTTP response that its call came
// with: it may call [Context.Suspend]. It is for work of many minutes.
func Detached() Option {
	return option(aTool, "Detached", func(c *config) { c.spec.Detached = true })
}

// InputSchema gives the schema of a tool's arguments by hand, as JSON Schema
// 2020-12 of an object, kept as it is and enforced. The function then takes the
// checked arguments as [json.RawMessage].
func InputSchema(schema json.RawMessage) Option {
	own := append(json.RawMessage{}, schema...) // not nil: an empty schema is a mistake to tell
	return option(aTool, "InputSchema", func(c *config) { c.spec.Input = own })
}

// OutputSchema gives the schema of a tool's structured result by hand, for
// functions whose result type does not say it. A result that does not fit, or is
// not structured at all, is an error of the tool's.
func OutputSchema(schema json.RawMessage) Option {
	own := append(json.RawMessage{}, schema...)
	return option(aTool, "OutputSchema", func(c *config) { c.spec.Output = own })
}

// AllowUnknown accepts and ignores arguments of a tool or a prompt that the
// struct does not have. Without it they are refused, with the nearest name.
func AllowUnknown() Option {
	return option(aTool|aPrompt, "AllowUnknown", func(c *config) { c.allowUnknown = true })
}

// Comments makes the doc comments of source the descriptions, and its parameter
// names the names, of what no option or tag describes.
func Comments(source *Source) Option {
	return option(aCall, "Comments", func(c *config) { c.source = source })
}

// MIME sets the media type of a resource, such as text/markdown. Bytes of a type
// that is text are sent as text: see [NewResource].
func MIME(typ string) Option {
	return option(aRead, "MIME", func(c *config) { c.mime = typ })
}

// Size tells the size of a resource in bytes, before any encoding. 0 is not said.
func Size(bytes int64) Option {
	return option(aResource, "Size", func(c *config) { c.size = bytes })
}

// Annotate tells clients how a resource may be used. An Audience is of "user" and
// "assistant", a Priority from 0 to 1.
func Annotate(a Annotations) Option {
	a.Audience = slices.Clone(a.Audience)
	return option(aRead, "Annotate", func(c *config) { c.annotations = &a })
}

// Caching tells clients how long, and for whom, they may keep what reading a
// resource returned.
func Caching(cache Cache) Option {
	return option(aRead, "Caching", func(c *config) { c.cache = cache })
}

// Complete gives a prompt's argument, or a variable of a resource's template, the
// function that completes what a user types: it returns values that may be meant,
// the best first. It sees what has been typed and the arguments chosen before;
// what it returns is sent as it is, 100 values at most.
func Complete(argument string, fn func(ctx *Context, c Completion) ([]string, error)) Option {
	return option(aRead|aPrompt, "Complete", func(c *config) {
		c.completions = append(c.completions, completion{argument, fn})
	})
}
