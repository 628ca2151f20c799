package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// A Form is the document of a struct that a client can show its user as a form
// to fill in, and the decoder of what the user sent, made from one [Plan]. It
// does not change and is safe for concurrent use.
type Form struct {
	plan    *Plan
	doc     json.RawMessage
	plain   json.RawMessage
	noPlain error
}

// NewForm plans the form of t, a struct or a pointer to one. Its fields are what
// the protocol knows (2025-11-25 and 2026-07-28, elicitation, requested schema):
//
//   - strings, with minLength, maxLength and a format of email, uri, date or
//     date-time; [time.Time] and types that read themselves from text are strings;
//   - integers and floats, with minimum and maximum;
//   - booleans;
//   - one of several strings: a string with the tag jsonschema:"enum=a,enum=b";
//   - some of several strings: a slice of them with such a tag, and minItems and
//     maxItems.
//
// All may have a title, a description and a default; a pointer or omitempty makes
// a field optional. The tag titles:"First|Second" beside an enum, in its order,
// gives people something to read in place of its values. In its stead
// jsonschema_extras:"enumNames=First,enumNames=Second" writes the keyword that
// such titles had before 2025-11-25 and that is deprecated now.
//
// The keywords pattern, multipleOf, exclusiveMinimum, exclusiveMaximum and
// uniqueItems are enforced, but no client is told: put what they ask for into the
// description. Examples, readOnly and writeOnly are left out.
//
// Properties that are no fields are ignored: the schema that clients get does not
// forbid them.
//
// The error names the Go type and field, and says what to do.
func NewForm(t reflect.Type, o Options) (*Form, error) {
	o.AllowUnknown = true
	p, _, err := makePlan(t, o, false) // its own: controls change what it takes
	if err != nil {
		return nil, err
	}
	root, ok := p.root.codec.(*object)
	if !ok {
		return nil, typeError(p.root.owner, errors.New("a form is a struct, and not one that reads or documents itself: put the value into a field of one"))
	}
	if other := beyondForms(p.root.schema); other != "" {
		return nil, typeError(p.root.owner, fmt.Errorf("a form has no %s, it cannot say which fields go together: check that in the function", other))
	}
	tags := map[string]*structField{}
	for _, f := range structFields(p.root.typ) {
		tags[f.name] = f
	}
	form := &Form{plan: p}
	var all, plain []*control
	for i := range root.fields {
		n := root.fields[i].node
		c, err := newControl(n, tags[root.fields[i].name])
		if err != nil {
			return nil, typeError(n.owner, err)
		}
		old, err := c.plain()
		if err != nil && form.noPlain == nil {
			form.noPlain = typeError(n.owner, err)
		}
		all, plain = append(all, c), append(plain, old)
	}
	if form.doc, err = formDocument(root, p.root.schema.Required, all); err != nil {
		return nil, typeError(p.root.owner, err)
	}
	if form.noPlain == nil {
		form.plain, err = formDocument(root, p.root.schema.Required, plain)
	}
	return form, err
}

// formDocument writes the schema of a form: these three keywords and no others
// (2025-11-25 schema, ElicitRequestFormParams). The order is that of the fields.
func formDocument(root *object, required []string, all []*control) (json.RawMessage, error) {
	doc := []byte(`{"type":"object","properties":{`)
	for i, c := range all {
		if i > 0 {
			doc = append(doc, ',')
		}
		raw, err := json.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("the schema cannot be written: %w", err)
		}
		doc = append(append(jsontext.AppendString(doc, root.fields[i].name), ':'), raw...)
	}
	doc = append(doc, '}')
	if len(required) > 0 {
		raw, err := json.Marshal(required)
		if err != nil {
			return nil, fmt.Errorf("the schema cannot be written: %w", err)
		}
		doc = append(append(doc, `,"required":`...), raw...)
	}
	return append(doc, '}'), nil
}

// Document returns the schema for revisions 2025-11-25 and later, compact. It is
// the Form's own: do not change it.
func (f *Form) Document() json.RawMessage { return f.doc }

// Plain returns the schema for revision 2025-06-18: the titles of an enum are
// enumNames there, and only booleans have a default. It is the Form's own: do not
// change it. The error says which field that revision has nothing for: one that
// takes several values.
func (f *Form) Plain() (json.RawMessage, error) { return f.plain, f.noPlain }

// Decode reads data, what the user sent, into v, which must be addressable and of
// the type the Form was made from; what v held is gone. It is strict: a number is
// no string. Properties without a field are ignored, and defaults fill what is
// absent. No data and null mean {}. Nothing in v points into data.
//
// The error is an [*Error] when the value does not fit, and then v is filled in
// part. It is another error when data is not JSON.
func (f *Form) Decode(data []byte, v reflect.Value) error {
	data = bytes.TrimSpace(data)
	if string(data) == "null" {
		data = nil
	}
	if kind := kindOf(data); kind != 0 && kind != '{' {
		return &Error{[]Problem{{Path: "content", Want: "an object", Got: quote(data)}}}
	}
	return f.plan.Decode(data, v, true)
}

// beyondForms names the keywords of s that have no place in a form, "" for none.
func beyondForms(s *jsonschema.Schema) string {
	r := rest(s)
	r.Extras = nil
	if reflect.DeepEqual(r, &jsonschema.Schema{}) {
		return ""
	}
	raw, err := json.Marshal(r)
	var names map[string]json.RawMessage
	if err != nil || json.Unmarshal(raw, &names) != nil || len(names) == 0 {
		return "such schema"
	}
	return sortedKeys(names)[0]
}
