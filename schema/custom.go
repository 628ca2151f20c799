package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// The methods by which a type has a say in its document, as
// github.com/invopop/jsonschema defines them. Unlike there, they may have
// pointer receivers.
type (
	documenter interface{ JSONSchema() *jsonschema.Schema }
	extender   interface{ JSONSchemaExtend(*jsonschema.Schema) }
	aliaser    interface{ JSONSchemaAlias() any }
	describer  interface{ GetFieldDocString(field string) string }
)

var (
	documented = reflect.TypeFor[documenter]()
	aliased    = reflect.TypeFor[aliaser]()
	extending  = reflect.TypeFor[extender]()
	describing = reflect.TypeFor[describer]()
)

// maxAliases is how many JSONSchemaAlias methods may lead to one another.
const maxAliases = 16

// guard calls f, which is not our code, and makes a panic an error.
func guard(what string, f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s panicked: %v", what, p)
		}
	}()
	f()
	return nil
}

// byAlias documents n as the type that JSONSchemaAlias returns a value of.
func (b *builder) byAlias(n *node, addressable bool) error {
	var alias any
	b.own = true
	own := reflect.New(n.typ).Interface().(aliaser)
	if err := guard("JSONSchemaAlias", func() { alias = own.JSONSchemaAlias() }); err != nil {
		return typeError(n.owner, err)
	}
	if alias == nil {
		return typeError(n.owner, errors.New("JSONSchemaAlias returns nil: return a value of another type"))
	}
	if b.aliases >= maxAliases {
		return typeError(n.owner, errors.New("JSONSchemaAlias leads back to its own type: return a value of another type"))
	}
	b.aliases++
	stand, err := b.node(reflect.TypeOf(alias), n.owner, addressable)
	b.aliases--
	if err != nil {
		return err
	}
	n.schema, n.codec, n.strange = stand.schema, foreign{}, true
	return nil
}

// byDocument documents n by its JSONSchema method.
func (b *builder) byDocument(n *node) error {
	var s *jsonschema.Schema
	b.own = true
	own := reflect.New(n.typ).Interface().(documenter)
	if err := guard("JSONSchema", func() { s = own.JSONSchema() }); err != nil {
		return typeError(n.owner, err)
	}
	n.schema, n.codec = anything(), foreign{}
	if s == nil {
		return nil
	}
	defs := s.Definitions
	// What Reflector.Reflect returns is a reference into its own definitions.
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok && defs[name] != nil {
		s = defs[name]
		if !refersTo(defs, name) {
			defs = maps.Clone(defs)
			delete(defs, name)
		}
	}
	if err := b.hoist(defs); err != nil {
		return typeError(n.owner, err)
	}
	n.schema, n.strange = adopt(s), true
	return nil
}

// refersTo reports whether the definition called name is needed by any of defs.
func refersTo(defs jsonschema.Definitions, name string) bool {
	raw, err := json.Marshal(defs)
	return err != nil || bytes.Contains(raw, jsontext.AppendString(nil, "#/$defs/"+name))
}

// adopt copies as much of s as tags may change: methods often return the same
// schema every time.
func adopt(s *jsonschema.Schema) *jsonschema.Schema {
	own := *s
	own.Version, own.ID, own.Definitions = "", "", nil
	own.Enum, own.Examples = slices.Clone(s.Enum), slices.Clone(s.Examples)
	own.OneOf, own.AnyOf = slices.Clone(s.OneOf), slices.Clone(s.AnyOf)
	if s.Items != nil {
		items := *s.Items
		own.Items = &items
	}
	if own.Extras == nil {
		own.Extras = map[string]any{} // {} rather than true, if nothing else is there
	}
	return &own
}

// hoist moves the definitions a JSONSchema method brought to the root, where the
// references to them look.
func (b *builder) hoist(defs jsonschema.Definitions) error {
	for name, s := range defs {
		there, taken := b.definitions[name]
		if taken && (there == nil || !sameSchema(there, s)) {
			return fmt.Errorf("JSONSchema brings a definition %q, and there is another one of that name: rename it", name)
		}
		if s != nil {
			b.definitions[name] = s
		}
	}
	return nil
}

func sameSchema(x, y *jsonschema.Schema) bool {
	a, err := appendSchema(nil, x)
	if err != nil {
		return false
	}
	b, err := appendSchema(nil, y)
	return err == nil && bytes.Equal(a, b)
}

// extend lets JSONSchemaExtend change the schema of n's type.
func (b *builder) extend(n *node) error {
	if n.strange || !reflect.PointerTo(n.typ).Implements(extending) {
		return nil
	}
	b.own = true
	own := reflect.New(n.typ).Interface().(extender)
	before, parts := *n.schema, partsOf(n.schema)
	if err := guard("JSONSchemaExtend", func() { own.JSONSchemaExtend(n.schema) }); err != nil {
		return err
	}
	if n.schema.Type != before.Type {
		return fmt.Errorf("JSONSchemaExtend changes the type from %q to %q, which the Go type cannot hold: leave it, or document the type by JSONSchema", before.Type, n.schema.Type)
	}
	after := partsOf(n.schema)
	for _, name := range sortedKeys(after) {
		if _, known := parts[name]; !known {
			return fmt.Errorf("JSONSchemaExtend adds %s, which the Go type does not have: leave it, or document the type by JSONSchema", name)
		}
	}
	for _, name := range sortedKeys(parts) {
		if after[name] != parts[name] { // the codec would follow the one before
			return fmt.Errorf("JSONSchemaExtend removes or replaces %s: change it in place", name)
		}
	}
	n.strange = true
	return nil
}

// partsOf lists the schemas in s that codecs follow, by what they are called in
// an error.
func partsOf(s *jsonschema.Schema) map[string]*jsonschema.Schema {
	parts := map[string]*jsonschema.Schema{}
	if s.Items != nil {
		parts["items"] = s.Items
	}
	if s.AdditionalProperties != nil {
		parts["additionalProperties"] = s.AdditionalProperties
	}
	if s.Properties != nil {
		for name, p := range s.Properties.FromOldest() {
			parts["property "+name] = p
		}
	}
	return parts
}
