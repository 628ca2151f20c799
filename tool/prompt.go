package tool

import (
	"reflect"
	"time"
)

// Role is who says a [Message].
type Role string

// The roles.
const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// Message is one message of a prompt, or of a conversation with a model.
type Message struct {
	Role    Role // "" is User
	Content Content
	Meta    map[string]any // in sampling alone
}

// UserMessage returns a message of text that the user says.
func UserMessage(text string) Message { return Message{Role: User, Content: Text{Text: text}} }

// AssistantMessage returns a message of text that the assistant says.
func AssistantMessage(text string) Message {
	return Message{Role: Assistant, Content: Text{Text: text}}
}

// PromptResult is what prompts/get answers, for functions that say it themselves.
type PromptResult struct {
	Description string
	Messages    []Message
	Meta        map[string]any
}

// Prompt is a Go function prepared for making the messages of a prompt. It is
// immutable and safe for concurrent use.
type Prompt struct {
	spec      PromptSpec
	plan      plan
	known     []argument
	completer *completer
	encode    messageEncoder
}

// PromptSpec is what a prompt tells the world. Its fields are as prompts/list has
// them.
type PromptSpec struct {
	Name        string
	Title       string
	Description string
	Arguments   []PromptArgument
	Icons       []Icon
	Meta        map[string]any
	Timeout     time.Duration // 0 for none
}

// PromptArgument is one argument of a prompt.
type PromptArgument struct {
	Name        string `json:"name"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Required    bool   `json:"required,omitempty"`
}

// NewPrompt prepares fn. Its accepted forms are
//
//	func([ctx]) results                no arguments
//	func([ctx,] in T) results          T a struct or a pointer to one: its fields are the arguments
//	func([ctx,] a A, b B, …) results   plain values, named by Params or by the source's comments
//
// where ctx is [*Context] or [context.Context] and the results are T or (T, error).
//
// Arguments arrive as texts and are decoded as their type wants them: "5" for an
// integer, "true" for a boolean, JSON for a list or a struct. What the schema of
// the type demands is enforced. An optional argument that is empty counts as
// missing, for that is how a form sends it.
//
// A result T that is a string is one message of the user's. So is a [Content] or
// one of its types, and each of a slice of them. A [Message], a slice of Messages,
// a [PromptResult] or a pointer to one is sent as it is.
//
// The error of a function that does not fit names the function, where it stands,
// and what is wrong with it.
func NewPrompt(fn any, options ...Option) (*Prompt, error) {
	return prepare(fn, aPrompt, options, acceptedPrompt, buildPrompt)
}

const acceptedPrompt = `accepted forms:
	func([ctx]) results
	func([ctx,] in T) results           T a struct or *struct
	func([ctx,] a A, b B, ...) results  with tool.Params("a", "b", ...)
ctx is *tool.Context or context.Context; results are T or (T, error), and T is
string, Message, Content, a slice of those two, PromptResult or *PromptResult`

func buildPrompt(f *function) (*Prompt, error) {
	name, err := f.name()
	if err != nil {
		return nil, err
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	f.comment()
	p := &Prompt{plan: plan{fn: f.value}}
	params, err := p.plan.params()
	if err != nil {
		return nil, err
	}
	if err := p.plan.prepareArguments(f.config, params); err != nil {
		return nil, err
	}
	if p.known, err = argumentsOf(p.plan.input.Document()); err != nil {
		return nil, err
	}
	if p.completer, err = newCompleter(f.config, p.known); err != nil {
		return nil, err
	}
	p.spec = PromptSpec{
		Name: name, Title: f.spec.Title, Description: f.spec.Description,
		Icons: f.spec.Icons, Meta: f.spec.Meta, Timeout: f.spec.Timeout,
	}
	for _, a := range p.known {
		p.spec.Arguments = append(p.spec.Arguments, PromptArgument{Name: a.name, Title: a.Title, Description: a.Description, Required: a.required})
	}
	t, err := p.plan.result()
	if err != nil {
		return nil, err
	}
	p.encode, err = messageEncoderOf(t)
	return p, err
}

// Name returns the prompt's name.
func (p *Prompt) Name() string { return p.spec.Name }

// Spec returns what the prompt tells the world. What it points to is not to be
// modified.
func (p *Prompt) Spec() PromptSpec { return p.spec }

// Get checks and decodes the arguments and calls the function. The error is the
// function's own, or says in the caller's terms what is wrong with the arguments
// (see [UserText]) and has a [*schema.Error] in its chain. A panic of the function
// is the caller's to recover.
func (p *Prompt) Get(ctx *Context, arguments map[string]string) (*PromptResult, error) {
	texts, err := encodeTexts(arguments, p.known)
	if err != nil {
		return nil, err
	}
	var few [4]reflect.Value
	in, err := p.plan.arguments(few[:0], ctx, texts, false) // texts stand for values of every kind
	if err != nil {
		return nil, UserError(err)
	}
	out, err := p.plan.run(in)
	if err != nil {
		return nil, err
	}
	return p.encode(out)
}

// Complete returns the values that the argument could have: what the function
// given by the option [Complete] returns, or else those of an enumeration or a
// boolean that begin as c.Value does. The error is that of the function, or tells
// the caller which arguments there are.
func (p *Prompt) Complete(ctx *Context, c Completion) (*Completions, error) {
	return p.completer.complete(ctx, c)
}
