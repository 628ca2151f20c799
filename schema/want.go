package schema

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/invopop/jsonschema"
)

// kindsOf returns the kinds of JSON values that a document's part takes, as
// jsontext names them; "" is all of them.
func kindsOf(s *jsonschema.Schema) string {
	switch s.Type {
	case "object":
		return "{"
	case "array":
		return "["
	case "string":
		return `"`
	case "integer", "number":
		return "0"
	case "boolean":
		return "tf"
	case "null":
		return "n"
	}
	return ""
}

// somethingElse is all that can be said where the words for a schema would be as
// long as the schema.
const somethingElse = "a value that fits the schema"

// wanted says in words what a document's part asks for, as in "expected …".
func wanted(s *jsonschema.Schema) string {
	switch {
	case s.Const != nil:
		return "exactly " + literal(s.Const)
	case len(s.Enum) == 1:
		return "exactly " + literal(s.Enum[0])
	case len(s.Enum) > 0:
		return "one of " + literals(s.Enum)
	}
	switch s.Type {
	case "object":
		return "an object"
	case "boolean":
		return "a boolean"
	case "null":
		return "null"
	case "integer":
		return "an integer" + numberRange(s)
	case "number":
		return "a number" + numberRange(s)
	case "array":
		return "an array" + sizeRange(s.MinItems, s.MaxItems, "item")
	case "string":
		return wantedString(s)
	}
	switch {
	case len(s.OneOf) > 0:
		return alternatives(s.OneOf)
	case len(s.AnyOf) > 0:
		return alternatives(s.AnyOf)
	case len(s.Required) > 0 && s.Properties == nil: // as oneof_required writes it
		return "an object with " + strings.Join(s.Required, ", ")
	}
	return somethingElse
}

func wantedString(s *jsonschema.Schema) string {
	var w string
	switch {
	case s.Format == "date-time":
		w = `a date-time such as "2006-01-02T15:04:05Z"`
	case s.Format == "duration" || s.Pattern == durationPattern:
		return `a duration such as "1m30s"`
	case s.Format == "uuid":
		w = "a UUID string"
	case s.ContentEncoding != "":
		w = "a " + s.ContentEncoding + " string"
	case s.Pattern == integerPattern || s.Pattern == unsignedPattern:
		return `a string that holds an integer`
	case s.Pattern == numberPattern:
		return `a string that holds a number`
	default:
		w = "a string"
	}
	w += sizeRange(s.MinLength, s.MaxLength, "character")
	if s.Pattern != "" {
		w += " matching " + s.Pattern
	}
	return w
}

func alternatives(of []*jsonschema.Schema) string {
	var words []string
	for _, s := range of {
		if s == nil {
			return somethingElse
		}
		w := wanted(s)
		if w == somethingElse {
			return w
		}
		words = append(words, w)
	}
	return strings.Join(words, " or ")
}

func numberRange(s *jsonschema.Schema) string {
	var w string
	switch {
	case s.Minimum != "" && s.Maximum != "":
		w = " from " + string(s.Minimum) + " to " + string(s.Maximum)
	case s.Minimum != "":
		w = " of at least " + string(s.Minimum)
	case s.Maximum != "":
		w = " of at most " + string(s.Maximum)
	}
	if s.ExclusiveMinimum != "" {
		w += " above " + string(s.ExclusiveMinimum)
	}
	if s.ExclusiveMaximum != "" {
		w += " below " + string(s.ExclusiveMaximum)
	}
	if s.MultipleOf != "" {
		w += " that is a multiple of " + string(s.MultipleOf)
	}
	return w
}

func sizeRange(lo, hi *uint64, thing string) string {
	switch {
	case lo != nil && hi != nil && *lo == *hi:
		return " of " + count(*lo, thing)
	case lo != nil && hi != nil:
		return fmt.Sprintf(" of %d to %s", *lo, count(*hi, thing))
	case lo != nil:
		return " of at least " + count(*lo, thing)
	case hi != nil:
		return " of at most " + count(*hi, thing)
	}
	return ""
}

// literals lists the values of an enumeration; a model does not need hundreds of
// them to see its mistake.
func literals(values []any) string {
	const most = 20
	var words []string
	for _, v := range values[:min(len(values), most)] {
		words = append(words, literal(v))
	}
	if n := len(values) - most; n > 0 {
		words = append(words, fmt.Sprintf("%d more", n))
	}
	return strings.Join(words, ", ")
}

func literal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "a value" // finish has refused it
	}
	return string(b)
}
