package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/jsonenc"
	"github.com/sessionmcp/sessionmcp/schema"
)

// plan is how one function is called, decided once.
type plan struct {
	fn       reflect.Value
	context  bool // is the first parameter
	arg      reflect.Type
	form     form
	input    *schema.Plan
	document *schema.Document // instead of input
	output   encoder          // nil if there is nothing to send
	promise  *schema.Document // what structured results have to fit; nil if their type says it
	fails    bool             // the last result is an error
	rooms    *sync.Pool       // of values of arg that calls take turns in; nil if each has its own
}

// form is how a function takes its arguments.
type form int

const (
	takesNone    form = iota // arg is struct{}, so that arguments are refused
	takesStruct              // an arg
	takesPointer             // an *arg
	takesPlain               // the fields of arg
	takesJSON                // what document has checked
)

var (
	toolContext = reflect.TypeFor[*Context]()
	stdContext  = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
	rawType     = reflect.TypeFor[json.RawMessage]()
)

// prepare decides everything about a tool's function.
func (p *plan) prepare(c *config, spec *Spec) error {
	params, err := p.params()
	if err != nil {
		return err
	}
	if err := p.prepareInput(c, spec, params); err != nil {
		return err
	}
	return p.prepareOutput(c, spec)
}

// params returns the types of the parameters behind the context.
func (p *plan) params() ([]reflect.Type, error) {
	t := p.fn.Type()
	if t.IsVariadic() {
		return nil, errors.New("a variadic parameter: take a slice")
	}
	params := make([]reflect.Type, 0, t.NumIn())
	for param := range t.Ins() {
		params = append(params, param)
	}
	isContext := func(t reflect.Type) bool { return t == toolContext || t == stdContext }
	if p.context = len(params) > 0 && isContext(params[0]); p.context {
		params = params[1:]
	}
	if slices.ContainsFunc(params, isContext) {
		return nil, errors.New("a context must be the first parameter")
	}
	return params, nil
}

func (p *plan) prepareInput(c *config, spec *Spec, params []reflect.Type) error {
	if spec.Input != nil {
		return p.prepareDocument(spec, params)
	}
	if err := p.prepareArguments(c, params); err != nil {
		return err
	}
	spec.Input = p.input.Document()
	return nil
}

// prepareArguments decides how the function takes its arguments.
func (p *plan) prepareArguments(c *config, params []reflect.Type) (err error) {
	switch {
	case len(params) == 0 && c.params == nil:
		p.form, p.arg = takesNone, reflect.TypeFor[struct{}]()
	case len(params) == 1 && c.params == nil && structural(params[0]):
		p.form, p.arg = takesStruct, params[0]
		if p.arg.Kind() == reflect.Pointer {
			p.form, p.arg = takesPointer, p.arg.Elem()
		}
	default:
		p.form = takesPlain
		if p.arg, err = paramStruct(p.paramNames(c), params); err != nil {
			return err
		}
	}
	if p.input, err = schema.Input(p.arg, schemaOptions(c)); err != nil {
		return err
	}
	if !p.input.IsObject() {
		return fmt.Errorf("the schema of %s is not an object", p.arg)
	}
	p.prepareRooms()
	return nil
}

// result returns the type of the result before the error, nil for none.
func (p *plan) result() (reflect.Type, error) {
	t := p.fn.Type()
	n := t.NumOut()
	if n > 0 && t.Out(n-1) == errorType {
		p.fails = true
		n--
	}
	switch {
	case n > 1 && !p.fails:
		return nil, fmt.Errorf("the last of %d results must be error", n)
	case n > 1:
		return nil, fmt.Errorf("%d results before the error, want one at most", n)
	case n == 1 && t.Out(0).Implements(errorType):
		return nil, fmt.Errorf("the result %s is an error: the one error is the last result, declared as error", t.Out(0))
	case n == 1:
		return t.Out(0), nil
	}
	return nil, nil
}

// paramNames returns the names of plain parameters, nil if nobody says them.
func (p *plan) paramNames(c *config) []string {
	// Source that does not match the binary is no source.
	if c.params != nil || len(c.sourceParams) != p.fn.Type().NumIn() {
		return c.params
	}
	if p.context {
		return c.sourceParams[1:]
	}
	return c.sourceParams
}

func schemaOptions(c *config) schema.Options {
	o := schema.Options{AllowUnknown: c.allowUnknown}
	if c.source != nil {
		o.Describe, o.Enum = c.source.describe, c.source.values
	}
	return o
}

// prepareDocument takes a schema written by hand.
func (p *plan) prepareDocument(spec *Spec, params []reflect.Type) (err error) {
	if len(params) != 1 || params[0] != rawType {
		return errors.New("with tool.InputSchema the function takes one json.RawMessage")
	}
	if p.document, err = schema.Compile(spec.Input); err != nil {
		return fmt.Errorf("tool.InputSchema: %w", err)
	}
	if root, err := objectOf(spec.Input); err != nil || string(root["type"]) != `"object"` {
		return errors.New(`tool.InputSchema: the root of the schema must have "type": "object"`)
	}
	p.form = takesJSON
	return nil
}

// structural reports whether the fields of t are the arguments. A struct that
// is one value to JSON, such as time.Time, is a plain parameter.
func structural(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	return !reflect.PointerTo(t).Implements(textUnmarshaler)
}

