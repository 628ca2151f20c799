package schema

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/invopop/jsonschema"
)

// tags applies the schema tags of field f, whose node is n, in the struct of
// node parent.
func (b *builder) tags(parent, n *node, f *structField) (required bool, err error) {
	if required, err = b.applyKeywords(parent, n, f); err != nil {
		return false, err
	}
	return required, b.header(n, f)
}

// applyKeywords applies the tags that hold keywords of JSON Schema.
func (b *builder) applyKeywords(parent, n *node, f *structField) (required bool, err error) {
	tag, description, extras := f.Tag.Get("jsonschema"), f.Tag.Get("jsonschema_description"), f.Tag.Get("jsonschema_extras")
	if tag == "" && description == "" && extras == "" {
		return false, nil
	}
	if tag == "" && extras == "" { // as most are: there is nothing to read
		n.schema.Description = description
		return false, nil
	}
	pieces := splitTag(tag)
	for _, piece := range pieces {
		if err := checkPiece(n, piece); err != nil {
			return false, err
		}
	}
	if err := checkExtras(extras); err != nil {
		return false, err
	}
	typ, text := n.schema.Type, n.schema.Description
	n.dropBounds(f)
	if tagged(f, "enum") && n.schema.Type != "array" {
		n.schema.Enum = nil // that of the type: the tag replaces it
	}
	outer, err := readTags(n.schema, tag, description, extras)
	if err != nil {
		return false, err
	}
	n.schema.Description = cmp.Or(n.schema.Description, text)
	n.null = n.null || slices.Contains(pieces, "nullable")
	n.strange = n.strange || n.schema.Type != typ || n.untyped() && (n.schema.OneOf != nil || n.schema.AnyOf != nil)
	parent.joinGroups(&parent.schema.OneOf, outer.OneOf, f.name)
	parent.joinGroups(&parent.schema.AnyOf, outer.AnyOf, f.name)
	return slices.Contains(pieces, "required"), nil
}

// headerKeyword marks a property that clients repeat in an HTTP header
// (2026-07-28, Custom Headers from Tool Parameters).
const headerKeyword = "x-mcp-header"

// header applies the mcpheader tag. It concerns what is read alone: a type may be
// both a tool's input and its output.
func (b *builder) header(n *node, f *structField) error {
	name, ok := f.Tag.Lookup("mcpheader")
	if !ok || b.out {
		return nil
	}
	switch {
	case name == "":
		return errors.New("the mcpheader tag is empty: write the part of the header's name behind Mcp-Param-, or remove it")
	case !slices.Contains([]string{"string", "integer", "boolean"}, n.schema.Type):
		return fmt.Errorf("mcpheader:%q: a header holds a string, an integer or a boolean, not %s: remove it", name, cmp.Or(n.schema.Type, "a value of any type"))
	case n.null:
		return fmt.Errorf("mcpheader:%q: a header cannot be null: remove nullable", name)
	}
	if n.schema.Extras == nil {
		n.schema.Extras = map[string]any{}
	}
	n.schema.Extras[headerKeyword] = name
	return nil
}

// dropBounds drops bounds of the Go type that the tag replaces by others.
func (n *node) dropBounds(f *structField) {
	if _, ok := n.codec.(*number); !ok {
		return
	}
	if tagged(f, "exclusiveMinimum") {
		n.schema.Minimum = ""
	}
	if tagged(f, "exclusiveMaximum") {
		n.schema.Maximum = ""
	}
}

// marker stands for the type of a field while its tags are read.
type marker struct{}

// readTags has invopop/jsonschema apply tags to s: it is given a struct of one
// field, and s as the schema of that field's type. It returns the schema of that
// struct. What it does not understand it drops, so the tags are checked before.
func readTags(s *jsonschema.Schema, tag, description, extras string) (outer *jsonschema.Schema, err error) {
	one := reflect.StructOf([]reflect.StructField{{
		Name: "P",
		Type: reflect.TypeFor[marker](),
		Tag:  reflect.StructTag(fmt.Sprintf(`jsonschema:%q jsonschema_description:%q jsonschema_extras:%q`, tag, description, extras)),
	}})
	reflector := jsonschema.Reflector{Anonymous: true, Mapper: func(t reflect.Type) *jsonschema.Schema {
		if t == reflect.TypeFor[marker]() {
			return s
		}
		return nil
	}}
	err = guard("the reader of schema tags", func() { outer = reflector.ReflectFromType(one) })
	return outer, err
}

// joinGroups adds a property to the alternatives of n that are called as the new
// ones: oneof_required and anyof_required say which properties go together.
func (n *node) joinGroups(groups *[]*jsonschema.Schema, additional []*jsonschema.Schema, name string) {
	for _, a := range additional {
		n.strange = true
		i := slices.IndexFunc(*groups, func(g *jsonschema.Schema) bool { return g.Title == a.Title })
		if i < 0 {
			i = len(*groups)
			*groups = append(*groups, &jsonschema.Schema{Title: a.Title})
		}
		(*groups)[i].Required = append((*groups)[i].Required, name)
	}
}

