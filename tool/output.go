package tool

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/jsonenc"
	"github.com/sessionmcp/sessionmcp/schema"
)

var (
	resultType    = reflect.TypeFor[Result]()
	timeType      = reflect.TypeFor[time.Time]()
	contentType   = reflect.TypeFor[Content]()
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()

	blockTypes = map[reflect.Type]bool{
		reflect.TypeFor[Text]():  true,
		reflect.TypeFor[Image](): true,
		reflect.TypeFor[Audio](): true,
		reflect.TypeFor[Link]():  true,
		reflect.TypeFor[Embed](): true,
	}
)

// errNothing answers a nil pointer where the schema promised a value.
var errNothing = &userError{errors.New("the tool returned nothing")}

// An encoder makes a Result of what a function returned, or appends to dst, as
// JSON text, what is structured. The Result is nil then.
type encoder func(dst []byte, v reflect.Value) (*Result, []byte, error)

func (p *plan) prepareOutput(c *config, spec *Spec) error {
	t, err := p.result()
	if err != nil {
		return err
	}
	kind := asText
	if t != nil {
		p.output, kind = encoderOf(t)
	}
	switch {
	case spec.Output != nil && kind == asText:
		return errors.New("tool.OutputSchema: the function has no result that is structured")
	case spec.Output == nil && kind == asStructured:
		return describeOutput(c, spec, t)
	case spec.Output != nil:
		p.promise, err = checkOutput(spec)
		return err
	}
	return nil
}

// resultKind is what is known of a result before there is one.
type resultKind int

const (
	asText       resultKind = iota // or other content, or nothing
	asStructured                   // of the type's schema
	asItSays                       // a Result, or an interface
)

// encoderOf decides how results of type t are sent.
func encoderOf(t reflect.Type) (encoder, resultKind) {
	base := t
	if t.Kind() == reflect.Pointer {
		base = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Interface:
		return dynamic, asItSays
	case base == resultType:
		return sendAsIs, asItSays
	case isBlock(t):
		return sendBlock, asText
	case t.Kind() == reflect.Slice && (isBlock(t.Elem()) || t.Elem() == contentType):
		return sendBlocks, asText
	case base == timeType, t.Implements(textMarshaler) && !t.Implements(jsonMarshaler):
		return sendMarshalText, asText
	case t.Kind() == reflect.String && !t.Implements(jsonMarshaler):
		return sendPlainText, asText
	}
	return structured(t), asStructured
}

var (
	sendAsIs        = made(asIs)
	sendBlock       = made(block)
	sendBlocks      = made(blocks)
	sendMarshalText = made(marshalText)
	sendPlainText   = made(plainText)
)

// made is the encoder that appends nothing.
func made(result func(reflect.Value) (*Result, error)) encoder {
	return func(dst []byte, v reflect.Value) (*Result, []byte, error) {
		r, err := result(v)
		return r, dst, err
	}
}

// isBlock reports whether t is one of this package's content blocks, or a
// pointer to one. A struct that embeds a block is none, though it has its method.
func isBlock(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return blockTypes[t]
}

// describeOutput sets the schema of a structured result, unless the type's own
// MarshalJSON leaves nothing to say.
func describeOutput(c *config, spec *Spec, t reflect.Type) error {
	plan, err := schema.Output(t, schemaOptions(c))
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	members, err := objectOf(plan.Document())
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	for name := range members {
		if name != "$schema" && name != "title" && name != "description" {
			spec.Output, spec.OutputObject = plan.Document(), plan.IsObject()
			return nil
		}
	}
	return nil
}

// checkOutput checks a schema that was given by hand, and compiles it.
func checkOutput(spec *Spec) (*schema.Document, error) {
	document, err := schema.Compile(spec.Output)
	if err != nil {
		return nil, fmt.Errorf("tool.OutputSchema: %w", err)
	}
	root, err := objectOf(spec.Output)
	if err != nil {
		return nil, fmt.Errorf("tool.OutputSchema: %w", err)
	}
	spec.OutputObject = string(root["type"]) == `"object"`
	if !spec.OutputObject && refersOutsideDefs(spec.Output) {
		return nil, errors.New(`tool.OutputSchema: a schema whose root is not "type": "object" stands inside another one for revisions up to 2025-11-25: let each $ref begin with #/$defs/`)
	}
	return document, nil
}

