package schema

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"
)

// explain makes problems of what the validator says. Its words are about Go
// values, so only the place is taken from it: a chain of errors, each naming the
// schema that was tried. What that schema wants is said anew.
func (d *Document) explain(err error, value any, at []step) []Problem {
	steps := slices.Clone(at)
	pointer, each := "", ""
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		next, ok := strings.CutPrefix(strings.TrimSuffix(err.Error(), ": "+inner.Error()), "validating ")
		err = inner
		switch {
		case !ok:
			continue
		case !strings.HasPrefix(next, "/"):
			next = "" // the root, by its $id or as such
		}
		if below, ok := strings.CutPrefix(next, pointer+"/"); ok && each == "" {
			value, steps, each = descend(strings.Split(below, "/"), value, steps)
		}
		pointer = next
	}
	sub, ok := resolve(d.root, pointer).(map[string]any)
	if !ok { // the schema is false
		return []Problem{{pathText(steps), "no value here", shown(value)}}
	}
	keyword, _, _ := strings.Cut(err.Error(), ":")
	if object, ok := value.(map[string]any); ok && each == "" {
		var p []Problem
		switch {
		case keyword == "required":
			p = missing(sub, object, steps)
		case strings.HasPrefix(keyword, "unexpected additional properties"):
			p = unexpected(sub, object, steps)
		}
		if p != nil {
			return p
		}
	}
	want := each + brief(wantedBy(keyword, sub))
	if strings.HasPrefix(err.Error(), "oneOf: validated against both") {
		want = "only one of these: " + want
	}
	return []Problem{{pathText(steps), want, shown(value)}}
}

// descend follows a part of a schema's pointer in the value. Once that part
// does not say which item or property is meant, each says so in words.
func descend(segments []string, value any, steps []step) (_ any, _ []step, each string) {
	for i := 0; i < len(segments); i++ {
		keyword, operand := segments[i], ""
		if i+1 < len(segments) {
			operand = unescape(segments[i+1])
		}
		index, err := strconv.Atoi(operand)
		switch keyword {
		case "$defs", "definitions", "dependentSchemas", "dependencies":
			i++
		case "properties":
			object, _ := value.(map[string]any)
			value = object[operand]
			steps = append(steps, step{name: operand})
			i++
		case "prefixItems", "items":
			list, _ := value.([]any)
			if err != nil || index >= len(list) {
				return value, steps, "in each item "
			}
			value = list[index]
			steps = append(steps, step{index: index, array: true})
			i++
		case "contains", "unevaluatedItems", "additionalItems":
			return value, steps, "in each item "
		case "additionalProperties", "unevaluatedProperties", "patternProperties":
			return value, steps, "in each property "
		case "propertyNames":
			return value, steps, "in each property name "
		}
	}
	return value, steps, ""
}

// brief leaves out words that are too many for anyone to read.
func brief(words string) string {
	const most = 1000 // bytes
	if len(words) > most {
		return somethingElse
	}
	return words
}

func missing(schema, object map[string]any, steps []step) []Problem {
	var found []Problem
	required, _ := schema["required"].([]any)
	properties, _ := schema["properties"].(map[string]any)
	for _, r := range required {
		name, _ := r.(string)
		if _, ok := object[name]; ok || len(found) == maxProblems {
			continue
		}
		sub, _ := properties[name].(map[string]any)
		found = append(found, Problem{Path: pathText(append(slices.Clip(steps), step{name: name})), Want: brief(wantedRaw(sub))})
	}
	return found
}

func unexpected(schema, object map[string]any, steps []step) []Problem {
	if _, ok := schema["patternProperties"]; ok {
		return nil // it takes the validator to tell which
	}
	properties, _ := schema["properties"].(map[string]any)
	known := sortedKeys(properties)
	var found []Problem
	for _, name := range sortedKeys(object) {
		if _, ok := properties[name]; ok || len(found) == maxProblems {
			continue
		}
		found = append(found, Problem{Path: pathText(append(slices.Clip(steps), step{name: name})), Got: unknownProperty(name, known)})
	}
	return found
}

func shown(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return "another value"
	}
	return quote(raw)
}

// resolve follows a JSON pointer (RFC 6901), known to lead somewhere.
func resolve(v any, pointer string) any {
	for segment := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		switch in := v.(type) {
		case map[string]any:
			v = in[unescape(segment)]
		case []any:
			i, err := strconv.Atoi(segment)
			if err != nil {
				return nil
			}
			v = in[i]
		}
	}
	return v
}

func escape(s string) string   { return strings.NewReplacer("~", "~0", "/", "~1").Replace(s) }
func unescape(s string) string { return strings.NewReplacer("~1", "/", "~0", "~").Replace(s) }

// assertions are the keywords that wanted has words for, and the type that each
// is about.
var assertions = map[string]string{
	"type": "", "enum": "",
	"multipleOf": "number", "minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number",
	"minLength": "string", "maxLength": "string", "pattern": "string",
	"minItems": "array", "maxItems": "array",
}

// wantedBy is what a part of a document wants, seen from the keyword that a value
// does not fit.
func wantedBy(keyword string, m map[string]any) string {
	if typ, ok := assertions[keyword]; ok {
		if typ != "" && m["type"] == nil { // the others pass
			m = maps.Clone(m)
			m["type"] = typ
		}
		return wantedRaw(m)
	}
	switch keyword {
	case "const":
		return "exactly " + literal(m["const"])
	case "uniqueItems":
		return "items that differ from each other"
	case "oneOf", "anyOf":
		return wantedRaw(map[string]any{"anyOf": m[keyword]})
	}
	return somethingElse
}

// wantedRaw is wanted for a part of a hand-written document, which may be more
// than a [jsonschema.Schema] can hold.
func wantedRaw(m map[string]any) string {
	if types, ok := m["type"].([]any); ok {
		return anyWanted(types, func(t any) string { return wantedRaw(map[string]any{"type": t}) })
	}
	own := map[string]any{}
	for keyword, v := range m {
		if _, ok := applicators[keyword]; !ok {
			own[keyword] = v
		}
	}
	raw, err := json.Marshal(own)
	var s jsonschema.Schema
	if err = errors.Join(err, json.Unmarshal(raw, &s)); err != nil {
		return somethingElse
	}
	if of, ok := m["anyOf"].([]any); ok && s.Type == "" {
		return anyWanted(of, func(sub any) string {
			m, _ := sub.(map[string]any)
			return wantedRaw(m)
		})
	}
	return wanted(&s)
}

// anyWanted joins what alternatives want, if there are words for each.
func anyWanted(of []any, words func(any) string) string {
	var all []string
	for _, sub := range of {
		w := words(sub)
		if w == somethingElse {
			return w
		}
		all = append(all, w)
	}
	return strings.Join(all, " or ")
}
