package schema

import (
	"encoding/json"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/invopop/jsonschema"
)

// appendSchema appends s as its MarshalJSON writes it, to the byte. That method
// encodes each part on its own and copies it into the whole, again at each level
// above it, and encoding/json reflects over all the keywords for each of them: it
// took as long as all the rest of a plan. A test holds the two to each other.
func appendSchema(dst []byte, s *jsonschema.Schema) ([]byte, error) {
	w := writer{b: dst}
	w.schema(s)
	return w.b, w.err
}

// A writer appends the members of objects. It keeps the first error.
type writer struct {
	b   []byte
	err error
}

func (w *writer) schema(s *jsonschema.Schema) {
	switch s {
	case nil:
		w.b = append(w.b, "null"...)
		return
	case jsonschema.TrueSchema, jsonschema.FalseSchema:
		w.b = strconv.AppendBool(w.b, s == jsonschema.TrueSchema)
		return
	}
	start := len(w.b)
	w.b = append(w.b, '{')
	w.core(s)
	w.applicators(s)
	w.assertions(s)
	w.annotations(s)
	w.extras(s.Extras)
	if len(w.b) == start+1 {
		w.b = w.b[:start]
		w.empty(s)
		return
	}
	w.b = append(w.b, '}')
}

// empty appends a schema without a keyword: {}, or true, or what a copy of one of
// the boolean schemas is, which only its own method knows.
func (w *writer) empty(s *jsonschema.Schema) {
	if reflect.DeepEqual(s, anything()) {
		w.b = append(w.b, "{}"...)
		return
	}
	w.value(s)
}

// core has the keywords of JSON Schema Core 2020-12, section 8.
func (w *writer) core(s *jsonschema.Schema) {
	w.text("$schema", s.Version)
	w.text("$id", string(s.ID))
	w.text("$anchor", s.Anchor)
	w.text("$ref", s.Ref)
	w.text("$dynamicRef", s.DynamicRef)
	w.named("$defs", s.Definitions)
	w.text("$comment", s.Comments)
}

// applicators has those of section 10.
func (w *writer) applicators(s *jsonschema.Schema) {
	w.list("allOf", s.AllOf)
	w.list("anyOf", s.AnyOf)
	w.list("oneOf", s.OneOf)
	w.part("not", s.Not)
	w.part("if", s.If)
	w.part("then", s.Then)
	w.part("else", s.Else)
	w.named("dependentSchemas", s.DependentSchemas)
	w.list("prefixItems", s.PrefixItems)
	w.part("items", s.Items)
	w.part("contains", s.Contains)
	if s.Properties != nil {
		w.properties(s)
	}
	w.named("patternProperties", s.PatternProperties)
	w.part("additionalProperties", s.AdditionalProperties)
	w.part("propertyNames", s.PropertyNames)
}

func (w *writer) properties(s *jsonschema.Schema) {
	w.member("properties")
	if s.Properties.Len() == 0 {
		w.value(s.Properties) // {}, or null for one that was not made by New
		return
	}
	w.b = append(w.b, '{')
	for name, part := range s.Properties.FromOldest() {
		w.member(name)
		w.schema(part)
	}
	w.b = append(w.b, '}')
}

// assertions has the keywords of JSON Schema Validation 2020-12, section 6, and
// format and the contents, sections 7 and 8.
func (w *writer) assertions(s *jsonschema.Schema) {
	w.text("type", s.Type)
	w.unless("enum", s.Enum, len(s.Enum) == 0)
	w.unless("const", s.Const, s.Const == nil)
	w.unless("multipleOf", s.MultipleOf, s.MultipleOf == "")
	w.unless("maximum", s.Maximum, s.Maximum == "")
	w.unless("exclusiveMaximum", s.ExclusiveMaximum, s.ExclusiveMaximum == "")
	w.unless("minimum", s.Minimum, s.Minimum == "")
	w.unless("exclusiveMinimum", s.ExclusiveMinimum, s.ExclusiveMinimum == "")
	w.count("maxLength", s.MaxLength)
	w.count("minLength", s.MinLength)
	w.text("pattern", s.Pattern)
	w.count("maxItems", s.MaxItems)
	w.count("minItems", s.MinItems)
	w.flag("uniqueItems", s.UniqueItems)
	w.count("maxContains", s.MaxContains)
	w.count("minContains", s.MinContains)
	w.count("maxProperties", s.MaxProperties)
	w.count("minProperties", s.MinProperties)
	w.names("required", s.Required)
	w.unless("dependentRequired", s.DependentRequired, len(s.DependentRequired) == 0)
	w.text("format", s.Format)
	w.text("contentEncoding", s.ContentEncoding)
	w.text("contentMediaType", s.ContentMediaType)
	w.part("contentSchema", s.ContentSchema)
}

// annotations has those of section 9.
func (w *writer) annotations(s *jsonschema.Schema) {
	w.text("title", s.Title)
	w.text("description", s.Description)
	w.unless("default", s.Default, s.Default == nil)
	w.flag("deprecated", s.Deprecated)
	w.flag("readOnly", s.ReadOnly)
	w.flag("writeOnly", s.WriteOnly)
	w.unless("examples", s.Examples, len(s.Examples) == 0)
}

func (w *writer) extras(all map[string]any) {
	for _, name := range sortedKeys(all) {
		w.member(name)
		w.value(all[name])
	}
}

// member begins the member of an object. No value ends in a brace that opens, so
// that one behind it is the first.
func (w *writer) member(name string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.string(name)
	w.b = append(w.b, ':')
}

// string appends a string. Of characters that encoding/json escapes, not all of
// which JSON wants escaped, it is left to decide.
func (w *writer) string(s string) {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c >= utf8.RuneSelf, c == '"', c == '\\', c == '<', c == '>', c == '&':
			w.value(s)
			return
		}
	}
	w.b = append(append(append(w.b, '"'), s...), '"')
}

// value appends what encoding/json makes of v.
func (w *writer) value(v any) {
	raw, err := json.Marshal(v)
	if w.err == nil {
		w.err = err
	}
	w.b = append(w.b, raw...)
}

func (w *writer) unless(name string, v any, empty bool) {
	if !empty {
		w.member(name)
		w.value(v)
	}
}

func (w *writer) text(name, s string) {
	if s != "" {
		w.member(name)
		w.string(s)
	}
}

func (w *writer) count(name string, n *uint64) {
	if n != nil {
		w.member(name)
		w.b = strconv.AppendUint(w.b, *n, 10)
	}
}

func (w *writer) flag(name string, yes bool) {
	if yes {
		w.member(name)
		w.b = append(w.b, "true"...)
	}
}

func (w *writer) names(name string, all []string) {
	if len(all) == 0 {
		return
	}
	w.member(name)
	w.b = append(w.b, '[')
	for i, s := range all {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.string(s)
	}
	w.b = append(w.b, ']')
}

func (w *writer) part(name string, s *jsonschema.Schema) {
	if s != nil {
		w.member(name)
		w.schema(s)
	}
}

func (w *writer) list(name string, all []*jsonschema.Schema) {
	if len(all) == 0 {
		return
	}
	w.member(name)
	w.b = append(w.b, '[')
	for i, s := range all {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.schema(s)
	}
	w.b = append(w.b, ']')
}

func (w *writer) named(name string, all map[string]*jsonschema.Schema) {
	if len(all) == 0 {
		return
	}
	w.member(name)
	w.b = append(w.b, '{')
	for _, key := range sortedKeys(all) {
		w.member(key)
		w.schema(all[key])
	}
	w.b = append(w.b, '}')
}
