package tool

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sessionmcp/sessionmcp/schema"
)

var (
	embedType = reflect.TypeFor[Embed]()
	bytesType = reflect.TypeFor[[]byte]()
)

// resourcePlan is how the function of a resource is called.
type resourcePlan struct {
	plan
	known  []argument // those that come from the URI
	mime   string     // as MIME said
	encode contentEncoder
}

// A contentEncoder makes contents of what a function returned. No contents at all
// are not found.
type contentEncoder func(v reflect.Value, uri, mime string) ([]Embed, error)

// prepareValues decides how the function takes the variables of t, which is nil
// for a plain URI, and returns them.
func (p *resourcePlan) prepareValues(f *function, t *uriTemplate, params []reflect.Type) ([]argument, error) {
	switch {
	case t == nil && (len(params) > 0 || f.params != nil):
		return nil, errors.New("the URI has no variables, so the function takes none: write a template such as users://{id}, or remove the parameters")
	case t != nil:
		if err := f.orderVariables(t.names(), params); err != nil {
			return nil, err
		}
	}
	if err := p.prepareArguments(f.config, params); err != nil {
		return nil, err
	}
	known, err := argumentsOf(p.input.Document())
	if err != nil || t == nil {
		return nil, err
	}
	if err := t.prepare(known); err != nil {
		return nil, err
	}
	// What the template has no variable for keeps its default, and is nobody's to
	// complete.
	names := t.names()
	p.known = slices.DeleteFunc(known, func(a argument) bool { return !slices.Contains(names, a.name) })
	return p.known, nil
}

// orderVariables names the plain parameters of a function.
func (f *function) orderVariables(names []string, params []reflect.Type) error {
	if f.params == nil {
		if len(params) == 1 && structural(params[0]) {
			return nil
		}
		if len(names) != len(params) {
			return fmt.Errorf("the template has the variables %s, the function takes %d parameters: take one for each, or a struct", strings.Join(names, ", "), len(params))
		}
		f.params = names
		return nil
	}
	for _, name := range f.params {
		if !slices.Contains(names, name) {
			return fmt.Errorf("tool.Params names %q, the variables are: %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

// prepareContents decides how results are sent.
func (p *resourcePlan) prepareContents(c *config, spec *ResourceSpec) error {
	t, err := p.result()
	if err != nil {
		return err
	}
	if t == nil {
		return errors.New("the function returns no contents: return a string, []byte, or what is to be encoded as JSON")
	}
	p.mime = c.mime
	encode, mime, err := contentEncoderOf(t)
	if err != nil {
		return err
	}
	if mime == jsonMIME {
		if _, err := schema.Output(t, schemaOptions(c)); err != nil { // what encoding/json cannot write
			return fmt.Errorf("result: %w", err)
		}
	}
	p.encode, spec.MIME = encode, cmp.Or(spec.MIME, mime)
	return nil
}

// contentEncoderOf decides how results of type t are sent, and as which type if
// no option says so: "" if the value decides.
func contentEncoderOf(t reflect.Type) (contentEncoder, string, error) {
	base := t
	if t.Kind() == reflect.Pointer {
		base = t.Elem()
	}
	switch {
	case base == embedType:
		return oneEmbed, "", nil
	case t.Kind() == reflect.Slice && t.Elem() == embedType:
		return manyEmbeds, "", nil
	case isBlock(t), t.Kind() == reflect.Slice && (isBlock(t.Elem()) || t.Elem() == contentType), t == contentType, base == resultType:
		return nil, "", fmt.Errorf("a %s is what a tool returns: a resource returns a string, []byte, tool.Embed, or what is to be encoded as JSON", t)
	case t.Kind() == reflect.Interface:
		return dynamicContents, "", nil
	case base == timeType, t.Implements(textMarshaler) && !t.Implements(jsonMarshaler):
		return marshaledText, plainMIME, nil
	case t.Implements(jsonMarshaler):
		return jsonContents, jsonMIME, nil
	case t.Kind() == reflect.String:
		return textContents, plainMIME, nil
	case t.Kind() == reflect.Slice && t.ConvertibleTo(bytesType):
		return byteContents, bytesMIME, nil
	}
	return jsonContents, jsonMIME, nil
}

// read is the [reader] of a function.
func (p *resourcePlan) read(ctx *Context, uri string, values map[string]any) ([]Embed, error) {
	arguments, err := encodeTexts(values, p.known)
	if err != nil {
		return nil, err
	}
	var few [4]reflect.Value
	in, err := p.arguments(few[:0], ctx, arguments, false) // texts stand for values of every kind
	if err != nil {
		return nil, Errorf("%w: %w", ErrNotFound, err)
	}
	out, err := p.run(in)
	if err != nil {
		return nil, err
	}
	contents, err := p.encode(out, uri, p.mime)
	if err != nil {
		return nil, err
	}
	if len(contents) == 0 {
		return nil, ErrNotFound
	}
	return contents, nil
}

func oneEmbed(v reflect.Value, uri, mime string) ([]Embed, error) {
	e, ok := blockOf(v).(Embed)
	if !ok {
		return nil, nil
	}
	return []Embed{completed(e, uri, mime)}, nil
}

func manyEmbeds(v reflect.Value, uri, mime string) ([]Embed, error) {
	all := make([]Embed, v.Len())
	for i := range all {
		e, _ := v.Index(i).Interface().(Embed)
		all[i] = completed(e, uri, mime)
	}
	return all, nil
}

// completed fills in what an Embed leaves to the resource.
func completed(e Embed, uri, mime string) Embed {
	e.URI, e.MIME = cmp.Or(e.URI, uri), cmp.Or(e.MIME, mime)
	return e
}

// dynamicContents decides by the type that the value turns out to have.
func dynamicContents(v reflect.Value, uri, mime string) ([]Embed, error) {
	if v.IsNil() {
		return nil, nil
	}
	v = v.Elem()
	encode, _, err := contentEncoderOf(v.Type())
	if err != nil {
		return nil, err
	}
	return encode(v, uri, mime)
}

func textContents(v reflect.Value, uri, mime string) ([]Embed, error) {
	return []Embed{{URI: uri, MIME: cmp.Or(mime, plainMIME), Text: v.String()}}, nil
}

func marshaledText(v reflect.Value, uri, mime string) ([]Embed, error) {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, nil
	}
	text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return nil, fmt.Errorf("encoding the result: %w", err)
	}
	return []Embed{{URI: uri, MIME: cmp.Or(mime, plainMIME), Text: string(text)}}, nil
}

func byteContents(v reflect.Value, uri, mime string) ([]Embed, error) {
	return []Embed{embedBytes(uri, cmp.Or(mime, bytesMIME), v.Bytes())}, nil
}

func jsonContents(v reflect.Value, uri, mime string) ([]Embed, error) {
	text, err := jsonText(v)
	switch {
	case errors.Is(err, errNothing):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []Embed{{URI: uri, MIME: cmp.Or(mime, jsonMIME), Text: string(text)}}, nil
}
