package jsonenc

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// A Field is a property of a struct, as encoding/json sees it.
type Field struct {
	reflect.StructField
	Owner     reflect.Type // the struct that declares it
	Key       string       // the name of the property
	Path      []int        // from the outer struct; see reflect.Value.FieldByIndex
	Tagged    bool         // the name comes from the json tag
	OmitEmpty bool
	OmitZero  bool
	Quoted    bool // the string option applies
	Behind    Embedding
}

// Embedding says what stands between a promoted field and the outer struct.
type Embedding int

// The ways from a struct to a promoted field.
const (
	Direct        Embedding = iota // structs only
	BehindPointer                  // a pointer to an embedded struct, nil at first
	BehindPrivate                  // such a pointer that reflection cannot set
)

// Fields lists the properties of t, a struct, by the rules of encoding/json: the
// shallowest field of a name wins, then the tagged one, and two equals cancel
// out. The order is that of the fields.
func Fields(t reflect.Type) []*Field {
	var all []*Field
	visited := map[reflect.Type]bool{}
	next := []*Field{{StructField: reflect.StructField{Type: t}}}
	for count := map[reflect.Type]int{}; len(next) > 0; {
		level, counts := next, count
		next, count = nil, map[reflect.Type]int{}
		for _, outer := range level {
			if visited[outer.Type] {
				continue
			}
			visited[outer.Type] = true
			for i := range outer.Type.NumField() {
				f, embedded, ok := outer.field(i)
				switch {
				case !ok:
				case embedded:
					if count[f.Type]++; count[f.Type] == 1 {
						next = append(next, f)
					}
				default:
					all = append(all, f)
					if counts[outer.Type] > 1 {
						all = append(all, f) // the same struct twice at one level: its fields cancel out
					}
				}
			}
		}
	}
	return dominant(all)
}

// field describes the field i of f's type, a struct. embedded says that its own
// fields are promoted, and its Type is then the struct that is embedded.
func (f *Field) field(i int) (sub *Field, embedded, ok bool) {
	sf := f.Type.Field(i)
	base := sf.Type
	if base.Name() == "" && base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	if !sf.IsExported() && (!sf.Anonymous || base.Kind() != reflect.Struct) {
		return nil, false, false
	}
	tag := sf.Tag.Get("json")
	if tag == "-" {
		return nil, false, false
	}
	sub = &Field{StructField: sf, Owner: f.Type, Path: append(slices.Clip(f.Path), i), Behind: f.Behind}
	sub.apply(tag, quotable(base.Kind()))
	if sub.Tagged || !sf.Anonymous || base.Kind() != reflect.Struct {
		return sub, false, true
	}
	if sf.Type.Kind() == reflect.Pointer {
		sub.Behind = max(sub.Behind, BehindPointer)
		if !sf.IsExported() {
			sub.Behind = BehindPrivate
		}
	}
	sub.Type = base
	return sub, true, true
}

// apply gives f what its json tag says.
func (f *Field) apply(tag string, quotable bool) {
	name, options, _ := strings.Cut(tag, ",")
	f.Tagged = validName(name)
	f.Key = f.Name
	if f.Tagged {
		f.Key = name
	}
	for o := range strings.SplitSeq(options, ",") {
		f.OmitEmpty = f.OmitEmpty || o == "omitempty"
		f.OmitZero = f.OmitZero || o == "omitzero"
		f.Quoted = f.Quoted || o == "string" && quotable
	}
}

// dominant keeps one field of each name, or none if two are equally good.
func dominant(all []*Field) []*Field {
	slices.SortStableFunc(all, func(a, b *Field) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), cmp.Compare(len(a.Path), len(b.Path)), compareBool(b.Tagged, a.Tagged))
	})
	var kept []*Field
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].Key == all[i].Key {
			j++
		}
		if j == i+1 || len(all[i].Path) != len(all[i+1].Path) || all[i].Tagged != all[i+1].Tagged {
			kept = append(kept, all[i])
		}
		i = j
	}
	slices.SortFunc(kept, func(a, b *Field) int { return slices.Compare(a.Path, b.Path) })
	return kept
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// validName is encoding/json's rule for the names a tag may give.
func validName(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return s != ""
}

// quotable reports whether the string option of the json tag does anything.
func quotable(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Float64 || k == reflect.String
}
