package tool

import (
	"reflect"
	"strings"
)

// TypeDoc is what the source of a type says that reflection does not see.
type TypeDoc struct {
	Comment string            // on the type
	Fields  map[string]string // the comments on its fields, by their names in Go

	// Values are all that a string or an integer of this type may be as an
	// argument, of type string, int64 or uint64; nil for no limit.
	Values []any
}

// NewSource returns the source whose types are these, each under its import path
// and name, such as example.com/weather.Units; of a generic type the name is
// without parameters. It is for programs that are generated, and carry no files
// for [ParseSource] to read. It knows no functions. The map is not to be modified.
func NewSource(types map[string]TypeDoc) *Source { return &Source{known: types} }

// knows returns what NewSource was told of t.
func (s *Source) knows(t reflect.Type) (TypeDoc, bool) {
	name, _, _ := strings.Cut(t.Name(), "[")
	doc, ok := s.known[t.PkgPath()+"."+name]
	return doc, ok
}

func (d TypeDoc) text(field string) string {
	if field == "" {
		return d.Comment
	}
	return d.Fields[field]
}

// values returns what a t is limited to, nil for no limit.
func (s *Source) values(t reflect.Type) []any {
	doc, _ := s.knows(t)
	return doc.Values
}
