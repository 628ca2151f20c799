package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// A control is the schema of one field of a form: one of the kinds that
// PrimitiveSchemaDefinition lists (2025-11-25 and 2026-07-28 schema).
type control struct {
	Type        string      `json:"type"`
	Title       string      `json:"title,omitempty"`
	Description string      `json:"description,omitempty"`
	MinLength   *uint64     `json:"minLength,omitempty"`
	MaxLength   *uint64     `json:"maxLength,omitempty"`
	Format      string      `json:"format,omitempty"`
	Minimum     json.Number `json:"minimum,omitempty"`
	Maximum     json.Number `json:"maximum,omitempty"`
	Enum        []string    `json:"enum,omitempty"`
	EnumNames   []string    `json:"enumNames,omitempty"`
	OneOf       []choice    `json:"oneOf,omitempty"`
	MinItems    *uint64     `json:"minItems,omitempty"`
	MaxItems    *uint64     `json:"maxItems,omitempty"`
	Items       *choices    `json:"items,omitempty"`
	Default     any         `json:"default,omitempty"`
}

// choices are the items of a control that takes several values.
type choices struct {
	Type  string   `json:"type,omitempty"`
	Enum  []string `json:"enum,omitempty"`
	AnyOf []choice `json:"anyOf,omitempty"`
}

// A choice is a value and what people are shown in its place.
type choice struct {
	Const string `json:"const"`
	Title string `json:"title"`
}

// newControl makes the control of n, the node of field f, and lets n enforce the
// format, which a [Plan] does not.
func newControl(n *node, f *structField) (*control, error) {
	if err := formable(n, f); err != nil {
		return nil, err
	}
	s := n.schema
	c := &control{Type: s.Type, Title: s.Title, Description: s.Description, Default: s.Default}
	values := s.Enum
	switch {
	case s.Type == "array":
		c.MinItems, c.MaxItems = s.MinItems, s.MaxItems
		values = s.Items.Enum
	case s.Enum != nil: // its values have been held to the other keywords
	case s.Type == "string":
		c.MinLength, c.MaxLength = s.MinLength, s.MaxLength
		var err error
		if c.Format, err = useFormat(n); err != nil {
			return nil, err
		}
	default:
		c.Minimum, c.Maximum = s.Minimum, s.Maximum
	}
	choices, err := distinct(values)
	if err != nil {
		return nil, err
	}
	return c, c.choose(choices, f)
}

// formable refuses fields that a form has nothing for.
func formable(n *node, f *structField) error {
	switch other := beyondForms(n.schema); {
	case n.null:
		return errors.New("nullable: a form has no null: use a pointer, or omitempty, for what may be left out")
	case f.quoted:
		return errors.New("the string option of the json tag: a form shows the value as it is sent: remove the option")
	case !showable(n):
		return fmt.Errorf("a form has no %s: use a string, a number, a bool, a time.Time, or a slice of strings with an enum", typeName(f.Type))
	case other != "":
		return fmt.Errorf("a form has no %s: remove it", other)
	}
	switch c := n.codec.(type) {
	case *list:
		if other := beyondForms(c.element.schema); other != "" {
			return fmt.Errorf("a form has no %s: remove it", other)
		}
		if len(c.element.schema.Enum) == 0 {
			return errors.New(`a form takes several values only out of a list: write them into the tag, as jsonschema:"enum=a,enum=b"`)
		}
	case *number:
		if n.schema.Enum != nil {
			return errors.New("enum: the choices of a form are strings: use a string type")
		}
	}
	return nil
}

// showable reports whether there is a control for values of n's type.
func showable(n *node) bool {
	switch c := n.codec.(type) {
	case boolean, *number:
		return true
	case *text:
		return n.schema.ContentEncoding == ""
	case *list:
		_, isText := c.element.codec.(*text)
		return isText && showable(c.element) && c.element.pointers == 0 && !c.array
	}
	return false
}

// distinct returns the values of an enum as the strings that they are in JSON.
func distinct(enum []any) ([]string, error) {
	var all []string
	for _, v := range enum {
		raw, err := json.Marshal(v)
		s := jsontext.Text(raw)
		switch {
		case err != nil:
			return nil, fmt.Errorf("enum: %w", err)
		case slices.Contains(all, s):
			return nil, fmt.Errorf("enum=%s is there twice: remove one", s)
		}
		all = append(all, s)
	}
	return all, nil
}

// choose lets the control offer values, nil for none, under the titles that the
// tags of f give them.
func (c *control) choose(values []string, f *structField) error {
	titles, err := titlesOf(f, values)
	if err != nil {
		return err
	}
	names, err := enumNames(f, values)
	if err != nil {
		return err
	}
	switch several := c.Type == "array"; {
	case names != nil && (several || titles != nil):
		return errors.New("enumNames: they are for one of several strings, and not beside titles: use the titles tag alone")
	case several && titles != nil:
		c.Items = &choices{AnyOf: titles}
	case several:
		c.Items = &choices{Type: "string", Enum: values}
	case titles != nil:
		c.OneOf = titles
	default:
		c.Enum, c.EnumNames = values, names
	}
	return nil
}

// titlesOf reads the titles tag of f.
func titlesOf(f *structField, values []string) ([]choice, error) {
	tag, ok := f.Tag.Lookup("titles")
	if !ok {
		return nil, nil
	}
	titles := strings.Split(tag, "|")
	if err := checkTitles("titles", titles, values); err != nil {
		return nil, err
	}
	var all []choice
	for i, title := range titles {
		all = append(all, choice{values[i], title})
	}
	return all, nil
}

// enumNames reads the one keyword that a form takes from jsonschema_extras.
func enumNames(f *structField, values []string) ([]string, error) {
	var names []string
	for _, piece := range splitTag(f.Tag.Get("jsonschema_extras")) {
		keyword, name, _ := strings.Cut(piece, "=")
		if keyword != "enumNames" {
			return nil, fmt.Errorf("%q in the jsonschema_extras tag: of those keywords a form has enumNames alone: remove it", piece)
		}
		names = append(names, name)
	}
	if names == nil {
		return nil, nil
	}
	return names, checkTitles("enumNames", names, values)
}

func checkTitles(what string, titles []string, values []string) error {
	switch {
	case len(values) == 0:
		return fmt.Errorf(`%s: there are no values to name: write them into the tag, as jsonschema:"enum=a,enum=b"`, what)
	case len(titles) != len(values):
		return fmt.Errorf("%s: %s for %s: write one for each, in the same order", what,
			count(uint64(len(titles)), "title"), count(uint64(len(values)), "enum value"))
	case slices.Contains(titles, ""):
		return fmt.Errorf("%s: one of them is empty: write a title for each value", what)
	}
	return nil
}

// plain returns the control as 2025-06-18 has it.
func (c *control) plain() (*control, error) {
	p := *c
	if p.Type == "array" {
		return nil, errors.New("revision 2025-06-18 has no form that takes several values: use a bool for each")
	}
	for _, o := range c.OneOf {
		p.Enum, p.EnumNames = append(p.Enum, o.Const), append(p.EnumNames, o.Title)
	}
	p.OneOf = nil
	if p.Type != "boolean" {
		p.Default = nil
	}
	return &p, nil
}
