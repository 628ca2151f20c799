package schema

import (
	"reflect"

	"github.com/sessionmcp/sessionmcp/internal/jsonenc"
)

// A structField is a property of a struct, as encoding/json sees it.
type structField struct {
	*jsonenc.Field
	owner  reflect.Type // the struct that declares it
	name   string       // of the property
	path   []int        // from the outer struct; see reflect.Value.FieldByIndex
	omit   bool         // omitempty or omitzero
	quoted bool         // the string option applies
	behind jsonenc.Embedding
}

// structFields lists the properties of t by the rules of encoding/json.
func structFields(t reflect.Type) []*structField {
	fields := jsonenc.Fields(t)
	own := make([]structField, len(fields))
	all := make([]*structField, len(fields))
	for i, f := range fields {
		own[i] = structField{
			Field:  f,
			owner:  f.Owner,
			name:   f.Key,
			path:   f.Path,
			omit:   f.OmitEmpty || f.OmitZero,
			quoted: f.Quoted,
			behind: f.Behind,
		}
		all[i] = &own[i]
	}
	return all
}

// What stands between a promoted field and the outer struct.
const (
	direct        = jsonenc.Direct
	behindPrivate = jsonenc.BehindPrivate
)

// quotable reports whether the string option of the json tag does anything.
func quotable(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Float64 || k == reflect.String
}
