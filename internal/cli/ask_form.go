package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// field is one field of a form (2025-11-25 schema, PrimitiveSchemaDefinition).
type field struct {
	name     string
	required bool
	control
}

// control is what the schema of a field says.
type control struct {
	Type        string      `json:"type"`
	Title       string      `json:"title"`
	Description string      `json:"description"`
	Format      string      `json:"format"`
	MinLength   int         `json:"minLength"`
	MaxLength   *int        `json:"maxLength"`
	Minimum     json.Number `json:"minimum"`
	Maximum     json.Number `json:"maximum"`
	MinItems    int         `json:"minItems"`
	MaxItems    *int        `json:"maxItems"`
	Default     any         `json:"default"`
	offer
	Items offer `json:"items"`
}

// offer is what there is to choose from, in one of the four ways to say it.
type offer struct {
	Enum  []string `json:"enum"`
	Names []string `json:"enumNames"`
	OneOf []choice `json:"oneOf"`
	AnyOf []choice `json:"anyOf"`
}

// choice is a value and what people read in its place.
type choice struct {
	Value string `json:"const"`
	Title string `json:"title"`
}

func (o *offer) choices() []choice {
	all := slices.Concat(o.OneOf, o.AnyOf)
	for i, value := range o.Enum {
		c := choice{Value: value}
		if i < len(o.Names) {
			c.Title = o.Names[i]
		}
		all = append(all, c)
	}
	return all
}

// readForm returns the fields of a form in the order of its schema.
func readForm(schema []byte) ([]*field, error) {
	var form struct {
		Properties json.RawMessage `json:"properties"`
		Required   []string        `json:"required"`
	}
	if err := json.Unmarshal(schema, &form); err != nil {
		return nil, errors.New("the form cannot be read: its schema is no object")
	}
	var fields []*field
	err := jsontext.Members(form.Properties, func(key, val []byte) error {
		f := &field{name: jsontext.Text(key)}
		f.required = slices.Contains(form.Required, f.name)
		d := json.NewDecoder(strings.NewReader(string(val)))
		d.UseNumber()
		if err := d.Decode(&f.control); err != nil {
			return fmt.Errorf("the form cannot be read: field %.60q: %w", f.name, err)
		}
		fields = append(fields, f)
		return nil
	})
	return fields, err
}

// choices are what the value is chosen from, nil for no such bound.
func (f *field) choices() []choice {
	if f.Type == "array" {
		return f.Items.choices()
	}
	return f.offer.choices()
}

// parse returns the value that a text is meant as. The error says what is wanted.
func (f *field) parse(text string) (any, error) {
	trimmed := strings.TrimSpace(text)
	switch {
	case f.Type == "array":
		return f.parseSeveral(trimmed)
	case f.choices() != nil:
		return f.choose(trimmed)
	}
	switch f.Type {
	case "boolean":
		return parseYes(trimmed)
	case "integer", "number":
		return f.parseNumber(trimmed)
	case "string", "":
		return f.parseText(text)
	}
	return nil, fmt.Errorf("fields of type %.40q are not known here", f.Type)
}

func parseYes(text string) (any, error) {
	switch strings.ToLower(text) {
	case "y", "yes", "true":
		return true, nil
	case "n", "no", "false":
		return false, nil
	}
	return nil, errors.New("want y or n")
}

// choose takes a choice by its number, its value or its title.
func (f *field) choose(text string) (any, error) {
	all := f.choices()
	for _, c := range all {
		if text == c.Value {
			return c.Value, nil
		}
	}
	for _, c := range all {
		if strings.EqualFold(text, c.Title) || strings.EqualFold(text, c.Value) {
			return c.Value, nil
		}
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(all) {
		return all[n-1].Value, nil
	}
	return nil, fmt.Errorf("want a number from 1 to %d, or one of the values", len(all))
}

// parseSeveral takes choices with commas between them.
func (f *field) parseSeveral(text string) (any, error) {
	values := []any{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		value, err := f.choose(part)
		if err != nil {
			return nil, fmt.Errorf("%q: %w, with commas between them", cut(part, 40), err)
		}
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	switch {
	case len(values) < f.MinItems:
		return nil, fmt.Errorf("want %d at least", f.MinItems)
	case f.MaxItems != nil && len(values) > *f.MaxItems:
		return nil, fmt.Errorf("want %d at most", *f.MaxItems)
	}
	return values, nil
}

// parseNumber keeps the digits of a number.
func (f *field) parseNumber(text string) (any, error) {
	number := new(big.Float)
	_, err := strconv.ParseFloat(text, 64) // which takes more than JSON, but not what nobody can hold
	ok := err == nil && json.Valid([]byte(text))
	if ok {
		_, ok = number.SetString(text)
	}
	wanted := "want a number"
	if f.Type == "integer" {
		wanted = "want an integer"
		ok = ok && !strings.ContainsAny(text, ".eE")
	}
	if !ok {
		return nil, errors.New(wanted)
	}
	if least, ok := new(big.Float).SetString(f.Minimum.String()); ok && number.Cmp(least) < 0 {
		return nil, fmt.Errorf("%s, %s at least", wanted, f.Minimum)
	}
	if most, ok := new(big.Float).SetString(f.Maximum.String()); ok && number.Cmp(most) > 0 {
		return nil, fmt.Errorf("%s, %s at most", wanted, f.Maximum)
	}
	return json.Number(text), nil
}

func (f *field) parseText(text string) (any, error) {
	n := utf8.RuneCountInString(text)
	switch {
	case n < f.MinLength:
		return nil, fmt.Errorf("want %d characters at least", f.MinLength)
	case f.MaxLength != nil && n > *f.MaxLength:
		return nil, fmt.Errorf("want %d characters at most", *f.MaxLength)
	}
	var err error
	switch f.Format {
	case "email":
		if a, parseErr := mail.ParseAddress(text); parseErr != nil || a.Address != text {
			err = errors.New("want an email address")
		}
	case "uri":
		if u, parseErr := url.Parse(text); parseErr != nil || !u.IsAbs() {
			err = errors.New("want a URI such as https://example.com/")
		}
	case "date":
		if _, parseErr := time.Parse(time.DateOnly, text); parseErr != nil {
			err = errors.New("want a date such as 2006-01-02")
		}
	case "date-time":
		if _, parseErr := time.Parse(time.RFC3339, text); parseErr != nil {
			err = errors.New("want a time such as 2006-01-02T15:04:05Z")
		}
	}
	return text, err
}

// prompt is the line behind which an answer is typed.
func (f *field) prompt() string {
	var b strings.Builder
	b.WriteString(f.name)
	switch {
	case f.Type == "boolean":
		b.WriteString(" (y/n)")
	case f.Type == "array":
		b.WriteString(" (several, with commas)")
	case f.choices() == nil && f.Type != "string" && f.Type != "":
		fmt.Fprintf(&b, " (%s)", f.Type)
	case f.Format != "":
		fmt.Fprintf(&b, " (%s)", f.Format)
	}
	if f.Default != nil {
		fmt.Fprintf(&b, " [%s]", showDefault(f.Default))
	} else if !f.required {
		b.WriteString(" [none]")
	}
	return oneLine(b.String()) + ": "
}

func showDefault(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		if v {
			return "y"
		}
		return "n"
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, fmt.Sprint(e))
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v)
}