// refersOutsideDefs reports whether a $ref of the document, which is valid, leads
// anywhere but into $defs, which move along when it is wrapped.
func refersOutsideDefs(document []byte) bool {
	var v any
	_ = json.Unmarshal(document, &v)
	var outside func(v any) bool
	outside = func(v any) bool {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok && !strings.HasPrefix(ref, "#/$defs/") {
				return true
			}
			return slices.ContainsFunc(slices.Collect(maps.Values(v)), outside)
		case []any:
			return slices.ContainsFunc(v, outside)
		}
		return false
	}
	return outside(v)
}

// objectOf returns the members of a schema, which may not be true or false here.
func objectOf(document []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(document, &members) != nil || members == nil {
		return nil, errors.New("the schema is not a JSON object")
	}
	return members, nil
}

// encoders are those of the types that values turned out to have.
var encoders sync.Map

// dynamic decides by the type that the value turns out to have.
func dynamic(dst []byte, v reflect.Value) (*Result, []byte, error) {
	if v.IsNil() {
		return &Result{}, dst, nil
	}
	v = v.Elem()
	encode, ok := encoders.Load(v.Type())
	if !ok {
		own, _ := encoderOf(v.Type())
		encode, _ = encoders.LoadOrStore(v.Type(), own)
	}
	return encode.(encoder)(dst, v)
}

func asIs(v reflect.Value) (*Result, error) {
	switch r := v.Interface().(type) {
	case Result:
		return &r, nil
	case *Result:
		if r != nil {
			return r, nil
		}
	}
	return &Result{}, nil
}

func block(v reflect.Value) (*Result, error) {
	if b := blockOf(v); b != nil {
		return &Result{Content: []Content{b}}, nil
	}
	return &Result{}, nil
}

func blocks(v reflect.Value) (*Result, error) {
	all := make([]Content, v.Len())
	for i := range all {
		if all[i] = blockOf(v.Index(i)); all[i] == nil {
			return nil, fmt.Errorf("content block %d is nil", i)
		}
	}
	return &Result{Content: all}, nil
}

// blockOf returns the block that v is or points to, nil for none: servers know
// blocks by value.
func blockOf(v reflect.Value) Content {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	b, _ := v.Interface().(Content)
	return b
}

// text makes a Result of one block, which lies beside it.
func text(s string) *Result {
	r := &struct {
		Result
		one [1]Content
	}{one: [1]Content{Text{Text: s}}}
	r.Content = r.one[:]
	return &r.Result
}

func plainText(v reflect.Value) (*Result, error) { return text(v.String()), nil }

func marshalText(v reflect.Value) (*Result, error) {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return &Result{}, nil
	}
	b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return nil, fmt.Errorf("encoding the result: %w", err)
	}
	return text(string(b)), nil
}

// structured encodes values of type t.
func structured(t reflect.Type) encoder {
	plan := jsonenc.For(t)
	return func(dst []byte, v reflect.Value) (*Result, []byte, error) {
		if dst == nil {
			dst = make([]byte, 0, 256) // enough for most, without growing
		}
		dst, err := appendJSON(dst, plan, v)
		return nil, dst, err
	}
}

// jsonText encodes v as a structured result is.
func jsonText(v reflect.Value) (json.RawMessage, error) {
	return appendJSON(nil, jsonenc.For(v.Type()), v)
}

// appendJSON appends v by the plan of its type. A nil map or slice becomes an
// empty one: the schema promised an object or an array.
func appendJSON(dst []byte, plan *jsonenc.Encoder, v reflect.Value) ([]byte, error) {
	target := v
	for range maxPointers {
		if target.Kind() != reflect.Pointer {
			break
		}
		if target.IsNil() {
			return dst, errNothing
		}
		target = target.Elem()
	}
	if e := emptied(target); e.IsValid() && !v.Type().Implements(jsonMarshaler) {
		plan, v = jsonenc.For(e.Type()), e
	}
	dst, err := plan.Append(dst, v)
	if err != nil {
		return dst, fmt.Errorf("encoding the result: %w", err)
	}
	return dst, nil
}

// maxPointers is how many are followed in search of a nil: a pointer may lead to
// itself, which encoding/json finds out.
const maxPointers = 8

// emptied returns what replaces a nil map or slice, the zero Value for none. A
// type that writes itself is left to do so.
func emptied(v reflect.Value) reflect.Value {
	k := v.Kind()
	switch {
	case k != reflect.Map && k != reflect.Slice, !v.IsNil(), v.Type().Implements(jsonMarshaler):
		return reflect.Value{}
	case k == reflect.Map:
		return reflect.MakeMap(v.Type())
	}
	return reflect.MakeSlice(v.Type(), 0, 0)
}
