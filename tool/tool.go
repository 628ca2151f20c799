package tool

import (
	"bytes"
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
	return prepare(fn, aTool, options, accepted, build)
}

const accepted = `accepted forms:
	func([ctx]) [results]
	func([ctx,] in T) [results]                T a struct or *struct
	func([ctx,] a A, b B, ...) [results]       with tool.Params("a", "b", ...)
	func([ctx,] in json.RawMessage) [results]  with tool.InputSchema(...)
ctx is *tool.Context or context.Context; results are none, error, T, or (T, error)`

// function is what a tool, a resource or a prompt is made of.
type function struct {
	*config
	value reflect.Value
}

// info is asked for where the function is needed, for a name or an error: it reads
// tables of the run-time that a program otherwise leaves on disk.
func (f *function) info() fnInfo { return inspect(f.value) }

// prepare makes a T of fn and its options. An error says what fn is, where it
// stands, and which forms are accepted.
func prepare[T any](fn any, k kind, options []Option, accepted string, build func(*function) (*T, error)) (*T, error) {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return nil, fmt.Errorf("tool: %T is not a function\n%s", fn, accepted)
	}
	f := &function{value: v}
	var made *T
	var err error
	if f.config, err = configure(k, options); err == nil {
		made, err = build(f)
	}
	if err != nil {
		return nil, fmt.Errorf("tool: %s: %w\n%s", f.info().where(), err, accepted)
	}
	return made, nil
}

// name returns the name that was given, or else the function's.
func (f *function) name() (string, error) {
	if f.spec.Name != "" {
		return f.spec.Name, nil
	}
	name := f.info().name
	if name == "" {
		return "", errors.New(`a function literal has no name: add tool.Name("...")`)
	}
	return snake(name), nil
}

// comment takes over what the source says of the function.
func (f *function) comment() {
	if f.source == nil {
		return
	}
	doc := f.source.function(f.info())
	if f.spec.Description == "" {
		f.spec.Description = doc.comment
	}
	f.sourceParams = doc.params
}

func build(f *function) (*Tool, error) {
	var err error
	if f.spec.Name, err = f.name(); err != nil {
		return nil, err
	}
	if err := checkName(f.spec.Name); err != nil {
		return nil, err
	}
	f.comment()
	t := &Tool{spec: f.spec, plan: plan{fn: f.value}}
	if err := t.plan.prepare(f.config, &t.spec); err != nil {
		return nil, err
	}
	// Who writes a schema by hand may escape the keyword, and break a rule.
	if t.plan.document != nil || bytes.Contains(t.spec.Input, []byte(headerKeyword)) {
		if t.spec.Headers, err = HeaderParams(t.spec.Input); err != nil {
			return nil, err
		}
	}
	return t, nil
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

// AppendCall is [Tool.Call] for servers, which have a buffer: where the Result
// would have nothing but Structured, made of what the function returned, its JSON
// text is appended to dst instead, and the Result is nil. With an error the text
// is dst as it was.
func (t *Tool) AppendCall(dst []byte, ctx *Context, arguments []byte) (*Result, []byte, error) {
	return t.plan.appendCall(dst, ctx, arguments)
}

// String returns the tool's name and the first line of its description.
func (t *Tool) String() string {
	line, _, _ := strings.Cut(t.spec.Description, "\n")
	return t.spec.Name + ": " + line
}