// splitTag splits a jsonschema tag at its commas, those behind a backslash
// excepted, exactly as invopop/jsonschema does.
func splitTag(tag string) []string {
	var pieces []string
	if tag == "" {
		return nil
	}
	for i, s := range strings.Split(tag, ",") {
		if i > 0 {
			if last := &pieces[len(pieces)-1]; strings.HasSuffix(*last, `\`) {
				*last = strings.TrimSuffix(*last, `\`) + "," + s
				continue
			}
		}
		pieces = append(pieces, s)
	}
	return pieces
}

// A keyword says which schema types it fits, and what is wrong with a value.
type keyword struct {
	types string // space-separated; "" is every type
	check func(n *node, value string) error
}

// keywords is the grammar of the jsonschema tag. Those that refer to other parts
// of a document are missing: nobody knows here what those will be.
var keywords = map[string]keyword{
	"title":            {"", checkNothing},
	"description":      {"", checkNothing},
	"type":             {"", checkType},
	"oneof_required":   {"", checkNothing},
	"anyof_required":   {"", checkNothing},
	"oneof_type":       {"", checkTypes},
	"anyof_type":       {"", checkTypes},
	"minLength":        {"string", checkCount},
	"maxLength":        {"string", checkCount},
	"pattern":          {"string", checkPattern},
	"format":           {"string", checkNothing},
	"readOnly":         {"string", checkBool},
	"writeOnly":        {"string", checkBool},
	"multipleOf":       {"integer number", checkNumber},
	"minimum":          {"integer number", checkNumber},
	"maximum":          {"integer number", checkNumber},
	"exclusiveMinimum": {"integer number", checkNumber},
	"exclusiveMaximum": {"integer number", checkNumber},
	"minItems":         {"array", checkCount},
	"maxItems":         {"array", checkCount},
	"uniqueItems":      {"array", checkTrue},
	"enum":             {"string integer number", checkValue},
	"example":          {"string integer number", checkValue},
	"default":          {"string integer number boolean", checkValue},
}

func checkPiece(n *node, piece string) error {
	name, value, ok := strings.Cut(piece, "=")
	if !ok && (name == "required" || name == "nullable") {
		return nil
	}
	k, known := keywords[name]
	if !ok || !known {
		return fmt.Errorf(`unknown keyword %q in the jsonschema tag: write keyword=value, and a comma inside a value as \\,`, piece)
	}
	// As there, an array passes on to its items what does not fit itself.
	s := n.schema
	if s.Type == "array" {
		if strings.Contains(value, "=") && k.types != "" {
			return fmt.Errorf("%s: a tag of an array cannot hold a second =: give the items a type of their own", piece)
		}
		if s.Items != nil && !strings.Contains(k.types, "array") && k.types != "" {
			s = s.Items
		}
	}
	if fits := strings.Fields(k.types); len(fits) > 0 && !slices.Contains(fits, s.Type) {
		return fmt.Errorf("%s: the keyword is for %s, not for %s: remove it", piece, strings.Join(fits, " or "), cmp.Or(s.Type, "a value of any type"))
	}
	if err := k.check(&node{schema: s, codec: n.codec, strange: n.strange}, value); err != nil {
		return fmt.Errorf("%s: %w", piece, err)
	}
	return nil
}

func checkNothing(*node, string) error { return nil }

// checkType lets a value of any Go type be narrowed, but no Go type be denied.
func checkType(n *node, value string) error {
	if value == n.schema.Type || n.untyped() && slices.Contains(jsonTypes, value) {
		return nil
	}
	return errors.New("the Go type decides: change it, or give it a JSONSchema method")
}

func checkTypes(n *node, value string) error {
	for t := range strings.SplitSeq(value, ";") {
		if !n.untyped() || !slices.Contains(jsonTypes, t) {
			return errors.New("the Go type decides: use any, and types of JSON Schema")
		}
	}
	return nil
}

var jsonTypes = []string{"array", "boolean", "integer", "null", "number", "object", "string"}

func checkCount(_ *node, value string) error {
	if _, err := strconv.ParseUint(value, 10, 31); err != nil {
		return errors.New("write a number from 0 to 2147483647")
	}
	return nil
}

func checkNumber(_ *node, value string) error {
	if kindOf(value) != '0' {
		return errors.New("write a JSON number")
	}
	return nil
}

func checkPattern(_ *node, value string) error {
	if _, err := regexp.Compile(value); err != nil {
		return fmt.Errorf(`%w: write RE2 syntax, and a comma as \\,`, err)
	}
	return nil
}

func checkBool(_ *node, value string) error {
	if _, err := strconv.ParseBool(value); err != nil {
		return errors.New("write true or false")
	}
	return nil
}

func checkTrue(_ *node, value string) error {
	if value != "true" {
		return errors.New("write true, or remove it")
	}
	return nil
}

func checkValue(n *node, value string) error {
	switch n.schema.Type {
	case "integer", "number":
		return checkNumber(n, value)
	case "boolean":
		if value != "true" && value != "false" {
			return errors.New("write true or false")
		}
	}
	return nil
}

// checkExtras refuses extra keywords that JSON Schema gives a meaning: they would
// be advertised, as strings, and not enforced.
func checkExtras(tag string) error {
	if tag == "" {
		return nil
	}
	for _, piece := range splitTag(tag) {
		name, _, ok := strings.Cut(piece, "=")
		if !ok || name == "" || strings.HasPrefix(name, "$") || standard()[name] {
			return fmt.Errorf("%q in the jsonschema_extras tag: write keyword=value with a keyword that JSON Schema does not have", piece)
		}
	}
	return nil
}

// standard returns the set of keywords of JSON Schema.
var standard = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{
		"unevaluatedItems": true, "unevaluatedProperties": true, // 2020-12
		"definitions": true, "dependencies": true, "additionalItems": true, "id": true, // earlier
	}
	for _, f := range structFields(reflect.TypeFor[jsonschema.Schema]()) {
		all[f.name] = true
	}
	return all
})
