package schema

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// A structField is a property of a struct, as encoding/json sees it.
type structField struct {
	reflect.StructField
	owner  reflect.Type // the struct that declares it
	name   string       // of the property
	path   []int        // from the outer struct; see reflect.Value.FieldByIndex
	tagged bool         // the name comes from the json tag
	omit   bool         // omitempty or omitzero
	quoted bool         // the string option applies
	behind embedding
}

// embedding says what stands between a promoted field and the outer struct.
type embedding int

const (
	direct        embedding = iota // structs only
	behindPointer                  // a pointer to an embedded struct, nil at first
	behindPrivate                  // such a pointer that reflection cannot set
)

// structFields lists the properties of t by the rules of encoding/json: the
// shallowest field of a name wins, then the tagged one, and two equals cancel
// out. The order is that of the fields.
func structFields(t reflect.Type) []*structField {
	var all []*structField
	visited := map[reflect.Type]bool{}
	next := []*structField{{StructField: reflect.StructField{Type: t}}}
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
func (f *structField) field(i int) (sub *structField, embedded, ok bool) {
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
	sub = &structField{StructField: sf, owner: f.Type, path: append(slices.Clip(f.path), i), behind: f.behind}
	sub.apply(tag, quotable(base.Kind()))
	if sub.tagged || !sf.Anonymous || base.Kind() != reflect.Struct {
		return sub, false, true
	}
	if sf.Type.Kind() == reflect.Pointer {
		sub.behind = max(sub.behind, behindPointer)
		if !sf.IsExported() {
			sub.behind = behindPrivate
		}
	}
	sub.Type = base
	return sub, true, true
}

// apply gives f what its json tag says.
func (f *structField) apply(tag string, quotable bool) {
	name, options, _ := strings.Cut(tag, ",")
	f.tagged = validName(name)
	f.name = f.Name
	if f.tagged {
		f.name = name
	}
	for o := range strings.SplitSeq(options, ",") {
		f.omit = f.omit || o == "omitempty" || o == "omitzero"
		f.quoted = f.quoted || o == "string" && quotable
	}
}

// dominant keeps one field of each name, or none if two are equally good.
func dominant(all []*structField) []*structField {
	slices.SortStableFunc(all, func(a, b *structField) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(len(a.path), len(b.path)), compareBool(b.tagged, a.tagged))
	})
	var kept []*structField
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].name == all[i].name {
			j++
		}
		if j == i+1 || len(all[i].path) != len(all[i+1].path) || all[i].tagged != all[i+1].tagged {
			kept = append(kept, all[i])
		}
		i = j
	}
	slices.SortFunc(kept, func(a, b *structField) int { return slices.Compare(a.path, b.path) })
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
