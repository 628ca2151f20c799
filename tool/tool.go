package tool

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Tool is a Go function prepared for being called: its schema and its call plan,
// both decided when it was made. It is immutable and safe for concurrent use.
type Tool struct {
	spec Spec
	plan plan
}

// New prepares fn. Its accepted forms are
//
//	func([ctx]) [results]                     no arguments
//	func([ctx,] in T) [results]               T a struct or a pointer to one: its fields are the arguments
//	func([ctx,] a A, b B, …) [results]        plain values, named by Params or by the source's comments
//	func([ctx,] in json.RawMessage) [results] with InputSchema
//
// where ctx is [*Context] or [context.Context] and the results are none, error,
// T, or (T, error). fn is a function, a method value, or a function literal with
// [Name].
//
// A result T that is a string is sent as text. A [Content], a slice of Contents,
// a [Result] or a pointer to one is sent as it is. Anything else is encoded with
// encoding/json and sent as structured content, with its schema in tools/list,
// and as text for clients that know no structured content.
//
// A pointer is sent as what it points to; a nil one that promised structured
// content is an error, and other nils are empty.
//
// The error of a function that does not fit names the function, where it stands,
// and what is wrong with it.
func New(fn any, options ...Option) (*Tool, error) {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return nil, fmt.Errorf("tool: %T is not a function\n%s", fn, accepted)
	}
	var c config
	for _, option := range options {
		option(&c)
	}
	info := inspect(v)
	t, err := build(v, info, &c)
	if err != nil {
		return nil, fmt.Errorf("tool: %s: %w\n%s", info.where(), err, accepted)
	}
	return t, nil
}

const accepted = `accepted forms:
	func([ctx]) [results]
	func([ctx,] in T) [results]                T a struct or *struct
	func([ctx,] a A, b B, ...) [results]       with tool.Params("a", "b", ...)
	func([ctx,] in json.RawMessage) [results]  with tool.InputSchema(...)
ctx is *tool.Context or context.Context; results are none, error, T, or (T, error)`

func build(v reflect.Value, info fnInfo, c *config) (*Tool, error) {
	spec := c.spec
	if spec.Name == "" {
		if info.name == "" {
			return nil, errors.New(`a function literal has no name: add tool.Name("...")`)
		}
		spec.Name = snake(info.name)
	}
	if err := checkName(spec.Name); err != nil {
		return nil, err
	}
	if err := checkSpec(&spec); err != nil {
		return nil, err
	}
	if c.source != nil {
		doc := c.source.function(info)
		if spec.Description == "" {
			spec.Description = doc.comment
		}
		c.sourceParams = doc.params
	}
	t := &Tool{spec: spec, plan: plan{fn: v}}
	if err := t.plan.prepare(c, &t.spec); err != nil {
		return nil, err
	}
	return t, nil
}

// checkSpec finds what would fail in tools/list, where it is too late.
func checkSpec(spec *Spec) error {
	if spec.Timeout < 0 {
		return fmt.Errorf("tool.Timeout: %v is negative", spec.Timeout)
	}
	for i, icon := range spec.Icons {
		if icon.Src == "" {
			return fmt.Errorf("tool.Icons: icon %d has no Src", i+1)
		}
	}
	if _, err := json.Marshal(spec.Meta); err != nil {
		return fmt.Errorf("tool.Meta: %w", err)
	}
	return nil
}

// Name returns the tool's name.
func (t *Tool) Name() string { return t.spec.Name }

// Spec returns what the tool tells the world. What it points to is not to be
// modified.
func (t *Tool) Spec() Spec { return t.spec }

// Call checks and decodes the arguments, a JSON object or nothing, and calls the
// function. The error is the function's own, or says in the caller's terms what
// is wrong with the arguments (see [UserText]). A panic of the function is the
// caller's to recover.
func (t *Tool) Call(ctx *Context, arguments []byte) (*Result, error) {
	return t.plan.call(ctx, arguments)
}

// String returns the tool's name and the first line of its description.
func (t *Tool) String() string {
	line, _, _ := strings.Cut(t.spec.Description, "\n")
	return t.spec.Name + ": " + line
}