// paramStruct makes the struct whose fields are the parameters.
func paramStruct(names []string, params []reflect.Type) (reflect.Type, error) {
	switch {
	case names == nil && len(params) == 1 && params[0] == rawType:
		return nil, errors.New("a json.RawMessage needs tool.InputSchema, or tool.Params if it is one argument of any kind")
	case names == nil:
		return nil, errors.New(`plain parameters need names: add tool.Params("a", "b", ...), or take a struct`)
	case len(names) != len(params):
		return nil, fmt.Errorf("tool.Params names %d parameters, the function takes %d", len(names), len(params))
	}
	fields := make([]reflect.StructField, len(params))
	for i, t := range params {
		if names[i] == "" || names[i] == "_" || slices.Contains(names[:i], names[i]) {
			return nil, fmt.Errorf("parameter %d: %q cannot be a name here: empty, _ or a duplicate", i+1, names[i])
		}
		if err := checkName(names[i]); err != nil {
			return nil, fmt.Errorf("parameter %d: %w", i+1, err)
		}
		fields[i] = reflect.StructField{
			// The schema's errors name the field.
			Name: fmt.Sprintf("Parameter%d_%s", i+1, strings.Map(identifier, names[i])),
			Type: t,
			Tag:  reflect.StructTag(fmt.Sprintf(`json:"%s,"`, names[i])), // the comma: "-" alone would leave it out
		}
	}
	return reflect.StructOf(fields), nil
}

// identifier replaces what the names of properties may hold and of fields may not.
func identifier(r rune) rune {
	if r == '-' || r == '.' {
		return '_'
	}
	return r
}

func (p *plan) call(ctx *Context, arguments []byte) (*Result, error) {
	r, text, err := p.appendCall(nil, ctx, arguments)
	if err == nil && r == nil {
		r = &Result{Structured: json.RawMessage(text)}
	}
	return r, err
}

// appendCall calls the function. Without an error, the Result is nil where the
// JSON text of what the function returned has been appended to dst.
func (p *plan) appendCall(dst []byte, ctx *Context, arguments []byte) (*Result, []byte, error) {
	arg := p.borrow()
	var few [4]reflect.Value
	in, err := p.argumentsIn(arg, few[:0], ctx, arguments, ctx.call().Strict)
	if err != nil {
		p.giveBack(arg)
		return nil, dst, UserError(err)
	}
	out, err := p.run(in)
	p.giveBack(arg)
	if err != nil {
		return nil, dst, err
	}
	if p.output == nil {
		return &Result{}, dst, nil
	}
	start := len(dst)
	r, dst, err := p.output(dst, out)
	if err == nil && p.promise != nil {
		err = p.keep(r, dst[start:])
	}
	if err != nil {
		return nil, dst[:start], err
	}
	return r, dst, nil
}

// keep holds a result to the schema that was promised for it: r, or else its text.
func (p *plan) keep(r *Result, text []byte) error {
	if r != nil {
		if r.IsError {
			return nil
		}
		if r.Structured == nil {
			return errors.New("tool.OutputSchema promises a structured result, and there is none")
		}
		var err error
		v := reflect.ValueOf(r.Structured)
		if text, err = jsonenc.For(v.Type()).Append(nil, v); err != nil {
			return fmt.Errorf("encoding the result: %w", err)
		}
	}
	return misfit("the result does not fit tool.OutputSchema", p.promise.Validate(text))
}

// run calls the function and returns the result before the error, if there is
// one.
func (p *plan) run(in []reflect.Value) (reflect.Value, error) {
	out := p.fn.Call(in)
	if p.fails {
		last := len(out) - 1
		if err, _ := out[last].Interface().(error); err != nil {
			return reflect.Value{}, err
		}
		out = out[:last]
	}
	if len(out) == 0 {
		return reflect.Value{}, nil
	}
	return out[0], nil
}

// arguments appends the function's parameters to in.
func (p *plan) arguments(in []reflect.Value, ctx *Context, arguments []byte, strict bool) ([]reflect.Value, error) {
	return p.argumentsIn(nil, in, ctx, arguments, strict)
}

// argumentsIn is arguments, decoded into arg if that is not nil.
func (p *plan) argumentsIn(arg *room, in []reflect.Value, ctx *Context, arguments []byte, strict bool) ([]reflect.Value, error) {
	if p.context {
		in = append(in, reflect.ValueOf(ctx))
	}
	if p.form == takesJSON {
		if len(arguments) == 0 || !strict && string(bytes.TrimSpace(arguments)) == "null" {
			arguments = []byte("{}")
		}
		if err := p.document.Validate(arguments); err != nil {
			return nil, err
		}
		// The bytes belong to the transport; the function may keep its own.
		return append(in, reflect.ValueOf(json.RawMessage(bytes.Clone(arguments)))), nil
	}
	var v reflect.Value
	if arg != nil {
		v = arg.v
	} else {
		v = reflect.New(p.arg).Elem()
	}
	if err := p.input.Decode(arguments, v, strict); err != nil {
		return nil, err
	}
	switch p.form {
	case takesStruct:
		in = append(in, v)
	case takesPointer:
		in = append(in, v.Addr())
	case takesPlain:
		for i := range p.arg.NumField() {
			in = append(in, v.Field(i))
		}
	}
	return in, nil
}
