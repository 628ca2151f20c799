// Package schema walks a Go type once and makes two things of it that cannot
// drift apart: the JSON Schema document that is advertised, and a decoder that
// enforces that document while it fills a value of the type.
//
// Every decision about a type falls in [Input] or [Output]; [Plan.Decode] reads
// the text once, straight into the value, and decides nothing about types. A type
// is planned once, unless it has methods that document it, or Options has.
//
// The decoder follows encoding/json (field names, embedding, the last of equal
// keys wins, invalid UTF-8 becomes U+FFFD) except where the document says
// otherwise:
//
//   - property names are compared exactly, not by case folding;
//   - unknown properties are refused, unless [Options].AllowUnknown is set;
//   - required properties must be there, and defaults fill those that are not;
//   - null is refused where the document does not allow it;
//   - an integer may be written 5.0 or 5e0 (JSON Schema Validation 2020-12,
//     section 6.1.1);
//   - a [time.Duration] is a string such as "1m30s", not nanoseconds.
//
// What a document cannot portably say is still enforced: the ranges of 64-bit
// integers and floats, base64, the syntax of text types and of map keys.
//
// A model often sends almost the right thing. Unless told to be strict, Decode
// takes a number, a boolean, an object or an array that arrives inside a string,
// and null for an optional property. Where a string is wanted, or anything at
// all, the value is never touched.
package schema

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// Options change what [Input] and [Output] make of a type. The zero value works.
type Options struct {
	// Describe returns the description of a field of struct type t, named as in
	// Go, or that of t itself when field is "". It is asked where the tags give
	// none, and may be nil.
	Describe func(t reflect.Type, field string) string

	// Enum returns the values that a type with a name is limited to, strings or
	// integers as its kind is, and nil for no limit. [Input] asks it for types
	// that are read as their kind, and enforces the answer; the enum of a field's
	// tag wins. [Output] does not ask: nothing holds a Go value to it. It may be
	// nil.
	Enum func(t reflect.Type) []any

	// AllowUnknown accepts properties that no field takes, and ignores them.
	AllowUnknown bool
}

// A Plan is the document of a type and, made by [Input], its decoder. It does
// not change and is safe for concurrent use.
type Plan struct {
	root *node
	doc  json.RawMessage
	out  bool
}

// Input plans how values of t are read. Field tags are those of encoding/json
// and of github.com/invopop/jsonschema (jsonschema, jsonschema_description and
// jsonschema_extras), and the methods JSONSchema, JSONSchemaExtend and
// JSONSchemaAlias of that package are honoured. The tag mcpheader:"Region" is
// MCP's own: it marks a string, an integer or a boolean with x-mcp-header
// (2026-07-28, Custom Headers from Tool Parameters).
//
// The error names the Go type and field, and says what to do: t holds something
// JSON cannot carry, a tag does not mean what it seems to, or the document would
// grow out of bounds.
func Input(t reflect.Type, o Options) (*Plan, error) { return newPlan(t, o, false) }

// Output plans the document of what encoding/json writes for values of t. Null
// is allowed wherever encoding/json may write it but at the root. The errors are
// those of [Input].
func Output(t reflect.Type, o Options) (*Plan, error) { return newPlan(t, o, true) }

// planned holds, by planKey, the plans that follow from their type alone: many
// tools of a server may take or return the same one. It is no larger than the
// program: the run-time never forgets a type either, not even one made by
// [reflect.StructOf].
var planned sync.Map

type planKey struct {
	t            reflect.Type
	out          bool
	allowUnknown bool
}

func newPlan(t reflect.Type, o Options, out bool) (*Plan, error) {
	if o.Describe != nil || o.Enum != nil { // nobody knows what they will say
		p, _, err := makePlan(t, o, out)
		return p, err
	}
	key := planKey{t, out, o.AllowUnknown}
	if p, ok := planned.Load(key); ok {
		return p.(*Plan), nil
	}
	p, own, err := makePlan(t, o, out)
	if err != nil || own {
		return p, err
	}
	kept, _ := planned.LoadOrStore(key, p)
	return kept.(*Plan), nil
}

// makePlan plans t anew. own reports that a method of the program's had a say in
// it, which may say something else the next time.
func makePlan(t reflect.Type, o Options, out bool) (p *Plan, own bool, err error) {
	b := newBuilder(o, out)
	root, err := b.root(t)
	if err != nil {
		return nil, false, err
	}
	if err := b.finish(); err != nil {
		return nil, false, err
	}
	doc, err := b.render(root)
	if err != nil {
		return nil, false, err
	}
	return &Plan{root: root, doc: slices.Clip(doc), out: out}, b.own, nil
}

// Document returns the JSON Schema 2020-12 document, compact. It is the Plan's
// own: do not change it.
func (p *Plan) Document() json.RawMessage { return p.doc }

// IsObject reports whether the document's root has type object, as MCP demands
// of a tool's input.
func (p *Plan) IsObject() bool { return p.root.schema.Type == "object" }

// Decode reads data, one JSON value, into v, which must be addressable and of
// the type the Plan was made from; what v held is gone. No data means {}.
// Nothing in v points into data.
//
// Lenient unless strict, Decode takes the near misses that the package comment
// lists. Values nest 1,000 levels deep at most.
//
// The error is an [*Error] when the value does not fit the document, and then v
// is filled in part. It is another error when data is not JSON.
func (p *Plan) Decode(data []byte, v reflect.Value, strict bool) error {
	if p.out {
		return errors.New("schema: a plan made by Output does not decode")
	}
	v.SetZero()
	if len(data) == 0 {
		data = emptyObject
	}
	d := newDecoder(data, strict)
	defer d.free()
	if !strict && p.IsObject() && d.r.Kind() == 'n' {
		if _, err := d.r.Value(); err != nil {
			return err
		}
		if err := d.r.End(); err != nil {
			return err
		}
		d.r = jsontext.Read(emptyObject)
	}
	if err := p.root.read(d, &d.r, v); err != nil {
		return err
	}
	if err := d.r.End(); err != nil {
		return err
	}
	return d.err()
}

var emptyObject = []byte("{}")
