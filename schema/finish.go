package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/invopop/jsonschema"
)

// finish prepares the nodes for decoding, now that every tag and method has had
// its say, and checks that the document agrees with itself.
func (b *builder) finish() error {
	for _, step := range []func(*node) error{b.bind, b.generalize, b.setDefault, b.enumerate, b.checkValues, b.preset} {
		for _, n := range b.nodes {
			if err := step(n); err != nil {
				return typeError(n.owner, err)
			}
		}
	}
	return nil
}

func (b *builder) bind(n *node) error {
	n.want, n.kinds = wanted(n.schema), kindsOf(n.schema)
	if err := n.codec.bind(n); err != nil {
		return err
	}
	if n.null {
		n.want += " or null"
	}
	return nil
}

// bind takes over which properties are required.
func (o *object) bind(n *node) error {
	for i := range o.fields {
		o.fields[i].required = slices.Contains(n.schema.Required, o.fields[i].name)
	}
	return nil
}

// generalize gives a node whose schema has more keywords than its codec knows
// the validator that knows them all.
func (b *builder) generalize(n *node) error {
	if !n.strange {
		return nil
	}
	s := n.schema
	if _, all := n.codec.(foreign); !all {
		if s = rest(s); reflect.DeepEqual(s, &jsonschema.Schema{}) {
			return nil
		}
	}
	doc, err := b.document(s)
	if err != nil {
		return err
	}
	n.general, err = Compile(doc)
	return err
}

// rest is s without what the codecs enforce, for they do so with more indulgence
// than the validator, and without annotations.
func rest(s *jsonschema.Schema) *jsonschema.Schema {
	r := *s
	r.Type, r.Enum = "", nil
	r.Properties, r.Required, r.AdditionalProperties, r.Items = nil, nil, nil, nil
	r.Minimum, r.Maximum, r.ExclusiveMinimum, r.ExclusiveMaximum, r.MultipleOf = "", "", "", "", ""
	r.MinLength, r.MaxLength, r.Pattern = nil, nil, ""
	r.MinItems, r.MaxItems, r.UniqueItems = nil, nil, false
	r.Title, r.Description, r.Default, r.Examples, r.Format = "", "", nil, nil, ""
	r.ContentEncoding, r.ReadOnly, r.WriteOnly, r.Deprecated = "", false, false, false
	return &r
}

// document renders a schema that stands alone.
func (b *builder) document(s *jsonschema.Schema) (json.RawMessage, error) {
	root := *s
	root.Definitions = b.definitions
	doc, err := appendSchema(nil, &root)
	if err != nil {
		return nil, fmt.Errorf("the schema cannot be written: %w", err)
	}
	return doc, nil
}

// render writes the document.
func (b *builder) render(root *node) (json.RawMessage, error) {
	doc, err := b.document(root.schema)
	if err == nil && len(doc) > maxDocument {
		err = fmt.Errorf("the document takes %d bytes, more than %d: write it by hand, or give large types a JSONSchema method", len(doc), maxDocument)
	}
	if err == nil && slices.ContainsFunc(b.nodes, func(n *node) bool { return n.strange }) {
		_, err = Compile(doc)
	}
	if err != nil {
		return nil, typeError(root.owner, err)
	}
	return doc, nil
}

// setDefault makes the items of an array's default, which a tag gives as
// strings, what the document says they are.
func (b *builder) setDefault(n *node) error {
	values, ok := n.schema.Default.([]any)
	if !ok || n.schema.Items == nil {
		return nil
	}
	values = slices.Clone(values)
	for i, v := range values {
		s, ok := v.(string)
		if !ok {
			continue
		}
		switch n.schema.Items.Type {
		case "integer", "number":
			values[i] = json.Number(s)
		case "boolean":
			values[i] = s == "true"
		}
	}
	n.schema.Default = values
	return nil
}

// enumerate prepares the values that n is limited to.
func (b *builder) enumerate(n *node) error {
	if _, other := n.codec.(foreign); other || n.schema.Enum == nil {
		return nil
	}
	n.enum = map[string]struct{}{}
	for _, v := range n.schema.Enum {
		raw, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("enum: %w", err)
		}
		n.enum[string(appendCanonical(nil, raw))] = struct{}{}
	}
	return nil
}

// checkValues reads the values that the document itself mentions.
func (b *builder) checkValues(n *node) error {
	if b.out {
		return nil // the forms that are written need not be readable
	}
	for _, v := range n.schema.Enum {
		if err := n.check("enum", v); err != nil {
			return err
		}
	}
	for _, v := range n.schema.Examples {
		if err := n.check("example", v); err != nil {
			return err
		}
	}
	if n.schema.Default == nil {
		return nil
	}
	return n.check("default", n.schema.Default)
}

// check decodes value as a strict caller's.
func (n *node) check(keyword string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", keyword, err)
	}
	bare := *n
	bare.pointers = 0
	d := newDecoder(raw, true)
	defer d.free()
	if err := bare.read(d, &d.r, reflect.New(n.typ).Elem()); err != nil {
		return fmt.Errorf("%s: %w", keyword, err)
	}
	if len(d.problems) > 0 {
		p := d.problems[0]
		return fmt.Errorf("%s=%s does not fit: expected %s", keyword, quote(raw), p.Want)
	}
	return nil
}

// preset prepares the defaults of a struct's fields.
func (b *builder) preset(n *node) error {
	o, ok := n.codec.(*object)
	if !ok || b.out {
		return nil
	}
	for i := range o.fields {
		p := &o.fields[i]
		if p.node.schema.Default == nil {
			continue
		}
		raw, err := json.Marshal(p.node.schema.Default)
		if err != nil {
			return fmt.Errorf("default: %w", err)
		}
		p.preset = &preset{text: raw}
		if p.node.pointers == 0 && immutable(p.node.typ) {
			v := reflect.New(p.node.typ).Elem()
			p.preset.set(v, p.node)
			p.preset.value = v
		}
	}
	return nil
}

// immutable reports whether a copy of a t shares nothing with it.
func immutable(t reflect.Type) bool {
	return quotable(t.Kind())
}
